package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// A model is a store as simple as can be: what an instance holds, in maps.
type model struct {
	resources map[lanyard.Ref]lanyard.Resource
	tombs     map[lanyard.Ref]map[string]string
	passwords map[string]string // by user
	seq       int64
	changes   [][]string // of each event, what happened to what
	pending   []string   // of the next event
}

func (m *model) clone() *model {
	c := *m
	c.resources, c.tombs = maps.Clone(m.resources), maps.Clone(m.tombs)
	c.passwords = maps.Clone(m.passwords)
	c.changes, c.pending = slices.Clone(m.changes), nil
	return &c
}

// world is the models by instance. The directory is what their instances say.
type world map[string]*model

func (w world) taken(in *lanyard.Instance) bool {
	for id, m := range w {
		if other, ok := m.resources[lanyard.Ref{Type: lanyard.TypeInstance, ID: id}].(*lanyard.Instance); ok && id != in.ID {
			if other.Name == in.Name && in.Name != "" || other.ClientToken == in.ClientToken && in.ClientToken != "" &&
				other.Account == in.Account {
				return true
			}
		}
	}
	return false
}

// put is what Tx.Put should answer: the kind of error, or ok.
func (m *model) put(w world, r lanyard.Resource) (kind lanyard.Kind, ok bool) {
	ref := lanyard.Ref{Type: r.Type(), ID: r.Head().ID}
	before := m.resources[ref]
	if r.Head().Seq != 0 && before == nil {
		return lanyard.NotFound, false
	}
	if r.Head().Seq == 0 && before != nil {
		return lanyard.Duplicate, false
	}
	for other, o := range m.resources {
		if other.Type == ref.Type && other.ID != ref.ID && o.Key() == r.Key() && r.Key() != "" {
			return lanyard.Duplicate, false
		}
	}
	if in, ok := r.(*lanyard.Instance); ok && w.taken(in) {
		return lanyard.Duplicate, false
	}
	c := lanyard.Clone(r)
	if before == nil {
		m.seq++
		c.Head().Seq = m.seq
	} else {
		c.Head().Seq = before.Head().Seq
	}
	m.resources[ref] = c
	m.pending = append(m.pending, fmt.Sprint("put ", ref))
	return 0, true
}

func (m *model) delete(ref lanyard.Ref) bool {
	before := m.resources[ref]
	if before == nil {
		return false
	}
	if ref.Type == lanyard.TypeInstance {
		clear(m.resources)
		clear(m.tombs)
		clear(m.passwords)
	} else {
		delete(m.resources, ref)
		delete(m.tombs, ref)
		if ref.Type == lanyard.TypeUser {
			delete(m.passwords, ref.ID)
		}
		if tags := before.Head().Tags; len(tags) > 0 {
			m.tombs[ref] = tags
		}
	}
	m.pending = append(m.pending, fmt.Sprint("delete ", ref))
	return true
}

func (m *model) list(t lanyard.Type) []lanyard.Resource {
	var all []lanyard.Resource
	for ref, r := range m.resources {
		if ref.Type == t {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b lanyard.Resource) int { return int(a.Head().Seq - b.Head().Seq) })
	return all
}

var (
	modelTypes     = []lanyard.Type{lanyard.TypeInstance, lanyard.TypeProfile, lanyard.TypeUser, lanyard.TypeGroup}
	modelIDs       = []string{"a", "b", "c"}
	modelNames     = []string{"", "X", "Y"}
	modelInstances = []string{"one", "two"}
)

