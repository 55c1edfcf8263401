package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/internal/emulator"
)

type envCmd struct {
	serverURLFlags `embed:""`
	Data           string `help:"Data folder of a server that is no emulator; default ${default}." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Account        string `help:"Account of an emulator to work in; default: that of the emulator." placeholder:"ACCOUNT"`
	Shell          string `help:"Shell whose syntax to use; auto: that of the variable SHELL." default:"auto" enum:"auto,sh,bash,zsh,fish,powershell"`
}

func (envCmd) Help() string {
	return `Prints what a shell evaluates so that the AWS command line, SDKs and Terraform use the running server for
Amazon Connect, and AWS or any other emulator for everything else. The server is that of --url, otherwise the one
that uses the data folder, otherwise the emulator at the address of --listen.

Examples:
  eval "$(lanyard env)"
  eval "$(lanyard env --url http://127.0.0.1:9000 --account 111122223333)"
  lanyard env --shell fish | source
  lanyard env --shell powershell | Out-String | Invoke-Expression`
}

// variables are those that a shell sets and unsets.
type variables struct {
	set   [][2]string // names and values, in order
	unset []string
}

// Run prints the variables.
func (c *envCmd) Run(io streams) error {
	if c.Account != "" {
		if err := checkPlace(c.Account, "us-east-1"); err != nil {
			return err
		}
	}
	all, err := c.find(io.ctx)
	if err != nil {
		return err
	}
	all.unset = append(all.unset, divertingHere()...)
	write, err := c.syntax()
	if err != nil {
		return err
	}
	for _, v := range all.set {
		if strings.ContainsFunc(v[1], unicode.IsControl) {
			return refuse("%s must have no control characters, got %q", v[0], v[1])
		}
	}
	fmt.Fprint(io.out, write(all))
	return nil
}

// divertingHere returns the variables of this shell with which SDKs would pass over the server.
func divertingHere() (names []string) {
	for _, name := range emulator.Diverting {
		if os.Getenv(name) != "" {
			names = append(names, name)
		}
	}
	return names
}

// find finds the server.
func (c *envCmd) find(ctx context.Context) (variables, error) {
	if c.URL == "" {
		all, err := c.ofFolder(ctx)
		if err == nil || !notRunning(err) {
			return all, err
		}
	}
	place, err := c.serverURLFlags.find()
	if err != nil {
		return variables{}, err
	}
	all, err := c.ofEmulator(ctx, place)
	switch {
	case err == nil || errors.Is(err, errNoEmulator):
		return all, err
	case c.URL != "":
		return all, fmt.Errorf("no server answers at %s: %w", place, err)
	}
	return all, refuse("no server uses the data folder %s, and none answers at %s; start one with lanyard serve, or say with "+
		"--url where it is", c.Data, place)
}

// ofFolder returns the variables for the server that uses the data folder.
func (c *envCmd) ofFolder(ctx context.Context) (variables, error) {
	here, err := readEndpoint(c.Data)
	if err != nil {
		return variables{}, err
	}
	if _, err := os.Stat(filepath.Join(c.Data, emulatorMark)); err == nil {
		return c.ofEmulator(ctx, here.URL)
	}
	file, err := filepath.Abs(filepath.Join(c.Data, credentialsFile))
	if err != nil {
		return variables{}, err
	}
	if c.Account != "" {
		return variables{}, refuse("--account must be absent for a server that is no emulator; lanyard key create makes keys of " +
			"other accounts")
	}
	return variables{set: [][2]string{{"AWS_ENDPOINT_URL_CONNECT", here.URL}, {"AWS_SHARED_CREDENTIALS_FILE", file},
		{"AWS_REGION", here.Region}, {"AWS_DEFAULT_REGION", here.Region}},
		unset: []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}}, nil
}

// errNoEmulator is returned when a server answers that is no emulator.
var errNoEmulator = errors.New("the server there is no emulator, so its address does not tell how to sign; set --data to " +
	"its data folder")

// ofEmulator returns the variables for the emulator at a URL.
func (c *envCmd) ofEmulator(ctx context.Context, place string) (variables, error) {
	client := newAsker(place)
	defer client.CloseIdleConnections()
	status, body, err := get(ctx, client, place+emulator.Prefix+"health")
	if err != nil {
		return variables{}, err
	}
	var health struct {
		Region string `json:"region"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &health) != nil || !regionForm.MatchString(health.Region) {
		return variables{}, fmt.Errorf("%s: %w", place, errNoEmulator)
	}
	key := testKey
	if c.Account != "" {
		key = c.Account
	}
	return variables{set: [][2]string{{"AWS_ENDPOINT_URL_CONNECT", place}, {"AWS_ACCESS_KEY_ID", key},
		{"AWS_SECRET_ACCESS_KEY", testSecret}, {"AWS_REGION", health.Region}, {"AWS_DEFAULT_REGION", health.Region}},
		unset: []string{"AWS_PROFILE", "AWS_SESSION_TOKEN"}}, nil
}

// syntax returns what writes variables for the shell.
func (c *envCmd) syntax() (func(variables) string, error) {
	shell := c.Shell
	if shell == "auto" {
		shell = strings.TrimSuffix(filepath.Base(os.Getenv("SHELL")), ".exe")
	}
	switch shell {
	case "fish":
		return variables.fish, nil
	case "powershell", "pwsh":
		return variables.powershell, nil
	case "csh", "tcsh":
		return nil, refuse("--shell must be sh, bash, zsh, fish or powershell, got %s", shell)
	}
	return variables.posix, nil
}

func (v variables) posix() string {
	var b strings.Builder
	for _, one := range v.set {
		fmt.Fprintf(&b, "export %s=%s\n", one[0], shellQuote(one[1]))
	}
	fmt.Fprintf(&b, "unset %s\n", strings.Join(v.unset, " "))
	return b.String()
}

func (v variables) fish() string {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for _, one := range v.set {
		fmt.Fprintf(&b, "set -gx %s '%s';\n", one[0], quote.Replace(one[1]))
	}
	fmt.Fprintf(&b, "set -e %s;\n", strings.Join(v.unset, " "))
	return b.String()
}

// powershell doubles quotation marks, of which PowerShell knows five.
func (v variables) powershell() string {
	var b strings.Builder
	quote := strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛")
	for _, one := range v.set {
		fmt.Fprintf(&b, "$env:%s = '%s'\n", one[0], quote.Replace(one[1]))
	}
	for _, name := range v.unset {
		fmt.Fprintf(&b, "$env:%s = $null\n", name)
	}
	return b.String()
}
