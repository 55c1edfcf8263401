package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeStore keeps batches as control.Service.RecordCalls does, and fails as it is told to.
type fakeStore struct {
	mu      sync.Mutex
	batches []lanyard.CallBatch
	failing func(attempt int) (err error, stored bool)
	tries   int
}

func (s *fakeStore) store(ctx context.Context, b lanyard.CallBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.failing != nil {
		err, stored := s.failing(s.tries)
		if stored {
			s.keep(b)
		}
		if err != nil {
			return err
		}
		if stored {
			return nil
		}
	}
	s.keep(b)
	return nil
}

func (s *fakeStore) keep(b lanyard.CallBatch) {
	for _, had := range s.batches {
		if had.ID == b.ID && b.Again {
			return
		}
	}
	s.batches = append(s.batches, b)
}

// ids are those of the calls, by batch.
func (s *fakeStore) ids() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		var of []string
		for _, c := range b.Calls {
			if c.More > 0 {
				c.ID = fmt.Sprintf("%d×%s/%s", c.More, c.Agent, c.Tool)
			}
			of = append(of, c.ID)
		}
		ids = append(ids, strings.Join(of, " "))
	}
	return ids
}

func newRecorder(t testing.TB, c Config, store func(context.Context, lanyard.CallBatch) error) *Recorder {
	t.Helper()
	redactor, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return New(c, Options{Store: store, Redactor: redactor, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func answered(id string) *gateway.Call {
	return &gateway.Call{ID: id, Caller: &gateway.Caller{Account: "123456789012", Instance: "i", Agent: "agent"},
		Method: "tools/call", Upstream: "crm", Right: gateway.Right{Namespace: "crm", Tool: "get"},
		Decision:  gateway.Decision{Allow: true, Reason: "granted", Profile: "p", Revision: 7},
		Arguments: lanyard.JSON(`{"id":"secret"}`), Began: time.Now(), Duration: 1500 * time.Microsecond,
		Outcome: "answered"}
}

func refused(agent, tool string) *gateway.Call {
	c := answered("r")
	c.Caller.Agent, c.Right.Tool, c.Decision, c.Outcome = agent, tool, gateway.Decision{Reason: "not granted"}, "refused"
	return c
}

func (s *fakeStore) want(t *testing.T, want ...string) {
	t.Helper()
	if got := s.ids(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the batches are\n%q, want\n%q", got, want)
	}
}

func record(t testing.TB, r *Recorder, c *gateway.Call) {
	t.Helper()
	if err := r.Record(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// Calls of a window are one event, and nothing of their arguments' values is in it.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		r := newRecorder(t, Config{}, s.store)
		record(t, r, answered("a"))
		time.Sleep(999 * time.Millisecond)
		record(t, r, answered("b"))
		s.want(t)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		s.want(t, "a b")
		time.Sleep(time.Hour)
		record(t, r, answered("c"))
		time.Sleep(time.Second)
		synctest.Wait()
		s.want(t, "a b", "c")
		got := s.batches[0].Calls[0]
		want := lanyard.AgentCall{ID: "a", Time: got.Time, Agent: "agent", Method: "tools/call", Upstream: "crm",
			Namespace: "crm", Tool: "get", Allowed: true, Reason: "granted", Profile: "p", Revision: 7,
			Arguments: lanyard.JSON(`{"id":"<string>"}`), Outcome: "answered", Duration: 1500}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || got.Time.IsZero() {
			t.Errorf("recorded\n%+v, want\n%+v", got, want)
		}
		if len(r.queues) != 0 || r.pending != 0 {
			t.Errorf("%d queues are left, %d bytes are pending", len(r.queues), r.pending)
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// A batch that is full is stored at once, and none is larger than an event may be.
func TestFullBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		r := newRecorder(t, Config{}, s.store)
		const n = 5000
		for i := range n {
			record(t, r, answered(fmt.Sprint(i)))
		}
		synctest.Wait()
		stored := strings.Fields(strings.Join(s.ids(), " "))
		if len(stored) < n-lanyard.MaxBatchCalls {
			t.Errorf("%d calls are stored before the window ends", len(stored))
		}
		if err := r.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		stored = strings.Fields(strings.Join(s.ids(), " "))
		for i, id := range stored {
			if id != fmt.Sprint(i) {
				t.Fatalf("call %d is %s", i, id)
			}
		}
		if len(stored) != n {
			t.Errorf("%d of %d calls are stored", len(stored), n)
		}
		for _, b := range s.batches {
			size := 0
			for i := range b.Calls {
				size += marshalledSize(t, &b.Calls[i])
			}
			if size > lanyard.MaxBatchSize || len(b.Calls) > lanyard.MaxBatchCalls {
				t.Errorf("a batch has %d calls and %d bytes", len(b.Calls), size)
			}
		}
	})
}

func marshalledSize(t interface{ Fatal(...any) }, call *lanyard.AgentCall) int {
	b, err := laxjson.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	return len(b) + overhead
}

// A call never takes more than what is reserved for it, and a plain one not much less.
func TestSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40),
			func(b []byte) string { return string(b) }))
		number := rapid.Int64()
		at := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name)).UTC()
		}
		call := &lanyard.AgentCall{ID: text.Draw(t, "ID"), Time: at("time"), Agent: text.Draw(t, "agent"),
			User: text.Draw(t, "user"), Credential: text.Draw(t, "credential"), Method: text.Draw(t, "method"),
			Upstream: text.Draw(t, "upstream"), Namespace: text.Draw(t, "namespace"), Tool: text.Draw(t, "tool"),
			Module: text.Draw(t, "module"), Reason: text.Draw(t, "reason"), Profile: text.Draw(t, "profile"),
			Revision: number.Draw(t, "revision"), Arguments: lanyard.JSON(`{"a":"<string>"}`), Outcome: text.Draw(t, "outcome"),
			Error: text.Draw(t, "error"), Duration: number.Draw(t, "duration"), More: rapid.Int().Draw(t, "more"),
			Last: at("last")}
		if size, is := sizeOf(call), marshalledSize(t, call); size < is {
			t.Fatalf("%d bytes are reserved for %d: %+v", size, is, call)
		}
	})
	plain := &lanyard.AgentCall{ID: "ZUGRCYLZB74B2DFAEKBEPPROLX", Time: time.Now().UTC(),
		Agent:  "arn:aws:wisdom:us-east-1:1:ai-agent/a/b:1",
		Method: "tools/call", Upstream: "orders", Namespace: "orders", Tool: "find_order", Allowed: true, Reason: "granted",
		Profile: "11111111-2222-3333-4444-555555555555", Revision: 7, Outcome: "answered", Duration: 1234}
	if size, is := sizeOf(plain), marshalledSize(t, plain); size > is+100 {
		t.Errorf("%d bytes are reserved for %d", size, is)
	}
}

