package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	_ "modernc.org/sqlite"

	"github.com/lanyard/lanyard/bench/peer"
	"github.com/lanyard/lanyard/sigv4"
)

// serveBaseline is the least that a server like lanyard must do: answer with JSON, which is trivial;
// as sigv4, check the request's signature before; as decision, also read a question and look up
// its answer. As mcp, it is an MCP server with one tool.
func serveBaseline(ctx context.Context, kind string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("serves http://%s\n", l.Addr())
	var handler http.Handler
	if kind == "mcp" {
		handler = http.HandlerFunc(serveTool)
	} else {
		handler = newBaseline(kind)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	if err := srv.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

// A baseline is the handler of serveBaseline.
type baseline struct {
	kind     string
	verifier *sigv4.Verifier
	lookup   *peer.Bare // of a decision
}

const baselineAnswer = `{"SecurityProfile":{"Id":"2f1f6a52-5c1d-4a8e-9d62-0a8c4de33f5b","SecurityProfileName":"Agent",` +
	`"Description":"The least that a server can answer, as long as a small profile"}}`

func newBaseline(kind string) *baseline {
	b := &baseline{kind: kind, verifier: &sigv4.Verifier{Region: region, Service: service,
		Keys: func(context.Context, string) (sigv4.Key, bool, error) { return sigv4.Key{Secret: secretKey}, true, nil }}}
	if kind == "decision" {
		b.lookup = peer.NewBare(peer.NewWorld(tens, 0), nil, false)
	}
	return b
}

func (b *baseline) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if b.kind == "trivial" || r.URL.Path == "/" {
		io.WriteString(w, baselineAnswer)
		return
	}
	body := make([]byte, max(r.ContentLength, 0)) // it is never chunked here
	_, err := io.ReadFull(r.Body, body)
	if err == nil {
		_, err = b.verifier.Verify(r, body)
	}
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusForbidden)
	case b.lookup == nil:
		io.WriteString(w, baselineAnswer)
	default:
		b.decide(w, body)
	}
}

// decide reads a question and answers it with a lookup.
func (b *baseline) decide(w http.ResponseWriter, body []byte) {
	var q struct {
		Subject struct {
			ID string `json:"id"`
		} `json:"subject"`
		Action struct {
			Name string `json:"name"`
		} `json:"action"`
		Resource struct {
			Type string `json:"type"`
			ID   string `json:"id"`
		} `json:"resource"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if q.Resource.Type == noResource {
		q.Resource.Type = ""
	}
	if b.lookup.Ask(&peer.Question{User: q.Subject.ID, Action: q.Action.Name, Type: q.Resource.Type,
		Resource: q.Resource.ID}) {
		io.WriteString(w, `{"decision":true}`)
	} else {
		io.WriteString(w, `{"decision":false}`)
	}
}

// bare is SQLite with nothing around it.
type bare struct {
	db   *sql.DB
	stmt *sql.Stmt
	n    uint64
	doc  [2048]byte
}

func openBare(ctx context.Context, dir string) (*bare, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "bare.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	b := &bare{db: db}
	if _, err = db.ExecContext(ctx, `CREATE TABLE r (id TEXT PRIMARY KEY, doc BLOB NOT NULL)`); err == nil {
		b.stmt, err = db.PrepareContext(ctx,
			`INSERT INTO r (id, doc) VALUES ('profile', $1) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`)
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
