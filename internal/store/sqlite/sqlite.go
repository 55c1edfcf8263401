// Package sqlite opens a store in a folder of the local disk, with SQLite, for one process. What
// the store does is the job of store/sqlstore.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/durable"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

// Config says where and how to open. The zero values of all but Dir are the defaults.
type Config struct {
	Dir     string // made when it is not there
	Cache   int64  // bytes of resources kept in memory, default 16 MiB, negative for none
	Readers int    // connections for reading, default 4
	Target  bool   // of an import (store.Importer); otherwise a store whose import is not finished is refused
	Logger  *slog.Logger
	// Scrub, unless 0, is how long after Open every page is read in the background, at most some 60 MB a
	// second, to find damage where nobody reads. It is repeated every day.
	Scrub time.Duration

	unsynced bool // do not wait for the disk

	wrap func(sqlstore.Conn) sqlstore.Conn // wraps the connection that writes; for tests
}

const (
	database = "lanyard.db"
	lock     = "lanyard.lock"
)

var dialect = sqlstore.Dialect{
	Begin:         `BEGIN IMMEDIATE`,
	Known:         `events`,
	Snapshot:      []string{`BEGIN`},
	Clear:         `DELETE FROM `,
	IsUnique:      isUnique,
	IsUnavailable: isUnavailable,
	IsUncertain:   isUncertain,
	IsDamaged:     isDamaged,
}

