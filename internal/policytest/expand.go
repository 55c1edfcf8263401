package policytest

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/typo"
)

// A resourceRef is a resource as a question names or describes it. The zero resourceRef is anything.
type resourceRef struct {
	ref       text
	described *described // in place of ref
}

func (r *resourceRef) String() string {
	if r.described == nil {
		return r.ref.value
	}
	return r.described.String()
}

func (r *resourceRef) at() Position {
	if r.described == nil {
		return r.ref.at
	}
	return r.described.at
}

// String describes the resource in one line.
func (d *described) String() string {
	s := d.resource.Type
	if d.resource.ID != "" {
		s += "/" + d.resource.ID
	}
	if d.resource.New {
		s = "new " + s
	}
	var has []string
	for _, m := range []map[string]string{d.resource.Tags, d.resource.Attributes} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			has = append(has, k+"="+m[k])
		}
	}
	if d.group.value != "" {
		has = append(has, "group "+d.group.value)
	}
	if d.resource.Channel != "" {
		has = append(has, d.resource.Channel)
	}
	if len(has) > 0 {
		s += " (" + strings.Join(has, ", ") + ")"
	}
	return s
}

// Parts are what questions are made of. Each is a list: the questions are all combinations.
type parts struct {
	users, humans, permissions, surfaces []text
	resources                            []resourceRef
	whoCan                               bool // permissions are from who-can
	has                                  map[string]bool
	expect                               *yaml.Node
}

// partKeys are the keys of a test that a column of a table can have.
var partKeys = []string{"user", "on-behalf-of", "permission", "who-can", "resource", "surface", "expect"}

// set reads one part. A part that is set already is a problem.
func (r *reader) set(p *parts, key string, n *yaml.Node, depth int) {
	if p.has[key] {
		r.report(r.at(n), "%s must be in the test or in one column of its table, got it in both", key)
		return
	}
	p.has[key] = true
	switch key {
	case "user":
		p.users = r.texts(n, depth, key)
	case "on-behalf-of":
		p.humans = r.texts(n, depth, key)
	case "permission", "who-can":
		p.permissions, p.whoCan = r.texts(n, depth, key), key == "who-can"
	case "surface":
		for _, item := range r.items(n, depth) {
			if t, ok := r.oneOf(item, depth+1, key, surfaceWords); ok {
				p.surfaces = append(p.surfaces, t)
			}
		}
	case "resource":
		p.resources = r.resourceRefs(n, depth)
	case "expect":
		p.expect = n
	}
}

func (r *reader) resourceRefs(n *yaml.Node, depth int) (all []resourceRef) {
	resolved, ok := r.resolve(n, depth)
	if ok && resolved.Kind == yaml.MappingNode {
		return []resourceRef{{described: r.described(resolved, depth)}}
	}
	for _, item := range r.items(n, depth) {
		if item.Kind == yaml.MappingNode {
			all = append(all, resourceRef{described: r.described(item, depth+1)})
		} else if t, ok := r.text(item, depth+1, "resource"); ok {
			all = append(all, resourceRef{ref: t})
		}
	}
	return all
}

// with returns a copy to which more parts can be added.
func (p *parts) with() *parts {
	c := *p
	c.has = maps.Clone(p.has)
	return &c
}

// test reads a test and makes its questions.
func (r *reader) test(n *yaml.Node, depth int) *Test {
	resolved, ok := r.resolve(n, depth)
	if !ok {
		return nil
	}
	t := &Test{At: r.at(resolved)}
	fields := r.fields(resolved, depth, testShape)
	if fields["name"] != nil {
		name, _ := r.text(fields["name"], depth+1, "name")
		t.Name = name.value
	}
	if fields["fixtures"] != nil {
		t.fixtures = r.fixtures(fields["fixtures"], depth+1)
	}
	p := &parts{has: map[string]bool{}}
	for _, key := range partKeys {
		if fields[key] != nil {
			r.set(p, key, fields[key], depth+1)
		}
	}
	if fields["table"] != nil {
		r.table(t, p, fields["table"], depth+1)
	} else if resolved.Kind == yaml.MappingNode {
		r.questionsOf(t, p, t.At, depth)
	}
	return t
}

// A column is one column of a table: a part, or a value of the part that is missing.
type column struct {
	part string // "" for a value
	axis string // the part that value is of
	head *yaml.Node
}

// table makes the questions of a table.
func (r *reader) table(t *Test, p *parts, n *yaml.Node, depth int) {
	rows := r.list(n, depth, "table")
	if len(rows) == 0 {
		if !r.stopped {
			r.report(r.at(n), "table must have a row that says what the columns are, got none")
		}
		return
	}
	columns, ok := r.columns(p, rows[0], depth+1)
	if !ok {
		return
	}
	for _, row := range rows[1:] {
		if r.stopped {
			return
		}
		cells := r.list(row, depth+1, "a row of table")
		if len(cells) != len(columns) {
			if resolved, _ := r.resolve(row, depth); resolved.Kind == yaml.SequenceNode {
				r.report(r.at(row), "a row must have as many cells as the first row of the table, %d, got %d", len(columns),
					len(cells))
			}
			continue
		}
		r.row(t, p, columns, cells, depth+2)
	}
}

