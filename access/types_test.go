package access

import (
	"testing"

	"github.com/lanyard/lanyard"
)

// Snapshots hold the types that the table says they do, and decisions know every type that it names.
func TestTypesAreNumbered(t *testing.T) {
	names := map[string]typeID{}
	for id, name := range typeNames {
		if typeID(id) != typeNone {
			names[name] = typeID(id)
		}
	}
	for _, x := range lanyard.ResourceTypes() {
		if _, held := kindOf[x.Type]; held != (x.Load > 0) {
			t.Errorf("%s %s: has a kind: %v, is loaded: %v", x.Name, x.Type, held, x.Load > 0)
		}
		asked := x.Name != "" && (!x.Stored() || x.Load > 0 || x.Bulk)
		if _, numbered := names[x.Name]; asked != numbered {
			t.Errorf("%s %s: is asked about: %v, is in typeNames: %v", x.Name, x.Type, asked, numbered)
		}
		delete(names, x.Name)
		if x.Decided && stored[typeOf(x.Name)] == kindFree {
			t.Errorf("%s is found under no kind", x.Name)
		}
	}
	for name, id := range names {
		t.Errorf("type %d, %q, is not in the table of types", id, name)
	}
}

// What narrows what decisions let through is a restriction of the catalogue. The others, which only change
// what the web site looks like, are named here, so that a new one is not overlooked.
func TestRestrictionsNarrow(t *testing.T) {
	want := restrictions()
	for _, name := range []string{"RequireEndContactConfirmation.Enabled", "RestrictPhoneTypeSettings.Access"} {
		want = want.without(placesOf(name))
	}
	var got permissions
	for _, n := range contactRestrictions() {
		got.add(n.by)
	}
	if got != want {
		t.Errorf("restrictions narrow %v, want %v", got, want)
	}
}

func placesOf(name string) (set permissions) {
	set.add(symbols[name].place)
	return set
}
