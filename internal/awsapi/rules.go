package awsapi

import (
	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) taskTemplateHandlers() map[string]handler {
	d := documentType[*lanyard.TaskTemplate]{Server: s, noun: "TaskTemplate", replaces: true,
		empty: func() *lanyard.TaskTemplate { return new(lanyard.TaskTemplate) },
		enter: func(_ any, r *lanyard.TaskTemplate) error {
			if r.Members["Status"] == nil {
				keep(r.Members, "Status", ptr(active))
			}
			return nil
		},
		change: func(in any, _ *lanyard.TaskTemplate) error {
			if in.(*model.UpdateTaskTemplateRequest).Status == nil {
				return lanyard.Errorf(lanyard.Invalid, "Status is required")
			}
			return nil
		},
		wanted: func(in any) (func(*lanyard.TaskTemplate) bool, string) {
			name, status := membersOf(in).text("Name"), membersOf(in).text("Status")
			return func(r *lanyard.TaskTemplate) bool {
				return (name == "" || r.Name == name) && (status == "" || control.HasText(&r.Document, "Status", status))
			}, status + " " + name
		}}
	got := d
	got.fixed = []string{"SnapshotVersion"}
	// Tasks make snapshots, and there are no tasks here.
	got.meant = func(in any, _ *lanyard.Document) bool { return membersOf(in).text("SnapshotVersion") == "" }
	return map[string]handler{
		"CreateTaskTemplate": createsDocument[model.CreateTaskTemplateResponse](d),
		"GetTaskTemplate":    describesDocument[model.GetTaskTemplateResponse](got),
		"ListTaskTemplates":  listsDocuments[model.ListTaskTemplatesResponse](d),
		"UpdateTaskTemplate": updatesTo[model.UpdateTaskTemplateResponse](d),
		"DeleteTaskTemplate": deletes(d),
	}
}

func (s *Server) ruleHandlers() map[string]handler {
	d := documentType[*lanyard.Rule]{Server: s, noun: "Rule", empty: func() *lanyard.Rule { return new(lanyard.Rule) },
		change: func(in any, r *lanyard.Rule) error {
			if in.(*model.UpdateRuleRequest).PreEvaluationFilters == nil {
				delete(r.Members, "PreEvaluationFilters")
			}
			return nil
		},
		show: func(_ *lanyard.Instance, r *lanyard.Rule) (map[string]any, error) {
			source, kinds := control.RuleSource(&r.Document)
			actions := make([]model.ActionSummary, len(kinds))
			for i := range kinds {
				actions[i].ActionType = &kinds[i]
			}
			return map[string]any{"EventSourceName": &source, "ActionSummaries": actions}, nil
		},
		wanted: func(in any) (func(*lanyard.Rule) bool, string) {
			status, event := membersOf(in).text("PublishStatus"), membersOf(in).text("EventSourceName")
			return func(r *lanyard.Rule) bool {
				source, _ := control.RuleSource(&r.Document)
				return (status == "" || control.HasText(&r.Document, "PublishStatus", status)) && (event == "" || source == event)
			}, status + " " + event
		}}
	return map[string]handler{
		"CreateRule":   createsDocument[model.CreateRuleResponse](d),
		"DescribeRule": describesDocument[model.DescribeRuleResponse](d),
		"ListRules":    listsDocuments[model.ListRulesResponse](d),
		"SearchRules":  searchesDocuments[model.SearchRulesResponse](d),
		"UpdateRule":   updates(d),
		"DeleteRule":   deletes(d),
	}
}

// ruleFilter are the conditions of the filter that rules have.
func ruleFilter(f *model.RuleAttributeFilter) []control.Condition {
	if f == nil {
		return nil
	}
	and := func(a model.RuleAttributeAndCondition) control.Condition {
		return control.Condition{And: each(a.TagConditions, tagCondition)}
	}
	out := append(oneTag(f.TagCondition), all(f.AndCondition, and)...)
	return append(out, control.Condition{Or: each(f.OrConditions, and)})
}
