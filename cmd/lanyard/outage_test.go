package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// TestDatabaseRestart restarts PostgreSQL under load from three servers, cleanly and by a crash. The servers recover
// by themselves, and nothing that was acknowledged is lost.
func TestDatabaseRestart(t *testing.T) {
	t.Parallel()
	pg := pgtest.Own(t)
	c := newCluster(t, built(t, ""), pg, nil)
	for _, tt := range []struct {
		name string
		end  func() error
	}{{"stopped", pg.Stop}, {"crashed", pg.Crash}} {
		r := newFailoverRound(c, 3)
		before, away := r.through(func() {
			if err := errors.Join(tt.end(), pg.Start()); err != nil {
				t.Fatal(err)
			}
		})
		if before == 0 || r.failed.Load() == 0 {
			t.Errorf("%s: %d changes were acknowledged before, %d not made", tt.name, before, r.failed.Load())
		}
		open := r.checkResult()
		t.Logf("%s: %d changes acknowledged, %d not made, %d of unknown outcome; 100 changes after %v",
			tt.name, r.done.Load(), r.failed.Load(), open, away.Round(time.Millisecond))
	}
	c.stop()
}

// lone is a server with an instance in which one user may see users through one profile.
type lone struct {
	*server
	instance, profile string
	revision          string
}

func newLone(t *testing.T, url string) *lone {
	t.Helper()
	return furnish(t, start(t, built(t, ""), t.TempDir(), "--store", url, "--quota-instances=-1", "--demo").ready())
}

// furnish creates such an instance on a server.
func furnish(t *testing.T, on *server) *lone {
	t.Helper()
	s := &lone{server: on}
	var err error
	if s.instance, err = s.newInstance("lone"); err != nil {
		t.Fatal(err)
	}
	var made struct{ SecurityProfileId string }
	if err := s.get("PUT", "/security-profiles/"+s.instance,
		`{"SecurityProfileName":"one","Description":"before","Permissions":["Users.View"]}`, &made); err != nil {
		t.Fatal(err)
	}
	s.profile = made.SecurityProfileId
	var routing struct{ RoutingProfileSummaryList []struct{ Id string } }
	if err := s.get("GET", "/routing-profiles-summary/"+s.instance, "", &routing); err != nil {
		t.Fatal(err)
	}
	if err := s.get("PUT", "/users/"+s.instance,
		fmt.Sprintf(`{"Username":"u","Password":"Passw0rd!","SecurityProfileIds":[%q],"RoutingProfileId":%q,"PhoneConfig":{"PhoneType":"SOFT_PHONE"}}`,
			s.profile, routing.RoutingProfileSummaryList[0].Id), nil); err != nil {
		t.Fatal(err)
	}
	var decided struct {
		Decision bool
		Context  struct{ Revision int }
	}
	if err := s.get("POST", s.evaluation(), maySee(0), &decided); err != nil || !decided.Decision {
		t.Fatalf("%+v, %v", decided, err)
	}
	s.revision = fmt.Sprint(decided.Context.Revision)
	return s
}

func (s *lone) evaluation() string { return "/instances/" + s.instance + "/access/v1/evaluation" }

func maySee(atLeast int) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":"u"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""},"context":{"at_least_revision":%d}}`, atLeast)
}

// away makes all sorts of requests while the database is unreachable. Each must be answered in time, and none
// wrongly. It reports whether the server said that the outcome of its change is unknown.
func (s *lone) away(t *testing.T) (unknown bool) {
	t.Helper()
	var asks sync.WaitGroup
	for _, tt := range []struct {
		what, method, path, body string
		status                   []int
		within                   time.Duration
		says                     string
	}{
		{"a read", "GET", "/security-profiles/" + s.instance + "/" + s.profile, "", []int{500}, 12 * time.Second, "Message"},
		{"a change", "POST", "/security-profiles/" + s.instance + "/" + s.profile, `{"Description":"during"}`, []int{500},
			25 * time.Second, "Message"},
		{"readiness", "GET", "/readyz", "", []int{503}, 12 * time.Second, "does not answer"},
		{"health", "GET", "/healthz", "", []int{200}, time.Second, "ok"},
		{"a decision", "POST", s.evaluation(), maySee(0), []int{200}, time.Second, `"decision":true`},
		{"a decision from a revision that is here", "POST", s.evaluation(),
			strings.Replace(maySee(0), `:0}`, ":"+s.revision+"}", 1), []int{200}, time.Second, `"decision":true`},
		{"a decision from a later one", "POST", s.evaluation(), maySee(1000), []int{409, 503}, 5 * time.Second, "revision"},
	} {
		asks.Go(func() {
			began := time.Now()
			status, answer, err := s.send(tt.method, tt.path, tt.body)
			took := time.Since(began)
			if tt.what == "a change" {
				unknown = strings.Contains(answer, "whether it happened is unknown")
			}
			ok := err == nil && strings.Contains(answer, tt.says)
			for _, want := range tt.status {
				if status == want && ok && took < tt.within {
					return
				}
			}
			t.Errorf("%s answers %d %s %v after %v; want %v within %v, about %s", tt.what, status, answer, err,
				took.Round(time.Millisecond), tt.status, tt.within, tt.says)
		})
	}
	asks.Wait()
	return unknown
}

