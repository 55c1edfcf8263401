package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stackTemplate has n profiles.
func stackTemplate(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("Parameters:\n  InstanceArn: {Type: String}\nResources:\n")
	for i := range n {
		fmt.Fprintf(&b, "  P%d:\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n      InstanceArn: !Ref InstanceArn\n"+
			"      SecurityProfileName: Profile %d\n      Permissions: [Users.View]\n", i, i)
	}
	name := filepath.Join(t.TempDir(), "many.yaml")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A ran command is one that has ended.
type ran struct {
	status    int
	out, errs string
}

// commandOf prepares a run of the program against a data folder.
func commandOf(ctx context.Context, program, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, append(args, "--data", dir)...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "AWS_MAX_ATTEMPTS=2", "AWS_ENDPOINT_URL=", "AWS_PROFILE=",
		"AWS_ENDPOINT_URL_CONNECT=")
	return cmd
}

func runOn(t *testing.T, program, dir string, args ...string) ran {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return finish(t, commandOf(ctx, program, dir, args...))
}

func finish(t *testing.T, cmd *exec.Cmd) ran {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Error(err)
		return ran{status: -1}
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// A server that dies under an apply leaves it with a list of what was done, of what nobody knows and of what was not
// tried; and the next apply completes it.
func TestServerDiesDuringApply(t *testing.T) {
	t.Parallel()
	program, dir := built(t, ""), t.TempDir()
	s := start(t, program, dir, "--demo", "--quota-profiles=-1").ready()
	name := stackTemplate(t, 20)
	s.slow(t, "CreateSecurityProfile", 1000, 100*time.Millisecond)
	cmd := commandOf(t.Context(), program, dir, "apply", name)
	var errs lockedBuffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := until(func() error {
		if !strings.Contains(errs.String(), "[4/20] ") {
			return fmt.Errorf("the fourth call has not begun: %s", errs.String())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Kill()
	<-s.done
	if err := cmd.Wait(); err == nil {
		t.Fatal("the apply succeeded without a server")
	}
	said := errs.String()
	for _, want := range []string{"Done:\n  CreateSecurityProfile of P0 (Profile 0)\n",
		"Outcome unknown, because the answer did not arrive:\n  CreateSecurityProfile of P", "Not tried:\n",
		"Repeat the command: it reads the instance and completes what is missing.",
		"lanyard-apply-lock"} {
		if !strings.Contains(said, want) {
			t.Errorf("says %q, want %q in it", said, want)
		}
	}

	start(t, program, dir, "--demo", "--quota-profiles=-1").ready()
	if r := runOn(t, program, dir, "apply", name); r.status != 1 || !strings.Contains(r.errs, "--force-unlock") {
		t.Errorf("with the lock of the one that failed: %+v", r)
	}
	if r := runOn(t, program, dir, "apply", name, "--force-unlock"); r.status != 0 {
		t.Errorf("the second apply: %+v", r)
	}
	if r := runOn(t, program, dir, "plan", "-detailed-exitcode", name); r.status != 0 {
		t.Errorf("the plan afterwards: %+v", r)
	}
}

// Of applies at the same time, those that do not get the lock change nothing, and what is applied is whole.
func TestAppliesAtTheSameTime(t *testing.T) {
	t.Parallel()
	program, dir := built(t, ""), t.TempDir()
	s := start(t, program, dir, "--demo", "--quota-profiles=-1").ready()
	name := stackTemplate(t, 5)
	s.slow(t, "CreateSecurityProfile", 1000, 50*time.Millisecond)
	var wg sync.WaitGroup
	results := make([]ran, 4)
	for i := range results {
		wg.Go(func() { results[i] = runOn(t, program, dir, "apply", name) })
	}
	wg.Wait()
	applied := 0
	for _, r := range results {
		switch {
		case r.status == 0:
			applied++
		case r.status != 1 || !strings.Contains(r.errs, "another apply is under way"):
			t.Errorf("one that had to wait: %+v", r)
		case strings.Contains(r.errs, "[1/"):
			t.Errorf("one without the lock has made calls: %+v", r)
		}
	}
	if applied == 0 {
		t.Error("none was applied")
	}
	if r := runOn(t, program, dir, "plan", "-detailed-exitcode", name); r.status != 0 {
		t.Errorf("the plan afterwards: %+v", r)
	}
}

// Throttling delays an apply and does not fail it.
func TestApplyIsThrottled(t *testing.T) {
	t.Parallel()
	program, dir := built(t, ""), t.TempDir()
	s := start(t, program, dir, "--throttle=aws").ready()
	if _, err := s.newInstance("small"); err != nil {
		t.Fatal(err)
	}
	name := stackTemplate(t, 9)
	cmd := commandOf(t.Context(), program, dir, "apply", name)
	cmd.Env = append(cmd.Env, "AWS_MAX_ATTEMPTS=10")
	if r := finish(t, cmd); r.status != 0 {
		t.Errorf("%+v", r)
	}
}

// Credentials that expire during an apply are an error that says what to do, and what was not done.
func TestCredentialsExpireDuringApply(t *testing.T) {
	t.Parallel()
	program, dir := built(t, ""), t.TempDir()
	s := start(t, program, dir, "--demo").ready()
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(to)
	var created atomic.Int32
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && created.Add(1) > 3 { // the lock and two profiles
			w.Header().Set("X-Amzn-ErrorType", "ExpiredTokenException")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"The security token included in the request is expired"}`)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	defer endpoint.Close()
	cmd := commandOf(t.Context(), program, dir, "apply", stackTemplate(t, 5))
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL_CONNECT="+endpoint.URL, "AWS_REGION=us-east-1",
		"AWS_SHARED_CREDENTIALS_FILE="+dir+"/credentials")
	r := finish(t, cmd)
	for _, want := range []string{"sign in again (aws sso login), or refresh the credentials",
		"Done:\n  CreateSecurityProfile of P0 (Profile 0)\n  CreateSecurityProfile of P1 (Profile 1)\n" +
			"Refused:\n  CreateSecurityProfile of P2 (Profile 2)\nNot tried:\n"} {
		if r.status != 1 || !strings.Contains(r.errs, want) {
			t.Errorf("%+v, want %q", r, want)
		}
	}
}

// An apply whose output nobody reads any more, as behind head, is completed and leaves no lock.
func TestApplyOutlivesItsReader(t *testing.T) {
	t.Parallel()
	program, dir := built(t, ""), t.TempDir()
	start(t, program, dir, "--demo").ready()
	name := stackTemplate(t, 3)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	cmd := commandOf(t.Context(), program, dir, "apply", name)
	cmd.Stderr = write // the plan goes to the other, before anything changes
	if err := cmd.Run(); err != nil {
		t.Errorf("apply: %v", err)
	}
	if again := runOn(t, program, dir, "apply", name); again.status != 0 || again.out != "Nothing to change.\n" {
		t.Errorf("a second apply ends with status %d, %s%s", again.status, again.out, again.errs)
	}
}
