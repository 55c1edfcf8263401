package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// log is a Source: an instance as the list of its events.
type log struct {
	mu     sync.Mutex
	events []lanyard.Event
	loads  int
	reads  int // of events
	pruned int // events that are gone; then Load has what they left
}

// commit adds an event that puts resources, and returns it.
func (l *log) commit(put ...lanyard.Resource) *lanyard.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := lanyard.Event{Instance: "i", Revision: int64(len(l.events) + 1)}
	for _, r := range put {
		doc, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		e.Changes = append(e.Changes, lanyard.Change{Type: r.Type(), ID: r.Head().ID, After: doc})
	}
	l.events = append(l.events, e)
	return &e
}

func (l *log) Load(_ context.Context, _ string, put func(lanyard.Resource)) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loads++
	for _, e := range l.events[:l.pruned] {
		for _, c := range e.Changes {
			r := lanyard.New(c.Type)
			if err := json.Unmarshal(c.After, r); err != nil {
				return 0, err
			}
			put(r)
		}
	}
	return int64(l.pruned), nil // all else comes with the events
}

func (l *log) Events(_ context.Context, _ string, after int64, limit int) ([]lanyard.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	after = max(after, int64(l.pruned))
	return slices.Clone(l.events[min(int(after), len(l.events)):min(int(after)+limit, len(l.events))]), nil
}

func (l *log) Revision(context.Context, string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events)), nil
}

func user(id string, tags map[string]string, profiles ...string) *lanyard.User {
	return &lanyard.User{Meta: lanyard.Meta{ID: id, Name: id + ".name", Tags: tags}, Profiles: profiles}
}

func newLog() *log {
	l := new(log)
	l.commit(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}, &lanyard.Profile{Meta: lanyard.Meta{ID: "p"}},
		user("viewer", nil, "p"),
		user("one", map[string]string{"Team": "1"}, "p"), user("two", map[string]string{"Team": "2"}, "p"))
	return l
}

// version is profile p with all of its parameters different from the other version's.
func version(odd bool) *lanyard.Profile {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: "p"}, Permissions: []string{"Users.View"},
		AccessTags: map[string]string{"Team": "1"}, TagRestricted: []string{"User"}}
	if odd {
		p.Permissions, p.AccessTags = []string{"Users.Edit"}, map[string]string{"Team": "2"}
	}
	return p
}

// Decisions about what version grants.
var (
	allowed    = access.Decision{Allow: true, Reason: access.Granted, Profile: "p"}
	failed     = access.Decision{Reason: access.ConditionFailed}
	notGranted = access.Decision{Reason: access.NotGranted}
	unknown    = access.Decision{Reason: access.UnknownSubject}
)

// decide asks whether a subject may do an action to a user.
func decide(s *access.Snapshot, subject, action, target string) access.Decision {
	return s.Decide(&access.Query{Subject: access.Subject{ID: subject}, Action: action,
		Resource: access.Resource{Type: access.TypeUser, ID: target}})
}

// While profiles change, questions see all parameters of one update or none, and never an earlier
// state than the one they name.
func TestDecideWhileUpdating(t *testing.T) {
	l := newLog()
	e := &access.Engine{Source: l}
	if _, err := e.Snapshot(t.Context(), "i"); err != nil {
		t.Fatal(err)
	}
	first := l.commit(version(false))
	if err := e.Apply(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	const updates = 3000
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			seen := first.Revision
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				s, err := e.AtLeast(t.Context(), "i", seen, time.Second)
				if err != nil || s.Revision() < seen {
					t.Errorf("asked for revision %d: %v", seen, err)
					return
				}
				seen = s.Revision()
				got := [4]access.Decision{decide(s, "viewer", "Users.View", "one"), decide(s, "viewer", "Users.View", "two"),
					decide(s, "viewer", "Users.Edit", "one"), decide(s, "viewer", "Users.Edit", "two")}
				want := [4]access.Decision{allowed, failed, notGranted, notGranted}
				if (seen-first.Revision)%2 == 1 {
					want = [4]access.Decision{notGranted, notGranted, failed, allowed}
				}
				if got != want {
					t.Errorf("at revision %d the answers are %v, want %v: half of an update", seen, got, want)
					return
				}
			}
		})
	}
	for i := range updates {
		if err := e.Apply(t.Context(), l.commit(version(i%2 == 0))); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
}

