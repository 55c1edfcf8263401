package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/compare"
)

const header = "Parameters:\n  InstanceArn: {Type: String}\n  Secret: {Type: String, NoEcho: true, Default: Hidden1x}\nResources:\n"

// profile is a resource of a template.
func profile(id, name string, more ...string) string {
	text := "  " + id + ":\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n      InstanceArn: !Ref InstanceArn\n" +
		"      SecurityProfileName: " + name + "\n"
	for _, line := range more {
		text += "      " + line + "\n"
	}
	return text
}

func person1(id, name string, more ...string) string {
	text := "  " + id + ":\n    Type: AWS::Connect::User\n    Properties:\n      InstanceArn: !Ref InstanceArn\n" +
		"      Username: " + name + "\n      RoutingProfileArn: !GetAtt Routing.RoutingProfileArn\n"
	for _, line := range more {
		text += "      " + line + "\n"
	}
	return text
}

const routing = `  Hours:
    Type: AWS::Connect::HoursOfOperation
    Properties: {InstanceArn: !Ref InstanceArn, Name: Basic Hours, TimeZone: UTC, Config: []}
  Queue:
    Type: AWS::Connect::Queue
    Properties: {InstanceArn: !Ref InstanceArn, Name: BasicQueue, HoursOfOperationArn: !Ref Hours}
  Routing:
    Type: AWS::Connect::RoutingProfile
    Properties:
      InstanceArn: !Ref InstanceArn
      Name: Basic Routing Profile
      Description: As before
      DefaultOutboundQueueArn: !Ref Queue
      MediaConcurrencies: [{Channel: VOICE, Concurrency: 1}]
`

// actions are the changes of a plan by logical id, without those that are only noted.
func actions(p *Plan) map[string]string {
	out := map[string]string{}
	for _, c := range p.Changes {
		out[c.LogicalID] = c.Action
	}
	return out
}

func operations(p *Plan) (out []string) {
	for _, c := range p.Calls {
		out = append(out, c.Operation+" "+c.LogicalID)
	}
	return out
}

