package mirror

import (
	"context"
	"fmt"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (r *reader) queues(ctx context.Context) error {
	err := readPages(ctx, r, listing[model.SearchQueuesResponse, model.Queue]{
		operation: "SearchQueues", input: r.in(), most: 500, list: "Queues", keeps: true,
		items: func(o *model.SearchQueuesResponse) ([]model.Queue, *string) { return o.Queues, o.NextToken },
		total: func(o *model.SearchQueuesResponse) *int64 { return o.ApproximateTotalCount },
		each: func(q model.Queue, extra lanyard.Settings) error {
			if err := r.checkID("queue", q.QueueId, q.QueueArn); err != nil {
				return err
			}
			out := &lanyard.Queue{Meta: when(q.LastModifiedTime), Description: text(q.Description),
				Hours: text(q.HoursOfOperationId), MaxContacts: q.MaxContacts, Disabled: text(q.Status) == "DISABLED",
				Settings: withExtra(extra)}
			out.ID, out.Name, out.Tags = *q.QueueId, text(q.Name), some(q.Tags)
			return first(keep(out.Settings, "OutboundCallerConfig", q.OutboundCallerConfig),
				keep(out.Settings, "OutboundEmailConfig", q.OutboundEmailConfig), r.add(out))
		}})
	if err != nil {
		return err
	}
	queues := of[*lanyard.Queue](r)
	r.expect(len(queues))
	return forEach(ctx, r, queues, func(ctx context.Context, _ int, q *lanyard.Queue) error {
		return readPages(ctx, r, listing[model.ListQueueQuickConnectsResponse, model.QuickConnectSummary]{
			operation: "ListQueueQuickConnects", input: r.in("QueueId", q.ID), most: 100, list: "QuickConnectSummaryList",
			items: func(o *model.ListQueueQuickConnectsResponse) ([]model.QuickConnectSummary, *string) {
				return o.QuickConnectSummaryList, o.NextToken
			},
			each: func(s model.QuickConnectSummary, _ lanyard.Settings) error {
				q.QuickConnects = append(q.QuickConnects, text(s.Id))
				return r.checkID("quick connect", s.Id, s.Arn)
			}})
	})
}

func (r *reader) routingProfiles(ctx context.Context) error {
	type lists struct {
		profile        *lanyard.RoutingProfile
		queues, manual bool
	}
	var all []lists
	err := readPages(ctx, r, listing[model.SearchRoutingProfilesResponse, model.RoutingProfile]{
		operation: "SearchRoutingProfiles", input: r.in(), most: 500, list: "RoutingProfiles", keeps: true,
		items: func(o *model.SearchRoutingProfilesResponse) ([]model.RoutingProfile, *string) {
			return o.RoutingProfiles, o.NextToken
		},
		total: func(o *model.SearchRoutingProfilesResponse) *int64 { return o.ApproximateTotalCount },
		each: func(p model.RoutingProfile, extra lanyard.Settings) error {
			if err := r.checkID("routing profile", p.RoutingProfileId, p.RoutingProfileArn); err != nil {
				return err
			}
			out := &lanyard.RoutingProfile{Meta: when(p.LastModifiedTime), Description: text(p.Description),
				DefaultQueue: text(p.DefaultOutboundQueueId), IsDefault: p.IsDefault != nil && *p.IsDefault,
				Settings: withExtra(extra)}
			out.ID, out.Name, out.Tags = *p.RoutingProfileId, text(p.Name), some(p.Tags)
			all = append(all, lists{out, hasAny(p.AssociatedQueueIds, p.NumberOfAssociatedQueues),
				hasAny(p.AssociatedManualAssignmentQueueIds, p.NumberOfAssociatedManualAssignmentQueues)})
			return first(keepList(out.Settings, "MediaConcurrencies", p.MediaConcurrencies),
				keep(out.Settings, "AgentAvailabilityTimer", p.AgentAvailabilityTimer), r.add(out))
		}})
	if err != nil {
		return err
	}
	return forEach(ctx, r, all, func(ctx context.Context, _ int, l lists) error {
		if l.queues {
			r.expect(1)
			if err := r.queuesOf(ctx, l.profile); err != nil {
				return err
			}
		}
		if !l.manual {
			return nil
		}
		r.expect(1)
		return r.manualQueuesOf(ctx, l.profile)
	})
}

// hasAny reports whether a list that is answered by ids or by their number may have items. One that is answered by
// neither may.
func hasAny(ids []string, number *int64) bool {
	return len(ids) > 0 || number != nil && *number != 0 || ids == nil && number == nil
}

func (r *reader) queuesOf(ctx context.Context, p *lanyard.RoutingProfile) error {
	return readPages(ctx, r, listing[model.ListRoutingProfileQueuesResponse, model.RoutingProfileQueueConfigSummary]{
		operation: "ListRoutingProfileQueues", input: r.in("RoutingProfileId", p.ID), most: 100,
		list: "RoutingProfileQueueConfigSummaryList",
		items: func(o *model.ListRoutingProfileQueuesResponse) ([]model.RoutingProfileQueueConfigSummary, *string) {
			return o.RoutingProfileQueueConfigSummaryList, o.NextToken
		},
		each: func(q model.RoutingProfileQueueConfigSummary, _ lanyard.Settings) error {
			if err := r.checkID("queue", q.QueueId, q.QueueArn); err != nil {
				return err
			}
			p.Queues = append(p.Queues, lanyard.QueueConfig{Queue: *q.QueueId, Channel: text(q.Channel),
				Priority: number(q.Priority), Delay: number(q.Delay)})
			return nil
		}})
}

func (r *reader) manualQueuesOf(ctx context.Context, p *lanyard.RoutingProfile) error {
	type (
		output = model.ListRoutingProfileManualAssignmentQueuesResponse
		item   = model.RoutingProfileManualAssignmentQueueConfigSummary
	)
	return readPages(ctx, r, listing[output, item]{
		operation: "ListRoutingProfileManualAssignmentQueues", input: r.in("RoutingProfileId", p.ID), most: 100,
		list: "RoutingProfileManualAssignmentQueueConfigSummaryList",
		items: func(o *output) ([]item, *string) {
			return o.RoutingProfileManualAssignmentQueueConfigSummaryList, o.NextToken
		},
		each: func(q item, _ lanyard.Settings) error {
			if err := r.checkID("queue", q.QueueId, q.QueueArn); err != nil {
				return err
			}
			p.ManualQueues = append(p.ManualQueues, lanyard.QueueConfig{Queue: *q.QueueId, Channel: text(q.Channel)})
			return nil
		}})
}

func number(p *int32) int32 {
	if p == nil {
		return 0
	}
	return *p
}

func (r *reader) hours(ctx context.Context) error {
	return readPages(ctx, r, listing[model.SearchHoursOfOperationsResponse, model.HoursOfOperation]{
		operation: "SearchHoursOfOperations", input: r.in(), most: 100, list: "HoursOfOperations", keeps: true,
		items: func(o *model.SearchHoursOfOperationsResponse) ([]model.HoursOfOperation, *string) {
			return o.HoursOfOperations, o.NextToken
		},
		total: func(o *model.SearchHoursOfOperationsResponse) *int64 { return o.ApproximateTotalCount },
		each: func(h model.HoursOfOperation, extra lanyard.Settings) error {
			if err := r.checkID("hours of operation", h.HoursOfOperationId, h.HoursOfOperationArn); err != nil {
				return err
			}
			out := &lanyard.Hours{Meta: when(h.LastModifiedTime), Description: text(h.Description),
				TimeZone: text(h.TimeZone), Settings: withExtra(extra)}
			out.ID, out.Name, out.Tags = *h.HoursOfOperationId, text(h.Name), some(h.Tags)
			for _, p := range h.ParentHoursOfOperations {
				if err := r.checkID("parent", p.Id, p.Arn); err != nil {
					return err
				}
				out.Parents = append(out.Parents, *p.Id)
			}
			return first(keepList(out.Settings, "Config", h.Config), r.add(out))
		}})
}

func (r *reader) quickConnects(ctx context.Context) error {
	return readPages(ctx, r, listing[model.SearchQuickConnectsResponse, model.QuickConnect]{
		operation: "SearchQuickConnects", input: r.in(), most: 100, list: "QuickConnects",
		items: func(o *model.SearchQuickConnectsResponse) ([]model.QuickConnect, *string) {
			return o.QuickConnects, o.NextToken
		},
		total: func(o *model.SearchQuickConnectsResponse) *int64 { return o.ApproximateTotalCount },
		each: func(q model.QuickConnect, _ lanyard.Settings) error {
			if err := r.checkID("quick connect", q.QuickConnectId, q.QuickConnectARN); err != nil {
				return err
			}
			out := &lanyard.QuickConnect{Meta: when(q.LastModifiedTime), Description: text(q.Description)}
			out.ID, out.Name, out.Tags = *q.QuickConnectId, text(q.Name), some(q.Tags)
			return first(setDestination(out, q.QuickConnectConfig), r.add(out))
		}})
}

// setDestination says where a quick connect leads.
func setDestination(q *lanyard.QuickConnect, c *model.QuickConnectConfig) error {
	kinds := []string{lanyard.ToUser, lanyard.ToQueue, lanyard.ToPhoneNumber, lanyard.ToFlow}
	if c == nil || !slices.Contains(kinds, text(c.QuickConnectType)) {
		return fmt.Errorf("QuickConnectConfig.QuickConnectType of quick connect %s must be one of %v", lanyard.Quote(q.ID),
			kinds)
	}
	q.Kind = *c.QuickConnectType
	if u := c.UserConfig; u != nil {
		q.User, q.Flow = text(u.UserId), text(u.ContactFlowId)
	}
	if u := c.QueueConfig; u != nil {
		q.Queue, q.Flow = text(u.QueueId), text(u.ContactFlowId)
	}
	if p := c.PhoneConfig; p != nil {
		q.PhoneNumber = text(p.PhoneNumber)
	}
	if f := c.FlowConfig; f != nil {
		q.Flow = text(f.ContactFlowId)
	}
	return nil
}
