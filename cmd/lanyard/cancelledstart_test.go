package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// A server that is told to end while it starts ends as it does later, and speaks of no damage.
func TestCancelledStart(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--store", "memory"}, {"--store", "memory", "--emulator"}} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var out, errs bytes.Buffer
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, flags...)
		status := runProgram(streams{ctx: ctx, in: strings.NewReader(""), out: &out, errs: &errs}, args)
		if said := errs.String(); status != 0 || strings.Contains(said, "damaged") {
			t.Errorf("%v: exit status %d\n%s", flags, status, said)
		}
	}
}
