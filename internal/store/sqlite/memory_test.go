package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

func inMemory(t *testing.T, image []byte) *Memory {
	t.Helper()
	m, err := OpenMemory(t.Context())
	if image != nil {
		m.Close()
		m, err = OpenImage(t.Context(), MemoryConfig{Image: image})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func putProfile(ctx context.Context, s store.Store, name string) error {
	return s.Update(ctx, "i", func(tx store.Tx) error {
		if err := tx.Put(ctx, &lanyard.Profile{Meta: lanyard.Meta{ID: name, Name: name}}); err != nil {
			return err
		}
		return tx.Append(ctx, &lanyard.Event{Instance: "i"})
	})
}

func profileNames(t *testing.T, s store.Store) (names []string) {
	t.Helper()
	list, err := s.Reader("i").List(context.Background(), lanyard.TypeProfile, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		names = append(names, r.Head().Name)
	}
	return names
}

// What happens to a store, or to another that was opened from its image, does not change the image.
func TestImagesAreApart(t *testing.T) {
	first := inMemory(t, nil)
	put := func(s store.Store, name string) {
		t.Helper()
		if err := putProfile(t.Context(), s, name); err != nil {
			t.Fatal(err)
		}
	}
	put(first, "a")
	image, err := first.Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, third := inMemory(t, image), inMemory(t, image)
	put(first, "b")
	put(second, "c")
	first.Close()
	for _, tt := range []struct {
		name string
		db   *Memory
		want []string
	}{
		{"changed", second, []string{"a", "c"}}, {"unchanged", third, []string{"a"}},
		{"opened later", inMemory(t, image), []string{"a"}}, {"empty", inMemory(t, nil), nil},
	} {
		if got := profileNames(t, tt.db); !slices.Equal(got, tt.want) {
			t.Errorf("the store that is %s has %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNothingIsOnDisk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "SQLITE_TMPDIR"} {
		t.Setenv(name, dir)
	}
	t.Chdir(dir)
	m := inMemory(t, nil)
	for range 50 {
		err := m.Update(t.Context(), "i", func(tx store.Tx) error {
			p := &lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Description: string(make([]byte, 1<<18))}
			if err := tx.Put(t.Context(), p); err != nil {
				return err
			}
			if err := tx.Delete(t.Context(), lanyard.TypeProfile, "p"); err != nil {
				return err
			}
			return tx.Append(t.Context(), &lanyard.Event{Instance: "i"})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Export(t.Context(), store.Scope{}, func(store.Row) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" { // files without names, too
		for _, fd := range must(filepath.Glob("/proc/self/fd/*"))(t) {
			if target, err := os.Readlink(fd); err == nil && filepath.Dir(target) == dir {
				t.Errorf("%s is open", target)
			}
		}
	}
	if left := must(os.ReadDir(dir))(t); len(left) > 0 {
		t.Errorf("there is %v", left)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// A caller who leaves in the middle of a change does not take the connection along, which is the database.
func TestCanceledCallsKeepMemory(t *testing.T) {
	m := inMemory(t, nil)
	if err := putProfile(t.Context(), m, "a"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := m.Update(ctx, "i", func(tx store.Tx) error {
		if err := tx.Put(ctx, &lanyard.Profile{Meta: lanyard.Meta{ID: "b", Name: "b"}}); err != nil {
			return err
		}
		cancel()
		_, err := tx.List(ctx, lanyard.TypeUser, 0, 10)
		return err
	})
	if lanyard.KindOf(err) != lanyard.Unavailable {
		t.Errorf("the canceled change ended with %v, want an Unavailable", err)
	}
	exporting, stop := context.WithCancel(t.Context())
	left := errors.New("left")
	if err := m.Export(exporting, store.Scope{}, func(store.Row) error { stop(); return left }); !errors.Is(err, left) {
		t.Errorf("the canceled export ended with %v", err)
	}
	if got := profileNames(t, m); !slices.Equal(got, []string{"a"}) {
		t.Errorf("afterwards there are the profiles %q, want a", got)
	}
	if err := putProfile(t.Context(), m, "c"); err != nil {
		t.Errorf("a later change: %v", err)
	}
}

// A store that is full refuses changes, and keeps what it has; what makes room is accepted.
func TestFullMemory(t *testing.T) {
	image, err := emptyImage()
	if err != nil {
		t.Fatal(err)
	}
	m, err := OpenImage(t.Context(), MemoryConfig{Image: image, Most: int64(len(image)) + 1<<18})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var names []string
	for n := 0; err == nil && n < 10_000; n++ {
		name := fmt.Sprintf("p%04d", n)
		if err = putProfile(t.Context(), m, name); err == nil {
			names = append(names, name)
		}
	}
	if lanyard.KindOf(err) != lanyard.Unavailable || !strings.Contains(err.Error(), "the store in memory is full") {
		t.Fatalf("after %d profiles: %v, want an Unavailable because it is full", len(names), err)
	}
	if got := profileNames(t, m); !slices.Equal(got, names[:min(100, len(names))]) {
		t.Errorf("there are the profiles %q, want the first of %d", got, len(names))
	}
	full, err := m.Image(t.Context())
	if err != nil || int64(len(full)) > int64(len(image))+1<<18 {
		t.Errorf("the image has %d bytes, %v", len(full), err)
	}
	if got := profileNames(t, inMemory(t, full)); len(got) != min(100, len(names)) {
		t.Errorf("what is opened from the image has %d profiles", len(got))
	}
}

func TestBadImage(t *testing.T) {
	for name, image := range map[string][]byte{"empty": {}, "text": []byte("nothing that SQLite knows"), "none": nil} {
		m, err := OpenImage(t.Context(), MemoryConfig{Image: image})
		if err == nil {
			m.Close()
		}
		if lanyard.KindOf(err) != lanyard.Unavailable {
			t.Errorf("an image that is %s: %v, want an Unavailable", name, err)
		}
	}
}

func BenchmarkMemory(b *testing.B) {
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := OpenMemory(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			m.Close()
		}
	})
	b.Run("update", func(b *testing.B) {
		m, err := OpenMemory(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		for i := 0; b.Loop(); i++ {
			if err := putProfile(b.Context(), m, strconv.Itoa(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
