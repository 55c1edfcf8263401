package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// What the database reports in answer to COMMIT says that the transaction was rolled back only if nothing else
// can be meant.
func TestCommitted(t *testing.T) {
	const failed, unknown = "failed", "unknown"
	for _, tt := range []struct {
		name, severity, code, warning string
		early                         bool
		want                          string
	}{
		{name: "unique key", code: "23505", want: failed},
		{name: "deferred foreign key", code: "23503", want: failed},
		{name: "serialization failure", code: "40001", want: failed},
		{name: "deadlock", code: "40P01", want: failed},
		{name: "transaction rolled back by a constraint", code: "40002", want: failed},
		{name: "statement completion unknown", code: "40003", want: unknown},
		{name: "raised by a trigger", code: "P0001", want: failed},
		{name: "bad value", code: "22P02", want: failed},
		{name: "read-only", code: "25006", want: failed},
		{name: "not supported", code: "0A000", want: failed},
		{name: "lock not available", code: "55P03", want: failed},
		{name: "disk full", code: "53100", want: failed},
		{name: "canceled", code: "57014", want: failed},
		{name: "idle for too long", severity: "FATAL", code: "25P03", want: failed},
		{name: "idle for too long, with a warning", severity: "FATAL", code: "25P03", warning: "w", want: unknown},
		{name: "internal error, as of Citus", code: "XX000", want: unknown},
		{name: "internal error with a warning", code: "XX000", warning: "failed to commit transaction", want: unknown},
		{name: "conflict with a warning", code: "40001", warning: "failed to commit transaction", want: unknown},
		{name: "connection failure", code: "08006", want: unknown},
		{name: "transaction resolution unknown", code: "08007", want: unknown},
		{name: "protocol violation, as of a pooler", code: "08P01", want: unknown},
		{name: "I/O error", code: "58030", want: unknown},
		{name: "shutdown", severity: "FATAL", code: "57P01", want: unknown},
		{name: "shutdown of a node", code: "57P01", want: unknown},
		{name: "crash", severity: "FATAL", code: "57P02", want: unknown},
		{name: "unique key, fatal", severity: "FATAL", code: "23505", want: unknown},
		{name: "a class that nobody knows", code: "ZZ000", want: unknown},
		{name: "no code", code: "", want: unknown},
		{name: "internal error of a statement before", code: "XX000", early: true, want: failed},
		{name: "shutdown before", severity: "FATAL", code: "57P01", early: true, want: failed},
		{name: "unknown before", code: "40003", early: true, want: failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			severity := tt.severity
			if severity == "" {
				severity = "ERROR"
			}
			c := &conn{warning: tt.warning}
			got := c.committed(&pgconn.PgError{SeverityUnlocalized: severity, Code: tt.code, Message: "m"}, tt.early)
			if is := errors.Is(got, sqlstore.ErrUnknown); got == nil || is != (tt.want == unknown) {
				t.Errorf("%s %s: %v, want it %s", severity, tt.code, got, tt.want)
			}
			if got != nil && !strings.Contains(got.Error(), tt.warning) {
				t.Errorf("the warning is lost: %v", got)
			}
		})
	}
}

// message is one of PostgreSQL's protocol.
func message(kind byte, fields ...string) []byte {
	body := strings.Join(fields, "\x00") + "\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
}

