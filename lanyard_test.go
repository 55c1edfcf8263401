package lanyard

import (
	"reflect"
	"strings"
	"testing"
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

func TestARN(t *testing.T) {
	const profile = "arn:aws:connect:us-east-1:123456789012:instance/i-1/security-profile/p-1"
	for _, tt := range []struct {
		in   string
		want ARN
		ok   bool
	}{
		{profile, ARN{"aws", "us-east-1", "123456789012", "i-1", TypeProfile, "p-1"}, true},
		{"arn:aws-us-gov:connect:us-gov-west-1:123456789012:instance/i-1", ARN{"aws-us-gov", "us-gov-west-1", "123456789012", "i-1", TypeInstance, ""}, true},
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

// A field that Clone forgets to copy deeply would let one caller change what another sees.
func TestCloneSharesNoSliceOrMap(t *testing.T) {
	for _, typ := range []Type{TypeInstance, TypeProfile, TypeUser, TypeStructure, TypeQueue, TypeRoutingProfile, TypeHours, TypeModule, TypeAIAgent, TypeClientToken} {
		r := New(typ)
		v := reflect.ValueOf(r).Elem()
		fill(v)
		c := reflect.ValueOf(Clone(r)).Elem()
		shares(t, string(typ), v, c)
	}
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Map:
			f.Set(reflect.MakeMap(f.Type()))
		case reflect.Struct:
			if f.Type().Name() == "Meta" {
				fill(f)
			}
		}
	}
}

func shares(t *testing.T, name string, a, b reflect.Value) {
	for i := range a.NumField() {
		switch f := a.Field(i); f.Kind() {
		case reflect.Slice, reflect.Map:
			if f.Pointer() == b.Field(i).Pointer() {
				t.Errorf("%s: a clone shares %s with the original", name, a.Type().Field(i).Name)
			}
		case reflect.Struct:
			if f.Type().Name() == "Meta" {
				shares(t, name, f, b.Field(i))
			}
		}
	}
}
