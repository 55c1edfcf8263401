package policytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/typo"
)

// A Status is how a question ended.
type Status uint8

// The statuses.
const (
	Passed Status = iota
	Failed
	Errored // the question could not be asked, because something that it names does not exist
)

// String returns the status in one word.
func (s Status) String() string { return [...]string{"passed", "failed", "error"}[s] }

// A Result is the answer to a question, compared with what is expected.
type Result struct {
	Question *Question
	Status   Status
	Expected string
	Got      string
	// Explanation says why the answer is what it is; of an Errored question, what is wrong with it.
	Explanation string
	Hints       []string
	At          Position // of what is wrong, or of the answer that was expected
}

// A FileResult has the results of a file's questions, in its order.
type FileResult struct {
	File    *File
	Target  *Target
	Results []Result
}

// Count returns how many questions ended with a status.
func (f *FileResult) Count(s Status) (n int) {
	for i := range f.Results {
		if f.Results[i].Status == s {
			n++
		}
	}
	return n
}

// Options say what Run does.
type Options struct {
	// Select reports whether to ask a question; nil for all.
	Select func(*Question) bool
	// Coverage notes what the questions exercise; nil for nothing.
	Coverage *Coverage
}

// Run asks the questions of a file. The error has what is wrong with its fixtures, with the places.
func Run(t *Target, f *File, o Options) (*FileResult, error) {
	out := &FileResult{File: f, Target: t, Results: make([]Result, 0, f.Count())}
	w := newWorld(t, f)
	o.Coverage.begin(w)
	problems := w.problems
	for _, test := range f.Tests {
		here := w.with(test.fixtures)
		if here != w {
			problems = append(problems, here.problems...)
		}
		for _, q := range test.Questions {
			if o.Select == nil || o.Select(q) {
				out.Results = append(out.Results, here.ask(q, o.Coverage))
			}
		}
	}
	return out, errors.Join(problems...)
}

// ask answers a question.
func (w *world) ask(q *Question, c *Coverage) Result {
	out := Result{Question: q, Expected: q.expect.String(), At: q.At}
	query, err := w.query(q)
	if err == nil {
		if q.WhoCan {
			err = w.askWhoCan(q, query, &out, c)
		} else {
			err = w.askDecision(q, query, &out, c)
		}
	}
	var problem *Problem
	if errors.As(err, &problem) {
		out.Status, out.Got, out.Explanation, out.At = Errored, "no answer", problem.Message, problem.Position
	}
	return out
}

// problemAt is an error at a place.
func problemAt(at Position, format string, args ...any) error {
	return &Problem{at, fmt.Sprintf(format, args...)}
}

// query resolves what a question names.
func (w *world) query(q *Question) (*access.Query, error) {
	out := &access.Query{Action: q.permission.value, Surface: q.surface}
	if q.WhoCan {
		if q.onBehalfOf.value != "" {
			out.Subject.Type = access.AIAgent
		}
	} else if err := w.subject(q, &out.Subject); err != nil {
		return nil, err
	}
	if q.onBehalfOf.value != "" {
		human, problem := w.user(q.onBehalfOf.value)
		if problem != "" {
			return nil, problemAt(q.onBehalfOf.at, "%s", problem)
		}
		out.Subject.Human = human
	}
	var err error
	out.Resource, err = w.resource(q)
	return out, err
}

func (w *world) subject(q *Question, s *access.Subject) error {
	ref := q.user.value
	if lanyard.IsARN(ref) && !questions.IsConnectARN(ref) {
		s.Type, s.ID = access.AIAgent, ref
		return nil
	}
	if q.onBehalfOf.value != "" {
		return problemAt(q.onBehalfOf.at, "on-behalf-of is for AI agents, and names the user whom the agent assists; %q is not "+
			"the ARN of an AI agent", clip(ref))
	}
	id, problem := w.user(ref)
	if problem != "" && q.expect.expectsUnknown(access.UnknownSubject) {
		id, problem = ref, ""
	}
	if problem != "" {
		return problemAt(q.user.at, "%s", problem)
	}
	s.ID = id
	return nil
}

