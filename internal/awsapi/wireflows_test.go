package awsapi_test

import "strings"

// flows has what flows are, and what has to do with them.
func (r *recorder) flows(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	flow := r.makes("CreateContactFlow", of(members{"Name": "Welcome", "Type": "CONTACT_FLOW", "Content": aFlow("Hello"),
		"Description": "Says hello", "Tags": members{"Team": "Sales"}}))
	r.refused("InvalidContactFlowException", "CreateContactFlow", of(members{"Name": "Bad", "Type": "CONTACT_FLOW",
		"Content": `{"Version":"2019-10-30","StartAction":"a","Actions":[]}`}))
	on := func(m members) members { m["ContactFlowId"] = flow; return of(m) }
	r.does("DescribeContactFlow", on(members{}))
	r.does("ListContactFlows", of(members{"ContactFlowTypes": []any{"CONTACT_FLOW"}}))
	r.does("SearchContactFlows", of(members{"SearchCriteria": members{"StatusCondition": "PUBLISHED"}}))
	r.does("UpdateContactFlowMetadata", on(members{"Description": "Says hello again", "ContactFlowState": "ACTIVE"}))
	r.does("UpdateContactFlowName", on(members{"Name": "Hello"}))
	r.does("UpdateContactFlowContent", on(members{"Content": aFlow("Hello again")}))
	r.does("CreateContactFlowVersion", on(members{"Description": "First"}))
	r.refused("InvalidParameterException", "CreateContactFlowVersion", on(members{"FlowContentSha256": strings.Repeat("0", 64)}))
	r.does("ListContactFlowVersions", on(members{}))
	alias := r.makes("CreateContactFlowAlias", on(members{"AliasName": "prod", "ContactFlowVersion": 1}))
	r.does("DescribeContactFlowAlias", on(members{"AliasId": alias}))
	r.does("ListContactFlowAliases", on(members{}))
	r.does("UpdateContactFlowAlias", on(members{"AliasId": alias, "Name": "live"}))
	r.refused("InvalidRequestException", "DeleteContactFlowVersion", on(members{"ContactFlowVersion": 1}))
	r.does("DeleteContactFlowAlias", on(members{"AliasId": alias}))
	r.does("DeleteContactFlowVersion", on(members{"ContactFlowVersion": 1}))
	r.associations(in, flow)
	r.does("DeleteContactFlow", on(members{}))
	saved := r.do("CreateContactFlow", of(members{"Name": "Draft", "Type": "CONTACT_FLOW", "Content": "{}", "Status": "SAVED"})).ok()
	r.refused("ContactFlowNotPublishedException", "DescribeContactFlow", of(members{"ContactFlowId": saved["ContactFlowId"]}))

	prompt := of(members{"PromptId": r.makes("CreatePrompt", of(members{"Name": "Beep", "S3Uri": "s3://bucket/beep.wav"}))})
	r.does("DescribePrompt", prompt)
	r.does("ListPrompts", of(members{}))
	r.does("SearchPrompts", of(members{}))
	r.does("UpdatePrompt", with(prompt, "Description", "A tone"))
	r.does("DeletePrompt", prompt)
	r.views(in)
	r.vocabularies(in)
}

// associations has the phone numbers and others for which a flow runs.
func (r *recorder) associations(in things, flow string) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	r.does("SearchAvailablePhoneNumbers", members{"TargetArn": r.arn(in.instance), "PhoneNumberCountryCode": "GB",
		"PhoneNumberType": "DID", "MaxResults": 2})
	id := r.makes("ClaimPhoneNumber", members{"TargetArn": r.arn(in.instance), "PhoneNumber": "+442079460000",
		"PhoneNumberDescription": "Sales"})
	r.refused("InvalidParameterException", "ClaimPhoneNumber", members{"TargetArn": r.arn(in.instance),
		"PhoneNumber": "+442079461000"})
	number := func(m members) members { m["PhoneNumberId"] = id; return m }
	r.does("DescribePhoneNumber", number(members{}))
	r.does("UpdatePhoneNumberMetadata", number(members{"PhoneNumberDescription": "Support"}))
	r.does("UpdatePhoneNumber", number(members{"TargetArn": r.arn(in.instance)}))
	r.does("AssociatePhoneNumberContactFlow", number(of(members{"ContactFlowId": flow})))
	r.does("ListPhoneNumbers", of(members{}))
	r.does("ListPhoneNumbersV2", members{})
	sms := "arn:aws:sms-voice:us-east-1:" + account + ":phone-number/phone-1"
	r.makes("ImportPhoneNumber", of(members{"SourcePhoneNumberArn": sms}))
	on := func(m members) members { m["ResourceId"], m["ResourceType"] = sms, "SMS_PHONE_NUMBER"; return of(m) }
	r.does("AssociateFlow", on(members{"FlowId": flow}))
	r.does("GetFlowAssociation", on(members{}))
	r.does("ListFlowAssociations", of(members{}))
	r.does("BatchGetFlowAssociation", of(members{"ResourceIds": []any{sms}}))
	r.does("DisassociateFlow", on(members{}))
	r.does("DisassociatePhoneNumberContactFlow", number(of(members{})))
	r.does("ReleasePhoneNumber", number(members{}))
}

func (r *recorder) views(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	made := r.does("CreateView", of(members{"Name": "Form", "Status": "PUBLISHED", "Content": aView("Order")}))
	view := func(m members) members { m["ViewId"] = made["View"].(members)["Id"]; return of(m) }
	r.does("DescribeView", view(members{}))
	r.does("ListViews", of(members{}))
	r.does("SearchViews", of(members{}))
	r.does("UpdateViewMetadata", view(members{"Description": "An order"}))
	r.does("UpdateViewContent", view(members{"Status": "SAVED", "Content": aView("Orders")}))
	r.does("CreateViewVersion", view(members{"VersionDescription": "First"}))
	r.does("ListViewVersions", view(members{}))
	r.does("DeleteViewVersion", view(members{"ViewVersion": 1}))
	r.does("DeleteView", view(members{}))
}

func (r *recorder) vocabularies(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	made := r.does("CreateVocabulary", of(members{"VocabularyName": "cities", "LanguageCode": "en-US",
		"Content": "Phrase\tDisplayAs\nLos-Angeles\tLos Angeles"}))
	words := func(m members) members { m["VocabularyId"] = made["VocabularyId"]; return of(m) }
	r.does("DescribeVocabulary", words(members{}))
	r.does("SearchVocabularies", of(members{"State": "ACTIVE"}))
	r.does("AssociateDefaultVocabulary", words(members{"LanguageCode": "en-US"}))
	r.does("ListDefaultVocabularies", of(members{}))
	r.refused("ResourceInUseException", "DeleteVocabulary", words(members{}))
	r.do("AssociateDefaultVocabulary", of(members{"LanguageCode": "en-US"})).ok()
	r.does("DeleteVocabulary", words(members{}))
}