// testModel plays random changes to a store and to models, and compares all that can be read.
func testModel(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		s := open(t, dir)
		w := world{}
		for _, in := range modelInstances {
			w[in] = &model{resources: map[lanyard.Ref]lanyard.Resource{}, tombs: map[lanyard.Ref]map[string]string{}}
		}
		for range rapid.IntRange(1, 12).Draw(rt, "updates") {
			modelUpdate(rt, s, w)
			for _, in := range modelInstances {
				compare(rt, s.Reader(in), in, w[in], rapid.IntRange(1, 4).Draw(rt, "limit"))
			}
			compareDirectory(rt, s, w)
			if rapid.IntRange(0, 9).Draw(rt, "reopen") == 0 {
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				s = open(t, dir)
			}
		}
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

// modelUpdate does the same random change to the store and to the model.
func modelUpdate(rt *rapid.T, s store.Store, w world) {
	ctx := context.Background()
	id := rapid.SampledFrom(modelInstances).Draw(rt, "instance")
	next := w[id].clone()
	fail := rapid.IntRange(0, 3).Draw(rt, "fails") == 0
	err := s.Update(ctx, id, func(tx store.Tx) error {
		for range rapid.IntRange(0, 6).Draw(rt, "steps") {
			modelStep(rt, tx, id, w, next)
			if rapid.Bool().Draw(rt, "look") {
				pending := *next
				pending.pending = nil
				compare(rt, tx, id, &pending, 2)
			}
		}
		if fail {
			return errDone
		}
		if len(next.pending) == 0 {
			return nil
		}
		return tx.Append(ctx, event(id))
	})
	if fail {
		if err != errDone {
			rt.Fatalf("a change that fails returns %v", err)
		}
		return
	}
	if err != nil {
		rt.Fatalf("Update: %v", err)
	}
	if len(next.pending) > 0 {
		next.changes, next.pending = append(next.changes, next.pending), nil
	}
	w[id] = next
}

// modelStep puts or deletes one resource.
func modelStep(rt *rapid.T, tx store.Tx, in string, w world, m *model) {
	ctx := context.Background()
	ref := lanyard.Ref{Type: rapid.SampledFrom(modelTypes).Draw(rt, "type"),
		ID: rapid.SampledFrom(modelIDs).Draw(rt, "id")}
	if ref.Type == lanyard.TypeInstance {
		ref.ID = in
	}
	if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
		if ref.Type == lanyard.TypeInstance && rapid.IntRange(0, 3).Draw(rt, "spare") > 0 {
			return
		}
		err := tx.Delete(ctx, ref.Type, ref.ID)
		if existed := m.delete(ref); existed != (err == nil) || !existed && !errors.Is(err, lanyard.ErrNotFound) {
			rt.Fatalf("Delete %v: %v; it existed: %v", ref, err, existed)
		}
		return
	}
	r := draw(rt, ref, in)
	if before := m.resources[ref]; before != nil && rapid.IntRange(0, 9).Draw(rt, "again") > 0 {
		r.Head().Seq = before.Head().Seq
	} else if before == nil && rapid.IntRange(0, 9).Draw(rt, "stale") == 0 {
		r.Head().Seq = 99
	}
	kind, ok := m.put(w, r)
	err := tx.Put(ctx, r)
	if ok != (err == nil) || !ok && lanyard.KindOf(err) != kind {
		rt.Fatalf("Put %+v: %v; want kind %v or ok %v", r, err, kind, ok)
	}
}

func draw(rt *rapid.T, ref lanyard.Ref, in string) lanyard.Resource {
	meta := lanyard.Meta{ID: ref.ID, Name: rapid.SampledFrom(modelNames).Draw(rt, "name"), Modified: when}
	if rapid.Bool().Draw(rt, "tagged") {
		meta.Tags = map[string]string{"tag": rapid.SampledFrom(modelNames).Draw(rt, "tag")}
	}
	switch ref.Type {
	case lanyard.TypeInstance:
		return &lanyard.Instance{Meta: meta, Account: "123456789012", Region: "us-east-1", Created: when,
			Attributes:  map[string]string{},
			ClientToken: rapid.SampledFrom(modelNames).Draw(rt, "token")}
	case lanyard.TypeUser:
		return &lanyard.User{Meta: meta, RoutingProfile: "r",
			Profiles: rapid.SliceOfNDistinct(rapid.SampledFrom(modelIDs), 1, 3, rapid.ID).Draw(rt, "profiles")}
	case lanyard.TypeGroup:
		return &lanyard.Group{Meta: meta,
			Path: append(rapid.SliceOfN(rapid.SampledFrom(modelIDs), 0, 1).Draw(rt, "parent"), ref.ID)}
	default:
		return &lanyard.Profile{Meta: meta, Permissions: []string{"Users.View"}}
	}
}

