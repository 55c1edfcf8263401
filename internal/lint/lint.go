// Package lint looks at the security profiles of an instance, and at who holds them, for what is likely not meant:
// names that are no permissions, restrictions that restrict nothing, paths by which people can give themselves more
// rights. It is one engine for the command, the console and the plan of a change. It reads snapshots and resources; it
// neither opens instances or files nor changes anything.
package lint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A Severity says how much a finding matters. The zero Severity is Info.
type Severity uint8

// The severities.
const (
	Info    Severity = iota // worth knowing
	Warning                 // likely not what was meant
	Error                   // wrong, or dangerous
)

var severities = []string{"info", "warning", "error"}

// String returns info, warning or error.
func (s Severity) String() string { return severities[s] }

// MarshalText writes what String returns.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads what String returns.
func ParseSeverity(text string) (Severity, bool) {
	i := slices.Index(severities, text)
	return Severity(max(i, 0)), i >= 0
}

// A Resource is what a finding is about.
type Resource struct {
	Type string `json:"type"` // as decisions name it, such as SecurityProfile
	ID   string `json:"id"`
	Name string `json:"name,omitzero"`
}

// String returns the type and the name, as the command line and the configuration name a resource.
func (r Resource) String() string { return r.Type + "/" + cmp.Or(r.Name, r.ID) }

// quoted is String with the name in quotes, for messages.
func (r Resource) quoted() string { return r.Type + " " + lanyard.Quote(cmp.Or(r.Name, r.ID)) }

// A Place is where a resource is written down. The zero Place is nowhere: the resource is in an instance.
type Place struct {
	File   string `json:"file,omitzero"` // with forward slashes, as it was named
	Line   int    `json:"line,omitzero"` // from 1
	Column int    `json:"column,omitzero"`
}

// String returns file:line:column, or as much of it as is known.
func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Fix is a change of a list of a security profile that a program can make.
type Fix struct {
	Profile Resource `json:"profile"`
	Member  Member   `json:"member"`
	Remove  []string `json:"remove"`
	Add     []string `json:"add"`
	// Safe is set when the fix corrects upper and lower case of a name that is not sensitive, or does what the web site
	// of Amazon Connect does by itself. Other fixes are suggestions.
	Safe bool `json:"safe"`
}

// A Member is a list of a security profile, by its name in the API.
type Member string

// The members that findings fix.
const (
	Permissions         Member = "Permissions"
	TagRestricted       Member = "TagRestrictedResources"
	HierarchyRestricted Member = "HierarchyRestrictedResources"
)

// A Finding is something that a rule found.
type Finding struct {
	Code     string   `json:"code"`
	Rule     string   `json:"rule"` // the rule in a word or two, such as unknown-permission
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // one sentence without a full stop; it does not name the first resource
	// Resources are what it is about, the one to change first.
	Resources []Resource `json:"resources"`
	Place     Place      `json:"place,omitzero"`
	Details   []string   `json:"details,omitzero"`
	Path      []Step     `json:"path,omitzero"`
	Why       string     `json:"why"`
	// Advice says what to do.
	Advice string `json:"advice"`
	Fixes  []Fix  `json:"fixes,omitzero"`
	// Fingerprint stays the same while the finding is about the same thing, whatever else changes.
	Fingerprint string `json:"fingerprint"`
	// Silenced is why the configuration silences the finding; nil when it does not.
	Silenced *Silence `json:"silenced,omitzero"`

	about string // tells findings of one rule about the same resources apart
	value string // of the list in which the place is looked for
	in    Member
}

// A Report is what was found: errors first, then by code and resource.
type Report struct {
	Findings []Finding `json:"findings"`
	// Incomplete says what was not looked at because a bound was met; nil when everything was.
	Incomplete []string `json:"incomplete,omitzero"`
}

// Count counts the findings of a severity that nothing silences.
func (r *Report) Count(s Severity) (n int) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == s && f.Silenced == nil {
			n++
		}
	}
	return n
}

// Fails reports whether there is a finding of at least a severity that nothing silences.
func (r *Report) Fails(at Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Silenced == nil && f.Severity >= at })
}

// Added returns the findings of r that before does not have: those that a change brings.
func (r *Report) Added(before *Report) []Finding {
	had := map[string]bool{}
	for i := range before.Findings {
		had[before.Findings[i].Fingerprint] = true
	}
	var added []Finding
	for _, f := range r.Findings {
		if !had[f.Fingerprint] {
			added = append(added, f)
		}
	}
	return added
}

// An Input is what is looked at.
type Input struct {
	Snapshot *access.Snapshot
	// Profiles are those of the snapshot that the viewer may see, in the order of their creation.
	Profiles []*lanyard.Profile
	// IdentityManagement is the instance's; "" when it is not known.
	IdentityManagement string
	// Sees reports whether the viewer may see a resource, and SeesAll whether they may see every resource of a type,
	// those that do not exist included. What a viewer may not see appears in no finding and influences none. nil shows
	// everything.
	Sees    func(resourceType, id string) bool
	SeesAll func(resourceType string) bool
	// Partial is set when the profiles are a part of those of an instance, as those of a template are. Nothing is then
	// said about what is missing, and paths lead through what is there.
	Partial bool
	// UnknownAgents is set when it is not known which AI agents there are, as where the API of Amazon Connect was asked.
	UnknownAgents bool
	// Place returns where a value of a list of a profile is written down; with member "" where the profile is. nil when
	// the profiles are in no file.
	Place func(profile string, member Member, value string) Place
	// Decisions are what was decided, nil when that is not known.
	Decisions *Decisions
}

