package stack

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/lanyard/lanyard"
)

// A Problem is what is wrong with a template, or what the real operation refuses of it.
type Problem struct {
	Where   string `json:"where"`
	Message string `json:"message"`
}

func (p Problem) String() string { return p.Where + ": " + p.Message }

// Problems are the error of a template that cannot be applied.
type Problems []Problem

// maxProblems bounds what is reported at once.
const maxProblems = 50

func (p Problems) Error() string {
	text := ""
	for i, one := range p {
		if i == maxProblems {
			return text + fmt.Sprintf("\nand %d more", len(p)-i)
		}
		if i > 0 {
			text += "\n"
		}
		text += one.String()
	}
	return text
}

// An item is a resource of a template together with what is there of it.
type item struct {
	res     *Resource
	kind    *kind
	desired Properties         // references to what does not exist yet are placeholders
	live    lanyard.Resource   // nil when there is none
	note    note               // of live
	stale   []lanyard.Resource // left by a replacement that was not completed
	replace bool
}

// matcher finds what is there of a template.
type matcher struct {
	*view
	stack    string
	items    []*item
	byID     map[string]*item // by logical id
	byNote   map[string][]lanyard.Resource
	byName   map[string]lanyard.Resource
	known    map[string]string // ids by logical id
	problems Problems
}

func (m *matcher) fail(where, format string, args ...any) {
	m.problems = append(m.problems, Problem{where, fmt.Sprintf(format, args...)})
}

// match pairs the resources of a template with those that are there, by the note of the stack and else by name.
func match(v *view, stack string, t *Template) (*matcher, error) {
	m := &matcher{view: v, stack: stack, byID: map[string]*item{}, byNote: map[string][]lanyard.Resource{},
		byName: map[string]lanyard.Resource{}, known: map[string]string{}}
	for i := range t.Resources {
		m.addItem(&t.Resources[i])
	}
	if err := m.sort(); err != nil {
		return nil, err
	}
	for _, r := range v.resources {
		if n := v.noteOf(r); n.stack == stack {
			key := string(r.Type()) + "/" + n.logicalID
			m.byNote[key] = append(m.byNote[key], r)
		}
		m.byName[nameKey(r.Type(), r.Key())] = r
	}
	for _, i := range m.items {
		m.find(i)
	}
	if len(m.problems) > 0 {
		return nil, m.problems
	}
	return m, nil
}

func nameKey(t lanyard.Type, key string) string { return string(t) + "\x00" + key }

func (m *matcher) addItem(r *Resource) {
	k, ok := kindNamed(r.Type)
	if !ok {
		m.fail(r.where(), "%s must be one of %v, got %s", "Type", Types(), lanyard.Quote(r.Type))
		return
	}
	if m.byID[r.LogicalID] != nil {
		m.fail(r.where(), "resource %q already exists in another file of the stack", r.LogicalID)
		return
	}
	for name, why := range k.refused {
		if _, ok := r.Properties[name]; ok {
			m.fail(r.where("Properties", name), "%s must be absent: %s", name, why)
		}
	}
	for _, name := range sortedKeys(r.Lanyard) {
		if !k.below(name) {
			m.fail(r.where("Metadata", "Lanyard", name), "%s must be absent: Metadata.Lanyard of %s has no such member", name,
				k.name)
		}
	}
	i := &item{res: r, kind: k, desired: k.desired(r)}
	if own := len(object(i.desired["Tags"])); own > maxOwnTags {
		m.fail(r.where("Properties", "Tags"), "Tags must have at most %d items, got %d: a resource has at most 50 and the "+
			"stack notes its state in three", maxOwnTags, own)
	}
	if name := i.desired.text("SecurityProfileName"); name == LockName {
		m.fail(r.where("Properties", "SecurityProfileName"), "SecurityProfileName must be another than %s, which is the lock "+
			"of applies", LockName)
	}
	m.items, m.byID[r.LogicalID] = append(m.items, i), i
}

// sort puts the items into the order of creation: after those that they refer to, by type, and as in the file.
func (m *matcher) sort() error {
	if len(m.problems) > 0 {
		return m.problems
	}
	place := map[*item]int{}
	for n, i := range m.items {
		place[i] = n
	}
	slices.SortStableFunc(m.items, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.kind.rank, b.kind.rank), cmp.Compare(place[a], place[b]))
	})
	var sorted []*item
	state := map[*item]int{} // 1: under way, 2: done
	var visit func(i *item)
	visit = func(i *item) {
		if state[i] != 0 {
			if state[i] == 1 {
				m.fail(i.res.where(), "resource %q must not refer to itself over other resources", i.res.LogicalID)
			}
			return
		}
		state[i] = 1
		for _, id := range m.before(i) {
			if j := m.byID[id]; j != nil && j != i {
				visit(j)
			}
		}
		state[i] = 2
		sorted = append(sorted, i)
	}
	for _, i := range m.items {
		visit(i)
	}
	m.items = sorted
	if len(m.problems) > 0 {
		return m.problems
	}
	return nil
}

