package compare

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// What happens to a resource from one state to another.
const (
	Created = "create"
	Updated = "update"
	Deleted = "delete"
)

// A Change is a resource that is not the same in two states.
type Change struct {
	Action string  `json:"action"` // create, update or delete
	Type   string  `json:"type"`   // SecurityProfile
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Fields []Field `json:"fields,omitempty"`
}

// A Field is a member of a resource that differs, by the name that the API has for it.
type Field struct {
	Path   string `json:"path"`            // Description, Tags.Team, Applications
	Before any    `json:"before,omitzero"` // absent: there was none
	After  any    `json:"after,omitzero"`  // absent: there is none
	// Element is set when Before or After is an element of the list at Path, rather than its value.
	Element bool `json:"element,omitzero"`
}

// shownTypes are the types whose resources are compared, in the order in which they are shown.
var shownTypes = []lanyard.Type{lanyard.TypeInstance, lanyard.TypeProfile, lanyard.TypeUser, lanyard.TypeAIAgent,
	lanyard.TypeStructure, lanyard.TypeGroup, lanyard.TypeQueue, lanyard.TypeRoutingProfile, lanyard.TypeHours,
	lanyard.TypeModule, lanyard.TypeModuleVersion, lanyard.TypeModuleAlias, lanyard.TypeQuickConnect,
	lanyard.TypeDataTable, lanyard.TypeDataTableAttribute}

