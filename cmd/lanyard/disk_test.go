package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/store/sqlite/disktest"
)

// faultyCentre is an instance with one profile and one user who holds it, and what is known of them.
type faultyCentre struct {
	*server
	instance, profile string
	description       string // as last acknowledged
}

func newFaultyCentre(t *testing.T, s *server) *faultyCentre {
	t.Helper()
	c := &faultyCentre{server: s}
	made := func(method, path, body string, out any) {
		t.Helper()
		if err := s.get(method, path, body, out); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if c.instance, err = s.newInstance(fmt.Sprintf("centre-%d", time.Now().UnixNano())); err != nil {
		t.Fatal(err)
	}
	var profile struct{ SecurityProfileId string }
	made("PUT", "/security-profiles/"+c.instance,
		`{"SecurityProfileName":"Viewer","Description":"0","Permissions":["Users.View"]}`, &profile)
	c.profile, c.description = profile.SecurityProfileId, "0"
	var routing struct {
		RoutingProfileSummaryList []struct{ Id string }
	}
	made("GET", "/routing-profiles-summary/"+c.instance, "", &routing)
	made("PUT", "/users/"+c.instance,
		fmt.Sprintf(`{"Username":"jane","Password":"Hidden-Pass-1234","PhoneConfig":{"PhoneType":"SOFT_PHONE"},"SecurityProfileIds":[%q],"RoutingProfileId":%q,"IdentityInfo":{"FirstName":"Jane","LastName":"Doe"}}`,
			c.profile, routing.RoutingProfileSummaryList[0].Id), nil)
	return c
}

// describe sets the description and the permissions of the profile.
func (c *faultyCentre) describe(text, permission string) (status int, answer string, err error) {
	return c.send("POST", "/security-profiles/"+c.instance+"/"+c.profile,
		fmt.Sprintf(`{"Description":%q,"Permissions":[%q]}`, text, permission))
}

// may asks whether the user may see users.
func (c *faultyCentre) may() (bool, error) {
	var out struct{ Decision bool }
	err := c.get("POST", "/instances/"+c.instance+"/access/v1/evaluation",
		`{"subject":{"type":"user","id":"jane"},"action":{"name":"Users.View"},"resource":{"type":"User","id":"jane"}}`, &out)
	return out.Decision, err
}

// serves checks that reads and decisions answer what was acknowledged, and that the server says so.
func (c *faultyCentre) serves(t *testing.T) {
	t.Helper()
	var out struct{ SecurityProfile struct{ Description string } }
	if err := c.get("GET", "/security-profiles/"+c.instance+"/"+c.profile, "", &out); err != nil {
		t.Errorf("a read fails: %v", err)
	} else if got := out.SecurityProfile.Description; got != c.description {
		t.Errorf("a read answers %q, acknowledged was %q", got, c.description)
	}
	if ok, err := c.may(); err != nil || !ok {
		t.Errorf("a decision answers %v, %v; the user was granted it and nothing else was acknowledged", ok, err)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if err := c.get("GET", path, "", nil); err != nil {
			t.Error(err)
		}
	}
}

// refuses checks that changes are refused, many at a time, each with the exception.
func (c *faultyCentre) refuses(t *testing.T, unknown bool) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			status, answer, err := c.describe(fmt.Sprintf("refused %d", i), "Queues.View")
			if err != nil || status != http.StatusInternalServerError {
				t.Errorf("a change answers %d %s, %v; want it refused", status, answer, err)
				return
			}
			if says := strings.Contains(answer, "unknown"); says != unknown {
				t.Errorf("the refusal says %s; that it is unknown whether it happened: want %v", answer, unknown)
			}
			if !unknown && !strings.Contains(answer, "nothing was changed") {
				t.Errorf("the refusal says %s; want that nothing was changed", answer)
			}
		})
	}
	wg.Wait()
}

// takes checks that changes are taken again.
func (c *faultyCentre) takes(t *testing.T, text string) {
	t.Helper()
	// The first may find a connection that has not heard of it yet.
	status, answer, err := c.describe(text, "Users.View")
	if err != nil || status != http.StatusOK {
		t.Fatalf("a change after the fault answers %d %s, %v", status, answer, err)
	}
	c.description = text
	c.serves(t)
}