// A question that names a revision is answered from it, or from a later one, once it is there.
func TestAtLeast(t *testing.T) { synctest.Test(t, testAtLeast) }

func testAtLeast(t *testing.T) {
	l := newLog()
	e := &access.Engine{Source: l}
	at := func(revision int64, wait time.Duration) (int64, error) {
		s, err := e.AtLeast(t.Context(), "i", revision, wait)
		if err != nil {
			return 0, err
		}
		return s.Revision(), nil
	}
	if got, err := at(0, 0); err != nil || got != 1 {
		t.Fatalf("the first question is answered from revision %d, %v; want 1", got, err)
	}
	// Another server's change, of which this one is not told.
	l.commit(version(false))
	if got, err := at(2, time.Second); err != nil || got != 2 {
		t.Errorf("a revision that is committed elsewhere: %d, %v; want 2", got, err)
	}
	// One that comes while the question waits.
	go func() {
		time.Sleep(30 * time.Millisecond) // of the test's own clock, which goes on when everything waits
		if err := e.Apply(t.Context(), l.commit(version(true))); err != nil {
			t.Error(err)
		}
	}()
	if got, err := at(3, 5*time.Second); err != nil || got != 3 {
		t.Errorf("a revision that comes: %d, %v; want 3", got, err)
	}
	// One that does not: the source is asked now and then, and not all the time.
	l.reads = 0
	if _, err := at(9, time.Second); !errors.Is(err, lanyard.ErrCondition) || l.reads > 120 {
		t.Errorf("a revision that does not come: %v after %d reads; want a refusal after some 100", err, l.reads)
	}
	// Events that come late or twice change nothing; a gap is filled from the source.
	old := l.events[1]
	l.commit(version(false))
	last := l.commit(version(true))
	if err := e.Apply(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(t.Context(), &old); err != nil {
		t.Fatal(err)
	}
	if got, err := at(0, 0); err != nil || got != 5 {
		t.Errorf("after a gap and a late event: revision %d, %v; want 5", got, err)
	}
	e.Forget("i")
	if got, err := at(0, 0); err != nil || got != 5 || l.loads != 2 {
		t.Errorf("forgotten and asked again: revision %d, %v, %d loads; want 5 and 2", got, err, l.loads)
	}
}

// Where events were pruned that a snapshot has not seen, the instance is loaded again.
func TestCatchUpPastPruned(t *testing.T) {
	l := newLog()
	e := &access.Engine{Source: l}
	before, err := e.Snapshot(t.Context(), "i")
	if err != nil {
		t.Fatal(err)
	}
	l.commit(version(true))
	l.commit(user("three", nil))
	l.commit(user("four", nil))
	l.pruned = 3 // of 4
	var last *lanyard.Event
	for _, follow := range []func() error{
		func() error { return e.CatchUp(t.Context(), "i", 4) },
		func() error { return e.Apply(t.Context(), last) },
	} {
		if err := follow(); err != nil {
			t.Fatal(err)
		}
		got := e.Peek("i")
		if got.Revision() != int64(len(l.events)) {
			t.Errorf("revision %d, want %d", got.Revision(), len(l.events))
		}
		// Viewer's profile now lets edit, and no more view, users of the other team.
		was, is := decide(before, "viewer", "Users.Edit", "two"), decide(got, "viewer", "Users.Edit", "two")
		if was != notGranted || is != allowed {
			t.Errorf("before: %+v, now: %+v; want %+v and %+v", was, is, notGranted, allowed)
		}
		l.commit(version(false))
		l.commit(version(true))
		last = l.commit(user("five", nil))
		l.pruned = len(l.events) - 1
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	s, ids := centre(2000)
	for _, q := range questions(ids)[:500] {
		if n := testing.AllocsPerRun(3, func() { s.Decide(&q) }); n > 0 {
			t.Fatalf("%+v allocates %v times", q, n)
		}
	}
	for _, q := range []access.Query{
		{Subject: access.Subject{ID: "nobody"}, Action: "Users.View"},
		{Subject: access.Subject{ID: ids[0]}, Action: "No.Permission"},
		{Subject: access.Subject{ID: "user.7"}, Action: "Users.View",
			Resource: access.Resource{Type: access.TypeUser, ID: "user.8"}, Surface: access.Reports},
		{Subject: access.Subject{ID: ids[3]}, Action: "Users.View",
			Resource: access.Resource{Type: access.TypeUser, ID: "nobody"}},
		{Subject: access.Subject{ID: ids[3]}, Action: "Queues.View",
			Resource: access.Resource{Type: access.TypeQueue, New: true, Tags: map[string]string{"Country": "FR"}}},
	} {
		if n := testing.AllocsPerRun(3, func() { s.Decide(&q) }); n > 0 {
			t.Errorf("%+v allocates %v times", q, n)
		}
	}
}

// What an update copies does not grow with the instance: bytes, which unlike times are exact.
func TestUpdateDoesNotGrow(t *testing.T) {
	cost := map[string][]int64{}
	for _, n := range []int{1000, 100_000} {
		s, ids := centre(n)
		for what, put := range map[string]func(*access.Edit, int){
			"a profile": func(e *access.Edit, i int) {
				e.Put(&lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i%100)},
					Permissions: []string{"Users.View"}})
			},
			"a user": func(e *access.Edit, i int) { e.Put(user(ids[i%n], nil)) },
		} {
			r := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					e := s.Edit()
					put(e, i)
					e.Snapshot(1)
				}
			})
			cost[what] = append(cost[what], r.AllocedBytesPerOp())
		}
	}
	for what, bytes := range cost {
		t.Logf("an update of %s copies %d bytes among 1,000 users, %d among 100,000", what, bytes[0], bytes[1])
		if bytes[1] > 2*bytes[0] {
			t.Errorf("an update of %s copies %d bytes among 1,000 users and %d among 100,000", what, bytes[0], bytes[1])
		}
	}
}

