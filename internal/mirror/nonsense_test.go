package mirror_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/gen"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/mirror"
)

// changing changes the answers of some operations.
type changing struct {
	invocation.API
	change map[string]func(input, output map[string]any) error
}

func (c changing) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	change := c.change[operation]
	if change == nil {
		return c.API.Invoke(ctx, operation, input)
	}
	var in, answer map[string]any
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, err
	}
	delete(in, "NextToken") // what was changed may have an own one
	input, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	out, err := c.API.Invoke(ctx, operation, input)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, err
	}
	if err := change(in, answer); err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

type object = map[string]any

// item is the i-th item of a list.
func item(answer object, list string, i int) object { return answer[list].([]any)[i].(object) }

func TestAnswersThatCannotBeRight(t *testing.T) {
	s := ofDemo(t)
	endless := 0
	for _, tt := range []struct {
		name, operation string
		change          func(in, out object) error
		want            string
	}{
		{"a user twice", "SearchUsers", func(_, out object) error {
			out["Users"] = append(out["Users"].([]any), item(out, "Users", 0))
			return nil
		}, "is listed twice"},
		{"a time twice", "ListUsers", func(_, out object) error {
			out["UserSummaryList"] = append(out["UserSummaryList"].([]any), item(out, "UserSummaryList", 0))
			return nil
		}, "must be listed once"},
		{"no id", "SearchQueues", func(_, out object) error {
			delete(item(out, "Queues", 0), "QueueId")
			return nil
		}, "the id of the queue is required"},
		{"an id that is a path", "SearchQueues", func(_, out object) error {
			item(out, "Queues", 0)["QueueId"] = "../x"
			return nil
		}, "without a slash"},
		{"an ARN of another instance", "SearchUsers", func(_, out object) error {
			u := item(out, "Users", 0)
			u["Arn"] = strings.ReplaceAll(u["Arn"].(string), s.instance.ID, "11111111-1111-4111-8111-111111111111")
			return nil
		}, "must be that of"},
		{"an ARN that is none", "SearchHoursOfOperations", func(_, out object) error {
			item(out, "HoursOfOperations", 0)["HoursOfOperationArn"] = "arn"
			return nil
		}, "must be an ARN"},
		{"another profile", "DescribeSecurityProfile", func(_, out object) error {
			out["SecurityProfile"].(object)["Id"] = "another"
			return nil
		}, `got "another"`},
		{"no profile", "DescribeSecurityProfile", func(_, out object) error {
			delete(out, "SecurityProfile")
			return nil
		}, `got ""`},
		{"another instance", "DescribeInstance", func(_, out object) error {
			out["Instance"].(object)["Id"] = "another"
			return nil
		}, "must be that of instance"},
		{"a token again", "SearchUsers", func(_, out object) error {
			out["NextToken"], out["Users"] = "again", []any{}
			return nil
		}, "must answer each NextToken once"},
		{"pages without end", "SearchQuickConnects", func(_, out object) error {
			endless++
			out["NextToken"], out["QuickConnects"] = fmt.Sprint("token ", endless), []any{}
			return nil
		}, "empty pages in a row"},
		{"a path that ends elsewhere", "SearchUserHierarchyGroups", func(_, out object) error {
			item(out, "UserHierarchyGroups", 0)["HierarchyPath"] = object{}
			return nil
		}, "must end with the group itself"},
		{"a level without the one above", "DescribeUserHierarchyStructure", func(_, out object) error {
			delete(out["HierarchyStructure"].(object), "LevelTwo")
			return nil
		}, "level 2 is required"},
		{"a kind that is none", "SearchQuickConnects", func(_, out object) error {
			out["QuickConnects"] = []any{object{"QuickConnectId": "q", "QuickConnectConfig": object{"QuickConnectType": "PIGEON"}}}
			return nil
		}, "must be one of"},
		{"a number for a text", "SearchUsers", func(_, out object) error {
			item(out, "Users", 0)["Username"] = 5
			return nil
		}, "decode the output of SearchUsers"},
		{"a version that is none", "ListContactFlowModuleVersions", func(_, out object) error {
			out["ContactFlowModuleVersionSummaryList"] = []any{object{"Version": 0}}
			return nil
		}, "must be 1 or more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := changing{s, map[string]func(_, _ object) error{tt.operation: tt.change}}
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()
			if _, err := mirror.Read(ctx, api, s.instance.ID, mirror.Options{}); err == nil ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestMembersThatAreNew(t *testing.T) {
	s := ofDemo(t)
	api := changing{s, map[string]func(_, _ object) error{
		"SearchUsers": func(_, out object) error {
			for i := range 3 {
				item(out, "Users", i)["Mood"] = object{"Level": 3}
				item(out, "Users", i)["IdentityInfo"].(object)["Nick"] = "x"
			}
			return nil
		},
		"DescribeSecurityProfile": func(_, out object) error {
			out["SecurityProfile"].(object)["Color"] = "red"
			return nil
		},
		"SearchQueues": func(_, out object) error { out["Weather"] = "fine"; return nil },
	}}
	c, err := mirror.Read(t.Context(), api, s.instance.ID, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, r := range c.Resources {
		if u, ok := r.(*lanyard.User); ok && string(u.Settings["Mood"]) == `{"Level":3}` {
			kept++
		}
	}
	if kept != 3 {
		t.Errorf("%d users have the new member in their settings, want 3", kept)
	}
	text := strings.Join(c.Unrevealed, "\n")
	for _, want := range []string{
		"SearchUsers Users[].IdentityInfo.Nick: it was answered, and lanyard does not know it (3 times)",
		"DescribeSecurityProfile SecurityProfile.Color: it was answered", "SearchQueues Weather: it was answered"} {
		if !strings.Contains(text, want) {
			t.Errorf("what is not in the copy is\n%s\nwant %q in it", text, want)
		}
	}
	if strings.Contains(text, "Mood") {
		t.Errorf("what is kept is said not to be:\n%s", text)
	}
}

// TestInstanceWhoseIDIsAPath refuses an id by which files outside of the data folder could be named.
func TestInstanceWhoseIDIsAPath(t *testing.T) {
	s := ofDemo(t)
	hostile := changing{s, map[string]func(_, _ object) error{"ListInstances": func(_, out object) error {
		item(out, "InstanceSummaryList", 0)["Id"] = "../../elsewhere"
		return nil
	}}}
	const want = `must be a UUID, got "../../elsewhere"`
	if _, err := mirror.Find(t.Context(), hostile, s.instance.Name); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %s", err, want)
	}
}

func TestUnrevealedSaysWhatWasAsked(t *testing.T) {
	s := ofDemo(t)
	without := changing{s, map[string]func(_, _ object) error{
		"ListSecurityProfileAIAgents": func(_, _ object) error {
			return &invocation.Exception{Name: "UnknownOperationException", Status: 404}
		},
		"DescribeSecurityProfile": func(_, out object) error {
			out["SecurityProfile"].(object)["Type"] = "AWS_MANAGED"
			return nil
		},
		"SearchRoutingProfiles": func(_, out object) error { out["RoutingProfiles"] = []any{}; return nil },
	}}
	c, err := mirror.Read(t.Context(), without, s.instance.ID, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	complete, err := mirror.Read(t.Context(), s, s.instance.ID, mirror.Options{Complete: true})
	if err != nil {
		t.Fatal(err)
	}
	text, less := strings.Join(c.Unrevealed, "\n"), strings.Join(complete.Unrevealed, "\n")
	for want, also := range map[string]bool{
		"AI agents that security profiles allow (ListSecurityProfileAIAgents): this API does not have the operation": false,
		`Type "AWS_MANAGED" of security profiles: it was answered, and lanyard does not store it`:                    false,
		"which a user refers to: it was not listed":                                                                  false,
		"e-mail addresses, mobile numbers and proficiencies of users: it is read with --details":                     false,
		"passwords of users: the API does not reveal it":                                                             true,
	} {
		if !strings.Contains(text, want) || strings.Contains(less, want) != also {
			t.Errorf("%q: in what is not in the copy %t, in that of a complete one %t; want true and %t", want,
				strings.Contains(text, want), strings.Contains(less, want), also)
		}
	}
}

// TestDataTablesThatCannotBeRead leaves data tables out where the API does not have them, or does not allow the
// credentials of an older mirror to read them, and says so. Any other failure ends the copy.
func TestDataTablesThatCannotBeRead(t *testing.T) {
	s := ofDemo(t)
	whole, err := mirror.Read(t.Context(), s, s.instance.ID, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	isTable := func(r lanyard.Resource) bool {
		return r.Type() == lanyard.TypeDataTable || r.Type() == lanyard.TypeDataTableAttribute
	}
	without := slices.DeleteFunc(slices.Clone(whole.Resources), isTable)
	if n := len(whole.Resources) - len(without); n != 3 {
		t.Errorf("the copy has %d tables and attributes, want 3", n)
	}
	for exception, note := range map[string]string{
		"UnknownOperationException": "SearchDataTables: this API does not have the operation",
		"AccessDeniedException": "data tables: the credentials do not allow it; lanyard mirror policy prints what a mirror " +
			"requires",
		"InternalServiceException": "",
	} {
		api := changing{s, map[string]func(_, out object) error{"SearchDataTables": func(_, _ object) error {
			return &invocation.Exception{Name: exception, Status: 400}
		}}}
		c, err := mirror.Read(t.Context(), api, s.instance.ID, mirror.Options{})
		switch {
		case note == "" && err == nil:
			t.Errorf("%s: the copy is made all the same", exception)
		case note == "":
		case err != nil:
			t.Errorf("%s: %v", exception, err)
		case len(c.Resources) != len(without) || slices.ContainsFunc(c.Resources, isTable):
			t.Errorf("%s: %d resources, want %d and no table", exception, len(c.Resources), len(without))
		case !slices.Contains(c.Unrevealed, note):
			t.Errorf("%s: %q, want %q among them", exception, c.Unrevealed, note)
		}
	}
}

// TestOnlyReads holds the operations of a mirror against the model: none changes anything, all are known, and each is
// called by some Read.
func TestOnlyReads(t *testing.T) {
	called := map[string]bool{}
	s := ofDemo(t)
	api := &counting{s, map[string]int{}}
	known := func(string) *lanyard.Profile { return nil }
	o := mirror.Options{Complete: true, Concurrency: 1, Known: known, AIAgents: agentsOf(s.resources(t))}
	if _, err := mirror.Read(t.Context(), api, s.instance.Name, o); err != nil {
		t.Fatal(err)
	}
	for op := range api.calls {
		called[op] = true
	}
	for _, op := range mirror.Operations() {
		i := slices.IndexFunc(model.Operations, func(m model.Operation) bool { return m.Name == op.Name })
		switch {
		case i < 0:
			t.Errorf("%s is not an operation of the model", op.Name)
		case !model.Operations[i].ReadOnly:
			t.Errorf("%s changes something", op.Name)
		case !called[op.Name] && op.Name != "ListRoutingProfileManualAssignmentQueues":
			t.Errorf("%s is never called", op.Name)
		}
		delete(called, op.Name)
	}
	if len(called) > 0 {
		t.Errorf("%v are called and not listed", slices.Sorted(maps.Keys(called)))
	}
}

// TestPolicy holds the policy to the operations: exactly their actions, and the documented ones that they need.
func TestPolicy(t *testing.T) {
	const arn = "arn:aws:connect:eu-west-2:123456789012:instance/11111111-1111-4111-8111-111111111111"
	for _, complete := range []bool{false, true} {
		text, err := mirror.Policy(arn, complete)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Version   string
			Statement []struct {
				Effect           string
				Action, Resource []string
			}
		}
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		want, got := map[string]bool{}, map[string]bool{}
		for _, op := range mirror.Operations() {
			if !op.Complete || complete {
				want["connect:"+op.Name] = true
				for _, action := range op.Needs {
					want[action] = true
				}
			}
		}
		for i, s := range p.Statement {
			for _, action := range s.Action {
				got[action] = true
			}
			resource := [][]string{{"*"}, {arn, arn + "/*"}}[i]
			if s.Effect != "Allow" || !slices.Equal(s.Resource, resource) {
				t.Errorf("statement %d is %+v, want it to allow on %v", i, s, resource)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("the actions are %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

func TestKnownProfilesAreNotReadAgain(t *testing.T) {
	s := ofSize(t, 3, gen.Size{Profiles: 30, Users: 10})
	before, err := mirror.Read(t.Context(), s, s.instance.ID, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	profiles := map[string]*lanyard.Profile{}
	for _, r := range before.Resources {
		if p, ok := r.(*lanyard.Profile); ok {
			profiles[p.ID] = p
		}
	}
	id := gen.New(3, gen.Size{Profiles: 30}).Profiles[4].ID
	if _, err := invocation.Do[struct{}](t.Context(), s, "UpdateSecurityProfile", object{"InstanceId": s.instance.ID,
		"SecurityProfileId": id, "Permissions": []string{"Users.View"}}); err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:connect:eu-west-2:" + account + ":instance/" + s.instance.ID + "/security-profile/" +
		gen.New(3, gen.Size{Profiles: 30}).Profiles[5].ID
	if _, err := invocation.Do[struct{}](t.Context(), s, "TagResource", object{"resourceArn": arn,
		"tags": object{"New": "tag"}}); err != nil { // which is no change by its time
		t.Fatal(err)
	}
	api := &counting{s, map[string]int{}}
	c, err := mirror.Read(t.Context(), api, s.instance.ID, mirror.Options{Concurrency: 1,
		Known: func(id string) *lanyard.Profile { return profiles[id] }})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, c, s.resources(t), false)
	if n := api.calls["DescribeSecurityProfile"] + api.calls["ListSecurityProfilePermissions"]; n != 2 {
		t.Errorf("the lists of profiles took %d calls, want 2 for the one that changed", n)
	}
}

// interrupting fails after so many calls.
type interrupting struct {
	counting
	left int
}

var errCut = errors.New("the connection is lost")

func (i *interrupting) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	if i.left--; i.left < 0 {
		return nil, errCut
	}
	return i.counting.Invoke(ctx, operation, input)
}

func TestJournal(t *testing.T) {
	s := ofDemo(t)
	name := filepath.Join(t.TempDir(), "journal")
	at := time.Now()
	of := mirror.JournalOf{Source: "https://here", Instance: s.instance.ID, MaxAge: time.Hour, Now: at}
	api := &interrupting{counting: counting{s, map[string]int{}}}
	read := func(of mirror.JournalOf, calls int) (*mirror.Copy, *mirror.Journal, error) {
		t.Helper()
		api.left = calls
		j, err := mirror.OpenJournal(name, api, of)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { j.Close() })
		c, err := mirror.Read(t.Context(), j, s.instance.ID, mirror.Options{Concurrency: 1, Found: s.instance,
			AIAgents: agentsOf(s.resources(t))})
		return c, j, err
	}
	if _, _, err := read(of, 20); !errors.Is(err, errCut) {
		t.Fatalf("got %v, want the interruption", err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the journal is %v, %v; want mode 0600", info, err)
	}
	// A machine that lost power in the middle of a line.
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, `{"Asked":"x","Ans`)
	f.Close()
	c, j, err := read(of, 1000)
	if err != nil || j.Replayed() != 20 {
		t.Fatalf("the next run has %d answers of the first, %v; want 20", j.Replayed(), err)
	}
	compare(t, c, s.resources(t), false)
	for op, n := range api.calls {
		if op == "SearchUsers" && n != 1 {
			t.Errorf("%s was called %d times, want once", op, n)
		}
	}
	if kept := j.Kept(); kept < 70 {
		t.Errorf("the journal has %d answers, want all", kept)
	}
	for _, tt := range []struct {
		name string
		of   mirror.JournalOf
	}{
		{"too old", mirror.JournalOf{Source: of.Source, Instance: of.Instance, MaxAge: time.Hour, Now: at.Add(2 * time.Hour)}},
		{"another source", mirror.JournalOf{Source: "https://there", Instance: of.Instance, MaxAge: time.Hour, Now: at}},
		{"another instance", mirror.JournalOf{Source: of.Source, Instance: "other", MaxAge: time.Hour, Now: at}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j, err := mirror.OpenJournal(name, api, tt.of)
			if err != nil || j.Kept() != 0 {
				t.Fatalf("the journal has %d answers, %v; want none", j.Kept(), err)
			}
			if err := j.Discard(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("a discarded journal is there: %v", err)
	}
}