// TestDiskFails expects that a disk that is full, read-only or broken stops changes and nothing else, and that the
// server recovers with the disk, without a restart.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	disk := disktest.Mount(t)
	program := built(t, "")
	s := start(t, program, filepath.Join(disk.Dir, "data")).ready()
	c := newFaultyCentre(t, s)
	c.takes(t, "before")
	writes := map[disktest.Op]bool{disktest.Create: true, disktest.Write: true, disktest.Truncate: true,
		disktest.Remove: true}
	for _, tt := range []struct {
		name    string
		fails   map[disktest.Op]bool
		with    syscall.Errno
		unknown bool // whether a change happened
	}{
		{"full", map[disktest.Op]bool{disktest.Create: true, disktest.Write: true}, syscall.ENOSPC, false},
		{"read-only", writes, syscall.EROFS, true},
		{"errors of writing", map[disktest.Op]bool{disktest.Write: true}, syscall.EIO, true},
		{"errors of syncing", map[disktest.Op]bool{disktest.Sync: true}, syscall.EIO, true},
		{"all errors of changing",
			map[disktest.Op]bool{disktest.Sync: true, disktest.Create: true, disktest.Write: true, disktest.Truncate: true,
				disktest.Remove: true}, syscall.EIO, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(s.errs.String())
			disk.Fail(func(op disktest.Op, name string) syscall.Errno {
				if tt.fails[op] {
					return tt.with
				}
				return 0
			})
			for range 3 {
				c.refuses(t, tt.unknown)
				c.serves(t)
			}
			disk.Fail(nil)
			c.takes(t, "after "+tt.name)
			log := s.errs.String()[before:]
			if !strings.Contains(log, "changes cannot be stored") || !strings.Contains(log, "changes are stored again") {
				t.Errorf("the log does not say what happened:\n%s", log)
			}
			if n := strings.Count(log, "\n"); n > 60 {
				t.Errorf("%d calls failed and left %d lines of log:\n%s", 3*64, n, log)
			}
		})
	}

	t.Run("errors of reading", func(t *testing.T) {
		disk.Fail(func(op disktest.Op, name string) syscall.Errno {
			if op == disktest.Read {
				return syscall.EIO
			}
			return 0
		})
		// Decisions are made from memory; what must be read is an error or what it should be.
		if ok, err := c.may(); err != nil || !ok {
			t.Errorf("a decision answers %v, %v", ok, err)
		}
		status, answer, err := c.send("GET", "/users-summary/"+c.instance, "")
		if err != nil || status != http.StatusInternalServerError && !strings.Contains(answer, "jane") {
			t.Errorf("a read answers %d %s, %v", status, answer, err)
		}
		disk.Fail(nil)
		c.takes(t, "after reading")
	})

	// What was unknown did not happen, for something was committed in its place.
	_, secret, err := readCredentials(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.errs.String(), secret) || strings.Contains(s.errs.String(), "Hidden-Pass") {
		t.Error("the log has a secret")
	}
	s.end(syscall.SIGKILL)
	c.server = start(t, program, s.dir).ready()
	c.serves(t)
	if n := verified(t, program, s.dir); n < 9 {
		t.Errorf("there are %d events, of 3 that made the instance, and 7 changes", n)
	}

	// A sync that fails is followed by the death of the process: the change may be there or not, whole,
	// and everything before it is.
	disk.Fail(func(op disktest.Op, name string) syscall.Errno {
		if op == disktest.Sync {
			return syscall.EIO
		}
		return 0
	})
	status, answer, err := c.describe("perhaps", "Users.View")
	if err != nil || status != http.StatusInternalServerError || !strings.Contains(answer, "unknown") {
		t.Errorf("a change whose sync fails answers %d %s, %v", status, answer, err)
	}
	c.serves(t) // as if it had not happened
	c.server.end(syscall.SIGKILL)
	disk.Fail(nil)
	c.server = start(t, program, s.dir).ready()
	var out struct{ SecurityProfile struct{ Description string } }
	if err := c.get("GET", "/security-profiles/"+c.instance+"/"+c.profile, "", &out); err != nil {
		t.Fatal(err)
	}
	t.Logf("after a sync that failed and kill -9 the profile says %q", out.SecurityProfile.Description)
	if got := out.SecurityProfile.Description; got != "perhaps" && got != c.description {
		t.Errorf("the profile says %q, which was never asked for", got)
	}
	c.takes(t, "at last")
	verified(t, program, s.dir)
}

