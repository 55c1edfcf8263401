package stack

import (
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
)

// A view is an instance as it is, indexed. It is not changed.
type view struct {
	arn       lanyard.ARN // of the instance
	instance  *lanyard.Instance
	resources []lanyard.Resource
	byRef     map[lanyard.Ref]lanyard.Resource
	released  map[string]bool     // modules with a version, by id
	agents    map[string][]string // ARNs of the AI agents that hold a profile, by its id
}

func newView(arn lanyard.ARN, in *lanyard.Instance, resources []lanyard.Resource) *view {
	v := &view{arn: arn, instance: in, resources: resources, byRef: make(map[lanyard.Ref]lanyard.Resource, len(resources)),
		released: map[string]bool{}, agents: map[string][]string{}}
	for _, r := range resources {
		v.byRef[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] = r
		switch r := r.(type) {
		case *lanyard.ModuleVersion:
			v.released[r.Module] = true
		case *lanyard.AIAgent:
			for _, p := range r.Profiles {
				v.agents[p] = append(v.agents[p], r.ID)
			}
		}
	}
	return v
}

func (v *view) arnOf(t lanyard.Type, id string) string { return arnOf(v.arn, t, id) }

// setting is a setting of a resource as a value.
func setting(s lanyard.Settings, name string) any {
	var v any
	if len(s[name]) == 0 || json.Unmarshal([]byte(s[name]), &v) != nil {
		return nil
	}
	return v
}

var levelNames = []string{"LevelOne", "LevelTwo", "LevelThree", "LevelFour", "LevelFive"}

func readStructure(_ *view, r lanyard.Resource) map[string]any {
	levels := map[string]any{}
	for i, l := range r.(*lanyard.Structure).Levels {
		if i < len(levelNames) {
			levels[levelNames[i]] = map[string]any{"Name": l.Name}
		}
	}
	return map[string]any{"UserHierarchyStructure": levels}
}

func readHours(_ *view, r lanyard.Resource) map[string]any {
	h := r.(*lanyard.Hours)
	var parents []any
	for _, id := range h.Parents {
		parents = append(parents, map[string]any{"Id": id})
	}
	return map[string]any{"Name": h.Name, "Description": h.Description, "TimeZone": h.TimeZone,
		"Config": setting(h.Settings, "Config"), "ParentHoursOfOperations": parents}
}

func readModule(v *view, r lanyard.Resource) map[string]any {
	m := r.(*lanyard.Module)
	state := "ACTIVE"
	if m.Archived {
		state = "ARCHIVED"
	}
	return map[string]any{"Name": m.Name, "Description": m.Description, "Content": m.Content, "State": state,
		"Settings": setting(m.Settings, "Settings"), "Released": v.released[m.ID],
		"ExternalInvocationConfiguration": map[string]any{"Enabled": m.ExternalInvocation}}
}

func readGroup(v *view, r lanyard.Resource) map[string]any {
	g := r.(*lanyard.Group)
	return map[string]any{"Name": g.Name, "ParentGroupArn": v.arnOf(lanyard.TypeGroup, g.Parent())}
}

func readProfile(v *view, r lanyard.Resource) map[string]any {
	p := r.(*lanyard.Profile)
	var apps, modules, agents, rules []any
	for _, a := range p.Applications {
		apps = append(apps, map[string]any{"Namespace": a.Namespace, "Type": a.Type,
			"ApplicationPermissions": anyList(a.Permissions)})
	}
	for _, m := range p.FlowModules {
		modules = append(modules, map[string]any{"FlowModuleId": m.ID, "Type": m.Type})
	}
	for _, a := range p.AIAgents {
		agents = append(agents, map[string]any{"Arn": a.ARN, "Type": a.Type})
	}
	for _, rule := range p.DataTables {
		rules = append(rules, map[string]any{"AccessType": rule.Access, "AttributeName": rule.Attribute,
			"Values": anyList(rule.Values)})
	}
	return map[string]any{"SecurityProfileName": p.Name, "Description": p.Description,
		"Permissions": anyList(p.Permissions), "AllowedAccessControlTags": anyMap(p.AccessTags),
		"TagRestrictedResources":               anyList(p.TagRestricted),
		"HierarchyRestrictedResources":         anyList(p.HierarchyRestricted),
		"AllowedAccessControlHierarchyGroupId": p.HierarchyGroup,
		"Applications":                         apps, "AllowedFlowModules": modules, "AllowedAIAgents": agents,
		"GranularAccessControlConfiguration": map[string]any{"DataTableAccessControlConfiguration": map[string]any{
			"PrimaryAttributeAccessControlConfiguration": map[string]any{"PrimaryAttributeValues": rules}}},
		"AIAgentArns": anyList(v.agents[p.ID])}
}

