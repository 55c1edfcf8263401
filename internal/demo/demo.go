// Package demo creates the instance that lanyard serve --demo shows. It calls the operations, and knows no
// store and no files.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// alias is the alias of the demo instance, by which a later start recognizes it.
const alias = "harbour-outfitters"

// Make creates a realistic contact centre: an outfitter with teams in three countries, a hierarchy of five
// levels, 40 users, and 12 security profiles that together use every parameter. It does nothing if the account
// already has the finished instance, and starts over if the instance is unfinished.
func Make(ctx context.Context, svc *control.Service, root lanyard.AccessKey) (*lanyard.Instance, error) {
	d := &maker{ctx: ctx, svc: svc, ids: map[string]string{},
		caller: lanyard.Caller{Account: root.Account, AccessKeyID: root.ID, Root: true, SourceIP: "127.0.0.1",
			UserAgent: "lanyard demo", RequestID: "demo"}}
	for after := ""; ; {
		list, next, err := svc.ListInstances(ctx, d.call("ListInstances", nil), control.Page{After: after, Limit: 100})
		if err != nil {
			return nil, err
		}
		for _, in := range list {
			switch {
			case in.Name != alias:
			case in.Tags[purpose] != unfinished:
				return in, nil
			default: // an earlier start was interrupted
				if _, err := svc.DeleteInstance(ctx, d.call("DeleteInstance", map[string]any{"InstanceId": in.ID}),
					in.ID); err != nil {
					return nil, err
				}
			}
		}
		if after = next; after == "" {
			break
		}
	}
	created, err := svc.CreateInstance(ctx,
		d.call("CreateInstance", map[string]any{"InstanceAlias": "HIDDEN_DUE_TO_SECURITY_REASONS"}), control.NewInstance{
			Alias: alias, IdentityManagement: control.SAML, Inbound: true, Outbound: true,
			Tags: map[string]string{purpose: unfinished},
		})
	if err != nil {
		return nil, err
	}
	in := created.Instance
	d.in = in
	for _, step := range []func() error{d.defaults, d.hierarchy, d.routing, d.modules, d.profiles, d.users, d.agents} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	arn := svc.ARN(in, lanyard.TypeInstance, in.ID)
	if _, err := svc.TagResource(ctx, d.call("TagResource", map[string]any{"resourceArn": arn}), arn,
		map[string]string{purpose: "demo"}); err != nil {
		return nil, err
	}
	return in, nil
}

// The tag that marks a demo instance, and its value until the instance is complete.
const (
	purpose    = "Purpose"
	unfinished = "demo, unfinished"
)

type maker struct {
	ctx    context.Context
	svc    *control.Service
	caller lanyard.Caller
	in     *lanyard.Instance
	ids    map[string]string // by name
}

func (d *maker) call(operation string, request map[string]any) control.Call {
	if d.in != nil {
		if request == nil {
			request = map[string]any{}
		}
		request["InstanceId"] = d.in.ID
	}
	b, err := laxjson.Marshal(request)
	if err != nil {
		panic(err) // strings always encode
	}
	return control.Call{Caller: d.caller, Operation: operation, Request: b}
}

// defaults reads the ids of the resources that a new instance has.
func (d *maker) defaults() error {
	profiles, err := control.List[*lanyard.Profile](d.ctx, d.svc, d.call("ListSecurityProfiles", nil), d.in.ID,
		control.Page{Limit: 100})
	if err != nil {
		return err
	}
	for _, p := range profiles.Items {
		d.ids[p.Name] = p.ID
	}
	hours, err := control.List[*lanyard.Hours](d.ctx, d.svc, d.call("ListHoursOfOperations", nil), d.in.ID,
		control.Page{Limit: 100})
	if err != nil {
		return err
	}
	d.ids["hours"] = hours.Items[0].ID
	return nil
}

