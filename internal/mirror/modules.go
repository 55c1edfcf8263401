package mirror

import (
	"context"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// modules reads flow modules with their versions and aliases.
func (r *reader) modules(ctx context.Context) error {
	var bare []*lanyard.Module // whose content the search does not have
	err := readPages(ctx, r, listing[model.SearchContactFlowModulesResponse, model.ContactFlowModule]{
		operation: "SearchContactFlowModules", input: r.in(), most: 100, list: "ContactFlowModules", keeps: true,
		items: func(o *model.SearchContactFlowModulesResponse) ([]model.ContactFlowModule, *string) {
			return o.ContactFlowModules, o.NextToken
		},
		total: func(o *model.SearchContactFlowModulesResponse) *int64 { return o.ApproximateTotalCount },
		each: func(m model.ContactFlowModule, extra lanyard.Settings) error {
			if err := r.checkID("flow module", m.Id, m.Arn); err != nil {
				return err
			}
			out := &lanyard.Module{Description: text(m.Description), Archived: text(m.State) == "ARCHIVED",
				Settings: withExtra(extra)}
			out.ID, out.Name, out.Tags = *m.Id, text(m.Name), some(m.Tags)
			if m.Content == nil {
				bare = append(bare, out)
			}
			return first(setContent(out, &m), r.add(out))
		}})
	if err != nil {
		return err
	}
	r.expect(len(bare))
	err = forEach(ctx, r, bare, func(ctx context.Context, _ int, m *lanyard.Module) error {
		d, err := r.describeModule(ctx, m.ID)
		if err != nil {
			return err
		}
		return setContent(m, d)
	})
	if err != nil {
		return err
	}
	modules := of[*lanyard.Module](r)
	r.expect(2 * len(modules))
	return forEach(ctx, r, modules, func(ctx context.Context, _ int, m *lanyard.Module) error {
		if err := r.versionsOf(ctx, m); err != nil {
			return err
		}
		if err := r.aliasesOf(ctx, m); err != nil || !r.Complete {
			return err
		}
		return r.draftOf(ctx, m)
	})
}

func setContent(m *lanyard.Module, from *model.ContactFlowModule) error {
	m.Content = text(from.Content)
	if e := from.ExternalInvocationConfiguration; e != nil && e.Enabled != nil {
		m.ExternalInvocation = *e.Enabled
	}
	return keep(m.Settings, "Settings", from.Settings)
}

// describeModule reads a flow module as a qualifier shows it.
func (r *reader) describeModule(ctx context.Context, ref string) (*model.ContactFlowModule, error) {
	out, err := call[model.DescribeContactFlowModuleResponse](ctx, r, "DescribeContactFlowModule",
		r.in("ContactFlowModuleId", ref), nil)
	if err != nil {
		return nil, err
	}
	if out.ContactFlowModule == nil {
		return nil, fmt.Errorf("DescribeContactFlowModule: ContactFlowModule is required")
	}
	return out.ContactFlowModule, nil
}

func (r *reader) versionsOf(ctx context.Context, m *lanyard.Module) error {
	return readPages(ctx, r, listing[model.ListContactFlowModuleVersionsResponse, model.ContactFlowModuleVersionSummary]{
		operation: "ListContactFlowModuleVersions", input: r.in("ContactFlowModuleId", m.ID), most: 1000,
		list: "ContactFlowModuleVersionSummaryList",
		items: func(o *model.ListContactFlowModuleVersionsResponse) ([]model.ContactFlowModuleVersionSummary, *string) {
			return o.ContactFlowModuleVersionSummaryList, o.NextToken
		},
		each: func(s model.ContactFlowModuleVersionSummary, _ lanyard.Settings) error {
			if s.Version == nil || *s.Version < 1 {
				return fmt.Errorf("the Version of flow module %s must be 1 or more", m.ID)
			}
			m.LastVersion = max(m.LastVersion, *s.Version)
			id := lanyard.ModuleVersionID(m.ID, *s.Version)
			v := &lanyard.ModuleVersion{Meta: lanyard.Meta{ID: id, Name: id}, Module: m.ID, Number: *s.Version,
				Description: text(s.VersionDescription), Settings: lanyard.Settings{}}
			if r.Complete {
				r.expect(1)
				d, err := r.describeModule(ctx, id)
				if err != nil {
					return err
				}
				c := &lanyard.Module{Settings: v.Settings}
				if err := setContent(c, d); err != nil {
					return err
				}
				v.Content, v.ExternalInvocation = c.Content, c.ExternalInvocation
			}
			return r.add(v)
		}})
}

func (r *reader) aliasesOf(ctx context.Context, m *lanyard.Module) error {
	return readPages(ctx, r, listing[model.ListContactFlowModuleAliasesResponse, model.ContactFlowModuleAliasSummary]{
		operation: "ListContactFlowModuleAliases", input: r.in("ContactFlowModuleId", m.ID), most: 1000,
		list: "ContactFlowModuleAliasSummaryList",
		items: func(o *model.ListContactFlowModuleAliasesResponse) ([]model.ContactFlowModuleAliasSummary, *string) {
			return o.ContactFlowModuleAliasSummaryList, o.NextToken
		},
		each: func(a model.ContactFlowModuleAliasSummary, _ lanyard.Settings) error {
			if err := r.checkID("flow module alias", a.AliasId, nil); err != nil {
				return err
			}
			if a.Version == nil {
				return fmt.Errorf("the Version of alias %s is required", lanyard.Quote(*a.AliasId))
			}
			out := &lanyard.ModuleAlias{Meta: when(a.LastModifiedTime), Module: m.ID, Version: *a.Version,
				Description: text(a.AliasDescription)}
			out.ID, out.Name = *a.AliasId, text(a.AliasName)
			return r.add(out)
		}})
}

// draftOf reads what is saved of a flow module and not published.
func (r *reader) draftOf(ctx context.Context, m *lanyard.Module) error {
	r.expect(1)
	d, err := r.describeModule(ctx, m.ID+":$SAVED")
	if err != nil || text(d.Status) != "SAVED" {
		return err
	}
	m.Draft = &lanyard.Draft{Content: text(d.Content), Settings: lanyard.Settings{}}
	return keep(m.Draft.Settings, "Settings", d.Settings)
}
