package awsapi

import (
	"context"
	"reflect"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) phoneNumberHandlers() map[string]handler {
	return map[string]handler{
		"SearchAvailablePhoneNumbers":        reads(s.searchAvailablePhoneNumbers),
		"ClaimPhoneNumber":                   answers(s.claimPhoneNumber),
		"ImportPhoneNumber":                  answers(s.importPhoneNumber),
		"DescribePhoneNumber":                reads(s.describePhoneNumber),
		"ListPhoneNumbers":                   listsDocuments[model.ListPhoneNumbersResponse](s.phoneNumbers()),
		"ListPhoneNumbersV2":                 reads(s.listPhoneNumbersV2),
		"UpdatePhoneNumber":                  answers(s.updatePhoneNumber),
		"UpdatePhoneNumberMetadata":          changes(s.updatePhoneNumberMetadata),
		"AssociatePhoneNumberContactFlow":    changes(s.associatePhoneNumberContactFlow),
		"DisassociatePhoneNumberContactFlow": changes(s.disassociatePhoneNumberContactFlow),
		"ReleasePhoneNumber":                 changes(s.releasePhoneNumber),
	}
}

// phoneNumbers says how the API speaks of phone numbers.
func (s *Server) phoneNumbers() documentType[*lanyard.PhoneNumber] {
	return documentType[*lanyard.PhoneNumber]{Server: s, noun: "PhoneNumber", named: "PhoneNumber",
		empty: func() *lanyard.PhoneNumber { return new(lanyard.PhoneNumber) }, fixed: []string{"TargetArn"},
		show: func(in *lanyard.Instance, n *lanyard.PhoneNumber) (map[string]any, error) {
			claimed := "CLAIMED"
			return map[string]any{"TargetArn": ptr(s.control.ARN(in, lanyard.TypeInstance, in.ID)),
				"PhoneNumberStatus": &model.PhoneNumberStatus{Status: &claimed}}, nil
		},
		wanted: func(in any) (func(*lanyard.PhoneNumber) bool, string) {
			list, ok := in.(*model.ListPhoneNumbersRequest)
			if !ok {
				return nil, ""
			}
			return control.NumberSelection(list.PhoneNumberTypes, list.PhoneNumberCountryCodes, ""),
				strings.Join(list.PhoneNumberTypes, ",") + "/" + strings.Join(list.PhoneNumberCountryCodes, ",")
		}}
}

// target is the instance that a call names by its id or as the target of numbers; "" when it names none.
func target(instance, arn *string) (string, error) {
	if text(arn) == "" {
		return text(instance), nil
	}
	a, err := lanyard.ParseARN(*arn)
	if err != nil || a.Type != lanyard.TypeInstance {
		return "", lanyard.Errorf(lanyard.Invalid, "TargetArn must be the ARN of an instance, got %s", lanyard.Quote(*arn))
	}
	if text(instance) != "" && *instance != a.Instance && *instance != *arn {
		return "", lanyard.Errorf(lanyard.Invalid, "TargetArn must be the ARN of the instance that InstanceId names, or absent, "+
			"got %s", lanyard.Quote(*arn))
	}
	return *arn, nil
}

// requireTarget is target of a call that must name an instance.
func requireTarget(instance, arn *string) (string, error) {
	to, err := target(instance, arn)
	if err == nil && to == "" {
		err = lanyard.Errorf(lanyard.Invalid, "InstanceId is required when TargetArn is absent")
	}
	return to, err
}

func (s *Server) searchAvailablePhoneNumbers(ctx context.Context, req *request,
	in *model.SearchAvailablePhoneNumbersRequest) (any, error) {
	const most = 10 // by the model, for which there is no other default
	to, err := requireTarget(in.InstanceId, in.TargetArn)
	if err != nil {
		return nil, err
	}
	if in.MaxResults == nil {
		in.MaxResults = ptr(int32(most))
	}
	page, err := s.page(req, in.MaxResults, in.NextToken, bare(&to), *in.PhoneNumberCountryCode, *in.PhoneNumberType,
		text(in.PhoneNumberPrefix))
	if err != nil {
		return nil, err
	}
	found, err := s.control.SearchAvailablePhoneNumbers(ctx, req.Call, to, control.NumberQuery{
		Country: *in.PhoneNumberCountryCode, Type: *in.PhoneNumberType, Prefix: text(in.PhoneNumberPrefix), Page: page.Page})
	if err != nil {
		return nil, err
	}
	out := &model.SearchAvailablePhoneNumbersResponse{NextToken: page.next(found.Next, 0),
		AvailableNumbersList: make([]model.AvailableNumberSummary, len(found.Items))}
	for i := range found.Items {
		n := &found.Items[i]
		out.AvailableNumbersList[i] = model.AvailableNumberSummary{PhoneNumber: &n.Number, PhoneNumberCountryCode: &n.Country,
			PhoneNumberType: &n.Type}
	}
	return out, nil
}

// newNumber is the number that a call asks for.
func (s *Server) newNumber(in any) *lanyard.PhoneNumber {
	m, d, n := membersOf(in), s.phoneNumbers(), new(lanyard.PhoneNumber)
	n.Name, n.Tags, n.Members = m.text("PhoneNumber"), m.tags(), d.settings(m)
	return n
}

