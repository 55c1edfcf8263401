package access_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// many is a Source of many instances, each the list of its events.
type many struct {
	mu    sync.Mutex
	logs  map[string]*log
	users int                             // of each instance
	gate  func(ctx context.Context) error // that a load passes
	loads map[string]int                  // begun
}

func newMany(users int) *many {
	return &many{logs: map[string]*log{}, users: users, loads: map[string]int{}}
}

func (m *many) log(instance string) *log {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.logs[instance]
	if l == nil {
		l = new(log)
		l.commit(&lanyard.Instance{Meta: lanyard.Meta{ID: instance}}, &lanyard.Profile{Meta: lanyard.Meta{ID: "p"}},
			user("viewer", nil, "p"))
		m.logs[instance] = l
	}
	return l
}

func (m *many) Load(ctx context.Context, instance string, put func(lanyard.Resource)) (int64, error) {
	m.mu.Lock()
	m.loads[instance]++
	m.mu.Unlock()
	if m.gate != nil {
		if err := m.gate(ctx); err != nil {
			return 0, err
		}
	}
	put(&lanyard.Instance{Meta: lanyard.Meta{ID: instance}})
	put(&lanyard.Profile{Meta: lanyard.Meta{ID: "p"}})
	for i := range m.users {
		put(user(fmt.Sprint("user ", i), nil, "p"))
	}
	return m.log(instance).Load(ctx, instance, put)
}

func (m *many) Events(ctx context.Context, instance string, after int64, limit int) ([]lanyard.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.log(instance).Events(ctx, instance, after, limit)
}

func (m *many) Revision(ctx context.Context, instance string) (int64, error) {
	return m.log(instance).Revision(ctx, instance)
}

// change commits what tells the revision: the viewer is allowed one of two things in turn.
func (m *many) change(instance string) *lanyard.Event {
	l := m.log(instance)
	l.mu.Lock()
	next := len(l.events) + 1
	l.mu.Unlock()
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: "p"}, Permissions: []string{allowedAt(int64(next))}}
	e := l.commit(p)
	e.Instance = instance
	return e
}

func allowedAt(revision int64) string {
	if revision%2 == 0 {
		return "Users.View"
	}
	return "Users.Edit"
}

// size is what one instance takes.
func (m *many) size(t testing.TB) int64 {
	s, err := (&access.Engine{Source: m}).Snapshot(context.Background(), "size")
	if err != nil {
		t.Fatal(err)
	}
	return s.Memory()
}

// Of those who ask about a cold instance at a time, one loads it.
func TestLoadedOnce(t *testing.T) { synctest.Test(t, testLoadedOnce) }

func testLoadedOnce(t *testing.T) {
	m := newMany(10)
	open := make(chan struct{})
	m.gate = func(context.Context) error { <-open; return nil }
	e := &access.Engine{Source: m}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if _, err := e.Snapshot(t.Context(), fmt.Sprint(i%2)); err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait() // until two load and all others wait for them
	close(open)
	wg.Wait()
	if m.loads["0"] != 1 || m.loads["1"] != 1 {
		t.Errorf("100 questions about two cold instances read them %v times", m.loads)
	}
}

// A load that fails fails for those who waited for it, but not because its own caller went away; the
// next question tries again. Nobody waits longer than they want to.
func TestLoadFails(t *testing.T) { synctest.Test(t, testLoadFails) }

