package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// serving runs a server in this process until the end of the test or stop.
func serving(t *testing.T, args ...string) (c *caller, stop func()) {
	t.Helper()
	dir := t.TempDir()
	for i, a := range args {
		if a == "--data" {
			dir = args[i+1]
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs lockedBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- runProgram(streams{ctx: ctx, out: &out, errs: &errs},
			append([]string{"serve", "--listen=127.0.0.1:0", "--data", dir}, args...))
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if c != nil {
			c.client.CloseIdleConnections()
		}
		if status := <-ended; status != 0 {
			t.Errorf("the server ends with status %d\n%s", status, errs.String())
		}
	})
	t.Cleanup(stop)
	if err := until(func() error { return ready(dir) }); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	c, err := callerOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c, stop
}

// contents is a store's rows, as one text each.
func contents(t *testing.T, place string) (rows []string) {
	t.Helper()
	db, err := openSource(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Export(t.Context(), store.Scope{}, func(r store.Row) error {
		rows = append(rows, fmt.Sprintf("%s %q", r.Table.Name, r.Values))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

func equalContents(t *testing.T, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("row %d is\n%s\nwant\n%s", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}

// TestBackupWhileWriting backs up while many clients write. The backup has every change up to some moment and none
// after it, including all that were acknowledged before it began.
func TestBackupWhileWriting(t *testing.T) {
	pg := pgtest.Start(t)
	for name, where := range map[string]string{"SQLite": "sqlite", "PostgreSQL": pg.URL(pg.Schema(t, t.TempDir()))} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c, stop := serving(t, "--data", dir, "--store", where, "--quota-profiles=-1", "--demo")
			var list struct {
				InstanceSummaryList []struct{ ID string }
			}
			if err := c.get("GET", "/instance", "", &list); err != nil {
				t.Fatal(err)
			}
			in := list.InstanceSummaryList[0].ID
			ctx, enough := context.WithCancel(t.Context())
			defer enough()
			var acknowledged atomic.Int64
			var writers sync.WaitGroup
			for w := range 8 {
				writers.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						var made struct{ SecurityProfileID string }
						if err := c.get("PUT", "/security-profiles/"+in, fmt.Sprintf(`{"SecurityProfileName":"Made %d %d"}`, w, i),
							&made); err != nil {
							t.Error(err)
							return
						}
						if err := c.get("POST", "/security-profiles/"+in+"/"+made.SecurityProfileID, `{"Description":"later"}`,
							nil); err != nil {
							t.Error(err)
							return
						}
						acknowledged.Add(2)
					}
				})
			}
			var proofs []proof
			var before []int64
			for i := range 3 {
				last := acknowledged.Load()
				if err := until(func() error {
					if n := acknowledged.Load(); n < last+20 && !t.Failed() {
						return fmt.Errorf("%d changes since the last backup", n-last)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				before = append(before, acknowledged.Load())
				file, to := filepath.Join(t.TempDir(), "b"), t.TempDir()
				if status, _, errs := command(t, "backup", "--data", dir, "--store", where, file); status != 0 ||
					!strings.Contains(errs, "The chain is complete") {
					t.Fatalf("backup: status %d, says %q", status, errs)
				}
				if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the backup has mode %v, %v; want 0600", info.Mode(), err)
				}
				if status, _, errs := command(t, "restore", "--data", to, "--store", "sqlite", file); status != 0 ||
					!strings.Contains(errs, "The chain is complete") {
					t.Fatalf("restore: status %d, says %q", status, errs)
				}
				_, out, _ := command(t, "audit", "verify", "--state", "--data", to, "--store", "sqlite", "--output", "json")
				var p proof
				if err := json.Unmarshal([]byte(out), &p); err != nil || p.Problem != "" {
					t.Fatalf("restored: %s, %v", out, err)
				}
				proofs = append(proofs, p)
				if i == 2 {
					enough()
					writers.Wait()
				}
			}
			made := proofs[0].Revision - before[0]
			for i, p := range proofs {
				// What is in the backup is, record by record, what the server has.
				head := fmt.Sprintf("%s:%d:%s", p.Instance, p.Revision, p.Hash)
				if status, _, errs := command(t, "audit", "verify", "--data", dir, "--store", where, "--head", head); status != 0 {
					t.Errorf("the head of backup %d is not in the server's chain: %q", i, errs)
				}
				if i > 0 && p.Revision <= proofs[i-1].Revision {
					t.Errorf("backup %d ends at revision %d, the one before at %d", i, p.Revision, proofs[i-1].Revision)
				}
				if p.Revision < before[i] {
					t.Errorf("backup %d ends at revision %d; %d changes were acknowledged before it", i, p.Revision, before[i])
				}
			}
			if made < 80 { // the demo's own
				t.Errorf("the first backup has %d records besides those of the writers", made)
			}
			stop()
		})
	}
}

// TestMigrateThereAndBack migrates from SQLite to PostgreSQL and back: nothing is lost, added or altered, and a
// server can use the result.
func TestMigrateThereAndBack(t *testing.T) {
	pg := pgtest.Start(t)
	first, third := t.TempDir(), filepath.Join(t.TempDir(), "new")
	second := pg.At("", pg.Schema(t, third))
	c, stop := serving(t, "--data", first, "--demo", "--quota-instances=-1")
	if err := c.get("PUT", "/instance",
		`{"IdentityManagementType":"CONNECT_MANAGED","InstanceAlias":"gone","InboundCallsEnabled":true,"OutboundCallsEnabled":true}`, nil); err != nil {
		t.Fatal(err)
	}
	var list struct {
		InstanceSummaryList []struct{ ID, InstanceAlias string }
	}
	if err := c.get("GET", "/instance", "", &list); err != nil {
		t.Fatal(err)
	}
	for _, in := range list.InstanceSummaryList {
		if in.InstanceAlias == "gone" {
			if err := c.get("DELETE", "/instance/"+in.ID, "", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, args := range [][]string{
		{"token", "create", "--scope", "decide"}, {"key", "create", "--account", "210987654321"},
		{"audit", "prune", "--keep-events", "40"},
	} {
		if status, _, errs := command(t, append(args, "--data", first)...); status != 0 {
			t.Fatalf("%q: %s", args, errs)
		}
	}
	if status, _, errs := command(t, "store", "migrate", "--from", first, "--to", second); status != usageError ||
		!strings.Contains(errs, "a server uses") {
		t.Errorf("from under a server: status %d, says %q", status, errs)
	}
	stop()
	want := contents(t, first)
	for _, way := range [][2]string{{first, second}, {second, third}} {
		status, out, errs := command(t, "store", "migrate", "--from", way[0], "--to", way[1])
		if status != 0 || !strings.Contains(errs, "The chain is complete: 42 records of 2 instances.") ||
			!strings.Contains(errs, "Migrated: secrets 4, access keys 2, tokens 1, directory 1, checkpoints 1, events 42, ") {
			t.Fatalf("status %d, says %q", status, errs)
		}
		if strings.Contains(out+errs, pg.Password()) {
			t.Error("the password shows")
		}
		equalContents(t, contents(t, way[1]), want)
		if status, _, errs := command(t, "store", "migrate", "--from", way[0], "--to", way[1]); status != usageError ||
			!strings.Contains(errs, "not empty") {
			t.Errorf("onto what is not empty: status %d, says %q", status, errs)
		}
		equalContents(t, contents(t, way[1]), want)
	}
	for _, name := range []string{"lanyard.db", "credentials"} {
		if info, err := os.Stat(filepath.Join(third, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info, err)
		}
	}
	// The last store serves, with the same keys; so does the one between.
	for _, args := range [][]string{{"--data", third}, {"--store", second, "--data", t.TempDir()}} {
		again, stop := serving(t, args...)
		if again.id != c.id || again.secret != c.secret {
			t.Errorf("%s: the root key is another", args[0])
		}
		var now struct {
			InstanceSummaryList []struct{ ID, InstanceAlias string }
		}
		if err := again.get("GET", "/instance", "", &now); err != nil || len(now.InstanceSummaryList) != 1 {
			t.Fatalf("%s: %v, %v", args[0], now, err)
		}
		if err := again.get("PUT", "/security-profiles/"+now.InstanceSummaryList[0].ID, `{"SecurityProfileName":"Newcomer"}`,
			nil); err != nil {
			t.Error(err)
		}
		stop()
	}
	if status, _, errs := command(t, "audit", "verify", "--state", "--data", third); status != 0 {
		t.Errorf("after more changes: %s", errs)
	}
}

// enlarge makes a folder's backup so large that it is read in many pieces.
func enlarge(t *testing.T, dir string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 20 {
		if err := db.Update(t.Context(), "c", func(tx store.Tx) error {
			if err := tx.Put(t.Context(), &lanyard.Profile{Meta: lanyard.Meta{ID: rand.Text(), Name: rand.Text()}}); err != nil {
				return err
			}
			text := make([]byte, 30_000)
			rand.Read(text)
			request, err := json.Marshal(text)
			if err != nil {
				return err
			}
			return tx.Append(t.Context(), &lanyard.Event{Instance: "c", Request: request})
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestoreRefuses refuses incomplete backups and what they leave behind; a complete backup then starts over.
func TestRestoreRefuses(t *testing.T) {
	pg := pgtest.Start(t)
	whole := filepath.Join(t.TempDir(), "whole")
	from := seedChain(t)
	enlarge(t, from)
	if status, _, errs := command(t, "backup", "--data", from, whole); status != 0 {
		t.Fatal(errs)
	}
	if status, _, errs := command(t, "backup", "--data", from, whole); status != usageError ||
		!strings.Contains(errs, "already exists; it is not overwritten") {
		t.Errorf("over another backup: status %d, says %q", status, errs)
	}
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Clone(b)
	altered[len(altered)/2] ^= 1
	dir := t.TempDir()
	url := pg.URL(pg.Schema(t, dir))
	for _, tt := range []struct {
		name string
		b    []byte
		want string
		left bool // something that is incomplete
	}{
		{"nothing", nil, "not a backup of lanyard", false},
		{"a database", []byte("SQLite format 3\x00"), "not a backup of lanyard", false},
		{"truncated at once", b[:20], "the backup is truncated", false},
		{"truncated", b[:len(b)/2], "the backup is truncated", true},
		{"truncated by a byte", b[:len(b)-1], "the backup is truncated", true},
		{"altered", altered, "the backup is", true},
	} {
		for place, args := range map[string][]string{"a folder": {"--data", filepath.Join(dir, tt.name)},
			"a database": {"--store", url, "--data", filepath.Join(dir, "none")}} {
			file := filepath.Join(t.TempDir(), "b")
			if err := os.WriteFile(file, tt.b, 0o600); err != nil {
				t.Fatal(err)
			}
			status, _, errs := command(t, append([]string{"restore", file}, args...)...)
			if status != 1 || !strings.Contains(errs, tt.want) || tt.left &&
				!strings.Contains(errs, "is incomplete now, and no server starts on it") {
				t.Errorf("%s into %s: status %d, says %q; want %q", tt.name, place, status, errs, tt.want)
			}
			if !tt.left {
				continue
			}
			if status, _, errs := command(t, append([]string{"serve", "--listen=127.0.0.1:0"}, args...)...); status != 1 ||
				!strings.Contains(errs, "is incomplete: a restore or a migration into it began at ") {
				t.Errorf("%s into %s, and served: status %d, says %q", tt.name, place, status, errs)
			}
			if status, _, errs := command(t, append([]string{"backup", filepath.Join(dir, "x")}, args...)...); status != 1 ||
				!strings.Contains(errs, "is incomplete") {
				t.Errorf("%s into %s, and backed up: status %d, says %q", tt.name, place, status, errs)
			}
		}
	}
	for _, args := range [][]string{{"--data", filepath.Join(dir, "truncated")},
		{"--store", url, "--data", filepath.Join(dir, "none")}} {
		if status, _, errs := command(t, append([]string{"restore", whole}, args...)...); status != 0 {
			t.Errorf("begun again: status %d, says %q", status, errs)
		}
	}
	equalContents(t, contents(t, filepath.Join(dir, "truncated")), contents(t, from))
	equalContents(t, contents(t, url), contents(t, from))

	// Nothing is overwritten.
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"has letter":             {"--data", other},
		"has events":             {"--data", from},
		"the store is not empty": {"--store", url, "--data", other},
	} {
		if name == "has events" {
			name = "the store is not empty"
		}
		if status, _, errs := command(t, append([]string{"restore", whole}, args...)...); status != usageError ||
			!strings.Contains(errs, name) {
			t.Errorf("restore %q: status %d, says %q; want %q", args, status, errs, name)
		}
	}
}

// TestRestoreBroken restores data that was tampered with only on request.
func TestRestoreBroken(t *testing.T) {
	from := seedChain(t)
	for name, query := range map[string]string{
		"a record":   `DELETE FROM events WHERE instance_id = 'a' AND revision = 4`,
		"a resource": `DELETE FROM resources WHERE instance_id = 'a' AND id = 'q'`,
	} {
		changed := tampered(t, from, func(db *sql.DB) { must(t, db, query) })
		file, to := filepath.Join(t.TempDir(), "b"), t.TempDir()
		status, _, errs := command(t, "backup", "--data", changed, file)
		if wanted := map[string]int{"a record": deniedStatus}[name]; status != wanted {
			t.Fatalf("%s: backup: status %d, says %q; want %d", name, status, errs, wanted)
		}
		if status, _, errs := command(t, "restore", file, "--data", to); status != 1 ||
			!strings.Contains(errs, "BROKEN: instance a") || !strings.Contains(errs, "no server starts on") {
			t.Errorf("%s: restore: status %d, says %q", name, status, errs)
		}
		if status, _, errs := command(t, "serve", "--listen=127.0.0.1:0", "--data", to); status != 1 ||
			!strings.Contains(errs, "is incomplete") {
			t.Errorf("%s: serve: status %d, says %q", name, status, errs)
		}
		if status, _, errs := command(t, "restore", file, "--data", to, "--accept-broken"); status != 0 ||
			!strings.Contains(errs, "BROKEN: instance a") {
			t.Errorf("%s: restore all the same: status %d, says %q", name, status, errs)
		}
		equalContents(t, contents(t, to), contents(t, changed))
	}
}