// compare reads everything of an instance.
func compare(rt *rapid.T, r store.Reader, in string, m *model, limit int) {
	ctx := context.Background()
	for _, typ := range modelTypes {
		want := m.list(typ)
		var got []lanyard.Resource
		for after := int64(0); ; after = got[len(got)-1].Head().Seq {
			page := must(r.List(ctx, typ, after, limit))(rt)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("%s: List of %s is %s, want %s", in, typ, show(got), show(want))
		}
		if n := must(r.Count(ctx, typ))(rt); n != len(want) {
			rt.Fatalf("%s: Count of %s is %d, want %d", in, typ, n, len(want))
		}
		for _, id := range append(modelIDs, in) {
			compareOne(rt, r, lanyard.Ref{Type: typ, ID: id}, m)
		}
		for _, want := range want {
			if want.Key() != "" {
				if got := must(r.Find(ctx, typ, want.Key()))(rt); !reflect.DeepEqual(got, want) {
					rt.Fatalf("%s: Find %s is %+v, want %+v", in, want.Key(), got, want)
				}
			}
		}
	}
	if rev := must(r.Revision(ctx))(rt); rev != int64(len(m.changes)) {
		rt.Fatalf("%s: the revision is %d, want %d", in, rev, len(m.changes))
	}
	for i, e := range must(r.Events(ctx, 0, 1000))(rt) {
		var got []string
		for _, c := range e.Changes {
			what := "put "
			if c.After == nil {
				what = "delete "
			}
			got = append(got, what+fmt.Sprint(lanyard.Ref{Type: c.Type, ID: c.ID}))
		}
		if e.Revision != int64(i+1) || !slices.Equal(got, m.changes[i]) {
			rt.Fatalf("%s: event %d has revision %d and %q, want %q", in, i+1, e.Revision, got, m.changes[i])
		}
	}
}

func compareOne(rt *rapid.T, r store.Reader, ref lanyard.Ref, m *model) {
	ctx := context.Background()
	want, tags, deleted := m.resources[ref], m.tombs[ref], true
	got, err := r.Get(ctx, ref.Type, ref.ID)
	if want == nil && !errors.Is(err, lanyard.ErrNotFound) || want != nil && !reflect.DeepEqual(got, want) {
		rt.Fatalf("Get %v: %+v, %v; want %+v", ref, got, err, want)
	}
	if want != nil {
		tags, deleted = want.Head().Tags, false
	}
	gotTags, gotDeleted, err := r.LastTags(ctx, ref.Type, ref.ID)
	if want == nil && tags == nil {
		if !errors.Is(err, lanyard.ErrNotFound) {
			rt.Fatalf("LastTags %v: %v, want NotFound", ref, err)
		}
	} else if err != nil || gotDeleted != deleted || !maps.Equal(gotTags, tags) {
		rt.Fatalf("LastTags %v: %v %v %v, want %v %v", ref, gotTags, gotDeleted, err, tags, deleted)
	}
	var users []string
	for _, u := range m.list(lanyard.TypeUser) {
		if slices.Contains(u.Refs(), ref) {
			users = append(users, u.Head().ID)
		}
	}
	slices.Sort(users)
	if got := must(r.Referrers(ctx, ref, lanyard.TypeUser, "", 100))(rt); !slices.Equal(got, users) {
		rt.Fatalf("Referrers of %v are %q, want %q", ref, got, users)
	}
}

func compareDirectory(rt *rapid.T, s store.Store, w world) {
	ctx := context.Background()
	var want, got, known []string
	for _, id := range modelInstances {
		if in, ok := w[id].resources[lanyard.Ref{Type: lanyard.TypeInstance, ID: id}].(*lanyard.Instance); ok {
			want = append(want, id)
			if in.ClientToken != "" {
				if found := must(s.InstanceByToken(ctx, in.Account, in.ClientToken))(rt); !reflect.DeepEqual(found, in) {
					rt.Fatalf("InstanceByToken is %+v, want %+v", found, in)
				}
			}
		}
		if len(w[id].changes) > 0 {
			known = append(known, id)
		}
	}
	for _, e := range must(s.Instances(ctx, "123456789012", 0, 10))(rt) {
		got = append(got, e.Instance.ID)
	}
	slices.Sort(got)
	if n := must(s.InstanceCount(ctx, "123456789012"))(rt); n != len(want) || !slices.Equal(got, want) {
		rt.Fatalf("the directory has %q and counts %d, want %q", got, n, want)
	}
	if got := must(s.KnownInstances(ctx, "", 10))(rt); !slices.Equal(got, known) {
		rt.Fatalf("known are %q, want %q", got, known)
	}
}

func show(all []lanyard.Resource) string {
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "%+v ", r)
	}
	return b.String()
}
