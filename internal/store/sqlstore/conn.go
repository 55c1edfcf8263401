package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// A Row is the current row of a query. What is scanned into a sql.RawBytes is valid until the next.
type Row interface{ Scan(dest ...any) error }

// A Conn is one connection to a database, with the statements that it prepared. It is used by one
// goroutine at a time. Connect makes one of a database/sql driver.
type Conn interface {
	// Exec runs a statement that answers no rows.
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
	// Query calls scan for every row of a query.
	Query(ctx context.Context, query string, args []any, scan func(Row) error) error
	// Script runs statements without arguments, separated by semicolons.
	Script(ctx context.Context, script string) error
	// Ready reports whether an idle connection may be used.
	Ready(ctx context.Context) bool
	// Broken reports, after an error, that the connection is in an unknown state and must not be used again.
	Broken() bool
	// Close closes the connection itself, whatever is in progress on it.
	Close() error
}

// A Pipeline is a Conn that sends several statements at a time and then waits once: over a network, waiting is what
// costs.
type Pipeline interface {
	Conn
	// Send runs statements in order, up to the first that fails.
	Send(ctx context.Context, list []Statement) error
	// Commit is Send and then COMMIT. Its error is ErrUnknown when the transaction may have been
	// committed all the same.
	Commit(ctx context.Context, list []Statement) error
	// Transact runs statements as one transaction of their own, in a single round trip. Its error is
	// Commit's.
	Transact(ctx context.Context, list []Statement) error
	// Apply does what the sets say as one transaction, by one call of the database's Function: each set whose
	// Verdict is Written, all of it. Its error is Commit's, or ErrNoFunction.
	Apply(ctx context.Context, sets []WriteSet) ([]Verdict, error)
}

// ErrUnknown is the error of a transaction that may or may not have been committed.
var ErrUnknown = errors.New("the commit failed, and may have happened all the same")

// A Statement is a query, and what is done with its rows.
type Statement struct {
	Query string
	Args  []any
	One   bool            // it must change exactly one row
	Write write           // which of the writes of a layer it is, if it is one
	Scan  func(Row) error // called for each row, unless nil
}

// ErrNotOne is the error of a statement that did not change exactly one row.
var ErrNotOne = errors.New("the row is gone")
