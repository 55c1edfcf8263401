package mcpserver

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/typo"
)

// A Finding is what lint finds.
type Finding struct {
	Code, Rule, Severity string
	Profiles             []Named // to change
	Message              string
	Details              []string
	Why, Advice          string // the same for all findings of a rule
}

var severities = []string{"error", "warning", "info"}

var lintFindings = tool{name: "lint_findings", title: "List probable mistakes in security profiles", administer: true, slow: true,
	description: `Lists what is probably wrong with the security profiles: misspelt permissions, restrictions that restrict ` +
		`nothing, unused profiles, and paths by which people can make themselves more powerful. The errors come first. Use it to ` +
		`review an instance or one profile.
Examples: {"min_severity": "warning"}
{"profile": "Supervisor Europe"}`,
	enums: map[string][]string{"min_severity": severities}}

type lintFindingsIn struct {
	About
	MinSeverity string `json:"min_severity,omitempty" jsonschema:"Leave out findings that are less severe. Default: info, which is all."`
	Rule        string `json:"rule,omitempty" jsonschema:"Only findings of this rule, by its code such as LY2001 or its name."`
	Profile     string `json:"profile,omitempty" jsonschema:"Only findings about this security profile: its name, id or ARN."`
	Paged
}

type lintFindingsOut struct {
	Total    int          `json:"total" jsonschema:"How many findings there are on all pages."`
	Errors   int          `json:"errors" jsonschema:"How many of them are errors."`
	Warnings int          `json:"warnings" jsonschema:"How many of them are warnings."`
	Findings []lintOut    `json:"findings"`
	Rules    []lintRuleOf `json:"rules" jsonschema:"The rules of the findings on this page: why they matter and what to do."`
	Next     token        `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

type lintOut struct {
	Code     string   `json:"code" jsonschema:"Code of the rule."`
	Severity string   `json:"severity" jsonschema:"error, warning or info."`
	Profiles []Named  `json:"profiles" jsonschema:"The security profiles to change, at most 10."`
	Message  string   `json:"message"`
	Details  []string `json:"details,omitempty"`
}

type lintRuleOf struct {
	Code   string `json:"code"`
	Name   string `json:"name"`
	Why    string `json:"why"`
	Advice string `json:"advice"`
}

func (a *asker) lintFindings(ctx context.Context, in lintFindingsIn) (out lintFindingsOut, err error) {
	limit, err := in.size()
	if err != nil {
		return out, err
	}
	first, err := offset(in.PageToken)
	if err != nil {
		return out, err
	}
	profile := Named{}
	if in.Profile != "" {
		if profile, err = a.lookup(ctx, access.TypeSecurityProfile, in.Profile); err != nil {
			return out, err
		}
	}
	all, err := a.s.Findings(ctx, a.viewer)
	if err != nil {
		return out, err
	}
	if err := checkRule(in.Rule, all); err != nil {
		return out, err
	}
	least := len(severities) - 1
	if in.MinSeverity != "" {
		least = slices.Index(severities, in.MinSeverity)
	}
	size := 0
	for i := range all {
		f := &all[i]
		if slices.Index(severities, f.Severity) > least || in.Rule != "" && in.Rule != f.Code && in.Rule != f.Rule ||
			profile.ID != "" && !slices.ContainsFunc(f.Profiles, func(p Named) bool { return p.ID == profile.ID }) {
			continue
		}
		out.count(f.Severity)
		if out.Total <= first {
			continue
		}
		if size += len(f.Message) + len(strings.Join(f.Details, "")) + 40*len(f.Profiles); out.Next == "" &&
			(len(out.Findings) == 0 || len(out.Findings) < limit && size < pageBytes) {
			out.add(f)
		} else if out.Next == "" {
			out.Next = token(strconv.Itoa(out.Total - 1))
		}
	}
	return out, nil
}

// checkRule refuses a rule that found nothing, if others are like it.
func checkRule(rule string, all []Finding) error {
	var known []string
	for _, f := range all {
		if rule == f.Code || rule == f.Rule {
			return nil
		}
		if !slices.Contains(known, f.Rule) {
			known = append(known, f.Rule, f.Code)
		}
	}
	if near := typo.Nearest(rule, known); near != "" && rule != "" && !strings.HasPrefix(rule, "LY") {
		return lanyard.Errorf(lanyard.Invalid, "rule must be the code or the name of a rule, got %s%s", lanyard.Quote(rule),
			didYouMean(near))
	}
	return nil
}

func (out *lintFindingsOut) count(severity string) {
	out.Total++
	switch severity {
	case "error":
		out.Errors++
	case "warning":
		out.Warnings++
	}
}

func (out *lintFindingsOut) add(f *Finding) {
	out.Findings = append(out.Findings, lintOut{f.Code, f.Severity, f.Profiles, f.Message, f.Details})
	if !slices.ContainsFunc(out.Rules, func(r lintRuleOf) bool { return r.Code == f.Code }) {
		out.Rules = append(out.Rules, lintRuleOf{f.Code, f.Rule, f.Why, f.Advice})
	}
}

func (out lintFindingsOut) write(w *writer) {
	w.linef("%s, of which %s and %s:", count(out.Total, "finding", "findings"), count(out.Errors, "error", "errors"),
		count(out.Warnings, "warning", "warnings"))
	for _, f := range out.Findings {
		w.linef("- %s %s: %s", f.Severity, f.Code, quote(f.Message))
		for _, p := range f.Profiles {
			w.linef("  profile %s", p.text())
		}
		for _, d := range f.Details {
			w.linef("  %s", quote(d))
		}
	}
	for _, r := range out.Rules {
		w.linef("%s (%s): %s %s", r.Code, r.Name, r.Why, r.Advice)
	}
	w.more(out.Next)
}

// A HistoryQuery asks for the changes of a resource, of a type, or with neither of an instance.
type HistoryQuery struct {
	Type, ID string
	Before   int64 // the revision before which to look; 0 for the newest changes
	Limit    int
}

type (
	// A HistoryPage is a page of changes, newest first.
	HistoryPage struct {
		Events []Event
		Names  map[string]string // of the ids in values, as far as the viewer may know
		Next   int64             // the Before of the next page; 0 at the end
	}
	// An Event is a change as it was made: one call, of one or many resources.
	Event struct {
		Revision  int64
		Time      time.Time
		Operation string
		ByKind    string // user, operator, key or unknown
		By        Named  // a user whom the viewer may not view has no id
		Refused   string
		Changes   []Change
		Total     int // changes, of which the first are shown
	}
	// A Change is what happened to one resource.
	Change struct {
		Type, Action string
		Resource     Named
		Fields       []Field
	}
	// A Field is a member that has changed.
	Field struct {
		Name           string
		Before, After  lanyard.JSON
		Added, Removed []string // of a list
	}
)

// historyTypes are the types that history can be about.
var historyTypes = func() (names []string) {
	for _, t := range lanyard.Types() {
		if t.Name() != "" {
			names = append(names, t.Name())
		}
	}
	return names
}()

var history = tool{name: "history", title: "List what was changed, by whom and when", administer: true, slow: true,
	description: `Lists the changes of a security profile, of a user, of another resource or of the whole instance, newest ` +
		`first: when, by whom, and which members changed from what to what. Use it for "who gave X this right?" or "what changed ` +
		`yesterday?".
Examples: {"type": "SecurityProfile", "resource": "Supervisor Europe"}
{"limit": 10}`,
	enums: map[string][]string{"type": historyTypes}}

