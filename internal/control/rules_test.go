package control_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

func TestHierarchyStructure(t *testing.T) {
	w := newWorld(t)
	ids := func() (ids []string) {
		for _, l := range w.structure().Levels {
			ids = append(ids, l.ID)
		}
		return ids
	}
	names := func() (names []string) {
		for _, l := range w.structure().Levels {
			names = append(names, l.Name)
		}
		return names
	}
	w.fails(w.levels("One", "", "Three"), lanyard.Invalid, "LevelThree", "LevelTwo")
	w.fails(w.levels("", "Two"), lanyard.Invalid, "LevelTwo", "LevelOne")
	w.fails(w.levels(strings.Repeat("x", 101)), lanyard.Invalid, "LevelOne.Name", "101")
	w.must(w.levels("One", "Two", "Three"))
	first := ids()
	revision := w.revision()
	w.must(w.levels("One", "Two", "Three"))
	if w.revision() != revision {
		t.Error("the same levels again leave an event")
	}
	w.pass(time.Minute)
	w.must(w.levels("One", "Deux", "Three"))
	if !reflect.DeepEqual(ids(), first) {
		t.Errorf("a renamed level has another id: %v, before %v", ids(), first)
	}
	if l := w.structure().Levels; !l[1].Modified.After(l[0].Modified) || l[2].Modified != l[0].Modified {
		t.Errorf("renaming one level dates %+v", l)
	}
	g := w.group("G", "")
	below := w.group("B", g.ID)
	err := w.levels("One")
	w.fails(err, lanyard.InUse, "LevelTwo", `"B"`, below.ID)
	if got := names(); !reflect.DeepEqual(got, []string{"One", "Deux", "Three"}) {
		t.Errorf("a refused change leaves the levels %v", got)
	}
	w.must(w.levels("One", "Deux"))
	w.must(w.levels("One", "Deux", "Drei"))
	if again := ids(); !slices.Equal(again, []string{"1", "2", "3"}) {
		t.Errorf("a level removed and added has the ids %v", again)
	}
	w.did(w.DeleteUserHierarchyGroup(t.Context(), call(""), w.in.ID, below.ID))
	w.did(w.DeleteUserHierarchyGroup(t.Context(), call(""), w.in.ID, g.ID))
	w.must(w.levels())
	if got := names(); len(got) != 0 {
		t.Errorf("no levels are %v", got)
	}
}

// TestLevelsOfEarlierVersions still understands the ids that levels had then, and stores nothing again.
func TestLevelsOfEarlierVersions(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("One", "Two"))
	const old = "5b4b1a2c-0000-4000-8000-00000000abcd"
	w.must(w.store.Update(t.Context(), w.in.ID, func(tx store.Tx) error {
		st := lanyard.Clone(w.structure())
		st.Levels[0].ID, st.Levels[1].ID = "5b4b1a2c-0000-4000-8000-000000001234", old
		if err := tx.Put(t.Context(), st); err != nil {
			return err
		}
		return tx.Append(t.Context(),
			&lanyard.Event{ID: "old", Instance: w.in.ID, Operation: "UpdateUserHierarchyStructure", Time: w.clock()})
	}))
	top := w.group("Top", "")
	below := w.group("Below", top.ID)
	for _, id := range []string{"2", old, strings.ToUpper(old), w.ARN(w.in, lanyard.TypeLevel, "2"),
		w.ARN(w.in, lanyard.TypeLevel, old)} {
		findOne(w, below, "levelId", id)
	}
	w.must(w.levels("One", "Deux", "Trois"))
	findOne(w, below, "levelId", old)
	if l := w.structure().Levels; l[1].ID != old || l[2].ID != "3" {
		t.Errorf("after a change the stored levels are %+v", l)
	}
}

func TestGroupPaths(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("1", "2", "3", "4"))
	var path []string
	parent := ""
	for i := range 4 {
		g := w.group(fmt.Sprint("g", i), parent)
		path, parent = append(path, g.ID), g.ID
	}
	make := func(name, parent string) error {
		_, err := w.CreateUserHierarchyGroup(t.Context(), call(""), w.in.ID, control.NewGroup{Name: name, Parent: parent})
		return err
	}
	w.fails(make("fifth", parent), lanyard.NotFound, "level 5", "structure has 4", "UpdateUserHierarchyStructure")
	w.must(w.levels("1", "2", "3", "4", "5"))
	fifth := w.group("fifth", parent)
	path = append(path, fifth.ID)
	w.fails(make("sixth", fifth.ID), lanyard.Invalid, "ParentGroupId", fifth.ID, "level 5")
	_, got, err := w.DescribeUserHierarchyGroup(t.Context(), call(""), w.in.ID, w.arn(fifth))
	w.must(err)
	var above []string
	for _, g := range got.Above {
		above = append(above, g.ID)
	}
	if !reflect.DeepEqual(above, path) || len(got.Levels) != 5 || !reflect.DeepEqual(got.Group.Path, path) {
		t.Errorf("the path is %v with %d levels, want %v", above, len(got.Levels), path)
	}
	w.fails(make("fifth", parent), lanyard.Duplicate, "fifth")
	w.group("fifth", "") // the same name elsewhere
	w.fails(make("x", "nobody"), lanyard.Invalid, "ParentGroupId", "nobody")
	w.fails(make(strings.Repeat("é", 101), ""), lanyard.Invalid, "Name", "101")
	w.must(make(strings.Repeat("é", 100), ""))
	w.did(w.UpdateUserHierarchyGroupName(t.Context(), call(""), w.in.ID, fifth.ID, "renamed"))
	w.fails(failure(w.UpdateUserHierarchyGroupName(t.Context(), call(""), w.in.ID, path[0], "fifth")), lanyard.Duplicate)
}

