package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard/bench/peer"
)

// A contender is asked for decisions in process.
type contender struct {
	name   string
	users  int  // the largest instance in which it is asked
	plain  bool // it is asked only what is about no resource
	system func(*peer.World) (peer.System, error)
}

// The contenders, in the order in which they are asked in a round.
const (
	own = iota
	bareLookup
	ownByName
	bareByName
	cedarSet
	cedarPicked
	opaQuery
	casbinLoaded
	openfgaServer
	live
	liveUpdated
	inPairs
	contenders
)

// Above a million nothing is asked.
const anyUsers = 1_000_000

// tens is the size of instance in which what holds for every size is measured.
const tens = 10_000

var contest = [contenders]contender{
	own: {name: "lanyard", users: anyUsers},
	bareLookup: {name: "bare lookup", users: anyUsers, system: func(w *peer.World) (peer.System, error) {
		return peer.NewBare(w, w.Questions, false), nil
	}},
	ownByName: {name: "lanyard, users by user name", users: anyUsers},
	bareByName: {name: "bare lookup, users by user name", users: anyUsers,
		system: func(w *peer.World) (peer.System, error) {
			return peer.NewBare(w, w.ByName(), true), nil
		}},
	cedarSet: {name: "cedar-go", users: 100_000,
		system: func(w *peer.World) (peer.System, error) { return peer.NewCedar(w, false) }},
	cedarPicked: {name: "cedar-go, policies picked by hand", users: 100_000,
		system: func(w *peer.World) (peer.System, error) { return peer.NewCedar(w, true) }},
	opaQuery: {name: "OPA, prepared query", users: tens,
		system: func(w *peer.World) (peer.System, error) { return peer.NewOPA(w) }},
	// Each user has an enforcer of its own.
	casbinLoaded: {name: "casbin, per-user loading", users: 100,
		system: func(w *peer.World) (peer.System, error) { return peer.NewCasbin(w) }},
	openfgaServer: {name: "OpenFGA, permissions only", users: tens, plain: true,
		system: func(w *peer.World) (peer.System, error) { return peer.NewOpenFGA(w) }},
	live:        {name: "lanyard, newest snapshot each time", users: tens},
	liveUpdated: {name: "the same, 1,000 updates a second", users: tens},
	inPairs:     {name: "lanyard, two goroutines", users: tens},
}

// scale is what was found in an instance of one size.
type scale struct {
	users, questions, plain, allowed int
	rounds                           [][contenders]float64 // nanoseconds a decision
	missing                          [contenders]string    // why not, when that is no choice of ours
	allocations                      float64               // of lanyard, a decision
	updates                          []float64             // a second, those of liveUpdated
}

// has reports whether a contender was measured.
func (s *scale) has(i int) bool { return len(s.rounds) > 0 && s.rounds[0][i] > 0 }

