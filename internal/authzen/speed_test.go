package authzen_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/questions"
)

// discard is a ResponseWriter that costs next to nothing.
type discard struct {
	header http.Header
	status int
	n      int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { d.n += len(b); return len(b), nil }

// centre is an instance of 1,000 users and 20 profiles.
func centre() *access.Snapshot {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	id := func(kind, i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, i) }
	for i := range 20 {
		p := &lanyard.Profile{Meta: lanyard.Meta{ID: id(1, i), Name: fmt.Sprint("profile ", i)},
			Permissions: []string{"Queues.View", "Users.EditPermission", "Users.View"}}
		if i%2 == 0 {
			p.AccessTags, p.TagRestricted = map[string]string{"Country": "FR"}, []string{"User"}
		}
		e.Put(p)
	}
	for i := range 1000 {
		e.Put(&lanyard.User{Meta: lanyard.Meta{ID: id(2, i), Name: fmt.Sprint("user", i),
			Tags: map[string]string{"Country": []string{"FR", "DE", "ES"}[i%3]}}, Profiles: []string{id(1, i%20), id(1, i%19)}})
	}
	return e.Snapshot(1234)
}

func asked(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`{"action":{"name":%q},"resource":{"id":"00000002-0000-4000-8000-%012x","type":"User"},"subject":{"id":"00000002-0000-4000-8000-%012x","type":"user"}}`,
			[]string{"Users.View", "Users.EditPermission", "Users.Edit"}[i%3], i*7%1000, i*13%1000)
	}
	return all
}

func BenchmarkAsk(b *testing.B) {
	snapshot := centre()
	s := authzen.NewServer(authzen.Config{
		Authenticate: func(*http.Request, []byte) (authzen.Principal, error) { return authzen.Principal{Instance: "i"}, nil },
		Questions: questions.New(questions.Config{
			Snapshot: func(context.Context, questions.Viewer, int64) (*access.Snapshot, error) {
				return snapshot, nil
			},
		}),
	})
	all := asked(100)
	for _, bb := range []struct{ name, path, body string }{
		{"one", evaluation, all[0]},
		{"one, a revision asked for", evaluation, strings.TrimSuffix(all[0], "}") + `,"context":{"at_least_revision":1234}}`},
		{"100 different", "/access/v1/evaluations", `{"evaluations":[` + strings.Join(all, ",") + `]}`},
		{"100 different, a revision asked for", "/access/v1/evaluations",
			`{"context":{"at_least_revision":1234},"evaluations":[` + strings.Join(all, ",") + `]}`},
		{"100 with properties", "/access/v1/evaluations", `{"evaluations":[` +
			strings.ReplaceAll(strings.Join(all, ","), `"type":"User"`, `"type":"User","properties":{"tags":{"a":"b"}}`) + `]}`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			raw, body := []byte(bb.body), bytes.NewReader(nil)
			r, err := http.NewRequest("POST", bb.path, io.NopCloser(body))
			if err != nil {
				b.Fatal(err)
			}
			r.ContentLength = int64(len(bb.body))
			r.Header.Set("Content-Type", "application/json")
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.body)))
			for b.Loop() {
				body.Reset(raw)
				s.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatal(w.status)
			}
		})
	}
}
