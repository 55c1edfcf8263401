package stack

// The calls of each type. What a call to create cannot say follows as an update.

func updateStructure(c *change) []Call {
	if !c.differs("UserHierarchyStructure") {
		return nil
	}
	levels := object(c.after["UserHierarchyStructure"])
	if levels == nil {
		levels = map[string]any{}
	}
	return []Call{c.call("UpdateUserHierarchyStructure", input{"HierarchyStructure": levels})}
}

func createHours(p Properties) (input, Properties) {
	sets := []string{"Name", "Description", "TimeZone", "Config", "ParentHoursOfOperations"}
	in := input{"Config": []any{}} // required, and an empty one is left out of properties
	return in.add(p, sets...), p.subset(sets...)
}

func updateHours(c *change) (calls []Call) {
	if c.differs("Name", "Description", "TimeZone", "Config") {
		in := input{"HoursOfOperationId": c.id}.replace(c, map[string]any{"Description": "", "Config": []any{}},
			"Name", "Description", "TimeZone", "Config")
		calls = append(calls, c.call("UpdateHoursOfOperation", in))
	}
	e := c.elements("ParentHoursOfOperations")
	if len(e.gone) > 0 {
		var ids []any
		for _, parent := range e.gone {
			ids = append(ids, object(parent)["Id"])
		}
		calls = append(calls, c.call("DisassociateHoursOfOperations",
			input{"HoursOfOperationId": c.id, "ParentHoursOfOperationIds": ids}))
	}
	if len(e.added) > 0 {
		calls = append(calls, c.call("AssociateHoursOfOperations", input{"HoursOfOperationId": c.id,
			"ParentHoursOfOperationConfigs": asAPI("ParentHoursOfOperations", e.added)}))
	}
	return calls
}

func createModule(p Properties) (input, Properties) {
	sets := []string{"Name", "Description", "Content", "Settings", "ExternalInvocationConfiguration"}
	return input{}.add(p, sets...), p.subset(sets...)
}

func updateModule(c *change) (calls []Call) {
	if c.differs("Content", "Settings") {
		in := input{"ContactFlowModuleId": c.id}.add(c.after, "Content").replace(c, map[string]any{"Settings": ""}, "Settings")
		calls = append(calls, c.call("UpdateContactFlowModuleContent", in))
	}
	if c.differs("Name", "Description", "State") {
		in := input{"ContactFlowModuleId": c.id}.replace(c, map[string]any{"Description": "", "State": "ACTIVE"},
			"Name", "Description", "State")
		calls = append(calls, c.call("UpdateContactFlowModuleMetadata", in))
	}
	if c.after["Released"] == true && c.before["Released"] != true {
		calls = append(calls, c.call("CreateContactFlowModuleVersion", input{"ContactFlowModuleId": c.id}))
	}
	return calls
}

func createGroup(p Properties) (input, Properties) {
	sets := []string{"Name", "ParentGroupArn"}
	return input{}.add(p, sets...), p.subset(sets...)
}

func updateGroup(c *change) []Call {
	if !c.differs("Name") {
		return nil
	}
	return []Call{c.call("UpdateUserHierarchyGroupName", input{"HierarchyGroupId": c.id, "Name": c.after["Name"]})}
}

// profileMembers are what UpdateSecurityProfile sets, with what clears each.
var profileMembers = []string{"Description", "Permissions", "AllowedAccessControlTags", "TagRestrictedResources",
	"HierarchyRestrictedResources", "AllowedAccessControlHierarchyGroupId", "Applications", "AllowedFlowModules",
	"GranularAccessControlConfiguration", "AllowedAIAgents"}

var profileEmpties = map[string]any{"Description": "", "Permissions": []any{}, "AllowedAccessControlTags": map[string]any{},
	"TagRestrictedResources": []any{}, "HierarchyRestrictedResources": []any{},
	"AllowedAccessControlHierarchyGroupId": "", "Applications": []any{}, "AllowedFlowModules": []any{},
	"GranularAccessControlConfiguration": map[string]any{}, "AllowedAIAgents": []any{}}

func createProfile(p Properties) (input, Properties) {
	sets := append([]string{"SecurityProfileName"}, profileMembers...)
	return input{}.add(p, sets...), p.subset(sets...)
}