// measureDecisions asks every contender in instances of several sizes.
func measureDecisions(ctx context.Context, o options) ([]*scale, error) {
	var all []*scale
	for _, users := range o.users {
		s, err := measureScale(ctx, o, users)
		if err != nil {
			return nil, fmt.Errorf("decisions in an instance of %d users: %w", users, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func measureScale(ctx context.Context, o options, users int) (*scale, error) {
	// More questions in larger instances, so that caches do not hold all that they need.
	questions := 1 << 14
	switch {
	case o.short:
		questions = 1 << 12
	case users > tens:
		questions = 1 << 18
	}
	progress("%s users: making the instance, and asserting that all answer alike", thousands(float64(users)))
	w := peer.NewWorld(users, questions)
	f := &field{scale: &scale{users: users, questions: questions, plain: len(w.Plain)}}
	defer f.close()
	if err := f.enter(w); err != nil {
		return nil, err
	}
	for round := range o.rounds {
		var found [contenders]float64
		for i := range f.asked {
			if f.asked[i] == nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			runtime.GC() // what those before left behind is not this one's
			var err error
			if found[i], err = f.ask(i, o.ask); err != nil {
				return nil, fmt.Errorf("%s: %w", contest[i].name, err)
			}
		}
		f.rounds = append(f.rounds, found)
		progress("%s users, round %d of %d: lanyard %s", thousands(float64(users)), round+1, o.rounds, f.summary(found))
	}
	return f.scale, nil
}

// field is the contenders in one instance.
type field struct {
	*scale
	asked [contenders]*asked
	other *asked // the second of inPairs
	live  *peer.Live
}

// asked is a system and the next question.
type asked struct {
	system  peer.System
	n, next int
}

// enter makes the systems and holds each to lanyard's answers.
func (f *field) enter(w *peer.World) error {
	l := peer.NewLanyard(w, w.Questions)
	answers, err := peer.Answers(l, w.Questions)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a {
			f.allowed++
		}
	}
	plain, err := peer.Answers(l.Asked(w.Plain), w.Plain)
	if err != nil {
		return err
	}
	if f.allocations, err = allocations(&asked{system: l, n: len(w.Questions)}); err != nil {
		return err
	}
	for i, c := range contest {
		if f.users > c.users || i >= live && f.users != tens {
			continue
		}
		questions, expected := w.Questions, answers
		if c.plain {
			questions, expected = w.Plain, plain
		}
		var s peer.System
		switch i {
		case own, inPairs:
			s = l
		case ownByName:
			s = l.Asked(w.ByName())
		case live, liveUpdated:
			if f.live == nil {
				if f.live, err = peer.NewLive(w); err != nil {
					return err
				}
			}
			s = f.live
		default:
			if s, err = c.system(w); err != nil {
				f.missing[i] = firstLine(err)
				continue
			}
		}
		f.asked[i] = &asked{system: s, n: len(questions)}
		if err := peer.Agree(c.name, s, questions, expected); err != nil {
			return err
		}
	}
	if f.asked[inPairs] != nil {
		f.other = &asked{system: l, n: len(w.Questions), next: len(w.Questions) / 2}
	}
	return nil
}

func (f *field) close() {
	for _, a := range f.asked {
		if a != nil {
			if c, ok := a.system.(io.Closer); ok {
				c.Close()
			}
		}
	}
}

// ask measures one contender, in nanoseconds a decision.
func (f *field) ask(i int, d time.Duration) (float64, error) {
	switch i {
	case liveUpdated:
		return f.askUpdated(d)
	case inPairs:
		return f.askPair(d)
	}
	return f.asked[i].during(d)
}

// during asks for about d and returns the nanoseconds that a decision took.
func (a *asked) during(d time.Duration) (float64, error) {
	began := time.Now()
	for n, batch := 0, 1; ; {
		for range batch {
			if _, err := a.system.Allowed(a.next); err != nil {
				return 0, err
			}
			if a.next++; a.next == a.n {
				a.next = 0
			}
		}
		n += batch
		took := time.Since(began)
		if took >= d {
			return float64(took) / float64(n), nil
		}
		if took < d/64 { // reading the clock takes as long as a fast decision
			batch *= 2
		}
	}
}

// askPair asks from two goroutines; together they take half as long a decision, at best.
func (f *field) askPair(d time.Duration) (float64, error) {
	var took [2]float64
	var failed [2]error
	var wg sync.WaitGroup
	for i, a := range []*asked{f.asked[inPairs], f.other} {
		mine := *a // on a cache line of its own
		wg.Go(func() { took[i], failed[i] = mine.during(d) })
	}
	wg.Wait()
	return 1 / (1/took[0] + 1/took[1]), errors.Join(failed[:]...)
}

// askUpdated asks while another goroutine updates profiles.
func (f *field) askUpdated(d time.Duration) (float64, error) {
	const every = time.Millisecond
	stop := make(chan struct{})
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		began, n := time.Now(), 0
		for ; failed == nil; n++ {
			select {
			case <-stop:
				f.updates = append(f.updates, float64(n)/time.Since(began).Seconds())
				return
			case <-time.After(time.Until(began.Add(time.Duration(n) * every))):
			}
			failed = f.live.Update()
		}
	})
	took, err := f.asked[liveUpdated].during(d)
	close(stop)
	wg.Wait()
	return took, errors.Join(err, failed)
}

// allocations counts them, a decision, over all questions: the fewest of a few passes, for whatever
// else is in this process allocates now and then.
func allocations(a *asked) (float64, error) {
	fewest := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range a.n {
			if _, err := a.system.Allowed(i); err != nil {
				return 0, err
			}
		}
		runtime.ReadMemStats(&after)
		fewest = min(fewest, after.Mallocs-before.Mallocs)
	}
	return float64(fewest) / float64(a.n), nil
}

// summary is a line about a round.
func (f *field) summary(found [contenders]float64) string {
	var parts []string
	for i, ns := range found {
		switch {
		case ns == 0:
		case i == own:
			parts = append(parts, nanoseconds(ns))
		default:
			parts = append(parts, contest[i].name+" "+nanoseconds(ns))
		}
	}
	return strings.Join(parts, "; ")
}

// firstLine is an error that fits into a table.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	const most = 160
	if r := []rune(line); len(r) > most {
		line = string(r[:most]) + "…"
	}
	return strings.ReplaceAll(line, "|", "/")
}
