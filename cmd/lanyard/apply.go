package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"syscall"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/stack"
)

type applyCmd struct {
	stackFlags  `embed:""`
	Prune       bool     `help:"Also delete what earlier applies of the stack created and the templates no longer have."`
	ForceUnlock bool     `help:"Remove the lock of an apply that died."`
	Yes         bool     `help:"Carry out the plan of templates without asking on a terminal."`
	Files       []string `arg:"" name:"file" help:"CloudFormation templates of one stack, or one plan that lanyard plan --out saved."`
}

func (applyCmd) Help() string {
	return `Changes the instance to match the templates, with the calls that lanyard plan shows. A saved plan is carried out
exactly, or refused if what it depends on has changed since. On a terminal, apply shows the plan of templates and asks,
unless --yes is set; it carries out a saved plan without asking. Only one apply changes an instance at a time.
After a failure, it says what was not done; a second apply reads the instance and completes that.

` + targetHelp + `

Examples:
  lanyard apply team.yaml
  lanyard apply team.yaml --prune --yes
  lanyard apply team.plan
  lanyard apply team.yaml --force-unlock`
}

func (c *applyCmd) Run(s streams) error {
	if len(c.Files) == 1 {
		content, err := readBounded(c.Files[0], stack.MaxSaved)
		if err != nil {
			return err
		}
		if stack.IsSaved(content) {
			return c.applySaved(s, content)
		}
		if c.Files[0] == "-" {
			return refuse("FILE must be a file when it is a template, got standard input")
		}
	}
	planning, err := c.openPlanning(s, c.Files)
	if err != nil {
		return err
	}
	defer planning.Close()
	planning.options.Prune = c.Prune
	return planning.apply(s, applyOptions{forceUnlock: c.ForceUnlock, yes: c.Yes})
}

type applyOptions struct {
	forceUnlock bool
	yes         bool // do not ask
}

// apply plans, takes the lock, makes sure that the plan is still right, and carries it out.
func (p *planning) apply(s streams, o applyOptions) error {
	plan, err := p.plan()
	if err != nil {
		return err
	}
	if err := showPlan(s, "text", plan, p); err != nil {
		return err
	}
	if plan.Empty() && !o.forceUnlock {
		return nil
	}
	if err := o.confirm(s, plan); err != nil {
		return err
	}
	return p.locked(s, o, func() error {
		at, err := p.readTarget(s, agentsOf(p.template), usersOf(p.name, p.template))
		if err != nil {
			return err
		}
		state, err := plan.Depends.StateOf(at)
		if err != nil {
			return err
		}
		if state != plan.State {
			fmt.Fprintln(s.errs, "The instance has changed in the meantime; planning again.")
			if plan, err = stack.New(s.ctx, at, p.template, p.options); err != nil {
				return err
			}
			if err := showPlan(s, "text", plan, nil); err != nil {
				return err
			}
			if err := o.confirm(s, plan); err != nil {
				return err
			}
		}
		return carryOut(s, p.target, plan)
	})
}

// confirm asks on a terminal whether to carry out a plan.
func (o applyOptions) confirm(s streams, plan *stack.Plan) error {
	if o.yes || plan.Empty() || !s.asks() {
		return nil
	}
	return s.confirm(fmt.Sprintf("Change instance %s?", plan.Instance))
}

// applySaved carries out a saved plan, if what it depends on is as it was.
func (c *applyCmd) applySaved(s streams, content []byte) error {
	plan, err := stack.Load(content, c.Param)
	if err != nil {
		return &refusal{err.Error()}
	}
	if c.Instance == "" {
		c.Instance = plan.Instance
	}
	t, err := c.openTarget(s.ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	if t.instance.ARN != plan.Instance {
		return refuse("--instance must be %s, for which the plan was made, got %s", plan.Instance, t.instance.ARN)
	}
	if plan.Empty() && !c.ForceUnlock {
		fmt.Fprintln(s.out, plan.Summary())
		return nil
	}
	p := &planning{target: t, streams: s, name: plan.Stack}
	return p.locked(s, applyOptions{forceUnlock: c.ForceUnlock}, func() error {
		at, err := t.readTarget(s, nil, func(u *lanyard.User) bool { return plan.Depends.User(u.ID) })
		if err != nil {
			return err
		}
		state, err := plan.Depends.StateOf(at)
		if err != nil {
			return err
		}
		if state != plan.State {
			return fmt.Errorf("the saved plan is stale: what it depends on has changed since it was made. Nothing was changed; " +
				"make the plan again with lanyard plan")
		}
		return carryOut(s, t, plan)
	})
}

// releaseTime bounds how long releasing the lock may take after the command was interrupted.
const releaseTime = 10 * time.Second

// locked runs do under the lock of the instance. A reader of the output that ends, such as head, does not end the
// program there: that would leave the lock, and the changes half made.
func (p *planning) locked(s streams, o applyOptions, do func() error) (err error) {
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	if o.forceUnlock {
		held, err := stack.ForceUnlock(s.ctx, p.target, p.instance.ID)
		if err != nil {
			return explainTarget(p.place, err)
		}
		if held != "" {
			printf(s.errs, "Removed the lock: %s.\n", held)
		}
	}
	lock, err := stack.TakeLock(s.ctx, p.target, p.instance.ID, holder(), time.Now())
	if err != nil {
		return explainTarget(p.place, err)
	}
	defer func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(s.ctx), releaseTime)
		defer stop()
		if released := lock.Release(ctx); released != nil {
			err = errors.Join(err, explainTarget(p.place, released))
		}
	}()
	return do()
}

// holder says who applies, for others who wait.
func holder() string {
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return fmt.Sprintf("%s@%s, process %d,", name, host, os.Getpid())
}

// carryOut makes the calls of a plan, with progress, and says what was not done.
func carryOut(s streams, t *target, plan *stack.Plan) error {
	total := len(plan.Calls)
	err := plan.Apply(s.ctx, t, func(n int, c stack.Call) {
		printf(s.errs, "[%d/%d] %s\n", n+1, total, plan.Describe(c))
	})
	var failed *stack.Failure
	switch {
	case errors.As(err, &failed):
		reportFailure(s.errs, failed)
		return explainTarget(t.place, err)
	case err != nil:
		return err
	}
	if total == 0 {
		fmt.Fprintln(s.out, "Nothing to change.")
		return nil
	}
	fmt.Fprintf(s.out, "Applied: %d of %d calls were made.\n", total, total)
	return nil
}

// reportFailure says which calls were made, which one failed and which were not tried.
func reportFailure(out io.Writer, f *stack.Failure) {
	list := func(title string, calls []stack.Call) {
		if len(calls) == 0 {
			return
		}
		fmt.Fprintf(out, "%s\n", title)
		for _, c := range calls {
			printf(out, "  %s\n", f.Plan.Describe(c))
		}
	}
	calls := f.Plan.Calls
	list("Done:", calls[:f.Done])
	if f.Unknown {
		list("Outcome unknown, because the answer did not arrive:", calls[f.Done:f.Done+1])
	} else {
		list("Refused:", calls[f.Done:f.Done+1])
	}
	list("Not tried:", calls[f.Done+1:])
	fmt.Fprintln(out, "Repeat the command: it reads the instance and completes what is missing.")
}
