package awsapi

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// criteria has the members of every type's search criteria.
type criteria struct {
	OrConditions            []criteria
	AndConditions           []criteria
	StringCondition         *model.StringCondition
	HierarchyGroupCondition *model.HierarchyGroupCondition
	ListCondition           jsontext.Value
	QueueTypeCondition      string // STANDARD, the only one accepted, which every queue here is
	StateCondition          string
	StatusCondition         string
}

// filter has the members of every type's search filter.
type filter struct {
	TagFilter           *model.ControlPlaneTagFilter
	UserAttributeFilter *attributeFilter
	AttributeFilter     *attributeFilter
}

type attributeFilter struct {
	OrConditions            []model.AttributeAndCondition
	AndCondition            *model.AttributeAndCondition
	TagCondition            *model.TagCondition
	HierarchyGroupCondition *model.HierarchyGroupCondition
}

type found[R any] struct {
	instance *lanyard.Instance
	page     []R
	next     *string
	total    int64
}

// search carries out one search operation. sentCriteria and sentFilter are the operation's own
// types, or nil pointers; all have a part of the members of criteria and filter.
func search[R lanyard.Resource](ctx context.Context, s *Server, req *request, instance *string, sentCriteria,
	sentFilter any, most *int32, token *string) (found[R], error) {
	var c criteria
	var f filter
	digest := sha256.New()
	for _, part := range []struct{ from, to any }{{sentCriteria, &c}, {sentFilter, &f}} {
		b, err := json.Marshal(part.from, json.Deterministic(true))
		if err != nil {
			return found[R]{}, err
		}
		digest.Write(append(b, 0))
		if err := json.Unmarshal(b, part.to); err != nil {
			return found[R]{}, err
		}
	}
	if c.asksProficiencies() {
		return found[R]{}, lanyard.Errorf(lanyard.Invalid,
			"SearchCriteria.ListCondition must be absent: users are not searched by proficiency here")
	}
	scope := []string{bare(instance), string(digest.Sum(nil))}
	page, total, err := s.page(req, most, token, scope...)
	if err != nil {
		return found[R]{}, err
	}
	conditions := append([]control.Condition{c.condition()}, f.conditions()...)
	in, list, next, total, err := control.Search[R](ctx, s.control, req.Call, *instance, conditions, page, total)
	if err != nil {
		return found[R]{}, err
	}
	return found[R]{in, list, s.next(req, next, total, scope...), total}, nil
}

func (c criteria) condition() control.Condition {
	out := control.Condition{Or: conditionsOf(c.OrConditions), And: conditionsOf(c.AndConditions)}
	if s := c.StringCondition; s != nil {
		out.String = &control.StringCondition{Field: text(s.FieldName), Value: text(s.Value), Compare: text(s.ComparisonType)}
	}
	out.Group = groupCondition(c.HierarchyGroupCondition)
	out.State = c.StateCondition
	// Every queue is a standard one; every module is published.
	out.Never = c.StatusCondition == "SAVED"
	return out
}

// asksProficiencies reports whether a condition anywhere is about proficiencies.
func (c criteria) asksProficiencies() bool {
	return c.ListCondition != nil || slices.ContainsFunc(c.OrConditions, criteria.asksProficiencies) ||
		slices.ContainsFunc(c.AndConditions, criteria.asksProficiencies)
}

func conditionsOf(list []criteria) []control.Condition {
	var out []control.Condition
	for _, c := range list {
		out = append(out, c.condition())
	}
	return out
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

func tagConditions(list []model.TagCondition) []control.Condition {
	var out []control.Condition
	for _, t := range list {
		out = append(out, tagCondition(t))
	}
	return out
}

func (f filter) conditions() []control.Condition {
	var out []control.Condition
	if t := f.TagFilter; t != nil {
		var or []control.Condition
		for _, and := range t.OrConditions {
			or = append(or, control.Condition{And: tagConditions(and)})
		}
		out = append(out, control.Condition{Or: or, And: tagConditions(t.AndConditions)})
		if t.TagCondition != nil {
			out = append(out, tagCondition(*t.TagCondition))
		}
	}
	for _, a := range []*attributeFilter{f.UserAttributeFilter, f.AttributeFilter} {
		if a == nil {
			continue
		}
		var or []control.Condition
		for _, and := range a.OrConditions {
			or = append(or, attributeCondition(and))
		}
		out = append(out, control.Condition{Or: or, Group: groupCondition(a.HierarchyGroupCondition)})
		if a.AndCondition != nil {
			out = append(out, attributeCondition(*a.AndCondition))
		}
		if a.TagCondition != nil {
			out = append(out, tagCondition(*a.TagCondition))
		}
	}
	return out
}

func attributeCondition(a model.AttributeAndCondition) control.Condition {
	return control.Condition{And: tagConditions(a.TagConditions), Group: groupCondition(a.HierarchyGroupCondition)}
}
