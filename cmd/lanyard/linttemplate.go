package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/lint"
	"github.com/lanyard/lanyard/internal/template"
)

// A lintedTemplate is the part of an instance that a template describes, and where.
type lintedTemplate struct {
	name     string
	file     *template.File
	profiles map[string]*template.Resource // by id
	state
}

// unknownInstance is the instance of a template of which the parameters do not say it.
const unknownInstance = "arn:aws:connect:us-east-1:123456789012:instance/00000000-0000-4000-8000-000000000000"

// readLintedTemplate reads a template. Parameters without a value stand for the instance, or for themselves.
func readLintedTemplate(name string, parameters map[string]string) (*lintedTemplate, error) {
	content, err := readBounded(name, template.MaxFileSize)
	if err != nil {
		return nil, err
	}
	return parseLintedTemplate(name, content, parameters)
}

func parseLintedTemplate(name string, content []byte, parameters map[string]string) (*lintedTemplate, error) {
	file, err := template.Parse(filepath.ToSlash(name), content)
	if err != nil {
		return nil, &refusal{err.Error()}
	}
	t := &lintedTemplate{name: name, file: file, profiles: map[string]*template.Resource{}}
	arn, _ := lanyard.ParseARN(unknownInstance)
	resolved, err := template.Resolve([]*template.File{file}, template.Inputs{Parameters: t.complete(parameters),
		Account: arn.Account, Region: arn.Region, StackName: "lint"})
	if err != nil {
		return nil, &refusal{err.Error()}
	}
	t.state = state{name: name, instance: &lanyard.Instance{Meta: lanyard.Meta{ID: arn.Instance}}}
	for _, r := range resolved.Resources {
		if err := t.add(r); err != nil {
			return nil, err
		}
	}
	t.completePaths()
	return t, nil
}

// completePaths makes the paths of groups, which begin with the parent's id, whole.
func (t *lintedTemplate) completePaths() {
	groups := map[string]*lanyard.Group{}
	for _, r := range t.resources {
		if g, ok := r.(*lanyard.Group); ok {
			groups[g.ID] = g
		}
	}
	for range lanyard.MaxLevels {
		for _, g := range groups {
			if above := groups[g.Path[0]]; above != nil && len(above.Path) > 1 && above != g && len(g.Path) < lanyard.MaxLevels {
				g.Path = append(slices.Clone(above.Path), g.Path[1:]...)
			}
		}
	}
}

// complete gives values to the parameters of the template that have none: a lint needs no instance.
func (t *lintedTemplate) complete(given map[string]string) map[string]string {
	all := map[string]string{}
	for e := range t.file.Root.Get("Parameters").All() {
		if value, ok := given[e.Key.Text]; ok {
			all[e.Key.Text] = value
			continue
		}
		kind := "String"
		if n := e.Value.Get("Type"); n != nil {
			kind = n.Text
		}
		if e.Value.Get("Default") != nil || e.Value.Get("AllowedValues") != nil || e.Value.Get("AllowedPattern") != nil ||
			kind != "String" {
			continue
		}
		all[e.Key.Text] = e.Key.Text
		if e.Key.Text == instanceParameter {
			all[e.Key.Text] = unknownInstance
		}
	}
	return all
}

// add adds what a resource of the template describes.
func (t *lintedTemplate) add(r *template.Resource) error {
	value, err := r.Properties.Any(func(ref template.Reference) string { // an ARN, which functions take apart
		return unknownInstance + "/resource/" + ref.LogicalID
	})
	if err != nil {
		return fmt.Errorf("%s: %w", r.Pos, err)
	}
	p, _ := value.(map[string]any)
	head := lanyard.Meta{ID: r.LogicalID, Tags: tagsOfList(p["Tags"])}
	switch r.Type {
	case "AWS::Connect::SecurityProfile":
		head.Name = cmp.Or(textOf(p["SecurityProfileName"]), r.LogicalID)
		t.profiles[r.LogicalID] = r
		t.resources = append(t.resources, profileOfProperties(head, p))
	case "AWS::Connect::User":
		head.Name = cmp.Or(textOf(p["Username"]), r.LogicalID)
		t.resources = append(t.resources, &lanyard.User{Meta: head, Profiles: idsOfList(p["SecurityProfileArns"]),
			RoutingProfile: idOf(textOf(p["RoutingProfileArn"])), Group: idOf(textOf(p["HierarchyGroupArn"]))})
	case "AWS::Connect::UserHierarchyGroup":
		head.Name = textOf(p["Name"])
		path := []string{r.LogicalID}
		if parent := idOf(textOf(p["ParentGroupArn"])); parent != "" {
			path = []string{parent, r.LogicalID}
		}
		t.resources = append(t.resources, &lanyard.Group{Meta: head, Path: path})
	case "AWS::Connect::RoutingProfile":
		head.Name = textOf(p["Name"])
		t.resources = append(t.resources, &lanyard.RoutingProfile{Meta: head})
	}
	return nil
}