// user resolves a user, who keeps the name by which the question and its answer can be read.
func (w *world) user(ref string) (id, problem string) {
	if _, ok := w.snapshot.LookupUser(ref); ok {
		return ref, ""
	}
	return w.resolve(lanyard.TypeUser, ref)
}

// resource resolves or describes what a question is about.
func (w *world) resource(q *Question) (access.Resource, error) {
	d, ref := q.resource.described, q.resource.ref
	if d == nil && ref.value == "" {
		return access.Resource{}, nil
	}
	if d == nil {
		d = w.described[ref.value]
	}
	if d != nil {
		return w.describedResource(d)
	}
	r, err := questions.ParseResource(ref.value)
	if err != nil {
		return r, problemAt(ref.at, "%s%s", err, typo.DidYouMean(ref.value, w.describedNames()))
	}
	lookup := r.Type
	if r.Type == access.TypeFlowModule {
		lookup = access.TypeContactFlowModule
	}
	if !questions.FoundByID(lookup) {
		return r, w.checkType(ref.at, r.Type)
	}
	t, _ := lanyard.StoredType(lookup)
	id, problem := w.resolveResource(t, r.ID)
	if problem != "" && q.expect.expectsUnknown(access.UnknownResource) {
		return r, nil
	}
	if problem != "" {
		return r, problemAt(ref.at, "%s", problem)
	}
	r.ID = id
	return r, nil
}

func (w *world) resolveResource(t lanyard.Type, ref string) (id, problem string) {
	if t == lanyard.TypeUser {
		return w.user(ref)
	}
	return w.resolve(t, ref)
}

// checkType refuses the name of a type that is nearly one that is known. Others may be new types of Amazon's.
func (w *world) checkType(at Position, name string) error {
	if slices.Contains(typeNames(), name) {
		return nil
	}
	if near := typo.Nearest(name, typeNames()); near != "" {
		return problemAt(at, "type %q does not exist; did you mean %s?", clip(name), near)
	}
	return nil
}

func (w *world) describedNames() []string {
	var names []string
	for name := range w.described {
		names = append(names, name)
	}
	return sorted(names)
}

func (w *world) describedResource(d *described) (access.Resource, error) {
	r := d.resource
	r.Type = questions.ParseType(r.Type)
	if err := w.checkType(d.at, r.Type); err != nil {
		return r, err
	}
	has := len(r.Tags) > 0 || len(r.Attributes) > 0 || r.Channel != "" || d.group.value != ""
	if questions.FoundByID(r.Type) && !r.New {
		if has {
			return r, problemAt(d.at, "lanyard stores resources of type %s and decides by what it has stored; tags, group, "+
				"attributes and channel are for other types, or require new: true; or describe it under fixtures", r.Type)
		}
		t, _ := lanyard.StoredType(r.Type)
		id, problem := w.resolveResource(t, r.ID)
		if problem != "" {
			return r, problemAt(d.at, "%s", problem)
		}
		r.ID = id
		return r, nil
	}
	if d.group.value != "" {
		id, problem := w.resolve(lanyard.TypeGroup, d.group.value)
		if problem != "" {
			return r, problemAt(d.group.at, "%s", problem)
		}
		r.Group = id
	}
	return r, nil
}

// askDecision asks whether a user may, and compares.
func (w *world) askDecision(q *Question, query *access.Query, out *Result, c *Coverage) error {
	e := q.expect
	d := w.snapshot.Decide(query)
	if err := w.checkAsked(q, query, d.Reason); err != nil {
		return err
	}
	out.Got = w.gotDecision(d, e)
	profile, err := w.expectedProfile(e)
	if err != nil {
		return err
	}
	right := d.Allow == e.allow && (!e.hasReason || d.Reason == e.reason) && (profile == "" || d.Profile == profile)
	if right && len(e.missing) == 0 && c == nil {
		return nil
	}
	x := w.snapshot.Explain(query)
	c.decision(w, query, &x)
	if len(e.missing) > 0 {
		missing := missingOf(&x)
		right = right && slices.Equal(missing, sorted(values(e.missing)))
		for i, m := range missing {
			out.Got += map[bool]string{true: ", missing ", false: " and "}[i == 0] + m
		}
	}
	if !right {
		out.Status, out.Explanation, out.Hints = Failed, x.Sentence, x.Hints
	}
	return nil
}

