package control_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// TestETagKnowsEverything: a state that shows as another's would let somebody's update be overwritten unseen.
func TestETagKnowsEverything(t *testing.T) {
	p := &lanyard.Profile{
		Meta:        lanyard.Meta{ID: "p", Name: "n", Tags: map[string]string{"a": "b"}, Modified: time.UnixMilli(1), Seq: 1},
		Description: "d", Permissions: []string{"x", "y"}, AccessTags: map[string]string{"c": "d"},
		TagRestricted: []string{"User"}, HierarchyRestricted: []string{"User"}, HierarchyGroup: "g",
		Applications: []lanyard.Application{{Namespace: "n", Permissions: []string{"ACCESS"}, Type: "MCP"}},
		FlowModules:  []lanyard.FlowModule{{Type: "MCP", ID: "f"}},
		AIAgents:     []lanyard.AllowedAIAgent{{ARN: "arn", Type: "THIRD_PARTY"}},
		DataTables:   []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "a", Values: []string{"v"}}},
		ModifiedBy:   lanyard.Actor{AccessKeyID: "k", User: "u", Agent: "a"},
	}
	check := knowsEverything(t, p, func() string { return control.ETag(p) }, 15)

	// What is between two texts belongs to one of them only.
	p.Name, p.Description = "nd", ""
	check("where the name ends")
	p.Name, p.Description = "n", "d"
	p.Permissions, p.TagRestricted = nil, []string{"x", "y", "User"}
	check("where a list ends")

	p.Permissions, p.TagRestricted = []string{}, nil
	tag := control.ETag(p)
	p.Permissions, p.TagRestricted, p.Seq = nil, []string{}, 9
	if control.ETag(p) != tag {
		t.Error("an empty list and none, or the order of creation, make another ETag")
	}
}

func TestUserETagKnowsEverything(t *testing.T) {
	u := &lanyard.User{
		Meta:      lanyard.Meta{ID: "u", Name: "n", Tags: map[string]string{"a": "b"}, Modified: time.UnixMilli(1), Seq: 1},
		FirstName: "f", LastName: "l", Email: "e", SecondaryEmail: "s", Mobile: "m", DirectoryUserID: "d",
		Profiles: []string{"p", "q"}, RoutingProfile: "r", Group: "g",
		Proficiencies: []lanyard.Proficiency{{Attribute: "Language", Value: "French", Level: 3}},
		Settings:      lanyard.Settings{"PhoneConfig": []byte(`{"PhoneType":"SOFT_PHONE"}`)},
	}
	knowsEverything(t, u, func() string { return control.UserETag(u) }, 12)

	u.Tags, u.Settings = map[string]string{}, lanyard.Settings{}
	tag := control.UserETag(u)
	u.Tags, u.Settings, u.Seq, u.Modified = nil, nil, 9, u.Modified.Add(time.Microsecond)
	if control.UserETag(u) != tag {
		t.Error("an empty map and none, the order of creation, or less than a millisecond make another ETag")
	}
}

// knowsEverything changes whatever there is in a resource, one thing at a time, and adds and takes away. It
// returns a check of one more change.
func knowsEverything(t *testing.T, resource any, etag func() string, atLeast int) (check func(what string)) {
	t.Helper()
	seen := map[string]string{etag(): "nothing"}
	check = func(what string) {
		tag := etag()
		if before, ok := seen[tag]; ok {
			t.Errorf("it has the same ETag after a change of %s as after one of %s", what, before)
		}
		seen[tag] = what
	}
	leaves := 0
	var walk func(path string, v reflect.Value)
	set := func(path string, v, to reflect.Value) {
		was := reflect.ValueOf(v.Interface())
		v.Set(to)
		check(path)
		v.Set(was)
	}
	walk = func(path string, v reflect.Value) {
		if v.Type() == reflect.TypeFor[time.Time]() {
			leaves++
			set(path, v, reflect.ValueOf(v.Interface().(time.Time).Add(time.Millisecond)))
			return
		}
		switch v.Kind() {
		case reflect.String:
			leaves++
			set(path, v, reflect.ValueOf(v.String()+"z").Convert(v.Type()))
			set(path+" to nothing", v, reflect.Zero(v.Type()))
		case reflect.Int:
			leaves++
			set(path, v, reflect.ValueOf(v.Int()+1).Convert(v.Type()))
		case reflect.Int64:
			if path != ".Meta.Seq" {
				t.Errorf("the test does not know how to change %s", path)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Slice:
			if v.Len() == 0 {
				t.Fatalf("the test's resource has no %s", path)
			}
			set(path+", none", v, reflect.Zero(v.Type()))
			set(path+", twice", v, reflect.AppendSlice(v.Slice(0, v.Len()), v))
			walk(path+"[0]", v.Index(0))
		case reflect.Map:
			set(path+", none", v, reflect.Zero(v.Type()))
			was, key, value := v.Interface(), v.MapKeys()[0], v.MapIndex(v.MapKeys()[0])
			text := reflect.ValueOf(`"other"`).Convert(v.Type().Elem())
			other := reflect.MakeMap(v.Type())
			other.SetMapIndex(key, text)
			set(path+", other value", v, other)
			other = reflect.MakeMap(v.Type())
			other.SetMapIndex(reflect.ValueOf("other"), value)
			set(path+", other key", v, other)
			v.Set(reflect.ValueOf(was))
		default:
			t.Errorf("the test does not know how to change %s", path)
		}
	}
	walk("", reflect.ValueOf(resource).Elem())
	if leaves < atLeast {
		t.Errorf("only %d things of it were changed", leaves)
	}
	return check
}
