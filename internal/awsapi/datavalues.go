package awsapi

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// primaryValues are the primary values that were sent.
func primaryValues(sent []model.PrimaryValue) []control.PrimaryValue {
	values := make([]control.PrimaryValue, len(sent))
	for i, p := range sent {
		values[i] = control.PrimaryValue{Attribute: *p.AttributeName, Value: *p.Value}
	}
	return values
}

// echoed are primary values as they were sent.
func echoed(values []control.PrimaryValue) []model.PrimaryValue {
	out := make([]model.PrimaryValue, len(values))
	for i := range values {
		out[i] = model.PrimaryValue{AttributeName: &values[i].Attribute, Value: &values[i].Value}
	}
	return out
}

// valueLocks are the lock versions that were sent.
func valueLocks(sent *model.DataTableLockVersion) control.ValueLocks {
	if sent == nil {
		return control.ValueLocks{}
	}
	return control.ValueLocks{Table: text(sent.DataTable), Attribute: text(sent.Attribute), Row: text(sent.PrimaryValues),
		Value: text(sent.Value)}
}

func lockVersion(l control.ValueLocks) *model.DataTableLockVersion {
	return &model.DataTableLockVersion{DataTable: some(l.Table), Attribute: some(l.Attribute), PrimaryValues: some(l.Row),
		Value: some(l.Value)}
}

// valueBatch are the items of a batch that writes values.
func valueBatch(instance, table *string, sent []model.DataTableValue) control.ValueBatch {
	b := control.ValueBatch{Instance: *instance, Table: *table, Changes: make([]control.ValueChange, len(sent))}
	for i, v := range sent {
		b.Changes[i] = control.ValueChange{Value: *v.Value, Locks: valueLocks(v.LockVersion),
			ValueID: control.ValueID{Primary: primaryValues(v.PrimaryValues), Attribute: *v.AttributeName}}
	}
	return b
}

func (s *Server) batchCreateDataTableValue(ctx context.Context, req *request,
	in *model.BatchCreateDataTableValueRequest) (answer, error) {
	done, err := s.control.BatchCreateDataTableValue(ctx, req.Call, valueBatch(in.InstanceId, in.DataTableId, in.Values))
	if err != nil {
		return answer{}, err
	}
	out := &model.BatchCreateDataTableValueResponse{Successful: []model.BatchCreateDataTableValueSuccessResult{},
		Failed: []model.BatchCreateDataTableValueFailureResult{}}
	for _, o := range done.Outcomes {
		primary := echoed(o.Primary)
		if o.Failure != "" {
			out.Failed = append(out.Failed, model.BatchCreateDataTableValueFailureResult{PrimaryValues: primary,
				AttributeName: &o.ValueID.Attribute, Message: &o.Failure})
			continue
		}
		out.Successful = append(out.Successful, model.BatchCreateDataTableValueSuccessResult{PrimaryValues: primary,
			AttributeName: &o.TableValue.Attribute.Name, RecordId: &o.Row.ID, LockVersion: lockVersion(o.Locks)})
	}
	return answer{done.Result, out}, nil
}

func (s *Server) batchUpdateDataTableValue(ctx context.Context, req *request,
	in *model.BatchUpdateDataTableValueRequest) (answer, error) {
	done, err := s.control.BatchUpdateDataTableValue(ctx, req.Call, valueBatch(in.InstanceId, in.DataTableId, in.Values))
	if err != nil {
		return answer{}, err
	}
	out := &model.BatchUpdateDataTableValueResponse{Successful: []model.BatchUpdateDataTableValueSuccessResult{},
		Failed: []model.BatchUpdateDataTableValueFailureResult{}}
	for _, o := range done.Outcomes {
		primary := echoed(o.Primary)
		if o.Failure != "" {
			out.Failed = append(out.Failed, model.BatchUpdateDataTableValueFailureResult{PrimaryValues: primary,
				AttributeName: &o.ValueID.Attribute, Message: &o.Failure})
			continue
		}
		out.Successful = append(out.Successful, model.BatchUpdateDataTableValueSuccessResult{PrimaryValues: primary,
			AttributeName: &o.TableValue.Attribute.Name, LockVersion: lockVersion(o.Locks)})
	}
	return answer{done.Result, out}, nil
}

