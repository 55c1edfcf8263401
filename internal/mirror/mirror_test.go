package mirror_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/demo"
	"github.com/lanyard/lanyard/internal/gen"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const account = "123456789012"

// source is an instance that is read, through the operations of a server in this process.
type source struct {
	invocation.API
	store    store.Store
	svc      *control.Service
	instance *lanyard.Instance
}

func newSource(t *testing.T) *source {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	log := slog.New(slog.DiscardHandler)
	svc := control.New(control.Config{Store: db, Region: "eu-west-2", Logger: log, Lenient: true})
	api := awsapi.New(awsapi.Config{Control: svc, TokenSecret: []byte("the secret of this test"), Logger: log})
	return &source{API: sandbox.Account{API: api, Caller: lanyard.Caller{Account: account}}, store: db, svc: svc}
}

// ofDemo is the demo instance, and a data table.
func ofDemo(t *testing.T) *source {
	t.Helper()
	s := newSource(t)
	in, err := demo.Make(t.Context(), s.svc, lanyard.AccessKey{ID: "AKIATEST", Account: account})
	if err != nil {
		t.Fatal(err)
	}
	s.instance = in
	call := func(operation string) control.Call {
		return control.Call{Caller: lanyard.Caller{Account: account}, Operation: operation}
	}
	table, err := s.svc.CreateDataTable(t.Context(), call("CreateDataTable"), in.ID, &lanyard.DataTable{
		Meta: lanyard.Meta{Name: "Prices", Tags: map[string]string{"Department": "Sales"}}, TimeZone: "Europe/Paris",
		LockLevel: lanyard.LockRow, Status: lanyard.DataTablePublished})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []lanyard.DataTableAttribute{
		{Meta: lanyard.Meta{Name: "Region"}, ValueType: lanyard.TextValue, Primary: true, Validation: &lanyard.Validation{
			Enum: &lanyard.Enum{Strict: true, Values: []string{"EU", "UK"}}}},
		{Meta: lanyard.Meta{Name: "Price"}, ValueType: lanyard.NumberValue, Description: "In euros"},
	} {
		if _, err := s.svc.CreateDataTableAttribute(t.Context(), call("CreateDataTableAttribute"), in.ID, table.Resource.ID,
			&a); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// ofSize is a generated instance.
func ofSize(t *testing.T, seed uint64, size gen.Size) *source {
	t.Helper()
	s := newSource(t)
	call := control.Call{Caller: lanyard.Caller{Account: account}, Operation: "CreateInstance"}
	made, err := s.svc.CreateInstance(t.Context(), call, control.NewInstance{Alias: fmt.Sprintf("generated-%d", seed),
		IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	s.instance = made.Instance
	err = gen.Fill(t.Context(), s.store, made.Instance.ID, gen.New(seed, size),
		lanyard.Event{Operation: "Fill", Account: account, Region: "eu-west-2"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// resources returns what the store has.
func (s *source) resources(t *testing.T) []lanyard.Resource {
	t.Helper()
	var all []lanyard.Resource
	for _, typ := range lanyard.Types() {
		for after := int64(0); ; {
			page, err := s.store.Reader(s.instance.ID).List(t.Context(), typ, after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			after = page[len(page)-1].Head().Seq
			all = append(all, page...)
		}
	}
	return all
}

// revealed returns what the API reveals of a resource: nil for one that it does not.
func revealed(r lanyard.Resource, complete bool) lanyard.Resource {
	r = lanyard.Clone(r)
	m := r.Head()
	m.Seq = 0
	switch r := r.(type) {
	case *lanyard.Instance, *lanyard.ClientToken, *lanyard.AgentStatus, *lanyard.AuthenticationProfile: // not read
		return nil
	case *lanyard.Structure:
		m.Modified = time.Time{}
		for i := range r.Levels {
			r.Levels[i].ID = lanyard.LevelID(i + 1)
			if r.Levels[i].Modified.After(m.Modified) {
				m.Modified = r.Levels[i].Modified
			}
		}
	case *lanyard.Profile:
		r.ModifiedBy = lanyard.Actor{}
		sortBy(r.Applications, func(a lanyard.Application) string { return a.Namespace + "\x00" + a.Type })
		sortBy(r.FlowModules, func(m lanyard.FlowModule) string { return m.ID })
		sortBy(r.AIAgents, func(a lanyard.AllowedAIAgent) string { return a.ARN })
	case *lanyard.User:
		r.Settings = withPhone(r.Settings)
		if r.DirectoryUserID == r.ID {
			r.DirectoryUserID = ""
		}
		sortBy(r.Proficiencies, func(p lanyard.Proficiency) string { return p.Attribute + "\x00" + p.Value })
		if !complete {
			r.Email, r.SecondaryEmail, r.Mobile, r.Proficiencies = "", "", "", nil
		}
	case *lanyard.Queue:
		slices.Sort(r.QuickConnects)
	case *lanyard.RoutingProfile:
		key := func(q lanyard.QueueConfig) string { return q.Queue + "\x00" + q.Channel }
		sortBy(r.Queues, key)
		sortBy(r.ManualQueues, key)
		if r.Settings["AgentAvailabilityTimer"] == nil {
			r.Settings = maps.Clone(r.Settings)
			if r.Settings == nil {
				r.Settings = lanyard.Settings{}
			}
			r.Settings["AgentAvailabilityTimer"] = lanyard.JSON(`"TIME_SINCE_LAST_ACTIVITY"`)
		}
	case *lanyard.Module:
		m.Modified = time.Time{}
		if !complete {
			r.Draft = nil
		}
	case *lanyard.ModuleVersion:
		m.Modified = time.Time{}
		if !complete {
			r.Content, r.ExternalInvocation, r.Settings = "", false, nil
		}
	case *lanyard.DataTable:
		r.Lock = ""
	case *lanyard.DataTableAttribute:
		r.Lock = ""
	case *lanyard.AIAgent:
		m.Modified = time.Time{}
		slices.Sort(r.Profiles)
	}
	return r
}

func sortBy[T any](list []T, key func(T) string) {
	slices.SortStableFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
}

// withPhone adds the members of a phone configuration that are always answered.
func withPhone(s lanyard.Settings) lanyard.Settings {
	phone := map[string]any{"PhoneType": "SOFT_PHONE", "AutoAccept": false, "AfterContactWorkTimeLimit": 0,
		"DeskPhoneNumber": ""}
	if s["PhoneConfig"] != nil {
		if err := json.Unmarshal(s["PhoneConfig"], &phone); err != nil {
			panic(err)
		}
	}
	b, err := json.Marshal(phone)
	if err != nil {
		panic(err)
	}
	s = maps.Clone(s)
	if s == nil {
		s = lanyard.Settings{}
	}
	s["PhoneConfig"] = b
	return s
}

// form is a resource as text, in which absent and empty lists are the same.
func form(r lanyard.Resource) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	b, err = json.MarshalIndent(prune(v), "", "  ")
	if err != nil {
		panic(err)
	}
	return string(b)
}

func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member = prune(member); member == nil {
				delete(v, name)
			} else {
				v[name] = member
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// compare expects the copy to have exactly what the store has, but for what the API does not reveal.
func compare(t failer, c *mirror.Copy, stored []lanyard.Resource, complete bool) {
	t.Helper()
	got := map[lanyard.Ref]lanyard.Resource{}
	for _, r := range c.Resources {
		got[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] = r
	}
	if len(got) != len(c.Resources) {
		t.Errorf("the copy has %d resources, %d of them different", len(c.Resources), len(got))
	}
	for _, r := range stored {
		want := revealed(r, complete)
		if want == nil {
			continue
		}
		ref := lanyard.Ref{Type: r.Type(), ID: r.Head().ID}
		if got[ref] == nil {
			t.Errorf("the copy lacks %v", ref)
		} else if g, w := form(got[ref]), form(want); g != w {
			t.Errorf("%v is\n%s\nwant\n%s", ref, g, w)
		}
		delete(got, ref)
	}
	for ref := range got {
		t.Errorf("the copy has %v, which is not stored", ref)
	}
}

// agentsOf returns the ARNs of AI agents.
func agentsOf(all []lanyard.Resource) (arns []string) {
	for _, r := range all {
		if r.Type() == lanyard.TypeAIAgent {
			arns = append(arns, r.Head().ID)
		}
	}
	return arns
}

func TestReadDemo(t *testing.T) {
	s := ofDemo(t)
	stored := s.resources(t)
	for _, complete := range []bool{false, true} {
		t.Run(fmt.Sprint("complete ", complete), func(t *testing.T) {
			o := mirror.Options{Complete: complete, AIAgents: agentsOf(stored)}
			c, err := mirror.Read(t.Context(), s, s.instance.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, c, stored, complete)
			want := lanyard.Clone(s.instance)
			want.Seq, want.Modified, want.RequestHash = 0, want.Created, ""
			want.Tags = map[string]string{"Purpose": "demo"}
			if g, w := form(c.Instance), form(want); g != w {
				t.Errorf("the instance is\n%s\nwant\n%s", g, w)
			}
		})
	}
}

func TestReadGenerated(t *testing.T) {
	s := ofSize(t, 1, gen.Size{Profiles: 120, Users: 1700})
	c, err := mirror.Read(t.Context(), s, s.instance.ID, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, c, s.resources(t), false)
}

// counting counts the calls of each operation.
type counting struct {
	invocation.API
	calls map[string]int
}

func (c *counting) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	c.calls[operation]++
	return c.API.Invoke(ctx, operation, input)
}

func TestCalls(t *testing.T) {
	const users, profiles = 4000, 250
	s := ofSize(t, 2, gen.Size{Profiles: profiles, Users: users})
	api := &counting{s, map[string]int{}}
	var last mirror.Progress
	c, err := mirror.Read(t.Context(), api, s.instance.ID, mirror.Options{Concurrency: 1,
		Progress: func(p mirror.Progress) { last = p }})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what string
		of   lanyard.Type
		most int // resources for each call
		ops  []string
	}{
		{"users", lanyard.TypeUser, 90, []string{"SearchUsers", "ListUsers", "DescribeUser", "ListUserProficiencies"}},
		{"profiles", lanyard.TypeProfile, 90, []string{"SearchSecurityProfiles", "ListSecurityProfiles"}},
		{"details of profiles", lanyard.TypeProfile, 1, []string{"DescribeSecurityProfile"}},
		{"permissions", lanyard.TypeProfile, 1, []string{"ListSecurityProfilePermissions"}},
		{"applications", lanyard.TypeProfile, 1, []string{"ListSecurityProfileApplications"}},
		{"flow modules", lanyard.TypeProfile, 1, []string{"ListSecurityProfileFlowModules"}},
		{"AI agents", lanyard.TypeProfile, 1, []string{"ListSecurityProfileAIAgents"}},
	} {
		n, calls := 0, 0
		for _, r := range c.Resources {
			if r.Type() == tt.of {
				n++
			}
		}
		for _, op := range tt.ops {
			calls += api.calls[op]
		}
		if most := (n + tt.most - 1) / tt.most; calls > most {
			t.Errorf("%s took %d calls for %d resources, want at most %d", tt.what, calls, n, most)
		}
	}
	sum := -1 // the one that finds the instance comes before all that is counted
	for _, n := range api.calls {
		sum += n
	}
	if last.Calls != sum || last.Resources != len(c.Resources) || last.Expected < sum {
		t.Errorf("the last progress was %+v, want %d calls and %d resources", last, sum, len(c.Resources))
	}
}

// TestReadAnything reads instances that hold whatever their store holds.
func TestReadAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, resources := drawInstance(t)
		db, err := sqlite.OpenMemory(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		box, err := sandbox.New(context.Background(), sandbox.Config{Store: db, Instance: in, Resources: resources,
			Lenient: true})
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		complete := rapid.Bool().Draw(t, "complete")
		c, err := mirror.Read(context.Background(), box, in.ID,
			mirror.Options{Complete: complete, AIAgents: agentsOf(resources)})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := box.Resources(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c, stored, complete)
		checkOrder(t, c.Resources)
	})
}

// checkOrder expects groups after their parents, and types in their order.
func checkOrder(t failer, all []lanyard.Resource) {
	t.Helper()
	order := slices.Concat([]lanyard.Type{lanyard.TypeStructure}, lanyard.LoadOrder(),
		[]lanyard.Type{lanyard.TypeModuleVersion, lanyard.TypeModuleAlias, lanyard.TypeDataTableAttribute})
	seen, at := map[string]bool{}, 0
	for _, r := range all {
		place := slices.Index(order, r.Type())
		if place < at {
			t.Errorf("%s %s comes after resources of type %s", r.Type(), r.Head().ID, order[at])
		}
		at = place
		if g, ok := r.(*lanyard.Group); ok && g.Parent() != "" && !seen[g.Parent()] {
			t.Errorf("group %s comes before its parent", g.ID)
		}
		seen[r.Head().ID] = true
	}
}

// delaying answers a request for the versions of one flow module after another module has been read.
type delaying struct {
	invocation.API
	module string
	once   sync.Once
	other  chan struct{} // closed when the versions of another module have been read
}

func (d *delaying) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	switch operation {
	case "ListContactFlowModuleAliases":
		d.once.Do(func() { close(d.other) })
	case "ListContactFlowModuleVersions":
		if !strings.Contains(string(input), d.module) {
			break
		}
		select {
		case <-d.other:
		case <-time.After(10 * time.Second):
			return nil, errors.New("no other flow module is read in the meantime")
		}
	}
	return d.API.Invoke(ctx, operation, input)
}

// TestOrder reads the same resources in the same order, whichever call is answered first.
func TestOrder(t *testing.T) {
	s := ofDemo(t)
	want, err := mirror.Read(t.Context(), s, s.instance.ID, mirror.Options{Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	isVersion := func(r lanyard.Resource) bool { return r.Type() == lanyard.TypeModuleVersion }
	module := want.Resources[slices.IndexFunc(want.Resources, isVersion)].(*lanyard.ModuleVersion).Module
	got, err := mirror.Read(t.Context(), &delaying{API: s, module: module, other: make(chan struct{})}, s.instance.ID,
		mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got.Resources {
		if form(r) != form(want.Resources[i]) {
			t.Fatalf("resource %d is\n%s\nwant\n%s", i, form(r), form(want.Resources[i]))
		}
	}
}
