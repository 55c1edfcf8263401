package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) createDataTable(ctx context.Context, req *request, in *model.CreateDataTableRequest) (answer, error) {
	created, err := s.control.CreateDataTable(ctx, req.Call, *in.InstanceId, &lanyard.DataTable{
		Meta: lanyard.Meta{Name: *in.Name, Tags: in.Tags}, Description: text(in.Description), TimeZone: *in.TimeZone,
		LockLevel: *in.ValueLockLevel, Status: *in.Status})
	if err != nil {
		return answer{}, err
	}
	t := created.Resource
	return answer{created.Result, &model.CreateDataTableResponse{Id: &t.ID, Arn: s.arn(created.Instance, t),
		LockVersion: tableLock(t)}}, nil
}

// tableLock is absent where it is not known: nobody writes values of a mirror.
func tableLock(t *lanyard.DataTable) *model.DataTableLockVersion {
	if t.Lock == "" {
		return nil
	}
	return &model.DataTableLockVersion{DataTable: &t.Lock}
}

func attributeLock(t *lanyard.DataTable, a *lanyard.DataTableAttribute) *model.DataTableLockVersion {
	if t.Lock == "" || a.Lock == "" {
		return nil
	}
	return &model.DataTableLockVersion{DataTable: &t.Lock, Attribute: &a.Lock}
}

// dataTable is what searches answer, which is all but the lock version.
func (s *Server) dataTable(in *lanyard.Instance, t *lanyard.DataTable) model.DataTable {
	return model.DataTable{Id: &t.ID, Arn: s.arn(in, t), Name: &t.Name, Description: some(t.Description),
		TimeZone: &t.TimeZone, ValueLockLevel: &t.LockLevel, Status: &t.Status, Tags: fullMap(t.Tags),
		CreatedTime: stamp(t.Created), LastModifiedTime: stamp(t.Modified), LastModifiedRegion: &in.Region}
}

func (s *Server) describeDataTable(ctx context.Context, req *request, in *model.DescribeDataTableRequest) (any, error) {
	instance, t, err := s.control.DescribeDataTable(ctx, req.Call, *in.InstanceId, *in.DataTableId)
	if err != nil {
		return nil, err
	}
	out := s.dataTable(instance, t)
	out.LockVersion = tableLock(t)
	return &model.DescribeDataTableResponse{DataTable: &out}, nil
}

