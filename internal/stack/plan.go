package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/store"
)

// A Target is the instance that a plan is for, as it is.
type Target struct {
	ARN       string // of the instance
	Instance  *lanyard.Instance
	Resources []lanyard.Resource
}

func (t *Target) view() (*view, error) {
	arn, err := lanyard.ParseARN(t.ARN)
	if err != nil {
		return nil, err
	}
	return newView(arn, t.Instance, WithoutLock(t.Resources)), nil
}

// Options say how to plan.
type Options struct {
	Stack  string          // its name
	Prune  bool            // delete what the stack made and the template no longer has
	Retain map[string]bool // logical ids of what Prune releases instead
	// Lenient accepts names of permissions and resource types that lanyard does not know. Where the instance has some,
	// they are accepted anyway.
	Lenient bool
	// NewStore opens an empty store for the copy on which the calls are tried.
	NewStore func(context.Context) (store.Store, error)
}

// The actions of a plan.
const (
	Create  = "create"
	Update  = "update"
	Replace = "replace"
	Delete  = "delete"
	Adopt   = "adopt"   // it is there as the template has it, and belongs to the stack from now on
	Note    = "note"    // as the template has it; only the note of the stack changes
	Release = "release" // it stays and no longer belongs to the stack
	Leave   = "leave"   // the template no longer has it, and it stays because nothing prunes it
)

// A Change is what a plan does to one resource.
type Change struct {
	Action    string        `json:"action"`
	LogicalID string        `json:"logicalId,omitzero"`
	Type      string        `json:"type"`
	Name      string        `json:"name"`
	ID        string        `json:"id,omitzero"` // of what is there
	Where     string        `json:"where,omitzero"`
	Adopted   bool          `json:"adopted,omitzero"` // it was there and belonged to no stack, now or when it was adopted
	Fields    []FieldChange `json:"fields,omitempty"`
	// Because are the properties that no operation changes, for which the resource is replaced.
	Because []string `json:"because,omitempty"`
}

// Drift is a resource that has changed since the last apply, with what differs: Before is what the template says, After
// what is there.
type Drift struct {
	LogicalID string        `json:"logicalId"`
	Type      string        `json:"type"`
	Name      string        `json:"name"`
	ID        string        `json:"id"`
	Fields    []FieldChange `json:"fields"`
}

// A Plan is how an instance becomes what a template says.
type Plan struct {
	Stack    string   `json:"stack"`
	Instance string   `json:"instance"` // ARN
	Changes  []Change `json:"changes"`
	Drift    []Drift  `json:"drift,omitempty"`
	Calls    []Call   `json:"calls"` // in the order in which they are made
	Warnings []string `json:"warnings,omitempty"`
	// Notes are what the calls note of resources, by logical id.
	Notes map[string]Noted `json:"notes,omitempty"`
	// Depends is what the plan depends on, and State a hash of it.
	Depends Depends `json:"depends"`
	State   string  `json:"state"`

	// Names are what the resources are called whose ids and placeholders are in the plan.
	Names map[string]string `json:"names,omitempty"`

	// Before and After decide as the instance does now and after the calls. Between are the moments in between, when
	// something is replaced.
	Before  *access.Snapshot   `json:"-"`
	After   *access.Snapshot   `json:"-"`
	Between []*access.Snapshot `json:"-"`
	// Start is the instance as it is now, and Result as it is after the calls.
	Start  *Target `json:"-"`
	Result *Target `json:"-"`

	secrets map[string]string
	retain  map[string]bool
}

// Noted are the properties of a resource from which its note is made once the ids are known.
type Noted struct {
	Type       string     `json:"type"`
	Version    string     `json:"version"`
	Properties Properties `json:"properties"`
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Calls) == 0 }

// New plans. What the template has wrong, and what the operations refuse, is Problems.
func New(ctx context.Context, target *Target, t *Template, o Options) (*Plan, error) {
	if err := CheckName(o.Stack); err != nil {
		return nil, err
	}
	v, err := target.view()
	if err != nil {
		return nil, err
	}
	m, err := match(v, o.Stack, t)
	if err != nil {
		return nil, err
	}
	p := &Plan{Stack: o.Stack, Instance: target.ARN, Notes: map[string]Noted{}, Names: map[string]string{},
		secrets: t.Secrets, retain: o.Retain, Changes: []Change{}, Calls: []Call{}}
	if !o.Lenient {
		if m.checkPermissions(); len(m.problems) > 0 {
			return nil, m.problems
		}
	}
	b := &builder{Plan: p, matcher: m}
	b.planItems()
	b.planDeletions(o)
	p.Calls = append(p.Calls, b.last...)
	p.Depends = b.dependsOn()
	if p.State, err = p.Depends.StateOf(target); err != nil {
		return nil, err
	}
	b.nameAll()
	if p.Empty() {
		return p, nil
	}
	p.Start = target
	return p, b.try(ctx, target, o)
}

