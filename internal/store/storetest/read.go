package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

func testNotFound(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	put(t, s, instance, profile("p", "Name"), &lanyard.Instance{Meta: lanyard.Meta{ID: instance}})
	r := s.Reader(instance)
	for range 2 { // the second perhaps from memory
		_, err := r.Get(ctx, lanyard.TypeProfile, "q")
		wantKind(t, "get an unknown id", err, lanyard.NotFound)
		_, err = r.Get(ctx, lanyard.TypeUser, "p")
		wantKind(t, "get another type", err, lanyard.NotFound)
		_, err = s.Reader("other").Get(ctx, lanyard.TypeProfile, "p")
		wantKind(t, "get from another instance", err, lanyard.NotFound)
		_, err = r.Find(ctx, lanyard.TypeProfile, "name")
		wantKind(t, "find an unknown key", err, lanyard.NotFound)
		_, err = r.Find(ctx, lanyard.TypeInstance, "")
		wantKind(t, "find the empty key", err, lanyard.NotFound)
		_, _, err = r.LastTags(ctx, lanyard.TypeProfile, "q")
		wantKind(t, "tags of an unknown id", err, lanyard.NotFound)
		_, err = s.InstanceByToken(ctx, "123456789012", "")
		wantKind(t, "the empty token", err, lanyard.NotFound)
	}
	err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
		q := profile("q", "Q")
		q.Seq = 7
		wantKind(t, "replace what is not there", tx.Put(ctx, q), lanyard.NotFound)
		wantKind(t, "delete what is not there", tx.Delete(ctx, lanyard.TypeProfile, "q"), lanyard.NotFound)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func testList(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	var all []lanyard.Resource
	var want []string
	for i := range 25 {
		id := numbered("p", 99-i) // the order is that of creation, not of ids
		all = append(all, profile(id, id), user(id, id))
		want = append(want, id)
	}
	put(t, s, instance, all...)
	r := s.Reader(instance)
	for _, limit := range []int{1, 7, 25, 1000} {
		for range 2 {
			if got := walk(t, r, limit, func() {}); !reflect.DeepEqual(got, want) {
				t.Errorf("pages of %d give %q, want %q", limit, got, want)
			}
		}
	}
	for _, limit := range []int{0, -1} {
		if got := must(r.List(ctx, lanyard.TypeProfile, 0, limit))(t); len(got) != 0 {
			t.Errorf("limit %d gives %d profiles", limit, len(got))
		}
		if got := must(r.Events(ctx, 0, limit))(t); len(got) != 0 {
			t.Errorf("limit %d gives %d events", limit, len(got))
		}
		if got := must(r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeProfile, ID: want[0]}, lanyard.TypeUser, "",
			limit))(t); len(got) != 0 {
			t.Errorf("limit %d gives %d referrers", limit, len(got))
		}
		if got := must(s.KnownInstances(ctx, "", limit))(t); len(got) != 0 {
			t.Errorf("limit %d gives %d ids", limit, len(got))
		}
		if got := must(s.Instances(ctx, "123456789012", 0, limit))(t); len(got) != 0 {
			t.Errorf("limit %d gives %d instances", limit, len(got))
		}
	}
	// A page is shared, but who appends to one does not disturb another.
	page := must(r.List(ctx, lanyard.TypeProfile, 0, 5))(t)
	_ = append(page, all[0])
	_ = append(page, all[1])
	if cap(page) != len(page) {
		t.Errorf("a page of %d has room for %d", len(page), cap(page))
	}
}

// walk pages through the profiles and returns their ids.
func walk(t *testing.T, r store.Reader, limit int, between func()) []string {
	t.Helper()
	var got []string
	for after := int64(0); ; between() {
		page := must(r.List(context.Background(), lanyard.TypeProfile, after, limit))(t)
		if len(page) > limit {
			t.Fatalf("a page of %d, at most %d were asked for", len(page), limit)
		}
		if len(page) == 0 {
			return got
		}
		got = append(got, ids(page)...)
		after = page[len(page)-1].Head().Seq
	}
}

