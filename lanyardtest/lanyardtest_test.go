package lanyardtest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/lanyardtest"
)

type object = map[string]any

// A recorder is a test that may fail, of which it keeps what it says.
type recorder struct {
	testing.TB
	said   []string
	failed bool
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failed = true
	r.said = append(r.said, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)                 { r.Fatalf("%s", fmt.Sprint(args...)) }

// said returns what a test would say if it did something.
func said(t *testing.T, do func(t testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(r)
	}()
	<-done
	return strings.Join(r.said, "\n")
}

// send sends a request through a client, and returns the status and the body of the answer.
func send(t *testing.T, c *http.Client, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return do(t, c, r)
}

func do(t *testing.T, c *http.Client, r *http.Request) (int, string) {
	t.Helper()
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// A client in memory reaches the server whatever the host, and one with a port too. All see the same instance.
func TestWays(t *testing.T) {
	srv := lanyardtest.New(t, lanyardtest.WithAlias("front-desk"))
	for _, tt := range []struct {
		name, url string
		client    *http.Client
	}{
		{"in memory", "http://localhost", srv.Client()},
		{"as if to Amazon Connect", "https://connect.us-east-1.amazonaws.com", srv.Client()},
		{"by a port", srv.URL(), http.DefaultClient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, text := send(t, tt.client, "GET", tt.url+"/instance", "")
			var got struct {
				InstanceSummaryList []struct{ Id, Arn, InstanceAlias, InstanceStatus string }
			}
			if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
				t.Fatalf("ListInstances answers %d %s", status, text)
			}
			want := []struct{ Id, Arn, InstanceAlias, InstanceStatus string }{
				{srv.Instance.ID, srv.Instance.ARN, "front-desk", "ACTIVE"}}
			if !slices.Equal(got.InstanceSummaryList, want) {
				t.Errorf("the instances are %v, want %v", got.InstanceSummaryList, want)
			}
		})
	}
}

// Hundreds of tests each have a server of their own, at the same time.
func TestServersAreApart(t *testing.T) {
	t.Parallel()
	for i := range 200 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			srv := lanyardtest.New(t)
			name := fmt.Sprintf("user-%d", i)
			srv.AddUser(name, "Agent")
			users := slices.Collect(srv.Snapshot().Users())
			if len(users) != 1 || users[0].Name != name {
				t.Errorf("the users are %v, want %s alone", users, name)
			}
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("test", func(t *testing.T) {
		srv := lanyardtest.New(t)
		send(t, srv.Client(), "GET", "http://localhost/instance", "")
		send(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "GET", srv.URL()+"/instance", "")
		srv.Save("a")
		srv.Load("a")
		srv.Reset()
	})
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, before there were %d:\n%s", runtime.NumGoroutine(), before,
		stacks[:runtime.Stack(stacks, true)])
}

// A client that outlives its test gets an error.
func TestEnded(t *testing.T) {
	var c *http.Client
	t.Run("test", func(t *testing.T) { c = lanyardtest.New(t).Client() })
	_, err := c.Get("http://localhost/instance")
	if err == nil || !strings.Contains(err.Error(), "the server has ended with its test") {
		t.Errorf("a request afterwards: %v", err)
	}
}

const france = `
Parameters:
  InstanceArn: {Type: String}
Resources:
  Supervisor:
    Type: AWS::Connect::SecurityProfile
    Properties:
      InstanceArn: !Ref InstanceArn
      SecurityProfileName: French Supervisor
      Permissions: [Users.View, Users.Edit]
      AllowedAccessControlTags: [{Key: Country, Value: FR}]
      TagRestrictedResources: [User]
`

