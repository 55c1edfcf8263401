package subjectapi_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/demo"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/subject"
	"github.com/lanyard/lanyard/internal/subjectapi"
	"github.com/lanyard/lanyard/internal/world"
)

const account = "123456789012"

// A bench is a demo instance on a server, and tokens of it.
type bench struct {
	*testing.T
	*world.World
	in        *lanyard.Instance
	claire    string // id of a user
	agent     string // ARN
	own, any  string // tokens: bound to claire, of scope decide
	assisting string // bound to the agent that assists claire
	ownID     string // of the token own
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t}
	var err error
	b.World, err = world.New(t.Context(), world.Config{
		Rules:     control.Config{Region: "us-east-1"},
		Frontends: frontends.Config{Account: account, BodyMemory: 1 << 20},
		Logger:    slog.New(slog.DiscardHandler),
		Seed: func(ctx context.Context, svc *control.Service) error {
			b.in, err = demo.Make(ctx, svc, lanyard.AccessKey{ID: "AKIADEMO", Account: account, Root: true})
			return err
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	s := b.snapshot()
	b.claire, _ = s.LookupUser("claire.dubois")
	for a := range s.AIAgents() {
		b.agent = a.ID
		break
	}
	b.own, b.ownID = b.token(lanyard.Token{Scope: lanyard.ScopeCall, User: b.claire})
	b.any, _ = b.token(lanyard.Token{Scope: lanyard.ScopeDecide})
	b.assisting, _ = b.token(lanyard.Token{Scope: lanyard.ScopeCall, User: b.claire, Agent: b.agent})
	return b
}

func (b *bench) call() control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}, Operation: "UpdateSecurityProfile", Request: []byte("{}")}
}

func (b *bench) snapshot() *access.Snapshot {
	b.Helper()
	s, err := b.Service().Snapshot(b.Context(), b.call(), b.in.ID, 0)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *bench) token(t lanyard.Token) (text, id string) {
	b.Helper()
	t.Account, t.Instance = account, b.in.ID
	made, text, err := b.Service().CreateToken(b.Context(), t)
	if err != nil {
		b.Fatal(err)
	}
	return text, made.ID
}

// grant sets the permissions of a profile, by name.
func (b *bench) grant(profile string, permissions ...string) {
	b.Helper()
	found := b.snapshot().Lookup(access.TypeSecurityProfile, profile)
	if len(found) != 1 {
		b.Fatalf("profile %q does not exist", profile)
	}
	if _, err := b.Service().UpdateSecurityProfile(b.Context(), b.call(), b.in.ID, found[0].ID,
		control.ProfileChange{Permissions: permissions}); err != nil {
		b.Fatal(err)
	}
}

