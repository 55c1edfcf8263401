package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// The types of agent statuses. Those that callers create are all custom.
const (
	routable = "ROUTABLE"
	custom   = "CUSTOM"
	offline  = "OFFLINE"
)

// checkAgentStatus gives a new status its type, and keeps those that every instance has enabled.
func checkAgentStatus(c *documentCheck, before, d *lanyard.Document) error {
	if before == nil {
		d.Members["Type"] = lanyard.JSON(`"` + custom + `"`)
		return nil
	}
	var state, kind string
	for name, to := range map[string]*string{"State": &state, "Type": &kind} {
		if _, err := c.member(d, name, to); err != nil {
			return err
		}
	}
	if kind != custom && state != "ENABLED" {
		return lanyard.Errorf(lanyard.Invalid, "State must be ENABLED for an agent status of type %s, got %s", kind, state)
	}
	return nil
}

// firstDocuments are the documents of a type that a new instance comes with. Their ids are made of the instance's.
func firstDocuments(in *lanyard.Instance, t lanyard.Type) (all []lanyard.Documented) {
	switch t {
	case lanyard.TypeAgentStatus:
		for _, status := range []struct{ name, kind string }{{"Available", routable}, {"Offline", offline}} {
			all = append(all, &lanyard.AgentStatus{Document: lanyard.Document{Meta: lanyard.Meta{Name: status.name},
				Members: lanyard.Settings{"State": lanyard.JSON(`"ENABLED"`), "Type": lanyard.JSON(`"` + status.kind + `"`)}}})
		}
	case lanyard.TypeAuthenticationProfile:
		all = append(all, defaultAuthenticationProfile())
	}
	space, err := uuid.Parse(in.ID)
	if err != nil {
		space = uuid.NewSHA1(uuid.NameSpaceURL, []byte(in.ID))
	}
	for _, r := range all {
		d := r.Doc()
		d.ID = uuid.NewSHA1(space, []byte(string(t)+"/"+d.Name)).String()
		d.Created, d.Modified = in.Created, in.Created
	}
	return all
}

// Furnish adds the documents of a type that a new instance comes with to one that has none: an earlier version of
// lanyard made it. A mirror has what its source has.
func Furnish[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance string) error {
	var none R
	in, err := s.Instance(ctx, call, instance)
	if err != nil || in.Mirror != nil || call.planning {
		return err
	}
	if n, err := s.store.Reader(in.ID).Count(ctx, none.Type()); err != nil || n > 0 {
		return err
	}
	call.acting = nil // it is not on their behalf that these are added
	_, err = s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		if n, err := tx.Count(ctx, none.Type()); err != nil || n > 0 {
			return orUnchanged(err)
		}
		return putFirst(ctx, tx, in, none.Type())
	})
	return err
}

// orUnchanged is an error, or that of a change that changes nothing.
func orUnchanged(err error) error {
	if err != nil {
		return err
	}
	return errUnchanged
}

func putFirst(ctx context.Context, tx store.Tx, in *lanyard.Instance, t lanyard.Type) error {
	for _, r := range firstDocuments(in, t) {
		if err := tx.Put(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