// While profiles come and go, those that stay are each listed once.
func testListWhileChanging(t *testing.T, open Open) {
	s := fresh(t, open)
	var stay []string
	for i := range 20 {
		id := numbered("stay", i)
		stay = append(stay, id)
		put(t, s, instance, profile(id, id), profile(numbered("go", i), numbered("go", i)))
	}
	n := 0
	got := walk(t, s.Reader(instance), 3, func() {
		if n < 20 {
			remove(t, s, instance, lanyard.TypeProfile, numbered("go", (n*7)%20))
			put(t, s, instance, profile(numbered("new", n), numbered("new", n)))
		}
		n++
	})
	got = slices.DeleteFunc(got, func(id string) bool { return id[:4] != "stay" })
	if !reflect.DeepEqual(got, stay) {
		t.Errorf("listed %q, want %q", got, stay)
	}
}

// Rows on many lists are listed each once and in order, whatever is on the lists.
func testListReferrers(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	var all []*lanyard.DataTableRow
	var some []lanyard.Resource
	for i := range 300 {
		row := &lanyard.DataTableRow{Meta: lanyard.Meta{ID: numbered("row", (i*7)%300), Modified: when}, Table: "t",
			Primary: map[string]string{"a": fmt.Sprint(i % 3), "b": fmt.Sprint(i % 100), "c": fmt.Sprint(i)}}
		all, some = append(all, row), append(some, row)
	}
	put(t, s, instance, some...)
	list := func(values map[string]string) lanyard.Ref {
		return lanyard.ListRef(lanyard.DataTableList("t", values))
	}
	type wish struct {
		name string
		to   []lanyard.Ref
		want func(*lanyard.DataTableRow) bool
	}
	var many []lanyard.Ref // more than one query follows
	for i := range 700 {
		many = append(many, list(map[string]string{"b": fmt.Sprint(i % 50), "a": fmt.Sprint(i / 100)}))
	}
	number := func(text string) (n int) { fmt.Sscan(text, &n); return n }
	wishes := []wish{
		{"every row", []lanyard.Ref{list(nil)}, func(*lanyard.DataTableRow) bool { return true }},
		{"one list", []lanyard.Ref{list(map[string]string{"a": "1"})},
			func(r *lanyard.DataTableRow) bool { return r.Primary["a"] == "1" }},
		{"two values at once", []lanyard.Ref{list(map[string]string{"a": "1", "b": "7"})},
			func(r *lanyard.DataTableRow) bool { return r.Primary["a"] == "1" && r.Primary["b"] == "7" }},
		{"lists with rows in common", []lanyard.Ref{list(map[string]string{"a": "1"}), list(map[string]string{"b": "7"}),
			list(map[string]string{"a": "1"})},
			func(r *lanyard.DataTableRow) bool { return r.Primary["a"] == "1" || r.Primary["b"] == "7" }},
		{"hundreds of lists", many,
			func(r *lanyard.DataTableRow) bool { return number(r.Primary["b"]) < 50 && number(r.Primary["a"]) < 7 }},
		{"an empty list", []lanyard.Ref{list(map[string]string{"a": "9"})},
			func(*lanyard.DataTableRow) bool { return false }},
		{"no list", nil, func(*lanyard.DataTableRow) bool { return false }},
	}
	check := func(r store.Reader) {
		t.Helper()
		for _, w := range wishes {
			var want []string
			for _, row := range all {
				if w.want(row) {
					want = append(want, row.ID)
				}
			}
			slices.Sort(want)
			for _, limit := range []int{1, 7, 1000} {
				if limit < len(want)/20 {
					continue
				}
				var got []string
				for after := ""; ; {
					page := must(r.ListReferrers(ctx, w.to, lanyard.TypeDataTableRow, after, limit))(t)
					if len(page) == 0 {
						break
					}
					got, after = append(got, ids(page)...), page[len(page)-1].Head().ID
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s by pages of %d: got %q, want %q", w.name, limit, got, want)
				}
			}
		}
		if got := must(r.ListReferrers(ctx, wishes[0].to, lanyard.TypeDataTableRow, "", 0))(t); len(got) != 0 {
			t.Errorf("limit 0 gives %d", len(got))
		}
	}
	check(s.Reader(instance))
	err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
		changed := lanyard.Clone(all[5])
		changed.Primary["a"], changed.Primary["b"] = "2", "99"
		all[5] = changed
		gone := all[9]
		all = slices.Delete(all, 9, 10)
		added := &lanyard.DataTableRow{Meta: lanyard.Meta{ID: "row-0015", Modified: when}, Table: "t",
			Primary: map[string]string{"a": "1", "b": "7", "c": "new"}}
		all = append(all, added)
		if err := errors.Join(tx.Put(ctx, changed), tx.Delete(ctx, gone.Type(), gone.ID), tx.Put(ctx, added)); err != nil {
			return err
		}
		check(tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(s.Reader(instance))
	remove(t, s, instance, lanyard.TypeDataTableRow, "row-0015")
	all = all[:len(all)-1]
	check(s.Reader(instance))
}

func testReferrers(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	put(t, s, instance, profile("p", "P"), profile("q", "Q"))
	var want []string
	for _, id := range []string{"u-10", "u-2", "U-3", "é", "u"} {
		put(t, s, instance, user(id, "q", "p"))
		want = append(want, id)
	}
	slices.Sort(want)
	put(t, s, instance, &lanyard.AIAgent{Meta: lanyard.Meta{ID: "agent", Name: "agent"}, Profiles: []string{"p"}})
	r := s.Reader(instance)
	refer := func(id string, from lanyard.Type, limit int) (all []string) {
		for after := ""; ; {
			page := must(r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeProfile, ID: id}, from, after, limit))(t)
			if len(page) > limit {
				t.Fatalf("a page of %d, at most %d were asked for", len(page), limit)
			}
			if len(page) == 0 {
				return all
			}
			all = append(all, page...)
			after = page[len(page)-1]
		}
	}
	for _, limit := range []int{1, 2, 100} {
		if got := refer("p", lanyard.TypeUser, limit); !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d give %q, want %q in byte order", limit, got, want)
		}
	}
	if got := refer("p", lanyard.TypeAIAgent, 5); !reflect.DeepEqual(got, []string{"agent"}) {
		t.Errorf("the AI agents are %q", got)
	}
	u := lanyard.Clone(must(r.Get(ctx, lanyard.TypeUser, "u"))(t).(*lanyard.User))
	u.Profiles = []string{"q"}
	put(t, s, instance, u)
	remove(t, s, instance, lanyard.TypeUser, "é")
	if got, want := refer("p", lanyard.TypeUser, 9), []string{"U-3", "u-10", "u-2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("after a change and a deletion the users are %q, want %q", got, want)
	}
	if got, want := refer("q", lanyard.TypeUser, 9), []string{"U-3", "u", "u-10", "u-2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("after a change and a deletion the users of the other are %q, want %q", got, want)
	}
}

