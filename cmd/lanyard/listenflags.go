package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
)

// tlsFlags are the flags of commands that serve HTTPS.
type tlsFlags struct {
	TLSCert string `help:"Serve HTTPS with this certificate chain (PEM)." type:"existingfile" name:"tls-cert" placeholder:"FILE"`
	TLSKey  string `help:"Private key of --tls-cert (PEM)." type:"existingfile" name:"tls-key" placeholder:"FILE"`
}

// loadCertificates reads --tls-cert and --tls-key, if they are set.
func (c *tlsFlags) loadCertificates() ([]tls.Certificate, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("read --tls-cert and --tls-key: %w", err)
	}
	return []tls.Certificate{pair}, nil
}

// urlOf is the URL of a listener, for clients on this machine.
func (c *tlsFlags) urlOf(l net.Listener) string {
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return scheme + "://" + l.Addr().String()
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// serveOn serves until the server is shut down.
func (c *tlsFlags) serveOn(srv *http.Server, listener net.Listener) error {
	if c.TLSCert != "" {
		return srv.ServeTLS(listener, "", "")
	}
	return srv.Serve(listener)
}

// logFlags are the flags of commands that write a log.
type logFlags struct {
	LogLevel  string `help:"Lowest level that is logged." default:"info" enum:"debug,info,warn,error"`
	LogFormat string `help:"Format of the log; auto is text on a terminal and JSON elsewhere." default:"auto" enum:"auto,text,json"`
}

// newLogger returns the log that the flags describe.
func (c *logFlags) newLogger(io streams) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		panic(err) // the flag allows no other value
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "text" || c.LogFormat == "auto" && io.errTerminal {
		return slog.New(limitLog(slog.NewTextHandler(io.errs, options)))
	}
	return slog.New(limitLog(slog.NewJSONHandler(io.errs, options)))
}
