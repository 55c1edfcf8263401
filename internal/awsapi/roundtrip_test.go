package awsapi_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// unserved are members of a Create that name what nothing here serves, or that belong to another kind of instance.
var unserved = map[string][]string{
	"User":         {"Password"},
	"Notification": {"PredefinedNotificationId"},
}

// nameMembers are the members of a Create that must be new each time.
var nameMembers = []string{"SecurityProfileName", "Username", "InstanceAlias", "AliasName", "VocabularyName",
	"EmailAddress", "Name", "Title"}

// roundTrip is a served type: what creates, describes and updates it.
type roundTrip struct {
	*world
	noun, describe string
	updates        []string
	create, out    shape
	flat           bool   // Describe answers the members of the resource, not in a structure
	name           string // the member that must be new, or ""
	label          string // the member of Describe that names the resource
	known          map[string]any
	count          int
}

// TestWhatDescribeAnswersIsAccepted makes one of each type with every optional member absent, null, empty and full, and
// sends what Describe answers to the matching Create and to each matching Update. Types are found in the model, so that
// a new one is covered without a word here.
func TestWhatDescribeAnswersIsAccepted(t *testing.T) {
	nouns := 0
	for _, op := range model.Operations {
		noun, ok := strings.CutPrefix(op.Name, "Create")
		if !ok || op.Service != model.Served || !serves("Describe"+noun) {
			continue
		}
		nouns++
		t.Run(noun, func(t *testing.T) {
			r := newRoundTrip(t, noun)
			base := r.base()
			r.try("what is required alone", base)
			for member, ref := range r.create.Members {
				if ref.Location == "uri" || member == r.name || member == "ClientToken" {
					continue
				}
				if !slices.Contains(r.create.Required, member) {
					r.try(member+" null", with(base, member, rawNull{}))
				}
				for what, v := range r.values(member, ref.Shape, slices.Contains(r.create.Required, member)) {
					r.try(member+" "+what, with(base, member, v))
				}
			}
		})
	}
	if nouns < 8 {
		t.Errorf("only %d types were found", nouns)
	}
}

// rawNull is a null on the wire, where nil is nothing.
type rawNull struct{}

