package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/follow"
)

// A program that follows a server, which is another process, decides by what was changed over the API a moment ago,
// also after that server was killed and has come back.
func TestFollow(t *testing.T) {
	t.Parallel()
	succeed := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	s := start(t, "lanyard", dir).ready()
	in, err := s.newInstance("followed")
	succeed(err)
	var profile struct{ SecurityProfileId string }
	succeed(s.get("PUT", "/security-profiles/"+in, `{"SecurityProfileName":"Viewers","Permissions":["Users.View"]}`, &profile))
	var routing struct{ RoutingProfileSummaryList []struct{ Id string } }
	succeed(s.get("GET", "/routing-profiles-summary/"+in, "", &routing))
	succeed(s.get("PUT", "/users/"+in, fmt.Sprintf(`{"Username":"ada","Password":"Passw0rd","PhoneConfig":`+
		`{"PhoneType":"SOFT_PHONE"},"SecurityProfileIds":[%q],"RoutingProfileId":%q,"IdentityInfo":{"FirstName":"Ada",`+
		`"LastName":"L"}}`, profile.SecurityProfileId, routing.RoutingProfileSummaryList[0].Id), nil))
	status, out, errs := command(t, "token", "create", "--data", dir, "--instance", in, "--scope", "follow", "--output", "table")
	if status != 0 {
		t.Fatal(errs)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f, err := follow.Open(ctx, s.url, strings.TrimSpace(out), in,
		func(c *follow.Config) { c.Logger = slog.New(slog.DiscardHandler) })
	succeed(err)
	defer f.Close()
	decides := func(action string, want bool) {
		t.Helper()
		d, err := f.Decide(&access.Query{Subject: access.Subject{ID: "ada"}, Action: action})
		if err != nil || d.Allow != want {
			t.Errorf("%s is decided as %+v, %v, want %v", action, d, err, want)
		}
	}
	decides("Users.View", true)
	change := func(permission string) {
		t.Helper()
		req, err := s.request("POST", "/security-profiles/"+in+"/"+profile.SecurityProfileId,
			fmt.Sprintf(`{"Permissions":[%q]}`, permission))
		succeed(err)
		resp, err := s.client.Do(req)
		succeed(err)
		resp.Body.Close()
		revision, err := strconv.ParseInt(resp.Header.Get("x-lanyard-revision"), 10, 64)
		succeed(err)
		succeed(f.WaitFor(ctx, revision))
	}
	change("Users.Edit")
	decides("Users.Edit", true)
	decides("Users.View", false)

	address := strings.TrimPrefix(s.url, "http://")
	s.end(syscall.SIGKILL)
	decides("Users.Edit", true) // for as long as that is not stale
	s = start(t, "lanyard", dir, "--listen", address).ready()
	change("Queues.View")
	decides("Queues.View", true)
	if status := s.end(syscall.SIGTERM); status != 0 { // which the stream does not hold up
		t.Errorf("the server ends with %d: %s", status, s.errs.String())
	}
}
