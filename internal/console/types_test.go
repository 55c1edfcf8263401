package console

import (
	"reflect"
	"slices"
	"testing"

	"github.com/lanyard/lanyard"
)

// A refMember is a member of a stored document that has the id of a resource, or several.
type refMember struct {
	name  string
	list  bool
	entry string // the member of an entry of the list; "" when the entry is the id
	of    lanyard.Type
}

// refMembers finds those of a type by giving each string of a resource an id and asking what it refers to.
func refMembers(t lanyard.Type) (all []refMember) {
	const id = "an-id"
	kind := reflect.TypeOf(lanyard.New(t)).Elem()
	for i := range kind.NumField() {
		field := kind.Field(i)
		r := lanyard.New(t)
		v := reflect.ValueOf(r).Elem().Field(i)
		note := func(m refMember) {
			for _, ref := range r.Refs() {
				if ref.ID == id {
					m.name, m.of = field.Name, ref.Type
					all = append(all, m)
				}
			}
		}
		switch {
		case field.Type.Kind() == reflect.String:
			v.SetString(id)
			note(refMember{})
		case field.Type == reflect.TypeFor[[]string]():
			v.Set(reflect.ValueOf([]string{id, "itself"}))
			note(refMember{list: true})
		case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct:
			for j := range field.Type.Elem().NumField() {
				if entry := field.Type.Elem().Field(j); entry.Type.Kind() == reflect.String {
					v.Set(reflect.MakeSlice(field.Type, 1, 1))
					v.Index(0).Field(j).SetString(id)
					note(refMember{list: true, entry: entry.Name})
				}
			}
		}
	}
	return all
}

// shownWhole are the lists of ids that everybody is shown whole.
var shownWhole = []string{"agent Profiles", "agent Proficiencies", "ai-agent Profiles", "agent-group Path"}

// keptNames are the references that history shows by the names that documents have for them.
var keptNames = []string{"routing-profile DefaultQueue", "routing-profile Queues", "routing-profile ManualQueues",
	"operating-hours Parents", "agent Proficiencies"}

// TestTypesOfHistory looks for what each type refers to in the tables by which documents are shown. A new type, or a
// new reference of one, fails until they have it.
func TestTypesOfHistory(t *testing.T) {
	found := 0
	for _, typ := range lanyard.Types() {
		if typ.Name() == "" {
			continue // history does not show it
		}
		members := refMembers(typ)
		for _, m := range members {
			found++
			name := string(typ) + " " + m.name
			if other, ok := renamed[typ][m.name]; ok && other == "" {
				continue // it is not shown
			}
			if _, ok := renamed[typ][m.name]; ok == slices.Contains(keptNames, name) {
				t.Errorf("%s must be either in renamed or in keptNames", name)
			}
			row, ok := lists[typ][m.name]
			switch {
			case m.list && ok == slices.Contains(shownWhole, name):
				t.Errorf("%s must be either in lists or in shownWhole", name)
			case ok && (row.t != m.of.Name() || row.id != m.entry):
				t.Errorf("%s is a list of %s by %q, but lists has %v", name, m.of.Name(), m.entry, row)
			}
		}
		for name := range lists[typ] {
			if !slices.ContainsFunc(members, func(m refMember) bool { return m.list && m.name == name }) {
				t.Errorf("%s has no list %s", typ, name)
			}
		}
		kind := reflect.TypeOf(lanyard.New(typ)).Elem()
		for name := range renamed[typ] {
			if _, ok := kind.FieldByName(name); !ok {
				t.Errorf("%s has no member %s", typ, name)
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d references, want more", found)
	}
}
