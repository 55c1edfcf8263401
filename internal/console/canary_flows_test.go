package console_test

import (
	"fmt"
	"maps"
)

const (
	canaryFlowOf  = `"Type": "CONTACT_FLOW", "Content": ` + canaryContent
	canaryContent = `"{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[{\"Identifier\":\"a\",\"Type\":\"DisconnectParticipant\",\"Parameters\":{},\"Transitions\":{}}]}"`
	canaryView    = `"Status": "PUBLISHED", "Content": {"Template": "{}", "Actions": []}`
	canarySMS     = "arn:aws:sms-voice:us-east-1:" + ownAccount + ":phone-number/phone"
	canarySMS2    = "arn:aws:sms-voice:us-east-1:" + ownAccount + ":phone-number/phone2"
)

// fillFlows creates flows, and what has to do with them. What a flow runs for is hidden with the flow. other is a text
// that differs.
func (w *canaryWorld) fillFlows(other string) {
	w.Helper()
	for _, of := range []string{"", "h"} {
		tags, word := seen, ""
		if of == "h" {
			if tags, word = unseen, "Canary "; !w.with {
				continue
			}
		}
		if of == "h" {
			w.make(of+"flow", "CreateContactFlow", `"Name": "`+word+`flow", `+canaryFlowOf+`, `+tags)
		}
		w.make(of+"flowversion", "CreateContactFlowVersion", `"ContactFlowId": "$`+of+`flow"`)
		w.make(of+"flowalias", "CreateContactFlowAlias", `"ContactFlowId": "$`+of+`flow", "AliasName": "live", "ContactFlowVersion": 1`)
		sms := canarySMS
		if of == "h" {
			sms = canarySMS2
		}
		w.make(of+"association", "AssociateFlow", `"ResourceId": "`+sms+`", "ResourceType": "SMS_PHONE_NUMBER", "FlowId": "$`+of+`flow"`)
	}
	// A profile restricts ten types at most, so these are not hidden: the operations on them are those on flows.
	w.make("prompt", "CreatePrompt", `"Name": "prompt", "S3Uri": "s3://bucket/a.wav", `+seen)
	w.make("view", "CreateView", `"Name": "view", `+canaryView+`, `+seen)
	w.make("viewversion", "CreateViewVersion", `"ViewId": "$view"`)
	w.make("flow2", "CreateContactFlow", `"Name": "Unused flow", `+canaryFlowOf+`, `+seen)
	w.make("number", "ClaimPhoneNumber", `"PhoneNumber": "+12015550100", `+seen)
	w.make("number2", "ClaimPhoneNumber", `"PhoneNumber": "+12015550101", `+seen)
	w.make("number3", "ClaimPhoneNumber", `"PhoneNumber": "+12015550102", `+seen)
	w.make("called", "AssociatePhoneNumberContactFlow", `"PhoneNumberId": "$number", "ContactFlowId": "$flow"`)
	w.make("xflow", "CreateContactFlow", `"Name": "`+other+`", `+canaryFlowOf+`, `+unseen)
	w.make("xcalled", "AssociatePhoneNumberContactFlow", `"PhoneNumberId": "$number2", "ContactFlowId": "$xflow"`)
	w.make("vocabulary", "CreateVocabulary", `"VocabularyName": "words", "LanguageCode": "en-US", "Content": "Phrase\nword", `+seen)
	w.make("vocabulary2", "CreateVocabulary", `"VocabularyName": "more", "LanguageCode": "en-US", "Content": "Phrase\nword", `+seen)
	w.make("default", "AssociateDefaultVocabulary", `"LanguageCode": "en-US", "VocabularyId": "$vocabulary"`)
}

const canaryFlowViews = `"ContactFlows.View", "Prompts.View", "Views.View", "PhoneNumbers.View", "ContactLensCustomVocabulary.View"`

const canaryFlowEdits = `"ContactFlows.Edit", "ContactFlows.Create", "ContactFlows.Delete", "ContactFlows.Publish",
	"Prompts.Edit", "Prompts.Create", "Prompts.Delete", "Views.Edit", "Views.Create", "Views.Remove",
	"PhoneNumbers.Edit", "PhoneNumbers.Claim", "PhoneNumbers.Release", "ContactLensCustomVocabulary.Edit"`

