package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compare"
)

func (w *world) snapshot(with []lanyard.Resource) *access.Snapshot {
	w.Helper()
	at := w.target()
	resources := at.Resources
	if with != nil {
		resources = compare.Align(resources, with)
	}
	s, err := access.New(at.Instance, slices.Clone(resources)...)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *world) propose(all ...Proposal) (*Plan, error) {
	for i := range all {
		all[i].LogicalID = fmt.Sprintf("R%d", i+1)
		if all[i].Instance == "" {
			all[i].Instance = w.instance
		}
	}
	return Propose(context.Background(), w.target(), &Proposals{Changes: all}, Options{Stack: "tool", NewStore: openMemory})
}

// proposalsOf proposes to create what a template has.
func proposalsOf(t *Template) (all []Proposal) {
	places := map[string]string{}
	for i, r := range t.Resources {
		places[Placeholder(r.LogicalID)] = Placeholder(fmt.Sprintf("R%d", i+1))
	}
	for _, r := range t.Resources {
		p := Proposal{Address: "new." + r.LogicalID, Action: Create, Type: r.Type}
		p.Properties = mapStrings(r.Properties, func(s string) string {
			for from, to := range places {
				s = strings.ReplaceAll(s, from, "<"+to+">")
			}
			return strings.NewReplacer("<{{", "{{", "}}>", "}}").Replace(s)
		}).(map[string]any)
		k, _ := kindNamed(r.Type)
		if name, ok := p.Properties[k.named].(string); ok { // a new instance has some of the names
			p.Properties[k.named] = "New-" + name
		}
		delete(p.Properties, "AllowedFlowModules") // they need a version, which no proposal has
		all = append(all, p)
	}
	return all
}

// What a proposal is said to come to is what comes of its calls: the same decisions, and so the same gains and losses.
func TestProposalsComeTrue(t *testing.T) {
	planned, gains := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, "SAML")
		defer w.close()
		for _, template := range []*Template{drawTemplate(t, w.instance), nil} {
			var all []Proposal
			if template != nil {
				all = proposalsOf(template)
			} else {
				all = w.drawChanges(t)
			}
			p, err := w.propose(all...)
			var refused Problems
			if errors.As(err, &refused) {
				return // as the real operations do
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Empty() {
				continue
			}
			planned++
			before := w.snapshot(nil)
			if err := p.Apply(context.Background(), w, nil); err != nil {
				t.Fatalf("the calls of a plan that was tried: %v\n%+v", err, p.Calls)
			}
			after := w.snapshot(p.Result.Resources)
			if d := compare.Compare(p.After, after, compare.Options{}); !d.Empty() {
				t.Fatalf("what is there differs from the plan: %+v", d)
			}
			said, is := p.Access(compare.Options{}), compare.Compare(before, after, compare.Options{})
			if said.Summary() != is.Summary() {
				t.Fatalf("said: %s, is: %s", said.Summary(), is.Summary())
			}
			gains += said.Gaining
		}
	})
	if planned == 0 || gains == 0 {
		t.Errorf("%d plans with %d gains are too few to tell", planned, gains)
	}
}

// drawChanges proposes changes and deletions of what is there.
func (w *world) drawChanges(t *rapid.T) (all []Proposal) {
	for _, r := range w.target().Resources {
		id := r.Head().ID
		switch r.(type) {
		case *lanyard.Profile:
			if rapid.Bool().Draw(t, "profile") {
				all = append(all, Proposal{Address: "profile." + id, Action: Update, Type: prefix + "SecurityProfile", ID: id,
					Properties: map[string]any{"Permissions": anyList(rapid.SliceOfDistinct(rapid.SampledFrom([]string{"Users.View",
						"Users.Edit", "Queues.View"}), rapid.ID[string]).Draw(t, "permissions")), "Description": nil}})
			}
		case *lanyard.User:
			if rapid.Bool().Draw(t, "user") {
				all = append(all, Proposal{Address: "user." + id, Action: Delete, Type: prefix + "User", ID: id})
			}
		}
	}
	return all
}

