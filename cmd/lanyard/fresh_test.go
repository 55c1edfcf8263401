package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// TestServerCutOff expects that a server without its database answers questions as its operator chose, and says so;
// and that a server never overlooks a change of another that the caller names.
func TestServerCutOff(t *testing.T) {
	pg := pgtest.Start(t)
	schema := pg.Schema(t, t.TempDir())
	wire := pg.Proxy(t)
	a := start(t, "lanyard", t.TempDir(), "--store", pg.At("", schema)).ready()
	b := start(t, "lanyard", t.TempDir(), "--store", pg.At(wire.Address, schema), "--max-staleness=3s",
		"--snapshot-memory=1MiB", "--log-level=debug").ready()
	in, err := a.newInstance("centre")
	if err != nil {
		t.Fatal(err)
	}
	question := func(revision int) string {
		return fmt.Sprintf(`{"subject":{"type":"user","id":"nobody"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":"x"},"context":{"at_least_revision":%d}}`, revision)
	}
	path := "/instances/" + in + "/access/v1/"
	asks := func(name string, status int, words ...string) {
		t.Helper()
		revision := 0
		fmt.Sscanf(name, "revision %d", &revision)
		began := time.Now()
		got, body, err := b.send("POST", path+"evaluation", question(revision))
		if err != nil || got != status {
			t.Errorf("%s: status %d %s, %v; want %d", name, got, body, err, status)
		}
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s: says %s, want %q", name, body, word)
			}
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("%s: answered after %v", name, took)
		}
	}
	asks("revision 1", http.StatusOK, `"revision":1`)
	wire.Set(pgtest.Blackout)
	if err := a.get("PUT", "/security-profiles/"+in, `{"SecurityProfileName":"New"}`, nil); err != nil {
		t.Fatal(err)
	}
	asks("revision 1", http.StatusOK, `"revision":1`)
	asks("revision 2", http.StatusServiceUnavailable)
	if err := until(func() error {
		status, body, err := b.send("POST", path+"evaluation", question(0))
		if err == nil && status != http.StatusServiceUnavailable {
			err = fmt.Errorf("status %d %s", status, body)
		}
		return err
	}); err != nil {
		t.Errorf("beyond the bound: %v", err)
	}
	asks("revision 1", http.StatusServiceUnavailable, "its data was last confirmed", "within 3s")
	for endpoint, body := range map[string]string{
		"search/action": `{"subject":{"type":"user","id":"u"},"resource":{"type":"User","id":"u"}}`,
		"holders":       `{"resource":{"type":"SecurityProfile","id":"p"}}`,
		"effective":     `{"subject":{"type":"user","id":"u"}}`,
	} {
		if status, text, err := b.send("POST", path+endpoint, body); err != nil || status != http.StatusServiceUnavailable ||
			!strings.Contains(text, "its data was last confirmed") {
			t.Errorf("%s beyond the bound: %d %s, %v", endpoint, status, text, err)
		}
	}
	if status, _, err := b.send("GET", "/healthz", ""); err != nil || status != http.StatusOK {
		t.Errorf("the process lives, but /healthz answers %d, %v", status, err)
	}
	wire.Set(pgtest.Through)
	wire.Cut()
	if err := until(func() error {
		status, body, err := b.send("POST", path+"evaluation", question(2))
		if err == nil && (status != http.StatusOK || !strings.Contains(body, `"revision":2`)) {
			err = fmt.Errorf("status %d %s", status, body)
		}
		return err
	}); err != nil {
		t.Errorf("after it: %v", err)
	}
	for _, s := range []*server{a, b} {
		if status := s.end(syscall.SIGTERM); status != 0 {
			t.Errorf("exit status %d\n%s", status, s.errs.String())
		}
	}
}
