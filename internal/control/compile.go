package control

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

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
	tagged  bool // as in a finder
	stored  bool
}

// compileAll compiles the conditions of a search, of which all must hold.
func (c *compiler) compileAll(ctx context.Context, conditions []Condition) ([]test, error) {
	if c.t == lanyard.TypeGroup {
		if err := c.setLevelField(ctx); err != nil {
			return nil, err
		}
	}
	var tests []test
	for _, cond := range conditions {
		t, err := c.compile(ctx, cond, 1)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	if err := c.affordable(ctx); err != nil {
		return nil, err
	}
	if len(tests) > 0 {
		tests = slices.Insert(tests, 0, c.folded.begin)
	}
	return tests, nil
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

// compile returns the test of one condition, at a depth of the tree.
func (c *compiler) compile(ctx context.Context, cond Condition, depth int) (test, error) {
	if c.count++; c.count > maxConditions {
		return nil, lanyard.Errorf(lanyard.Invalid, "SearchCriteria must have at most %d conditions, got more", maxConditions)
	}
	if depth > maxDepth {
		return nil, lanyard.Errorf(lanyard.Invalid, "SearchCriteria must be nested at most %d levels deep, got more", maxDepth)
	}
	if cond.Unknown != "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "SearchCriteria.%s must be absent: %s are not searched by it", cond.Unknown,
			c.t.Plural())
	}
	tests, err := c.compileList(ctx, cond.And, depth+1)
	if err != nil {
		return nil, err
	}
	or, err := c.compileList(ctx, cond.Or, depth+1)
	if err != nil {
		return nil, err
	}
	if len(or) > 0 {
		tests = append(tests, func(r lanyard.Resource) bool {
			return slices.ContainsFunc(or, func(t test) bool { return t(r) })
		})
	}
	if cond.String != nil {
		t, err := c.compileString(*cond.String)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	if cond.Group != nil {
		t, err := c.compileGroup(ctx, *cond.Group)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	if cond.Date != nil {
		t, err := compileDate(*cond.Date)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	tests = append(tests, c.compileSimple(cond)...)
	return func(r lanyard.Resource) bool { return all(tests, r) }, nil
}

func (c *compiler) compileList(ctx context.Context, list []Condition, depth int) ([]test, error) {
	var tests []test
	for _, cond := range list {
		t, err := c.compile(ctx, cond, depth)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return tests, nil
}

// compileSimple returns the tests of those parts of a condition that cannot be wrong.
func (c *compiler) compileSimple(cond Condition) (tests []test) {
	if t := cond.Tag; t != nil {
		c.tagged = true
		tests = append(tests, func(r lanyard.Resource) bool {
			value, ok := r.Head().Tags[t.Key]
			return ok && value == t.Value
		})
	}
	for _, f := range cond.Fields {
		tests = append(tests, func(r lanyard.Resource) bool { return slices.Contains(memberText(r, f.Field), f.Value) })
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
	return tests
}

// compileDate compares dates as texts, which have the same order.
func compileDate(d DateCondition) (test, error) {
	fields := []string{"EffectiveFrom", "EffectiveTill"}
	at := slices.IndexFunc(fields, func(name string) bool { return strings.EqualFold(name, d.Field) })
	if at < 0 {
		return nil, lanyard.Errorf(lanyard.Invalid, "DateCondition.FieldName must be %s, got %s", oneOf(fields),
			lanyard.Quote(d.Field))
	}
	if _, err := parseDate("DateCondition.Value", d.Value); err != nil {
		return nil, err
	}
	signs, ok := map[string][]int{"": {0}, "EQUAL_TO": {0}, "LESS_THAN": {-1}, "LESS_THAN_OR_EQUAL_TO": {-1, 0},
		"GREATER_THAN": {1}, "GREATER_THAN_OR_EQUAL_TO": {0, 1}}[d.Compare]
	if !ok {
		return nil, lanyard.Errorf(lanyard.Invalid, "DateCondition.ComparisonType must be EQUAL_TO, LESS_THAN, "+
			"LESS_THAN_OR_EQUAL_TO, GREATER_THAN or GREATER_THAN_OR_EQUAL_TO, got %s", lanyard.Quote(d.Compare))
	}
	return func(r lanyard.Resource) bool {
		return slices.ContainsFunc(memberText(r, fields[at]),
			func(have string) bool { return slices.Contains(signs, strings.Compare(have, d.Value)) })
	}, nil
}

func (c *compiler) compileString(s StringCondition) (test, error) {
	at := slices.IndexFunc(c.fields, func(f field) bool { return strings.EqualFold(f.name, s.Field) })
	if at < 0 {
		var names []string
		for _, f := range c.fields {
			names = append(names, f.name)
		}
		return nil, lanyard.Errorf(lanyard.Invalid, "StringCondition.FieldName must be %s, got %s", oneOf(names),
			lanyard.Quote(s.Field))
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
			return nil, lanyard.Errorf(lanyard.Invalid, "StringCondition.Value must be %d to %d characters long for CONTAINS, got %d: %s",
				minContains, maxContains, n, lanyard.Quote(s.Value))
		}
		match = func(have string) bool { return strings.Contains(have, want) }
	case "STARTS_WITH":
		match = func(have string) bool { return strings.HasPrefix(have, want) }
	case "EXACT", "":
		match = func(have string) bool { return have == want }
	default:
		return nil, lanyard.Errorf(lanyard.Invalid,
			"StringCondition.ComparisonType must be STARTS_WITH, CONTAINS or EXACT, got %s", lanyard.Quote(s.Compare))
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
