package seed_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/seed"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const head = `
Parameters:
  InstanceArn: {Type: String}
  Permission: {Type: String, Default: Users.View}
Resources:
`

const profile = head + `  Reader:
    Type: AWS::Connect::SecurityProfile
    Properties:
      InstanceArn: !Ref InstanceArn
      SecurityProfileName: Reader
      Permissions: [!Ref Permission]
`

func openMemory(ctx context.Context) (store.Store, error) { return sqlite.OpenMemory(ctx) }

// newInstance makes an instance in memory.
func newInstance(t *testing.T) (seed.Config, *control.Service) {
	t.Helper()
	db, err := openMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	svc := control.New(control.Config{Store: db, Region: "us-east-1", Logger: slog.New(slog.DiscardHandler)})
	caller := lanyard.Caller{Account: "123456789012"}
	made, err := svc.CreateInstance(t.Context(), control.Call{Caller: caller},
		control.NewInstance{Alias: "seeded", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	arn, err := lanyard.ParseARN(svc.ARN(made.Instance, lanyard.TypeInstance, made.Instance.ID))
	if err != nil {
		t.Fatal(err)
	}
	return seed.Config{API: sandbox.Account{API: awsapi.New(awsapi.Config{Control: svc}), Caller: caller}, Instance: arn,
		NewStore: openMemory}, svc
}

func apply(t *testing.T, c seed.Config, name, content string) error {
	t.Helper()
	files, err := seed.Parse(seed.File{Name: name, Content: []byte(content)})
	if err != nil {
		return err
	}
	return seed.Apply(t.Context(), c, files...)
}

func snapshot(t *testing.T, c seed.Config, svc *control.Service) *access.Snapshot {
	t.Helper()
	s, err := svc.Snapshot(t.Context(), control.Call{Caller: lanyard.Caller{Account: c.Instance.Account}},
		c.Instance.Instance, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestApply(t *testing.T) {
	c, svc := newInstance(t)
	c.Parameters = map[string]string{"Permission": "Users.Edit"}
	if err := apply(t, c, "team.yaml", profile); err != nil {
		t.Fatal(err)
	}
	found := snapshot(t, c, svc).WhichProfiles(&access.Query{Action: "Users.Edit"})
	var names []string
	for _, f := range found {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, ","); !strings.Contains(got, "Reader") {
		t.Errorf("the profiles with Users.Edit are %s, want Reader among them", got)
	}
	revision := snapshot(t, c, svc).Revision()
	if err := apply(t, c, "team.yaml", profile); err != nil { // nothing is left to do
		t.Error(err)
	}
	if now := snapshot(t, c, svc).Revision(); now != revision {
		t.Errorf("applying again makes revision %d of %d", now, revision)
	}
}

// What is wrong in a template, or refused by an operation, is said with the place, and nothing is changed.
func TestApplyRefuses(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"not YAML", "Resources: [", "bad.yaml:1:"},
		{"unknown type", head + "  X:\n    Type: AWS::Connect::Nonsense\n", "bad.yaml:7:"},
		{"unknown permission", strings.Replace(profile, "[!Ref Permission]", "[Users.Veiw]", 1), "bad.yaml:11:"},
		{"refused", profile + `  Other:
    Type: AWS::Connect::HoursOfOperation
    Properties:
      InstanceArn: !Ref InstanceArn
      Name: Hours
      TimeZone: Mars/Base
      Config: []
`, "bad.yaml:17:"},
		{"too large", strings.Repeat("#", 1<<20+1), "bad.yaml must have at most 1048576 bytes, got 1048577"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, svc := newInstance(t)
			revision := snapshot(t, c, svc).Revision()
			err := apply(t, c, "bad.yaml", tt.content)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that names %s", err, tt.want)
			}
			if now := snapshot(t, c, svc).Revision(); now != revision {
				t.Errorf("the instance has changed, to revision %d of %d", now, revision)
			}
		})
	}
}
