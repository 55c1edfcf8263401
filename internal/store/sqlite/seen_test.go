package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// A page that the disk wrote to another place, or did not write, has the right checksum. While the store is open it
// is damage all the same.
func TestMisplacedPage(t *testing.T) {
	const size = 4096
	for _, tt := range []struct {
		name   string
		damage func(was, is []byte) // was: the file before the last changes
	}{
		{"of another place", func(_, is []byte) {
			for n := 2; n+1 < len(is)/size; n += 2 {
				copy(is[n*size:(n+1)*size], is[(n+1)*size:(n+2)*size])
			}
		}},
		{"of before", func(was, is []byte) { copy(is[size:], was[size:]) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := held(t)
			path := filepath.Join(dir, database)
			db := opened(t, Config{Dir: dir, Cache: -1, Logger: silent, unsynced: true})
			moved := func() []byte {
				t.Helper()
				err := db.RunExclusive(t.Context(), func(c sqlstore.Conn) error {
					return c.Query(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`, nil, func(sqlstore.Row) error { return nil })
				})
				if err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			was := moved()
			put(t, db, "a", 60, 70, 1)
			put(t, db, "d", 0, 1, 1)
			moved()
			want, err := everything(db)
			if err != nil {
				t.Fatal(err)
			}
			put(t, db, "d", 1, 2, 1) // SQLite keeps pages that it has read until another change
			is := moved()
			change(t, path, func(file []byte) { tt.damage(was, file) })
			if b, err := os.ReadFile(path); err != nil || bytes.Equal(b, is) {
				t.Fatalf("nothing was damaged, %v", err)
			}
			got, failed := everything(db)
			if wrong := differs(got, want); wrong != "" || failed == nil {
				t.Errorf("answers what is not so: %s; fails with %v", wrong, failed)
			}
			if db.Ping(t.Context()) == nil {
				t.Error("the store says it is well")
			}
		})
	}
}

// What a process saw of a database is forgotten when it closes it, and does not count where another process writes.
func TestSeen(t *testing.T) {
	page := func(first byte) []byte {
		p := make([]byte, 512)
		p[0] = first
		seal(p)
		return p
	}
	one, two := page(1), page(2)
	reader, writer := joinSeen("x", false), joinSeen("x", true)
	if reader != writer || joinSeen("y", false) == reader {
		t.Error("the files of a database share what was seen, and no others")
	}
	check := func(what string, p []byte, want bool) {
		t.Helper()
		if got := reader.isNewest(p, 3); got != want {
			t.Errorf("%s: %t, want %t", what, got, want)
		}
	}
	check("first read", one, true)
	check("read again", one, true)
	check("another", two, false)
	writer.write(two, 3)
	check("written", two, true)
	check("of before", one, false)
	writer.leave("x", true)
	check("without a writer", one, true)
	check("without a writer, changed", two, true)
	reader.leave("x", false)
	if again := joinSeen("x", true); again == reader {
		t.Error("what was seen outlives the last file")
	}
}
