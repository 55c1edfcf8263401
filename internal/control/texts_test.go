package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
)

// unchecked are the strings of resources that texts leaves out, and why.
var unchecked = map[string]string{
	"ID":                                      "lanyard gives it, or it is the name too",
	"agent Group":                             "the id of a group",
	"agent Profiles[0]":                       "the id of a profile",
	"agent RoutingProfile":                    "the id of a routing profile",
	"agent-group Path[0]":                     "the id of a group",
	"ai-agent Profiles[0]":                    "the id of a profile",
	"client-token RequestHash":                "lanyard makes it",
	"client-token Result":                     "an id",
	"data-table Lock":                         "lanyard draws it",
	"data-table-attribute Lock":               "lanyard draws it",
	"data-table-attribute Table":              "the id of a data table",
	"flow-module Content":                     "a flow, which programs read",
	"flow-module Draft.Content":               "a flow",
	"flow-module-alias Module":                "the id of a flow module",
	"flow-module-version Content":             "a flow",
	"flow-module-version Module":              "the id of a flow module",
	"hierarchy-structure Levels[0].ID":        "lanyard gives it",
	"instance Account":                        "that of the key",
	"instance ClientToken":                    "nobody reads it",
	"instance Region":                         "that of the server",
	"instance RequestHash":                    "lanyard makes it",
	"operating-hours Parents[0]":              "the id of hours",
	"queue Hours":                             "the id of hours",
	"queue EmailAddresses[0]":                 "the id of an e-mail address",
	"queue QuickConnects[0]":                  "the id of a quick connect",
	"routing-profile DefaultQueue":            "the id of a queue",
	"routing-profile ManualQueues[0].Queue":   "the id of a queue",
	"routing-profile Queues[0].Queue":         "the id of a queue",
	"security-profile ModifiedBy.AccessKeyID": "lanyard notes it",
	"security-profile ModifiedBy.Agent":       "an ARN",
	"security-profile ModifiedBy.User":        "the id of a user",
	"data-table-row Cells.*":                  "the id of an attribute",
	"data-table-row Cells[].Lock":             "lanyard draws it",
	"data-table-row Lock":                     "lanyard draws it",
	"data-table-row Primary.*":                "the id of an attribute",
	"data-table-row Table":                    "the id of a data table",
	"Whole":                                   "an id",
	"Uses[0].Type":                            "a type",
	"Uses[0].ID":                              "an id",
	"transfer-destination Queue":              "the id of a queue",
	"transfer-destination User":               "the id of a user",
}

// TestTextsOfEveryType puts a control character into each string of each type of resource, and expects texts to have
// it. A new member with text fails until texts or unchecked has it.
func TestTextsOfEveryType(t *testing.T) {
	used := map[string]bool{}
	for _, typ := range lanyard.Types() {
		for _, path := range stringsOf(typ) {
			r := lanyard.New(typ)
			fill(reflect.ValueOf(r).Elem(), "", path)
			checked := slices.ContainsFunc(texts(r), func(x text) bool { return x.refuseForged() != nil })
			name := fmt.Sprintf("%s %s", typ, path)
			if _, ok := unchecked[name]; !ok && unchecked[path] != "" {
				name = path
			}
			why, left := unchecked[name]
			used[name] = true
			switch {
			case !checked && !left:
				t.Errorf("%s %s is not among the texts that are checked", typ, path)
			case checked && left:
				t.Errorf("%s %s is checked, though %s", typ, path, why)
			}
		}
	}
	for name := range unchecked {
		if !used[name] {
			t.Errorf("%q is no string of a resource", name)
		}
	}
}

// stringsOf lists the paths of the strings of a type, keys of maps too.
func stringsOf(typ lanyard.Type) []string {
	return fill(reflect.ValueOf(lanyard.New(typ)).Elem(), "", "")
}

// fill sets every string below v to a letter, but the one at bad to one that forges, and returns their paths. Lists
// and maps get one element.
func fill(v reflect.Value, path, bad string) (paths []string) {
	letter := func(path string) string {
		paths = append(paths, path)
		if path == bad {
			return "a\x1bb"
		}
		return "a"
	}
	below := func(v reflect.Value, path string) { paths = append(paths, fill(v, path, bad)...) }
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		raw, _ := json.Marshal(map[string]any{letter(path + ".*"): []any{map[string]string{"a": letter(path + ".a[0].a")}}})
		v.SetBytes(raw)
	case v.Kind() == reflect.String:
		v.SetString(letter(path))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		below(v.Elem(), path)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		below(v.Index(0), path+"[0]")
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		below(value, path+"[]")
		v.SetMapIndex(reflect.ValueOf(letter(path+".*")), value)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			switch {
			case v.Type().Field(i).Anonymous:
				below(v.Field(i), path)
			case path == "":
				below(v.Field(i), name)
			default:
				below(v.Field(i), path+"."+name)
			}
		}
	}
	return paths
}
