package sqlstore

import (
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// A layer is what one or more changes did to an instance, as a value. Its zero value is nothing.
type layer struct {
	wiped     bool // the instance was deleted, and with it everything that was there before
	touched   map[lanyard.Ref]version
	order     []lanyard.Ref // of touched
	counts    map[lanyard.Type]int
	passwords map[string]string // by user; "" for one that is gone
	events    []written
}

// version is a resource as a change left it.
type version struct {
	r    lanyard.Resource // nil when it was deleted
	key  string           // r's, of what a layer has: it is compared with those of all that come after it
	doc  []byte
	was  lanyard.Resource  // as it is in the database; nil when it is not
	tags map[string]string // that it had when it was deleted
	gone bool              // it was deleted, not along with its instance, and leaves its tags behind
}

// updates reports whether the resource is in the database and stays there. One that was deleted and created again is
// another.
func (v *version) updates() bool {
	return v.r != nil && v.was != nil && v.r.Head().Seq == v.was.Head().Seq
}

// renames reports whether the resource stays and has another key.
func (v *version) renames() bool { return v.updates() && v.r.Key() != v.was.Key() }

// written is an event as it will be in the database.
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

// remove deletes a resource, which leaves its tags behind. was is how it is in the database, or nil.
func (l *layer) remove(ref lanyard.Ref, was lanyard.Resource, tags map[string]string) {
	l.touch(ref, version{was: was, tags: tags, gone: true})
}

// wipe deletes everything of the instance but its events.
func (l *layer) wipe() { *l = layer{wiped: true, events: l.events} }

// hidesBelow reports whether nothing below the layer, which may be nil, is visible any more.
func (l *layer) hidesBelow() bool { return l != nil && l.wiped }

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

// addLayer lays upper over l.
func (l *layer) addLayer(upper *layer) {
	if upper.wiped {
		l.wipe()
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

// statements write a layer to the database: first what goes, then what changes, then what is new, so that keys are
// free when they are taken; the events last.
func (l *layer) statements(instance string) ([]Statement, error) {
	w := writer{instance: instance}
	if err := l.writeDeleted(&w); err != nil {
		return nil, err
	}
	l.freeKeys(&w)
	l.writeResources(&w)
	l.writeCounts(&w)
	l.writePasswords(&w)
	for _, e := range l.events {
		w.write(insertEvent, e.event.Revision, e.event.Time.UnixMilli(), e.seq, e.body, e.event.Hash)
	}
	return w.list, nil
}

// writeDeleted removes what was deleted, and what was created again under the same id.
func (l *layer) writeDeleted(w *writer) error {
	if l.wiped {
		for _, table := range []string{"resources", "refs", "counts", "tombstones", "passwords", "directory"} {
			w.exec(`DELETE FROM ` + table + ` WHERE instance_id = $1`)
		}
	}
	for _, ref := range l.order {
		v := l.touched[ref]
		if v.was != nil && !v.updates() {
			w.write(deleteResource, string(ref.Type), ref.ID)
		}
		if v.gone {
			if err := w.writeTombstone(ref, v.tags); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *layer) writeResources(w *writer) {
	for _, ref := range l.order {
		if v := l.touched[ref]; v.updates() {
			w.updateResource(v)
		}
	}
	for _, ref := range l.order {
		if v := l.touched[ref]; v.r != nil && !v.updates() {
			h := v.r.Head()
			w.write(insertResource, string(ref.Type), ref.ID, h.Seq, v.r.Key(), h.Name, v.doc)
		}
	}
	for _, ref := range l.order {
		v := l.touched[ref]
		w.writeRefs(ref, v.was, v.r)
		if in, ok := v.r.(*lanyard.Instance); ok {
			w.writeDirectory(v.was, in)
		}
	}
}

func (l *layer) writeCounts(w *writer) {
	for _, t := range lanyard.Types() { // in one order, so that equal layers are equal statements
		if n := l.counts[t]; n != 0 {
			w.write(addCount, string(t), n)
		}
	}
}

func (l *layer) writePasswords(w *writer) {
	for user, hash := range l.passwords {
		if hash == "" {
			w.write(deletePassword, user)
			continue
		}
		w.write(putPassword, user, hash)
	}
}

// freeKeys removes the keys that other resources get, so that resources can be renamed in any order.
func (l *layer) freeKeys(w *writer) {
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
			w.write(freeKey, string(ref.Type), ref.ID)
		}
	}
}

// A writer collects statements about one instance. Its id is the first argument of each.
type writer struct {
	instance string
	list     []Statement
}

func (w *writer) exec(query string, args ...any) {
	w.list = append(w.list, Statement{Query: query, Args: append([]any{w.instance}, args...)})
}

// write adds a write.
func (w *writer) write(number write, args ...any) {
	w.exec(writeQueries[number].query, args...)
	st := &w.list[len(w.list)-1]
	st.Write, st.One = number, writeQueries[number].one
}

func (w *writer) updateResource(v version) {
	t, h := string(v.r.Type()), v.r.Head()
	if v.r.Key() != v.was.Key() || h.Name != v.was.Head().Name {
		w.write(updateName, t, h.ID, v.r.Key(), h.Name)
	}
	w.write(updateDoc, t, h.ID, v.doc)
}

// writeTombstone leaves the tags of a deleted resource behind. An earlier resource of that id may have left some.
func (w *writer) writeTombstone(ref lanyard.Ref, tags map[string]string) error {
	if len(tags) == 0 {
		w.write(deleteTombstone, string(ref.Type), ref.ID)
		return nil
	}
	doc, err := laxjson.Marshal(tags)
	if err != nil {
		return err
	}
	w.write(putTombstone, string(ref.Type), ref.ID, doc)
	return nil
}

// writeRefs stores the difference between the references of a resource before and after. Either may be nil.
func (w *writer) writeRefs(from lanyard.Ref, was, now lanyard.Resource) {
	var had, has []lanyard.Ref
	if was != nil {
		had = lanyard.Links(was)
	}
	if now != nil {
		has = lanyard.Links(now)
	}
	for _, to := range had {
		if !slices.Contains(has, to) {
			w.write(deleteRef, string(to.Type), to.ID, string(from.Type), from.ID)
		}
	}
	for _, to := range has {
		if !slices.Contains(had, to) {
			w.write(insertRef, string(to.Type), to.ID, string(from.Type), from.ID)
		}
	}
}

// writeDirectory stores the directory's line of an instance. was is the instance in the database, or nil.
func (w *writer) writeDirectory(was lanyard.Resource, in *lanyard.Instance) {
	if was == nil {
		w.write(insertDirectory, in.Account, in.Name, in.ClientToken)
		return
	}
	if was := was.(*lanyard.Instance); was.Account == in.Account && was.Name == in.Name &&
		was.ClientToken == in.ClientToken {
		return
	}
	w.write(updateDirectory, in.Account, in.Name, in.ClientToken)
}
