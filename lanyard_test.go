package lanyard

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestDefaultProfilesHoldOnlyCatalogueNames(t *testing.T) {
	want := map[string]int{"Admin": 322, "Agent": 2, "CallCenterManager": 66, "QualityAnalyst": 8}
	for _, p := range DefaultProfiles() {
		for _, name := range p.Permissions {
			if e, ok := LookupPermission(name); !ok || e.Restriction {
				t.Errorf("%s holds %s, which the catalogue does not know or which restricts its holder", p.Name, name)
			}
		}
		if got := len(p.Permissions); got != want[p.Name] {
			t.Errorf("%s holds %d permissions, want %d", p.Name, got, want[p.Name])
		}
	}
}

func TestCatalogue(t *testing.T) {
	var last string
	for _, p := range Permissions() {
		if p.Name <= last {
			t.Errorf("%s comes after %s: the catalogue is not sorted or repeats a name", p.Name, last)
		}
		last = p.Name
		if !IsPermissionName(p.Name) {
			t.Errorf("%s does not have the form of a permission name", p.Name)
		}
		switch p.Status {
		case "documented", "observed", "legacy", "renamed":
		default:
			t.Errorf("%s has the status %q", p.Name, p.Status)
		}
	}
	if len(Permissions()) != 330 {
		t.Errorf("the catalogue has %d names, want 330", len(Permissions()))
	}
}

func TestIsPermissionName(t *testing.T) {
	for name, want := range map[string]bool{
		"Users.View": true, "BasicAgentAccess": true, "A.B.C.D": true, "V2.Edit": true,
		"": false, ".": false, "Users.": false, ".View": false, "Users..View": false, "Users View": false,
		"connect:CreateUser": false, "Üsers.View": false, "2Users": false,
		strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
	} {
		if got := IsPermissionName(name); got != want {
			t.Errorf("IsPermissionName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestAgentARN(t *testing.T) {
	us := AgentARN{"aws", "us-east-1", "123456789012"}
	for _, tt := range []struct {
		in   string
		want AgentARN // zero for an error
	}{
		{"arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/b2", us},
		{"arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/b2:$LATEST", us},
		{"arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/b2:7", us},
		{"arn:aws-us-gov:wisdom:us-gov-west-1:123456789012:ai-agent/a1/b2", AgentARN{"aws-us-gov", "us-gov-west-1", "123456789012"}},
		{"arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1", AgentARN{}},
		{"arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/b2:$OTHER", AgentARN{}},
		{"arn:aws:wisdom:us-east-1:12345678901:ai-agent/a1/b2", AgentARN{}},
		{"arn:aws:connect:us-east-1:123456789012:ai-agent/a1/b2", AgentARN{}},
		{"arn:other:wisdom:us-east-1:123456789012:ai-agent/a1/b2", AgentARN{}},
		{" arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/b2", AgentARN{}},
		{"arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/b2\n", AgentARN{}},
		{"", AgentARN{}},
	} {
		got, err := ParseAgentARN(tt.in)
		if got != tt.want || (err != nil) != (tt.want == AgentARN{}) || err != nil && KindOf(err) != Invalid {
			t.Errorf("ParseAgentARN(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
	}
}

func TestARN(t *testing.T) {
	const profile = "arn:aws:connect:us-east-1:123456789012:instance/i-1/security-profile/p-1"
	for _, tt := range []struct {
		in   string
		want ARN
		ok   bool
	}{
		{profile, ARN{"aws", "us-east-1", "123456789012", "i-1", TypeProfile, "p-1"}, true},
		{"arn:aws-us-gov:connect:us-gov-west-1:123456789012:instance/i-1",
			ARN{"aws-us-gov", "us-gov-west-1", "123456789012", "i-1", TypeInstance, ""}, true},
		{in: ""}, {in: "arn:"}, {in: "arn:aws:connect"}, {in: "arn:gcp:connect:us-east-1:123456789012:instance/i"},
		{in: "arn:aws:s3:us-east-1:123456789012:instance/i"}, {in: "arn:aws:connect:us-east-1:12345678901x:instance/i"},
		{in: "arn:aws:connect:us-east-1:123456789012:queue/q"}, {in: "arn:aws:connect:us-east-1:123456789012:instance/"},
		{in: profile + "/more"}, {in: "arn:aws:connect:us-east-1:123456789012:instance/i/queue/"},
		{in: strings.Repeat("arn:aws:connect:", 100)},
	} {
		got, err := ParseARN(tt.in)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("ParseARN(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
		if err == nil && got.String() != tt.in {
			t.Errorf("ParseARN(%q).String() = %q", tt.in, got)
		}
		if err != nil && KindOf(err) != Invalid {
			t.Errorf("ParseARN(%q) fails with kind %v", tt.in, KindOf(err))
		}
	}
}

func FuzzParseARN(f *testing.F) {
	f.Add("arn:aws:connect:us-east-1:123456789012:instance/i-1/security-profile/p-1")
	f.Add("arn:aws:connect:us-east-1:123456789012:instance/i-1")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := ParseARN(s); err == nil && a.String() != s {
			t.Errorf("ParseARN(%q).String() = %q", s, a)
		}
	})
}

// Types lists every constant of type Type that is declared anywhere in the package.
func TestTypesAreAllListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := Types()
	declared := 0
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Type" || len(spec.Values) == 0 {
				return true
			}
			value, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			declared++
			if r := New(Type(value)); r == nil || r.Type() != Type(value) || !slices.Contains(listed, Type(value)) {
				t.Errorf("%s declares type %q; New returns %T, and Types lists %v", name, value, r, listed)
			}
			return true
		})
	}
	if declared != len(listed) {
		t.Errorf("%d types are declared, %d are listed", declared, len(listed))
	}
}

