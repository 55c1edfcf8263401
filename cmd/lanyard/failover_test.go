package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// TestFailover kills the primary under load from three servers, and its synchronous replica takes over. What was
// acknowledged is there, what was refused is not, and nobody was told that any of the rest happened. The suite does
// this once; LANYARD_FAILOVER_ROUNDS asks for more (make failover).
func TestFailover(t *testing.T) {
	t.Parallel()
	rounds := campaign(t, "LANYARD_FAILOVER_ROUNDS", 1)
	primary := pgtest.Own(t)
	replica := primary.Replica(t, 0)
	primary.Synchronous(t)
	c := newCluster(t, built(t, ""), primary, replica)
	var acknowledged, notDone int64
	var open int
	var longest time.Duration
	for i := range rounds {
		port := c.primary.Port
		r := newFailoverRound(c, 6)
		before, away := r.through(c.failover)
		if before == 0 {
			t.Error("nothing was acknowledged before the failover")
		}
		lost := r.checkResult()
		t.Logf("round %d: %d changes acknowledged, %d not made, %d of unknown outcome; 100 changes after %v",
			i+1, r.done.Load(), r.failed.Load(), lost, away.Round(time.Millisecond))
		acknowledged, notDone, open, longest = acknowledged+r.done.Load(), notDone+r.failed.Load(), open+lost,
			max(longest, away)
		if t.Failed() {
			return
		}
		// Where the primary was, which stands in the URL too, is a replica now, and of no use to a server.
		c.rejoin(port)
		c.kill(i % 3)
		for n := range c.up {
			if _, err := c.up[n].Load().newInstance(fmt.Sprintf("after-%d-%d", i, n)); err != nil {
				t.Errorf("server %d, with a replica among its hosts: %v", n, err)
			}
		}
	}
	c.stop()
	t.Logf("%d failovers: %d changes acknowledged, all there; %d not made, none there; %d of unknown outcome; at most %v without",
		c.failovers, acknowledged, notDone, open, longest.Round(time.Millisecond))
}

// failoverRound is some crashLoads on three servers, which go on when calls fail.
type failoverRound struct {
	cluster      *cluster
	instances    []*crashLoad
	stop         atomic.Bool
	done, failed atomic.Int64
}

func newFailoverRound(c *cluster, instances int) *failoverRound {
	c.t.Helper()
	f := &failoverRound{cluster: c}
	for range instances { // changes of different ones are committed at the same time
		f.instances = append(f.instances, newCrashLoad(c.t, c.up[0].Load()))
	}
	return f
}

// through keeps the load running while something happens, until 100 changes were acknowledged after it. It returns
// how many were acknowledged before, and how long the 100 took.
func (f *failoverRound) through(happens func()) (before int64, away time.Duration) {
	var workers sync.WaitGroup
	for _, one := range f.instances {
		for w := range 4 {
			workers.Go(func() { f.work(one, w) })
		}
	}
	// At any moment of the work, not at one that something observable would choose.
	time.Sleep(time.Duration(300+rand.IntN(700)) * time.Millisecond)
	before, began := f.done.Load(), time.Now()
	happens()
	if err := until(func() error {
		if now := f.done.Load(); now < before+100 {
			return fmt.Errorf("%d changes were acknowledged since", now-before)
		}
		return nil
	}); err != nil {
		f.cluster.t.Error(err)
	}
	away = time.Since(began)
	f.stop.Store(true)
	workers.Wait()
	return before, away
}

// checkResult compares the result with what was acknowledged, and counts the changes of unknown outcome.
func (f *failoverRound) checkResult() (open int) {
	f.cluster.t.Helper()
	for n, one := range f.instances {
		one.checkServer(f.cluster.t, f.cluster.up[n%3].Load(), f.cluster.program, new(crashTally))
		if _, err := f.cluster.events(one.instance); err != nil {
			f.cluster.t.Errorf("instance %s: %v", one.instance, err)
		}
		open += len(one.by(1).open)
	}
	return open
}