// TestQuotas fills each quota, is refused one more, and has room again after a deletion.
func TestQuotas(t *testing.T) {
	w := newWorld(t, func(c *control.Config) {
		c.Quotas = control.Quotas{InstancesPerAccount: 1, Profiles: 5, Users: 2, Groups: 2, Queues: 2, RoutingProfiles: 2,
			Hours: 2, Modules: 2, QuickConnects: 2, AIAgents: 2}
	})
	w.flows(w.in.ID, "f")
	w.must(w.levels("One"))
	held := only[*lanyard.Profile](w).ID
	for _, tt := range []struct {
		name   string
		room   int // in addition to what a new instance has
		create func(name string) (id string, err error)
		remove func(id string) error
	}{
		{"Profiles", 1, func(name string) (string, error) {
			created, err := w.CreateSecurityProfile(t.Context(), call(""), w.in.ID, control.NewProfile{Name: name})
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteSecurityProfile(t.Context(), call(""), w.in.ID, id)) }},
		{"Users", 2, func(name string) (string, error) { u, err := w.newUser(name, nil, held); return idOf(u, err), err },
			func(id string) error { return failure(w.DeleteUser(t.Context(), call(""), w.in.ID, id)) }},
		{"Groups", 2, func(name string) (string, error) {
			created, err := w.CreateUserHierarchyGroup(t.Context(), call(""), w.in.ID, control.NewGroup{Name: name})
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteUserHierarchyGroup(t.Context(), call(""), w.in.ID, id)) }},
		{"Queues", 1, func(name string) (string, error) {
			created, err := w.CreateQueue(t.Context(), call(""), w.in.ID,
				&lanyard.Queue{Meta: lanyard.Meta{Name: name}, Hours: only[*lanyard.Hours](w).ID})
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteQueue(t.Context(), call(""), w.in.ID, id)) }},
		{"RoutingProfiles", 1, func(name string) (string, error) {
			created, err := w.CreateRoutingProfile(t.Context(), call(""), w.in.ID,
				&lanyard.RoutingProfile{Meta: lanyard.Meta{Name: name}, DefaultQueue: only[*lanyard.Queue](w).ID})
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteRoutingProfile(t.Context(), call(""), w.in.ID, id)) }},
		{"Hours", 1, func(name string) (string, error) {
			created, err := w.CreateHoursOfOperation(t.Context(), call(""), w.in.ID,
				&lanyard.Hours{Meta: lanyard.Meta{Name: name}, TimeZone: "UTC"})
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteHoursOfOperation(t.Context(), call(""), w.in.ID, id)) }},
		{"Modules", 2, func(name string) (string, error) {
			created, err := w.CreateContactFlowModule(t.Context(), call(""), w.in.ID,
				&lanyard.Module{Meta: lanyard.Meta{Name: name}}, "")
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteContactFlowModule(t.Context(), call(""), w.in.ID, id)) }},
		{"QuickConnects", 2, func(name string) (string, error) {
			created, err := w.CreateQuickConnect(t.Context(), call(""), w.in.ID,
				&lanyard.QuickConnect{Meta: lanyard.Meta{Name: name}, Kind: lanyard.ToFlow, Flow: "f"})
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteQuickConnect(t.Context(), call(""), w.in.ID, id)) }},
		{"Modules with a client token", 2, func(name string) (string, error) {
			created, err := w.CreateContactFlowModule(t.Context(), call("CreateContactFlowModule"), w.in.ID,
				&lanyard.Module{Meta: lanyard.Meta{Name: name}}, "token "+name)
			return idOf(created.Resource, err), err
		}, func(id string) error { return failure(w.DeleteContactFlowModule(t.Context(), call(""), w.in.ID, id)) }},
		{"AIAgents", 2, func(name string) (string, error) {
			return name, failure(w.AssociateSecurityProfiles(t.Context(), call(""), w.in.ID, aiAgent(name), []string{held}))
		}, func(id string) error {
			return failure(w.DisassociateSecurityProfiles(t.Context(), call(""), w.in.ID, aiAgent(id), []string{held}))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.T = t
			var ids []string
			for i := range tt.room {
				id, err := tt.create(fmt.Sprint(tt.name, i))
				w.must(err)
				ids = append(ids, id)
			}
			_, err := tt.create("one-too-many")
			w.fails(err, lanyard.Limit, "of at most")
			w.must(tt.remove(ids[0]))
			id, err := tt.create("one-again")
			w.must(err)
			for _, id := range append(ids[1:], id) {
				w.must(tt.remove(id))
			}
		})
	}
	w.T = t
	_, err := w.CreateInstance(t.Context(), call(""),
		control.NewInstance{Alias: "second", IdentityManagement: control.SAML})
	w.fails(err, lanyard.Quota, "1 of at most 1")
	w.instance(stranger, "theirs") // the quota is an account's
}

func idOf(r lanyard.Resource, err error) string {
	if err != nil {
		return ""
	}
	return r.Head().ID
}

func aiAgent(id string) control.Entity {
	return control.Entity{Type: control.EntityAIAgent, ARN: "arn:aws:wisdom:us-east-1:" + account +
		":ai-agent/assistant/" + strings.ReplaceAll(id, " ", "-")}
}