func testLoadFails(t *testing.T) {
	m := newMany(10)
	fail := make(chan error)
	m.gate = func(ctx context.Context) error {
		select {
		case err := <-fail:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e := &access.Engine{Source: m}
	ask := func(ctx context.Context) error { _, err := e.Snapshot(ctx, "i"); return err }
	waiting := func(n int) chan error {
		done := make(chan error, n)
		for range n {
			go func() { done <- ask(t.Context()) }()
		}
		synctest.Wait() // until one loads and all others wait for it
		return done
	}

	done := waiting(20)
	away := lanyard.Errorf(lanyard.Unavailable, "the store is away")
	fail <- away
	for range 20 {
		if err := <-done; !errors.Is(err, away) {
			t.Errorf("a question that waited for a load that failed: %v", err)
		}
	}

	gone, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- ask(gone) }()
	synctest.Wait()
	done = waiting(3)
	hurried, stop := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer stop()
	if err := ask(hurried); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("a question that did not want to wait: %v", err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the question whose caller went away: %v", err)
	}
	fail <- nil
	for range 3 {
		if err := <-done; err != nil {
			t.Errorf("the caller of another question went away: %v", err)
		}
	}
}

// What was asked about least recently goes first, and no more than must.
func TestEvictsLeastRecentlyAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMany(0)
		probe, err := (&access.Engine{Source: m}).Snapshot(context.Background(), "0")
		if err != nil {
			t.Fatal(err)
		}
		size := probe.Memory()
		room := rapid.IntRange(1, 12).Draw(t, "instances that fit")
		e := &access.Engine{Source: m, Memory: size*int64(room) + size/2}
		asked := map[string]int{} // of those held, how many loads there had been at the last question
		loads := 0
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			id := fmt.Sprint(rapid.IntRange(0, 15).Draw(t, "instance"))
			if rapid.IntRange(0, 4).Draw(t, "change") == 0 { // which is no question
				if err := e.Apply(context.Background(), m.change(id)); err != nil {
					t.Fatal(err)
				}
			} else {
				s, err := e.Snapshot(context.Background(), id)
				if err != nil {
					t.Fatal(err)
				}
				if want, _ := m.Revision(context.Background(), id); s.Revision() != want {
					t.Fatalf("instance %s is answered at revision %d, it is at %d", id, s.Revision(), want)
				}
				if _, held := asked[id]; !held {
					loads++
				}
				asked[id] = loads
			}
			held, stats := e.Loaded(), e.Stats()
			if int(stats.Loads) != loads {
				t.Fatalf("an instance that is held was read again, or one that is not was not read: %d loads, want %d", stats.Loads,
					loads)
			}
			if stats.Held != len(held) || stats.Bytes > e.Memory && stats.Held > 1 {
				t.Fatalf("%d instances are held, at most %d bytes may be: %+v", len(held), e.Memory, stats)
			}
			oldest, newest := math.MaxInt, 0 // of those held, and of those dropped in this step
			dropped := 0
			for x, at := range asked {
				if _, ok := held[x]; ok {
					oldest = min(oldest, at)
					continue
				}
				delete(asked, x)
				newest = max(newest, at)
				dropped++
			}
			if dropped > 0 && (newest > oldest || len(held)+dropped <= room) {
				t.Fatalf("%d dropped, one asked about at load %d, held since %d are %v; %d fit", dropped, newest, oldest, held,
					room)
			}
		}
	})
}

