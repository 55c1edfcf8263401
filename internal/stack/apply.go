package stack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/internal/invocation"
)

// notePlaceholder stands for the note of a resource, which is made when the ids are known.
func notePlaceholder(logicalID string) string { return "{{lanyard-note." + logicalID + "}}" }

var notePlaceholders = regexp.MustCompile(`\{\{lanyard-note\.([A-Za-z0-9]+)\}\}`)

// A run carries out the calls of a plan and remembers the ids of what they create.
type run struct {
	plan  *Plan
	known map[string]string // ids by logical id
}

func newRun(p *Plan, known map[string]string) *run {
	if known == nil {
		known = map[string]string{}
	}
	return &run{plan: p, known: known}
}

// fill replaces the placeholders of what is known.
func (r *run) fill(v map[string]any) map[string]any {
	return mapStrings(v, func(s string) string {
		s = fill(s, r.known)
		if !strings.Contains(s, "{{lanyard-note.") {
			return s
		}
		return notePlaceholders.ReplaceAllStringFunc(s, func(p string) string {
			n, ok := r.plan.Notes[notePlaceholders.FindStringSubmatch(p)[1]]
			k, known := kindNamed(n.Type)
			if !ok || !known {
				return p
			}
			return k.applied(n.Version, canonical(r.fill(n.Properties), k.keep()))
		})
	}).(map[string]any)
}

// invoke makes one call.
func (r *run) invoke(ctx context.Context, api invocation.API, call Call) error {
	in, err := json.Marshal(r.fill(call.Input), json.Deterministic(true))
	if err != nil {
		return err
	}
	out, err := api.Invoke(ctx, call.Operation, in)
	if err != nil || call.Output == "" {
		return err
	}
	var members map[string]any
	if err := json.Unmarshal(out, &members); err != nil {
		return fmt.Errorf("decode the output of %s: %w", call.Operation, err)
	}
	id, _ := members[call.Output].(string)
	if id == "" {
		return fmt.Errorf("the output of %s must have %s, got none", call.Operation, call.Output)
	}
	r.known[call.LogicalID] = id
	return nil
}

// A Failure says how far an apply came.
type Failure struct {
	Plan *Plan
	Done int // calls that were carried out
	// Unknown is set if nothing is known of the call after those: it may have been carried out. Otherwise it was refused.
	Unknown bool
	Err     error
}

func (f *Failure) Unwrap() error { return f.Err }

func (f *Failure) Error() string {
	call := f.Plan.Calls[f.Done]
	how := "was refused"
	if f.Unknown {
		how = "has an unknown outcome"
	}
	return fmt.Sprintf("call %d of %d, %s, %s: %s", f.Done+1, len(f.Plan.Calls), f.Plan.Describe(call), how,
		hideSecrets(f.Err.Error(), f.Plan.secrets))
}

// Describe is what a call does, in a few words.
func (p *Plan) Describe(c Call) string {
	name := c.LogicalID
	if c.Name != "" && c.Name != name {
		name = strings.TrimPrefix(name+" ("+c.Name+")", " ")
	}
	return c.Operation + " of " + name
}

// Apply carries out the calls of a plan. before, unless nil, is called before each.
func (p *Plan) Apply(ctx context.Context, api invocation.API, before func(n int, c Call)) error {
	run := newRun(p, nil)
	for n, call := range p.Calls {
		if before != nil {
			before(n, call)
		}
		if err := run.invoke(ctx, api, call); err != nil {
			return &Failure{Plan: p, Done: n, Unknown: isUnknown(err), Err: err}
		}
	}
	return nil
}

// isUnknown reports whether a call that ended with an error may have been carried out.
func isUnknown(err error) bool {
	var e *invocation.Exception
	return !errors.As(err, &e) || e.Status >= 500
}