func testCount(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	r := s.Reader(instance)
	check := func(want int) {
		t.Helper()
		if got := must(r.Count(ctx, lanyard.TypeProfile))(t); got != want {
			t.Errorf("%d profiles are counted, want %d", got, want)
		}
	}
	check(0)
	p := profile("p", "P")
	put(t, s, instance, p, profile("q", "Q"), user("u", "p"))
	check(2)
	put(t, s, instance, lanyard.Clone(p))
	check(2)
	remove(t, s, instance, lanyard.TypeProfile, "p")
	check(1)
	remove(t, s, instance, lanyard.TypeProfile, "q")
	check(0)
}

func testLastTags(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	r := s.Reader(instance)
	type answer struct {
		tags    map[string]string
		deleted bool
	}
	check := func(doing string, want answer) {
		t.Helper()
		tags, deleted, err := r.LastTags(ctx, lanyard.TypeProfile, "p")
		if got := (answer{tags, deleted}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", doing, got, err, want)
		}
	}
	tagged := profile("p", "P")
	tagged.Tags = map[string]string{"a": "1"}
	put(t, s, instance, tagged)
	check("while it is there", answer{map[string]string{"a": "1"}, false})
	remove(t, s, instance, lanyard.TypeProfile, "p")
	check("after its deletion", answer{map[string]string{"a": "1"}, true})
	put(t, s, instance, profile("p", "P"))
	check("when it is there again without tags", answer{})
	remove(t, s, instance, lanyard.TypeProfile, "p")
	_, _, err := r.LastTags(ctx, lanyard.TypeProfile, "p")
	wantKind(t, "tags after a deletion without tags", err, lanyard.NotFound)
}