// builder builds a plan.
type builder struct {
	*Plan
	*matcher
	last []Call // after everything else
}

func (b *builder) planItems() {
	for _, i := range b.items {
		switch {
		case i.live == nil || i.replace:
			b.planCreation(i)
		default:
			b.planUpdate(i)
		}
	}
}

// change is what a Change has of an item.
func (i *item) change(action string) Change {
	c := Change{Action: action, LogicalID: i.res.LogicalID, Type: i.kind.name, Name: i.desired.text(i.kind.named),
		Where: i.res.where()}
	if i.live != nil {
		c.ID = i.live.Head().ID
	}
	return c
}

func (b *builder) planCreation(i *item) {
	c := i.change(Create)
	c.Fields = diff(nil, i.desired)
	if i.replace {
		live := i.kind.properties(b.view, i.live)
		c.Action, c.Fields = Replace, diff(i.kind.managed(live, i.desired), i.desired)
		for _, name := range i.kind.createOnly {
			if encode(live[name]) != encode(i.desired[name]) {
				c.Because = append(c.Because, name)
			}
		}
		b.planDrift(i, live)
	}
	b.Changes = append(b.Changes, c)
	id := i.res.LogicalID
	in, sets := i.kind.create(i.desired)
	for _, name := range i.kind.secret {
		if v, ok := i.res.Properties[name]; ok {
			in[name] = v
		}
	}
	tags := maps.Clone(object(i.desired["Tags"]))
	if tags == nil {
		tags = map[string]any{}
	}
	maps.Copy(tags, b.note(i, madeNote))
	in["Tags"] = tags
	sets["Tags"] = i.desired["Tags"]
	step := &change{kind: i.kind, logicalID: id, id: Placeholder(id), name: c.Name, instance: b.arn, before: sets,
		after: i.desired}
	create := step.call("Create"+strings.TrimPrefix(i.kind.name, prefix), in)
	create.Output = i.kind.idOut
	b.Calls = append(append(b.Calls, create), step.calls()...)
}

// note returns the tags of the note for an item, whose hash is made when the ids are known.
func (b *builder) note(i *item, version string) map[string]any {
	b.Notes[i.res.LogicalID] = Noted{Type: i.kind.name, Version: version, Properties: i.desired}
	return noteTags(i.kind.typ, note{b.stack, i.res.LogicalID, notePlaceholder(i.res.LogicalID)})
}

func (b *builder) planUpdate(i *item) {
	live := i.kind.properties(b.view, i.live)
	b.planDrift(i, live)
	step := &change{kind: i.kind, logicalID: i.res.LogicalID, id: i.live.Head().ID, name: i.live.Head().Name,
		instance: b.arn, before: i.kind.managed(live, i.desired), after: i.desired}
	c := i.change(Update)
	c.Fields = diff(step.before, step.after)
	c.Adopted = i.note.stack == ""
	calls := i.kind.update(step)
	shrinks := i.kind.typ == lanyard.TypeStructure &&
		len(object(step.after["UserHierarchyStructure"])) < len(object(step.before["UserHierarchyStructure"]))
	version := b.version(i, step.before)
	want := note{b.stack, i.res.LogicalID, i.kind.applied(version, i.desired)}
	if i.note != want {
		step.notes = b.note(i, version)
	}
	switch calls = append(calls, step.tagCalls()...); {
	case len(calls) == 0:
		return
	case len(c.Fields) > 0:
	case c.Adopted:
		c.Action = Adopt
	default:
		c.Action = Note
	}
	b.Changes = append(b.Changes, c)
	if shrinks { // the groups of the levels go first
		b.last = append(b.last, calls...)
		return
	}
	b.Calls = append(b.Calls, calls...)
}