func readQueue(v *view, r lanyard.Resource) map[string]any {
	q := r.(*lanyard.Queue)
	status := "ENABLED"
	if q.Disabled {
		status = "DISABLED"
	}
	var quickConnects []any
	for _, id := range q.QuickConnects {
		quickConnects = append(quickConnects, v.arnOf(lanyard.TypeQuickConnect, id))
	}
	out := map[string]any{"Name": q.Name, "Description": q.Description, "Status": status,
		"HoursOfOperationArn": v.arnOf(lanyard.TypeHours, q.Hours), "QuickConnectArns": quickConnects,
		"OutboundEmailConfig": setting(q.Settings, "OutboundEmailConfig")}
	if q.MaxContacts != nil {
		out["MaxContacts"] = *q.MaxContacts
	}
	if c := object(setting(q.Settings, "OutboundCallerConfig")); c != nil {
		out["OutboundCallerConfig"] = map[string]any{"OutboundCallerIdName": c["OutboundCallerIdName"],
			"OutboundCallerIdNumberArn": v.foreignARN("phone-number/", c["OutboundCallerIdNumberId"]),
			"OutboundFlowArn":           v.foreignARN("instance/"+v.arn.Instance+"/contact-flow/", c["OutboundFlowId"])}
	}
	return out
}

// foreignARN is the ARN of a resource that lanyard does not store, by its id.
func (v *view) foreignARN(path string, id any) any {
	s, _ := id.(string)
	if s == "" || lanyard.IsARN(s) {
		return id
	}
	a := v.arn
	return "arn:" + a.Partition + ":connect:" + a.Region + ":" + a.Account + ":" + path + s
}

func readRoutingProfile(v *view, r lanyard.Resource) map[string]any {
	rp := r.(*lanyard.RoutingProfile)
	reference := func(c lanyard.QueueConfig) map[string]any {
		return map[string]any{"Channel": c.Channel, "QueueArn": v.arnOf(lanyard.TypeQueue, c.Queue)}
	}
	var queues, manual []any
	for _, c := range rp.Queues {
		queues = append(queues, map[string]any{"QueueReference": reference(c), "Priority": c.Priority, "Delay": c.Delay})
	}
	for _, c := range rp.ManualQueues {
		manual = append(manual, map[string]any{"QueueReference": reference(c)})
	}
	return map[string]any{"Name": rp.Name, "Description": rp.Description,
		"DefaultOutboundQueueArn": v.arnOf(lanyard.TypeQueue, rp.DefaultQueue), "QueueConfigs": queues,
		"ManualAssignmentQueueConfigs": manual, "MediaConcurrencies": setting(rp.Settings, "MediaConcurrencies"),
		"AgentAvailabilityTimer": setting(rp.Settings, "AgentAvailabilityTimer")}
}

// userConfigs are the settings of a user that UpdateUserConfig sets, each whole.
var userConfigs = []string{"AutoAcceptConfigs", "AfterContactWorkConfigs", "PhoneNumberConfigs",
	"PersistentConnectionConfigs", "VoiceEnhancementConfigs"}

func readUser(v *view, r lanyard.Resource) map[string]any {
	u := r.(*lanyard.User)
	var profiles, proficiencies []any
	for _, id := range u.Profiles {
		profiles = append(profiles, v.arnOf(lanyard.TypeProfile, id))
	}
	for _, p := range u.Proficiencies {
		proficiencies = append(proficiencies, map[string]any{"AttributeName": p.Attribute, "AttributeValue": p.Value,
			"Level": p.Level})
	}
	out := map[string]any{"Username": u.Name, "SecurityProfileArns": profiles, "UserProficiencies": proficiencies,
		"RoutingProfileArn": v.arnOf(lanyard.TypeRoutingProfile, u.RoutingProfile),
		"HierarchyGroupArn": v.arnOf(lanyard.TypeGroup, u.Group),
		"PhoneConfig":       setting(u.Settings, "PhoneConfig"),
		"IdentityInfo": map[string]any{"FirstName": u.FirstName, "LastName": u.LastName, "Email": u.Email,
			"SecondaryEmail": u.SecondaryEmail, "Mobile": u.Mobile}}
	if !strings.EqualFold(u.DirectoryUserID, u.ID) { // else lanyard is the directory
		out["DirectoryUserId"] = u.DirectoryUserID
	}
	for _, name := range userConfigs {
		out[name] = setting(u.Settings, name)
	}
	return out
}