func testDeleteInstance(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	r := s.Reader(instance)
	tagged := profile("p", "P")
	tagged.Tags = map[string]string{"a": "1"}
	in := contactCentre(instance, "alias", "123456789012", "token")
	in.Tags = map[string]string{"b": "2"}
	put(t, s, instance, in, tagged, profile("q", "Q"), user("u", "q"))
	remove(t, s, instance, lanyard.TypeProfile, "p")
	for range 2 { // warm
		must(r.Get(ctx, lanyard.TypeProfile, "q"))(t)
		must(r.List(ctx, lanyard.TypeProfile, 0, 9))(t)
		must(r.Get(ctx, lanyard.TypeInstance, instance))(t)
	}
	err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Delete(ctx, lanyard.TypeInstance, instance); err != nil {
			return err
		}
		empty(t, tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	empty(t, r)
	if _, err := s.InstanceByToken(ctx, "123456789012", "token"); !errors.Is(err, lanyard.ErrNotFound) {
		t.Errorf("the token: %v", err)
	}
	if n := must(s.InstanceCount(ctx, "123456789012"))(t); n != 0 {
		t.Errorf("the account has %d instances", n)
	}
	events := must(r.Events(ctx, 0, 9))(t)
	if len(events) != 3 || len(events[2].Changes) != 1 || events[2].Changes[0].Type != lanyard.TypeInstance ||
		events[2].Changes[0].After != nil {
		t.Errorf("the events are %v, want the last to have one change, the deletion", events)
	}
	if got := must(s.KnownInstances(ctx, "", 9))(t); !reflect.DeepEqual(got, []string{instance}) {
		t.Errorf("known are %q", got)
	}
	// Its alias and token are free, and so is its id; revisions go on.
	put(t, s, "instance-2", contactCentre("instance-2", "alias", "123456789012", "token"))
	put(t, s, instance, contactCentre(instance, "", "123456789012", ""))
	if rev := must(r.Revision(ctx))(t); rev != 4 {
		t.Errorf("the revision goes on with %d, want 4", rev)
	}
}

func empty(t *testing.T, r store.Reader) {
	t.Helper()
	ctx := context.Background()
	for ref, tags := range map[lanyard.Ref]bool{
		{Type: lanyard.TypeInstance, ID: instance}: true, {Type: lanyard.TypeProfile, ID: "p"}: true,
		{Type: lanyard.TypeProfile, ID: "q"}: false,
	} {
		_, err := r.Get(ctx, ref.Type, ref.ID)
		wantKind(t, "get from a deleted instance", err, lanyard.NotFound)
		if tags {
			_, _, err = r.LastTags(ctx, ref.Type, ref.ID)
			wantKind(t, "tags in a deleted instance", err, lanyard.NotFound)
		}
	}
	for _, typ := range []lanyard.Type{lanyard.TypeInstance, lanyard.TypeProfile, lanyard.TypeUser} {
		if got := must(r.List(ctx, typ, 0, 9))(t); len(got) != 0 {
			t.Errorf("a deleted instance lists %q", ids(got))
		}
		if n := must(r.Count(ctx, typ))(t); n != 0 {
			t.Errorf("a deleted instance counts %d %s", n, typ)
		}
	}
	if got := must(r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeProfile, ID: "q"}, lanyard.TypeUser, "",
		9))(t); len(got) != 0 {
		t.Errorf("in a deleted instance %q refer", got)
	}
}

func testInstancesAreApart(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	for _, in := range []string{"a", "b"} {
		put(t, s, in, contactCentre(in, in, "123456789012", in), profile("p", in), user("u", "p"))
	}
	remove(t, s, "a", lanyard.TypeInstance, "a")
	r := s.Reader("b")
	if got := must(r.Get(ctx, lanyard.TypeProfile, "p"))(t).Head(); got.Name != "b" || got.Seq != 2 {
		t.Errorf("the profile of the other instance is %+v", got)
	}
	if n := must(r.Count(ctx, lanyard.TypeUser))(t); n != 1 {
		t.Errorf("the other instance has %d users", n)
	}
	if rev := must(r.Revision(ctx))(t); rev != 1 {
		t.Errorf("the other instance has revision %d", rev)
	}
	if got := must(r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeProfile, ID: "p"}, lanyard.TypeUser, "",
		9))(t); len(got) != 1 {
		t.Errorf("in the other instance %q refer", got)
	}
}

