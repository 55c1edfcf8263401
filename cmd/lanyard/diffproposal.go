package main

import (
	"cmp"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/changeset"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/terraform"
)

// runProposals shows what a plan of another tool would change, and who would gain or lose what by that.
func (c *planCmd) runProposals(s streams) error {
	proposals, err := c.readProposals()
	if err != nil {
		return err
	}
	flags := c.targetFlags
	if flags.Instance == "" {
		flags.Instance = instanceOfProposals(proposals)
	}
	t, err := flags.openTarget(s.ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	at, err := t.readTarget(s, nil, func(*lanyard.User) bool { return true })
	if err != nil {
		return err
	}
	plan, err := stack.Propose(s.ctx, at, proposals, stack.Options{Stack: c.proposedBy(), NewStore: openMemory})
	if err != nil {
		return err
	}
	if err := showPlan(s, c.Format, plan, nil); err != nil {
		return err
	}
	if c.DetailedExitcode && !plan.Empty() {
		return exitStatus(changesStatus)
	}
	return nil
}

// proposedBy is what the plan is called: as --stack says, or after its tool.
func (c *planCmd) proposedBy() string {
	if c.ChangeSet != "" {
		return cmp.Or(c.Name, "change-set")
	}
	return cmp.Or(c.Name, "terraform")
}

// readProposals reads the plan of another tool.
func (c *planCmd) readProposals() (*stack.Proposals, error) {
	switch {
	case len(c.Files) > 0:
		return nil, refuse("FILE must be absent when --terraform or --change-set is set, got %q", c.Files[0])
	case c.Terraform != "" && c.ChangeSet != "":
		return nil, refuse("--terraform and --change-set must not be set together")
	case c.Out != "":
		return nil, refuse("--out must be absent when --terraform or --change-set is set: lanyard does not apply such plans")
	}
	name, most, read := c.Terraform, int64(terraform.MaxPlan), terraform.ReadPlan
	if c.ChangeSet != "" {
		name, most, read = c.ChangeSet, changeset.MaxSize, changeset.Read
	}
	content, err := readBounded(name, most)
	if err != nil {
		return nil, err
	}
	p, err := read(name, content)
	if err != nil {
		return nil, &refusal{err.Error()}
	}
	return p, nil
}

// instanceOfProposals is the instance of all proposals, "" if they do not name one.
func instanceOfProposals(all *stack.Proposals) (instance string) {
	for _, p := range all.Changes {
		if p.Instance != "" && instance != "" && p.Instance != instance {
			return ""
		}
		instance = p.Instance
	}
	return instance
}
