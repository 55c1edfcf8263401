package control_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// The words of names, tags and searches: few, so that much matches, in two cases.
var words = []string{"a", "A", "ab", "Ba", "é", "É", ""}

// TestSearchAgainstOracle searches random users of random groups with random trees of conditions,
// in pages of random sizes, and compares with what looking at every user by the rules finds.
func TestSearchAgainstOracle(t *testing.T) {
	w := newWorld(t)
	in, err := made(w.CreateInstance(t.Context(), call(""),
		control.NewInstance{DirectoryID: "d-0123456789", IdentityManagement: control.ExistingDirectory}))
	w.must(err)
	w.in = in // user names of SAML have no é
	w.must(w.levels("One", "Two", "Three"))
	groups := map[string]*lanyard.Group{}
	var ids []string
	for _, at := range [][2]string{{"g", ""}, {"h", ""}, {"gg", "g"}, {"gh", "g"}, {"ggg", "gg"}} {
		parent := ""
		if at[1] != "" {
			parent = groups[at[1]].ID
		}
		g := w.group(at[0], parent)
		groups[at[0]] = g
		ids = append(ids, g.ID)
	}
	byID := map[string]*lanyard.Group{}
	for _, g := range groups {
		byID[g.ID] = g
	}
	var profiles []string
	for i := range 3 {
		profiles = append(profiles, w.profile(fmt.Sprint("P", i), control.ProfileChange{}).ID)
	}
	routing := only[*lanyard.RoutingProfile](w).ID
	count := 0
	rapid.Check(t, func(rt *rapid.T) {
		var users []*lanyard.User
		for range rapid.IntRange(0, 12).Draw(rt, "users") {
			count++
			u := lanyard.User{
				Meta: lanyard.Meta{Name: fmt.Sprint(rapid.SampledFrom(words).Draw(rt, "name"), count),
					Tags: map[string]string{}},
				FirstName: rapid.SampledFrom(words).Draw(rt, "first"), LastName: rapid.SampledFrom(words).Draw(rt, "last"),
				Profiles:       rapid.SliceOfNDistinct(rapid.SampledFrom(profiles), 1, 3, rapid.ID[string]).Draw(rt, "profiles"),
				RoutingProfile: routing,
				Group:          rapid.SampledFrom(append(ids, "")).Draw(rt, "group"),
			}
			for _, k := range rapid.SliceOfDistinct(rapid.SampledFrom(words[:4]), rapid.ID[string]).Draw(rt, "keys") {
				u.Tags[k] = rapid.SampledFrom(words).Draw(rt, "value")
			}
			created, err := made(w.CreateUser(t.Context(), call("CreateUser"), w.in.ID, control.NewUser{User: u}))
			if err != nil {
				rt.Fatal(err)
			}
			users = append(users, created)
		}
		defer func() {
			for _, u := range users {
				w.did(w.DeleteUser(t.Context(), call("DeleteUser"), w.in.ID, u.ID))
			}
		}()
		var conditions []control.Condition
		for range rapid.IntRange(0, 2).Draw(rt, "conditions") {
			conditions = append(conditions, drawCondition(rt, ids, profiles, 3))
		}
		var want []string
		for _, u := range users {
			if holdsAll(conditions, u, byID) {
				want = append(want, u.ID)
			}
		}
		var got []string
		var total int64
		limit := rapid.IntRange(1, 5).Draw(rt, "limit")
		for page := (control.Page{Limit: limit}); ; {
			some, err := control.Search[*lanyard.User](t.Context(), w.Service, call(""), w.in.ID,
				control.Query{Conditions: conditions, Page: page, Total: total})
			if err != nil {
				rt.Fatal(err)
			}
			if total = some.Total; total != int64(len(want)) {
				rt.Fatalf("a page counts %d, want %d", total, len(want))
			}
			for _, u := range some.Items {
				got = append(got, u.ID)
			}
			if some.Next == "" {
				break
			}
			if len(some.Items) != limit {
				rt.Fatalf("a page that is not the last has %d of %d", len(some.Items), limit)
			}
			page.After = some.Next
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("found %v, want %v", got, want)
		}
	})
}

