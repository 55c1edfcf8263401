package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

func testBatches(t *testing.T, open Open) {
	RunBatches(t, Load{Writers: 16, Rounds: 25}, fresh(t, open))
}

// A Load says how much RunBatches does.
type Load struct {
	Writers, Rounds int
	Seed            uint64
	Fails           bool // the stores may fail
}

// RunBatches has many writers change few resources of the same instances at the same time, through one or
// several stores of one database, so that changes are committed in batches. They swap names, delete and
// create again, delete whole instances, set passwords, are refused, panic, are canceled and do nothing.
// Afterwards all changes are played to a model in the order of their events: what each of them saw and was
// answered must be what the model answers, also what was seen by those that changed nothing. The stores may
// fail; then nothing but the order is not certain.
func RunBatches(t *testing.T, load Load, stores ...store.Store) {
	h := &history{t: t, fails: load.Fails, acknowledged: map[string]int64{}}
	var wg sync.WaitGroup
	for w := range load.Writers {
		s := stores[w%len(stores)]
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), load.Seed))
			for round := range load.Rounds {
				h.play(rnd, s, modelInstances[rnd.IntN(len(modelInstances))], fmt.Sprintf("%d.%d", w, round))
			}
		})
	}
	wg.Wait()
	for _, in := range modelInstances {
		states := h.replay(stores[0], in)
		for i, s := range stores {
			want := describe(t.Context(), states[len(states)-1])
			if got := describe(t.Context(), s.Reader(in)); got != want && !t.Failed() {
				t.Errorf("in the end store %d holds of %s\n%s, want\n%s", i, in, got, want)
			}
		}
	}
}

// A deed is one call of Update, as its last run went.
type deed struct {
	in, id string
	runs   int
	least  int64 // the revision that was acknowledged before it was called
	began  int64 // the revision that it saw
	steps  []step
	err    error
}

// event is the ID of the event of its last run.
func (d *deed) event() string { return fmt.Sprintf("%s.%d", d.id, d.runs) }

// A step is something that a change did, or looked at, and what it got.
type step struct {
	name string
	do   func(tx changing) string
	got  string
}

// changed reports whether the step wrote something.
func (st step) changed() bool { return st.name != "look" && st.got == "" }

// changing is what a store.Tx and a model have in common.
type changing interface {
	reading
	Put(ctx context.Context, r lanyard.Resource) error
	Delete(ctx context.Context, t lanyard.Type, id string) error
	SetPassword(ctx context.Context, user, hash string) error
}

// reading is what a store.Reader and a model have in common.
type reading interface {
	Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error)
	Find(ctx context.Context, t lanyard.Type, key string) (lanyard.Resource, error)
	List(ctx context.Context, t lanyard.Type, after int64, limit int) ([]lanyard.Resource, error)
	Count(ctx context.Context, t lanyard.Type) (int, error)
	Referrers(ctx context.Context, to lanyard.Ref, from lanyard.Type, after string, limit int) ([]string, error)
	ListReferrers(ctx context.Context, to []lanyard.Ref, from lanyard.Type, after string,
		limit int) ([]lanyard.Resource, error)
	LastTags(ctx context.Context, t lanyard.Type, id string) (map[string]string, bool, error)
	Password(ctx context.Context, user string) (string, error)
}

type history struct {
	t            *testing.T
	fails        bool
	mu           sync.Mutex
	deeds        []*deed
	acknowledged map[string]int64 // the last revision, by instance
}

var (
	errRefusal = errors.New("refused")
	errPanic   = errors.New("panicked")
)