func (rawNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func with(m members, name string, v any) members {
	m = maps.Clone(m)
	m[name] = v
	return m
}

func serves(op string) bool {
	return slices.ContainsFunc(model.Operations,
		func(o model.Operation) bool { return o.Name == op && o.Service == model.Served })
}

func labelsOf(op string) (labels []string) {
	for name, r := range pinned().Shapes[pinned().Operations[op].Input.Shape].Members {
		if r.Location == "uri" {
			labels = append(labels, name)
		}
	}
	slices.Sort(labels)
	return labels
}

func newRoundTrip(t *testing.T, noun string) *roundTrip {
	w := newWorld(t, unbounded)
	in := w.furnishAs("EXISTING_DIRECTORY") // which takes every member of a user but the password
	r := &roundTrip{world: w, noun: noun, describe: "Describe" + noun, known: in.knownBy(w, noun)}
	r.create = pinned().Shapes[pinned().Operations["Create"+noun].Input.Shape]
	for _, ref := range pinned().Shapes[pinned().Operations[r.describe].Output.Shape].Members {
		if s := pinned().Shapes[ref.Shape]; s.Type == "structure" && len(s.Members) > len(r.out.Members) {
			r.out = s
		}
	}
	if r.out.Members == nil { // the answer itself
		r.out = pinned().Shapes[pinned().Operations[r.describe].Output.Shape]
		r.flat = true
	}
	if i := slices.IndexFunc(nameMembers, func(m string) bool { _, ok := r.create.Members[m]; return ok }); i >= 0 {
		r.name = nameMembers[i]
	}
	labels := labelsOf(r.describe)
	made := labelsOf("Create" + noun)
	for _, l := range labels {
		if !slices.Contains(made, l) {
			r.label = l
		}
	}
	for _, op := range model.Operations {
		if strings.HasPrefix(op.Name, "Update") && op.Service == model.Served &&
			reflect.DeepEqual(labelsOf(op.Name), labels) {
			r.updates = append(r.updates, op.Name)
		}
	}
	return r
}

// base is a request with what is required alone.
func (r *roundTrip) base() members {
	v, ok := sampler{known: r.known}.structure(r.create, 0)
	if !ok {
		r.Fatalf("Create%s: no sample", r.noun)
	}
	return v.(members)
}

// values are what is tried for a member: empty, and with all that there is.
func (r *roundTrip) values(member, name string, required bool) map[string]any {
	s := pinned().Shapes[name]
	all := map[string]any{}
	if v, ok := r.known["shape "+name]; ok {
		return map[string]any{"as the example": v}
	}
	if v, ok := examples[name]; ok && s.Type == "structure" { // whose members depend on one another
		return map[string]any{"as the example": v}
	}
	full, ok := sampler{optional: 5, known: r.known}.of(member, name, 1)
	if ok && !slices.Contains(unserved[r.noun], member) {
		all["full"] = full
	}
	switch s.Type {
	case "structure":
		if empty, ok := (sampler{known: r.known}).structure(s, 1); ok {
			all["empty"] = empty
			all["of empty members"] = emptied(s, empty.(members))
		}
	default:
		if e := emptyOf(s); e != nil && !required && !slices.Contains(unserved[r.noun], member) {
			all["empty"] = e
		}
	}
	return all
}

// emptied is m with each optional member of s that can be empty so.
func emptied(s shape, m members) members {
	m = maps.Clone(m)
	for name, ref := range s.Members {
		inner := pinned().Shapes[ref.Shape]
		if e := emptyOf(inner); e != nil && !slices.Contains(s.Required, name) {
			m[name] = e
		}
	}
	return m
}

// emptyOf is the empty value of a shape, or nil: one of a few words is never empty.
func emptyOf(s shape) any {
	switch {
	case s.Type == "string" && s.Enum == nil:
		return ""
	case s.Type == "list":
		return []any{}
	case s.Type == "map":
		return members{}
	case s.Type == "boolean":
		return false
	case s.Type == "integer" && (s.Min == nil || *s.Min == 0):
		return 0
	}
	return nil
}

// fresh gives a request a name that nothing has.
func (r *roundTrip) fresh(m members) members {
	if r.name == "" {
		return m
	}
	r.count++
	if r.name == "EmailAddress" {
		return with(m, r.name, fmt.Sprintf("copy%d@example.com", r.count))
	}
	return with(m, r.name, fmt.Sprintf("copy%d", r.count))
}

// made creates a resource and returns the label that names it, and how Describe answers it.
func (r *roundTrip) made(what string, m members) (label members, described members) {
	r.Helper()
	m = r.fresh(m)
	x := r.do("Create"+r.noun, m)
	if x.status != 200 {
		r.Errorf("%s: %s is refused: %s", what, x.body, x.message())
		return nil, nil
	}
	label = members{}
	for _, l := range labelsOf("Create" + r.noun) {
		label[l] = m[l]
	}
	if v, ok := m[r.label]; ok {
		label[r.label] = v
	} else if strings.HasSuffix(r.label, "Name") {
		label[r.label] = m[r.name]
	} else {
		label[r.label] = idOf(x.ok(), r.label)
	}
	return label, r.described(label)
}

// idOf is the id in the answer of a Create, which is all there is or the resource itself.
func idOf(answer members, label string) any {
	var id any
	for name, v := range answer {
		switch inner, ok := v.(members); {
		case name == label || strings.HasSuffix(name, "Id"):
			return v
		case ok && inner["Id"] != nil:
			id = inner["Id"]
		}
	}
	return id
}

func (r *roundTrip) described(label members) members {
	r.Helper()
	if r.flat {
		return r.do(r.describe, label).ok()
	}
	for _, v := range r.do(r.describe, label).ok() {
		if m, ok := v.(members); ok && len(m) > 0 {
			return m
		}
	}
	r.Fatalf("%s answers nothing", r.describe)
	return nil
}

// taken are the members of an answer that a request has too.
func taken(request shape, answer members) members {
	m := members{}
	for name, v := range answer {
		if ref, ok := request.Members[name]; ok && ref.Location == "" {
			m[name] = v
		}
	}
	return m
}

// try creates m, and what Describe answers of it under another name, and updates with the same.
func (r *roundTrip) try(what string, m members) {
	r.Helper()
	label, first := r.made(what, m)
	if first == nil {
		return
	}
	again := taken(r.create, first)
	for name, v := range m { // what Describe does not answer: labels, and others' lists
		if _, ok := r.out.Members[name]; !ok || r.create.Members[name].Location != "" {
			again[name] = v
		}
	}
	_, second := r.made(what+", described", again)
	if second == nil {
		return
	}
	compare := func(how string, got members) {
		r.Helper()
		a, b := taken(r.create, first), taken(r.create, got)
		delete(a, r.name)
		delete(b, r.name)
		if r.noun == "User" && m["DirectoryUserId"] == nil {
			delete(a, "DirectoryUserId") // the copy keeps what the first answered
			delete(b, "DirectoryUserId")
		}
		if !reflect.DeepEqual(a, b) {
			r.Errorf("%s, %s: %s became %s", what, how, encode(a), encode(b))
		}
	}
	compare("created again", second)
	for _, op := range r.updates {
		in := pinned().Shapes[pinned().Operations[op].Input.Shape]
		sent := taken(in, first)
		maps.Copy(sent, label)
		if missing := slices.ContainsFunc(in.Required, func(name string) bool { return sent[name] == nil }); missing {
			continue // it is about what Describe does not answer
		}
		if x := r.do(op, sent); x.status != 200 {
			r.Errorf("%s, %s: %s is refused: %s", what, op, x.body, x.message())
			continue
		}
		compare(op, r.described(label))
	}
}