// get asks the server.
func (b *bench) get(path, token string, header ...string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

func (b *bench) keys() (set subject.KeySet) {
	b.Helper()
	w := b.get("/.well-known/lanyard-keys.json", "")
	if err := json.Unmarshal(w.Body.Bytes(), &set); w.Code != 200 || err != nil {
		b.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return set
}

// open returns the snapshot in an answer.
func (b *bench) open(w *httptest.ResponseRecorder, want access.Subject) *subject.Snapshot {
	b.Helper()
	s, err := subject.Open(w.Body.Bytes(), b.keys().Keys, subject.Expected{Instance: b.in.ID, Subject: want}, b.Now())
	if w.Code != 200 || err != nil {
		b.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return s
}

const path = "/lanyard/v1/subject-snapshot"

// Who is bound to a subject gets that subject's snapshot and no other; who may ask for decisions gets any.
func TestWhoGetsWhose(t *testing.T) {
	b := newBench(t)
	claire, agent := access.Subject{ID: b.claire}, access.Subject{Type: access.AIAgent, ID: b.agent}
	both := access.Subject{Type: access.AIAgent, ID: b.agent, Human: b.claire}
	otherInstance := "?instance=00000000-0000-4000-8000-000000000000"
	for _, tt := range []struct {
		name, query, token string
		want               access.Subject // the zero Subject for a refusal
		status             int
		says               string
	}{
		{"their own", "", b.own, claire, 200, ""},
		{"their own by name", "?id=claire.dubois&type=user", b.own, claire, 200, ""},
		{"their own by id", "?id=" + b.claire + "&instance=" + b.in.ID, b.own, claire, 200, ""},
		{"an agent that assists", "", b.assisting, both, 200, ""},
		{"of a user for an application", "?id=claire.dubois", b.any, claire, 200, ""},
		{"of an agent for an application", "?type=ai_agent&id=" + b.agent, b.any, agent, 200, ""},
		{"of both for an application", "?type=ai_agent&assisting=claire.dubois&id=" + b.agent, b.any, both, 200, ""},

		{"another user's", "?id=olivia.stone", b.own, access.Subject{}, 403, "for another subject"},
		{"that of nobody", "?id=nobody", b.own, access.Subject{}, 403, "for another subject"},
		{"an agent's", "?type=ai_agent&id=" + b.agent, b.own, access.Subject{}, 403, "for another subject"},
		{"of the agent alone", "?type=ai_agent&id=" + b.agent, b.assisting, access.Subject{}, 403, "for another subject"},
		{"of the user whom it assists", "?id=claire.dubois", b.assisting, access.Subject{}, 403, "for another subject"},
		{"of another instance", otherInstance, b.own, access.Subject{}, 403, "for another instance"},
		{"nobody's", "", "", access.Subject{}, 401, "Missing Authentication Token"},
		{"with a wrong token", "", b.own + "x", access.Subject{}, 401, "unknown to this server"},
		{"of nobody for an application", "?id=nobody", b.any, access.Subject{}, 404, `user "nobody" does not exist`},
		{"of an agent without profiles", "?type=ai_agent&id=arn:x", b.any, access.Subject{}, 404, `AI agent "arn:x"`},
		{"of whom is not said", "", b.any, access.Subject{}, 400, "id is required"},
		{"of a user who assists", "?id=x&assisting=y", b.any, access.Subject{}, 400, "assisting is for an ai_agent"},
		{"of an unknown type", "?id=x&type=robot", b.any, access.Subject{}, 400, "type must be user or ai_agent"},
		{"of two", "?id=x&id=y", b.any, access.Subject{}, 400, "id is listed twice"},
		{"with an unknown parameter", "?user=x", b.any, access.Subject{}, 400, `got "user"`},
		{"for too long", "?lifetime=3601", b.own, access.Subject{}, 400, "lifetime must be 10 to 3600 seconds"},
		{"waiting for too long", "?wait=51", b.own, access.Subject{}, 400, "wait must be 0 to 50 seconds"},
		{"waiting for nonsense", "?wait=-1", b.own, access.Subject{}, 400, "wait must be 0 to 50 seconds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := *b
			b.T = t
			w := b.get(path+tt.query, tt.token)
			if tt.status == 200 {
				if s := b.open(w, tt.want); s.Subject() != tt.want {
					t.Errorf("it is the snapshot of %+v, want %+v", s.Subject(), tt.want)
				}
			} else if w.Code != tt.status || !strings.Contains(w.Body.String(), strings.ReplaceAll(tt.says, `"`, `\"`)) {
				t.Errorf("status %d: %s, want %d: %s", w.Code, w.Body, tt.status, tt.says)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("the headers are %v", w.Header())
			}
		})
	}
}

// The instances of another account do not exist.
func TestAnotherAccount(t *testing.T) {
	b := newBench(t)
	_, text, err := b.Service().CreateToken(t.Context(), lanyard.Token{Account: "999999999999", Scope: lanyard.ScopeDecide})
	if err != nil {
		t.Fatal(err)
	}
	w := b.get(path+"?id=claire.dubois&instance="+b.in.ID, text)
	if w.Code != 404 || !strings.Contains(w.Body.String(), "does not exist") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// The snapshot decides what the server decides, and names nobody else.
func TestSnapshotOfTheDemo(t *testing.T) {
	b := newBench(t)
	s := b.snapshot()
	for u := range s.UsersWithTags() {
		w := b.get(path+"?id="+u.ID, b.any)
		solo := b.open(w, access.Subject{ID: u.ID})
		payload := b.payload(w)
		for other := range s.Users() {
			for _, text := range []string{other.ID, other.Name} {
				if other.ID != u.ID && strings.Contains(payload, `"`+text+`"`) {
					t.Errorf("the snapshot of %s has %q", u.Name, text)
				}
			}
			if strings.Contains(payload, `"`+other.LastName+`"`) {
				t.Errorf("the snapshot of %s has the name %q", u.Name, other.LastName)
			}
		}
		for target := range s.UsersWithTags() {
			for _, permission := range []string{"Users.View", "Users.Edit"} {
				q := access.Query{Subject: access.Subject{ID: u.ID}, Action: permission,
					Resource: access.Resource{Type: access.TypeUser, ID: target.ID}}
				want := s.Decide(&q)
				q.Resource.Tags, q.Resource.Group = target.Tags, target.Group
				if q.Resource.Tags == nil {
					q.Resource.Tags = map[string]string{}
				}
				if got := solo.Decide(&q); got != want {
					t.Fatalf("%s of %s by %s is decided %+v, want %+v", permission, target.Name, u.Name, got, want)
				}
			}
		}
	}
}

// payload returns what a snapshot says.
func (b *bench) payload(w *httptest.ResponseRecorder) string {
	b.Helper()
	text, err := decodePart(w.Body.String(), 1)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// Who has the rights waits until they are others: not for changes that are about somebody else.
func TestWaiting(t *testing.T) {
	b := newBench(t)
	first := b.get(path, b.own)
	tag := first.Header().Get("ETag")
	if w := b.get(path, b.own, "If-None-Match", tag); w.Code != 304 || w.Body.Len() > 0 {
		t.Errorf("status %d for rights that the caller has: %s", w.Code, w.Body)
	}
	answers := make(chan *httptest.ResponseRecorder, 1)
	wait := func(seconds int) {
		go func() { answers <- b.get(fmt.Sprintf("%s?wait=%d", path, seconds), b.own, "If-None-Match", tag) }()
	}
	wait(1)
	b.grant("Auditor", "Users.View") // which claire does not hold
	if w := <-answers; w.Code != 304 {
		t.Errorf("status %d after a change of others' rights: %s", w.Code, w.Body)
	}
	wait(30)
	b.grant("Supervisor France", "Users.View", "Prompts.View")
	began := time.Now()
	w := <-answers
	s := b.open(w, access.Subject{ID: b.claire})
	if q := (access.Query{Action: "Prompts.View"}); !s.Decide(&q).Allow || time.Since(began) > 10*time.Second {
		t.Errorf("after %v the new permission is decided %+v", time.Since(began), s.Decide(&q))
	}
	tag = w.Header().Get("ETag")
	wait(2)
	if err := b.Service().RevokeToken(t.Context(), b.ownID); err != nil {
		t.Fatal(err)
	}
	if w := <-answers; w.Code != 401 || !strings.Contains(w.Body.String(), "revoked") {
		t.Errorf("status %d for a token that was revoked in the meantime: %s", w.Code, w.Body)
	}
}

// A server that ends is not held up by those who wait: they are answered at once.
func TestWaitingEndsWithTheServer(t *testing.T) {
	b := newBench(t)
	ctx, stop := context.WithCancel(t.Context())
	s := subjectapi.New(ctx, subjectapi.Config{
		Control: b.Service(),
		Secret:  func(context.Context, string) ([]byte, error) { return make([]byte, 32), nil },
		Authenticate: func(*http.Request) (subjectapi.Caller, error) {
			return subjectapi.Caller{Account: account, Instance: b.in.ID, Subject: access.Subject{ID: b.claire}}, nil
		}})
	ask := func(query, tag string) *httptest.ResponseRecorder {
		r, w := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+query, nil), httptest.NewRecorder()
		r.Header.Set("If-None-Match", tag)
		s.ServeHTTP(w, r)
		return w
	}
	tag := ask("", "").Header().Get("ETag")
	time.AfterFunc(50*time.Millisecond, stop)
	began := time.Now()
	if w := ask("?wait=40", tag); w.Code != 304 || time.Since(began) > 20*time.Second {
		t.Errorf("status %d after %v: %s", w.Code, time.Since(began), w.Body)
	}
}

// No caller takes up all the room that there is for those who wait.
func TestWaitersAreBounded(t *testing.T) {
	b := newBench(t)
	tag := b.get(path, b.own).Header().Get("ETag")
	ctx, cancel := context.WithCancel(t.Context())
	codes := make(chan int, 40)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, path+"?wait=50", nil)
			r.Header.Set("Authorization", "Bearer "+b.own)
			r.Header.Set("If-None-Match", tag)
			w := httptest.NewRecorder()
			b.ServeHTTP(w, r)
			codes <- w.Code
		})
	}
	for range 8 {
		if code := <-codes; code != 503 {
			t.Errorf("status %d of one of 40 who wait, want 503 for 8", code)
		}
	}
	if w := b.get(path+"?id=olivia.stone&wait=1", b.any, "If-None-Match", "x"); w.Code != 200 {
		t.Errorf("status %d for another subject: %s", w.Code, w.Body)
	}
	cancel()
	all.Wait()
}

