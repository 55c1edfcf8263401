package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/internal/emulator"
	"github.com/lanyard/lanyard/internal/frontends"
)

// serverURLFlags say where a server is. Its settings, in the same environment, do if nothing else does.
type serverURLFlags struct {
	URL     string `help:"URL of the server; default: that of --listen." name:"url" placeholder:"URL"`
	Listen  string `help:"Address on which the server listens, as lanyard serve has it; default ${default}." default:"127.0.0.1:4580" placeholder:"ADDR"`
	TLSCert string `help:"Set when the server has one." name:"tls-cert" placeholder:"FILE"`
}

// find returns the URL without a slash at its end.
func (f *serverURLFlags) find() (string, error) {
	if f.URL != "" {
		u, err := url.Parse(f.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" ||
			u.Path != "" && u.Path != "/" {
			return "", refuse("--url must be the URL of a server without a path, such as http://127.0.0.1:4580, got %q", f.URL)
		}
		return u.Scheme + "://" + u.Host, nil
	}
	if err := checkAddress(f.Listen); err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(f.Listen)
	if err != nil {
		return "", err
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if f.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

// askTime bounds how long a server may take to say how it is.
const askTime = 5 * time.Second

// newAsker returns a client that asks one server of this machine how it is, whoever its certificate is for: nothing is
// told to it.
func newAsker(place string) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	if u, err := url.Parse(place); err == nil && frontends.IsLoopback(net.JoinHostPort(u.Hostname(), "0")) {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	return &http.Client{Timeout: askTime, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get returns what a server answers.
func get(ctx context.Context, client *http.Client, place string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := client.Do(req)
	if failed := new(url.Error); errors.As(err, &failed) {
		return 0, nil, failed.Err // which does not repeat the URL
	}
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, body, err
}

type healthcheckCmd struct {
	serverURLFlags `embed:""`
}

func (healthcheckCmd) Help() string {
	return `Exit status 0 when the server answers and its store does, and an emulator has run its init scripts; 1 otherwise.
For the HEALTHCHECK of a container, which needs no shell and no other program for it.

Examples:
  lanyard healthcheck
  lanyard healthcheck --url http://127.0.0.1:9000`
}

// Run asks once.
func (c *healthcheckCmd) Run(io streams) error {
	place, err := c.find()
	if err != nil {
		return err
	}
	client := newAsker(place)
	defer client.CloseIdleConnections()
	status, body, err := get(io.ctx, client, place+"/readyz")
	switch {
	case err != nil:
		return fmt.Errorf("%s is not healthy: %w", place, err)
	case status != http.StatusOK:
		answer := strings.TrimSpace(string(body[:min(len(body), 200)]))
		return fmt.Errorf("%s is not healthy: it answers %d %s", place, status, printable(answer))
	}
	var scripts struct{ Completed bool }
	status, body, err = get(io.ctx, client, place+emulator.Prefix+"init/ready")
	if err == nil && status == http.StatusOK &&
		json.Unmarshal(body, &scripts, json.MatchCaseInsensitiveNames(true)) == nil && !scripts.Completed {
		return fmt.Errorf("%s is not healthy yet: its init scripts are running", place)
	}
	fmt.Fprintf(io.out, "%s is healthy\n", place)
	return nil
}
