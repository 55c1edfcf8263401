package world_test

import (
	"context"
	"slices"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/world"
)

const account = "123456789012"

var owner = control.Call{Caller: lanyard.Caller{Account: account}}

// seed makes one instance.
func seed(ctx context.Context, svc *control.Service) error {
	_, err := svc.CreateInstance(ctx, owner, control.NewInstance{Alias: "seeded", IdentityManagement: control.SAML})
	return err
}

func newWorld(t testing.TB) *world.World {
	t.Helper()
	w, err := world.New(context.Background(), world.Config{Rules: control.Config{Region: "us-east-1", NoPasswords: true},
		Frontends: frontends.Config{Account: account, NoAuth: true, BodyMemory: 64 << 20}, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// aliases lists the instances.
func aliases(t testing.TB, w *world.World) (names []string) {
	t.Helper()
	err := w.Do(func(svc *control.Service) error {
		list, _, err := svc.ListInstances(context.Background(), owner, control.Page{Limit: 100})
		for _, in := range list {
			names = append(names, in.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func create(t testing.TB, w *world.World, alias string) {
	t.Helper()
	err := w.Do(func(svc *control.Service) error {
		_, err := svc.CreateInstance(context.Background(), owner,
			control.NewInstance{Alias: alias, IdentityManagement: control.SAML})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// has checks which instances there are.
func has(t testing.TB, w *world.World, when string, want ...string) {
	t.Helper()
	if got := aliases(t, w); !slices.Equal(got, want) {
		t.Errorf("%s there are the instances %q, want %q", when, got, want)
	}
}

func TestStates(t *testing.T) {
	w := newWorld(t)
	has(t, w, "at the start", "seeded")
	create(t, w, "second")
	if err := w.Save(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		does string
		do   func() error
		want []string
	}{
		{"reset to the seed", func() error { return w.Reset(t.Context(), world.Seeded) }, []string{"seeded"}},
		{"load", func() error { return w.Load(t.Context(), "two") }, []string{"seeded", "second"}},
		{"reset to nothing", func() error { return w.Reset(t.Context(), world.Empty) }, nil},
		{"load again", func() error { return w.Load(t.Context(), "two") }, []string{"seeded", "second"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.does, err)
		}
		has(t, w, "after "+step.does, step.want...)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w, err := world.New(context.Background(), world.Config{Rules: control.Config{Region: "us-east-1"},
			Frontends: frontends.Config{Account: account, NoAuth: true}, Seed: seed})
		if err != nil {
			b.Fatal(err)
		}
		w.Close()
	}
}

func BenchmarkReset(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		if err := w.Reset(b.Context(), world.Seeded); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSave(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		if err := w.Save(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	w := newWorld(b)
	if err := w.Save(b.Context(), "a"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := w.Load(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}
