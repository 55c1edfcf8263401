package audit_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestFrom(t *testing.T) {
	event := func(change func(*lanyard.Event)) lanyard.Event {
		e := lanyard.Event{ID: "11111111-1111-4111-8111-111111111111", Instance: "i", Revision: 7,
			Time:      time.Date(2026, 3, 14, 16, 9, 26, 535e6, time.FixedZone("CET", 3600)),
			Operation: "UpdateSecurityProfile", Account: "123456789012", Region: "us-east-1", AccessKeyID: "AKIAEXAMPLE",
			SourceIP: "192.0.2.1", UserAgent: "aws-cli/2", RequestID: "r",
			Request: json.RawMessage(`{"InstanceId":"i","SecurityProfileId":"p","Description":"b"}`),
			Changes: []lanyard.Change{{Type: lanyard.TypeProfile, ID: "p", Before: json.RawMessage(`{"Description":"a"}`),
				After: json.RawMessage(`{"Description":"b"}`)}}}
		change(&e)
		return e
	}
	made := func(operation string, types ...lanyard.Type) lanyard.Event {
		return event(func(e *lanyard.Event) {
			e.Operation, e.Request, e.Changes = operation, json.RawMessage(`{}`), nil
			for _, t := range types {
				e.Changes = append(e.Changes, lanyard.Change{Type: t, ID: "new " + string(t), After: json.RawMessage(`{}`)})
			}
		})
	}
	for _, tt := range []struct {
		name string
		e    lanyard.Event
	}{
		{"update", event(func(*lanyard.Event) {})},
		{"nothing known", event(func(e *lanyard.Event) { *e = lanyard.Event{Operation: "DeleteQueue"} })},
		{"delete", event(func(e *lanyard.Event) { e.Operation, e.Changes[0].After = "DeleteSecurityProfile", nil })},
		{"create profile", made("CreateSecurityProfile", lanyard.TypeProfile)},
		{"create instance", made("CreateInstance", lanyard.TypeInstance, lanyard.TypeProfile, lanyard.TypeQueue)},
		{"create module with a client token", made("CreateContactFlowModule", lanyard.TypeClientToken, lanyard.TypeModule)},
		{"create user", made("CreateUser", lanyard.TypeUser)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.MarshalIndent(audit.From(tt.e), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			file := filepath.Join("testdata", strings.ReplaceAll(tt.name, " ", "-")+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Each call of an AI agent is a record of its own, shaped as CloudTrail's data events are.
func TestRecordsOfAgentCalls(t *testing.T) {
	at := time.Date(2026, 3, 14, 16, 9, 26, 535e6, time.UTC)
	request, err := json.Marshal(lanyard.AgentCalls{InstanceID: "i", Calls: []lanyard.AgentCall{
		{ID: "d1", Time: at, Agent: "arn:a", User: "jane", Credential: "token t", Method: "tools/call", Upstream: "crm",
			Namespace: "crm-1", Tool: "get", Allowed: true, Reason: "granted", Profile: "p", Revision: 6,
			Arguments: json.RawMessage(`{"id":"<string>"}`), Outcome: "answered", Duration: 1500},
		{ID: "d2", Time: at, User: "jane", Method: "tools/call", Namespace: "crm-1", Tool: "drop", Reason: "not granted",
			Revision: 6, Outcome: "refused", Error: "you lack drop"},
		{ID: "d3", Time: at, Agent: "arn:a", Method: "tools/call", Module: "m", Allowed: true, Reason: "granted",
			Profile: "p", Outcome: "limited", Error: "6 calls a minute are allowed"},
		{ID: "d4", Time: at, Agent: "arn:a", Method: "resources/read", Allowed: true, Outcome: "timed out", Error: "no answer"},
		{Time: at, Agent: "arn:a", Method: "tools/call", Tool: "x", Outcome: "refused", More: 7, Last: at.Add(time.Minute)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	e := lanyard.Event{ID: "11111111-1111-4111-8111-111111111111", Instance: "i", Revision: 7, Time: at,
		Operation: lanyard.OperationAgentCalls, Account: "123456789012", Region: "us-east-1", AccessKeyID: "AKIAROOT",
		Request: request}
	got, err := json.MarshalIndent(audit.Records(e), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const file = "testdata/agent-calls.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s, %v", got, want, err)
	}
	one, ok := audit.Narrow(e, func(c *lanyard.AgentCall) bool { return c.ID == "d2" })
	if calls := audit.AgentCalls(one); !ok || len(calls) != 1 || calls[0].ID != "d2" {
		t.Errorf("narrowed to %+v", calls)
	}
	if _, ok := audit.Narrow(e, func(c *lanyard.AgentCall) bool { return false }); ok {
		t.Error("nothing is left, and it says that something is")
	}
	e.Request = json.RawMessage(`{"InstanceId":"i","Calls":7}`) // of another version, perhaps
	if records := audit.Records(e); len(records) != 1 || records[0].EventName != lanyard.OperationAgentCalls {
		t.Errorf("what cannot be read is %+v", records)
	}
}
