package follow

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compact"
)

// at is a position that is made up.
func at(revision int64) string { return fmt.Sprintf("%d.%064d", revision, revision) }

const (
	headLine    = `{"head":{"version":1,"instance":"i","position":"` + "3.0000000000000000000000000000000000000000000000000000000000000003" + `"}}` + "\n"
	profileLine = `{"put":{"type":"security-profile","id":"p","name":"agents","seq":2,"permissions":["Users.View"]}}` + "\n"
	userLine    = `{"put":{"type":"agent","id":"u","name":"ada","seq":3,"profiles":["p"]}}` + "\n"
	placeLine   = `{"put":{"type":"instance","id":"i","account":"123456789012"}}` + "\n"
	endLine     = `{"end":{"resources":3,"reach":3}}` + "\n"
	whole       = headLine + placeLine + profileLine + userLine + endLine
)

func newLoading(text string) *loading {
	return &loading{instance: "i", lines: bufio.NewReaderSize(strings.NewReader(text), 16)}
}

// A snapshot that ends before its end is none, wherever it was cut.
func TestLoadCutAtAnyByte(t *testing.T) {
	for n := range len(whole) {
		l := newLoading(whole[:n])
		err := l.run()
		if n == len(whole)-1 { // only the last newline is missing
			n = len(whole)
		}
		if err == nil || l.snapshot != nil || !strings.Contains(err.Error(), "truncated") {
			t.Errorf("cut after %d bytes of %d it is loaded: %v", n, len(whole), err)
		}
	}
	l := newLoading(whole)
	if err := l.run(); err != nil {
		t.Fatal(err)
	}
	q := access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.View"}
	if s := l.snapshot; !s.Decide(&q).Allow || s.Revision() != 3 || l.at.String() != at(3) || l.reach != 3 ||
		string(s.Hash()) != l.at.Hash {
		t.Errorf("the whole is loaded as %+v", l)
	}
}

func TestLoadRefuses(t *testing.T) {
	put := func(text string) string { return headLine + text + "\n" + `{"end":{"resources":1,"reach":3}}` + "\n" }
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "truncated"},
		{"a web page", "<html>\n", "line 1"},
		{"of another instance", strings.Replace(whole, `"i"`, `"other"`, 1), `must be of instance i, got "other"`},
		{"of another version", strings.Replace(whole, `"version":1`, `"version":2`, 1), "version must be 1, got 2"},
		{"no version", strings.Replace(whole, `"version":1,`, ``, 1), "version must be 1, got 0"},
		{"no position", strings.Replace(whole, `,"position":"`+at(3)+`"`, ``, 1), "position is required"},
		{"a position without a hash", strings.Replace(whole, at(3), "3.", 1), "position must be"},
		{"no head", whole[len(headLine):], "must be a head first"},
		{"two heads", headLine + whole, "must be a head first"},
		{"a line is missing", strings.Replace(whole, profileLine, "", 1), "has 2 resources at revision 3, and says that there are 3"},
		{"a line is double", strings.Replace(whole, profileLine, profileLine+profileLine, 1), "has 4 resources"},
		{"reaches back", strings.Replace(whole, `"reach":3`, `"reach":2`, 1), "at revision 2"},
		{"goes on", whole + userLine, "goes on after its end"},
		{"two in one line", put(`{"put":{"type":"queue","id":"q"},"end":{"resources":1,"reach":3}}`), "must be a head first"},
		{"an empty line", put(``), "line"},
		{"nothing in a line", put(`{}`), "must be a head first"},
		{"unknown member", put(`{"put":{"type":"security-profile","id":"p","deny":["Users.View"]}}`), "deny"},
		{"double member", put(`{"put":{"type":"security-profile","id":"p","permissions":[],"permissions":["A"]}}`), "duplicate"},
		{"member in other letters", put(`{"put":{"type":"security-profile","id":"p","Permissions":["A"]}}`), "Permissions"},
		{"no id", put(`{"put":{"type":"queue"}}`), "the id of a resource"},
		{"no type", put(`{"put":{"id":"q"}}`), "the type and the id"},
		{"invalid text", put(`{"put":{"type":"queue","id":"` + "\xff" + `"}}`), "UTF-8"},
		{"a number for a list", put(`{"put":{"type":"agent","id":"q","profiles":7}}`), "profiles"},
		{"a line without end", headLine + strings.Repeat("x", maxLine+1), "at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLoading(tt.text)
			if err := l.run(); err == nil || l.snapshot != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
		})
	}
	if err := newLoading(put(`{"put":{"type":"from-the-future","id":"q"}}`)).run(); err != nil {
		t.Errorf("a type that is not known here is refused: %v", err)
	}
}

// newReceiver has loaded the whole.
func newReceiver(t testing.TB) *receiver {
	l := newLoading(whole)
	if err := l.run(); err != nil {
		t.Fatal(err)
	}
	f := &Follower{config: Config{Instance: "i", MaxStaleness: defaultStaleness}, now: time.Now, changed: make(chan struct{}),
		log: slog.New(slog.DiscardHandler)}
	r := &receiver{Follower: f, next: l.snapshot, at: l.at, reach: l.reach}
	r.publish()
	return r
}

// The parts of a stream.
func sse(kind, data string) string { return "event: " + kind + "\ndata: " + data + "\n\n" }

func hello() string {
	return sse("hello", `{"version":1,"instance":"i","position":"`+at(3)+`","heartbeat":1000}`)
}

func change(from, to int64, changes string) string {
	return sse("change", fmt.Sprintf(`{"from":%q,"to":%q,"changes":[%s]}`, at(from), at(to), changes))
}

const (
	revoked = `{"type":"security-profile","id":"p","name":"agents","seq":2}`
	edits   = `{"type":"security-profile","id":"p","name":"agents","seq":2,"permissions":["Users.Edit"]}`
)

// state is what a receiver decides by.
type state struct {
	view, edit bool
	revision   int64
	confirmed  bool
}

func (r *receiver) state() state {
	s := r.snapshot.Load()
	may := func(action string) bool {
		return s.Decide(&access.Query{Subject: access.Subject{ID: "u"}, Action: action}).Allow
	}
	return state{may("Users.View"), may("Users.Edit"), s.Revision(), r.confirmed.Load() != nil}
}

// A change counts when all of it is there, wherever the stream is cut.
func TestStreamCutAtAnyByte(t *testing.T) {
	parts := []string{hello(), change(3, 4, revoked), ": a comment\n\n", change(4, 7, edits),
		sse("alive", `{"revision":7,"at":0}`)}
	want := []state{{true, false, 3, false}, {true, false, 3, false}, {false, false, 4, false}, {false, false, 4, false},
		{false, true, 7, false}, {false, true, 7, true}}
	stream, complete := strings.Join(parts, ""), 0
	for n := range len(stream) + 1 {
		r := newReceiver(t)
		err := r.receive(strings.NewReader(stream[:n]), time.Now())
		if complete < len(parts) && n == len(strings.Join(parts[:complete+1], "")) {
			complete++
		}
		if got := r.state(); got != want[complete] || !errors.Is(err, errCut) {
			t.Fatalf("cut after %d bytes it decides by %+v (%v), want %+v", n, got, err, want[complete])
		}
	}
}

