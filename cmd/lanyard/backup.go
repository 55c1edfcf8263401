package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/backup"
	"github.com/lanyard/lanyard/internal/store/postgres"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

type backupCmd struct {
	dataFlag `embed:""`
	File     string `arg:"" help:"File to write, which must not exist; - is standard output."`
}

func (backupCmd) Help() string {
	return `The backup is one consistent state of everything, whatever is written in the meantime: instances, users,
profiles, records, access keys with their secrets, tokens. Protect it as you protect the data folder.
The format is the same for SQLite and PostgreSQL, and can be restored to either. The chain of records is
verified too; exit status 3 says that the backup was written, but its chain is broken.

Examples:
  lanyard backup lanyard.backup
  lanyard backup --data /var/lib/lanyard - | ssh elsewhere 'cat >lanyard.backup'
  lanyard backup --store postgres://lanyard:secret@db.example/lanyard lanyard.backup`
}

func (c *backupCmd) Run(s streams) (err error) {
	db, err := c.openToRead(s.ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	total, err := db.Size(s.ctx)
	if err != nil {
		return err
	}
	out, finish, err := createFile(c.File, s.out)
	if err != nil {
		return err
	}
	p := newProver()
	err = finish(writeBackup(s, db, out, total, p))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.errs, "Written: %s.\n", rowCounts(p.counts))
	return p.report(s)
}

// writeBackup writes a backup of a store, and has p verify what is in it.
func writeBackup(s streams, db store.Exporter, out io.Writer, total int64, p *prover) error {
	buffered := bufio.NewWriterSize(out, 1<<20)
	w, err := backup.NewWriter(buffered, backup.Header{Made: time.Now().UTC(), Program: version()})
	if err != nil {
		return err
	}
	bar := s.tally("rows backed up", total)
	defer bar.end()
	if err := db.Export(s.ctx, store.Scope{}, func(r store.Row) error {
		p.addStoreRow(r)
		bar.add(1)
		return w.Row(r)
	}); err != nil {
		w.Abort()
		return err
	}
	p.endStore()
	return errors.Join(w.Close(), buffered.Flush())
}

// rowCounts returns the number of rows of each table, as text.
func rowCounts(c backup.Counts) string {
	var parts []string
	for _, t := range store.Tables {
		parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(t.Name, "_", " "), c[t.Name]))
	}
	return strings.Join(parts, ", ")
}

// copyFlags are common to the commands that import into a store.
type copyFlags struct {
	AcceptBroken bool `help:"Continue although the chain of records is broken, or what is stored differs from what the records say."`
}

type restoreCmd struct {
	copyFlags `embed:""`
	File      string `arg:"" help:"Backup to read; - is standard input."`
	Data      string `help:"Data folder to create; it must be empty or not exist; default ${default}." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Store     string `help:"PostgreSQL database to restore to instead; it must be empty." default:"sqlite" placeholder:"sqlite|postgres://…"`
}

func (restoreCmd) Help() string {
	return `Nothing is overwritten: the folder or the database must be empty. Everything imported is read again and
compared row by row, and its chain verified, before a server may use it. No server starts on what an
interrupted or refused restore leaves; run it again, and it starts over.

Examples:
  lanyard restore lanyard.backup --data /var/lib/lanyard
  lanyard restore lanyard.backup --store postgres://lanyard:secret@db.example/lanyard`
}

func (c *restoreCmd) Run(s streams) error {
	if err := errors.Join(checkStore(c.Store), notURL("--data", c.Data), notURL("FILE", c.File)); err != nil {
		return err
	}
	in, total := io.Reader(os.Stdin), int64(0)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			total = info.Size()
		}
		in = f
	}
	read := &counted{r: in}
	r, err := backup.NewReader(bufio.NewReaderSize(read, 1<<20))
	if err != nil {
		return err
	}
	defer r.Close()
	place := c.Data
	if postgres.IsURL(c.Store) {
		place = c.Store
	}
	bar := s.tally("bytes of the backup restored", total)
	next := func() (store.Row, error) {
		row, err := r.Next()
		bar.add(read.n - bar.done)
		return row, err
	}
	p, err := filling{place: place, next: next, bar: bar, acceptBroken: c.AcceptBroken}.fillStore(s)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.errs, "Restored from the backup of %s: %s.\n", r.Header.Made.Format(time.RFC3339), rowCounts(p.counts))
	return nil
}

