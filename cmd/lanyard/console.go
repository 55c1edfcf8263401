package main

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/store"
)

type consoleFlags struct {
	ConsoleURL     string        `help:"URL at which browsers reach the console, if it differs from the server's: behind a proxy, or for single sign-on." name:"console-url" placeholder:"URL"`
	ConsoleIdle    time.Duration `help:"Idle timeout of a session of the console." default:"30m"`
	ConsoleSession time.Duration `help:"Maximum length of a session of the console." default:"12h"`

	OIDC oidcFlags `embed:"" prefix:"oidc-" group:"Single sign-on to the console (OpenID Connect)"`
}

type oidcFlags struct {
	Issuer       string `help:"URL of the provider." placeholder:"URL"`
	ClientID     string `help:"Client id from the provider." name:"client-id" placeholder:"ID"`
	ClientSecret string `help:"Client secret; set it through the environment. Without one the client is public." placeholder:"SECRET"`
	Claim        string `help:"Claim that holds the user name: preferred_username, email, sub or another." default:"preferred_username"`
	Instance     string `help:"Id or alias of the instance whose users sign in; default: the only one."`
	Label        string `help:"Text of the button." default:"Single sign-on"`
}

// checkConsole refuses combinations that cannot be meant.
func (c *consoleFlags) checkConsole() error {
	if c.ConsoleURL != "" {
		u, err := url.Parse(c.ConsoleURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" ||
			u.RawQuery != "" || u.User != nil {
			return refuse("--console-url must be the URL of a server without a path, such as "+
				"https://console.example, got %q", c.ConsoleURL)
		}
	}
	if c.ConsoleIdle < time.Minute || c.ConsoleSession < time.Minute {
		return refuse("--console-idle and --console-session must be 1m or more, got %v and %v", c.ConsoleIdle, c.ConsoleSession)
	}
	o := c.OIDC
	if (o.Issuer == "") != (o.ClientID == "") {
		return refuse("--oidc-issuer and --oidc-client-id are required together, got only one")
	}
	if o.Issuer == "" && o.ClientSecret != "" {
		return refuse("--oidc-issuer is required when --oidc-client-secret is set")
	}
	if u, err := url.Parse(o.Issuer); o.Issuer != "" &&
		(err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return refuse("--oidc-issuer must be a URL, got %q", o.Issuer)
	}
	return nil
}

// console wires the console to the API and the decision API.
func (c *serveCmd) console(ctx context.Context, db store.Credentials, svc *control.Service, api *awsapi.Server,
	ask *questions.Service, pools bodies, calls *atomic.Int64, log *slog.Logger) (*console.Server, error) {
	secret, err := db.Secret(ctx, "console")
	if err != nil {
		return nil, err
	}
	config := console.Config{
		Control: svc, Account: c.Account, URL: c.ConsoleURL, Idle: c.ConsoleIdle, Session: c.ConsoleSession, Secret: secret,
		Version: version(), Logger: log,
		Strangers: pools.strangers, Callers: pools.callers, OwnHost: c.ownHost,
		Call: api.Invoke, Questions: ask,
		Export: func(e lanyard.Event) any { return audit.From(e) },
		Stats: func() console.Stats {
			n := console.Stats{Calls: calls.Load(), Refused: api.Refused(), Store: "ok"}
			n.Decisions, n.Denied = ask.Decided()
			if err := svc.Ready(ctx); err != nil {
				n.Store = "the store does not answer"
			}
			return n
		},
	}
	if o := c.OIDC; o.Issuer != "" {
		config.OIDC = &console.OIDC{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Claim: o.Claim,
			Instance: o.Instance, Label: o.Label}
	}
	return console.New(config)
}