func testDirectory(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	const mine, other = "111111111111", "222222222222"
	var want []string
	for i := range 7 {
		id := numbered("i", 50-i)
		put(t, s, id, contactCentre(id, "alias-"+id, mine, "token-"+id))
		want = append(want, id)
		put(t, s, "x"+id, contactCentre("x"+id, "", other, "token-"+id)) // another account may use the same token
	}
	list := func(limit int) (got []string) {
		for after := int64(0); ; {
			page := must(s.Instances(ctx, mine, after, limit))(t)
			if len(page) == 0 {
				return got
			}
			for _, e := range page {
				if e.Position <= after {
					t.Fatalf("position %d comes after %d", e.Position, after)
				}
				got, after = append(got, e.Instance.ID), e.Position
			}
		}
	}
	for _, limit := range []int{1, 3, 100} {
		if got := list(limit); !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d give %q, want %q", limit, got, want)
		}
	}
	if n := must(s.InstanceCount(ctx, mine))(t); n != 7 {
		t.Errorf("%d instances are counted, want 7", n)
	}
	if in := must(s.InstanceByToken(ctx, mine, "token-"+want[2]))(t); in.ID != want[2] || in.Account != mine {
		t.Errorf("the token finds %s", in.ID)
	}
	_, err := s.InstanceByToken(ctx, mine, "token")
	wantKind(t, "an unknown token", err, lanyard.NotFound)
	// A change of the instance shows in the directory, and does not move it.
	in := lanyard.Clone(must(s.InstanceByToken(ctx, mine, "token-"+want[0]))(t))
	in.Name = "renamed"
	put(t, s, in.ID, in)
	if page := must(s.Instances(ctx, mine, 0, 1))(t); page[0].Instance.Name != "renamed" {
		t.Errorf("the first instance is %+v", page[0].Instance)
	}
	put(t, s, "new", contactCentre("new", "alias-"+want[0], mine, "")) // the old alias is free
	remove(t, s, want[3], lanyard.TypeInstance, want[3])
	want = append(slices.Delete(want, 3, 4), "new")
	if got := list(2); !reflect.DeepEqual(got, want) {
		t.Errorf("after a deletion the instances are %q, want %q", got, want)
	}
}

func testDirectoryDuplicate(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	const account = "111111111111"
	put(t, s, "a", contactCentre("a", "alias", account, "token"))
	for name, in := range map[string]*lanyard.Instance{
		"alias, even of another account": contactCentre("b", "alias", "222222222222", ""),
		"token":                          contactCentre("b", "", account, "token"),
	} {
		err := update(s, "b", func(ctx context.Context, tx store.Tx) error {
			wantKind(t, name, tx.Put(ctx, in), lanyard.Duplicate)
			if n := must(tx.Count(ctx, lanyard.TypeInstance))(t); n != 0 || in.Seq != 0 {
				t.Errorf("%s: the refused Put left %d instances and Seq %d", name, n, in.Seq)
			}
			_, err := tx.Get(ctx, lanyard.TypeInstance, "b")
			wantKind(t, "get what was refused", err, lanyard.NotFound)
			return tx.Put(ctx, profile("p", name))
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		remove(t, s, "b", lanyard.TypeProfile, "p")
	}
	put(t, s, "b", contactCentre("b", "", account, ""))
	err := update(s, "b", func(ctx context.Context, tx store.Tx) error {
		in := lanyard.Clone(must(tx.Get(ctx, lanyard.TypeInstance, "b"))(t).(*lanyard.Instance))
		in.Name = "alias"
		return tx.Put(ctx, in)
	})
	wantKind(t, "rename to an alias that is taken", err, lanyard.Duplicate)
	if in := must(s.Reader("b").Get(ctx, lanyard.TypeInstance, "b"))(t); in.Head().Name != "" {
		t.Errorf("the alias is %s", in.Head().Name)
	}
	err = update(s, "b",
		func(ctx context.Context, tx store.Tx) error { return tx.Put(ctx, contactCentre("c", "", account, "")) })
	wantKind(t, "an instance within another", err, lanyard.Internal)
}

func testKnownInstances(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	want := []string{"I-3", "i", "i-10", "i-2", "é"}
	for _, i := range []int{3, 0, 4, 1, 2} {
		put(t, s, want[i], profile("p", "P"))
	}
	update(s, "never", func(context.Context, store.Tx) error { return errDone })
	for _, limit := range []int{1, 2, 100} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page := must(s.KnownInstances(ctx, after, limit))(t)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d give %q, want %q in byte order", limit, got, want)
		}
	}
}

