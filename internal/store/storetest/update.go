package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

func testErrorLeavesNothing(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	put(t, s, instance, profile("p", "Old"))
	enough := errors.New("enough")
	created := profile("q", "New")
	err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Put(ctx, created); err != nil {
			return err
		}
		if err := tx.Delete(ctx, lanyard.TypeProfile, "p"); err != nil {
			return err
		}
		return enough
	})
	if err != enough {
		t.Errorf("Update returned %v, want the error of change as it is", err)
	}
	unchanged(t, s)
	if created.Seq != 0 {
		t.Errorf("a resource that was not stored has Seq %d", created.Seq)
	}
	put(t, s, instance, created) // can be tried again
	if rev := must(s.Reader(instance).Revision(ctx))(t); rev != 2 {
		t.Errorf("revision %d, want 2", rev)
	}
}

// unchanged checks that the only profile is p, of revision 1.
func unchanged(t *testing.T, s store.Store) {
	t.Helper()
	r, ctx := s.Reader(instance), context.Background()
	if got := ids(must(r.List(ctx, lanyard.TypeProfile, 0, 10))(t)); !reflect.DeepEqual(got, []string{"p"}) {
		t.Errorf("the profiles are %q, want p", got)
	}
	if n := must(r.Count(ctx, lanyard.TypeProfile))(t); n != 1 {
		t.Errorf("%d profiles are counted, want 1", n)
	}
	if rev := must(r.Revision(ctx))(t); rev != 1 {
		t.Errorf("revision %d, want 1", rev)
	}
	if events := must(r.Events(ctx, 1, 10))(t); len(events) != 0 {
		t.Errorf("there are events: %v", events)
	}
	if _, err := r.Get(ctx, lanyard.TypeProfile, "p"); err != nil {
		t.Error(err)
	}
	_, err := r.Get(ctx, lanyard.TypeProfile, "q")
	wantKind(t, "get what was not stored", err, lanyard.NotFound)
}

func testPanicLeavesNothing(t *testing.T, open Open) {
	s := fresh(t, open)
	put(t, s, instance, profile("p", "Old"))
	func() {
		defer func() {
			if recover() != "oops" {
				t.Error("the panic did not come through")
			}
		}()
		update(s, instance, func(ctx context.Context, tx store.Tx) error {
			tx.Put(ctx, profile("q", "New"))
			tx.Delete(ctx, lanyard.TypeProfile, "p")
			panic("oops")
		})
	}()
	unchanged(t, s)
	put(t, s, instance, profile("q", "New")) // the store goes on
}

// Many goroutines add one to the same number.
func testIsolated(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	p := profile("p", "Counter")
	p.Description = "0"
	put(t, s, instance, p)
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := update(s, instance, increment); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := must(s.Reader(instance).Get(ctx, lanyard.TypeProfile,
		"p"))(t).(*lanyard.Profile).Description; got != strconv.Itoa(workers*each) {
		t.Errorf("the counter is %s, want %d", got, workers*each)
	}
	if rev := must(s.Reader(instance).Revision(ctx))(t); rev != workers*each+1 {
		t.Errorf("revision %d, want %d", rev, workers*each+1)
	}
}

func increment(ctx context.Context, tx store.Tx) error {
	r, err := tx.Get(ctx, lanyard.TypeProfile, "p")
	if err != nil {
		return err
	}
	p := lanyard.Clone(r.(*lanyard.Profile))
	n, err := strconv.Atoi(p.Description)
	if err != nil {
		return err
	}
	p.Description = strconv.Itoa(n + 1)
	return tx.Put(ctx, p)
}

