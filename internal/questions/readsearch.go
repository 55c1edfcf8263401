package questions

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// readSearch reads a search of any kind. Its surface is not checked.
func readSearch(body []byte) (in searchRequest, it Item, err error) {
	if err = decode(body, &in); err == nil {
		in.fill(&it)
	}
	return in, it, err
}

// ReadWhoCan reads a search for the subjects that may do something.
func ReadWhoCan(body []byte) (Search, error) {
	in, it, err := readSearch(body)
	switch {
	case err != nil:
	case in.Subject == nil || in.Subject.Type == nil:
		err = malformed("subject and subject.type are required")
	case in.Resource == nil || in.Resource.Type == nil:
		err = malformed("resource and resource.type are required")
	case in.Resource.ID == nil:
		err = malformed("resource.id is required")
	case it.has&hasAction == 0:
		err = malformed("action and action.name are required")
	default:
		err = it.Err
	}
	it.Subject.ID = ""
	return in.search(it.Question, err)
}

// requireSubjectAndType checks what both searches for what a subject can reach require.
func (in *searchRequest) requireSubjectAndType() error {
	switch {
	case in.Subject == nil || in.Subject.Type == nil:
		return malformed("subject and subject.type are required")
	case in.Subject.ID == nil:
		return malformed("subject.id is required")
	case in.Resource == nil || in.Resource.Type == nil:
		return malformed("resource and resource.type are required")
	}
	return nil
}

// ReadResources reads a search for the resources of a type to which a subject may do something.
func ReadResources(body []byte) (Search, error) {
	in, it, err := readSearch(body)
	if err == nil {
		err = in.requireSubjectAndType()
	}
	if err == nil && it.has&hasAction == 0 {
		err = malformed("action and action.name are required")
	}
	if err == nil {
		err = it.Err
	}
	it.Resource.ID = ""
	if err == nil {
		err = it.identify()
	}
	return in.search(it.Question, err)
}

// ReadActions reads a search for the actions that a subject may do to a resource.
func ReadActions(body []byte) (Search, error) {
	in, it, err := readSearch(body)
	if err == nil {
		err = in.requireSubjectAndType()
	}
	if err == nil && it.has&hasResource == 0 {
		err = malformed("resource.id is required")
	}
	if err == nil {
		err = it.Err
	}
	it.Action = ""
	return in.search(it.Question, err)
}

// ReadEffective reads a question for all that a subject may do.
func ReadEffective(body []byte) (Search, error) {
	in, it, err := readSearch(body)
	if err == nil && it.has&hasSubject == 0 {
		err = malformed("subject, subject.type and subject.id are required")
	}
	q := Question{AtLeast: it.AtLeast}
	q.Subject = it.Subject
	return in.search(q, err)
}

// ReadHolders reads a question for the holders of a security profile.
func ReadHolders(body []byte) (Search, error) {
	q, err := ReadLookup(body)
	if t := q.Resource.Type; err == nil && t != access.TypeSecurityProfile {
		if t == "" {
			t = typeInstance
		}
		err = malformed("resource.type must be %s, got %q", access.TypeSecurityProfile, t)
	}
	return q, err
}

// ReadLookup reads a question for the resources of a type that have an id or a name.
func ReadLookup(body []byte) (Search, error) {
	in, it, err := readSearch(body)
	if err == nil && it.has&hasResource == 0 {
		err = malformed("resource, resource.type and resource.id are required")
	}
	q := Question{AtLeast: it.AtLeast}
	q.Resource = it.Resource
	return in.search(q, err)
}

// search makes a Search of a question that was read without err.
func (in *searchRequest) search(q Question, err error) (Search, error) {
	if err != nil {
		return Search{}, err
	}
	p, err := in.Page.typed()
	return Search{q, p}, err
}

func (p *page) typed() (to Page, err error) {
	if p == nil {
		return to, nil
	}
	if p.Limit != nil {
		if *p.Limit < 0 {
			return to, malformed("page.limit must be 0 or more, got %d", *p.Limit)
		}
		to.Limit = int(min(*p.Limit, maxPage))
	}
	if p.Token != nil {
		to.Token = *p.Token
	}
	return to, nil
}

// ReadWhatIf reads a question for what a change of an instance would do.
func ReadWhatIf(body []byte, instance string) (q WhatIf, err error) {
	var in whatIfRequest
	if err = decode(body, &in); err != nil {
		return q, err
	}
	if q.Proposal, err = in.proposal(instance); err != nil {
		return q, err
	}
	var it Item
	in.fill(&it)
	q.AtLeast = it.AtLeast
	if in.Subject != nil || in.Action != nil || in.Resource != nil {
		if err := it.finish(); err != nil {
			return q, err
		}
		q.Question = &it.Question
	}
	q.Page, err = in.Page.typed()
	return q, err
}

// proposal checks what the JSON form of a proposal has.
func (in *whatIfRequest) proposal(instance string) (p Proposal, err error) {
	if in.Operation == nil {
		return p, malformed("operation is required: %s or %s", updateProfile, updateUser)
	}
	return NewProposal(*in.Operation, in.Parameters, instance)
}

// NewProposal returns the proposal of an operation on an instance. It checks what names the change; the rest is for
// whoever plans it.
func NewProposal(operation string, parameters []byte, instance string) (p Proposal, err error) {
	if jsontext.Value(parameters).Kind() != '{' {
		return p, malformed("parameters must be the request of %s, an object", operation)
	}
	var names struct {
		InstanceID        *string `json:"InstanceId"`
		SecurityProfileID *string `json:"SecurityProfileId"`
		UserID            *string `json:"UserId"`
	}
	if err := json.Unmarshal(parameters, &names); err != nil {
		return p, malformed("parameters.InstanceId, parameters.SecurityProfileId and parameters.UserId must be strings")
	}
	id, member := names.SecurityProfileID, "SecurityProfileId"
	switch operation {
	case updateProfile:
	case updateUser:
		id, member = names.UserID, "UserId"
	default:
		return p, malformed("operation must be %s or %s, got %q", updateProfile, updateUser, operation)
	}
	if id == nil || *id == "" {
		return p, malformed("parameters.%s is required", member)
	}
	if names.InstanceID != nil && *names.InstanceID != instance {
		if arn, err := lanyard.ParseARN(*names.InstanceID); err != nil || arn.Instance != instance {
			return p, malformed("parameters.InstanceId must be the instance that is asked about, %s, got %q", instance,
				*names.InstanceID)
		}
	}
	return Proposal{Operation: operation, ID: *id, Parameters: parameters}, nil
}