// A field that Clone forgets to copy deeply would let one caller change what another sees.
func TestCloneSharesNothing(t *testing.T) {
	for _, typ := range Types() {
		r := New(typ)
		fill(t, string(typ), reflect.ValueOf(r).Elem())
		before, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		c := Clone(r)
		if !reflect.DeepEqual(r, c) {
			t.Errorf("%s: the clone is %+v, want %+v", typ, c, r)
		}
		spoil(reflect.ValueOf(c).Elem())
		if after, err := json.Marshal(r); err != nil || string(after) != string(before) {
			t.Errorf("%s: a change of the clone turns the original from\n%s\ninto\n%s, %v", typ, before, after, err)
		}
		if empty := New(typ); !reflect.DeepEqual(Clone(empty), empty) {
			t.Errorf("%s: the clone of an empty one is %+v", typ, Clone(empty))
		}
	}
}

// fill gives everything below v a value, in slices, maps and behind pointers too. What it cannot
// fill, Clone cannot be known to copy.
func fill(t *testing.T, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.Unix(1, 0).UTC()
			return
		}
		for i := range v.NumField() {
			fill(t, name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`"raw"`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 3))
		for i := range v.Len() {
			fill(t, name+"[]", v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, name+" key", key)
		fill(t, name+" value", value)
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, name, v.Elem())
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	default:
		t.Fatalf("%s is a %s, which this test cannot fill", name, v.Kind())
	}
}

// spoil changes in place everything that a copy of v's own memory would share.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if _, ok := v.Addr().Interface().(*time.Time); ok {
			return
		}
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			copy(v.Bytes(), `"bad"`)
			return
		}
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			spoil(value)
			v.SetMapIndex(key, value)
		}
		if key := reflect.New(v.Type().Key()).Elem(); key.Kind() == reflect.String {
			v.SetMapIndex(key, reflect.Zero(v.Type().Elem()))
		}
	case reflect.Pointer:
		spoil(v.Elem())
	case reflect.String:
		v.SetString("spoiled")
	case reflect.Bool:
		v.SetBool(false)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(8)
	case reflect.Float64:
		v.SetFloat(8)
	}
}

func BenchmarkClone(b *testing.B) {
	p := DefaultProfiles()[0]
	r := &Profile{Meta: Meta{ID: p.Name, Tags: map[string]string{"a": "b"}}, Permissions: p.Permissions[:60],
		AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"User", "Queue"},
		Applications: []Application{{Namespace: "orders", Permissions: []string{"ACCESS"}}, {Namespace: "gateway"}},
		FlowModules:  []FlowModule{{ID: "m"}}, DataTables: []AttributeRule{{Values: []string{"team"}}}}
	b.ReportAllocs()
	for b.Loop() {
		Clone(r)
	}
}
