package control

import (
	"context"
	"strconv"

	"github.com/lanyard/lanyard"
)

// An Evaluation asks for values of one row, or for the defaults.
type Evaluation struct {
	Primary    []PrimaryValue
	Attributes []string
}

// An EvaluationQuery asks for values of a data table as flows get them.
type EvaluationQuery struct {
	Instance, Table string // ids or ARNs
	TimeZone        string // in which expressions would be evaluated; "" for the table's
	Asked           []Evaluation
	Page
}

// An EvaluatedValue is a value as flows get it.
type EvaluatedValue struct {
	Primary   []PrimaryValue // as it was asked for
	Attribute *lanyard.DataTableAttribute
	Row       string // id; "" when there is none
	Found     bool   // there is a value, or a default
	Failed    bool   // it cannot be evaluated
	Value     string
}

// EvaluatedValues are a page of values that were evaluated.
type EvaluatedValues struct {
	Items []EvaluatedValue
	Next  string
}

// maxEvaluated bounds the values that one call names, on all of its pages.
const maxEvaluated = 1000

// EvaluateDataTableValues returns values as flows get them: the default of an attribute where a row has no value of it.
// Expressions refer to a contact, and there is none.
func (s *Service) EvaluateDataTableValues(ctx context.Context, call Call, q EvaluationQuery) (*EvaluatedValues, error) {
	if q.TimeZone != "" {
		if err := checkTimeZone(q.TimeZone); err != nil {
			return nil, err
		}
	}
	table, sight, err := s.readTable(ctx, call, q.Instance, q.Table)
	if err != nil {
		return nil, err
	}
	var ids []ValueID
	for _, e := range q.Asked {
		for _, name := range e.Attributes {
			ids = append(ids, ValueID{e.Primary, name})
		}
	}
	if len(ids) > maxEvaluated {
		return nil, lanyard.Errorf(lanyard.Invalid, "Values must name at most %d values, got %d", maxEvaluated, len(ids))
	}
	first, err := position(q.After)
	if err != nil {
		return nil, err
	}
	ids = ids[min(int(first), len(ids)):]
	out := &EvaluatedValues{}
	if len(ids) > q.Limit {
		ids, out.Next = ids[:q.Limit], strconv.FormatInt(first+int64(q.Limit), 10)
	}
	wanted, err := s.identify(ctx, call, table, sight, ids)
	if err != nil {
		return nil, err
	}
	defaults, err := s.defaults(ctx, table, sight)
	if err != nil {
		return nil, err
	}
	for i, w := range wanted {
		if w.err != nil {
			return nil, within("Values", w.err)
		}
		e := evaluate(table.table, w, defaults)
		e.Primary = ids[i].Primary
		out.Items = append(out.Items, e)
	}
	return out, nil
}

// defaults returns the default row, or nil when there is none, or none for the principal.
func (s *Service) defaults(ctx context.Context, t *TableRows, sight *rowSight) (*lanyard.DataTableRow, error) {
	if !sight.sees(nil) {
		return nil, nil
	}
	return t.table.findRow(ctx, s.store.Reader(t.Instance.ID), nil, true)
}

// evaluate evaluates a value. One that is not of its attribute's type any more is as good as none.
func evaluate(v *tableView, w identified, defaults *lanyard.DataTableRow) EvaluatedValue {
	e := EvaluatedValue{Attribute: w.attribute}
	untyped := &lanyard.DataTableAttribute{ValueType: w.attribute.ValueType}
	for _, row := range []*lanyard.DataTableRow{w.row, defaults} {
		if row == nil {
			continue
		}
		value, ok := v.valueAt(row, w.attribute)
		if !ok {
			continue
		}
		if lanyard.IsExpression(value.Cell.Value) {
			e.Row, e.Found, e.Failed, e.Value = row.ID, true, true, ""
			return e
		}
		if checkPlain(untyped, value.Cell.Value) == nil {
			e.Row, e.Found, e.Failed, e.Value = row.ID, true, false, value.Cell.Value
			return e
		}
		e.Row, e.Failed = row.ID, true
	}
	return e
}
