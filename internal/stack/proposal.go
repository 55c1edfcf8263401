package stack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// A Proposal is a change of one resource that another tool plans, such as Terraform.
type Proposal struct {
	Address   string // how the tool names it: aws_connect_user.ann
	LogicalID string // a name of letters and digits, for Placeholder; its own for each proposal
	Action    string // Create, Update, Replace or Delete
	// CreateFirst is set when Replace creates the resource before it deletes the one that is there.
	CreateFirst bool
	Type        string // AWS::Connect::User
	Instance    string // its id or ARN; "" when it is not known before the change
	ID          string // of what is there
	// Properties are those that the tool sets afterwards, as a template has them; nil removes one. All others stay.
	// Where a template has an ARN, the id alone will do. References to what is created are placeholders.
	Properties map[string]any
	Unknown    []string // properties whose values are not known before the change
}

// Proposals are what another tool plans.
type Proposals struct {
	Changes []Proposal
	Others  map[string]int // changes of resources that are not looked into, by their type
}

// Propose plans what another tool proposes: which calls it comes to, tried as those of a template are. The plan is to
// be looked at, and not carried out. What cannot be told before the change is among its warnings.
func Propose(ctx context.Context, target *Target, all *Proposals, o Options) (*Plan, error) {
	v, err := target.view()
	if err != nil {
		return nil, err
	}
	m := &matcher{view: v, byID: map[string]*item{}, known: map[string]string{}}
	p := &Plan{Stack: o.Stack, Instance: target.ARN, Notes: map[string]Noted{}, Names: map[string]string{},
		Changes: []Change{}, Calls: []Call{}}
	b := &proposer{builder: builder{Plan: p, matcher: m}, of: map[*item]*Proposal{}}
	b.warnOthers(all.Others)
	var gone []lanyard.Resource
	for i := range all.Changes {
		if r := b.accept(&all.Changes[i]); r != nil {
			gone = append(gone, r)
		}
	}
	if err := m.sort(); err != nil {
		return nil, err
	}
	for _, i := range m.items {
		b.plan(i)
	}
	for _, r := range deletionOrder(gone) {
		b.planDeletion(r, b.deletions[r])
	}
	b.nameAll()
	if p.Empty() {
		return p, nil
	}
	return p, b.try(ctx, target, o)
}

// A proposer plans proposals.
type proposer struct {
	builder
	of        map[*item]*Proposal
	deletions map[lanyard.Resource]*Proposal
}

func (b *proposer) warn(format string, args ...any) {
	b.Warnings = append(b.Warnings, fmt.Sprintf(format, args...))
}

// warnOthers says how many resources are not looked into.
func (b *proposer) warnOthers(others map[string]int) {
	names := []string{}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		names = append(names, fmt.Sprintf("%s (%d)", name, others[name]))
	}
	if len(names) > maxProblems {
		names = append(names[:maxProblems], "and others")
	}
	if len(names) > 0 {
		b.warn("changes of resources of other types are not looked into: %s", strings.Join(names, ", "))
	}
}

// essential are the properties without which a resource cannot be created.
var essential = []string{"SecurityProfileArns", "RoutingProfileArn", "HoursOfOperationArn", "DefaultOutboundQueueArn", "Name",
	"Username", "SecurityProfileName", "Content", "TimeZone", "Config", "MediaConcurrencies", "QuickConnectConfig",
	"PhoneConfig"}

// accept takes a proposal in, or warns why it cannot. It returns the resource of one that deletes.
func (b *proposer) accept(p *Proposal) lanyard.Resource {
	k, ok := proposedKind(p.Type)
	instance, _ := lanyard.ParseARN(p.Instance)
	switch {
	case !ok:
		b.warn("%s: %s is not looked into", p.Address, p.Type)
		return nil
	case p.Instance == "":
		b.warn("%s is left out: its instance is not known before the change", p.Address)
		return nil
	case p.Instance != b.arn.Instance && instance.Instance != b.arn.Instance:
		b.warn("%s is left out: it is of instance %s", p.Address, lanyard.Quote(p.Instance))
		return nil
	}
	live := b.byRef[lanyard.Ref{Type: k.typ, ID: p.ID}]
	if k.typ == lanyard.TypeStructure {
		live = b.structure()
	}
	if p.Action != Create && live == nil {
		b.warn("%s is left out: %s %s does not exist in the instance", p.Address, k.typ.Word(), lanyard.Quote(p.ID))
		return nil
	}
	if p.Action == Delete {
		if b.deletions == nil {
			b.deletions = map[lanyard.Resource]*Proposal{}
		}
		b.deletions[live] = p
		return live
	}
	b.acceptItem(p, k, live)
	return nil
}

