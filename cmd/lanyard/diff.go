package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compare"
	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/past"
	"github.com/lanyard/lanyard/internal/stack"
)

type diffCmd struct {
	targetFlags      `embed:""`
	paramFlags       `embed:""`
	Format           string `help:"Format of the report: text, markdown for a comment on a pull request, or json." default:"text" enum:"text,markdown,json"`
	DetailedExitcode bool   `help:"Exit with status 0 if nothing differs, 2 if something does, and 1 after an error."`
	Names            int    `help:"How many people of a group to name; the others are counted." default:"10"`
	Before           string `arg:"" name:"a" help:"The state before: an instance, a moment, a file or an instance in AWS."`
	After            string `arg:"" name:"b" help:"The state after, in the same forms."`
}

func (diffCmd) Help() string {
	return `Shows which resources differ between two states, member by member, and who gains or loses what. A and B are each
one of:

  INSTANCE             an instance of the target: its id, ARN or alias
  INSTANCE@MOMENT      the same as it was, from the history in the data folder: after a revision such as 42, or at a
                       time such as 2026-11-01T10:00Z. @MOMENT means the only instance.
  FILE                 a backup, an export as JSON, or a template, with --param
  FILE#INSTANCE        an instance of a backup that has several
  aws:PROFILE@REGION/INSTANCE
                       an instance in AWS, by a profile of the AWS configuration files; PROFILE or @REGION may be left out

Resources of one instance are matched by id, those of two instances by name. A template is compared as the other side
would be after the template is applied to it.

` + targetHelp + `

Examples:
  lanyard diff acme@41 acme
  lanyard diff acme@2026-11-01T10:00Z acme@2026-11-02 --format markdown
  lanyard diff monday.backup acme --detailed-exitcode
  lanyard diff acme template.yaml --param InstanceArn=arn:aws:connect:…
  lanyard diff aws:prod@eu-west-2/acme aws:test@eu-west-2/acme-test`
}

func (c *diffCmd) Run(io streams) error {
	r, err := c.compare(io)
	if err == nil {
		err = c.show(io, r)
	}
	switch {
	case !c.DetailedExitcode:
		return err
	case err != nil:
		return asError{err} // status 2 means differences here
	case !r.Same():
		return exitStatus(changesStatus)
	}
	return nil
}

// compare reads both states and compares them. Those that an API reveals are read last: it is asked about what the
// other has, as it does not list everything.
func (c *diffCmd) compare(io streams) (*compare.Report, error) {
	if c.Names < 1 {
		return nil, refuse("--names must be 1 or more, got %d", c.Names)
	}
	sides := [2]*side{{}, {}}
	for i, text := range []string{c.Before, c.After} {
		var err error
		if sides[i].operand, err = parseOperand(text); err != nil {
			return nil, err
		}
	}
	for _, step := range []func(streams, *side, *side) error{c.readHere, c.readAPI, c.readTemplate} {
		for i, s := range sides {
			if s.state != nil {
				continue
			}
			if err := step(io, s, sides[1-i]); err != nil {
				return nil, err
			}
		}
	}
	return compareStates(sides[0], sides[1], compare.Options{Names: c.Names})
}

// A side is an operand and, once it is read, its state.
type side struct {
	operand
	*state
	byName bool // it is a template, whose resources have new ids
}

// readHere reads what is on this machine: the data folder and files.
func (c *diffCmd) readHere(io streams, s, _ *side) (err error) {
	switch {
	case s.moment != nil:
		s.state, err = c.readMoment(io.ctx, s.operand)
	case s.file != "":
		if is, err := isBackup(s.file); err != nil || !is {
			return err
		}
		s.state, err = readBackupState(io.ctx, s.file, s.ref)
	case s.remote == nil:
		elsewhere, err := c.elsewhere(io.ctx)
		if err != nil || elsewhere {
			return err
		}
		now := s.operand
		now.moment = &past.Moment{}
		var unreadable *refusal
		if s.state, err = c.readMoment(io.ctx, now); errors.As(err, &unreadable) {
			s.state = nil // the server keeps its data elsewhere; ask it
			return nil
		}
		return err
	}
	return err
}

// readAPI reads an instance through its API: of the target, or of AWS if the operand says so.
func (c *diffCmd) readAPI(io streams, s, other *side) error {
	if s.file != "" {
		return nil
	}
	flags := c.targetFlags
	flags.Instance = s.ref
	if s.remote != nil {
		flags.AWSProfile, flags.Region = s.remote.profile, s.remote.region
	}
	t, err := flags.openTarget(io.ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	o := mirror.Options{Complete: true}
	if other.state != nil {
		for _, r := range other.resources {
			if r.Type() == lanyard.TypeAIAgent {
				o.AIAgents = append(o.AIAgents, r.Head().ID)
			}
		}
	}
	s.state, err = t.readState(io, o)
	return err
}

// readTemplate applies a template to a copy of the other side, or to an empty instance when that is a template too.
func (c *diffCmd) readTemplate(io streams, s, other *side) error {
	s.byName = true
	f := stackFlags{paramFlags: c.paramFlags}
	names := []string{s.file}
	name, err := f.stackName(names)
	if err != nil {
		return err
	}
	files, err := f.readFiles(names)
	if err != nil {
		return err
	}
	base := other.state
	if other.state == nil || other.byName {
		if base, err = emptyState(names, files.parameters[instanceParameter]); err != nil {
			return err
		}
	}
	if s.state, err = files.applyTo(io.ctx, base, name); err == nil {
		s.name = s.text
	}
	return err
}

// compareStates compares two states, by names unless they are of one instance.
func compareStates(before, after *side, o compare.Options) (*compare.Report, error) {
	for _, s := range []*side{before, after} { // what stacks note is no part of what they consist of
		s.resources = withoutNotes(stack.WithoutLock(s.resources), "")
	}
	resources := after.resources
	if before.instance.ID != after.instance.ID || before.byName && after.byName {
		resources = compare.Align(resources, before.resources)
	}
	r := &compare.Report{Version: compare.ReportVersion, Before: before.describe(), After: after.describe()}
	var err error
	if r.Changes, err = compare.FindChanges(before.resources, resources); err != nil {
		return nil, err
	}
	was, err := before.compile(before.resources)
	if err != nil {
		return nil, err
	}
	is, err := after.compile(resources)
	if err != nil {
		return nil, err
	}
	r.Access = compare.Compare(was, is, o)
	return r, nil
}

// compile makes a snapshot of the resources of a side.
func (s *side) compile(resources []lanyard.Resource) (*access.Snapshot, error) {
	snapshot, err := access.New(s.instance, slices.Clone(resources)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.text, err)
	}
	return snapshot, nil
}

func (s *side) describe() compare.Side {
	return compare.Side{Name: s.text, Instance: s.instance.ID, Alias: s.instance.Name, Unrevealed: s.unrevealed}
}

// show writes a report.
func (c *diffCmd) show(s streams, r *compare.Report) error {
	switch c.Format {
	case "json":
		return r.JSON(s.out)
	case "markdown":
		_, err := io.WriteString(s.out, compare.Markdown{}.FormatReport(r))
		return err
	}
	return compare.Text{Painter: s.painter()}.WriteReport(s.out, r)
}
