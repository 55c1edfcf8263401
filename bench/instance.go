package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/bench/peer"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

type object = map[string]any

// instance is what the measured calls are about: 100 profiles, the most that a page may hold.
type instance struct {
	id       string
	profiles []string
	group    string
	module   string
}

const profiles = 100

// makeInstance fills an instance by way of the API.
func makeInstance(ctx context.Context, addr string) (*instance, error) {
	var made struct{ Id, HierarchyGroupId string }
	err := call(ctx, addr, "PUT", "/instance", object{"IdentityManagementType": "SAML", "InstanceAlias": "bench",
		"InboundCallsEnabled": true, "OutboundCallsEnabled": true}, &made)
	if err != nil {
		return nil, err
	}
	in := &instance{id: made.Id}
	err = call(ctx, addr, "POST", "/user-hierarchy-structure/"+in.id,
		object{"HierarchyStructure": object{"LevelOne": object{"Name": "Company"}}}, nil)
	if err != nil {
		return nil, err
	}
	if err := call(ctx, addr, "PUT", "/user-hierarchy-groups/"+in.id, object{"Name": "Everybody"}, &made); err != nil {
		return nil, err
	}
	in.group = made.HierarchyGroupId
	err = call(ctx, addr, "PUT", "/contact-flow-modules/"+in.id, object{"Name": "Order status",
		"Content": `{"Version":"2019-10-30","StartAction":"end","Actions":[]}`, "Description": "Finds an order",
		"ExternalInvocationConfiguration": object{"Enabled": true}}, &made)
	if err != nil {
		return nil, err
	}
	in.module = made.Id
	if err := call(ctx, addr, "PUT", "/contact-flow-modules/"+in.id+"/"+in.module+"/version", object{}, nil); err != nil {
		return nil, err
	}
	list, err := in.list(ctx, addr)
	if err != nil {
		return nil, err
	}
	for i := len(list); i < profiles; i++ {
		var profile struct{ SecurityProfileId string }
		err := call(ctx, addr, "PUT", "/security-profiles/"+in.id,
			object{"SecurityProfileName": fmt.Sprintf("Profile %d", i)}, &profile)
		if err != nil {
			return nil, err
		}
		in.profiles = append(in.profiles, profile.SecurityProfileId)
	}
	for _, id := range in.profiles {
		if err := call(ctx, addr, "POST", in.path(id), in.content(0), nil); err != nil {
			return nil, err
		}
	}
	if list, err = in.list(ctx, addr); err == nil && len(list) != profiles {
		err = fmt.Errorf("the instance has %d profiles, not %d", len(list), profiles)
	}
	return in, err
}

func (in *instance) path(profile string) string { return "/security-profiles/" + in.id + "/" + profile }

func (in *instance) listPath() string {
	return fmt.Sprintf("/security-profiles-summary/%s?maxResults=%d", in.id, profiles)
}

func (in *instance) list(ctx context.Context, addr string) ([]struct{ Id string }, error) {
	var out struct{ SecurityProfileSummaryList []struct{ Id string } }
	err := call(ctx, addr, "GET", in.listPath(), nil, &out)
	return out.SecurityProfileSummaryList, err
}

// content is every parameter of UpdateSecurityProfile, with 60 permissions. Contents of a different
// i differ in every parameter that can.
func (in *instance) content(i int) object {
	var permissions []string
	for _, p := range lanyard.Permissions()[10*i : 10*i+60] {
		permissions = append(permissions, p.Name)
	}
	team := [...]string{"Sales", "Support"}[i]
	return object{
		"Description":                          "What people in " + team + " may do, and to whom",
		"Permissions":                          permissions,
		"AllowedAccessControlTags":             object{"Country": "FR", "Department": team},
		"TagRestrictedResources":               []string{"User", "SecurityProfile", "Queue", "RoutingProfile"}[i : i+3],
		"HierarchyRestrictedResources":         []string{lanyard.HierarchyRestrictable},
		"AllowedAccessControlHierarchyGroupId": in.group,
		"Applications": []object{
			{"Namespace": "orders-" + team, "ApplicationPermissions": []string{"ACCESS"}, "Type": "THIRD_PARTY_APPLICATION"},
			{"Namespace": "order-gateway", "ApplicationPermissions": []string{"orders___GetOrder", "orders___" + team},
				"Type": "MCP"},
		},
		"AllowedFlowModules": []object{{"Type": "MCP", "FlowModuleId": in.module}},
		"AllowedAIAgents": []object{{"Arn": "arn:aws:app-integrations:us-east-1:123456789012:application/" + team,
			"Type": "THIRD_PARTY"}},
		"GranularAccessControlConfiguration": object{"DataTableAccessControlConfiguration": object{"PrimaryAttributeAccessControlConfiguration": object{
			"PrimaryAttributeValues": []object{{"AccessType": "ALLOW", "AttributeName": "team", "Values": []string{team}}}}}},
	}
}