// TestInUse refuses the deletion of what is referred to, until it no longer is.
func TestInUse(t *testing.T) {
	w := newWorld(t, takesUsers)
	w.must(w.levels("One", "Two"))
	ctx, in := t.Context(), w.in.ID
	p, q := w.profile("P", control.ProfileChange{}), w.profile("Q", control.ProfileChange{})
	top := w.group("Top", "")
	below := w.group("Below", top.ID)
	hours, err := made(w.CreateHoursOfOperation(ctx, call(""), in,
		&lanyard.Hours{Meta: lanyard.Meta{Name: "H"}, TimeZone: "Europe/Paris"}))
	w.must(err)
	child, err := made(w.CreateHoursOfOperation(ctx, call(""), in,
		&lanyard.Hours{Meta: lanyard.Meta{Name: "Child"}, TimeZone: "UTC", Parents: []string{w.arn(hours), hours.ID}}))
	w.must(err)
	queue, err := made(w.CreateQueue(ctx, call(""), in, &lanyard.Queue{Meta: lanyard.Meta{Name: "Q"}, Hours: w.arn(hours)}))
	w.must(err)
	routing, err := made(w.CreateRoutingProfile(ctx, call(""), in,
		&lanyard.RoutingProfile{Meta: lanyard.Meta{Name: "R"}, DefaultQueue: only[*lanyard.Queue](w).ID,
			Queues: []lanyard.QueueConfig{{Queue: w.arn(queue), Channel: "VOICE"}, {Queue: queue.ID, Channel: "CHAT"}}}))
	w.must(err)
	u := w.user("u", p.ID, q.ID)
	w.did(w.UpdateUserRoutingProfile(ctx, call(""), in, u.ID, w.arn(routing)))
	w.did(w.UpdateUserHierarchy(ctx, call(""), in, u.ID, below.ID))
	w.did(w.AssociateSecurityProfiles(ctx, call(""), in, aiAgent("a"), []string{q.ID}))

	remove := map[string]func() error{
		"profile P": func() error { return failure(w.DeleteSecurityProfile(ctx, call(""), in, p.ID)) },
		"profile Q": func() error { return failure(w.DeleteSecurityProfile(ctx, call(""), in, q.ID)) },
		"top":       func() error { return failure(w.DeleteUserHierarchyGroup(ctx, call(""), in, top.ID)) },
		"below":     func() error { return failure(w.DeleteUserHierarchyGroup(ctx, call(""), in, below.ID)) },
		"hours":     func() error { return failure(w.DeleteHoursOfOperation(ctx, call(""), in, hours.ID)) },
		"queue":     func() error { return failure(w.DeleteQueue(ctx, call(""), in, queue.ID)) },
		"routing":   func() error { return failure(w.DeleteRoutingProfile(ctx, call(""), in, routing.ID)) },
	}
	refused := func(what, by string) {
		t.Helper()
		w.fails(remove[what](), lanyard.InUse, "in use", by)
	}
	refused("profile P", u.ID)
	refused("profile Q", u.ID)
	refused("top", below.ID)
	refused("below", u.ID)
	refused("hours", queue.ID)
	refused("queue", routing.ID)
	refused("routing", u.ID)

	w.did(w.UpdateUserSecurityProfiles(ctx, call(""), in, u.ID, []string{p.ID}))
	refused("profile Q", aiAgent("a").ARN)
	w.did(w.DisassociateSecurityProfiles(ctx, call(""), in, aiAgent("a"), []string{q.ID}))
	w.must(remove["profile Q"]())
	w.did(w.UpdateUserHierarchy(ctx, call(""), in, u.ID, ""))
	w.must(remove["below"]())
	w.must(remove["top"]())
	w.did(w.DeleteUser(ctx, call(""), in, u.ID))
	for _, what := range []string{"profile P", "routing", "queue"} {
		w.must(remove[what]())
	}
	refused("hours", child.ID)
	w.did(w.DeleteHoursOfOperation(ctx, call(""), in, child.ID))
	w.must(remove["hours"]())
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	p := w.profile("P", control.ProfileChange{})
	many := func(from, to int) map[string]string {
		m := map[string]string{}
		for i := from; i < to; i++ {
			m[fmt.Sprintf("key%02d", i)] = ""
		}
		return m
	}
	w.pass(time.Hour)
	w.must(w.tag(p, many(0, 49)))
	w.must(w.tag(p, map[string]string{"key00": "another value", "key49": ""}))
	revision := w.revision()
	w.must(w.tag(p, map[string]string{"key00": "another value"}))
	w.did(w.UntagResource(t.Context(), call(""), w.arn(p), []string{"no such key"}))
	if w.revision() != revision {
		t.Error("tags that are there already leave an event")
	}
	w.fails(w.tag(p, map[string]string{"key50": ""}), lanyard.Invalid, "got 51", "50")
	w.did(w.UntagResource(t.Context(), call(""), w.arn(p), []string{"key49", "key48", "key48"}))
	want := many(0, 48)
	want["key00"] = "another value"
	if got := w.tags(p); !reflect.DeepEqual(got, want) {
		t.Errorf("the tags are %v, want %v", got, want)
	}
	if got := w.current(p); !got.Modified.Equal(p.Modified) {
		t.Errorf("tagging makes it modified at %v, before %v", got.Modified, p.Modified)
	}

	w.did(w.DeleteSecurityProfile(t.Context(), call(""), w.in.ID, p.ID))
	if got := w.tags(p); !reflect.DeepEqual(got, want) {
		t.Errorf("after the deletion the tags are %v, want %v", got, want)
	}
	w.fails(w.tag(p, map[string]string{"a": "b"}), lanyard.NotFound, p.ID)
	w.fails(failure(w.UntagResource(t.Context(), call(""), w.arn(p), []string{"key00"})), lanyard.NotFound, p.ID)
	w.did(w.DeleteInstance(t.Context(), call(""), w.in.ID))
	_, err := w.ListTagsForResource(t.Context(), call(""), w.arn(p))
	w.fails(err, lanyard.NotFound, w.in.ID)
}

// TestEveryTypeCarriesTags tags one of each and is refused what carries none.
func TestEveryTypeCarriesTags(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("One"))
	for _, r := range []lanyard.Resource{w.in, w.profile("P", control.ProfileChange{}), w.user("u"), w.group("G", ""),
		only[*lanyard.Queue](w),
		only[*lanyard.RoutingProfile](w), only[*lanyard.Hours](w), w.module("M")} {
		w.must(w.tag(r, map[string]string{"a": ""}))
		if got := w.tags(r); !reflect.DeepEqual(got, map[string]string{"a": ""}) {
			t.Errorf("%s has the tags %v", r.Type(), got)
		}
	}
	for _, arn := range []string{w.ARN(w.in, lanyard.TypeStructure, lanyard.StructureID),
		w.ARN(w.in, lanyard.TypeClientToken, "x"), w.ARN(w.in, "prompt", "x"), w.ARN(w.in, lanyard.TypeQueue, "x")} {
		_, err := w.ListTagsForResource(t.Context(), call(""), arn)
		w.fails(err, lanyard.NotFound, "does not exist")
	}
	_, err := w.ListTagsForResource(t.Context(), call(""), "arn:aws:connect")
	w.fails(err, lanyard.Invalid, "resourceArn")
}

