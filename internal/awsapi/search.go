package awsapi

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// searching is what a search operation is asked.
type searching struct {
	listing
	criteria, filter any                 // as sent, or nil pointers: all pages of a search have the same
	conditions       []control.Condition // made of them
}

// search carries out one search operation.
func search[R lanyard.Resource](ctx context.Context, s *Server, req *request, in searching) (found[R], error) {
	digest := sha256.New()
	for _, part := range []any{in.criteria, in.filter} {
		b, err := json.Marshal(part, json.Deterministic(true))
		if err != nil {
			return found[R]{}, err
		}
		digest.Write(append(b, 0))
	}
	page, err := s.page(req, in.most, in.token, bare(in.instance), string(digest.Sum(nil)))
	if err != nil {
		return found[R]{}, err
	}
	l, err := control.Search[R](ctx, s.control, req.Call, *in.instance,
		control.Query{Conditions: in.conditions, Page: page.Page, Total: page.total})
	return found[R]{l, page.next(l.Next, l.Total)}, err
}

// all is the condition that search criteria make: none, when there are no criteria.
func all[C any](criteria *C, condition func(C) control.Condition) []control.Condition {
	if criteria == nil {
		return nil
	}
	return []control.Condition{condition(*criteria)}
}

// tree is the condition that criteria of any type make by what all types have. condition converts those of one.
func tree[C any](or, and []C, s *model.StringCondition, condition func(C) control.Condition) control.Condition {
	return control.Condition{Or: each(or, condition), And: each(and, condition), String: stringCondition(s)}
}

// each converts every item of a list.
func each[C, D any](list []C, convert func(C) D) []D {
	var out []D
	for _, c := range list {
		out = append(out, convert(c))
	}
	return out
}

func profileConditions(in *model.SearchSecurityProfilesRequest) []control.Condition {
	out := all(in.SearchCriteria, profileCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, tagFilter(f.TagFilter)...)
	}
	return out
}

func profileCondition(c model.SecurityProfileSearchCriteria) control.Condition {
	return tree(c.OrConditions, c.AndConditions, c.StringCondition, profileCondition)
}

func userConditions(in *model.SearchUsersRequest) []control.Condition {
	out := all(in.SearchCriteria, userCondition)
	if f := in.SearchFilter; f != nil {
		return slices.Concat(out, tagFilter(f.TagFilter), userFilter(f.UserAttributeFilter))
	}
	return out
}

func userCondition(c model.UserSearchCriteria) control.Condition {
	out := tree(c.OrConditions, c.AndConditions, c.StringCondition, userCondition)
	out.Group = groupCondition(c.HierarchyGroupCondition)
	return out
}

// asksProficiencies reports whether a condition anywhere is about proficiencies.
func asksProficiencies(c model.UserSearchCriteria) bool {
	return c.ListCondition != nil || slices.ContainsFunc(c.OrConditions, asksProficiencies) ||
		slices.ContainsFunc(c.AndConditions, asksProficiencies)
}

func hierarchyGroupConditions(in *model.SearchUserHierarchyGroupsRequest) []control.Condition {
	out := all(in.SearchCriteria, hierarchyGroupCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, attributeFilter(f.AttributeFilter)...)
	}
	return out
}

func hierarchyGroupCondition(c model.UserHierarchyGroupSearchCriteria) control.Condition {
	return tree(c.OrConditions, c.AndConditions, c.StringCondition, hierarchyGroupCondition)
}

func queueConditions(in *model.SearchQueuesRequest) []control.Condition {
	out := all(in.SearchCriteria, queueCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, tagFilter(f.TagFilter)...)
	}
	return out
}

// queueCondition passes over QueueTypeCondition: every queue here is of the only type that it accepts.
func queueCondition(c model.QueueSearchCriteria) control.Condition {
	return tree(c.OrConditions, c.AndConditions, c.StringCondition, queueCondition)
}

func routingProfileConditions(in *model.SearchRoutingProfilesRequest) []control.Condition {
	out := all(in.SearchCriteria, routingProfileCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, tagFilter(f.TagFilter)...)
	}
	return out
}

func routingProfileCondition(c model.RoutingProfileSearchCriteria) control.Condition {
	return tree(c.OrConditions, c.AndConditions, c.StringCondition, routingProfileCondition)
}

func hoursConditions(in *model.SearchHoursOfOperationsRequest) []control.Condition {
	out := all(in.SearchCriteria, hoursCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, tagFilter(f.TagFilter)...)
	}
	return out
}

func hoursCondition(c model.HoursOfOperationSearchCriteria) control.Condition {
	return tree(c.OrConditions, c.AndConditions, c.StringCondition, hoursCondition)
}