func init() {
	maps.Copy(canaryMembers, map[string][]string{
		"ContactFlowId": {"$flow", "$hflow", "$xflow"}, "PromptId": {"$prompt", "$hprompt"}, "ViewId": {"$view", "$hview"},
		"PhoneNumberId": {"$number", "$number2"}, "VocabularyId": {"$vocabulary"},
	})
	flows := func(rest string) []string {
		return []string{`"ContactFlowId": "$hflow", ` + rest, `"ContactFlowId": "$flow", ` + rest}
	}
	views := func(rest string) []string {
		return []string{`"ViewId": "$hview", ` + rest, `"ViewId": "$view", ` + rest}
	}
	associations := func(rest string) []string {
		var all []string
		for _, sms := range []string{canarySMS2, canarySMS} {
			all = append(all, fmt.Sprintf(`"ResourceId": %q, "ResourceType": "SMS_PHONE_NUMBER"%s`, sms, rest))
		}
		return all
	}
	search := `"SearchCriteria": {"StringCondition": {"FieldName": "name", "Value": "canary", "ComparisonType": "CONTAINS"}}`
	maps.Copy(canaryMore, map[string][]string{
		"SearchContactFlows": {search}, "SearchPrompts": {search}, "SearchViews": {search},
		"CreateContactFlow":         {`"Name": "new1", ` + canaryFlowOf + `, ` + seen, `"Name": "new2", ` + canaryFlowOf + `, ` + unseen},
		"UpdateContactFlowMetadata": flows(`"Description": "x"`),
		"UpdateContactFlowName":     flows(`"Description": "y"`),
		"UpdateContactFlowContent":  flows(`"Content": ` + canaryContent),
		"CreateContactFlowVersion":  flows(`"Description": "x"`),
		"CreateContactFlowAlias":    flows(`"AliasName": "new1", "ContactFlowVersion": 1`),
		"DescribeContactFlowAlias": {`"ContactFlowId": "$hflow", "AliasId": "$hflowalias"`,
			`"ContactFlowId": "$flow", "AliasId": "$flowalias"`},
		"UpdateContactFlowAlias": {`"ContactFlowId": "$hflow", "AliasId": "$flowalias", "Name": "x"`,
			`"ContactFlowId": "$flow", "AliasId": "$flowalias", "Name": "changed"`},
		"DeleteContactFlowAlias": {`"ContactFlowId": "$hflow", "AliasId": "$hflowalias"`,
			`"ContactFlowId": "$flow", "AliasId": "$flowalias"`},
		"DeleteContactFlowVersion": flows(`"ContactFlowVersion": 2`),
		"AssociateFlow":            append(associations(`, "FlowId": "$hflow"`), associations(`, "FlowId": "$flow"`)[1]),
		"DisassociateFlow":         associations(``),
		"GetFlowAssociation":       associations(``),
		"BatchGetFlowAssociation":  {`"ResourceIds": ["` + canarySMS + `", "` + canarySMS2 + `"]`},

		"CreatePrompt": {`"Name": "new1", "S3Uri": "s3://bucket/a.wav", ` + seen},
		"UpdatePrompt": {`"PromptId": "$hprompt", "Description": "x"`, `"PromptId": "$prompt", "Description": "x"`},

		"CreateView":         {`"Name": "new1", ` + canaryView + `, ` + seen},
		"UpdateViewContent":  views(canaryView),
		"UpdateViewMetadata": views(`"Description": "x"`),
		"CreateViewVersion":  views(`"VersionDescription": "x"`),
		"DeleteViewVersion":  views(`"ViewVersion": 1`),

		"SearchAvailablePhoneNumbers":        {`"PhoneNumberCountryCode": "US", "PhoneNumberType": "DID", "PhoneNumberPrefix": "+1201555015"`},
		"ClaimPhoneNumber":                   {`"PhoneNumber": "+12015550150", ` + seen},
		"ImportPhoneNumber":                  {`"SourcePhoneNumberArn": "` + canarySMS + `", ` + seen},
		"UpdatePhoneNumber":                  {`"PhoneNumberId": "$number"`},
		"UpdatePhoneNumberMetadata":          {`"PhoneNumberId": "$number", "PhoneNumberDescription": "x"`},
		"AssociatePhoneNumberContactFlow":    {`"PhoneNumberId": "$number", "ContactFlowId": "$hflow"`, `"PhoneNumberId": "$number", "ContactFlowId": "$flow"`},
		"DisassociatePhoneNumberContactFlow": {`"PhoneNumberId": "$number"`},
		"ReleasePhoneNumber":                 {`"PhoneNumberId": "$number3"`},

		"CreateVocabulary":           {`"VocabularyName": "new1", "LanguageCode": "en-US", "Content": "Phrase\nword", ` + seen},
		"AssociateDefaultVocabulary": {`"LanguageCode": "en-US", "VocabularyId": "$vocabulary"`},
	})
	maps.Copy(canaryDeletes, map[string][]string{
		"DeleteContactFlow": {"$hflow", "$flow2"}, "DeletePrompt": {"$hprompt", "$prompt"}, "DeleteView": {"$hview", "$view"},
		"DeleteVocabulary": {"$vocabulary", "$vocabulary2"},
	})
	for _, scan := range []string{"ListContactFlows", "SearchContactFlows", "ListFlowAssociations",
		"BatchGetFlowAssociation"} {
		canaryScans["call/"+scan] = skips
	}
}
