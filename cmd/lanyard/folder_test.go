package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOddFolders expects serve to refuse a broken data folder with a reason, and to leave it unchanged.
func TestOddFolders(t *testing.T) {
	t.Parallel()
	program := built(t, "")
	whole := t.TempDir()
	s := start(t, program, whole).ready()
	c := newFaultyCentre(t, s)
	c.takes(t, "kept")
	s.end(syscall.SIGTERM)

	// Nobody, for whom permissions count. Others may not look into a test's temporary folder.
	top, err := os.MkdirTemp("", "lanyard-odd-")
	if err == nil {
		err = errors.Join(os.Chmod(top, 0o755), exec.Command("cp", program, top).Run())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	program = filepath.Join(top, "lanyard")

	const nobody = 65534
	for _, tt := range []struct {
		name   string
		nobody bool                       // may not do everything
		make   func(folder string) error  // folder is a copy of a whole one
		data   func(folder string) string // what --data is; nil: folder
		wants  string                     // "" when it serves
	}{
		{name: "whole", make: nil},
		{name: "a link to it", make: func(f string) error { return os.Symlink(f, f+"-link") },
			data: func(f string) string { return f + "-link" }},
		{name: "below one that is not there", data: func(f string) string { return filepath.Join(f, "a", "b", "c") }},
		{name: "a link that leads nowhere", make: func(f string) error { return os.Symlink(f+"-gone", f+"-link") },
			data: func(f string) string { return f + "-link" }, wants: "is there and is not a folder"},
		{name: "a link to itself", make: func(f string) error { return os.Symlink(f+"-link", f+"-link") },
			data: func(f string) string { return f + "-link" }, wants: "is there and is not a folder"},
		{name: "a file", data: func(f string) string { return filepath.Join(f, "credentials") },
			wants: "is there and is not a folder"},
		{name: "below a file", data: func(f string) string { return filepath.Join(f, "credentials", "x") },
			wants: "is there and is not a folder"},
		{name: "a device", data: func(string) string { return "/dev/null" }, wants: "is there and is not a folder"},
		{name: "the database is a folder", make: func(f string) error {
			return errors.Join(os.Remove(f+"/lanyard.db"), os.Mkdir(f+"/lanyard.db", 0o700))
		}, wants: "lanyard.db is not a file"},
		{name: "the database is a pipe", make: func(f string) error {
			return errors.Join(os.Remove(f+"/lanyard.db"), syscall.Mkfifo(f+"/lanyard.db", 0o600))
		}, wants: "lanyard.db is not a file"},
		{name: "the database is a link that leads nowhere", make: func(f string) error {
			return errors.Join(os.Rename(f+"/lanyard.db", f+"/elsewhere.db"), os.Symlink(f+"/gone.db", f+"/lanyard.db"))
		}, wants: "lanyard.db is a link that leads nowhere"},
		{name: "the lock is a folder", make: func(f string) error {
			return errors.Join(os.Remove(f+"/lanyard.lock"), os.Mkdir(f+"/lanyard.lock", 0o700))
		}, wants: "lanyard.lock"},
		{name: "the credentials are a folder", make: func(f string) error {
			return errors.Join(os.Remove(f+"/credentials"), os.MkdirAll(f+"/credentials/x", 0o700))
		}, wants: "credentials"},
		{name: "files of before it died", make: func(f string) error { // no server has the lock
			return errors.Join(os.WriteFile(f+"/endpoint.json", []byte("{"), 0o600),
				os.WriteFile(f+"/lanyard.db.new", []byte("half"), 0o600))
		}},
		{name: "nobody's", nobody: true, make: func(f string) error { return chownAll(f, nobody) }},
		{name: "of another", nobody: true, wants: "not permitted"},
		{name: "not to be written to", nobody: true, make: func(f string) error {
			return errors.Join(chownAll(f, nobody), os.Chmod(f, 0o500), os.Remove(f+"/lanyard.lock"))
		}, wants: "permission denied"},
		{name: "a database of another", nobody: true, make: func(f string) error {
			return errors.Join(chownAll(f, nobody), os.Chown(f+"/lanyard.db", 0, 0))
		}, wants: "lanyard.db"},
		{name: "cannot be made", nobody: true, data: func(f string) string { return "/lanyard-cannot-be-made" },
			wants: "permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.nobody && os.Getuid() != 0 {
				t.Skip("only root can run a program as somebody else")
			}
			folder := filepath.Join(top, strings.ReplaceAll(tt.name, " ", "-"))
			if err := os.CopyFS(folder, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			if tt.make != nil {
				if err := tt.make(folder); err != nil {
					t.Fatal(err)
				}
			}
			data := folder
			if tt.data != nil {
				data = tt.data(folder)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var errs lockedBuffer
			cmd := exec.CommandContext(ctx, program, "serve", "--listen=127.0.0.1:0", "--data", data)
			cmd.Stderr = &errs
			if tt.nobody {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			if tt.wants == "" {
				if err := until(func() error { return ready(data) }); err != nil {
					t.Errorf("%v\n%s", err, errs.String())
				}
				cmd.Process.Signal(syscall.SIGTERM)
				if err := <-ended; err != nil {
					t.Errorf("%v\n%s", err, errs.String())
				}
				return
			}
			var exit *exec.ExitError
			if err := <-ended; !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ends with %v, want exit status 1", err)
			}
			if got := errs.String(); !strings.Contains(got, tt.wants) || strings.Contains(got, "panic") {
				t.Errorf("says %q, want %q", got, tt.wants)
			}
			if info, err := os.Stat(folder + "/lanyard.db"); err == nil && info.Mode().IsRegular() {
				b, _ := os.ReadFile(folder + "/lanyard.db") // then it differs
				if want, _ := os.ReadFile(whole + "/lanyard.db"); !bytes.Equal(b, want) {
					t.Error("the database was changed")
				}
			}
		})
	}
}

func chownAll(folder string, id int) error {
	return filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, id, id))
	})
}

// TestFolderOfOneKilled expects that a second server refuses a folder in use, and uses it at once after the first was
// killed, although the files of the first say that it runs.
func TestFolderOfOneKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, "lanyard", dir).ready()
	endpoint, err := os.ReadFile(dir + "/" + endpointFile)
	if err != nil {
		t.Fatal(err)
	}
	second := exec.Command("lanyard", "serve", "--listen=127.0.0.1:0", "--data", dir)
	if out, err := second.CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "another server is using the folder") {
		t.Errorf("a second server ends with %v and says %s", err, out)
	}
	first.end(syscall.SIGKILL)
	if err := os.WriteFile(dir+"/"+endpointFile, endpoint, 0o600); err != nil { // as it was left
		t.Fatal(err)
	}
	began := time.Now()
	start(t, "lanyard", dir).ready()
	t.Logf("a server takes over in %v", time.Since(began).Round(time.Millisecond))
}
