package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
)

// newRedactor returns one with a configuration in YAML.
func newRedactor(t testing.TB, text string) *Redactor {
	t.Helper()
	var c Config
	err := yaml.Unmarshal([]byte(text), &c)
	if err == nil {
		err = c.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.key = []byte("0123456789abcdef")
	return r
}

func TestArguments(t *testing.T) {
	const doc = `{"order":{"id":"A-17","total":12.50,"gift":true,"note":null},"customer":{"email":"jane@example.com",` +
		`"password":"hunter2"},"tags":["a","b"]}`
	for _, tt := range []struct {
		name, config, doc, want string
	}{
		{"by default names and types", ``, doc, `{"order":{"id":"<string>","total":"<number>","gift":"<boolean>","note":null},` +
			`"customer":{"email":"<string>","password":"<string>"},"tags":["<string>","<string>"]}`},
		{"kept by path", `rules: [{keep: [$.order.id, "$.tags[1]"]}]`, doc,
			`{"order":{"id":"A-17","total":"<number>","gift":"<boolean>","note":null},` +
				`"customer":{"email":"<string>","password":"<string>"},"tags":["<string>","b"]}`},
		{"a whole object kept but for what is stricter", `rules: [{keep: [$.customer, $.order]}, {drop: [PassWord], mask: [$..gift]}]`,
			doc, `{"order":{"id":"A-17","total":12.50,"gift":"<boolean>","note":null},"customer":{"email":"jane@example.com"},` +
				`"tags":["<string>","<string>"]}`},
		{"kept by default", `{default: keep, rules: [{mask: [customer]}]}`, doc,
			`{"order":{"id":"A-17","total":12.50,"gift":true,"note":null},` +
				`"customer":{"email":"<string>","password":"<string>"},"tags":["a","b"]}`},
		{"the default of a rule", `rules: [{tool: other, default: keep}, {upstream: c?m, tool: get_*, default: drop, keep: [$.order.id]}]`,
			doc, `null`},
		{"elements", `rules: [{keep: ["$.tags[*]"], drop: ["$.order.*"]}]`, doc,
			`{"order":{},"customer":{"email":"<string>","password":"<string>"},"tags":["a","b"]}`},
		{"elements dropped", `rules: [{drop: ["$.tags[0]", customer, order]}]`, doc, `{"tags":["<string>"]}`},
		{"everything dropped", `rules: [{drop: [$]}]`, doc, `null`},
		{"names that are data", ``, `{"jane@example.com":1,"4111111111111111":2,"":3,"ok_1":4,"ünï":5}`,
			`{"<name 1>":"<number>","<name 2>":"<number>","<name 3>":"<number>","ok_1":"<number>","<name 4>":"<number>"}`},
		{"names that a rule names", `rules: [{mask: ["größe"]}]`, `{"größe":1,"grösse":2}`,
			`{"größe":"<number>","<name 1>":"<number>"}`},
		{"a member that is there twice", `rules: [{keep: [a]}]`, `{"a":"1","b":"2","a":"3","b":"4"}`,
			`{"a":"1","b":"<string>","a":"3","b":"<string>"}`},
		{"an escaped name", `{default: keep, rules: [{drop: [password]}]}`, `{"\u0070assword":"x","y":1}`, `{"y":1}`},
		{"no object", ``, `"secret"`, `"<string>"`},
		{"no JSON", `{default: keep}`, `{"a":"secret`, `"<not JSON>"`},
		{"JSON and more", `{default: keep}`, `{"a":1} secret`, `"<not JSON>"`},
		{"nothing", ``, ``, `null`},
		{"a deep one", ``, strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40),
			strings.Repeat(`[`, maxDepth) + `"<array>"` + strings.Repeat(`]`, maxDepth)},
		{"a long array", ``, `[` + strings.Repeat(`1,`, 99) + `1]`,
			`[` + strings.Repeat(`"<number>",`, maxElements) + `"<84 more>"]`},
		{"a long text", `{default: keep}`, `{"a":"` + strings.Repeat("é", 300) + `"}`, `{"a":"` + strings.Repeat("é", 128) + `…"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := newRedactor(t, tt.config).Arguments("crm", "get_order", lanyard.JSON(tt.doc))
			if got == nil {
				got = lanyard.JSON("null")
			}
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Equal values have equal hashes, which nobody computes without the key.
func TestHash(t *testing.T) {
	const rules = `rules: [{hash: [$.id]}]`
	r := newRedactor(t, rules)
	hash := func(r *Redactor, id string) string {
		return string(r.Arguments("u", "t", lanyard.JSON(`{"id":`+id+`}`)))
	}
	if a := hash(r, `"jane"`); a != hash(r, `"\u006aane"`) || a == hash(r, `"joe"`) || !regexp.MustCompile(
		`^\{"id":"hmac:[0-9a-f]{32}"\}$`).MatchString(a) {
		t.Errorf("the hash is %s", a)
	}
	if hash(r, `1.0`) != hash(r, `1`) || hash(r, `1`) == hash(r, `"1"`) || hash(r, `true`) == hash(r, `false`) {
		t.Error("numbers or booleans have other hashes")
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("another key, which is long enough"), 0o600); err != nil {
		t.Fatal(err)
	}
	var others [2]string
	for i := range others {
		c := Config{HashKeyFile: file}
		if err := yaml.Unmarshal([]byte(rules), &c); err != nil {
			t.Fatal(err)
		}
		other, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		others[i] = hash(other, `"jane"`)
	}
	if others[0] != others[1] || others[0] == hash(r, `"jane"`) {
		t.Errorf("with the key of a file: %q", others)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{HashKeyFile: file}); err == nil ||
		err.Error() != "hash-key-file must have 16 to 4096 bytes, got 5" {
		t.Errorf("a short key: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{`{default: none}`, `must be keep, hash, mask or drop, got "none"`},
		{`rules: [{keep: ["$.a["]}]`, `must be a path such as $.customer.email, $.items[*].price or $..password, got "$.a["`},
		{`rules: [{keep: ["a.b"]}]`, `must be the name of a member, or a path that begins with $, got "a.b"`},
		{`rules: [{keep: ["$x"]}]`, `must be a path such as`},
		{`rules: [{keep: ["$.a[-1]"]}]`, `must be a path such as`},
		{`rules: [{keep: ["$.a[?@.b]"]}]`, `must be a path such as`},
		{`rules: [{keep: [""]}]`, `must be a path of 1 to 512 bytes, got 0`},
		{`{max-size: 1MiB}`, `max-size must be 64B to 8KiB, got 1MiB`},
	} {
		var c Config
		err := yaml.Unmarshal([]byte(tt.yaml), &c)
		if err == nil {
			err = c.Check()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.yaml, err, tt.want)
		}
	}
}

// What is kept is bounded and JSON, whatever the size of the arguments.
func TestSize(t *testing.T) {
	for size := 64; size < 400; size += 7 {
		for _, doc := range []string{
			`{"a":` + strings.Repeat(`{"bcd":[1,"x",`, 20) + `1` + strings.Repeat(`]}`, 20) + `}`,
			`{` + strings.Repeat(`"name":"value",`, 200) + `"z":1}`,
			`[` + strings.Repeat(`["value",{"a":"b"}],`, 200) + `1]`,
			`"` + strings.Repeat("x", 1000) + `"`,
		} {
			got := newRedactor(t, fmt.Sprintf(`{max-size: %d, default: keep}`, size)).Arguments("u", "t", lanyard.JSON(doc))
			if len(got) > size || !json.Valid(got) {
				t.Fatalf("%d bytes may be kept of %s: %d are: %s", size, doc, len(got), got)
			}
		}
	}
}

// A node is a document with a secret in every value.
type node struct {
	members  []member
	elements []node
	text     string
}

type member struct {
	name  string
	value node
}

func (n node) write(b *bytes.Buffer) {
	switch {
	case n.members != nil:
		for i, m := range n.members {
			b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
			fmt.Fprintf(b, "%q:", m.name)
			m.value.write(b)
		}
		b.WriteString("}")
	case n.elements != nil:
		for i, e := range n.elements {
			b.WriteString(map[bool]string{true: "[", false: ","}[i == 0])
			e.write(b)
		}
		b.WriteString("]")
	default:
		fmt.Fprintf(b, "%q", n.text)
	}
}

// shown are the texts that may be seen: those at or below a place that keep names, and no other list does.
func (n node) shown(path []string, keep, hide map[string]bool, kept, hidden bool, into map[string]bool) {
	for i := range path { // a rule names the last parts of a path, or one part of it
		kept = kept || keep[path[i]]
		hidden = hidden || hide[strings.ToLower(path[i])]
	}
	if n.text != "" && kept && !hidden {
		into[n.text] = true
	}
	for _, m := range n.members {
		m.value.shown(append(append([]string{}, path...), m.name), keep, hide, kept, hidden, into)
	}
	for _, e := range n.elements {
		e.shown(path, keep, hide, kept, hidden, into)
	}
}

func drawNode(rt *rapid.T, depth int, next *int) node {
	kind := 0
	if depth < 4 {
		kind = rapid.IntRange(0, 2).Draw(rt, "kind")
	}
	n := node{}
	for range rapid.IntRange(1, 3).Draw(rt, "children") {
		switch kind {
		case 1:
			name := rapid.SampledFrom([]string{"a", "b", "c", "C", "d", "jane@x"}).Draw(rt, "name")
			n.members = append(n.members, member{name, drawNode(rt, depth+1, next)})
		case 2:
			n.elements = append(n.elements, drawNode(rt, depth+1, next))
		}
	}
	if kind == 0 {
		*next++
		n.text = fmt.Sprintf("secret%d.", *next)
	}
	return n
}

// What is seen of any document is what the rules keep and nothing else.
func TestOnlyWhatIsKept(t *testing.T) {
	secret := regexp.MustCompile(`secret[0-9]+\.`)
	rapid.Check(t, func(rt *rapid.T) {
		next := 0
		doc := drawNode(rt, 0, &next)
		names := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), rapid.ID[string])
		keep, hide := names.Draw(rt, "keep"), names.Draw(rt, "hide")
		list := rapid.SampledFrom([]string{"hash", "mask", "drop"}).Draw(rt, "list")
		text := fmt.Sprintf("{max-size: 8KiB, rules: [{keep: [%s]}, {%s: [%s]}]}", strings.Join(keep, ","), list,
			strings.Join(hide, ","))
		var b bytes.Buffer
		doc.write(&b)
		want, kept, hidden := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, name := range keep {
			kept[name] = true
		}
		for _, name := range hide {
			hidden[name] = true
		}
		doc.shown(nil, kept, hidden, false, false, want)
		got := newRedactor(t, text).Arguments("u", "t", b.Bytes())
		if got != nil && !json.Valid(got) {
			rt.Fatalf("%s is not JSON", got)
		}
		seen := map[string]bool{}
		for _, s := range secret.FindAllString(string(got), -1) {
			seen[s] = true
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			rt.Fatalf("%s of %s: %v are seen in %s, want %v", text, &b, seen, got, want)
		}
		if len(keep) == 0 && strings.Contains(string(got), "jane") {
			rt.Fatalf("a name that is data is seen in %s", got)
		}
	})
}

// Whatever the arguments, what is masked by default consists of placeholders and of names that are plain.
func FuzzMasked(f *testing.F) {
	for _, seed := range []string{`{"a":"secret","b":[1,true,null]}`, `{"a":{"a":{"a":"x"}}}`, `"\ud800"`, `[[[[1e400]]]]`,
		`{"a":"` + "\xff" + `"}`, `{"a":1,"a":2}`, `{"`, `1 2`, ` {} `, "\ufeff{}", `{"<string>":"<string>"}`} {
		f.Add([]byte(seed), uint16(1024))
	}
	placeholder := regexp.MustCompile(`^<(string|number|boolean|object|array|not JSON|[0-9]+ more|[0-9]+ bytes in all)>$`)
	name := regexp.MustCompile(`^(<name [0-9]+>|<more>|[A-Za-z_$][A-Za-z0-9_.-]*|[0-9.-][A-Za-z0-9_.-]*)$`)
	f.Fuzz(func(t *testing.T, doc []byte, size uint16) {
		size = max(64, size%(8<<10))
		got := newRedactor(t, fmt.Sprintf(`max-size: %d`, size)).Arguments("u", "t", doc)
		if len(got) > int(size) {
			t.Fatalf("%d bytes of %d: %s", len(got), size, got)
		}
		if len(doc) == 0 {
			return
		}
		dec := jsontext.NewDecoder(bytes.NewReader(got), jsontext.AllowDuplicateNames(true))
		for {
			token, err := dec.ReadToken()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("%v in %s", err, got)
			}
			kind, n := dec.StackIndex(dec.StackDepth())
			switch isName := kind == '{' && n%2 == 1; {
			case token.Kind() == '"' && isName && !name.MatchString(token.String()),
				token.Kind() == '"' && !isName && !placeholder.MatchString(token.String()),
				token.Kind() == '0', token.Kind() == 't', token.Kind() == 'f':
				t.Fatalf("%v is seen in %s", token, got)
			}
		}
	})
}

// keptBy adds the scalars of a document that may be seen when members called a are kept and those called b are not, as
// JSON writes them.
func keptBy(dec *jsontext.Decoder, kept, hidden bool, into map[string]bool) error {
	switch kind := dec.PeekKind(); kind {
	case '{', '[':
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
			name := ""
			if kind == '{' {
				token, err := dec.ReadToken()
				if err != nil {
					return err
				}
				name = token.String()
			}
			if err := keptBy(dec, kept || name == "a", hidden || strings.EqualFold(name, "b"), into); err != nil {
				return err
			}
		}
		_, err := dec.ReadToken()
		return err
	}
	v, err := dec.ReadValue()
	if err == nil && kept && !hidden {
		into[keep(v)] = true
	}
	return err
}

