package followapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/followapi"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const account = "123456789012"

func call(operation string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}, Operation: operation}
}

// A server is a real one with two instances.
type server struct {
	*testing.T
	*control.Service
	url       string
	in, other *lanyard.Instance
	token     string
	stop      context.CancelFunc
}

func newServer(t *testing.T, change ...func(*frontends.Config)) *server {
	t.Helper()
	db, err := sqlite.OpenMemory(context.Background())
	must(t, err)
	quiet := slog.New(slog.DiscardHandler)
	s := &server{T: t, Service: control.New(control.Config{Store: db, Region: "us-east-1", Logger: quiet, NoPasswords: true,
		Quotas: control.Quotas{InstancesPerAccount: -1}})}
	must(t, s.LoadTokens(t.Context()))
	_, err = s.SetRootKey(t.Context(), "", "", account)
	must(t, err)
	s.in, s.other = s.instance("centre"), s.instance("other")
	s.token = s.newToken(lanyard.Token{Instance: s.in.ID, Scope: lanyard.ScopeFollow})
	ctx, stop := context.WithCancel(context.Background())
	c := frontends.Config{Control: s.Service, Credentials: db, Logger: quiet, Account: account, Region: "us-east-1",
		BodyMemory: 1 << 20, KeepMemory: true}
	for _, f := range change {
		f(&c)
	}
	h, err := frontends.New(ctx, c)
	must(t, err)
	srv := httptest.NewServer(h)
	s.url, s.stop = srv.URL, stop
	t.Cleanup(func() {
		stop()
		srv.Close()
		must(t, db.Close())
	})
	return s
}

func (s *server) instance(alias string) *lanyard.Instance {
	made, err := s.CreateInstance(s.Context(), call("CreateInstance"),
		control.NewInstance{Alias: alias, IdentityManagement: control.ConnectManaged})
	must(s, err)
	return made.Resource
}

func (s *server) newToken(t lanyard.Token) string {
	t.Account = account
	_, text, err := s.CreateToken(s.Context(), t)
	must(s, err)
	return text
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get asks for a path below an instance, with a token unless it is "".
func (s *server) get(instance, ending, token string, header ...string) *http.Response {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), "GET", s.url+"/lanyard/v1/instances/"+instance+ending, nil)
	must(s, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	must(s, err)
	s.Cleanup(func() { resp.Body.Close() })
	return resp
}

