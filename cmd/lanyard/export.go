package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/terraform"
)

type exportCmd struct {
	targetFlags `embed:""`
	Format      string   `help:"Format: cloudformation (YAML), json (the same in JSON), or terraform (for the provider hashicorp/aws, with import blocks)." default:"cloudformation" enum:"cloudformation,json,terraform"`
	AIAgent     []string `help:"ARN of an AI agent whose security profiles to export, since the API does not list AI agents; may be repeated." name:"ai-agent" sep:"none" placeholder:"ARN"`
	Out         string   `help:"Write to this file, or as several files of one stack into this folder." type:"path" placeholder:"FILE|DIR"`
}

func (exportCmd) Help() string {
	return `Writes an instance as a CloudFormation template. References are written as such, so that the template makes another
instance equal to this one; the parameter InstanceArn names that instance. Comments say what a template cannot express.

` + targetHelp + `

Examples:
  lanyard export >instance.yaml
  lanyard export --format json --out instance.json
  mkdir -p instance && lanyard export --out instance && lanyard plan instance/*.yaml --stack instance
  lanyard export --format terraform --out instance.tf
  lanyard export --profile production --region eu-central-1`
}

// writeTerraform writes the instance as configuration of Terraform.
func (c *exportCmd) writeTerraform(s streams, of *state) error {
	var comments []string
	for _, what := range of.unrevealed {
		comments = append(comments, "Not exported: "+what)
		printf(s.errs, "Not exported: %s\n", what)
	}
	text := terraform.Export(of.instance, of.resources, comments)
	if c.Out != "" {
		return replaceFile(c.Out, text)
	}
	_, err := s.out.Write(text)
	return err
}

func (c *exportCmd) Run(s streams) error {
	t, err := c.openTarget(s.ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	state, err := t.readState(s, mirror.Options{Complete: true, AIAgents: c.AIAgent})
	if err != nil {
		return err
	}
	if c.Format == "terraform" {
		return c.writeTerraform(s, state)
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
	form, ending := (*stack.Export).YAML, ".yaml"
	if c.Format == "json" {
		form, ending = (*stack.Export).JSON, ".json"
	}
	if info, err := os.Stat(c.Out); err == nil && info.IsDir() {
		return c.writeFiles(s, e, form, ending)
	}
	text, err := form(e)
	if err != nil {
		return err
	}
	if len(text) > stack.MaxText {
		fmt.Fprintf(s.errs, "The template has %d bytes and may have %d; export into a folder to have it in several files.\n",
			len(text), stack.MaxText)
	}
	if c.Out != "" {
		return replaceFile(c.Out, text)
	}
	_, err = fmt.Fprintf(s.out, "%s\n", trimNewline(text))
	return err
}

// writeFiles writes an export into the folder of --out.
func (c *exportCmd) writeFiles(s streams, e *stack.Export, form func(*stack.Export) ([]byte, error),
	ending string) error {
	files, err := e.Files(form, ending)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := replaceFile(filepath.Join(c.Out, f.Name), f.Text); err != nil {
			return err
		}
		printf(s.errs, "Wrote %s.\n", filepath.Join(c.Out, f.Name))
	}
	return nil
}

func trimNewline(text []byte) []byte {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		return text[:n-1]
	}
	return text
}
