package compact

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
)

// fill sets every member that v leads to, those of texts to their path.
func fill(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !v.Field(i).CanSet() {
				continue
			}
			name := path + "." + f.Name
			if f.Anonymous {
				name = path
			}
			fill(v.Field(i), name)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(`"canary:` + path + `;"`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, path+".key")
		fill(value, path+".value")
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("canary:" + path + ";")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	}
}

// sent are the texts of each type that may leave the server. Think twice before you add one: it is sent to every
// follower, and kept in their memory. All else of a resource, such as e-mail addresses, phone numbers, descriptions,
// settings and contents, must stay.
var sent = map[lanyard.Type][]string{
	lanyard.TypeInstance: {"Account", "ID"},
	lanyard.TypeProfile: {"AIAgents.ARN", "AIAgents.Type", "AccessTags.key", "AccessTags.value", "Applications.Namespace",
		"Applications.Permissions", "Applications.Type", "DataTables.Access", "DataTables.Attribute", "DataTables.Values",
		"FlowModules.ID", "FlowModules.Type", "HierarchyGroup", "HierarchyRestricted", "ID", "Name", "Permissions",
		"TagRestricted", "Tags.key", "Tags.value"},
	lanyard.TypeUser:    {"Group", "ID", "Name", "Profiles", "Tags.key", "Tags.value"},
	lanyard.TypeAIAgent: {"ID", "Name", "Profiles", "Tags.key", "Tags.value"},
	lanyard.TypeGroup:   {"ID", "Name", "Path", "Tags.key", "Tags.value"},
}

// plain is what leaves the server of all other types that decisions are about.
var plain = []string{"ID", "Name", "Tags.key", "Tags.value"}

// Nothing leaves the server but what is listed above, whatever members a type has or gets.
func TestSendsNothingElse(t *testing.T) {
	for _, kind := range lanyard.Types() {
		r := lanyard.New(kind)
		fill(reflect.ValueOf(r).Elem(), "")
		c, ok := Of(r)
		if ok != Needs(kind) {
			t.Errorf("%s: of a resource there is something (%v) although decisions need none, or the reverse", kind, ok)
		}
		if !ok {
			continue
		}
		text, err := Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, part := range strings.Split(string(text), "canary:.")[1:] {
			name, _, _ := strings.Cut(part, ";")
			found[name] = true
		}
		want := sent[kind]
		if want == nil {
			want = plain
		}
		if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
			t.Errorf("%s: sent are\n%q, want\n%q", kind, got, want)
		}
		checkReturns(t, r, c, text)
	}
}

// checkReturns checks that what is sent of a resource comes back.
func checkReturns(t *testing.T, r lanyard.Resource, c Resource, text []byte) {
	t.Helper()
	var read Resource
	if err := Decode(text, &read); err != nil {
		t.Fatal(err)
	}
	back, ok := read.Resource()
	if !ok || back.Type() != r.Type() {
		t.Fatalf("%s comes back as %T", r.Type(), back)
	}
	if again, _ := Of(back); !reflect.DeepEqual(again, c) {
		t.Errorf("%s: comes back as %+v, want %+v", r.Type(), again, c)
	}
}

// A change has the last state of each resource.
func TestChangeOf(t *testing.T) {
	queue := func(id, name string) lanyard.Change {
		return lanyard.Change{Type: lanyard.TypeQueue, ID: id, After: fmt.Appendf(nil, `{"ID":%q,"Name":%q,"Seq":3}`, id, name)}
	}
	gone := func(kind lanyard.Type, id string) lanyard.Change { return lanyard.Change{Type: kind, ID: id} }
	sent := func(id, name string) Resource {
		return Resource{Type: lanyard.TypeQueue, ID: id, Name: name, Seq: 3}
	}
	removed := func(kind lanyard.Type, id string) Resource { return Resource{Type: kind, ID: id, Removed: true} }
	user := func(name, mail string) *lanyard.User {
		return &lanyard.User{Meta: lanyard.Meta{ID: "u", Name: name}, Email: mail}
	}
	for _, tt := range []struct {
		name    string
		changes [][]lanyard.Change
		want    []Resource
	}{
		{"nothing", [][]lanyard.Change{nil, nil}, nil},
		{"twice", [][]lanyard.Change{{queue("a", "one"), queue("b", "x")}, {queue("a", "two")}},
			[]Resource{sent("a", "two"), sent("b", "x")}},
		{"made and removed", [][]lanyard.Change{{queue("a", "one")}, {gone(lanyard.TypeQueue, "a")}},
			[]Resource{removed(lanyard.TypeQueue, "a")}},
		{"the instance takes all", [][]lanyard.Change{{queue("a", "one")}, {gone(lanyard.TypeInstance, "i")}},
			[]Resource{removed(lanyard.TypeInstance, "i")}},
		{"what decides nothing", [][]lanyard.Change{{gone(lanyard.TypeClientToken, "t"),
			{Type: lanyard.TypeStructure, ID: "s", After: lanyard.JSON(`{}`)}}}, nil},
		{"another address", [][]lanyard.Change{{{Type: lanyard.TypeUser, ID: "u", After: lanyard.JSON(`{}`),
			Was: user("ada", "a@example.com"), Now: user("ada", "b@example.com")}}}, nil},
		{"another name", [][]lanyard.Change{{{Type: lanyard.TypeUser, ID: "u", After: lanyard.JSON(`{}`),
			Was: user("ada", ""), Now: user("eve", "")}}}, []Resource{{Type: lanyard.TypeUser, ID: "u", Name: "eve"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var events []lanyard.Event
			for i, changes := range tt.changes {
				events = append(events, lanyard.Event{Revision: int64(5 + i), Previous: []byte{byte(i)}, Hash: []byte{byte(i + 1)},
					Changes: changes})
			}
			got, err := ChangeOf(events)
			n := len(events)
			want := Change{From: Position{4, "\x00"}, To: Position{int64(4 + n), string(rune(n))}, Changes: tt.want}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("the change is %+v (%v), want %+v", got, err, want)
			}
		})
	}
	_, err := ChangeOf([]lanyard.Event{{Revision: 5, Changes: []lanyard.Change{{Type: lanyard.TypeQueue, ID: "a",
		After: lanyard.JSON(`{`)}}}})
	if err == nil || !strings.Contains(err.Error(), "revision 5") {
		t.Errorf("what cannot be read is %v", err)
	}
}

func FuzzPosition(f *testing.F) {
	for _, text := range []string{"", ".", "1.", "1." + strings.Repeat("ab", 32), "01." + strings.Repeat("ab", 32),
		"-1." + strings.Repeat("00", 32), "9223372036854775808." + strings.Repeat("00", 32), "1." + strings.Repeat("AB", 32)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p Position
		if p.UnmarshalText([]byte(text)) == nil && p.String() != strings.ToLower(text) {
			t.Errorf("%q is read as %v", text, p)
		}
	})
}

// What is written fast is what the tags of the members say.
func TestWritesAsTagged(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rapid.Make[Resource]().Draw(rt, "resource")
		if r.Type = lanyard.TypeProfile; rapid.Bool().Draw(rt, "user") {
			r = Resource{Type: lanyard.TypeUser, ID: r.ID, Removed: r.Removed, Name: r.Name, Seq: r.Seq, Tags: r.Tags,
				Account: r.Account, Profiles: r.Profiles, Group: r.Group, Path: r.Path}
		}
		want, err := Encode(Line{Put: &r})
		if got := AppendPut(nil, &r); err != nil || string(got) != string(want)+"\n" {
			rt.Fatalf("written is\n%s, want\n%s (%v)", got, want, err)
		}
		c := Change{From: Position{1, "a"}, To: Position{2, "b"},
			Changes: slices.Repeat([]Resource{r}, rapid.IntRange(0, 2).Draw(rt, "changes"))}
		want, err = Encode(c)
		if got := c.Append(nil); err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("a change is written as\n%s, want\n%s (%v)", got, want, err)
		}
	})
}

// Whatever is different makes resources different.
func TestEqual(t *testing.T) {
	full := func() *Resource {
		r := new(Resource)
		fill(reflect.ValueOf(r).Elem(), "")
		return r
	}
	if !full().equal(full()) {
		t.Error("a resource is not equal to its like")
	}
	seen := 0
	var alter func(find func(*Resource) reflect.Value, path string)
	alter = func(find func(*Resource) reflect.Value, path string) {
		if v := find(full()); v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				alter(func(r *Resource) reflect.Value { return find(r).Field(i) }, path+"."+v.Type().Field(i).Name)
			}
			return
		} else if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
			alter(func(r *Resource) reflect.Value { return find(r).Index(0) }, path)
		}
		other := full()
		find(other).SetZero()
		if seen++; full().equal(other) || other.equal(full()) {
			t.Errorf("a resource without %s is equal to one that has it", path)
		}
	}
	alter(func(r *Resource) reflect.Value { return reflect.ValueOf(r).Elem() }, "")
	if seen < 25 {
		t.Errorf("%d members were compared", seen)
	}
}
