package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// server is a process that serves HTTP on the loopback interface.
type server struct {
	cmd   *exec.Cmd
	addr  string
	ready time.Duration // from the start of the process to the first answer
}

var address = regexp.MustCompile(`http://([0-9.]+:[0-9]+)`)

// start runs a program that says its address in the first line of its output, and waits until it
// answers path.
func start(ctx context.Context, path, name string, args ...string) (_ *server, err error) {
	s := &server{cmd: exec.CommandContext(ctx, name, args...)}
	var errs bytes.Buffer // a server logs little at this level
	s.cmd.Stderr = &errs
	s.ends()
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	lines := bufio.NewReader(out)
	line, _ := lines.ReadString('\n')
	m := address.FindStringSubmatch(line)
	if m == nil {
		s.stop() // after which errs is whole
		return nil, fmt.Errorf("%s did not say where it serves: %s%s", filepath.Base(name), line, errs.Bytes())
	}
	go io.Copy(io.Discard, lines)
	s.addr = m[1]
	if err := s.answers(path); err != nil {
		return nil, fmt.Errorf("%s is not ready: %w", filepath.Base(name), err)
	}
	s.ready = time.Since(began)
	return s, nil
}

// startAt runs a program that was told to serve at addr, and waits until it answers path.
func startAt(ctx context.Context, addr, path, name string, args ...string) (_ *server, err error) {
	s := &server{cmd: exec.CommandContext(ctx, name, args...), addr: addr}
	var errs bytes.Buffer
	s.cmd.Stderr = &errs
	s.ends()
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	const patience = time.Minute
	for {
		if err = s.answers(path); err == nil {
			s.ready = time.Since(began)
			return s, nil
		}
		if time.Since(began) > patience || ctx.Err() != nil {
			s.stop() // after which errs is whole
			return nil, fmt.Errorf("%s is not ready: %w: %s", filepath.Base(name), err, errs.Bytes())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ends says how the process ends when the context does.
func (s *server) ends() {
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = 30 * time.Second
}

// answers reports whether the server answers path with 200.
func (s *server) answers(path string) error {
	resp, err := http.Get("http://" + s.addr + path)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// freeAddress is one on the loopback interface that nobody listened on a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop ends the process and waits for it.
func (s *server) stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	err := s.cmd.Wait()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil
	}
	return err
}

// startLanyard serves from a folder, quotas off.
func startLanyard(ctx context.Context, bin, data string, more ...string) (*server, error) {
	args := []string{"serve", "--listen=127.0.0.1:0", "--data=" + data, "--region=" + region, "--account=" + account,
		"--root-access-key-id=" + accessKey, "--root-secret-access-key=" + secretKey}
	for _, quota := range []string{"instances", "profiles", "users", "groups", "modules"} {
		args = append(args, "--quota-"+quota+"=-1")
	}
	return start(ctx, "/readyz", bin, append(args, more...)...)
}

var resident = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// memory is what the process has resident, in MB, or 0 where that cannot be told.
func (s *server) memory() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	m := resident.FindSubmatch(b)
	if m == nil {
		return 0
	}
	kib, _ := strconv.ParseFloat(string(m[1]), 64) // digits
	return kib * 1024 / 1e6
}
