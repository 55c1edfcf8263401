package sqlite

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
)

// legacyPut are the profiles that a server of before stored in testdata: legacy.db has the first, after a clean stop,
// and legacy.db-wal the second too, after a crash.
const legacyPut, legacyPutLater = 12, 3

// unpacked is a folder with a store of before.
func unpacked(t *testing.T, withLog bool) (dir string) {
	t.Helper()
	dir = t.TempDir()
	names := map[string]string{"legacy.db.gz": database}
	if withLog {
		names["legacy.db-wal.gz"] = database + "-wal"
	}
	for from, to := range names {
		packed, err := os.ReadFile(filepath.Join("testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// formats counts the pages of a file with either checksum.
func formats(t *testing.T, dir string) (sealed, legacy, neither int) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, database))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(b)/4096; n++ {
		switch page := b[(n-1)*4096 : n*4096]; {
		case isSealed(page):
			sealed++
		case isLegacy(page, uint32(n)):
			legacy++
		default:
			neither++
		}
	}
	return sealed, legacy, neither
}

// serves checks that a store of before has all that was put into it.
func serves(t *testing.T, dir string, later int) {
	t.Helper()
	db, err := Open(t.Context(), Config{Dir: dir, Cache: -1, Logger: silent, unsynced: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for in, want := range map[string]int{"a": legacyPut, "b": later} {
		list, err := db.Reader(in).List(t.Context(), lanyard.TypeProfile, 0, 1000)
		if err != nil || len(list) != want {
			t.Fatalf("instance %s has %d profiles, %v; want %d", in, len(list), err, want)
		}
		for i, r := range list {
			if r.Head().ID != in+profile(i).ID {
				t.Errorf("profile %d is %s", i, r.Head().ID)
			}
		}
		if events, err := db.Reader(in).Events(t.Context(), 0, 1000); err != nil || len(events) != want {
			t.Errorf("instance %s has %d events, %v; want %d", in, len(events), err, want)
		}
	}
}

// A database with the checksums of before is converted when it is opened, once.
func TestConvert(t *testing.T) {
	for _, tt := range []struct {
		name    string
		withLog bool
		later   int
	}{{"after a clean stop", false, 0}, {"after a crash", true, legacyPutLater}} {
		t.Run(tt.name, func(t *testing.T) {
			dir := unpacked(t, tt.withLog)
			if sealed, legacy, neither := formats(t, dir); sealed != 0 || legacy == 0 || neither != 0 {
				t.Fatalf("before: %d, %d and %d pages", sealed, legacy, neither)
			}
			if tt.withLog {
				if _, err := OpenReadOnly(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "older") {
					t.Errorf("alongside a server of before: %v", err)
				}
			}
			serves(t, dir, tt.later)
			if sealed, legacy, neither := formats(t, dir); sealed == 0 || legacy != 0 || neither != 0 {
				t.Errorf("after: %d, %d and %d pages", sealed, legacy, neither)
			}
			var log bytes.Buffer
			db := opened(t, Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			db.Close()
			if log.Len() > 0 {
				t.Errorf("the next start says %s", log.String())
			}
			serves(t, dir, tt.later)
		})
	}
}

// failing is a disk that fails after some writes.
type failing struct {
	disk
	left int
}

var errGone = errors.New("the disk is gone")

func (f *failing) WriteAt(b []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errGone
	}
	return f.disk.WriteAt(b, off)
}

func (f *failing) Sync() error {
	if f.left--; f.left < 0 {
		return errGone
	}
	return f.disk.Sync()
}

// A conversion that is interrupted anywhere goes on at the next start, and nothing is lost.
func TestConvertInterrupted(t *testing.T) {
	for _, withLog := range []bool{false, true} {
		later := 0
		if withLog {
			later = legacyPutLater
		}
		for writes, done := 0, false; !done; writes += 7 {
			dir := unpacked(t, withLog)
			f, err := os.OpenFile(filepath.Join(dir, database), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = convertPages(&failing{disk: f, left: writes})
			if done = err == nil; err != nil && !errors.Is(err, errGone) {
				t.Fatal(err)
			}
			f.Close()
			if sealed, legacy, neither := formats(t, dir); sealed > writes || neither != 0 {
				t.Fatalf("after %d writes: %d, %d and %d pages", writes, sealed, legacy, neither)
			}
			serves(t, dir, later)
			if sealed, legacy, neither := formats(t, dir); sealed == 0 || legacy != 0 || neither != 0 {
				t.Errorf("after %d writes and a start: %d, %d and %d pages", writes, sealed, legacy, neither)
			}
		}
	}
}

// A page that a crash of before left half written, the first too, is in the log, and no damage.
func TestConvertTorn(t *testing.T) {
	logged := loggedPages(t, unpacked(t, true))
	if !slices.Contains(logged, 1) || len(logged) < 5 {
		t.Fatalf("the log has the pages %v", logged)
	}
	for _, number := range logged {
		dir := unpacked(t, true)
		if sealed, legacy, _ := formats(t, dir); number > sealed+legacy {
			continue // not in the database yet
		}
		change(t, filepath.Join(dir, database), func(file []byte) { file[number*4096-700] ^= 1 })
		serves(t, dir, legacyPutLater)
		if sealed, legacy, neither := formats(t, dir); sealed == 0 || legacy != 0 || neither != 0 {
			t.Errorf("page %d torn: %d, %d and %d pages", number, sealed, legacy, neither)
		}
	}
}

// loggedPages are the numbers of the pages in a log.
func loggedPages(t *testing.T, dir string) (numbers []int) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, database+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	for at := logHeader; at+frameHeader <= len(b); at += frameHeader + 4096 {
		numbers = append(numbers, int(binary.BigEndian.Uint32(b[at:])))
	}
	return numbers
}

// Conversion does not hide damage: a page that was wrong before is wrong afterwards.
func TestConvertKeepsDamage(t *testing.T) {
	dir := unpacked(t, false)
	change(t, filepath.Join(dir, database), func(file []byte) {
		for at := 4096 + 100; at < len(file); at += 4096 {
			file[at] ^= 4
		}
	})
	db, err := Open(t.Context(), Config{Dir: dir, Cache: -1, Logger: silent})
	if err == nil {
		defer db.Close()
		if _, err = db.Reader("a").List(t.Context(), lanyard.TypeProfile, 0, 1000); err == nil {
			t.Error("a damaged page is served")
		}
	}
	if sealed, _, neither := formats(t, dir); sealed != 1 || neither == 0 {
		t.Errorf("%d pages have got a checksum, %d none; want the first only", sealed, neither)
	}
	refusedLegacy := unpacked(t, false)
	change(t, filepath.Join(refusedLegacy, database), func(file []byte) { file[200] ^= 1 })
	refused(t, refusedLegacy, "the checksum of its first page is wrong")
}
