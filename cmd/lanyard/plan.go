package main

import (
	"fmt"
	"os"

	"github.com/lanyard/lanyard/internal/stack"
)

type planCmd struct {
	stackFlags       `embed:""`
	Prune            bool     `help:"Also plan to delete what earlier applies of the stack created and the templates no longer have."`
	Out              string   `help:"Save the plan in this file, for lanyard apply." type:"path" placeholder:"FILE"`
	DetailedExitcode bool     `help:"Exit with status 0 if there is nothing to change, 2 if there is, and 1 after an error." name:"detailed-exitcode"`
	Format           string   `help:"Format of the plan: text, markdown for a comment on a pull request, or json with one object on each line." default:"text" enum:"text,markdown,json"`
	JSON             bool     `help:"Short for --format json." name:"json"`
	Terraform        string   `help:"Instead of templates: a plan of Terraform, as terraform show -json PLAN writes it; - reads standard input." placeholder:"FILE"`
	ChangeSet        string   `help:"Instead of templates: a change set of CloudFormation, as aws cloudformation describe-change-set --include-property-values writes it; - reads standard input." name:"change-set" placeholder:"FILE"`
	Files            []string `arg:"" optional:"" name:"file" help:"CloudFormation templates of one stack, in YAML or JSON; - reads standard input."`
}

func (planCmd) Help() string {
	return `Shows what lanyard apply would change, and who would gain or lose what. Every call is tried on a copy of the
instance in memory, under the rules of the real operation; a call that is refused is reported with its place in the
template. What has changed since the last apply is shown first. Nothing is changed.

` + targetHelp + `

Flags may be written with one dash: -out, -json, -detailed-exitcode.

Examples:
  lanyard plan team.yaml
  lanyard plan team.yaml --param InstanceArn=arn:aws:connect:eu-central-1:123456789012:instance/INSTANCE -out team.plan
  lanyard plan team.yaml --profile production --region eu-central-1 --format markdown
  lanyard plan team.yaml --prune -json -detailed-exitcode
  terraform show -json tfplan | lanyard plan --terraform - --instance acme`
}

// changesStatus is the status of --detailed-exitcode when something changes or differs, as Terraform has it.
const changesStatus = 2

// exitStatus ends a command with a status, after it has shown everything.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func (c *planCmd) Run(s streams) error {
	err := c.run(s)
	if c.Format == "json" && err != nil {
		writeProblems(s.out, c.Name, err)
	}
	if c.DetailedExitcode && err != nil && err != error(exitStatus(changesStatus)) {
		return asError{err} // status 2 means changes here
	}
	return err
}

// An asError ends a command with status 1, whatever the error in it would end it with.
type asError struct{ err error }

func (e asError) Error() string { return e.err.Error() }

func (c *planCmd) run(s streams) error {
	if c.JSON {
		c.Format = "json"
	}
	if c.Terraform != "" || c.ChangeSet != "" {
		return c.runProposals(s)
	}
	if len(c.Files) == 0 {
		return refuse("FILE is required when neither --terraform nor --change-set is set")
	}
	planning, err := c.openPlanning(s, c.Files)
	if err != nil {
		return err
	}
	defer planning.Close()
	planning.options.Prune = c.Prune
	plan, err := planning.plan()
	if err != nil {
		return err
	}
	if err := showPlan(s, c.Format, plan, planning); err != nil {
		return err
	}
	if c.Out != "" {
		if err := savePlan(c.Out, plan); err != nil {
			return err
		}
		fmt.Fprintf(s.errs, "Saved the plan in %s.\n", printable(c.Out))
	}
	if c.DetailedExitcode && !plan.Empty() {
		return exitStatus(changesStatus)
	}
	return nil
}

func savePlan(name string, p *stack.Plan) error {
	content, err := p.Save()
	if err != nil {
		return err
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return refuse("--out must be a file, got the folder %s", name)
	}
	return replaceFile(name, content)
}
