package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

func TestShorten(t *testing.T) {
	long := strings.Repeat("x", 3_900_000)
	many := make([]string, 5000)
	for i := range many {
		many[i] = fmt.Sprintf(`"m%d":"0123456789"`, i)
	}
	for _, tt := range []struct {
		name, request string
		keeps         []string
		whole         bool
	}{
		{"short", `{"InstanceId":"i","UserId":"u"}`, []string{`"UserId":"u"`}, true},
		{"a long text", `{"InstanceId":"i","SearchCriteria":{"S":"` + long + `"},"UserId":"u"}`,
			[]string{`"InstanceId":"i"`, `"UserId":"u"`, `"Bytes":`, `"SHA256":"`}, false},
		{"many members", `{` + strings.Join(many, ",") + `}`, []string{`"m0":`, `"SHA256":"`}, false},
		{"no object", `["` + long + `"]`, []string{`"SHA256":"`}, false},
		{"no JSON", `{"a":` + long, []string{`"SHA256":"`}, false},
		{"nothing", ``, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(shorten(json.RawMessage(tt.request)))
			if (got == tt.request) != tt.whole || len(got) > maxRefusedRequest {
				t.Errorf("%d bytes are kept of %d: %.200s", len(got), len(tt.request), got)
			}
			for _, text := range tt.keeps {
				if !strings.Contains(got, text) {
					t.Errorf("%s is not in %s", text, got)
				}
			}
			if tt.request != "" && !json.Valid([]byte(got)) {
				t.Errorf("%s is not JSON", got)
			}
		})
	}
}

// refusing is a Service with a clock, and an instance.
type refusing struct {
	*testing.T
	*Service
	now      time.Time
	planning bool // so are the calls that are denied next
}

func newRefusing(t *testing.T) *refusing {
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	r := &refusing{T: t, now: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)}
	r.Service = New(Config{Store: db, Region: "us-east-1", Now: func() time.Time { return r.now },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	return r
}

// deny refuses n calls of a user; an unknown one is somebody whom there is not.
func (r *refusing) deny(n int, instance string, who acting, operation string) {
	r.Helper()
	for range n {
		call := Call{Caller: lanyard.Caller{Account: "123456789012"}, Operation: operation,
			Request: json.RawMessage(`{"InstanceId":"i"}`), acting: &who, planning: r.planning}
		err := r.refuse(r.Context(), call, instance, &denial{message: "no"})
		if !errors.Is(err, lanyard.ErrDenied) {
			r.Fatal(err)
		}
	}
}

// records are the events, each as operation, user and, of those that count, the request.
func (r *refusing) records(instance string) map[string]int {
	r.Helper()
	events, err := r.Events(r.Context(), instance, 0, 10_000)
	if err != nil {
		r.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range events {
		text := e.Operation + " " + e.OnBehalfOf
		if e.Operation == OmittedRefusals {
			var in struct {
				Calls      int
				Operations map[string]int
			}
			if err := json.Unmarshal(e.Request, &in); err != nil || e.Refused == "" || e.Account == "" {
				r.Errorf("the record %+v: %v", e, err)
			}
			text += fmt.Sprint(" ", in.Calls, in.Operations)
		}
		got[text]++
	}
	return got
}

func (r *refusing) want(instance string, want map[string]int) {
	r.Helper()
	if got := r.records(instance); fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("the records are\n%v, want\n%v", got, want)
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	r := newRefusing(t)
	ann, bob := acting{user: "ann", known: true}, acting{user: "bob", known: true}
	r.deny(5, "i", ann, "ListUsers")
	r.deny(500, "i", ann, "SearchUsers")
	r.deny(30, "i", ann, "ListUsers")
	r.deny(3, "i", bob, "ListUsers")
	r.deny(1, "other", ann, "ListUsers")
	want := map[string]int{"ListUsers ann": 5, "SearchUsers ann": 15, "ListUsers bob": 3}
	r.want("i", want)
	r.now = r.now.Add(refusalWindow)
	r.deny(1, "i", ann, "ListUsers")
	want["ListUsers ann"]++
	want["OmittedRefusals ann 515 map[ListUsers:30 SearchUsers:485]"] = 1
	r.want("i", want)
	r.want("other", map[string]int{"ListUsers ann": 1})
}

// The rest is recorded also when nothing more is refused, and when the server ends.
func TestRefusalsAreRecordedAtTheEnd(t *testing.T) {
	r := newRefusing(t)
	r.deny(refusalsPerUser+7, "i", acting{user: "ann", known: true}, "ListUsers")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.RecordRefusals(ctx)
	r.want("i", map[string]int{"ListUsers ann": refusalsPerUser, "OmittedRefusals ann 7 map[ListUsers:7]": 1})
	r.RecordRefusals(ctx)
	r.want("i", map[string]int{"ListUsers ann": refusalsPerUser, "OmittedRefusals ann 7 map[ListUsers:7]": 1})
}

// Neither many users nor names that nobody has make more records than an instance has in a window, nor is more
// remembered than the bound.
func TestRefusalsAreBounded(t *testing.T) {
	r := newRefusing(t)
	for i := range 3 * refusalWindows {
		r.deny(1, "i", acting{user: fmt.Sprint("user ", i), known: i%2 == 0}, "ListUsers")
	}
	if n := len(r.refused.windows); n > refusalWindows+1 {
		t.Errorf("%d windows are remembered, want %d at most", n, refusalWindows)
	}
	total := 0
	for _, n := range r.records("i") {
		total += n
	}
	if total != refusalsPerInstance {
		t.Errorf("%d refusals are recorded, want %d", total, refusalsPerInstance)
	}
}

// What is only proposed counts with what is called, and its refusals are bounded together.
func TestRefusedProposalsAreCounted(t *testing.T) {
	r := newRefusing(t)
	ann := acting{user: "ann", known: true}
	r.deny(refusalsPerUser-5, "i", ann, "ListUsers")
	r.planning = true
	r.deny(50, "i", ann, "UpdateSecurityProfile")
	r.now = r.now.Add(refusalWindow)
	r.deny(1, "i", ann, "UpdateSecurityProfile")
	r.want("i", map[string]int{"ListUsers ann": refusalsPerUser - 5, "UpdateSecurityProfile ann": 6,
		"OmittedRefusals ann 45 map[UpdateSecurityProfile:45]": 1})
}
