package mirror

import (
	"context"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (r *reader) findAlias(ctx context.Context, alias string) (id string, err error) {
	known := 0
	err = readPages(ctx, r, listing[model.ListInstancesResponse, model.InstanceSummary]{
		operation: "ListInstances", input: members{}, most: 10, list: "InstanceSummaryList",
		items: func(o *model.ListInstancesResponse) ([]model.InstanceSummary, *string) {
			return o.InstanceSummaryList, o.NextToken
		},
		each: func(i model.InstanceSummary, _ lanyard.Settings) error {
			if known++; text(i.InstanceAlias) == alias {
				id = text(i.Id)
			}
			return nil
		}})
	if err == nil && id == "" {
		return "", lanyard.Errorf(lanyard.NotFound, "instance %s does not exist. Instances of the account in this region: %d; "+
			"check the region and the credentials", lanyard.Quote(alias), known)
	}
	if err == nil && !lanyard.IsID(id) { // files are named by it
		return "", fmt.Errorf("ListInstances: Id of instance %s must be a UUID, got %s", lanyard.Quote(alias), lanyard.Quote(id))
	}
	return id, err
}

func (r *reader) describeInstance(ctx context.Context) (*lanyard.Instance, error) {
	out, err := call[model.DescribeInstanceResponse](ctx, r, "DescribeInstance", r.in(), nil)
	if err != nil {
		return nil, err
	}
	i := out.Instance
	if i == nil || i.Arn == nil {
		return nil, fmt.Errorf("DescribeInstance: Instance.Arn is required")
	}
	arn, err := lanyard.ParseARN(*i.Arn)
	if err != nil {
		return nil, fmt.Errorf("DescribeInstance: Instance.Arn %w", err)
	}
	if arn.Instance != r.instance || text(i.Id) != r.instance || arn.Type != lanyard.TypeInstance {
		return nil, fmt.Errorf("DescribeInstance: Instance.Arn must be that of instance %s, got %s", r.instance,
			lanyard.Quote(*i.Arn))
	}
	in := &lanyard.Instance{Account: arn.Account, Region: arn.Region, IdentityManagement: text(i.IdentityManagementType),
		Attributes: map[string]string{}}
	in.ID, in.Name, in.Tags = r.instance, text(i.InstanceAlias), some(i.Tags)
	if i.CreatedTime != nil {
		in.Created = stamp(i.CreatedTime.Time)
		in.Modified = in.Created
	}
	return in, nil
}

// attributes reads the attributes of an instance.
func (r *reader) attributes(ctx context.Context, in *lanyard.Instance) error {
	in.Attributes = map[string]string{}
	return readPages(ctx, r, listing[model.ListInstanceAttributesResponse, model.Attribute]{
		operation: "ListInstanceAttributes", input: r.in(), most: 7, list: "Attributes",
		items: func(o *model.ListInstanceAttributesResponse) ([]model.Attribute, *string) {
			return o.Attributes, o.NextToken
		},
		each: func(a model.Attribute, _ lanyard.Settings) error {
			name := text(a.AttributeType)
			if _, twice := in.Attributes[name]; name == "" || twice {
				return fmt.Errorf("AttributeType must be listed once, got %s", lanyard.Quote(name))
			}
			in.Attributes[name] = text(a.Value)
			return nil
		}})
}