// groups are the paths of the groups, parents first.
var groups = []string{
	"Harbour Outfitters",
	"Harbour Outfitters/Europe", "Harbour Outfitters/Americas",
	"Harbour Outfitters/Europe/France", "Harbour Outfitters/Europe/Germany", "Harbour Outfitters/Americas/United States",
	"Harbour Outfitters/Europe/France/Paris", "Harbour Outfitters/Europe/France/Lyon",
	"Harbour Outfitters/Europe/Germany/Hamburg", "Harbour Outfitters/Americas/United States/Portland",
	"Harbour Outfitters/Europe/France/Paris/Sales", "Harbour Outfitters/Europe/France/Paris/Support",
	"Harbour Outfitters/Europe/France/Lyon/Support", "Harbour Outfitters/Europe/Germany/Hamburg/Sales",
	"Harbour Outfitters/Europe/Germany/Hamburg/Support", "Harbour Outfitters/Americas/United States/Portland/Sales",
	"Harbour Outfitters/Americas/United States/Portland/Support",
}

func (d *maker) hierarchy() error {
	var names [lanyard.MaxLevels]*string
	for i, name := range []string{"Company", "Region", "Country", "Site", "Team"} {
		names[i] = &name
	}
	if _, err := d.svc.UpdateUserHierarchyStructure(d.ctx, d.call("UpdateUserHierarchyStructure", nil), d.in.ID,
		names); err != nil {
		return err
	}
	for _, path := range groups {
		parent, name := "", path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			parent, name = d.ids[path[:i]], path[i+1:]
		}
		created, err := d.svc.CreateUserHierarchyGroup(d.ctx,
			d.call("CreateUserHierarchyGroup", map[string]any{"Name": name, "ParentGroupId": parent}), d.in.ID,
			control.NewGroup{Name: name, Parent: parent})
		if err != nil {
			return err
		}
		g := created.Resource
		d.ids[path] = g.ID
	}
	return nil
}

func (d *maker) routing() error {
	var queues []lanyard.QueueConfig
	for i, q := range []struct{ name, country, department string }{
		{"Sales FR", "FR", "Sales"}, {"Support FR", "FR", "Support"}, {"Sales DE", "DE", "Sales"},
		{"Support DE", "DE", "Support"}, {"Sales US", "US", "Sales"}, {"Support US", "US", "Support"},
	} {
		created, err := d.svc.CreateQueue(d.ctx, d.call("CreateQueue", map[string]any{"Name": q.name}), d.in.ID,
			&lanyard.Queue{
				Meta:  lanyard.Meta{Name: q.name, Tags: map[string]string{"Country": q.country, "Department": q.department}},
				Hours: d.ids["hours"]})
		if err != nil {
			return err
		}
		made := created.Resource
		queues = append(queues, lanyard.QueueConfig{Queue: made.ID, Channel: "VOICE", Priority: int32(i + 1)})
	}
	created, err := d.svc.CreateRoutingProfile(d.ctx, d.call("CreateRoutingProfile", map[string]any{"Name": "All queues"}),
		d.in.ID, &lanyard.RoutingProfile{
			Meta: lanyard.Meta{Name: "All queues"}, Description: "Every queue, by country", DefaultQueue: queues[0].Queue,
			Queues:   queues,
			Settings: lanyard.Settings{"MediaConcurrencies": lanyard.JSON(`[{"Channel":"VOICE","Concurrency":1},{"Channel":"CHAT","Concurrency":3}]`)}})
	if err != nil {
		return err
	}
	r := created.Resource
	d.ids["routing"] = r.ID
	return nil
}

func (d *maker) modules() error {
	for _, m := range []struct{ name, description string }{
		{"Order status", "Looks up an order by its number and says where it is"},
		{"Return label", "Sends a return label to the customer's address"},
	} {
		created, err := d.svc.CreateContactFlowModule(d.ctx,
			d.call("CreateContactFlowModule", map[string]any{"Name": m.name}), d.in.ID, &lanyard.Module{
				Meta: lanyard.Meta{Name: m.name}, Description: m.description,
				Content: `{"Version":"2019-10-30","StartAction":"end","Actions":[]}`, ExternalInvocation: true}, "")
		if err != nil {
			return err
		}
		made := created.Resource
		d.ids[m.name] = made.ID
		_, err = d.svc.CreateContactFlowModuleVersion(d.ctx, d.call("CreateContactFlowModuleVersion", nil), d.in.ID,
			made.ID, control.NewModuleVersion{})
		if err != nil {
			return err
		}
	}
	return nil
}

