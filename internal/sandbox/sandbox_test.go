package sandbox_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

type object = map[string]any

const (
	instance = "11111111-1111-4111-8111-111111111111"
	reader   = "22222222-2222-4222-8222-222222222222"
	routing  = "33333333-3333-4333-8333-333333333333"
	queue    = "44444444-4444-4444-8444-444444444444"
	hours    = "55555555-5555-4555-8555-555555555555"
	jonas    = "66666666-6666-4666-8666-666666666666"
)

// resources are those of a small instance, users first: any order will do.
func resources() []lanyard.Resource {
	return []lanyard.Resource{
		&lanyard.User{Meta: lanyard.Meta{ID: jonas, Name: "jonas", Seq: 9}, Profiles: []string{reader},
			RoutingProfile: routing},
		&lanyard.Profile{Meta: lanyard.Meta{ID: reader, Name: "Reader", Tags: map[string]string{"a": "b"}, Seq: 3},
			Permissions: []string{"Users.View"}},
		&lanyard.RoutingProfile{Meta: lanyard.Meta{ID: routing, Name: "Routing"}, DefaultQueue: queue},
		&lanyard.Queue{Meta: lanyard.Meta{ID: queue, Name: "Queue"}, Hours: hours},
		&lanyard.Hours{Meta: lanyard.Meta{ID: hours, Name: "Hours"}, TimeZone: "UTC"},
	}
}

func newSandbox(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.New(t.Context(), sandbox.Config{Store: db, Resources: resources(),
		Instance: &lanyard.Instance{Meta: lanyard.Meta{ID: instance, Name: "copy"}, Account: "123456789012",
			Region: "eu-west-2", IdentityManagement: "SAML"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestCopyHasWhatTheOriginalHas(t *testing.T) {
	all, err := newSandbox(t).Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]lanyard.Resource{}
	for _, r := range all {
		r = lanyard.Clone(r)
		r.Head().Seq = 0
		got[r.Head().ID] = r
	}
	for _, want := range resources() {
		want.Head().Seq = 0
		if !reflect.DeepEqual(got[want.Head().ID], want) {
			t.Errorf("%s is %+v in the copy, want %+v", want.Head().Name, got[want.Head().ID], want)
		}
	}
	if len(got) != len(resources())+1 { // and the structure
		t.Errorf("the copy has %d resources, want %d", len(got), len(resources())+1)
	}
}

func TestOperationsChangeDecisions(t *testing.T) {
	s := newSandbox(t)
	edit := &access.Query{Subject: access.Subject{ID: jonas}, Action: "Users.Edit"}
	if decide(t, s, edit) {
		t.Fatal("jonas may edit users before anything was changed")
	}
	_, err := invocation.Do[struct{}](t.Context(), s, "UpdateSecurityProfile", object{"InstanceId": instance,
		"SecurityProfileId": reader, "Permissions": []string{"Users.View", "Users.Edit"}})
	if err != nil {
		t.Fatal(err)
	}
	if !decide(t, s, edit) {
		t.Error("jonas may not edit users after the update of his profile")
	}
	made, err := invocation.Do[struct{ SecurityProfileArn string }](t.Context(), s, "CreateSecurityProfile",
		object{"InstanceId": instance, "SecurityProfileName": "New", "Permissions": []string{"Users.View"}})
	want := "arn:aws:connect:eu-west-2:123456789012:instance/" + instance + "/security-profile/"
	if err != nil || !strings.HasPrefix(made.SecurityProfileArn, want) {
		t.Errorf("create: %v, %v; want an ARN that begins with %s", made, err, want)
	}
}

func decide(t *testing.T, s *sandbox.Sandbox, q *access.Query) bool {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Decide(q).Allow
}

func TestRefusalsAreThoseOfAServer(t *testing.T) {
	s := newSandbox(t)
	for _, tt := range []struct {
		name, operation string
		input           object
		exception, says string
	}{
		{"in use", "DeleteSecurityProfile", object{"InstanceId": instance, "SecurityProfileId": reader},
			"ResourceInUseException", "in use"},
		{"misspelt", "UpdateSecurityProfile", object{"InstanceId": instance, "SecurityProfileId": reader,
			"Permissions": []string{"Users.Veiw"}}, "InvalidParameterException", "Users.Veiw"},
		{"taken", "CreateSecurityProfile", object{"InstanceId": instance, "SecurityProfileName": "Reader"},
			"DuplicateResourceException", "already exists"},
		{"unknown operation", "Nonsense", object{}, "UnknownOperationException", "Nonsense"},
		{"unknown member", "DescribeUser", object{"InstanceId": instance, "UserId": jonas, "Nonsense": 1},
			"InvalidParameterException", "Nonsense"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := invocation.Do[struct{}](t.Context(), s, tt.operation, tt.input)
			var e *invocation.Exception
			if !errors.As(err, &e) || e.Name != tt.exception || !strings.Contains(e.Message, tt.says) {
				t.Errorf("got %v, want %s that says %q", err, tt.exception, tt.says)
			}
		})
	}
}

func TestClosedSandbox(t *testing.T) {
	s := newSandbox(t)
	s.Close()
	if _, err := s.Resources(context.Background()); err == nil {
		t.Error("a closed sandbox lists its resources")
	}
}
