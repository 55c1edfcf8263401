package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// TestReadmeScale runs the three commands of the README, which start three servers on one PostgreSQL. A change
// through one server counts in the decisions of the others. The commands are unchanged, except that the servers
// listen on free ports, that PostgreSQL is one of the test, found through the environment variables of psql and pgx,
// and that the user need not become another one.
func TestReadmeScale(t *testing.T) {
	t.Parallel()
	pg := pgtest.Own(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)\n## Scale\n.*?```sh\n(.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("README.md has no commands under Scale")
	}
	commands, port := string(block[1]), "127.0.0.1:458$n"
	if n := strings.Count(strings.TrimSpace(commands), "\n") + 1; n != 3 || strings.Count(commands, port) != 1 {
		t.Fatalf("want three commands, of which one listens on %s:\n%s", port, commands)
	}
	commands = strings.Replace(commands, port, "127.0.0.1:0", 1)

	// As after apt-get install: postgres is the superuser, and nobody is called lanyard.
	pg.Exec(t, `CREATE ROLE postgres SUPERUSER LOGIN`)
	rename := exec.Command("psql", "--quiet", "-c", `ALTER ROLE lanyard RENAME TO installer`)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sudo"),
		[]byte("#!/bin/sh\n[ \"$1 $2\" = '-u postgres' ] && shift 2 && exec \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "PGHOST="+pg.Socket, "PGPORT="+strconv.Itoa(pg.Port),
		"PGUSER=postgres", "PGDATABASE=postgres")
	rename.Env = env
	if out, err := rename.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	var out lockedBuffer
	shell := exec.Command("bash", "-euc", commands+"\ntrap '' TERM\nwait") // so that it ends after the servers
	shell.Dir, shell.Env, shell.Stdout, shell.Stderr = dir, env, &out, &out
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Kill(-shell.Process.Pid, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := shell.Wait(); err != nil {
			t.Errorf("%v\n%s", err, out.String())
		}
	}()
	var servers [3]*server
	for i := range servers {
		s := &server{t: t, dir: filepath.Join(dir, fmt.Sprintf("server-%d", i+1))}
		if err := until(func() error { return ready(s.dir) }); err != nil {
			t.Fatalf("server %d: %v\n%s", i+1, err, out.String())
		}
		if s.caller, err = callerOf(s.dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.client.CloseIdleConnections)
		servers[i] = s
	}
	here := furnish(t, servers[0])
	for i, s := range servers {
		want := i%2 == 1
		permissions := map[bool]string{true: `["Users.View"]`, false: `[]`}[want]
		if err := s.get("POST", "/security-profiles/"+here.instance+"/"+here.profile, `{"Permissions":`+permissions+`}`,
			nil); err != nil {
			t.Fatal(err)
		}
		for n, other := range servers {
			if err := until(func() error {
				var out struct{ Decision bool }
				err := other.get("POST", here.evaluation(), maySee(0), &out)
				if err == nil && out.Decision != want {
					err = fmt.Errorf("server %d decides %v after a change through server %d, want %v", n+1, out.Decision, i+1, want)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		}
	}
}
