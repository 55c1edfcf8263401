package modeltest_test

import (
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/awsapi/model/modeltest"
)

func TestCheckOutput(t *testing.T) {
	for _, tt := range []struct {
		name, op, body string
		want           string // part of the error; empty when the body is right
	}{
		{"right", "ListSecurityProfiles", `{"SecurityProfileSummaryList":[{"Id":"a","LastModifiedTime":1700000000.123}]}`,
			""},
		{"lower-case by the model", "ListTagsForResource", `{"tags":{"k":"v"}}`, ""},
		{"no output", "UpdateSecurityProfile", ``, ""},
		{"output without members", "DeleteContactFlowModule", `{}`, ""},
		{"not JSON", "CreateUser", ``, "want an object"},
		{"unknown member", "CreateUser", `{"Id":"a"}`, "CreateUser.Id: no such member"},
		{"wrong case", "CreateUser", `{"userId":"a"}`, "no such member"},
		{"twice", "CreateUser", `{"UserId":"a","UserId":"b"}`, "duplicate"},
		{"null", "CreateUser", `{"UserId":null}`, "want a string"},
		{"wrong type", "ListSecurityProfiles", `{"SecurityProfileSummaryList":{}}`, "want a list"},
		{"enum", "SearchSecurityProfiles", `{"SecurityProfiles":[{"Type":"OTHER"}]}`,
			`SecurityProfiles[0].Type: "OTHER" is not one of`},
		{"too long", "SearchSecurityProfiles", `{"SecurityProfiles":[{"Description":"` + strings.Repeat("é", 251) + `"}]}`,
			"251 characters"},
		{"too few", "SearchSecurityProfiles", `{"SecurityProfiles":[{"Tags":{}}]}`, "0 items"},
		{"key", "ListTagsForResource", `{"tags":{"":"v"}}`, `key ""`},
		{"required", "DescribeHoursOfOperation", `{"HoursOfOperation":{"Config":[{"Day":"MONDAY"}]}}`, "required"},
		{"exponent", "ListSecurityProfiles", `{"SecurityProfileSummaryList":[{"LastModifiedTime":1.7e9}]}`, "three decimals"},
		{"fraction", "SearchUsers", `{"ApproximateTotalCount":1.5}`, "not a whole number"},
		{"something for nothing", "UpdateSecurityProfile", `{"A":1}`, "no output"},
		{"unknown operation", "Nothing", `{}`, "no operation"},
	} {
		t.Run(tt.name, func(t *testing.T) { compare(t, modeltest.CheckOutput(tt.op, []byte(tt.body)), tt.want) })
	}
}

func TestCheckError(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		code   string
		body   string
		want   string
	}{
		{"declared", 404, "ResourceNotFoundException", `{"Message":"gone"}`, ""},
		{"with its type", 404, "ResourceNotFoundException", `{"__type":"ResourceNotFoundException","Message":"gone"}`, ""},
		{"common", 403, "UnrecognizedClientException", `{"message":"who?"}`, ""},
		{"common and not declared", 403, "AccessDeniedException", `{"Message":"no"}`, ""},
		{"wrong status", 400, "ResourceNotFoundException", `{"Message":"gone"}`, "want 404"},
		{"wrong status of a common one", 400, "AccessDeniedException", `{"Message":"no"}`, "status 400"},
		{"not declared", 409, "ConflictException", `{"Message":"no"}`, "does not declare"},
		{"no message", 404, "ResourceNotFoundException", `{}`, "no Message"},
		{"unknown member", 404, "ResourceNotFoundException", `{"Message":"gone","Why":""}`, "no such member"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compare(t, modeltest.CheckError("UpdateSecurityProfile", tt.status, tt.code, []byte(tt.body)), tt.want)
		})
	}
}

// TestEmptyOutputs checks the generated answers of the operations that never have
// anything to list.
func TestEmptyOutputs(t *testing.T) {
	for _, op := range model.Operations {
		if op.Service == model.Empty {
			if err := modeltest.CheckOutput(op.Name, []byte(op.EmptyOutput)); err != nil {
				t.Error(err)
			}
		}
	}
}

func compare(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("got no error, want one with %q", want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	}
}