func (s *Server) listDataTables(ctx context.Context, req *request, in *model.ListDataTablesRequest) (any, error) {
	l, err := listed[*lanyard.DataTable](ctx, s, req, listing{in.InstanceId, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &model.ListDataTablesResponse{DataTableSummaryList: make([]model.DataTableSummary, len(l.Items)),
		NextToken: l.next}
	for i, t := range l.Items {
		out.DataTableSummaryList[i] = model.DataTableSummary{Id: &t.ID, Arn: s.arn(l.Instance, t), Name: &t.Name,
			LastModifiedTime: stamp(t.Modified), LastModifiedRegion: &l.Instance.Region}
	}
	return out, nil
}

func (s *Server) searchDataTables(ctx context.Context, req *request, in *model.SearchDataTablesRequest) (any, error) {
	f, err := search[*lanyard.DataTable](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, dataTableConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchDataTablesResponse{DataTables: make([]model.DataTable, len(f.Items)), NextToken: f.next,
		ApproximateTotalCount: &f.Total}
	for i, t := range f.Items {
		out.DataTables[i] = s.dataTable(f.Instance, t)
	}
	return out, nil
}

func (s *Server) updateDataTableMetadata(ctx context.Context, req *request,
	in *model.UpdateDataTableMetadataRequest) (answer, error) {
	done, err := s.control.UpdateDataTableMetadata(ctx, req.Call, *in.InstanceId, *in.DataTableId, lanyard.DataTable{
		Meta: lanyard.Meta{Name: *in.Name}, Description: text(in.Description), TimeZone: *in.TimeZone,
		LockLevel: *in.ValueLockLevel})
	if err != nil {
		return answer{}, err
	}
	return answer{done.Result, &model.UpdateDataTableMetadataResponse{LockVersion: tableLock(done.Table)}}, nil
}

func (s *Server) deleteDataTable(ctx context.Context, req *request,
	in *model.DeleteDataTableRequest) (control.Result, error) {
	return s.control.DeleteDataTable(ctx, req.Call, *in.InstanceId, *in.DataTableId)
}

func (s *Server) createDataTableAttribute(ctx context.Context, req *request,
	in *model.CreateDataTableAttributeRequest) (answer, error) {
	made, err := s.control.CreateDataTableAttribute(ctx, req.Call, *in.InstanceId, *in.DataTableId,
		&lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: *in.Name}, Description: text(in.Description),
			ValueType: *in.ValueType, Primary: flag(in.Primary), Validation: validation(in.Validation)})
	if err != nil {
		return answer{}, err
	}
	return answer{made.Result, &model.CreateDataTableAttributeResponse{Name: &made.Attribute.Name,
		AttributeId: &made.Attribute.ID, LockVersion: attributeLock(made.Table, made.Attribute)}}, nil
}

// flag is false where nothing was sent.
func flag(sent *bool) bool { return sent != nil && *sent }

func validation(sent *model.Validation) *lanyard.Validation {
	if sent == nil {
		return nil
	}
	v := &lanyard.Validation{MinLength: sent.MinLength, MaxLength: sent.MaxLength, MinValues: sent.MinValues,
		MaxValues: sent.MaxValues, IgnoreCase: flag(sent.IgnoreCase), Minimum: sent.Minimum, Maximum: sent.Maximum,
		ExclusiveMinimum: sent.ExclusiveMinimum, ExclusiveMaximum: sent.ExclusiveMaximum, MultipleOf: sent.MultipleOf}
	if e := sent.Enum; e != nil && (flag(e.Strict) || len(e.Values) > 0) {
		v.Enum = &lanyard.Enum{Strict: flag(e.Strict), Values: e.Values}
	}
	return v
}

// dataTableAttribute is an attribute as Describe and List answer it.
func (s *Server) dataTableAttribute(in *lanyard.Instance, t *lanyard.DataTable,
	a *lanyard.DataTableAttribute) model.DataTableAttribute {
	out := model.DataTableAttribute{AttributeId: &a.ID, Name: &a.Name, ValueType: &a.ValueType,
		Description: some(a.Description), DataTableId: &t.ID, DataTableArn: s.arn(in, t), Primary: &a.Primary,
		LockVersion: attributeLock(t, a), LastModifiedTime: stamp(a.Modified), LastModifiedRegion: &in.Region}
	v := a.Validation
	if v == nil {
		return out
	}
	out.Validation = &model.Validation{MinLength: v.MinLength, MaxLength: v.MaxLength, MinValues: v.MinValues,
		MaxValues: v.MaxValues, Minimum: v.Minimum, Maximum: v.Maximum, ExclusiveMinimum: v.ExclusiveMinimum,
		ExclusiveMaximum: v.ExclusiveMaximum, MultipleOf: v.MultipleOf, IgnoreCase: &v.IgnoreCase}
	if v.Enum != nil {
		out.Validation.Enum = &model.ValidationEnum{Strict: &v.Enum.Strict, Values: v.Enum.Values}
	}
	return out
}

func (s *Server) describeDataTableAttribute(ctx context.Context, req *request,
	in *model.DescribeDataTableAttributeRequest) (any, error) {
	found, err := s.control.DescribeDataTableAttribute(ctx, req.Call, *in.InstanceId, *in.DataTableId, *in.AttributeName)
	if err != nil {
		return nil, err
	}
	out := s.dataTableAttribute(found.Instance, found.Table, found.Attribute)
	return &model.DescribeDataTableAttributeResponse{Attribute: &out}, nil
}

// listDataTableAttributes does not bind the token of a page to AttributeIds, which the model lets a caller leave out of
// requests for later pages.
func (s *Server) listDataTableAttributes(ctx context.Context, req *request,
	in *model.ListDataTableAttributesRequest) (any, error) {
	page, err := s.page(req, in.MaxResults, in.NextToken, bare(in.InstanceId), bare(in.DataTableId))
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListDataTableAttributes(ctx, req.Call, *in.InstanceId, *in.DataTableId, in.AttributeIds, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListDataTableAttributesResponse{Attributes: make([]model.DataTableAttribute, len(l.Items)),
		NextToken: page.next(l.Next, 0)}
	for i, a := range l.Items {
		out.Attributes[i] = s.dataTableAttribute(l.Instance, l.Of, a)
	}
	return out, nil
}

func (s *Server) updateDataTableAttribute(ctx context.Context, req *request,
	in *model.UpdateDataTableAttributeRequest) (answer, error) {
	made, err := s.control.UpdateDataTableAttribute(ctx, req.Call, *in.InstanceId, *in.DataTableId, *in.AttributeName,
		&lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: *in.Name}, Description: text(in.Description),
			ValueType: *in.ValueType, Primary: flag(in.Primary), Validation: validation(in.Validation)})
	if err != nil {
		return answer{}, err
	}
	return answer{made.Result, &model.UpdateDataTableAttributeResponse{Name: &made.Attribute.Name,
		LockVersion: attributeLock(made.Table, made.Attribute)}}, nil
}

func (s *Server) deleteDataTableAttribute(ctx context.Context, req *request,
	in *model.DeleteDataTableAttributeRequest) (answer, error) {
	done, err := s.control.DeleteDataTableAttribute(ctx, req.Call, *in.InstanceId, *in.DataTableId, *in.AttributeName)
	if err != nil {
		return answer{}, err
	}
	return answer{done.Result, &model.DeleteDataTableAttributeResponse{LockVersion: tableLock(done.Table)}}, nil
}
