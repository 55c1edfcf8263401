package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// command runs the program in this process.
func command(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience) // a server that should not have started ends
	defer cancel()
	var o, e bytes.Buffer
	status = runProgram(streams{ctx: ctx, out: &o, errs: &e}, args)
	return status, o.String(), e.String()
}

// seedChain makes a folder with instances a and b of eight records each, in which every field is set; the third
// record of a is of a refused call and has no changes.
func seedChain(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	for _, in := range []string{"a", "b"} {
		var p *lanyard.Profile
		for i := range 8 {
			if err := db.Update(ctx, in, func(tx store.Tx) error {
				e := &lanyard.Event{ID: fmt.Sprint("event ", i), Instance: in,
					Time: time.Date(2026, 3, 14, 15, i, 26, 5e6, time.UTC), Operation: "UpdateSecurityProfile",
					Account: "123456789012", Region: "us-east-1", AccessKeyID: "AKIAEXAMPLE", SourceIP: "192.0.2.1",
					UserAgent: "aws-cli", RequestID: "request", OnBehalfOf: "anna",
					Request: json.RawMessage(`{"Description":"said"}`)}
				if i == 2 {
					e.Refused = "not allowed"
					return tx.Append(ctx, e)
				}
				next := &lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "P"}, Description: fmt.Sprint("text ", i)}
				if p != nil {
					next.Seq = p.Seq
				}
				p = next
				if err := tx.Put(ctx, p); err != nil {
					return err
				}
				if i == 5 {
					if err := tx.Put(ctx, &lanyard.Profile{Meta: lanyard.Meta{ID: "q", Name: "Q"}}); err != nil {
						return err
					}
				}
				return tx.Append(ctx, e)
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// tampered returns a copy of a folder after somebody wrote to it behind the back of the server.
func tampered(t *testing.T, dir string, change func(*sql.DB)) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "lanyard.db"))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	file := filepath.Join(to, "lanyard.db")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change(db)
	return to
}

func must(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	res, err := db.Exec(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s changes %d rows, %v", query, n, err)
	}
}