// TestRestrictedProfilesOfUser bounds how many restricted profiles one user holds, however they come.
func TestRestrictedProfilesOfUser(t *testing.T) {
	w := newWorld(t, takesUsers)
	var ids []string
	for i := range 4 {
		c := control.ProfileChange{AccessTags: map[string]string{"a": "b"}, TagRestricted: []string{"User"}}
		if i == 3 {
			c = control.ProfileChange{HierarchyRestricted: []string{"User"}}
		}
		ids = append(ids, w.profile(fmt.Sprint("Restricted", i), c).ID)
	}
	free := only[*lanyard.Profile](w).ID
	_, err := w.newUser("four", nil, ids...)
	w.fails(err, lanyard.Invalid, "SecurityProfileIds", "4", "3")
	// restricts nothing, and does not count
	half := w.profile("Half", control.ProfileChange{TagRestricted: []string{"User"}}).ID
	w.user("three-and-a-half", ids[0], free, ids[1], ids[2], half)
	u := w.user("three", ids[0], free, ids[1], ids[2], ids[2])
	w.fails(failure(w.UpdateUserSecurityProfiles(t.Context(), call(""), w.in.ID, u.ID, ids)), lanyard.Invalid, "4")
	entity := control.Entity{Type: control.EntityUser, ARN: w.arn(u)}
	w.fails(failure(w.AssociateSecurityProfiles(t.Context(), call(""), w.in.ID, entity, ids[3:])), lanyard.Invalid, "4")

	// A profile of the user that becomes restricted later is no obstacle, nor is there one to taking
	// some away.
	other := w.profile("Later", control.ProfileChange{})
	w.did(w.AssociateSecurityProfiles(t.Context(), call(""), w.in.ID, entity, []string{other.ID}))
	w.must(w.update(other, control.ProfileChange{HierarchyRestricted: []string{"User"}}))
	w.did(w.DisassociateSecurityProfiles(t.Context(), call(""), w.in.ID, entity, []string{free}))
	_, got, err := w.DescribeUser(t.Context(), call(""), w.in.ID, u.ID)
	w.must(err)
	if want := []string{ids[0], ids[1], ids[2], other.ID}; !reflect.DeepEqual(got.Profiles, want) {
		t.Errorf("the user holds %v, want %v", got.Profiles, want)
	}
}

// A server that comes to stand for another region still knows its instances by their own ARNs.
func TestRegionOfInstances(t *testing.T) {
	w := newWorld(t)
	p := w.profile("P", control.ProfileChange{})
	elsewhere := control.New(control.Config{Store: w.store, Region: "eu-west-1"})
	arn := w.ARN(w.in, lanyard.TypeInstance, w.in.ID)
	in, _, err := elsewhere.DescribeSecurityProfile(t.Context(), call(""), arn, w.arn(p))
	w.must(err)
	if in.Region != region {
		t.Errorf("the instance is in %s, want %s", in.Region, region)
	}
	_, err = elsewhere.Instance(t.Context(), call(""), strings.Replace(arn, region, "eu-west-1", 1))
	w.fails(err, lanyard.NotFound)
}

func TestAssociations(t *testing.T) {
	w := newWorld(t)
	ctx, in := t.Context(), w.in.ID
	p, q, r := w.profile("P", control.ProfileChange{}).ID, w.profile("Q", control.ProfileChange{}).ID,
		w.profile("R", control.ProfileChange{}).ID
	a, latest := aiAgent("a"), aiAgent("a:$LATEST")
	join := func(e control.Entity, ids ...string) error {
		return failure(w.AssociateSecurityProfiles(ctx, call(""), in, e, ids))
	}
	part := func(e control.Entity, ids ...string) error {
		return failure(w.DisassociateSecurityProfiles(ctx, call(""), in, e, ids))
	}
	holds := func(e control.Entity, want ...string) {
		t.Helper()
		got, _, err := w.ListEntitySecurityProfiles(ctx, call(""), in, e, control.Page{Limit: 100})
		w.must(err)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s holds %v, want %v", e.ARN, got, want)
		}
	}
	holds(a)
	w.must(join(a, p))
	w.fails(join(a, q, p), lanyard.Exists, "SecurityProfiles[1].Id", p)
	w.fails(join(a, q, "none"), lanyard.NotFound, "SecurityProfiles[1].Id", "none")
	holds(a, p)
	w.must(join(aiAgent("twice"), q, q)) // named twice is named once
	holds(aiAgent("twice"), q)
	w.must(part(aiAgent("twice"), q, q))
	holds(aiAgent("twice"))
	for _, arn := range []string{"x", "arn:aws:wisdom:us-east-1:" + account + ":ai-agent/", "arn:aws:wisdom:us-east-1:" +
		account + ":ai-agent/a",
		"arn:aws:wisdom::" + account + ":ai-agent/a/b", "arn:aws:wisdom:us-east-1:" + account + ":ai-agent/a/b:foo",
		"arn:aws:wisdom:us-east-1:" + account + ":ai-agent/a/b/c",
		"arn:awsome:wisdom:us-east-1:" + account + ":ai-agent/a/b", "arn:aws:connect:us-east-1:" + account +
			":ai-agent/a/b"} {
		w.fails(join(control.Entity{Type: control.EntityAIAgent, ARN: arn}, q), lanyard.Invalid, "EntityArn", ":$LATEST")
	}
	for _, arn := range []string{"arn:aws:wisdom:us-east-1:" + stranger + ":ai-agent/a/b", "arn:aws:wisdom:eu-west-1:" +
		account + ":ai-agent/a/b"} {
		w.fails(join(control.Entity{Type: control.EntityAIAgent, ARN: arn}, q), lanyard.NotFound, "EntityArn", arn)
	}
	holds(latest) // each qualifier is its own
	w.must(join(latest, r, w.ARN(w.in, lanyard.TypeProfile, q)))
	holds(latest, r, q)
	const only = "Can only disassociate security profile ids associated to the entity"
	w.fails(part(a, q), lanyard.Invalid, only, q)
	w.fails(part(latest, q, p), lanyard.Invalid, only, "SecurityProfiles[1].Id", p)
	holds(latest, r, q)
	w.must(part(latest, q, r))
	w.fails(part(latest, q), lanyard.Invalid, only, latest.ARN)
	w.fails(part(aiAgent("never"), q), lanyard.Invalid, only, aiAgent("never").ARN)
	w.fails(part(latest, "none"), lanyard.Invalid, only, "none")
	w.fails(join(control.Entity{Type: control.EntityUser, ARN: "u"}, p), lanyard.Invalid, "EntityType", "USER")
	for _, arn := range []string{"x", "arn:aws:connect:us-east-1:123456789012:ai-agent/a",
		"arn:aws:wisdom:us-east-1:123456789012:assistant/a"} {
		w.fails(join(control.Entity{Type: control.EntityAIAgent, ARN: arn}, p), lanyard.Invalid, "EntityArn", arn)
	}
}