// before are the logical ids of what an item needs.
func (m *matcher) before(i *item) []string {
	needs := references(map[string]any(i.desired))
	for _, id := range i.res.DependsOn {
		needs[id] = true
	}
	if i.kind.typ == lanyard.TypeGroup { // its level must exist
		for id, j := range m.byID {
			if j.kind.typ == lanyard.TypeStructure {
				needs[id] = true
			}
		}
	}
	out := make([]string, 0, len(needs))
	for id := range needs {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// find pairs one item, after those that it refers to, and says whether it has to be replaced.
func (m *matcher) find(i *item) {
	i.desired = m.filled(i.kind, i.desired)
	noted := m.byNote[string(i.kind.typ)+"/"+i.res.LogicalID]
	named := m.byName[nameKey(i.kind.typ, m.key(i))]
	switch {
	case i.kind.typ == lanyard.TypeStructure:
		i.live = m.byRef[lanyard.Ref{Type: lanyard.TypeStructure, ID: lanyard.StructureID}]
		if i.live == nil {
			i.live = &lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID}}
		}
	case len(noted) > 0:
		i.live = noted[0]
		for _, r := range noted {
			if r == named { // of several, the one that has the name already: a replacement was not completed
				i.live = r
			}
		}
		for _, r := range noted {
			if r != i.live {
				i.stale = append(i.stale, r)
			}
		}
	case named != nil:
		i.live = named
	}
	if i.live == nil {
		return
	}
	i.note = m.noteOf(i.live)
	switch {
	case i.note.stack != "" && i.note.stack != m.stack:
		m.fail(i.res.where("Properties", i.kind.named), "%s %s is in use by stack %s; remove it from one of the two stacks",
			i.live.Type().Word(), lanyard.Quote(i.live.Head().Name), lanyard.Quote(i.note.stack))
	case i.note.stack == m.stack && i.note.logicalID != i.res.LogicalID && m.byID[i.note.logicalID] != nil:
		m.fail(i.res.where("Properties", i.kind.named), "%s %s is in use by resource %q of the template",
			i.live.Type().Word(), lanyard.Quote(i.live.Head().Name), i.note.logicalID)
	}
	if m.mustReplace(i); !i.replace {
		m.known[i.res.LogicalID] = i.live.Head().ID
	}
}

// mustReplace says whether an item has to be replaced, or fails where that cannot be.
func (m *matcher) mustReplace(i *item) {
	live := i.kind.properties(m.view, i.live)
	for _, name := range i.kind.createOnly {
		i.replace = i.replace || encode(live[name]) != encode(i.desired[name])
	}
	for _, name := range i.kind.fixed {
		_, given := i.desired[name]
		optional := slices.Contains(i.kind.optional, name)
		if encode(live[name]) != encode(i.desired[name]) && (given || !optional) && !i.replace {
			m.fail(i.res.where("Properties", name), "%s must be %s, got %s: no operation changes it; delete the %s first",
				name, orNone(plain(live[name])), orNone(plain(i.desired[name])), i.live.Type().Word())
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "absent"
	}
	return s
}

// checkPermissions refuses names of permissions that neither lanyard nor the instance knows. Where the instance knows
// such names, its copy takes any.
func (m *matcher) checkPermissions() {
	there := map[string]bool{}
	for _, r := range m.resources {
		if p, ok := r.(*lanyard.Profile); ok {
			for _, name := range p.Permissions {
				there[name] = true
			}
		}
	}
	for _, i := range m.items {
		if i.kind.typ != lanyard.TypeProfile {
			continue
		}
		for n, v := range list(i.res.Properties["Permissions"]) {
			name, _ := v.(string)
			if _, ok := lanyard.LookupPermission(name); !ok && !there[name] {
				m.fail(i.res.where("Properties", "Permissions", strconv.Itoa(n)), "Permissions must be names of the permission "+
					"catalogue, such as Users.View (case-sensitive), got %s; if Amazon Connect has it, repeat with --lenient",
					lanyard.Quote(name))
			}
		}
	}
}

// filled is properties with the ids that are known.
func (m *matcher) filled(k *kind, p Properties) Properties {
	filled := mapStrings(map[string]any(p), func(s string) string { return fill(s, m.known) }).(map[string]any)
	return canonical(filled, k.keep())
}

// key is what a resource is unique by, as lanyard.Resource has it.
func (m *matcher) key(i *item) string {
	name := i.desired.text(i.kind.named)
	if i.kind.typ != lanyard.TypeGroup {
		return name
	}
	return idOf(i.desired.text("ParentGroupArn")) + "/" + name
}

// orphans are what earlier applies of the stack noted and the template does not have, those that refer to others
// before these.
func (m *matcher) orphans() (out []lanyard.Resource) {
	taken := map[lanyard.Resource]bool{}
	for _, i := range m.items {
		taken[i.live] = true
		for _, r := range i.stale {
			taken[r] = true
		}
	}
	for _, r := range m.resources {
		if _, ok := kindOf(r.Type()); ok && !taken[r] && m.noteOf(r).stack == m.stack {
			out = append(out, r)
		}
	}
	return deletionOrder(out)
}

// deletionOrder puts what refers to others before these.
func deletionOrder(all []lanyard.Resource) []lanyard.Resource {
	slices.SortStableFunc(all, func(a, b lanyard.Resource) int {
		return cmp.Compare(rankOf(b.Type()), rankOf(a.Type()))
	})
	referred := map[lanyard.Ref][]lanyard.Resource{}
	for _, r := range all {
		for _, ref := range r.Refs() {
			referred[ref] = append(referred[ref], r)
		}
	}
	var out []lanyard.Resource
	done := map[lanyard.Resource]bool{}
	var visit func(r lanyard.Resource)
	visit = func(r lanyard.Resource) {
		if done[r] {
			return
		}
		done[r] = true
		for _, from := range referred[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] {
			visit(from)
		}
		out = append(out, r)
	}
	for _, r := range all {
		visit(r)
	}
	return out
}
