package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/lanyard/lanyard/sigv4"
)

// serveBaseline is the least that a server like lanyard must do: answer a GET with JSON and, as
// sigv4, check the request's signature before.
func serveBaseline(ctx context.Context, kind string) error {
	answer := []byte(`{"SecurityProfile":{"Id":"2f1f6a52-5c1d-4a8e-9d62-0a8c4de33f5b","SecurityProfileName":"Agent","Description":"` +
		"The least that a server can answer, as long as a small profile" + `"}}`)
	v := &sigv4.Verifier{Region: region, Service: service, Keys: func(context.Context, string) (sigv4.Key, bool, error) {
		return sigv4.Key{Secret: secretKey}, true, nil
	}}
	handler := func(w http.ResponseWriter, r *http.Request) {
		if kind == "sigv4" && r.URL.Path != "/" {
			if _, err := v.Verify(r, nil); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("serves http://%s\n", l.Addr())
	srv := &http.Server{Handler: http.HandlerFunc(handler), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	if err := srv.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

// bare is SQLite with nothing around it.
type bare struct {
	db   *sql.DB
	stmt *sql.Stmt
	n    uint64
	doc  [2048]byte
}

func openBare(ctx context.Context, dir string) (*bare, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	b := &bare{db: db}
	if _, err = db.ExecContext(ctx, `CREATE TABLE r (id TEXT PRIMARY KEY, doc BLOB NOT NULL)`); err == nil {
		b.stmt, err = db.PrepareContext(ctx, `INSERT INTO r (id, doc) VALUES ('profile', $1) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return b, nil
}

// upsert replaces the row in a transaction of its own.
func (b *bare) upsert() error {
	b.n++
	binary.BigEndian.PutUint64(b.doc[:], b.n) // SQLite does not write what is there already
	_, err := b.stmt.Exec(b.doc[:])
	return err
}