// A profile is a security profile of the demo.
type profile struct {
	name   string
	tags   map[string]string
	change control.ProfileChange
}

// profilesOfPeople are for those who manage others.
func (d *maker) profilesOfPeople() []profile {
	user := []string{lanyard.HierarchyRestrictable}
	europe, own := d.ids["Harbour Outfitters/Europe"], ""
	return []profile{
		{"Team lead", nil, control.ProfileChange{
			Description: text("Sees the people of their own team and below"),
			Permissions: []string{"AccessMetrics", "BasicAgentAccess", "ContactSearch.View", "ManagerListenIn",
				"OutboundCallAccess", "Users.View"},
			// No group: the holder's own.
			HierarchyRestricted: user, HierarchyGroup: &own,
		}},
		{"Supervisor Europe", nil, control.ProfileChange{
			Description:         text("Manages people in Europe"),
			Permissions:         []string{"AgentGrouping.View", "Users.Edit", "Users.EnableAndDisable", "Users.View"},
			HierarchyRestricted: user, HierarchyGroup: &europe,
		}},
		{"Supervisor France", map[string]string{"Country": "FR"}, control.ProfileChange{
			Description: text("Manages people and queues tagged for France"),
			Permissions: []string{"Queues.Edit", "Queues.View", "Users.Edit", "Users.View"},
			AccessTags:  map[string]string{"Country": "FR"}, TagRestricted: []string{"User", "Queue"},
		}},
		{"Sales administrator", nil, control.ProfileChange{
			Description: text("Creates people and profiles for sales, and no others"),
			Permissions: []string{"RoutingPolicies.View", "SecurityProfiles.Create", "SecurityProfiles.Edit",
				"SecurityProfiles.View", "Users.Create", "Users.Edit", "Users.EditPermission", "Users.View"},
			AccessTags: map[string]string{"Department": "Sales"}, TagRestricted: []string{"User", "SecurityProfile"},
		}},
	}
}

// profilesOfWork are for those who work with customers, and for AI agents.
func (d *maker) profilesOfWork() []profile {
	return []profile{
		{"Order desk", nil, control.ProfileChange{
			Description: text("Works with orders in the agent workspace"),
			Permissions: []string{"BasicAgentAccess", "CustomViews.Access", "CustomerProfiles.View", "Wisdom.View"},
			Applications: []lanyard.Application{
				{Namespace: "harbour-orders", Permissions: []string{"ACCESS"}, Type: lanyard.ApplicationThirdParty},
				{Namespace: "harbour-order-gateway", Permissions: []string{"orders___GetOrder", "orders___CancelOrder"},
					Type: lanyard.ApplicationMCP},
			},
			FlowModules: []lanyard.FlowModule{{ID: d.ids["Order status"]}, {ID: d.ids["Return label"]}},
		}},
		{"Self-service assistant", nil, control.ProfileChange{
			Description: text("What the self-service AI agent may use"), Permissions: []string{"Cases.View", "Wisdom.View"},
			Applications: []lanyard.Application{{Namespace: "harbour-order-gateway", Permissions: []string{"orders___GetOrder"},
				Type: lanyard.ApplicationMCP}},
			FlowModules: []lanyard.FlowModule{{ID: d.ids["Order status"]}},
			AIAgents: []lanyard.AllowedAIAgent{{ARN: "arn:" + d.svc.Partition() + ":app-integrations:" + d.in.Region + ":" +
				d.in.Account + ":application/voice-concierge"}},
		}},
		{"Price list editor", nil, control.ProfileChange{
			Description: text("Edits the price rows of two regions"),
			Permissions: []string{"DataTables.ManageValues", "DataTables.View"},
			DataTables: []lanyard.AttributeRule{{Attribute: "Region", Values: []string{"EU", "UK"}},
				{Attribute: "Tier", Values: []string{"Gold"}}},
		}},
		{"Auditor", nil, control.ProfileChange{
			Description: text("Reads configuration and its history"),
			Permissions: []string{"AgentGrouping.View", "HistoricalChanges.View", "Queues.View", "RoutingPolicies.View",
				"SecurityProfiles.View", "Users.View"},
		}},
	}
}