func TestAssociatedUsers(t *testing.T) {
	w := newWorld(t, takesUsers)
	p := w.profile("P", control.ProfileChange{})
	u := w.user("u")
	first := u.Profiles[0]
	e := control.Entity{Type: control.EntityUser, ARN: w.arn(u)}
	w.did(w.AssociateSecurityProfiles(t.Context(), call(""), w.in.ID, e, []string{p.ID}))
	w.fails(failure(w.DisassociateSecurityProfiles(t.Context(), call(""), w.in.ID, e, []string{p.ID, first})),
		lanyard.Invalid,
		"0 profiles")
	w.did(w.DisassociateSecurityProfiles(t.Context(), call(""), w.in.ID, e, []string{first}))
	ids, _, err := w.ListEntitySecurityProfiles(t.Context(), call(""), w.in.ID, e, control.Page{Limit: 10})
	w.must(err)
	if !slices.Equal(ids, []string{p.ID}) {
		t.Errorf("the user holds %v", ids)
	}
	var more []string
	for i := range 10 {
		more = append(more, w.profile(fmt.Sprint("More", i), control.ProfileChange{}).ID)
	}
	w.fails(failure(w.AssociateSecurityProfiles(t.Context(), call(""), w.in.ID, e, more)), lanyard.Invalid, "got 11")
}

// TestInstanceToken repeats CreateInstance with its client token.
func TestInstanceToken(t *testing.T) {
	w := newWorld(t)
	n := control.NewInstance{ClientToken: "token", Alias: "second", IdentityManagement: control.SAML, Inbound: true,
		Tags: map[string]string{"a": "b", "c": "d"}}
	first, err := made(w.CreateInstance(t.Context(), call("CreateInstance"), n))
	w.must(err)
	for range 2 { // the quota of two instances is full by now
		again, err := made(w.CreateInstance(t.Context(), call("CreateInstance"), n))
		w.must(err)
		if again.ID != first.ID {
			t.Errorf("the same token makes %s, before %s", again.ID, first.ID)
		}
	}
	other := n
	other.Inbound = false
	_, err = w.CreateInstance(t.Context(), call("CreateInstance"), other)
	w.fails(err, lanyard.Malformed, "ClientToken", "token", first.ID)
	n.Alias = "theirs"
	theirs, err := made(w.CreateInstance(t.Context(), by(stranger, "CreateInstance"), n))
	w.must(err)
	if theirs.ID == first.ID {
		t.Error("another account gets the instance by its token")
	}
}

// TestInstanceTokenAtOnce has many callers with one token, and little room.
func TestInstanceTokenAtOnce(t *testing.T) {
	w := newWorld(t)
	const callers = 8
	ids, errs := make([]string, callers), make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			created, err := w.CreateInstance(t.Context(), call("CreateInstance"),
				control.NewInstance{ClientToken: "one", Alias: "second", IdentityManagement: control.SAML})
			ids[i], errs[i] = idOf(created.Resource, err), err
		})
	}
	all.Wait()
	for i := range callers {
		if errs[i] != nil || ids[i] != ids[0] {
			t.Errorf("caller %d gets %q, %v; want %q", i, ids[i], errs[i], ids[0])
		}
	}
	list, _, err := w.ListInstances(t.Context(), call(""), control.Page{Limit: 10})
	w.must(err)
	if len(list) != 2 {
		t.Errorf("there are %d instances, want the first and one more", len(list))
	}
}

// TestInstancesAtOnce has many callers who want one instance each, and room for one.
func TestInstancesAtOnce(t *testing.T) {
	w := newWorld(t)
	errs := make([]error, 6)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = w.CreateInstance(t.Context(), call("CreateInstance"),
				control.NewInstance{Alias: fmt.Sprint("n", i), IdentityManagement: control.SAML})
		})
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		w.fails(err, lanyard.Quota)
	}
	if made != 1 {
		t.Errorf("%d instances were made, with room for one", made)
	}
}

func TestModuleToken(t *testing.T) {
	w := newWorld(t, func(c *control.Config) { c.Quotas.Modules = 1 })
	create := func(request, token string) (*lanyard.Module, error) {
		c := call("CreateContactFlowModule")
		c.Request = []byte(request)
		return made(w.CreateContactFlowModule(t.Context(), c, w.in.ID,
			&lanyard.Module{Meta: lanyard.Meta{Name: "M"}, Content: request}, token))
	}
	first, err := create(`{"a":1}`, "token")
	w.must(err)
	revision := w.revision()
	again, err := create(`{"a":1}`, "token")
	w.must(err)
	if again.ID != first.ID || w.revision() != revision {
		t.Errorf("the same token makes %s at revision %d, before %s at %d", again.ID, w.revision(), first.ID, revision)
	}
	_, err = create(`{"a":2}`, "token")
	w.fails(err, lanyard.TokenReused, "ClientToken", "token")
	_, err = create(`{"a":1}`, "other")
	w.fails(err, lanyard.Limit)
	w.did(w.DeleteContactFlowModule(t.Context(), call(""), w.in.ID, first.ID))
	_, err = create(`{"a":1}`, "token")
	w.fails(err, lanyard.TokenReused, "token", first.ID, "deleted")
}