type historyIn struct {
	About
	Type     string `json:"type,omitempty" jsonschema:"Type of the resources whose changes to list. Leave it out for all."`
	Resource string `json:"resource,omitempty" jsonschema:"With type: name, id or ARN of the one whose changes to list. A deleted one is found by its id."`
	Paged
}

type historyOut struct {
	Events []eventOut `json:"events"`
	Next   token      `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for older changes. A page can be empty and have one, because few revisions are searched at a time."`
}

type eventOut struct {
	Revision  int64       `json:"revision"`
	Time      string      `json:"time"`
	Operation string      `json:"operation" jsonschema:"The call that made the change."`
	By        byOut       `json:"by"`
	Refused   string      `json:"refused,omitempty" jsonschema:"Why the call was refused, if it was."`
	Changes   []changeOut `json:"changes"`
	Omitted   int         `json:"omitted,omitzero" jsonschema:"How many changes of the same call are left out."`
}

type byOut struct {
	Kind string `json:"kind" jsonschema:"user, operator (the root key), key (another access key) or unknown."`
	ID   string `json:"id,omitempty" jsonschema:"Id of the user or key, if you may know it."`
	Name string `json:"name,omitempty"`
}

type changeOut struct {
	Type     string     `json:"type"`
	Resource Named      `json:"resource"`
	Action   string     `json:"action" jsonschema:"create, update or delete."`
	Fields   []fieldOut `json:"fields"`
}

type fieldOut struct {
	Field   string   `json:"field"`
	Before  string   `json:"before,omitempty" jsonschema:"Value before, as JSON; long ones are shortened."`
	After   string   `json:"after,omitempty" jsonschema:"Value after, as JSON; long ones are shortened."`
	Added   []string `json:"added,omitempty" jsonschema:"Entries that a list gained."`
	Removed []string `json:"removed,omitempty" jsonschema:"Entries that a list lost."`
	Omitted int      `json:"omitted,omitzero" jsonschema:"How many entries are left out."`
}

func (a *asker) history(ctx context.Context, in historyIn) (out historyOut, err error) {
	q := HistoryQuery{Type: in.Type}
	if q.Limit, err = in.size(); err != nil {
		return out, err
	}
	before, err := offset(in.PageToken)
	if err != nil {
		return out, err
	}
	if q.Before = int64(before); in.Resource != "" {
		if q.ID, err = a.historyOf(ctx, in.Type, in.Resource); err != nil {
			return out, err
		}
	}
	page, err := a.s.History(ctx, a.viewer, q)
	if err != nil {
		return out, err
	}
	if page.Next > 0 {
		out.Next = token(strconv.FormatInt(page.Next, 10))
	}
	size := 0
	for i := range page.Events {
		e := page.Events[i].shown(page.Names)
		if size += e.size(); i > 0 && size > pageBytes {
			out.Next = token(strconv.FormatInt(page.Events[i-1].Revision, 10))
			break
		}
		out.Events = append(out.Events, e)
	}
	return out, nil
}

