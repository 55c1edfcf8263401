package control_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/laxjson"
)

const mirroredID = "99999999-0000-4000-8000-000000000000"

var mirrorCaller = lanyard.Caller{Account: account, AccessKeyID: "AKIAROOT", UserAgent: "lanyard mirror"}

// source is the instance that is mirrored, as it was read at a minute of a day.
func source(minute int) *lanyard.Instance {
	at := time.Date(2026, 5, 1, 0, minute, 0, 0, time.UTC)
	return &lanyard.Instance{Meta: lanyard.Meta{ID: mirroredID, Name: "production"}, Account: account, Region: "eu-west-2",
		IdentityManagement: control.SAML, Attributes: map[string]string{},
		Mirror: &lanyard.Mirror{Source: "https://connect.eu-west-2.amazonaws.com", Refreshed: at,
			ReadAll: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}}
}

// stored returns what the mirror has.
func (w *world) mirror(t testing.TB) []lanyard.Resource {
	t.Helper()
	var all []lanyard.Resource
	for _, typ := range control.MirrorTypes() {
		for after := int64(0); ; {
			page, next, err := w.MirrorResources(w.Context(), mirroredID, typ, after)
			if err != nil {
				t.Fatal(err)
			}
			if all = append(all, page...); next == 0 {
				break
			}
			after = next
		}
	}
	return all
}

// refresh applies what the resources change, in pieces of so many, and stops after so many pieces; negative: never.
func (w *world) refresh(t testing.TB, minute int, resources []lanyard.Resource, size, stop int) {
	t.Helper()
	d := control.CompareMirror(w.mirror(t), control.MirrorRead{Resources: resources, Complete: true,
		Began: source(minute).Mirror.Refreshed})
	pieces := []control.MirrorPiece{{}}
	last := func() *control.MirrorPiece {
		if p := &pieces[len(pieces)-1]; len(p.Put)+len(p.Delete) < size {
			return p
		}
		pieces = append(pieces, control.MirrorPiece{})
		return &pieces[len(pieces)-1]
	}
	for _, r := range d.Put {
		p := last()
		p.Put = append(p.Put, r)
	}
	for _, ref := range d.Delete {
		p := last()
		p.Delete = append(p.Delete, ref)
	}
	pieces[0].First, pieces[len(pieces)-1].Last = true, true
	for i, p := range pieces {
		if i == stop {
			return
		}
		p.Instance, p.Run = source(minute), fmt.Sprint("run ", minute)
		if _, err := w.ApplyMirror(w.Context(), mirrorCaller, p); err != nil {
			t.Fatal(err)
		}
	}
}

// drawSource draws the resources of a source: few names, so that they are exchanged, and references to what there is.
func drawSource(t *rapid.T) []lanyard.Resource {
	id := func(kind, i int) string { return fmt.Sprintf("%08d-0000-4000-8000-%012d", kind, i) }
	meta := func(kind, i int, name string) lanyard.Meta {
		return lanyard.Meta{ID: id(kind, i), Name: name, Modified: time.Unix(int64(rapid.IntRange(1, 3).Draw(t, "at")), 0).UTC()}
	}
	names := func(n int, what string) []string {
		all := make([]string, n+2)
		for i := range all {
			all[i] = fmt.Sprint(what, i)
		}
		return rapid.Permutation(all).Draw(t, "names")
	}
	all := []lanyard.Resource{
		&lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID},
			Levels: []lanyard.Level{{ID: "1", Name: "One"}}},
	}
	profiles, ids := names(4, "profile "), []string{}
	for i := range 4 {
		if rapid.Bool().Draw(t, "profile") {
			ids = append(ids, id(1, i))
			all = append(all, &lanyard.Profile{Meta: meta(1, i, profiles[i]), Permissions: rapid.SampledFrom([][]string{nil,
				{"Users.View"}, {"Users.Edit", "Users.View"}}).Draw(t, "permissions")})
		}
	}
	groups := names(3, "group ")
	for i := range 3 {
		if rapid.Bool().Draw(t, "group") {
			all = append(all, &lanyard.Group{Meta: meta(2, i, groups[i]), Path: []string{id(2, i)}})
		}
	}
	if len(ids) > 0 {
		users := names(4, "user ")
		for i := range 4 {
			if rapid.Bool().Draw(t, "user") {
				all = append(all, &lanyard.User{Meta: meta(3, i, users[i]), RoutingProfile: id(9, 9),
					Profiles: []string{rapid.SampledFrom(ids).Draw(t, "holds")},
					Settings: lanyard.Settings{"PhoneConfig": lanyard.JSON(`{"PhoneType":"SOFT_PHONE"}`)}})
			}
		}
	}
	return rapid.Permutation(all).Draw(t, "order")
}

