package sqlstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A WriteSet is what a batch writes to one instance, provided that its last event is still the one that the batch was
// computed over.
type WriteSet struct {
	Instance   string
	Revision   int64  // of that event
	Hash       []byte // of that event
	Statements []Statement
}

// A Verdict says what a Pipeline did with a WriteSet.
type Verdict uint8

const (
	Written  Verdict = iota
	Conflict         // the instance has another last event
	Busy             // somebody else has the lock of the instance, or may have it
)

// ErrNoFunction is the error of Apply when the database has no Function.
var ErrNoFunction = errors.New("the database has no function that writes")

// A committer commits the batches of several instances together, each on condition of its own, by one call of the
// database's Function. A batch that comes while maxCalls calls are in progress waits until one of them is over, and
// is then committed with all others that wait. So instances share the cost of a commit as the members of a batch do.
//
// A call does not wait for the lock of an instance, so that no instance waits for what another server does to
// another.
type committer struct {
	d       *DB
	mu      sync.Mutex
	off     bool // nothing is committed this way
	least   int  // see Config.Function
	calls   int  // in progress
	waiting []*pendingCommit
}

const (
	// maxCalls is how many calls are in progress: while the database flushes one, the next is collected.
	maxCalls = 2
	// maxSets bounds for how long the first member of a call waits for the last.
	maxSets = 24
	// maxCallWait bounds for how long a batch waits for calls before it. They take milliseconds; when the database is
	// out of reach, each finds out for itself.
	maxCallWait = 2 * time.Second
)

// A pendingCommit is a batch that is committed by a call.
type pendingCommit struct {
	set  WriteSet
	size int
	turn chan bool // receives true when the call is its own to make, and false when it was made

	// What came of it:
	verdict Verdict
	err     error // of the call
	lost    bool  // the connection was lost
	shared  bool  // there were other members
}

// Committing returns how many batches wait to be committed by a call.
func (d *DB) Committing() int {
	d.commits.mu.Lock()
	defer d.commits.mu.Unlock()
	return len(d.commits.waiting)
}

// isOff reports whether nothing is committed by calls.
func (c *committer) isOff() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.off
}

// turnOff makes no calls from now on, and reports whether that is new.
func (c *committer) turnOff() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.off
	c.off = true
	return !was
}

// commit commits a batch, on its own or along with others.
func (c *committer) commit(ctx context.Context, set WriteSet, size int) *pendingCommit {
	p := &pendingCommit{set: set, size: size}
	if c.enter(p) || c.await(p) {
		defer c.leave()
		c.call(ctx, c.collect(p))
	}
	return p
}

// enter reports whether the caller may make a call at once. Otherwise p is in line.
func (c *committer) enter(p *pendingCommit) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls < maxCalls {
		c.calls++
		return true
	}
	p.turn = make(chan bool, 1)
	c.waiting = append(c.waiting, p)
	return false
}

// await waits until p is committed, or until it is to make a call, which it reports.
func (c *committer) await(p *pendingCommit) bool {
	patience := time.NewTimer(maxCallWait)
	defer patience.Stop()
	select {
	case calls := <-p.turn:
		return calls
	case <-patience.C:
	}
	c.mu.Lock()
	i := slices.Index(c.waiting, p)
	if i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
		c.calls++
	}
	c.mu.Unlock()
	return i >= 0 || <-p.turn
}

// collect returns the members of a call: p and those that wait.
func (c *committer) collect(p *pendingCommit) []*pendingCommit {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, p.size
	for n < len(c.waiting) && n+1 < maxSets && size+c.waiting[n].size <= maxBatchSize {
		size += c.waiting[n].size
		n++
	}
	members := append([]*pendingCommit{p}, c.waiting[:n]...)
	c.waiting = slices.Delete(c.waiting, 0, n)
	return members
}

// leave ends a call, and has the next in line make one.
func (c *committer) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 || c.calls > maxCalls {
		c.calls--
		return
	}
	c.waiting[0].turn <- true
	c.waiting = slices.Delete(c.waiting, 0, 1)
}

// call makes a call. The first of the members is the caller's own. The others are told what came of it even when it
// panics.
func (c *committer) call(ctx context.Context, members []*pendingCommit) {
	var verdicts []Verdict
	lost, err := false, ErrUnknown
	defer func() {
		for i, p := range members {
			p.err, p.lost, p.shared = err, lost, len(members) > 1
			if err == nil {
				p.verdict = verdicts[i]
			}
			if i > 0 {
				p.turn <- false
			}
		}
	}()
	sets := make([]WriteSet, len(members))
	for i, p := range members {
		sets[i] = p.set
	}
	verdicts, lost, err = c.apply(ctx, sets)
}

func (c *committer) apply(ctx context.Context, sets []WriteSet) (verdicts []Verdict, lost bool, err error) {
	conn, err := c.d.writers.take(ctx)
	if err != nil {
		return nil, false, err
	}
	defer c.d.writers.give(conn)
	if len(sets) < c.least { // the statements of one cost less than a call
		verdicts = []Verdict{Written}
		err = conn.pipe.Transact(ctx, sets[0].guarded(guardedInsertNow))
		if err != nil && !errors.Is(err, ErrUnknown) && c.d.dialect.IsGuardViolated(err) {
			verdicts[0], err = Busy, nil
		}
	} else {
		verdicts, err = conn.pipe.Apply(ctx, sets)
	}
	err = conn.noteBroken(err)
	return verdicts, conn.wasLost(ctx, err), err
}
