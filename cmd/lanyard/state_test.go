package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// seedState makes a folder with an instance that has users with tags and passwords, some of them deleted.
func seedState(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	change := func(f func(ctx context.Context, tx store.Tx) error) {
		t.Helper()
		n++
		if err := db.Update(ctx, "a", func(tx store.Tx) error {
			if err := f(ctx, tx); err != nil {
				return err
			}
			return tx.Append(ctx, &lanyard.Event{ID: fmt.Sprint(n), Instance: "a", Time: time.Now(), Operation: "Test"})
		}); err != nil {
			t.Fatal(err)
		}
	}
	change(func(ctx context.Context, tx store.Tx) error {
		return tx.Put(ctx, &lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "P"}})
	})
	for _, id := range []string{"ann", "bob", "cid", "gone", "plain"} {
		change(func(ctx context.Context, tx store.Tx) error {
			u := &lanyard.User{Meta: lanyard.Meta{ID: id, Name: id + ".name", Tags: map[string]string{"Team": id}},
				Profiles: []string{"p"}}
			if id == "plain" {
				u.Tags = nil
			}
			return tx.Put(ctx, u)
		})
		if id != "cid" {
			change(func(ctx context.Context, tx store.Tx) error { return tx.SetPassword(ctx, id, "$argon2id$"+id) })
		}
	}
	change(func(ctx context.Context, tx store.Tx) error { return tx.SetPassword(ctx, "ann", "$argon2id$ann again") })
	for _, id := range []string{"gone", "plain"} {
		change(func(ctx context.Context, tx store.Tx) error { return tx.Delete(ctx, lanyard.TypeUser, id) })
	}
	return dir
}

// TestVerifyStateBeside compares what is stored alongside the documents with them, and with the records.
func TestVerifyStateBeside(t *testing.T) {
	dir := seedState(t)
	for _, tt := range []struct{ name, change, want string }{
		{"nothing", `UPDATE schema_version SET name = name`, ""},
		{"the name by which sign-in finds a user", `UPDATE resources SET key = 'x' WHERE id = 'ann'`,
			`agent ann has another key, name or sequence number ("x") than its document ("ann.name")`},
		{"a name that finds nobody", `UPDATE resources SET key = '' WHERE id = 'ann'`, "agent ann has another key"},
		{"the name that is shown", `UPDATE resources SET name = 'x' WHERE id = 'ann'`,
			"agent ann has another key, name or sequence number"},
		{"the place", `UPDATE resources SET seq = 77 WHERE id = 'ann'`, "agent ann has another key, name or sequence number"},
		{"a reference gone", `DELETE FROM refs WHERE from_id = 'ann'`,
			"the 4 stored references differ from the 6 of the resources"},
		{"a reference put in",
			`INSERT INTO refs (instance_id, to_type, to_id, from_type, from_id) VALUES ('a', 'queue', 'q', 'agent', 'ann')`,
			"the 7 stored references differ from the 6"},
		{"a reference altered", `UPDATE refs SET to_id = 'q' WHERE from_id = 'ann'`,
			"the 6 stored references differ from the 6"},
		{"a count", `UPDATE counts SET n = n + 1 WHERE type = 'agent'`,
			"the stored number of resources of type agent is wrong by 1"},
		{"a count gone", `DELETE FROM counts WHERE type = 'agent'`,
			"the stored number of resources of type agent is wrong by -3"},
		{"tags of the deleted", `UPDATE tombstones SET tags = '{"Team":"x"}'`,
			"the last tags of agent gone differ from the record of revision 12"},
		{"tags of the deleted gone", `DELETE FROM tombstones`,
			"the last tags of a resource that the record of revision 12 deleted are not stored"},
		{"tags of what had none",
			`INSERT INTO tombstones (instance_id, type, id, tags) VALUES ('a', 'agent', 'plain', '{"Team":"x"}')`,
			"the last tags of agent plain differ from"},
		{"tags of what was not deleted",
			`INSERT INTO tombstones (instance_id, type, id, tags) VALUES ('a', 'agent', 'ann', '{"Team":"x"}')`,
			"last tags of agent ann are stored, but no record deleted it"},
		{"another's password",
			`UPDATE passwords SET hash = (SELECT hash FROM passwords WHERE user_id = 'bob') WHERE user_id = 'ann'`,
			"the password of user ann differs from the record of revision 11"},
		{"the old password", `UPDATE passwords SET hash = '$argon2id$ann' WHERE user_id = 'ann'`,
			"the password of user ann differs from"},
		{"a password where there was none", `INSERT INTO passwords (instance_id, user_id, hash) VALUES ('a', 'cid', 'x')`,
			"a password of user cid is stored, but no record set it"},
		{"a password of the deleted",
			`INSERT INTO passwords (instance_id, user_id, hash) VALUES ('a', 'gone', '$argon2id$gone')`,
			"a password of user gone is stored, but no record set it"},
		{"a password gone", `DELETE FROM passwords WHERE user_id = 'bob'`,
			"the password of user bob that the record of revision 5 set is not stored"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := tampered(t, dir, func(db *sql.DB) { must(t, db, tt.change) })
			status, _, errs := command(t, "audit", "verify", "--state", "--data", changed)
			if tt.want == "" && status != 0 {
				t.Errorf("status %d, says %q; want it to be whole", status, errs)
			}
			if tt.want != "" && (status != deniedStatus || !strings.Contains(errs, "BROKEN: instance a: "+tt.want)) {
				t.Errorf("status %d, says %q; want %q", status, errs, tt.want)
			}
		})
	}
}