func (d *maker) profiles() error {
	for _, p := range slices.Concat(d.profilesOfPeople(), d.profilesOfWork()) {
		created, err := d.svc.CreateSecurityProfile(d.ctx,
			d.call("CreateSecurityProfile", map[string]any{"SecurityProfileName": p.name}), d.in.ID,
			control.NewProfile{Name: p.name, Tags: p.tags, ProfileChange: p.change})
		if err != nil {
			return err
		}
		made := created.Resource
		d.ids[p.name] = made.ID
	}
	return nil
}

func text(s string) *string { return &s }

// teams are the people of each team; the first leads it.
var teams = []struct {
	group, country, department string
	people                     []string
}{
	{"Harbour Outfitters/Europe/France/Paris/Sales", "FR", "Sales",
		[]string{"Amélie Laurent", "Hugo Moreau", "Léa Fontaine", "Louis Girard", "Manon Roux"}},
	{"Harbour Outfitters/Europe/France/Paris/Support", "FR", "Support",
		[]string{"Camille Bernard", "Jules Petit", "Inès Robert", "Nathan Durand", "Zoé Lefebvre"}},
	{"Harbour Outfitters/Europe/France/Lyon/Support", "FR", "Support",
		[]string{"Antoine Mercier", "Chloé Blanc", "Gabriel Faure", "Sarah Masson"}},
	{"Harbour Outfitters/Europe/Germany/Hamburg/Sales", "DE", "Sales",
		[]string{"Jonas Becker", "Lena Hoffmann", "Paul Krüger", "Mia Schäfer", "Felix Wagner"}},
	{"Harbour Outfitters/Europe/Germany/Hamburg/Support", "DE", "Support",
		[]string{"Anna Vogel", "Ben Richter", "Clara Neumann", "Emil Braun", "Greta Lange"}},
	{"Harbour Outfitters/Americas/United States/Portland/Sales", "US", "Sales",
		[]string{"Alex Rivera", "Brooke Hayes", "Diego Santos", "Emily Carter", "Noah Kim"}},
	{"Harbour Outfitters/Americas/United States/Portland/Support", "US", "Support",
		[]string{"Grace Nguyen", "Henry Walker", "Isabel Cruz", "Jack Turner", "Maya Patel"}},
}

// mistagged is an agent whom the supervisors of France cannot see because of a typo in a tag. It gives newcomers to
// the console something to find out.
const mistagged = "Sarah Masson"

func (d *maker) users() error {
	for _, team := range teams {
		for i, name := range team.people {
			profiles := []string{"Agent"}
			switch {
			case i == 0:
				profiles = append(profiles, "Team lead")
				if name == "Antoine Mercier" { // so that a change of the profile affects several users
					profiles = append(profiles, "Supervisor France")
				}
			case team.department == "Sales":
				profiles = append(profiles, "Order desk")
			}
			tags := map[string]string{"Country": team.country, "Department": team.department}
			if name == mistagged {
				tags["Country"] = "Fr"
			}
			if err := d.user(name, team.group, tags, profiles...); err != nil {
				return err
			}
		}
	}
	for _, u := range []struct {
		name, group string
		profiles    []string
	}{
		{"Olivia Stone", "Harbour Outfitters", []string{"Admin"}},
		{"Sven Albrecht", "Harbour Outfitters/Europe", []string{"Supervisor Europe", "CallCenterManager"}},
		{"Claire Dubois", "Harbour Outfitters/Europe/France", []string{"Supervisor France"}},
		{"Priya Shah", "Harbour Outfitters", []string{"Sales administrator"}},
		{"Tom Ellis", "Harbour Outfitters", []string{"Auditor", "QualityAnalyst"}},
		{"Ines Ferreira", "Harbour Outfitters", []string{"Price list editor"}},
	} {
		if err := d.user(u.name, u.group, nil, u.profiles...); err != nil {
			return err
		}
	}
	return nil
}

