package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
	"github.com/lanyard/lanyard/internal/store/storetest"
)

func TestStore(t *testing.T) {
	for name, c := range map[string]Config{
		"default":  {},
		"small":    {Cache: 40_000, unsynced: true}, // so small that it evicts
		"uncached": {Cache: -1, unsynced: true},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			storetest.Run(t, func(t *testing.T, dir string) store.Store {
				c.Dir = dir
				return opened(t, c)
			})
			idle(t, before)
		})
	}
}

// A store in memory is what it was again when it is opened from its last image.
func TestMemoryStore(t *testing.T) {
	before := runtime.NumGoroutine()
	images := map[string][]byte{}
	storetest.Run(t, func(t *testing.T, dir string) store.Store { return openedMemory(t, images, dir) })
	idle(t, before)
}

// imagedMemory leaves its image when it is closed.
type imagedMemory struct {
	*Memory
	keep func([]byte)
}

func (m imagedMemory) Close() error {
	image, err := m.Image(context.Background())
	if err == nil {
		m.keep(image)
	}
	return m.Memory.Close()
}

func openedMemory(t *testing.T, images map[string][]byte, dir string) imagedMemory {
	t.Helper()
	image, err := emptyImage()
	if kept := images[dir]; kept != nil {
		image = kept
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := OpenImage(t.Context(), MemoryConfig{Image: image, Cache: 40_000}) // it evicts
	if err != nil {
		t.Fatal(err)
	}
	db := imagedMemory{m, func(image []byte) { images[dir] = image }}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// idle waits until no more goroutines run than before.
func idle(t *testing.T, before int) {
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, before there were %d:\n%s", runtime.NumGoroutine(), before,
		stacks[:runtime.Stack(stacks, true)])
}

func opened(t *testing.T, c Config) *sqlstore.DB {
	t.Helper()
	db, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// refused checks that a folder cannot be opened, and why.
func refused(t *testing.T, dir, reason string) {
	t.Helper()
	db, err := Open(t.Context(), Config{Dir: dir})
	if err == nil {
		db.Close()
		t.Fatalf("the folder was opened, want it refused because %q", reason)
	}
	var e *lanyard.Error
	if !errors.As(err, &e) || e.Kind != lanyard.Unavailable || !strings.Contains(err.Error(), reason) {
		t.Errorf("refused with %v, want an Unavailable with %q", err, reason)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, Config{Dir: dir})
	refused(t, dir, "another server is using the folder")
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
	db.Close()
	opened(t, Config{Dir: dir})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	opened(t, Config{Dir: dir}).Close()
	script(t, dir, `INSERT INTO schema_version (version, name, applied) VALUES (999, 'later', 0)`)
	refused(t, dir, "version 999")
	refused(t, dir, "newer program") // and the lock was given back
}

// script runs a statement on a database that no store has open.
func script(t *testing.T, dir, query string) {
	t.Helper()
	raw, err := sql.Open("sqlite", dsn(filepath.Join(dir, database), "mode=rwc"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedDatabaseIsRefused(t *testing.T) {
	good := t.TempDir()
	opened(t, Config{Dir: good}).Close()
	whole, err := os.ReadFile(filepath.Join(good, database))
	if err != nil {
		t.Fatal(err)
	}
	zeroed := append([]byte(nil), whole...)
	clear(zeroed[100:4096]) // the schema's first page, after the header
	header := func(at int, to ...byte) []byte {
		file := append([]byte(nil), whole...)
		copy(file[at:], to)
		return file
	}
	for _, tt := range []struct {
		name    string
		content []byte
		reason  string
	}{
		{"text", []byte(strings.Repeat("not a database ", 100)), "does not begin like one"},
		{"short", []byte("SQLite format 3\x00"), "truncated"},
		{"cut", whole[:len(whole)-5000], "bytes of"},
		{"zeroed", zeroed, "damaged"},
		{"empty", nil, "it is empty"},
		{"of pages of no size", header(16, 0, 0), "says pages of 0 bytes"},
		{"of pages of an odd size", header(16, 0x03, 0xe8), "says pages of 1000 bytes"},
		{"of pages with something else in them", header(20, 99), "with 99 reserved"},
		{"of pages that claim to have no checksums", header(20, 0), "the checksum of its first page is wrong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, database), tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, tt.reason)
			if got, _ := os.ReadFile(filepath.Join(dir, database)); !bytes.Equal(got, tt.content) {
				t.Error("the refused file was changed")
			}
		})
	}
	t.Run("another program's", func(t *testing.T) {
		dir := t.TempDir()
		script(t, dir, `CREATE TABLE songs (title TEXT)`)
		refused(t, dir, "not one of lanyard's")
	})
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder?with #odd%20name")
	db := opened(t, Config{Dir: dir})
	if _, err := db.Secret(t.Context(), "x"); err != nil { // so that there is a log
		t.Fatal(err)
	}
	got := map[string]os.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		got[d.Name()] = info.Mode().Perm()
		return err
	})
	want := map[string]os.FileMode{filepath.Base(dir): 0o700, database: 0o600, database + "-wal": 0o600, database +
		"-shm": 0o600, lock: 0o600}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("modes are %v, %v; want %v", got, err, want)
	}
}

func TestPragmas(t *testing.T) {
	db, err := openWriter(t.Context(), filepath.Join(t.TempDir(), "x.db"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "0",
		"busy_timeout": "5000"} {
		var got string
		if err := db.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", pragma, got, err, want)
		}
	}
}

// Each event's hash covers its body and the hash before, so that none can be changed unnoticed.
func TestHashChain(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	db := opened(t, Config{Dir: dir})
	for i := range 5 {
		err := db.Update(ctx, "i", func(tx store.Tx) error {
			if err := tx.Put(ctx, profile(i)); err != nil {
				return err
			}
			return tx.Append(ctx, event("i"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	raw, err := sql.Open("sqlite", dsn(filepath.Join(dir, database), "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	rows, err := raw.QueryContext(ctx, `SELECT body, hash FROM events WHERE instance_id = 'i' ORDER BY revision`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	last, n := make([]byte, 32), 0
	for rows.Next() {
		var body, hash []byte
		if err := rows.Scan(&body, &hash); err != nil {
			t.Fatal(err)
		}
		body, err := sqlstore.Unpack(body)
		if err != nil {
			t.Fatal(err)
		}
		want := sha256.Sum256(append(last, body...))
		if !reflect.DeepEqual(hash, want[:]) {
			t.Errorf("the hash of event %d is %x, want %x", n+1, hash, want)
		}
		last, n = hash, n+1
	}
	if err := rows.Err(); err != nil || n != 5 {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestMemoryStoreLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	db, err := OpenMemory(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Secret(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("after Close there is %v", left)
	}
}

// A start that is cancelled says so, and nothing of damage.
func TestOpenIsCancelled(t *testing.T) {
	cancelled := errors.New("the server was told to end")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cancelled)
	_, err := Open(ctx, Config{Dir: t.TempDir()})
	if !errors.Is(err, cancelled) || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "damaged") {
		t.Errorf("a store in a folder: %v", err)
	}
	if _, err = OpenMemory(ctx); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "damaged") {
		t.Errorf("a store in memory: %v", err)
	}
}