func updateProfile(c *change) (calls []Call) {
	if c.differs(profileMembers...) {
		in := input{"SecurityProfileId": c.id}.replace(c, profileEmpties, profileMembers...)
		calls = append(calls, c.call("UpdateSecurityProfile", in))
	}
	e := c.elements("AIAgentArns")
	associate := func(operation string, agent any) Call {
		return c.call(operation, input{"EntityType": "AI_AGENT", "EntityArn": agent,
			"SecurityProfiles": []any{map[string]any{"Id": c.id}}})
	}
	for _, agent := range e.gone {
		calls = append(calls, associate("DisassociateSecurityProfiles", agent))
	}
	for _, agent := range e.added {
		calls = append(calls, associate("AssociateSecurityProfiles", agent))
	}
	return calls
}

func createQueue(p Properties) (input, Properties) {
	sets := []string{"Name", "Description", "HoursOfOperationArn", "MaxContacts", "OutboundCallerConfig",
		"OutboundEmailConfig", "QuickConnectArns"}
	p = p.subset(sets...)
	if len(list(p["QuickConnectArns"])) == 0 { // the call takes no empty list
		delete(p, "QuickConnectArns")
	}
	return input{}.add(p, sets...), p
}

func updateQueue(c *change) (calls []Call) {
	of := func() input { return input{"QueueId": c.id} }
	if c.differs("Name", "Description") {
		calls = append(calls, c.call("UpdateQueueName",
			of().replace(c, map[string]any{"Description": ""}, "Name", "Description")))
	}
	if c.differs("HoursOfOperationArn") {
		calls = append(calls, c.call("UpdateQueueHoursOfOperation", of().add(c.after, "HoursOfOperationArn")))
	}
	if c.differs("MaxContacts") {
		calls = append(calls, c.call("UpdateQueueMaxContacts", of().add(c.after, "MaxContacts")))
	}
	for _, name := range []string{"OutboundCallerConfig", "OutboundEmailConfig"} {
		if c.differs(name) {
			calls = append(calls, c.call("UpdateQueue"+name,
				of().replace(c, map[string]any{name: map[string]any{}}, name)))
		}
	}
	if c.differs("Status") {
		calls = append(calls, c.call("UpdateQueueStatus", of().replace(c, map[string]any{"Status": "ENABLED"}, "Status")))
	}
	const most = 50
	e := c.elements("QuickConnectArns")
	calls = append(calls, chunks(e.gone, most, func(part []any) Call {
		return c.call("DisassociateQueueQuickConnects", of().add(Properties{"QuickConnectArns": part}, "QuickConnectArns"))
	})...)
	return append(calls, chunks(e.added, most, func(part []any) Call {
		return c.call("AssociateQueueQuickConnects", of().add(Properties{"QuickConnectArns": part}, "QuickConnectArns"))
	})...)
}

// maxQueues is how many queues one call takes.
const maxQueues = 10

func createRoutingProfile(p Properties) (input, Properties) {
	sets := []string{"Name", "Description", "DefaultOutboundQueueArn", "QueueConfigs", "ManualAssignmentQueueConfigs",
		"MediaConcurrencies", "AgentAvailabilityTimer"}
	p = p.subset(sets...)
	for _, name := range []string{"QueueConfigs", "ManualAssignmentQueueConfigs"} {
		if l := list(p[name]); len(l) > maxQueues {
			p[name] = l[:maxQueues]
		}
	}
	return input{"Description": "", "MediaConcurrencies": []any{}}.add(p, sets...), p
}

func updateRoutingProfile(c *change) (calls []Call) {
	of := func() input { return input{"RoutingProfileId": c.id} }
	if c.differs("Name", "Description") {
		calls = append(calls, c.call("UpdateRoutingProfileName",
			of().replace(c, map[string]any{"Description": ""}, "Name", "Description")))
	}
	if c.differs("DefaultOutboundQueueArn") {
		calls = append(calls, c.call("UpdateRoutingProfileDefaultOutboundQueue", of().add(c.after, "DefaultOutboundQueueArn")))
	}
	if c.differs("MediaConcurrencies") {
		calls = append(calls, c.call("UpdateRoutingProfileConcurrency",
			of().replace(c, map[string]any{"MediaConcurrencies": []any{}}, "MediaConcurrencies")))
	}
	if c.differs("AgentAvailabilityTimer") {
		calls = append(calls, c.call("UpdateRoutingProfileAgentAvailabilityTimer",
			of().replace(c, map[string]any{"AgentAvailabilityTimer": "TIME_SINCE_LAST_ACTIVITY"}, "AgentAvailabilityTimer")))
	}
	return append(calls, c.queueCalls()...)
}

