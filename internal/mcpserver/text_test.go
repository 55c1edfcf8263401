package mcpserver

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
)

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// What is quoted stays in its quotes, on one line and visible, whatever it says; words that need no quotes are of the
// server's own.
func TestQuotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + rapid.SampledFrom([]string{"", `"`, `\`, "\n", "\u202e", "\U000e0041",
			"\x00", "\xff"}).Draw(t, "end")
		for _, got := range []string{quote(text), word(text)} {
			_, known := lanyard.LookupPermission(text)
			if known || lanyard.IsID(text) || typeNames[text] {
				continue
			}
			if rest := quoted.ReplaceAllString(got, ""); rest != "" {
				t.Fatalf("%q is shown as %s, of which %q is outside of quotes", text, got, rest)
			}
			if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				t.Fatalf("%q is shown as %q", text, got)
			}
		}
	})
}

// A copy is safe, all the way down, and what it was made of is as before.
func TestClean(t *testing.T) {
	bad, good := "a\u202eb\n\x1b", `a\u202eb\n\x1b`
	type inner struct {
		Named
		Text  string
		Token token
	}
	type outer struct {
		List    []string
		Inner   []inner
		Pointer *inner
		Absent  *inner
		Map     map[string]string
		Number  int
		Yes     bool
	}
	make := func(text string) outer {
		in := inner{Named{text, text}, text, token(bad)}
		return outer{[]string{text}, []inner{in}, &in, nil, map[string]string{text: text}, 7, true}
	}
	from := make(bad)
	if got := clean(from); !reflect.DeepEqual(got, make(good)) {
		t.Errorf("clean = %+v, want %+v", got, make(good))
	}
	if !reflect.DeepEqual(from, make(bad)) {
		t.Error("clean changes what it is given")
	}
	if b, err := json.Marshal(clean(outer{})); err != nil ||
		string(b) != `{"List":[],"Inner":[],"Pointer":null,"Absent":null,"Map":{},"Number":0,"Yes":false}` {
		t.Errorf("an empty answer is %s, %v", b, err)
	}
	long := clean(outer{List: []string{strings.Repeat("é", maxString)}}).List[0]
	if len(long) > maxString+10 {
		t.Errorf("a long text has %d bytes", len(long))
	}
}

// No answer is larger than its bounds, whatever it has.
func TestBounds(t *testing.T) {
	long := strings.Repeat("x", maxString+1)
	var profiles []Named
	for range 100 {
		profiles = append(profiles, Named{long, long})
	}
	out := clean(userOut{User: Named{"u", "u"}, Profiles: profiles})
	if text := textOf(out); len(text) > maxText+300 || !strings.Contains(text, "\n(Shortened: ") ||
		!strings.HasSuffix(text, dataNote) {
		t.Errorf("the text has %d bytes and ends with %q", len(text), text[len(text)-300:])
	}
	if !tooLarge(out) {
		t.Error("an answer of 400 KB is not too large")
	}
	out.Profiles = out.Profiles[:10]
	if text := textOf(out); tooLarge(out) || len(text) > maxText+300 {
		t.Errorf("an answer of 40 KB is too large, or its text is, with %d bytes", len(text))
	}
	out.Profiles = out.Profiles[:1]
	if text := textOf(out); strings.Contains(text, "Shortened") {
		t.Errorf("a short answer is shortened: %s", text)
	}
}