func testKeys(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	var want []lanyard.AccessKey
	for _, id := range []string{"c", "a", "b"} {
		k := lanyard.AccessKey{ID: id, Secret: "secret of " + id, Account: "123456789012", Created: when}
		if err := s.PutKey(ctx, k); err != nil {
			t.Fatal(err)
		}
		want = append(want, k)
	}
	want[0].Disabled = true
	if err := s.PutKey(ctx, want[0]); err != nil {
		t.Fatal(err)
	}
	if got := must(s.Keys(ctx))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("the keys are %v, want %v", got, want)
	}
}

func testTokens(t *testing.T, open Open) {
	ctx, s := context.Background(), fresh(t, open)
	want := []lanyard.Token{
		{ID: "one", Hash: "h1", Account: "123456789012", Scope: lanyard.ScopeDecide, Created: when, Comment: "é"},
		{ID: "two", Hash: "h2", Account: "123456789012", Instance: instance, Scope: lanyard.ScopeCall,
			Agent: "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/b2:$LATEST", User: "u1", Created: when, Expires: when},
	}
	for _, token := range want {
		if err := s.PutToken(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	want[0].Revoked = true
	if err := s.PutToken(ctx, want[0]); err != nil {
		t.Fatal(err)
	}
	if got := must(s.Tokens(ctx))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func testSecret(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	var got [8][]byte
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], _ = s.Secret(ctx, "one") })
	}
	wg.Wait()
	for _, g := range got {
		if len(g) != 32 || !bytes.Equal(g, got[0]) {
			t.Errorf("secrets of one name are %x and %x", g, got[0])
		}
	}
	if two := must(s.Secret(ctx, "two"))(t); bytes.Equal(two, got[0]) {
		t.Error("secrets of two names are equal")
	}
}

func testContexts(t *testing.T, open Open) {
	s := fresh(t, open)
	put(t, s, instance, profile("p", "Old"))
	r := s.Reader(instance)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := r.Get(ended, lanyard.TypeProfile, "p")
	wantKind(t, "Get", err, lanyard.Unavailable)
	_, err = r.List(ended, lanyard.TypeProfile, 0, 1)
	wantKind(t, "List", err, lanyard.Unavailable)
	_, err = r.Revision(ended)
	wantKind(t, "Revision", err, lanyard.Unavailable)
	_, err = s.Keys(ended)
	wantKind(t, "Keys", err, lanyard.Unavailable)
	wantKind(t, "PutKey", s.PutKey(ended, lanyard.AccessKey{ID: "k"}), lanyard.Unavailable)
	wantKind(t, "Ping", s.Ping(ended), lanyard.Unavailable)
	wantKind(t, "Update", s.Update(ended, instance, func(store.Tx) error { panic("was called") }), lanyard.Unavailable)

	// A context that ends at any moment of a change undoes it.
	for step := range 4 {
		ctx, cancel := context.WithCancel(context.Background())
		end := func(at int) {
			if at == step {
				cancel()
			}
		}
		err := s.Update(ctx, instance, func(tx store.Tx) error {
			end(0)
			tx.Put(ctx, profile("q", "New"))
			end(1)
			tx.Delete(ctx, lanyard.TypeProfile, "p")
			end(2)
			tx.Append(ctx, event(instance))
			end(3)
			return nil // as if it had not noticed
		})
		cancel()
		wantKind(t, fmt.Sprintf("a change whose context ends at step %d", step), err, lanyard.Unavailable)
		unchanged(t, s)
	}

	// A change that waits for another stops waiting.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	update(s, instance, func(context.Context, store.Tx) error {
		err := s.Update(ctx, instance, func(store.Tx) error { panic("was called") })
		wantKind(t, "an Update that waits too long", err, lanyard.Unavailable)
		return errDone
	})
	put(t, s, instance, profile("q", "New")) // the store goes on
}

func testClosed(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	put(t, s, instance, profile("p", "P"))
	if err := s.Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	wantKind(t, "Ping after Close", s.Ping(ctx), lanyard.Unavailable)
	err := s.Update(ctx, instance, func(store.Tx) error { return errors.New("was called") })
	wantKind(t, "Update after Close", err, lanyard.Unavailable)
	_, err = s.Reader(instance).Get(ctx, lanyard.TypeUser, "u")
	wantKind(t, "Get after Close", err, lanyard.Unavailable)
}