// back expects the server to recover by itself, without any change that it had refused. reached reports that its
// change may have reached the database, so that only the answer was lost.
func (s *lone) back(t *testing.T, reached bool) {
	t.Helper()
	path := "/security-profiles/" + s.instance + "/" + s.profile
	var out struct {
		SecurityProfile struct{ Description string }
	}
	if err := until(func() error { return s.get("GET", path, "", &out) }); err != nil ||
		out.SecurityProfile.Description != "before" && !(reached && out.SecurityProfile.Description == "during") {
		t.Errorf("afterwards the profile is %+v, %v; reached: %t", out, err, reached)
	}
	if err := until(func() error { return s.get("POST", path, `{"Permissions":[]}`, nil) }); err != nil {
		t.Error(err)
	}
	if err := s.get("GET", "/readyz", "", nil); err != nil && !strings.Contains(err.Error(), "invalid character") {
		t.Error(err)
	}
	status, answer, err := s.send("POST", s.evaluation(), maySee(0))
	if status != http.StatusOK || !strings.Contains(answer, `"decision":false`) {
		t.Errorf("a decision after it is over: %d %s %v", status, answer, err)
	}
}

// TestNetworkCut cuts the network between a server and the database in three ways.
func TestNetworkCut(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	for name, tt := range map[string]struct{ cut, mend func(*pgtest.Proxy) }{
		"refused": {func(p *pgtest.Proxy) { p.Refuse() }, func(p *pgtest.Proxy) { p.Accept(t) }},
		"black": {func(p *pgtest.Proxy) { p.Set(pgtest.Blackout) },
			func(p *pgtest.Proxy) { p.Set(pgtest.Through); p.Cut() }},
		"half open": {func(p *pgtest.Proxy) { p.Set(pgtest.HalfOpen) },
			func(p *pgtest.Proxy) { p.Set(pgtest.Through); p.Cut() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pg.Proxy(t)
			s := newLone(t, pg.At(p.Address, pg.Schema(t, t.TempDir())))
			tt.cut(p)
			unknown := s.away(t)
			tt.mend(p)
			s.back(t, unknown && name == "half open")
			if strings.Contains(s.errs.String(), pg.Password()) {
				t.Errorf("the log shows the password:\n%s", s.errs.String())
			}
		})
	}
}

// TestConnectionsTaken takes all connections of the database by another client.
func TestConnectionsTaken(t *testing.T) {
	t.Parallel()
	const most = 20
	pg := pgtest.Own(t, fmt.Sprintf("max_connections=%d", most))
	s := newLone(t, pg.At("", pg.Schema(t, t.TempDir())))
	ctx, release := context.WithCancel(t.Context())
	var taken []*pgx.Conn
	if err := until(func() error {
		if len(taken) > 0 {
			if _, err := taken[0].Exec(ctx,
				`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lanyard'`); err != nil {
				return err
			}
		}
		for len(taken) < most {
			c, err := pgx.Connect(ctx, pg.URL(""))
			if err != nil {
				return fmt.Errorf("%d of %d are taken: %w", len(taken), most, err)
			}
			taken = append(taken, c)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.away(t)
	if !strings.Contains(s.errs.String(), "53300") {
		t.Errorf("the log does not say that there are too many connections:\n%s", s.errs.String())
	}
	release()
	for _, c := range taken {
		c.Close(context.Background())
	}
	s.back(t, false)
}
