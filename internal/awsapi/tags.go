package awsapi

import (
	"context"

	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) tagResource(ctx context.Context, req *request, in *model.TagResourceRequest) (control.Result, error) {
	return s.control.TagResource(ctx, req.Call, *in.ResourceArn, in.Tags)
}

func (s *Server) untagResource(ctx context.Context, req *request, in *model.UntagResourceRequest) (control.Result,
	error) {
	return s.control.UntagResource(ctx, req.Call, *in.ResourceArn, in.TagKeys)
}

func (s *Server) listTagsForResource(ctx context.Context, req *request,
	in *model.ListTagsForResourceRequest) (any, error) {
	tags, err := s.control.ListTagsForResource(ctx, req.Call, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &model.ListTagsForResourceResponse{Tags: fullMap(tags)}, nil
}