// chain makes the events know those before them.
func (l *log) chain(history string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := make([]byte, 32)
	for i := range l.events {
		e := &l.events[i]
		if e.Hash == nil {
			e.Hash = []byte(fmt.Sprintf("%s %d", history, i))
		}
		e.Previous, before = before, e.Hash
	}
}

// A database that lost its last changes and went on has others of the same revisions. What was decided
// from those that are gone is forgotten, however the engine comes to hear of it.
func TestHistoryIsAnother(t *testing.T) {
	const lost = 3 // changes; the last of them grants
	for _, after := range []int{1, 2, 3, 4} {
		for name, hear := range map[string]func(e *access.Engine, l *log) error{
			"it made the last change itself": func(e *access.Engine,
				l *log) error {
				return e.Apply(t.Context(), &l.events[len(l.events)-1])
			},
			"it was told of it": func(e *access.Engine,
				l *log) error {
				return e.CatchUp(t.Context(), "i", int64(len(l.events)))
			},
			"it was asked for it": func(e *access.Engine, l *log) error {
				_, err := e.AtLeast(t.Context(), "i", int64(len(l.events)), time.Second)
				return err
			},
			"it looked": func(e *access.Engine, l *log) error {
				last := l.events[len(l.events)-1]
				if e.Peek("i").Contradicts(last.Revision, last.Hash) {
					e.Forget("i")
					return nil
				}
				return e.CatchUp(t.Context(), "i", last.Revision)
			},
		} {
			if after <= lost && name != "it looked" && (after < lost || name != "it made the last change itself") {
				continue // those hear of revisions that are new to them
			}
			t.Run(fmt.Sprintf("%d changes after, %s", after, name), func(t *testing.T) {
				l := newLog()
				l.chain("first")
				e := &access.Engine{Source: l}
				if _, err := e.Snapshot(t.Context(), "i"); err != nil {
					t.Fatal(err)
				}
				kept := len(l.events)
				l.commit(version(false))
				l.commit(version(false))
				l.commit(user("stranger", nil, "p"))
				l.chain("first")
				if err := e.CatchUp(t.Context(), "i", int64(len(l.events))); err != nil {
					t.Fatal(err)
				}
				decided := func(who string) access.Decision {
					s, err := e.Snapshot(t.Context(), "i")
					if err != nil {
						t.Fatal(err)
					}
					return decide(s, who, "Users.View", "one")
				}
				if d := decided("stranger"); d != allowed {
					t.Fatalf("what is lost later does not count before: %+v", d)
				}
				l.events = l.events[:kept]
				for range after {
					l.commit(version(false))
				}
				l.chain("second")
				if err := hear(e, l); err != nil {
					t.Fatal(err)
				}
				if d := decided("stranger"); d != unknown {
					t.Errorf("a user whose creation was lost: %+v, want %+v", d, unknown)
				}
				if d := decided("viewer"); d != allowed {
					t.Errorf("what was changed instead does not count: %+v, want %+v", d, allowed)
				}
				if s := e.Peek("i"); s.Revision() != int64(len(l.events)) {
					t.Errorf("it is at revision %d, want %d", s.Revision(), len(l.events))
				}
			})
		}
	}
}

