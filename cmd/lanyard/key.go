package main

import (
	"fmt"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

type keyCmd struct {
	Create  keyCreateCmd  `cmd:"" help:"Create an access key for an account."`
	List    keyListCmd    `cmd:"" help:"List the access keys, without their secrets."`
	Disable keyDisableCmd `cmd:"" help:"Disable an access key."`
}

func (keyCmd) Help() string {
	return `Examples:
  lanyard key create --account 210987654321 --comment ci
  lanyard key list --output json
  lanyard key disable AKIAEXAMPLEEXAMPLE`
}

type outputFlag struct {
	Output string `help:"Format of the output; auto is a table on a terminal and JSON elsewhere." default:"auto" enum:"auto,table,json"`
}

func (o outputFlag) json(io streams) bool {
	return o.Output == "json" || o.Output == "auto" && !io.outTerminal
}

type keyCreateCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
	Account    string `help:"Account whose calls the key signs; twelve digits." required:""`
	Comment    string `help:"What the key is for."`
}

func (keyCreateCmd) Help() string {
	return `Examples:
  lanyard key create --account 210987654321 --comment ci
  lanyard key create --account 210987654321 --output json`
}

func (c *keyCreateCmd) Run(io streams) error {
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	k, err := m.CreateKey(io.ctx, c.Account, c.Comment)
	if err != nil {
		return err
	}
	if c.json(io) {
		return laxjson.Write(io.out, map[string]string{"AccessKeyId": k.ID, "SecretAccessKey": k.Secret,
			"Account": k.Account})
	}
	fmt.Fprintf(io.out, "aws_access_key_id = %s\naws_secret_access_key = %s\n", k.ID, k.Secret)
	fmt.Fprintln(io.errs, "The secret is shown only this once.")
	return nil
}

type keyListCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
}

func (keyListCmd) Help() string {
	return `Examples:
  lanyard key list
  lanyard key list --data /var/lib/lanyard --output json`
}

func (c *keyListCmd) Run(io streams) error {
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	keys, err := m.Keys(io.ctx)
	if err != nil {
		return err
	}
	if c.json(io) {
		type line struct {
			AccessKeyID string `json:"AccessKeyId"`
			Account     string
			Status      string
			Root        bool
			Created     time.Time
			Comment     string
		}
		lines := []line{}
		for _, k := range keys {
			lines = append(lines, line{k.ID, k.Account, keyStatus(k), k.Root, k.Created, k.Comment})
		}
		return laxjson.Write(io.out, lines)
	}
	w := newTable(io.out, "ACCESS KEY", "ACCOUNT", "STATUS", "CREATED", "COMMENT")
	for _, k := range keys {
		w.row(k.ID, k.Account, keyStatus(k), k.Created.Format(time.DateTime), k.Comment)
	}
	return w.flush()
}

func keyStatus(k lanyard.AccessKey) string {
	if k.Disabled {
		return "disabled"
	}
	return "active"
}

type keyDisableCmd struct {
	dataFlag `embed:""`
	ID       string `arg:"" name:"access-key" help:"Id of the access key."`
}

func (keyDisableCmd) Help() string {
	return `Examples:
  lanyard key disable AKIAEXAMPLEEXAMPLE`
}

func (c *keyDisableCmd) Run(io streams) error {
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.DisableKey(io.ctx, c.ID)
}
