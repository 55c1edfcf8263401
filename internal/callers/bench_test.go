package callers_test

import (
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/callers"
)

// BenchmarkAuthenticate measures what finding out who calls adds to a call.
func BenchmarkAuthenticate(b *testing.B) {
	for _, bb := range []struct {
		name string
		make func(b *testing.B) (*callers.Authenticator, string)
	}{
		{"token", func(*testing.B) (*callers.Authenticator, string) {
			return newAuthenticator(callers.Config{Directory: directory{map[string]lanyard.Token{"lanyard_valid": {
				Account: account, Instance: "i1", Scope: lanyard.ScopeCall, Agent: agent}}}}), "lanyard_valid"
		}},
		{"jwt", func(b *testing.B) (*callers.Authenticator, string) {
			p := newProvider(b)
			return newAuthenticator(of(p)), p.forge(forged{claims: map[string]any{"exp": time.Now().Unix() + 3600}})
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			a, text := bb.make(b)
			r := withToken(text)
			for b.Loop() {
				if _, err := a.Authenticate(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
