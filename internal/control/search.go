package control

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// Condition is a tree of search conditions. All parts that are set must hold; an empty Condition
// holds for everything.
type Condition struct {
	Or     []Condition // any of them; nil: not set
	And    []Condition // all of them
	String *StringCondition
	Tag    *TagCondition
	Group  *GroupCondition
	State  string // of flow modules: ACTIVE or ARCHIVED
	Never  bool   // a condition on something that no resource here has
}

// StringCondition compares a field, without regard to case.
type StringCondition struct {
	Field   string
	Value   string
	Compare string // EXACT, STARTS_WITH or CONTAINS
}

// TagCondition holds for resources with that tag. An empty Value stands for a tag without value.
type TagCondition struct {
	Key, Value string
}

// GroupCondition holds for users of a hierarchy group and, with Below, of those below it.
type GroupCondition struct {
	Group string
	Below bool
}

// Bounds of a search. The values for CONTAINS are documented; the others are ours.
const (
	minContains   = 2
	maxContains   = 25
	maxConditions = 500
	maxDepth      = 10
	// What a search may compare: conditions times resources of the type. A few conditions are always accepted.
	maxComparisons = 10_000_000
	fewConditions  = 10
)

// searchable names the fields of each type, in the order in which messages list them.
var searchable = map[lanyard.Type][]field{
	lanyard.TypeProfile: {nameField},
	lanyard.TypeUser: {
		{"Username", one(func(u *lanyard.User) string { return u.Name })},
		{"FirstName", one(func(u *lanyard.User) string { return u.FirstName })},
		{"LastName", one(func(u *lanyard.User) string { return u.LastName })},
		{"RoutingProfileId", one(func(u *lanyard.User) string { return u.RoutingProfile })},
		{"SecurityProfileId", func(r lanyard.Resource) []string { return r.(*lanyard.User).Profiles }},
		{"ResourceId", idField.values},
	},
	lanyard.TypeGroup: {
		nameField,
		{"parentId", one(func(g *lanyard.Group) string { return g.Parent() })},
		{"levelId", nil}, // set by Search: it needs the structure
		idField,
	},
	lanyard.TypeQueue: {nameField, {"description", one(func(q *lanyard.Queue) string { return q.Description })}, idField},
	lanyard.TypeRoutingProfile: {
		nameField,
		{"description", one(func(r *lanyard.RoutingProfile) string { return r.Description })},
		{"associatedQueueIds", func(r lanyard.Resource) []string {
			var ids []string
			for _, q := range r.(*lanyard.RoutingProfile).Queues {
				ids = append(ids, q.Queue)
			}
			return ids
		}},
		idField,
	},
	lanyard.TypeHours: {
		nameField,
		{"description", one(func(h *lanyard.Hours) string { return h.Description })},
		{"timezone", one(func(h *lanyard.Hours) string { return h.TimeZone })},
		idField,
	},
	lanyard.TypeModule: {nameField, {"description", one(func(m *lanyard.Module) string { return m.Description })},
		idField},
	lanyard.TypeQuickConnect: {
		nameField,
		{"description", one(func(q *lanyard.QuickConnect) string { return q.Description })},
		idField,
	},
}

// idFields hold ids, for which ARNs may be sent, and of which type: "" for the one that is searched.
var idFields = map[string]lanyard.Type{
	"ResourceId": "", "resourceId": "", "RoutingProfileId": lanyard.TypeRoutingProfile,
	"SecurityProfileId": lanyard.TypeProfile,
	"parentId":          lanyard.TypeGroup, "associatedQueueIds": lanyard.TypeQueue, "levelId": lanyard.TypeLevel,
}

type field struct {
	name   string
	values func(lanyard.Resource) []string
}

var (
	nameField = field{"name", func(r lanyard.Resource) []string { return []string{r.Head().Name} }}
	idField   = field{"resourceId", func(r lanyard.Resource) []string { return []string{r.Head().ID} }}
)

func one[R lanyard.Resource](get func(R) string) func(lanyard.Resource) []string {
	return func(r lanyard.Resource) []string { return []string{get(r.(R))} }
}

