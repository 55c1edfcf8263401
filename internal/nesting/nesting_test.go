package nesting_test

import (
	"testing"

	"github.com/lanyard/lanyard/internal/nesting"
)

func TestExceeds(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       bool
	}{
		{"nothing", ``, false},
		{"as deep as it may", `{"a":[1,{}]}`, false},
		{"deeper", `{"a":[{"b":[]}]}`, true},
		{"many next to one another", `[{},{},{},{},[]]`, false},
		{"brackets in a text", `{"a":"[[[[{{{{"}`, false},
		{"after an escaped quotation mark", `{"a":"\"[[[[","b":[]}`, false},
		{"after a text that ends with a backslash", `{"a":"\\","b":[[[]]]}`, true},
		{"not JSON", `}}[[[[`, false},
		{"never closed", `[[[[`, true},
	} {
		if got := nesting.Exceeds([]byte(tt.body), 3); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
