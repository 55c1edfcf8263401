package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// OpenPortable opens the store that belongs to a folder, as Open does; target opens it for an import.
// An error of opening is the test's to judge. The caller closes it.
type OpenPortable func(t *testing.T, dir string, target bool) (store.Portable, error)

// RunCopy tests the promises of store.Portable: content goes from stores of one kind to stores of
// another. It is run for every pair.
func RunCopy(t *testing.T, from, to OpenPortable) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, from, to OpenPortable)
	}{
		{"Copy", testCopy},
		{"Interrupted", testInterrupted},
		{"NotEmpty", testNotEmpty},
		{"ExportWhileChanging", testExportWhileChanging},
		{"ExportScope", testExportScope},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, from, to) })
	}
}

func openPortable(t *testing.T, open OpenPortable, dir string, target bool) store.Portable {
	t.Helper()
	s, err := open(t, dir, target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // again, where the test has
	return s
}

// furnish puts something of everything into a store.
func furnish(t *testing.T, s store.Store) {
	t.Helper()
	ctx := context.Background()
	for _, in := range []string{"b", "a", "é"} {
		put(t, s, in, contactCentre(in, "alias of "+in, "123456789012", "token of "+in))
		for i := range 10 {
			u := user(numbered("u", i), numbered("p", i))
			u.Tags = map[string]string{"Team": in}
			put(t, s, in, profile(numbered("p", i), numbered("P", i)), u)
		}
		for i := range 3 {
			remove(t, s, in, lanyard.TypeUser, numbered("u", i))
		}
		if err := s.Update(ctx, in, func(tx store.Tx) error {
			if err := tx.SetPassword(ctx, numbered("u", 5), "hash of "+in); err != nil {
				return err
			}
			return tx.Append(ctx, event(in))
		}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, "gone", contactCentre("gone", "gone", "123456789012", ""), profile("p", "P"))
	remove(t, s, "gone", lanyard.TypeInstance, "gone")
	if err := s.Prune(ctx, checkpointAt(t, s, "a", 8)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"second", "first"} {
		if err := errors.Join(s.PutKey(ctx, lanyard.AccessKey{ID: id, Secret: "s", Created: when}),
			s.PutToken(ctx, lanyard.Token{ID: id, Hash: "h", Created: when})); err != nil {
			t.Fatal(err)
		}
	}
	must(s.Secret(ctx, "one"))(t)
}

func rowsOf(t *testing.T, s store.Portable, scope store.Scope) (rows []store.Row) {
	t.Helper()
	if err := s.Export(context.Background(), scope, func(r store.Row) error {
		rows = append(rows, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// feed is a next of Import.
func feed(rows []store.Row, end error) func() (store.Row, error) {
	return func() (store.Row, error) {
		if len(rows) == 0 {
			return store.Row{}, end
		}
		first := rows[0]
		rows = rows[1:]
		return first, nil
	}
}

func equalRows(t *testing.T, got, want []store.Row) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i].Table != want[i].Table || !reflect.DeepEqual(got[i].Values, want[i].Values) {
			t.Fatalf("row %d of table %s is %q, want %q of %s", i, got[i].Table.Name, got[i].Values, want[i].Values,
				want[i].Table.Name)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
}

func testCopy(t *testing.T, from, to OpenPortable) {
	ctx := context.Background()
	s := openPortable(t, from, t.TempDir(), false)
	furnish(t, s)
	want := rowsOf(t, s, store.Scope{})
	have := map[*store.Table]int{}
	for _, r := range want {
		have[r.Table]++
	}
	for _, table := range store.Tables {
		if have[table] == 0 {
			t.Errorf("no row of %s is exported", table.Name)
		}
	}
	if n := must(s.Size(ctx))(t); n < int64(len(want))/2 || n > int64(len(want))*2 {
		t.Errorf("the size is said to be %d, and %d rows are exported", n, len(want))
	}

	dir := t.TempDir()
	filled := openPortable(t, to, dir, true)
	if err := filled.Import(ctx, feed(want, io.EOF)); err != nil {
		t.Fatal(err)
	}
	equalRows(t, rowsOf(t, filled, store.Scope{}), want)
	if err := errors.Join(filled.FinishImport(ctx), filled.Close()); err != nil {
		t.Fatal(err)
	}

	// It goes on where the other stood.
	var got [2]any
	for i, s := range []store.Portable{s, openPortable(t, to, dir, false)} {
		equalRows(t, rowsOf(t, s, store.Scope{}), want)
		p := profile("new", "new")
		put(t, s, "a", p)
		wantKind(t, "a taken alias", update(s, "c", func(ctx context.Context, tx store.Tx) error {
			return tx.Put(ctx, contactCentre("c", "alias of b", "123456789012", ""))
		}), lanyard.Duplicate)
		put(t, s, "c", contactCentre("c", "c", "123456789012", ""))
		if err := s.PutKey(ctx, lanyard.AccessKey{ID: "a third"}); err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, e := range must(s.Instances(ctx, "123456789012", 0, 10))(t) {
			order = append(order, e.Instance.ID)
		}
		var keys []string
		for _, k := range must(s.Keys(ctx))(t) {
			keys = append(keys, k.ID)
		}
		tags, _, err := s.Reader("b").LastTags(ctx, lanyard.TypeUser, "u-001")
		if err != nil {
			t.Error(err)
		}
		got[i] = fmt.Sprint(p.Seq, must(s.Reader("a").Revision(ctx))(t), must(s.Reader("b").Count(ctx, lanyard.TypeUser))(t),
			order, keys, tags,
			must(s.KnownInstances(ctx, "", 10))(t), must(s.Secret(ctx, "one"))(t),
			must(s.Reader("b").Referrers(ctx, lanyard.Ref{Type: lanyard.TypeProfile, ID: "p-007"}, lanyard.TypeUser, "", 5))(t))
	}
	if got[0] != got[1] {
		t.Errorf("after the same changes the copy is\n%s\nand the original\n%s", got[1], got[0])
	}
}

// A store whose import is not finished is not served, and can be the target of another import.
func testInterrupted(t *testing.T, from, to OpenPortable) {
	ctx := context.Background()
	s := openPortable(t, from, t.TempDir(), false)
	furnish(t, s)
	rows := rowsOf(t, s, store.Scope{})
	dir := t.TempDir()
	broken := errors.New("the lid fell")
	for _, n := range []int{0, 9, len(rows)} {
		target := openPortable(t, to, dir, true)
		if err := target.Import(ctx, feed(rows[:n], broken)); !errors.Is(err, broken) {
			t.Fatalf("after %d rows: %v, want %v", n, err, broken)
		}
		if err := target.Close(); err != nil {
			t.Fatal(err)
		}
		opened, err := to(t, dir, false)
		if err == nil {
			opened.Close()
		}
		wantKind(t, fmt.Sprintf("opening what has %d rows", n), err, lanyard.Condition)
	}
	target := openPortable(t, to, dir, true)
	if err := errors.Join(target.Import(ctx, feed(rows, io.EOF)), target.FinishImport(ctx), target.Close()); err != nil {
		t.Fatal(err)
	}
	equalRows(t, rowsOf(t, openPortable(t, to, dir, false), store.Scope{}), rows)
}

func testNotEmpty(t *testing.T, from, to OpenPortable) {
	ctx := context.Background()
	for name, use := range map[string]func(store.Store){
		"a key":    func(s store.Store) { s.PutKey(ctx, lanyard.AccessKey{ID: "k"}) },
		"a secret": func(s store.Store) { s.Secret(ctx, "s") },
		"events":   func(s store.Store) { put(t, s, instance, profile("p", "P")) },
	} {
		dir := t.TempDir()
		s := openPortable(t, to, dir, false)
		use(s)
		before := rowsOf(t, s, store.Scope{})
		s.Close()
		target := openPortable(t, to, dir, true)
		wantKind(t, "filling a store with "+name, target.Import(ctx, feed(nil, io.EOF)), lanyard.Condition)
		target.Close()
		equalRows(t, rowsOf(t, openPortable(t, to, dir, false), store.Scope{}), before)
	}
}

// What is exported is one state, and whoever is slow to take it keeps nobody from writing.
func testExportWhileChanging(t *testing.T, from, _ OpenPortable) {
	ctx := context.Background()
	s := openPortable(t, from, t.TempDir(), false)
	for i := range 20 {
		put(t, s, "a", profile(numbered("p", i), numbered("P", i)))
		put(t, s, "b", profile(numbered("p", i), numbered("P", i)))
	}
	var events, resources int
	first := true
	if err := s.Export(ctx, store.Scope{}, func(r store.Row) error {
		if first {
			first = false
			began := time.Now()
			for i := range 20 {
				put(t, s, "b", profile(numbered("later", i), numbered("Later", i)))
				put(t, s, "c", profile(numbered("p", i), numbered("P", i)))
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("40 changes alongside an export take %v", took)
			}
		}
		switch r.Table {
		case store.Events:
			events++
		case store.Resources:
			resources++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if events != 40 || resources != 40 {
		t.Errorf("%d events and %d resources are exported; there were 40 of each when it began", events, resources)
	}
	stop := errors.New("enough")
	if err := s.Export(ctx, store.Scope{}, func(store.Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an export that is stopped answers %v", err)
	}
	put(t, s, "a", profile("after", "after")) // nothing is left open
}

func testExportScope(t *testing.T, from, _ OpenPortable) {
	s := openPortable(t, from, t.TempDir(), false)
	furnish(t, s)
	all := rowsOf(t, s, store.Scope{})
	of := func(keep func(store.Row) bool) []store.Row {
		return slices.DeleteFunc(slices.Clone(all), func(r store.Row) bool { return !keep(r) })
	}
	equalRows(t, rowsOf(t, s, store.Scope{Instance: "a"}),
		of(func(r store.Row) bool { return !r.Table.Server && r.Values[0] == "a" }))
	equalRows(t, rowsOf(t, s, store.Scope{Tables: []*store.Table{store.Events}}),
		of(func(r store.Row) bool { return r.Table == store.Events }))
	equalRows(t, rowsOf(t, s, store.Scope{Instance: "never"}), nil)
}