// A key signs for thirty days. It is published before that, and after that as long as anything may be valid that it
// signed.
func TestKeysAreReplaced(t *testing.T) {
	b := newBench(t)
	day := time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)
	b.set(day)
	text := b.get(path+"?id=claire.dubois", b.any).Body.Bytes()
	ids := func() (ids []string) {
		for _, k := range b.keys().Keys {
			ids = append(ids, k.ID)
		}
		return ids
	}
	open := func() error {
		_, err := subject.Open(text, b.keys().Keys, subject.Expected{}, day)
		return err
	}
	before := ids()
	b.set(day.Add(30 * 24 * time.Hour))
	after := ids()
	if len(before) != 3 || before[0] != after[2] || before[1] != after[0] || slices.Contains(before, after[1]) {
		t.Errorf("the keys are %v and, thirty days later, %v", before, after)
	}
	if err := open(); err != nil {
		t.Errorf("a snapshot of the last key is of no use: %v", err)
	}
	b.set(day.Add(60 * 24 * time.Hour))
	var f *subject.Fault
	if err := open(); !errors.As(err, &f) || f.Reason != subject.ReasonKey {
		t.Errorf("a snapshot of a key that is no longer published: %v", err)
	}
}

func (b *bench) set(at time.Time) {
	b.Helper()
	if err := b.SetTime(world.Clock{At: at, Frozen: true}); err != nil {
		b.Fatal(err)
	}
}