// batch is how many resources are put in one transaction past the API.
const batch = 20_000

// A filler puts resources into an instance of a folder that no server uses, past the API, which
// would take an hour.
type filler struct {
	db       store.Instances
	instance string
	event    int
}

func (f *filler) add(ctx context.Context, what string, count int, make func(i int) lanyard.Resource) error {
	for from := 0; from < count; from += batch {
		if count > batch {
			progress("filling a folder: %d of %d %s", from, count, what)
		}
		err := f.db.Update(ctx, f.instance, func(tx store.Tx) error {
			for i := from; i < min(from+batch, count); i++ {
				if err := tx.Put(ctx, make(i)); err != nil {
					return err
				}
			}
			f.event++
			return tx.Append(ctx,
				&lanyard.Event{ID: fixedID("e0000000", f.event), Instance: f.instance, Time: time.Now().UTC(), Operation: "Bench",
					Account: account, Region: region})
		})
		if err != nil {
			return fmt.Errorf("put %s: %w", what, err)
		}
	}
	return nil
}

// first is the id of an instance's first resource of a type.
func (f *filler) first(ctx context.Context, t lanyard.Type) (string, error) {
	list, err := f.db.Reader(f.instance).List(ctx, t, 0, 1)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", fmt.Errorf("the instance has no %s", t)
	}
	return list[0].Head().ID, nil
}

func fixedID(kind string, i int) string { return fmt.Sprintf("%s-0000-4000-8000-%012d", kind, i) }

// enlarge adds profiles and users to the instance in a folder.
func enlarge(ctx context.Context, dir string, in *instance, n size) error {
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Cache: -1})
	if err != nil {
		return err
	}
	defer db.Close()
	f := &filler{db: db, instance: in.id}
	routing, err := f.first(ctx, lanyard.TypeRoutingProfile)
	if err != nil {
		return err
	}
	var permissions []string
	for _, p := range lanyard.Permissions()[:60] {
		permissions = append(permissions, p.Name)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	err = f.add(ctx, "profiles", n.profiles, func(i int) lanyard.Resource {
		return &lanyard.Profile{Meta: lanyard.Meta{ID: fixedID("a0000000", i), Name: fmt.Sprintf("Large profile %d", i),
			Modified: now, Tags: map[string]string{"Team": fmt.Sprint(i % 50)}},
			Description: "One of many", Permissions: lanyard.SortPermissions(permissions)}
	})
	if err != nil {
		return err
	}
	return f.add(ctx, "users", n.users, func(i int) lanyard.Resource {
		return &lanyard.User{Meta: lanyard.Meta{ID: fixedID("b0000000", i), Name: fmt.Sprintf("user%d", i), Modified: now,
			Tags: map[string]string{"Team": fmt.Sprint(i % 50)}},
			FirstName: "First", LastName: "Last", Profiles: []string{fixedID("a0000000", i%n.profiles)}, RoutingProfile: routing,
			Group: in.group}
	})
}

// populate puts a world into the instance of that id in a folder.
func populate(ctx context.Context, dir, instance string, w *peer.World) error {
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Cache: -1})
	if err != nil {
		return err
	}
	defer db.Close()
	f := &filler{db: db, instance: instance}
	routing, err := f.first(ctx, lanyard.TypeRoutingProfile)
	if err != nil {
		return err
	}
	hours, err := f.first(ctx, lanyard.TypeHours)
	if err != nil {
		return err
	}
	if err := f.add(ctx, "groups", len(w.Groups), func(i int) lanyard.Resource { return w.Groups[i] }); err != nil {
		return err
	}
	if err := f.add(ctx, "profiles", len(w.Profiles), func(i int) lanyard.Resource { return w.Profiles[i] }); err != nil {
		return err
	}
	if err := f.add(ctx, "queues", len(w.Queues), func(i int) lanyard.Resource {
		q := *w.Queues[i]
		q.Hours = hours
		return &q
	}); err != nil {
		return err
	}
	return f.add(ctx, "users", w.Users, func(i int) lanyard.Resource {
		u := w.User(i)
		u.RoutingProfile = routing
		return u
	})
}
