package terraform

import (
	"slices"
	"strings"
)

// values are those of one resource, which are converted into properties.
type values struct {
	*reader
	change                 *resourceChange
	before, after, unknown map[string]any
	out                    map[string]any // properties
	missing                []string       // properties that are not known
}

// A converter converts one type of resources.
type converter struct {
	name     string // AWS::Connect::User
	id       func(state map[string]any) string
	instance func(state map[string]any) string
	read     func(*values)
}

// text is a member of a state, "" if it is no text.
func text(state map[string]any, name string) string {
	s, _ := state[name].(string)
	return s
}

// convertersOf returns the converter of a type of resources.
func convertersOf(resourceType string) (converter, bool) {
	if kind, ok := strings.CutPrefix(resourceType, "aws_connect_"); ok {
		c, ok := converters[kind]
		return c, ok
	}
	kind, ok := strings.CutPrefix(resourceType, "awscc_connect_")
	if !ok {
		return converter{}, false
	}
	name, ok := cloudControl[kind]
	if !ok {
		return converter{}, false
	}
	return converter{name: name, read: readCloudControl,
		id:       func(s map[string]any) string { return lastPart(text(s, "id")) },
		instance: func(s map[string]any) string { return text(s, "instance_arn") }}, true
}

// lastPart is what follows the last slash.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// converters are those of aws_connect_*, by the rest of the type's name.
var converters = map[string]converter{
	"security_profile":         newConverter("SecurityProfile", "security_profile_id", readProfile),
	"user":                     newConverter("User", "user_id", readUser),
	"user_hierarchy_group":     newConverter("UserHierarchyGroup", "hierarchy_group_id", readGroup),
	"user_hierarchy_structure": newConverter("UserHierarchyStructure", "", readStructure),
	"queue":                    newConverter("Queue", "queue_id", readQueue),
	"routing_profile":          newConverter("RoutingProfile", "routing_profile_id", readRoutingProfile),
	"hours_of_operation":       newConverter("HoursOfOperation", "hours_of_operation_id", readHours),
	"contact_flow_module":      newConverter("ContactFlowModule", "contact_flow_module_id", readModule),
	"quick_connect":            newConverter("QuickConnect", "quick_connect_id", readQuickConnect),
}

func newConverter(name, id string, read func(*values)) converter {
	return converter{name: "AWS::Connect::" + name, read: read,
		id:       func(s map[string]any) string { return text(s, id) },
		instance: func(s map[string]any) string { return text(s, "instance_id") }}
}

// set sets a property to an attribute, as it is.
func (v *values) set(property, attribute string) {
	v.convert(property, attribute, func(x any) any { return x })
}

// convert sets a property to what an attribute is converted to. One that is not known is noted.
func (v *values) convert(property, attribute string, f func(any) any) {
	if isUnknown(v.unknown[attribute]) {
		v.missing = append(v.missing, property)
		return
	}
	x := v.after[attribute]
	if x == nil || x == "" {
		v.out[property] = nil
		return
	}
	v.out[property] = f(x)
}

// isUnknown reports whether a value of after_unknown says that a value, or a part of it, is not known.
func isUnknown(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case []any:
		return slices.ContainsFunc(v, isUnknown)
	case map[string]any:
		for _, x := range v {
			if isUnknown(x) {
				return true
			}
		}
	}
	return false
}

// refer sets a property to the resource that an attribute refers to, be it created or not.
func (v *values) refer(property, attribute string) {
	if !isUnknown(v.unknown[attribute]) {
		v.set(property, attribute)
		return
	}
	refs, ok := v.references(attribute)
	if !ok || len(refs) != 1 {
		v.missing = append(v.missing, property)
		return
	}
	v.out[property] = refs[0]
}

// referAll is refer for a list.
func (v *values) referAll(property, attribute string) {
	if !isUnknown(v.unknown[attribute]) {
		v.set(property, attribute)
		return
	}
	refs, ok := v.references(attribute)
	if !ok {
		v.missing = append(v.missing, property)
		return
	}
	known, _ := v.after[attribute].([]any)
	list := slices.DeleteFunc(slices.Clone(known), func(x any) bool { return x == nil })
	for _, ref := range refs {
		if !slices.Contains(list, any(ref)) {
			list = append(list, ref)
		}
	}
	v.out[property] = list
}

