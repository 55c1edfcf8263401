package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What is read is what any other reader reads: one that takes the last of two names, one that ignores case.
func FuzzParseMessage(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":[1,{}]},"_meta":{"progressToken":1}}}`,
		`{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{"uri":"a:b"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		`{"jsonrpc":"2.0","id":1,"method":"m","Method":"n"}`, `{"jsonrpc":"2.0","id":1,"method":"m","method":"n"}`,
		`{"jsonrpc":"2.0","id":1,"method":"m","params":{"n\u0061me":"a"}}`, `{"jsonrpc":"2.0","id":1,"method":"m","params":{"NAME":"a"}}`,
		` { "jsonrpc" : "2.0" , "id" : 1.5e3 , "method" : "m" , "params" : { } } `, `[]`, `{}`, `{"jsonrpc":"2.0","id":1,"method":"\ud800"}`,
		`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a"}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(slices.Clone(b))
		if err != nil {
			return
		}
		var other struct {
			ID     json.RawMessage
			Method string
			Params struct {
				Name, URI, TaskID, RequestState string
				Meta                            struct{ ProgressToken json.RawMessage } `json:"_meta"`
				Ref                             struct{ Type, Name, URI string }
			}
		}
		// A method of another type than text is no message, but the parameters of unknown methods may have any type.
		if err := json.Unmarshal(b, &other); err != nil {
			t.Fatalf("another reader refuses %q: %v", b, err)
		}
		got := []string{m.method, m.name.value, m.uri.value, m.taskID.value, m.state.value,
			m.refType, m.refName.value, m.refURI.value}
		want := []string{other.Method, other.Params.Name, other.Params.URI, other.Params.TaskID, other.Params.RequestState,
			other.Params.Ref.Type, other.Params.Ref.Name, other.Params.Ref.URI}
		if !slices.Equal(got, want) {
			t.Fatalf("read %q of %q; another reads %q", got, b, want)
		}
		if m.id.there() && !bytes.Equal(m.raw(m.id), other.ID) {
			t.Fatalf("read id %q of %q; another reads %q", m.raw(m.id), b, other.ID)
		}
		if m.name.at.there() {
			again, err := parseMessage(splice(m.text, edit{m.name.at, quote("else")}))
			if err != nil || again.name.value != "else" || again.method != m.method {
				t.Fatalf("renamed %q: %v", b, err)
			}
		}
	})
}

// Whatever a header encodes is decoded to itself, and nothing else is taken for it.
func FuzzHeader(f *testing.F) {
	for _, seed := range []string{"", "sell", " padded ", "日本", "=?base64?c2VsbA==?=", "=?base64?", "a\x00b", "=?base64?!?=", "\t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if decoded, err := decodeHeader(s); err == nil && decoded != s {
			inner := strings.TrimSuffix(strings.TrimPrefix(s, base64Open), base64Close)
			if raw, err := base64.StdEncoding.DecodeString(inner); err != nil || string(raw) != decoded {
				t.Fatalf("%q decodes to %q", s, decoded)
			}
		}
		valid := strings.ToValidUTF8(s, "")
		decoded, err := decodeHeader(encodeHeader(valid))
		if err != nil || decoded != valid {
			t.Fatalf("%q encodes to %q, which decodes to %q, %v", valid, encodeHeader(valid), decoded, err)
		}
	})
}

// The reader of events holds no more than it may, and reads what is written.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{"data: {}\n\n", "event: message\nid: 1\ndata: a\ndata: b\n\n", ": x\r\n\r\n", "data", "retry: 5\n\n", "data:\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newEventReader(bytes.NewReader(b), 100)
		for {
			e, err := r.next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, errTooLarge) {
					t.Fatal(err)
				}
				return
			}
			if len(e.data) > 100+1024 {
				t.Fatalf("read %d bytes", len(e.data))
			}
		}
	})
}

