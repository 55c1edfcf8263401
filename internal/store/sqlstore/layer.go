package sqlstore

import (
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// A layer is what changes did to an instance, over its committed state. Its zero value is nothing.
type layer struct {
	wiped     bool // the instance was deleted: all that was there before is gone
	touched   map[lanyard.Ref]version
	order     []lanyard.Ref // of touched
	counts    map[lanyard.Type]int
	passwords map[string]string // by user; "" for one that is gone
	events    []written
}

// version is a resource as a change left it.
type version struct {
	r    lanyard.Resource // nil when it was deleted
	doc  []byte
	was  lanyard.Resource  // as it stands in the database; nil when it does not
	tags map[string]string // that it had when it was deleted
	gone bool              // it was deleted by itself, and leaves its tags behind
}

// updates reports whether the resource stands in the database and stays there. One that was deleted and
// created again is another.
func (v *version) updates() bool {
	return v.r != nil && v.was != nil && v.r.Head().Seq == v.was.Head().Seq
}

// renames reports whether the resource stays and has another key.
func (v *version) renames() bool { return v.updates() && v.r.Key() != v.was.Key() }

// written is an event as it will stand in the database.
type written struct {
	event *lanyard.Event
	body  []byte // packed
	seq   int64
}

func (l *layer) touch(ref lanyard.Ref, v version) {
	if l.touched == nil {
		l.touched = map[lanyard.Ref]version{}
	}
	if _, again := l.touched[ref]; !again {
		l.order = append(l.order, ref)
	}
	l.touched[ref] = v
}

func (l *layer) count(t lanyard.Type, n int) {
	if l.counts == nil {
		l.counts = map[lanyard.Type]int{}
	}
	l.counts[t] += n
}

func (l *layer) password(user, hash string) {
	if l.passwords == nil {
		l.passwords = map[string]string{}
	}
	l.passwords[user] = hash
}

// size is about how many bytes the layer writes.
func (l *layer) size() (n int) {
	for _, v := range l.touched {
		n += len(v.doc)
	}
	for _, e := range l.events {
		n += len(e.body)
	}
	return n
}

// add lays upper over l.
func (l *layer) add(upper *layer) {
	if upper.wiped {
		*l = layer{wiped: true, events: l.events}
	}
	for _, ref := range upper.order {
		v := upper.touched[ref]
		if below, ok := l.touched[ref]; ok {
			v.was = below.was
		} else if l.wiped {
			v.was = nil
		}
		l.touch(ref, v)
	}
	for t, n := range upper.counts {
		l.count(t, n)
	}
	for user, hash := range upper.passwords {
		l.password(user, hash)
	}
	l.events = append(l.events, upper.events...)
}

// statements are what makes a layer part of the database: first what goes, then what changes, then what
// comes, so that keys are free when they are taken; the events last. With a start the first event is stored
// only if the instance stands there, and goes first: what comes after it can fail only if it does.
func (l *layer) statements(instance string, start *head) ([]Statement, error) {
	w := writer{instance: instance}
	events := l.events
	if start != nil {
		e := events[0]
		w.exec(guardedInsert, start.revision, e.event.Time.UnixMilli(), e.seq, e.body, e.event.Hash, start.hash)
		events = events[1:]
	}
	if l.wiped {
		for _, table := range []string{"resources", "refs", "counts", "tombstones", "passwords", "directory"} {
			w.exec(`DELETE FROM ` + table + ` WHERE instance_id = $1`)
		}
	}
	for _, ref := range l.order {
		v := l.touched[ref]
		if v.was != nil && !v.updates() {
			w.one(`DELETE FROM resources WHERE instance_id = $1 AND type = $2 AND id = $3`, string(ref.Type), ref.ID)
		}
		if v.gone {
			if err := w.bury(ref, v.tags); err != nil {
				return nil, err
			}
		}
	}
	l.vacate(&w)
	for _, ref := range l.order {
		if v := l.touched[ref]; v.updates() {
			w.update(v)
		}
	}
	for _, ref := range l.order {
		if v := l.touched[ref]; v.r != nil && !v.updates() {
			h := v.r.Head()
			w.exec(`
				INSERT INTO resources (instance_id, type, id, seq, key, name, doc)
				VALUES ($1, $2, $3, $4, $5, $6, $7)`, string(ref.Type), ref.ID, h.Seq, v.r.Key(), h.Name, v.doc)
		}
	}
	for _, ref := range l.order {
		v := l.touched[ref]
		w.refer(ref, v.was, v.r)
		if in, ok := v.r.(*lanyard.Instance); ok {
			w.direct(v.was, in)
		}
	}
	for _, t := range lanyard.Types() { // in one order, so that what is the same is sent the same
		if n := l.counts[t]; n != 0 {
			w.exec(`
				INSERT INTO counts (instance_id, type, n) VALUES ($1, $2, $3)
				ON CONFLICT (instance_id, type) DO UPDATE SET n = counts.n + excluded.n`, string(t), n)
		}
	}
	for user, hash := range l.passwords {
		if hash == "" {
			w.exec(`DELETE FROM passwords WHERE instance_id = $1 AND user_id = $2`, user)
			continue
		}
		w.exec(`
			INSERT INTO passwords (instance_id, user_id, hash) VALUES ($1, $2, $3)
			ON CONFLICT (instance_id, user_id) DO UPDATE SET hash = excluded.hash`, user, hash)
	}
	for _, e := range events {
		w.exec(`
			INSERT INTO events (instance_id, revision, time, seq, body, hash) VALUES ($1, $2, $3, $4, $5, $6)`,
			e.event.Revision, e.event.Time.UnixMilli(), e.seq, e.body, e.event.Hash)
	}
	return w.list, nil
}

// vacate takes away the keys that other resources get, so that resources can be renamed in any order.
func (l *layer) vacate(w *writer) {
	type key struct {
		t   lanyard.Type
		key string
	}
	var taken map[key]bool
	for _, ref := range l.order {
		if v := l.touched[ref]; v.renames() {
			if taken == nil {
				taken = map[key]bool{}
			}
			taken[key{ref.Type, v.r.Key()}] = true
		}
	}
	for _, ref := range l.order {
		if v := l.touched[ref]; v.renames() && v.was.Key() != "" && taken[key{ref.Type, v.was.Key()}] {
			w.one(`UPDATE resources SET key = '' WHERE instance_id = $1 AND type = $2 AND id = $3`, string(ref.Type), ref.ID)
		}
	}
}

// A writer collects statements about one instance, whose id is the first argument of each.
type writer struct {
	instance string
	list     []Statement
}

func (w *writer) exec(query string, args ...any) {
	w.list = append(w.list, Statement{Query: query, Args: append([]any{w.instance}, args...)})
}

// queryResource is exec for a statement that must change exactly one row.
func (w *writer) one(query string, args ...any) {
	w.exec(query, args...)
	w.list[len(w.list)-1].One = true
}

func (w *writer) update(v version) {
	t, h := string(v.r.Type()), v.r.Head()
	// Naming a column has its index written again, changed or not.
	if v.r.Key() != v.was.Key() || h.Name != v.was.Head().Name {
		w.one(`UPDATE resources SET key = $4, name = $5 WHERE instance_id = $1 AND type = $2 AND id = $3`,
			t, h.ID, v.r.Key(), h.Name)
	}
	w.one(`UPDATE resources SET doc = $4 WHERE instance_id = $1 AND type = $2 AND id = $3`, t, h.ID, v.doc)
}

// bury leaves the tags of what is deleted behind. An earlier resource of that id may have left some.
func (w *writer) bury(ref lanyard.Ref, tags map[string]string) error {
	if len(tags) == 0 {
		w.exec(`DELETE FROM tombstones WHERE instance_id = $1 AND type = $2 AND id = $3`, string(ref.Type), ref.ID)
		return nil
	}
	doc, err := laxjson.Marshal(tags)
	if err != nil {
		return err
	}
	w.exec(`
		INSERT INTO tombstones (instance_id, type, id, tags) VALUES ($1, $2, $3, $4)
		ON CONFLICT (instance_id, type, id) DO UPDATE SET tags = excluded.tags`, string(ref.Type), ref.ID, doc)
	return nil
}

// refer stores the difference between what a resource referred to and what it refers to. Either may be nil.
func (w *writer) refer(from lanyard.Ref, was, now lanyard.Resource) {
	var had, has []lanyard.Ref
	if was != nil {
		had = was.Refs()
	}
	if now != nil {
		has = now.Refs()
	}
	for _, to := range had {
		if !slices.Contains(has, to) {
			w.exec(`
				DELETE FROM refs
				WHERE instance_id = $1 AND to_type = $2 AND to_id = $3 AND from_type = $4 AND from_id = $5`,
				string(to.Type), to.ID, string(from.Type), from.ID)
		}
	}
	for _, to := range has {
		if !slices.Contains(had, to) {
			w.exec(`
				INSERT INTO refs (instance_id, to_type, to_id, from_type, from_id) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (instance_id, to_type, to_id, from_type, from_id) DO NOTHING`,
				string(to.Type), to.ID, string(from.Type), from.ID)
		}
	}
}

// direct stores the directory's line of an instance. was is the instance as it stands there, or nil.
func (w *writer) direct(was lanyard.Resource, in *lanyard.Instance) {
	if was == nil {
		w.exec(`INSERT INTO directory (instance_id, account, alias, token) VALUES ($1, $2, $3, $4)`,
			in.Account, in.Name, in.ClientToken)
		return
	}
	if was := was.(*lanyard.Instance); was.Account == in.Account && was.Name == in.Name &&
		was.ClientToken == in.ClientToken {
		return
	}
	w.one(`UPDATE directory SET account = $2, alias = $3, token = $4 WHERE instance_id = $1`, in.Account, in.Name,
		in.ClientToken)
}