// What is not known, not there, or of another instance is said, and left out.
func TestProposalsLeftOut(t *testing.T) {
	w := newWorld(t, "CONNECT_MANAGED")
	defer w.close()
	made := w.do("CreateSecurityProfile", map[string]any{"SecurityProfileName": "Lead", "Permissions": []any{"Users.View"},
		"AllowedAccessControlTags": map[string]any{"Country": "FR"}, "TagRestrictedResources": []any{"User"}})
	id := made["SecurityProfileId"].(string)
	profile := prefix + "SecurityProfile"
	all := []Proposal{
		{Address: "known", Action: Update, Type: profile, ID: id, Properties: map[string]any{"Description": "Leads"},
			Unknown: []string{"Permissions"}},
		{Address: "gone", Action: Update, Type: profile, ID: "11111111-1111-4111-8111-111111111111"},
		{Address: "elsewhere", Action: Create, Type: profile, Instance: "22222222-2222-4222-8222-222222222222"},
		{Address: "other", Action: Create, Type: prefix + "Rule"},
		{Address: "ann", Action: Create, Type: prefix + "User", Unknown: []string{"SecurityProfileArns"},
			Properties: map[string]any{"Username": "ann"}},
	}
	p, err := w.propose(all...)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"known: not known before the change, and taken as unchanged: Permissions",
		`gone is left out: security profile "11111111-1111-4111-8111-111111111111" does not exist in the instance`,
		`elsewhere is left out: it is of instance "22222222-2222-4222-8222-222222222222"`,
		"other: AWS::Connect::Rule is not looked into",
		"ann is left out, and with it what needs it: SecurityProfileArns is not known before the change",
	}
	if !slices.Equal(p.Warnings, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(p.Warnings, "\n"), strings.Join(want, "\n"))
	}
	// The tool does not know the restrictions of the profile, so they stay.
	if len(p.Calls) != 1 || fmt.Sprint(p.Calls[0].Input["AllowedAccessControlTags"]) != "<nil>" {
		t.Errorf("the calls are %+v", p.Calls)
	}
	if d := p.Access(compare.Options{}); !d.Empty() {
		t.Errorf("a description changes what is allowed: %+v", d)
	}
}

// What the real operations refuse is refused, at the address that the tool has for it.
func TestProposalsRefused(t *testing.T) {
	w := newWorld(t, "CONNECT_MANAGED")
	defer w.close()
	made := w.do("CreateSecurityProfile", map[string]any{"SecurityProfileName": "Lead"})
	for _, tt := range []struct {
		name string
		p    Proposal
		want string
	}{
		{"a name that is taken", Proposal{Address: "a.b", Action: Create, Type: prefix + "SecurityProfile",
			Properties: map[string]any{"SecurityProfileName": "Lead"}}, "a.b: DuplicateResourceException"},
		{"a permission that is none", Proposal{Address: "a.b", Action: Update, Type: prefix + "SecurityProfile",
			ID: made["SecurityProfileId"].(string), Properties: map[string]any{"Permissions": []any{"no such thing"}}},
			"a.b: InvalidParameterException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := w.propose(tt.p); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Quick connects, which stacks do not manage, are created, changed and deleted by the real operations.
func TestProposalsOfQuickConnects(t *testing.T) {
	w := newWorld(t, "CONNECT_MANAGED")
	defer w.close()
	kind := prefix + "QuickConnect"
	phone := func(number string) map[string]any {
		return map[string]any{"Name": "Desk", "QuickConnectConfig": map[string]any{"QuickConnectType": "PHONE_NUMBER",
			"PhoneConfig": map[string]any{"PhoneNumber": number}}}
	}
	step := func(p Proposal) *Plan {
		t.Helper()
		plan, err := w.propose(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.Apply(context.Background(), w, nil); err != nil {
			t.Fatal(err)
		}
		return plan
	}
	find := func() *lanyard.QuickConnect {
		for _, r := range w.target().Resources {
			if q, ok := r.(*lanyard.QuickConnect); ok {
				return q
			}
		}
		return nil
	}
	step(Proposal{Address: "q", Action: Create, Type: kind, Properties: phone("+12065550100")})
	made := find()
	if made == nil || made.PhoneNumber != "+12065550100" {
		t.Fatalf("created is %+v", made)
	}
	step(Proposal{Address: "q", Action: Update, Type: kind, ID: made.ID, Properties: phone("+12065550101")})
	if now := find(); now.PhoneNumber != "+12065550101" {
		t.Errorf("changed is %+v", now)
	}
	step(Proposal{Address: "q", Action: Delete, Type: kind, ID: made.ID})
	if now := find(); now != nil {
		t.Errorf("deleted is %+v", now)
	}
}