// setTags sets the tags to those that the resource has in the end, with those that the provider adds.
func (v *values) setTags() {
	attribute := "tags"
	if v.after["tags_all"] != nil && !isUnknown(v.unknown["tags_all"]) {
		attribute = "tags_all"
	}
	v.convert("Tags", attribute, func(x any) any { return x })
}

// block returns the only block of a name as properties, by their attributes.
func block(x any, properties ...string) map[string]any {
	list, ok := x.([]any)
	if !ok || len(list) != 1 {
		return nil
	}
	return members(list[0], properties...)
}

// members returns an object's members under other names, by turns of attribute and property.
func members(x any, names ...string) map[string]any {
	from, _ := x.(map[string]any)
	out := map[string]any{}
	for i := 0; i+1 < len(names); i += 2 {
		if v := from[names[i]]; v != nil && v != "" {
			out[names[i+1]] = v
		}
	}
	return out
}

// each converts the elements of a list.
func each(x any, f func(any) any) any {
	list, _ := x.([]any)
	out := make([]any, 0, len(list))
	for _, item := range list {
		out = append(out, f(item))
	}
	return out
}

func readProfile(v *values) {
	v.set("SecurityProfileName", "name")
	v.set("Description", "description")
	v.set("Permissions", "permissions")
	v.setTags()
}

func readUser(v *values) {
	v.set("Username", "name")
	v.referAll("SecurityProfileArns", "security_profile_ids")
	v.refer("RoutingProfileArn", "routing_profile_id")
	v.refer("HierarchyGroupArn", "hierarchy_group_id")
	v.convert("IdentityInfo", "identity_info", func(x any) any {
		return block(x, "first_name", "FirstName", "last_name", "LastName", "email", "Email", "secondary_email",
			"SecondaryEmail")
	})
	v.convert("PhoneConfig", "phone_config", func(x any) any {
		return block(x, "phone_type", "PhoneType", "auto_accept", "AutoAccept", "desk_phone_number", "DeskPhoneNumber",
			"after_contact_work_time_limit", "AfterContactWorkTimeLimit")
	})
	v.setTags()
}

func readGroup(v *values) {
	v.set("Name", "name")
	v.refer("ParentGroupArn", "parent_group_id")
	v.setTags()
}

func readStructure(v *values) {
	v.convert("UserHierarchyStructure", "hierarchy_structure", func(x any) any {
		levels := block(x, "level_one", "LevelOne", "level_two", "LevelTwo", "level_three", "LevelThree", "level_four",
			"LevelFour", "level_five", "LevelFive")
		for name, level := range levels {
			if levels[name] = any(block(level, "name", "Name")); len(block(level, "name", "Name")) == 0 {
				delete(levels, name)
			}
		}
		return levels
	})
}

func readQueue(v *values) {
	v.set("Name", "name")
	v.set("Description", "description")
	v.refer("HoursOfOperationArn", "hours_of_operation_id")
	v.convert("MaxContacts", "max_contacts", func(x any) any {
		if x == 0.0 { // as the provider keeps none
			return nil
		}
		return x
	})
	v.referAll("QuickConnectArns", "quick_connect_ids")
	if v.after["status"] != nil {
		v.set("Status", "status")
	}
	v.convert("OutboundCallerConfig", "outbound_caller_config", func(x any) any {
		return block(x, "outbound_caller_id_name", "OutboundCallerIdName", "outbound_caller_id_number_id",
			"OutboundCallerIdNumberArn", "outbound_flow_id", "OutboundFlowArn")
	})
	v.setTags()
}

func readRoutingProfile(v *values) {
	v.set("Name", "name")
	v.set("Description", "description")
	v.refer("DefaultOutboundQueueArn", "default_outbound_queue_id")
	v.convert("MediaConcurrencies", "media_concurrencies", func(x any) any {
		return each(x, func(x any) any { return members(x, "channel", "Channel", "concurrency", "Concurrency") })
	})
	v.convert("QueueConfigs", "queue_configs", func(x any) any {
		return each(x, func(x any) any {
			config := members(x, "priority", "Priority", "delay", "Delay")
			config["QueueReference"] = members(x, "channel", "Channel", "queue_id", "QueueArn")
			return config
		})
	})
	v.setTags()
}

