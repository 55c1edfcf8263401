package main

import (
	"net/url"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/frontends"
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

// consoleConfig returns how the console signs in.
func (c *consoleFlags) consoleConfig() frontends.Console {
	config := frontends.Console{URL: c.ConsoleURL, Idle: c.ConsoleIdle, Session: c.ConsoleSession}
	if o := c.OIDC; o.Issuer != "" {
		config.OIDC = &console.OIDC{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Claim: o.Claim,
			Instance: o.Instance, Label: o.Label}
	}
	return config
}
