package mirror

import (
	"context"
	"errors"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/invocation"
)

// dataTables reads data tables with their attributes, and neither their values nor lock versions: nobody writes values
// of a mirror. Credentials of a mirror may be older than the operations, so a refusal leaves data tables out.
func (r *reader) dataTables(ctx context.Context) error {
	const operation = "SearchDataTables"
	err := readPages(ctx, r, listing[model.SearchDataTablesResponse, model.DataTable]{
		operation: operation, input: r.in(), most: 1000, list: "DataTables",
		items: func(o *model.SearchDataTablesResponse) ([]model.DataTable, *string) { return o.DataTables, o.NextToken },
		total: func(o *model.SearchDataTablesResponse) *int64 { return o.ApproximateTotalCount },
		each: func(t model.DataTable, _ lanyard.Settings) error {
			if err := r.checkID("data table", t.Id, t.Arn); err != nil {
				return err
			}
			out := &lanyard.DataTable{Meta: when(t.LastModifiedTime), Description: text(t.Description),
				TimeZone: text(t.TimeZone), LockLevel: text(t.ValueLockLevel), Status: text(t.Status),
				Created: when(t.CreatedTime).Modified}
			out.ID, out.Name, out.Tags = *t.Id, text(t.Name), some(t.Tags)
			return r.add(out)
		}})
	switch {
	case lacks(err):
		r.note(notOffered, operation)
		return nil
	case refused(err):
		r.note(notAllowed, "data tables")
		return nil
	case err != nil:
		return err
	}
	tables := of[*lanyard.DataTable](r)
	r.expect(len(tables))
	return forEach(ctx, r, tables, func(ctx context.Context, _ int, t *lanyard.DataTable) error {
		return r.attributesOf(ctx, t)
	})
}

// refused reports whether an API does not allow an operation to the credentials.
func refused(err error) bool {
	var e *invocation.Exception
	return errors.As(err, &e) && e.Name == "AccessDeniedException"
}

func (r *reader) attributesOf(ctx context.Context, t *lanyard.DataTable) error {
	return readPages(ctx, r, listing[model.ListDataTableAttributesResponse, model.DataTableAttribute]{
		operation: "ListDataTableAttributes", input: r.in("DataTableId", t.ID), most: 1000, list: "Attributes",
		items: func(o *model.ListDataTableAttributesResponse) ([]model.DataTableAttribute, *string) {
			return o.Attributes, o.NextToken
		},
		each: func(a model.DataTableAttribute, _ lanyard.Settings) error {
			if err := r.checkID("data table attribute", a.AttributeId, nil); err != nil {
				return err
			}
			out := &lanyard.DataTableAttribute{Meta: when(a.LastModifiedTime), Table: t.ID, Description: text(a.Description),
				ValueType: text(a.ValueType), Primary: isSet(a.Primary), Validation: validation(a.Validation)}
			out.ID, out.Name = *a.AttributeId, text(a.Name)
			return r.add(out)
		}})
}

func isSet(p *bool) bool { return p != nil && *p }

func validation(v *model.Validation) *lanyard.Validation {
	if v == nil {
		return nil
	}
	out := &lanyard.Validation{MinLength: v.MinLength, MaxLength: v.MaxLength, MinValues: v.MinValues,
		MaxValues: v.MaxValues, IgnoreCase: isSet(v.IgnoreCase), Minimum: v.Minimum, Maximum: v.Maximum,
		ExclusiveMinimum: v.ExclusiveMinimum, ExclusiveMaximum: v.ExclusiveMaximum, MultipleOf: v.MultipleOf}
	if v.Enum != nil {
		out.Enum = &lanyard.Enum{Strict: isSet(v.Enum.Strict), Values: list(v.Enum.Values)}
	}
	return out
}
