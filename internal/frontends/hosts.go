package frontends

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// ownHost reports whether a Host header can be meant for this server. An unknown name may belong to an attacker who
// points it here: pages under that name would then be of the same origin (DNS rebinding). This is impossible with
// loopback names, with addresses, and over TLS, where the certificate does not match.
func (c *Config) ownHost(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	name := hostname(r.Host)
	if a, err := netip.ParseAddr(name); err == nil {
		return a.IsLoopback() || !IsLoopback(c.Listen)
	}
	listen, _, _ := net.SplitHostPort(c.Listen)
	u, err := url.Parse(c.Console.URL)
	return c.Emulator.owns(name, c.Listen) || name == "localhost" || strings.HasSuffix(name, ".localhost") || listen != "" &&
		name == strings.ToLower(listen) ||
		err == nil && u.Host != "" && name == hostname(u.Host)
}

// OwnHost returns a function that reports whether a Host header can be meant for a server that listens on an address.
func OwnHost(listen string) func(*http.Request) bool { return (&Config{Listen: listen}).ownHost }

// hostname returns the name or address in a Host header.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// mayReach reports whether a request may reach the server. Without authentication, it must be for a name of this
// server, and not sent by a browser for a page of another origin.
func (c *Config) mayReach(r *http.Request) bool {
	return !c.NoAuth && c.Emulator == nil || AsksHealth(r) || c.ownHost(r) && !isForeign(r)
}

// refuseReach answers a request that mayReach refuses.
func (c *Config) refuseReach(w http.ResponseWriter) {
	message := "with --no-auth, Host must be a loopback name or the name that --listen has, and web pages must be of this server"
	if c.Emulator != nil {
		message = strangerRefused
	}

	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
	w.WriteHeader(http.StatusForbidden)
	io.WriteString(w, `{"Message":"`+message+`"}`+"\n")
}

// isForeign reports whether a browser sends a request for a page of another origin.
func isForeign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// IsLoopback reports whether only this machine reaches an address to listen on.
func IsLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// Admit reports whether a request may reach the server, and answers it if not.
func (c *Config) Admit(w http.ResponseWriter, r *http.Request) bool {
	ok := c.mayReach(r)
	if !ok {
		c.refuseReach(w)
	}
	return ok
}

// AsksHealth reports whether a request is a health check.
func AsksHealth(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }
