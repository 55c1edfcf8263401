package mirror

import (
	"context"
	"fmt"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (r *reader) profiles(ctx context.Context) error {
	times, err := r.profileTimes(ctx)
	if err != nil {
		return err
	}
	var list []lanyard.Resource
	err = readPages(ctx, r, listing[model.SearchSecurityProfilesResponse, model.SecurityProfileSearchSummary]{
		operation: "SearchSecurityProfiles", input: r.in(), most: 100, list: "SecurityProfiles",
		items: func(o *model.SearchSecurityProfilesResponse) ([]model.SecurityProfileSearchSummary, *string) {
			return o.SecurityProfiles, o.NextToken
		},
		total: func(o *model.SearchSecurityProfilesResponse) *int64 { return o.ApproximateTotalCount },
		each: func(s model.SecurityProfileSearchSummary, _ lanyard.Settings) error {
			if err := r.checkID("security profile", s.Id, s.Arn); err != nil {
				return err
			}
			p := &lanyard.Profile{Description: text(s.Description)}
			p.ID, p.Name, p.Tags, p.Modified = *s.Id, text(s.SecurityProfileName), some(s.Tags), times[*s.Id].Modified
			list = append(list, p)
			return nil
		}})
	if err != nil {
		return err
	}
	r.expect(5 * len(list))
	err = forEach(ctx, r, list, func(ctx context.Context, _ int, res lanyard.Resource) error {
		return r.completeProfile(ctx, res.(*lanyard.Profile))
	})
	if err != nil {
		return err
	}
	return r.add(list...)
}

// profileTimes reads when profiles were last changed, if that can save other calls.
func (r *reader) profileTimes(ctx context.Context) (map[string]lanyard.Meta, error) {
	if r.Known == nil {
		return nil, nil
	}
	return changedTimes(ctx, r, listing[model.ListSecurityProfilesResponse, model.SecurityProfileSummary]{
		operation: "ListSecurityProfiles", list: "SecurityProfileSummaryList",
		items: func(o *model.ListSecurityProfilesResponse) ([]model.SecurityProfileSummary, *string) {
			return o.SecurityProfileSummaryList, o.NextToken
		},
	}, func(p model.SecurityProfileSummary) (*string, *model.Timestamp) { return p.Id, p.LastModifiedTime })
}

// completeProfile reads what the search does not answer, unless nothing of it changed since it was read.
func (r *reader) completeProfile(ctx context.Context, p *lanyard.Profile) error {
	if r.Known != nil && !p.Modified.IsZero() {
		if k := r.Known(p.ID); k != nil && k.Modified.Equal(p.Modified) {
			meta, description := p.Meta, p.Description
			*p = *lanyard.Clone(k)
			p.Meta, p.Description = meta, description
			r.expect(-5)
			return nil
		}
	}
	out, err := call[model.DescribeSecurityProfileResponse](ctx, r, "DescribeSecurityProfile",
		r.in("SecurityProfileId", p.ID), nil)
	if err != nil {
		return err
	}
	d := out.SecurityProfile
	if d == nil || text(d.Id) != p.ID {
		return fmt.Errorf("DescribeSecurityProfile: SecurityProfile.Id must be %s, got %s", p.ID,
			lanyard.Quote(idOf(d)))
	}
	if t := text(d.Type); t != "" && t != "CUSTOMER_MANAGED" {
		r.note(notKept, "Type "+lanyard.Quote(t)+" of security profiles")
	}
	p.Name, p.Description, p.Tags = text(d.SecurityProfileName), text(d.Description), some(d.Tags)
	p.AccessTags, p.TagRestricted = some(d.AllowedAccessControlTags), list(d.TagRestrictedResources)
	p.HierarchyRestricted = list(d.HierarchyRestrictedResources)
	p.HierarchyGroup = text(d.AllowedAccessControlHierarchyGroupId)
	p.DataTables = attributeRules(d.GranularAccessControlConfiguration)
	if d.LastModifiedTime != nil {
		p.Modified = stamp(d.LastModifiedTime.Time)
	}
	return r.listsOfProfile(ctx, p)
}

func idOf(p *model.SecurityProfile) string {
	if p == nil {
		return ""
	}
	return text(p.Id)
}

func attributeRules(g *model.GranularAccessControlConfiguration) (rules []lanyard.AttributeRule) {
	if g == nil || g.DataTableAccessControlConfiguration == nil {
		return nil
	}
	if p := g.DataTableAccessControlConfiguration.PrimaryAttributeAccessControlConfiguration; p != nil {
		for _, v := range p.PrimaryAttributeValues {
			rules = append(rules, lanyard.AttributeRule{Access: text(v.AccessType), Attribute: text(v.AttributeName),
				Values: v.Values})
		}
	}
	return rules
}

// listsOfProfile reads the four lists of a profile.
func (r *reader) listsOfProfile(ctx context.Context, p *lanyard.Profile) error {
	in := r.in("SecurityProfileId", p.ID)
	err := readPages(ctx, r, listing[model.ListSecurityProfilePermissionsResponse, string]{
		operation: "ListSecurityProfilePermissions", input: in, most: 1000, list: "Permissions",
		items: func(o *model.ListSecurityProfilePermissionsResponse) ([]string, *string) {
			return o.Permissions, o.NextToken
		},
		each: func(name string, _ lanyard.Settings) error {
			p.Permissions = append(p.Permissions, name)
			return nil
		}})
	if err != nil {
		return err
	}
	p.Permissions = lanyard.SortPermissions(p.Permissions)
	err = readPages(ctx, r, listing[model.ListSecurityProfileApplicationsResponse, model.Application]{
		operation: "ListSecurityProfileApplications", input: in, most: 1000, list: "Applications",
		items: func(o *model.ListSecurityProfileApplicationsResponse) ([]model.Application, *string) {
			return o.Applications, o.NextToken
		},
		each: func(a model.Application, _ lanyard.Settings) error {
			p.Applications = append(p.Applications, lanyard.Application{Namespace: text(a.Namespace),
				Permissions: a.ApplicationPermissions, Type: text(a.Type)})
			return nil
		}})
	if err != nil {
		return err
	}
	err = readPages(ctx, r, listing[model.ListSecurityProfileFlowModulesResponse, model.FlowModule]{
		operation: "ListSecurityProfileFlowModules", input: in, most: 1000, list: "AllowedFlowModules",
		items: func(o *model.ListSecurityProfileFlowModulesResponse) ([]model.FlowModule, *string) {
			return o.AllowedFlowModules, o.NextToken
		},
		each: func(m model.FlowModule, _ lanyard.Settings) error {
			p.FlowModules = append(p.FlowModules, lanyard.FlowModule{Type: text(m.Type), ID: text(m.FlowModuleId)})
			return nil
		}})
	if err != nil {
		return err
	}
	return r.allowedAgents(ctx, in, p)
}

// allowedAgents reads the AI agents that a profile allows. The operation is a new one, which not every API has.
func (r *reader) allowedAgents(ctx context.Context, in members, p *lanyard.Profile) error {
	const operation = "ListSecurityProfileAIAgents"
	if r.isAbsent(operation) {
		r.expect(-1)
		return nil
	}
	err := readPages(ctx, r, listing[model.ListSecurityProfileAIAgentsResponse, model.AIAgent]{
		operation: operation, input: in, most: 1000, list: "AllowedAIAgents",
		items: func(o *model.ListSecurityProfileAIAgentsResponse) ([]model.AIAgent, *string) {
			return o.AllowedAIAgents, o.NextToken
		},
		each: func(a model.AIAgent, _ lanyard.Settings) error {
			p.AIAgents = append(p.AIAgents, lanyard.AllowedAIAgent{ARN: text(a.Arn), Type: text(a.Type)})
			return nil
		}})
	if lacks(err) {
		r.setAbsent(operation)
		r.note(notOffered, "AI agents that security profiles allow ("+operation+")")
		return nil
	}
	return err
}

func (r *reader) isAbsent(operation string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.absent[operation]
}

func (r *reader) setAbsent(operation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.absent[operation] = true
}

// agents asks what the AI agents that are named hold.
func (r *reader) agents(ctx context.Context) error {
	arns := slices.Compact(slices.Sorted(slices.Values(r.AIAgents)))
	r.expect(len(arns))
	held := make([]lanyard.Resource, len(arns))
	err := forEach(ctx, r, arns, func(ctx context.Context, i int, arn string) error {
		a := &lanyard.AIAgent{Meta: lanyard.Meta{ID: arn, Name: arn}}
		err := readPages(ctx, r, listing[model.ListEntitySecurityProfilesResponse, model.SecurityProfileItem]{
			operation: "ListEntitySecurityProfiles", input: r.in("EntityType", "AI_AGENT", "EntityArn", arn), most: 100,
			list: "SecurityProfiles",
			items: func(o *model.ListEntitySecurityProfilesResponse) ([]model.SecurityProfileItem, *string) {
				return o.SecurityProfiles, o.NextToken
			},
			each: func(p model.SecurityProfileItem, _ lanyard.Settings) error {
				a.Profiles = append(a.Profiles, text(p.Id))
				return nil
			}})
		if missing(err) {
			r.note(dangling, "AI agent "+lanyard.Quote(arn))
			return nil
		}
		held[i] = a
		return err
	})
	if err != nil {
		return err
	}
	held = slices.DeleteFunc(held, func(a lanyard.Resource) bool {
		return a == nil || len(a.(*lanyard.AIAgent).Profiles) == 0
	})
	return r.add(held...)
}
