package control

import (
	"context"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Right is what an operation asks of the user on whose behalf it is called.
type Right struct {
	Permission string       // "" when no permission is about the operation: then nobody's profiles allow it
	Type       lanyard.Type // of what it is about; "" for nothing in particular
	Ref        string       // id or ARN of what it is about; "" for a list, or for what is about to be made
}

// A Principal is on whose behalf a call is made: a user, an AI agent that serves itself, or an AI agent that assists a
// user. In the last case both must be allowed.
type Principal struct {
	User  string // id, ARN or user name; "" for an agent that serves itself
	Agent string // ARN, qualifier included; "" for a user without an agent
}

// acting is a Principal that was looked up.
type acting struct {
	user  string // id; "" for an AI agent that serves itself
	agent string // ARN; "" for a user without an agent
	known bool   // they exist
	right Right
}

// subject is the principal as decisions know it.
func (a *acting) subject() access.Subject {
	if a.agent == "" {
		return access.Subject{Type: access.User, ID: a.user}
	}
	return access.Subject{Type: access.AIAgent, ID: a.agent, Human: a.user}
}

// name is what messages call the principal.
func (a *acting) name() string {
	switch {
	case a.agent == "":
		return "user " + lanyard.Quote(a.user)
	case a.user == "":
		return "AI agent " + lanyard.Quote(a.agent)
	}
	return "AI agent " + lanyard.Quote(a.agent) + " on behalf of user " + lanyard.Quote(a.user)
}

// profiles is what messages call the security profiles of the principal.
func (a *acting) profiles() string {
	switch {
	case a.agent == "":
		return "their security profiles"
	case a.user == "":
		return "its security profiles"
	}
	return "the security profiles of both"
}

// denial is a refusal that the audit records.
type denial struct {
	message    string
	permission string // that is missing; "" when something else is wrong
}

func (d *denial) Error() string { return d.message }

// Act returns call as one on behalf of a principal: it can do only what both the caller's key and the principal's own
// profiles allow. Otherwise it is Denied, which the audit records. Whatever the call changes is checked again within
// its transaction, against the state that it changes, as it was and as it becomes; lists and searches show what the
// principal may see.
func (s *Service) Act(ctx context.Context, call Call, instance string, who Principal, right Right) (Call, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return call, err
	}
	id, err := s.id(in, lanyard.TypeUser, who.User)
	if err != nil {
		return call, within("the acting user", err)
	}
	snapshot, err := s.Snapshot(ctx, call, in.ID, 0)
	if err != nil {
		return call, err
	}
	a := &acting{user: id, agent: who.Agent, known: who.Agent == "" || snapshot.HasAIAgent(who.Agent)}
	missing := false
	if id != "" || who.Agent == "" {
		known, exists := snapshot.LookupUser(id)
		if a.known, missing = a.known && exists, !exists; exists {
			a.user = known
		}
	}
	if right.Ref != "" && right.Type != "" {
		if right.Ref, err = s.id(in, right.Type, right.Ref); err != nil {
			return call, within(right.Type.Member(), err)
		}
	}
	a.right, call.acting = right, a
	d := a.may(snapshot, call.Operation)
	if missing && who.Agent != "" {
		d = a.noUser(snapshot)
	}
	if d != nil {
		return call, s.refuse(ctx, call, in.ID, d)
	}
	return call, nil
}

// decide decides for the principal.
func (a *acting) decide(s *access.Snapshot, permission string, r access.Resource) access.Decision {
	return s.Decide(&access.Query{Subject: a.subject(), Action: permission, Resource: r})
}

// may returns why the principal is not allowed to do what is asked, or nil.
func (a *acting) may(s *access.Snapshot, operation string) *denial {
	if a.right.Permission == "" {
		return &denial{message: fmt.Sprintf("no permission of security profiles allows %s, so it cannot be called on "+
			"behalf of %s", operation, a.name())}
	}
	var r access.Resource // to anything at all, where the call names nothing
	if a.right.Ref != "" {
		r = access.Resource{Type: a.right.Type.DecisionName(), ID: a.right.Ref}
	}
	d := a.decide(s, a.right.Permission, r)
	if d.Reason == access.UnknownResource {
		// Only those who may do it to everything of the type are told what does not exist.
		d = a.decide(s, a.right.Permission, access.Resource{Type: r.Type, New: true})
	}
	return a.denied(s, d, r)
}

