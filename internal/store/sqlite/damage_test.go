package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// put stores profiles from..to of an instance, one change each, some with so many permissions that they
// do not fit into a page.
func put(t *testing.T, db *sqlstore.DB, in string, from, to, each int) {
	t.Helper()
	ctx := t.Context()
	for first := from; first < to; first += each {
		err := db.Update(ctx, in, func(tx store.Tx) error {
			for i := first; i < min(first+each, to); i++ {
				p := profile(i)
				p.ID = in + p.ID
				if i%10 == 0 {
					p.Description = strings.Repeat("very long ", 1500)
				}
				if err := tx.Put(ctx, p); err != nil {
					return err
				}
			}
			e := event(in)
			e.ID = fmt.Sprint(first)
			return tx.Append(ctx, e)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// everything reads all that is in a store in every way that there is. What fails is nil.
func everything(db store.Store) (all []any, failed error) {
	ctx := context.Background()
	add := func(v any, err error) {
		if err != nil && !errors.Is(err, lanyard.ErrNotFound) {
			v, failed = nil, err
		}
		all = append(all, v)
	}
	ids, err := db.KnownInstances(ctx, "", 1000)
	add(ids, err)
	for _, in := range []string{"a", "b"} {
		r := db.Reader(in)
		list, err := r.List(ctx, lanyard.TypeProfile, 0, 10000)
		add(list, err)
		n, err := r.Count(ctx, lanyard.TypeProfile)
		add(n, err)
		revision, err := r.Revision(ctx)
		add(revision, err)
		for after := int64(0); after < 100; after += 50 {
			events, err := r.Events(ctx, after, 50)
			add(events, err)
		}
		for i := range 60 {
			one, err := r.Get(ctx, lanyard.TypeProfile, in+profile(i).ID)
			add(one, err)
			one, err = r.Find(ctx, lanyard.TypeProfile, profile(i).Name)
			add(one, err)
		}
	}
	keys, err := db.Keys(ctx)
	add(keys, err)
	return all, failed
}

// differs tells what was read and is not what it should be. An error is not: that is how it should be.
func differs(got, want []any) string {
	for i := range want {
		if i >= len(got) {
			return "something is missing"
		}
		if got[i] != nil && !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Sprintf("%d: %.200s; want %.200s", i, fmt.Sprint(got[i]), fmt.Sprint(want[i]))
		}
	}
	return ""
}

// held is a store of two instances, closed, and what is in it.
func held(t *testing.T) (dir string, all []any) {
	t.Helper()
	dir = t.TempDir()
	db := opened(t, Config{Dir: dir, unsynced: true})
	put(t, db, "a", 0, 60, 1)
	put(t, db, "b", 0, 60, 10)
	if err := db.PutKey(t.Context(), lanyard.AccessKey{ID: "AKIAIOSFODNN7EXAMPLE"}); err != nil {
		t.Fatal(err)
	}
	all, err := everything(db)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, all
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// change changes a file in place, under whoever has it open.
func change(t *testing.T, path string, f func(file []byte)) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	is := bytes.Clone(was)
	f(is)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for i := range is {
		if is[i] != was[i] {
			if _, err := file.WriteAt(is[i:i+1], int64(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

var silent = slog.New(slog.DiscardHandler)

// A page of any kind that is not as it was written is noticed: the folder is refused, or what needs the
// page is, and never is anything answered that is not so. Then changes are refused too.
func TestDamagedPage(t *testing.T) {
	dir, want := held(t)
	raw, err := sql.Open("sqlite", dsn(filepath.Join(dir, database), "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]int{"header": {1}}
	rows, err := raw.Query(`SELECT pagetype, pageno FROM dbstat ORDER BY pageno`)
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for rows.Next() {
		var kind string
		var n int
		if err := rows.Scan(&kind, &n); err != nil {
			t.Fatal(err)
		}
		pages = max(pages, n)
		if n > 1 {
			kinds[kind] = append(kinds[kind], n)
		}
	}
	rows.Close()
	raw.Close()
	const size = 4096
	rnd := rand.New(rand.NewPCG(1, 2))
	refusedAtStart, refusedLater, unread := 0, 0, 0
	try := func(t *testing.T, how func(file []byte)) {
		t.Helper()
		dir := copied(t, dir)
		change(t, filepath.Join(dir, database), how)
		db, err := Open(t.Context(), Config{Dir: dir, Logger: silent, Cache: -1})
		if err != nil {
			refusedAtStart++
			if !strings.Contains(err.Error(), "restore the last backup") {
				t.Errorf("refused without a word on what to do: %v", err)
			}
			return
		}
		defer db.Close()
		got, failed := everything(db)
		if wrong := differs(got, want); wrong != "" {
			t.Errorf("answers what is not so: %s", wrong)
		}
		if failed == nil { // a page that nothing reads, of an index of another table
			unread++
			return
		}
		refusedLater++
		if lanyard.KindOf(failed) != lanyard.Internal {
			t.Errorf("a read fails with %v, want an Internal", failed)
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("the store says it is well")
		}
		if err := db.PutKey(t.Context(), lanyard.AccessKey{ID: "X"}); err == nil ||
			!strings.Contains(err.Error(), "damaged") {
			t.Errorf("a key is stored: %v", err)
		}
		err = db.Update(t.Context(), "c", func(store.Tx) error { t.Error("a change runs"); return nil })
		if err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("a change is taken: %v", err)
		}
	}
	for kind, list := range kinds {
		t.Run(kind, func(t *testing.T) {
			rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			for range 4 {
				n := list[rnd.IntN(len(list))]
				at := rnd.IntN(size)
				try(t, func(file []byte) { file[(n-1)*size+at] ^= 1 << rnd.IntN(8) })
			}
			n := list[0]
			try(t, func(file []byte) { clear(file[(n-1)*size : n*size]) })
		})
	}
	for _, kind := range []string{"header", "internal", "leaf", "overflow"} {
		if len(kinds[kind]) == 0 {
			t.Errorf("the database has no pages of the kind %s", kind)
		}
	}
	t.Run("every byte of the header", func(t *testing.T) {
		for at := 0; at < 100; at += 9 {
			try(t, func(file []byte) { file[at] ^= 1 << rnd.IntN(8) })
		}
	})
	t.Logf("%d pages; of the damages %d were refused at start, %d later, %d were of pages that nothing reads", pages,
		refusedAtStart, refusedLater, unread)
	if refusedAtStart == 0 || refusedLater == 0 || unread > refusedLater {
		t.Error("the test requires that more are refused")
	}
}

// copyOpen copies the files of a store that is open, which is what a crash would leave.
func copyOpen(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{database, database + "-wal"} {
		b, err := fs.ReadFile(os.DirFS(dir), name)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A log that is damaged is refused, for what comes after the damage was acknowledged. Only its last
// transaction may be lost: of one whose end is torn nobody can say that it was synced.
func TestDamagedLog(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, Config{Dir: dir, unsynced: true})
	const changes = 20
	put(t, db, "a", 0, changes, 1)
	crashed := copyOpen(t, dir)
	log := filepath.Join(crashed, database+"-wal")
	info, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	const frame = frameHeader + 4096
	frames := int(info.Size()-logHeader) / frame
	revision := func(t *testing.T, dir string) (int64, error) {
		db, err := Open(t.Context(), Config{Dir: dir, Logger: silent})
		if err != nil {
			return 0, err
		}
		defer db.Close()
		return db.Reader("a").Revision(t.Context())
	}
	if r, err := revision(t, copied(t, crashed)); err != nil || r != changes {
		t.Fatalf("undamaged, it is at revision %d of %d: %v", r, changes, err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	refused, last := 0, 0
	try := func(name string, at int) {
		dir := copied(t, crashed)
		change(t, filepath.Join(dir, database+"-wal"), func(file []byte) { file[at] ^= 1 << rnd.IntN(8) })
		switch r, err := revision(t, dir); {
		case err == nil && r == changes-1:
			last++
		case err == nil:
			t.Errorf("%s: it opens at revision %d, acknowledged were %d", name, r, changes)
		case !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "restore the last backup"):
			t.Errorf("%s: refused with %v", name, err)
		default:
			refused++
		}
	}
	for at := 0; at < logHeader; at += 5 {
		try(fmt.Sprintf("byte %d of the header", at), at)
	}
	for n := 0; n < frames; n += 1 + (frames-n)/10 { // the last ones all
		try(fmt.Sprintf("frame %d", n+1), logHeader+n*frame+rnd.IntN(frame))
		// One bit of what ends a transaction, its number of pages, may turn it into one that does not end:
		// then the one before it is taken for the last.
		at := []int{0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}[rnd.IntN(20)]
		try(fmt.Sprintf("byte %d of frame %d", at, n+1), logHeader+n*frame+at)
	}
	// The last transaction has some ten frames, each tried twice.
	if refused == 0 || last == 0 || last > 40 {
		t.Errorf("of %d frames %d damages are refused and %d lose the last transaction", frames, refused, last)
	}
	t.Logf("%d frames: %d damages refused, %d lose the last transaction", frames, refused, last)

	t.Run("started over", func(t *testing.T) { // what is left of its earlier use is no damage
		dir := t.TempDir()
		db := opened(t, Config{Dir: dir, unsynced: true})
		put(t, db, "a", 0, changes, 1)
		err := db.RunExclusive(t.Context(), func(c sqlstore.Conn) error {
			return c.Query(t.Context(), `PRAGMA wal_checkpoint(RESTART)`, nil, func(sqlstore.Row) error { return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		put(t, db, "a", changes, changes+3, 1)
		crashed := copyOpen(t, dir)
		if info, err := os.Stat(filepath.Join(crashed, database+"-wal")); err != nil || info.Size() < 100*frame {
			t.Fatalf("the log has %v, %v; the test requires an earlier use of it", info, err)
		}
		if r, err := revision(t, crashed); err != nil || r != changes+3 {
			t.Errorf("it is at revision %d of %d: %v", r, changes+3, err)
		}
	})
	t.Run("without the database", func(t *testing.T) {
		dir := copied(t, crashed)
		if err := os.Remove(filepath.Join(dir, database)); err != nil {
			t.Fatal(err)
		}
		refusedBecause(t, dir, "does not exist, but its log")
	})
	for name, tt := range map[string]struct {
		damage func(file []byte)
		reason string
	}{
		"without its header": {func(file []byte) { clear(file[:logHeader]) }, "its header is gone"},
		"of pages of another size": {func(file []byte) { // as of another database
			binary.BigEndian.PutUint32(file[8:], 8192)
			scan := &logScan{bigEndian: file[3]&1 == 1}
			sum := scan.checksum([2]uint32{}, file[:24])
			binary.BigEndian.PutUint32(file[24:], sum[0])
			binary.BigEndian.PutUint32(file[28:], sum[1])
		}, "pages of 8192 bytes, the database has 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(t, crashed)
			change(t, filepath.Join(dir, database+"-wal"), tt.damage)
			refusedBecause(t, dir, tt.reason)
		})
	}
	t.Run("cut anywhere", func(t *testing.T) { // as when the last transaction never came to the disk
		for range 10 {
			dir := copied(t, crashed)
			if err := os.Truncate(filepath.Join(dir, database+"-wal"), rnd.Int64N(info.Size())); err != nil {
				t.Fatal(err)
			}
			if _, err := revision(t, dir); err != nil {
				t.Errorf("a log that is shorter does not open: %v", err)
			}
		}
	})
}

func refusedBecause(t *testing.T, dir, reason string) {
	t.Helper()
	refused(t, dir, reason)
	refused(t, dir, reason) // and once more: nothing was repaired in silence
}

// What gets damaged while the store is open is not answered either, in the database and in its log.
func TestDamageWhileOpen(t *testing.T) {
	for _, file := range []string{database, database + "-wal"} {
		t.Run(file, func(t *testing.T) {
			dir, _ := held(t)
			var log bytes.Buffer
			db, err := Open(t.Context(),
				Config{Dir: dir, Cache: -1, unsynced: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			put(t, db, "c", 0, 20, 5) // so that there is a log
			list, err := db.Reader("c").List(t.Context(), lanyard.TypeProfile, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			put(t, db, "d", 0, 1, 1) // SQLite keeps pages that it has read until another change
			want, err := everything(db)
			if err != nil {
				t.Fatal(err)
			}
			put(t, db, "d", 1, 2, 1)
			change(t, filepath.Join(dir, file), func(b []byte) {
				for at := 8192 + 100; at < len(b); at += 512 {
					b[at] ^= 4
				}
			})
			got, failed := everything(db)
			if wrong := differs(got, want); wrong != "" {
				t.Errorf("answers what is not so: %s", wrong)
			}
			again, err := db.Reader("c").List(t.Context(), lanyard.TypeProfile, 0, 100)
			if err == nil && !reflect.DeepEqual(again, list) {
				t.Error("lists what is not so")
			}
			if failed == nil && err == nil {
				t.Fatal("nothing fails")
			}
			if db.Ping(t.Context()) == nil {
				t.Error("the store says it is well")
			}
			if n := strings.Count(log.String(), "the database is damaged: changes are refused"); n != 1 {
				t.Errorf("%d lines of log, want one:\n%s", n, log.String())
			}
			began := time.Now()
			if err := db.Update(t.Context(), "a", func(store.Tx) error { return nil }); err == nil ||
				time.Since(began) > time.Second {
				t.Errorf("a change answers %v after %v", err, time.Since(began))
			}
		})
	}
}

// A database that somebody makes over the same driver, such as a backup, has checksums as well.
func TestCopiesHaveChecksums(t *testing.T) {
	dir, want := held(t)
	to := filepath.Join(t.TempDir(), database)
	raw, err := sql.Open("sqlite", dsn(filepath.Join(dir, database), "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec(`VACUUM INTO ?`, to); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(b)/4096; n++ {
		if !isSealed(b[(n-1)*4096 : n*4096]) {
			t.Fatalf("page %d of %d has no checksum", n, len(b)/4096)
		}
	}
	got, err := everything(opened(t, Config{Dir: filepath.Dir(to)}))
	if wrong := differs(got, want); wrong != "" || err != nil {
		t.Errorf("the copy differs: %s, %v", wrong, err)
	}
}

// A database of before there were checksums is served as it is.
func TestDatabaseWithoutChecksums(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, database)
	raw, err := sql.Open("sqlite", dsn(filepath.Join(dir, "old.db"), "mode=rwc", "journal_mode(WAL)"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec(`CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	raw.Close()
	if err := os.Rename(filepath.Join(dir, "old.db"), path); err != nil {
		t.Fatal(err)
	}
	db := opened(t, Config{Dir: dir})
	put(t, db, "a", 0, 30, 1)
	db.Close()
	if b, err := os.ReadFile(path); err != nil || b[20] != 0 {
		t.Errorf("the header says %d bytes are reserved, %v", b[20], err)
	}
	if n, err := opened(t, Config{Dir: dir}).Reader("a").Count(t.Context(), lanyard.TypeProfile); n != 30 || err != nil {
		t.Errorf("%d profiles, %v", n, err)
	}
}

// A page that nobody asks for is found to be damaged all the same, and one whose checksum is right, but which the disk
// wrote to another place before the start.
func TestScrub(t *testing.T) {
	dir, _ := held(t)
	misplaced := copied(t, dir)
	var log lockedBuffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	db := opened(t, Config{Dir: dir, Logger: logger, Scrub: time.Millisecond})
	said := func(what string) {
		t.Helper()
		for range 1000 {
			if strings.Contains(log.String(), what) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("the log does not say %q:\n%s", what, log.String())
	}
	said("every page of the database is as it was written")
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	db.Close()
	change(t, filepath.Join(dir, database), func(file []byte) { file[len(file)-2000] ^= 1 })
	log.Reset()
	db = opened(t, Config{Dir: dir, Logger: logger, Scrub: time.Millisecond})
	said("the database is damaged")
	if err := db.Ping(t.Context()); err == nil {
		t.Error("the store says it is well")
	}
	from, to := leaves(t, misplaced)
	change(t, filepath.Join(misplaced, database), func(file []byte) {
		copy(file[(to-1)*4096:to*4096], file[(from-1)*4096:from*4096])
	})
	log.Reset()
	db = opened(t, Config{Dir: misplaced, Logger: logger, Scrub: time.Millisecond})
	said("contradict one another")
	if err := db.Ping(t.Context()); err == nil {
		t.Error("with a page of another place, the store says it is well")
	}
}

// leaves are two pages of events.
func leaves(t *testing.T, dir string) (one, other int) {
	t.Helper()
	raw, err := sql.Open("sqlite", dsn(filepath.Join(dir, database), "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	err = raw.QueryRow(`SELECT MIN(pageno), MAX(pageno) FROM dbstat WHERE name = 'events' AND pagetype = 'leaf'`).
		Scan(&one, &other)
	if err != nil || one == other {
		t.Fatalf("pages %d and %d, %v", one, other, err)
	}
	return one, other
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}
