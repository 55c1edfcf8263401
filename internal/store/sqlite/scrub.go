package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// scrub checks every page, after first and then once a day, until the store is closed or found to be damaged, which
// the store logs itself.
func scrub(db *sqlstore.DB, first time.Duration, log *slog.Logger) {
	for wait := first; db.WaitOpen(wait); wait = 24 * time.Hour {
		began := time.Now()
		pages, err := scrubPages(db)
		if err == nil && db.WaitOpen(0) {
			err = scrubStructure(db)
		}
		if !db.WaitOpen(0) {
			return
		}
		if err != nil {
			log.Warn("not every page of the database can be checked", "error", err)
			continue
		}
		log.Info("every page of the database is as it was written", "pages", pages, "took",
			time.Since(began).Round(time.Millisecond).String())
	}
}

// scrubPages reads every page, which checks its checksum, slowly. It goes on after one that cannot be read.
func scrubPages(db *sqlstore.DB) (pages int, failed error) {
	const some = 64 // pages between two rests of a millisecond each
	pages = 1
	for page := 1; page <= pages; page++ {
		if page%some == 1 {
			if !db.WaitOpen(time.Millisecond) {
				return pages, failed
			}
			if err := db.QueryRow(context.Background(), `SELECT page_count FROM pragma_page_count`, nil, &pages); err != nil {
				return pages, err
			}
		}
		// Through SQLite, so that it is the page that counts, from the log or from the database.
		var length int
		if err := db.QueryRow(context.Background(), `SELECT LENGTH(data) FROM sqlite_dbpage WHERE pgno = $1`, []any{page},
			&length); err != nil {
			failed = err
		}
	}
	return pages, failed
}

// scrubStructure checks how the pages hang together. So it finds those whose checksum is right, but which are of
// another place or missed a change before this start. It takes about as long as reading the file.
func scrubStructure(db *sqlstore.DB) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for ctx.Err() == nil && db.WaitOpen(100*time.Millisecond) { // a store that is closed does not wait for this
		}
		cancel()
	}()
	return db.QueryRow(ctx, `PRAGMA integrity_check(1)`, nil, new(integrity))
}

var errStructure = errors.New("the pages of the database contradict one another")

// integrity is the answer of PRAGMA integrity_check.
type integrity struct{}

// Scan returns errStructure, unless the answer is that all is well.
func (integrity) Scan(answer any) error {
	if answer == "ok" {
		return nil
	}
	return fmt.Errorf("%w: %.200s", errStructure, answer)
}