// structure is the hierarchy structure, which every instance has.
func (b *proposer) structure() lanyard.Resource {
	if r := b.byRef[lanyard.Ref{Type: lanyard.TypeStructure, ID: lanyard.StructureID}]; r != nil {
		return r
	}
	return &lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID}}
}

// acceptItem takes in what a resource is to be.
func (b *proposer) acceptItem(p *Proposal, k *kind, live lanyard.Resource) {
	for _, name := range p.Unknown {
		if p.Action != Update && slices.Contains(essential, name) {
			b.warn("%s is left out, and with it what needs it: %s is not known before the change", p.Address, name)
			return
		}
	}
	if len(p.Unknown) > 0 {
		b.warn("%s: not known before the change, and taken as unchanged: %s", p.Address, strings.Join(p.Unknown, ", "))
	}
	desired := map[string]any{}
	if live != nil {
		maps.Copy(desired, k.properties(b.view, live))
	}
	for name, value := range p.Properties {
		if value == nil {
			delete(desired, name)
		} else if name != "InstanceArn" && !slices.Contains(k.secret, name) {
			desired[name] = b.withARNs(name, value)
		}
	}
	i := &item{kind: k, desired: canonical(desired, k.keep()), live: live, replace: p.Action == Replace,
		res: &Resource{LogicalID: p.LogicalID, Type: p.Type, Where: func(...string) string { return p.Address },
			Properties: p.Properties}}
	if p.Action == Create {
		i.live = nil
	}
	b.items, b.byID[p.LogicalID], b.of[i] = append(b.items, i), i, p
}

// referred are the types that properties refer to.
var referred = map[string]lanyard.Type{"SecurityProfileArns": lanyard.TypeProfile, "UserArn": lanyard.TypeUser,
	"RoutingProfileArn": lanyard.TypeRoutingProfile, "HierarchyGroupArn": lanyard.TypeGroup,
	"ParentGroupArn": lanyard.TypeGroup, "HoursOfOperationArn": lanyard.TypeHours,
	"QuickConnectArns": lanyard.TypeQuickConnect, "DefaultOutboundQueueArn": lanyard.TypeQueue,
	"QueueArn": lanyard.TypeQueue}

// withARNs returns a value with ARNs in the place of ids.
func (b *proposer) withARNs(name string, v any) any {
	switch v := v.(type) {
	case string:
		switch t, ok := referred[name]; {
		case lanyard.IsARN(v) || v == "":
		case ok:
			return b.arnOf(t, v)
		case name == "OutboundCallerIdNumberArn":
			return b.foreignARN("phone-number/", v)
		case name == "OutboundFlowArn" || name == "ContactFlowArn":
			return b.foreignARN("instance/"+b.arn.Instance+"/contact-flow/", v)
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = b.withARNs(name, v[i])
		}
		return out
	case map[string]any:
		if tagMembers[name] {
			return v
		}
		out := make(map[string]any, len(v))
		for member, x := range v {
			out[member] = b.withARNs(member, x)
		}
		return out
	}
	return v
}

// plan plans one resource.
func (b *proposer) plan(i *item) {
	p := b.of[i]
	c := Change{Action: p.Action, LogicalID: p.Address, Type: i.kind.name, Name: i.desired.text(i.kind.named)}
	step := &change{kind: i.kind, logicalID: p.LogicalID, instance: b.arn, after: i.desired, name: c.Name}
	if i.live != nil {
		c.ID, c.Name = i.live.Head().ID, cmp.Or(c.Name, i.live.Head().Name)
		step.id, step.before = c.ID, i.kind.properties(b.view, i.live)
	}
	c.Fields = diff(step.before, i.desired)
	b.Changes = append(b.Changes, c)
	if p.Action == Update {
		b.Calls = append(b.Calls, step.calls()...)
		return
	}
	remove := step.call(i.kind.remove, input{idMember(i.kind): step.id})
	if p.Action == Replace && !p.CreateFirst {
		b.Calls = append(b.Calls, remove)
	}
	b.planCreation(i, c.Name)
	if p.Action == Replace && p.CreateFirst {
		b.Calls = append(b.Calls, remove)
	}
}

