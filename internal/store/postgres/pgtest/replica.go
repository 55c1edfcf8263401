package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Replica starts a streaming replica of s, read-only until Promote, at a port (0: any free one). It
// is gone after the test.
func (s *Server) Replica(t testing.TB, port int) *Server {
	t.Helper()
	// So long does a replica that has lost its primary notice nothing, not even that it is promoted.
	settings := append([]string{"wal_retrieve_retry_interval=100ms"}, s.settings...)
	r, err := place(&Server{bin: s.bin, password: s.password, settings: settings, Port: port},
		func(r *Server, _ string) error {
			return r.runProgram("pg_basebackup", "-h", s.Socket, "-p", strconv.Itoa(s.Port), "-U", "lanyard", "-D", r.Dir,
				"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Remove)
	return r
}

// Synchronous has every commit of s from now on wait until its replica has it on disk.
func (s *Server) Synchronous(t testing.TB) {
	t.Helper()
	s.Exec(t, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
	s.Exec(t, `SELECT pg_reload_conf()`)
	s.AwaitTrue(t, "a synchronous replica",
		`SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'`)
	// The process that tells the others to wait reads the settings by itself, which no view shows. If that took
	// longer, changes would be lost in a failover, and the tests would fail.
	time.Sleep(300 * time.Millisecond)
}

// Asynchronous undoes Synchronous.
func (s *Server) Asynchronous(t testing.TB) {
	t.Helper()
	s.Exec(t, `ALTER SYSTEM RESET synchronous_standby_names`)
	s.Exec(t, `SELECT pg_reload_conf()`)
	time.Sleep(300 * time.Millisecond) // as above
}

// Promote makes a replica the primary, one that waits for no replica.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Exec(t, `ALTER SYSTEM RESET synchronous_standby_names`) // which came along in the copy
	s.Exec(t, `SELECT pg_reload_conf()`)
	if err := s.checkTrue(`SELECT pg_promote(true, 30)`); err != nil {
		t.Fatal(err)
	}
}

// Kill ends all processes of the server with SIGKILL, as when its machine dies.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	// Stopped, it starts no more of them, and takes note of nothing.
	if err := s.process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(s.process.Pid)
	for _, pid := range children {
		// Those that have ended in the meantime stay zombies, so that their ids are still theirs.
		err = errors.Join(err, syscall.Kill(pid, syscall.SIGKILL))
	}
	if err := errors.Join(err, s.process.Kill()); err != nil {
		return err
	}
	<-s.ended
	s.process = nil
	return s.log.Close()
}

func childrenOf(pid int) (children []int, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("this system does not tell the children of a process: /proc/PID/task/TID/children is missing")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, text := range strings.Fields(string(b)) {
			child, err := strconv.Atoi(text)
			if err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return children, nil
}

// checkTrue runs a query that must return true.
func (s *Server) checkTrue(query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL(""))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	var is bool
	if err := c.QueryRow(ctx, query).Scan(&is); err != nil {
		return err
	}
	if !is {
		return fmt.Errorf("%s is false", query)
	}
	return nil
}

// AwaitTrue waits until a query returns true, and fails the test if it never does.
func (s *Server) AwaitTrue(t testing.TB, what, query string) {
	t.Helper()
	Await(t, what, func() error { return s.checkTrue(query) })
}

// Await waits until check returns no error, and fails the test if it never does.
func Await(t testing.TB, what string, check func() error) {
	t.Helper()
	var err error
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("waited in vain for %s: %v", what, err)
}
