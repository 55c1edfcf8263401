package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) hoursOverrideHandlers() map[string]handler {
	d := documentType[*lanyard.HoursOverride]{Server: s, noun: "HoursOfOperationOverride", whole: "HoursOfOperationId",
		clears: []string{"Description"},
		empty:  func() *lanyard.HoursOverride { return new(lanyard.HoursOverride) },
		show: func(in *lanyard.Instance, r *lanyard.HoursOverride) (map[string]any, error) {
			arn := s.control.ARN(in, lanyard.TypeHours, r.Whole)
			return map[string]any{"HoursOfOperationArn": &arn}, nil
		}}
	return map[string]handler{
		"CreateHoursOfOperationOverride":   createsDocument[model.CreateHoursOfOperationOverrideResponse](d),
		"DescribeHoursOfOperationOverride": describesDocument[model.DescribeHoursOfOperationOverrideResponse](d),
		"ListHoursOfOperationOverrides":    listsDocuments[model.ListHoursOfOperationOverridesResponse](d),
		"SearchHoursOfOperationOverrides":  searchesDocuments[model.SearchHoursOfOperationOverridesResponse](d),
		"UpdateHoursOfOperationOverride":   updates(d),
		"DeleteHoursOfOperationOverride":   deletes(d),
		"GetEffectiveHoursOfOperations":    reads(s.getEffectiveHoursOfOperations),
	}
}

func (s *Server) getEffectiveHoursOfOperations(ctx context.Context, req *request,
	in *model.GetEffectiveHoursOfOperationsRequest) (any, error) {
	hours, err := s.control.GetEffectiveHoursOfOperations(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId,
		*in.FromDate, *in.ToDate)
	if err != nil {
		return nil, err
	}
	out := &model.GetEffectiveHoursOfOperationsResponse{TimeZone: &hours.TimeZone,
		EffectiveHoursOfOperationList: []model.EffectiveHoursOfOperations{},
		EffectiveOverrideHoursList:    []model.EffectiveOverrideHours{}}
	for _, day := range hours.Days {
		open := model.EffectiveHoursOfOperations{Date: &day.Date, OperationalHours: []model.OperationalHour{}}
		for _, h := range day.Open {
			open.OperationalHours = append(open.OperationalHours,
				model.OperationalHour{Start: timeSlice(h.Start), End: timeSlice(h.End)})
		}
		out.EffectiveHoursOfOperationList = append(out.EffectiveHoursOfOperationList, open)
		if len(day.Overrides) == 0 {
			continue
		}
		overrides := model.EffectiveOverrideHours{Date: &day.Date}
		for _, o := range day.Overrides {
			status := "CLOSED"
			if o.Open {
				status = "OPEN"
			}
			overrides.OverrideHours = append(overrides.OverrideHours, model.OverrideHour{Start: timeSlice(o.Start),
				End: timeSlice(o.End), OverrideName: &o.Name, OperationalStatus: &status})
		}
		out.EffectiveOverrideHoursList = append(out.EffectiveOverrideHoursList, overrides)
	}
	return out, nil
}

func timeSlice(t control.TimeSlice) *model.OverrideTimeSlice {
	return &model.OverrideTimeSlice{Hours: &t.Hours, Minutes: &t.Minutes}
}