// noUser is the refusal of a user who does not exist.
func (a *acting) noUser(s *access.Snapshot) *denial {
	return &denial{message: fmt.Sprintf("the acting user %s does not exist in instance %s", lanyard.Quote(a.user),
		s.Instance())}
}

// denied is nil when d allows.
func (a *acting) denied(s *access.Snapshot, d access.Decision, r access.Resource) *denial {
	switch {
	case d.Allow:
		return nil
	case d.Reason == access.UnknownSubject && a.agent != "":
		return &denial{message: fmt.Sprintf("the acting AI agent %s has no security profiles in instance %s",
			lanyard.Quote(a.agent), s.Instance())}
	case d.Reason == access.UnknownSubject:
		return a.noUser(s)
	case d.Reason == access.NotGranted:
		return &denial{fmt.Sprintf("%s is not allowed %s: none of %s grants it", a.name(), a.right.Permission,
			a.profiles()), a.right.Permission}
	case r.ID == "":
		return &denial{fmt.Sprintf("%s is not allowed %s here: the tag or hierarchy restrictions of %s do not cover what the "+
			"resource would become", a.name(), a.right.Permission, a.profiles()), a.right.Permission}
	}
	// The same whichever of an AI agent and its user is not allowed: the difference would tell what the other may see.
	return &denial{fmt.Sprintf("%s is not allowed %s on %s: the tag or hierarchy restrictions of %s do not cover it, or it "+
		"does not exist", a.name(), a.right.Permission, lanyard.Quote(r.ID), a.profiles()), a.right.Permission}
}

// visible returns a test of whether the principal may see a resource of a list, or nil when
// the call is on nobody's behalf.
func (s *Service) visible(ctx context.Context, call Call, in *lanyard.Instance) (test, error) {
	a := call.acting
	if a == nil {
		return nil, nil
	}
	snapshot, err := s.engine.Snapshot(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return func(r lanyard.Resource) bool {
		asked := access.Resource{Type: r.Type().DecisionName(), ID: r.Head().ID}
		if whole := wholeOf(r); whole.Type != "" {
			asked = access.Resource{Type: whole.Type.DecisionName(), ID: whole.ID}
		}
		if asked.Type == "" { // decisions do not know it by id
			asked.ID = ""
		}
		return a.decide(snapshot, a.right.Permission, asked).Allow
	}, nil
}

// A Sight reports whether a resource may be viewed. nil views all.
type Sight func(t lanyard.Type, id string) bool

// Sees reports whether the sight shows a resource.
func (see Sight) Sees(t lanyard.Type, id string) bool { return see == nil || see(t, id) }

// Sight is what the principal on whose behalf a call is made may view; nil when it is on nobody's. Answers leave
// out what it does not show where they mention a resource other than the one that they are about.
func (s *Service) Sight(ctx context.Context, call Call, in *lanyard.Instance) (Sight, error) {
	a := call.acting
	if a == nil {
		return nil, nil
	}
	snapshot, err := s.engine.Snapshot(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return func(t lanyard.Type, id string) bool { return a.views(snapshot, t, id) }, nil
}

// views reports whether the principal may view a resource. What does not exist is viewed by those who
// may view everything of its type.
func (a *acting) views(s *access.Snapshot, t lanyard.Type, id string) bool {
	if t.View() == "" {
		return false
	}
	r := access.Resource{Type: t.DecisionName(), ID: id}
	if r.Type == "" {
		r.ID = ""
	}
	d := a.decide(s, t.View(), r)
	if d.Reason == access.UnknownResource {
		d = a.decide(s, t.View(), access.Resource{Type: r.Type, New: true})
	}
	return d.Allow
}