func (s *Server) batchDeleteDataTableValue(ctx context.Context, req *request,
	in *model.BatchDeleteDataTableValueRequest) (answer, error) {
	b := control.ValueBatch{Instance: *in.InstanceId, Table: *in.DataTableId,
		Changes: make([]control.ValueChange, len(in.Values))}
	for i, v := range in.Values {
		b.Changes[i] = control.ValueChange{Locks: valueLocks(v.LockVersion),
			ValueID: control.ValueID{Primary: primaryValues(v.PrimaryValues), Attribute: *v.AttributeName}}
	}
	done, err := s.control.BatchDeleteDataTableValue(ctx, req.Call, b)
	if err != nil {
		return answer{}, err
	}
	out := &model.BatchDeleteDataTableValueResponse{Successful: []model.BatchDeleteDataTableValueSuccessResult{},
		Failed: []model.BatchDeleteDataTableValueFailureResult{}}
	for _, o := range done.Outcomes {
		primary := echoed(o.Primary)
		if o.Failure != "" {
			out.Failed = append(out.Failed, model.BatchDeleteDataTableValueFailureResult{PrimaryValues: primary,
				AttributeName: &o.ValueID.Attribute, Message: &o.Failure})
			continue
		}
		out.Successful = append(out.Successful, model.BatchDeleteDataTableValueSuccessResult{PrimaryValues: primary,
			AttributeName: &o.TableValue.Attribute.Name, LockVersion: lockVersion(o.Locks)})
	}
	return answer{done.Result, out}, nil
}

func (s *Server) batchDescribeDataTableValue(ctx context.Context, req *request,
	in *model.BatchDescribeDataTableValueRequest) (any, error) {
	ids := make([]control.ValueID, len(in.Values))
	for i, v := range in.Values {
		ids[i] = control.ValueID{Primary: primaryValues(v.PrimaryValues), Attribute: *v.AttributeName}
	}
	table, outcomes, err := s.control.BatchDescribeDataTableValue(ctx, req.Call, *in.InstanceId, *in.DataTableId, ids)
	if err != nil {
		return nil, err
	}
	out := &model.BatchDescribeDataTableValueResponse{Successful: []model.BatchDescribeDataTableValueSuccessResult{},
		Failed: []model.BatchDescribeDataTableValueFailureResult{}}
	for _, o := range outcomes {
		if o.Failure != "" {
			out.Failed = append(out.Failed, model.BatchDescribeDataTableValueFailureResult{PrimaryValues: echoed(o.Primary),
				AttributeName: &o.ValueID.Attribute, Message: &o.Failure})
			continue
		}
		a := o.TableValue.Attribute
		out.Successful = append(out.Successful, model.BatchDescribeDataTableValueSuccessResult{RecordId: &o.Row.ID,
			AttributeId: &a.ID, PrimaryValues: rowPrimary(table, o.Row), AttributeName: &a.Name, Value: &o.Cell.Value,
			LockVersion: lockVersion(o.Locks), LastModifiedTime: stamp(o.Cell.Modified),
			LastModifiedRegion: &table.Instance.Region})
	}
	return out, nil
}

// rowPrimary are the primary values of a row.
func rowPrimary(table *control.TableRows, row *lanyard.DataTableRow) []model.PrimaryValueResponse {
	out := []model.PrimaryValueResponse{}
	for _, p := range table.PrimaryOf(row) {
		out = append(out, model.PrimaryValueResponse{AttributeName: &p.Attribute.Name, AttributeId: &p.Attribute.ID,
			Value: &p.Value})
	}
	return out
}

// rowFilters reads filters, and returns what a page token is bound to because of them.
func rowFilters(sent []model.PrimaryAttributeValueFilter, ids []string) (filters []control.RowFilter, scope []string) {
	for _, f := range sent {
		filters = append(filters, control.RowFilter{Attribute: *f.AttributeName, Values: f.Values})
		scope = append(scope, "attribute", *f.AttributeName, strings.Join(f.Values, "\x00"))
	}
	if len(ids) > 0 {
		scope = append(scope, "ids", strings.Join(slices.Sorted(slices.Values(ids)), "\x00"))
	}
	return filters, scope
}

