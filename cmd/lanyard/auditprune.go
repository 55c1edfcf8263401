package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/laxjson"
)

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
func pruneInstance(ctx context.Context, m eventManager, bounds admin.Prune, bar *tally) (cut int64, err error) {
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
