package main

import (
	"bufio"
	"fmt"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

type auditExportCmd struct {
	dataFlag      `embed:""`
	Instance      string `help:"Only records of the instance with this id."`
	From          string `help:"Only records of this time or later." placeholder:"TIME"`
	To            string `help:"Only records before this time." placeholder:"TIME"`
	AfterRevision int64  `help:"Only records after this revision; requires --instance."`
	ToRevision    int64  `help:"Only records up to this revision; requires --instance."`
	Format        string `help:"cloudtrail: one object, {\"Records\": [...]}, as in CloudTrail's own files; lines: one record a line." default:"cloudtrail" enum:"cloudtrail,lines"`
	Out           string `help:"File to write, which must not exist; default: standard output." placeholder:"FILE"`
}

func (auditExportCmd) Help() string {
	return `Export reads the records from the store itself, also while a server runs. They are written instance by
instance, each in the order of its revisions; every call of an AI agent is one. A TIME is a date (2026-03-14, its start in UTC) or RFC 3339
(2026-03-14T15:09:26Z).

Examples:
  lanyard audit export --out audit.json
  lanyard audit export --from 2026-03-01 --to 2026-04-01 --format lines | gzip >march.jsonl.gz
  lanyard audit export --instance 3fdf9b6c-… --after-revision 1000 --format lines`
}

func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, refuse("--%s must be a time such as 2026-03-14 or 2026-03-14T15:09:26Z, got %q", flag, text)
}

// checkFlags returns the times between which records are exported, zero for no bound.
func (c *auditExportCmd) checkFlags() (from, to time.Time, err error) {
	if from, err = parseTime("from", c.From); err != nil {
		return from, to, err
	}
	if to, err = parseTime("to", c.To); err != nil {
		return from, to, err
	}
	switch {
	case c.AfterRevision < 0 || c.ToRevision < 0:
		err = refuse("--after-revision and --to-revision must be 1 or more")
	case (c.AfterRevision > 0 || c.ToRevision > 0) && c.Instance == "":
		err = refuse("--instance is required when --after-revision or --to-revision is set: every instance has revisions " +
			"of its own")
	}
	return from, to, err
}

func (c *auditExportCmd) Run(s streams) (err error) {
	from, to, err := c.checkFlags()
	if err != nil {
		return err
	}
	db, err := c.openToRead(s.ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	ids := []string{c.Instance}
	if c.Instance == "" {
		if ids, err = instancesWithRows(s.ctx, db); err != nil {
			return err
		}
	}
	out, finish, err := createFile(c.Out, s.out)
	if err != nil {
		return err
	}
	defer func() { err = finish(err) }()
	w := bufio.NewWriterSize(out, 64<<10)
	separator, end := "", ""
	if c.Format == "cloudtrail" {
		separator, end = `{"Records":[`, "]}\n"
	}
	bar := s.tally("records exported", 0)
	defer bar.end()
	for _, id := range ids {
		err := c.eachEvent(s, db.Reader(id), id, func(e lanyard.Event) error {
			if !from.IsZero() && e.Time.Before(from) || !to.IsZero() && !e.Time.Before(to) {
				return nil
			}
			for _, r := range audit.Records(e) {
				w.WriteString(separator)
				if separator != "" {
					separator = ","
				}
				bar.add(1)
				if err := laxjson.Write(w, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if separator == `{"Records":[` { // there were no records
		w.WriteString(separator)
	}
	w.WriteString(end)
	return w.Flush()
}

// eachEvent calls f for the events of an instance, a page of them in memory.
func (c *auditExportCmd) eachEvent(s streams, r store.InstanceReader, id string, f func(lanyard.Event) error) error {
	const page = 100
	for after := c.AfterRevision; ; {
		records, err := r.Records(s.ctx, after, page)
		if err != nil || len(records) == 0 {
			return err
		}
		if first := records[0].Revision; first > after+1 {
			printf(s.errs, "instance %s: the records up to revision %d were pruned\n", id, first-1)
		}
		for _, r := range records {
			if c.ToRevision > 0 && r.Revision > c.ToRevision {
				return nil
			}
			var e lanyard.Event
			if err := laxjson.Unmarshal(r.Body, &e); err != nil {
				return fmt.Errorf("instance %s, revision %d: the record cannot be read: %w", id, r.Revision, err)
			}
			if err := f(e); err != nil {
				return err
			}
			after = r.Revision
		}
	}
}
