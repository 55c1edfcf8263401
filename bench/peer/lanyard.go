package peer

import (
	"context"
	"encoding/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Instance is the id of a World's instance inside an engine.
const Instance = "world"

// Lanyard is lanyard's engine in process.
type Lanyard struct {
	Snapshot *access.Snapshot
	queries  []access.Query
}

// NewLanyard compiles a world and is asked these questions.
func NewLanyard(w *World, questions []Question) *Lanyard {
	e := access.Empty(Instance).Edit()
	w.each(e.Put)
	return (&Lanyard{Snapshot: e.Snapshot(1)}).Asked(questions)
}

// Asked is the same with other questions.
func (l *Lanyard) Asked(questions []Question) *Lanyard {
	other := &Lanyard{Snapshot: l.Snapshot, queries: make([]access.Query, len(questions))}
	for i := range questions {
		other.queries[i] = questions[i].query()
	}
	return other
}

// each calls put for everything that decides, in an order in which references lead backwards.
func (w *World) each(put func(lanyard.Resource)) {
	put(&lanyard.Instance{Meta: lanyard.Meta{ID: Instance}})
	for _, g := range w.Groups {
		put(g)
	}
	for _, p := range w.Profiles {
		put(p)
	}
	for _, q := range w.Queues {
		put(q)
	}
	for i := range w.Users {
		put(w.User(i))
	}
}

// Allowed is one decision.
func (l *Lanyard) Allowed(i int) (bool, error) { return l.Snapshot.Decide(&l.queries[i]).Allow, nil }

// WhoCan lists the first users who can do what a question asks, whoever asks it there.
func (l *Lanyard) WhoCan(q *Question, limit int) []string {
	query := q.query()
	if query.Resource.Type == "Instance" { // AuthZEN's word for no resource
		query.Resource = access.Resource{}
	}
	found, _ := l.Snapshot.WhoCan(&query, access.Page{Limit: limit})
	all := make([]string, len(found))
	for i, h := range found {
		all[i] = h.ID
	}
	return all
}

// Live is an engine whose instance can change while it is asked.
type Live struct {
	engine  *access.Engine
	queries []access.Query
	// updates change one of the profiles each, in turn: its description and two of its permissions.
	updates  []lanyard.Event
	revision int64
}

// NewLive loads a world into an engine.
func NewLive(w *World) (*Live, error) {
	l := &Live{engine: &access.Engine{Source: source{w}}, revision: 1}
	for i := range w.Questions {
		l.queries = append(l.queries, w.Questions[i].query())
	}
	for range 2 {
		for _, p := range w.Profiles {
			changed := *p
			if len(l.updates) < len(w.Profiles) { // the second half puts things back
				changed.Description = "Changed"
				changed.Permissions = p.Permissions[:len(p.Permissions)-2]
			}
			after, err := json.Marshal(&changed)
			if err != nil {
				return nil, err
			}
			l.updates = append(l.updates,
				lanyard.Event{Instance: Instance, Changes: []lanyard.Change{{Type: lanyard.TypeProfile, ID: p.ID, After: after}}})
		}
	}
	_, err := l.engine.Snapshot(context.Background(), Instance)
	return l, err
}

// Allowed takes the latest snapshot and decides, as a server does.
func (l *Live) Allowed(i int) (bool, error) {
	s, err := l.engine.Snapshot(context.Background(), Instance)
	if err != nil {
		return false, err
	}
	return s.Decide(&l.queries[i]).Allow, nil
}

// Update carries out the next update of a profile. One goroutine may call it.
func (l *Live) Update() error {
	e := l.updates[int(l.revision)%len(l.updates)]
	l.revision++
	e.Revision = l.revision
	return l.engine.Apply(context.Background(), &e)
}

// source is a World as an Engine's store.
type source struct{ w *World }

func (s source) Load(_ context.Context, _ string, put func(lanyard.Resource)) (int64, error) {
	s.w.each(put)
	return 1, nil
}

func (s source) Events(context.Context, string, int64, int) ([]lanyard.Event, error) { return nil, nil }

func (s source) Revision(context.Context, string) (int64, error) { return 1, nil }