// Search returns a page of the resources that meet all of conditions, in the order of their
// creation, and how many there are in all. The first page counts; later ones repeat total.
// Its cost grows with the number of resources of the type, but of users only those of the page are
// read, unless the routing profile is among the conditions.
func Search[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance string, conditions []Condition,
	p Page, total int64) (*lanyard.Instance, []R, string, int64, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return nil, nil, "", 0, err
	}
	r := s.store.Reader(in.ID)
	var none R
	sight, err := s.Sight(ctx, call, in)
	if err != nil {
		return nil, nil, "", 0, err
	}
	c := compiler{service: s, reader: r, in: in, sight: sight, folded: make(folded, len(searchable[none.Type()])),
		fields: searchable[none.Type()], t: none.Type()}
	if none.Type() == lanyard.TypeGroup {
		if err := c.setLevelField(ctx); err != nil {
			return nil, nil, "", 0, err
		}
	}
	var tests []test
	for _, cond := range conditions {
		t, err := c.compile(ctx, cond, 1)
		if err != nil {
			return nil, nil, "", 0, err
		}
		tests = append(tests, t)
	}
	if err := c.affordable(ctx); err != nil {
		return nil, nil, "", 0, err
	}
	if len(tests) > 0 {
		tests = slices.Insert(tests, 0, c.folded.begin)
	}
	see, err := s.visible(ctx, call, in)
	if err != nil {
		return nil, nil, "", 0, err
	}
	if see != nil {
		tests = append(tests, see)
	}
	after, err := position(p.After)
	if err != nil {
		return nil, nil, "", 0, err
	}
	page, more, total, err := find[R](ctx, s, r, in.ID, criteria{tests, c.tagged, c.stored}, after, p.Limit, total)
	next := ""
	if more {
		next = strconv.FormatInt(page[len(page)-1].Head().Seq, 10)
	}
	for i := range page {
		if r, ok := any(page[i]).(*lanyard.RoutingProfile); ok {
			page[i] = any(sight.queues(r)).(R)
		}
	}
	return in, page, next, total, err
}

// criteria are what a resource that is searched for meets.
type criteria struct {
	tests  []test
	tagged bool // they look at tags
	stored bool // they look at what of a user only the store knows
}

// find collects a page after a position and, for the first page, counts all, unless total is negative.
func find[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, instance string, c criteria, after int64,
	limit int, total int64) ([]R, bool, int64, error) {
	var none R
	switch {
	case len(c.tests) == 0:
		if after == 0 && total >= 0 {
			n, err := r.Count(ctx, none.Type())
			if err != nil {
				return nil, false, 0, err
			}
			total = int64(n)
		}
		page, more, _, err := scan[R](ctx, r, nil, after, limit, -1)
		return page, more, total, err
	case none.Type() == lanyard.TypeUser && !c.stored:
		revision, err := r.Revision(ctx)
		if err != nil {
			return nil, false, 0, err
		}
		if snapshot, err := s.engine.AtLeast(ctx, instance, revision, maxWait); err == nil {
			return pick[R](ctx, r, snapshot, c, after, limit, total)
		}
	}
	return scan[R](ctx, r, c.tests, after, limit, total)
}

// lookEvery is after how many users a search looks whether its caller is still there.
const lookEvery = 1024