func readHours(v *values) {
	v.set("Name", "name")
	v.set("Description", "description")
	v.set("TimeZone", "time_zone")
	v.convert("Config", "config", func(x any) any {
		return each(x, func(x any) any {
			day := members(x, "day", "Day")
			from, _ := x.(map[string]any)
			for attribute, property := range map[string]string{"start_time": "StartTime", "end_time": "EndTime"} {
				day[property] = clock(from[attribute])
			}
			return day
		})
	})
	v.setTags()
}

// clock is a time of the day, of which zeros count.
func clock(x any) map[string]any {
	list, _ := x.([]any)
	if len(list) != 1 {
		return nil
	}
	from, _ := list[0].(map[string]any)
	return map[string]any{"Hours": from["hours"], "Minutes": from["minutes"]}
}

func readModule(v *values) {
	v.set("Name", "name")
	v.set("Description", "description")
	if v.after["content"] != nil { // else it is in a file, whose hash alone is in the plan
		v.set("Content", "content")
	} else if v.before == nil || v.before["content_hash"] != v.after["content_hash"] {
		v.missing = append(v.missing, "Content")
	}
	v.setTags()
}

func readQuickConnect(v *values) {
	v.set("Name", "name")
	v.set("Description", "description")
	v.convert("QuickConnectConfig", "quick_connect_config", func(x any) any {
		config := block(x, "quick_connect_type", "QuickConnectType")
		list, _ := x.([]any)
		if len(list) != 1 {
			return config
		}
		from, _ := list[0].(map[string]any)
		for attribute, names := range map[string][]string{
			"phone_config": {"PhoneConfig", "phone_number", "PhoneNumber"},
			"queue_config": {"QueueConfig", "contact_flow_id", "ContactFlowArn", "queue_id", "QueueArn"},
			"user_config":  {"UserConfig", "contact_flow_id", "ContactFlowArn", "user_id", "UserArn"},
		} {
			if b := block(from[attribute], names[1:]...); len(b) > 0 {
				config[names[0]] = b
			}
		}
		return config
	})
	v.setTags()
}

// cloudControl are the types of CloudFormation of awscc_connect_*, by the rest of the type's name.
var cloudControl = func() map[string]string {
	all := map[string]string{}
	for _, name := range []string{"SecurityProfile", "User", "UserHierarchyGroup", "UserHierarchyStructure", "Queue",
		"RoutingProfile", "HoursOfOperation", "ContactFlowModule", "QuickConnect"} {
		all[snake(name)] = "AWS::Connect::" + name
	}
	return all
}()

// snake is how awscc writes a name of CloudFormation.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if 'A' <= r && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// camel is the name of CloudFormation that awscc writes as name.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// computed are attributes of awscc that are no properties to set.
var computed = []string{"id", "last_modified_time", "last_modified_region", "is_default", "number_of_associated_queues",
	"number_of_associated_users", "child_hours_of_operations"}

// readCloudControl converts a resource of awscc, whose attributes are CloudFormation's properties.
func readCloudControl(v *values) {
	names := map[string]bool{}
	for _, state := range []map[string]any{v.before, v.after, v.unknown} {
		for name := range state {
			names[name] = true
		}
	}
	own := snake(strings.TrimPrefix(v.change.Type, "awscc_connect_")) + "_arn"
	for name := range names {
		if name == "instance_arn" || name == own || slices.Contains(computed, name) {
			continue
		}
		property := camel(name)
		switch {
		case isUnknown(v.unknown[name]) && v.configures(name):
			if strings.HasSuffix(name, "_arns") {
				v.referAll(property, name)
			} else {
				v.refer(property, name)
			}
		case isUnknown(v.unknown[name]): // the provider says so of whatever is not set
		case v.after[name] == nil && v.before[name] == nil:
		default:
			v.convert(property, name, camelKeys)
		}
	}
	slices.Sort(v.missing)
}

// camelKeys returns a value with its members named as in CloudFormation. Maps of the user's own keys are not among the
// properties: tags are lists.
func camelKeys(x any) any {
	switch x := x.(type) {
	case []any:
		return each(x, camelKeys)
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, member := range x {
			if member != nil {
				out[camel(name)] = camelKeys(member)
			}
		}
		return out
	}
	return x
}