// A snapshot is valid for as long as was asked for, and no longer than the token.
func TestLifetime(t *testing.T) {
	b := newBench(t)
	at := time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC)
	b.set(at)
	short, _ := b.token(lanyard.Token{Scope: lanyard.ScopeCall, User: b.claire, Expires: at.Add(90 * time.Second)})
	for _, tt := range []struct {
		query, token string
		want         time.Duration
	}{{"", b.own, 5 * time.Minute}, {"?lifetime=3600", b.own, time.Hour}, {"?lifetime=10", b.own, 10 * time.Second},
		{"?lifetime=3600", short, 90 * time.Second}} {
		s := b.open(b.get(path+tt.query, tt.token), access.Subject{ID: b.claire})
		if got := time.Unix(s.Claims.Expires, 0).Sub(at); got != tt.want || s.Claims.Issued != at.Unix() {
			t.Errorf("%q is valid for %v, want %v", tt.query, got, tt.want)
		}
	}
}

// Pages of other origins may ask, as far as a browser lets them: with a token, and never with a cookie.
func TestOtherOrigins(t *testing.T) {
	b := newBench(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil)
	r.Header.Set("Origin", "https://desktop.example")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Headers") != "Authorization, If-None-Match" ||
		h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("status %d: %v", w.Code, h)
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
	w = httptest.NewRecorder()
	if b.ServeHTTP(w, r); w.Code != 405 {
		t.Errorf("status %d for POST", w.Code)
	}
}
