package access_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// memory is a Source that keeps the events of one instance. A real one reads a database.
type memory struct{ events []lanyard.Event }

// commit adds an event in which resources are put.
func (m *memory) commit(put ...lanyard.Resource) (*lanyard.Event, error) {
	e := lanyard.Event{Instance: "sales", Revision: int64(len(m.events)) + 1}
	for _, r := range put {
		doc, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		e.Changes = append(e.Changes, lanyard.Change{Type: r.Type(), ID: r.Head().ID, After: doc, Now: r})
	}
	m.events = append(m.events, e)
	return &e, nil
}

// Load returns no resources and revision 0: this source keeps all events, so the Engine reads everything from them.
func (m *memory) Load(context.Context, string, func(lanyard.Resource)) (int64, error) { return 0, nil }

func (m *memory) Events(_ context.Context, _ string, after int64, limit int) ([]lanyard.Event, error) {
	from := min(int(after), len(m.events))
	return m.events[from:min(from+limit, len(m.events))], nil
}

func (m *memory) Revision(context.Context, string) (int64, error) { return int64(len(m.events)), nil }

// An Engine answers from the latest snapshot of an instance. After each change Apply makes the next one, at a cost that
// does not grow with the instance. Questions in the meantime are answered from the one before and never wait.
func ExampleEngine() {
	ctx := context.Background()
	source := new(memory)
	engine := &access.Engine{Source: source}
	change := func(put ...lanyard.Resource) {
		event, err := source.commit(put...)
		if err != nil {
			panic(err)
		}
		if err := engine.Apply(ctx, event); err != nil {
			panic(err)
		}
	}
	ask := func() {
		s, err := engine.Snapshot(ctx, "sales")
		if err != nil {
			panic(err)
		}
		d := s.Decide(&access.Query{Subject: access.Subject{ID: "ann"}, Action: "Users.View"})
		fmt.Printf("revision %d: %v, %v\n", s.Revision(), d.Allow, d.Reason)
	}

	change(
		&lanyard.Instance{Meta: lanyard.Meta{ID: "sales"}},
		&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "Viewers"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "1", Name: "ann"}, Profiles: []string{"p"}},
	)
	ask()
	change(&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "Viewers"}, Permissions: []string{"Users.View"}})
	ask()
	// Output:
	// revision 1: false, not granted
	// revision 2: true, granted
}