// form is a resource without what the mirror gives it.
func form(r lanyard.Resource) string {
	r = lanyard.Clone(r)
	r.Head().Seq = 0
	b, err := laxjson.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func forms(list []lanyard.Resource) map[lanyard.Ref]string {
	out := map[lanyard.Ref]string{}
	for _, r := range list {
		out[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] = form(r)
	}
	return out
}

// TestMirrorFollowsItsSource refreshes a mirror from a source that changes in any way, in pieces of any size, with
// refreshes that stop in the middle: afterwards the mirror has what the source has, decisions are made from that, and
// another refresh changes nothing.
func TestMirrorFollowsItsSource(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		var now []lanyard.Resource
		for minute := range rapid.IntRange(1, 5).Draw(rt, "refreshes") {
			now = drawSource(rt)
			stop := -1
			if minute > 0 && rapid.Bool().Draw(rt, "interrupted") {
				stop = rapid.IntRange(1, 3).Draw(rt, "after")
			}
			w.refresh(t, minute, now, rapid.IntRange(1, 5).Draw(rt, "size"), stop)
			if stop >= 0 {
				w.refresh(t, minute, now, 500, -1)
			}
			if got, want := forms(w.mirror(t)), forms(now); !reflect.DeepEqual(got, want) {
				rt.Fatalf("the mirror has\n%v\nwant\n%v", got, want)
			}
			checkDecisions(rt, w, now)
		}
		before, err := w.Revision(t.Context(), mirroredID)
		if err != nil {
			rt.Fatal(err)
		}
		w.refresh(t, 20, now, 500, -1)
		if after, err := w.Revision(t.Context(), mirroredID); err != nil || after != before {
			rt.Fatalf("a refresh that finds nothing changed moved revision %d to %d, %v", before, after, err)
		}
	})
}

// checkDecisions expects users to be allowed what their profiles at the source allow.
func checkDecisions(t *rapid.T, w *world, now []lanyard.Resource) {
	call := control.Call{Caller: lanyard.Caller{Account: account}}
	snapshot, err := w.Snapshot(w.Context(), call, mirroredID, 0)
	if err != nil {
		t.Fatal(err)
	}
	grants := map[string]bool{}
	for _, r := range now {
		if p, ok := r.(*lanyard.Profile); ok {
			grants[p.ID] = len(p.Permissions) == 2
		}
	}
	for _, r := range now {
		if u, ok := r.(*lanyard.User); ok {
			d := snapshot.Decide(&access.Query{Subject: access.Subject{ID: u.ID}, Action: "Users.Edit"})
			if d.Allow != grants[u.Profiles[0]] {
				t.Fatalf("user %s: %v, want %v", u.ID, d.Allow, grants[u.Profiles[0]])
			}
		}
	}
}

