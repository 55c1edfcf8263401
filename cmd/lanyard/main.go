// Command lanyard serves the security-profile API of Amazon Connect and manages the server. It reads settings, wires
// the packages together and prints answers. The rules about profiles and the format of calls are not here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // time zones must not depend on the machine

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // certificates of authorities, where the machine has none: the image
	"golang.org/x/term"

	"github.com/lanyard/lanyard/internal/lint"
)

// program is the command line. Every flag can also be set by an environment variable (LANYARD_ and the name of the
// flag) and by a member of the configuration file.
type program struct {
	Config settingsFile `help:"Read settings from this JSON file; for mcp-gateway: its configuration, a YAML file." type:"existingfile" placeholder:"FILE"`

	Serve       serveCmd       `cmd:"" help:"Serve the API."`
	Key         keyCmd         `cmd:"" help:"Manage the access keys that sign calls."`
	User        userCmd        `cmd:"" help:"Manage how users sign in to the console."`
	Token       tokenCmd       `cmd:"" help:"Manage the bearer tokens of the decision API."`
	Fault       faultCmd       `cmd:"" help:"Make a running server fail or respond slowly on purpose."`
	Audit       auditCmd       `cmd:"" help:"Show what was changed, by whom and when; verify, export and prune the records."`
	Backup      backupCmd      `cmd:"" help:"Write everything into one file while the server keeps running."`
	Restore     restoreCmd     `cmd:"" help:"Import a backup into an empty data folder or database."`
	Stores      storeCmd       `cmd:"" name:"store" help:"Move the data from one store to another."`
	Check       checkCmd       `cmd:"" help:"Ask whether a user may do something; exit status 0 says yes, 3 no."`
	WhoCan      whoCanCmd      `cmd:"" help:"List who may do something."`
	WhatCan     whatCanCmd     `cmd:"" help:"List what a user may do, and through which profiles."`
	WhatIf      whatIfCmd      `cmd:"" help:"Show who would gain and lose what by a change, without making it."`
	Plan        planCmd        `cmd:"" help:"Show what templates would change, and who would gain or lose what."`
	Apply       applyCmd       `cmd:"" help:"Change an instance to match templates."`
	Destroy     destroyCmd     `cmd:"" help:"Delete what a stack has created."`
	Export      exportCmd      `cmd:"" help:"Write an instance as a template."`
	Test        testCmd        `cmd:"" help:"Run tests of who may do what, written in files."`
	Diff        diffCmd        `cmd:"" help:"Show what differs between two states of an instance, and who gains or loses what."`
	Lint        lintCmd        `cmd:"" help:"Find mistakes in security profiles, and paths by which people can become more powerful."`
	Mirror      mirrorCmd      `cmd:"" help:"Copy an instance of Amazon Connect, and keep the copy up to date."`
	MCP         mcpCmd         `cmd:"" name:"mcp" help:"Offer tools that answer who may do what to AI assistants of administrators (MCP)."`
	Gateway     mcpGatewayCmd  `cmd:"" name:"mcp-gateway" help:"Stand between AI agents and MCP servers, and let through what security profiles grant."`
	Gen         genCmd         `cmd:"" help:"Generate instances of any size, for load tests."`
	Env         envCmd         `cmd:"" help:"Print what a shell evaluates to use the running server."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask whether the server is healthy; exit status 0 says yes."`
	Version     versionCmd     `cmd:"" help:"Print the version."`

	Completion completionCmd `cmd:"" help:"Print the completion script of a shell."`
	Man        manCmd        `cmd:"" help:"Print the manual page, or write a page for each command."`
	Complete   completeCmd   `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"Print what may follow some words, for completion scripts."`
}

// streams are where a command reads and writes.
type streams struct {
	ctx         context.Context
	in          io.Reader
	out, errs   io.Writer
	inTerminal  bool
	outTerminal bool
	errTerminal bool
}

func main() {
	for _, kv := range os.Environ() { // an empty variable counts as not set
		if name, value, _ := strings.Cut(kv, "="); value == "" && strings.HasPrefix(name, "LANYARD_") {
			os.Unsetenv(name)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := runProgram(streams{ctx: ctx, in: os.Stdin, out: os.Stdout, errs: os.Stderr,
		inTerminal: term.IsTerminal(int(os.Stdin.Fd())), outTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		errTerminal: term.IsTerminal(int(os.Stderr.Fd()))}, os.Args[1:])
	stop()
	os.Exit(code)
}

// usageError is the exit status for a command line that cannot be understood.
const usageError = 2

// newParser returns what reads command lines into p. exit is called when --help has been answered.
func newParser(p *program, io streams, exit func(int)) *kong.Kong {
	parser, err := kong.New(p,
		kong.Name("lanyard"),
		kong.Description("Amazon Connect's security profiles, self-hosted.\n\nPrecedence of settings: flag, then "+
			"environment (LANYARD_LISTEN for --listen), then the file of --config or LANYARD_CONFIG, then the "+
			"default.\n\nExamples:\n  lanyard serve --demo\n  lanyard key create --account 210987654321\n  lanyard audit "+
			"--follow\n  lanyard check claire.dubois Users.View User/jonas.becker"),
		kong.DefaultEnvars("LANYARD"),
		kong.Vars{"lintConfig": lint.ConfigName},
		kong.Configuration(configFile),
		kong.Writers(io.out, io.errs),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ShortUsageOnError(),
	)
	if err != nil {
		panic(err) // the struct tags are wrong
	}
	return parser
}

// runProgram runs a command line and returns the exit status.
func runProgram(io streams, args []string) int {
	var p program
	exited := -1
	parser := newParser(&p, io, func(code int) { exited = code })
	c, err := parser.Parse(withTwoDashes(args))
	if exited >= 0 { // --help has been answered
		return exited
	}
	if err != nil {
		parser.Errorf("%s", printableLines(err.Error()))
		fmt.Fprintf(io.errs, "Run \"lanyard --help\" for usage.\n")
		return usageError
	}
	err = c.Run(io, &p)
	var failed *refusal
	var status exitStatus
	switch {
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, errDenied):
		return deniedStatus
	case err == nil:
		return 0
	case errors.As(err, &failed):
		parser.Errorf("%s", printableLines(failed.Error()))
		return usageError
	default:
		parser.Errorf("%s", printableLines(err.Error()))
		return 1
	}
}

// dashedCommands take long flags with one dash too, as Terraform has them.
var dashedCommands = map[string]bool{"plan": true, "apply": true, "destroy": true, "export": true}

var oneDash = regexp.MustCompile(`^-[a-z][a-z-]+(=|$)`)

// withTwoDashes writes the flags of those commands with two dashes.
func withTwoDashes(args []string) []string {
	if len(args) == 0 || !dashedCommands[args[0]] {
		return args
	}
	out := slices.Clone(args)
	for i, arg := range out {
		if arg == "--" {
			break
		}
		if oneDash.MatchString(arg) {
			out[i] = "-" + arg
		}
	}
	return out
}

// deniedStatus is the exit status for the answer no, for use in scripts.
const deniedStatus = 3

// errDenied ends a command whose answer was no and has been shown.
var errDenied = errors.New("denied")

// refusal is an error that the user of the command has to correct.
type refusal struct{ message string }

func (r *refusal) Error() string { return r.message }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }
