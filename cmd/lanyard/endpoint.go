package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A command makes the program that listens at the address of a server prove that it is that server. It sends a nonce
// in a header of /healthz, on every connection and before anything else.
const (
	nonceHeader  = "X-Lanyard-Nonce"
	proofHeader  = "X-Lanyard-Proof"
	nonceSize    = 32 // bytes
	proofTimeout = 10 * time.Second
)

// nonceMAC returns the answer to a nonce, which only a holder of the key can compute.
func nonceMAC(key, nonce string) string {
	mac := hmac.New(sha256.New, []byte(key))
	io.WriteString(mac, "lanyard endpoint\x00"+nonce)
	return hex.EncodeToString(mac.Sum(nil))
}

// proving returns a handler that also answers nonces.
func proving(key string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if nonce := r.Header.Get(nonceHeader); r.URL.Path == "/healthz" && len(nonce) == hex.EncodedLen(nonceSize) {
			w.Header().Set(proofHeader, nonceMAC(key, nonce))
		}
		next.ServeHTTP(w, r)
	})
}

// client returns a client that talks only to the server that wrote the endpoint. With TLS it trusts exactly the
// certificate whose fingerprint the server left in the folder; that certificate may be for another name, or from an
// authority that this machine does not know.
func (e endpoint) client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.ForceAttemptHTTP2 = nil, false
	dialer := &net.Dialer{Timeout: proofTimeout}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		return e.proven(c, err)
	}
	if e.Certificate != "" {
		secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{
			InsecureSkipVerify: true, // VerifyConnection is stricter
			VerifyConnection: func(s tls.ConnectionState) error {
				if got := fingerprint(s.PeerCertificates[0].Raw); got != e.Certificate {
					return fmt.Errorf("the server at %s shows a certificate with SHA-256 %s, not the one of the data folder", e.URL,
						got)
				}
				return nil
			},
		}}
		transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := secure.DialContext(ctx, network, address)
			return e.proven(c, err)
		}
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: transport}
}

// errImpostor is returned when the program that listens at the address of the server cannot prove to be it.
var errImpostor = errors.New("the program that listens there is not proved to be the server of this data folder; if it is " +
	"a server of an earlier version, restart it")

// proven returns a new connection after its other end has proved to be the server.
func (e endpoint) proven(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	if err := e.prove(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (e endpoint) prove(c net.Conn) error {
	random := make([]byte, nonceSize)
	rand.Read(random)
	nonce := hex.EncodeToString(random)
	if err := c.SetDeadline(time.Now().Add(proofTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: %s\r\n%s: %s\r\n\r\n", c.RemoteAddr(), nonceHeader,
		nonce); err != nil {
		return err
	}
	r := bufio.NewReader(io.LimitReader(c, 64<<10))
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return fmt.Errorf("%w (%w)", errImpostor, err)
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if err != nil || r.Buffered() > 0 || e.Proof == "" ||
		!hmac.Equal([]byte(res.Header.Get(proofHeader)), []byte(nonceMAC(e.Proof, nonce))) {
		return errImpostor
	}
	return c.SetDeadline(time.Time{})
}