func TestMirrorEvents(t *testing.T) {
	w := newWorld(t)
	profile := func(name string) *lanyard.Profile {
		return &lanyard.Profile{Meta: lanyard.Meta{ID: "00000001-0000-4000-8000-000000000000", Name: name}}
	}
	w.refresh(t, 0, []lanyard.Resource{profile("Before")}, 500, -1)
	w.refresh(t, 1, []lanyard.Resource{profile("After")}, 500, -1)
	w.refresh(t, 2, []lanyard.Resource{profile("After")}, 500, -1)   // nothing changed
	w.refresh(t, 120, []lanyard.Resource{profile("After")}, 500, -1) // and for long
	w.refresh(t, 121, nil, 500, -1)
	events, err := w.Events(t.Context(), mirroredID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		changes := ""
		for _, c := range e.Changes {
			changes += fmt.Sprintf(" %s:%t%t", c.Type, len(c.Before) > 0, len(c.After) > 0)
		}
		got = append(got, fmt.Sprintf("%s %s %s %s%s", e.Operation, e.AccessKeyID, e.Region, e.UserAgent, changes))
		if !bytes.Contains(e.Request, []byte(`"RunBy":"AKIAROOT"`)) {
			t.Errorf("the request of event %d is %s, want the key that ran it", e.Revision, e.Request)
		}
	}
	const by = "MirrorInstance mirror eu-west-2 lanyard mirror"
	want := []string{by + " security-profile:falsetrue instance:falsetrue",
		by + " security-profile:truetrue instance:truetrue", by + " instance:truetrue",
		by + " security-profile:truefalse instance:truetrue"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the events are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	in, err := w.Instance(t.Context(), control.Call{Caller: lanyard.Caller{Account: account}}, mirroredID)
	if err != nil || !w.Refreshed(in).Equal(source(121).Mirror.Refreshed) || in.Mirror.Run != "" {
		t.Errorf("the mirror is %+v, %v; want it refreshed at minute 121 and complete", in.Mirror, err)
	}
}

func TestMirrorPiecesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.refresh(t, 0, nil, 500, -1)
	piece := func(change func(*control.MirrorPiece)) control.MirrorPiece {
		p := control.MirrorPiece{Instance: source(1), Run: "this", First: true, Last: true}
		change(&p)
		return p
	}
	for _, tt := range []struct {
		name  string
		piece control.MirrorPiece
		kind  lanyard.Kind
	}{
		{"no instance", piece(func(p *control.MirrorPiece) { p.Instance = nil }), lanyard.Invalid},
		{"no source", piece(func(p *control.MirrorPiece) { p.Instance.Mirror = nil }), lanyard.Invalid},
		{"no run", piece(func(p *control.MirrorPiece) { p.Run = "" }), lanyard.Invalid},
		{"no UUID", piece(func(p *control.MirrorPiece) { p.Instance.ID = "../../etc" }), lanyard.Invalid},
		{"an instance within", piece(func(p *control.MirrorPiece) {
			p.Put = []lanyard.Resource{&lanyard.Instance{Meta: lanyard.Meta{ID: mirroredID}}}
		}), lanyard.Invalid},
		{"the instance is deleted", piece(func(p *control.MirrorPiece) {
			p.Delete = []lanyard.Ref{{Type: lanyard.TypeInstance, ID: mirroredID}}
		}), lanyard.Invalid},
		{"no id", piece(func(p *control.MirrorPiece) { p.Put = []lanyard.Resource{&lanyard.Profile{}} }), lanyard.Invalid},
		{"too many", piece(func(p *control.MirrorPiece) { p.Delete = make([]lanyard.Ref, 501) }), lanyard.Invalid},
		{"another run has begun", piece(func(p *control.MirrorPiece) { p.First = false }), lanyard.Condition},
		{"another account", piece(func(p *control.MirrorPiece) { p.Instance.Account = stranger }), lanyard.Duplicate},
		{"an ordinary instance", piece(func(p *control.MirrorPiece) { p.Instance.ID = w.in.ID }), lanyard.Duplicate},
		{"a name that forges", piece(func(p *control.MirrorPiece) {
			p.Put = []lanyard.Resource{&lanyard.Profile{Meta: lanyard.Meta{ID: "x", Name: "a\x1b[2J"}}}
		}), lanyard.Invalid},
		{"the alias of another", piece(func(p *control.MirrorPiece) { p.Instance.Name = w.in.Name }), lanyard.Duplicate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, err := w.Revision(t.Context(), mirroredID)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.ApplyMirror(t.Context(), mirrorCaller, tt.piece); lanyard.KindOf(err) != tt.kind {
				t.Errorf("got %v, want %v", err, tt.kind)
			}
			if after, _ := w.Revision(t.Context(), mirroredID); after != before {
				t.Errorf("the revision moved from %d to %d", before, after)
			}
		})
	}
}

