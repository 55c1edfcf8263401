package lanyardtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
)

// Snapshot returns the instance as it is now, for questions of every kind: see package access.
func (s *Server) Snapshot() *access.Snapshot {
	s.t.Helper()
	var found *access.Snapshot
	err := s.world.Do(func(svc *control.Service) (err error) {
		found, err = svc.Snapshot(context.Background(), control.Call{Caller: lanyard.Caller{Account: s.Account}},
			s.Instance.ID, 0)
		return err
	})
	s.must("read instance "+s.Instance.Alias, err)
	return found
}

// Query returns the question whether a subject may do an action on a resource, for Decide, AssertAllows and
// AssertDenies. It may be changed, for example to name the user whom an AI agent assists.
//
// The subject is the name, id or ARN of a user, or the ARN of an AI agent. The action is a permission, such as
// Users.View, or an action of package access. The resource is TYPE/NAME, TYPE/ID or an ARN, such as User/jonas.becker;
// "" asks about anything at all.
func (s *Server) Query(subject, action, resource string) access.Query {
	s.t.Helper()
	q := access.Query{Subject: access.Subject{ID: subject}, Action: action}
	if strings.HasPrefix(subject, "arn:") {
		q.Subject.Type = access.AIAgent
		if questions.IsConnectARN(subject) {
			arn, err := lanyard.ParseARN(subject)
			s.must("ask about "+subject, err)
			q.Subject = access.Subject{ID: arn.ID}
		}
	}
	if resource == "" {
		return q
	}
	on, err := questions.ParseResource(resource)
	if err == nil && questions.FoundByID(on.Type) {
		on.ID, err = s.find(on.Type, on.ID)
	}
	s.must("ask about "+resource, err)
	q.Resource = on
	return q
}

// find returns the id of what has a name or id.
func (s *Server) find(resourceType, ref string) (string, error) {
	s.t.Helper()
	switch found := s.Snapshot().Lookup(resourceType, ref); len(found) {
	case 0:
		return "", fmt.Errorf("%s %q does not exist", resourceType, ref)
	case 1:
		return found[0].ID, nil
	default:
		return "", fmt.Errorf("%q is the name of %d resources of type %s; give the id of one of them", ref, len(found),
			resourceType)
	}
}

// Decide answers a question, with the reasons. A question about what does not exist is denied.
func (s *Server) Decide(q access.Query) access.Explanation {
	s.t.Helper()
	return s.Snapshot().Explain(&q)
}

// AssertAllowed checks that a subject may do an action on every one of the resources or, without resources, on anything
// at all. When it fails, it says why that is denied. See Query for how they are named.
func (s *Server) AssertAllowed(subject, action string, resources ...string) {
	s.t.Helper()
	for _, q := range s.queries(subject, action, resources) {
		s.AssertAllows(q)
	}
}

// AssertDenied checks that a subject may not do an action on any of the resources or, without resources, on anything at
// all. When it fails, it says which security profile allows it. What does not exist is an error, and not a denial.
func (s *Server) AssertDenied(subject, action string, resources ...string) {
	s.t.Helper()
	for _, q := range s.queries(subject, action, resources) {
		s.AssertDenies(q)
	}
}

func (s *Server) queries(subject, action string, resources []string) (all []access.Query) {
	s.t.Helper()
	if len(resources) == 0 {
		resources = []string{""}
	}
	for _, r := range resources {
		all = append(all, s.Query(subject, action, r))
	}
	return all
}

// AssertAllows is AssertAllowed for any question.
func (s *Server) AssertAllows(q access.Query) {
	s.t.Helper()
	if x, ok := s.ask(q); ok && !x.Allow {
		s.t.Errorf("%s is denied, want allowed%s", s.word(q), s.why(q, x))
	}
}

// AssertDenies is AssertDenied for any question.
func (s *Server) AssertDenies(q access.Query) {
	s.t.Helper()
	if x, ok := s.ask(q); ok && x.Allow {
		s.t.Errorf("%s is allowed, want denied%s", s.word(q), s.why(q, x))
	}
}

// ask answers a question, and reports whether everything in it exists.
func (s *Server) ask(q access.Query) (access.Explanation, bool) {
	s.t.Helper()
	x := s.Decide(q)
	switch x.Reason {
	case access.UnknownSubject, access.UnknownAction, access.UnknownResource, access.UnknownInstance, access.WrongType:
		s.t.Errorf("%s cannot be asked: %s", s.word(q), x.Sentence)
		return x, false
	}
	return x, true
}

// word names a question.
func (s *Server) word(q access.Query) string {
	s.t.Helper()
	on := ""
	if q.Resource.Type != "" {
		on = " on " + q.Resource.Type + "/" + s.nameOf(q.Resource)
	}
	return fmt.Sprintf("%s: %s%s", q.Subject.ID, q.Action, on)
}

// nameOf returns the name of a resource, or its id if it has none.
func (s *Server) nameOf(r access.Resource) string {
	s.t.Helper()
	if found := s.Snapshot().Lookup(r.Type, r.ID); len(found) == 1 && found[0].Name != "" {
		return found[0].Name
	}
	return r.ID
}

// why lists what a decision rests on, a line for each profile and hint.
func (s *Server) why(q access.Query, x access.Explanation) string {
	s.t.Helper()
	sentence := x.Sentence
	if q.Resource.ID != "" {
		sentence = strings.ReplaceAll(sentence, q.Resource.ID, s.nameOf(q.Resource))
	}
	var b strings.Builder
	b.WriteString("\n    " + sentence)
	for _, p := range x.Profiles {
		fmt.Fprintf(&b, "\n    profile %q ", p.Name)
		switch {
		case p.Allows:
			b.WriteString("allows it")
		case !p.Grants:
			b.WriteString("does not grant it")
		default:
			failed := make([]string, len(p.Failed))
			for i, f := range p.Failed {
				failed[i] = f.String()
			}
			b.WriteString("grants it and " + strings.Join(failed, "; "))
		}
	}
	for _, h := range x.Hints {
		b.WriteString("\n    hint: " + h)
	}
	return b.String()
}
