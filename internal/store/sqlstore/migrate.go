package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
)

// Migrate brings the tables to the last version that migrations knows: files named NNNN_what.sql,
// numbered from 1 without gaps, each run in a transaction. A database of a later version is refused.
// Nobody else may migrate the database at the same time.
func Migrate(ctx context.Context, conn Conn, d Dialect, migrations fs.FS) error {
	files, err := fs.Glob(migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	if err := conn.Script(ctx, `
		CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)`); err != nil {
		return fmt.Errorf("create table schema_version: %w", err)
	}
	var have int
	if err := conn.Query(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_version`, nil,
		func(row Row) error { return row.Scan(&have) }); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have > len(files) {
		return lanyard.Errorf(lanyard.Unavailable,
			"the database has version %d of the schema, this program knows up to version %d: it was used by a newer program, "+
				"start that one", have, len(files))
	}
	for i, file := range files {
		number, _, _ := strings.Cut(file, "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return fmt.Errorf("migration %s is not number %d", file, i+1)
		}
		if i < have {
			continue
		}
		script, err := fs.ReadFile(migrations, file)
		if err != nil {
			return err
		}
		if err := migrate(ctx, conn, d, i+1, file, string(script)); err != nil {
			return fmt.Errorf("migration %s: %w", file, err)
		}
	}
	return nil
}

func migrate(ctx context.Context, conn Conn, d Dialect, version int, name, script string) error {
	err := conn.Script(ctx, d.Begin)
	if err != nil {
		return err
	}
	err = conn.Script(ctx, script)
	if err == nil {
		_, err = conn.Exec(ctx, `INSERT INTO schema_version (version, name, applied) VALUES ($1, $2, $3)`, version, name,
			time.Now().UnixMilli())
	}
	if err == nil {
		err = conn.Script(ctx, `COMMIT`)
	}
	if err != nil {
		return errors.Join(err, conn.Script(context.WithoutCancel(ctx), `ROLLBACK`))
	}
	return nil
}
