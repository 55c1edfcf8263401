package awsapi_test

import "maps"

// routingDocuments plays what there is about the documents by which contacts find agents.
func (r *recorder) routingDocuments(instance string) {
	r.Helper()
	of := func(more members) members {
		m := members{"InstanceId": instance}
		maps.Copy(m, more)
		return m
	}
	r.agentStatuses(of)
	r.hoursOverrides(of)
	r.emailAddresses(of)
	r.notifications(of, instance)
}

func (r *recorder) agentStatuses(of func(members) members) {
	r.Helper()
	status := r.makes("CreateAgentStatus", of(members{"Name": "Lunch", "State": "ENABLED", "DisplayOrder": 3}))
	r.does("ListAgentStatuses", of(members{"AgentStatusTypes": []string{"CUSTOM", "ROUTABLE"}}))
	r.does("UpdateAgentStatus", of(members{"AgentStatusId": status, "State": "DISABLED", "ResetOrderNumber": true}))
	r.does("DescribeAgentStatus", of(members{"AgentStatusId": status}))
	r.does("SearchAgentStatuses", searchFor(of(nil)["InstanceId"].(string), "state", "disabled", "EXACT"))

	language := of(members{"Name": "Language"})
	r.does("CreatePredefinedAttribute", of(members{"Name": "Language", "Values": members{"StringList": []string{"French"}}}))
	r.does("UpdatePredefinedAttribute", of(members{"Name": "Language", "Purposes": []string{"AGENT"}}))
	r.does("DescribePredefinedAttribute", language)
	r.does("ListPredefinedAttributes", of(nil))
	r.does("SearchPredefinedAttributes", of(nil))
	r.does("DeletePredefinedAttribute", language)

	profile := r.first("ListAuthenticationProfiles", of(nil)["InstanceId"].(string), "AuthenticationProfileSummaryList", "Id")
	r.does("ListAuthenticationProfiles", of(nil))
	r.does("UpdateAuthenticationProfile", of(members{"AuthenticationProfileId": profile,
		"AllowedIps": []string{"2001:db8::/32"}}))
	r.does("DescribeAuthenticationProfile", of(members{"AuthenticationProfileId": profile}))
}

func (r *recorder) hoursOverrides(of func(members) members) {
	r.Helper()
	hours := r.first("ListHoursOfOperations", of(nil)["InstanceId"].(string), "HoursOfOperationSummaryList", "Id")
	override := r.makes("CreateHoursOfOperationOverride", of(members{"HoursOfOperationId": hours, "Name": "Christmas",
		"Config": []any{}, "EffectiveFrom": "2026-12-24", "EffectiveTill": "2026-12-26"}))
	one := of(members{"HoursOfOperationId": hours, "HoursOfOperationOverrideId": override})
	update := maps.Clone(one)
	update["EffectiveTill"] = "2026-12-25"
	r.does("UpdateHoursOfOperationOverride", update)
	r.does("DescribeHoursOfOperationOverride", one)
	r.does("ListHoursOfOperationOverrides", of(members{"HoursOfOperationId": hours}))
	r.does("SearchHoursOfOperationOverrides", searchFor(of(nil)["InstanceId"].(string), "name", "christ", "STARTS_WITH"))
	r.does("GetEffectiveHoursOfOperations", of(members{"HoursOfOperationId": hours, "FromDate": "2026-12-24",
		"ToDate": "2026-12-26"}))
	r.does("DeleteHoursOfOperationOverride", one)
}

func (r *recorder) emailAddresses(of func(members) members) {
	r.Helper()
	address := r.makes("CreateEmailAddress", of(members{"EmailAddress": "Sales@example.com", "DisplayName": "Sales"}))
	r.refused("DuplicateResourceException", "CreateEmailAddress", of(members{"EmailAddress": "sales@example.com"}))
	alias := r.id("CreateEmailAddress", of(members{"EmailAddress": "buy@example.com"}))
	to := of(members{"EmailAddressId": address, "AliasConfiguration": members{"EmailAddressId": alias}})
	r.does("UpdateEmailAddressMetadata", of(members{"EmailAddressId": address, "Description": "Those who sell"}))
	r.does("AssociateEmailAddressAlias", to)
	r.does("DescribeEmailAddress", of(members{"EmailAddressId": address}))
	r.does("SearchEmailAddresses", searchFor(of(nil)["InstanceId"].(string), "emailAddress", "sales@", "STARTS_WITH"))
	r.does("DisassociateEmailAddressAlias", to)

	queue := r.first("ListQueues", of(nil)["InstanceId"].(string), "QueueSummaryList", "Id")
	r.does("AssociateQueueEmailAddresses", of(members{"QueueId": queue,
		"EmailAddressesConfig": []members{{"EmailAddressId": address}}}))
	r.does("ListQueueEmailAddresses", of(members{"QueueId": queue}))
	r.refused("InvalidRequestException", "DeleteEmailAddress", of(members{"EmailAddressId": address}))
	r.does("DisassociateQueueEmailAddresses", of(members{"QueueId": queue, "EmailAddressesId": []string{address}}))
	r.does("DeleteEmailAddress", of(members{"EmailAddressId": address}))
}

func (r *recorder) notifications(of func(members) members, instance string) {
	r.Helper()
	id := r.makes("CreateNotification", of(members{"Recipients": []string{r.arn(instance)}, "Priority": "HIGH",
		"Content": members{"en_US": "Please log out"}}))
	one := of(members{"NotificationId": id})
	r.does("UpdateNotificationContent", of(members{"NotificationId": id, "Content": members{"en_US": "Stay"}}))
	r.does("DescribeNotification", one)
	r.does("ListNotifications", of(nil))
	r.does("SearchNotifications", searchFor(instance, "content", "stay", "CONTAINS"))
	r.does("DeleteNotification", one)
}
