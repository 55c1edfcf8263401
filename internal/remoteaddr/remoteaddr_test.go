package remoteaddr_test

import (
	"net/http"
	"testing"

	"github.com/lanyard/lanyard/internal/remoteaddr"
)

func TestHost(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1:4877": "192.0.2.1", "[2001:db8::1]:80": "2001:db8::1", "@": "@",
		"": ""} {
		if got := remoteaddr.Host(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("the host of %q is %q, want %q", addr, got, want)
		}
	}
}