// pick is scan where users are found in memory and only those of the page are read. What has changed
// in between is tested again.
func pick[R lanyard.Resource](ctx context.Context, r store.Reader, snapshot *access.Snapshot, c criteria, after int64,
	limit int, total int64) (page []R, more bool, _ int64, _ error) {
	type place struct {
		seq int64
		id  string
	}
	order := func(x, y place) int { return cmp.Compare(x.seq, y.seq) }
	counting := after == 0 && total >= 0
	if counting {
		total = 0
	}
	users := snapshot.Users()
	if c.tagged {
		users = snapshot.UsersWithTags()
	}
	var u lanyard.User // one, for the tests move it to the heap
	for {
		var found []place // the first that there are after that position, and one more
		most := limit - len(page) + 1
		looked := 0
		for u = range users {
			if looked++; looked%lookEvery == 0 && ctx.Err() != nil { // nobody waits for it any more
				break
			}
			if u.Seq <= after || !all(c.tests, &u) {
				continue
			}
			if counting {
				total++
			}
			if found = append(found, place{u.Seq, u.ID}); len(found) >= 2*most {
				slices.SortFunc(found, order)
				found = found[:most]
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, false, 0, err
		}
		counting = false
		slices.SortFunc(found, order)
		for _, at := range found[:min(most, len(found))] {
			after = at.seq
			res, err := r.Get(ctx, lanyard.TypeUser, at.id)
			if errors.Is(err, lanyard.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, false, 0, err
			}
			if !all(c.tests, res) {
				continue
			}
			if len(page) == limit {
				return page, true, total, nil
			}
			page = append(page, res.(R))
		}
		if len(found) < most {
			return page, false, total, nil
		}
	}
}

// scan collects a page after a position and, for the first page, counts on to the end, unless total
// is negative.
func scan[R lanyard.Resource](ctx context.Context, r store.Reader, tests []test, after int64, limit int,
	total int64) (page []R, more bool, _ int64, _ error) {
	const chunk = 500
	var none R
	counting := after == 0 && total >= 0
	if counting {
		total = 0
	}
	for {
		some, err := r.List(ctx, none.Type(), after, chunk)
		if err == nil {
			err = ctx.Err() // what comes from a cache does not look
		}
		if err != nil {
			return nil, false, 0, err
		}
		for _, res := range some {
			if !all(tests, res) {
				continue
			}
			if counting {
				total++
			}
			if len(page) < limit {
				page = append(page, res.(R))
			} else if more = true; !counting {
				return page, more, total, nil
			}
		}
		if len(some) < chunk {
			return page, more, total, nil
		}
		after = some[len(some)-1].Head().Seq
	}
}

// seen is a page of list, of those resources that may be seen. It is full unless it is the last.
func seen[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, instance string, see test,
	p Page) ([]R, string, error) {
	after, err := position(p.After)
	if err != nil {
		return nil, "", err
	}
	page, more, _, err := find[R](ctx, s, r, instance, criteria{tests: []test{see}}, after, p.Limit, -1)
	if err != nil || !more {
		return page, "", err
	}
	return page, strconv.FormatInt(page[len(page)-1].Head().Seq, 10), nil
}

type test func(lanyard.Resource) bool

func all(tests []test, r lanyard.Resource) bool {
	for _, t := range tests {
		if !t(r) {
			return false
		}
	}
	return true
}

// compiler turns conditions into tests.
type compiler struct {
	service *Service
	reader  store.Reader
	in      *lanyard.Instance
	sight   Sight
	fields  []field
	levels  *lanyard.Structure // when groups are searched
	t       lanyard.Type       // of what is searched
	folded  folded
	count   int
	tagged  bool // as in criteria
	stored  bool
}

// affordable refuses a search that would compare too much.
func (c *compiler) affordable(ctx context.Context) error {
	if c.count <= fewConditions {
		return nil
	}
	n, err := c.reader.Count(ctx, c.t)
	if err != nil {
		return err
	}
	if most := max(fewConditions, maxComparisons/max(1, n)); c.count > most {
		return lanyard.Errorf(lanyard.Invalid,
			"SearchCriteria must have at most %d conditions in an instance with %d resources of the type, got %d", most, n,
			c.count)
	}
	return nil
}

// folded has the fields of the resource that is being tested in lower case, each made when a condition first
// asks for it: there may be hundreds of conditions on one field.
type folded []struct {
	values []string
	made   bool
}

// begin is the first test of every resource.
func (f folded) begin(lanyard.Resource) bool {
	for i := range f {
		f[i].made = false
	}
	return true
}

// of returns the values of a resource's field, whose number in searchable is at.
func (f folded) of(at int, values func(lanyard.Resource) []string, r lanyard.Resource) []string {
	field := &f[at]
	if !field.made {
		field.values, field.made = field.values[:0], true
		for _, value := range values(r) {
			field.values = append(field.values, strings.ToLower(value))
		}
	}
	return field.values
}

func (c *compiler) setLevelField(ctx context.Context) error {
	st, err := c.service.levels(ctx, c.reader, c.in)
	if err != nil {
		return err
	}
	c.levels, c.fields = st, slices.Clone(c.fields)
	for i := range c.fields {
		if c.fields[i].name == "levelId" {
			c.fields[i].values = func(r lanyard.Resource) []string {
				if n := len(r.(*lanyard.Group).Path); n <= len(st.Levels) {
					return []string{lanyard.LevelID(n)}
				}
				return nil
			}
		}
	}
	return nil
}

func (c *compiler) compile(ctx context.Context, cond Condition, depth int) (test, error) {
	if c.count++; c.count > maxConditions {
		return nil, lanyard.Errorf(lanyard.Invalid, "SearchCriteria: has more than %d conditions", maxConditions)
	}
	if depth > maxDepth {
		return nil, lanyard.Errorf(lanyard.Invalid, "SearchCriteria: conditions stand more than %d deep", maxDepth)
	}
	var tests []test
	for _, sub := range cond.And {
		t, err := c.compile(ctx, sub, depth+1)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	if cond.Or != nil {
		var any []test
		for _, sub := range cond.Or {
			t, err := c.compile(ctx, sub, depth+1)
			if err != nil {
				return nil, err
			}
			any = append(any, t)
		}
		if len(any) > 0 {
			tests = append(tests, func(r lanyard.Resource) bool {
				return slices.ContainsFunc(any, func(t test) bool { return t(r) })
			})
		}
	}
	if cond.String != nil {
		t, err := c.compileString(*cond.String)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	if t := cond.Tag; t != nil {
		c.tagged = true
		tests = append(tests, func(r lanyard.Resource) bool {
			value, ok := r.Head().Tags[t.Key]
			return ok && value == t.Value
		})
	}
	if cond.Group != nil {
		t, err := c.compileGroup(ctx, *cond.Group)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	if cond.State != "" {
		archived := cond.State == "ARCHIVED"
		tests = append(tests, func(r lanyard.Resource) bool {
			m, ok := r.(*lanyard.Module)
			return ok && m.Archived == archived
		})
	}
	if cond.Never {
		tests = append(tests, func(lanyard.Resource) bool { return false })
	}
	return func(r lanyard.Resource) bool { return all(tests, r) }, nil
}

func (c *compiler) compileString(s StringCondition) (test, error) {
	at := slices.IndexFunc(c.fields, func(f field) bool { return strings.EqualFold(f.name, s.Field) })
	if at < 0 {
		var names []string
		for _, f := range c.fields {
			names = append(names, f.name)
		}
		return nil, lanyard.Errorf(lanyard.Invalid, "StringCondition.FieldName: %s cannot be searched; accepted are %s",
			lanyard.Quote(s.Field), strings.Join(names, ", "))
	}
	values := c.fields[at].values
	if c.fields[at].name == "associatedQueueIds" && c.sight != nil { // what is not shown cannot be searched
		values = func(r lanyard.Resource) []string {
			return slices.DeleteFunc(c.fields[at].values(r), func(id string) bool { return !c.sight(lanyard.TypeQueue, id) })
		}
	}
	c.stored = c.stored || c.fields[at].name == "RoutingProfileId"
	if t, ok := idFields[c.fields[at].name]; ok && lanyard.IsARN(s.Value) {
		if t == "" {
			t = c.t
		}
		id, err := c.service.id(c.in, t, s.Value)
		if err != nil && !errors.Is(err, lanyard.ErrNotFound) {
			return nil, within("StringCondition.Value", err)
		}
		if s.Value = id; err != nil {
			return func(lanyard.Resource) bool { return false }, nil // the ARN of another instance's
		}
	}
	if c.fields[at].name == "levelId" {
		if n := c.levels.LevelNumber(s.Value); n > 0 { // the id of an earlier version
			s.Value = lanyard.LevelID(n)
		}
	}
	want := strings.ToLower(s.Value)
	var match func(have string) bool
	switch s.Compare {
	case "CONTAINS":
		if n := utf8.RuneCountInString(s.Value); n < minContains || n > maxContains {
			return nil, lanyard.Errorf(lanyard.Invalid, "StringCondition.Value: %s has %d characters; CONTAINS accepts %d to %d",
				lanyard.Quote(s.Value), n, minContains, maxContains)
		}
		match = func(have string) bool { return strings.Contains(have, want) }
	case "STARTS_WITH":
		match = func(have string) bool { return strings.HasPrefix(have, want) }
	case "EXACT", "":
		match = func(have string) bool { return have == want }
	default:
		return nil, lanyard.Errorf(lanyard.Invalid,
			"StringCondition.ComparisonType: %s is not accepted; EXACT, STARTS_WITH and CONTAINS are", lanyard.Quote(s.Compare))
	}
	folded := c.folded
	return func(r lanyard.Resource) bool { return slices.ContainsFunc(folded.of(at, values, r), match) }, nil
}

func (c *compiler) compileGroup(ctx context.Context, g GroupCondition) (test, error) {
	// A group that may not be viewed is no more than an id, which users may be shown with.
	if id, err := c.service.id(c.in, lanyard.TypeGroup, g.Group); err == nil && !c.sight.Sees(lanyard.TypeGroup, id) {
		return func(r lanyard.Resource) bool { return r.(*lanyard.User).Group == id }, nil
	}
	found, err := refer[*lanyard.Group](ctx, c.service, c.reader, c.in, "HierarchyGroupCondition.Value", g.Group)
	if err != nil {
		return nil, err
	}
	if !g.Below {
		return func(r lanyard.Resource) bool { return r.(*lanyard.User).Group == found.ID }, nil
	}
	within := map[string]bool{}
	err = each(ctx, c.reader, func(g *lanyard.Group) error {
		if slices.Contains(g.Path, found.ID) && c.sight.Sees(lanyard.TypeGroup, g.ID) {
			within[g.ID] = true
		}
		return nil
	})
	return func(r lanyard.Resource) bool { return within[r.(*lanyard.User).Group] }, err
}
