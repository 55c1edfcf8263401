package control

import (
	"maps"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
)

// A ruleAction is what rules about rules say of a type of action.
type ruleAction struct {
	member string // that has what the action is to do
	empty  bool   // there is nothing to say, so it may be absent
	// sources are the events after which it is supported; nil for all.
	sources []string
}

// Where actions are documented to be supported. Third parties are Zendesk and Salesforce.
var (
	analyses = []string{"OnPostCallAnalysisAvailable", "OnRealTimeCallAnalysisAvailable", "OnRealTimeChatAnalysisAvailable",
		"OnPostChatAnalysisAvailable"}
	thirdParties = []string{"OnZendeskTicketCreate", "OnZendeskTicketStatusUpdate", "OnSalesforceCaseCreate"}
	notified     = slices.Concat(analyses, []string{"OnContactEvaluationSubmit", "OnMetricDataUpdate"})
)

var ruleActions = map[string]ruleAction{
	"CREATE_TASK":                {member: "TaskAction"},
	"GENERATE_EVENTBRIDGE_EVENT": {member: "EventBridgeAction", sources: notified},
	"ASSIGN_CONTACT_CATEGORY": {member: "AssignContactCategoryAction", empty: true,
		sources: slices.Concat(analyses, thirdParties)},
	"SEND_NOTIFICATION": {member: "SendNotificationAction", sources: notified},
	"CREATE_CASE": {member: "CreateCaseAction", sources: []string{"OnPostCallAnalysisAvailable",
		"OnPostChatAnalysisAvailable"}},
	"UPDATE_CASE":            {member: "UpdateCaseAction", sources: []string{"OnCaseCreate", "OnCaseUpdate"}},
	"ASSIGN_SLA":             {member: "AssignSlaAction"},
	"END_ASSOCIATED_TASKS":   {member: "EndAssociatedTasksAction", empty: true, sources: []string{"OnCaseUpdate"}},
	"END_ASSOCIATED_EMAILS":  {member: "EndAssociatedEmailsAction", empty: true, sources: []string{"OnCaseUpdate"}},
	"SUBMIT_AUTO_EVALUATION": {member: "SubmitAutoEvaluationAction"},
	"EXTRACT_INFORMATION":    {member: "ExtractInformationAction"},
	"SEND_IN_APP_NOTIFICATION": {member: "SendInAppNotificationAction", sources: slices.Concat(analyses,
		[]string{"OnAfterCallWorkAvailable", "OnAfterChatWorkAvailable", "OnEmailAnalysisAvailable", "OnContactEvaluationSubmit",
			"OnCaseCreate", "OnCaseUpdate", "OnSlaBreach", "OnSchedulePublish", "OnScheduleUpdate",
			"OnScheduleTimeOffRequestActivity"})},
}

// A rule is what is read of a lanyard.Rule.
type rule struct {
	source  struct{ EventSourceName, IntegrationAssociationId string }
	actions []map[string]lanyard.JSON
}

func readRule(d *lanyard.Document) (r rule, err error) {
	if err = json.Unmarshal(d.Members["TriggerEventSource"], &r.source); err != nil {
		return r, err
	}
	return r, json.Unmarshal(d.Members["Actions"], &r.actions)
}

// kinds are the types of the actions.
func (r rule) kinds() []string {
	kinds := make([]string, len(r.actions))
	for i, a := range r.actions {
		if err := json.Unmarshal(a["ActionType"], &kinds[i]); err != nil {
			kinds[i] = ""
		}
	}
	return kinds
}

// RuleSource returns the event that a rule follows, and the types of its actions.
func RuleSource(d *lanyard.Document) (source string, actions []string) {
	r, err := readRule(d)
	if err != nil {
		return "", nil
	}
	return r.source.EventSourceName, r.kinds()
}

// ruleField is a field that rules are searched by.
func ruleField(get func(rule) []string) func(lanyard.Resource) []string {
	return func(r lanyard.Resource) []string {
		read, err := readRule(r.(*lanyard.Rule).Doc())
		if err != nil {
			return nil
		}
		return get(read)
	}
}

// checkRule checks a rule's actions against its event, and notes who changes it.
func checkRule(c *documentCheck, before, d *lanyard.Document) error {
	r, err := readRule(d)
	if err != nil {
		return err
	}
	third := slices.Contains(thirdParties, r.source.EventSourceName)
	if before != nil && before.Name != d.Name && !third {
		return lanyard.Errorf(lanyard.Invalid, "Name must be %s, as the name can be changed only if the event source is %s, got %s",
			lanyard.Quote(before.Name), oneOf(thirdParties), lanyard.Quote(d.Name))
	}
	if third && r.source.IntegrationAssociationId == "" {
		return lanyard.Errorf(lanyard.Invalid, "TriggerEventSource.IntegrationAssociationId is required when EventSourceName is %s",
			r.source.EventSourceName)
	}
	var function map[string]lanyard.JSON
	if err := json.Unmarshal([]byte(docText(d, "Function")), &function); err != nil {
		return lanyard.Errorf(lanyard.Invalid, "Function must be a JSON object, got %s", lanyard.Quote(docText(d, "Function")))
	}
	for i, action := range r.actions {
		if err := checkRuleAction(i, r.kinds()[i], r.source.EventSourceName, action); err != nil {
			return err
		}
	}
	c.sign(before, d, "LastUpdatedBy")
	return nil
}

// checkRuleAction checks the i-th action of a rule.
func checkRuleAction(i int, kind, source string, action map[string]lanyard.JSON) error {
	known := ruleActions[kind]
	for _, other := range slices.Sorted(maps.Keys(ruleActions)) {
		if name := ruleActions[other].member; other != kind && action[name] != nil {
			return lanyard.Errorf(lanyard.Invalid, "%s must be absent when ActionType is %s", member("Actions", i, name), kind)
		}
	}
	if action[known.member] == nil && !known.empty {
		return lanyard.Errorf(lanyard.Invalid, "%s is required when ActionType is %s", member("Actions", i, known.member), kind)
	}
	if known.sources != nil && !slices.Contains(known.sources, source) {
		return lanyard.Errorf(lanyard.Invalid, "TriggerEventSource.EventSourceName must be %s for an action of type %s, got %s",
			oneOf(known.sources), kind, source)
	}
	return nil
}

// sign notes in a member who changes a document, if it is changed, by ARN.
func (c *documentCheck) sign(before, d *lanyard.Document, member string) {
	if before != nil && before.Name == d.Name && reflect.DeepEqual(before.Members, d.Members) {
		return
	}
	who, err := json.Marshal(c.actorARN())
	if err != nil { // invalid UTF-8, which no id has
		return
	}
	d.Members[member] = who
}

// actorARN is the ARN of who makes the call: a user, an AI agent, or else the account. The ids of keys are for the
// operator alone.
func (c *documentCheck) actorARN() string {
	switch who := c.call.actor(); {
	case who.User != "":
		return c.ARN(c.in, lanyard.TypeUser, who.User)
	case who.Agent != "":
		return who.Agent
	default:
		return "arn:" + c.partition + ":iam::" + c.in.Account + ":root"
	}
}