// short is a log whose pages of events are shorter than asked for, as a store's are where events are large.
type short struct{ *log }

func (s short) Events(ctx context.Context, instance string, after int64, _ int) ([]lanyard.Event, error) {
	return s.log.Events(ctx, instance, after, 1)
}

// A page that is short is not the last: the snapshot follows to the revision that was asked for, and when it is
// loaded, to the last.
func TestShortPages(t *testing.T) {
	l := newLog()
	for i := range 5 {
		l.commit(version(i%2 == 0))
	}
	l.chain("h")
	e := &access.Engine{Source: short{l}}
	s, err := e.Snapshot(t.Context(), "i")
	if err != nil || s.Revision() != 6 {
		t.Fatalf("loaded at revision %d, %v; want 6", s.Revision(), err)
	}
	for i := range 5 {
		l.commit(version(i%2 == 1))
	}
	l.chain("h")
	if err := e.CatchUp(t.Context(), "i", 9); err != nil || e.Peek("i").Revision() < 9 {
		t.Errorf("revision %d, %v; want 9", e.Peek("i").Revision(), err)
	}
	if err := e.Apply(t.Context(), &l.events[10]); err != nil || e.Peek("i").Revision() != 11 {
		t.Errorf("revision %d, %v; want 11", e.Peek("i").Revision(), err)
	}
}

// Next waits for what decisions depend on, and for nothing else.
func TestNext(t *testing.T) { synctest.Test(t, testNext) }