func testDurable(t *testing.T, open Open) {
	dir, ctx := t.TempDir(), context.Background()
	s := open(t, dir)
	p := profile("p", "Kept")
	p.Tags = map[string]string{"a": "b"}
	put(t, s, instance, contactCentre(instance, "alias", "123456789012", "token"), p, user("u", "p"))
	if err := s.PutKey(ctx, lanyard.AccessKey{ID: "key", Secret: "secret"}); err != nil {
		t.Fatal(err)
	}
	secret := must(s.Secret(ctx, "pages"))(t)
	events := must(s.Reader(instance).Events(ctx, 0, 10))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	r := s.Reader(instance)
	if got := must(r.Get(ctx, lanyard.TypeProfile, "p"))(t); !reflect.DeepEqual(got, p) {
		t.Errorf("after reopening the profile is %+v, want %+v", got, p)
	}
	if got := must(r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeProfile, ID: "p"}, lanyard.TypeUser, "",
		10))(t); !reflect.DeepEqual(got, []string{"u"}) {
		t.Errorf("after reopening %q refer to the profile, want u", got)
	}
	if got := must(r.Events(ctx, 0, 10))(t); !reflect.DeepEqual(got, events) {
		t.Errorf("after reopening the events are %v, want %v", got, events)
	}
	if got := must(s.Keys(ctx))(t); len(got) != 1 || got[0].Secret != "secret" {
		t.Errorf("after reopening the keys are %v", got)
	}
	if got := must(s.Secret(ctx, "pages"))(t); !bytes.Equal(got, secret) {
		t.Error("after reopening the secret is another")
	}
	if in := must(s.InstanceByToken(ctx, "123456789012", "token"))(t); in.ID != instance {
		t.Errorf("after reopening the token finds %s", in.ID)
	}
	q := profile("q", "Next")
	put(t, s, instance, q)
	if rev := must(r.Revision(ctx))(t); rev != 2 || q.Seq != 4 {
		t.Errorf("after reopening the next revision is %d and Seq %d, want 2 and 4", rev, q.Seq)
	}
}

// What an Update stored is seen by every read that begins after it, however hot the value was.
func testFresh(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	p := profile("p", "0")
	put(t, s, instance, p)
	r := s.Reader(instance)
	for i := 1; i <= 50; i++ {
		for range 2 { // warm
			must(r.Get(ctx, lanyard.TypeProfile, "p"))(t)
			must(r.List(ctx, lanyard.TypeProfile, 0, 10))(t)
			must(r.Revision(ctx))(t)
		}
		name := strconv.Itoa(i)
		next := lanyard.Clone(p)
		next.Name = name
		put(t, s, instance, next)
		for range 2 { // the second from memory
			if got := must(r.Get(ctx, lanyard.TypeProfile, "p"))(t).Head().Name; got != name {
				t.Fatalf("Get sees %s after %s was stored", got, name)
			}
			if got := must(r.List(ctx, lanyard.TypeProfile, 0, 10))(t)[0].Head().Name; got != name {
				t.Fatalf("List sees %s after %s was stored", got, name)
			}
			if got := must(r.Find(ctx, lanyard.TypeProfile, name))(t).Head().Name; got != name {
				t.Fatalf("Find sees %s after %s was stored", got, name)
			}
			if got := must(r.Revision(ctx))(t); got != int64(i+1) {
				t.Fatalf("Revision is %d after %d", got, i+1)
			}
		}
	}
	remove(t, s, instance, lanyard.TypeProfile, "p")
	_, err := r.Get(ctx, lanyard.TypeProfile, "p")
	wantKind(t, "get after delete", err, lanyard.NotFound)
}