// version is that of the note of an item which is there.
func (b *builder) version(i *item, before Properties) string {
	switch {
	case i.note.stack == b.stack && !isAdopted(i.note.applied):
		return madeNote
	case i.kind.typ == lanyard.TypeStructure && i.note.stack == "" && len(before) == 0:
		return madeNote // an instance has a structure from the start, but no levels
	}
	return adoptedNote
}

// planDrift says how an item differs from what was applied.
func (b *builder) planDrift(i *item, live Properties) {
	if i.note.stack != b.stack || !i.kind.drifted(live, i.note.applied) {
		return
	}
	fields := diff(i.desired, i.kind.managed(live, i.desired))
	if len(fields) == 0 {
		return
	}
	b.Drift = append(b.Drift, Drift{LogicalID: i.res.LogicalID, Type: i.kind.name, Name: i.live.Head().Name,
		ID: i.live.Head().ID, Fields: fields})
}

// planDeletions ends what was replaced, and what the template no longer has.
func (b *builder) planDeletions(o Options) {
	going := map[lanyard.Resource]Change{}
	for _, i := range b.items {
		if i.replace {
			going[i.live] = b.ending(i.live, i.res.Retain)
		}
		for _, r := range i.stale {
			going[r] = b.ending(r, i.res.Retain)
		}
	}
	for _, r := range b.orphans() {
		c := b.ending(r, o.Retain[b.noteOf(r).logicalID])
		if !o.Prune {
			c.Action, c.Adopted = Leave, c.Action == Release
		}
		going[r] = c
		b.Changes = append(b.Changes, c)
	}
	for _, r := range deletionOrder(slices.SortedFunc(maps.Keys(going), compareResources)) {
		b.end(r, going[r])
	}
}

func compareResources(a, b lanyard.Resource) int {
	return cmp.Or(cmp.Compare(a.Type(), b.Type()), cmp.Compare(a.Head().ID, b.Head().ID))
}

// ending is the Change that ends a resource: it is deleted, unless the stack only found it or is to retain it.
func (b *builder) ending(r lanyard.Resource, retain bool) Change {
	k, _ := kindOf(r.Type())
	n := b.noteOf(r)
	c := Change{Action: Delete, LogicalID: n.logicalID, Type: k.name, Name: r.Head().Name, ID: r.Head().ID}
	if retain || isAdopted(n.applied) || n.stack == "" {
		c.Action = Release
	}
	return c
}

// end adds the calls that end a resource.
func (b *builder) end(r lanyard.Resource, c Change) {
	k, _ := kindOf(r.Type())
	n := b.noteOf(r)
	step := &change{kind: k, logicalID: c.LogicalID, id: c.ID, name: c.Name, instance: b.arn,
		before: k.properties(b.view, r)}
	untag := step.call("UntagResource", input{"resourceArn": noteARN(b.arn, k.typ, c.ID), "tagKeys": noteKeys(k.typ)})
	switch {
	case c.Action == Leave || n.stack == "":
	case c.Action == Release:
		b.Calls = append(b.Calls, untag)
	case k.typ == lanyard.TypeStructure:
		b.last = append(append(b.last, k.update(step)...), untag)
	default:
		if slices.Contains(managedBy(n.applied), "AIAgentArns") { // the stack made them hold it
			step.after = step.before.subset(slices.DeleteFunc(sortedKeys(step.before),
				func(name string) bool { return name == "AIAgentArns" })...)
			b.Calls = append(b.Calls, k.update(step)...)
		}
		b.Calls = append(b.Calls, step.call(k.remove, input{idMember(k): c.ID}))
	}
}

// idMember is the member of requests that has the id of a resource.
func idMember(k *kind) string { return k.typ.Member() }

// try makes the calls on a copy of the instance.
func (b *builder) try(ctx context.Context, target *Target, o Options) error {
	db, err := o.NewStore(ctx)
	if err != nil {
		return err
	}
	box, err := sandbox.New(ctx, sandbox.Config{Store: db, Instance: target.Instance,
		Resources: WithoutLock(target.Resources), Partition: b.arn.Partition,
		Lenient: o.Lenient || hasUnknown(target.Resources)})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer box.Close()
	if b.Before, err = box.Snapshot(ctx); err != nil {
		return err
	}
	run := newRun(b.Plan, nil)
	for n := range b.Calls {
		if err := b.tryCall(ctx, box, run, n); err != nil {
			return err
		}
	}
	if len(b.problems) > 0 {
		return b.problems
	}
	if b.After, err = box.Snapshot(ctx); err != nil {
		return err
	}
	return b.checkResult(ctx, box, run)
}