// TestDiskFull is the same on a real file system that is full.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	missing := t.Skipf
	if os.Getenv("CI") == "true" {
		missing = t.Fatalf
	}
	dir := t.TempDir()
	unmount, err := mountSmall(dir)
	if err != nil {
		missing("cannot mount a small tmpfs (as root on Linux it can be): %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
			t.Error(err)
		}
	})
	s := start(t, built(t, ""), filepath.Join(dir, "data")).ready()
	c := newFaultyCentre(t, s)
	c.takes(t, "before")
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for round := range 3 {
		for chunk := make([]byte, 4096); ; {
			if _, err := ballast.Write(chunk); errors.Is(err, syscall.ENOSPC) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		// What the log has room for may still be written.
		status := 0
		for n := 0; n < 100 && status != http.StatusInternalServerError; n++ {
			text := fmt.Sprintf("full %d %d", round, n)
			if status, _, err = c.describe(text, "Users.View"); err != nil {
				t.Fatal(err)
			}
			if status == http.StatusOK {
				c.description = text
			}
		}
		if status != http.StatusInternalServerError {
			t.Fatalf("changes are taken on a full disk: %d", status)
		}
		c.refuses(t, false)
		c.serves(t)
		if err := ballast.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := ballast.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		c.takes(t, fmt.Sprintf("after %d", round))
	}
	if !strings.Contains(s.errs.String(), "database or disk is full") {
		t.Errorf("the log does not say that the disk is full:\n%s", s.errs.String())
	}
	s.end(syscall.SIGKILL)
	c.server = start(t, s.cmd.Path, s.dir).ready()
	c.serves(t)
	checkChains(t, s.dir)
}

// TestDamageIsNotServed expects that, once a database turns out to be damaged, changes are refused and the server is
// not ready.
func TestDamageIsNotServed(t *testing.T) {
	t.Parallel()
	s := start(t, "lanyard", t.TempDir()).ready()
	c := newFaultyCentre(t, s)
	c.takes(t, "before")
	if ok, err := c.may(); err != nil || !ok {
		t.Fatalf("a decision answers %v, %v", ok, err)
	}
	for _, name := range []string{"lanyard.db", "lanyard.db-wal"} {
		path := filepath.Join(s.dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for at := 4096; at < len(b); at += 256 {
			if _, err := f.WriteAt([]byte{b[at] ^ 1}, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
	}
	// SQLite keeps the pages that it has read, which are right, until somebody changes something.
	if status, answer, err := c.describe("on the old pages", "Users.View"); err != nil {
		t.Errorf("a change answers %d %s, %v", status, answer, err)
	}
	if status, answer, err := c.send("GET", "/security-profiles-summary/"+c.instance+"?maxResults=7", ""); err != nil ||
		status != http.StatusInternalServerError {
		t.Errorf("a read of damaged pages answers %d %s, %v", status, answer, err)
	}
	if ok, err := c.may(); err != nil || !ok { // from memory
		t.Errorf("a decision answers %v, %v", ok, err)
	}
	status, answer, err := c.describe("never", "Queues.View")
	if err != nil || status != http.StatusInternalServerError {
		t.Errorf("a change answers %d %s, %v", status, answer, err)
	}
	if status, answer, _ := c.send("GET", "/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d %s", status, answer)
	}
	if status, answer, _ := c.send("GET", "/healthz", ""); status != http.StatusOK {
		t.Errorf("/healthz answers %d %s", status, answer)
	}
	if log := s.errs.String(); strings.Count(log, "restore the last backup") != 1 {
		t.Errorf("the log does not say, once, what to do:\n%s", log)
	}
}

// TestLimitedLog expects that frequent messages are left out and counted.
func TestLimitedLog(t *testing.T) {
	var b lockedBuffer
	h := limitLog(slog.NewTextHandler(&b, nil))
	at := time.Now()
	for i := range 1000 {
		h.Handle(t.Context(), slog.NewRecord(at.Add(time.Duration(i)*time.Millisecond), slog.LevelError, "call failed", 0))
		h.Handle(t.Context(), slog.NewRecord(at, slog.LevelInfo, "hello", 0))
	}
	h.WithAttrs(nil).Handle(t.Context(), slog.NewRecord(at.Add(time.Minute), slog.LevelError, "call failed", 0))
	log := b.String()
	if failed, hello := strings.Count(log, "call failed"), strings.Count(log, "hello"); failed != mostMessages+1 ||
		hello != 1000 || !strings.Contains(log, "not_logged_before=980") {
		t.Errorf("%d failures and %d others are logged:\n%s", failed, hello, log[max(0, len(log)-500):])
	}
}

// verified has the program prove the chain of a folder on a disktest.Disk, and counts the records.
func verified(t *testing.T, program, dir string) (records int) {
	t.Helper()
	out, err := exec.Command(program, "audit", "verify", "--data", dir, "--output", "json").Output()
	if err != nil {
		t.Errorf("the chain is not whole: %v\n%s", err, out)
	}
	for line := range bytes.Lines(out) {
		var of struct{ Records int }
		if err := json.Unmarshal(line, &of); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		records += of.Records
	}
	return records
}
