package subject

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

var (
	now    = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	key    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	other  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	keys   = []PublicKey{Publish(other), Publish(key)}
	millis = float64(now.UnixMilli())
	claire = access.Subject{ID: "claire"}
	paris  = access.Query{Action: "Queues.View", Resource: access.Resource{Type: "Queue", ID: "paris"}}
)

// rights are those of a subject in a small instance.
func rights(t testing.TB, sub access.Subject) access.Rights {
	t.Helper()
	s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}},
		&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "France"}, Permissions: []string{"Queues.View", "Users.View"},
			AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"Queue"},
			Applications: []lanyard.Application{{Namespace: "gw", Permissions: []string{"book"}, Type: "MCP"}}},
		&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "claire"}, Profiles: []string{"p"}},
		&lanyard.AIAgent{Meta: lanyard.Meta{ID: "arn:agent"}, Profiles: []string{"p"}},
		&lanyard.Queue{Meta: lanyard.Meta{ID: "paris", Name: "Paris", Tags: map[string]string{"Country": "FR"}}})
	if err != nil {
		t.Fatal(err)
	}
	r, ok := s.RightsOf(sub)
	if !ok {
		t.Fatalf("%+v has no rights", sub)
	}
	return r
}

// sign returns a snapshot of a subject that is valid for five minutes from now on.
func sign(t testing.TB, sub access.Subject, change func(*Claims)) []byte {
	t.Helper()
	c := Claims{Issued: now.Unix(), Expires: now.Add(5 * time.Minute).Unix(), Rights: rights(t, sub)}
	if change != nil {
		change(&c)
	}
	b, err := Sign(key, &c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// resign returns a snapshot with another header or payload, signed well.
func resign(t testing.TB, text []byte, change func(head, payload map[string]any)) []byte {
	t.Helper()
	parts := strings.Split(string(text), ".")
	var both [2]map[string]any
	for i := range both {
		b, err := encoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &both[i]); err != nil {
			t.Fatal(err)
		}
	}
	change(both[0], both[1])
	for i := range both {
		b, err := json.Marshal(both[i])
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = encoding.EncodeToString(b)
	}
	signed := parts[0] + "." + parts[1]
	return []byte(signed + "." + encoding.EncodeToString(ed25519.Sign(key, []byte(signed))))
}

func TestOpen(t *testing.T) {
	good := sign(t, claire, nil)
	assisting := access.Subject{Type: access.AIAgent, ID: "arn:agent", Human: "claire"}
	agent := access.Subject{Type: access.AIAgent, ID: "arn:agent"}
	for _, tt := range []struct {
		name   string
		text   []byte
		want   Expected
		at     time.Time
		reason string // "" for none
		says   string
	}{
		{"as it was signed", good, Expected{"i", claire}, now, "", ""},
		{"by id", good, Expected{"i", access.Subject{ID: "u"}}, now, "", ""},
		{"of anybody", good, Expected{}, now, "", ""},
		{"of an agent", sign(t, agent, nil), Expected{"i", agent}, now, "", ""},
		{"of an agent that assists", sign(t, assisting, nil), Expected{"i", assisting}, now, "", ""},
		{"just before it expires", good, Expected{}, now.Add(5*time.Minute - time.Millisecond), "", ""},
		{"by a clock that is a little slow", good, Expected{}, now.Add(-4 * time.Minute), "", ""},

		{"nothing", nil, Expected{}, now, ReasonMissing, "there is no subject snapshot"},
		{"expired", good, Expected{}, now.Add(5 * time.Minute), ReasonExpired,
			"expired at 2026-11-30T12:05:00Z and it is 2026-11-30T12:05:00Z"},
		{"of the future", good, Expected{}, now.Add(-6 * time.Minute), ReasonEarly, "the clock says 2026-11-30T11:54:00Z"},
		{"valid for too long", sign(t, claire, func(c *Claims) { c.Expires = c.Issued + 3601 }), Expected{}, now, ReasonInvalid,
			"must expire within 1h0m0s"},
		{"of another instance", good, Expected{Instance: "j"}, now, ReasonInstance, `must be "j", got "i"`},
		{"of another user", good, Expected{Subject: access.Subject{ID: "olivia"}}, now, ReasonSubject,
			`must be of user "olivia", got that of user "u"`},
		{"of a user with the id of an agent", good, Expected{Subject: access.Subject{Type: access.AIAgent, ID: "u"}}, now,
			ReasonSubject, `must be of AI agent "u"`},
		{"of the agent alone", sign(t, agent, nil), Expected{Subject: assisting}, now, ReasonSubject,
			`must be of AI agent "arn:agent" assisting user "claire", got that of AI agent "arn:agent"`},
		{"of the agent that assists", sign(t, assisting, nil), Expected{Subject: agent}, now, ReasonSubject, "assisting user"},
		{"of another key", func() []byte {
			c := Claims{Issued: now.Unix(), Expires: now.Unix() + 60, Rights: rights(t, claire)}
			b, _ := Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), &c)
			return b
		}(), Expected{}, now, ReasonKey, "is not among the server's"},
		{"of a key under another's id", resign(t, good, func(head, _ map[string]any) { head["kid"] = Publish(other).ID }),
			Expected{}, now, ReasonForged, "forged or truncated"},
		{"without a signature", []byte(strings.Join(strings.Split(string(good), ".")[:2], ".") + "."), Expected{}, now,
			ReasonForged, "forged or truncated"},
		{"of no algorithm", resign(t, good, func(head, _ map[string]any) { head["alg"] = "none" }), Expected{}, now,
			ReasonInvalid, "must say alg EdDSA"},
		{"of another type", resign(t, good, func(head, _ map[string]any) { head["typ"] = "JWT" }), Expected{}, now,
			ReasonInvalid, "typ lanyard-subject+jws"},
		{"with a critical header", resign(t, good, func(head, _ map[string]any) { head["crit"] = []string{"b64"} }),
			Expected{}, now, ReasonInvalid, "header"},
		{"of another version", resign(t, good, func(_, p map[string]any) { p["v"] = 2; p["new"] = "?" }), Expected{}, now,
			ReasonInvalid, "must be 1, got 2; update"},
		{"with an unknown member", resign(t, good, func(_, p map[string]any) { p["new"] = "?" }), Expected{}, now,
			ReasonInvalid, "cannot be read"},
		{"with a profile that is missing", resign(t, good, func(_, p map[string]any) {
			p["Rights"].(map[string]any)["Profiles"] = []any{}
		}), Expected{}, now, ReasonInvalid, `SecurityProfile "p" does not exist`},
		{"of nobody", resign(t, good, func(_, p map[string]any) { p["Rights"].(map[string]any)["Holders"] = []any{} }),
			Expected{}, now, ReasonInvalid, "Holders must be a user"},
		{"too large", bytes.Repeat([]byte("a"), MaxSnapshot+1), Expected{}, now, ReasonInvalid, "at most 2097152 bytes"},
		{"with more behind", append(bytes.Clone(good), ".x"...), Expected{}, now, ReasonInvalid, "must have 3 parts, got 4"},
		{"with a line break", append(bytes.Clone(good), '\n'), Expected{}, now, ReasonInvalid, "part 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(tt.text, keys, tt.want, tt.at)
			var f *Fault
			if tt.reason == "" {
				if err != nil || !s.Decide(&paris).Allow {
					t.Fatalf("it is of no use: %v", err)
				}
			} else if !errors.As(err, &f) || f.Reason != tt.reason || !strings.Contains(f.Text, tt.says) {
				t.Fatalf("it is refused with %#v, want %s: %s", err, tt.reason, tt.says)
			}
			checkHost(t, tt.text, tt.want, tt.at, tt.reason)
		})
	}
}

