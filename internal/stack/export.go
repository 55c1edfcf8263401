package stack

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/lanyard/lanyard"
)

// An Export is an instance as a template.
type Export struct {
	Resources []Exported
	Passwords bool     // creating the users takes the parameter InitialPassword
	Comments  []string // about the whole
	arn       lanyard.ARN
	types     map[string]*kind // by logical id
}

// An Exported resource has its references to others as placeholders, and comments on what a template cannot say.
type Exported struct {
	Resource
	Comments []string
	kind     *kind
}

// maxTemplate is how many resources CloudFormation takes in one template.
const maxTemplate = 500

// NewExport makes a template of what is there. The notes of stacks are left out, but the logical ids that they have are
// used again.
func NewExport(target *Target) (*Export, error) {
	v, err := target.view()
	if err != nil {
		return nil, err
	}
	e := &Export{arn: v.arn, types: map[string]*kind{}}
	all := exportOrder(v)
	ids := e.nameResources(v, all)
	pairs := make([]string, 0, 4*len(ids))
	for r, id := range ids {
		if r.Type() != lanyard.TypeStructure {
			pairs = append(pairs, v.arnOf(r.Type(), r.Head().ID), arnOf(v.arn, r.Type(), Placeholder(id)))
		}
	}
	for r, id := range ids {
		if lanyard.IsID(r.Head().ID) { // ids of their own are rare: flow modules and groups that profiles name
			pairs = append(pairs, r.Head().ID, Placeholder(id))
		}
	}
	refer := newReplacer(pairs)
	for _, r := range all {
		e.add(v, r, ids[r], refer)
	}
	if n := len(e.Resources); n > maxTemplate {
		e.Comments = append(e.Comments, fmt.Sprintf("It has %d resources; CloudFormation takes at most %d in one template.", n,
			maxTemplate))
	}
	if v.instance.IdentityManagement == "CONNECT_MANAGED" {
		e.Passwords = slices.ContainsFunc(all, func(r lanyard.Resource) bool { return r.Type() == lanyard.TypeUser })
	}
	return e, nil
}

// newReplacer replaces texts that are whole ids or ARNs by a map, and only looks inside of longer ones.
func newReplacer(pairs []string) func(string) string {
	whole := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		whole[pairs[i]] = pairs[i+1]
	}
	var inside *strings.Replacer
	return func(s string) string {
		if to, ok := whole[s]; ok {
			return to
		}
		if len(s) < 80 || !strings.Contains(s, "arn:") { // texts are not searched for ids, which could mean anything
			return s
		}
		if inside == nil {
			var arns []string
			for i := 0; i < len(pairs); i += 2 {
				if lanyard.IsARN(pairs[i]) {
					arns = append(arns, pairs[i], pairs[i+1])
				}
			}
			inside = strings.NewReplacer(arns...)
		}
		return inside.Replace(s)
	}
}

// exportOrder is what is exported, by type, groups after those above them, and by name.
func exportOrder(v *view) (all []lanyard.Resource) {
	for _, r := range v.resources {
		if s, ok := r.(*lanyard.Structure); ok && len(s.Levels) == 0 {
			continue
		}
		if _, ok := kindOf(r.Type()); ok {
			all = append(all, r)
		}
	}
	paths := map[lanyard.Resource]string{}
	for _, r := range all {
		paths[r] = r.Head().Name
		if g, ok := r.(*lanyard.Group); ok {
			paths[r] = groupPath(v, g)
		}
	}
	slices.SortFunc(all, func(a, b lanyard.Resource) int {
		ka, _ := kindOf(a.Type())
		kb, _ := kindOf(b.Type())
		return cmp.Or(cmp.Compare(ka.rank, kb.rank), cmp.Compare(depth(a), depth(b)), strings.Compare(paths[a], paths[b]))
	})
	return all
}

func depth(r lanyard.Resource) int {
	if g, ok := r.(*lanyard.Group); ok {
		return len(g.Path)
	}
	return 0
}

// groupPath is the names of a group and those above it.
func groupPath(v *view, g *lanyard.Group) string {
	var path []string
	for _, id := range g.Path {
		if above, ok := v.byRef[lanyard.Ref{Type: lanyard.TypeGroup, ID: id}]; ok {
			path = append(path, above.Head().Name)
		}
	}
	return strings.Join(path, "\x00")
}

// suffixes end the logical ids that are made of names.
var suffixes = map[lanyard.Type]string{lanyard.TypeProfile: "Profile", lanyard.TypeUser: "User",
	lanyard.TypeGroup: "Group", lanyard.TypeQueue: "Queue", lanyard.TypeRoutingProfile: "RoutingProfile",
	lanyard.TypeHours: "Hours", lanyard.TypeModule: "Module", lanyard.TypeStructure: "HierarchyStructure"}

