package control

import (
	"context"
	"errors"
	"maps"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxTags is documented: 50 tags on a resource.
const maxTags = 50

// A tagTarget is a taggable resource, which may not exist.
type tagTarget struct {
	in  *lanyard.Instance
	typ lanyard.Type
	id  string
}

// tagged resolves the ARN of a taggable resource to its instance, type and id.
func (s *Service) tagged(ctx context.Context, call Call, arn string) (tagTarget, error) {
	a, err := lanyard.ParseARN(arn)
	if err != nil {
		return tagTarget{}, within("resourceArn", err)
	}
	if a.Type == lanyard.TypeAgentQueue {
		// Amazon Connect's words, which scripts that walk ListQueues look for.
		return tagTarget{}, lanyard.Errorf(lanyard.Untaggable,
			"Invalid input resource arn: resourceArn must be the ARN of a resource with tags, got %s of an agent's own queue",
			lanyard.Quote(arn))
	}
	if a.Type == lanyard.TypePhoneNumber {
		in, n, err := s.PhoneNumber(ctx, call, arn)
		if err != nil {
			return tagTarget{}, lanyard.Errorf(lanyard.NotFound, "resourceArn: phone number %q does not exist", lanyard.Clip(a.ID))
		}
		return tagTarget{in, a.Type, n.ID}, nil
	}
	if a.Type == lanyard.TypeTrafficGroup {
		of, err := s.TrafficGroup(ctx, call, "resourceArn", arn)
		if err != nil {
			return tagTarget{}, err
		}
		return tagTarget{of.Instance, a.Type, of.Group.ID}, nil
	}
	in, err := s.Instance(ctx, call,
		lanyard.ARN{Partition: a.Partition, Region: a.Region, Account: a.Account, Instance: a.Instance}.String())
	if err != nil {
		return tagTarget{}, within("resourceArn", err)
	}
	if !a.Type.Taggable() {
		return tagTarget{}, lanyard.Errorf(lanyard.NotFound, "resourceArn: %s %q does not exist in instance %s", a.Type, a.ID,
			in.ID)
	}
	if a.Type == lanyard.TypeInstance {
		return tagTarget{in, a.Type, in.ID}, nil
	}
	return tagTarget{in, a.Type, a.ID}, nil
}

func (t tagTarget) notFound() error {
	return lanyard.Errorf(lanyard.NotFound, "resourceArn: %s %q does not exist in instance %s", t.typ.Word(), t.id, t.in.ID)
}

func (s *Service) changeTags(ctx context.Context, call Call, arn string,
	change func(tags map[string]string) error) (Result, error) {
	to, err := s.tagged(ctx, call, arn)
	if err != nil {
		return Result{}, err
	}
	if err := call.refuseMirrored(to.in); err != nil {
		return Result{}, err
	}
	var r lanyard.Resource
	result, err := s.write(ctx, call, to.in.ID, func(tx store.Tx) error {
		before, err := tx.Get(ctx, to.typ, to.id)
		if err != nil {
			if errors.Is(err, lanyard.ErrNotFound) {
				return to.notFound()
			}
			return err
		}
		if err := call.checkIfMatch(before); err != nil {
			return err
		}
		r = lanyard.Clone(before)
		m := r.Head()
		if m.Tags == nil {
			m.Tags = map[string]string{}
		}
		if err := change(m.Tags); err != nil {
			return err
		}
		if maps.Equal(m.Tags, before.Head().Tags) {
			return errUnchanged
		}
		return tx.Put(ctx, r) // Modified stays: tags are not part of what it dates
	})
	if err != nil {
		return Result{}, err
	}
	result.ETag = tagOf(r)
	return result, nil
}

// TagResource adds tags to those that a resource has.
func (s *Service) TagResource(ctx context.Context, call Call, arn string, set map[string]string) (Result, error) {
	return s.changeTags(ctx, call, arn, func(tags map[string]string) error {
		maps.Copy(tags, set)
		if len(tags) > maxTags {
			return lanyard.Errorf(lanyard.Invalid, "tags must leave the resource with at most %d tags, got %d", maxTags,
				len(tags))
		}
		return nil
	})
}

// UntagResource removes tags; those that the resource does not have are ignored.
func (s *Service) UntagResource(ctx context.Context, call Call, arn string, keys []string) (Result, error) {
	return s.changeTags(ctx, call, arn, func(tags map[string]string) error {
		for _, k := range keys {
			delete(tags, k)
		}
		return nil
	})
}

// ListTagsForResource returns the tags of a resource, or those that it had when it was deleted:
// tags outlive a resource until its instance is deleted, so that its history stays filtered.
func (s *Service) ListTagsForResource(ctx context.Context, call Call, arn string) (map[string]string, error) {
	to, err := s.tagged(ctx, call, arn)
	if err != nil {
		return nil, err
	}
	tags, _, err := s.store.Reader(to.in.ID).LastTags(ctx, to.typ, to.id)
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, to.notFound()
	}
	return tags, err
}
