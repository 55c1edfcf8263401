package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/mcpserver"
)

// serveHTTP serves assistants over HTTP until the context of io ends, at the same path as the server itself.
func (c *mcpCmd) serveHTTP(s streams) error {
	server, err := c.openServer(s.ctx)
	if err != nil {
		return err
	}
	defer server.client.CloseIdleConnections()
	target, err := url.Parse(server.endpoint.URL)
	if err != nil {
		return fmt.Errorf("read the address of the server: %w", err)
	}
	listener, err := net.Listen("tcp", c.HTTP)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.HTTP, err)
	}
	defer listener.Close()
	serve := &tlsFlags{TLSCert: c.TLSCert, TLSKey: c.TLSKey}
	certificates, err := serve.loadCertificates()
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	conns := &intake.Conns{Most: 1024, PerAddress: 256, Reserve: reservedConnections, Vital: frontends.AsksHealth}
	srv := &http.Server{
		Handler:           conns.Handler(newAssistantProxy(target, server.transport(), frontends.OwnHost(c.HTTP))),
		ConnContext:       conns.Context,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		TLSConfig:         &tls.Config{Certificates: certificates},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- serve.serveOn(srv, conns.Listen(listener)) }()
	printf(s.out, "The tools are at %s%s, from the server at %s.\n", serve.urlOf(listener), mcpserver.Path, server.endpoint.URL)
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-s.ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return srv.Shutdown(ctx)
}

// newAssistantProxy passes requests of assistants on to a server, each with its own token. Requests without a token
// are refused here: a server without authentication would answer them.
func newAssistantProxy(target *url.URL, transport http.RoundTripper, ownHost func(*http.Request) bool) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL = &url.URL{Scheme: target.Scheme, Host: target.Host, Path: target.Path + mcpserver.Path}
			r.Out.Host = target.Host
			for _, name := range []string{"Origin", "Sec-Fetch-Site", "Cookie"} { // checked here
				r.Out.Header.Del(name)
			}
		},
		Transport: transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			refuseAssistant(w, http.StatusBadGateway, "the server of lanyard does not answer")
		},
	}
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		switch {
		case r.URL.Path == "/healthz":
			w.Write([]byte("ok\n"))
		case r.URL.Path != mcpserver.Path:
			refuseAssistant(w, http.StatusNotFound, "the path must be "+mcpserver.Path)
		case origins.Check(r) != nil || r.Header.Get("Origin") != "" && !ownHost(r):
			refuseAssistant(w, http.StatusForbidden, "the request comes from a page of another site")
		case len(r.Header["Authorization"]) != 1 || !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "":
			w.Header().Set("WWW-Authenticate", `Bearer realm="lanyard"`)
			refuseAssistant(w, http.StatusUnauthorized, "Authorization must be Bearer and a token of lanyard token create")
		default:
			proxy.ServeHTTP(w, r)
		}
	})
}

// refuseAssistant answers with a JSON-RPC error without id.
func refuseAssistant(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":%q}}`, message)
}
