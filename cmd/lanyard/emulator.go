package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/emulator"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store/postgres"
)

// emulatorFlags are those of an emulator for tests. All but Emulator require it.
type emulatorFlags struct {
	Emulator        bool     `help:"Be an emulator for tests: accept every signature, take a 12-digit access key for the account and the region from the signature, set no quotas, keep everything in memory unless --store says otherwise, and serve /_lanyard and /_localstack. Loopback addresses or containers only."`
	EmulatorHost    []string `help:"Further name by which clients reach an emulator; may be repeated. Others are refused, because web pages of strangers could have them point here." placeholder:"NAME"`
	EmulatorNetwork bool     `help:"Let an emulator listen for other machines outside of a container, too: every request may do everything."`

	Seed         []string `help:"CloudFormation templates that make what an emulator has at its start, as lanyard apply takes them; may be repeated." type:"existingfile" placeholder:"FILE"`
	SeedInstance string   `help:"Alias or ARN of the instance that the seeds are for; default: the ARN in the templates, otherwise the name of the first file. It is created." placeholder:"INSTANCE"`

	paramFlags `embed:""`

	InitDir     string        `help:"Folder whose ready.d has scripts (.sh, .py) that an emulator runs when it is ready; default ${default}." default:"/etc/lanyard/init" type:"path" placeholder:"DIR"`
	InitTimeout time.Duration `help:"How long each of those scripts may take." default:"5m"`
}

// The access key of the examples, which signs in to the console of an emulator in memory.
const (
	testKey    = "test"
	testSecret = "test"
)

// setStore sets the default of --store.
func (c *serveCmd) setStore() {
	if c.Store == "" && c.Emulator {
		c.Store = inMemory
	}
	c.Store = cmp.Or(c.Store, "sqlite")
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// checkEmulator refuses combinations that cannot be meant.
func (c *serveCmd) checkEmulator() error {
	if !c.Emulator {
		return c.checkNoEmulator()
	}
	for _, name := range c.EmulatorHost {
		if !hostForm.MatchString(name) {
			return refuse("--emulator-host must be a name without a port, such as lanyard.test, got %q", name)
		}
	}
	switch {
	case c.NoAuth:
		return refuse("--no-auth must be absent when --emulator is set, which includes it")
	case len(c.Seed) == 0 && (len(c.Param) > 0 || len(c.ParamFile) > 0 || c.SeedInstance != ""):
		return refuse("--seed is required when its parameters or its instance are set")
	case c.MCPGateway != "" && c.Store == inMemory:
		return refuse("--store must be sqlite or a PostgreSQL database when --emulator and --mcp-gateway are set, got memory")
	case c.InitTimeout < time.Second:
		return refuse("--init-timeout must be 1s or more, got %v", c.InitTimeout)
	}
	return c.checkReach(container())
}

// checkReach refuses to let others reach an emulator, unless it is in a container or they are meant to.
func (c *serveCmd) checkReach(container string) error {
	if frontends.IsLoopback(c.Listen) || c.EmulatorNetwork || container != "" {
		return nil
	}
	return refuse("--listen must be a loopback address when --emulator is set outside of a container, got %s, which "+
		"others can reach; --emulator-network allows it", c.Listen)
}

// checkNoEmulator refuses flags that require --emulator.
func (c *emulatorFlags) checkNoEmulator() error {
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"--emulator-host", len(c.EmulatorHost) > 0}, {"--emulator-network", c.EmulatorNetwork}, {"--seed", len(c.Seed) > 0},
		{"--param", len(c.Param) > 0}, {"--param-file", len(c.ParamFile) > 0},
		{"--seed-instance", c.SeedInstance != ""},
	} {
		if flag.set {
			return refuse("--emulator is required when %s is set", flag.name)
		}
	}
	return nil
}

// container says how it is known that this process runs in a container, or "".
func container() string { return emulator.InContainer(os.DirFS("/"), os.Getenv) }

// warnEmulator says in the log who may do what.
func (c *serveCmd) warnEmulator(log *slog.Logger) {
	reach := "this machine"
	switch {
	case frontends.IsLoopback(c.Listen):
	case c.EmulatorNetwork:
		reach = "the network, because of --emulator-network"
	default:
		reach = "the network of this container, known by " + container()
	}
	log.Warn("EMULATOR: no signature is checked; every request that reaches this address may do everything; for tests only",
		"listen", c.Listen, "reachable_from", reach)
}

// quotas returns those of the flags. An emulator has none but those that are set.
func (c *serveCmd) quotas() control.Quotas {
	q := c.Quota
	if c.Emulator {
		for _, n := range q.all() {
			if *n == 0 {
				*n = -1
			}
		}
	}
	return q.quotas()
}

// emulated is what an emulator consists of, besides its server.
type emulated struct {
	config  frontends.Config // of the server
	state   emulator.State
	faults  *fault.Set
	scripts *emulator.Scripts
	log     *slog.Logger
}

// wrap returns a handler that also answers what is for an emulator.
func (c *serveCmd) wrap(e emulated, next http.Handler) http.Handler {
	return emulator.Handler(emulator.Config{State: e.state, Faults: e.faults, CanFail: awsapi.CanFail,
		IsServed: awsapi.IsServed, Scripts: e.scripts, Admit: e.config.Admit, Account: c.Account, Region: c.Region,
		Version: version(), Logger: e.log}, next)
}

// findScripts finds what an emulator runs when it is ready.
func (c *serveCmd) findScripts(url string, log *slog.Logger) (*emulator.Scripts, error) {
	scripts, err := emulator.FindScripts(c.InitDir)
	if err != nil {
		return nil, fmt.Errorf("read --init-dir: %w", err)
	}
	scripts.Env, scripts.Timeout, scripts.Logger = emulator.ScriptEnv(os.Environ(), url, c.Region), c.InitTimeout, log
	return scripts, nil
}

// becomeReady runs the scripts of an emulator, and says when it is ready in the words that its clients wait for.
func becomeReady(ctx context.Context, io streams, scripts *emulator.Scripts) {
	scripts.Run(ctx)
	if ctx.Err() != nil {
		return
	}
	if all, failed := scripts.Failed(); failed > 0 {
		fmt.Fprintf(io.out, "%d of %d init scripts failed; the log has their output.\n", failed, all)
	}
	fmt.Fprintln(io.out, "Ready.")
}

// emulatorMark is a file in the data folder of an emulator, whose content anybody may reset.
const emulatorMark = "emulator"

// claimFolder makes sure that the data folder is an emulator's. Nobody must lose a real instance by a wrong --data. The
// root key is that of the examples then, unless another is set; a database that others use keeps its own.
func (c *serveCmd) claimFolder() error {
	if !c.Emulator || postgres.IsURL(c.Store) {
		return nil
	}
	if c.RootAccessKeyID == "" {
		c.RootAccessKeyID, c.RootSecretAccessKey = testKey, testSecret
	}
	if c.Data == "" {
		return nil
	}
	mark := filepath.Join(c.Data, emulatorMark)
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.Data, "lanyard.db")); err == nil {
		return refuse("--data must be a folder of an emulator or a new one when --emulator is set, got %s, whose instances are "+
			"of a server that is none; anybody could reset them", c.Data)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	return replaceFile(mark, []byte("The instances in this folder are those of an emulator, which can be reset.\n"))
}
