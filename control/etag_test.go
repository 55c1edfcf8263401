package control_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/control"
)

// TestETagKnowsEverything changes whatever there is in a profile, one thing at a time, and adds and
// takes away: a state that shows as another's would let somebody's update be overwritten unseen.
func TestETagKnowsEverything(t *testing.T) {
	p := &lanyard.Profile{
		Meta:        lanyard.Meta{ID: "p", Name: "n", Tags: map[string]string{"a": "b"}, Modified: time.UnixMilli(1), Seq: 1},
		Description: "d", Permissions: []string{"x", "y"}, AccessTags: map[string]string{"c": "d"},
		TagRestricted: []string{"User"}, HierarchyRestricted: []string{"User"}, HierarchyGroup: "g",
		Applications: []lanyard.Application{{Namespace: "n", Permissions: []string{"ACCESS"}, Type: "MCP"}},
		FlowModules:  []lanyard.FlowModule{{Type: "MCP", ID: "f"}},
		AIAgents:     []lanyard.AllowedAIAgent{{ARN: "arn", Type: "THIRD_PARTY"}},
		DataTables:   []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "a", Values: []string{"v"}}},
		ModifiedBy:   lanyard.Actor{AccessKeyID: "k", User: "u"},
	}
	seen := map[string]string{control.ETag(p): "nothing"}
	check := func(what string) {
		tag := control.ETag(p)
		if before, ok := seen[tag]; ok {
			t.Errorf("a profile has the same ETag after a change of %s as after one of %s", what, before)
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
				t.Fatalf("the test's profile has no %s", path)
			}
			set(path+", none", v, reflect.Zero(v.Type()))
			set(path+", twice", v, reflect.AppendSlice(v.Slice(0, v.Len()), v))
			walk(path+"[0]", v.Index(0))
		case reflect.Map:
			set(path+", none", v, reflect.Zero(v.Type()))
			set(path+", other value", v, reflect.ValueOf(map[string]string{v.MapKeys()[0].String(): "other"}))
			set(path+", other key", v, reflect.ValueOf(map[string]string{"other": v.MapIndex(v.MapKeys()[0]).String()}))
		default:
			t.Errorf("the test does not know how to change %s", path)
		}
	}
	walk("", reflect.ValueOf(p).Elem())
	if leaves < 15 {
		t.Errorf("only %d things of a profile were changed", leaves)
	}

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