// While the store does not answer, calls wait for room, and fail when there is none for long.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{failing: func(int) (error, bool) { return lanyard.Errorf(lanyard.Unavailable, "down"), false }}
		r := newRecorder(t, Config{}, s.store)
		n := 0
		var err error
		for ; err == nil; n++ {
			err = r.Record(context.Background(), answered(fmt.Sprint(n)))
		}
		if !strings.Contains(err.Error(), "the audit has no room") || r.pending > maxPending {
			t.Errorf("after %d calls with %d bytes: %v", n, r.pending, err)
		}
		// Another instance has room of its own.
		other := answered("other")
		other.Caller.Instance = "j"
		record(t, r, other)
		waiting := make(chan error)
		go func() { waiting <- r.Record(context.Background(), answered("late")) }()
		synctest.Wait()
		s.mu.Lock()
		s.failing = nil
		s.mu.Unlock()
		if err := <-waiting; err != nil {
			t.Errorf("when the store answers again: %v", err)
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if got := len(strings.Fields(strings.Join(s.ids(), " "))); got != n+1 { // n-1 went in, other and late
			t.Errorf("%d calls are stored, want %d", got, n+1)
		}
	})
}

// A caller who leaves while they wait for room does not wait longer.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{failing: func(int) (error, bool) { return lanyard.Errorf(lanyard.Unavailable, "down"), false }}
		r := newRecorder(t, Config{}, s.store)
		for r.pending+1000 < maxPending {
			record(t, r, answered("a"))
		}
		for range 5 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			began := time.Now()
			err := r.Record(ctx, answered("b"))
			cancel()
			if err != nil && (time.Since(began) != time.Millisecond || !errors.Is(err, context.DeadlineExceeded)) {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.Close(ctx); err == nil || !strings.Contains(err.Error(), "calls of AI agents are lost to the audit") {
			t.Errorf("closed without a store: %v", err)
		}
		if err := r.Record(context.Background(), answered("c")); !errors.Is(err, errClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		r := newRecorder(t, Config{Durable: true}, func(ctx context.Context, b lanyard.CallBatch) error {
			time.Sleep(5 * time.Millisecond)
			return s.store(ctx, b)
		})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				began := time.Now()
				record(t, r, answered(fmt.Sprint(i)))
				if took := time.Since(began); took < 5*time.Millisecond || took > 10*time.Millisecond {
					t.Errorf("call %d took %v", i, took)
				}
			})
		}
		wg.Wait()
		if n := len(strings.Fields(strings.Join(s.ids(), " "))); n != 20 || len(s.batches) != 2 {
			t.Errorf("%d calls are stored, as %q", n, s.ids())
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// What cannot ever be stored does not hold up what comes after it.
func TestDeletedInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{failing: func(n int) (error, bool) {
			if n == 1 {
				return lanyard.Errorf(lanyard.NotFound, "instance i does not exist"), false
			}
			return nil, false
		}}
		r := newRecorder(t, Config{}, s.store)
		record(t, r, answered("a"))
		time.Sleep(2 * time.Second)
		record(t, r, answered("b"))
		err := r.Close(context.Background())
		if s.want(t, "b"); err == nil || err.Error() != "1 calls of AI agents are lost to the audit" {
			t.Errorf("closed: %v", err)
		}
	})
}