// Client tokens are forgotten after seven days, and calls with new ones remove them: there are never many
// more than seven days' worth.
func TestModuleTokensAreForgotten(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *world{
		"SQLite": func(t *testing.T) *world { return newWorld(t) },
		"PostgreSQL": func(t *testing.T) *world {
			pg := pgtest.Start(t)
			w := server(t, pg.URL(pg.Schema(t, t.TempDir())), true, 0)
			w.in = w.instance(account, "centre")
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			create := func(token, module string) (string, error) {
				c := call("CreateContactFlowModule")
				c.Request = []byte(`{}`)
				m, err := made(w.CreateContactFlowModule(t.Context(), c, w.in.ID,
					&lanyard.Module{Meta: lanyard.Meta{Name: module}},
					token))
				if err != nil {
					return "", err
				}
				return m.ID, nil
			}
			tokens := func(want int) {
				t.Helper()
				list, err := w.store.Reader(w.in.ID).List(t.Context(), lanyard.TypeClientToken, 0, 1000)
				if err != nil || len(list) != want {
					t.Errorf("%d client tokens are kept, %v; want %d", len(list), err, want)
				}
			}
			made := map[string]string{}
			for i := range 6 {
				n := fmt.Sprint(i)
				id, err := create(n, n)
				w.must(err)
				made[n] = id
			}
			w.pass(7*24*time.Hour - time.Second)
			for n, id := range made {
				if again, err := create(n, n); err != nil || again != id {
					t.Errorf("token %s after a little less than seven days: %s, %v; want %s", n, again, err, id)
				}
			}
			id, err := create("new", "new")
			w.must(err)
			tokens(7) // none was old
			w.pass(time.Second)
			_, err = create("4", "4")
			w.fails(err, lanyard.Duplicate, "4") // it is a call like any other, and the module's name is taken
			tokens(7)
			w.did(w.DeleteContactFlowModule(t.Context(), call(""), w.in.ID, made["4"]))
			other, err := create("4", "4")
			w.must(err)
			if other == made["4"] {
				t.Error("a forgotten token answers the module that it made, which is deleted")
			}
			tokens(5) // the two oldest went, and 4 was replaced
			if again, err := create("4", "4"); err != nil || again != other {
				t.Errorf("the token is not remembered again: %s, %v; want %s", again, err, other)
			}
			for i := range 3 {
				_, err := create(fmt.Sprint("later ", i), fmt.Sprint("later ", i))
				w.must(err)
			}
			tokens(5) // 4, new and the three later ones
			if again, err := create("new", "new"); err != nil || again != id {
				t.Errorf("a token that is not old is forgotten: %s, %v", again, err)
			}
		})
	}
}

