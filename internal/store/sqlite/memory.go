package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// A Memory is a store of which nothing is on a disk. Its whole content can be taken as an image, from which any number
// of others are opened. Close forgets everything.
//
// SQLite has one connection to such a database, which the readers and the writer of the store share (memoryConn).
type Memory struct {
	*sqlstore.DB
	shared *sharedConn
}

// OpenMemory opens a store in memory that is empty, for tests and for trying out.
func OpenMemory(ctx context.Context) (*Memory, error) {
	image, err := emptyImage()
	if err != nil {
		return nil, memoryError(err)
	}
	return OpenImage(ctx, MemoryConfig{Image: image})
}

// MemoryConfig says how to open a store in memory. Image is required.
type MemoryConfig struct {
	Image  []byte // what Memory.Image returned; it is not kept
	Cache  int64  // as Config has it
	Most   int64  // bytes that the store may have, default 1 GiB; changes beyond that are refused
	Logger *slog.Logger
}

const (
	memoryPage    = 1024 // bytes; there are many tables, of which most stay small
	defaultMemory = 1 << 30
)

// OpenImage opens a store in memory that has what another had.
func OpenImage(ctx context.Context, c MemoryConfig) (*Memory, error) {
	if len(c.Image) == 0 {
		return nil, memoryError(errors.New("the image is empty"))
	}
	shared, err := openShared(ctx, c.Image)
	if err != nil {
		return nil, memoryError(err)
	}
	most := strconv.FormatInt(cmp.Or(c.Most, defaultMemory)/memoryPage, 10)
	if err := shared.conn.Script(ctx, `PRAGMA max_page_count = `+most); err != nil {
		return nil, memoryError(errors.Join(err, shared.close()))
	}
	own := dialect
	own.IsUncertain = nil // there is no disk on which a change could be left
	own.Full = "the store in memory is full"
	connect := func(role memoryRole) func(context.Context) (sqlstore.Conn, error) {
		return func(context.Context) (sqlstore.Conn, error) { return &memoryConn{shared: shared, role: role}, nil }
	}
	db := sqlstore.New(sqlstore.Config{Write: connect(forWriting), Read: connect(forReading), Dialect: own, Cache: c.Cache,
		Logger: c.Logger, Release: shared.close})
	return &Memory{db, shared}, nil
}

func memoryError(err error) error {
	var e *lanyard.Error
	if errors.As(err, &e) {
		return err
	}
	return &lanyard.Error{Kind: lanyard.Unavailable, Message: "cannot open a store in memory", Err: err}
}

// Image returns the committed state of the whole store.
func (m *Memory) Image(ctx context.Context) (image []byte, err error) {
	err = m.RunExclusive(ctx, func(sqlstore.Conn) (err error) {
		m.shared.mu.Lock()
		defer m.shared.mu.Unlock()
		image, err = m.shared.serialize()
		return err
	})
	if err != nil {
		return nil, memoryError(err)
	}
	return image, nil
}

// emptyImage is that of a store with its tables and nothing in them.
var emptyImage = sync.OnceValues(func() ([]byte, error) {
	ctx := context.Background()
	s, err := openShared(ctx, nil)
	if err != nil {
		return nil, err
	}
	err = s.conn.Script(ctx, `PRAGMA page_size = `+strconv.Itoa(memoryPage))
	if err == nil {
		err = sqlstore.Migrate(ctx, s.conn, dialect, scripts())
	}
	image, failed := s.serialize()
	return image, errors.Join(err, failed, s.close())
})

// A sharedConn is the connection to a database in memory.
type sharedConn struct {
	db   *sql.DB
	raw  *sql.Conn
	mu   sync.Mutex // held during a statement, and by the writer during a transaction
	conn sqlstore.Conn
}

// openShared opens a database in memory, which has the content of an image unless that is nil.
func openShared(ctx context.Context, image []byte) (_ *sharedConn, err error) {
	// Nobody waits for locks, and what is in memory anyway needs no large cache.
	db, err := sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(0)&_pragma=cache_size(-256)")
	if err != nil {
		return nil, err
	}
	s := &sharedConn{db: db}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	db.SetMaxOpenConns(1)
	if s.raw, err = db.Conn(ctx); err != nil {
		return nil, err
	}
	s.conn = sqlstore.NewConn(s.raw)
	if image != nil {
		if err := s.deserialize(ctx, image); err != nil {
			return nil, fmt.Errorf("read an image: %w", err)
		}
	}
	return s, nil
}

