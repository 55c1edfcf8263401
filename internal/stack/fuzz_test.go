package stack

import (
	"context"
	"strings"
	"testing"
)

// A file that is no saved plan is an error, and one that is makes the same calls after being saved again.
func FuzzLoad(f *testing.F) {
	w := newWorld(f, "SAML")
	f.Cleanup(w.close)
	p, err := New(context.Background(), w.target(), w.read("t.yaml", header+profile("A", "One", "Permissions: [Users.View]")),
		Options{Stack: "test", NewStore: openMemory})
	if err != nil {
		f.Fatal(err)
	}
	saved, err := p.Save()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(saved)
	f.Add([]byte(strings.Replace(string(saved), "CreateSecurityProfile", "DeleteInstance", 1)))
	f.Add([]byte(`{"lanyardPlan":1}`))
	f.Add([]byte(`{"lanyardPlan":1,"plan":{"instance":"arn:aws:connect:r:123456789012:instance/x","calls":[{"operation":"DeleteUser"}]}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := Load(content, map[string]string{"Secret": "Hidden1x"})
		if err != nil {
			return
		}
		again, err := p.Save()
		if err != nil {
			t.Fatal(err)
		}
		second, err := Load(again, map[string]string{"Secret": "Hidden1x"})
		if err != nil {
			t.Fatalf("%v of\n%s", err, again)
		}
		if encode(any(p.Calls)) != encode(any(second.Calls)) {
			t.Errorf("other calls:\n%v\n%v", p.Calls, second.Calls)
		}
		_ = p.Describe(Call{})
		_ = p.Summary()
	})
}

// Lines show no more than they should, whatever is in values.
func FuzzCanonical(f *testing.F) {
	f.Add("Permissions", "Users.View", "Tags")
	f.Add("MaxContacts", "12", "Hours")
	f.Fuzz(func(t *testing.T, name, value, other string) {
		raw := map[string]any{name: []any{value, map[string]any{other: value, "Key": value, "Value": other}}, other: value}
		once := canonical(raw, nil)
		if twice := canonical(once, nil); encode(map[string]any(once)) != encode(map[string]any(twice)) {
			t.Errorf("not canonical:\n%v\n%v", once, twice)
		}
		if d := diff(once, once); len(d) > 0 {
			t.Errorf("differs from itself: %v", d)
		}
	})
}
