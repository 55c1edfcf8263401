package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// DefaultPoll is how often Follow asks the store by default.
const DefaultPoll = 250 * time.Millisecond

// Follow keeps what this Service holds in memory up to date, that is the snapshots of instances, the
// access keys and the tokens, while other servers change the store too. It goes on until ctx ends.
// What another server did counts here as soon as the store's notification comes, and after poll at
// the latest (0: DefaultPoll), as long as the store answers. A store that nobody else can change
// needs none of this, and then Follow returns at once.
func (s *Service) Follow(ctx context.Context, poll time.Duration) {
	w, ok := s.store.(store.Watcher)
	if !ok {
		return
	}
	if poll <= 0 {
		poll = DefaultPoll
	}
	f := &follower{Service: s, store: w, credentials: -1}
	var wg sync.WaitGroup
	wg.Go(func() { f.listen(ctx) })
	wg.Go(func() { f.poll(ctx, poll) })
	wg.Wait()
}

type follower struct {
	*Service
	store store.Watcher

	mu          sync.Mutex // orders the reloading of keys and tokens
	credentials int64      // the store's number of what is in memory
}

// listen receives the store's notifications, and retries when it cannot; polling continues in the meantime.
func (f *follower) listen(ctx context.Context) {
	const least, most = 250 * time.Millisecond, 10 * time.Second
	for wait := least; ; wait = min(2*wait, most) {
		began := time.Now()
		err := f.store.Watch(ctx, func(instance string, revision int64) { f.woken(ctx, instance, revision) })
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > most {
			wait = least
		}
		// The next database may be another, with another history: the same number may mean other keys.
		f.mu.Lock()
		f.credentials = -1
		f.mu.Unlock()
		f.log.Warn("notifications from other servers are interrupted; falling back to polling", "again", wait.String(),
			"error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (f *follower) woken(ctx context.Context, instance string, revision int64) {
	if instance != "" {
		f.reach(ctx, instance, revision) // what fails is tried again by the poll
		return
	}
	if err := f.reload(ctx); err != nil && ctx.Err() == nil {
		f.log.Warn("cannot reload keys and tokens; retrying", "error", err)
	}
}

// reach has the snapshot of an instance follow to a revision.
func (f *follower) reach(ctx context.Context, instance string, revision int64) error {
	ctx, cancel := context.WithTimeout(ctx, maxReach)
	defer cancel()
	err := f.engine.CatchUp(ctx, instance, revision)
	if err == nil || ctx.Err() != nil || errors.Is(err, lanyard.ErrUnavailable) {
		return err // it is tried again, and the poll says what is wrong
	}
	f.log.Error("snapshot dropped", "instance", instance, "revision", revision, "error", err)
	f.engine.Forget(instance) // the next question reloads it
	return nil
}

// reload reads the keys and tokens when they are others than those in memory.
func (f *follower) reload(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	// The number is read first: what is stored in the meantime raises it again.
	n, err := f.store.CredentialsVersion(ctx)
	if err != nil || n == f.credentials {
		return err
	}
	if err := f.LoadKeys(ctx); err != nil {
		return err
	}
	if err := f.LoadTokens(ctx); err != nil {
		return err
	}
	f.credentials = n
	return nil
}

// poll asks for what no notification has told.
func (f *follower) poll(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for {
		err := f.catchUp(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			f.log.Error("cannot ask the store what other servers changed; decisions may be stale until it answers", "error",
				err)
		case err == nil && failing:
			f.log.Info("the store answers again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const (
	// maxAsk bounds one round of asking, so that one that gets no answer is not waited for for long.
	maxAsk = 5 * time.Second
	// maxReach bounds following an instance. An instance whose next events were pruned is reloaded, and may be large.
	maxReach = 30 * time.Second
)

// catchUp makes sure that all that is in memory is as new as when it began.
func (f *follower) catchUp(ctx context.Context) error {
	began := time.Now()
	asking, cancel := context.WithTimeout(ctx, maxAsk)
	defer cancel()
	if err := f.reload(asking); err != nil {
		return err
	}
	loaded := f.engine.Loaded()
	ids := make([]string, 0, len(loaded))
	for id := range loaded {
		ids = append(ids, id)
	}
	heads, err := f.store.Heads(asking, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		switch have, now := loaded[id], heads[i]; {
		case have.Contradicts(now.Revision, now.Hash):
			f.log.Error("the store has lost changes that decisions were based on, as after a failover to a lagging "+
				"replica; decisions continue from what it has",
				"instance", id, "revision", have.Revision(), "store", now.Revision)
			f.engine.Forget(id)
		case now.Revision > have.Revision():
			if err := f.reach(ctx, id, now.Revision); err != nil {
				return err
			}
		}
	}
	f.engine.Confirm(began)
	return nil
}