// checkHost asks a Host, which must deny everything by a snapshot that is of no use, and say why.
func checkHost(t *testing.T, text []byte, want Expected, at time.Time, reason string) {
	t.Helper()
	var h Host
	ms := float64(at.UnixMilli())
	request, err := json.Marshal(&LoadRequest{Snapshot: string(text), Keys: KeySet{keys}, Instance: want.Instance,
		Subject: subjectOrNone(want.Subject), Now: ms})
	if err != nil {
		t.Fatal(err)
	}
	n, b := h.Load(request)
	var about Loaded
	if err := json.Unmarshal(b, &about); err != nil || about.OK != (reason == "") || about.Reason != reason ||
		(about.Why == "") != about.OK {
		t.Fatalf("the host says %s, want the reason %q", b, reason)
	}
	q := ask(0, "Queues.View", "Queue", "paris")
	code := h.Decide(n, q, ms)
	if got := Codes[code>>1&127].Reason; code&1 == 1 != (reason == "") || reason != "" && got != reason {
		t.Fatalf("the host decides %d (%s), want the reason %q", code, got, reason)
	}
	var x Explained
	if err := json.Unmarshal(h.Explain(n, q, ms), &x); err != nil || x.Allow != (reason == "") || x.Why == "" ||
		reason != "" && (x.Reason != reason || x.Why != about.Why) {
		t.Fatalf("the host explains %+v, want the reason %q", x, reason)
	}
}

func subjectOrNone(s access.Subject) QSubject {
	if s == (access.Subject{}) {
		return QSubject{}
	}
	return subjectOf(s)
}

