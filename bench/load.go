package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"
)

// conn sends requests that are bytes already, one after the other, so that making them costs the
// machine next to nothing while it is measured.
type conn struct {
	c net.Conn
	r *bufio.Reader
}

func dial(ctx context.Context, addr string) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 32<<10)}, nil
}

var contentLength = []byte("Content-Length: ")

// do sends a request and reads the answer, into body when that is not nil.
func (c *conn) do(request []byte, body *bytes.Buffer) (status int, err error) {
	if _, err := c.c.Write(request); err != nil {
		return 0, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 14 {
		return 0, fmt.Errorf("not a status line: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("not a status line: %q", line)
	}
	length := -1
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, errors.New("the answer has no Content-Length")
	}
	if body == nil {
		_, err = c.r.Discard(length)
	} else {
		_, err = io.CopyN(body, c.r, int64(length))
	}
	return status, err
}

// result is what one measurement found.
type result struct {
	rate     float64 // a second
	p50, p99 time.Duration
	n        int // all that were done, warming up included
}

func newResult(took []time.Duration, all int, elapsed time.Duration) result {
	if len(took) == 0 {
		return result{n: all}
	}
	slices.Sort(took)
	return result{rate: float64(len(took)) / elapsed.Seconds(), p50: took[len(took)/2], p99: took[len(took)*99/100], n: all}
}

// most bounds the requests of a client in one measurement, whatever the time.
const most = 1_000_000

// load has one connection for each client send its requests in turn, each when the one before is
// answered. The first fifth of the time warms up and is not counted.
func load(ctx context.Context, addr string, d time.Duration, clients [][][]byte) (result, error) {
	return spreadLoad(ctx, []string{addr}, d, clients)
}

// spreadLoad is load on several servers: the i-th client uses that of i modulo their number.
func spreadLoad(ctx context.Context, addrs []string, d time.Duration, clients [][][]byte) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, d+time.Minute)
	defer cancel()
	var conns []*conn
	defer func() {
		for _, c := range conns {
			c.c.Close()
		}
	}()
	for i := range clients {
		c, err := dial(ctx, addrs[i%len(addrs)])
		if err != nil {
			return result{}, err
		}
		conns = append(conns, c)
		c.c.SetDeadline(time.Now().Add(d + time.Minute))
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one thread sends as much, and leaves the rest to the server
	began := time.Now()
	from, until := began.Add(d/5), began.Add(d)
	took := make([][]time.Duration, len(clients))
	sent := make([]int, len(clients))
	failed := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, requests := range clients {
		took[i] = make([]time.Duration, 0, 1<<16)
		wg.Go(func() {
			now := began
			for n := 0; n < most && now.Before(until); n++ {
				status, err := conns[i].do(requests[n%len(requests)], nil)
				if err == nil && status != 200 {
					err = fmt.Errorf("status %d", status)
				}
				if err != nil {
					failed[i] = err
					return
				}
				sent[i]++
				end := time.Now()
				if now.After(from) {
					took[i] = append(took[i], end.Sub(now))
				}
				now = end
			}
		})
	}
	wg.Wait()
	all := 0
	for _, n := range sent {
		all += n
	}
	return newResult(slices.Concat(took...), all, time.Since(from)), errors.Join(errors.Join(failed...), context.Cause(ctx))
}

// repeat is load for something that is not a request and has one client.
func repeat(d time.Duration, f func() error) (result, error) {
	began := time.Now()
	from, until := began.Add(d/5), began.Add(d)
	var took []time.Duration
	n := 0
	for now := began; n < most && now.Before(until); n++ {
		if err := f(); err != nil {
			return result{}, err
		}
		end := time.Now()
		if now.After(from) {
			took = append(took, end.Sub(now))
		}
		now = end
	}
	return newResult(took, n, time.Since(from)), nil
}
