package sqlite

import (
	"context"
	"log/slog"
	"time"

	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// scrub reads every page, after first and then once a day, until the store is closed or found to be
// damaged, which the store says itself.
func scrub(db *sqlstore.DB, first time.Duration, log *slog.Logger) {
	ctx := context.Background()
	const some = 64 // pages between two rests of a millisecond each
	for wait := first; db.WaitOpen(wait); wait = 24 * time.Hour {
		began, page, pages, failed := time.Now(), 1, 1, error(nil)
		for ; page <= pages; page++ {
			if page%some == 1 {
				if !db.WaitOpen(time.Millisecond) {
					return
				}
				if err := db.QueryRow(ctx, `SELECT page_count FROM pragma_page_count`, nil, &pages); err != nil {
					failed = err
					break
				}
			}
			// Through SQLite, so that it is the page that counts, from the log or from the database.
			var length int
			if err := db.QueryRow(ctx, `SELECT LENGTH(data) FROM sqlite_dbpage WHERE pgno = $1`, []any{page}, &length); err != nil {
				failed = err
			}
		}
		if !db.WaitOpen(0) {
			return
		}
		if failed != nil {
			log.Warn("not every page of the database can be read", "error", failed)
			continue
		}
		log.Info("every page of the database is as it was written", "pages", pages, "took",
			time.Since(began).Round(time.Millisecond).String())
	}
}