func (b *builder) tryCall(ctx context.Context, box *sandbox.Sandbox, run *run, n int) error {
	call := b.Calls[n]
	if len(references(run.fill(call.Input))) > 0 {
		return nil // what it needs was refused
	}
	err := run.invoke(ctx, box, call)
	var refused *invocation.Exception
	if errors.As(err, &refused) {
		message := b.view.nameUser(hideSecrets(refused.Error(), b.secrets))
		b.problems = append(b.problems, Problem{b.placeOf(call, refused), message})
		return nil
	}
	if err != nil || !b.inReplacement(call) || len(b.Between) >= maxBetween {
		return err
	}
	between, err := box.Snapshot(ctx)
	b.Between = append(b.Between, between)
	return err
}

var inUseBy = regexp.MustCompile(` is in use by [A-Za-z ]+ ([0-9a-f-]{36});`)

// nameUser adds to a message that something is in use the name of what uses it: operations only say its id.
func (v *view) nameUser(message string) string {
	at := inUseBy.FindStringSubmatchIndex(message)
	if at == nil {
		return message
	}
	id := message[at[2]:at[3]]
	for _, r := range v.resources {
		if name := r.Head().Name; r.Head().ID == id && name != "" {
			return message[:at[2]] + lanyard.Quote(name) + " (" + id + ")" + message[at[3]:]
		}
	}
	return message
}

// maxBetween bounds the moments that are looked at while resources are replaced.
const maxBetween = 50

// inReplacement reports whether a call is of a resource that is replaced, or of one that refers to such a one.
func (b *builder) inReplacement(call Call) bool {
	i := b.byID[call.LogicalID]
	if i == nil {
		return false
	}
	for id := range references(map[string]any(i.desired)) {
		if j := b.byID[id]; j != nil && j.replace {
			return true
		}
	}
	return i.replace
}

// placeOf is where in the template the cause of a refusal is.
func (b *builder) placeOf(call Call, e *invocation.Exception) string {
	i := b.byID[call.LogicalID]
	if i == nil || strings.HasPrefix(call.Operation, "Delete") {
		if i != nil {
			return i.res.where("Properties", cmp.Or(i.kind.named, "UserHierarchyStructure"))
		}
		return call.LogicalID
	}
	for _, word := range strings.Fields(e.Message) {
		member := memberOf(word)
		for name, v := range i.res.Properties {
			if apiName(name) == member {
				return i.res.where(append([]string{"Properties", name}, elementIn(v, e.Message)...)...)
			}
		}
		if v, ok := i.res.Lanyard[member]; ok {
			return i.res.where(append([]string{"Metadata", "Lanyard", member}, elementIn(v, e.Message)...)...)
		}
		if member == "tags" {
			return i.res.where("Properties", "Tags")
		}
	}
	return i.res.where()
}

// memberOf is the name of the outermost member that a word of a message names.
func memberOf(word string) string {
	member, _, _ := strings.Cut(strings.TrimSuffix(word, ":"), "[")
	member, _, _ = strings.Cut(member, ".")
	return member
}

// elementIn is the index of the element of a list that a message quotes; empty if it quotes none.
func elementIn(v any, message string) []string {
	for i, item := range list(v) {
		if s, ok := item.(string); ok && strings.Contains(message, strconv.Quote(s)) {
			return []string{strconv.Itoa(i)}
		}
	}
	return nil
}

// hasUnknown reports whether profiles have names of permissions or resource types that lanyard does not know.
func hasUnknown(all []lanyard.Resource) bool {
	return slices.ContainsFunc(all, func(r lanyard.Resource) bool {
		p, ok := r.(*lanyard.Profile)
		return ok && (len(p.UnknownTagRestricted()) > 0 || len(p.UnknownHierarchyRestricted()) > 0 ||
			slices.ContainsFunc(p.Permissions, func(name string) bool {
				_, known := lanyard.LookupPermission(name)
				return !known
			}))
	})
}