func isUnique(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && (e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func isUnavailable(err error) bool {
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN,
		lib.SQLITE_READONLY, lib.SQLITE_INTERRUPT, lib.SQLITE_NOMEM:
		return true
	}
	return false
}

// isUncertain reports whether all of a commit that failed with err may be in the log's file. When the disk is full or
// read-only, the end of the transaction is not.
func isUncertain(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && (e.Code()&0xff == lib.SQLITE_IOERR || e.Code()&0xff == lib.SQLITE_NOMEM)
}

func isDamaged(err error) bool {
	if errors.Is(err, errStructure) {
		return true
	}
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code()
	return code&0xff == lib.SQLITE_CORRUPT || code&0xff == lib.SQLITE_NOTADB || code == lib.SQLITE_IOERR_DATA
}

// Open opens the store in a folder, which no other process can open until Close.
func Open(ctx context.Context, c Config) (*sqlstore.DB, error) {
	db, err := open(ctx, c)
	var e *lanyard.Error
	if err != nil && !errors.As(err, &e) {
		if ctx.Err() != nil { // SQLite says that it was interrupted, not why
			err = errors.Join(context.Cause(ctx), err)
		}
		err = &lanyard.Error{Kind: lanyard.Unavailable, Message: "cannot open the store in " + c.Dir, Err: err}
	}
	return db, err
}

func open(ctx context.Context, c Config) (_ *sqlstore.DB, err error) {
	if c.Dir == "" {
		return nil, errors.New("no folder is given")
	}
	if vfsFailed != lib.SQLITE_OK {
		return nil, fmt.Errorf("SQLite refuses the checksums of pages: its error %d", vfsFailed)
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	o := &opening{Config: c}
	defer func() {
		if err == nil {
			return
		}
		if closed := o.close(); closed != nil {
			err = errors.Join(err, closed)
		}
	}()
	if err := o.openFolder(); err != nil {
		return nil, err
	}
	if err := o.openDatabase(ctx); err != nil {
		return nil, err
	}
	mover, err := newCheckpointer(o.path, c.Logger)
	if err != nil {
		return nil, err
	}
	scrubbed := make(chan struct{})
	db := sqlstore.New(sqlstore.Config{
		Write: o.connectWriter, Read: sqlstore.Connect(o.reader, c.Readers), Readers: c.Readers,
		Dialect: dialect, Cache: c.Cache, Logger: c.Logger, Committed: mover.noteCommit,
		Release: func() error {
			<-scrubbed
			return errors.Join(mover.close(), o.close())
		},
	})
	mover.start(db)
	go func() {
		defer close(scrubbed)
		if c.Scrub > 0 {
			scrub(db, c.Scrub, c.Logger)
		}
	}()
	return db, nil
}

// An opening is what an open store holds: what was opened so far, and how to close it, the last first.
type opening struct {
	Config
	path           string
	writer, reader *sql.DB
	closers        []func() error
}

func (o *opening) onClose(f func() error) { o.closers = append(o.closers, f) }

func (o *opening) close() (err error) {
	for _, f := range slices.Backward(o.closers) {
		err = errors.Join(err, f())
	}
	return err
}

// openFolder makes the folder and takes it for this process.
func (o *opening) openFolder() error {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	if err := makeFolder(dir); err != nil {
		return err
	}
	release, err := Acquire(dir)
	if err != nil {
		return err
	}
	o.onClose(release)
	o.path = filepath.Join(dir, database)
	return nil
}

// openDatabase opens the database. The writer is closed after the readers: the last connection of SQLite moves the
// log into the database, and a reader must not.
func (o *opening) openDatabase(ctx context.Context) (err error) {
	if o.writer, err = openWriter(ctx, o.path, o.Config); err != nil {
		return err
	}
	o.onClose(o.writer.Close)
	if err := o.checkComplete(ctx, o.writer); err != nil {
		return err
	}
	if o.reader, err = sql.Open("sqlite", dsn(o.path, "mode=ro", "query_only(1)", "cache_size(-1024)")); err != nil {
		return err
	}
	o.onClose(o.reader.Close)
	anchor, err := openAnchor(ctx, o.reader)
	if err != nil {
		return err
	}
	o.onClose(anchor.Close)
	return nil
}

func (o *opening) connectWriter(ctx context.Context) (sqlstore.Conn, error) {
	conn, err := sqlstore.Connect(o.writer, 1)(ctx)
	if err != nil || o.wrap == nil {
		return conn, err
	}
	return o.wrap(conn), nil
}

// openAnchor opens a connection that stays open. While there is one, SQLite keeps in memory how far the log is valid.
// If the last one were closed after a commit that failed, the next would read it from the log's file, which may contain
// a change that was reported as failed.
func openAnchor(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var n int
	if err := conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM schema_version`).Scan(&n); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// ErrInUse is the error of opening a folder that another process has open; see OpenReadOnly.
var ErrInUse = errors.New("it is locked")

// Acquire locks the folder for this process. The kernel releases it when the process dies.
func Acquire(dir string) (release func() error, err error) {
	l := flock.New(filepath.Join(dir, lock), flock.SetPermissions(0o600))
	ok, err := tryLock(l)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	if !ok {
		return nil, &lanyard.Error{Kind: lanyard.Unavailable, Err: ErrInUse,
			Message: "another server is using the folder " + dir + "; stop it, or use another folder"}
	}
	return l.Close, nil
}

// lockWait is longer than a command holds the lock of a server to look whether it is free.
const lockWait = 100 * time.Millisecond

// tryLock takes a lock, unless another process holds it for longer than a command does.
func tryLock(l *flock.Flock) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	ok, err := l.TryLockContext(ctx, lockWait/5)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return ok, err
}

// synchronous is always FULL: each commit waits for the disk. A test has the linker change it, to see that the test of
// power loss would notice.
var synchronous = "FULL"

// openWriter opens the connection that writes. After that the file exists, and its tables are those of this program.
func openWriter(ctx context.Context, path string, c Config) (*sql.DB, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	if err := inspect(path); err != nil {
		return nil, err
	}
	if err := convert(path, c.Logger); err != nil {
		return nil, fmt.Errorf("convert the checksums of the database's pages: %w", err)
	}
	wait := synchronous
	if c.unsynced {
		wait = "OFF"
	}
	// The log's file is not truncated up to 32 MiB: one that grows is slow to sync.
	db, err := sql.Open("sqlite", dsn(path, "mode=rw", "journal_mode(WAL)", "synchronous("+wait+")",
		"cache_size(-4096)", "wal_autocheckpoint("+tooLong+")", "journal_size_limit(33554432)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	err = checkOurs(ctx, db)
	if err == nil {
		err = migrate(ctx, db, scripts())
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// scripts are the migrations.
func scripts() fs.FS {
	list, _ := fs.Sub(migrations, "migrations") // fails on an invalid name only
	return list
}

func migrate(ctx context.Context, db *sql.DB, scripts fs.FS) error {
	conn, err := sqlstore.Connect(db, 1)(ctx)
	if err != nil {
		return err
	}
	return errors.Join(sqlstore.Migrate(ctx, conn, dialect, scripts), conn.Close())
}

// create makes the database unless it exists, whole or not at all. Only its owner can read it, and the files that
// SQLite puts next to it, which get the same mode.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = os.Chmod(path, 0o600)
		}
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is a link that leads nowhere; is the disk mounted that it points to?", path)
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return fmt.Errorf("%s does not exist, but its log %s-wal does: %s", path, path, restore)
	}
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(emptyDatabase())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		os.Remove(fresh)
		return err
	}
	return durable.SyncFolder(filepath.Dir(path))
}

// checkOurs refuses a database that SQLite cannot read, or that is not ours.
func checkOurs(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) error {
	var tables, ours int
	err := db.QueryRowContext(ctx,
		`SELECT COUNT(*), COUNT(CASE WHEN name = 'schema_version' THEN 1 END) FROM sqlite_schema WHERE type = 'table'`).Scan(&tables, &ours)
	switch {
	case err == nil:
	case ctx.Err() != nil || isUnavailable(err) && !isDamaged(err):
		return fmt.Errorf("read the database's schema: %w", err)
	default:
		return fmt.Errorf("the database is damaged: %w; %s", err, restore)
	}
	if tables > 0 && ours == 0 {
		return errors.New("the database is not one of lanyard's")
	}
	return nil
}

// dsn names a database for the driver. What has parentheses is a pragma, the rest an option.
func dsn(path string, mode string, pragmas ...string) string {
	query := mode + "&_txlock=immediate&_pragma=busy_timeout(" + strconv.Itoa(busyMilliseconds) +
		")&_pragma=foreign_keys(0)"
	for _, p := range pragmas {
		query += "&_pragma=" + p
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: query}
	return u.String()
}

// busyMilliseconds is how long to wait for another program that reads the database, such as a backup.
const busyMilliseconds = 5000
