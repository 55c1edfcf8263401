package control

import (
	"testing"

	"github.com/lanyard/lanyard"
)

// The types that are searched have fields to search by.
func TestSearchableTypes(t *testing.T) {
	for _, x := range lanyard.ResourceTypes() {
		if has := len(searchable[x.Type]) > 0; has != x.Searchable {
			t.Errorf("%s %s: has fields: %v, is searchable: %v", x.Name, x.Type, has, x.Searchable)
		}
	}
}
