package console_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// TestMirrorInConsole shows what an instance is a mirror of, refuses changes and still plans them.
func TestMirrorInConsole(t *testing.T) {
	s := newSite(t)
	b := s.operator()
	for _, path := range []string{"overview", "mirror"} {
		if m := b.ok(path, fmt.Sprintf(`{"InstanceId": %q}`, s.in.ID))["Mirror"]; m != nil {
			t.Errorf("by %s, an ordinary instance is a mirror of %v", path, m)
		}
	}
	in := &lanyard.Instance{Meta: lanyard.Meta{ID: "77777777-7777-4777-8777-777777777777", Name: "production"},
		Account: ownAccount, Region: "eu-west-2", IdentityManagement: control.SAML}
	apply := func(last bool, minute int, put ...lanyard.Resource) {
		t.Helper()
		in.Mirror = &lanyard.Mirror{Source: "https://connect.eu-west-2.amazonaws.com",
			Refreshed: time.Date(2026, 5, 1, 0, minute, 0, 0, time.UTC)}
		_, err := s.svc.ApplyMirror(t.Context(), lanyard.Caller{AccessKeyID: s.root.ID},
			control.MirrorPiece{Instance: in, Run: fmt.Sprint(minute), First: true, Last: last, Put: put})
		if err != nil {
			t.Fatal(err)
		}
	}
	profile := &lanyard.Profile{Meta: lanyard.Meta{ID: "88888888-8888-4888-8888-888888888888", Name: "Held"}}
	shown := func() any {
		about := fmt.Sprintf(`{"InstanceId": %q}`, in.ID)
		m := b.ok("overview", about)["Mirror"]
		if other := b.ok("mirror", about)["Mirror"]; !reflect.DeepEqual(other, m) {
			t.Errorf("the overview shows %v, other pages %v", m, other)
		}
		return m
	}
	mirror := func(refreshed any, incomplete bool) map[string]any {
		return map[string]any{"Source": "https://connect.eu-west-2.amazonaws.com", "Refreshed": refreshed,
			"Incomplete": incomplete}
	}
	apply(false, 1, profile)
	if got, want := shown(), mirror(nil, true); !reflect.DeepEqual(got, want) {
		t.Errorf("before the first copy is complete it shows %v, want %v", got, want)
	}
	apply(true, 2)
	apply(true, 3) // which leaves no event
	if got, want := shown(), mirror("2026-05-01T00:03:00Z", false); !reflect.DeepEqual(got, want) {
		t.Errorf("it shows %v, want %v", got, want)
	}
	update := fmt.Sprintf(`{"InstanceId": %q, "SecurityProfileId": %q, "Permissions": ["Users.View"]}`, in.ID, profile.ID)
	if _, answer := b.post("call/UpdateSecurityProfile", update); !strings.Contains(fmt.Sprint(answer), "is a mirror of") {
		t.Errorf("an update answers %v, want a refusal because it is a mirror", answer)
	}
	history := b.ok("history", fmt.Sprintf(`{"InstanceId": %q}`, in.ID))
	if text := fmt.Sprint(history); !strings.Contains(text, "MirrorInstance") || !strings.Contains(text, "mirror") {
		t.Errorf("the history is %v, want the copies in it", history)
	}
}