// A commit that happened, but is answered as a coordinator answers that has lost a worker, is unknown. So is
// that of a change in one round trip, and of what is stored outside of instances.
func TestCommitAnsweredWithAnError(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	commit, ready := []byte("C\x00\x00\x00\x0bCOMMIT\x00"), []byte("Z\x00\x00\x00\x05I")
	for _, code := range []string{"XX000", "08006", "40003"} {
		for _, warned := range []string{"", "failed to commit transaction on worker"} {
			failure := message('E', "SERROR", "VERROR", "C"+code, "Mcould not commit transaction")
			if warned != "" {
				failure = append(message('N', "SWARNING", "VWARNING", "C01000", "M"+warned), failure...)
			}
			for name, tt := range map[string]struct {
				config Config
				alter  func([]byte) []byte
				change func(s *Store, id string) error
			}{
				"two round trips": {
					alter:  func(b []byte) []byte { return bytes.Replace(b, commit, failure, 1) },
					change: func(s *Store, id string) error { return add(ctx, s, id, "p", nil) }, // the instance is new
				},
				"one round trip": {
					alter: func(b []byte) []byte {
						return bytes.Replace(b, ready, append(bytes.Clone(failure), ready...), 1)
					},
					change: func(s *Store, id string) error { return s.Update(ctx, "i", saying(ctx, "p", id, nil)) },
				},
				"outside of instances": {
					alter:  func(b []byte) []byte { return bytes.Replace(b, commit, failure, 1) },
					change: func(s *Store, id string) error { return s.PutKey(ctx, lanyard.AccessKey{ID: id}) },
				},
			} {
				t.Run(fmt.Sprint(code, " ", name, " ", warned), func(t *testing.T) {
					p := server.Proxy(t)
					s := opened(t, Config{URL: server.At(p.Address, server.Schema(t, t.TempDir()))})
					if err := add(ctx, s, "i", "p", nil); err != nil {
						t.Fatal(err)
					}
					for i := range 3 { // so that the statements are prepared
						if err := tt.change(s, fmt.Sprint("before", i)); err != nil {
							t.Fatal(err)
						}
					}
					p.Alter(tt.alter)
					wantKind(t, "the change", tt.change(s, "altered"), lanyard.Unknown)
					if err := tt.change(s, "after"); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// A database that says it is Citus gets no change without BEGIN: what is sent in one is not a transaction
// there. Nothing is logged, because changes work all the same.
func TestExplicitOnCitus(t *testing.T) {
	server := pgtest.Start(t)
	for name, tt := range map[string]struct {
		script string
		begins bool
	}{
		"plain": {"", false},
		"citus": {`CREATE TABLE pg_extension (extname text); INSERT INTO pg_extension VALUES ('citus')`, true},
		"other": {`CREATE FUNCTION version() RETURNS text LANGUAGE sql AS $$ SELECT 'PostgreSQL 15.2-YB-2025.1.0' $$`, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := server.Proxy(t)
			schema := server.Schema(t, t.TempDir())
			server.Exec(t, fmt.Sprintf(`SET search_path = %s, pg_catalog; %s`, schema, tt.script))
			// What is of this schema is found before what is the system's.
			url := strings.Replace(server.At(p.Address, schema), "search_path="+schema, "search_path="+schema+"%2Cpg_catalog", 1)
			var log strings.Builder
			s := opened(t, Config{URL: url, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			ctx := t.Context()
			if err := errors.Join(add(ctx, s, "i", "p", nil), s.Update(ctx, "i", saying(ctx, "p", "first", nil))); err != nil {
				t.Fatal(err)
			}
			var commits atomic.Int32
			p.Alter(func(b []byte) []byte {
				commits.Add(int32(bytes.Count(b, []byte("COMMIT\x00"))))
				return b
			})
			if err := s.Update(ctx, "i", saying(ctx, "p", "second", nil)); err != nil {
				t.Fatal(err)
			}
			if got := commits.Load() > 0; got != tt.begins {
				t.Errorf("a change from the cached head has a COMMIT: %v, want %v", got, tt.begins)
			}
			if strings.Contains(log.String(), "WARN") {
				t.Error(log.String())
			}
		})
	}
}

// A database that does not know notifications is not asked for them again and again.
func TestNotificationsRefusedForGood(t *testing.T) {
	for code, want := range map[string]bool{"0A000": true, "42601": true, "42883": true, "57P01": false, "53300": false,
		"": false} {
		if got := refusedForGood(&pgconn.PgError{Code: code}); got != want {
			t.Errorf("%q: %v, want %v", code, got, want)
		}
	}
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	var log strings.Builder
	s := opened(t, Config{URL: server.URL(schema)})
	config := s.config.Copy()
	config.RuntimeParams["search_path"] = schema + ",pg_catalog"
	server.Exec(t, fmt.Sprintf(`CREATE FUNCTION %s.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '0A000'; END $$`, schema))
	n := newNotifier(config, slog.New(slog.NewTextHandler(&log, nil)))
	n.add("i", 1)
	pgtest.Await(t, "the notifier to give up", func() error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.off {
			return errors.New("it is not off")
		}
		return nil
	})
	n.add("i", 2)
	n.close()
	if got := strings.Count(log.String(), "WARN"); got != 1 {
		t.Errorf("%d warnings, want 1:\n%s", got, log.String())
	}
}

// On Citus an instance can be deleted while its line of the directory was read already. The export then has
// neither.
func TestExportOfScatteredState(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	server.Exec(t, fmt.Sprintf(`SET search_path = %s, pg_catalog; CREATE TABLE pg_extension (extname text);
		INSERT INTO pg_extension VALUES ('citus')`, schema))
	ctx := t.Context()
	s := opened(t, Config{URL: strings.Replace(server.URL(schema), "search_path="+schema, "search_path="+schema+
		"%2Cpg_catalog", 1)})
	for _, id := range []string{"kept", "gone"} {
		if err := s.Update(ctx, id, func(tx store.Tx) error {
			in := &lanyard.Instance{Meta: lanyard.Meta{ID: id, Name: id}, Account: "a"}
			return errors.Join(tx.Put(ctx, in), tx.Append(ctx, event(id)))
		}); err != nil {
			t.Fatal(err)
		}
	}
	server.Exec(t, fmt.Sprintf(`DELETE FROM %s.resources WHERE instance_id = 'gone'`, schema))
	var ids []string
	err := s.Export(ctx, store.Scope{Tables: []*store.Table{store.Directory}}, func(r store.Row) error {
		ids = append(ids, r.Values[1].(string))
		return nil
	})
	if err != nil || len(ids) != 1 || ids[0] != "kept" {
		t.Errorf("the directory has %q, %v; want kept alone", ids, err)
	}
}
