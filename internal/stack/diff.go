package stack

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A FieldChange is a difference between two states of a resource.
type FieldChange struct {
	Path   string `json:"path"`            // Description, Tags.Team, Applications[crm].ApplicationPermissions
	Before any    `json:"before,omitzero"` // absent: there was none
	After  any    `json:"after,omitzero"`  // absent: there is none
	// Element is set if Before or After is an element of the list at Path, rather than its value.
	Element bool `json:"element,omitzero"`
}

// diff returns the differences between two states, by path.
func diff(before, after Properties) []FieldChange {
	return diffObjects("", before, after)
}

func diffObjects(path string, before, after map[string]any) (out []FieldChange) {
	all := maps.Clone(before)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, after)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := name
		if path != "" {
			at = path + "." + name
		}
		out = append(out, diffValues(at, name, before[name], after[name])...)
	}
	return out
}

func diffValues(path, name string, before, after any) []FieldChange {
	if encode(before) == encode(after) {
		return nil
	}
	b, isObject := before.(map[string]any)
	a, both := after.(map[string]any)
	if (isObject || before == nil) && (both || after == nil) && (isObject || both) {
		return diffObjects(path, b, a)
	}
	bl, isList := before.([]any)
	al, both := after.([]any)
	if (isList || before == nil) && (both || after == nil) && (isList || both) {
		return diffLists(path, name, bl, al)
	}
	return []FieldChange{{Path: path, Before: before, After: after}}
}

func diffLists(path, name string, before, after []any) (out []FieldChange) {
	if len(before)+len(after) == 0 { // one of them was absent, the other is empty: it is managed from now on
		return nil
	}
	have, want := keyed(name, before), keyed(name, after)
	all := maps.Clone(have)
	maps.Copy(all, want)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		b, a := have[key], want[key]
		switch {
		case b == nil || a == nil:
			out = append(out, FieldChange{Path: path, Before: b, After: a, Element: true})
		case encode(b) != encode(a):
			out = append(out, diffObjects(fmt.Sprintf("%s[%s]", path, key), object(b), object(a))...)
		}
	}
	return out
}

// keyed are the elements of a list by what tells them apart.
func keyed(name string, list []any) map[string]any {
	out := make(map[string]any, len(list))
	for _, item := range list {
		out[keyOf(name, item)] = item
	}
	return out
}

func keyOf(name string, item any) string {
	members := keyMembers[name]
	m, ok := item.(map[string]any)
	if !ok || members == nil {
		return encode(item)
	}
	var parts []string
	for _, member := range members {
		parts = append(parts, plain(m[member]))
	}
	return strings.Join(parts, "/")
}

// plain is a value as people read it.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any:
		if t, ok := v["Hours"].(float64); ok && len(v) <= 2 {
			minutes, _ := v["Minutes"].(float64)
			return fmt.Sprintf("%02.0f:%02.0f", t, minutes)
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+": "+plain(v[name]))
		}
		return strings.Join(parts, ", ")
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, plain(item))
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v)
}