// play does one random change.
func (h *history) play(rnd *rand.Rand, s store.Store, in, id string) {
	d := &deed{in: in, id: id}
	h.mu.Lock()
	d.least = h.acknowledged[in]
	h.mu.Unlock()
	steps := randomSteps(rnd, in)
	ending := rnd.IntN(12)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var appended *lanyard.Event
	d.err = func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = p.(error)
			}
		}()
		return s.Update(ctx, in, func(tx store.Tx) (err error) {
			d.runs, d.steps, appended = d.runs+1, nil, nil
			if d.began, err = tx.Revision(ctx); err != nil {
				return err
			}
			changed := false
			for _, st := range steps {
				st.got = st.do(tx)
				if strings.HasPrefix(st.got, failed) {
					return errors.New(st.got)
				}
				changed = changed || st.changed()
				d.steps = append(d.steps, st)
			}
			switch ending {
			case 0, 1:
				return errRefusal
			case 2:
				panic(errPanic)
			case 3:
				cancel()
			}
			if !changed {
				return nil
			}
			appended = event(in)
			appended.ID = d.event()
			return tx.Append(ctx, appended)
		})
	}()
	if !h.fails && d.err != nil && d.err != errRefusal && d.err != errPanic && ctx.Err() == nil {
		h.t.Errorf("%s: change %s was answered with %v", in, id, d.err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deeds = append(h.deeds, d)
	if d.err == nil && appended != nil {
		h.acknowledged[in] = max(h.acknowledged[in], appended.Revision)
	}
}

// replay returns the states of an instance by revision.
func (h *history) replay(s store.Store, in string) []*model {
	byEvent := map[string]*deed{}
	happened := map[*deed]bool{}
	for _, d := range h.deeds {
		if d.in == in {
			byEvent[d.event()] = d
		}
	}
	states := []*model{{
		resources: map[lanyard.Ref]lanyard.Resource{}, tombs: map[lanyard.Ref]map[string]string{},
		passwords: map[string]string{},
	}}
	for after, end := int64(0), false; !end; {
		events := must(s.Reader(in).Events(h.t.Context(), after, 100))(h.t)
		end = len(events) == 0
		for _, e := range events {
			after++
			d := byEvent[e.ID]
			if d == nil || e.Revision != after {
				h.t.Fatalf("%s: event %s has revision %d, want %d; it is of the last run of a change: %v",
					in, e.ID, e.Revision, after, d != nil)
			}
			if d.err != nil && lanyard.KindOf(d.err) != lanyard.Unknown || d.began != after-1 {
				h.t.Errorf("%s: change %s of revision %d began at %d and was answered with %v", in, d.id, after, d.began, d.err)
			}
			happened[d] = true
			states = append(states, h.compare(d, states[after-1]))
		}
	}
	checked := false
	for _, d := range h.deeds {
		switch {
		case d.in != in || happened[d]:
		case d.err == nil && slices.ContainsFunc(d.steps, step.changed):
			h.t.Errorf("%s: change %s was acknowledged and has no event", in, d.id)
		case d.err == nil || d.err == errRefusal: // what it saw was there, and not out of date
			if d.began >= int64(len(states)) || d.began < d.least {
				h.t.Errorf("%s: %s saw revision %d of %d; %d was acknowledged before", in, d.id, d.began, len(states)-1, d.least)
				continue
			}
			h.compare(d, states[d.began])
			checked = true
		}
	}
	if !checked {
		h.t.Errorf("%s: no change was refused", in)
	}
	return states
}

// compare plays a change to a copy of the model, which it returns.
func (h *history) compare(d *deed, m *model) *model {
	m = m.clone()
	for i, st := range d.steps {
		if want := st.do(m); want != st.got && !h.t.Failed() {
			var before []string
			for _, st := range d.steps[:i] {
				before = append(before, st.name+": "+st.got)
			}
			h.t.Errorf("%s: change %s at revision %d: after %q, %s is\n%s\nwant\n%s",
				d.in, d.id, d.began, before, st.name, st.got, want)
		}
	}
	return m
}

// failed is how the answer of a step begins when the store did not work.
const failed = "FAILED: "

// answer is the kind of an error, and "" for none.
func answer(err error) string {
	switch kind := lanyard.KindOf(err); {
	case err == nil:
		return ""
	case kind == lanyard.NotFound, kind == lanyard.Duplicate:
		return fmt.Sprint(kind)
	}
	return failed + err.Error()
}

func randomSteps(rnd *rand.Rand, in string) (steps []step) {
	ctx := context.Background()
	pick := func(of []string) string { return of[rnd.IntN(len(of))] }
	add := func(name string, do func(changing) string) { steps = append(steps, step{name: name, do: do}) }
	putting := func(ref lanyard.Ref, key, tag string, refers []string, seq int) {
		add(fmt.Sprintf("put %v as %q, tag %q, %v, seq %d", ref, key, tag, refers, seq), func(tx changing) string {
			r := drawn(ref, key, tag, refers)
			was, err := tx.Get(ctx, ref.Type, ref.ID)
			if a := answer(err); strings.HasPrefix(a, failed) {
				return a
			}
			switch {
			case seq == 0 && was != nil:
				r.Head().Seq = was.Head().Seq
			case seq == 1:
				r.Head().Seq = 99
			}
			return answer(tx.Put(ctx, r))
		})
	}
	for range rnd.IntN(5) {
		ref := lanyard.Ref{Type: modelTypes[1+rnd.IntN(3)], ID: pick(modelIDs)}
		what, key, tag := rnd.IntN(20), pick(modelNames), pick(modelNames)
		refers := []string{pick(modelIDs)}
		switch {
		case what == 0 && rnd.IntN(3) == 0:
			add("delete the instance", func(tx changing) string { return answer(tx.Delete(ctx, lanyard.TypeInstance, in)) })
		case what <= 1:
			putting(lanyard.Ref{Type: lanyard.TypeInstance, ID: in}, in+key, tag, []string{in + tag}, 0)
		case what <= 4:
			add(fmt.Sprint("delete ", ref), func(tx changing) string { return answer(tx.Delete(ctx, ref.Type, ref.ID)) })
		case what <= 6:
			user, hash := pick(modelIDs), pick([]string{"1", "2", "3"})
			add("set the password of "+user+" to "+hash, func(tx changing) string {
				return answer(tx.SetPassword(ctx, user, hash))
			})
		case what <= 8: // swap two names
			other := lanyard.Ref{Type: ref.Type, ID: pick(modelIDs)}
			putting(ref, "", tag, refers, 0)
			putting(other, key, tag, refers, 0)
			putting(ref, pick(modelNames), tag, refers, 0)
		case what <= 10:
			add("look", func(tx changing) string { return describe(ctx, tx) })
		default:
			putting(ref, key, tag, refers, rnd.IntN(12))
			if rnd.IntN(4) == 0 {
				add("look", func(tx changing) string { return describe(ctx, tx) })
			}
		}
	}
	return steps
}

// drawn is a resource with a name, and what it refers to.
func drawn(ref lanyard.Ref, name, tag string, refers []string) lanyard.Resource {
	meta := lanyard.Meta{ID: ref.ID, Name: name, Modified: when}
	if tag != "" {
		meta.Tags = map[string]string{"tag": tag}
	}
	switch ref.Type {
	case lanyard.TypeInstance:
		return &lanyard.Instance{Meta: meta, Account: "123456789012", Region: "us-east-1", Created: when,
			Attributes: map[string]string{}, ClientToken: refers[0]}
	case lanyard.TypeUser:
		return &lanyard.User{Meta: meta, RoutingProfile: "r", Profiles: refers}
	case lanyard.TypeGroup:
		return &lanyard.Group{Meta: meta, Path: append(slices.Clone(refers), ref.ID)}
	default:
		return &lanyard.Profile{Meta: meta, Permissions: []string{"Users.View"}}
	}
}

// describe says all that can be read.
func describe(ctx context.Context, r reading) string {
	var b strings.Builder
	line := func(err error, format string, args ...any) {
		fmt.Fprintf(&b, format, args...)
		if a := answer(err); a != "" {
			b.WriteString(" " + a)
			if strings.HasPrefix(a, failed) {
				panic(errors.New(a))
			}
		}
		b.WriteByte('\n')
	}
	for _, typ := range modelTypes {
		n, err := r.Count(ctx, typ)
		line(err, "%s: %d", typ, n)
		for after, last := int64(0), false; !last; {
			page, err := r.List(ctx, typ, after, 2)
			line(err, "page")
			last = len(page) == 0
			for _, p := range page {
				after = p.Head().Seq
				got, err := r.Get(ctx, typ, p.Head().ID)
				same := got == p || fmt.Sprint(got) == fmt.Sprint(p)
				line(err, "%s %q seq %d tags %v refs %v, %v", p.Head().ID, p.Head().Name, after, p.Head().Tags, p.Refs(), same)
				if key := p.Key(); key != "" {
					found, err := r.Find(ctx, typ, key)
					line(err, "find %v", err == nil && found.Head().ID == p.Head().ID)
				}
			}
		}
		for _, id := range modelIDs {
			_, err := r.Get(ctx, typ, id)
			line(err, "get %s", id)
			tags, gone, err := r.LastTags(ctx, typ, id)
			line(err, "tags %v %v", tags, gone)
			for after, last := "", false; !last; {
				users, err := r.Referrers(ctx, lanyard.Ref{Type: typ, ID: id}, lanyard.TypeUser, after, 1)
				line(err, "users %q", users)
				if last = len(users) == 0; !last {
					after = users[0]
				}
			}
			several := []lanyard.Ref{{Type: typ, ID: id}, {Type: typ, ID: modelIDs[0]}, lanyard.ListRef(id)}
			for after, last := "", false; !last; {
				users, err := r.ListReferrers(ctx, several, lanyard.TypeUser, after, 2)
				line(err, "referring users %q", ids(users))
				if last = len(users) == 0; !last {
					after = users[len(users)-1].Head().ID
				}
			}
			if typ == lanyard.TypeUser {
				hash, err := r.Password(ctx, id)
				line(err, "password %s", hash)
			}
		}
	}
	return b.String()
}

// The model as reading and changing.

func missing(ref lanyard.Ref) error { return lanyard.Errorf(lanyard.NotFound, "%v", ref) }

func (m *model) Get(_ context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	ref := lanyard.Ref{Type: t, ID: id}
	if r := m.resources[ref]; r != nil {
		return r, nil
	}
	return nil, missing(ref)
}

func (m *model) Find(_ context.Context, t lanyard.Type, key string) (lanyard.Resource, error) {
	for ref, r := range m.resources {
		if ref.Type == t && r.Key() == key && key != "" {
			return r, nil
		}
	}
	return nil, missing(lanyard.Ref{Type: t, ID: key})
}

func (m *model) List(_ context.Context, t lanyard.Type, after int64, limit int) ([]lanyard.Resource, error) {
	all := slices.DeleteFunc(m.list(t), func(r lanyard.Resource) bool { return r.Head().Seq <= after })
	return all[:min(limit, len(all))], nil
}

func (m *model) Count(_ context.Context, t lanyard.Type) (int, error) { return len(m.list(t)), nil }

func (m *model) Referrers(
	_ context.Context, to lanyard.Ref, from lanyard.Type, after string, limit int,
) (ids []string, err error) {
	for ref, r := range m.resources {
		if ref.Type == from && ref.ID > after && slices.Contains(r.Refs(), to) {
			ids = append(ids, ref.ID)
		}
	}
	slices.Sort(ids)
	return ids[:min(limit, len(ids))], nil
}

func (m *model) ListReferrers(
	_ context.Context, to []lanyard.Ref, from lanyard.Type, after string, limit int,
) (page []lanyard.Resource, err error) {
	for ref, r := range m.resources {
		named := func(link lanyard.Ref) bool { return slices.Contains(to, link) }
		if ref.Type == from && ref.ID > after && slices.ContainsFunc(lanyard.Links(r), named) {
			page = append(page, r)
		}
	}
	slices.SortFunc(page, func(a, b lanyard.Resource) int { return strings.Compare(a.Head().ID, b.Head().ID) })
	return page[:min(limit, len(page))], nil
}

func (m *model) LastTags(_ context.Context, t lanyard.Type, id string) (map[string]string, bool, error) {
	ref := lanyard.Ref{Type: t, ID: id}
	if r := m.resources[ref]; r != nil {
		return r.Head().Tags, false, nil
	}
	if tags := m.tombs[ref]; len(tags) > 0 {
		return tags, true, nil
	}
	return nil, false, missing(ref)
}

func (m *model) Password(_ context.Context, user string) (string, error) {
	if hash := m.passwords[user]; hash != "" {
		return hash, nil
	}
	return "", missing(lanyard.Ref{Type: lanyard.TypeUser, ID: user})
}

func (m *model) Put(_ context.Context, r lanyard.Resource) error {
	if kind, ok := m.put(world{}, r); !ok {
		return lanyard.Errorf(kind, "cannot be stored")
	}
	return nil
}

func (m *model) Delete(_ context.Context, t lanyard.Type, id string) error {
	if ref := (lanyard.Ref{Type: t, ID: id}); !m.delete(ref) {
		return missing(ref)
	}
	return nil
}

func (m *model) SetPassword(ctx context.Context, user, hash string) error {
	_, err := m.Get(ctx, lanyard.TypeUser, user)
	if err == nil {
		m.passwords = maps.Clone(m.passwords)
		m.passwords[user] = hash
	}
	return err
}