func read(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

// position is where an instance is.
func (s *server) position(instance string) string {
	s.Helper()
	resp := s.get(instance, "/follow/snapshot", s.newToken(lanyard.Token{Instance: instance, Scope: lanyard.ScopeFollow}))
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	must(s, err)
	var head struct{ Head struct{ Position string } }
	must(s, json.Unmarshal([]byte(line), &head))
	return head.Head.Position
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	expired := s.newToken(lanyard.Token{Instance: s.in.ID, Scope: lanyard.ScopeFollow,
		Expires: time.Now().Add(time.Millisecond)})
	revoked := s.newToken(lanyard.Token{Instance: s.in.ID, Scope: lanyard.ScopeFollow})
	list, err := s.Tokens(t.Context())
	must(t, err)
	must(t, s.RevokeToken(t.Context(), list[len(list)-1].ID))
	at := s.position(s.in.ID)
	hash := at[strings.Index(at, ".")+1:]
	time.Sleep(2 * time.Millisecond) // the token expires
	const changes, snapshot = "/follow", "/follow/snapshot"
	for _, tt := range []struct {
		name, instance, ending, token string
		status                        int
		want                          string
	}{
		{"no token", s.in.ID, snapshot, "", 401, "Authorization: Bearer is required, with a token of lanyard token create"},
		{"unknown token", s.in.ID, snapshot, "lanyard_x", 401, "the token is unknown"},
		{"expired", s.in.ID, snapshot, expired, 401, "the token has expired"},
		{"revoked", s.in.ID, changes + "?after=" + at, revoked, 401, "the token has been revoked"},
		{"scope decide", s.in.ID, snapshot, s.newToken(lanyard.Token{Instance: s.in.ID, Scope: lanyard.ScopeDecide}), 403,
			"the scope of the token must be follow to follow an instance, got decide"},
		{"scope administer", s.in.ID, snapshot, s.newToken(lanyard.Token{Scope: lanyard.ScopeAdminister}), 403, "got administer"},
		{"another instance", s.other.ID, snapshot, s.token, 403, "the token is for another instance"},
		{"an instance that does not exist", "none", changes, s.token, 403, "the token is for another instance"},
		{"no position", s.in.ID, changes, s.token, 400, "after is required"},
		{"a revision alone", s.in.ID, changes + "?after=1", s.token, 400, "after: position must be a revision, a full stop"},
		{"a negative revision", s.in.ID, changes + "?after=-1." + hash, s.token, 400, "position must be"},
		{"too many heartbeats", s.in.ID, changes + "?heartbeat=1&after=" + at, s.token, 400, "heartbeat must be 100 to 10000"},
		{"hardly any", s.in.ID, changes + "?heartbeat=9223372036854775807&after=" + at, s.token, 400, "heartbeat must be"},
		{"another history", s.in.ID, changes + "?after=1." + strings.Repeat("ab", 32), s.token, 409,
			"another than that of the follower"},
		{"a lost revision", s.in.ID, changes + "?after=999." + hash, s.token, 409, "has lost revision 999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := s.get(tt.instance, tt.ending, tt.token)
			var text string
			body := read(t, resp.Body)
			if err := json.Unmarshal([]byte(body), &text); err != nil || resp.StatusCode != tt.status ||
				!strings.Contains(text, tt.want) {
				t.Errorf("the answer is %d %s, want %d and %q", resp.StatusCode, body, tt.status, tt.want)
			}
			if (resp.Header.Get("WWW-Authenticate") != "") != (tt.status == 401) {
				t.Errorf("WWW-Authenticate is %q", resp.Header.Get("WWW-Authenticate"))
			}
		})
	}
	resp, err := http.Post(s.url+"/lanyard/v1/instances/"+s.in.ID+"/follow", "", nil)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered with %d", resp.StatusCode)
	}
}

// Where nobody has to prove anything, followers need no token either. A token that is sent counts.
func TestWithoutToken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*frontends.Config){
		"no authentication": func(c *frontends.Config) { c.NoAuth = true },
		"emulator":          func(c *frontends.Config) { c.Emulator = new(frontends.Emulator) },
	} {
		s := newServer(t, change)
		for token, want := range map[string]int{"": 200, s.token: 200, "lanyard_x": 401} {
			if resp := s.get(s.in.ID, "/follow/snapshot", token); resp.StatusCode != want {
				t.Errorf("%s: with the token %q it is answered with %d, want %d", name, token, resp.StatusCode, want)
			}
		}
		if resp := s.get(s.other.ID, "/follow/snapshot", s.token); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: a token of another instance is answered with %d", name, resp.StatusCode)
		}
	}
}

// A token for following is good for nothing else.
func TestTokenDoesNothingElse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{"/instances/" + s.in.ID + "/access/v1/evaluation", "/lanyard/v1/tokens", "/mcp",
		"/security-profiles-summary/" + s.in.ID, "/lanyard/v1/events"} {
		for _, method := range []string{"GET", "POST"} {
			req, err := http.NewRequest(method, s.url+path, strings.NewReader(`{}`))
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+s.token)
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode < 400 {
				t.Errorf("%s %s is answered with %d", method, path, resp.StatusCode)
			}
		}
	}
	_, _, err := s.CreateToken(t.Context(), lanyard.Token{Account: account, Scope: lanyard.ScopeFollow})
	if err == nil || !strings.Contains(err.Error(), "Instance is required when Scope is follow") {
		t.Errorf("a token for all instances is made: %v", err)
	}
}