// imaged is a connection of the driver.
type imaged interface {
	Serialize() ([]byte, error)
	Deserialize([]byte) error
}

func (s *sharedConn) deserialize(ctx context.Context, image []byte) error {
	err := s.raw.Raw(func(c any) error { return c.(imaged).Deserialize(image) })
	if err != nil {
		return err
	}
	return checkOurs(ctx, s.raw)
}

func (s *sharedConn) serialize() (image []byte, err error) {
	err = s.raw.Raw(func(c any) (err error) {
		image, err = c.(imaged).Serialize()
		return err
	})
	return image, err
}

func (s *sharedConn) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		err = s.conn.Close()
	} else if s.raw != nil {
		err = s.raw.Close()
	}
	return errors.Join(err, s.db.Close())
}

type memoryRole uint8

const (
	forReading memoryRole = iota
	forWriting
)

// A memoryConn is the connection to a database in memory as the writer or a reader has it. A transaction of the writer
// excludes the readers. A transaction of a reader, which lasts as long as it likes, is on a copy of the database, so
// that it excludes nobody.
//
// A statement in memory is short, and is not interrupted: an interrupted connection of SQLite's has lost its
// transaction. Contexts are looked at before each.
type memoryConn struct {
	shared *sharedConn
	role   memoryRole
	begun  bool        // by the writer, who has shared.mu
	copy   *sharedConn // in a reader's transaction
}

// use runs f on the connection.
func (c *memoryConn) use(ctx context.Context, f func(context.Context, sqlstore.Conn) error) error {
	if err := ctx.Err(); err != nil && !c.begun {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	switch {
	case c.copy != nil:
		return f(ctx, c.copy.conn)
	case !c.begun:
		c.shared.mu.Lock()
		defer c.shared.mu.Unlock()
	}
	return f(ctx, c.shared.conn)
}

// Exec runs a statement that answers no rows.
func (c *memoryConn) Exec(ctx context.Context, query string, args ...any) (res sql.Result, err error) {
	switch query {
	case dialect.Begin:
		return nil, c.begin(ctx)
	case commit, rollback:
		return nil, c.end(ctx, query)
	}
	err = c.use(ctx, func(ctx context.Context, conn sqlstore.Conn) (err error) {
		res, err = conn.Exec(ctx, query, args...)
		return err
	})
	return res, err
}

// Query calls scan for every row of a query.
func (c *memoryConn) Query(ctx context.Context, query string, args []any, scan func(sqlstore.Row) error) error {
	return c.use(ctx, func(ctx context.Context, conn sqlstore.Conn) error { return conn.Query(ctx, query, args, scan) })
}

// Script runs statements without arguments.
func (c *memoryConn) Script(ctx context.Context, script string) error {
	switch script {
	case dialect.Begin, dialect.Snapshot[0]:
		return c.begin(ctx)
	case commit, rollback:
		return c.end(ctx, script)
	}
	return c.use(ctx, func(ctx context.Context, conn sqlstore.Conn) error { return conn.Script(ctx, script) })
}

const (
	commit   = `COMMIT`
	rollback = `ROLLBACK`
)

func (c *memoryConn) begin(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	c.shared.mu.Lock()
	if c.role == forReading {
		defer c.shared.mu.Unlock()
		image, err := c.shared.serialize()
		if err == nil {
			c.copy, err = openShared(ctx, image)
		}
		return err
	}
	if _, err = c.shared.conn.Exec(ctx, dialect.Begin); err != nil {
		c.shared.mu.Unlock()
		return err
	}
	c.begun = true
	return nil
}

// end ends a transaction. One that cannot be committed is still there, to be rolled back.
func (c *memoryConn) end(ctx context.Context, query string) error {
	ctx = context.WithoutCancel(ctx)
	switch {
	case c.copy != nil:
		was := c.copy
		c.copy = nil
		return was.close()
	case !c.begun: // its beginning failed
		return nil
	}
	_, err := c.shared.conn.Exec(ctx, query)
	if err == nil || query == rollback {
		c.begun = false
		c.shared.mu.Unlock()
	}
	return err
}

// Ready reports whether the connection may be used.
func (c *memoryConn) Ready(context.Context) bool { return true }

// Broken reports whether the connection is lost, which one in memory never is.
func (c *memoryConn) Broken() bool { return false }

// Close ends what is in progress. The connection itself is closed with the store.
func (c *memoryConn) Close() error {
	if c.copy == nil && !c.begun {
		return nil
	}
	return c.end(context.Background(), rollback)
}