// However many calls are refused, few are recorded one by one, all are counted, and other callers' are not lost.
func TestRefusalsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		r := newRecorder(t, Config{}, s.store)
		for range 10_000 {
			record(t, r, refused("flooder", "x"))
		}
		for i := range 10_000 {
			record(t, r, refused("prober", fmt.Sprint("tool", i)))
		}
		record(t, r, refused("other", "y"))
		limited := answered("l")
		limited.Outcome = "limited"
		for range 100 {
			record(t, r, limited)
		}
		record(t, r, answered("a"))
		time.Sleep(refusalWindow + 2*time.Second)
		synctest.Wait()
		byAgent, one, records := map[string]int{}, map[string]int{}, 0
		for _, b := range s.batches {
			for _, c := range b.Calls {
				if records++; c.More > 0 {
					byAgent[c.Agent] += c.More
				} else {
					byAgent[c.Agent]++
					one[c.Agent]++
				}
			}
		}
		if got, want := fmt.Sprint(byAgent), "map[agent:101 flooder:10000 other:1 prober:10000]"; got != want {
			t.Errorf("counted %s, want %s", got, want)
		}
		if got, want := fmt.Sprint(one), "map[agent:51 flooder:50 other:1 prober:50]"; got != want {
			t.Errorf("recorded %s, want %s", got, want)
		}
		if records > 51+50+1+50+1+1+groupsPerCaller+1 {
			t.Errorf("%d records", records)
		}
		if len(r.queues) != 0 {
			t.Errorf("%d queues are left", len(r.queues))
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// Lists that an agent reads again and again are counted, and leave the room of refusals alone.
func TestListsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		r := newRecorder(t, Config{}, s.store)
		const lists = 10_000
		for range lists {
			list := answered("l")
			list.Method, list.Upstream, list.Right, list.Arguments = "tools/list", "", gateway.Right{}, nil
			record(t, r, list)
		}
		for range refusalsPerCaller {
			record(t, r, refused("agent", "x"))
		}
		time.Sleep(refusalWindow + 2*time.Second)
		synctest.Wait()
		counted, records, refusals := 0, 0, 0
		for _, b := range s.batches {
			for _, c := range b.Calls {
				if c.Method != "tools/list" {
					refusals++
					continue
				}
				records++
				counted += max(1, c.More)
				if c.Outcome != "answered" || !c.Allowed {
					t.Errorf("a list is recorded as %+v", c)
				}
			}
		}
		if counted != lists || records != refusalsPerCaller+1 || refusals != refusalsPerCaller {
			t.Errorf("%d lists are counted in %d records, next to %d refusals", counted, records, refusals)
		}
	})
}

// Many callers make no more records than an instance has in a window; the counts are stored at the end, too.
func TestRefusalsOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &fakeStore{}
		r := newRecorder(t, Config{}, s.store)
		const callers, each = 3000, 3
		for i := range callers {
			for range each {
				record(t, r, refused(fmt.Sprint("agent", i), "x"))
			}
		}
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
		counted, records := 0, 0
		for _, b := range s.batches {
			for _, c := range b.Calls {
				records++
				counted += max(1, c.More)
			}
		}
		if counted != callers*each || records > refusalsPerInstance+2*groupsPerInstance+1 {
			t.Errorf("%d calls are counted in %d records", counted, records)
		}
	})
}

// Whatever the store does, every call that was taken is stored once, in order.
func TestStoredOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		outcomes := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 30).Draw(rt, "outcomes")
		waits := rapid.SliceOfN(rapid.IntRange(0, 1500), 1, 40).Draw(rt, "waits")
		durable := rapid.Bool().Draw(rt, "durable")
		problem := ""
		synctest.Test(t, func(t *testing.T) {
			s := &fakeStore{failing: func(n int) (error, bool) {
				if n > len(outcomes) {
					return nil, false
				}
				switch outcomes[n-1] {
				case 1:
					return lanyard.Errorf(lanyard.Unavailable, "down"), false
				case 2:
					return lanyard.Errorf(lanyard.Unknown, "the connection was lost"), true
				case 3:
					return lanyard.Errorf(lanyard.Unknown, "the connection was lost"), false
				}
				return nil, false
			}}
			r := newRecorder(t, Config{Durable: durable}, s.store)
			var taken []string
			for i, wait := range waits {
				time.Sleep(time.Duration(wait) * time.Millisecond)
				if r.Record(context.Background(), answered(fmt.Sprint(i))) == nil || durable {
					taken = append(taken, fmt.Sprint(i))
				}
			}
			err := r.Close(context.Background())
			stored := strings.Join(strings.Fields(strings.Join(s.ids(), " ")), " ")
			if err != nil || stored != strings.Join(taken, " ") {
				problem = fmt.Sprintf("stored %s, want %v: %v", stored, taken, err)
			}
		})
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	s := &fakeStore{}
	r := newRecorder(b, Config{}, func(context.Context, lanyard.CallBatch) error { return nil })
	_ = s
	call := answered("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	b.ReportAllocs()
	for b.Loop() {
		record(b, r, call)
	}
	if err := r.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}
