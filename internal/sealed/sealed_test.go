package sealed

import (
	"bytes"
	"strings"
	"testing"
)

// A text opens in a box of the same secret and purpose, for the same scope, and unchanged.
func TestBox(t *testing.T) {
	box := Box{[]byte("secret"), "page"}
	data := []byte("where the next page begins")
	text := box.Seal(data, "list", "a")
	if again := box.Seal(data, "list", "a"); again != text {
		t.Errorf("sealed twice: %s and %s", text, again)
	}
	if strings.Contains(text, "=") || len(text) > (12+16+len(data))*4/3+1 {
		t.Errorf("the text %s has %d bytes", text, len(text))
	}
	changed := []byte(text)
	changed[len(changed)/2] ^= 1
	for _, tt := range []struct {
		name  string
		box   Box
		text  string
		scope []string
		ok    bool
	}{
		{"as it was", box, text, []string{"list", "a"}, true},
		{"another secret", Box{[]byte("other"), "page"}, text, []string{"list", "a"}, false},
		{"another purpose", Box{[]byte("secret"), "sign-in"}, text, []string{"list", "a"}, false},
		{"another scope", box, text, []string{"list", "b"}, false},
		{"a scope that joins alike", box, text, []string{"lista"}, false},
		{"without a scope", box, text, nil, false},
		{"changed", box, string(changed), []string{"list", "a"}, false},
		{"cut", box, text[:len(text)-2], []string{"list", "a"}, false},
		{"short", box, "AAAA", []string{"list", "a"}, false},
		{"empty", box, "", []string{"list", "a"}, false},
		{"padded", box, text + "=", []string{"list", "a"}, false},
		{"no base64", box, "?" + text, []string{"list", "a"}, false},
	} {
		got, ok := tt.box.Open(tt.text, tt.scope...)
		if ok != tt.ok || tt.ok && !bytes.Equal(got, data) {
			t.Errorf("%s: %q, %t", tt.name, got, ok)
		}
	}
	if got, ok := box.Open(box.Seal(nil)); !ok || len(got) != 0 {
		t.Errorf("nothing, sealed: %q, %t", got, ok)
	}
}

// NextTokens that were given out before this package was open still.
func TestGivenOutBefore(t *testing.T) {
	const text = "4Z8-TsjyuhvYoz_jUcZbQ4w0vFE0xCUtTNeKa2ObZTjDIMXzNGglaUNXC6E4"
	got, ok := Box{[]byte("secret"), "NextToken"}.Open(text, "ListUsers", "i")
	if !ok || string(got) != "\x00\x00\x00\x00\x6a\xb2\x8d\x00\x00\x00\x00\x00\x00\x00\x00\x037" {
		t.Errorf("%q, %t", got, ok)
	}
}