// work changes profiles that no other worker uses. A profile whose state is unknown is never used again, so that the
// check can tell.
func (f *failoverRound) work(l *crashLoad, worker int) {
	ids, stamps := map[string]string{}, map[string]int{} // by name
	for n := 1; !f.stop.Load(); n++ {
		s := f.cluster.any()
		call := l.nextCall(worker, n, ids)
		if call.method != "PUT" {
			f.checkProfile(l, s, call, stamps[call.name])
		}
		this := l.sends(call.change)
		status, answer, err := s.send(call.method, call.path, call.body)
		switch outcomeOf(status, answer, err) {
		case done:
			l.done(this, answer, ids)
			stamps[call.name] = call.stamp
			f.done.Add(1)
		case failed:
			l.mu.Lock()
			this.refused = true
			l.mu.Unlock()
			f.failed.Add(1)
		case unknown:
			delete(ids, call.name)
		case refused:
			l.wonder("%+v answers %d %s", call.change, status, answer)
		}
		if status != 200 {
			time.Sleep(10 * time.Millisecond) // as clients do that are refused
		}
	}
}

// checkProfile reads a profile that nobody changes now. Any server must show what was acknowledged last.
func (f *failoverRound) checkProfile(l *crashLoad, s *server, call crashCall, stamp int) {
	if rand.IntN(4) > 0 {
		return
	}
	status, answer, err := s.send("GET", call.path, "")
	if err != nil || status >= 500 {
		return // not a wrong answer
	}
	var out struct {
		SecurityProfile struct{ Description string }
	}
	if err := json.Unmarshal([]byte(answer), &out); err != nil || out.SecurityProfile.Description != strconv.Itoa(stamp) {
		l.wonder("profile %q was acknowledged with stamp %d; described as %d %s", call.name, stamp, status, answer)
	}
}

// TestFailoverThatLoses promotes a replica that lacks the last changes. They are lost, which no server can help, and
// other changes get their revisions; but soon no server decides from them.
func TestFailoverThatLoses(t *testing.T) {
	t.Parallel()
	primary := pgtest.Own(t)
	replica := primary.Replica(t, 0)
	primary.Synchronous(t)
	c := newCluster(t, built(t, ""), primary, replica)
	here := furnish(t, c.up[0].Load()) // which the replica has
	decided := func(i int, atLeast int, want bool) (revision int, err error) {
		var out struct {
			Decision bool
			Context  struct{ Revision int }
		}
		if err := c.up[i].Load().get("POST", here.evaluation(), maySee(atLeast), &out); err != nil {
			return 0, err
		}
		if out.Decision != want {
			err = fmt.Errorf("server %d decides %v at revision %d, want %v", i, out.Decision, out.Context.Revision, want)
		}
		return out.Context.Revision, err
	}
	primary.Asynchronous(t)
	if err := replica.Kill(); err != nil {
		t.Fatal(err)
	}
	path := "/security-profiles/" + here.instance + "/" + here.profile
	if err := until(func() error { return c.up[0].Load().get("POST", path, `{"Permissions":[]}`, nil) }); err != nil {
		t.Fatal(err)
	}
	lost, err := decided(0, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.up {
		if _, err := decided(i, lost, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := replica.Start(); err != nil {
		t.Fatal(err)
	}
	replica.Promote(t)
	c.primary = replica
	if err := until(func() error {
		return c.up[1].Load().get("POST", path, `{"Description":"instead"}`,
			nil)
	}); err != nil {
		t.Fatal(err)
	}
	events, err := c.events(here.instance)
	if err != nil || len(events) != lost {
		t.Fatalf("the instance has %d events, %v; want %d, of which the last replaces the one that is lost", len(events), err,
			lost)
	}
	for i := range c.up {
		if err := until(func() error { _, err := decided(i, lost, true); return err }); err != nil {
			t.Errorf("after the failover: %v", err)
		}
		if log := c.up[i].Load().errs.String(); i != 1 && !strings.Contains(log, "the store has lost changes") {
			t.Errorf("the log of server %d does not say that changes are lost:\n%s", i, log)
		}
	}
	c.stop()
}