func drawCondition(rt *rapid.T, groups, profiles []string, depth int) control.Condition {
	var c control.Condition
	set := func(name string) bool { return rapid.IntRange(0, 3).Draw(rt, name) == 0 }
	if depth > 0 {
		for name, list := range map[string]*[]control.Condition{"or": &c.Or, "and": &c.And} {
			if set(name) {
				*list = []control.Condition{}
				for range rapid.IntRange(0, 3).Draw(rt, name+"s") {
					*list = append(*list, drawCondition(rt, groups, profiles, depth-1))
				}
			}
		}
	}
	if set("string") {
		s := &control.StringCondition{Field: rapid.SampledFrom([]string{"Username", "username", "FirstName", "LastName",
			"SecurityProfileId"}).Draw(rt, "field"),
			Value:   rapid.SampledFrom(append(words, profiles...)).Draw(rt, "value"),
			Compare: rapid.SampledFrom([]string{"EXACT", "STARTS_WITH", "CONTAINS", ""}).Draw(rt, "compare")}
		if n := len([]rune(s.Value)); s.Compare == "CONTAINS" && (n < 2 || n > 25) {
			s.Value = "ab"
		}
		c.String = s
	}
	if set("tag") {
		c.Tag = &control.TagCondition{Key: rapid.SampledFrom(words[:4]).Draw(rt, "key"),
			Value: rapid.SampledFrom(words).Draw(rt, "value")}
	}
	if set("group") {
		c.Group = &control.GroupCondition{Group: rapid.SampledFrom(groups).Draw(rt, "in"),
			Below: rapid.Bool().Draw(rt, "below")}
	}
	if rapid.IntRange(0, 15).Draw(rt, "never") == 0 {
		c.Never = true
	}
	return c
}

// holdsAll and holds are the rules of a search, one at a time.
func holdsAll(conditions []control.Condition, u *lanyard.User, groups map[string]*lanyard.Group) bool {
	for _, c := range conditions {
		if !holds(c, u, groups) {
			return false
		}
	}
	return true
}

func holds(c control.Condition, u *lanyard.User, groups map[string]*lanyard.Group) bool {
	if c.Never || !holdsAll(c.And, u, groups) {
		return false
	}
	if len(c.Or) > 0 {
		some := false
		for _, sub := range c.Or {
			some = some || holds(sub, u, groups)
		}
		if !some {
			return false
		}
	}
	if s := c.String; s != nil {
		have := map[string][]string{"username": {u.Name}, "firstname": {u.FirstName}, "lastname": {u.LastName},
			"securityprofileid": u.Profiles}[strings.ToLower(s.Field)]
		some := false
		for _, h := range have {
			h, v := strings.ToLower(h), strings.ToLower(s.Value)
			switch s.Compare {
			case "STARTS_WITH":
				some = some || len(h) >= len(v) && h[:len(v)] == v
			case "CONTAINS":
				some = some || len(strings.Split(h, v)) > 1
			default:
				some = some || h == v
			}
		}
		if !some {
			return false
		}
	}
	if c.Tag != nil {
		if v, ok := u.Tags[c.Tag.Key]; !ok || v != c.Tag.Value {
			return false
		}
	}
	if g := c.Group; g != nil {
		within := u.Group == g.Group
		if g.Below && u.Group != "" {
			for _, id := range groups[u.Group].Path {
				within = within || id == g.Group
			}
		}
		if !within {
			return false
		}
	}
	return true
}