func TestPlans(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second string // templates
		prune         bool
		want          map[string]string // actions of the second
		calls         []string
	}{
		{"nothing changes", profile("A", "One"), profile("A", "One"), false, map[string]string{}, nil},
		{"a permission is added", profile("A", "One"), profile("A", "One", "Permissions: [Users.View]"), false,
			map[string]string{"A": Update}, []string{"UpdateSecurityProfile A", "TagResource A"}},
		{"only a tag changes", profile("A", "One"), profile("A", "One", "Tags: [{Key: Team, Value: x}]"), false,
			map[string]string{"A": Update}, []string{"TagResource A"}},
		{"a tag goes", profile("A", "One", "Tags: [{Key: Team, Value: x}]"), profile("A", "One"), false,
			map[string]string{"A": Update}, []string{"UntagResource A", "TagResource A"}},
		{"a default profile is adopted", profile("A", "One"), profile("A", "One") + profile("Admins", "QualityAnalyst",
			"Permissions: [Users.View]"), false, map[string]string{"Admins": Update},
			[]string{"UpdateSecurityProfile Admins", "TagResource Admins"}},
		{"a rename replaces, after who holds it has the new one",
			profile("A", "One") + routing + person1("Ada", "ada", "SecurityProfileArns: [!Ref A]"),
			profile("A", "Two") + routing + person1("Ada", "ada", "SecurityProfileArns: [!Ref A]"), false,
			map[string]string{"A": Replace, "Ada": Update},
			[]string{"CreateSecurityProfile A", "UpdateUserSecurityProfiles Ada", "TagResource Ada", "DeleteSecurityProfile A"}},
		{"what is gone stays without prune", profile("A", "One") + profile("B", "Two"), profile("A", "One"), false,
			map[string]string{"B": Leave}, nil},
		{"what is gone is pruned", profile("A", "One") + profile("B", "Two"), profile("A", "One"), true,
			map[string]string{"B": Delete}, []string{"DeleteSecurityProfile B"}},
		{"what was adopted is released and never deleted", profile("A", "Agent"), profile("B", "Two"), true,
			map[string]string{"A": Release, "B": Create}, []string{"CreateSecurityProfile B", "UntagResource A"}},
		{"another logical id for the same name", profile("A", "One"), profile("B", "One"), true,
			map[string]string{"B": Note}, []string{"TagResource B"}},
		{"users go before the profile that they hold",
			profile("A", "One") + routing + person1("Ada", "ada", "SecurityProfileArns: [!Ref A]"), routing, true,
			map[string]string{"A": Delete, "Ada": Delete}, []string{"DeleteUser Ada", "DeleteSecurityProfile A"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "SAML")
			defer w.close()
			w.apply(w.read("t.yaml", header+tt.first), false)
			p := w.plan(w.read("t.yaml", header+tt.second), tt.prune)
			if got := actions(p); !maps.Equal(got, tt.want) {
				t.Errorf("actions %v, want %v", got, tt.want)
			}
			if got := operations(p); !slices.Equal(got, tt.calls) {
				t.Errorf("calls %q, want %q", got, tt.calls)
			}
			if err := p.Apply(context.Background(), w, nil); err != nil {
				t.Fatal(err)
			}
			if again := w.plan(w.read("t.yaml", header+tt.second), tt.prune); !again.Empty() {
				t.Errorf("a second plan has the calls %q", operations(again))
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, template, want string }{
		{"an unknown permission", profile("A", "One", "Permissions: [Users.View, Users.Veiw]"),
			`t.yaml:10:33: Permissions must be names of the permission catalogue, such as Users.View (case-sensitive), ` +
				`got "Users.Veiw"; if Amazon Connect has it, repeat with --lenient`},
		{"a rule of the operation", profile("A", "One", "AllowedFlowModules: [{Type: MCP, FlowModuleId: nowhere}]"),
			`t.yaml:10:27: InvalidParameterException: FlowModuleId is not valid: AllowedFlowModules[0].FlowModuleId must be the ` +
				`id of an existing flow module, got "nowhere"`},
		{"two states that cannot follow one another", routing + person1("Ada", "ada",
			"SecurityProfileArns: [!Sub '${InstanceArn}/security-profile/00000000-0000-4000-8000-000000000000']"),
			"t.yaml:25:28: InvalidParameterException: SecurityProfileIds"},
		{"a name that is too long", profile("A", strings.Repeat("x", 128)), "t.yaml:9:28: SecurityProfileName must"},
		{"the name of the lock", profile("A", LockName),
			"t.yaml:9:28: SecurityProfileName must be another than lanyard-apply-lock, which is the lock of applies"},
		{"another instance", strings.ReplaceAll(profile("A", "One"), "!Ref InstanceArn",
			"arn:aws:connect:eu-central-1:123456789012:instance/other"),
			"t.yaml:8:20: InstanceArn must be arn:aws:connect:eu-central-1:123456789012:instance/"},
		{"what lanyard does not store", `  H:
    Type: AWS::Connect::HoursOfOperation
    Properties:
      InstanceArn: !Ref InstanceArn
      Name: Day
      TimeZone: UTC
      Config: []
      HoursOfOperationOverrides: []
`, "t.yaml:12:34: HoursOfOperationOverrides must be absent: create them with CreateHoursOfOperationOverride"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "SAML")
			defer w.close()
			template, err := w.tryRead("t.yaml", header+tt.template)
			if err == nil {
				_, err = w.tryPlan(template, false)
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Whoever else changed what the stack made is told first, and the change is undone.
func TestDriftIsShown(t *testing.T) {
	w := newWorld(t, "SAML")
	defer w.close()
	text := header + profile("A", "One", "Permissions: [Users.View]")
	w.apply(w.read("t.yaml", text), false)
	var id string
	for _, r := range w.target().Resources {
		if r.Head().Name == "One" {
			id = r.Head().ID
		}
	}
	w.do("UpdateSecurityProfile", map[string]any{"SecurityProfileId": id,
		"Permissions": []string{"Users.View", "Users.EditPermission"}, "Description": "mine"})
	p := w.plan(w.read("t.yaml", text), false)
	if len(p.Drift) != 1 || len(p.Drift[0].Fields) != 2 || p.Drift[0].Fields[0].After != "mine" ||
		p.Drift[0].Fields[1].After != "Users.EditPermission" {
		t.Fatalf("drift %+v", p.Drift)
	}
	if got := operations(p); !slices.Equal(got, []string{"UpdateSecurityProfile A"}) {
		t.Errorf("calls %q", got)
	}
	changed := w.plan(w.read("t.yaml", strings.Replace(text, "[Users.View]", "[Users.View, Queues.View]", 1)), false)
	if len(changed.Drift) != 1 {
		t.Errorf("drift of a template that changed too: %+v", changed.Drift)
	}
}

// Whoever holds a profile that is not in the template keeps a rename from being planned.
func TestReplacementOfAProfileInUse(t *testing.T) {
	w := newWorld(t, "SAML")
	defer w.close()
	w.apply(w.read("t.yaml", header+profile("A", "One")+routing+person1("Ada", "ada", "SecurityProfileArns: [!Ref A]")), false)
	_, err := w.tryPlan(w.read("t.yaml", header+profile("A", "Two")), false)
	if err == nil || !strings.Contains(err.Error(), "t.yaml:9:28: ResourceInUseException: ") {
		t.Errorf("got %v", err)
	}
}

// An AI agent holds the new profile before the old one goes.
func TestReplacementKeepsAIAgents(t *testing.T) {
	w := newWorld(t, "SAML")
	defer w.close()
	agent := "arn:aws:wisdom:eu-central-1:123456789012:ai-agent/5d1f4a3e-90b7-4c52-8a6d-2f6b1c7e9d10/" +
		"7c9e6679-7425-40de-944b-e07fc1f90ae7"
	of := func(name string) string {
		return header + "  A:\n    Type: AWS::Connect::SecurityProfile\n    Metadata: {Lanyard: {AIAgentArns: ['" + agent +
			"']}}\n    Properties: {InstanceArn: !Ref InstanceArn, SecurityProfileName: " + name + ", Permissions: [Users.View]}\n"
	}
	w.apply(w.read("t.yaml", of("One")), false)
	p := w.plan(w.read("t.yaml", of("Two")), false)
	if d := p.Access(compare.Options{}); !d.Empty() {
		t.Errorf("in the end: %s", d.Summary())
	}
	if l := p.Lapses(); len(p.Between) == 0 || len(l) != 0 {
		t.Errorf("in %d moments: lapses %+v", len(p.Between), l)
	}
	if err := p.Apply(context.Background(), w, nil); err != nil {
		t.Fatal(err)
	}
}

// A group that moves is a new group, and until its members are in it, who may see the group does not see them.
func TestLapses(t *testing.T) {
	w := newWorld(t, "SAML")
	defer w.close()
	of := func(parent string) string {
		group := "  %s:\n    Type: AWS::Connect::UserHierarchyGroup\n    Properties: {InstanceArn: !Ref InstanceArn, Name: %s%s}\n"
		return header + `  Levels:
    Type: AWS::Connect::UserHierarchyStructure
    Properties: {InstanceArn: !Ref InstanceArn, UserHierarchyStructure: {LevelOne: {Name: a}, LevelTwo: {Name: b}}}
` + fmt.Sprintf(group, "North", "North", "") + fmt.Sprintf(group, "South", "South", "") +
			fmt.Sprintf(group, "Team", "Team", ", ParentGroupArn: !Ref "+parent) +
			profile("A", "One", "Permissions: [Users.View]", "HierarchyRestrictedResources: [User]",
				"AllowedAccessControlHierarchyGroupId: !Select [3, !Split ['/', !Ref Team]]") + profile("B", "Two") + routing +
			person1("Ada", "ada", "SecurityProfileArns: [!Ref A]") +
			person1("Ben", "ben", "SecurityProfileArns: [!Ref B]", "HierarchyGroupArn: !Ref Team")
	}
	w.apply(w.read("t.yaml", of("North")), false)
	p := w.plan(w.read("t.yaml", of("South")), false)
	l := p.Lapses()
	if len(l) != 1 || l[0].Name != "ada" || !slices.Equal(l[0].Things, []string{"Users.View on some resources"}) {
		t.Errorf("lapses %+v", l)
	}
	if err := p.Apply(context.Background(), w, nil); err != nil {
		t.Fatal(err)
	}
}

// The values of NoEcho parameters are in no saved plan, difference or message, and are asked for again.
func TestSecretsAreNotSaved(t *testing.T) {
	w := newWorld(t, "CONNECT_MANAGED")
	defer w.close()
	text := header + routing + profile("A", "One", "Description: !Sub 'of ${Secret}'") + person1("Ada", "ada",
		"SecurityProfileArns: [!Ref A]", "Password: !Ref Secret")
	p := w.plan(w.read("t.yaml", text), false)
	saved, err := p.Save()
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(p.Summary())
	for _, c := range p.Changes {
		for _, f := range c.Fields {
			shown += fmt.Sprint(p.Line(f), p.Hidden([]FieldChange{f}))
		}
	}
	if strings.Contains(string(saved)+shown, "Passw0rd") {
		t.Error("the password is shown")
	}
	if _, err := Load(saved, nil); err == nil || !strings.Contains(err.Error(), `parameter "Secret" is required`) {
		t.Errorf("without the parameter: %v", err)
	}
	loaded, err := Load(saved, map[string]string{"Secret": "Passw0rd"})
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Apply(context.Background(), w, nil); err != nil {
		t.Fatal(err)
	}
	if again := w.plan(w.read("t.yaml", text), false); !again.Empty() {
		t.Errorf("a second plan has the calls %q", operations(again))
	}
}

// A secret may be a part of other texts of the plan, and two parameters may have the same one.
func TestSecretsThatAreOrdinaryTexts(t *testing.T) {
	w := newWorld(t, "SAML")
	defer w.close()
	for _, secret := range []string{"Create", "1", "arn:aws", "Security"} {
		p := w.plan(w.read("t.yaml", header+profile("A", "One")), false)
		p.secrets = map[string]string{"Secret": secret, "Another": secret, "Third": secret}
		saved, err := p.Save()
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if again, err := p.Save(); err != nil || !bytes.Equal(again, saved) {
				t.Fatalf("%q: the plan is saved in two forms (%v)", secret, err)
			}
		}
		loaded, err := Load(saved, p.secrets)
		if err != nil {
			t.Fatalf("%q: %v", secret, err)
		}
		if got, want := operations(loaded), operations(p); !slices.Equal(got, want) || loaded.Instance != p.Instance {
			t.Errorf("%q: the calls are %q at %s, want %q at %s", secret, got, loaded.Instance, want, p.Instance)
		}
	}
}

// A saved plan says nothing about what has changed since.
func TestSavedPlanIsStale(t *testing.T) {
	w := newWorld(t, "SAML")
	defer w.close()
	w.apply(w.read("t.yaml", header+profile("A", "One")), false)
	p := w.plan(w.read("t.yaml", header+profile("A", "One", "Permissions: [Users.View]")+profile("B", "Two")), false)
	same := func(when string, want bool) {
		t.Helper()
		state, err := p.Depends.StateOf(w.target())
		if err != nil || (state == p.State) != want {
			t.Errorf("%s: same %v, want %v (%v)", when, state == p.State, want, err)
		}
	}
	same("at once", true)
	w.do("CreateSecurityProfile", map[string]any{"SecurityProfileName": "Unrelated"})
	same("after an unrelated change", true)
	made := w.do("CreateSecurityProfile", map[string]any{"SecurityProfileName": "Two"})
	same("when what it creates is there", false)
	w.do("DeleteSecurityProfile", map[string]any{"SecurityProfileId": made["SecurityProfileId"]})
	same("when that is gone again", true)
	w.do("UpdateSecurityProfile", map[string]any{"SecurityProfileId": p.Changes[0].ID, "Permissions": []string{"Queues.View"}})
	same("when what it updates has changed", false)
}

// A plan from somebody else makes no other calls than plans do, and about no other instance.
func TestLoadRefusesForeignCalls(t *testing.T) {
	w := newWorld(t, "SAML")
	defer w.close()
	p := w.plan(w.read("t.yaml", header+profile("A", "One")), false)
	good, err := p.Save()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, from, to, want string }{
		{"another operation", "CreateSecurityProfile", "DeleteInstance", "operation of plans"},
		{"another instance", `"InstanceId": "` + w.instance, `"InstanceId": "other`, "must be about instance"},
		{"another version", `"lanyardPlan": 1`, `"lanyardPlan": 2`, "lanyardPlan must be 1, got 2"},
		{"no JSON", `"calls"`, `calls`, "read the saved plan"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(string(good), tt.from, tt.to, 1)
			if bad == string(good) {
				t.Fatalf("%s is not in %s", tt.from, good)
			}
			if _, err := Load([]byte(bad), nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// A plan makes at most three calls for a resource, however many there are.
func TestCallsAreFew(t *testing.T) {
	for _, n := range []int{10, 100} {
		w := newWorld(t, "SAML")
		var text strings.Builder
		text.WriteString(header)
		for i := range n {
			text.WriteString(profile(fmt.Sprintf("P%d", i), fmt.Sprintf("Profile %d", i), "Permissions: [Users.View]"))
		}
		p := w.apply(w.read("t.yaml", text.String()), false)
		if len(p.Calls) != n {
			t.Errorf("%d calls to create %d profiles", len(p.Calls), n)
		}
		changed := w.plan(w.read("t.yaml", strings.ReplaceAll(text.String(), "[Users.View]", "[Queues.View]")), false)
		if len(changed.Calls) != 2*n {
			t.Errorf("%d calls to update %d profiles", len(changed.Calls), n)
		}
		w.close()
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"team": true, "team-2_x.y": true, "": false, "-team": false, "a/b": false,
		strings.Repeat("x", 129): false} {
		if got := CheckName(name) == nil; got != want {
			t.Errorf("CheckName(%q) %v, want %v", name, got, want)
		}
	}
}

// errAfter fails from some call on.
type errAfter struct {
	*world
	left int
	err  error
}

func (e *errAfter) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	if e.left--; e.left < 0 {
		return nil, e.err
	}
	return e.world.Invoke(ctx, operation, input)
}

// However far an apply came, the next one completes it.
func TestApplyCompletesAFailedOne(t *testing.T) {
	first := header + profile("A", "One") + routing + person1("Ada", "ada", "SecurityProfileArns: [!Ref A]") +
		profile("B", "Gone")
	second := header + profile("A", "Two", "Permissions: [Users.View]") + routing +
		person1("Ada", "ada", "SecurityProfileArns: [!Ref A]") + profile("C", "New")
	for after := range 6 {
		w := newWorld(t, "SAML")
		w.apply(w.read("t.yaml", first), false)
		p := w.plan(w.read("t.yaml", second), true)
		err := p.Apply(context.Background(), &errAfter{w, after, errors.New("connection reset")}, nil)
		var failed *Failure
		if after < len(p.Calls) && (!errors.As(err, &failed) || failed.Done != after || !failed.Unknown) {
			t.Errorf("after %d of %d calls: %v", after, len(p.Calls), err)
		}
		w.apply(w.read("t.yaml", second), true)
		if again := w.plan(w.read("t.yaml", second), true); !again.Empty() {
			t.Errorf("after %d calls and a second apply: %q", after, operations(again))
		}
		var names []string
		for _, r := range w.target().Resources {
			if r.Type() == "security-profile" {
				names = append(names, r.Head().Name)
			}
		}
		slices.Sort(names)
		if want := []string{"Admin", "Agent", "CallCenterManager", "New", "QualityAnalyst", "Two"}; !slices.Equal(names, want) {
			t.Errorf("after %d calls: profiles %q, want %q", after, names, want)
		}
		w.close()
	}
}
