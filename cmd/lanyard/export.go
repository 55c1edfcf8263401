package main

import (
	"cmp"
	"fmt"

	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/stack"
)

type exportCmd struct {
	targetFlags `embed:""`
	Format      string   `help:"Form: cloudformation (YAML) or json (the same in JSON)." default:"cloudformation" enum:"cloudformation,json"`
	AIAgent     []string `help:"ARN of an AI agent whose security profiles to export, since the API does not list AI agents; may be repeated." name:"ai-agent" sep:"none" placeholder:"ARN"`
	Out         string   `help:"Write to this file." type:"path" placeholder:"FILE"`
}

func (exportCmd) Help() string {
	return `Writes an instance as a CloudFormation template. References are written as such, so that the template makes another
instance equal to this one; the parameter InstanceArn names that instance. Comments say what a template cannot express.

` + targetHelp + `

Examples:
  lanyard export >instance.yaml
  lanyard export --format json --out instance.json
  lanyard export --profile production --region eu-central-1`
}

func (c *exportCmd) Run(s streams) error {
	t, err := c.openTarget(s.ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	p := newProgress(s, "calls")
	state, err := t.readState(s.ctx, mirror.Options{Complete: true, AIAgents: c.AIAgent,
		Progress: func(m mirror.Progress) { p.at(m.Calls, max(m.Calls, m.Expected)) }})
	p.end()
	if err != nil {
		return err
	}
	e, err := stack.NewExport(&stack.Target{ARN: t.instance.ARN, Instance: state.instance, Resources: state.resources})
	if err != nil {
		return err
	}
	for _, what := range state.unrevealed {
		e.Comments = append(e.Comments, "Not exported: "+what)
	}
	for _, comment := range e.Comments {
		printf(s.errs, "%s\n", comment)
	}
	write := e.YAML
	if c.Format == "json" {
		write = e.JSON
	}
	text, err := write()
	if err != nil {
		return err
	}
	if c.Out != "" {
		return cmp.Or(replaceFile(c.Out, text), nil)
	}
	_, err = fmt.Fprintf(s.out, "%s\n", trimNewline(text))
	return err
}

func trimNewline(text []byte) []byte {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		return text[:n-1]
	}
	return text
}
