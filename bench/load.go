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
	return result{rate: float64(len(took)) / elapsed.Seconds(), p50: took[len(took)/2], p99: took[len(took)*99/100],
		n: all}
}

// most bounds the requests of a client in one measurement, whatever the time.
const most = 1_000_000

// work is what some clients do, each over a connection of its own, sending its requests in turn.
type work struct {
	addrs   []string // of the servers: the i-th client uses that of i modulo their number
	clients [][][]byte
	// rate is how many requests a second all of them send together, whether or not those before are
	// answered in time: how long one took counts from when it was due. 0: each client sends its next
	// when the one before is answered.
	rate float64
}

// load has clients do their work. The first fifth of the time warms up and is not counted.
func load(ctx context.Context, d time.Duration, clients [][][]byte, addrs ...string) (result, error) {
	found, err := loads(ctx, d, work{addrs: addrs, clients: clients})
	return found[0], err
}

// loads has several works be done at the same time, and finds a result for each.
func loads(ctx context.Context, d time.Duration, works ...work) ([]result, error) {
	ctx, cancel := context.WithTimeout(ctx, d+time.Minute)
	defer cancel()
	var all []*client
	defer func() {
		for _, c := range all {
			c.c.Close()
		}
	}()
	of := make([][]*client, len(works))
	for w := range works {
		for i, requests := range works[w].clients {
			c, err := dial(ctx, works[w].addrs[i%len(works[w].addrs)])
			if err != nil {
				return make([]result, len(works)), err
			}
			c.c.SetDeadline(time.Now().Add(d + time.Minute))
			one := &client{conn: c, work: &works[w], i: i, requests: requests, took: make([]time.Duration, 0, 1<<16)}
			all, of[w] = append(all, one), append(of[w], one)
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one thread sends as much, and leaves the rest to the server
	began := time.Now()
	from, until := began.Add(d/5), began.Add(d)
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() { c.run(began, from, until) })
	}
	wg.Wait()
	found := make([]result, len(works))
	err := context.Cause(ctx)
	for w := range works {
		var took []time.Duration
		sent, end := 0, until
		for _, c := range of[w] {
			took, sent, err = append(took, c.took...), sent+c.sent, errors.Join(err, c.err)
			if c.end.After(end) {
				end = c.end
			}
		}
		found[w] = newResult(took, sent, end.Sub(from))
	}
	return found, err
}

// client is one of a work's.
type client struct {
	*conn
	work     *work
	i        int
	requests [][]byte
	sent     int
	took     []time.Duration
	end      time.Time // of the last
	err      error
}

func (c *client) run(began, from, until time.Time) {
	due := began
	for n := 0; n < most && due.Before(until) && time.Now().Before(until); n++ {
		if c.work.rate > 0 {
			if due = began.Add(time.Duration(float64(n*len(c.work.clients)+
				c.i) / c.work.rate * float64(time.Second))); !due.Before(until) {
				return
			}
			time.Sleep(time.Until(due))
		}
		status, err := c.do(c.requests[n%len(c.requests)], nil)
		if err == nil && status != 200 {
			err = fmt.Errorf("status %d", status)
		}
		if err != nil {
			c.err = err
			return
		}
		c.sent++
		c.end = time.Now()
		if due.After(from) {
			c.took = append(c.took, c.end.Sub(due))
		}
		if c.work.rate == 0 {
			due = c.end
		}
	}
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
