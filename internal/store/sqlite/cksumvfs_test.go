package sqlite

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/ncruces/go-sqlite3/driver" // another SQLite, with its own cksumvfs

	"github.com/lanyard/lanyard"
)

// other opens a database with the other SQLite.
func other(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// verify reads every page with the other SQLite, which checks the checksums.
func verify(t *testing.T, path string) error {
	t.Helper()
	db := other(t, path)
	defer db.Close()
	var verifies int
	if err := db.QueryRow(`PRAGMA checksum_verification`).Scan(&verifies); err != nil || verifies != 1 {
		return fmt.Errorf("checksum_verification is %d, %v", verifies, err)
	}
	var answer string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&answer); err != nil || answer != "ok" {
		return fmt.Errorf("integrity_check: %s, %v", answer, err)
	}
	return nil
}

// What we write is SQLite's own format: its extension cksumvfs verifies every page, and finds what we find.
func TestOthersVerify(t *testing.T) {
	for _, tt := range []struct {
		name string
		dir  func(t *testing.T) string
	}{
		{"after a clean stop", func(t *testing.T) string { dir, _ := held(t); return dir }},
		{"after a crash", func(t *testing.T) string {
			dir := t.TempDir()
			db := opened(t, Config{Dir: dir, unsynced: true})
			put(t, db, "a", 0, 20, 1)
			return copyOpen(t, dir)
		}},
		{"converted", func(t *testing.T) string {
			dir := unpacked(t, true)
			serves(t, dir, legacyPutLater)
			return dir
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(tt.dir(t), database)
			if err := verify(t, path); err != nil {
				t.Error(err)
			}
			if err := verify(t, filepath.Join(unpacked(t, false), database)); err == nil {
				t.Error("the checksums of before are verified too: the test tests nothing")
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			for n := int64(0); n < info.Size()/4096; n += 1 + info.Size()/4096/10 {
				dir := copied(t, filepath.Dir(path))
				change(t, filepath.Join(dir, database), func(file []byte) { file[n*4096+1234] ^= 8 })
				ours, theirs := scan(t, dir), verify(t, filepath.Join(dir, database))
				if ours == nil || theirs == nil {
					t.Errorf("a bit of page %d is wrong: we say %v, the other %v", n+1, ours, theirs)
				}
			}
		})
	}
}

// scan reads every page with our SQLite, from the database and not its log.
func scan(t *testing.T, dir string) error {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, database+"-wal")); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, database), "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var length int
	return db.QueryRow(`SELECT SUM(LENGTH(data)) FROM sqlite_dbpage`).Scan(&length)
}

// What the other SQLite writes, with checksums, we read.
func TestOthersWrite(t *testing.T) {
	dir, want := held(t)
	path := filepath.Join(dir, database)
	db := other(t, path)
	for _, query := range []string{
		`CREATE TABLE extra (id INTEGER PRIMARY KEY, body BLOB)`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
			INSERT INTO extra SELECT i, randomblob(3000) FROM n`,
		`UPDATE resources SET name = name || ''`,
		`DROP TABLE extra`,
		`VACUUM`,
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if sealed, _, neither := formats(t, dir); sealed == 0 || neither != 0 {
		t.Fatalf("%d pages have a checksum, %d none", sealed, neither)
	}
	ours := opened(t, Config{Dir: dir})
	got, err := everything(ours)
	if wrong := differs(got, want); wrong != "" || err != nil {
		t.Errorf("after the other wrote: %s, %v", wrong, err)
	}
	if err := ours.PutKey(t.Context(), lanyard.AccessKey{ID: "AKIAIOSFODNN7EXAMPL2"}); err != nil {
		t.Error(err)
	}
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	if err := verify(t, path); err != nil {
		t.Error(err)
	}
}
