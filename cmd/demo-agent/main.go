// Demo-agent plays, on this machine alone, how lanyard guards what an AI agent may do. Two MCP servers stand behind the
// gateway of a real server, and a scripted agent calls their tools. One call is refused; an administrator changes a
// security profile with boto3; the tool appears and the call succeeds; the audit shows both.
//
//	demo-agent -lanyard bin/lanyard -python python3
//
// It is a demonstration and a test of it. It decides nothing itself, and nothing in it is for production.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/lanyard/lanyard/internal/terminal"
)

const usage = "usage: demo-agent [-lanyard FILE] [-python FILE] [-color auto|always|never] | demo-agent orders | demo-agent refunds"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo-agent:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("demo-agent", flag.ContinueOnError)
	d := &demo{out: os.Stdout}
	flags.StringVar(&d.lanyard, "lanyard", "bin/lanyard", "the program")
	flags.StringVar(&d.python, "python", "python3", "a Python that has boto3")
	color := flags.String("color", "auto", "auto, always or never")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch flags.Arg(0) {
	case "orders":
		return serveOrders(ctx)
	case "refunds":
		return serveRefunds(ctx)
	case "":
	default:
		return errors.New(usage)
	}
	if _, err := exec.LookPath(d.lanyard); err != nil {
		return fmt.Errorf("%w; build it with make build", err)
	}
	d.paint.Color = *color == "always" ||
		*color == "auto" && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(os.Stdout.Fd()))
	return d.play(ctx)
}

// steps are the story, in order.
func (d *demo) play(ctx context.Context) (err error) {
	if d.folder, err = os.MkdirTemp("", "lanyard-demo-agent-"); err != nil {
		return err
	}
	defer os.RemoveAll(d.folder)
	defer func() { err = errors.Join(err, d.stop()) }()
	for _, step := range []func(context.Context) error{d.start, d.connect, d.list, d.callRefused, d.grant, d.callAllowed,
		d.audit} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// say prints one paragraph of the story.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "   "+format+"\n", args...)
}

// heading begins the next step.
func (d *demo) heading(text string) {
	d.step++
	fmt.Fprintf(d.out, "\n%s\n", d.paint.Paint(terminal.Bold, fmt.Sprintf("%d. %s", d.step, text)))
}

func (d *demo) command(text string) { d.say("%s", d.paint.Paint(terminal.Faint, "$ "+text)) }
