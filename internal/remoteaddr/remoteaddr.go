// Package remoteaddr says from which address a request comes. It trusts the connection and no header:
// what proxies say about those behind them is not looked at.
package remoteaddr

import (
	"net"
	"net/http"
)

// Host is the address of the sender of r, without the port.
func Host(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr // some listeners have no ports
	}
	return host
}
