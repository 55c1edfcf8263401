package control_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
)

func TestKeys(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	if _, ok := w.Key("any"); ok {
		t.Error("before any was loaded there is a key")
	}
	root, err := w.SetRootKey(ctx, "", "", account)
	w.must(err)
	if !root.Root || len(root.ID) != 20 || len(root.Secret) != 40 {
		t.Errorf("the root key is %+v", root)
	}
	again, err := w.SetRootKey(ctx, "", "", account)
	w.must(err)
	if again != root {
		t.Errorf("the root key is %+v at the next start, want %+v", again, root)
	}
	for _, bad := range []string{"", "12345678901", "1234567890123", "12345678901x"} {
		_, err := w.CreateKey(ctx, lanyard.AccessKey{Account: bad})
		w.fails(err, lanyard.Invalid, "account", "twelve digits")
	}
	k, err := w.CreateKey(ctx, lanyard.AccessKey{Account: stranger, Comment: "for a tool"})
	w.must(err)
	if got, ok := w.Key(k.ID); !ok || got.Secret != k.Secret || got.Root || got.Account != stranger {
		t.Errorf("the key that was made counts as %+v, %v", got, ok)
	}
	list, err := w.Keys(ctx)
	w.must(err)
	if len(list) != 2 || list[0].ID != root.ID || list[1].ID != k.ID || list[0].Secret+list[1].Secret != "" {
		t.Errorf("the list of keys is %+v", list)
	}
	w.must(w.DisableKey(ctx, k.ID))
	if _, ok := w.Key(k.ID); ok {
		t.Error("a disabled key counts")
	}
	w.fails(w.DisableKey(ctx, root.ID), lanyard.Invalid, root.ID)
	w.fails(w.DisableKey(ctx, "none"), lanyard.NotFound, `"none"`)

	other, err := w.SetRootKey(ctx, "AKIAOTHER", strings.Repeat("s", 40), account)
	w.must(err)
	if got, ok := w.Key("AKIAOTHER"); !ok || !got.Root || other.ID != "AKIAOTHER" {
		t.Errorf("the root key that was set counts as %+v, %v", got, ok)
	}
	if _, ok := w.Key(root.ID); ok {
		t.Error("the former root key still counts")
	}
	changed, err := w.SetRootKey(ctx, "AKIAOTHER", "another secret", account)
	w.must(err)
	if got, _ := w.Key("AKIAOTHER"); got.Secret != changed.Secret || changed.Secret != "another secret" {
		t.Errorf("the changed root key counts as %+v", got)
	}
}

// TestKeysAtOnce makes and disables keys at the same time: each counts, or does not, at once.
func TestKeysAtOnce(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				k, err := w.CreateKey(t.Context(), lanyard.AccessKey{Account: account})
				if err != nil {
					t.Error(err)
					return
				}
				if _, ok := w.Key(k.ID); !ok {
					t.Errorf("the key %s was made and does not count", k.ID)
				}
				if err := w.DisableKey(t.Context(), k.ID); err != nil {
					t.Error(err)
				}
				if _, ok := w.Key(k.ID); ok {
					t.Errorf("the key %s was disabled and counts", k.ID)
				}
			}
		})
	}
	all.Wait()
}
