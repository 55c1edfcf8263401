package model_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func ptr[T any](v T) *T { return &v }

func TestOperations(t *testing.T) {
	if got, want := len(model.Operations), len(pinned.Operations); got != want {
		t.Errorf("got %d operations, want %d", got, want)
	}
	byName := func(a, b model.Operation) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(model.Operations, byName) {
		t.Error("not sorted by name")
	}
	for _, op := range model.Operations {
		served := op.Service != model.NotServed
		if served != (op.NewInput != nil) || served != (op.Errors != nil) {
			t.Errorf("%s: only what is served has an input and errors", op.Name)
		}
		if (op.Service == model.Empty) != (op.EmptyOutput != "") {
			t.Errorf("%s: only what is empty has an empty output", op.Name)
		}
		if op.Service == model.Empty && !op.ReadOnly {
			t.Errorf("%s: changes something, so it cannot be empty", op.Name)
		}
	}
}

func TestViolation(t *testing.T) {
	long := strings.Repeat("é", 300)
	for _, tt := range []struct {
		name string
		in   model.Input
		want string // empty when valid
	}{
		{"valid", &model.ListSecurityProfilesRequest{InstanceId: ptr("i")}, ""},
		{"required", &model.ListSecurityProfilesRequest{}, `InstanceId is required`},
		{"empty", &model.ListSecurityProfilesRequest{InstanceId: ptr("")},
			`InstanceId must be 1 to 100 characters long, got 0`},
		{"number", &model.ListSecurityProfilesRequest{InstanceId: ptr("i"), MaxResults: ptr(int32(1001))},
			`MaxResults must be 1 to 1000, got 1001`},
		{"cut", &model.ListSecurityProfilesRequest{InstanceId: &long}, `InstanceId must be 1 to 100 characters long, got 300: "` +
			long[:2*128] + `"...`},
		{"blank, where the least length is 0",
			&model.CreateContactFlowModuleRequest{InstanceId: ptr("i"), Name: ptr("n"), Content: ptr("{}"),
				Description: ptr("")}, ""},
		{"a space there", &model.CreateContactFlowModuleRequest{InstanceId: ptr("i"), Name: ptr("n"), Content: ptr("{}"),
			Description: ptr(" ")}, `Description must match .*\S.*, got " "`},
		{
			"pattern",
			&model.CreateSecurityProfileRequest{InstanceId: ptr("i"), SecurityProfileName: ptr("a*b")},
			`SecurityProfileName must match ^[ a-zA-Z0-9_@-]+$, got "a*b"`,
		}, {
			"items",
			&model.UpdateSecurityProfileRequest{InstanceId: ptr("i"), SecurityProfileId: ptr("p"),
				Permissions: make([]string, 501)},
			`Permissions must have at most 500 items, got 501`,
		}, {
			"enum",
			&model.UpdateSecurityProfileRequest{InstanceId: ptr("i"), SecurityProfileId: ptr("p"),
				Applications: []model.Application{{Type: ptr("X")}}},
			`Applications[0].Type must be MCP or THIRD_PARTY_APPLICATION, got "X"`,
		}, {
			"empty list, not absent",
			&model.UpdateSecurityProfileRequest{InstanceId: ptr("i"), SecurityProfileId: ptr("p"),
				Applications: []model.Application{{}, {ApplicationPermissions: []string{}}}},
			`Applications[1].ApplicationPermissions must have 1 to 50 items, got 0`,
		}, {
			"key",
			&model.TagResourceRequest{ResourceArn: ptr("a"), Tags: map[string]string{"ok": "", "aws:b": "", "aws:a": ""}},
			`tags keys must match ^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$, got "aws:a"`,
		}, {
			"value of a key",
			&model.TagResourceRequest{ResourceArn: ptr("a"), Tags: map[string]string{"k": long}},
			`tags["k"] must be at most 256 characters long, got 300: "` + long[:2*128] + `"...`,
		}, {
			"sensitive",
			&model.CreateUserRequest{
				InstanceId: ptr("i"), Username: ptr("u"), RoutingProfileId: ptr("r"), SecurityProfileIds: []string{"p"},
				Password: ptr("secret"),
			},
			`Password must match ^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[a-zA-Z\d\S]{8,64}$`,
		}, {
			"recursive",
			&model.SearchSecurityProfilesRequest{InstanceId: ptr("i"), SearchCriteria: &model.SecurityProfileSearchCriteria{
				OrConditions: []model.SecurityProfileSearchCriteria{{}, {
					AndConditions: []model.SecurityProfileSearchCriteria{{
						StringCondition: &model.StringCondition{ComparisonType: ptr("LIKE")}}},
				}},
			}},
			`SearchCriteria.OrConditions[1].AndConditions[0].StringCondition.ComparisonType must be STARTS_WITH, CONTAINS or EXACT, got "LIKE"`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.in.Validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestValidateAllocates keeps the common path, a valid request, free of garbage.
func TestValidateAllocates(t *testing.T) {
	in := &model.UpdateSecurityProfileRequest{
		InstanceId: ptr("i"), SecurityProfileId: ptr("p"), Permissions: slices.Repeat([]string{"Users.View"}, 500),
		Applications: []model.Application{{Namespace: ptr("n"), ApplicationPermissions: []string{"a"}, Type: ptr("MCP")}},
	}
	n := testing.AllocsPerRun(100, func() {
		if err := in.Validate(); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

func TestBind(t *testing.T) {
	labels := []model.Label{{"InstanceId", "i"}}
	for _, tt := range []struct {
		name  string
		query string
		want  model.ListQueuesRequest
		err   string
	}{
		{"nothing", "", model.ListQueuesRequest{InstanceId: ptr("i")}, ""},
		{
			"everything", "maxResults=7&nextToken=t&queueTypes=AGENT&queueTypes=STANDARD",
			model.ListQueuesRequest{InstanceId: ptr("i"), MaxResults: ptr(int32(7)), NextToken: ptr("t"),
				QueueTypes: []string{"AGENT", "STANDARD"}}, "",
		},
		{"unknown key", "color=red", model.ListQueuesRequest{InstanceId: ptr("i")}, ""},
		{"not a number", "maxResults=7a", model.ListQueuesRequest{}, `MaxResults must be a whole number of 32 bits, got "7a"`},
		{"no number", "maxResults=", model.ListQueuesRequest{}, `MaxResults must be a whole number of 32 bits, got ""`},
		{"signed", "maxResults=%2B7", model.ListQueuesRequest{}, `MaxResults must be a whole number of 32 bits, got "+7"`},
		{"too large", "maxResults=4294967296", model.ListQueuesRequest{},
			`MaxResults must be a whole number of 32 bits, got "4294967296"`},
		{"twice", "nextToken=a&nextToken=b", model.ListQueuesRequest{}, `NextToken must be given once, got 2 times`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			query, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			var got model.ListQueuesRequest
			err = got.Bind(model.Params{Labels: labels, Query: query})
			if err != nil || tt.err != "" {
				if v := (*model.Violation)(nil); !errors.As(err, &v) || err.Error() != tt.err {
					t.Errorf("got %v, want %s", err, tt.err)
				}
				return
			}
			if text(t, got.QueueTypes) != text(t, tt.want.QueueTypes) || *got.InstanceId != *tt.want.InstanceId ||
				text(t, got.MaxResults) != text(t, tt.want.MaxResults) || text(t, got.NextToken) != text(t, tt.want.NextToken) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := jsonv2.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAbsent keeps nil and empty apart on the wire, in both directions.
func TestAbsent(t *testing.T) {
	for _, body := range []string{`{}`, `{"Permissions":[]}`, `{"AllowedAccessControlTags":{}}`, `{"Description":""}`,
		`{"Applications":[{}]}`} {
		var in model.UpdateSecurityProfileRequest
		if err := jsonv2.Unmarshal([]byte(body), &in); err != nil {
			t.Fatal(err)
		}
		if got := text(t, in); got != body {
			t.Errorf("got %s, want %s", got, body)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for _, tt := range []struct {
		ms   int64
		want string
	}{
		{0, "0"}, {1, "0.001"}, {10, "0.01"}, {-1, "-0.001"}, {-1500, "-1.5"},
		{1700000000000, "1700000000"}, {1700000000123, "1700000000.123"}, {1700000000120, "1700000000.12"},
		{253402300799999, "253402300799.999"},
	} {
		at := model.Timestamp{Time: time.UnixMilli(tt.ms).UTC()}
		if got := text(t, &at); got != tt.want {
			t.Errorf("%d ms: got %s, want %s", tt.ms, got, tt.want)
		}
		var back model.Timestamp
		if err := jsonv2.Unmarshal([]byte(tt.want), &back); err != nil || !back.Equal(at.Time) {
			t.Errorf("%s: read back as %v, %v", tt.want, back, err)
		}
	}
	if got := text(t, model.Timestamp{Time: time.Unix(1, 999_999_999)}); got != "1.999" {
		t.Errorf("got %s: what is finer than a millisecond is not dropped", got)
	}
	var at model.Timestamp
	if err := jsonv2.Unmarshal([]byte("1.7e9"), &at); err != nil || at.Unix() != 1700000000 {
		t.Errorf("1.7e9: got %v, %v", at, err)
	}
	for _, body := range []string{`"1700000000"`, `"2026-01-31T00:00:00Z"`, `true`, `{}`, `1e300`} {
		if err := jsonv2.Unmarshal([]byte(body), &at); err == nil {
			t.Errorf("%s was read as %v", body, at)
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(1700000000123))
	f.Fuzz(func(t *testing.T, ms int64) {
		ms %= 253402300799000
		at := model.Timestamp{Time: time.UnixMilli(ms)}
		body, err := jsonv2.Marshal(at)
		if err != nil || strings.ContainsAny(string(body), "eE") {
			t.Fatalf("got %s, %v", body, err)
		}
		var back model.Timestamp
		if err := jsonv2.Unmarshal(body, &back); err != nil || back.UnixMilli() != ms {
			t.Errorf("%d became %s became %d, %v", ms, body, back.UnixMilli(), err)
		}
	})
}
