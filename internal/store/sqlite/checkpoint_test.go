package sqlite

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/store"
)

// Under changes without a pause the log must stay short, and the database must come to have what was
// in it.
func TestLogStaysShort(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	dir := t.TempDir()
	db := filled(t, Config{Dir: dir}, 64)
	ctx := t.Context()
	var most int64
	var wg sync.WaitGroup
	const writers, each = 16, 700
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				p := profile(w)
				p.Seq = 1 // Put finds the real one
				p.Modified = time.UnixMilli(int64(1700000000000 + i)).UTC()
				if err := db.Update(ctx, "i", func(tx store.Tx) error {
					if err := tx.Put(ctx, p); err != nil {
						return err
					}
					return tx.Append(ctx, event("i"))
				}); err != nil {
					t.Error(err)
					return
				}
				if w == 0 {
					if info, err := os.Stat(filepath.Join(dir, database+"-wal")); err == nil {
						most = max(most, info.Size())
					}
				}
			}
		})
	}
	wg.Wait()
	if most > 30<<20 { // at 32 SQLite moves it by itself, and everybody waits
		t.Errorf("the log grew to %d MiB; it is to be moved at 8, and grows some more while it is", most>>20)
	}
	if most == 0 {
		t.Error("there was no log")
	}
	if r, err := db.Reader("i").Revision(ctx); err != nil || r != writers*each+1 {
		t.Errorf("revision %d, %v, want %d", r, err, writers*each+1)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, database+"-wal")); !os.IsNotExist(err) {
		t.Errorf("after Close the log is still there: %v", err)
	}
}