func (s *Server) claimPhoneNumber(ctx context.Context, req *request, in *model.ClaimPhoneNumberRequest) (answer,
	error) {
	to, err := requireTarget(in.InstanceId, in.TargetArn)
	if err != nil {
		return answer{}, err
	}
	made, err := s.control.ClaimPhoneNumber(ctx, req.Call, to, s.newNumber(in), text(in.ClientToken))
	if err != nil {
		return answer{}, err
	}
	return answer{made.Result, &model.ClaimPhoneNumberResponse{PhoneNumberId: &made.Resource.ID,
		PhoneNumberArn: s.arn(made.Instance, made.Resource)}}, nil
}

func (s *Server) importPhoneNumber(ctx context.Context, req *request, in *model.ImportPhoneNumberRequest) (answer,
	error) {
	if !lanyard.IsARN(*in.SourcePhoneNumberArn) {
		return answer{}, lanyard.Errorf(lanyard.Invalid, "SourcePhoneNumberArn must be the ARN of a phone number, got %s",
			lanyard.Quote(*in.SourcePhoneNumberArn))
	}
	made, err := s.control.ImportPhoneNumber(ctx, req.Call, *in.InstanceId, s.newNumber(in), text(in.ClientToken))
	if err != nil {
		return answer{}, err
	}
	return answer{made.Result, &model.ImportPhoneNumberResponse{PhoneNumberId: &made.Resource.ID,
		PhoneNumberArn: s.arn(made.Instance, made.Resource)}}, nil
}

func (s *Server) describePhoneNumber(ctx context.Context, req *request,
	in *model.DescribePhoneNumberRequest) (any, error) {
	instance, n, err := s.control.PhoneNumber(ctx, req.Call, *in.PhoneNumberId)
	if err != nil {
		return nil, err
	}
	out := new(model.ClaimedPhoneNumberSummary)
	return &model.DescribePhoneNumberResponse{ClaimedPhoneNumberSummary: out},
		s.phoneNumbers().fill(reflect.ValueOf(out).Elem(), instance, n)
}

func (s *Server) listPhoneNumbersV2(ctx context.Context, req *request,
	in *model.ListPhoneNumbersV2Request) (any, error) {
	to, err := target(in.InstanceId, in.TargetArn)
	if err != nil {
		return nil, err
	}
	wanted := control.NumberSelection(in.PhoneNumberTypes, in.PhoneNumberCountryCodes, text(in.PhoneNumberPrefix))
	by := []string{bare(&to), strings.Join(in.PhoneNumberTypes, ","), strings.Join(in.PhoneNumberCountryCodes, ","),
		text(in.PhoneNumberPrefix)}
	out := new(model.ListPhoneNumbersV2Response)
	if to != "" {
		l, err := listedOnly(ctx, s, req, listing{&to, in.MaxResults, in.NextToken}, wanted, by...)
		if err != nil {
			return nil, err
		}
		return out, fillList(s.phoneNumbers(), reflect.ValueOf(out).Elem(), l)
	}
	page, err := s.page(req, in.MaxResults, in.NextToken, by...)
	if err != nil {
		return nil, err
	}
	all, next, err := s.control.ListAllPhoneNumbers(ctx, req.Call,
		control.Selection[*lanyard.PhoneNumber]{Page: page.Page, Wanted: wanted})
	if err != nil {
		return nil, err
	}
	out.NextToken, out.ListPhoneNumbersSummaryList = page.next(next, 0), make([]model.ListPhoneNumbersSummary, len(all))
	for i, n := range all {
		if err := s.phoneNumbers().fill(reflect.ValueOf(&out.ListPhoneNumbersSummaryList[i]).Elem(), n.Instance,
			n.Number); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) updatePhoneNumber(ctx context.Context, req *request, in *model.UpdatePhoneNumberRequest) (answer,
	error) {
	to, err := requireTarget(in.InstanceId, in.TargetArn)
	if err != nil {
		return answer{}, err
	}
	moved, err := s.control.MovePhoneNumber(ctx, req.Call, *in.PhoneNumberId, to)
	if err != nil {
		return answer{}, err
	}
	return answer{moved.Result, &model.UpdatePhoneNumberResponse{PhoneNumberId: &moved.Resource.ID,
		PhoneNumberArn: s.arn(moved.Instance, moved.Resource)}}, nil
}

func (s *Server) updatePhoneNumberMetadata(ctx context.Context, req *request,
	in *model.UpdatePhoneNumberMetadataRequest) (control.Result, error) {
	members := lanyard.Settings{}
	keep(members, "PhoneNumberDescription", in.PhoneNumberDescription)
	return s.control.ChangePhoneNumber(ctx, req.Call, *in.PhoneNumberId, "", members)
}

func (s *Server) associatePhoneNumberContactFlow(ctx context.Context, req *request,
	in *model.AssociatePhoneNumberContactFlowRequest) (control.Result, error) {
	return s.control.ChangePhoneNumber(ctx, req.Call, *in.PhoneNumberId, *in.InstanceId,
		lanyard.Settings{"ContactFlowId": textSetting(*in.ContactFlowId)})
}

func (s *Server) disassociatePhoneNumberContactFlow(ctx context.Context, req *request,
	in *model.DisassociatePhoneNumberContactFlowRequest) (control.Result, error) {
	return s.control.ChangePhoneNumber(ctx, req.Call, *in.PhoneNumberId, *in.InstanceId,
		lanyard.Settings{"ContactFlowId": nil})
}

func (s *Server) releasePhoneNumber(ctx context.Context, req *request,
	in *model.ReleasePhoneNumberRequest) (control.Result, error) {
	return s.control.ReleasePhoneNumber(ctx, req.Call, *in.PhoneNumberId)
}