func TestSearchRefuses(t *testing.T) {
	w := newWorld(t)
	deep := control.Condition{Never: true}
	for range 10 {
		deep = control.Condition{And: []control.Condition{deep}}
	}
	s := func(field, value, compare string) control.Condition {
		return control.Condition{String: &control.StringCondition{Field: field, Value: value, Compare: compare}}
	}
	for _, tt := range []struct {
		name  string
		sent  control.Condition
		words string // each after a |; none: accepted
	}{
		{"10 levels deep", deep.And[0], ""},
		{"11 deep", deep, "SearchCriteria|10 levels deep"},
		{"500 conditions", control.Condition{Or: make([]control.Condition, 499)}, ""},
		{"501 conditions", control.Condition{Or: make([]control.Condition, 500)}, "SearchCriteria|500"},
		{"another field", s("Colour", "x", "EXACT"), `FieldName|"Colour"|Username, FirstName`},
		{"no field", s("", "x", "EXACT"), `FieldName|""`},
		{"another comparison", s("Username", "x", "ENDS_WITH"), `ComparisonType|"ENDS_WITH"|STARTS_WITH`},
		{"CONTAINS 1", s("Username", "é", "CONTAINS"), `Value|"é"|got 1:|2 to 25`},
		{"CONTAINS 2", s("Username", "éé", "CONTAINS"), ""},
		{"CONTAINS 25", s("Username", strings.Repeat("x", 25), "CONTAINS"), ""},
		{"CONTAINS 26", s("Username", strings.Repeat("x", 26), "CONTAINS"), "got 26"},
		{"EXACT 0", s("Username", "", "EXACT"), ""},
		{"EXACT 200", s("Username", strings.Repeat("x", 200), "EXACT"), ""},
		{"another group", control.Condition{Group: &control.GroupCondition{Group: "none"}},
			`HierarchyGroupCondition.Value|"none"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.T = t
			_, err := control.Search[*lanyard.User](t.Context(), w.Service, call(""), w.in.ID,
				control.Query{Conditions: []control.Condition{tt.sent}, Page: control.Page{Limit: 1}})
			if tt.words == "" {
				w.must(err)
				return
			}
			w.fails(err, lanyard.Invalid, strings.Split(tt.words, "|")...)
		})
	}
}

// TestSearchFields finds one resource of each type by each of its fields.
func TestSearchFields(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("One", "Two"))
	top := w.group("Top", "")
	below := w.group("Below", top.ID)
	queue, routing, hours := only[*lanyard.Queue](w), only[*lanyard.RoutingProfile](w), only[*lanyard.Hours](w)
	m := w.module("Module")
	findOne(w, below, "name", "below", "parentId", top.ID, "levelId", "2", "resourceId", below.ID)
	findOne(w, queue, "name", "basicqueue", "description", "a simple queue", "resourceId", queue.ID)
	findOne(w, routing, "name", "basic routing profile", "description", routing.Description, "associatedQueueIds",
		queue.ID, "resourceId", routing.ID)
	findOne(w, hours, "name", "basic hours", "description", hours.Description, "timezone", "utc", "resourceId", hours.ID)
	findOne(w, m, "name", "module", "description", "", "resourceId", m.ID)
	u := w.user("u")
	findOne(w, u, "RoutingProfileId", routing.ID, "ResourceId", u.ID, "Username", "U")
}

func findOne[R lanyard.Resource](w *world, want R, fields ...string) {
	w.Helper()
	for i := 0; i < len(fields); i += 2 {
		c := control.Condition{String: &control.StringCondition{Field: fields[i], Value: fields[i+1], Compare: "EXACT"}}
		got, err := control.Search[R](w.Context(), w.Service, call(""), w.in.ID,
			control.Query{Conditions: []control.Condition{c}, Page: control.Page{Limit: 10}})
		w.must(err)
		if len(got.Items) != 1 || got.Items[0].Head().ID != want.Head().ID || got.Total != 1 {
			w.Errorf("%s with %s %q: found %d, counted %d", want.Type(), fields[i], fields[i+1], len(got.Items), got.Total)
		}
	}
}

// TestPagesUnderChange walks lists and searches page by page while others create and delete: what
// was there throughout comes exactly once, in order, and nothing comes twice.
func TestPagesUnderChange(t *testing.T) {
	w := newWorld(t, manyOfAll)
	var lasting, passing []string
	for i := range 40 {
		p := w.profile(fmt.Sprint("lasting", i), control.ProfileChange{})
		lasting = append(lasting, p.ID)
		passing = append(passing, w.profile(fmt.Sprint("passing", i), control.ProfileChange{}).ID)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if len(passing) > 0 {
				if _, err := w.DeleteSecurityProfile(t.Context(), call(""), w.in.ID,
					passing[len(passing)*i%7%len(passing)]); err == nil {
					passing = slices.Delete(passing, len(passing)*i%7%len(passing), len(passing)*i%7%len(passing)+1)
				}
			}
			created, err := w.CreateSecurityProfile(t.Context(), call(""), w.in.ID,
				control.NewProfile{Name: fmt.Sprint("passing new ", i)})
			if err != nil {
				t.Error(err)
				return
			}
			p := created.Resource
			passing = append(passing, p.ID)
		}
	})
	walks := map[string]func(control.Page) (control.PageOf[*lanyard.Profile], error){
		"List": func(p control.Page) (control.PageOf[*lanyard.Profile], error) {
			return control.List[*lanyard.Profile](t.Context(), w.Service, call(""), w.in.ID, p)
		},
		"Search": func(p control.Page) (control.PageOf[*lanyard.Profile], error) {
			c := control.Condition{String: &control.StringCondition{Field: "name", Value: "assin", Compare: "CONTAINS"}}
			d := control.Condition{String: &control.StringCondition{Field: "name", Value: "LASTING", Compare: "STARTS_WITH"}}
			return control.Search[*lanyard.Profile](t.Context(), w.Service, call(""), w.in.ID,
				control.Query{Conditions: []control.Condition{{Or: []control.Condition{c, d}}}, Page: p})
		},
	}
	for name, walk := range walks {
		for limit := 1; limit < 12; limit += 3 {
			var seen []string
			for page, pages := (control.Page{Limit: limit}), 0; pages < 500; pages++ { // new ones come for ever
				some, err := walk(page)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range some.Items {
					seen = append(seen, p.ID)
				}
				if some.Next == "" {
					break
				}
				page.After = some.Next
			}
			once := map[string]bool{}
			var kept []string
			for _, id := range seen {
				if once[id] {
					t.Fatalf("%s by %d: %s comes twice", name, limit, id)
				}
				once[id] = true
				if slices.Contains(lasting, id) {
					kept = append(kept, id)
				}
			}
			if !slices.Equal(kept, lasting) {
				t.Errorf("%s by %d: of what was there throughout came %v, want %v", name, limit, kept, lasting)
			}
		}
	}
	close(stop)
	all.Wait()
}

// TestPartPagesUnderChange does the same with the lists inside of one profile, changed between any
// two pages.
func TestPartPagesUnderChange(t *testing.T) {
	w := newWorld(t)
	p := w.profile("P", control.ProfileChange{})
	var catalogue []string
	for _, permission := range lanyard.Permissions() {
		catalogue = append(catalogue, permission.Name)
	}
	var modules []string
	for i := range 8 {
		modules = append(modules, w.tool(fmt.Sprint("M", i)).ID)
	}
	numbers := make([]string, 8)
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	parts := []struct {
		name string
		of   []string
		put  func(names []string) control.ProfileChange
		walk func(control.Page) ([]string, string, error)
	}{
		{"permissions", catalogue[:20],
			func(names []string) control.ProfileChange { return control.ProfileChange{Permissions: names} },
			func(page control.Page) ([]string, string, error) {
				some, err := w.ListSecurityProfilePermissions(t.Context(), call(""), w.in.ID, p.ID, page)
				return some.Items, some.Next, err
			}},
		{"applications", numbers, func(names []string) control.ProfileChange {
			apps := []lanyard.Application{}
			for _, n := range names {
				apps = append(apps, lanyard.Application{Namespace: n, Permissions: []string{"ACCESS"}})
			}
			return control.ProfileChange{Applications: apps}
		}, func(page control.Page) (names []string, _ string, _ error) {
			some, err := w.ListSecurityProfileApplications(t.Context(), call(""), w.in.ID, p.ID, page)
			for _, a := range some.Items {
				names = append(names, a.Namespace)
			}
			return names, some.Next, err
		}},
		{"flow modules", modules, func(names []string) control.ProfileChange {
			list := []lanyard.FlowModule{}
			for _, n := range names {
				list = append(list, lanyard.FlowModule{ID: n})
			}
			return control.ProfileChange{FlowModules: list}
		}, func(page control.Page) (names []string, _ string, _ error) {
			some, err := w.ListSecurityProfileFlowModules(t.Context(), call(""), w.in.ID, p.ID, page)
			for _, m := range some.Items {
				names = append(names, m.ID)
			}
			return names, some.Next, err
		}},
		{"AI agents", numbers, func(names []string) control.ProfileChange {
			list := []lanyard.AllowedAIAgent{}
			for _, n := range names {
				list = append(list, lanyard.AllowedAIAgent{ARN: agentARN(n)})
			}
			return control.ProfileChange{AIAgents: list}
		}, func(page control.Page) (names []string, _ string, _ error) {
			some, err := w.ListSecurityProfileAIAgents(t.Context(), call(""), w.in.ID, p.ID, page)
			for _, a := range some.Items {
				names = append(names, strings.TrimPrefix(a.ARN, agentARN("")))
			}
			return names, some.Next, err
		}},
	}
	rapid.Check(t, func(rt *rapid.T) {
		part := parts[rapid.IntRange(0, len(parts)-1).Draw(rt, "part")]
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(part.of), 0, 6, rapid.ID[string])
		always := rapid.SliceOfNDistinct(rapid.SampledFrom(part.of), 0, 5, rapid.ID[string]).Draw(rt, "always")
		change := func() {
			names := append(slices.Clone(always), some.Draw(rt, "some")...)
			slices.Sort(names)
			names = rapid.Permutation(slices.Compact(names)).Draw(rt, "order")
			if err := w.update(p, part.put(names)); err != nil {
				rt.Fatal(err)
			}
		}
		change()
		var seen []string
		for page := (control.Page{Limit: rapid.IntRange(1, 4).Draw(rt, "limit")}); ; {
			names, next, err := part.walk(page)
			if err != nil {
				rt.Fatal(err)
			}
			if seen = append(seen, names...); next == "" {
				break
			}
			page.After = next
			change()
		}
		if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
			rt.Fatalf("%s came as %v, not each once in order", part.name, seen)
		}
		for _, name := range always {
			if !slices.Contains(seen, name) {
				rt.Fatalf("%s: %s was there throughout and came not: %v", part.name, name, seen)
			}
		}
	})
}

func TestPositions(t *testing.T) {
	w := newWorld(t)
	_, err := control.List[*lanyard.Profile](t.Context(), w.Service, call(""), w.in.ID,
		control.Page{After: "x", Limit: 1})
	w.fails(err, lanyard.Invalid, "NextToken")
	_, err = control.Search[*lanyard.Profile](t.Context(), w.Service, call(""), w.in.ID,
		control.Query{Page: control.Page{After: "x", Limit: 1}})
	w.fails(err, lanyard.Invalid, "NextToken")
}
