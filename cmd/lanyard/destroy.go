package main

import (
	"strings"

	"github.com/lanyard/lanyard/internal/stack"
)

type destroyCmd struct {
	stackFlags  `embed:""`
	ForceUnlock bool     `help:"Remove the lock of an apply that died."`
	Yes         bool     `help:"Delete without asking on a terminal."`
	DryRun      bool     `help:"Show what would be deleted, and delete nothing."`
	Files       []string `arg:"" optional:"" name:"file" help:"Templates of the stack, which give its name and say what to retain."`
}

func (destroyCmd) Help() string {
	return `Deletes what applies of a stack have created. What the stack has found and adopted stays, and so does what its
templates retain by DeletionPolicy. On a terminal, destroy shows the plan and asks, unless --yes is set.

` + targetHelp + `

Examples:
  lanyard destroy team.yaml --dry-run
  lanyard destroy --stack team --yes`
}

func (c *destroyCmd) Run(s streams) error {
	if len(c.Files) == 0 && c.Name == "" {
		return refuse("FILE or --stack is required")
	}
	p, err := c.openDestruction(s)
	if err != nil {
		return err
	}
	defer p.Close()
	if !c.DryRun {
		return p.apply(s, applyOptions{forceUnlock: c.ForceUnlock, yes: c.Yes})
	}
	plan, err := p.plan()
	if err != nil {
		return err
	}
	return showPlan(s, "text", plan, nil)
}

// openDestruction opens a planning of a template without resources.
func (c *destroyCmd) openDestruction(s streams) (*planning, error) {
	name, err := c.stackName(c.Files)
	if err != nil {
		return nil, err
	}
	read, err := c.readFiles(c.Files)
	if err != nil {
		return nil, err
	}
	t, err := read.openInstance(s.ctx, &c.stackFlags)
	if err != nil {
		return nil, err
	}
	retain := map[string]bool{}
	for _, f := range read.files {
		for e := range f.Root.Get("Resources").All() {
			if policy := e.Value.Get("DeletionPolicy"); policy != nil && strings.HasPrefix(policy.Text, "Retain") {
				retain[e.Key.Text] = true
			}
		}
	}
	return &planning{target: t, streams: s, name: name, template: &stack.Template{},
		options: stack.Options{Stack: name, Prune: true, Retain: retain, NewStore: openMemory}}, nil
}