func body(t *testing.T, db *sql.DB, revision int) (body, hash []byte) {
	t.Helper()
	var packed []byte
	err := db.QueryRow(`SELECT body, hash FROM events WHERE instance_id = 'a' AND revision = $1`, revision).Scan(&packed,
		&hash)
	if err == nil {
		body, err = sqlstore.Unpack(packed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return body, hash
}

// rewriteText puts other text into a record, and leaves its hash.
func rewriteText(t *testing.T, db *sql.DB, revision int, text []byte) {
	t.Helper()
	_, hash := body(t, db, revision)
	putRecord(t, db, revision, text, hash)
}

// rewriteRecord puts other text into a record, and the hash that fits.
func rewriteRecord(t *testing.T, db *sql.DB, revision int, text []byte) {
	t.Helper()
	_, before := body(t, db, revision-1)
	sum := sha256.Sum256(append(before, text...))
	putRecord(t, db, revision, text, sum[:])
}

func putRecord(t *testing.T, db *sql.DB, revision int, text, hash []byte) {
	t.Helper()
	must(t, db, `UPDATE events SET body = $1, hash = $2 WHERE instance_id = 'a' AND revision = $3`, s2.Encode(nil, text),
		hash, revision)
}

// TestVerifyEveryField alters each field of a record, and expects verify to name the record.
func TestVerifyEveryField(t *testing.T) {
	dir := seedChain(t)
	for _, tt := range []struct {
		revision int
		old, new string
	}{
		{4, `"ID":"event 3"`, `"ID":"event X"`},
		{4, `"Instance":"a"`, `"Instance":"b"`},
		{4, `"Revision":4`, `"Revision":9`},
		{4, `2026-03-14T15:03:26.005Z`, `2026-03-14T15:03:26.006Z`},
		{4, `"Operation":"Update`, `"Operation":"Delete`},
		{4, `"Account":"123456789012"`, `"Account":"123456789013"`},
		{4, `us-east-1`, `us-east-2`},
		{4, `AKIAEXAMPLE`, `AKIAANOTHER`},
		{4, `192.0.2.1`, `192.0.2.2`},
		{4, `aws-cli`, `aws-sdk`},
		{4, `"RequestID":"request"`, `"RequestID":"another"`},
		{4, `"OnBehalfOf":"anna"`, `"OnBehalfOf":"bert"`},
		{4, `"OnBehalfOf":"anna",`, ``},
		{3, `"Refused":"not allowed"`, `"Refused":"not at all."`},
		{3, `"Refused":"not allowed",`, ``},
		{4, `"Description":"said"`, `"Description":"kept"`},
		{4, `"Type":"security-profile"`, `"Type":"queue"`},
		{4, `text 1`, `text 9`}, // before
		{4, `text 3`, `text 9`}, // after
		{8, `text 7`, `text 9`}, // in the last
		{1, `text 0`, `text 9`}, // in the first
		{4, `{`, `[`},
	} {
		for _, rehash := range []bool{false, true} {
			if rehash && (tt.revision == 8 || tt.revision == 1) {
				continue // of the last, see TestVerify
			}
			changed := tampered(t, dir, func(db *sql.DB) {
				text, _ := body(t, db, tt.revision)
				if !bytes.Contains(text, []byte(tt.old)) {
					t.Fatalf("no %s in %s", tt.old, text)
				}
				rewrite := rewriteText
				if rehash {
					rewrite = rewriteRecord
				}
				rewrite(t, db, tt.revision, bytes.Replace(text, []byte(tt.old), []byte(tt.new), 1))
			})
			status, _, errs := command(t, "audit", "verify", "--data", changed)
			// With a hash that goes with it the record itself may be blameless; the next cannot be.
			named := fmt.Sprintf("BROKEN: instance a, revision %d: ", tt.revision)
			next := fmt.Sprintf("BROKEN: instance a, revision %d: the hash differs", tt.revision+1)
			if status != deniedStatus || !strings.Contains(errs, named) && !(rehash && strings.Contains(errs, next)) {
				t.Errorf("%s for %s (rehashed: %v): status %d, says %q", tt.new, tt.old, rehash, status, errs)
			}
			if strings.Count(errs, "BROKEN") != 1 {
				t.Errorf("%s for %s: more than the first broken record is named: %q", tt.new, tt.old, errs)
			}
		}
	}
}

func TestVerify(t *testing.T) {
	dir := seedChain(t)
	status, out, errs := command(t, "audit", "verify", "--data", dir, "--output", "json")
	if status != 0 || !strings.Contains(errs, "The chain is complete: 16 records of 2 instances.") {
		t.Fatalf("untouched: status %d, says %q", status, errs)
	}
	heads := filepath.Join(t.TempDir(), "heads.json")
	if err := os.WriteFile(heads, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	var head proof
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&head); err != nil {
		t.Fatal(err)
	}
	one := fmt.Sprintf("a:%d:%s", head.Revision, head.Hash)
	const a = `instance_id = 'a' AND `
	for _, tt := range []struct {
		name   string
		change func(*sql.DB)
		args   []string
		want   string // "" when it is not found
	}{
		{"nothing", func(*sql.DB) {}, []string{"--heads", heads, "--head", one, "--state"}, ""},
		{"one deleted", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`revision = 4`) }, nil,
			"instance a, revision 4: the record is missing"},
		{"several deleted", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`revision IN (4, 5, 6)`) }, nil,
			"instance a, revision 4: the records up to revision 6 are missing"},
		{"the first deleted", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`revision = 1`) }, nil,
			"instance a, revision 1: the record is missing"},
		{"two swapped", func(db *sql.DB) {
			must(t, db, `UPDATE events SET revision = CASE revision WHEN 4 THEN -5 ELSE -4 END WHERE `+a+`revision IN (4, 5)`)
			must(t, db, `UPDATE events SET revision = -revision WHERE `+a+`revision < 0`)
		}, nil, "instance a, revision 4: the body of the record has revision 5: the records are out of order"},
		{"moved to another instance", func(db *sql.DB) {
			must(t, db, `UPDATE events SET instance_id = 'b', revision = 9 WHERE `+a+`revision = 8`)
		}, nil, "instance b, revision 9: the body of the record belongs to instance a"},
		{"one put in", func(db *sql.DB) {
			text, last := body(t, db, 8)
			text = bytes.Replace(text, []byte(`"Revision":8`), []byte(`"Revision":9`), 1)
			sum := sha256.Sum256(append(bytes.Clone(last[:31]), text...))
			must(t, db, `INSERT INTO events SELECT instance_id, 9, time, seq, $1, $2 FROM events WHERE `+a+`revision = 8`,
				s2.Encode(nil, text), sum[:])
		}, nil, "instance a, revision 9: the hash differs"},
		{"revision before the first", func(db *sql.DB) {
			must(t, db, `INSERT INTO events SELECT instance_id, 0, time, seq, body, hash FROM events WHERE `+a+`revision = 8`)
		}, nil, "instance a, revision 0: the record is out of order"},
		{"a hash", func(db *sql.DB) { must(t, db, `UPDATE events SET hash = zeroblob(32) WHERE `+a+`revision = 4`) }, nil,
			"instance a, revision 4: the hash differs"},
		{"the stored time", func(db *sql.DB) { must(t, db, `UPDATE events SET time = time + 1 WHERE `+a+`revision = 4`) }, nil,
			"instance a, revision 4: the stored time of the record"},
		{"the stored sequence number", func(db *sql.DB) { must(t, db, `UPDATE events SET seq = seq + 1 WHERE `+a+`revision = 4`) }, nil,
			"instance a, revision 4: the last sequence number is 2, but the records give 1"},
		{"not packed", func(db *sql.DB) { must(t, db, `UPDATE events SET body = 'x' WHERE `+a+`revision = 4`) }, nil,
			"instance a, revision 4: the record cannot be read"},
		{"a checkpoint nobody signed", func(db *sql.DB) {
			must(t, db, `INSERT INTO checkpoints SELECT instance_id, revision, seq, hash, time, 'nobody', zeroblob(32) FROM events WHERE `+a+`revision = 4`)
			must(t, db, `DELETE FROM events WHERE `+a+`revision <= 4`)
		}, nil, "instance a, revision 4: the checkpoint, which says that the records up to here were pruned, does not bear this server's signature"},

		{"the end truncated", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`revision > 6`) }, nil, ""},
		{"the end truncated, with heads", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`revision > 6`) },
			[]string{"--heads", heads},
			"instance a, revision 7: the record is missing, and those up to revision 8: the end of the chain was truncated"},
		{"the end truncated, with a head", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`revision > 6`) },
			[]string{"--head", one},
			"instance a, revision 7: the record is missing"},
		{"the end truncated, with state", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`revision > 6`) },
			[]string{"--state"},
			"instance a: security-profile p differs from the record of revision 6"},
		{"all of an instance", func(db *sql.DB) { must(t, db, `DELETE FROM events WHERE `+a+`1`) },
			[]string{"--heads", heads},
			"instance a, revision 1: all records are missing"},
		{"the last replaced", func(db *sql.DB) {
			text, _ := body(t, db, 8)
			rewriteRecord(t, db, 8, bytes.Replace(text, []byte("anna"), []byte("bert"), 1))
		}, nil, ""},
		{"the last replaced, with heads", func(db *sql.DB) {
			text, _ := body(t, db, 8)
			rewriteRecord(t, db, 8, bytes.Replace(text, []byte("anna"), []byte("bert"), 1))
		}, []string{"--heads", heads}, "instance a, revision 8: the hash is "},

		{"a resource altered", func(db *sql.DB) {
			must(t, db, `UPDATE resources SET doc = replace(CAST(doc AS TEXT), 'text 7', 'text 8') WHERE `+a+`id = 'p'`)
		}, []string{"--state"}, "instance a: security-profile p differs from the record of revision 8"},
		{"a resource altered, and nobody asked", func(db *sql.DB) {
			must(t, db, `UPDATE resources SET doc = replace(CAST(doc AS TEXT), 'text 7', 'text 8') WHERE `+a+`id = 'p'`)
		}, nil, ""},
		{"a resource deleted", func(db *sql.DB) { must(t, db, `DELETE FROM resources WHERE `+a+`id = 'q'`) },
			[]string{"--state"},
			"instance a: a resource that the record of revision 6 created or changed is not stored"},
		{"a resource put in", func(db *sql.DB) {
			must(t, db, `INSERT INTO resources SELECT instance_id, type, 'r', 3, 'r', 'r', doc FROM resources WHERE `+a+
				`id = 'p'`)
		}, []string{"--state"}, "instance a: security-profile r is stored, but no record created it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := tampered(t, dir, tt.change)
			status, _, errs := command(t, append([]string{"audit", "verify", "--data", changed}, tt.args...)...)
			if tt.want == "" && (status != 0 || !strings.Contains(errs, "The chain is complete")) {
				t.Errorf("status %d, says %q; want it to be whole", status, errs)
			}
			if tt.want != "" && (status != deniedStatus || !strings.Contains(errs, "BROKEN: "+tt.want)) {
				t.Errorf("status %d, says %q; want %q", status, errs, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--head", "a:8"}, "--head must be INSTANCE:REVISION:HASH, got"},
		{[]string{"--head", "a:x:00"}, "the revision of --head must be 1 or more, got"},
		{[]string{"--heads", filepath.Join(dir, "lanyard.db")}, "--heads must be a file that audit verify --output json wrote, got"},
		{[]string{"--data", t.TempDir()}, "has no database"},
	} {
		if status, _, errs := command(t,
			append([]string{"audit", "verify", "--data", dir}, tt.args...)...); status != usageError ||
			!strings.Contains(errs, tt.want) {
			t.Errorf("%q: status %d, says %q; want %q", tt.args, status, errs, tt.want)
		}
	}
}

// TestVerifyAfterPrune expects a chain that verifies after pruning, and a checkpoint in which nothing can be altered.
func TestVerifyAfterPrune(t *testing.T) {
	dir := seedChain(t)
	_, before, _ := command(t, "audit", "verify", "--data", dir, "--output", "json")
	heads := filepath.Join(t.TempDir(), "heads.json")
	if err := os.WriteFile(heads, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	err = control.New(control.Config{Store: db}).PruneAll(context.Background(), control.Retention{Events: 3}, "tester")
	if db.Close(); err != nil {
		t.Fatal(err)
	}
	status, out, errs := command(t, "audit", "verify", "--data", dir, "--state", "--heads", heads, "--output", "table")
	if status != 0 || !strings.Contains(errs, "6 records of 2 instances") ||
		strings.Count(out, "up to revision 5 at ") != 2 || !strings.Contains(out, "by tester") {
		t.Errorf("status %d, says %q and %q", status, errs, out)
	}
	// A head from before the cut cannot be compared any more, which is said.
	if status, _, errs := command(t, "audit", "verify", "--data", dir, "--head", "a:2:00"); status != 0 ||
		!strings.Contains(errs, "the head at revision 2 cannot be compared") {
		t.Errorf("an old head: status %d, says %q", status, errs)
	}
	for name, query := range map[string]string{
		"revision":  `UPDATE checkpoints SET revision = 4 WHERE instance_id = 'a'`,
		"seq":       `UPDATE checkpoints SET seq = 2 WHERE instance_id = 'a'`,
		"hash":      `UPDATE checkpoints SET hash = zeroblob(32) WHERE instance_id = 'a'`,
		"time":      `UPDATE checkpoints SET time = time + 1 WHERE instance_id = 'a'`,
		"who":       `UPDATE checkpoints SET who = 'somebody' WHERE instance_id = 'a'`,
		"signature": `UPDATE checkpoints SET mac = zeroblob(32) WHERE instance_id = 'a'`,
		"all of it": `DELETE FROM checkpoints WHERE instance_id = 'a'`,
		"another's": `UPDATE checkpoints SET (revision, seq, hash, time, who, mac) = (SELECT revision, seq, hash, time, who, mac FROM checkpoints WHERE instance_id = 'b') WHERE instance_id = 'a'`,
		"secret":    `UPDATE secrets SET value = zeroblob(32) WHERE name = '` + audit.Secret + `'`,
		"all after": `DELETE FROM events WHERE instance_id = 'a'`,
	} {
		changed := tampered(t, dir, func(db *sql.DB) { must(t, db, query) })
		if status, _, errs := command(t, "audit", "verify", "--data", changed); status != deniedStatus ||
			!strings.Contains(errs, "BROKEN: instance a, revision ") {
			t.Errorf("%s: status %d, says %q", name, status, errs)
		}
	}
	// A broken chain is not pruned.
	changed := tampered(t, dir, func(db *sql.DB) {
		must(t, db, `UPDATE events SET hash = $1 WHERE instance_id = 'a' AND revision = 6`, make([]byte, 32))
	})
	if err := os.WriteFile(filepath.Join(changed, credentialsFile),
		[]byte("aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs = command(t, "audit", "prune", "--data", changed, "--keep-events", "1", "--output", "table")
	if status != 1 || !strings.Contains(errs,
		"instance a: nothing was pruned, because the chain of records is broken: instance a, revision 6: the hash differs") ||
		!strings.Contains(out, "instance b: 2 records were pruned") {
		t.Errorf("prune of a broken chain: status %d, says %q and %q", status, errs, out)
	}
}