// ask writes a question.
func ask(flags byte, texts ...string) []byte {
	b := []byte{flags}
	for i := range 5 {
		text := ""
		if i < len(texts) {
			text = texts[i]
		}
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}

// A snapshot that lacks bytes at its end or has others in the middle is of no use.
func TestDamagedSnapshots(t *testing.T) {
	good := sign(t, claire, nil)
	for n := range good {
		if s, err := Open(good[:n], keys, Expected{}, now); err == nil {
			t.Fatalf("the first %d of %d bytes are %+v", n, len(good), s.Claims)
		}
		bad := bytes.Clone(good)
		bad[n] ^= 1
		if s, err := Open(bad, keys, Expected{}, now); err == nil {
			t.Fatalf("with byte %d changed it is %+v", n, s.Claims)
		}
	}
}

// A host that holds several snapshots keeps them apart, and denies by a number that it does not hold.
func TestHost(t *testing.T) {
	var h Host
	load := func(sub access.Subject) int {
		b, err := json.Marshal(&LoadRequest{Snapshot: string(sign(t, sub, nil)), Keys: KeySet{keys}, Now: millis})
		if err != nil {
			t.Fatal(err)
		}
		n, _ := h.Load(b)
		return n
	}
	allows := func(n int, q []byte) bool { return h.Decide(n, q, millis)&1 == 1 }
	user, agent := load(claire), load(access.Subject{Type: access.AIAgent, ID: "arn:agent"})
	self := ask(0, "Users.View", "User", "claire")
	tool := ask(0, "book", "Application", "gw")
	for _, n := range []int{user, agent} {
		if !allows(n, self) || !allows(n, tool) {
			t.Errorf("snapshot %d denies", n)
		}
	}
	h.Free(user)
	h.Free(user)
	h.Free(-1)
	for _, n := range []int{user, 0, -1, 99} {
		if code := h.Decide(n, tool, 0); Codes[code>>1&127].Reason != ReasonMissing || code&1 == 1 {
			t.Errorf("snapshot %d, which is not held, decides %d", n, code)
		}
	}
	if again := load(claire); again != user || !allows(again, tool) || !allows(agent, tool) {
		t.Errorf("the number %d is used again as %d", user, again)
	}
}

func TestBadQuestions(t *testing.T) {
	var h Host
	good := ask(flagTags|flagNew|flagReports, "Users.View", "User", "x", "g")
	good = append(good, 1, 1, 'k', 1, 'v')
	if !h.q.read(good) || h.q.query.Resource.Tags["k"] != "v" || h.q.query.Surface != access.Reports ||
		!h.q.query.Resource.New || h.q.query.Resource.Group != "g" {
		t.Fatalf("the question is read as %+v", h.q.query)
	}
	for n := range good {
		if h.Decide(1, good[:n], 0) != BadQuestion || h.Explain(1, good[:n], 0) != nil {
			t.Errorf("the first %d bytes are a question", n)
		}
	}
	for _, bad := range [][]byte{append(good, 0), {flagEnd}, ask(0, "\xff"), append(ask(flagTags), 0xff, 0xff, 0x7f)} {
		if h.Decide(1, bad, 0) != BadQuestion {
			t.Errorf("%q is a question", bad)
		}
	}
}

// What a server signs may be anything that fits its types, and what others send is anything at all.
func FuzzOpen(f *testing.F) {
	f.Add(sign(f, claire, nil))
	f.Add(sign(f, access.Subject{Type: access.AIAgent, ID: "arn:agent", Human: "u"}, nil))
	f.Add([]byte("a.b.c"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := Open(text, keys, Expected{}, now); err == nil && s.Decide(&paris).Allow !=
			(s.Subject() == access.Subject{ID: "u"} || s.Subject().Type == access.AIAgent) {
			t.Errorf("%q decides %+v", text, s.Decide(&paris))
		}
		// The payload as though it was signed.
		payload := jsontext.Value(text)
		if !payload.IsValid() {
			return
		}
		head, _ := json.Marshal(header{algorithm, Publish(key).ID, mediaType})
		signed := encoding.EncodeToString(head) + "." + encoding.EncodeToString(payload)
		signed += "." + encoding.EncodeToString(ed25519.Sign(key, []byte(signed)))
		if s, err := Open([]byte(signed), keys, Expected{}, now); err == nil {
			s.Decide(&paris)
			s.Explain(&paris)
		}
	})
}

func FuzzQuestion(f *testing.F) {
	f.Add(ask(0, "Queues.View", "Queue", "paris"))
	f.Add(append(ask(flagTags, "Users.View", "User", "x"), 1, 1, 'k', 1, 'v'))
	var h Host
	b, _ := json.Marshal(&LoadRequest{Snapshot: string(sign(f, claire, nil)), Keys: KeySet{keys}, Now: millis})
	n, _ := h.Load(b)
	f.Fuzz(func(t *testing.T, q []byte) {
		code, x := h.Decide(n, q, millis), h.Explain(n, q, millis)
		if (code == BadQuestion) != (x == nil) {
			t.Fatalf("%q is decided %d and explained %s", q, code, x)
		}
		var got Explained
		if x != nil && (json.Unmarshal(x, &got) != nil || got.Allow != (code&1 == 1)) {
			t.Fatalf("%q is decided %d and explained %s", q, code, x)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	var h Host
	load, _ := json.Marshal(&LoadRequest{Snapshot: string(sign(b, claire, nil)), Keys: KeySet{keys}, Now: millis})
	n, _ := h.Load(load)
	q := ask(0, "Queues.View", "Queue", "paris")
	b.ReportAllocs()
	for b.Loop() {
		h.Decide(n, q, millis)
	}
}
