package world_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/world"
)

const account = "123456789012"

var owner = control.Call{Caller: lanyard.Caller{Account: account}}

// seed makes one instance.
func seed(ctx context.Context, svc *control.Service) error {
	_, err := svc.CreateInstance(ctx, owner, control.NewInstance{Alias: "seeded", IdentityManagement: control.SAML})
	return err
}

func config() world.Config {
	return world.Config{Rules: control.Config{Region: "us-east-1", Quotas: control.Quotas{InstancesPerAccount: -1}},
		Frontends: frontends.Config{Account: account, NoAuth: true, BodyMemory: 64 << 20}, Seed: seed,
		Logger: slog.New(slog.DiscardHandler)}
}

func newWorld(t testing.TB, change ...func(*world.Config)) *world.World {
	t.Helper()
	c := config()
	for _, f := range change {
		f(&c)
	}
	w, err := world.New(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// aliases lists the instances.
func aliases(t fataler, w *world.World) (names []string) {
	t.Helper()
	err := w.Do(func(svc *control.Service) error {
		list, _, err := svc.ListInstances(context.Background(), owner, control.Page{Limit: 100})
		for _, in := range list {
			names = append(names, in.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func create(t fataler, w *world.World, alias string) {
	t.Helper()
	err := w.Do(func(svc *control.Service) error {
		_, err := svc.CreateInstance(context.Background(), owner,
			control.NewInstance{Alias: alias, IdentityManagement: control.SAML})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A fataler is a test, or a round of a property test.
type fataler interface {
	Helper()
	Fatal(...any)
}

// has checks which instances there are.
func has(t testing.TB, w *world.World, when string, want ...string) {
	t.Helper()
	if got := aliases(t, w); !slices.Equal(got, want) {
		t.Errorf("%s there are the instances %q, want %q", when, got, want)
	}
}

func TestStates(t *testing.T) {
	w := newWorld(t)
	has(t, w, "at the start", "seeded")
	create(t, w, "second")
	if err := w.Save(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		does string
		do   func() error
		want []string
	}{
		{"reset to the seed", func() error { return w.Reset(t.Context(), world.Seeded) }, []string{"seeded"}},
		{"load", func() error { return w.Load(t.Context(), "two") }, []string{"seeded", "second"}},
		{"reset to nothing", func() error { return w.Reset(t.Context(), world.Empty) }, nil},
		{"load again", func() error { return w.Load(t.Context(), "two") }, []string{"seeded", "second"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.does, err)
		}
		has(t, w, "after "+step.does, step.want...)
	}
}

// Whatever is done in whatever order, there is what was there at the start or when the state was saved, and what was
// made since.
func TestStatesInAnyOrder(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(r *rapid.T) {
		succeed(r, w.Reset(t.Context(), world.Seeded))
		for _, s := range w.Snapshots() {
			succeed(r, w.DeleteSnapshot(s.Name))
		}
		now, saved := []string{"seeded"}, map[string][]string{}
		name := rapid.SampledFrom([]string{"a", "b"})
		actions := map[string]func(*rapid.T){
			"create": func(r *rapid.T) {
				alias := fmt.Sprintf("made-%d", len(now))
				create(r, w, alias)
				now = append(slices.Clip(now), alias)
			},
			"save": func(r *rapid.T) {
				n := name.Draw(r, "name")
				succeed(r, w.Save(t.Context(), n))
				saved[n] = now
			},
			"load": func(r *rapid.T) {
				n := name.Draw(r, "name")
				err := w.Load(t.Context(), n)
				was, ok := saved[n]
				if !ok {
					if lanyard.KindOf(err) != lanyard.NotFound {
						r.Fatalf("load %s: %v, want a NotFound", n, err)
					}
					return
				}
				succeed(r, err)
				now = was
			},
			"forget": func(r *rapid.T) {
				n := name.Draw(r, "name")
				if _, ok := saved[n]; (w.DeleteSnapshot(n) == nil) != ok {
					r.Fatalf("forget %s: it was saved: %t", n, ok)
				}
				delete(saved, n)
			},
			"reset": func(r *rapid.T) { succeed(r, w.Reset(t.Context(), world.Seeded)); now = []string{"seeded"} },
			"empty": func(r *rapid.T) { succeed(r, w.Reset(t.Context(), world.Empty)); now = nil },
		}
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			actions[rapid.SampledFrom(sortedKeys(actions)).Draw(r, "action")](r)
			if got := aliases(r, w); !slices.Equal(got, now) {
				r.Fatalf("there are the instances %q, want %q", got, now)
			}
			var names []string
			for _, s := range w.Snapshots() {
				names = append(names, s.Name)
			}
			if want := sortedKeys(saved); !slices.Equal(names, want) {
				r.Fatalf("the saved states are %q, want %q", names, want)
			}
		}
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func succeed(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, func(c *world.Config) { c.MaxSnapshots = 2 })
	small := newWorld(t, func(c *world.Config) { c.MaxSnapshotBytes = 1000 })
	for _, name := range []string{"one", "two", "one"} { // a name may be used again
		succeed(t, w.Save(t.Context(), name))
	}
	for _, tt := range []struct {
		name string
		err  error
		kind lanyard.Kind
		says string
	}{
		{"unknown name", w.Load(t.Context(), "three"), lanyard.NotFound, `saved state "three" does not exist`},
		{"delete an unknown name", w.DeleteSnapshot("three"), lanyard.NotFound, `saved state "three" does not exist`},
		{"no name", w.Save(t.Context(), ""), lanyard.Invalid, "Name is required"},
		{"a path", w.Load(t.Context(), "../x"), lanyard.Invalid, `got "../x"`},
		{"a long name", w.Save(t.Context(), strings.Repeat("x", 129)), lanyard.Invalid, "Name must be 1 to 128"},
		{"too many", w.Save(t.Context(), "three"), lanyard.Limit, "2 of at most 2 saved states"},
		{"too large", small.Save(t.Context(), "one"), lanyard.Limit, "of at most 1000 bytes"},
		{"long ago", w.SetTime(world.Clock{At: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)}), lanyard.Invalid, "got 1969"},
		{"far ahead", w.SetTime(world.Clock{At: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}), lanyard.Invalid, "got 9999"},
	} {
		if lanyard.KindOf(tt.err) != tt.kind || !strings.Contains(fmt.Sprint(tt.err), tt.says) {
			t.Errorf("%s: %v, want a %v that says %s", tt.name, tt.err, tt.kind, tt.says)
		}
	}
	has(t, w, "after what was refused", "seeded")
	if n := len(w.Snapshots()); n != 2 {
		t.Errorf("%d states are saved, want 2", n)
	}
}

// A seed that fails stops the start, with its error.
func TestFailingSeed(t *testing.T) {
	c, failed := config(), errors.New("line 7 is wrong")
	c.Seed = func(context.Context, *control.Service) error { return failed }
	if w, err := world.New(t.Context(), c); !errors.Is(err, failed) {
		t.Errorf("the start: %v, %v; want the error of the seed", w, err)
	}
}

// do sends a request to a path of the server, as from a client on this machine.
func do(t testing.TB, w http.Handler, method, path, token string, body io.Reader) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, body)
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

// A slowBody is sent when its writer is told to.
func slowBody(text string) (body io.Reader, begun, finish chan struct{}) {
	begun, finish = make(chan struct{}), make(chan struct{})
	read, write := io.Pipe()
	go func() {
		write.Write([]byte(text[:1])) // returns when it was read
		close(begun)
		<-finish
		write.Write([]byte(text[1:]))
		write.Close()
	}()
	return read, begun, finish
}

// A request that a reset finds in progress is answered by the state that it came to.
func TestRequestsInProgressFinish(t *testing.T) {
	w := newWorld(t, func(c *world.Config) { c.Grace = time.Minute })
	body, begun, finish := slowBody(
		`{"IdentityManagementType":"SAML","InstanceAlias":"late","InboundCallsEnabled":true,"OutboundCallsEnabled":true}`)
	answered := make(chan string)
	go func() {
		code, text := do(t, w, "PUT", "/instance", "", body)
		answered <- fmt.Sprint(code, text)
	}()
	<-begun
	succeed(t, w.Reset(t.Context(), world.Empty))
	has(t, w, "while the request is in progress")
	close(finish)
	if got := <-answered; !strings.HasPrefix(got, "200") {
		t.Errorf("the request in progress is answered with %s", got)
	}
	has(t, w, "after the request was finished")
}

// A request that does not end is ended after the grace.
func TestStuckRequestsEnd(t *testing.T) {
	w := newWorld(t, func(c *world.Config) { c.Grace = time.Millisecond })
	hit := make(chan struct{})
	w.Faults().Random = sync.OnceValue(func() float64 { close(hit); return 0 })
	w.Faults().Put(fault.Fault{Operation: "ListInstances", Latency: time.Hour, Rate: 1, Count: 1})
	answered := make(chan int)
	go func() {
		code, _ := do(t, w, "GET", "/instance", "", nil)
		answered <- code
	}()
	<-hit
	succeed(t, w.Reset(t.Context(), world.Seeded))
	if code := <-answered; code != http.StatusInternalServerError {
		t.Errorf("the stuck request is answered with %d, want 500", code)
	}
	if code, text := do(t, w, "GET", "/instance", "", nil); code != 200 { // the fault is gone, too
		t.Errorf("the next is answered with %d %s", code, text)
	}
}

// However many resets find requests that do not end, only so many states are kept for them: then they have no grace.
func TestStuckRequestsDoNotPileUp(t *testing.T) {
	w := newWorld(t, func(c *world.Config) { c.Grace = time.Hour })
	var answered sync.WaitGroup
	asking, leave := context.WithCancel(t.Context())
	for range 20 {
		hit := make(chan struct{})
		w.Faults().Random = sync.OnceValue(func() float64 { close(hit); return 0 })
		w.Faults().Put(fault.Fault{Operation: "ListInstances", Latency: time.Hour, Rate: 1, Count: 1})
		answered.Go(func() {
			r := httptest.NewRequestWithContext(asking, "GET", "/instance", nil)
			r.Host = "localhost"
			w.ServeHTTP(httptest.NewRecorder(), r)
		})
		<-hit
		succeed(t, w.Reset(t.Context(), world.Seeded))
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := w.Reset(ended, world.Empty); lanyard.KindOf(err) != lanyard.Unavailable {
		t.Errorf("a reset that cannot wait: %v, want an Unavailable", err)
	}
	has(t, w, "after that", "seeded")
	leave()
	answered.Wait()
}

// Requests are answered while states are replaced, each by one state, and nothing is left running afterwards.
func TestResetsUnderLoad(t *testing.T) {
	before := runtime.NumGoroutine()
	w := newWorld(t)
	create(t, w, "second")
	succeed(t, w.Save(t.Context(), "two"))
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for ctx.Err() == nil {
				code, text := do(t, w, "GET", "/instance", "", nil)
				if n := strings.Count(text, `"InstanceAlias"`); code != 200 || n < 1 || n > 2 {
					t.Errorf("%d: %s", code, text)
					return
				}
			}
		})
	}
	for range 25 {
		succeed(t, w.Reset(t.Context(), world.Seeded))
		has(t, w, "after a reset", "seeded")
		succeed(t, w.Load(t.Context(), "two"))
		has(t, w, "after a load", "seeded", "second")
	}
	stop()
	asking.Wait()
	svc := w.Service()
	succeed(t, w.Close())
	for range 100 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, before there were %d", n, before)
	}
	_, _, err := svc.ListInstances(t.Context(), owner, control.Page{Limit: 1})
	if lanyard.KindOf(err) != lanyard.Unavailable {
		t.Errorf("the operations of a closed state: %v, want an Unavailable", err)
	}
}

func TestClosed(t *testing.T) {
	w := newWorld(t)
	succeed(t, w.Close())
	for name, err := range map[string]error{
		"reset": w.Reset(t.Context(), world.Seeded), "save": w.Save(t.Context(), "a"), "load": w.Load(t.Context(), "a"),
		"do": w.Do(func(*control.Service) error { return nil }),
	} {
		if lanyard.KindOf(err) != lanyard.Unavailable {
			t.Errorf("%s: %v, want an Unavailable", name, err)
		}
	}
	if code, _ := do(t, w, "GET", "/instance", "", nil); code != http.StatusServiceUnavailable {
		t.Errorf("a request is answered with %d, want 503", code)
	}
}

// evaluate asks for a decision with a token, and returns the status of the answer.
func evaluate(t *testing.T, w *world.World, token string) int {
	t.Helper()
	code, _ := do(t, w, "POST", "/access/v1/evaluation", token, strings.NewReader(
		`{"subject":{"type":"user","id":"x"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":"y"}}`))
	return code
}

func TestTime(t *testing.T) {
	w := newWorld(t)
	start := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	succeed(t, w.SetTime(world.Clock{At: start, Frozen: true}))
	create(t, w, "later")
	var in *lanyard.Instance
	var token string
	succeed(t, w.Do(func(svc *control.Service) error {
		list, _, err := svc.ListInstances(t.Context(), owner, control.Page{Limit: 2})
		if err != nil {
			return err
		}
		in = list[1]
		_, token, err = svc.CreateToken(t.Context(), lanyard.Token{Account: account, Instance: in.ID,
			Scope: lanyard.ScopeDecide, Expires: start.Add(time.Hour)})
		return err
	}))
	if !in.Created.Equal(start) {
		t.Errorf("the instance was created at %v, want %v", in.Created, start)
	}
	for _, tt := range []struct {
		name string
		to   world.Clock
		want int
	}{
		{"just before the token expires", world.Clock{At: start.Add(time.Hour - 1), Frozen: true}, 200},
		{"when it expires", world.Clock{At: start.Add(time.Hour), Frozen: true}, 401},
		{"running from before that", world.Clock{At: start}, 200},
		{"running from after that", world.Clock{At: start.Add(2 * time.Hour)}, 401},
		{"at the real time", world.Clock{}, 200},
	} {
		succeed(t, w.SetTime(tt.to))
		if got := evaluate(t, w, token); got != tt.want {
			t.Errorf("%s, a question is answered with %d, want %d", tt.name, got, tt.want)
		}
	}
	succeed(t, w.SetTime(world.Clock{At: start}))
	one := w.Now()
	for !w.Now().After(one) { // it runs
		runtime.Gosched()
	}
	succeed(t, w.Save(t.Context(), "a"))
	succeed(t, w.Load(t.Context(), "a"))
	if w.Now().Before(start) {
		t.Errorf("a load sets the clock to %v", w.Now())
	}
	succeed(t, w.Reset(t.Context(), world.Seeded))
	if off := time.Until(w.Now()); off > 0 || off < -time.Hour {
		t.Errorf("a reset sets the clock to %v, want the real time", w.Now())
	}
}

// Keys that clients have sign after a reset as before.
func TestRootKeyStays(t *testing.T) {
	w := newWorld(t, func(c *world.Config) { c.Frontends.NoAuth = false })
	key := w.RootKey()
	for _, from := range []world.Start{world.Seeded, world.Empty} {
		succeed(t, w.Reset(t.Context(), from))
		if got, ok := w.Service().Key(key.ID); !ok || got.Secret != key.Secret || !got.Root || w.RootKey() != key {
			t.Errorf("after a reset the root key is %v, want %v", got, key)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w, err := world.New(context.Background(), world.Config{Rules: control.Config{Region: "us-east-1"},
			Frontends: frontends.Config{Account: account, NoAuth: true}, Seed: seed})
		if err != nil {
			b.Fatal(err)
		}
		w.Close()
	}
}

func BenchmarkReset(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		if err := w.Reset(b.Context(), world.Seeded); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSave(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		if err := w.Save(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	w := newWorld(b)
	if err := w.Save(b.Context(), "a"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := w.Load(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}
