package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/lanyard/lanyard/internal/control"
)

type userCmd struct {
	Password userPasswordCmd `cmd:"" help:"Set a user's password for the console."`
}

func (userCmd) Help() string {
	return `Create users with the API (CreateUser). A password is only for the console.

Examples:
  lanyard user password claire.dubois
  pass show claire | lanyard user password claire.dubois --instance harbour-outfitters --password-stdin`
}

type userPasswordCmd struct {
	dataFlag      `embed:""`
	User          string `arg:"" help:"User name or id."`
	Instance      string `help:"Id or alias of the user's instance; default: the only one."`
	PasswordStdin bool   `help:"Read the password from the first line of standard input instead of asking for it." name:"password-stdin"`
}

func (userPasswordCmd) Help() string {
	return `A password is 8 to 64 characters with no spaces and includes a lowercase letter, an uppercase letter and a
digit. It is stored as an Argon2id hash. Setting it ends the user's sessions.

Examples:
  lanyard user password claire.dubois
  printf 'Harbour-42\n' | lanyard user password claire.dubois --password-stdin`
}

func (c *userPasswordCmd) Run(io streams) error {
	password, err := c.readPassword(io)
	if err != nil {
		return err
	}
	if err := control.CheckPassword("the password", password); err != nil {
		return refuse("%v", err)
	}
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.SetPassword(io.ctx, c.Instance, c.User, password)
}

// readPassword reads the password from standard input, or asks for it twice.
func (c *userPasswordCmd) readPassword(s streams) (string, error) {
	if c.PasswordStdin {
		line, err := bufio.NewReader(io.LimitReader(s.in, 1024)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", refuse("standard input must be a terminal, or use --password-stdin to read the password from it")
	}
	var typed [2]string
	for i, prompt := range [2]string{"Password of " + c.User + ": ", "Again: "} {
		fmt.Fprint(s.errs, prompt)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(s.errs)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", refuse("the two passwords differ")
	}
	return typed[0], nil
}
