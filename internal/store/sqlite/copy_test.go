package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/storetest"
)

func openPortable(t *testing.T, dir string, target bool) (store.Portable, error) {
	return Open(t.Context(), Config{Dir: dir, Target: target, unsynced: true})
}

func TestCopy(t *testing.T) { storetest.RunCopy(t, openPortable, openPortable) }

// An export of a store in memory sees one state too, and keeps nobody from changing it.
func TestCopyFromMemory(t *testing.T) {
	images := map[string][]byte{}
	storetest.RunCopy(t, func(t *testing.T, dir string, target bool) (store.Portable, error) {
		if target {
			return openPortable(t, dir, target)
		}
		return openedMemory(t, images, dir), nil
	}, openPortable)
}

// Every table of a store is copied, apart from a few.
func TestTablesAreCopied(t *testing.T) {
	db, err := openWriter(t.Context(), filepath.Join(t.TempDir(), "x.db"), Config{unsynced: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var list string
	if err := db.QueryRow(`SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name)`).Scan(&list); err != nil {
		t.Fatal(err)
	}
	names := strings.Split(list, ",")
	want := []string{"filling", "schema_version", "sessions"} // who is signed in signs in again
	for _, table := range store.Tables {
		want = append(want, table.Name)
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the tables are %q; store.Tables and those that are not copied are %q", names, want)
	}
}

// A store can be read, but not written, alongside the server that writes it.
func TestOpenReadOnly(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	if _, err := OpenReadOnly(ctx, dir); err == nil {
		t.Error("a folder without a database is opened")
	}
	db := opened(t, Config{Dir: dir})
	add := func(name string) error {
		return db.Update(ctx, "i", func(tx store.Tx) error {
			if err := tx.Put(ctx, &lanyard.Profile{Meta: lanyard.Meta{ID: name, Name: name}}); err != nil {
				return err
			}
			return tx.Append(ctx, &lanyard.Event{Instance: "i"})
		})
	}
	if err := add("one"); err != nil {
		t.Fatal(err)
	}
	beside, err := OpenReadOnly(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	for i, name := range []string{"two", "three"} {
		if err := add(name); err != nil {
			t.Fatal(err)
		}
		if n, err := beside.Reader("i").Revision(ctx); err != nil || n != int64(i+2) {
			t.Errorf("alongside the server the revision is %d, %v; want %d", n, err, i+2)
		}
	}
	if err := beside.PutKey(ctx, lanyard.AccessKey{ID: "k"}); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("a write alongside the server: %v", err)
	}
}