// FindChanges returns the resources that differ between two states, by type and name. Resources are the same if their
// ids are; see Align. Ids of resources in fields are replaced by their names.
func FindChanges(before, after []lanyard.Resource) ([]Change, error) {
	was, is := byRef(before), byRef(after)
	names := map[string]string{}
	for _, list := range [][]lanyard.Resource{before, after} {
		for _, r := range list {
			if name := r.Head().Name; name != "" && r.Type() != lanyard.TypeInstance {
				names[r.Head().ID] = name
			}
		}
	}
	all := maps.Clone(was)
	maps.Copy(all, is)
	changes := []Change{}
	for ref := range all {
		if !slices.Contains(shownTypes, ref.Type) {
			continue
		}
		c, err := compareResource(was[ref], is[ref], names)
		if err != nil {
			return nil, err
		}
		if c.Action != Updated || len(c.Fields) > 0 {
			changes = append(changes, c)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(orderOf(a.Type), orderOf(b.Type)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return changes, nil
}

func orderOf(name string) int {
	return slices.IndexFunc(shownTypes, func(t lanyard.Type) bool { return typeName(t) == name })
}

// typeName is what a type is called.
func typeName(t lanyard.Type) string {
	if name := t.Name(); name != "" {
		return name
	}
	return map[lanyard.Type]string{lanyard.TypeStructure: "HierarchyStructure",
		lanyard.TypeModuleVersion: "FlowModuleVersion", lanyard.TypeModuleAlias: "FlowModuleAlias",
		lanyard.TypeDataTableAttribute: "DataTableAttribute"}[t]
}

func byRef(list []lanyard.Resource) map[lanyard.Ref]lanyard.Resource {
	m := make(map[lanyard.Ref]lanyard.Resource, len(list))
	for _, r := range list {
		m[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] = r
	}
	return m
}

// compareResource compares two states of one resource, of which one may be nil.
func compareResource(b, a lanyard.Resource, names map[string]string) (c Change, err error) {
	one := a
	c.Action = Updated
	switch {
	case b == nil:
		c.Action = Created
	case a == nil:
		c.Action, one = Deleted, b
	}
	c.Type, c.ID = typeName(one.Type()), one.Head().ID
	c.Name = cmp.Or(one.Head().Name, c.ID)
	was, err := fieldsOf(b, names)
	if err != nil {
		return c, err
	}
	is, err := fieldsOf(a, names)
	if err != nil {
		return c, err
	}
	c.Fields = diffObjects("", was, is)
	return c, nil
}

// renamed are the members of resources that have another name in the API; "" are not compared.
var renamed = map[lanyard.Type]map[string]string{
	"": {"ID": "", "Seq": "", "Modified": "", "ClientToken": "", "RequestHash": ""},
	lanyard.TypeProfile: {"Name": "SecurityProfileName", "ModifiedBy": "", "AccessTags": "AllowedAccessControlTags",
		"TagRestricted": "TagRestrictedResources", "HierarchyRestricted": "HierarchyRestrictedResources",
		"HierarchyGroup": "AllowedAccessControlHierarchyGroupId", "FlowModules": "AllowedFlowModules",
		"AIAgents": "AllowedAIAgents", "DataTables": "DataTableAccessControlConfiguration"},
	lanyard.TypeUser: {"Name": "Username", "Profiles": "SecurityProfileIds", "RoutingProfile": "RoutingProfileId",
		"Group": "HierarchyGroupId", "DirectoryUserID": "DirectoryUserId", "Proficiencies": "UserProficiencies"},
	lanyard.TypeAIAgent:       {"Profiles": "SecurityProfileIds", "Name": ""},
	lanyard.TypeGroup:         {"Path": "ParentGroupId"},
	lanyard.TypeStructure:     {"Name": ""},
	lanyard.TypeModuleVersion: {"Module": "ContactFlowModuleId"},
	lanyard.TypeModuleAlias:   {"Module": "ContactFlowModuleId"},
	lanyard.TypeQueue: {"Hours": "HoursOfOperationId", "QuickConnects": "QuickConnectIds",
		"EmailAddresses": "EmailAddressIds", "Uses": ""},
	lanyard.TypeHours: {"Parents": "ParentHoursOfOperations"},
	lanyard.TypeRoutingProfile: {"DefaultQueue": "DefaultOutboundQueueId", "Queues": "QueueConfigs",
		"ManualQueues": "ManualAssignmentQueueConfigs"},
	lanyard.TypeQuickConnect:       {"Kind": "QuickConnectType", "User": "UserId", "Queue": "QueueId", "Flow": "ContactFlowId"},
	lanyard.TypeDataTable:          {"LockLevel": "ValueLockLevel", "Lock": "", "Created": "", "Values": ""},
	lanyard.TypeDataTableAttribute: {"Table": "DataTableId", "Lock": ""},
	lanyard.TypeInstance:           {"Account": "", "Region": "", "Created": "", "DirectoryID": "DirectoryId", "Name": "InstanceAlias"},
}

// fieldsOf are the members of a resource, with names of other resources instead of their ids.
func fieldsOf(r lanyard.Resource, names map[string]string) (map[string]any, error) {
	if r == nil {
		return nil, nil
	}
	b, err := laxjson.Marshal(r)
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := laxjson.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	out := map[string]any{}
	for name, v := range doc {
		if name == "Settings" { // each is a member in the API
			settings, _ := v.(map[string]any)
			maps.Copy(out, settings)
			continue
		}
		other, known := renamed[r.Type()][name]
		if !known {
			other, known = renamed[""][name]
		}
		switch {
		case known && other == "":
		case known:
			out[other] = v
		default:
			out[name] = v
		}
	}
	switch r := r.(type) {
	case *lanyard.Group:
		out["ParentGroupId"] = r.Parent()
	case *lanyard.Structure:
		levels := []any{}
		for _, l := range r.Levels {
			levels = append(levels, l.Name)
		}
		out["Levels"] = levels
	}
	for name, v := range out {
		if name != "Tags" && name != "AllowedAccessControlTags" {
			out[name] = nameIDs(v, names)
		}
	}
	return out, nil
}

// nameIDs replaces ids of resources by their names.
func nameIDs(v any, names map[string]string) any {
	switch v := v.(type) {
	case string:
		if name, ok := names[v]; ok {
			return name
		}
	case []any:
		for i := range v {
			v[i] = nameIDs(v[i], names)
		}
	case map[string]any:
		for name := range v {
			v[name] = nameIDs(v[name], names)
		}
	}
	return v
}

// isAbsent reports whether a value is as good as none.
func isAbsent(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func diffObjects(path string, before, after map[string]any) (out []Field) {
	all := map[string]bool{}
	for _, m := range []map[string]any{before, after} {
		for name := range m {
			all[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		out = append(out, diffValues(at, before[name], after[name])...)
	}
	return out
}

// orderedLists are the lists whose order means something; they are compared whole. All others are sets, whose order the
// API does not reveal.
var orderedLists = []string{"Levels"}

// defaults are what members have where nobody set them.
var defaults = map[string]any{"AgentAvailabilityTimer": "TIME_SINCE_LAST_ACTIVITY"}

func diffValues(path string, before, after any) []Field {
	if isAbsent(before) || before == defaults[path] {
		before = nil
	}
	if isAbsent(after) || after == defaults[path] {
		after = nil
	}
	if encode(before) == encode(after) {
		return nil
	}
	b, isObject := before.(map[string]any)
	a, both := after.(map[string]any)
	if isObject && both || isObject && after == nil || both && before == nil {
		return diffObjects(path, b, a)
	}
	bl, isList := before.([]any)
	al, both := after.([]any)
	if (isList && both || isList && after == nil || both && before == nil) && !slices.Contains(orderedLists, path) {
		return diffLists(path, bl, al)
	}
	return []Field{{Path: path, Before: before, After: after}}
}

// diffLists returns the elements that only one of two lists has.
func diffLists(path string, before, after []any) (out []Field) {
	add := func(list, other []any, field func(any) Field) {
		has := map[string]bool{}
		for _, v := range other {
			has[encode(v)] = true
		}
		for _, v := range list {
			if !has[encode(v)] {
				out = append(out, field(v))
			}
		}
	}
	add(before, after, func(v any) Field { return Field{Path: path, Before: v, Element: true} })
	add(after, before, func(v any) Field { return Field{Path: path, After: v, Element: true} })
	return out
}

// encode is a text by which values are compared.
func encode(v any) string {
	b, err := laxjson.Marshal(v)
	if err != nil {
		panic("compare: a member does not encode: " + err.Error())
	}
	return string(b)
}

// words is a value as people read it, such as "Users.Edit".
func words(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return plainName(v)
	case float64, bool:
		return fmt.Sprint(v)
	}
	return encode(v)
}
