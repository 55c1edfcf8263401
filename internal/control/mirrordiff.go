package control

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// MirrorTypes returns the types of resources that a mirror has, those that others refer to before those that refer to
// them. So they are stored; they are deleted the other way round.
func MirrorTypes() []lanyard.Type {
	return []lanyard.Type{lanyard.TypeStructure, lanyard.TypeGroup, lanyard.TypeProfile, lanyard.TypeHours,
		lanyard.TypeQuickConnect, lanyard.TypeQueue, lanyard.TypeRoutingProfile, lanyard.TypeUser, lanyard.TypeAIAgent,
		lanyard.TypeModule, lanyard.TypeModuleVersion, lanyard.TypeModuleAlias, lanyard.TypeDataTable,
		lanyard.TypeDataTableAttribute}
}

func mirrors(t lanyard.Type) bool { return slices.Contains(MirrorTypes(), t) }

// A MirrorDiff is what a copy changes of a mirror, in the order in which it is stored.
type MirrorDiff struct {
	Put    []lanyard.Resource
	Delete []lanyard.Ref
	// Notes are sentences about what could not be stored as it is at the source.
	Notes []string

	stored  map[lanyard.Type]int // how many there are
	deleted map[lanyard.Type]int
}

// A MirrorRead is what was read of a source, and how.
type MirrorRead struct {
	Resources []lanyard.Resource
	// Complete says that the source was asked for what takes calls for each user and flow module version; otherwise that
	// stays as it is.
	Complete bool
	Began    time.Time
}

// CompareMirror compares the resources of a mirror with those that were read at its source.
func CompareMirror(stored []lanyard.Resource, read MirrorRead) *MirrorDiff {
	d := &MirrorDiff{stored: map[lanyard.Type]int{}, deleted: map[lanyard.Type]int{}}
	have := make(map[lanyard.Ref]lanyard.Resource, len(stored))
	for _, r := range stored {
		have[refOf(r)] = r
		d.stored[r.Type()]++
	}
	source := d.storable(read.Resources)
	wanted := make(map[lanyard.Ref]bool, len(source))
	for _, r := range source {
		wanted[refOf(r)] = true
		old := have[refOf(r)]
		keepUnrevealed(old, r, read.Complete)
		if old == nil || !same(old, r) {
			if !revealsModified(r.Type()) {
				r.Head().Modified = read.Began
			}
			d.Put = append(d.Put, r)
		}
	}
	d.freeNames(stored)
	order := MirrorTypes()
	slices.SortStableFunc(d.Put, func(a, b lanyard.Resource) int {
		return slices.Index(order, a.Type()) - slices.Index(order, b.Type())
	})
	slices.Reverse(order)
	for _, t := range order {
		for _, r := range slices.Backward(stored) {
			if r.Type() == t && !wanted[refOf(r)] {
				d.Delete = append(d.Delete, refOf(r))
				d.deleted[t]++
			}
		}
	}
	return d
}

func refOf(r lanyard.Resource) lanyard.Ref { return lanyard.Ref{Type: r.Type(), ID: r.Head().ID} }

// Empty reports whether nothing differs.
func (d *MirrorDiff) Empty() bool { return len(d.Put)+len(d.Delete) == 0 }

// leastSuspicious is how many resources of a type a copy may delete whatever their share is.
const leastSuspicious = 20

// Suspicious returns why a difference may be a mistake, or "": it deletes more than half of the resources of a type. A
// policy that shows less than before does that, as well as a source that answers nonsense.
func (d *MirrorDiff) Suspicious() string {
	for _, t := range MirrorTypes() {
		if n := d.deleted[t]; n > leastSuspicious && 2*n > d.stored[t] {
			return fmt.Sprintf("%d of %d %s", n, d.stored[t], t.Plural())
		}
	}
	return ""
}

// revealsModified reports whether a source says when resources of a type were last changed.
func revealsModified(t lanyard.Type) bool {
	return t != lanyard.TypeModule && t != lanyard.TypeModuleVersion && t != lanyard.TypeAIAgent
}

// keepUnrevealed completes a resource with what the source does not reveal, as it is stored.
func keepUnrevealed(old, r lanyard.Resource, complete bool) {
	if old == nil {
		return
	}
	r.Head().Seq = old.Head().Seq
	if !revealsModified(r.Type()) {
		r.Head().Modified = old.Head().Modified
	}
	switch old := old.(type) {
	case *lanyard.Profile:
		r.(*lanyard.Profile).ModifiedBy = old.ModifiedBy
	case *lanyard.User:
		if u := r.(*lanyard.User); !complete {
			u.Email, u.SecondaryEmail, u.Mobile, u.Proficiencies = old.Email, old.SecondaryEmail, old.Mobile, old.Proficiencies
		}
	case *lanyard.Module:
		m := r.(*lanyard.Module)
		if m.LastVersion = max(m.LastVersion, old.LastVersion); !complete {
			m.Draft = old.Draft
		}
	case *lanyard.ModuleVersion:
		if v := r.(*lanyard.ModuleVersion); !complete {
			v.Content, v.ExternalInvocation, v.Settings = old.Content, old.ExternalInvocation, old.Settings
		}
	}
}

