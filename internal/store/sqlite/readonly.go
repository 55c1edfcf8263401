package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// OpenReadOnly opens the store in a folder for reading, alongside the server that uses it. Writes fail. The server must
// have this version of the schema.
func OpenReadOnly(ctx context.Context, dir string) (*sqlstore.DB, error) {
	db, err := openReadOnly(ctx, dir)
	var e *lanyard.Error
	if err != nil && !errors.As(err, &e) {
		err = &lanyard.Error{Kind: lanyard.Unavailable, Message: "cannot read the store in " + dir + " alongside its server",
			Err: err}
	}
	return db, err
}

func openReadOnly(ctx context.Context, dir string) (*sqlstore.DB, error) {
	path, err := filepath.Abs(filepath.Join(dir, database))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if legacy, err := hasLegacyPages(path); err != nil {
		return nil, err
	} else if legacy {
		return nil, lanyard.Errorf(lanyard.Unavailable,
			"the running server is older than this program, and has another format of checksums: use the same program, or "+
				"stop the server first")
	}
	const readers = 2
	db, err := sql.Open("sqlite", dsn(path, "mode=ro", "query_only(1)", "cache_size(-4096)"))
	if err != nil {
		return nil, err
	}
	connect := sqlstore.Connect(db, readers)
	if err := checkCurrent(ctx, connect); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	// The server goes on writing, so nothing may be cached.
	return sqlstore.New(sqlstore.Config{Write: connect, Readers: readers, Dialect: dialect, Cache: -1, Release: db.Close}),
		nil
}

// checkCurrent refuses a database of another version, and one whose import is not finished.
func checkCurrent(ctx context.Context, connect func(context.Context) (sqlstore.Conn, error)) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	want, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	have := 0
	if err := conn.Query(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_version`, nil,
		func(row sqlstore.Row) error { return row.Scan(&have) }); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have != len(want) {
		return lanyard.Errorf(lanyard.Unavailable,
			"the running server has version %d of the schema, this program version %d: use the same program, or stop the "+
				"server first", have, len(want))
	}
	return sqlstore.CheckComplete(ctx, conn)
}

// checkComplete refuses a database whose import is not finished, unless it is opened as the target of one.
func (c *Config) checkComplete(ctx context.Context, db *sql.DB) error {
	if c.Target {
		return nil
	}
	conn, err := sqlstore.Connect(db, 1)(ctx)
	if err != nil {
		return err
	}
	err = sqlstore.CheckComplete(ctx, conn)
	if closed := conn.Close(); err == nil {
		err = closed
	}
	return err
}
