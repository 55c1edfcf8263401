package control_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/control"
)

const batchID = "11111111-1111-4111-8111-111111111111"

func (w *world) batch(ids ...string) lanyard.CallBatch {
	b := lanyard.CallBatch{ID: batchID, Account: account, Instance: w.in.ID}
	for _, id := range ids {
		b.Calls = append(b.Calls, lanyard.AgentCall{ID: id, Time: w.now, Agent: "arn:a", User: "jane", Method: "tools/call",
			Upstream: "crm", Namespace: "crm", Tool: "get", Allowed: true, Outcome: "answered",
			Arguments: json.RawMessage(`{"Password":"<string>"}`), Duration: 1500})
	}
	return b
}

// A batch is one event, part of the chain, and not the change of a password, whatever its arguments are called.
func TestRecordCalls(t *testing.T) {
	w := newWorld(t)
	gateway := lanyard.Caller{AccessKeyID: "AKIAROOT", UserAgent: "lanyard mcp-gateway"}
	w.must(w.RecordCalls(w.Context(), gateway, w.batch("a", "b")))
	events, err := w.Events(w.Context(), w.in.ID, 1, 10)
	w.must(err)
	if len(events) != 1 || events[0].ID != batchID || events[0].Operation != lanyard.OperationAgentCalls ||
		events[0].AccessKeyID != "AKIAROOT" || len(events[0].Changes) != 0 || events[0].Account != account {
		t.Fatalf("the events are %+v", events)
	}
	if got := audit.AgentCalls(events[0]); fmt.Sprint(got) != fmt.Sprint(w.batch("a", "b").Calls) {
		t.Errorf("recorded\n%+v, want\n%+v", got, w.batch("a", "b").Calls)
	}
	if _, last := w.left(); last != 2 {
		t.Errorf("the chain ends at %d", last)
	}
	chain, err := audit.Begin(w.in.ID, nil, lanyard.Checkpoint{})
	w.must(err)
	chain.State = audit.NewState(lanyard.Checkpoint{})
	records, err := w.store.Reader(w.in.ID).Records(w.Context(), 0, 10)
	w.must(err)
	for _, r := range records {
		_, err := chain.Next(r)
		w.must(err)
	}
	if err := chain.State.Password("jane", []byte("hash")); err == nil {
		t.Error("a password that no event set passes")
	}
}

// A batch that is sent again is stored once, also when much happened in between.
func TestRecordCallsAgain(t *testing.T) {
	w := newWorld(t)
	b := w.batch("a")
	w.must(w.RecordCalls(w.Context(), lanyard.Caller{}, b))
	w.describe(w.profile("P", control.ProfileChange{}), 150)
	b.Again = true
	w.must(w.RecordCalls(w.Context(), lanyard.Caller{}, b))
	b.ID = strings.Replace(batchID, "1", "2", 1)
	w.must(w.RecordCalls(w.Context(), lanyard.Caller{}, b))
	n := 0
	events, err := w.Events(w.Context(), w.in.ID, 0, 1000)
	w.must(err)
	for _, e := range events {
		n += len(audit.AgentCalls(e))
	}
	if n != 2 {
		t.Errorf("%d calls are stored, want 2", n)
	}
}

func TestRecordCallsRefused(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name   string
		change func(*lanyard.CallBatch)
		want   error
		text   string
	}{
		{"an instance that does not exist", func(b *lanyard.CallBatch) { b.Instance = "x" }, lanyard.ErrNotFound, ""},
		{"an instance of another account", func(b *lanyard.CallBatch) { b.Account = stranger }, lanyard.ErrNotFound, ""},
		{"no calls", func(b *lanyard.CallBatch) { b.Calls = nil }, lanyard.ErrInvalid, "Calls must have 1 to 1000 entries, got 0"},
		{"many calls", func(b *lanyard.CallBatch) { b.Calls = make([]lanyard.AgentCall, 1001) }, lanyard.ErrInvalid,
			"Calls must have 1 to 1000 entries, got 1001"},
		{"large calls", func(b *lanyard.CallBatch) { b.Calls[0].Tool = strings.Repeat("x", 60_000) }, lanyard.ErrInvalid,
			"Calls must have at most 57344 bytes, got 6"},
		{"no id", func(b *lanyard.CallBatch) { b.ID = "x" }, lanyard.ErrInvalid, `ID must be a UUID, got "x"`},
	} {
		b := w.batch("a")
		tt.change(&b)
		err := w.RecordCalls(w.Context(), lanyard.Caller{}, b)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %v %s", tt.name, err, tt.want, tt.text)
		}
	}
	if n, err := w.Revision(w.Context(), w.in.ID); err != nil || n != 1 {
		t.Errorf("the revision is %d, %v", n, err)
	}
}