func TestEventsAreReadAsWritten(t *testing.T) {
	text := []byte("{\"a\":\r\n1}")
	e, err := newEventReader(bytes.NewReader(appendEvent(nil, "s_1", text)), 1000).next()
	if err != nil || e.id != "s_1" || string(e.data) != `{"a":  1}` {
		t.Errorf("read %+v, %v", e, err)
	}
	flood := newEventReader(io.MultiReader(strings.NewReader("data: "), endless('x')), 1<<20)
	if _, err := flood.next(); !errors.Is(err, errTooLarge) {
		t.Errorf("a flood: %v", err)
	}
}

type endless byte

func (c endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name string
		want bool
	}{
		{"sell", true}, {"crm.sell-1_a/b", true}, {strings.Repeat("a", 128), true}, {strings.Repeat("a", 129), false}, {"", false},
		{"ѕell", false}, {"sell\u200b", false}, {"ｓell", false}, {"sell ", false}, {"se\x00ll", false}, {"sell\xff", false},
		{"prompts/x", false}, {"resources/x", false},
	} {
		if got := offered(tt.name); got != tt.want {
			t.Errorf("offered(%q) is %v", tt.name, got)
		}
	}
}

// No two pairs of upstream and name are one name.
func TestNamesAreUnambiguous(t *testing.T) {
	g := &Gateway{prefixed: true}
	for _, name := range []string{"a", "a-b", "ab", "b"} {
		g.upstreams = append(g.upstreams, &upstream{Upstream: Upstream{Name: name}})
	}
	for _, u := range g.upstreams {
		for _, inner := range []string{"x", "_x", "__x", "___x", "x___y", "b___x", "a"} {
			back, name, ok := g.byName(g.outerName(u, inner))
			if !ok || back != u || name != inner {
				t.Errorf("%s, %s: %q is read as %v, %s", u.Name, inner, g.outerName(u, inner), back, name)
			}
		}
		for _, inner := range []string{"x:y", "a+x:y", "a:b+c"} {
			back, uri, ok := g.byURI(g.outerURI(u, inner))
			if !ok || back != u || uri != inner {
				t.Errorf("%s, %s: %q is read as %v, %s", u.Name, inner, g.outerURI(u, inner), back, uri)
			}
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	ok := func(name string) Upstream { return Upstream{Name: name, URL: "http://x/mcp"} }
	for _, tt := range []struct {
		name      string
		upstreams []Upstream
		want      string
	}{
		{"none", nil, "number of Upstreams must be at least 1, got 0"},
		{"underscore", []Upstream{ok("a_b")}, "Upstreams[0].Name must be a letter, then letters, digits and single hyphens, at most 40 in all, got \"a_b\""},
		{"same name but for case", []Upstream{ok("crm"), ok("CRM")}, `Upstreams[1].Name must differ from "crm", got "CRM"`},
		{"same namespace", []Upstream{{Name: "a", Namespace: "x", URL: "http://x"}, {Name: "b", Namespace: "x", URL: "http://y"}},
			`Upstreams[1].Namespace must differ from that of "a", got "x"`},
		{"namespaces that look alike", []Upstream{{Name: "a", Namespace: "x", URL: "http://x"}, {Name: "b", Namespace: "ｘ", URL: "http://y"}},
			"Upstreams[1].Namespace must differ from that of \"a\", got \"ｘ\""},
		{"nothing to call", []Upstream{{Name: "a"}}, "Upstreams[0] must have exactly one of URL, Command and Local, got 0"},
		{"password", []Upstream{{Name: "a", URL: "http://user:secret@x"}}, `Upstreams[0].URL must be an http or https URL without user information, got "http://user:secret"`},
	} {
		c := Config{Upstreams: tt.upstreams, Authority: nobodyRules{}, Authenticator: nobodyRules{}}
		if err := c.check(); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

type nobodyRules struct {
	Authority
	Authenticator
}

func (nobodyRules) Challenge(*http.Request, *Right) string { return "" }
