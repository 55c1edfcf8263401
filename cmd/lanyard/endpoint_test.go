package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
)

// impostor listens where a server did, answers everything, and notes what it receives.
type impostor struct {
	*httptest.Server
	mu   sync.Mutex
	got  bytes.Buffer
	said func(nonce string) string // its proof
}

func newImpostor(t *testing.T) *impostor {
	f := &impostor{said: func(string) string { return "" }}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		r.Write(&f.got)
		w.Header().Set(proofHeader, f.said(r.Header.Get(nonceHeader)))
		switch {
		case r.Method == "GET":
			fmt.Fprint(w, "[]")
		default:
			fmt.Fprint(w, `{"ID":"AKIAATTACKERSKEY0000","Secret":"theirs","Text":"lanyard_theirs"}`)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// TestImpostor expects that a program that listens where a crashed server did gets no secret and no request that
// could be replayed to the real server, and is not trusted.
func TestImpostor(t *testing.T) {
	dir := t.TempDir()
	s := start(t, built(t, ""), dir).ready()
	if _, err := s.newInstance("centre"); err != nil {
		t.Fatal(err)
	}
	here, err := readEndpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(nonce string) string { return nonceMAC(here.Proof, nonce) }
	replayed := valid(strings.Repeat("ab", nonceSize))
	if status, out, errs := command(t, "key", "list", "--data", dir); status != 0 || !strings.Contains(out, "AKIA") {
		t.Fatalf("the real server: %d %s %s", status, out, errs)
	}
	s.end(syscall.SIGKILL)

	f := newImpostor(t)
	left := endpoint{URL: f.URL, Region: here.Region, Proof: here.Proof}
	leave := func() {
		t.Helper()
		b := fmt.Sprintf(`{"URL":%q,"Region":%q,"Proof":%q}`, left.URL, left.Region, left.Proof)
		if err := replaceFile(filepath.Join(dir, endpointFile), []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	commands := map[string][]string{
		"key list":      {"key", "list"},
		"key create":    {"key", "create", "--account", "210987654321"},
		"token create":  {"token", "create", "--scope", "decide"},
		"password":      {"user", "password", "nobody", "--password-stdin"},
		"audit":         {"audit"},
		"audit prune":   {"audit", "prune", "--keep-events", "1"},
		"fault set":     {"fault", "set", "--operation", "CreateUser", "--exception", "ThrottlingException"},
		"check":         {"check", "nobody", "Users.View"},
		"check, token":  {"check", "nobody", "Users.View", "--token", "lanyard_TOKENTEXT"},
		"audit, follow": {"audit", "--follow"},
	}
	secrets := []string{"Authorization", "Signature", "Credential", "TOKENTEXT", "lanyard_", "210987654321", "Harbour-42",
		here.Proof}
	for name, said := range map[string]func(string) string{
		"no proof": func(string) string { return "" }, "an old one": func(string) string { return replayed },
		"the nonce":          func(nonce string) string { return nonce },
		"one by another key": func(nonce string) string { return nonceMAC("", nonce) },
	} {
		for asked, args := range commands {
			if name != "no proof" && asked != "password" {
				continue // they all talk through the same client
			}
			for _, held := range []bool{false, true} { // by a server that is starting or ending, at another address
				t.Run(fmt.Sprint(asked, ", ", name, ", held ", held), func(t *testing.T) {
					leave()
					f.got.Reset()
					f.said = said
					if held {
						lock := flock.New(filepath.Join(dir, "lanyard.lock"))
						if ok, err := lock.TryLock(); !ok || err != nil {
							t.Fatal(ok, err)
						}
						defer lock.Close()
					}
					var o, e bytes.Buffer
					status := runProgram(streams{ctx: t.Context(), in: strings.NewReader("Harbour-42\n"), out: &o, errs: &e},
						append(args, "--data", dir))
					out, errs := o.String(), e.String()
					if held && (status == 0 || !strings.Contains(errs, "is not proved to be the server")) {
						t.Errorf("status %d, %s", status, errs)
					}
					if strings.Contains(out+errs, "ATTACKER") || strings.Contains(out+errs, "theirs") {
						t.Errorf("the impostor is trusted: %s%s", out, errs)
					}
					got := f.got.String()
					if !held && got != "" {
						t.Errorf("without a server that holds the folder it gets %s", got)
					}
					for _, secret := range secrets {
						if strings.Contains(got, secret) {
							t.Errorf("the impostor gets %s", got)
						}
					}
					for request := range strings.SplitSeq(got, "\r\n\r\n") {
						if request != "" && !strings.HasPrefix(request, "GET /healthz HTTP/1.1\r\n") {
							t.Errorf("the impostor is asked %q", request)
						}
					}
				})
			}
		}
	}
	// One that knows the key is the server, as far as the test goes: it is what the others lack.
	lock := flock.New(filepath.Join(dir, "lanyard.lock"))
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer lock.Close()
	f.said = valid
	leave()
	if status, out, errs := command(t, "key", "list", "--data", dir, "--output", "json"); status != 0 ||
		!strings.Contains(out, "[]") {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
	// An endpoint of an earlier version has no key, with which nothing can be proved.
	left.Proof = ""
	f.said = func(nonce string) string { return nonceMAC("", nonce) }
	leave()
	if status, _, errs := command(t, "key", "list", "--data", dir); status == 0 ||
		!strings.Contains(errs, "earlier version") {
		t.Errorf("without a key: status %d, %s", status, errs)
	}
}
