package follow_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/follow"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/followapi"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const account = "123456789012"

func call(operation string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}, Operation: operation}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// A server is a real one with an instance, whose store outlives its listener.
type server struct {
	t testing.TB
	*control.Service
	store *sqlite.Memory
	in    *lanyard.Instance
	token string

	url    string
	http   *http.Server
	stop   context.CancelFunc // ends streams
	limits followapi.Limits
	loads  atomic.Int64 // of snapshots
}

func newService(db store.Store) *control.Service {
	return control.New(control.Config{Store: db, Region: "us-east-1", Logger: quiet, NoPasswords: true,
		Quotas: control.Quotas{Profiles: -1, Users: -1, Groups: -1, InstancesPerAccount: -1, RestrictedProfilesPerUser: -1}})
}

func newServer(t testing.TB, change ...func(*server)) *server {
	t.Helper()
	db, err := sqlite.OpenMemory(context.Background())
	must(t, err)
	s := &server{t: t, store: db}
	for _, f := range change {
		f(s)
	}
	s.Service = newService(db)
	must(t, s.LoadTokens(t.Context()))
	_, err = s.SetRootKey(t.Context(), "", "", account)
	must(t, err)
	made, err := s.CreateInstance(t.Context(), call("CreateInstance"),
		control.NewInstance{Alias: "centre", IdentityManagement: control.SAML})
	must(t, err)
	s.in, s.token = made.Resource, s.newToken(made.Resource.ID)
	s.listen("")
	t.Cleanup(func() {
		s.close()
		must(t, db.Close())
	})
	return s
}

func (s *server) newToken(instance string) string {
	_, text, err := s.CreateToken(s.t.Context(),
		lanyard.Token{Account: account, Instance: instance, Scope: lanyard.ScopeFollow})
	must(s.t, err)
	return text
}

// listen serves, at an address that was free before.
func (s *server) listen(url string) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h, err := frontends.New(ctx, frontends.Config{Control: s.Service, Credentials: s.store, Logger: quiet,
		Account: account, Region: "us-east-1", BodyMemory: 1 << 20, KeepMemory: true, Followers: s.limits})
	must(s.t, err)
	address := "127.0.0.1:0"
	if url != "" {
		address = strings.TrimPrefix(url, "http://")
	}
	listener, err := net.Listen("tcp", address)
	must(s.t, err)
	s.stop = stop
	s.http = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/snapshot") {
			s.loads.Add(1)
		}
		h.ServeHTTP(w, r)
	})}
	go s.http.Serve(listener)
	s.url = "http://" + listener.Addr().String()
}

// close kills the server. Its store stays.
func (s *server) close() {
	s.http.Close()
	s.stop()
}

// another returns another server on the same store.
func (s *server) another() *server {
	return s.with(s.Service, s.store)
}

// replica returns a server on a copy of the store.
func (s *server) replica() *server {
	image, err := s.store.Image(s.t.Context())
	must(s.t, err)
	db, err := sqlite.OpenImage(s.t.Context(), sqlite.MemoryConfig{Image: image})
	must(s.t, err)
	svc := newService(db)
	must(s.t, svc.LoadTokens(s.t.Context()))
	s.t.Cleanup(func() { must(s.t, db.Close()) })
	return s.with(svc, db)
}

func (s *server) with(svc *control.Service, db *sqlite.Memory) *server {
	other := &server{t: s.t, Service: svc, store: db, in: s.in, token: s.token, limits: s.limits}
	other.listen("")
	s.t.Cleanup(other.close)
	return other
}

// follow follows the instance until the test ends.
func (s *server) follow(options ...func(*follow.Config)) *follow.Follower {
	s.t.Helper()
	f, err := follow.Open(s.t.Context(), s.url, s.token, s.in.ID, append([]func(*follow.Config){
		func(c *follow.Config) { c.Logger = quiet }}, options...)...)
	must(s.t, err)
	s.t.Cleanup(func() { f.Close() })
	return f
}

// profile makes a profile that grants a permission.
func (s *server) profile(name string, permissions ...string) *lanyard.Profile {
	s.t.Helper()
	made, err := s.CreateSecurityProfile(s.t.Context(), call("CreateSecurityProfile"), s.in.ID,
		control.NewProfile{Name: name, ProfileChange: control.ProfileChange{Permissions: permissions}})
	must(s.t, err)
	return made.Resource
}

func (s *server) user(name string, profiles ...string) *lanyard.User {
	s.t.Helper()
	made, err := s.CreateUser(s.t.Context(), call("CreateUser"), s.in.ID, control.NewUser{User: lanyard.User{
		Meta: lanyard.Meta{Name: name}, Profiles: profiles, RoutingProfile: s.routing()}})
	must(s.t, err)
	return made.Resource
}

// routing is the id of a routing profile.
func (s *server) routing() string {
	list, err := s.store.Reader(s.in.ID).List(s.t.Context(), lanyard.TypeRoutingProfile, 0, 1)
	must(s.t, err)
	return list[0].Head().ID
}

// grant changes what a profile grants, and returns the revision.
func (s *server) grant(profile string, permissions ...string) int64 {
	s.t.Helper()
	result, err := s.UpdateSecurityProfile(s.t.Context(), call("UpdateSecurityProfile"), s.in.ID, profile,
		control.ProfileChange{Permissions: append([]string{}, permissions...)})
	must(s.t, err)
	return result.Revision
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waitFor waits for a revision, for as long as any machine takes.
func waitFor(t testing.TB, f *follow.Follower, revision int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, f.WaitFor(ctx, revision))
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// decides checks a decision.
func decides(t testing.TB, f *follow.Follower, user, action string, want bool) {
	t.Helper()
	d, err := f.Decide(&access.Query{Subject: access.Subject{ID: user}, Action: action})
	if err != nil || d.Allow != want {
		t.Errorf("%s is decided as %v for %s (%v), want %v", action, d, user, err, want)
	}
}

// A clock is one that tests set.
type clock struct {
	mu sync.Mutex
	by time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// A gate is a proxy for TCP that holds up what is sent, or cuts it.
type gate struct {
	t      testing.TB
	url    string
	to     string
	most   atomic.Int64 // bytes that the server may send on one connection
	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed chan struct{} // of the gate; nil while it is open
}

func newGate(t testing.TB, url string) *gate {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g := &gate{t: t, url: "http://" + listener.Addr().String(), to: strings.TrimPrefix(url, "http://"),
		conns: map[net.Conn]bool{}}
	g.cutAfter(1 << 40)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { g.pass(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		g.release()
		g.cut()
		all.Wait()
	})
	return g
}

// perConnection is by how much more each connection may carry than the one before.
const perConnection = 600

func (g *gate) cutAfter(bytes int64) { g.most.Store(bytes) }

// pass passes on what both sides send until one of them ends.
func (g *gate) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer server.Close()
	g.mu.Lock()
	g.conns[client], g.conns[server] = true, true
	g.mu.Unlock()
	go io.Copy(server, client)
	buf := make([]byte, 512)
	for left := g.most.Add(perConnection) - perConnection; left > 0; {
		n, err := server.Read(buf[:min(int64(len(buf)), left)])
		if err != nil {
			return
		}
		g.mu.Lock()
		closed := g.closed
		g.mu.Unlock()
		if closed != nil {
			<-closed
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
		left -= int64(n)
	}
}

// hold has the gate pass on nothing until release.
func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = make(chan struct{})
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		close(g.closed)
		g.closed = nil
	}
}

// cut ends all connections.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.Close()
		delete(g.conns, c)
	}
}
