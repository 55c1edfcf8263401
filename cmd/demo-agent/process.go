package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// patience bounds every wait.
const patience = 20 * time.Second

// A process is one that the demo runs alongside.
type process struct {
	cmd  *exec.Cmd
	log  bytes.Buffer  // what it writes to standard error; for reading after done
	done chan struct{} // closed at the end
	err  error
}

// run starts a process. Its standard output is what the caller made it.
func (d *demo) run(c *exec.Cmd) (*process, error) {
	p := &process{cmd: c, done: make(chan struct{})}
	c.Env, c.Stderr = d.environment(), &p.log
	if err := c.Start(); err != nil {
		return nil, err
	}
	d.running = append(d.running, p)
	go func() {
		p.err = c.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends what is running, the last first.
func (d *demo) stop() error {
	if d.agent != nil {
		d.agent.Close()
	}
	for len(d.running) > 0 {
		p := d.running[len(d.running)-1]
		d.running = d.running[:len(d.running)-1]
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(patience):
			p.cmd.Process.Kill()
			return fmt.Errorf("%s did not end", p.cmd.Path)
		}
	}
	return nil
}

// await asks again and again until is reports true.
func await(ctx context.Context, what string, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited %v until %s", patience, what))
	defer cancel()
	for {
		if ok, err := is(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