// same reports whether two resources are stored as the same document.
func same(a, b lanyard.Resource) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, failed := laxjson.Marshal(a)
	y, err := laxjson.Marshal(b)
	return failed == nil && err == nil && bytes.Equal(x, y)
}

// storable returns copies of resources that can be stored: with texts that forge nothing, and with names that are
// unique.
func (d *MirrorDiff) storable(source []lanyard.Resource) []lanyard.Resource {
	out := make([]lanyard.Resource, len(source))
	names, cleaned := map[string]bool{}, 0
	for i, r := range source {
		r = lanyard.Clone(r)
		if cleanTexts(r) {
			cleaned++
		}
		if key := r.Key(); key != "" {
			if names[string(r.Type())+"\x00"+key] {
				d.Notes = append(d.Notes, fmt.Sprintf("the name of %s %q is that of another one at the source; the id was added",
					r.Type().Word(), r.Head().ID))
				r.Head().Name += " (" + r.Head().ID + ")"
			}
			names[string(r.Type())+"\x00"+r.Key()] = true
		}
		out[i] = r
	}
	if cleaned > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%d resources have control characters in their texts, which were replaced", cleaned))
	}
	return out
}

// freeNames puts, before all else, another name for each resource whose name goes to a different one: names are unique
// at any time.
func (d *MirrorDiff) freeNames(stored []lanyard.Resource) {
	takes := map[string]lanyard.Ref{}
	for _, r := range d.Put {
		if r.Key() != "" {
			takes[string(r.Type())+"\x00"+r.Key()] = refOf(r)
		}
	}
	var first []lanyard.Resource
	for _, r := range stored {
		ref, ok := takes[string(r.Type())+"\x00"+r.Key()]
		if !ok || ref == refOf(r) {
			continue
		}
		free := lanyard.Clone(r)
		free.Head().Name += " (" + free.Head().ID + ", being renamed or deleted)"
		first = append(first, free)
	}
	d.Put = append(first, d.Put...)
}

// cleanTexts replaces characters of texts that would forge what shows them, and reports whether there were any.
func cleanTexts(r lanyard.Resource) bool {
	if !slices.ContainsFunc(texts(r), func(t text) bool { return t.refuseForged() != nil }) {
		return false
	}
	prose := map[string]bool{"Description": true, "Content": true}
	cleanValue(reflect.ValueOf(r).Elem(), func(name string) func(rune) rune {
		return func(c rune) rune {
			if forges(c) && !(prose[name] && breaksLine(c)) {
				return '\ufffd'
			}
			return c
		}
	}, "")
	return true
}

// cleanValue replaces characters in all texts of a value.
func cleanValue(v reflect.Value, replace func(name string) func(rune) rune, name string) {
	clean := func(s string) string { return strings.Map(replace(name), s) }
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			cleanValue(v.Elem(), replace, name)
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(clean(v.String()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			cleanValue(v.Field(i), replace, v.Type().Field(i).Name)
		}
	case reflect.Slice:
		for i := range v.Len() {
			cleanValue(v.Index(i), replace, name)
		}
	case reflect.Map:
		cleanMap(v, clean)
	}
}

// cleanMap replaces characters in tags, attributes and settings. Keys may become the same: so that this does not change
// from one copy to the next, maps are gone through in the order of their keys.
func cleanMap(v reflect.Value, clean func(string) string) {
	switch m := v.Interface().(type) {
	case map[string]string:
		for _, k := range slices.Sorted(maps.Keys(m)) {
			value := m[k]
			delete(m, k)
			m[clean(k)] = clean(value)
		}
	case lanyard.Settings:
		for _, k := range slices.Sorted(maps.Keys(m)) {
			var value any
			if json.Unmarshal(m[k], &value) != nil {
				continue
			}
			delete(m, k)
			b, err := json.Marshal(cleanJSON(value, clean), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
			if err == nil {
				m[clean(k)] = b
			}
		}
	}
}

func cleanJSON(v any, clean func(string) string) any {
	switch v := v.(type) {
	case string:
		return clean(v)
	case []any:
		for i := range v {
			v[i] = cleanJSON(v[i], clean)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			value := v[k]
			delete(v, k)
			v[clean(k)] = cleanJSON(value, clean)
		}
	}
	return v
}
