package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"time"

	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// checkStore refuses values of --store that name no store. The message does not repeat the value, which may hold a
// password.
func checkStore(name string) error {
	if name != "sqlite" && !postgres.IsURL(name) {
		return refuse("--store must be sqlite or the URL of a PostgreSQL database that begins with postgres://")
	}
	return nil
}

// inMemory is the --store of a server that keeps nothing.
const inMemory = "memory"

// checkServedStore is checkStore for a server, which may also keep its data in memory.
func checkServedStore(name string) error {
	if name == inMemory {
		return nil
	}
	if err := checkStore(name); err != nil {
		return refuse("%v, or memory for data that is gone when the server stops", err)
	}
	return nil
}

// aURL matches a URL, also after it was cleaned as a path, which leaves one slash. Drives of Windows have one letter.
var aURL = regexp.MustCompile(`(^|[/\\])[A-Za-z][A-Za-z0-9+.-]+:[/\\]`)

// notURL refuses a URL as the name of a file or folder, because a folder of that name would be created. The message
// does not repeat the URL, which may hold a password.
func notURL(flag, name string) error {
	if aURL.MatchString(name) {
		return refuse("%s must be a path, got a URL", flag)
	}
	return nil
}

// checkPlaceOfStore refuses what is neither a data folder nor the URL of a database.
func checkPlaceOfStore(flag, place string) error {
	if !postgres.IsURL(place) && aURL.MatchString(place) {
		return refuse("%s must be a data folder or the URL of a PostgreSQL database that begins with postgres://, got "+
			"another URL", flag)
	}
	return nil
}

// checkMode refuses a data folder that everybody may write to, because they could replace its content. It returns a
// warning if the mode is wider than 0700, which is what lanyard creates. The folder need not exist.
func checkMode(dir string) (warning string, err error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() || runtime.GOOS == "windows" {
		return "", nil // opening it reports what is wrong
	}
	mode := info.Mode().Perm()
	switch {
	case mode&0o002 != 0:
		return "", refuse("the data folder %s can be written to by every user of this machine (mode %04o), who could "+
			"replace the keys and the data; run chmod 700 on it, or name a folder below it, which lanyard makes", dir, mode)
	case mode&0o020 != 0:
		return fmt.Sprintf("the data folder %s can be written to by its group (mode %04o), who could replace the keys and "+
			"the data; chmod 700 prevents that", dir, mode), nil
	case mode&0o055 != 0:
		return fmt.Sprintf("the data folder %s can be read by other users of this machine (mode %04o); chmod 700 prevents that", dir, mode), nil
	}
	return "", nil
}

// storeName returns the name of a store without its password.
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

// openStore opens the store of a server, and locks the data folder. A store in memory needs none: dir may be "".
func openStore(ctx context.Context, name, dir string, log *slog.Logger) (store.Store, error) {
	if name == inMemory && dir == "" {
		return sqlite.OpenMemory(ctx)
	}
	warning, err := checkMode(dir)
	if err != nil {
		return nil, err
	}
	if warning != "" {
		log.Warn(warning)
	}
	if name != inMemory && !postgres.IsURL(name) {
		db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Logger: log, Scrub: 10 * time.Second})
		if err != nil {
			return nil, fmt.Errorf("open the data folder %s: %w", dir, err)
		}
		return db, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	// Each server leaves its address in its folder.
	release, err := sqlite.Acquire(dir)
	if err != nil {
		return nil, err
	}
	if name == inMemory {
		db, err := sqlite.OpenMemory(ctx)
		if err != nil {
			return nil, errors.Join(err, release())
		}
		return &lockedMemory{db, release}, nil
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

// lockedMemory unlocks the data folder when it is closed.
type lockedMemory struct {
	*sqlite.Memory
	release func() error
}

func (s *lockedMemory) Close() error { return errors.Join(s.Memory.Close(), s.release()) }

// lockedStore unlocks the data folder when it is closed.
type lockedStore struct {
	store.Shared
	release func() error
}

func (s *lockedStore) Close() error { return errors.Join(s.Shared.Close(), s.release()) }