// historyOf returns the id of the resource whose changes are asked for. A deleted one has no name any more.
func (a *asker) historyOf(ctx context.Context, resourceType, ref string) (string, error) {
	switch {
	case resourceType == "":
		return "", lanyard.Errorf(lanyard.Invalid, "type is required when resource is given")
	case lanyard.IsID(ref) || !questions.FoundByID(resourceType):
		return ref, nil
	case questions.IsConnectARN(ref):
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return "", lanyard.Errorf(lanyard.Invalid, "%v", err)
		}
		if !arn.MayBeOf(a.in.ID) || arn.Type.DecisionName() != resourceType {
			return "", lanyard.Errorf(lanyard.Invalid, "resource must be a %s of instance %s, got %s", resourceType, a.in.ID,
				lanyard.Quote(ref))
		}
		return arn.ID, nil
	}
	found, err := a.lookup(ctx, resourceType, ref)
	return found.ID, err
}

// Bounds of what is shown of a change.
const (
	maxChanges = 10
	maxFields  = 20
	maxEntries = 40
	maxValue   = 300 // bytes
)

// shown returns an event as an answer has it.
func (e *Event) shown(names map[string]string) eventOut {
	out := eventOut{Revision: e.Revision, Time: e.Time.UTC().Format(time.RFC3339), Operation: e.Operation,
		By: byOut{e.ByKind, e.By.ID, e.By.Name}, Refused: e.Refused}
	for _, c := range e.Changes[:min(len(e.Changes), maxChanges)] {
		one := changeOut{Type: c.Type, Resource: c.Resource, Action: c.Action}
		for _, f := range c.Fields[:min(len(c.Fields), maxFields)] {
			one.Fields = append(one.Fields, f.shown(names))
		}
		out.Changes = append(out.Changes, one)
	}
	out.Omitted = e.Total - len(out.Changes)
	return out
}

func (f *Field) shown(names map[string]string) fieldOut {
	out := fieldOut{Field: f.Name}
	if f.Added == nil && f.Removed == nil {
		out.Before, out.After = valueText(f.Before, names), valueText(f.After, names)
		return out
	}
	entries := func(all []string) (some []string) {
		for _, x := range all[:min(len(all), maxEntries)] {
			if name := names[x]; name != "" {
				x += " (" + name + ")"
			}
			some = append(some, x)
		}
		out.Omitted += len(all) - len(some)
		return some
	}
	out.Added, out.Removed = entries(f.Added), entries(f.Removed)
	return out
}

// valueText shortens a value, and names what its id is called.
func valueText(value lanyard.JSON, names map[string]string) string {
	text := string(value)
	if name := names[strings.Trim(text, `"`)]; name != "" {
		text += " (" + name + ")"
	}
	return lanyard.ClipTo(text, maxValue)
}

// size is about how many bytes an event has.
func (e *eventOut) size() int {
	n := 200
	for _, c := range e.Changes {
		n += 100 + len(c.Resource.Name)
		for _, f := range c.Fields {
			n += 60 + len(f.Before) + len(f.After) + len(strings.Join(f.Added, "   ")) + len(strings.Join(f.Removed, "   "))
		}
	}
	return n
}

func (out historyOut) write(w *writer) {
	w.linef("%s, newest first:", count(len(out.Events), "change", "changes"))
	for _, e := range out.Events {
		refused := ""
		if e.Refused != "" {
			refused = ", refused: " + quote(e.Refused)
		}
		w.linef("- revision %d, %s, %s by %s%s", e.Revision, e.Time, e.Operation, e.By.text(), refused)
		for _, c := range e.Changes {
			w.linef("  %s %s %s", c.Action, c.Type, c.Resource.text())
			for _, f := range c.Fields {
				w.linef("    %s", f.text())
			}
		}
		if e.Omitted > 0 {
			w.linef("  and %d more", e.Omitted)
		}
	}
	w.more(out.Next)
}

func (b byOut) text() string {
	switch {
	case b.Name != "":
		return b.Kind + " " + Named{b.ID, b.Name}.text()
	case b.ID != "":
		return b.Kind + " " + word(b.ID)
	}
	return b.Kind
}

func (f fieldOut) text() string {
	var parts []string
	if len(f.Added) > 0 {
		parts = append(parts, "added "+words(f.Added))
	}
	if len(f.Removed) > 0 {
		parts = append(parts, "removed "+words(f.Removed))
	}
	if len(parts) == 0 {
		parts = append(parts, "from "+orNothing(f.Before)+" to "+orNothing(f.After))
	}
	if f.Omitted > 0 {
		parts = append(parts, "and "+strconv.Itoa(f.Omitted)+" more")
	}
	return quote(f.Field) + " " + strings.Join(parts, ", ")
}

func orNothing(value string) string {
	if value == "" {
		return "nothing"
	}
	return quote(value)
}
