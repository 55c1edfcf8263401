package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/lanyard/lanyard/internal/idleconn"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// conn is a connection of pgx as sqlstore uses it. Every call is bounded, whatever its context says: a server whose
// network is down does not answer at all.
type conn struct {
	c        *pgx.Conn
	patience time.Duration // how long to wait for a commit: longer than the server takes for a statement, at most answer
	used     time.Time     // when it was used last
	warning  string        // of the server, since it was cleared

	call *pgconn.StatementDescription // of the function, once it is prepared
}

var _ sqlstore.Pipeline = (*conn)(nil)

const (
	// answer bounds how long the client waits. It is more than statementTimeout, so that in general
	// the server gives up first, which leaves the connection usable.
	answer           = 20 * time.Second
	statementTimeout = 15 * time.Second
	lockTimeout      = 10 * time.Second
	// A server of ours that is gone, but whose connections are not, keeps an instance locked for that long, and all
	// others wait. One that was merely suspended for longer retries its change.
	idleTransactionTimeout = 3 * time.Second
	// silent bounds how long a query that takes no lock may return nothing.
	silent = 5 * time.Second
	// grace is how much longer than the server the client waits for a statement that ends in a commit: the server
	// reports that it did not happen, whereas a client that gives up first does not know.
	grace          = time.Second
	connectTimeout = 5 * time.Second
	// connectTimeoutOfSeveral is for each of the URL's hosts; two that are gone leave time for a third.
	connectTimeoutOfSeveral = 1500 * time.Millisecond
	idle                    = time.Second     // after which a connection is tried before it is used
	try                     = 3 * time.Second // for that
)

var errSilent = fmt.Errorf("the database was silent for %v: %w", silent, context.DeadlineExceeded)

// lostError is an error after which the connection is closed.
type lostError struct{ err error }

func (e *lostError) Error() string {
	return "the connection to the database was lost: " + e.err.Error()
}
func (e *lostError) Unwrap() error { return e.err }

var errText = errors.New("a zero character, or bytes that are not UTF-8")

// canStore reports whether the database can store the texts among args.
func canStore(args []any) bool {
	for _, a := range args {
		if s, ok := a.(string); ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			return false
		}
	}
	return true
}

func (c *conn) done(err error) error {
	c.used = time.Now()
	var lost *lostError
	if err != nil && c.c.IsClosed() && !errors.As(err, &lost) {
		return &lostError{err}
	}
	return err
}

