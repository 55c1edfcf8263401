package mcpserver

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
)

var listInstances = tool{name: "list_instances", title: "List the instances, and whose rights count",
	description: `Lists the instances of Amazon Connect that you may ask about, and says with whose rights you see them.
Call this first if you do not know which instance is meant. Example: {}`}

type listInstancesIn struct {
	About
	Paged
}

type listInstancesOut struct {
	Instances []instanceOut `json:"instances" jsonschema:"The instances. Any of id, arn and alias may be given as the argument instance of other tools."`
	Rights    string        `json:"rights" jsonschema:"Whose rights count: everything (of an operator) or user."`
	User      *Named        `json:"user,omitzero" jsonschema:"The user whose rights count, if it is one."`
	Scope     string        `json:"scope" jsonschema:"What may be asked: decide, or administer (also what_if, lint_findings and history)."`
	Next      token         `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

type instanceOut struct {
	ID    string `json:"id"`
	Alias string `json:"alias,omitempty"`
	ARN   string `json:"arn"`
}

func (a *asker) listInstances(ctx context.Context, in listInstancesIn) (out listInstancesOut, err error) {
	out.Rights, out.Scope = "everything", string(lanyard.ScopeDecide)
	if a.p.Administer {
		out.Scope = string(lanyard.ScopeAdminister)
	}
	if a.p.Instance == "" {
		limit, err := in.size()
		if err != nil {
			return out, err
		}
		if in.PageToken != "" && strings.Trim(in.PageToken, "0123456789") != "" {
			return out, badToken()
		}
		some, next, err := a.s.Control.ListInstances(ctx, control.Call{Caller: a.viewer.Caller},
			control.Page{After: in.PageToken, Limit: limit})
		for _, i := range some {
			out.add(a, i)
		}
		out.Next = token(next)
		return out, err
	}
	if err := a.enter(ctx, in.Instance); err != nil {
		return out, err
	}
	out.add(a, a.in)
	if a.p.User != "" {
		out.Rights, out.User = "user", &Named{a.p.User, a.userName(a.p.User)}
	}
	return out, nil
}

func (out *listInstancesOut) add(a *asker, in *lanyard.Instance) {
	out.Instances = append(out.Instances, instanceOut{in.ID, in.Name, a.s.Control.ARN(in, lanyard.TypeInstance, "")})
}

func (out listInstancesOut) write(w *writer) {
	w.linef("%s:", count(len(out.Instances), "instance", "instances"))
	for _, in := range out.Instances {
		w.linef("- %s", Named{in.ID, in.Alias}.text())
	}
	if out.User != nil {
		w.linef("Answers show what user %s may view.", out.User.text())
	} else {
		w.linef("Answers show everything.")
	}
	w.linef("Scope: %s.", out.Scope)
	w.more(out.Next)
}

// badToken refuses a page token that no answer had.
func badToken() error {
	return lanyard.Errorf(lanyard.Malformed, "page_token must be next_page_token of the answer before; leave it out to begin "+
		"with the first page")
}

// storedTypes are the types of resources that can be found by id and name.
var storedTypes = func() (names []string) {
	for _, t := range lanyard.Types() {
		if name := t.DecisionName(); name != "" {
			names = append(names, name)
		}
	}
	return names
}()

var findResources = tool{name: "find_resources", title: "Find users, profiles and other resources by name", slow: true,
	description: `Finds the resources of a type by a part of their names, in any case, and gives their ids. Use it when you ` +
		`know only a part of a name, or to list all resources of a type (leave text out). Other tools take exact names too.
Example: {"type": "SecurityProfile", "text": "supervisor"}`,
	enums: map[string][]string{"type": storedTypes}}

type findResourcesIn struct {
	About
	Type string `json:"type" jsonschema:"Type of the resources: User finds people by their user names, SecurityProfile finds profiles."`
	Text string `json:"text,omitempty" jsonschema:"Part of the name, or an id. Leave it out to list all."`
	Paged
}

type listedOut struct {
	Type    string  `json:"type" jsonschema:"Type of all results."`
	Results []Named `json:"results"`
	Next    token   `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

func (a *asker) findResources(ctx context.Context, in findResourcesIn) (out listedOut, err error) {
	page, err := in.page()
	if err != nil {
		return out, err
	}
	found, err := a.s.Questions.Find(ctx, a.viewer, questions.Find{Type: in.Type, Text: in.Text, Page: page})
	return listed(in.Type, found), err
}

// listed shows resources of a type.
func listed(resourceType string, found questions.Resources) listedOut {
	out := listedOut{Type: resourceType, Next: token(found.Page.NextToken)}
	for _, r := range found.Results {
		out.Results = append(out.Results, Named{r.ID, r.Properties.Name})
	}
	return out
}

func (out listedOut) write(w *writer) {
	w.linef("%d of type %s:", len(out.Results), out.Type)
	for _, r := range out.Results {
		w.linef("- %s", r.text())
	}
	w.more(out.Next)
}

var findPermissions = tool{name: "find_permissions", title: "Find permissions by what they are for",
	description: `Finds permissions of security profiles by words in their names and labels, and says which are sensitive. ` +
		`Use it to get the exact name of a permission for check_access, who_can or what_if.
Example: {"text": "edit security profiles"}`}

type findPermissionsIn struct {
	About
	Text      string `json:"text,omitempty" jsonschema:"Words of the name, group or label, in any case and order, such as: users edit. The permissions with the most of them are found. Leave it out to list all."`
	Sensitive bool   `json:"sensitive,omitzero" jsonschema:"Find only permissions whose holders deserve attention."`
	Paged
}

type findPermissionsOut struct {
	Results []permissionOut `json:"results"`
	Next    token           `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

type permissionOut struct {
	Name      string   `json:"name" jsonschema:"As other tools take it."`
	Group     string   `json:"group" jsonschema:"The heading under which administrators know it."`
	Label     string   `json:"label" jsonschema:"How administrators know it."`
	Sensitive string   `json:"sensitive,omitempty" jsonschema:"Why its holders deserve attention: escalates (gives power over others' rights), exposes, intrudes or destroys."`
	Restricts bool     `json:"restricts,omitzero" jsonschema:"It takes something away from its holder."`
	Needs     []string `json:"needs,omitempty" jsonschema:"Permissions without which it cannot be used on the admin website."`
}

func (a *asker) findPermissions(_ context.Context, in findPermissionsIn) (out findPermissionsOut, err error) {
	limit, err := in.size()
	if err != nil {
		return out, err
	}
	first, err := offset(in.PageToken)
	if err != nil {
		return out, err
	}
	matching := matchingPermissions(strings.Fields(strings.ToLower(in.Text)), in.Sensitive)
	rest := matching[min(first, len(matching)):]
	for _, p := range rest[:min(limit, len(rest))] {
		out.Results = append(out.Results, permissionOut{p.Name, p.Group, p.Label, p.Sensitive, p.Restriction,
			lanyard.Prerequisites(p.Name)})
	}
	if len(rest) > limit {
		out.Next = token(strconv.Itoa(first + limit))
	}
	return out, nil
}

// matchingPermissions returns the permissions that have the most of some words in their names, groups and labels.
func matchingPermissions(words []string, sensitive bool) (best []lanyard.Permission) {
	most := 0
	for _, p := range lanyard.Permissions() {
		if sensitive && p.Sensitive == "" {
			continue
		}
		text, n := strings.ToLower(p.Name+" "+p.Group+" "+p.Label), 0
		for _, word := range words {
			if strings.Contains(text, word) {
				n++
			}
		}
		switch {
		case n == 0 && len(words) > 0 || n < most:
		case n > most:
			most, best = n, []lanyard.Permission{p}
		default:
			best = append(best, p)
		}
	}
	return best
}

// offset reads the token of a list that stays as it is.
func offset(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(token)
	if err != nil || n < 1 {
		return 0, badToken()
	}
	return n, nil
}

func (out findPermissionsOut) write(w *writer) {
	w.linef("%s:", count(len(out.Results), "permission", "permissions"))
	for _, p := range out.Results {
		sensitive := ""
		if p.Sensitive != "" {
			sensitive = "; sensitive: " + p.Sensitive
		}
		w.linef("- %s (%s: %s%s)", word(p.Name), p.Group, p.Label, sensitive)
	}
	w.more(out.Next)
}

var describeProfile = tool{name: "describe_profile", title: "Show all of one security profile",
	description: `Shows what a security profile grants and to what its tags and hierarchy restrict that, as it is now.
Example: {"profile": "Supervisor Europe"}`}

type describeProfileIn struct {
	About
	Profile string `json:"profile" jsonschema:"The security profile: its name, id or ARN."`
}

type profileOut struct {
	Profile      Named             `json:"profile"`
	Description  string            `json:"description,omitempty"`
	Revision     int64             `json:"revision" jsonschema:"Revision of the instance that this is from."`
	Permissions  []string          `json:"permissions"`
	AccessTags   map[string]string `json:"access_control_tags,omitempty" jsonschema:"Tags that resources of the types in tag_restricted_types must all carry."`
	TagTypes     []string          `json:"tag_restricted_types,omitempty"`
	GroupTypes   []string          `json:"hierarchy_restricted_types,omitempty"`
	Group        *Named            `json:"hierarchy_group,omitzero" jsonschema:"The group to which hierarchy_restricted_types are restricted; left out: the group of each holder."`
	Applications []applicationOut  `json:"applications,omitempty" jsonschema:"Applications, and tools of MCP servers, that it grants."`
	FlowModules  []Named           `json:"flow_modules,omitempty" jsonschema:"Flow modules that it grants as tools."`
	AIAgents     []string          `json:"ai_agents,omitempty" jsonschema:"ARNs of AI agents to which its holders may hand over."`
	Rows         []rowsOut         `json:"data_table_rows,omitempty" jsonschema:"The rows of data tables to which it is restricted, by a primary attribute."`
	Tags         map[string]string `json:"tags,omitempty" jsonschema:"Tags of the profile itself."`
}

type applicationOut struct {
	Namespace string   `json:"namespace"`
	Tools     []string `json:"tools" jsonschema:"Ids of tools, or ACCESS for an application without tools."`
}

type rowsOut struct {
	Attribute string   `json:"attribute"`
	Values    []string `json:"values"`
}

func (a *asker) describeProfile(ctx context.Context, in describeProfileIn) (out profileOut, err error) {
	found, err := a.lookup(ctx, access.TypeSecurityProfile, in.Profile)
	if err != nil {
		return out, err
	}
	if err := a.view.RequireView(access.TypeSecurityProfile, found.ID); err != nil {
		return out, err
	}
	_, p, err := a.s.Control.DescribeSecurityProfile(ctx, control.Call{Caller: a.viewer.Caller}, a.in.ID, found.ID)
	if err != nil {
		return out, err
	}
	out = profileOut{Profile: Named{p.ID, p.Name}, Description: p.Description, Revision: a.view.Revision(),
		Permissions: p.Permissions, AccessTags: p.AccessTags, TagTypes: p.TagRestricted, GroupTypes: p.HierarchyRestricted,
		Tags: p.Tags}
	if p.HierarchyGroup != "" {
		out.Group = &Named{p.HierarchyGroup, a.seenName(access.TypeHierarchyGroup, p.HierarchyGroup)}
	}
	for _, x := range p.Applications {
		out.Applications = append(out.Applications, applicationOut{x.Namespace, x.Permissions})
	}
	for _, x := range p.FlowModules {
		out.FlowModules = append(out.FlowModules, Named{x.ID, a.seenName(access.TypeContactFlowModule, x.ID)})
	}
	for _, x := range p.AIAgents {
		out.AIAgents = append(out.AIAgents, x.ARN)
	}
	for _, x := range p.DataTables {
		out.Rows = append(out.Rows, rowsOut{x.Attribute, x.Values})
	}
	return out, nil
}

func (out profileOut) write(w *writer) {
	w.linef("Security profile %s at revision %d.", out.Profile.text(), out.Revision)
	if out.Description != "" {
		w.linef("Description: %s", quote(out.Description))
	}
	w.linef("%s: %s", count(len(out.Permissions), "permission", "permissions"), words(out.Permissions))
	if len(out.TagTypes) > 0 {
		w.linef("Restricted to resources with all of the tags %s: %s", tagsText(out.AccessTags), words(out.TagTypes))
	}
	if len(out.GroupTypes) > 0 {
		group := "each holder's own"
		if out.Group != nil {
			group = out.Group.text()
		}
		w.linef("Restricted to the hierarchy group %s and those below it: %s", group, words(out.GroupTypes))
	}
	for _, x := range out.Applications {
		w.linef("Application %s: %s", quote(x.Namespace), words(x.Tools))
	}
	for _, x := range out.FlowModules {
		w.linef("Flow module as a tool: %s", x.text())
	}
	for _, x := range out.AIAgents {
		w.linef("May hand over to AI agent %s", word(x))
	}
	for _, x := range out.Rows {
		w.linef("Data-table rows where %s is one of %s", quote(x.Attribute), words(x.Values))
	}
	if len(out.Tags) > 0 {
		w.linef("Tags of the profile: %s", tagsText(out.Tags))
	}
}

// tagsText lists tags in the order of their keys.
func tagsText(tags map[string]string) string {
	var all []string
	for key, value := range tags {
		all = append(all, quote(key)+"="+quote(value))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

var describeUser = tool{name: "describe_user", title: "Show which profiles a user holds",
	description: `Shows which security profiles a user holds, and the hierarchy group and tags by which others' profiles may be ` +
		`restricted. For what the user may do by them, use what_can.
Example: {"user": "claire.dubois"}`}

type describeUserIn struct {
	About
	User string `json:"user" jsonschema:"The user: user name, id or ARN."`
}

type userOut struct {
	User     Named             `json:"user"`
	Revision int64             `json:"revision" jsonschema:"Revision of the instance that this is from."`
	Profiles []Named           `json:"profiles" jsonschema:"The security profiles that the user holds."`
	Group    *Named            `json:"hierarchy_group,omitzero"`
	Routing  *Named            `json:"routing_profile,omitzero"`
	Tags     map[string]string `json:"tags,omitempty"`
}

func (a *asker) describeUser(ctx context.Context, in describeUserIn) (out userOut, err error) {
	found, err := a.lookup(ctx, access.TypeUser, in.User)
	if err != nil {
		return out, err
	}
	if err := a.view.RequireView(access.TypeUser, found.ID); err != nil {
		return out, err
	}
	_, u, err := a.s.Control.DescribeUser(ctx, control.Call{Caller: a.viewer.Caller}, a.in.ID, found.ID)
	if err != nil {
		return out, err
	}
	out = userOut{User: Named{u.ID, u.Name}, Revision: a.view.Revision(), Tags: u.Tags}
	for _, id := range u.Profiles {
		out.Profiles = append(out.Profiles, Named{id, a.seenName(access.TypeSecurityProfile, id)})
	}
	if u.Group != "" {
		out.Group = &Named{u.Group, a.seenName(access.TypeHierarchyGroup, u.Group)}
	}
	if u.RoutingProfile != "" {
		out.Routing = &Named{u.RoutingProfile, a.seenName(access.TypeRoutingProfile, u.RoutingProfile)}
	}
	return out, nil
}

func (out userOut) write(w *writer) {
	w.linef("User %s at revision %d holds %s:", out.User.text(), out.Revision,
		count(len(out.Profiles), "security profile", "security profiles"))
	for _, p := range out.Profiles {
		w.linef("- %s", p.text())
	}
	if out.Group != nil {
		w.linef("Hierarchy group: %s", out.Group.text())
	}
	if len(out.Tags) > 0 {
		w.linef("Tags: %s", tagsText(out.Tags))
	}
}
