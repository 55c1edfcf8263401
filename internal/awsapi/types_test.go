package awsapi

import (
	"strings"
	"testing"
)

// What an operation asks of the acting user, for a resource of a type, is a permission about the type.
func TestRightsAreAboutTheirTypes(t *testing.T) {
	for name, r := range rights {
		if stem, _, _ := strings.Cut(r.permission, "."); r.t != "" && stem != r.t.Stem() {
			t.Errorf("%s asks for %s of resources of type %s, whose permissions begin with %s", name, r.permission, r.t,
				r.t.Stem())
		}
		if r.member != "" && r.member != r.t.Member() {
			t.Errorf("%s reads the id of a %s from %s, want %s", name, r.t, r.member, r.t.Member())
		}
	}
}