// counted counts the bytes that are read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

type storeCmd struct {
	Migrate migrateCmd `cmd:"" help:"Export everything from one store and import it into an empty one."`
}

func (storeCmd) Help() string {
	return `Examples:
  lanyard store migrate --from ./lanyard-data --to postgres://lanyard:secret@db.example/lanyard`
}

type migrateCmd struct {
	copyFlags `embed:""`
	From      string `help:"Data folder of a server that keeps its data there, or the URL of a PostgreSQL database. Its servers must be stopped." required:"" placeholder:"DIR|postgres://…"`
	To        string `help:"Data folder to create, or the URL of a PostgreSQL database; it must be empty." required:"" placeholder:"DIR|postgres://…"`
}

func (migrateCmd) Help() string {
	return `Everything moves: instances and all that is in them, records, access keys, tokens, secrets. It is read
again and compared row by row, and the chain of records verified, before a server may use it. The source
is not changed. No server starts on what an interrupted migration leaves; run it again, and it starts over.

Examples:
  lanyard store migrate --from ./lanyard-data --to postgres://lanyard:secret@db.example/lanyard
  LANYARD_FROM=postgres://lanyard:secret@db.example/lanyard lanyard store migrate --to ./lanyard-data`
}

func (c *migrateCmd) Run(s streams) error {
	if err := errors.Join(checkPlaceOfStore("--from", c.From), checkPlaceOfStore("--to", c.To)); err != nil {
		return err
	}
	from, err := openSource(s.ctx, c.From)
	if err != nil {
		return err
	}
	defer from.Close()
	total, err := from.Size(s.ctx)
	if err != nil {
		return err
	}
	bar := s.tally("rows copied", total)
	// The export pushes rows; the import pulls them.
	ctx, stop := context.WithCancel(s.ctx)
	rows, ended := make(chan store.Row, 64), make(chan error, 1)
	go func() {
		defer close(rows)
		ended <- from.Export(ctx, store.Scope{}, func(r store.Row) error {
			select {
			case rows <- r:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	next := func() (store.Row, error) {
		r, ok := <-rows
		if !ok {
			if err := <-ended; err != nil {
				return r, err
			}
			return r, io.EOF
		}
		bar.add(1)
		return r, nil
	}
	p, err := filling{place: c.To, next: next, bar: bar, acceptBroken: c.AcceptBroken,
		object: func(p *prover) error { return checkUnchanged(s.ctx, from, p) }}.fillStore(s)
	stop()
	for range rows { // until the export has finished
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.errs, "Migrated: %s.\n", rowCounts(p.counts))
	return nil
}

func openSource(ctx context.Context, place string) (store.Portable, error) {
	log := slog.New(slog.DiscardHandler)
	if postgres.IsURL(place) {
		return openPostgres(ctx, place, log)
	}
	if _, err := os.Stat(filepath.Join(place, "lanyard.db")); err != nil {
		return nil, refuse("--from: %s has no database", place)
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: place, Logger: log})
	if errors.Is(err, sqlite.ErrInUse) {
		return nil, refuse("--from: a server uses %s; stop it first, for what it still writes would be left behind", place)
	}
	if err != nil {
		return nil, fmt.Errorf("open the data folder %s: %w", place, err)
	}
	return db, nil
}

// checkUnchanged refuses a source that was written to while it was exported.
func checkUnchanged(ctx context.Context, from store.Portable, p *prover) error {
	ids, err := instancesWithRows(ctx, from)
	if err != nil {
		return err
	}
	same := len(ids) == len(p.proofs)
	for _, n := range p.proofs {
		revision, err := from.Reader(n.Instance).Revision(ctx)
		if err != nil {
			return err
		}
		same = same && revision == n.Revision
	}
	if !same {
		return errors.New("the store was written to while it was copied: stop all of its servers and run this again")
	}
	return nil
}

// openTarget opens the store to import into.
func openTarget(ctx context.Context, place string) (store.Portable, error) {
	log := slog.New(slog.DiscardHandler)
	if postgres.IsURL(place) {
		db, err := postgres.Open(ctx, postgres.Config{URL: place, Logger: log, Target: true})
		if err != nil {
			return nil, fmt.Errorf("open the store %s: %w", storeName(place), err)
		}
		return db, nil
	}
	entries, err := os.ReadDir(place)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "lanyard.") {
			return nil, refuse("the folder %s is not empty: it has %s; name one that is, or that does not exist", place,
				e.Name())
		}
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: place, Logger: log, Target: true})
	if err != nil {
		return nil, fmt.Errorf("open the data folder %s: %w", place, err)
	}
	return db, nil
}