var plainLetters = strings.NewReplacer("é", "e", "è", "e", "ü", "ue", "ä", "ae", " ", ".")

func (d *maker) user(name, group string, tags map[string]string, profiles ...string) error {
	first, last, _ := strings.Cut(name, " ")
	login := plainLetters.Replace(strings.ToLower(name))
	var ids []string
	for _, p := range profiles {
		ids = append(ids, d.ids[p])
	}
	_, err := d.svc.CreateUser(d.ctx, d.call("CreateUser", map[string]any{"Username": login}), d.in.ID,
		control.NewUser{User: lanyard.User{
			Meta: lanyard.Meta{Name: login, Tags: tags}, FirstName: first, LastName: last, SecondaryEmail: login +
				"@harbour.example",
			Profiles: ids, RoutingProfile: d.ids["routing"], Group: d.ids[group],
			Settings: lanyard.Settings{"PhoneConfig": lanyard.JSON(`{"PhoneType":"SOFT_PHONE","AutoAccept":false,"AfterContactWorkTimeLimit":30}`)},
		}})
	if err != nil {
		return fmt.Errorf("user %s: %w", login, err)
	}
	return nil
}

// agents gives two AI agents their profiles; each qualifier is a separate entity.
func (d *maker) agents() error {
	base := "arn:" + d.svc.Partition() + ":wisdom:" + d.in.Region + ":" + d.in.Account +
		":ai-agent/5d1f4a3e-90b7-4c52-8a6d-2f6b1c7e9d10/"
	for _, e := range []struct{ agent, profile string }{
		{base + "0f8b2c6d-3a41-4e0f-9b57-6c1d2e3f4a5b", "Self-service assistant"},
		{base + "0f8b2c6d-3a41-4e0f-9b57-6c1d2e3f4a5b:$LATEST", "Self-service assistant"},
		{base + "7c9e6679-7425-40de-944b-e07fc1f90ae7", "Order desk"},
	} {
		_, err := d.svc.AssociateSecurityProfiles(d.ctx,
			d.call("AssociateSecurityProfiles", map[string]any{"EntityArn": e.agent}), d.in.ID,
			control.Entity{Type: control.EntityAIAgent, ARN: e.agent}, []string{d.ids[e.profile]})
		if err != nil {
			return err
		}
	}
	return nil
}

// signIns are the users of the demo who get a password for the console.
var signIns = []struct{ user, who string }{
	{"olivia.stone", "administrator"},
	{"claire.dubois", "supervisor of France, who wonders why she cannot see sarah.masson"},
}

// GivePasswords generates passwords for those of signIns who have none. It returns who can sign in with them; "" if
// nothing was generated.
func GivePasswords(ctx context.Context, svc *control.Service, root lanyard.AccessKey,
	in *lanyard.Instance) (string, error) {
	var text strings.Builder
	for _, who := range signIns {
		_, u, err := svc.Named(ctx, root.Account, in.ID, who.user)
		if errors.Is(err, lanyard.ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			return "", err
		}
		if has, err := svc.HasPassword(ctx, in.ID, u.ID); err != nil || has {
			return "", err
		}
		password := drawPassword()
		caller := lanyard.Caller{Account: root.Account, AccessKeyID: root.ID, Root: true, SourceIP: "127.0.0.1",
			UserAgent: "lanyard demo", RequestID: "demo"}
		if err := svc.SetPassword(ctx, control.PasswordCall(caller, in.ID, u.ID),
			control.NewPassword{Instance: in.ID, User: u.ID, Password: password}); err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "%-14s %s   %s\n", who.user, password, who.who)
	}
	return text.String(), nil
}

// drawPassword generates a password of some 80 bits that is easy to copy by eye.
func drawPassword() string {
	const alphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"
	for {
		b := make([]byte, 14)
		for i := range b {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
			if err != nil {
				panic(err) // the system has no random source
			}
			b[i] = alphabet[n.Int64()]
		}
		if control.CheckPassword("", string(b)) == nil {
			return string(b)
		}
	}
}
