package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// Keys lists the access keys.
func (d *DB) Keys(ctx context.Context) ([]lanyard.AccessKey, error) {
	keys, err := queryDocs[lanyard.AccessKey](ctx, d, `SELECT doc FROM access_keys ORDER BY position`)
	return keys, d.wrapError(ctx, err, "list the access keys")
}

// PutKey stores an access key.
func (d *DB) PutKey(ctx context.Context, k lanyard.AccessKey) error {
	doc, err := laxjson.Marshal(k)
	if err == nil {
		err = d.putCredential(ctx, `
			INSERT INTO access_keys (id, doc) VALUES ($1, $2)
			ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`, k.ID, doc)
	}
	return d.wrapError(ctx, err, "store access key "+k.ID)
}

// Tokens lists the bearer tokens.
func (d *DB) Tokens(ctx context.Context) ([]lanyard.Token, error) {
	tokens, err := queryDocs[lanyard.Token](ctx, d, `SELECT doc FROM tokens ORDER BY position`)
	return tokens, d.wrapError(ctx, err, "list the tokens")
}

// PutToken stores a bearer token.
func (d *DB) PutToken(ctx context.Context, t lanyard.Token) error {
	doc, err := laxjson.Marshal(t)
	if err == nil {
		err = d.putCredential(ctx, `
			INSERT INTO tokens (id, doc) VALUES ($1, $2)
			ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`, t.ID, doc)
	}
	return d.wrapError(ctx, err, "store token "+t.ID)
}

// queryDocs decodes the only column of a query's rows.
func queryDocs[T any](ctx context.Context, d *DB, query string) (list []T, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		list = nil
		return s.queryRows(ctx, query, nil, func(row Row) error {
			var doc sql.RawBytes
			var one T
			if err := row.Scan(&doc); err != nil {
				return err
			}
			err := laxjson.Unmarshal(doc, &one)
			list = append(list, one)
			return err
		})
	})
	return list, err
}

// Secret returns a secret of the server, made at first use.
func (d *DB) Secret(ctx context.Context, name string) ([]byte, error) {
	value, err := d.readSecret(ctx, name)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := make([]byte, 32)
		rand.Read(fresh)
		// Another caller may be first: then that secret stays.
		err = d.execStatement(ctx, `INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name,
			fresh)
		if err == nil {
			value, err = d.readSecret(ctx, name)
		}
	}
	if err != nil {
		return nil, d.wrapError(ctx, err, "read secret "+name)
	}
	return value, nil
}

func (d *DB) readSecret(ctx context.Context, name string) (value []byte, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT value FROM secrets WHERE name = $1`, []any{name}, &value)
	})
	return value, err
}

// execStatement runs a statement that is a transaction of its own.
func (d *DB) execStatement(ctx context.Context, query string, args ...any) error {
	return d.runTransaction(ctx, []Statement{{Query: query, Args: args}})
}

// putCredential is execStatement for one that stores a key or token. In a Shared database it raises
// CredentialsVersion.
func (d *DB) putCredential(ctx context.Context, query string, args ...any) error {
	if !d.dialect.Shared {
		return d.execStatement(ctx, query, args...)
	}
	err := d.runTransaction(ctx, []Statement{{Query: query, Args: args}, {Query: `
		INSERT INTO versions (name, n) VALUES ('credentials', 1)
		ON CONFLICT (name) DO UPDATE SET n = versions.n + 1`}})
	if err == nil {
		d.committed("", 0)
	}
	return err
}

// Credentials returns a number that grows whenever a key or token is stored, by any process. It is
// for a Shared database.
func (d *DB) CredentialsVersion(ctx context.Context) (n int64, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT n FROM versions WHERE name = 'credentials'`, nil, &n)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, d.wrapError(ctx, err, "read the version of the keys and tokens")
}
