package policytest

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/access"
)

// An expectation is what is expected of one answer.
type expectation struct {
	at        Position
	allow     bool // of a question about one user
	profile   text
	reason    access.Reason
	hasReason bool
	missing   []text

	// Of a question who can; nil lists are not expected.
	exactly, nobodyBut, includes, excludes *[]text
}

// The keys of an expectation that belong to each kind of question.
var (
	decisionKeys = []string{"decision", "profile", "reason", "missing"}
	whoCanKeys   = []string{"exactly", "nobody-but", "includes", "excludes"}
)

// expectation reads what is expected. nil follows a problem.
func (r *reader) expectation(n *yaml.Node, depth int, whoCan bool) *expectation {
	n, ok := r.resolve(n, depth)
	if !ok {
		return nil
	}
	e := &expectation{at: r.at(n)}
	switch {
	case n.Kind == yaml.MappingNode:
		ok = r.expectMembers(e, n, depth, whoCan)
	case whoCan:
		names := []text{}
		if n.Kind != yaml.ScalarNode || n.Value != nobody {
			names = r.texts(n, depth, "expect")
		}
		e.exactly = &names
	case n.Kind == yaml.SequenceNode:
		r.report(e.at, "expect must be allow, deny or a mapping, got a list; lists answer who-can")
		ok = false
	default:
		var t text
		if t, ok = r.oneOf(n, depth, "expect", decisionWords); ok {
			e.allow = t.value == "allow"
		}
	}
	if !ok {
		return nil
	}
	return e
}

// expectMembers reads an expectation with keys.
func (r *reader) expectMembers(e *expectation, n *yaml.Node, depth int, whoCan bool) bool {
	before := len(r.problems)
	fields := r.fields(n, depth, expectShape)
	known, question := decisionKeys, "user and permission"
	if whoCan {
		known, question = whoCanKeys, "who-can"
	}
	decision := ""
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, k) {
			r.report(r.at(fields[k]), "expect of %s must have keys among %s, got %s", question, strings.Join(known, ", "), k)
			continue
		}
		if whoCan {
			list := r.texts(fields[k], depth+1, "expect."+k)
			if len(list) == 1 && list[0].value == nobody {
				list = nil
			}
			*e.whoList(k) = &list
			continue
		}
		r.decisionMember(e, k, fields[k], depth+1, &decision)
	}
	if len(fields) == 0 {
		r.report(e.at, "expect must have keys among %s, got none", strings.Join(known, ", "))
	}
	if !whoCan {
		r.inferDecision(e, decision)
	}
	return len(r.problems) == before
}

func (r *reader) decisionMember(e *expectation, key string, n *yaml.Node, depth int, decision *string) {
	switch key {
	case "decision":
		t, _ := r.oneOf(n, depth, "expect.decision", decisionWords)
		*decision = t.value
	case "profile":
		e.profile, _ = r.text(n, depth, "expect.profile")
	case "reason":
		t, ok := r.oneOf(n, depth, "expect.reason", reasonWords())
		e.reason, e.hasReason = reasonOf(t.value), ok
	case "missing":
		e.missing = r.texts(n, depth, "expect.missing")
	}
}

// inferDecision takes the decision from the other keys, and refuses keys that contradict each other.
func (r *reader) inferDecision(e *expectation, decision string) {
	granted := e.profile.value != "" || e.hasReason && e.reason == access.Granted
	denied := len(e.missing) > 0 || e.hasReason && e.reason != access.Granted
	switch {
	case granted && (denied || decision == "deny"):
		r.report(e.at, "expect must not name what allows it (profile, reason granted) along with what denies it")
	case denied && decision == "allow":
		r.report(e.at, "expect must not name what denies it (missing, or a reason other than granted) when decision is allow")
	}
	e.allow = granted || decision == "allow"
}

// whoList returns the list of a key.
func (e *expectation) whoList(key string) **[]text {
	switch key {
	case "exactly":
		return &e.exactly
	case "nobody-but":
		return &e.nobodyBut
	case "includes":
		return &e.includes
	}
	return &e.excludes
}

// expectsUnknown reports whether something that does not exist is expected, rather than a mistake.
func (e *expectation) expectsUnknown(reason access.Reason) bool {
	return e.hasReason && e.reason == reason
}

// String says what is expected.
func (e *expectation) String() string {
	var parts []string
	for _, key := range whoCanKeys {
		list := *e.whoList(key)
		if list == nil {
			continue
		}
		names := make([]string, len(*list))
		for i, t := range *list {
			names[i] = t.value
		}
		who := nobody
		if len(names) > 0 {
			who = strings.Join(names, ", ")
		}
		if key == "nobody-but" && who == nobody {
			key = "exactly"
		}
		parts = append(parts, strings.ReplaceAll(key, "-", " ")+" "+who)
	}
	if len(parts) > 0 {
		return strings.Join(parts, "; ")
	}
	s := decisionWord(e.allow)
	if e.hasReason && e.reason != access.Granted {
		s += " (" + e.reason.String() + ")"
	}
	if e.profile.value != "" {
		s += " by profile " + e.profile.value
	}
	for i, t := range e.missing {
		s += map[bool]string{true: ", missing ", false: " and "}[i == 0] + t.value
	}
	return s
}

func decisionWord(allow bool) string {
	if allow {
		return decisionWords[0]
	}
	return decisionWords[1]
}
