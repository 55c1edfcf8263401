package throttle

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// clock is a fake that only moves when told.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)} }

func TestAllow(t *testing.T) {
	type call struct {
		after                      time.Duration
		account, region, operation string
		times                      int // calls at this moment
		want                       int // of them allowed
	}
	for _, tt := range []struct {
		name  string
		rate  float64
		burst int
		calls []call
	}{
		{"no limit", 0, 5, []call{{0, "1", "r", "Op", 1000, 1000}}},
		{"negative rate", -1, 5, []call{{0, "1", "r", "Op", 1000, 1000}}},
		{"rate that is no number", math.NaN(), 5, []call{{0, "1", "r", "Op", 1000, 1000}}},
		{"infinite rate", math.Inf(1), 5, []call{{0, "1", "r", "Op", 1000, 1000}}},
		{"burst, then by rate", 2, 5, []call{
			{0, "1", "r", "Op", 6, 5},
			{499 * time.Millisecond, "1", "r", "Op", 1, 0},
			{time.Millisecond, "1", "r", "Op", 2, 1},
			{time.Second, "1", "r", "Op", 3, 2},
			{time.Hour, "1", "r", "Op", 9, 5},
		}},
		{"independent buckets", 2, 5, []call{
			{0, "1", "r", "Op", 6, 5},
			{0, "2", "r", "Op", 6, 5},
			{0, "1", "s", "Op", 6, 5},
			{0, "1", "r", "Other", 6, 5},
			{0, "1", "r", "Op", 1, 0},
		}},
		{"burst by default", 3.5, 0, []call{{0, "1", "r", "Op", 9, 3}}},
		{"burst by default, slow", 0.1, 0, []call{
			{0, "1", "r", "Op", 9, 1},
			{9 * time.Second, "1", "r", "Op", 9, 0},
			{time.Second, "1", "r", "Op", 9, 1},
		}},
		{"hardly any rate", 1e-300, 1, []call{
			{0, "1", "r", "Op", 9, 1},
			{math.MaxInt64, "1", "r", "Op", 9, 0},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			l := &Limiter{Rate: tt.rate, Burst: tt.burst, Now: c.now}
			for i, call := range tt.calls {
				c.advance(call.after)
				got := 0
				for range call.times {
					if l.Allow(call.account, call.region, call.operation) {
						got++
					}
				}
				if got != call.want {
					t.Errorf("call %d: %d of %d allowed, want %d", i, got, call.times, call.want)
				}
			}
		})
	}
}

func TestNil(t *testing.T) {
	var none *Limiter
	if !none.Allow("1", "r", "Op") || !new(Limiter).Allow("1", "r", "Op") {
		t.Error("a Limiter without a rate refused")
	}
}

// TestForgetting plays random calls against a limiter that never forgets: forgetting must not
// show.
func TestForgetting(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []struct {
		rate  float64
		burst int
	}{{2, 5}, {0.3, 7}, {7, 3}, {1, 1}} {
		c := newClock()
		l := &Limiter{Rate: limit.rate, Burst: limit.burst, Now: c.now}
		all := make(map[string]*rate.Limiter)
		fill := float64(l.fillTime())
		for i := range 50_000 {
			// Mostly short steps, so that buckets run low; some about as long as one takes to fill.
			step := rnd.ExpFloat64() * fill / 300
			if rnd.IntN(50) == 0 {
				step = rnd.Float64() * fill * 2.5
			}
			c.advance(time.Duration(step))
			account := fmt.Sprint(rnd.IntN(20))
			if all[account] == nil {
				all[account] = rate.NewLimiter(rate.Limit(limit.rate), limit.burst)
			}
			want := all[account].AllowN(c.t, 1)
			if got := l.Allow(account, "r", "Op"); got != want {
				t.Fatalf("%v, call %d: Allow = %t, want %t", limit, i, got, want)
			}
		}
	}
}

func TestMemory(t *testing.T) {
	c := newClock()
	l := &Limiter{Rate: 2, Burst: 5, Now: c.now}
	most := 0
	for i := range 100_000 {
		l.Allow(fmt.Sprint(i), "r", "Op")
		c.advance(2500 * time.Microsecond) // 1000 accounts while a bucket fills
		most = max(most, len(l.current)+len(l.previous))
	}
	if most > 2100 {
		t.Errorf("%d buckets at once, want about 2000", most)
	}
	c.advance(time.Hour)
	l.Allow("1", "r", "Op")
	c.advance(time.Hour)
	l.Allow("1", "r", "Op")
	if n := len(l.current) + len(l.previous); n != 1 {
		t.Errorf("%d buckets after a pause, want 1", n)
	}
}

func TestConcurrent(t *testing.T) {
	c := newClock()
	l := &Limiter{Rate: 1, Burst: 100, Now: c.now} // time stands still
	var allowed [3]atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 300 {
				account := i % len(allowed)
				if l.Allow(fmt.Sprint(account), "r", "Op") {
					allowed[account].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for account := range allowed {
		if n := allowed[account].Load(); n != 100 {
			t.Errorf("account %d: %d calls allowed, want 100", account, n)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	for _, accounts := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("%d accounts", accounts), func(b *testing.B) {
			l := &Limiter{Rate: 2, Burst: 5}
			ids := make([]string, accounts)
			for i := range ids {
				ids[i] = fmt.Sprintf("%012d", i)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					l.Allow(ids[i%accounts], "us-east-1", "ListSecurityProfiles")
				}
			})
		})
	}
}