// french is a server with a user whose rights are restricted, and two users whom they may be about.
func french(t testing.TB) *lanyardtest.Server {
	srv := lanyardtest.New(t, lanyardtest.WithTemplate(france))
	srv.AddUser("claire", "French Supervisor", "Agent")
	for name, country := range map[string]string{"jules": "FR", "jonas": "DE"} {
		id := srv.AddUser(name, "Agent")
		if err := srv.Call("TagResource", object{"resourceArn": srv.Instance.ARN + "/agent/" + id,
			"tags": object{"Country": country}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return srv
}

// An assertion that fails says why, profile by profile; one about what does not exist fails either way.
func TestAssertions(t *testing.T) {
	srv := french(t)
	for _, tt := range []struct {
		name   string
		assert func(*lanyardtest.Server)
		want   []string // what it says; none: it passes
	}{
		{"allowed", func(s *lanyardtest.Server) { s.AssertAllowed("claire", "Users.View", "User/jules") }, nil},
		{"denied", func(s *lanyardtest.Server) { s.AssertDenied("claire", "Users.View", "User/jonas") }, nil},
		{"allowed on anything", func(s *lanyardtest.Server) { s.AssertAllowed("claire", "Users.Edit") }, nil},
		{"denied on anything", func(s *lanyardtest.Server) { s.AssertDenied("jules", "Users.Edit") }, nil},
		{"by ARN", func(s *lanyardtest.Server) {
			found := s.Snapshot().Lookup(access.TypeUser, "claire")
			s.AssertAllowed(s.Instance.ARN+"/agent/"+found[0].ID, "Users.View", "User/jules")
		}, nil},
		{"one of two is denied", func(s *lanyardtest.Server) {
			s.AssertAllowed("claire", "Users.Edit", "User/jules", "User/jonas")
		}, []string{"claire: Users.Edit on User/jonas is denied, want allowed", "User claire may not Users.Edit on User jonas",
			`profile "French Supervisor" grants it and requires tag Country=FR; the resource has Country=DE`,
			`profile "Agent" does not grant it`}},
		{"is allowed", func(s *lanyardtest.Server) { s.AssertDenied("claire", "Users.View", "User/jules") },
			[]string{"claire: Users.View on User/jules is allowed, want denied", `profile "French Supervisor" allows it`}},
		{"no such user", func(s *lanyardtest.Server) { s.AssertDenied("clare", "Users.View") },
			[]string{"clare: Users.View cannot be asked:"}},
		{"no such permission", func(s *lanyardtest.Server) { s.AssertDenied("claire", "Users.Veiw") },
			[]string{"claire: Users.Veiw cannot be asked:"}},
		{"no such resource", func(s *lanyardtest.Server) { s.AssertDenied("claire", "Users.View", "User/nobody") },
			[]string{`ask about User/nobody: User "nobody" does not exist`}},
		{"no type", func(s *lanyardtest.Server) { s.AssertDenied("claire", "Users.View", "jules") },
			[]string{`RESOURCE must be TYPE/NAME, TYPE/ID or an ARN, such as User/jonas.becker, got "jules"`}},
		{"about a new user", func(s *lanyardtest.Server) {
			q := s.Query("claire", "Users.Edit", "")
			q.Resource = access.Resource{Type: access.TypeUser, New: true, Tags: map[string]string{"Country": "FR"}}
			s.AssertAllows(q)
			q.Resource.Tags = nil
			s.AssertDenies(q)
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := said(t, func(t testing.TB) { tt.assert(srv.For(t)) })
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("it says\n%s\nwant\n%s", got, want)
				}
			}
			if len(tt.want) == 0 && got != "" {
				t.Errorf("it fails: %s", got)
			}
		})
	}
}

// exception returns the name of the exception that a call ended with.
func exception(err error) string {
	var e *lanyardtest.Exception
	if errors.As(err, &e) {
		return e.Name
	}
	return fmt.Sprint(err)
}

func TestFaults(t *testing.T) {
	srv := lanyardtest.New(t)
	profile := srv.AddProfile("Night shift", "Users.View")
	update := func() string {
		return exception(srv.Call("UpdateSecurityProfile", object{"SecurityProfileId": profile, "Description": "New"}, nil))
	}
	srv.Fault("UpdateSecurityProfile", "ThrottlingException", 2)
	got := []string{update(), update(), update()}
	if want := []string{"ThrottlingException", "ThrottlingException", "<nil>"}; !slices.Equal(got, want) {
		t.Errorf("the calls end with %q, want %q", got, want)
	}
	srv.Fault("*", "InternalServiceException", 100)
	srv.ClearFaults()
	if got := update(); got != "<nil>" {
		t.Errorf("after the faults were cleared: %s", got)
	}
	srv.Fault("UpdateSecurityProfile", "ThrottlingException", 1)
	srv.Reset()
	if got := update(); got != "ResourceNotFoundException" { // the profile is gone, and so is the fault
		t.Errorf("after a reset: %s", got)
	}
	began := time.Now()
	srv.Delay("ListUsers", 20*time.Millisecond)
	if err := srv.Call("ListUsers", nil, nil); err != nil || time.Since(began) < 20*time.Millisecond {
		t.Errorf("a delayed call ends after %v with %v", time.Since(began), err)
	}
	for _, tt := range []struct {
		operation, exception string
		n                    int
		want                 string
	}{
		{"UpdateSecurityProfil", "ThrottlingException", 1, `operation "UpdateSecurityProfil" does not exist`},
		{"UpdateSecurityProfile", "NoSuchException", 1,
			`the exception must be one that UpdateSecurityProfile declares, got "NoSuchException"`},
		{"UpdateSecurityProfile", "ThrottlingException", 0, "the number of calls must be 1 or more, got 0"},
	} {
		got := said(t, func(t testing.TB) { srv.For(t).Fault(tt.operation, tt.exception, tt.n) })
		if !strings.Contains(got, tt.want) {
			t.Errorf("Fault(%q, %q, %d) says %q, want %q", tt.operation, tt.exception, tt.n, got, tt.want)
		}
	}
}

// Templates in files fill the instance; what is wrong in one is said with the place.
func TestTemplates(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	team := write("team.yaml", strings.NewReplacer("French Supervisor", "Lead",
		"Parameters:", "Parameters:\n  Name: {Type: String}").Replace(france)+
		"  Second:\n    Type: AWS::Connect::SecurityProfile\n    Properties: {InstanceArn: !Ref InstanceArn, "+
		"SecurityProfileName: !Ref Name}\n")
	srv := lanyardtest.New(t, lanyardtest.WithTemplates(team), lanyardtest.WithParameters(map[string]string{"Name": "Two"}))
	for _, name := range []string{"Lead", "Two"} {
		if found := srv.Snapshot().Lookup(access.TypeSecurityProfile, name); len(found) != 1 {
			t.Errorf("profile %s is found %d times, want once", name, len(found))
		}
	}
	srv.AddProfile("Other")
	srv.Reset()
	if found := srv.Snapshot().Lookup(access.TypeSecurityProfile, "Other"); len(found) > 0 {
		t.Error("a reset leaves what was added")
	}
	if found := srv.Snapshot().Lookup(access.TypeSecurityProfile, "Two"); len(found) != 1 {
		t.Error("a reset loses what the template made")
	}
	for _, tt := range []struct {
		name   string
		option lanyardtest.Option
		want   string
	}{
		{"misspelt", lanyardtest.WithTemplates(write("bad.yaml", strings.Replace(france, "Users.Edit", "Users.Edti", 1))),
			"bad.yaml:10:"},
		{"as text", lanyardtest.WithTemplate(strings.Replace(france, "Users.Edit", "Users.Edti", 1)), "template:10:"},
		{"missing", lanyardtest.WithTemplates("nowhere.yaml"), "nowhere.yaml"},
		{"no parameter", lanyardtest.WithTemplates(team), "Name"},
		{"account", lanyardtest.WithAccount("12"), `Account must be an account id of twelve digits, got "12"`},
	} {
		got := said(t, func(t testing.TB) { lanyardtest.New(t, tt.option) })
		if !strings.HasPrefix(got, "lanyardtest: start a server: ") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: it says %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestStates(t *testing.T) {
	srv := lanyardtest.New(t)
	srv.AddProfile("One")
	srv.Save("one")
	srv.AddProfile("Two")
	count := func() int { return srv.Snapshot().Count(access.TypeSecurityProfile) }
	two := count()
	srv.Load("one")
	if got := count(); got != two-1 {
		t.Errorf("after a load there are %d profiles, want %d", got, two-1)
	}
	srv.Reset()
	if got := count(); got != two-2 {
		t.Errorf("after a reset there are %d profiles, want %d", got, two-2)
	}
	if got := said(t, func(t testing.TB) { srv.For(t).Load("none") }); !strings.Contains(got, `"none" does not exist`) {
		t.Errorf("a load of what was not saved says %q", got)
	}
}

func TestTime(t *testing.T) {
	srv := lanyardtest.New(t)
	at := time.Date(2040, 2, 3, 4, 5, 6, 0, time.UTC)
	modified := func(profile string) time.Time {
		t.Helper()
		var out struct {
			SecurityProfile struct{ LastModifiedTime float64 }
		}
		if err := srv.Call("DescribeSecurityProfile", object{"SecurityProfileId": profile}, &out); err != nil {
			t.Fatal(err)
		}
		return time.Unix(int64(out.SecurityProfile.LastModifiedTime), 0).UTC()
	}
	srv.SetTime(at)
	if got := modified(srv.AddProfile("One")); !got.Equal(at) {
		t.Errorf("what was made then was modified at %v, want %v", got, at)
	}
	srv.Advance(48 * time.Hour)
	if got := modified(srv.AddProfile("Two")); !got.Equal(at.Add(48 * time.Hour)) {
		t.Errorf("what was made two days later was modified at %v", got)
	}
	if got := said(t, func(t testing.TB) { srv.For(t).SetTime(time.Time{}) }); !strings.Contains(got, "the time is required") {
		t.Errorf("no time says %q", got)
	}
}

// sign sends a request that is signed with the key of a configuration.
func sign(t *testing.T, c aws.Config, secret string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", *c.BaseEndpoint+"/instance", nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		key.SecretAccessKey = secret
	}
	empty := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(context.Background(), key, r, hex.EncodeToString(empty[:]), "connect", c.Region,
		time.Now()); err != nil {
		t.Fatal(err)
	}
	status, _ := do(t, c.HTTPClient.(*http.Client), r)
	return status
}

// Signatures count when the test says so, also when the clock of the server is far from that of the client.
func TestSignatures(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []lanyardtest.Option
		secret  string // another than that of the configuration
		want    int
	}{
		{"unchecked", nil, "", 200},
		{"unchecked and wrong", nil, "wrong", 200},
		{"checked", []lanyardtest.Option{lanyardtest.WithSignatures()}, "", 200},
		{"checked and wrong", []lanyardtest.Option{lanyardtest.WithSignatures()}, "wrong", 403},
		{"of another region and account", []lanyardtest.Option{lanyardtest.WithSignatures(),
			lanyardtest.WithRegion("eu-west-2"), lanyardtest.WithAccount("210987654321")}, "", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := lanyardtest.New(t, tt.options...)
			srv.Advance(1000 * time.Hour)
			if got := sign(t, srv.AWSConfig(), tt.secret); got != tt.want {
				t.Errorf("the answer is %d, want %d", got, tt.want)
			}
			srv.Reset()
			if got := sign(t, srv.AWSConfig(), tt.secret); got != tt.want {
				t.Errorf("after a reset, the answer is %d, want %d", got, tt.want)
			}
		})
	}
}