func (b *proposer) planCreation(i *item, name string) {
	if i.kind.create == nil { // the structure
		step := &change{kind: i.kind, logicalID: i.res.LogicalID, id: lanyard.StructureID, instance: b.arn,
			before: i.kind.properties(b.view, b.structure()), after: i.desired}
		b.Calls = append(b.Calls, step.calls()...)
		return
	}
	id := i.res.LogicalID
	in, sets := i.kind.create(i.desired)
	for _, secret := range i.kind.secret {
		if v, ok := i.res.Properties[secret]; ok && v != nil {
			in[secret] = v
		}
	}
	if tags := object(i.desired["Tags"]); len(tags) > 0 {
		in["Tags"], sets["Tags"] = tags, i.desired["Tags"]
	}
	step := &change{kind: i.kind, logicalID: id, id: Placeholder(id), name: name, instance: b.arn, before: sets,
		after: i.desired}
	create := step.call("Create"+strings.TrimPrefix(i.kind.name, prefix), in)
	create.Output = i.kind.idOut
	b.Calls = append(append(b.Calls, create), step.calls()...)
}

func (b *proposer) planDeletion(r lanyard.Resource, p *Proposal) {
	k, _ := proposedKind(p.Type)
	b.Changes = append(b.Changes, Change{Action: Delete, LogicalID: p.Address, Type: k.name, Name: r.Head().Name,
		ID: r.Head().ID})
	b.byID[p.LogicalID] = &item{kind: k, live: r, res: &Resource{LogicalID: p.LogicalID, Type: p.Type,
		Where: func(...string) string { return p.Address }}}
	step := &change{kind: k, logicalID: p.LogicalID, id: r.Head().ID, name: r.Head().Name, instance: b.arn,
		before: k.properties(b.view, r), after: Properties{}}
	if k.remove == "" {
		b.Calls = append(b.Calls, k.update(step)...)
		return
	}
	b.Calls = append(b.Calls, step.call(k.remove, input{idMember(k): step.id}))
}

// proposedKind is the kind of a type that proposals may have: those of stacks, and quick connects, which stacks do not
// manage.
func proposedKind(name string) (*kind, bool) {
	if name == quickConnectKind.name {
		return quickConnectKind, true
	}
	return kindNamed(name)
}

// rankOf is the place of a type in the order of creation.
func rankOf(t lanyard.Type) int {
	if k, ok := kindOf(t); ok {
		return k.rank
	}
	return quickConnectKind.rank
}

var quickConnectKind = &kind{name: prefix + "QuickConnect", typ: lanyard.TypeQuickConnect, named: "Name",
	arn: "QuickConnectArn", idOut: "QuickConnectId", read: readQuickConnect, create: createQuickConnect,
	update: updateQuickConnect, remove: "DeleteQuickConnect", rank: 100}

func readQuickConnect(v *view, r lanyard.Resource) map[string]any {
	q := r.(*lanyard.QuickConnect)
	config := map[string]any{"QuickConnectType": q.Kind}
	flow := v.foreignARN("instance/"+v.arn.Instance+"/contact-flow/", q.Flow)
	switch q.Kind {
	case lanyard.ToPhoneNumber:
		config["PhoneConfig"] = map[string]any{"PhoneNumber": q.PhoneNumber}
	case lanyard.ToQueue:
		config["QueueConfig"] = map[string]any{"QueueArn": v.arnOf(lanyard.TypeQueue, q.Queue), "ContactFlowArn": flow}
	case lanyard.ToUser:
		config["UserConfig"] = map[string]any{"UserArn": v.arnOf(lanyard.TypeUser, q.User), "ContactFlowArn": flow}
	case lanyard.ToFlow:
		config["FlowConfig"] = map[string]any{"ContactFlowArn": flow}
	}
	return map[string]any{"Name": q.Name, "Description": q.Description, "QuickConnectConfig": config}
}

func createQuickConnect(p Properties) (input, Properties) {
	sets := []string{"Name", "Description", "QuickConnectConfig"}
	return quickConnectInput(p, sets...), p.subset(sets...)
}

// quickConnectInput is add, with the ids of flows, which no other input has below these names.
func quickConnectInput(p Properties, names ...string) input {
	in := input{}.add(p, names...)
	for _, config := range object(in["QuickConnectConfig"]) {
		for from, to := range map[string]string{"ContactFlowArn": "ContactFlowId", "UserArn": "UserId"} {
			if m := object(config); m[from] != nil {
				m[to] = m[from]
				delete(m, from)
			}
		}
	}
	return in
}

func updateQuickConnect(c *change) (calls []Call) {
	of := func(in input) input {
		in["QuickConnectId"] = c.id
		return in
	}
	if c.differs("Name", "Description") {
		in := of(input{"Name": c.after["Name"], "Description": c.after.text("Description")})
		calls = append(calls, c.call("UpdateQuickConnectName", in))
	}
	if c.differs("QuickConnectConfig") {
		calls = append(calls, c.call("UpdateQuickConnectConfig", of(quickConnectInput(c.after, "QuickConnectConfig"))))
	}
	return calls
}