// canary is in everything that must not leave the server.
const canary = "canary-7f3a"

// fill puts canaries into everything that a caller can set, and returns the user.
func (s *server) fill() *lanyard.User {
	s.Helper()
	ctx := s.Context()
	secret := canary + " description"
	p, err := s.CreateSecurityProfile(ctx, call("CreateSecurityProfile"), s.in.ID, control.NewProfile{Name: "Agents",
		ProfileChange: control.ProfileChange{Description: &secret, Permissions: []string{"Users.View"}}})
	must(s, err)
	pass := "Password1" + canary
	u, err := s.CreateUser(ctx, control.Call{Caller: lanyard.Caller{Account: account, UserAgent: canary, SourceIP: canary},
		Operation: "CreateUser", Request: lanyard.JSON(`{"x":"` + canary + `"}`)}, s.in.ID,
		control.NewUser{Password: &pass, User: lanyard.User{Meta: lanyard.Meta{Name: "ada"}, Profiles: []string{p.Resource.ID},
			RoutingProfile: s.routing(), FirstName: canary, LastName: canary, Email: canary + "@example.com",
			SecondaryEmail: canary + "@example.org"}})
	must(s, err)
	return u.Resource
}

// routing returns the id of a routing profile.
func (s *server) routing() (id string) {
	_, err := s.Load(s.Context(), s.in.ID, func(r lanyard.Resource) {
		if r.Type() == lanyard.TypeRoutingProfile {
			id = r.Head().ID
		}
	})
	must(s, err)
	return id
}

// What is sent has nothing that decisions do not need, neither at first nor of what changes, and nothing of another
// instance.
func TestSendsNoCanary(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.position(s.in.ID)
	s.fill()
	snapshot := read(t, s.get(s.in.ID, "/follow/snapshot", s.token).Body)
	lines := s.stream(at, "")
	var changes strings.Builder
	for !strings.Contains(changes.String(), `"name":"ada"`) {
		changes.WriteString(lines.next() + "\n")
	}
	for name, text := range map[string]string{"the snapshot": snapshot, "the changes": changes.String()} {
		if !strings.Contains(text, `"name":"ada"`) || !strings.Contains(text, "Users.View") {
			t.Errorf("%s lacks what decisions need:\n%s", name, text)
		}
		for _, bad := range []string{canary, s.other.ID, "example.com", "CreateUser", "Modified", "Basic Hours of operation."} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %q:\n%s", name, bad, text)
			}
		}
	}
}

// A reader reads a stream line by line.
type reader struct {
	t     testing.TB
	lines chan string // closed at the end
	resp  *http.Response
}

// stream follows from a position.
func (s *server) stream(at, query string, header ...string) *reader {
	s.Helper()
	resp := s.get(s.in.ID, "/follow?after="+at+query, s.token, header...)
	for range 1000 { // an answer that was read may still count as a stream
		if resp.StatusCode != http.StatusTooManyRequests {
			break
		}
		time.Sleep(time.Millisecond)
		resp = s.get(s.in.ID, "/follow?after="+at+query, s.token, header...)
	}
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("the stream is answered with %d: %s", resp.StatusCode, read(s, resp.Body))
	}
	r := &reader{t: s, lines: make(chan string), resp: resp}
	go func() {
		defer close(r.lines)
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			select {
			case r.lines <- in.Text():
			case <-s.Context().Done():
				return
			}
		}
	}()
	return r
}

// next returns the next line, "" at the end.
func (r *reader) next() string {
	r.t.Helper()
	select {
	case line := <-r.lines:
		return line
	case <-time.After(20 * time.Second):
		r.t.Fatal("nothing is sent")
		return ""
	}
}

// ends reads up to the end, which must give a reason.
func (r *reader) ends(reason string) {
	r.t.Helper()
	last := ""
	for line := range r.lines {
		if strings.HasPrefix(line, "data: ") {
			last = line
		}
	}
	if want := fmt.Sprintf(`data: {"reason":%q}`, reason); last != want {
		r.t.Errorf("the stream ends with %s, want %s", last, want)
	}
}