func (s *Server) listDataTablePrimaryValues(ctx context.Context, req *request,
	in *model.ListDataTablePrimaryValuesRequest) (any, error) {
	filters, scope := rowFilters(in.PrimaryAttributeValues, in.RecordIds)
	page, err := s.page(req, in.MaxResults, in.NextToken, append([]string{bare(in.InstanceId), bare(in.DataTableId)},
		scope...)...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListDataTablePrimaryValues(ctx, req.Call, control.RowQuery{Instance: *in.InstanceId,
		Table: *in.DataTableId, IDs: in.RecordIds, Filters: filters, Page: page.Page})
	if err != nil {
		return nil, err
	}
	out := &model.ListDataTablePrimaryValuesResponse{NextToken: page.next(l.Next, 0),
		PrimaryValuesList: make([]model.RecordPrimaryValue, len(l.Rows))}
	for i, row := range l.Rows {
		out.PrimaryValuesList[i] = model.RecordPrimaryValue{RecordId: &row.ID, PrimaryValues: rowPrimary(l, row),
			LastModifiedTime: stamp(row.Modified), LastModifiedRegion: &l.Instance.Region}
	}
	return out, nil
}

func (s *Server) listDataTableValues(ctx context.Context, req *request,
	in *model.ListDataTableValuesRequest) (any, error) {
	filters, scope := rowFilters(in.PrimaryAttributeValues, in.RecordIds)
	page, err := s.page(req, in.MaxResults, in.NextToken, append([]string{bare(in.InstanceId), bare(in.DataTableId)},
		scope...)...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListDataTableValues(ctx, req.Call, control.RowQuery{Instance: *in.InstanceId,
		Table: *in.DataTableId, IDs: in.RecordIds, Filters: filters, Page: page.Page})
	if err != nil {
		return nil, err
	}
	out := &model.ListDataTableValuesResponse{NextToken: page.next(l.Next, 0),
		Values: make([]model.DataTableValueSummary, len(l.Values))}
	for i, v := range l.Values {
		out.Values[i] = model.DataTableValueSummary{RecordId: &v.Row.ID, AttributeId: &v.Attribute.ID,
			PrimaryValues: rowPrimary(l, v.Row), AttributeName: &v.Attribute.Name, ValueType: &v.Attribute.ValueType,
			Value: &v.Cell.Value, LockVersion: lockVersion(v.Locks), LastModifiedTime: stamp(v.Cell.Modified),
			LastModifiedRegion: &l.Instance.Region}
	}
	return out, nil
}

func (s *Server) updateDataTablePrimaryValues(ctx context.Context, req *request,
	in *model.UpdateDataTablePrimaryValuesRequest) (answer, error) {
	made, result, err := s.control.UpdateDataTablePrimaryValues(ctx, req.Call, control.PrimaryChange{
		Instance: *in.InstanceId, Table: *in.DataTableId, Old: primaryValues(in.PrimaryValues),
		New: primaryValues(in.NewPrimaryValues), Locks: valueLocks(in.LockVersion)})
	if err != nil {
		return answer{}, err
	}
	return answer{result, &model.UpdateDataTablePrimaryValuesResponse{LockVersion: lockVersion(made.Locks)}}, nil
}

// noRecord stands for the row of a value that is in none. The model requires an id.
const noRecord = "NONE"

func (s *Server) evaluateDataTableValues(ctx context.Context, req *request,
	in *model.EvaluateDataTableValuesRequest) (any, error) {
	asked := make([]control.Evaluation, len(in.Values))
	scope := []string{bare(in.InstanceId), bare(in.DataTableId)}
	for i, v := range in.Values {
		asked[i] = control.Evaluation{Primary: primaryValues(v.PrimaryValues), Attributes: v.AttributeNames}
		for _, p := range asked[i].Primary {
			scope = append(scope, p.Attribute, p.Value)
		}
		scope = append(scope, "names", strings.Join(v.AttributeNames, "\x00"))
	}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.EvaluateDataTableValues(ctx, req.Call, control.EvaluationQuery{Instance: *in.InstanceId,
		Table: *in.DataTableId, TimeZone: text(in.TimeZone), Asked: asked, Page: page.Page})
	if err != nil {
		return nil, err
	}
	out := &model.EvaluateDataTableValuesResponse{NextToken: page.next(l.Next, 0),
		Values: make([]model.DataTableEvaluatedValue, len(l.Items))}
	for i, e := range l.Items {
		row := e.Row
		if row == "" {
			row = noRecord
		}
		out.Values[i] = model.DataTableEvaluatedValue{RecordId: &row, PrimaryValues: echoed(e.Primary),
			AttributeName: &e.Attribute.Name, ValueType: &e.Attribute.ValueType, Found: ptr(e.Found), Error: ptr(e.Failed),
			EvaluatedValue: ptr(e.Value)}
	}
	return out, nil
}
