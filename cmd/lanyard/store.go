package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/lanyard/lanyard/store"
	"github.com/lanyard/lanyard/store/postgres"
	"github.com/lanyard/lanyard/store/sqlite"
)

// checkStore refuses what --store cannot mean. It does not repeat it, for it may hold a password.
func checkStore(name string) error {
	if name != "sqlite" && !postgres.IsURL(name) {
		return refuse("--store: sqlite, or the URL of a PostgreSQL database that begins with postgres://, is accepted")
	}
	return nil
}

// storeName says which store it is, without its password.
func storeName(name string) string {
	if !postgres.IsURL(name) {
		return name
	}
	u, err := url.Parse(name)
	if err != nil {
		return "postgres://…"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// openStore opens the store of a server, and takes the folder for it.
func openStore(ctx context.Context, name, dir string, log *slog.Logger) (store.Store, error) {
	if !postgres.IsURL(name) {
		db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Logger: log, Scrub: 10 * time.Second})
		if err != nil {
			return nil, fmt.Errorf("open the data folder %s: %w", dir, err)
		}
		return db, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	// Each server leaves its address in its folder.
	release, err := sqlite.Acquire(dir)
	if err != nil {
		return nil, err
	}
	db, err := openPostgres(ctx, name, log)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return &lockedStore{db, release}, nil
}

func openPostgres(ctx context.Context, name string, log *slog.Logger) (*postgres.Store, error) {
	db, err := postgres.Open(ctx, postgres.Config{URL: name, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", storeName(name), err)
	}
	return db, nil
}

// lockedStore gives the folder back when it is closed.
type lockedStore struct {
	store.Watcher
	release func() error
}

func (s *lockedStore) Close() error { return errors.Join(s.Watcher.Close(), s.release()) }