// queueCalls change the queues of a routing profile.
func (c *change) queueCalls() (calls []Call) {
	of := func(name string, part []any) input {
		return input{"RoutingProfileId": c.id}.add(Properties{name: part}, name)
	}
	for _, name := range []string{"QueueConfigs", "ManualAssignmentQueueConfigs"} {
		e := c.elements(name)
		gone := "QueueReferences"
		if name != "QueueConfigs" {
			gone = "ManualAssignmentQueueReferences"
		}
		calls = append(calls, chunks(e.gone, maxQueues, func(part []any) Call {
			var references []any
			for _, q := range part {
				references = append(references, object(q)["QueueReference"])
			}
			return c.call("DisassociateRoutingProfileQueues", input{"RoutingProfileId": c.id,
				gone: asAPI("QueueReferences", references)})
		})...)
		calls = append(calls, chunks(e.changed, maxQueues, func(part []any) Call {
			return c.call("UpdateRoutingProfileQueues", of(name, part))
		})...)
		calls = append(calls, chunks(e.added, maxQueues, func(part []any) Call {
			return c.call("AssociateRoutingProfileQueues", of(name, part))
		})...)
	}
	return calls
}

func createUser(p Properties) (input, Properties) {
	sets := append([]string{"Username", "SecurityProfileArns", "RoutingProfileArn", "HierarchyGroupArn", "IdentityInfo",
		"DirectoryUserId", "PhoneConfig"}, userConfigs...)
	in := input{}.add(p, sets...)
	in["PhoneConfig"] = phoneConfig(p)
	return in, p.subset(sets...)
}

// phoneConfig is the phone configuration with the members that the API requires.
func phoneConfig(p Properties) map[string]any {
	out := map[string]any{"PhoneType": "SOFT_PHONE", "AutoAccept": false, "AfterContactWorkTimeLimit": 0.0}
	for name, v := range object(p["PhoneConfig"]) {
		out[name] = v
	}
	return out
}

func updateUser(c *change) (calls []Call) {
	of := func() input { return input{"UserId": c.id} }
	if c.differs("IdentityInfo") {
		info := map[string]any{}
		before, after := object(c.before["IdentityInfo"]), object(c.after["IdentityInfo"])
		for _, name := range sortedKeys(before) {
			info[name] = "" // what is gone is cleared
		}
		for name, v := range after {
			info[name] = v
		}
		in := of()
		in["IdentityInfo"] = info
		calls = append(calls, c.call("UpdateUserIdentityInfo", in))
	}
	if c.differs("PhoneConfig") {
		in := of()
		in["PhoneConfig"] = phoneConfig(c.after)
		calls = append(calls, c.call("UpdateUserPhoneConfig", in))
	}
	if c.differs("HierarchyGroupArn") {
		calls = append(calls, c.call("UpdateUserHierarchy", of().add(c.after, "HierarchyGroupArn")))
	}
	if c.differs("RoutingProfileArn") {
		calls = append(calls, c.call("UpdateUserRoutingProfile", of().add(c.after, "RoutingProfileArn")))
	}
	if c.differs("SecurityProfileArns") {
		calls = append(calls, c.call("UpdateUserSecurityProfiles", of().add(c.after, "SecurityProfileArns")))
	}
	if c.differs(userConfigs...) {
		empties := map[string]any{}
		for _, name := range userConfigs {
			empties[name] = []any{}
		}
		calls = append(calls, c.call("UpdateUserConfig", of().replace(c, empties, userConfigs...)))
	}
	return append(calls, c.proficiencyCalls()...)
}

// proficiencyCalls change the proficiencies of a user.
func (c *change) proficiencyCalls() (calls []Call) {
	const most = 10
	e := c.elements("UserProficiencies")
	for i := range e.gone {
		gone := object(e.gone[i])
		e.gone[i] = map[string]any{"AttributeName": gone["AttributeName"], "AttributeValue": gone["AttributeValue"]}
	}
	for _, step := range []struct {
		operation string
		list      []any
	}{{"DisassociateUserProficiencies", e.gone}, {"UpdateUserProficiencies", e.changed},
		{"AssociateUserProficiencies", e.added}} {
		calls = append(calls, chunks(step.list, most, func(part []any) Call {
			return c.call(step.operation, input{"UserId": c.id, "UserProficiencies": part})
		})...)
	}
	return calls
}
