package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

var _ store.Shared = (*Store)(nil)

// channel is what servers notify one another on. A payload is a JSON object of revisions by
// instance; the instance "" stands for the keys and tokens. It may name instances of another schema
// of the same database, which does no harm.
const channel = "lanyard"

// gather is how long after a notification of one change the next notification waits; what comes in between is sent
// along. Each notification wakes every server and a process of the database for each, which together costs more than
// a change. So after one of several changes the next waits for as many times longer, but for no more than maxGather.
const (
	gather    = 3 * time.Millisecond
	maxGather = 5 * gather
)

// maxPayload is a little less than what PostgreSQL takes.
const maxPayload = 7900

// A notifier notifies other servers of commits, on a connection of its own. NOTIFY inside of the transactions would be
// simpler, but then PostgreSQL commits them one after another, each with its own flush, because it keeps notifications
// in the order of commits. A notification that is lost after its commit is made up for by polling.
type notifier struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	wake   chan struct{} // holds one when there is something pending
	stop   chan struct{}
	ended  chan struct{}

	mu      sync.Mutex
	pending map[string]int64
	changes int  // that are pending
	off     bool // the database does not support notifications
}

// refusedForGood reports whether the database does not know NOTIFY or LISTEN at all: a feature not
// supported, a syntax error, or a function that does not exist.
func refusedForGood(err error) bool {
	switch code(err) {
	case "0A000", "42601", "42883":
		return true
	}
	return false
}

func newNotifier(config *pgx.ConnConfig, log *slog.Logger) *notifier {
	config = config.Copy()
	// A notification need not survive anything, so it need not wait for the disk.
	config.RuntimeParams["synchronous_commit"] = "off"
	n := &notifier{config: config, log: log, wake: make(chan struct{}, 1), stop: make(chan struct{}),
		ended: make(chan struct{}), pending: make(map[string]int64)}
	go n.sendNotifications()
	return n
}

// add is called after a commit, and does not wait.
func (n *notifier) add(instance string, revision int64) {
	n.mu.Lock()
	if n.off {
		n.mu.Unlock()
		return
	}
	n.pending[instance] = max(revision, n.pending[instance])
	n.changes++
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// close sends what is pending, if that goes quickly.
func (n *notifier) close() error {
	close(n.stop)
	<-n.ended
	return nil
}

// sendNotifications sends what is pending from time to time, until close.
func (n *notifier) sendNotifications() {
	defer close(n.ended)
	var c *pgx.Conn
	defer func() {
		if c != nil {
			hangUp(c)
		}
	}()
	for {
		last := false
		select {
		case <-n.wake:
		case <-n.stop:
			last = true
		}
		changes, err := n.send(&c)
		if last {
			return
		}
		wait := min(time.Duration(changes)*gather, maxGather)
		switch {
		case err != nil && refusedForGood(err):
			n.log.Warn("the database does not support notifications; other servers find changes by polling", "error", err)
			n.mu.Lock()
			n.off, n.pending = true, nil
			n.mu.Unlock()
			<-n.stop
			return
		case err != nil:
			// What could not be sent is found by polling; what comes in the meantime is sent next time.
			n.log.Warn("other servers cannot be notified of changes; they find them by polling", "error", err)
			wait = time.Second
		}
		select {
		case <-time.After(wait):
		case <-n.stop:
			if err != nil {
				return
			}
		}
	}
}

// send sends what is pending, and returns of how many changes that is.
func (n *notifier) send(c **pgx.Conn) (changes int, err error) {
	n.mu.Lock()
	pending, changes := n.pending, n.changes
	n.pending, n.changes = make(map[string]int64, len(pending)), 0
	n.mu.Unlock()
	if len(pending) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	for {
		fresh := *c == nil || (*c).IsClosed()
		if fresh {
			if *c, err = pgx.ConnectConfig(ctx, n.config); err != nil {
				*c = nil
				return changes, err
			}
		}
		for _, payload := range payloads(pending) {
			if _, err = (*c).Exec(ctx, `SELECT pg_notify($1, $2)`, channel, payload); err != nil {
				break
			}
		}
		// The server may have been restarted since the last time. Saying a thing twice does no harm.
		if err == nil || fresh || !(*c).IsClosed() {
			return changes, err
		}
	}
}

// payloads encodes revisions, as many in each as it takes.
func payloads(pending map[string]int64) (all []string) {
	b := []byte{'{'}
	for instance, revision := range pending {
		id, err := laxjson.Marshal(instance)
		if err != nil || len(id) > maxPayload/2 {
			continue // polling finds it
		}
		if len(b)+len(id) > maxPayload-32 {
			all = append(all, string(b)+"}")
			b = b[:1]
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%s:%d", id, revision)
	}
	if len(b) > 1 {
		all = append(all, string(b)+"}")
	}
	return all
}

func hangUp(c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c.Close(ctx) // there is nothing on it that could be lost
}

// silence is how long Watch receives nothing before it checks that the connection works.
const silence = 10 * time.Second

// Watch listens on a connection of its own. It is notified of commits of this store like of any other.
func (s *Store) Watch(ctx context.Context, woken func(instance string, revision int64)) error {
	err := s.watch(ctx, woken)
	return &lanyard.Error{Kind: lanyard.Unavailable, Message: "listen to the database", Err: err}
}

func (s *Store) watch(ctx context.Context, woken func(instance string, revision int64)) error {
	c, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return err
	}
	defer hangUp(c)
	if _, err := c.Exec(ctx, `LISTEN `+channel); err != nil {
		if !refusedForGood(err) {
			return err
		}
		s.log.Warn("the database does not support notifications; changes of other servers are found by polling", "error", err)
		hangUp(c)
		<-ctx.Done()
		return ctx.Err()
	}
	for {
		quiet, cancel := context.WithTimeout(ctx, silence)
		n, err := c.WaitForNotification(quiet)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && errors.Is(err, context.DeadlineExceeded) && !c.IsClosed():
			ping, cancel := context.WithTimeout(ctx, connectTimeout)
			err := c.Ping(ping)
			cancel()
			if err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		var revisions map[string]int64
		if err := laxjson.Unmarshal([]byte(n.Payload), &revisions); err != nil {
			s.log.Debug("a notification is not one of ours", "payload", n.Payload, "error", err)
			continue
		}
		for instance, revision := range revisions {
			woken(instance, revision)
		}
	}
}
