package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

type auditVerifyCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
	Instance   string   `help:"Only records of the instance with this id."`
	State      bool     `help:"Also compare what is stored with what the records say: resources, the names by which they are found, references, counts, tags of deleted resources, passwords. Keys, tokens and sessions have no records. Takes about 50 bytes of memory for each resource."`
	Head       []string `help:"A head that was saved earlier and must still be in the chain; can be repeated." placeholder:"INSTANCE:REVISION:HASH"`
	Heads      string   `help:"The output of an earlier verify (JSON), whose heads must still be in the chain." type:"existingfile" placeholder:"FILE"`
}

func (auditVerifyCmd) Help() string {
	return `Verify reads the chain from the store itself, also while a server runs. The chain is broken where a record
was altered, removed, inserted or moved; the first such record of each instance is named. Only a head (the
last revision and its hash) shows that the last records were removed. So keep the output of verify where
nobody who can write to the store can change it, and give it back with --heads.

Examples:
  lanyard audit verify
  lanyard audit verify --state --output json >heads.json
  lanyard audit verify --heads heads.json
  lanyard audit verify --store postgres://lanyard:secret@db.example/lanyard`
}

func (c *auditVerifyCmd) Run(io streams) error {
	heads, err := c.readHeads()
	if err != nil {
		return err
	}
	db, err := c.openToRead(io.ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	p := newProver()
	p.state = c.State
	if p.heads = heads; c.Instance != "" {
		p.heads = map[string]*proof{}
		if heads[c.Instance] != nil {
			p.heads[c.Instance] = heads[c.Instance]
		}
	}
	if err := db.Export(io.ctx, store.Scope{Tables: []*store.Table{store.Secrets}},
		func(r store.Row) error { p.addStoreRow(r); return nil }); err != nil {
		return err
	}
	ids := []string{c.Instance}
	if c.Instance == "" {
		if ids, err = instancesWithRows(io.ctx, db); err != nil {
			return err
		}
	}
	total, err := db.Size(io.ctx)
	if err != nil {
		return err
	}
	if c.Instance != "" {
		total = 0
	}
	tables := []*store.Table{store.Checkpoints, store.Events}
	if c.State {
		tables = append(tables, store.Resources, store.Refs, store.Counts, store.Tombstones, store.Passwords)
	}
	bar := io.tally("records verified", total)
	for _, id := range ids { // in a transaction each, so that transactions are short
		p.beginInstance(id)
		if err := db.Export(io.ctx, store.Scope{Instance: id, Tables: tables}, func(r store.Row) error {
			p.addInstanceRow(r)
			bar.add(1)
			return nil
		}); err != nil {
			bar.end()
			return err
		}
		p.endInstance()
	}
	p.endStore()
	bar.end()
	return c.showProofs(io, p)
}

// readHeads reads what --head and --heads say.
func (c *auditVerifyCmd) readHeads() (map[string]*proof, error) {
	heads := map[string]*proof{}
	if c.Heads != "" {
		f, err := os.Open(c.Heads)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		for dec := jsontext.NewDecoder(bufio.NewReader(f)); ; {
			var p proof
			err := json.UnmarshalDecode(dec, &p)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || p.Instance == "" || p.Revision < 1 || p.Hash == "" {
				return nil, refuse("--heads must be a file that audit verify --output json wrote, got %s", c.Heads)
			}
			heads[p.Instance] = &p
		}
	}
	for _, text := range c.Head {
		parts := strings.Split(text, ":")
		if len(parts) != 3 {
			return nil, refuse("--head must be INSTANCE:REVISION:HASH, got %q", text)
		}
		n, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil || n < 1 {
			return nil, refuse("the revision of --head must be 1 or more, got %q", parts[1])
		}
		heads[parts[0]] = &proof{Instance: parts[0], Revision: n, Hash: strings.ToLower(parts[2])}
	}
	return heads, nil
}

func (c *auditVerifyCmd) showProofs(io streams, p *prover) error {
	if c.json(io) {
		for _, n := range p.proofs {
			if err := laxjson.Write(io.out, n); err != nil {
				return err
			}
		}
	} else {
		w := newTable(io.out, "INSTANCE", "RECORDS", "LAST REVISION", "ITS HASH", "PRUNED")
		for _, n := range p.proofs {
			cut := "-"
			if n.Checkpoint != nil {
				cut = fmt.Sprintf("up to revision %d at %s by %s", n.Checkpoint.Revision, n.Checkpoint.Time.Format(time.RFC3339),
					n.Checkpoint.By)
			}
			w.row(n.Instance, n.Records, n.Revision, n.Hash, cut)
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
	return p.report(io)
}

// report reports whether the chain is complete, and returns errDenied when it is not.
func (p *prover) report(io streams) error {
	var records, resources, unproven, passwords int64
	broken := 0
	for _, n := range p.proofs {
		records, resources, unproven = records+n.Records, resources+n.Resources, unproven+n.Unproven
		passwords += n.UnprovenPasswords
		if n.Problem != "" {
			broken++
			printf(io.errs, "BROKEN: %s\n", n.Problem)
		}
		if head := p.heads[n.Instance]; head != nil && n.Checkpoint != nil && head.Revision < n.Checkpoint.Revision {
			printf(io.errs, "instance %s: the head at revision %d cannot be compared, because it was pruned since\n", n.Instance,
				head.Revision)
		}
	}
	if broken > 0 {
		return errDenied
	}
	fmt.Fprintf(io.errs, "The chain is complete: %d records of %d instances.\n", records, len(p.proofs))
	if p.state {
		fmt.Fprintf(io.errs, "%d resources are as the records say; the records of %d more were pruned.\n",
			resources-unproven, unproven)
		if passwords > 0 {
			fmt.Fprintf(io.errs,
				"%d passwords cannot be verified: their records were pruned, or written by an earlier version.\n", passwords)
		}
	}
	return nil
}

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
instance, each in the order of its revisions. A TIME is a date (2026-03-14, its start in UTC) or RFC 3339
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
			w.WriteString(separator)
			if separator != "" {
				separator = ","
			}
			bar.add(1)
			return laxjson.Write(w, audit.From(e))
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

// createFile creates a file that must not exist, readable by its owner only; "" and "-" mean out. finish closes the
// file, or removes it if its content is incomplete.
func createFile(name string, out io.Writer) (w io.Writer, finish func(error) error, err error) {
	if name == "" || name == "-" {
		return out, func(err error) error { return err }, nil
	}
	if err := notURL("the file", name); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil, refuse("%s already exists; it is not overwritten", name)
	}
	if err != nil {
		return nil, nil, err
	}
	return f, func(err error) error {
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(name))
		}
		return err
	}, nil
}

type auditPruneCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
	Instance   string `help:"Only records of the instance with this id."`
	KeepDays   int    `help:"Prune records that are older than this many days." placeholder:"DAYS"`
	KeepEvents int64  `help:"Prune all but the last N records of each instance." placeholder:"N"`
}

func (auditPruneCmd) Help() string {
	return `Pruned records are gone, so run audit export first. A checkpoint of each instance stays, signed by the server.
It says up to which revision, when and by whom, and audit verify continues from it. The last record always
stays, and a broken chain is not pruned. With both limits, a record is pruned as soon as one of them applies.
A server prunes by itself with serve --audit-keep-days and --audit-keep-events.

Examples:
  lanyard audit prune --keep-days 400
  lanyard audit prune --instance 3fdf9b6c-… --keep-events 100000`
}

func (c *auditPruneCmd) Run(io streams) error {
	bounds := admin.Prune{Days: c.KeepDays, Events: c.KeepEvents}
	keep, err := bounds.Retention()
	if err != nil {
		return refuse("%s", err)
	}
	if keep.None() {
		return refuse("--keep-days or --keep-events is required")
	}
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	ids := []string{c.Instance}
	if c.Instance == "" {
		if ids, err = knownInstances(io.ctx, m); err != nil {
			return err
		}
	}
	lines := []prunedLine{}
	var failed error
	bar := io.tally("records pruned", 0)
	for _, id := range ids {
		bounds.Instance = id
		cut, err := pruneInstance(io.ctx, m, bounds, bar)
		if failed = errors.Join(failed, err); cut > 0 {
			lines = append(lines, prunedLine{id, cut})
		}
		if io.ctx.Err() != nil {
			break
		}
	}
	bar.end()
	if c.json(io) {
		err = laxjson.Write(io.out, lines)
	} else {
		for _, l := range lines {
			printf(io.out, "instance %s: %d records were pruned\n", l.Instance, l.Cut)
		}
		if len(lines) == 0 && failed == nil {
			fmt.Fprintln(io.out, "No record is old enough to be pruned.")
		}
	}
	return errors.Join(failed, err)
}

// prunedLine is the output about an instance.
type prunedLine struct {
	Instance string
	Cut      int64
}

// pruneInstance prunes the records of an instance, in several steps, and returns how many there were.
func pruneInstance(ctx context.Context, m manager, bounds admin.Prune, bar *tally) (cut int64, err error) {
	for {
		out, err := m.Prune(ctx, bounds)
		if err != nil {
			return cut, fmt.Errorf("instance %s: %w", bounds.Instance, err)
		}
		cut += out.Cut
		bar.add(out.Cut)
		if !out.More {
			return cut, nil
		}
	}
}
