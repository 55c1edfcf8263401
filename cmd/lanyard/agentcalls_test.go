package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// seedCalls makes a folder with one instance in which an AI agent called tools. It returns the id of the instance.
func seedCalls(t *testing.T) (dir, instance string) {
	t.Helper()
	dir = t.TempDir()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	svc := control.New(control.Config{Store: db, Region: "us-east-1"})
	root, err := svc.SetRootKey(t.Context(), "", "", "123456789012")
	if err == nil {
		err = writeKey(dir, root)
	}
	if err != nil {
		t.Fatal(err)
	}
	by := lanyard.Caller{Account: root.Account, AccessKeyID: root.ID}
	made, err := svc.CreateInstance(t.Context(), control.Call{Caller: by, Operation: "CreateInstance"},
		control.NewInstance{Alias: "one", IdentityManagement: "CONNECT_MANAGED"})
	if err != nil {
		t.Fatal(err)
	}
	instance = made.Instance.ID
	at := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	if err := svc.RecordCalls(t.Context(), by, lanyard.CallBatch{ID: "11111111-1111-4111-8111-111111111111",
		Account: root.Account, Instance: instance, Calls: []lanyard.AgentCall{
			{ID: "D1", Time: at, Agent: "arn:a", User: "jane", Credential: "token t", Method: "tools/call", Upstream: "crm",
				Tool: "get", Allowed: true, Outcome: "answered", Duration: 1500, Arguments: json.RawMessage(`{"id":"<string>"}`)},
			{ID: "D2", Time: at, Agent: "arn:a", Method: "tools/call", Upstream: "crm", Tool: "drop\x1b[31m", Outcome: "refused",
				Reason: "not granted", Error: "the AI agent lacks the permission drop"},
			{ID: "D3", Time: at, User: "jane", Method: "tools/call", Module: "m", Allowed: true, Outcome: "failed",
				Error: "tool \"m\" is not available now", Duration: 20},
			{Time: at, Agent: "arn:a", Method: "tools/call", Upstream: "crm", Tool: "drop", Outcome: "refused", More: 7,
				Last: at.Add(time.Minute)},
		}}); err != nil {
		t.Fatal(err)
	}
	return dir, instance
}

// Every call is a line of the table and a record, and is found by the id of its decision.
func TestAuditShowsCalls(t *testing.T) {
	dir, instance := seedCalls(t)
	status, out, errs := command(t, "audit", "--data", dir, "--output", "table")
	want := []string{
		"  2         token t     jane          tools/call      crm get: answered in 1.5ms {\"id\":\"<string>\"} for arn:a, decision D1",
		"  2         -           -             tools/call      crm drop\\x1b[31m: refused (the AI agent lacks the permission drop) for arn:a, decision D2",
		"  2         -           -             tools/call      m: failed (tool \"m\" is not available now) in 20µs for user jane, decision D3",
		"  2         -           -             tools/call      7 more calls of crm drop were refused up to 2026-03-14 15:10:26 for arn:a",
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 0 || len(lines) != 2+len(want) {
		t.Fatalf("exit status %d, %s%s", status, out, errs)
	}
	for i, text := range want {
		_, got, _ := strings.Cut(lines[2+i], instance)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
			t.Errorf("line %d is\n%s, want\n%s", i, got, text)
		}
	}
	for _, args := range [][]string{{"audit", "--data", dir, "--decision", "D2"},
		{"audit", "--data", dir, "--decision", "D2", "--instance", instance}} {
		status, out, _ := command(t, args...)
		var record struct {
			EventID      string
			ErrorMessage string
		}
		if status != 0 || strings.Count(out, "\n") != 1 || json.Unmarshal([]byte(out), &record) != nil ||
			record.EventID != "D2" || record.ErrorMessage != "the AI agent lacks the permission drop" {
			t.Errorf("%q: exit status %d, %s", args, status, out)
		}
	}
	if _, out, _ := command(t, "audit", "--data", dir, "--decision", "D9"); out != "" {
		t.Errorf("a decision that was not made: %s", out)
	}
	file := filepath.Join(t.TempDir(), "audit.json")
	if status, _, errs := command(t, "audit", "export", "--data", dir, "--format", "lines", "--out", file); status != 0 {
		t.Fatal(errs)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), `"eventName":"tools/call"`) != len(want) {
		t.Errorf("exported %s, %v", text, err)
	}
	if status, verified, errs := command(t, "audit", "verify", "--state", "--data", dir); status != 0 {
		t.Errorf("verify: %s%s", verified, errs)
	}
}
