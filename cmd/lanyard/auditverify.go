package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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

// report says whether the chain is complete, and returns errDenied when it is not.
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
