package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

var greetedWith = regexp.MustCompile(`AWS_ENDPOINT_URL_CONNECT=(\S+)\n  export AWS_ACCESS_KEY_ID=(\S+) AWS_SECRET_ACCESS_KEY='?([^\s']+)`)

// startInMemory runs a server in this process, in an empty folder, and returns a caller with the key that it shows.
func startInMemory(t *testing.T, args ...string) (c *caller, greeting func() string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs lockedBuffer
	status := make(chan int, 1)
	args = append([]string{"serve", "--store=memory", "--listen=127.0.0.1:0"}, args...)
	go func() { status <- runProgram(streams{ctx: ctx, out: &out, errs: &errs}, args) }()
	stop = func() {
		cancel()
		if code := <-status; code != 0 {
			t.Errorf("the server ends with status %d and says %s", code, errs.String())
		}
	}
	err := until(func() error {
		m := greetedWith.FindStringSubmatch(out.String())
		if m == nil || !strings.Contains(out.String(), "The console is") {
			return fmt.Errorf("the server says %q and %q", out.String(), errs.String())
		}
		c = &caller{url: m[1], region: "us-east-1", id: m[2], secret: m[3], client: http.DefaultClient}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, out.String, stop
}

// A server in memory leaves nothing on disk, and the key that it shows works.
func TestServeInMemory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	c, greeting, stop := startInMemory(t, "--demo")
	if status, answer, err := c.send("GET", "/instance", ""); err != nil || !strings.Contains(answer, `"InstanceAlias"`) {
		t.Errorf("ListInstances answers %d %s, %v", status, answer, err)
	}
	for _, file := range []string{credentialsFile + "\n", demoFile, dir} {
		if strings.Contains(greeting(), file) {
			t.Errorf("the greeting names %s, which does not exist: %s", file, greeting())
		}
	}
	stop()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

// A secret that the caller chose is not shown.
func TestChosenSecretIsNotShown(t *testing.T) {
	t.Chdir(t.TempDir())
	const secret = "0123456789abcdef0123456789abcdef"
	c, greeting, stop := startInMemory(t, "--root-access-key-id=AKIAAAAAAAAAAAAAAAAA", "--root-secret-access-key="+secret)
	defer stop()
	if strings.Contains(greeting(), secret) {
		t.Errorf("the greeting shows the secret: %s", greeting())
	}
	if c.secret = secret; c.id != "AKIAAAAAAAAAAAAAAAAA" {
		t.Errorf("the greeting shows the key %s", c.id)
	}
	if err := c.get("GET", "/instance", "", nil); err != nil {
		t.Error(err)
	}
}
