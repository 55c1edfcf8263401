package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awsmodel "github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// gate stands before a source: it counts what is asked, and can refuse operations.
type gate struct {
	*httptest.Server
	mu     sync.Mutex
	calls  map[string]int
	refuse map[string]string // operation to exception; "" for all
}

func newGate(t *testing.T, source *server) *gate {
	t.Helper()
	to, err := url.Parse(source.url)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{calls: map[string]int{}, refuse: map[string]string{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // which is signed
	}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := operationOf(r)
		g.mu.Lock()
		g.calls[op]++
		exception := g.refuse[op] + g.refuse[""]
		g.mu.Unlock()
		if exception == "" {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Amzn-Errortype", exception)
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"Message":"User: arn:aws:iam::123456789012:user/x is not authorized to perform: connect:%s"}`, op)
	}))
	t.Cleanup(g.Close)
	return g
}

// operationOf returns the operation of a request, or its method and path.
func operationOf(r *http.Request) string {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for _, op := range awsmodel.Operations {
		want := strings.Split(op.URI, "/")
		if op.Method == r.Method && len(want) == len(segments) && slices.EqualFunc(want, segments, func(w, s string) bool {
			return w == s || strings.HasPrefix(w, "{")
		}) {
			return op.Name
		}
	}
	return r.Method + " " + r.URL.Path
}

func (g *gate) refuses(operation, exception string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = map[string]string{operation: exception}
}

// take returns the counts so far, and begins again.
func (g *gate) take() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	calls := g.calls
	g.calls = map[string]int{}
	return calls
}

func sum(calls map[string]int) (n int) {
	for _, c := range calls {
		n += c
	}
	return n
}

// mirrorCommand is lanyard mirror of the demo instance of a source.
func mirrorCommand(source *server, at, data string, args ...string) *exec.Cmd {
	cmd := exec.Command("lanyard", append([]string{"mirror", "--data", data, "--instance", "harbour-outfitters",
		"--output", "json", "--burst", "1000"}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL_CONNECT="+at, "AWS_REGION=us-east-1",
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(source.dir, credentialsFile), "AWS_CONFIG_FILE=/nonexistent",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PROFILE=", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	return cmd
}

// mirrorOnce runs a copy that must succeed.
func mirrorOnce(t *testing.T, cmd *exec.Cmd) (out mirroredSummary) {
	t.Helper()
	var errs strings.Builder
	cmd.Stderr = &errs
	b, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, errs.String())
	}
	return out
}

// answerOf returns who may edit users by a data folder.
func answerOf(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("lanyard", "who-can", "Users.Edit", "--data", dir, "--output", "json")
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL_CONNECT=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestMirrorReadsOnly counts what a source is asked: nothing but the operations of a mirror.
func TestMirrorReadsOnly(t *testing.T) {
	source := start(t, "lanyard", t.TempDir(), "--demo").ready()
	g, data := newGate(t, source), filepath.Join(t.TempDir(), "copy")
	done := mirrorOnce(t, mirrorCommand(source, g.URL, data, "--rate", "1000", "--details"))
	calls := g.take()
	if int64(sum(calls)) != done.Calls {
		t.Errorf("the summary says %d requests, the source saw %d", done.Calls, sum(calls))
	}
	for op := range calls {
		if !slices.Contains(mirror.Names(), op) {
			t.Errorf("the source was asked for %s", op)
		}
	}
	if got, want := answerOf(t, data), answerOf(t, source.dir); got != want {
		t.Errorf("the mirror answers\n%s\nwant\n%s", got, want)
	}
}

// TestMirrorIsRefused has the source refuse operations as Amazon does.
func TestMirrorIsRefused(t *testing.T) {
	source := start(t, "lanyard", t.TempDir(), "--demo").ready()
	g, data := newGate(t, source), filepath.Join(t.TempDir(), "copy")
	for _, tt := range []struct {
		operation, exception string
		says                 []string
	}{
		{"ListInstances", "AccessDeniedException", []string{"connect:ListInstances or ds:DescribeDirectories"}},
		{"DescribeInstance", "AccessDeniedException", []string{"connect:DescribeInstance"}},
		{"SearchUsers", "AccessDeniedException", []string{"lacks connect:SearchUsers or connect:DescribeUser on this instance",
			"lanyard mirror policy prints the whole policy"}},
		{"ListSecurityProfileAIAgents", "AccessDeniedException", []string{"lacks connect:ListSecurityProfileAIAgents"}},
		{"", "ExpiredTokenException", []string{"sign in again"}},
		{"", "UnrecognizedClientException", []string{"check credentials and region"}},
		{"", "InvalidSignatureException", []string{"clock of this machine"}},
	} {
		t.Run(tt.operation+tt.exception, func(t *testing.T) {
			g.refuses(tt.operation, tt.exception)
			out, err := mirrorCommand(source, g.URL, data, "--rate", "1000").CombinedOutput()
			if err == nil {
				t.Fatal("the copy succeeded")
			}
			for _, want := range append(tt.says, tt.exception, g.URL) {
				if !strings.Contains(string(out), want) {
					t.Errorf("it says\n%s\nwant %q in it", out, want)
				}
			}
			if n := g.take(); sum(n) > 100 {
				t.Errorf("the source was asked %d times: what is refused is not repeated", sum(n))
			}
		})
	}
	g.refuses("", "")
	mirrorOnce(t, mirrorCommand(source, g.URL, data, "--rate", "1000"))
}

// TestMirrorOfThrottledSource copies from a server that throttles as Amazon does, and fails now and then.
func TestMirrorOfThrottledSource(t *testing.T) {
	t.Parallel()
	source := start(t, "lanyard", t.TempDir(), "--demo", "--throttle", "aws").ready()
	for _, fault := range []string{
		`{"Operation":"SearchUsers","Exception":"InternalServiceException","Rate":1,"Count":2}`,
		`{"Operation":"SearchQueues","Exception":"ThrottlingException","Rate":1,"Count":3}`,
		`{"Operation":"DescribeSecurityProfile","Exception":"InternalServiceException","Rate":0.2,"Count":3}`,
	} {
		if err := source.get("POST", "/lanyard/v1/faults", fault, nil); err != nil {
			t.Fatal(err)
		}
	}
	g, data := newGate(t, source), filepath.Join(t.TempDir(), "copy")
	done := mirrorOnce(t, mirrorCommand(source, g.URL, data, "--rate", "20"))
	calls := g.take()
	if done.Resources < 80 || calls["SearchUsers"] != 3 || calls["SearchQueues"] != 4 {
		t.Errorf("%d resources, with calls %v; want those of the demo, and retries", done.Resources, calls)
	}
	if got, want := answerOf(t, data), answerOf(t, source.dir); got != want {
		t.Errorf("the mirror answers\n%s\nwant\n%s", got, want)
	}
}

// TestMirrorIsKilled kills copies at any time: the next goes on where they stopped, and the last completes them all.
func TestMirrorIsKilled(t *testing.T) {
	source := start(t, "lanyard", t.TempDir(), "--demo").ready()
	g, data := newGate(t, source), filepath.Join(t.TempDir(), "copy")
	whole := sum(func() map[string]int {
		mirrorOnce(t, mirrorCommand(source, g.URL, filepath.Join(t.TempDir(), "whole"), "--rate", "1000"))
		return g.take()
	}())
	killed := 0
	for _, signal := range []os.Signal{os.Kill, os.Interrupt, os.Kill} { // too few to complete a copy
		cmd := mirrorCommand(source, g.URL, data, "--rate", "60", "--burst", "1")
		var errs strings.Builder
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(300+rand.IntN(200)) * time.Millisecond)
		if cmd.Process.Signal(signal) == nil && cmd.Wait() != nil {
			killed++
		}
		if signal == os.Interrupt && (cmd.ProcessState.ExitCode() != 1 ||
			!strings.Contains(errs.String(), "before anything was stored; the same command resumes within 1h0m0s")) {
			t.Errorf("an interrupted copy ends with status %d and says\n%s", cmd.ProcessState.ExitCode(), errs.String())
		}
	}
	done := mirrorOnce(t, mirrorCommand(source, g.URL, data, "--rate", "1000"))
	if n := sum(g.take()); n > whole+8*killed {
		t.Errorf("%d killed copies and the last asked %d times, want about the %d of one", killed, n, whole)
	}
	if got, want := answerOf(t, data), answerOf(t, source.dir); got != want {
		t.Errorf("the mirror answers\n%s\nwant\n%s", got, want)
	}
	if again := mirrorOnce(t, mirrorCommand(source, g.URL, data, "--rate", "1000")); again.Created+again.Updated+
		again.Deleted > 0 || done.Resources != again.Resources {
		t.Errorf("the next copy did %+v, want nothing", again)
	}
	if out, err := exec.Command("lanyard", "audit", "verify", "--data", data).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	left, err := filepath.Glob(filepath.Join(data, "mirror-*.journal*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// TestTwoMirrors runs two copies into one folder at once: the second says so.
func TestTwoMirrors(t *testing.T) {
	source := start(t, "lanyard", t.TempDir(), "--demo").ready()
	data := filepath.Join(t.TempDir(), "copy")
	first := mirrorCommand(source, source.url, data, "--rate", "20", "--burst", "1")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	journal := func() error {
		found, err := filepath.Glob(filepath.Join(data, "mirror-*.journal"))
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("no journal")
		}
		return err
	}
	if err := until(journal); err != nil {
		t.Fatal(err)
	}
	out, err := mirrorCommand(source, source.url, data, "--rate", "1000").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is being mirrored into "+data+" by another process") {
		t.Errorf("the second copy: %v\n%s", err, out)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first copy: %v", err)
	}
}

func TestRepeatedCopies(t *testing.T) {
	fails := errors.New("the source is away")
	for _, tt := range []struct {
		name    string
		every   time.Duration
		results []error // of each copy; after the last one the program is told to end
		want    error
		shown   string
	}{
		{"once", 0, []error{nil}, nil, ""},
		{"once, in vain", 0, []error{fails}, fails, ""},
		{"the first in vain", time.Millisecond, []error{fails}, fails, ""},
		{"one in between in vain", time.Millisecond, []error{nil, fails, nil}, nil,
			"lanyard: error: the source is away\n"},
		{"told to end in the middle", time.Millisecond, []error{nil, context.Canceled}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var errs strings.Builder
			n := 0
			err := repeat(streams{ctx: ctx, errs: &errs}, tt.every, func(context.Context) error {
				if n++; n == len(tt.results) && tt.every > 0 {
					stop()
				}
				return tt.results[n-1]
			})
			if !errors.Is(err, tt.want) || n != len(tt.results) || errs.String() != tt.shown {
				t.Errorf("%d copies, %v, shown %q; want %d, %v and %q", n, err, errs.String(), len(tt.results), tt.want, tt.shown)
			}
		})
	}
}

// TestMirrorOnPostgres stores the copy in PostgreSQL, in an empty database and through a server on it.
func TestMirrorOnPostgres(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	url := pg.URL(pg.Schema(t, t.TempDir()))
	source := start(t, "lanyard", t.TempDir(), "--demo").ready()
	data := filepath.Join(t.TempDir(), "copy")
	if done := mirrorOnce(t, mirrorCommand(source, source.url, data, "--rate", "1000", "--store", url)); done.Created < 80 {
		t.Errorf("the first copy made %+v", done)
	}
	s := start(t, "lanyard", data, "--store", url).ready()
	var in struct{ InstanceSummaryList []struct{ Id string } }
	if err := source.get("GET", "/instance", "", &in); err != nil {
		t.Fatal(err)
	}
	id := in.InstanceSummaryList[0].Id
	if err := source.get("PUT", "/security-profiles/"+id, `{"SecurityProfileName":"Made later"}`, nil); err != nil {
		t.Fatal(err)
	}
	if done := mirrorOnce(t, mirrorCommand(source, source.url, data, "--rate", "1000")); done.Created != 1 ||
		done.Updated+done.Deleted > 0 {
		t.Errorf("the next copy did %+v, want one profile made", done)
	}
	if status, answer, err := s.send("PUT", "/security-profiles/"+id, `{"SecurityProfileName":"Ours"}`); status != 400 ||
		!strings.Contains(answer, "is a mirror of") {
		t.Errorf("a change of the mirror = %d %s, %v", status, answer, err)
	}
	if got, want := answerOf(t, data), answerOf(t, source.dir); got != want {
		t.Errorf("the mirror answers\n%s\nwant\n%s", got, want)
	}
}