// checkResult warns of what the operations kept differently than the template has it: every apply would change it
// again.
func (b *builder) checkResult(ctx context.Context, box *sandbox.Sandbox, run *run) error {
	in, err := box.Instance(ctx)
	if err != nil {
		return err
	}
	resources, err := box.Resources(ctx)
	if err != nil {
		return err
	}
	b.Result = &Target{ARN: b.Instance, Instance: in, Resources: resources}
	after := newView(b.arn, in, resources)
	for _, i := range b.items {
		r := after.byRef[lanyard.Ref{Type: i.kind.typ, ID: run.known[i.res.LogicalID]}]
		if i.kind.typ == lanyard.TypeStructure {
			r = after.byRef[lanyard.Ref{Type: i.kind.typ, ID: lanyard.StructureID}]
		}
		if r == nil {
			continue
		}
		want := canonical(run.fill(i.desired), i.kind.keep())
		for _, f := range diff(want, i.kind.managed(i.kind.properties(after, r), want)) {
			b.Warnings = append(b.Warnings, fmt.Sprintf("%s: %s of %s is kept as %s, not as %s", i.res.where(), f.Path,
				i.res.LogicalID, orNone(b.show(f.After)), orNone(b.show(f.Before))))
		}
	}
	return nil
}

// dependsOn lists what the plan depends on: what it changes, what that refers to, and that what it creates is absent.
func (b *builder) dependsOn() Depends {
	var d Depends
	seen := map[string]bool{}
	add := func(r lanyard.Resource) {
		if r == nil {
			return
		}
		for _, ref := range append(r.Refs(), lanyard.Ref{Type: r.Type(), ID: r.Head().ID}) {
			if key := string(ref.Type) + "/" + ref.ID; !seen[key] {
				seen[key] = true
				d.Resources = append(d.Resources, key)
			}
		}
	}
	for _, i := range b.items {
		add(i.live)
		for _, r := range i.stale {
			add(r)
		}
		if i.live == nil && len(references(b.key(i))) == 0 {
			d.Absent = append(d.Absent, string(i.kind.typ)+"/"+b.key(i))
		}
	}
	for _, r := range b.orphans() {
		add(r)
	}
	slices.Sort(d.Resources)
	slices.Sort(d.Absent)
	return d
}

// Depends is what a plan depends on.
type Depends struct {
	Resources []string `json:"resources,omitempty"` // types and ids
	Absent    []string `json:"absent,omitempty"`    // types and names
}

// User reports whether a plan depends on all of a user.
func (d *Depends) User(id string) bool {
	_, found := slices.BinarySearch(d.Resources, string(lanyard.TypeUser)+"/"+id)
	return found
}

// StateOf returns a hash of what a plan depends on, as it is: also of who holds the profiles that it changes.
func (d *Depends) StateOf(target *Target) (string, error) {
	v, err := target.view()
	if err != nil {
		return "", err
	}
	state := map[string]any{}
	touched := map[string]bool{}
	for _, key := range d.Resources {
		touched[key] = true
	}
	absent := map[string]bool{}
	for _, key := range d.Absent {
		absent[key] = true
	}
	for _, r := range v.resources {
		key := string(r.Type()) + "/" + r.Head().ID
		k, ok := kindOf(r.Type())
		switch u, _ := r.(*lanyard.User); {
		case touched[key] && ok:
			n := v.noteOf(r)
			state[key] = []any{k.properties(v, r), n.stack, n.logicalID, n.applied}
		case absent[string(r.Type())+"/"+r.Key()]:
			state["there/"+key] = true
		case u != nil && slices.ContainsFunc(u.Profiles, func(id string) bool {
			return touched[string(lanyard.TypeProfile)+"/"+id]
		}):
			state[key] = anyList(u.Profiles)
		}
	}
	return hash(state), nil
}

// nameAll names the resources whose ids are in the plan.
func (b *builder) nameAll() {
	used := map[string]bool{}
	note := func(v any) {
		mapStrings(v, func(s string) string {
			used[idOf(s)] = true
			return s
		})
	}
	for _, c := range b.Changes {
		for _, f := range c.Fields {
			note(f.Before)
			note(f.After)
		}
	}
	for _, d := range b.Drift {
		for _, f := range d.Fields {
			note(f.Before)
			note(f.After)
		}
	}
	for _, r := range b.resources {
		if used[r.Head().ID] {
			b.Names[r.Head().ID] = r.Head().Name
		}
	}
	for _, i := range b.items {
		if p := Placeholder(i.res.LogicalID); used[p] {
			b.Names[p] = i.desired.text(i.kind.named)
		}
	}
}