// An instance larger than the bound is answered about, and not read for every question.
func TestLargerThanTheBound(t *testing.T) {
	m := newMany(1000)
	e := &access.Engine{Source: m, Memory: 1000}
	for range 10 {
		if s, err := e.Snapshot(t.Context(), "a"); err != nil || !s.Exists() {
			t.Fatal(err)
		}
	}
	if m.loads["a"] != 1 {
		t.Errorf("ten questions about an instance larger than the bound read it %d times", m.loads["a"])
	}
	if _, err := e.Snapshot(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if held := e.Loaded(); len(held) != 1 || held["b"] == nil {
		t.Errorf("held are %v, want the one asked about last", held)
	}
	e.Forget("b")
	if s := e.Stats(); s.Held != 0 || s.Bytes != 0 || s.Evicted != 1 || s.Loads != 2 {
		t.Errorf("after all are forgotten: %+v", s)
	}
}

// While instances are asked about, changed here and elsewhere, dropped and read again, every answer is
// of one state, of at least the revision asked for and of no older one than was acknowledged here.
func TestEvictionUnderLoad(t *testing.T) {
	m := newMany(20)
	const instances, room = 40, 10
	size := m.size(t)
	e := &access.Engine{Source: m, Memory: size * room}
	var acknowledged [instances]atomic.Int64 // on this server: at once for everybody
	var known [instances]atomic.Int64        // anywhere: for who asks for the revision
	var turn [instances]sync.Mutex
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	var wg sync.WaitGroup
	var asked atomic.Int64
	for range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				i := int(rand.ExpFloat64()*8) % instances
				id := fmt.Sprint(i)
				if n%8 == 0 {
					turn[i].Lock()
					event := m.change(id)
					turn[i].Unlock()
					if n%16 == 0 { // by another server, of which this one hears or not
						if n%32 == 0 {
							if err := e.CatchUp(context.Background(), id, event.Revision); err != nil {
								t.Error(err)
							}
						}
					} else {
						if err := e.Apply(context.Background(), event); err != nil {
							t.Error(err)
						}
						raise(&acknowledged[i], event.Revision)
					}
					raise(&known[i], event.Revision)
				}
				least, want := acknowledged[i].Load(), int64(0)
				if n%3 == 0 {
					want = known[i].Load()
					least = max(least, want)
				}
				s, err := e.AtLeast(context.Background(), id, want, 10*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				asked.Add(1)
				if s.Revision() < least {
					t.Errorf("instance %s answers at revision %d; %d was acknowledged, %d asked for", id, s.Revision(), least, want)
					return
				}
				if s.Revision() == 1 {
					continue
				}
				for _, action := range []string{"Users.View", "Users.Edit"} {
					want := notGranted
					if action == allowedAt(s.Revision()) {
						want = allowed
					}
					if d := decide(s, "viewer", action, "viewer"); d != want {
						t.Errorf("at revision %d %s is %+v, want %+v", s.Revision(), action, d, want)
					}
				}
			}
		})
	}
	wg.Wait()
	stats := e.Stats()
	t.Logf("%d questions, %+v", asked.Load(), stats)
	if stats.Evicted == 0 || stats.Loads <= instances {
		t.Errorf("nothing was dropped: %+v", stats)
	}
	if stats.Bytes > e.Memory || stats.Held > room+1 {
		t.Errorf("%d instances with %d bytes are held, at most %d bytes may be", stats.Held, stats.Bytes, e.Memory)
	}
	for id := range e.Loaded() { // what is counted is what is held
		e.Forget(id)
	}
	if stats := e.Stats(); stats.Bytes != 0 {
		t.Errorf("nothing is held any more, but %d bytes are counted", stats.Bytes)
	}
}

func raise(v *atomic.Int64, to int64) {
	for old := v.Load(); old < to && !v.CompareAndSwap(old, to); old = v.Load() {
	}
}

// The bound holds for the heap, not for the estimate only.
func TestMemoryIsBounded(t *testing.T) {
	m := newMany(1000)
	size := m.size(t)
	const room, instances = 8, 40
	e := &access.Engine{Source: m, Memory: size * room}
	before := heap()
	for round := range 2 {
		var wg sync.WaitGroup
		for i := range instances {
			wg.Go(func() {
				s, err := e.Snapshot(t.Context(), fmt.Sprint(i))
				if err != nil || !s.Exists() {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		grown := heap() - before
		t.Logf("round %d: %d KB for %d instances of %d KB, bound %d KB: %+v", round, grown>>10, instances, size>>10,
			e.Memory>>10, e.Stats())
		if most := e.Memory * 13 / 10; grown > most {
			t.Errorf("snapshots take %d bytes, bounded at %d", grown, e.Memory)
		}
	}
	if s := e.Stats(); s.Evicted < instances {
		t.Errorf("%+v: nothing had to be dropped, so nothing was tested", s)
	}
}

// After the bound without a confirmation nothing is answered, and with the next one all is.
func TestMaxAge(t *testing.T) {
	m := newMany(1)
	e := &access.Engine{Source: m, MaxAge: 200 * time.Millisecond}
	ask := func() error { _, err := e.AtLeast(t.Context(), "i", 1, time.Second); return err }
	if err := ask(); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("before anything is confirmed: %v", err)
	}
	e.Confirm(time.Now())
	if err := ask(); err != nil {
		t.Error(err)
	}
	e.Confirm(time.Now().Add(-300 * time.Millisecond))
	if err := ask(); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("after the bound: %v", err)
	}
	e.Confirm(time.Now().Round(0).Add(-time.Hour)) // the machine slept
	if err := ask(); err == nil {
		t.Error("an hour later by the clock it is answered")
	}
	e.Confirm(time.Now().Add(time.Hour))
	if err := ask(); err != nil {
		t.Error(err)
	}
}