func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	t.Run("with the token", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		r := s.stream(s.position(s.in.ID), "&heartbeat=100")
		list, err := s.Tokens(t.Context())
		must(t, err)
		must(t, s.RevokeToken(t.Context(), list[0].ID))
		r.ends("the token has been revoked")
	})
	t.Run("with the server", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		r := s.stream(s.position(s.in.ID), "")
		s.stop()
		r.ends("the server is shutting down")
	})
	t.Run("by age", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, func(c *frontends.Config) { c.Followers.Age = 300 * time.Millisecond })
		s.stream(s.position(s.in.ID), "&heartbeat=100").ends("the stream has reached its limit; resume it")
	})
	t.Run("by bytes", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, func(c *frontends.Config) { c.Followers.Bytes = 500 })
		r := s.stream(s.position(s.in.ID), "")
		s.fill()
		r.ends("the stream has reached its limit; resume it")
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		limits followapi.Limits
		want   string
	}{
		{"server", followapi.Limits{Followers: 2}, "the server has 2 followers at a time, which is the most"},
		{"instance", followapi.Limits{PerInstance: 2}, "the instance has 2 followers at a time"},
		{"token", followapi.Limits{PerToken: 2}, "the token has 2 followers at a time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(c *frontends.Config) { c.Followers = tt.limits })
			at := s.position(s.in.ID)
			first := s.stream(at, "")
			s.stream(at, "")
			resp := s.get(s.in.ID, "/follow?after="+at, s.token)
			if text := read(t, resp.Body); resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, tt.want) ||
				resp.Header.Get("Retry-After") != "1" {
				t.Errorf("a third is answered with %d %s", resp.StatusCode, text)
			}
			first.resp.Body.Close()
			for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
				if resp := s.get(s.in.ID, "/follow?after="+at, s.token); resp.StatusCode == http.StatusOK {
					return
				} else if time.Now().After(until) {
					t.Fatalf("after one has left, another is answered with %d", resp.StatusCode)
				}
			}
		})
	}
}

// A follower that takes too long for a snapshot gets none, and its turn is the next one's.
func TestSlowLoads(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *frontends.Config) { c.Followers.Loads, c.Followers.Load = 1, time.Nanosecond })
	for range 3 {
		resp := s.get(s.in.ID, "/follow/snapshot", s.token)
		if b, err := io.ReadAll(resp.Body); err == nil && resp.StatusCode == http.StatusOK {
			t.Errorf("it gets %s", b)
		}
	}
}

// dialSlow asks for a path over a connection that takes little before it is read.
func (s *server) dialSlow(path string) net.Conn {
	s.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	must(s, err)
	s.Cleanup(func() { conn.Close() })
	must(s, conn.(*net.TCPConn).SetReadBuffer(256<<10))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: lanyard\r\nAuthorization: Bearer %s\r\n\r\n", path, s.token)
	must(s, err)
	return conn
}

// A follower that does not read is dropped, and the others go on.
func TestSlowFollower(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *frontends.Config) { c.Followers.Lag, c.Followers.Pace = 64<<10, time.Millisecond })
	at := s.position(s.in.ID)
	slow := s.dialSlow("/lanyard/v1/instances/" + s.in.ID + "/follow?after=" + at)
	fast := s.stream(at, "")
	var big []string
	for _, p := range lanyard.Permissions() {
		big = append(big, p.Name)
	}
	p, err := s.CreateSecurityProfile(t.Context(), call("CreateSecurityProfile"), s.in.ID,
		control.NewProfile{Name: "Everything", ProfileChange: control.ProfileChange{Permissions: big}})
	must(t, err)
	sent, last := 0, int64(0)
	// More than the buffers of a socket that sends hold.
	for i := 0; sent < 8<<20; i++ {
		result, err := s.UpdateSecurityProfile(t.Context(), call("UpdateSecurityProfile"), s.in.ID, p.Resource.ID,
			control.ProfileChange{Permissions: big[i%2:]})
		must(t, err)
		for last = result.Revision; ; {
			line := fast.next()
			sent += len(line)
			if strings.HasPrefix(line, fmt.Sprintf("id: %d.", last)) {
				break
			}
		}
	}
	must(t, slow.SetReadDeadline(time.Now().Add(20*time.Second)))
	n, err := io.Copy(io.Discard, io.LimitReader(slow, 7<<20)) // all is sent by now, unless it was dropped
	if n == 7<<20 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the slow follower could read %d bytes of %d: %v", n, sent, err)
	}
}

