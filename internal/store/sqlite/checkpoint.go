package sqlite

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// A checkpointer moves the log into the database. SQLite itself does that in the commit that finds the log long,
// while all others wait: some 50 ms. Here nearly all of it happens alongside the commits, on a connection of its own,
// and only what is new since then is moved between two commits, after which the log starts over. So it stays short,
// and its file keeps its size, which makes it cheap to sync.
type checkpointer struct {
	db           *sql.DB
	runExclusive func(context.Context, func(sqlstore.Conn) error) error
	log          *slog.Logger
	commits      atomic.Int64 // since the log started over
	due          atomic.Int64 // how many of them make the log long
	wake         chan struct{}
	stop         context.CancelFunc
	stopped      sync.WaitGroup
	failed       bool
}

const (
	// longLog is when to move the log, in pages of 4 KiB: 8 MiB.
	longLog = 2048
	// tooLong is when SQLite moves it itself, if this one could not.
	tooLong = "8192"
	// firstDue is how many commits are expected to make the log long before it has been measured.
	firstDue = 512
)

func newCheckpointer(path string, log *slog.Logger) (*checkpointer, error) {
	db, err := sql.Open("sqlite", dsn(path, "mode=rw", "synchronous(FULL)", "cache_size(-64)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c := &checkpointer{db: db, log: log, wake: make(chan struct{}, 1)}
	c.due.Store(firstDue)
	return c, nil
}

// start waits for commits of d that make the log long.
func (c *checkpointer) start(d *sqlstore.DB) {
	c.runExclusive = d.RunExclusive
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.stopped.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.wake:
				c.report(ctx, c.moveLog(ctx))
			}
		}
	})
}

// noteCommit is called after every commit, and does not wait.
func (c *checkpointer) noteCommit(string, int64) {
	if c.commits.Add(1) < c.due.Load() {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *checkpointer) moveLog(ctx context.Context) error {
	const passive = `PRAGMA wal_checkpoint(PASSIVE)` // it waits for nobody
	var busy, pages, moved int64
	if err := c.db.QueryRowContext(ctx, passive).Scan(&busy, &pages, &moved); err != nil {
		return err
	}
	return c.runExclusive(ctx, func(conn sqlstore.Conn) error {
		err := conn.Query(ctx, passive, nil, func(row sqlstore.Row) error { return row.Scan(&busy, &pages, &moved) })
		if n := c.commits.Swap(0); err == nil && pages > 0 && n > 0 {
			c.due.Store(min(max(longLog*n/pages, 8), 8*firstDue))
		}
		return err
	})
}

// report logs once that the log cannot be moved, and once that it can again. No change is at risk: the log only grows.
func (c *checkpointer) report(ctx context.Context, err error) {
	switch {
	case err == nil && c.failed:
		c.log.Info("the log is being moved into the database again")
	case err != nil && !c.failed && ctx.Err() == nil:
		c.log.Warn("the log cannot be moved into the database, so it grows", "error", err)
	}
	c.failed = err != nil
}

func (c *checkpointer) close() error {
	if c.stop != nil {
		c.stop()
		c.stopped.Wait()
	}
	return c.db.Close()
}