func testNext(t *testing.T) {
	l := newLog()
	e := &access.Engine{Source: l}
	next := func(known int64, wait time.Duration) (altered, revision int64, took time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		began := time.Now()
		s, err := e.Next(ctx, "i", known)
		if err != nil {
			t.Fatal(err)
		}
		return s.Altered(), s.Revision(), time.Since(began)
	}
	later := func(after time.Duration, change func()) {
		go func() { time.Sleep(after); change() }() // of the test's own clock
	}
	apply := func(put ...lanyard.Resource) {
		if err := e.Apply(t.Context(), l.commit(put...)); err != nil {
			t.Error(err)
		}
	}
	type got struct {
		altered, revision int64
		took              time.Duration
	}
	for _, tt := range []struct {
		name   string
		change func()
		known  int64
		want   got
	}{
		{"the first", nil, -1, got{1, 1, 0}},
		{"nothing changes", nil, 1, got{1, 1, time.Minute}},
		{"an event without changes", func() { later(time.Second, func() { apply() }) }, 1, got{1, 2, time.Minute}},
		{"a resource that decides nothing", func() {
			later(time.Second, func() { apply(&lanyard.ClientToken{Meta: lanyard.Meta{ID: "c"}}) })
		}, 1, got{1, 3, time.Minute}},
		{"a data table", func() { later(time.Second, func() { apply(countingTable(1)) }) }, 1, got{4, 4, time.Second}},
		{"a value in it", func() { later(time.Second, func() { apply(countingTable(2)) }) }, 4, got{4, 5, time.Minute}},
		{"a profile", func() { later(time.Second, func() { apply(version(true)) }) }, 4, got{6, 6, time.Second}},
		{"it is known late", nil, 1, got{6, 6, 0}},
		{"a snapshot that is dropped and loaded again", func() {
			later(time.Second, func() { l.commit(version(false)); e.Forget("i") })
		}, 6, got{7, 7, time.Second}},
	} {
		if tt.change != nil {
			tt.change()
		}
		var g got
		g.altered, g.revision, g.took = next(tt.known, time.Minute)
		if g.altered != tt.want.altered || g.revision != tt.want.revision || g.took < tt.want.took ||
			g.took > tt.want.took+300*time.Millisecond {
			t.Errorf("%s: got %+v, want %+v", tt.name, g, tt.want)
		}
		synctest.Wait()
	}
}

// countingTable is a data table with some values.
func countingTable(values int) *lanyard.DataTable {
	return &lanyard.DataTable{Meta: lanyard.Meta{ID: "t", Name: "t", Seq: 9, Tags: map[string]string{"Team": "1"}},
		Values: values}
}

// WhichProfiles lists what grants, whoever holds it and whatever the conditions are.
func TestWhichProfiles(t *testing.T) {
	profile := func(id string, seq int64, change func(*lanyard.Profile)) *lanyard.Profile {
		p := &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: id + ".name", Seq: seq}}
		change(p)
		return p
	}
	mcp := func(tools ...string) []lanyard.Application {
		return []lanyard.Application{{Namespace: "crm", Permissions: tools, Type: lanyard.ApplicationMCP}}
	}
	s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}},
		profile("late", 9, func(p *lanyard.Profile) { p.Applications = mcp("book", "find") }),
		profile("early", 2, func(p *lanyard.Profile) { p.Applications = mcp("book") }),
		profile("site", 3, func(p *lanyard.Profile) {
			p.Applications = []lanyard.Application{{Namespace: "crm", Permissions: []string{"ACCESS"},
				Type: lanyard.ApplicationThirdParty}}
		}),
		profile("viewer", 4, func(p *lanyard.Profile) {
			p.Permissions, p.AccessTags, p.TagRestricted = []string{"Users.View"}, map[string]string{"A": "b"}, []string{"User"}
		}))
	if err != nil {
		t.Fatal(err)
	}
	crm := access.Resource{Type: access.TypeApplication, ID: "crm"}
	for _, tt := range []struct {
		name string
		q    access.Query
		want []string
	}{
		{"a tool", access.Query{Action: "book", Resource: crm}, []string{"early", "late"}},
		{"a tool that one grants", access.Query{Action: "find", Resource: crm}, []string{"late"}},
		{"access", access.Query{Action: access.ActionAccess, Resource: crm}, []string{"site"}},
		{"another namespace", access.Query{Action: "book", Resource: access.Resource{Type: access.TypeApplication, ID: "CRM"}}, nil},
		{"a permission with conditions", access.Query{Action: "Users.View"}, []string{"viewer"}},
		{"an unknown permission", access.Query{Action: "Users.Veiw"}, nil},
		{"a module that is not there", access.Query{Action: access.ActionInvoke,
			Resource: access.Resource{Type: access.TypeFlowModule, ID: "m"}}, nil},
	} {
		var got []string
		for _, f := range s.WhichProfiles(&tt.q) {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if found := (*access.Snapshot)(nil).WhichProfiles(&access.Query{Action: "Users.View"}); found != nil {
		t.Errorf("a nil snapshot has %v", found)
	}
}