func (c *conn) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if !canStore(args) {
		return nil, errText
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	tag, err := c.c.Exec(ctx, query, args...)
	if err = c.done(err); err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

func (c *conn) Query(ctx context.Context, query string, args []any, scan func(sqlstore.Row) error) error {
	if !canStore(args) {
		return nil // what cannot be stored is not there
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(silent, func() { cancel(errSilent) })
	defer patience.Stop()
	rows, err := c.c.Query(ctx, query, args...)
	if err == nil {
		err = each(rows, func(r sqlstore.Row) error {
			patience.Reset(silent) // many rows may come over a slow wire
			return scan(r)
		})
	}
	if err != nil && context.Cause(ctx) == errSilent {
		err = fmt.Errorf("%w: %w", errSilent, err)
	}
	return c.done(err)
}

func each(rows pgx.Rows, scan func(sqlstore.Row) error) error {
	defer rows.Close()
	r := row{rows}
	for rows.Next() {
		if err := scan(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// row scans a sql.RawBytes without a copy, as database/sql does.
type row struct{ rows pgx.Rows }

func (r row) Scan(dest ...any) error {
	for i, d := range dest {
		if raw, ok := d.(*sql.RawBytes); ok {
			dest[i] = (*pgtype.DriverBytes)(raw)
		}
	}
	return r.rows.Scan(dest...)
}

func (c *conn) Send(ctx context.Context, list []sqlstore.Statement) error {
	_, _, err := c.send(ctx, list)
	return err
}

// send runs the statements and returns the tag of the last. With an error it returns how many had no answer by then,
// including the one with the error.
func (c *conn) send(ctx context.Context, list []sqlstore.Statement) (tag pgconn.CommandTag, left int, err error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var batch pgx.Batch
	var sent []*sqlstore.Statement
	for i := range list {
		if st := &list[i]; canStore(st.Args) {
			batch.Queue(st.Query, st.Args...)
			sent = append(sent, st)
		} else if st.Scan == nil {
			return tag, len(list), errText
		}
	}
	results := c.c.SendBatch(ctx, &batch)
	for i, st := range sent {
		if st.Scan == nil {
			tag, err = results.Exec()
		} else {
			var rows pgx.Rows
			if rows, err = results.Query(); err == nil {
				err = each(rows, st.Scan)
			}
		}
		if err == nil && st.One && tag.RowsAffected() != 1 {
			err = fmt.Errorf("%w (%d were changed)", sqlstore.ErrNotOne, tag.RowsAffected())
		}
		if err != nil {
			left = len(sent) - i
			break
		}
	}
	if closed := results.Close(); err == nil {
		err = closed
	}
	return tag, left, c.done(err)
}

// Commit commits together with the last statements. The server does not end a commit's wait for a
// replica when a statement's time is over, so the client does.
func (c *conn) Commit(ctx context.Context, list []sqlstore.Statement) error {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	c.warning = ""
	tag, left, err := c.send(ctx, append(list, sqlstore.Statement{Query: `COMMIT`}))
	if err == nil && tag.String() != "COMMIT" {
		return fmt.Errorf("the database answered %s to COMMIT", tag)
	}
	return c.committed(err, left > 1)
}

// Transact leaves BEGIN and COMMIT out: what is sent up to one Sync, outside of a transaction, is one.
func (c *conn) Transact(ctx context.Context, list []sqlstore.Statement) error {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	c.warning = ""
	_, left, err := c.send(ctx, list)
	if err == nil && c.c.PgConn().TxStatus() != 'I' { // one of them has begun a transaction, which nobody ends
		return errors.Join(errors.New("the database has not committed what was sent in one"), c.Close())
	}
	return c.committed(err, left > 1 || left == 1 && !ambiguous(err))
}

// committed returns what err says of a commit, and nil only when the database confirmed it without a warning.
// early says that the error answered a statement before the commit: answers come in order, so nothing was
// committed. Likewise when nothing was sent. What the database reports in answer to the commit itself says
// that it did not happen only when rolledBack knows the report; otherwise the outcome is unknown.
func (c *conn) committed(err error, early bool) error {
	var failed *pgconn.PgError
	var unsent pgx.ErrPreprocessingBatch
	reported := errors.As(err, &failed)
	switch {
	case err == nil && c.warning != "":
		// Such as that the wait for a synchronous replica was given up: a failover may undo it.
		return fmt.Errorf("%w: %s", sqlstore.ErrUnknown, c.warning)
	case err == nil:
		return nil
	case reported && (early || rolledBack(failed) && c.warning == ""),
		errors.Is(err, errText), errors.As(err, &unsent), !reported && pgconn.SafeToRetry(err):
		return err
	case c.warning != "":
		return errors.Join(sqlstore.ErrUnknown, errors.New(c.warning), err)
	default:
		return errors.Join(sqlstore.ErrUnknown, err)
	}
}

// rolledBack reports whether an error in answer to COMMIT says that the transaction was rolled back.
// PostgreSQL itself answers an ERROR only in that case. A database that spreads a transaction over several
// nodes also reports that it lost one of them in mid-commit: Citus with XX000, others with a class of their
// own for connections (08), or with 40003 (statement completion unknown), and a pooler with 08P01. So only
// the classes that speak of what was asked, or of a conflict, are taken for a rollback.
func rolledBack(e *pgconn.PgError) bool {
	switch e.Code {
	case "40003":
		return false
	case "25P03": // the connection ends, because it was idle in the transaction
		return true
	case "57014": // canceled, as by statement_timeout, before the commit was written
		return e.SeverityUnlocalized == "ERROR"
	}
	if len(e.Code) != 5 || e.SeverityUnlocalized != "ERROR" {
		return false
	}
	switch e.Code[:2] {
	case "0A", "21", "22", "23", "25", "27", "2D", "40", "42", "44", "53", "54", "55", "P0":
		return true
	}
	return false
}

// ambiguous reports whether an error may come of a commit although it answers the statement before: what is
// sent up to one Sync may be committed along with its last statement.
func ambiguous(err error) bool {
	c := code(err)
	return c == "40003" || strings.HasPrefix(c, "XX") || strings.HasPrefix(c, "08")
}

func (c *conn) Script(ctx context.Context, script string) error {
	_, err := c.c.PgConn().Exec(ctx, script).ReadAll()
	return c.done(err)
}

// Ready tries a connection that nobody has used for a while: the server may have been restarted. What is
// sent in one must not find that out, for then nobody knows whether it happened.
func (c *conn) Ready(ctx context.Context) bool {
	if c.c.IsClosed() {
		return false
	}
	if time.Since(c.used) < idle {
		return idleconn.Still(c.c.PgConn().Conn())
	}
	ctx, cancel := context.WithTimeout(ctx, try)
	defer cancel()
	return c.done(c.c.Ping(ctx)) == nil
}

func (c *conn) Broken() bool { return c.c.IsClosed() }

func (c *conn) Close() error {
	if c.c.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	return c.c.Close(ctx)
}
