package compare

import (
	"reflect"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// Align returns the resources of one instance with the ids that the resources of the same names have in another, so
// that the two can be compared. What the other lacks keeps its id.
func Align(resources, with []lanyard.Resource) []lanyard.Resource {
	known := map[lanyard.Ref]string{} // ids by type and key
	for _, r := range with {
		if r.Key() != "" {
			known[lanyard.Ref{Type: r.Type(), ID: r.Key()}] = r.Head().ID
		}
	}
	ids := map[string]string{}
	for _, r := range inOrder(resources) {
		key := r.Key()
		if parent, rest, ok := strings.Cut(key, "/"); ok && hasParent(r) && ids[parent] != "" {
			key = ids[parent] + "/" + rest
		}
		if id, ok := known[lanyard.Ref{Type: r.Type(), ID: key}]; ok && key != "" {
			ids[r.Head().ID] = id
		}
	}
	out := make([]lanyard.Resource, len(resources))
	for i, r := range resources {
		out[i] = lanyard.Clone(r)
		replaceIDs(reflect.ValueOf(out[i]).Elem(), ids)
	}
	return out
}

// hasParent reports whether the key of a resource begins with the id of another.
func hasParent(r lanyard.Resource) bool {
	return r.Type() == lanyard.TypeGroup || r.Type() == lanyard.TypeModuleAlias ||
		r.Type() == lanyard.TypeDataTableAttribute
}

// inOrder returns resources with those first whose ids are in the keys of others.
func inOrder(resources []lanyard.Resource) []lanyard.Resource {
	depth := func(r lanyard.Resource) int {
		switch r := r.(type) {
		case *lanyard.Group:
			return len(r.Path)
		case *lanyard.ModuleAlias, *lanyard.DataTableAttribute:
			return lanyard.MaxLevels + 1
		}
		return 0
	}
	out := slices.Clone(resources)
	slices.SortStableFunc(out, func(a, b lanyard.Resource) int { return depth(a) - depth(b) })
	return out
}

// replaceIDs replaces ids in all texts of a value but tags, which are not ids whatever they are equal to.
func replaceIDs(v reflect.Value, ids map[string]string) {
	switch v.Kind() {
	case reflect.String:
		text := v.String()
		if id, ok := ids[text]; ok {
			v.SetString(id)
		} else if module, number, ok := strings.Cut(text, ":"); ok { // of a version: see lanyard.ModuleVersionID
			if id, ok := ids[module]; ok {
				v.SetString(id + ":" + number)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			replaceIDs(v.Elem(), ids)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				replaceIDs(f, ids)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				replaceIDs(v.Index(i), ids)
			}
		}
	}
}