// missingOf are the conditions that were not met, as a test names them.
func missingOf(x *access.Explanation) []string {
	var all []string
	for _, f := range x.Profiles {
		for _, c := range f.Failed {
			all = append(all, c.Kind.String()+" "+c.Want)
		}
	}
	return slices.Compact(sorted(all))
}

// checkAsked returns an error when a question has no answer: a slip must not look like a denial.
func (w *world) checkAsked(q *Question, query *access.Query, reason access.Reason) error {
	if q.expect.expectsUnknown(reason) {
		return nil
	}
	switch reason {
	case access.UnknownSubject:
		return problemAt(q.user.at, "%q is not the ARN of an AI agent that holds security profiles%s", clip(q.user.value),
			typo.DidYouMean(q.user.value, w.agentARNs()))
	case access.UnknownAction:
		return problemAt(q.permission.at, "%q is neither a permission of the catalogue nor in any profile%s",
			clip(q.permission.value), typo.DidYouMean(q.permission.value, w.actions()))
	case access.WrongType:
		return problemAt(q.resource.at(), "%s is not about resources of type %s", query.Action, query.Resource.Type)
	case access.UnknownResource:
		return problemAt(q.resource.at(), "%s %q does not exist", query.Resource.Type, clip(query.Resource.ID))
	}
	return nil
}

func (w *world) agentARNs() (all []string) {
	for _, list := range [][]lanyard.Resource{w.target.Resources, w.added} {
		for _, r := range list {
			if r.Type() == lanyard.TypeAIAgent {
				all = append(all, r.Head().ID)
			}
		}
	}
	return all
}

// actions are the permissions of the catalogue and the tools of the target's profiles.
func (w *world) actions() []string {
	all := permissionNames()
	for _, p := range w.profiles {
		all = append(all, p.Permissions...)
		for _, a := range p.Applications {
			all = append(all, a.Permissions...)
		}
	}
	return sorted(all)
}

func (w *world) expectedProfile(e *expectation) (string, error) {
	if e.profile.value == "" {
		return "", nil
	}
	id, problem := w.resolve(lanyard.TypeProfile, e.profile.value)
	if problem != "" {
		return "", problemAt(e.profile.at, "%s", problem)
	}
	return id, nil
}

// gotDecision says what was decided, in as much detail as was expected.
func (w *world) gotDecision(d access.Decision, e *expectation) string {
	s := decisionWord(d.Allow)
	if !d.Allow {
		return s + " (" + d.Reason.String() + ")"
	}
	if d.Profile != "" && (e.profile.value != "" || !e.allow) {
		s += " by profile " + w.profileName(d.Profile)
	}
	return s
}

// askWhoCan asks for everybody who may, and compares.
func (w *world) askWhoCan(q *Question, query *access.Query, out *Result, c *Coverage) error {
	holders, err := w.holders(q, query)
	if err != nil {
		return err
	}
	c.whoCan(query, holders)
	names := make([]string, len(holders))
	can := map[string]string{} // name by id
	for i, h := range holders {
		names[i] = holderName(h)
		can[h.ID] = names[i]
	}
	out.Got = nobody
	if len(names) > 0 {
		out.Got = someNames(sorted(names))
	}
	wrong, err := w.compareHolders(q.expect, can)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		out.Status, out.Explanation = Failed, w.explainHolders(wrong, holders)
	}
	return nil
}

// holders are all who may do what is asked, users first.
func (w *world) holders(q *Question, query *access.Query) ([]access.Holder, error) {
	// Who holds nothing is asked about too, so that a slip does not look like nobody.
	one := *query
	if query.Subject.Human == "" {
		one.Subject = access.Subject{}
	}
	if known := w.knows(q, &one); known != nil {
		return nil, known
	}
	types := []access.SubjectType{access.User, access.AIAgent}
	if query.Subject.Human != "" {
		types = types[1:]
	}
	var all []access.Holder
	for _, one.Subject.Type = range types {
		found, _ := w.snapshot.WhoCan(&one, access.Page{})
		all = append(all, found...)
	}
	return all, nil
}

