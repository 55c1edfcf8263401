package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = 30 * time.Second
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
	resp, err := http.Get("http://" + s.addr + path)
	if err != nil {
		return nil, err
	}
	s.ready = time.Since(began)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s is not ready: %s", filepath.Base(name), resp.Status)
	}
	return s, nil
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
func startLanyard(ctx context.Context, bin, data string) (*server, error) {
	args := []string{"serve", "--listen=127.0.0.1:0", "--data=" + data, "--region=" + region, "--account=" + account,
		"--root-access-key-id=" + accessKey, "--root-secret-access-key=" + secretKey}
	for _, quota := range []string{"instances", "profiles", "users", "groups", "modules"} {
		args = append(args, "--quota-"+quota+"=-1")
	}
	return start(ctx, "/readyz", bin, args...)
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
