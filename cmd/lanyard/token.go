package main

import (
	"fmt"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Create a token, and show it once."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token."`
}

func (tokenCmd) Help() string {
	return `Tokens let services ask for decisions (AuthZEN) without signing, or follow an instance and decide by themselves, and
AI agents call tools through the MCP gateway.

Examples:
  lanyard token create --instance 3fdf9b6c-… --expires 720h --comment desktop
  lanyard token create --agent arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/booking --user claire.dubois
  lanyard token list --output json
  lanyard token revoke 5b1f…`
}

type tokenCreateCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
	Account    string        `help:"Account whose instances the token may ask about." default:"123456789012"`
	Instance   string        `help:"The only instance that the token is for; default: all instances of the account. With --agent or --user: id or alias; default: the only instance."`
	Agent      string        `help:"AI agent that calls tools with the token, by its ARN, qualifier included." placeholder:"ARN"`
	User       string        `help:"User whom the AI agent assists, or who calls tools without one: id or name." placeholder:"USER"`
	Scope      string        `help:"What the token allows: decide, administer (also what-if), call (tools, and nothing else) or follow (decide elsewhere by the rights of --instance, and nothing else); default: call with --agent or --user, else decide." default:"" enum:",decide,administer,call,follow"`
	Expires    time.Duration `help:"How long the token is valid; 0 means until it is revoked." default:"2160h"`
	Comment    string        `help:"What the token is for."`
}

func (tokenCreateCmd) Help() string {
	return `Examples:
  lanyard token create --comment desktop
  lanyard token create --instance 3fdf9b6c-… --scope administer --expires 8h
  lanyard token create --instance 3fdf9b6c-… --scope follow --comment "orders service"
  lanyard token create --instance harbour --agent arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/booking
  lanyard token create --agent arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/booking --user claire.dubois`
}

func (c *tokenCreateCmd) Run(io streams) error {
	if c.Expires < 0 {
		return refuse("--expires must be 0 for no expiry, or more, got %v", c.Expires)
	}
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	t := lanyard.Token{Account: c.Account, Instance: c.Instance, Scope: c.scope(), Agent: c.Agent, User: c.User,
		Comment: c.Comment}
	if c.Expires > 0 {
		t.Expires = time.Now().Add(c.Expires).UTC().Truncate(time.Second)
	}
	t, text, err := m.CreateToken(io.ctx, t)
	if err != nil {
		return err
	}
	if c.json(io) {
		return laxjson.Write(io.out, map[string]any{"Id": t.ID, "Token": text, "Account": t.Account,
			"Instance": t.Instance, "Scope": t.Scope, "Agent": t.Agent, "User": t.User, "Expires": t.Expires})
	}
	fmt.Fprintln(io.out, text)
	fmt.Fprintln(io.errs, "The token is shown only this once.")
	return nil
}

// scope returns the scope that the flags ask for.
func (c *tokenCreateCmd) scope() lanyard.TokenScope {
	switch {
	case c.Scope != "":
		return lanyard.TokenScope(c.Scope)
	case c.Agent != "" || c.User != "":
		return lanyard.ScopeCall
	}
	return lanyard.ScopeDecide
}

type tokenListCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
}

func (tokenListCmd) Help() string {
	return `Examples:
  lanyard token list
  lanyard token list --output json`
}

func (c *tokenListCmd) Run(io streams) error {
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	tokens, err := m.Tokens(io.ctx)
	if err != nil {
		return err
	}
	if c.json(io) {
		type line struct {
			ID       string `json:"Id"`
			Account  string
			Instance string
			Scope    lanyard.TokenScope
			Agent    string
			User     string
			Status   string
			Created  time.Time
			Expires  time.Time
			Comment  string
		}
		lines := []line{}
		for _, t := range tokens {
			lines = append(lines, line{t.ID, t.Account, t.Instance, t.Scope, t.Agent, t.User, tokenStatus(t), t.Created,
				t.Expires, t.Comment})
		}
		return laxjson.Write(io.out, lines)
	}
	w := newTable(io.out, "TOKEN", "ACCOUNT", "INSTANCE", "SCOPE", "BEARER", "STATUS", "EXPIRES", "COMMENT")
	for _, t := range tokens {
		instance, expires := t.Instance, "never"
		if instance == "" {
			instance = "all"
		}
		if !t.Expires.IsZero() {
			expires = t.Expires.Format(time.DateTime)
		}
		w.row(t.ID, t.Account, instance, t.Scope, tokenBearer(t), tokenStatus(t), expires, t.Comment)
	}
	return w.flush()
}

// tokenBearer says who calls with a token; "anybody" for one that is for nobody in particular.
func tokenBearer(t lanyard.Token) string {
	switch {
	case t.Agent != "" && t.User != "":
		return t.Agent + " for user " + t.User
	case t.Agent != "":
		return t.Agent
	case t.User != "":
		return "user " + t.User
	}
	return "anybody"
}

func tokenStatus(t lanyard.Token) string {
	switch {
	case t.Revoked:
		return "revoked"
	case !t.Expires.IsZero() && !time.Now().Before(t.Expires):
		return "expired"
	}
	return "active"
}

type tokenRevokeCmd struct {
	dataFlag `embed:""`
	ID       string `arg:"" name:"token" help:"Id of the token."`
}

func (tokenRevokeCmd) Help() string {
	return `Examples:
  lanyard token revoke 5b1f2c3d-…`
}

func (c *tokenRevokeCmd) Run(io streams) error {
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.RevokeToken(io.ctx, c.ID)
}