// From returns the input about an instance as its operator sees it. References to resources that do not exist grant
// nothing, as in decisions.
func From(in *lanyard.Instance, resources []lanyard.Resource) Input {
	edit := access.Empty(in.ID).Edit()
	edit.Put(in)
	input := Input{IdentityManagement: in.IdentityManagement}
	for _, r := range resources {
		edit.Put(r)
		if p, ok := r.(*lanyard.Profile); ok {
			input.Profiles = append(input.Profiles, p)
		}
	}
	input.Snapshot = edit.Snapshot(0)
	return input
}

// Run looks at everything. Its cost grows with the number of profiles and of different sets of profiles that people
// hold; of single users there is one pass.
func Run(in Input) *Report {
	l := newLinter(in)
	for i := range rules {
		if rules[i].check != nil {
			l.rule = &rules[i]
			l.rule.check(l)
		}
	}
	r := &Report{Findings: l.found, Incomplete: l.incomplete}
	r.sort()
	return r
}

// sort puts errors first, and otherwise keeps an order that is the same whenever the findings are.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Code, b.Code),
			strings.Compare(a.first(), b.first()), cmp.Compare(a.Place.Line, b.Place.Line),
			strings.Compare(a.Fingerprint, b.Fingerprint))
	})
}

func (f *Finding) first() string {
	if len(f.Resources) == 0 {
		return ""
	}
	return f.Resources[0].String()
}

// Bounds of what is reported.
const (
	maxFindings = 100 // of one rule
	maxDetails  = 20  // of a finding
)

// A linter runs the rules.
type linter struct {
	Input
	rule       *Rule
	counts     map[string]int // findings by code
	found      []Finding
	incomplete []string

	byID   map[string]int  // places in Profiles by id
	whole  map[string]bool // the types of which the viewer sees all
	tags   map[access.Tag]int
	keys   map[string]map[string]bool // of those tags, by their lowercase form
	people *people
	grants []grants // by profile; see grantsOf
	// spellings are what unknown permissions stand for, of those that were looked up.
	spellings map[string]spelling
	relevant  *relevant
	inhabited map[string]bool // the groups in or below which there are users
	tagSets   map[string][]map[string]string
}

func newLinter(in Input) *linter {
	if in.Sees == nil {
		in.Sees = func(string, string) bool { return true }
	}
	if in.SeesAll == nil {
		in.SeesAll = func(string) bool { return true }
	}
	l := &linter{Input: in, found: []Finding{}, counts: map[string]int{}, byID: map[string]int{}, whole: map[string]bool{},
		tags: in.Snapshot.TagUsage(), keys: map[string]map[string]bool{},
		spellings: map[string]spelling{}}
	for i, p := range l.Profiles {
		l.byID[p.ID] = i
	}
	for _, t := range lanyard.Types() {
		if name := t.DecisionName(); name != "" {
			l.whole[name] = l.SeesAll(name) && !l.Partial
		}
	}
	l.whole[access.TypeAIAgent] = l.SeesAll(access.TypeAIAgent) && !l.Partial
	for t := range l.tags {
		if !l.whole[t.Type] {
			continue
		}
		lower := strings.ToLower(t.Key)
		if l.keys[lower] == nil {
			l.keys[lower] = map[string]bool{}
		}
		l.keys[lower][t.Key] = true
	}
	return l
}

// seesAll reports whether the viewer sees everything of all of the types.
func (l *linter) seesAll(types ...string) bool {
	return !slices.ContainsFunc(types, func(t string) bool { return !l.whole[t] })
}

// seesPeople reports whether the viewer sees everything that there is of all of the types, whole instance or not.
func (l *linter) seesPeople(types ...string) bool {
	return !slices.ContainsFunc(types, func(t string) bool { return !l.SeesAll(t) })
}

// add adds a finding of the rule that runs, but no more than maxFindings of it.
func (l *linter) add(f Finding, profiles ...*lanyard.Profile) {
	for _, p := range profiles {
		f.Resources = append(f.Resources, profileResource(p))
	}
	r := l.rule
	if l.counts[r.Code]++; l.counts[r.Code] > maxFindings {
		if l.counts[r.Code] == maxFindings+1 {
			l.skip("more than %d findings of %s", maxFindings, r.Code)
		}
		return
	}
	f.Code, f.Rule, f.Why, f.Advice = r.Code, r.Name, r.Why, cmp.Or(f.Advice, r.Advice)
	f.Severity = max(f.Severity, r.Severity)
	if n := len(f.Details); n > maxDetails {
		f.Details = append(slices.Clip(f.Details[:maxDetails]), fmt.Sprintf("and %d more", n-maxDetails))
	}
	f.Fingerprint = f.fingerprint()
	if l.Place != nil && len(profiles) > 0 {
		if f.Place = l.Place(profiles[0].ID, f.in, f.value); f.Place == (Place{}) {
			f.Place = l.Place(profiles[0].ID, "", "")
		}
	}
	l.found = append(l.found, f)
}

// skip notes what is not looked at.
func (l *linter) skip(format string, args ...any) {
	l.incomplete = append(l.incomplete, fmt.Sprintf(format, args...))
}

// fingerprint is made of what identifies the thing that the finding is about: names rather than ids, which differ
// between instances and files.
func (f *Finding) fingerprint() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%q\n", f.Code, f.about)
	for _, r := range f.Resources {
		fmt.Fprintf(h, "%q\n", r.String())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func profileResource(p *lanyard.Profile) Resource {
	return Resource{access.TypeSecurityProfile, p.ID, p.Name}
}

// A Silence is why a finding is accepted, and until when.
type Silence struct {
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
}