func TestStreamRefuses(t *testing.T) {
	alive := func(revision int64, ms int64) string {
		return sse("alive", fmt.Sprintf(`{"revision":%d,"at":%d}`, revision, ms))
	}
	for _, tt := range []struct{ name, text, want string }{
		{"no hello", change(3, 4, edits), "must be hello"},
		{"hello twice", hello() + hello(), `"hello" is unknown`},
		{"of another instance", strings.Replace(hello(), `"i"`, `"other"`, 1), "must be of instance i"},
		{"of another version", strings.Replace(hello(), `"version":1`, `"version":3`, 1), "version must be 1, got 3"},
		{"after another position", strings.Replace(hello(), at(3), at(2), 1), "must begin after position 3."},
		{"a gap", hello() + change(4, 5, edits), "must lead on from position 3."},
		{"of another history", hello() + strings.Replace(change(3, 4, edits), at(3), "3."+strings.Repeat("ab", 32), 1), "must lead on"},
		{"an old change again", hello() + change(2, 3, edits), "must lead on"},
		{"leads nowhere", hello() + change(3, 3, edits), "must lead on"},
		{"leads back", hello() + change(3, 2, edits), "must lead on"},
		{"unknown member", hello() + change(3, 4, `{"type":"security-profile","id":"p","deny":true}`), "deny"},
		{"no id", hello() + change(3, 4, `{"type":"security-profile"}`), "id of a resource"},
		{"no JSON", hello() + sse("change", "<html>"), "change:"},
		{"confirms what it did not send", hello() + alive(4, 0), "is at revision 4, and sent the changes up to revision 3"},
		{"confirms an old revision", hello() + alive(2, 0), "is at revision 2"},
		{"confirms the future", hello() + alive(3, 60_000), "a time that has not come"},
		{"a number beyond all", hello() + sse("alive", `{"revision":3,"at":9223372036854775807}`), "a time that has not come"},
		{"unknown event", hello() + sse("deny", `{}`), `"deny" is unknown`},
		{"the end", hello() + sse("end", `{"reason":"the token has been revoked\u001b[2J"}`),
			`ended the stream: "the token has been revoked\x1b[2J"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t)
			err := r.receive(strings.NewReader(tt.text), time.Now())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
			if got, want := r.state(), (state{view: true, revision: 3}); got != want {
				t.Errorf("it decides by %+v, want %+v", got, want)
			}
		})
	}
}

// What is loaded while changes are made is decided by once it is a state that there was.
func TestReach(t *testing.T) {
	r := newReceiver(t)
	l := newLoading(strings.Replace(strings.Replace(whole, `"reach":3`, `"reach":5`, 1), "Users.View", "Users.Edit", 1))
	if err := l.run(); err != nil {
		t.Fatal(err)
	}
	r.next, r.at, r.reach = l.snapshot, l.at, l.reach
	r.publish()
	for _, tt := range []struct {
		text string
		want state
	}{
		{sse("alive", `{"revision":3,"at":0}`), state{true, false, 3, false}},
		{change(3, 4, ""), state{true, false, 3, false}},
		{sse("alive", `{"revision":4,"at":0}`), state{true, false, 3, false}},
		{change(4, 5, ""), state{false, true, 5, false}},
		{sse("alive", `{"revision":5,"at":0}`), state{false, true, 5, true}},
	} {
		greeting := strings.Replace(hello(), at(3), r.at.String(), 1)
		if err := r.receive(strings.NewReader(greeting+tt.text), time.Now()); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		if got := r.state(); got != tt.want {
			t.Errorf("after %q it decides by %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

// A confirmation counts from when the request was sent, however long it was on its way.
func TestConfirms(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name string
		sent time.Duration // before now
		at   int64
		want time.Duration // age
	}{
		{"at once", 0, 0, 0},
		{"a minute later", time.Minute, 60_000, 0},
		{"held up for a minute", 2 * time.Minute, 60_000, time.Minute},
		{"of a server that is behind", time.Second, -500, 1500 * time.Millisecond},
		{"of a clock that is a little fast", time.Second, 1100, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newReceiver(t)
			r.now = func() time.Time { return now }
			r.receive(strings.NewReader(hello()+sse("alive", fmt.Sprintf(`{"revision":3,"at":%d}`, tt.at))), now.Add(-tt.sent))
			if age, ok := r.age(); !ok || age != tt.want {
				t.Errorf("the age is %v (%v), want %v", age, ok, tt.want)
			}
		})
	}
}

// A clock that is set forward makes what was sent before seem old. The stream is given up then, for one that does not.
func TestClockIsSetForward(t *testing.T) {
	r := newReceiver(t)
	sent := time.Now().Round(0)
	r.now = func() time.Time { return sent.Add(time.Hour + time.Second) }
	stream := hello() + sse("alive", `{"revision":3,"at":1000}`)
	if err := r.receive(strings.NewReader(stream), sent); !errors.Is(err, errLate) || r.healthy {
		t.Errorf("the stream ends with %v, healthy %v", err, r.healthy)
	}
	if err := r.receive(strings.NewReader(stream), r.now().Add(-time.Second)); errors.Is(err, errLate) || !r.healthy {
		t.Errorf("the next stream ends with %v, healthy %v", err, r.healthy)
	}
	if _, err := r.Snapshot(); err != nil {
		t.Errorf("after that it refuses: %v", err)
	}
}

// A machine may sleep while only its clock on the wall goes on.
func TestAgeByTheWallClock(t *testing.T) {
	r := newReceiver(t)
	then := time.Now()
	r.confirm(then)
	r.now = func() time.Time { return then.Round(0).Add(time.Hour) }
	if _, err := r.Snapshot(); !errors.Is(err, ErrStale) {
		t.Errorf("after an hour it decides: %v", err)
	}
}

func TestPauses(t *testing.T) {
	for _, tt := range []struct {
		failures, servers int
		atLeast           time.Duration
		most              time.Duration
	}{
		{1, 2, 0, firstPause}, {1, 1, 0, leastPause}, {2, 2, 0, leastPause}, {3, 2, 0, 2 * leastPause},
		{1000, 2, 0, mostPause},
		{1, 2, time.Second, time.Second}, {1, 2, time.Hour, 2 * mostPause},
	} {
		for range 100 {
			if got := pauseAfter(tt.failures, tt.servers, tt.atLeast); got < tt.most/2 || got > tt.most {
				t.Fatalf("after %d failures of %d servers it waits %v, want %v to %v", tt.failures, tt.servers, got, tt.most/2, tt.most)
			}
		}
	}
}

// Lines end in either way, and data comes in several lines.
func TestEventReader(t *testing.T) {
	text := ": hi\r\nevent: one\r\ndata:a\r\nid: 7\r\nretry: 3\r\n\r\nevent: none\n\ndata: b\ndata: c\n\nevent: cut\ndata: d\n"
	r := &eventReader{lines: bufio.NewReaderSize(strings.NewReader(text), 16)}
	type read struct{ kind, data string }
	var got []read
	for {
		e, err := r.next()
		if err != nil {
			if !errors.Is(err, errCut) {
				t.Error(err)
			}
			break
		}
		got = append(got, read{e.kind, string(e.data)})
	}
	if want := []read{{"one", "a"}, {"", "b\nc"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("read are %+v, want %+v", got, want)
	}
}

// Whatever a server sends, nothing panics, and only whole changes count.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(whole), []byte(hello()+change(3, 4, revoked)+change(4, 7, edits)+sse("alive", `{"revision":7,"at":0}`)))
	f.Add([]byte(whole), []byte(hello()+change(3, 4, `{"type":"instance","id":"i","removed":true}`)+change(4, 5, edits)))
	f.Add([]byte(headLine+`{"put":{"type":"agent-group","id":"g","path":["g","g","h"]}}`+"\n"+
		`{"put":{"type":"agent","id":"u","group":"g","profiles":["p","p","u"]}}`+"\n"+`{"end":{"resources":2,"reach":9}}`+"\n"),
		[]byte(hello()+change(3, 9, `{"type":"agent-group","id":"h","removed":true},{"type":"agent-group","id":"g","removed":true}`)))
	f.Fuzz(func(t *testing.T, snapshot, stream []byte) {
		r := newReceiver(t)
		l := &loading{instance: "i", lines: bufio.NewReader(bytes.NewReader(snapshot))}
		if l.run() == nil {
			r.next, r.at, r.reach = l.snapshot, l.at, l.reach
			r.publish()
		}
		before := r.at
		if r.receive(io.MultiReader(bytes.NewReader(stream)), time.Now()) == nil {
			t.Error("a stream ends without an error")
		}
		if s := r.snapshot.Load(); r.at.Revision < before.Revision || s.Revision() > r.at.Revision {
			t.Errorf("from %v it came to %v, and decides by revision %d", before, r.at, s.Revision())
		}
		r.state()
		var p compact.Position
		if p.UnmarshalText([]byte(r.at.String())) != nil {
			t.Errorf("it is at %v", r.at)
		}
	})
}