// TestForeignersSeeNothing calls everything that takes an instance, a resource or an ARN as another
// account: for it nothing of the first exists.
func TestForeignersSeeNothing(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("One"))
	theirs := w.instance(stranger, "theirs")
	w.flows(w.in.ID, "f", "g")
	p, u, g, m := w.profile("P", control.ProfileChange{}), w.user("u"), w.group("G", ""), w.module("M")
	queue, routing, hours := only[*lanyard.Queue](w), only[*lanyard.RoutingProfile](w), only[*lanyard.Hours](w)
	quick, err := made(w.CreateQuickConnect(t.Context(), call(""), w.in.ID,
		&lanyard.QuickConnect{Meta: lanyard.Meta{Name: "Q"}, Kind: lanyard.ToFlow, Flow: "f"}))
	w.must(err)
	c, ctx := by(stranger, "Anything"), t.Context()
	revision := w.revision()
	// attempts are calls on an instance, with resources named by id or by ARN.
	attempts := func(in string, name func(lanyard.Resource) string) map[string]error {
		all := map[string]error{}
		add := func(name string, err error) { all[name] = err }
		page := control.Page{Limit: 10}
		_, err := w.Instance(ctx, c, in)
		add("Instance", err)
		_, _, err = w.DescribeSecurityProfile(ctx, c, in, name(p))
		add("DescribeSecurityProfile", err)
		add("UpdateSecurityProfile",
			failure(w.UpdateSecurityProfile(ctx, c, in, name(p), control.ProfileChange{Description: ptr("mine")})))
		add("DeleteSecurityProfile", failure(w.DeleteSecurityProfile(ctx, c, in, name(p))))
		_, err = w.ListSecurityProfilePermissions(ctx, c, in, name(p), page)
		add("ListSecurityProfilePermissions", err)
		add("AssociateSecurityProfiles", failure(w.AssociateSecurityProfiles(ctx, c, in, aiAgent("a"), []string{name(p)})))
		add("DisassociateSecurityProfiles", failure(w.DisassociateSecurityProfiles(ctx, c, in, aiAgent("a"), []string{name(p)})))
		_, _, err = w.DescribeUser(ctx, c, in, name(u))
		add("DescribeUser", err)
		add("UpdateUserSecurityProfiles", failure(w.UpdateUserSecurityProfiles(ctx, c, in, name(u), []string{name(p)})))
		add("UpdateUserHierarchy", failure(w.UpdateUserHierarchy(ctx, c, in, name(u), "")))
		add("UpdateUserRoutingProfile", failure(w.UpdateUserRoutingProfile(ctx, c, in, name(u), name(routing))))
		add("UpdateUserIdentityInfo", failure(w.UpdateUserIdentityInfo(ctx, c, in, name(u), control.Identity{FirstName: ptr("x")})))
		add("UpdateUserSettings", failure(w.UpdateUserSettings(ctx, c, in, name(u), lanyard.Settings{})))
		add("DeleteUser", failure(w.DeleteUser(ctx, c, in, name(u))))
		_, _, err = w.DescribeUserHierarchyGroup(ctx, c, in, name(g))
		add("DescribeUserHierarchyGroup", err)
		add("UpdateUserHierarchyGroupName", failure(w.UpdateUserHierarchyGroupName(ctx, c, in, name(g), "mine")))
		add("DeleteUserHierarchyGroup", failure(w.DeleteUserHierarchyGroup(ctx, c, in, name(g))))
		_, _, err = w.DescribeQueue(ctx, c, in, name(queue))
		add("DescribeQueue", err)
		add("UpdateQueueHoursOfOperation", failure(w.UpdateQueueHoursOfOperation(ctx, c, in, name(queue), name(hours))))
		add("UpdateQueueMaxContacts", failure(w.UpdateQueueMaxContacts(ctx, c, in, name(queue), nil)))
		add("UpdateQueueName", failure(w.UpdateQueueName(ctx, c, in, name(queue), control.Naming{Name: ptr("mine")})))
		add("UpdateQueueStatus", failure(w.UpdateQueueStatus(ctx, c, in, name(queue), "DISABLED")))
		add("UpdateQueueSettings", failure(w.UpdateQueueSettings(ctx, c, in, name(queue), lanyard.Settings{})))
		add("AssociateQueueQuickConnects", failure(w.AssociateQueueQuickConnects(ctx, c, in, name(queue), []string{name(quick)})))
		add("DisassociateQueueQuickConnects",
			failure(w.DisassociateQueueQuickConnects(ctx, c, in, name(queue), []string{name(quick)})))
		_, err = w.ListQueueQuickConnects(ctx, c, in, name(queue), page)
		add("ListQueueQuickConnects", err)
		_, _, err = w.DescribeQuickConnect(ctx, c, in, name(quick))
		add("DescribeQuickConnect", err)
		add("UpdateQuickConnectName", failure(w.UpdateQuickConnectName(ctx, c, in, name(quick), control.Naming{Name: ptr("mine")})))
		add("UpdateQuickConnectConfig",
			failure(w.UpdateQuickConnectConfig(ctx, c, in, name(quick), lanyard.QuickConnect{Kind: lanyard.ToFlow, Flow: "g"})))
		add("DeleteQuickConnect", failure(w.DeleteQuickConnect(ctx, c, in, name(quick))))
		add("DeleteQueue", failure(w.DeleteQueue(ctx, c, in, name(queue))))
		_, _, err = w.DescribeRoutingProfile(ctx, c, in, name(routing))
		add("DescribeRoutingProfile", err)
		_, err = w.ListRoutingProfileQueues(ctx, c, in, name(routing), page)
		add("ListRoutingProfileQueues", err)
		_, err = w.ListRoutingProfileManualAssignmentQueues(ctx, c, in, name(routing), page)
		add("ListRoutingProfileManualAssignmentQueues", err)
		queues := []lanyard.QueueConfig{{Queue: name(queue), Channel: "VOICE", Priority: 9}}
		add("UpdateRoutingProfileName",
			failure(w.UpdateRoutingProfileName(ctx, c, in, name(routing), control.Naming{Name: ptr("mine")})))
		add("UpdateRoutingProfileDefaultOutboundQueue",
			failure(w.UpdateRoutingProfileDefaultOutboundQueue(ctx, c, in, name(routing), name(queue))))
		add("UpdateRoutingProfileSettings", failure(w.UpdateRoutingProfileSettings(ctx, c, in, name(routing), lanyard.Settings{})))
		add("UpdateRoutingProfileQueues", failure(w.UpdateRoutingProfileQueues(ctx, c, in, name(routing), queues)))
		add("AssociateRoutingProfileQueues",
			failure(w.AssociateRoutingProfileQueues(ctx, c, in, name(routing), control.RoutingQueues{Queues: queues})))
		add("DisassociateRoutingProfileQueues",
			failure(w.DisassociateRoutingProfileQueues(ctx, c, in, name(routing), control.RoutingQueues{Queues: queues})))
		add("DeleteRoutingProfile", failure(w.DeleteRoutingProfile(ctx, c, in, name(routing))))
		_, _, err = w.DescribeHoursOfOperation(ctx, c, in, name(hours))
		add("DescribeHoursOfOperation", err)
		add("UpdateHoursOfOperation",
			failure(w.UpdateHoursOfOperation(ctx, c, in, name(hours), control.HoursChange{TimeZone: ptr("UTC")})))
		add("AssociateHoursOfOperations", failure(w.AssociateHoursOfOperations(ctx, c, in, name(hours), []string{name(hours)})))
		add("DisassociateHoursOfOperations", failure(w.DisassociateHoursOfOperations(ctx, c, in, name(hours), []string{name(hours)})))
		_, err = w.ListChildHoursOfOperations(ctx, c, in, name(hours), page)
		add("ListChildHoursOfOperations", err)
		add("DeleteHoursOfOperation", failure(w.DeleteHoursOfOperation(ctx, c, in, name(hours))))
		_, _, err = w.DescribeContactFlowModule(ctx, c, in, name(m))
		add("DescribeContactFlowModule", err)
		add("DeleteContactFlowModule", failure(w.DeleteContactFlowModule(ctx, c, in, name(m))))
		add("Exists", w.Exists(ctx, c, in, lanyard.TypeUser, name(u)))
		return all
	}
	wholly := func(in string) map[string]error {
		all := map[string]error{}
		_, err := control.List[*lanyard.Profile](ctx, w.Service, c, in, control.Page{Limit: 1})
		all["List"] = err
		_, err = control.Search[*lanyard.User](ctx, w.Service, c, in, control.Query{Page: control.Page{Limit: 1}})
		all["Search"] = err
		_, err = w.CreateSecurityProfile(ctx, c, in, control.NewProfile{Name: "mine"})
		all["CreateSecurityProfile"] = err
		_, err = w.CreateUser(ctx, c, in, control.NewUser{})
		all["CreateUser"] = err
		_, err = w.CreateUserHierarchyGroup(ctx, c, in, control.NewGroup{Name: "mine"})
		all["CreateUserHierarchyGroup"] = err
		_, err = w.CreateQueue(ctx, c, in, &lanyard.Queue{})
		all["CreateQueue"] = err
		_, err = w.CreateRoutingProfile(ctx, c, in, &lanyard.RoutingProfile{})
		all["CreateRoutingProfile"] = err
		_, err = w.CreateHoursOfOperation(ctx, c, in, &lanyard.Hours{TimeZone: "UTC"})
		all["CreateHoursOfOperation"] = err
		_, err = w.CreateContactFlowModule(ctx, c, in, &lanyard.Module{}, "token")
		all["CreateContactFlowModule"] = err
		_, _, err = w.DescribeUserHierarchyStructure(ctx, c, in)
		all["DescribeUserHierarchyStructure"] = err
		all["UpdateUserHierarchyStructure"] = failure(w.UpdateUserHierarchyStructure(ctx, c, in, [lanyard.MaxLevels]*string{}))
		_, err = w.DescribeInstanceAttribute(ctx, c, in, "INBOUND_CALLS")
		all["DescribeInstanceAttribute"] = err
		_, err = w.ListInstanceAttributes(ctx, c, in, control.Page{Limit: 1})
		all["ListInstanceAttributes"] = err
		all["UpdateInstanceAttribute"] = failure(w.UpdateInstanceAttribute(ctx, c, in, "INBOUND_CALLS", "true"))
		_, _, err = w.ListEntitySecurityProfiles(ctx, c, in, aiAgent("a"), control.Page{Limit: 1})
		all["ListEntitySecurityProfiles"] = err
		all["DeleteInstance"] = failure(w.DeleteInstance(ctx, c, in))
		return all
	}
	byID := func(r lanyard.Resource) string { return r.Head().ID }
	arn := w.arn(w.in)
	for where, results := range map[string]map[string]error{
		"the instance by id": attempts(w.in.ID, byID), "the instance by ARN": attempts(arn, w.arn),
		"wholly, by id": wholly(w.in.ID), "wholly, by ARN": wholly(arn),
	} {
		for name, err := range results {
			if !errors.Is(err, lanyard.ErrNotFound) {
				t.Errorf("%s: %s: %v, want not found", where, name, err)
			}
		}
	}
	for where, results := range map[string]map[string]error{
		"ids in their own instance": attempts(theirs.ID, byID), "ARNs in their own instance": attempts(theirs.ID, w.arn),
	} {
		delete(results, "Instance")
		for name, err := range results {
			if !errors.Is(err, lanyard.ErrNotFound) {
				t.Errorf("%s: %s: %v, want not found", where, name, err)
			}
		}
	}
	for _, err := range []error{failure(w.TagResource(ctx, c, w.arn(p), map[string]string{"a": "b"})),
		failure(w.UntagResource(ctx, c, w.arn(p), []string{"a"}))} {
		w.fails(err, lanyard.NotFound)
	}
	_, err = w.ListTagsForResource(ctx, c, w.arn(p))
	w.fails(err, lanyard.NotFound)
	list, _, err := w.ListInstances(ctx, c, control.Page{Limit: 10})
	w.must(err)
	if len(list) != 1 || list[0].ID != theirs.ID {
		t.Errorf("the stranger lists %v", list)
	}
	if w.revision() != revision {
		t.Error("a stranger's calls left events in the instance")
	}
}