// TestMirrorTakesAnyText stores what a source has that lanyard would not take from a caller.
func TestMirrorTakesAnyText(t *testing.T) {
	w := newWorld(t)
	profile := func(n int, name string) *lanyard.Profile {
		return &lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprintf("0000000%d-0000-4000-8000-000000000000", n), Name: name}}
	}
	evil := profile(1, "a\x1b[2J\u202eb")
	evil.Description, evil.Tags = "lines\nare fine\x00", map[string]string{"k\x07": "v\n"}
	user := &lanyard.User{Meta: lanyard.Meta{ID: "00000004-0000-4000-8000-000000000000", Name: "u"},
		Settings: lanyard.Settings{"New": lanyard.JSON(`{"a":["\u001b"]}`)}}
	read := []lanyard.Resource{evil, profile(2, "twice"), profile(3, "twice"), user}
	d := control.CompareMirror(nil, control.MirrorRead{Resources: read})
	if len(d.Notes) != 2 {
		t.Errorf("the notes are %q, want one about texts and one about names", d.Notes)
	}
	w.refresh(t, 0, read, 500, -1)
	got := forms(w.mirror(t))
	for ref, want := range map[lanyard.Ref]string{
		{Type: lanyard.TypeProfile, ID: evil.ID}:                                `"Name":"a�[2J�b"`,
		{Type: lanyard.TypeProfile, ID: "00000003-0000-4000-8000-000000000000"}: `"Name":"twice (00000003-`,
		{Type: lanyard.TypeUser, ID: user.ID}:                                   `{"New":{"a":["�"]}}`,
	} {
		if !strings.Contains(got[ref], want) {
			t.Errorf("%v is %s, want %s in it", ref, got[ref], want)
		}
	}
	if s := got[lanyard.Ref{Type: lanyard.TypeProfile, ID: evil.ID}]; !strings.Contains(s, `lines\nare fine�`) ||
		!strings.Contains(s, `{"k�":"v�"}`) {
		t.Errorf("the profile is %s, want its line break kept and the rest replaced", s)
	}
	if d := control.CompareMirror(w.mirror(t), control.MirrorRead{Resources: read}); !d.Empty() {
		t.Errorf("the next copy changes %v and deletes %v, want nothing", d.Put, d.Delete)
	}
}

func TestSuspiciousCopies(t *testing.T) {
	users := func(n int) (all []lanyard.Resource) {
		for i := range n {
			all = append(all, &lanyard.User{Meta: lanyard.Meta{ID: fmt.Sprint(i), Name: fmt.Sprint(i)}})
		}
		return all
	}
	for _, tt := range []struct {
		name       string
		had, has   int
		suspicious bool
	}{
		{"a few of few", 20, 0, false}, {"half", 100, 50, false}, {"more than half", 100, 49, true}, {"all", 21, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := control.CompareMirror(users(tt.had), control.MirrorRead{Resources: users(tt.has)})
			if got := d.Suspicious(); (got != "") != tt.suspicious {
				t.Errorf("got %q, want suspicious %v", got, tt.suspicious)
			}
		})
	}
}

// TestCleanedKeysThatCollide expects the same copy each time if keys are the same once their characters are replaced.
func TestCleanedKeysThatCollide(t *testing.T) {
	var first *lanyard.Queue
	for range 30 {
		q := &lanyard.Queue{Meta: lanyard.Meta{ID: "q", Name: "q", Tags: map[string]string{}}}
		for i := range 8 {
			q.Tags["key"+string(rune(i+1))] = fmt.Sprint(i)
		}
		d := control.CompareMirror(nil, control.MirrorRead{Resources: []lanyard.Resource{q}})
		got := d.Put[0].(*lanyard.Queue)
		if first == nil {
			first = got
		}
		if !reflect.DeepEqual(got.Tags, first.Tags) || len(got.Tags) != 1 {
			t.Fatalf("the tags are %q, and were %q", got.Tags, first.Tags)
		}
	}
}

// What decisions find by id is read by mirrors, or goes by the question there.
func TestMirrorsReadWhatDecisionsFind(t *testing.T) {
	for _, x := range lanyard.ResourceTypes() {
		if x.Decided && slices.Contains(control.MirrorTypes(), x.Type) == x.Unmirrored {
			t.Errorf("%s: is read by mirrors or is Unmirrored, not both or neither", x.Name)
		}
	}
}
