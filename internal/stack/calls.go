package stack

import (
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
)

// A Call is a call of an operation that a plan makes. Its input may have placeholders.
type Call struct {
	LogicalID string         `json:"logicalId"`
	Name      string         `json:"name,omitzero"` // of the resource
	Operation string         `json:"operation"`
	Input     map[string]any `json:"input"`
	// Output is the member of the output that has the id of what the call creates; "" when it creates nothing.
	Output string `json:"output,omitzero"`
}

// A change is one resource on its way from one state to another.
type change struct {
	kind          *kind
	logicalID, id string // id may be a placeholder
	name          string
	instance      lanyard.ARN
	before, after Properties
	notes         map[string]any // tags that note the state of the stack, if they change
}

// differs reports whether any of the properties changes.
func (c *change) differs(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return encode(c.before[name]) != encode(c.after[name]) })
}

func (c *change) call(operation string, in input) Call {
	if _, ok := in["resourceArn"]; !ok {
		in["InstanceId"] = c.instance.Instance
	}
	return Call{LogicalID: c.logicalID, Name: c.name, Operation: operation, Input: in}
}

// calls are the calls that lead from before to after.
func (c *change) calls() []Call { return append(c.kind.update(c), c.tagCalls()...) }

// tagCalls change the tags of the resource, and its note.
func (c *change) tagCalls() []Call {
	before, after := object(c.before["Tags"]), object(c.after["Tags"])
	arn := arnOf(c.instance, c.kind.typ, c.id)
	set, gone := map[string]any{}, []any{}
	for key, v := range after {
		if before[key] != v {
			set[key] = v
		}
	}
	for _, key := range sortedKeys(before) {
		if _, ok := after[key]; !ok {
			gone = append(gone, key)
		}
	}
	var calls []Call
	if len(gone) > 0 { // first, so that there is room
		calls = append(calls, c.call("UntagResource", input{"resourceArn": arn, "tagKeys": gone}))
	}
	maps.Copy(set, c.notes)
	if len(set) > 0 {
		arn = noteARN(c.instance, c.kind.typ, c.id) // the structure has no tags but its note
		calls = append(calls, c.call("TagResource", input{"resourceArn": arn, "tags": set}))
	}
	return calls
}

// subset returns the properties of those names that p has.
func (p Properties) subset(names ...string) Properties {
	out := Properties{}
	for _, name := range names {
		if v, ok := p[name]; ok {
			out[name] = v
		}
	}
	return out
}

// add puts properties into an input, under the names that the API has for them and as ids where it takes these.
func (in input) add(p Properties, names ...string) input {
	for _, name := range names {
		if v, ok := p[name]; ok {
			in[apiName(name)] = asAPI(name, v)
		}
	}
	return in
}

// replace is add of properties that are changed: one that is gone is sent as empty.
func (in input) replace(c *change, empties map[string]any, names ...string) input {
	for _, name := range names {
		if !c.differs(name) {
			continue
		}
		if _, ok := c.after[name]; ok {
			in.add(c.after, name)
			continue
		}
		in[apiName(name)] = empties[name]
	}
	return in
}

// apiNames are the members of the API for the properties that are named otherwise there.
var apiNames = map[string]string{
	"HierarchyGroupArn": "HierarchyGroupId", "RoutingProfileArn": "RoutingProfileId",
	"SecurityProfileArns": "SecurityProfileIds", "ParentGroupArn": "ParentGroupId",
	"HoursOfOperationArn": "HoursOfOperationId", "QuickConnectArns": "QuickConnectIds",
	"DefaultOutboundQueueArn": "DefaultOutboundQueueId", "QueueArn": "QueueId",
	"OutboundCallerIdNumberArn": "OutboundCallerIdNumberId", "OutboundFlowArn": "OutboundFlowId",
	"ParentHoursOfOperations": "ParentHoursOfOperationConfigs", "Id": "HoursOfOperationId",
}

func apiName(property string) string {
	if name, ok := apiNames[property]; ok {
		return name
	}
	return property
}

// asAPI is a value as the API takes it: names of members and ids in the place of ARNs.
func asAPI(name string, v any) any {
	switch value := v.(type) {
	case string:
		if apiNames[name] != "" {
			return idOf(value)
		}
	case []any:
		out := make([]any, len(value))
		for i := range value {
			out[i] = asAPI(name, value[i])
		}
		return out
	case map[string]any:
		if tagMembers[name] {
			return value
		}
		out := make(map[string]any, len(value))
		for member, v := range value {
			out[apiName(member)] = asAPI(member, v)
		}
		return out
	}
	return v
}

// chunks are calls for a list of which one call takes only so many.
func chunks(list []any, most int, call func([]any) Call) (calls []Call) {
	for part := range slices.Chunk(list, most) {
		calls = append(calls, call(part))
	}
	return calls
}

// elements are those that are added to a list of properties, changed in it and gone from it.
type elements struct{ added, changed, gone []any }

func (c *change) elements(name string) (e elements) {
	have, want := keyed(name, list(c.before[name])), keyed(name, list(c.after[name]))
	for _, key := range sortedKeys(want) {
		switch b, ok := have[key]; {
		case !ok:
			e.added = append(e.added, want[key])
		case encode(b) != encode(want[key]):
			e.changed = append(e.changed, want[key])
		}
	}
	for _, key := range sortedKeys(have) {
		if _, ok := want[key]; !ok {
			e.gone = append(e.gone, have[key])
		}
	}
	return e
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