// Whatever the arguments, no value is seen that a rule masks, hashes or drops, or that no rule keeps.
func FuzzRules(f *testing.F) {
	for _, seed := range []string{`{"a":"x","b":"y"}`, `{"a":{"B":"x","c":[1,{"b":2}]},"b":{"a":"x"}}`, `{"a":1,"a":{"b":1}}`,
		`{"\u0061":"x","\u0042":"y"}`, `[{"a":["x"]},"y"]`, `{"a":"` + strings.Repeat("é", 200) + `"}`} {
		for action := range uint8(3) {
			f.Add([]byte(seed), action)
		}
	}
	marks := regexp.MustCompile(`^"(<.*>|hmac:[0-9a-f]{32})"$`)
	f.Fuzz(func(t *testing.T, doc []byte, action uint8) {
		list := []string{"hash", "mask", "drop"}[action%3]
		got := newRedactor(t, `{max-size: 8KiB, rules: [{keep: [a]}, {`+list+`: [b]}]}`).Arguments("u", "t", doc)
		options := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
		want := map[string]bool{}
		if err := keptBy(jsontext.NewDecoder(bytes.NewReader(doc), options...), false, false, want); err != nil {
			want = nil // it ends early, or is no JSON
		}
		dec := jsontext.NewDecoder(bytes.NewReader(got), options...)
		for {
			token, err := dec.ReadToken()
			if err != nil {
				return
			}
			kind, n := dec.StackIndex(dec.StackDepth())
			text := token.String()
			if token.Kind() == '"' {
				quoted, _ := jsontext.AppendQuote(nil, text)
				text = string(quoted)
			}
			switch token.Kind() {
			case '"', '0', 't', 'f':
				if isName := kind == '{' && n%2 == 1; !isName && !marks.MatchString(text) && want != nil && !want[text] {
					t.Fatalf("%s is seen in %s", text, got)
				}
			}
		}
	})
}

func BenchmarkArguments(b *testing.B) {
	r := newRedactor(b, `rules: [{upstream: crm, keep: [$.order.id], hash: [customer]}]`)
	doc := lanyard.JSON(`{"order":{"id":"A-17","total":12.5},"customer":"jane@example.com","lines":[{"sku":"x","n":1}]}`)
	b.ReportAllocs()
	for b.Loop() {
		r.Arguments("crm", "get_order", doc)
	}
}
