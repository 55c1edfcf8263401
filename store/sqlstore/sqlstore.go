// Package sqlstore keeps the promises of package store with SQL. The SQL is written once; what
// differs between databases is a Dialect. How a database is opened, and what its tables are, is the
// job of the packages beside it (store/sqlite).
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

// Config is what a DB works with. Writer and Dialect are required.
type Config struct {
	Writer  *sql.DB // where Updates run
	Reader  *sql.DB // where everything else runs, default Writer
	Writers int     // connections of Writer, default 1; a Dialect that is not Shared allows no more
	Readers int     // connections of Reader, default 4
	Dialect Dialect
	Cache   int64        // bytes of resources kept in memory, default 16 MiB, negative for none
	Release func() error // called by Close, last
	Logger  *slog.Logger // default slog.Default()
}

const (
	defaultReaders = 4
	defaultCache   = 16 << 20
)

// A DB is a store.Store on a database.
type DB struct {
	dialect Dialect
	writers *pool
	readers *pool
	cache   *cache // nil when there is none
	log     *slog.Logger
	close   func() error
}

var _ store.Store = (*DB)(nil)

// New returns a store on databases whose tables are there already; see Migrate. It owns them.
func New(c Config) *DB {
	if c.Reader == nil {
		c.Reader = c.Writer
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
		dialect: c.Dialect,
		writers: newPool(c.Writer, c.Writers),
		readers: newPool(c.Reader, c.Readers),
		log:     c.Logger,
	}
	if c.Cache > 0 && !c.Dialect.Shared {
		d.cache = newCache(c.Cache)
	}
	d.close = sync.OnceValue(func() error {
		// The writer goes last: the last connection of SQLite moves the log into the database, and
		// a reader must not.
		err := errors.Join(d.readers.close(), d.writers.close(), c.Reader.Close(), c.Writer.Close())
		if c.Release != nil {
			err = errors.Join(err, c.Release())
		}
		return err
	})
	return d
}

// Close waits for the calls under way and closes the databases. Later calls are Unavailable.
func (d *DB) Close() error { return d.close() }

// Ping asks the database for something small.
func (d *DB) Ping(ctx context.Context) error {
	var version int
	err := d.do(ctx, func(s *session) error {
		return s.row(ctx, `SELECT MAX(version) FROM schema_version`, nil, &version)
	})
	return d.wrap(ctx, err, "the store does not answer")
}

// A source gives the connection that a read runs on: a reader's, or that of a transaction.
type source interface {
	do(ctx context.Context, f func(*session) error) error
}

// do runs f on a reader's connection.
func (d *DB) do(ctx context.Context, f func(*session) error) error {
	s, err := d.readers.take(ctx)
	if err != nil {
		return err
	}
	defer d.readers.give(s)
	return f(s)
}

// wrap turns what went wrong in a database into an Error, and leaves alone what is one already.
func (d *DB) wrap(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	var e *lanyard.Error
	if errors.As(err, &e) {
		return err
	}
	kind := lanyard.Internal
	if ctx.Err() != nil || errors.Is(err, errClosed) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		d.dialect.IsUnavailable(err) {
		kind = lanyard.Unavailable
	}
	return &lanyard.Error{Kind: kind, Message: doing, Err: err}
}
