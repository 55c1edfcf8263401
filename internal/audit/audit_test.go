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