// columns reads the first row of a table.
func (r *reader) columns(p *parts, n *yaml.Node, depth int) (all []column, ok bool) {
	given := maps.Clone(p.has)
	for _, head := range r.list(n, depth, "the first row of table") {
		head, ok := r.resolve(head, depth+1)
		if !ok {
			return nil, false
		}
		c := column{head: head}
		if head.Kind == yaml.ScalarNode && slices.Contains(partKeys, head.Value) {
			if c.part = head.Value; given[c.part] {
				r.report(r.at(head), "%s must be in the test or in one column of its table, got it in both", c.part)
				return nil, false
			}
			given[c.part] = true
		}
		all = append(all, c)
	}
	axis := missingPart(given)
	for i := range all {
		c := &all[i]
		switch {
		case c.part != "":
		case axis == "":
			r.report(r.at(c.head), "a column must be one of %s, got %s; no other key is missing that it could be a value of",
				strings.Join(partKeys, ", "), describe(c.head))
			return nil, false
		case given["expect"]:
			r.report(r.at(c.head), "expect must be left out when the columns are values of %s, because the cells are what is "+
				"expected; got the column %s%s", axis, describe(c.head), typo.DidYouMean(c.head.Value, partKeys))
			return nil, false
		default:
			c.axis = axis
		}
	}
	return all, len(all) > 0
}

// missingPart returns the part that columns without the name of a part are values of.
func missingPart(given map[string]bool) string {
	order := []string{"permission", "user", "resource"}
	if given["who-can"] {
		order = []string{"resource"}
	}
	for _, key := range order {
		if !given[key] {
			return key
		}
	}
	return ""
}

// row makes the questions of one row.
func (r *reader) row(t *Test, p *parts, columns []column, cells []*yaml.Node, depth int) {
	base := p.with()
	for i, c := range columns {
		if c.part != "" && !isNull(cells[i]) {
			r.set(base, c.part, cells[i], depth)
		}
	}
	axes := 0
	for i, c := range columns {
		if c.part != "" {
			continue
		}
		axes++
		if cell := cells[i]; isNull(cell) || cell.Kind == yaml.ScalarNode && cell.Value == "" {
			continue
		}
		one := base.with()
		r.set(one, c.axis, c.head, depth)
		r.set(one, "expect", cells[i], depth)
		r.questionsOf(t, one, r.at(cells[i]), depth)
	}
	if axes == 0 {
		r.questionsOf(t, base, r.at(cells[0]), depth)
	}
}

// questionsOf makes the questions of all combinations of the parts.
func (r *reader) questionsOf(t *Test, p *parts, at Position, depth int) {
	if r.stopped || !r.complete(p, at) {
		return
	}
	e := r.expectation(p.expect, depth+1, p.whoCan)
	if e == nil {
		return
	}
	count := len(p.permissions)
	for _, n := range []int{len(p.users), len(p.humans), len(p.resources), len(p.surfaces)} {
		count *= max(n, 1)
		if r.questions+count > MaxQuestions {
			r.stop(&yaml.Node{Line: at.Line, Column: at.Column}, "the file must ask at most %d questions", MaxQuestions)
			return
		}
	}
	r.questions += count
	for _, user := range orOne(p.users) {
		for _, human := range orOne(p.humans) {
			for _, permission := range p.permissions {
				for _, resource := range orOne(p.resources) {
					for _, surface := range orOne(p.surfaces) {
						q := &Question{At: e.at, Test: t, WhoCan: p.whoCan, user: user, onBehalfOf: human, permission: permission,
							resource: resource, expect: e}
						if surface.value == "reports" {
							q.surface = access.Reports
						}
						t.Questions = append(t.Questions, q)
					}
				}
			}
		}
	}
}

// orOne returns a list, or one zero value for an empty one.
func orOne[T any](list []T) []T {
	if len(list) == 0 {
		return make([]T, 1)
	}
	return list
}

// complete reports whether the parts make a question, and what is wrong otherwise.
func (r *reader) complete(p *parts, at Position) bool {
	before := len(r.problems)
	for _, key := range []string{"user", "permission"} {
		switch {
		case p.has["who-can"] && p.has[key]:
			r.report(at, "%s must be left out when who-can is set", key)
		case !p.has["who-can"] && !p.has[key]:
			r.report(at, "%s is required%s", key, map[bool]string{true: " when there is no who-can"}[key == "user"])
		}
	}
	if !p.has["expect"] {
		r.report(at, "expect is required")
	}
	empty := len(p.permissions) == 0 || p.has["user"] && len(p.users) == 0 || p.has["resource"] && len(p.resources) == 0
	if len(r.problems) == before && empty {
		if len(r.problems) == 0 {
			r.report(at, "a list must have at least one value, got none")
		}
		return false
	}
	return len(r.problems) == before
}
