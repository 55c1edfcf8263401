package postgres

import (
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/store/storetest"
)

// Between PostgreSQL and SQLite, both ways, and within PostgreSQL; store/sqlite has it alone.
func TestCopy(t *testing.T) {
	server := pgtest.Start(t)
	here := func(t *testing.T, dir string, target bool) (store.Portable, error) {
		return Open(t.Context(), Config{URL: server.URL(server.Schema(t, dir)), Target: target})
	}
	there := func(t *testing.T, dir string, target bool) (store.Portable, error) {
		return sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Target: target})
	}
	t.Run("to PostgreSQL", func(t *testing.T) { storetest.RunCopy(t, there, here) })
	t.Run("to SQLite", func(t *testing.T) { storetest.RunCopy(t, here, there) })
	t.Run("within", func(t *testing.T) { storetest.RunCopy(t, here, here) })
}

func TestTablesAreCopied(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	opened(t, Config{URL: server.URL(schema)})
	c, err := pgx.Connect(t.Context(), server.URL(schema))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	var names []string
	if err := c.QueryRow(t.Context(),
		`SELECT array_agg(table_name::text ORDER BY table_name::text COLLATE "C") FROM information_schema.tables WHERE table_schema = $1`,
		schema).Scan(&names); err != nil {
		t.Fatal(err)
	}
	// who is signed in signs in again
	want := []string{"filling", "instance_locks", "known_instances", "schema_version", "sessions", "versions"}
	for _, table := range store.Tables {
		want = append(want, table.Name)
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the tables are %q; store.Tables and those that are not copied are %q", names, want)
	}
}

// Two cannot import into a database at a time; servers wait for neither.
func TestImportByOne(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL(server.Schema(t, t.TempDir()))
	first, err := Open(t.Context(), Config{URL: url, Target: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{URL: url, Target: true}); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("opened a second time for an import: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), Config{URL: url, Target: true})
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}