func (e *Export) nameResources(v *view, all []lanyard.Resource) map[lanyard.Resource]string {
	ids := make(map[lanyard.Resource]string, len(all))
	reserved := map[string]bool{"InstanceArn": true, "InitialPassword": true}
	for _, r := range all {
		if id := v.noteOf(r).logicalID; logicalID(id) == id && id != "" && !reserved[id] {
			ids[r], reserved[id] = id, true
		}
	}
	for _, r := range all {
		if ids[r] != "" {
			continue
		}
		suffix := suffixes[r.Type()]
		base := logicalID(r.Head().Name)
		if r.Type() == lanyard.TypeStructure {
			base = ""
		}
		if !strings.HasSuffix(base, suffix) {
			base += suffix
		}
		id := base
		for n := 2; reserved[id]; n++ {
			id = fmt.Sprintf("%s%d", base, n)
		}
		ids[r], reserved[id] = id, true
	}
	for r, id := range ids {
		k, _ := kindOf(r.Type())
		e.types[id] = k
	}
	return ids
}

// logicalID makes a logical id of a name: its letters and digits, each word beginning with an uppercase letter.
func logicalID(name string) string {
	var b strings.Builder
	upper := true
	for _, r := range name {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			upper = true
			continue
		}
		if upper {
			r = unicode.ToUpper(r)
		}
		if b.Len() == 0 && unicode.IsDigit(r) {
			b.WriteByte('N')
		}
		upper = false
		b.WriteRune(r)
		if b.Len() >= 200 {
			break
		}
	}
	return b.String()
}

// inEveryInstance are the resources that a new instance has, by type and name.
var inEveryInstance = map[string]bool{"SecurityProfile/Admin": true, "SecurityProfile/Agent": true,
	"SecurityProfile/CallCenterManager": true, "SecurityProfile/QualityAnalyst": true, "Queue/BasicQueue": true,
	"HoursOfOperation/Basic Hours": true, "RoutingProfile/Basic Routing Profile": true}

func (e *Export) add(v *view, r lanyard.Resource, id string, refer func(string) string) {
	k, _ := kindOf(r.Type())
	out := Exported{kind: k, Resource: Resource{LogicalID: id, Type: k.name, Properties: map[string]any{},
		Lanyard: map[string]any{}}}
	p := k.properties(v, r)
	named := p[k.named]
	referring := canonical(mapStrings(map[string]any(p), refer).(map[string]any), k.keep()) // sorted by logical ids
	for name, value := range referring {
		switch {
		case name == k.named:
			out.Properties[name] = named // a name is never a reference
		case name == "QuickConnectArns":
			out.Comments = append(out.Comments, "Its quick connects are not part of the template and are left as they are.")
		case name == "AIAgentArns" && len(list(value)) == 0:
			// The API does not list AI agents: that none was found does not mean that none holds the profile.
		case slices.Contains(k.metadata, name):
			out.Lanyard[name] = value
		case tagMembers[name]:
			out.splitTags(name, object(value))
		default:
			out.Properties[name] = value
		}
	}
	if k.typ == lanyard.TypeStructure || inEveryInstance[strings.TrimPrefix(k.name, prefix)+"/"+r.Head().Name] {
		out.Comments = append(out.Comments, "Every new instance has it: lanyard updates it, CloudFormation has to import it.")
	}
	if len(out.Lanyard) > 0 {
		out.Comments = append(out.Comments, "CloudFormation has no property for what is below Metadata; lanyard applies it.")
	}
	e.require(&out)
	e.Resources = append(e.Resources, out)
}

// tagKeys are the keys of tags that CloudFormation's schema takes for most types.
var tagKeys = regexp.MustCompile(`^[a-zA-Z+-=._:/]+$`)

// maxAccessTags is how many access-control tags it takes.
const maxAccessTags = 4

// splitTags puts tags into the properties, and those that CloudFormation does not take below Metadata.
func (r *Exported) splitTags(name string, tags map[string]any) {
	taken, others := map[string]any{}, map[string]any{}
	for _, key := range sortedKeys(tags) {
		if !tagKeys.MatchString(key) || name != "Tags" && len(taken) == maxAccessTags {
			others[key] = tags[key]
		} else {
			taken[key] = tags[key]
		}
	}
	if len(taken) > 0 {
		r.Properties[name] = taken
	}
	if len(others) > 0 {
		r.Lanyard[name] = others
	}
}

// require adds what CloudFormation requires and is left out when it is empty.
func (e *Export) require(r *Exported) {
	missing := func(name string, v any) {
		if _, ok := r.Properties[name]; !ok {
			r.Properties[name] = v
		}
	}
	switch r.kind.typ {
	case lanyard.TypeHours:
		missing("Config", []any{})
	case lanyard.TypeRoutingProfile:
		missing("MediaConcurrencies", []any{})
		missing("Description", "-")
	}
}
