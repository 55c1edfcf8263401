package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"reflect"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

func testPasswords(t *testing.T, open Open) {
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir)
	put(t, s, instance, contactCentre(instance, "a", "123456789012", ""), profile("p", "P"), user("ann", "p"),
		user("bob", "p"))
	put(t, s, "other", contactCentre("other", "b", "123456789012", ""), profile("p", "P"), user("ann", "p"))
	set := func(in, user, hash string) error {
		return update(s, in, func(ctx context.Context, tx store.Tx) error { return tx.SetPassword(ctx, user, hash) })
	}
	want := func(in, user, hash string) {
		t.Helper()
		got, err := s.Reader(in).Password(ctx, user)
		if hash == "" {
			wantKind(t, "a password that is not there", err, lanyard.NotFound)
		} else if err != nil || got != hash {
			t.Errorf("the password of %s in %s is %q, %v, want %q", user, in, got, err, hash)
		}
	}
	want(instance, "ann", "")
	wantKind(t, "a password of nobody", set(instance, "nobody", "x"), lanyard.NotFound)
	for _, tt := range [][3]string{{instance, "ann", "first"}, {instance, "ann", "second"}, {instance, "bob", "third"},
		{"other", "ann", "fourth"}} {
		if err := set(tt[0], tt[1], tt[2]); err != nil {
			t.Fatal(err)
		}
		want(tt[0], tt[1], tt[2])
	}
	err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
		if err := tx.SetPassword(ctx, "ann", "never"); err != nil {
			return err
		}
		if got, err := tx.Password(ctx, "ann"); err != nil || got != "never" {
			t.Errorf("the change sees the password %q, %v", got, err)
		}
		return context.Canceled
	})
	if err == nil {
		t.Error("the change did not fail")
	}
	want(instance, "ann", "second")
	events := must(s.Reader(instance).Events(ctx, 1, 100))(t)
	if len(events) != 3 {
		t.Errorf("setting three passwords left %d events", len(events))
	}
	for _, e := range events {
		if len(e.Changes) > 0 {
			t.Errorf("setting a password is recorded as the change %s", e.Changes[0].After)
		}
		if len(e.Passwords) != 1 || len(e.Passwords[0].Digest) != 32 ||
			bytes.Contains(e.Passwords[0].Digest, []byte("second")) {
			t.Errorf("setting a password is recorded as %v", e.Passwords)
		}
	}
	digest := sha256.Sum256([]byte("second"))
	if got := events[1].Passwords; !reflect.DeepEqual(got, []lanyard.PasswordSet{{User: "ann", Digest: digest[:]}}) {
		t.Errorf("the second password is recorded as %v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	want(instance, "ann", "second")
	remove(t, s, instance, lanyard.TypeUser, "ann")
	put(t, s, instance, user("ann", "p"))
	want(instance, "ann", "") // another ann
	want(instance, "bob", "third")
	remove(t, s, instance, lanyard.TypeInstance, instance)
	want(instance, "bob", "")
	want("other", "ann", "fourth")
}

func testHistory(t *testing.T, open Open) {
	s, ctx := fresh(t, open), t.Context()
	put(t, s, instance, contactCentre(instance, "a", "123456789012", ""), profile("p", "P")) // 1
	for i := range 9 {                                                                       // 2 to 10
		if i%3 == 0 {
			put(t, s, instance, profile(numbered("q", i), numbered("about p ", i))) // 2, 5, 8
			continue
		}
		p := lanyard.Clone(must(s.Reader(instance).Get(ctx, lanyard.TypeProfile, "p"))(t).(*lanyard.Profile))
		p.Description += "x"
		put(t, s, instance, p) // 3, 4, 6, 7, 9, 10
	}
	p, all := lanyard.Ref{Type: lanyard.TypeProfile, ID: "p"}, lanyard.Ref{}
	for _, tt := range []struct {
		name        string
		about       lanyard.Ref
		before      int64
		scan, limit int
		want        []int64
		next        int64
	}{
		{"all of everything", all, 0, 100, 100, []int64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, 0},
		{"the last of everything", all, 0, 100, 2, []int64{10, 9}, 9},
		{"the next of everything", all, 9, 100, 2, []int64{8, 7}, 7},
		{"the first of everything", all, 2, 100, 2, []int64{1}, 0},
		{"exactly to the beginning", all, 3, 2, 2, []int64{2, 1}, 0},
		{"all of one", p, 0, 100, 100, []int64{10, 9, 7, 6, 4, 3, 1}, 0},
		{"some of one", p, 9, 100, 2, []int64{7, 6}, 6},
		{"of one, looked at a few", p, 9, 3, 100, []int64{7, 6}, 6},
		{"of one, looked at one that is not about it", p, 9, 1, 100, nil, 8},
		{"nothing before the first", p, 1, 100, 100, nil, 0},
		{"of another type", lanyard.Ref{Type: lanyard.TypeUser, ID: "p"}, 0, 100, 100, nil, 0},
		{"of what never was", lanyard.Ref{Type: lanyard.TypeProfile, ID: "r\"<"}, 0, 100, 100, nil, 0},
		{"none asked for", all, 5, 100, 0, nil, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, next, err := s.Reader(instance).History(ctx, tt.about, tt.before, tt.scan, tt.limit)
			var got []int64
			for _, e := range events {
				got = append(got, e.Revision)
			}
			if err != nil || !equal(got, tt.want) || next != tt.next {
				t.Errorf("got %v, going on before %d, %v; want %v and %d", got, next, err, tt.want, tt.next)
			}
		})
	}
}

func equal(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func testSessions(t *testing.T, open Open) {
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir)
	make := func(id, owner string, minute int) lanyard.Session {
		at := when.Add(time.Duration(minute) * time.Minute)
		n := lanyard.Session{ID: id, Owner: owner, Instance: instance, User: "ann", Method: "password", Created: at, Seen: at,
			Expires: at.Add(time.Hour)}
		if err := s.AddSession(ctx, n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	here := func(want string) {
		t.Helper()
		got := ""
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			if _, err := s.Session(ctx, id); err == nil {
				got += id
			} else {
				wantKind(t, "a session that has ended", err, lanyard.NotFound)
			}
		}
		if got != want {
			t.Errorf("there are the sessions %q, want %q", got, want)
		}
	}
	a := make("a", "ann", 0)
	if got := must(s.Session(ctx, "a"))(t); got != a {
		t.Errorf("got %+v, want %+v", got, a)
	}
	if err := s.AddSession(ctx, a); err == nil {
		t.Error("a second session has the same id")
	}
	for _, minute := range []int{5, 3} { // the later counts
		if err := s.TouchSession(ctx, "a", when.Add(time.Duration(minute)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if got := must(s.Session(ctx, "a"))(t).Seen; !got.Equal(when.Add(5 * time.Minute)) {
		t.Errorf("the session was seen at %v", got)
	}
	for i, id := range []string{"b", "c", "d"} {
		make(id, "ann", i+1)
	}
	make("e", "bob", 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	here("abcde")
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return s.EndSession(ctx, "none") }, "abcde"},
		{func() error { return s.EndSessions(ctx, "ann", "", 3) }, "bcde"},
		{func() error { return s.EndSessions(ctx, "ann", "c", 0) }, "ce"},
		{func() error { return s.TouchSession(ctx, "b", when) }, "ce"}, // what has ended stays so
		{func() error { return s.ExpireSessions(ctx, when.Add(61*time.Minute)) }, "c"},
		{func() error { return s.EndSession(ctx, "c") }, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		here(step.want)
	}
}
