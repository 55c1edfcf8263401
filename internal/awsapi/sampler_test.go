package awsapi_test

import (
	"maps"
	"slices"
	"strings"
)

// sampler makes values of the model's shapes.
type sampler struct {
	optional int            // down to which depth optional members are there
	known    map[string]any // values of members that name what exists
}

// examples fit the patterns that nothing made by rule would fit.
var examples = map[string]any{
	"DirectoryId": "d-0123456789", "DirectoryAlias": "sample", "SensitivePhoneNumber": "+12065550100",
	"PhoneNumber": "+12065550100", "Password": "Secret-1234",
	"DateYearMonthDayFormat": "2026-03-14", "HoursOfOperationOverrideYearMonthDayDateFormat": "2026-03-14",
	"EmailAddress": "sample@example.com", "IpCidr": "2001:db8::/32",
	"RecurrenceConfig": map[string]any{"RecurrencePattern": map[string]any{"Frequency": "YEARLY", "Interval": 1,
		"ByMonth": []any{12}, "ByMonthDay": []any{25}}}, "DateTimeFormat": "2026-03-14T15:09:26Z", "TimeZone": "UTC",
	"ContactFlowContent": aFlow("sample"), "VocabularyContent": "Phrase\nsample",
	"ViewInputContent": map[string]any{"Template": "{}", "Actions": []any{"aa"}}, "ViewTemplate": "{}",
	"S3Uri": "s3://bucket/sample.wav", "PhoneNumberPrefix": "+1", "PhoneNumberCountryCode": "US", "PhoneNumberType": "DID",
	"RegionName": "us-east-1", "Origin": "https://example.com", "PEM": aPublicKey,
	"FunctionArn":     "arn:aws:lambda:us-east-1:123456789012:function:f",
	"InstanceIdOrArn": "00000000-0000-4000-8000-000000000001", "TagKey": "Team", "PermissionsList": []any{"Users.View"},
	"TagRestrictedResourceName":       "User",
	"HierarchyRestrictedResourceName": "User", "Permission": "ACCESS", "Email": "a@example.com",
	"Validation": map[string]any{"MinLength": 0, "MaxLength": 9, "Enum": map[string]any{"Strict": false,
		"Values": []any{"a", "b"}}},
}

func (in things) known(w *world) map[string]any {
	m := map[string]any{
		"InstanceId": in.instance, "HoursOfOperationId": in.hours, "QueueId": in.queue, "DefaultOutboundQueueId": in.queue,
		"RoutingProfileId": in.routing,
		"HierarchyGroupId": in.group, "ParentGroupId": in.group, "AllowedAccessControlHierarchyGroupId": in.group,
		"ContactFlowModuleId": in.module, "FlowModuleId": in.module,
		"AliasId": in.alias, "ContactFlowModuleVersion": 1, "EntityArn": in.agent, "EntityType": "AI_AGENT",
		"resourceArn": w.arn(in.instance), "AttributeType": "CONTACT_LENS", "Value": "true", "FieldName": "name",
		"DataTableId":   in.table,
		"ContactFlowId": in.flow, "OutboundFlowId": in.flow, "EmailAddressId": in.address,
		"EmailAddressesId": []any{in.address},
		"shape QuickConnectConfig": map[string]any{"QuickConnectType": "FLOW",
			"FlowConfig": map[string]any{"ContactFlowId": in.flow}},
		"QuickConnectId": in.quick, "QuickConnectIds": []any{in.quick},
		"ParentHoursOfOperationIds":     []any{in.parent},
		"ParentHoursOfOperationConfigs": []any{map[string]any{"HoursOfOperationId": in.parent}},
		"Arn":                           "arn:aws:app-integrations:us-east-1:" + account + ":application/a",
	}
	maps.Copy(m, in.flows)
	if users := w.do("ListUsers", members{"InstanceId": in.instance}).ok()["UserSummaryList"].([]any); len(users) > 0 {
		m["UserId"] = users[0].(members)["Id"]
	}
	profile := w.first("ListSecurityProfiles", in.instance, "SecurityProfileSummaryList", "Id")
	m["SecurityProfileId"], m["SecurityProfileIds"], m["Id"] = profile, []any{profile}, profile
	maps.Copy(m, in.more)
	maps.Copy(m, in.forms)
	return m
}

// knownBy is known to an operation, or to those of a noun: flows and flow modules have aliases.
func (in things) knownBy(w *world, operation string) map[string]any {
	m := in.known(w)
	if strings.Contains(operation, "ContactFlowAlias") {
		m["AliasId"] = m["FlowAlias"]
	}
	w.formsFor(in, operation, m)
	return m
}

// of makes a value for a member, unless it cannot: recursion ends where it may.
func (s sampler) of(member, name string, depth int) (any, bool) {
	if v, ok := s.known[member]; ok && pinned().Shapes[name].Type != "structure" {
		return v, true
	}
	if v, ok := s.known["shape "+name]; ok {
		return v, true
	}
	if v, ok := examples[name]; ok {
		return v, true
	}
	sh := pinned().Shapes[name]
	switch sh.Type {
	case "structure":
		return s.structure(sh, depth)
	case "list":
		if depth > 8 {
			return []any{}, true
		}
		v, ok := s.of(member, sh.Member.Shape, depth)
		return []any{v}, ok
	case "map":
		k, _ := s.of("", sh.Key.Shape, depth)
		v, ok := s.of("", sh.Value.Shape, depth)
		return map[string]any{k.(string): v}, ok
	case "string":
		if len(sh.Enum) > 0 {
			return sh.Enum[0], true
		}
		n := 2
		if sh.Min != nil {
			n = max(n, int(*sh.Min))
		}
		if sh.Max != nil && *sh.Max > 0 {
			n = min(n, int(*sh.Max))
		}
		return strings.Repeat("a", n), true
	case "boolean":
		return true, true
	case "timestamp":
		return 1.7e9, true
	default:
		if sh.Min != nil {
			return *sh.Min, true
		}
		return 1, true
	}
}

func (s sampler) structure(sh shape, depth int) (any, bool) {
	m := members{}
	names := []string{}
	for name := range sh.Members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		required := slices.Contains(sh.Required, name)
		if sh.Union && len(m) > 0 || !required && !sh.Union && depth >= s.optional {
			continue
		}
		if v, ok := s.of(name, sh.Members[name].Shape, depth+1); ok {
			m[name] = v
		} else if required {
			return nil, false
		}
	}
	return m, true
}