func testOrdered(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	r := s.Reader(instance)
	if rev := must(r.Revision(ctx))(t); rev != 0 {
		t.Errorf("the revision is %d before the first event", rev)
	}
	var mu sync.Mutex
	order := map[int64]string{} // what each Update was told
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				e := event(instance)
				e.ID = fmt.Sprintf("%d-%d", w, i)
				err := s.Update(ctx, instance, func(tx store.Tx) error {
					if err := tx.Put(ctx, profile(e.ID, e.ID)); err != nil {
						return err
					}
					if i%3 == 2 {
						return errors.New("no")
					}
					return tx.Append(ctx, e)
				})
				if err == nil {
					mu.Lock()
					order[e.Revision] = e.ID
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	var all []lanyard.Event
	for after := int64(0); ; {
		page := must(r.Events(ctx, after, 7))(t)
		if len(page) > 7 {
			t.Fatalf("%d events, at most 7 were asked for", len(page))
		}
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		after = page[len(page)-1].Revision
	}
	if len(all) != len(order) {
		t.Errorf("%d events, %d Updates", len(all), len(order))
	}
	previous := make([]byte, sha256.Size)
	for i, e := range all {
		if len(e.Hash) != sha256.Size || bytes.Equal(e.Hash, previous) || !bytes.Equal(e.Previous, previous) {
			t.Errorf("revision %d has the hash %x after %x, where the one before has %x", e.Revision, e.Hash, e.Previous,
				previous)
		}
		previous = e.Hash
		if e.Revision != int64(i+1) || e.ID != order[e.Revision] {
			t.Errorf("event %d has revision %d and is %s, the Update with that revision was %s", i, e.Revision, e.ID,
				order[e.Revision])
		}
		if len(e.Changes) != 1 || e.Changes[0].ID != e.ID {
			t.Errorf("event %s has the changes %v", e.ID, e.Changes)
		}
	}
}

// The event tells before and after of each change, in order, and comes back as it was appended.
func testPut(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	p, q := profile("p", "First"), profile("q", "Second")
	p.Tags = map[string]string{"z": "1", "a": "<&>"}
	put(t, s, instance, p, q)
	if p.Seq != 1 || q.Seq != 2 {
		t.Errorf("new resources have Seq %d and %d, want 1 and 2", p.Seq, q.Seq)
	}
	changed := lanyard.Clone(p)
	changed.Name = "Third"
	e := event(instance)
	e.Request = json.RawMessage(`{"Name":"Third","Empty":{}}`)
	err := s.Update(ctx, instance, func(tx store.Tx) error {
		if err := tx.Put(ctx, changed); err != nil {
			return err
		}
		if err := tx.Delete(ctx, lanyard.TypeProfile, "q"); err != nil {
			return err
		}
		if err := tx.Put(ctx, profile("q", "Second")); err != nil { // the name is free again
			return err
		}
		return tx.Append(ctx, e)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range e.Changes { // whoever made the change has it decoded too
		c := &e.Changes[i]
		sameAs(t, c.Was, c.Before)
		sameAs(t, c.Now, c.After)
		c.Was, c.Now = nil, nil
	}
	got := must(s.Reader(instance).Events(ctx, 1, 1))(t)
	if len(got) != 1 || !reflect.DeepEqual(&got[0], e) {
		t.Errorf("the event is\n%+v, want\n%+v", got, *e)
	}
	type change struct{ id, before, after string }
	var changes []change
	for _, c := range e.Changes {
		changes = append(changes, change{c.ID, nameIn(t, c.Before), nameIn(t, c.After)})
	}
	if want := []change{{"p", "First 1", "Third 1"}, {"q", "Second 2", ""},
		{"q", "", "Second 3"}}; !reflect.DeepEqual(changes, want) {
		t.Errorf("the changes are %v, want %v", changes, want)
	}
	if got := ids(must(s.Reader(instance).List(ctx, lanyard.TypeProfile, 0, 9))(t)); !reflect.DeepEqual(got,
		[]string{"p", "q"}) {
		t.Errorf("the profiles are %q", got)
	}
}

// nameIn returns the name and Seq of a document.
func nameIn(t *testing.T, doc json.RawMessage) string {
	if doc == nil {
		return ""
	}
	var p lanyard.Profile
	if err := json.Unmarshal(doc, &p); err != nil {
		t.Error(err)
	}
	return fmt.Sprint(p.Name, " ", p.Seq)
}

func testEventIsRequired(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	put(t, s, instance, profile("p", "Old"))
	err := s.Update(ctx, instance, func(tx store.Tx) error { return tx.Put(ctx, profile("q", "New")) })
	wantKind(t, "change without an event", err, lanyard.Internal)
	err = update(s, instance, func(ctx context.Context, tx store.Tx) error { return tx.Append(ctx, event(instance)) })
	wantKind(t, "two events", err, lanyard.Internal)
	err = update(s, instance, func(ctx context.Context, tx store.Tx) error { return tx.Append(ctx, event("another")) })
	wantKind(t, "event of another instance", err, lanyard.Internal)
	err = s.Update(ctx, instance, func(tx store.Tx) error {
		if err := tx.Append(ctx, event(instance)); err != nil {
			return err
		}
		return tx.Put(ctx, profile("q", "New"))
	})
	wantKind(t, "change after the event", err, lanyard.Internal)
	unchanged(t, s)
	if err := s.Update(ctx, instance, func(tx store.Tx) error { return nil }); err != nil {
		t.Errorf("a change that does nothing: %v", err)
	}
	unchanged(t, s)
}

// A Put that finds a key taken changes nothing, and what comes before and after it stays.
func testPutDuplicate(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	put(t, s, instance, profile("p", "Taken"), profile("q", "Other"))
	err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Put(ctx, user("before", "p")); err != nil {
			return err
		}
		again := profile("r", "Taken")
		wantKind(t, "create with a name that is taken", tx.Put(ctx, again), lanyard.Duplicate)
		if again.Seq != 0 {
			t.Errorf("the refused resource has Seq %d", again.Seq)
		}
		q := lanyard.Clone(must(tx.Get(ctx, lanyard.TypeProfile, "q"))(t).(*lanyard.Profile))
		q.Name = "Taken"
		wantKind(t, "rename to a name that is taken", tx.Put(ctx, q), lanyard.Duplicate)
		wantKind(t, "create with an id that is taken", tx.Put(ctx, profile("p", "Free")), lanyard.Duplicate)
		if got := must(tx.Get(ctx, lanyard.TypeProfile, "q"))(t).Head().Name; got != "Other" {
			t.Errorf("after the refused Put the name is %s", got)
		}
		return tx.Put(ctx, user("after", "q"))
	})
	if err != nil {
		t.Fatal(err)
	}
	r := s.Reader(instance)
	if got := ids(must(r.List(ctx, lanyard.TypeProfile, 0, 9))(t)); !reflect.DeepEqual(got, []string{"p", "q"}) {
		t.Errorf("the profiles are %q", got)
	}
	users := must(r.List(ctx, lanyard.TypeUser, 0, 9))(t)
	if !reflect.DeepEqual(ids(users), []string{"before", "after"}) || users[0].Head().Seq != 3 ||
		users[1].Head().Seq != 4 {
		t.Errorf("the users are %q", ids(users))
	}
	if n := must(r.Count(ctx, lanyard.TypeProfile))(t); n != 2 {
		t.Errorf("%d profiles are counted, want 2", n)
	}
	if e := must(r.Events(ctx, 1, 1))(t); len(e[0].Changes) != 2 {
		t.Errorf("the event has the changes %v", e[0].Changes)
	}
	// Compared byte for byte, and only within a type and an instance.
	put(t, s, instance, profile("s", "taken"), profile("t", "Taken "), profile("é", "é"), profile("é2", "e\u0301"))
	put(t, s, instance, user("Taken", "p"))
	put(t, s, "instance-2", profile("p", "Taken"))
}

// A change may give a name to another resource, in whatever order it touches them.
func testNamesMove(t *testing.T, open Open) {
	s := fresh(t, open)
	put(t, s, instance, profile("a", "A"), profile("b", "B"), profile("c", "C"))
	for _, names := range [][][2]string{
		{{"a", ""}, {"b", "A"}, {"a", "B"}},                          // swap
		{{"a", "X"}, {"b", "Y"}, {"c", "B"}, {"b", "A"}, {"a", "C"}}, // in a circle
		{{"b", "Z"}, {"c", "Q"}, {"b", "B"}},                         // the name of one touched later
	} {
		err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
			for _, n := range names {
				r, err := tx.Get(ctx, lanyard.TypeProfile, n[0])
				if err != nil {
					return err
				}
				p := lanyard.Clone(r.(*lanyard.Profile))
				p.Name = n[1]
				if err := tx.Put(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%q: %v", names, err)
		}
		want := map[string]string{}
		for _, n := range names {
			want[n[0]] = n[1]
		}
		for id, name := range want {
			if got := must(s.Reader(instance).Find(t.Context(), lanyard.TypeProfile, name))(t); got.Head().ID != id {
				t.Errorf("%q: profile %s is named %q", names, got.Head().ID, name)
			}
		}
	}
}

func testGroups(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	group := func(id, name string, path ...string) *lanyard.Group {
		return &lanyard.Group{Meta: lanyard.Meta{ID: id, Name: name, Modified: when}, Path: append(path, id)}
	}
	put(t, s, instance, group("a", "North"), group("b", "South"), group("c", "Team", "a"), group("d", "Team", "b"))
	err := update(s, instance,
		func(ctx context.Context, tx store.Tx) error { return tx.Put(ctx, group("e", "Team", "a")) })
	wantKind(t, "two groups of one name under one parent", err, lanyard.Duplicate)
	if g := must(s.Reader(instance).Find(ctx, lanyard.TypeGroup, "b/Team"))(t); g.Head().ID != "d" {
		t.Errorf("found %s, want d", g.Head().ID)
	}
}

// A transaction sees its own changes, and nobody else does.
func testOwnChanges(t *testing.T, open Open) {
	s := fresh(t, open)
	put(t, s, instance, profile("p", "Old"), profile("gone", "Gone"))
	outside := s.Reader(instance)
	err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
		for _, r := range []store.Reader{outside, tx} { // warm
			must(r.Get(ctx, lanyard.TypeProfile, "p"))(t)
			must(r.List(ctx, lanyard.TypeProfile, 0, 9))(t)
		}
		p := lanyard.Clone(must(tx.Get(ctx, lanyard.TypeProfile, "p"))(t).(*lanyard.Profile))
		p.Name = "New"
		if err := tx.Put(ctx, p); err != nil {
			return err
		}
		if err := tx.Delete(ctx, lanyard.TypeProfile, "gone"); err != nil {
			return err
		}
		if err := tx.Put(ctx, user("u", "p")); err != nil {
			return err
		}
		for name, want := range map[string]struct {
			r         store.Reader
			names     []string
			referrers int
			count     int
		}{
			"inside":  {tx, []string{"New"}, 1, 1},
			"outside": {outside, []string{"Old", "Gone"}, 0, 2},
		} {
			var names []string
			for _, r := range must(want.r.List(ctx, lanyard.TypeProfile, 0, 9))(t) {
				names = append(names, r.Head().Name)
			}
			if !reflect.DeepEqual(names, want.names) {
				t.Errorf("%s, List shows %q, want %q", name, names, want.names)
			}
			if got := must(want.r.Get(ctx, lanyard.TypeProfile, "p"))(t).Head().Name; got != want.names[0] {
				t.Errorf("%s, Get shows %s", name, got)
			}
			if got := must(want.r.Find(ctx, lanyard.TypeProfile, want.names[0]))(t).Head().ID; got != "p" {
				t.Errorf("%s, Find shows %s", name, got)
			}
			if got := must(want.r.Count(ctx, lanyard.TypeProfile))(t); got != want.count {
				t.Errorf("%s, Count is %d", name, got)
			}
			if got := must(want.r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeProfile, ID: "p"}, lanyard.TypeUser, "",
				9))(t); len(got) != want.referrers {
				t.Errorf("%s, Referrers are %q", name, got)
			}
		}
		_, err := tx.Get(ctx, lanyard.TypeProfile, "gone")
		wantKind(t, "get what was deleted", err, lanyard.NotFound)
		if err := tx.Append(ctx, event(instance)); err != nil {
			return err
		}
		if rev := must(tx.Revision(ctx))(t); rev != 2 {
			t.Errorf("inside, after Append, the revision is %d", rev)
		}
		if rev := must(outside.Revision(ctx))(t); rev != 1 {
			t.Errorf("outside the revision is %d", rev)
		}
		return errDone
	})
	if err != errDone {
		t.Fatal(err)
	}
}

var errDone = errors.New("done")

// sameAs fails unless a resource is what a document says; both may be missing.
func sameAs(t *testing.T, r lanyard.Resource, doc []byte) {
	t.Helper()
	if (r == nil) != (doc == nil) {
		t.Errorf("decoded %v, stored %s", r, doc)
		return
	}
	if r == nil {
		return
	}
	read := lanyard.New(r.Type())
	if err := json.Unmarshal(doc, read); err != nil || !reflect.DeepEqual(read, r) {
		t.Errorf("decoded %+v, stored %s: %v", r, doc, err)
	}
}
