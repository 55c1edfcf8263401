package stack

import (
	"slices"

	"github.com/lanyard/lanyard"
)

// A kind is a type of CloudFormation: a row of the one table from which everything that differs from type to type
// derives.
type kind struct {
	name string // AWS::Connect::User
	typ  lanyard.Type
	// named is the property that names a resource, and rank the place in the order of creation: what others refer to
	// comes first.
	named string
	rank  int
	arn   string // the attribute of GetAtt, and what Ref is
	idOut string // the member of the output of the operation that creates one, which has its id
	// createOnly are the properties that no operation changes: another value replaces the resource.
	createOnly []string
	fixed      []string // no operation changes them, and a second resource cannot have the same name
	// optional properties are left alone where the template does not have them.
	optional []string
	metadata []string // properties that are below Metadata: Lanyard:, since the schema of CloudFormation lacks them
	secret   []string // written and never read
	refused  map[string]string
	// read returns what is there as properties.
	read func(v *view, r lanyard.Resource) map[string]any
	// create returns the call that makes a resource, and the properties that the call sets.
	create func(p Properties) (in input, sets Properties)
	update func(c *change) []Call
	remove string // operation
}

// input is the input of an operation.
type input map[string]any

const prefix = "AWS::Connect::"

// kinds are the types, in the order of their creation.
var kinds = []*kind{
	{name: prefix + "UserHierarchyStructure", typ: lanyard.TypeStructure, arn: "UserHierarchyStructureArn",
		read: readStructure, update: updateStructure},
	{name: prefix + "HoursOfOperation", typ: lanyard.TypeHours, named: "Name", arn: "HoursOfOperationArn",
		idOut: "HoursOfOperationId", read: readHours, create: createHours, update: updateHours,
		remove: "DeleteHoursOfOperation",
		refused: map[string]string{
			"HoursOfOperationOverrides": "create them with CreateHoursOfOperationOverride",
			"ChildHoursOfOperations":    "write ParentHoursOfOperations in the child instead"}},
	{name: prefix + "ContactFlowModule", typ: lanyard.TypeModule, named: "Name", arn: "ContactFlowModuleArn", idOut: "Id",
		fixed: []string{"ExternalInvocationConfiguration"}, metadata: []string{"Released"}, optional: []string{"Released"},
		read: readModule, create: createModule, update: updateModule, remove: "DeleteContactFlowModule"},
	{name: prefix + "UserHierarchyGroup", typ: lanyard.TypeGroup, named: "Name", arn: "UserHierarchyGroupArn",
		idOut: "HierarchyGroupId", createOnly: []string{"ParentGroupArn"},
		read: readGroup, create: createGroup, update: updateGroup, remove: "DeleteUserHierarchyGroup"},
	{name: prefix + "SecurityProfile", typ: lanyard.TypeProfile, named: "SecurityProfileName", arn: "SecurityProfileArn",
		idOut: "SecurityProfileId", createOnly: []string{"SecurityProfileName"},
		metadata: []string{"AllowedAIAgents", "AIAgentArns"}, optional: []string{"AllowedAIAgents", "AIAgentArns"},
		read: readProfile, create: createProfile, update: updateProfile, remove: "DeleteSecurityProfile"},
	{name: prefix + "Queue", typ: lanyard.TypeQueue, named: "Name", arn: "QueueArn", idOut: "QueueId",
		optional: []string{"QuickConnectArns"}, read: readQueue, create: createQueue, update: updateQueue,
		remove:  "DeleteQueue",
		refused: map[string]string{"AdditionalEmailAddresses": "associate them with AssociateQueueEmailAddresses"}},
	{name: prefix + "RoutingProfile", typ: lanyard.TypeRoutingProfile, named: "Name", arn: "RoutingProfileArn",
		idOut: "RoutingProfileId", read: readRoutingProfile, create: createRoutingProfile, update: updateRoutingProfile,
		remove: "DeleteRoutingProfile"},
	{name: prefix + "User", typ: lanyard.TypeUser, named: "Username", arn: "UserArn", idOut: "UserId",
		createOnly: []string{"Username"}, fixed: []string{"DirectoryUserId"}, optional: []string{"DirectoryUserId"},
		secret: []string{"Password"}, read: readUser, create: createUser, update: updateUser, remove: "DeleteUser"},
}

func init() {
	for i, k := range kinds {
		k.rank = i
	}
}

func kindNamed(name string) (*kind, bool) {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
	if i < 0 {
		return nil, false
	}
	return kinds[i], true
}

func kindOf(t lanyard.Type) (*kind, bool) {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.typ == t })
	if i < 0 {
		return nil, false
	}
	return kinds[i], true
}

// Types returns the types of CloudFormation that stacks consist of.
func Types() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.name
	}
	return out
}

// keep are the members that mean something even when they are empty.
func (k *kind) keep() map[string]bool {
	m := map[string]bool{}
	for _, name := range k.optional {
		m[name] = true
	}
	return m
}

// properties returns what is there in its one form.
func (k *kind) properties(v *view, r lanyard.Resource) Properties {
	raw := k.read(v, r)
	if k.typ.Taggable() {
		raw["Tags"] = anyMap(r.Head().Tags)
	}
	return canonical(raw, k.keep())
}

// desired returns what a template says in its one form, without the instance and what is never read.
func (k *kind) desired(r *Resource) Properties {
	raw := make(map[string]any, len(r.Properties)+len(r.Lanyard))
	for name, v := range r.Properties {
		if name != "InstanceArn" && !slices.Contains(k.secret, name) {
			raw[name] = v
		}
	}
	for name, v := range r.Lanyard {
		if tagMembers[name] { // those whose keys the schema of CloudFormation does not take
			v = append(slices.Clone(list(raw[name])), list(v)...)
		}
		raw[name] = v
	}
	return canonical(raw, k.keep())
}

// managed returns p without the optional properties that the template leaves alone.
func (k *kind) managed(p, desired Properties) Properties {
	out := Properties{}
	for name, v := range p {
		if _, ok := desired[name]; ok || !slices.Contains(k.optional, name) {
			out[name] = v
		}
	}
	return out
}

// below reports whether a member may be below Metadata: Lanyard:.
func (k *kind) below(name string) bool {
	return slices.Contains(k.metadata, name) || name == "Tags" && k.typ.Taggable() ||
		name == "AllowedAccessControlTags" && k.typ == lanyard.TypeProfile
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func anyList[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}