func quickConnectConditions(in *model.SearchQuickConnectsRequest) []control.Condition {
	out := all(in.SearchCriteria, quickConnectCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, tagFilter(f.TagFilter)...)
	}
	return out
}

func quickConnectCondition(c model.QuickConnectSearchCriteria) control.Condition {
	return tree(c.OrConditions, c.AndConditions, c.StringCondition, quickConnectCondition)
}

func moduleConditions(in *model.SearchContactFlowModulesRequest) []control.Condition {
	out := all(in.SearchCriteria, moduleCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, tagFilter(f.TagFilter)...)
	}
	return out
}

func moduleCondition(c model.ContactFlowModuleSearchCriteria) control.Condition {
	out := tree(c.OrConditions, c.AndConditions, c.StringCondition, moduleCondition)
	out.State = text(c.StateCondition)
	out.Never = text(c.StatusCondition) == "SAVED" // every module is published
	return out
}

func dataTableConditions(in *model.SearchDataTablesRequest) []control.Condition {
	out := all(in.SearchCriteria, dataTableCondition)
	if f := in.SearchFilter; f != nil {
		return append(out, attributeFilter(f.AttributeFilter)...)
	}
	return out
}

func dataTableCondition(c model.DataTableSearchCriteria) control.Condition {
	return tree(c.OrConditions, c.AndConditions, c.StringCondition, dataTableCondition)
}

func stringCondition(s *model.StringCondition) *control.StringCondition {
	if s == nil {
		return nil
	}
	return &control.StringCondition{Field: text(s.FieldName), Value: text(s.Value), Compare: text(s.ComparisonType)}
}

func groupCondition(g *model.HierarchyGroupCondition) *control.GroupCondition {
	if g == nil {
		return nil
	}
	return &control.GroupCondition{Group: text(g.Value), Below: text(g.HierarchyGroupMatchType) == "WITH_CHILD_GROUPS"}
}

func tagCondition(t model.TagCondition) control.Condition {
	return control.Condition{Tag: &control.TagCondition{Key: text(t.TagKey), Value: text(t.TagValue)}}
}

// oneTag is the condition of a single tag, if it is there.
func oneTag(t *model.TagCondition) []control.Condition { return all(t, tagCondition) }

// tagFilter are the conditions of the filter that most types have.
func tagFilter(f *model.ControlPlaneTagFilter) []control.Condition {
	if f == nil {
		return nil
	}
	or := each(f.OrConditions, func(tags []model.TagCondition) control.Condition {
		return control.Condition{And: each(tags, tagCondition)}
	})
	return append(oneTag(f.TagCondition), control.Condition{Or: or, And: each(f.AndConditions, tagCondition)})
}

// userFilter is the part of the filter that users have in addition to that by tags: by tags and hierarchy groups.
func userFilter(f *model.ControlPlaneUserAttributeFilter) []control.Condition {
	if f == nil {
		return nil
	}
	and := func(a model.AttributeAndCondition) control.Condition {
		return control.Condition{And: each(a.TagConditions, tagCondition), Group: groupCondition(a.HierarchyGroupCondition)}
	}
	out := append(oneTag(f.TagCondition), all(f.AndCondition, and)...)
	return append(out, control.Condition{Or: each(f.OrConditions, and), Group: groupCondition(f.HierarchyGroupCondition)})
}

// flowFilter are the conditions of the filter that flows have, by tags and types.
func flowFilter(f *model.ContactFlowAttributeFilter) []control.Condition {
	if f == nil {
		return nil
	}
	typed := func(c model.ContactFlowTypeCondition) control.Condition {
		return control.Condition{Fields: []control.FieldCondition{{Field: "Type", Value: text(c.ContactFlowType)}}}
	}
	and := func(a model.ContactFlowAttributeAndCondition) control.Condition {
		return control.Condition{And: append(each(a.TagConditions, tagCondition), all(a.ContactFlowTypeCondition, typed)...)}
	}
	out := append(oneTag(f.TagCondition), all(f.AndCondition, and)...)
	out = append(out, all(f.ContactFlowTypeCondition, typed)...)
	return append(out, control.Condition{Or: each(f.OrConditions, and)})
}

// attributeFilter are the conditions of the filter that hierarchy groups and data tables have.
func attributeFilter(f *model.ControlPlaneAttributeFilter) []control.Condition {
	if f == nil {
		return nil
	}
	and := func(a model.CommonAttributeAndCondition) control.Condition {
		return control.Condition{And: each(a.TagConditions, tagCondition)}
	}
	out := append(oneTag(f.TagCondition), all(f.AndCondition, and)...)
	return append(out, control.Condition{Or: each(f.OrConditions, and)})
}