func TestThrottlingAndQuotas(t *testing.T) {
	srv := lanyardtest.New(t, lanyardtest.WithThrottling(), lanyardtest.WithQuotas())
	got := ""
	for range 50 {
		if got = exception(srv.Call("ListUsers", nil, nil)); got != "<nil>" {
			break
		}
	}
	if got != "TooManyRequestsException" && got != "ThrottlingException" {
		t.Errorf("fifty calls at once end with %s", got)
	}
	for i := range 3 {
		err := srv.Call("CreateInstance", object{"IdentityManagementType": "SAML", "InstanceAlias": fmt.Sprint("more-", i),
			"InboundCallsEnabled": true, "OutboundCallsEnabled": true}, nil)
		if got = exception(err); got != "<nil>" {
			break
		}
	}
	if got != "ServiceQuotaExceededException" {
		t.Errorf("more instances than the quota end with %s", got)
	}
}

// A large answer and one that is not read do not hold up others over the same client.
func TestAnswersThatAreNotRead(t *testing.T) {
	srv := lanyardtest.New(t)
	client := srv.Client()
	for range 40 {
		r, err := client.Get("http://localhost/")
		if err != nil {
			t.Fatal(err)
		}
		if r.Body.Close(); r.StatusCode != 200 {
			t.Fatalf("the console answers %d", r.StatusCode)
		}
	}
	body := bytes.Repeat([]byte("x"), 6<<20) // more than is accepted, so it is refused while it is sent
	r, err := client.Post("http://localhost/users/"+srv.Instance.ID, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if r.Body.Close(); r.StatusCode < 400 {
		t.Errorf("a body that is too large is answered with %d", r.StatusCode)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t := &cleaned{TB: b}
		lanyardtest.New(t)
		t.clean()
	}
}

func BenchmarkNewWithTemplate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		t := &cleaned{TB: b}
		lanyardtest.New(t, lanyardtest.WithTemplate(france))
		t.clean()
	}
}

// BenchmarkLive has a hundred servers at a time, and reports what one takes of memory, also outside of Go's.
func BenchmarkLive(b *testing.B) {
	const servers = 100
	for b.Loop() {
		runtime.GC()
		before := resident(b)
		t := &cleaned{TB: b}
		for range servers {
			lanyardtest.New(t).AddProfile("One")
		}
		b.ReportMetric(float64(resident(b)-before)/servers, "B/server")
		t.clean()
	}
}

// resident returns how much memory the process has.
func resident(b *testing.B) int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("this system does not say how much memory a process has")
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// cleaned is a test that cleans up when it is told to.
type cleaned struct {
	testing.TB
	cleanups []func()
}

func (c *cleaned) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

func (c *cleaned) clean() {
	for _, f := range slices.Backward(c.cleanups) {
		f()
	}
}
