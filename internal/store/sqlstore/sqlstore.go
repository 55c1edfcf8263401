// Package sqlstore keeps the promises of package store with SQL. The SQL is written once; what
// differs between databases is a Dialect. How a database is opened, and what its tables are, is the
// job of the packages next to it (store/sqlite, store/postgres).
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// Config is what a DB works with. Write and Dialect are required.
type Config struct {
	Write func(context.Context) (Conn, error) // connects for Updates
	Read  func(context.Context) (Conn, error) // connects for everything else, default Write
	// connections of Write, default 1; a Dialect that is not Shared allows no more
	Writers int
	Readers int // connections of Read, default 4
	Dialect Dialect
	// Wait bounds how long a call waits for a connection, and an Update for those before it of its
	// instance. 0: until its context ends.
	Wait time.Duration
	// Explicit makes every transaction of a Shared database begin with BEGIN: statements that are sent together
	// without it are not one transaction there.
	Explicit bool
	// Function is how many instances must have something to commit for a call of the function that Pipeline.Apply
	// calls: FunctionWrites, each on the condition of its WriteSet. 0: the database has none.
	Function int
	Cache    int64 // bytes of resources kept in memory, default 16 MiB, negative for none
	// Committed, unless nil, is called after every change that others may want to know of, with the
	// instance and its revision, or with "" and 0 when it was of keys or tokens. It must not wait.
	Committed func(instance string, revision int64)
	Release   func() error // called by Close, last
	Logger    *slog.Logger // default slog.Default()
}

const (
	defaultReaders = 4
	defaultCache   = 16 << 20
)

// A DB is a store.Store on a database.
type DB struct {
	dialect       Dialect
	writers       *pool
	readers       *pool
	queue         queue // of a database that is not Shared
	queuesMu      sync.Mutex
	queues        map[string]*queue // of one that is, by instance
	heads         headCache         // of those too
	commits       committer         // of those too
	cache         *cache            // nil when there is none
	damage        atomic.Pointer[error]
	refusalLogged time.Time // when it was logged that changes are refused; zero when they are not
	committed     func(instance string, revision int64)
	log           *slog.Logger
	close         func() error
	closing       chan struct{}
	explicit      bool // see Config
}

var _ store.Store = (*DB)(nil)

// New returns a store on databases whose tables are there already; see Migrate. It owns them.
func New(c Config) *DB {
	if c.Read == nil {
		c.Read = c.Write
	}
	if c.Committed == nil {
		c.Committed = func(string, int64) {}
	}
	if c.Writers == 0 || !c.Dialect.Shared {
		c.Writers = 1
	}
	if c.Readers == 0 {
		c.Readers = defaultReaders
	}
	if c.Cache == 0 {
		c.Cache = defaultCache
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	d := &DB{
		dialect:   c.Dialect,
		writers:   newPool(c.Write, c.Writers, c.Wait),
		readers:   newPool(c.Read, c.Readers, c.Wait),
		queues:    map[string]*queue{},
		heads:     headCache{instances: map[string]*headEntry{}, off: c.Explicit},
		closing:   make(chan struct{}),
		committed: c.Committed,
		log:       c.Logger,
		explicit:  c.Explicit,
	}
	d.commits = committer{d: d, off: c.Function == 0, least: c.Function}
	if c.Cache > 0 && !c.Dialect.Shared {
		d.cache = newCache(c.Cache)
	}
	d.close = sync.OnceValue(func() error {
		d.queue.turn.close()
		close(d.closing)
		err := errors.Join(d.readers.close(), d.writers.close())
		if c.Release != nil {
			err = errors.Join(err, c.Release())
		}
		return err
	})
	return d
}

// Close waits for the calls under way and closes the databases. Later calls are Unavailable.
func (d *DB) Close() error { return d.close() }

// Ping asks the database for something small. It fails for good once damage was found.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.checkDamage(); err != nil {
		return err
	}
	var version int
	err := d.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT MAX(version) FROM schema_version`, nil, &version)
	})
	return d.wrapError(ctx, err, "the store does not answer")
}

// A source gives the connection that a read runs on: a reader's, or that of a transaction.
type source interface {
	withConn(ctx context.Context, f func(context.Context, *connection) error) error
}

// withConn runs f on a reader's connection. When the connection turns out to be lost, f runs again on another, which
// may have been lost with it: f only reads, and starts over.
func (d *DB) withConn(ctx context.Context, f func(context.Context, *connection) error) error {
	for n := 1; ; n++ {
		lost, err := d.tryWithConn(ctx, f)
		if !lost || n == attempts {
			return err
		}
	}
}

func (d *DB) tryWithConn(ctx context.Context, f func(context.Context, *connection) error) (lost bool, err error) {
	s, err := d.readers.take(ctx)
	if err != nil {
		return false, err
	}
	defer d.readers.give(s)
	err = f(ctx, s)
	return err != nil && s.wasLost(ctx, err), err
}

// wrapError turns an error of a database into a lanyard.Error, and returns others as they are.
func (d *DB) wrapError(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	var e *lanyard.Error
	if errors.As(err, &e) {
		return err
	}
	kind := lanyard.Internal
	switch {
	case d.dialect.IsDamaged != nil && d.dialect.IsDamaged(err):
		d.recordDamage(ctx, err)
	case errors.Is(err, ErrUnknown):
		return unknownOutcome(doing, err)
	case d.dialect.IsInvalid != nil && d.dialect.IsInvalid(err):
		return &lanyard.Error{Kind: lanyard.Invalid, Message: "the request contains text that cannot be stored: " + err.Error(),
			Err: err}
	case ctx.Err() != nil, errors.Is(err, errClosed), errors.Is(err, errBusy), errors.Is(err, errTurn),
		errors.Is(err, sql.ErrConnDone),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), d.dialect.IsUnavailable(err):
		kind = lanyard.Unavailable
	}
	return &lanyard.Error{Kind: kind, Message: doing, Err: err}
}

// recordDamage remembers that the database is damaged. What is still whole can be read, but changes might be based on
// what is lost.
func (d *DB) recordDamage(ctx context.Context, err error) {
	if d.damage.CompareAndSwap(nil, &err) {
		d.log.ErrorContext(ctx,
			"the database is damaged: changes are refused from now on; stop the server, keep a copy of the data folder, "+
				"restore the last backup, and check the disk", "error", err)
	}
}

// checkDamage refuses once damage was found.
func (d *DB) checkDamage() error {
	if err := d.damage.Load(); err != nil {
		return &lanyard.Error{Kind: lanyard.Internal,
			Message: "the database is damaged, so changes are refused until it is restored", Err: *err}
	}
	return nil
}

// QueryRow reads one row of a query, for the package that opened the database and maintains it.
func (d *DB) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	err := d.withConn(ctx, func(ctx context.Context, s *connection) error { return s.queryRow(ctx, query, args, dest...) })
	return d.wrapError(ctx, err, "query the database")
}

// WaitOpen waits, and reports whether to go on: not when the store is closed or damaged.
func (d *DB) WaitOpen(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-d.closing:
	}
	select {
	case <-d.closing:
		return false
	default:
		return d.damage.Load() == nil
	}
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
