package emulator

import (
	"bytes"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/fault"
)

// A rule is a fault as LocalStack describes it. What is nil is left out.
type rule struct {
	Service     *string    `json:"service,omitzero"`
	Region      *string    `json:"region,omitzero"`
	Operation   *string    `json:"operation,omitzero"`
	Probability *float64   `json:"probability,omitzero"`
	Description *string    `json:"description,omitzero"`
	Error       *ruleError `json:"error,omitzero"`
}

type ruleError struct {
	StatusCode *int    `json:"statusCode,omitzero"`
	Code       *string `json:"code,omitzero"`
}

// What LocalStack answers when a rule does not say what.
const defaultCode = "ServiceUnavailable"

// Bounds of rules.
const (
	maxRules       = 1000
	maxDescription = 8192
	maxLatency     = time.Minute
)

var (
	regionForm = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+){1,3}-[0-9]{1,2}$`)
	all        = "*"
)

// chaos has the rules as they were written.
type chaos struct {
	mu    sync.Mutex
	rules []rule
}

// current returns the rules that there are: something else may have removed all of them. The caller holds chaos.mu.
func (s *server) current() []rule {
	if n, _ := s.Faults.Rules(); n == 0 {
		s.chaos.rules = nil
	}
	return s.chaos.rules
}

func orAll(s *string) string {
	if s == nil {
		return all
	}
	return *s
}

// convert returns the rule as package fault has it.
func (s *server) convert(r rule) (fault.Rule, error) {
	out := fault.Rule{Exception: defaultCode, Rate: 1}
	service, region, operation := orAll(r.Service), orAll(r.Region), orAll(r.Operation)
	if r.Probability != nil {
		out.Rate = *r.Probability
	}
	if r.Error != nil && r.Error.Code != nil {
		out.Exception = *r.Error.Code
	}
	if r.Error != nil && r.Error.StatusCode != nil {
		out.Status = *r.Error.StatusCode
	}
	refuse := func(format string, args ...any) (fault.Rule, error) {
		return out, lanyard.Errorf(lanyard.Invalid, format, args...)
	}
	switch {
	case service != all && service != serviceName:
		return refuse("service must be %s or absent, got %s; this emulator has no other", serviceName, lanyard.Quote(service))
	case region != all && !regionForm.MatchString(region):
		return refuse("region must be an AWS Region, such as us-east-1, or absent, got %s", lanyard.Quote(region))
	case operation != all && !s.IsServed(operation):
		return refuse("operation must be one that lanyard serves or absent, got %s; docs/coverage.md lists them",
			lanyard.Quote(operation))
	case !(out.Rate >= 0 && out.Rate <= 1):
		return refuse("probability must be 0 to 1, got %v", out.Rate)
	case out.Status != 0 && (out.Status < 400 || out.Status > 599):
		return refuse("statusCode must be 400 to 599, got %d", out.Status)
	case !s.CanFail(operation, out.Exception):
		return refuse("code must be an exception that %s declares, ThrottlingException, InternalServiceException or %s, got %s; "+
			"docs/coverage.md lists them", nameOf(operation), defaultCode, lanyard.Quote(out.Exception))
	case r.Description != nil && len(*r.Description) > maxDescription:
		return refuse("description must have at most %d bytes, got %d", maxDescription, len(*r.Description))
	}
	if region != all {
		out.Region = region
	}
	if operation != all {
		out.Operation = operation
	}
	return out, nil
}

func nameOf(operation string) string {
	if operation == all {
		return "an operation"
	}
	return operation
}

// replaceRules has rules take the place of those that there are, if all of them are right.
func (s *server) replaceRules(rules []rule) (any, error) {
	if len(rules) > maxRules {
		return nil, lanyard.Errorf(lanyard.Invalid, "there must be at most %d rules, got %d", maxRules, len(rules))
	}
	converted := make([]fault.Rule, len(rules))
	for i, r := range rules {
		var err error
		if converted[i], err = s.convert(r); err != nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "rule %d: %v", i+1, err)
		}
	}
	s.Faults.SetRules(converted)
	s.chaos.rules = rules
	if len(rules) > 0 {
		s.Logger.Warn("faults set", "rules", len(rules))
	}
	return rules, nil
}

// readRules reads the rules in the body of a request.
func readRules(r *http.Request) ([]rule, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	return parseRules(body)
}

// parseRules reads a list of rules. Null would be a rule that has every call fail.
func parseRules(body []byte) ([]rule, error) {
	var list []*rule
	if err := decodeBody(body, &list); err != nil {
		return nil, err
	}
	if list == nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "the body must be a list of rules, got null")
	}
	rules := make([]rule, len(list))
	for i, one := range list {
		if one == nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "rule %d must be an object, got null", i+1)
		}
		rules[i] = *one
	}
	return rules, nil
}

func (s *server) getRules(*http.Request) (any, error) {
	s.chaos.mu.Lock()
	defer s.chaos.mu.Unlock()
	return append([]rule{}, s.current()...), nil
}

func (s *server) setRules(r *http.Request) (any, error) {
	rules, err := readRules(r)
	if err != nil {
		return nil, err
	}
	s.chaos.mu.Lock()
	defer s.chaos.mu.Unlock()
	return s.replaceRules(rules)
}

func (s *server) addRules(r *http.Request) (any, error) {
	rules, err := readRules(r)
	if err != nil {
		return nil, err
	}
	s.chaos.mu.Lock()
	defer s.chaos.mu.Unlock()
	return s.replaceRules(slices.Concat(s.current(), rules))
}

// removeRules removes the rules in the body, or all if it has none.
func (s *server) removeRules(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var rules []rule
	if len(bytes.TrimSpace(body)) > 0 {
		if rules, err = parseRules(body); err != nil {
			return nil, err
		}
	}
	s.chaos.mu.Lock()
	defer s.chaos.mu.Unlock()
	left := slices.Clone(s.current())
	for i, unwanted := range rules {
		at := slices.IndexFunc(left, func(have rule) bool { return reflect.DeepEqual(have, unwanted) })
		if at < 0 {
			return nil, lanyard.Errorf(lanyard.NotFound, "rule %d does not exist; nothing was removed", i+1)
		}
		left = slices.Delete(left, at, at+1)
	}
	if len(rules) == 0 {
		left = nil
	}
	return s.replaceRules(append([]rule{}, left...))
}

// effects are what LocalStack does to the network.
type effects struct {
	Latency *int64 `json:"latency"` // milliseconds
}

func (s *server) getEffects(*http.Request) (any, error) {
	_, latency := s.Faults.Rules()
	ms := latency.Milliseconds()
	return effects{&ms}, nil
}

func (s *server) setEffects(r *http.Request) (any, error) {
	var in effects
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Latency == nil:
		return nil, lanyard.Errorf(lanyard.Invalid, "latency is required, in milliseconds")
	case *in.Latency < 0 || *in.Latency > maxLatency.Milliseconds():
		return nil, lanyard.Errorf(lanyard.Invalid, "latency must be 0 to %d milliseconds, got %d", maxLatency.Milliseconds(),
			*in.Latency)
	}
	s.Faults.SetLatency(time.Duration(*in.Latency) * time.Millisecond)
	return in, nil
}
