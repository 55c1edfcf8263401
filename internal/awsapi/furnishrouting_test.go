package awsapi_test

// furnishRouting makes one of each document by which contacts find agents, and notes what names them.
func (w *world) furnishRouting(in *things) {
	w.Helper()
	id := in.instance
	w.do("CreatePredefinedAttribute", members{"InstanceId": id, "Name": "aa",
		"Values": members{"StringList": []string{"aa"}}}).ok()
	alias := w.id("CreateEmailAddress", members{"InstanceId": id, "EmailAddress": "alias@example.com"})
	number := w.id("ClaimPhoneNumber", members{"InstanceId": id, "PhoneNumber": "+12015550100"})
	in.more = map[string]any{
		"OutboundEmailAddressId": in.address, "OutboundCallerIdNumberId": number,
		"AgentStatusId":           w.first("ListAgentStatuses", id, "AgentStatusSummaryList", "Id"),
		"AuthenticationProfileId": w.first("ListAuthenticationProfiles", id, "AuthenticationProfileSummaryList", "Id"),
		"HoursOfOperationOverrideId": w.id("CreateHoursOfOperationOverride", members{"InstanceId": id,
			"HoursOfOperationId": in.hours, "Name": "Override", "Config": []any{}, "EffectiveFrom": "2026-03-14",
			"EffectiveTill": "2026-03-14"}),
		"NotificationId": w.id("CreateNotification", members{"InstanceId": id, "Recipients": []string{w.arn(id)},
			"Content": members{"en_US": "Hello"}}),
		"ExpiresAt":                1.8e9,
		"Recipients":               []any{w.arn(id)},
		"shape AliasConfiguration": members{"EmailAddressId": alias},
	}
}

// ofAttribute are the operations whose Name names a predefined attribute.
var ofAttribute = map[string]bool{"DescribePredefinedAttribute": true, "UpdatePredefinedAttribute": true,
	"DeletePredefinedAttribute": true}
