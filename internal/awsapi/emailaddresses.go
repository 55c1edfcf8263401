package awsapi

import (
	"context"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) emailAddressHandlers() map[string]handler {
	iso := func(t time.Time) *string { return ptr(t.UTC().Format("2006-01-02T15:04:05.000Z")) }
	d := documentType[*lanyard.EmailAddress]{Server: s, noun: "EmailAddress", named: "EmailAddress",
		fixed: []string{"ClientToken"}, clears: []string{"Description", "DisplayName"},
		empty: func() *lanyard.EmailAddress { return new(lanyard.EmailAddress) },
		show: func(_ *lanyard.Instance, r *lanyard.EmailAddress) (map[string]any, error) {
			return map[string]any{"CreateTimestamp": iso(r.Created), "ModifiedTimestamp": iso(r.Modified)}, nil
		}}
	return map[string]handler{
		"CreateEmailAddress":              createsDocument[model.CreateEmailAddressResponse](d),
		"DescribeEmailAddress":            describesDocument[model.DescribeEmailAddressResponse](d),
		"SearchEmailAddresses":            searchesDocuments[model.SearchEmailAddressesResponse](d),
		"UpdateEmailAddressMetadata":      updatesTo[model.UpdateEmailAddressMetadataResponse](d),
		"DeleteEmailAddress":              changesEmpty(s.deleteEmailAddress),
		"AssociateEmailAddressAlias":      changesEmpty(s.associateEmailAddressAlias),
		"DisassociateEmailAddressAlias":   changesEmpty(s.disassociateEmailAddressAlias),
		"AssociateQueueEmailAddresses":    changes(s.associateQueueEmailAddresses),
		"DisassociateQueueEmailAddresses": changes(s.disassociateQueueEmailAddresses),
		"ListQueueEmailAddresses":         reads(s.listQueueEmailAddresses),
	}
}

func (s *Server) deleteEmailAddress(ctx context.Context, req *request,
	in *model.DeleteEmailAddressRequest) (control.Result, error) {
	return s.control.DeleteEmailAddress(ctx, req.Call, *in.InstanceId, *in.EmailAddressId)
}

func (s *Server) associateEmailAddressAlias(ctx context.Context, req *request,
	in *model.AssociateEmailAddressAliasRequest) (control.Result, error) {
	return s.control.AssociateEmailAddressAlias(ctx, req.Call, *in.InstanceId, *in.EmailAddressId,
		*in.AliasConfiguration.EmailAddressId)
}

func (s *Server) disassociateEmailAddressAlias(ctx context.Context, req *request,
	in *model.DisassociateEmailAddressAliasRequest) (control.Result, error) {
	return s.control.DisassociateEmailAddressAlias(ctx, req.Call, *in.InstanceId, *in.EmailAddressId,
		*in.AliasConfiguration.EmailAddressId)
}

// addressIDs are the addresses of a list of configurations.
func addressIDs(list []model.EmailAddressConfig) (ids []string) {
	for _, c := range list {
		ids = append(ids, text(c.EmailAddressId))
	}
	return ids
}

func (s *Server) associateQueueEmailAddresses(ctx context.Context, req *request,
	in *model.AssociateQueueEmailAddressesRequest) (control.Result, error) {
	return s.control.AssociateQueueEmailAddresses(ctx, req.Call, *in.InstanceId, *in.QueueId,
		addressIDs(in.EmailAddressesConfig))
}

func (s *Server) disassociateQueueEmailAddresses(ctx context.Context, req *request,
	in *model.DisassociateQueueEmailAddressesRequest) (control.Result, error) {
	return s.control.DisassociateQueueEmailAddresses(ctx, req.Call, *in.InstanceId, *in.QueueId, in.EmailAddressesId)
}

func (s *Server) listQueueEmailAddresses(ctx context.Context, req *request,
	in *model.ListQueueEmailAddressesRequest) (any, error) {
	page, err := s.page(req, in.MaxResults, in.NextToken, bare(in.InstanceId), bare(in.QueueId))
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListQueueEmailAddresses(ctx, req.Call, *in.InstanceId, *in.QueueId, page.Page)
	if err != nil {
		return nil, err
	}
	list := make([]model.EmailAddressSummary, len(l.Items))
	for i, a := range l.Items {
		list[i] = model.EmailAddressSummary{Id: &a.ID, IsDefaultOutboundEmail: &a.Default,
			Arn: ptr(s.control.ARN(l.Instance, lanyard.TypeEmailAddress, a.ID))}
	}
	return &model.ListQueueEmailAddressesResponse{EmailAddressMetadataList: list, NextToken: page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}, nil
}