func TestUsers(t *testing.T) {
	w := newWorld(t)
	p := w.profile("P", control.ProfileChange{})
	u := w.user("u", p.ID, w.arn(p))
	if !slices.Equal(u.Profiles, []string{p.ID}) {
		t.Errorf("a profile named twice is held %v", u.Profiles)
	}
	_, err := w.newUser("u", nil)
	w.fails(err, lanyard.Duplicate, "u")
	create := func(n control.NewUser) error {
		_, err := w.CreateUser(t.Context(), call(""), w.in.ID, n)
		return err
	}
	full := control.NewUser{User: lanyard.User{Meta: lanyard.Meta{Name: "v"}, Profiles: []string{p.ID},
		RoutingProfile: only[*lanyard.RoutingProfile](w).ID}}
	with := func(change func(*control.NewUser)) control.NewUser { n := full; change(&n); return n }
	w.fails(create(with(func(n *control.NewUser) { n.Password = new("Passw0rd") })), lanyard.Invalid, "Password", "SAML")
	w.fails(create(with(func(n *control.NewUser) { n.User.Profiles = []string{p.ID, "none"} })), lanyard.Invalid,
		"SecurityProfileIds", "none")
	w.fails(create(with(func(n *control.NewUser) { n.User.RoutingProfile = "none" })), lanyard.Invalid, "RoutingProfileId",
		"none")
	w.fails(create(with(func(n *control.NewUser) { n.User.Group = "none" })), lanyard.Invalid, "HierarchyGroupId", "none")
	w.fails(failure(w.UpdateUserSecurityProfiles(t.Context(), call(""), w.in.ID, u.ID, []string{"none"})), lanyard.Invalid,
		"none")
	w.fails(failure(w.UpdateUserSecurityProfiles(t.Context(), call(""), w.in.ID, "none", []string{p.ID})),
		lanyard.NotFound, "none")
	w.fails(failure(w.UpdateUserHierarchy(t.Context(), call(""), w.in.ID, u.ID, "none")), lanyard.Invalid, "HierarchyGroupId",
		"none")
	w.fails(failure(w.UpdateUserRoutingProfile(t.Context(), call(""), w.in.ID, u.ID, w.arn(p))), lanyard.Invalid,
		"RoutingProfileId")
	revision := w.revision()
	w.did(w.UpdateUserSecurityProfiles(t.Context(), call(""), w.in.ID, u.ID, []string{p.ID}))
	w.did(w.UpdateUserIdentityInfo(t.Context(), call(""), w.in.ID, u.ID, control.Identity{}))
	if w.revision() != revision {
		t.Error("what changes nothing leaves an event")
	}
}