// Whoever does not take packed data gets it as it is; everybody gets the same.
func TestEncodings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.fill()
	plain := read(t, s.get(s.in.ID, "/follow/snapshot", s.token).Body)
	for _, tt := range []struct{ accept, want string }{{"zstd, gzip", "zstd"}, {"gzip, zstd;q=0", "gzip"}, {"GZIP", "gzip"},
		{"br", ""}, {"zstd; q=0", ""}} {
		resp := s.get(s.in.ID, "/follow/snapshot", s.token, "Accept-Encoding", tt.accept)
		var body io.Reader = resp.Body
		got := resp.Header.Get("Content-Encoding")
		switch got {
		case "zstd":
			d, err := zstd.NewReader(body)
			must(t, err)
			defer d.Close()
			body = d
		case "gzip":
			d, err := gzip.NewReader(body)
			must(t, err)
			body = d
		}
		if text := read(t, body); got != tt.want || text != plain {
			t.Errorf("with Accept-Encoding: %s, the encoding is %q, want %q, and the snapshot\n%s", tt.accept, got, tt.want, text)
		}
	}
	h := s.stream(s.position(s.in.ID), "").resp.Header
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-Accel-Buffering": "no",
		"Cache-Control": "no-store, no-transform", "Content-Encoding": ""} {
		if h.Get(name) != want {
			t.Errorf("%s of a stream is %q, want %q", name, h.Get(name), want)
		}
	}
}

// A reader of server-sent events resumes by the id of the last event.
func TestLastEventID(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.position(s.in.ID)
	s.fill()
	r := s.stream("", "", "Last-Event-ID", at)
	if r.next() != "event: hello" || !strings.Contains(r.next(), `"position":"`+at+`"`) {
		t.Error("the stream does not begin after the id")
	}
}

// All followers of an HTTP/2 connection share it.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.position(s.in.ID)
	h2 := httptest.NewUnstartedServer(nil)
	h2.EnableHTTP2 = true
	h2.Config.WriteTimeout, h2.Config.ReadTimeout = 300*time.Millisecond, 300*time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	handler := followapi.NewServer(ctx, followapi.Config{Control: s.Service, Logger: slog.New(slog.DiscardHandler),
		Authenticate: func(*http.Request) (followapi.Principal, error) { return followapi.Principal{Account: account}, nil }})
	h2.Config.Handler = handler
	h2.StartTLS()
	defer h2.Close()
	defer stop()
	for range 2 {
		resp, err := h2.Client().Get(h2.URL + "/lanyard/v1/instances/" + s.in.ID + "/follow?heartbeat=100&after=" + at)
		must(t, err)
		defer resp.Body.Close()
		if resp.ProtoMajor != 2 {
			t.Errorf("the protocol is %s", resp.Proto)
		}
		alive, lines := 0, bufio.NewScanner(resp.Body)
		for alive < 6 && lines.Scan() { // for longer than the time limits of the server
			if lines.Text() == "event: alive" {
				alive++
			}
		}
		if alive < 6 {
			t.Fatalf("the stream ends after %d confirmations: %v", alive, lines.Err())
		}
	}
	if n := handler.Streams(); n != 2 {
		t.Errorf("%d streams are open, want 2", n)
	}
}