// A filling is an import into an empty store.
type filling struct {
	place        string // data folder or URL
	next         func() (store.Row, error)
	bar          *tally
	acceptBroken bool
	object       func(*prover) error // if not nil, may refuse what was read back
}

// fillStore imports the rows, reads them back, compares them and verifies the chain. Only then can a server use the
// store.
func (f filling) fillStore(s streams) (p *prover, err error) {
	if !postgres.IsURL(f.place) {
		warning, err := checkMode(f.place)
		if err != nil {
			return nil, err
		}
		if warning != "" {
			printf(s.errs, "warning: %s\n", warning)
		}
	}
	db, err := openTarget(s.ctx, f.place)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	given, err := f.importRows(s, db)
	if err != nil {
		return nil, err
	}
	if p, err = f.readBack(s, db, given); err != nil {
		return nil, err
	}
	if f.object != nil {
		if err := f.object(p); err != nil {
			return nil, err
		}
	}
	err = db.FinishImport(s.ctx)
	if err == nil && !postgres.IsURL(f.place) {
		err = leaveCredentials(s.ctx, db, f.place)
	}
	return p, err
}

// importRows writes the rows, and returns their counts and checksum. The chain is verified when they are read back.
func (f filling) importRows(s streams, db store.Portable) (*prover, error) {
	given := newProver()
	err := db.Import(s.ctx, func() (store.Row, error) {
		row, err := f.next()
		if err == nil {
			given.countRow(row)
		}
		return row, err
	})
	f.bar.end()
	if errors.Is(err, lanyard.ErrCondition) {
		return nil, refuse("%s: %s; nothing was changed", storeName(f.place), err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s is incomplete now, and no server starts on it; run this again to start over", err,
			storeName(f.place))
	}
	return given, nil
}

// readBack reads all rows of the store, compares them with those that were imported, and verifies the chain.
func (f filling) readBack(s streams, db store.Portable, given *prover) (*prover, error) {
	p, total := newProver(), int64(0)
	p.state = true
	for _, n := range given.counts {
		total += n
	}
	bar := s.tally("rows verified", total)
	err := db.Export(s.ctx, store.Scope{}, func(r store.Row) error {
		p.addStoreRow(r)
		bar.add(1)
		return nil
	})
	if err == nil {
		p.endStore()
	}
	bar.end()
	switch {
	case err != nil:
		return nil, err
	case !bytes.Equal(given.sum.Sum(nil), p.sum.Sum(nil)):
		return nil, fmt.Errorf("the imported rows differ from those read back (imported: %s; read back: %s), so no server "+
			"starts on %s", rowCounts(given.counts), rowCounts(p.counts), storeName(f.place))
	}
	if err := p.report(s); err != nil && !f.acceptBroken {
		return nil, fmt.Errorf("the imported chain of records is broken, so no server starts on %s; "+
			"--accept-broken continues anyway", storeName(f.place))
	}
	return p, nil
}

// leaveCredentials writes the root key into the folder, as the first start of a server does.
func leaveCredentials(ctx context.Context, db store.Credentials, dir string) error {
	keys, err := db.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Root && !k.Disabled {
			return writeKey(dir, k)
		}
	}
	return nil // no server ever used the store
}