// knows checks that the permission and the resource of a question exist, as any user that there is would be told.
func (w *world) knows(q *Question, query *access.Query) error {
	asked := *query
	asked.Subject = access.Subject{}
	for u := range w.snapshot.Users() {
		asked.Subject.ID = u.ID
		return w.checkAsked(q, query, w.snapshot.Decide(&asked).Reason)
	}
	return nil
}

func holderName(h access.Holder) string {
	if h.Name != "" {
		return h.Name
	}
	return h.ID
}

// someNames lists the first of many names.
func someNames(names []string) string {
	const most = 20
	if n := len(names); n > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n-most)
	}
	return strings.Join(names, ", ")
}

// A wrongHolder is somebody who may and should not, or the other way round.
type wrongHolder struct {
	id, name string
	may      bool
}

// compareHolders returns those about whom the answer differs from what is expected, in the order of their names.
func (w *world) compareHolders(e *expectation, can map[string]string) ([]wrongHolder, error) {
	var wrong []wrongHolder
	for _, key := range whoCanKeys {
		list := *e.whoList(key)
		if list == nil {
			continue
		}
		listed := map[string]string{} // name by id
		for _, t := range *list {
			if err := w.addListed(listed, t); err != nil {
				return nil, err
			}
		}
		for id, name := range listed {
			if _, may := can[id]; !may && (key == "exactly" || key == "includes") || may && key == "excludes" {
				wrong = append(wrong, wrongHolder{id, name, may})
			}
		}
		if key != "exactly" && key != "nobody-but" {
			continue
		}
		for id, name := range can {
			if _, ok := listed[id]; !ok {
				wrong = append(wrong, wrongHolder{id, name, true})
			}
		}
	}
	slices.SortFunc(wrong, func(a, b wrongHolder) int {
		return strings.Compare(a.name+"\x00"+a.id, b.name+"\x00"+b.id)
	})
	return slices.Compact(wrong), nil
}

// addListed adds whom a name of an expectation stands for: a user, an AI agent, or all holders of a profile.
func (w *world) addListed(listed map[string]string, t text) error {
	ref := t.value
	if r, err := questions.ParseResource(ref); err == nil && r.Type == access.TypeSecurityProfile {
		if questions.IsConnectARN(ref) {
			r.ID = ref
		}
		id, problem := w.resolve(lanyard.TypeProfile, r.ID)
		if problem != "" {
			return problemAt(t.at, "%s", problem)
		}
		holders, _, _ := w.snapshot.Holders(id, access.Page{})
		for _, h := range holders {
			listed[h.ID] = holderName(h)
		}
		return nil
	}
	if lanyard.IsARN(ref) && !questions.IsConnectARN(ref) {
		listed[ref] = ref
		return nil
	}
	ref, _ = strings.CutPrefix(ref, access.TypeUser+"/")
	id, problem := w.resolve(lanyard.TypeUser, ref)
	if problem != "" {
		return problemAt(t.at, "%s", problem)
	}
	listed[id] = ref
	return nil
}

// explainHolders says who differs, and through which profiles.
func (w *world) explainHolders(wrong []wrongHolder, holders []access.Holder) string {
	byID := map[string]access.Holder{}
	for _, h := range holders {
		byID[h.ID] = h
	}
	var may, mayNot []string
	for _, one := range wrong {
		if !one.may {
			mayNot = append(mayNot, one.name)
			continue
		}
		var through []string
		for _, id := range byID[one.id].Profiles {
			through = append(through, fmt.Sprintf("%q", w.profileName(id)))
		}
		name := one.name
		if len(through) > 0 {
			name += " (through " + strings.Join(through, ", ") + ")"
		}
		may = append(may, name)
	}
	var parts []string
	if len(may) > 0 {
		parts = append(parts, "May and should not: "+someNames(may)+".")
	}
	if len(mayNot) > 0 {
		parts = append(parts, "Should and may not: "+someNames(mayNot)+".")
	}
	return strings.Join(parts, " ")
}
