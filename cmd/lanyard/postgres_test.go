package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// TestServersOnPostgreSQL expects that three servers on one database honour what any of them did, that a page token
// of one is valid on another, and that the secret is nowhere to be seen.
func TestServersOnPostgreSQL(t *testing.T) {
	pg := pgtest.Start(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	url := pg.At("", pg.Schema(t, t.TempDir()))
	var logs, outs []*lockedBuffer
	var ended []chan int
	var callers []*caller
	var dirs []string
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for i := range 3 {
		dir := t.TempDir()
		out, errs, end := new(lockedBuffer), new(lockedBuffer), make(chan int)
		args := []string{"serve", "--data", dir, "--listen=127.0.0.1:0", "--store", url, "--quota-instances=-1",
			"--log-level=debug"}
		if i == 0 {
			args = append(args, "--demo")
		}
		go func() { end <- runProgram(streams{ctx: ctx, out: out, errs: errs}, args) }()
		if err := until(func() error { return ready(dir) }); err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		c, err := callerOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		logs, outs, ended, callers, dirs = append(logs, errs), append(outs, out), append(ended, end), append(callers, c),
			append(dirs, dir)
	}
	if callers[0].secret != callers[1].secret {
		t.Error("the root key of the second server is another")
	}

	var list struct {
		InstanceSummaryList []struct{ ID string }
		NextToken           string
	}
	if err := callers[1].get("GET", "/instance", "", &list); err != nil || len(list.InstanceSummaryList) != 1 {
		t.Fatalf("the second server lists %v, %v", list, err)
	}
	in := list.InstanceSummaryList[0].ID
	for i := range 6 {
		var made struct{ SecurityProfileID string }
		path := "/security-profiles/" + in
		body := fmt.Sprintf(`{"SecurityProfileName": "Profile %d"}`, i)
		if err := callers[i%3].get("PUT", path, body, &made); err != nil {
			t.Fatal(err)
		}
		if err := callers[(i+1)%3].get("GET", path+"/"+made.SecurityProfileID, "", nil); err != nil {
			t.Errorf("what server %d made, server %d does not know: %v", i%3, (i+1)%3, err)
		}
	}
	var page struct{ NextToken string }
	if err := callers[0].get("GET", "/security-profiles-summary/"+in+"?maxResults=2", "", &page); err != nil ||
		page.NextToken == "" {
		t.Fatalf("a page: %v, %v", page, err)
	}
	if err := callers[2].get("GET", "/security-profiles-summary/"+in+"?maxResults=2&nextToken="+page.NextToken, "",
		nil); err != nil {
		t.Errorf("a page token of another server: %v", err)
	}

	// A key made on one server signs on another within a poll.
	var out, errs bytes.Buffer
	if status := runProgram(streams{ctx: ctx, out: &out, errs: &errs},
		[]string{"key", "create", "--data", dirs[1], "--account", "210987654321"}); status != 0 {
		t.Fatalf("key create: %s", errs.String())
	}
	stranger := *callers[2]
	var key struct{ AccessKeyID, SecretAccessKey string }
	if err := json.Unmarshal(out.Bytes(), &key); err != nil {
		t.Fatal(err)
	}
	stranger.id, stranger.secret = key.AccessKeyID, key.SecretAccessKey
	if err := until(func() error { return stranger.get("GET", "/instance", "", nil) }); err != nil {
		t.Errorf("the new key on another server: %v", err)
	}

	// A folder is for one server.
	errs.Reset()
	if status := runProgram(streams{ctx: ctx, out: &out, errs: &errs},
		[]string{"serve", "--data", dirs[0], "--listen=127.0.0.1:0", "--store", url}); status != 1 ||
		!strings.Contains(errs.String(), "another server is using the folder") {
		t.Errorf("a second server in one folder: status %d, %q", status, errs.String())
	}
	stop()
	for i, end := range ended {
		select {
		case status := <-end:
			if status != 0 {
				t.Errorf("server %d: exit status %d\n%s", i, status, logs[i].String())
			}
		case <-time.After(patience):
			t.Fatalf("server %d does not end", i)
		}
		callers[i].client.CloseIdleConnections()
		if text := logs[i].String() + outs[i].String(); strings.Contains(text, pg.Password()) ||
			!strings.Contains(text, `"store":"postgres://127.0.0.1:`) {
			t.Errorf("the log of server %d shows the password, or not the store:\n%s", i, text)
		}
		var left []string
		entries, err := os.ReadDir(dirs[i])
		for _, e := range entries {
			if e.Name() != demoFile { // of the one that made the demo
				left = append(left, e.Name())
			}
		}
		if err != nil || !slices.Equal(left, []string{"credentials", "lanyard.lock"}) {
			t.Errorf("the folder of server %d has %q, %v", i, left, err)
		}
	}

	// When none of them runs, the commands need to know the store, and do not make another.
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"key", "list", "--data", dirs[1]}, usageError, "has no database"},
		{[]string{"key", "list", "--data", dirs[1], "--store", url}, 0, ""},
		{[]string{"audit", "--data", dirs[1], "--store", url}, 0, ""},
		{[]string{"serve", "--data", dirs[1], "--listen=127.0.0.1:0", "--store",
			strings.Replace(url, "127.0.0.1:", "127.0.0.1:1", 1)}, 1, "open the store postgres://127.0.0.1:1"},
	} {
		out.Reset()
		errs.Reset()
		status := runProgram(streams{ctx: t.Context(), out: &out, errs: &errs}, tt.args)
		if status != tt.status || !strings.Contains(errs.String(), tt.want) ||
			strings.Contains(errs.String()+out.String(), pg.Password()) {
			t.Errorf("%q: status %d, says %q and %q", tt.args[:2], status, errs.String(), out.String())
		}
	}
}