func profileOfProperties(head lanyard.Meta, p map[string]any) *lanyard.Profile {
	out := &lanyard.Profile{Meta: head, Description: textOf(p["Description"]),
		Permissions: lanyard.SortPermissions(textsOf(p["Permissions"])), AccessTags: tagsOfList(p["AllowedAccessControlTags"]),
		TagRestricted: textsOf(p["TagRestrictedResources"]), HierarchyRestricted: textsOf(p["HierarchyRestrictedResources"]),
		HierarchyGroup: idOf(textOf(p["AllowedAccessControlHierarchyGroupId"]))}
	for _, one := range itemsOf(p["Applications"]) {
		out.Applications = append(out.Applications, lanyard.Application{Namespace: textOf(one["Namespace"]),
			Permissions: textsOf(one["ApplicationPermissions"]), Type: textOf(one["Type"])})
	}
	for _, one := range itemsOf(p["AllowedFlowModules"]) {
		out.FlowModules = append(out.FlowModules, lanyard.FlowModule{ID: idOf(textOf(one["FlowModuleId"])), Type: textOf(one["Type"])})
	}
	granular, _ := p["GranularAccessControlConfiguration"].(map[string]any)
	tables, _ := granular["DataTableAccessControlConfiguration"].(map[string]any)
	primary, _ := tables["PrimaryAttributeAccessControlConfiguration"].(map[string]any)
	for _, one := range itemsOf(primary["PrimaryAttributeValues"]) {
		out.DataTables = append(out.DataTables, lanyard.AttributeRule{Access: textOf(one["AccessType"]),
			Attribute: textOf(one["AttributeName"]), Values: textsOf(one["Values"])})
	}
	return out
}

func textOf(v any) string {
	text, _ := v.(string)
	return text
}

func textsOf(v any) (texts []string) {
	list, _ := v.([]any)
	for _, one := range list {
		if text, ok := one.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

func itemsOf(v any) (items []map[string]any) {
	list, _ := v.([]any)
	for _, one := range list {
		if item, ok := one.(map[string]any); ok {
			items = append(items, item)
		}
	}
	return items
}

func tagsOfList(v any) map[string]string {
	var tags map[string]string
	for _, one := range itemsOf(v) {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[textOf(one["Key"])] = textOf(one["Value"])
	}
	return tags
}

// idOf returns the id in an ARN, and anything else as it is.
func idOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func idsOfList(v any) (ids []string) {
	for _, ref := range textsOf(v) {
		ids = append(ids, idOf(ref))
	}
	return ids
}

// place returns where a value of a list of a profile is written, or the list, or with member "" the profile.
func (t *lintedTemplate) place(profile string, member lint.Member, value string) lint.Place {
	r, ok := t.profiles[profile]
	if !ok {
		return lint.Place{}
	}
	pos := r.Pos
	if member != "" {
		pos = r.Where("Properties", string(member))
		if i := t.index(r, member, value); i >= 0 {
			pos = r.Where("Properties", string(member), strconv.Itoa(i))
		}
	}
	return lint.Place{File: filepath.ToSlash(cmp.Or(pos.File, t.name)), Line: pos.Line, Column: pos.Column}
}

// index returns the place of a value in a list of a profile, or -1.
func (t *lintedTemplate) index(r *template.Resource, member lint.Member, value string) int {
	list := r.Properties.Get(string(member))
	if list == nil {
		return -1
	}
	return slices.IndexFunc(list.Items, func(v *template.Value) bool { return v.Text == value })
}

// fix returns the template with fixes made, and those of them that were: what functions make is left alone.
func (t *lintedTemplate) fix(fixes []lint.Fix) (content []byte, made []lint.Fix, err error) {
	var edits []template.Edit
	touched := map[*template.Node]bool{}
	for _, f := range fixes {
		some := t.edits(f, touched)
		if len(some) > 0 {
			edits, made = append(edits, some...), append(made, f)
		}
	}
	if len(edits) == 0 {
		return t.file.Content, nil, nil
	}
	content, err = t.file.Edit(edits...)
	return content, made, err
}

// shared reports whether another profile has the same list, by an alias: a fix of one would change both.
func (t *lintedTemplate) shared(r *template.Resource, member lint.Member, list *template.Node) bool {
	for _, other := range t.profiles {
		if theirs := other.Properties.Get(string(member)); other != r && theirs != nil && theirs.Node == list {
			return true
		}
	}
	return false
}

// edits returns those that make a fix; none when the list or an item is not written as such, or is edited already.
func (t *lintedTemplate) edits(f lint.Fix, touched map[*template.Node]bool) (edits []template.Edit) {
	r := t.profiles[f.Profile.ID]
	if r == nil {
		return nil
	}
	list := r.Properties.Get(string(f.Member))
	if list == nil || list.Node == nil || list.Node.Kind != template.List || t.shared(r, f.Member, list.Node) {
		return nil
	}
	add := slices.DeleteFunc(slices.Clone(f.Add), func(name string) bool { return t.index(r, f.Member, name) >= 0 })
	text := func(name string) *template.Node { return &template.Node{Kind: template.String, Text: name} }
	for _, name := range f.Remove {
		i := t.index(r, f.Member, name)
		if i < 0 || list.Items[i].Node == nil || touched[list.Items[i].Node] {
			return nil
		}
		touched[list.Items[i].Node] = true
		if len(add) > 0 {
			edits, add = append(edits, template.Replace(list.Items[i].Node, text(add[0]))), add[1:]
			continue
		}
		edits = append(edits, template.RemoveItem(list.Node, i))
	}
	for _, name := range add {
		edits = append(edits, template.InsertItem(list.Node, len(list.Items), text(name)))
	}
	return edits
}
