package questions

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/access"
)

// WriteEvaluation returns a question in the form that ReadEvaluation reads.
func WriteEvaluation(q *Question) ([]byte, error) { return write(q.request()) }

// WriteSearch returns a search in the form that the functions for searches read.
func WriteSearch(q *Search) ([]byte, error) {
	return write(searchRequest{q.request(), q.Page.request()})
}

// WriteWhatIf returns a question about a proposal in the form that ReadWhatIf reads.
func WriteWhatIf(q *WhatIf) ([]byte, error) {
	in := whatIfRequest{Operation: &q.Operation, Parameters: jsontext.Value(q.Parameters)}
	if q.Question != nil {
		in.request = q.Question.request()
	}
	if q.AtLeast > 0 {
		c := requestContext{}
		if in.Context != nil {
			c = *in.Context
		}
		c.AtLeastRevision, in.Context = &q.AtLeast, &c
	}
	in.Page = q.Page.request()
	return write(in)
}

func write(request any) ([]byte, error) { return json.Marshal(request, json.Deterministic(true)) }

func (q *Question) request() request {
	subjectType, resourceType := subjectName(q.Subject.Type), q.Resource.Type
	if resourceType == "" {
		resourceType = typeInstance
	}
	r := request{
		Subject:  &subject{Type: &subjectType, ID: &q.Subject.ID},
		Action:   &action{Name: &q.Action},
		Resource: &resource{Type: &resourceType, ID: &q.Resource.ID},
	}
	if q.Subject.Human != "" {
		r.Subject.Properties = &subjectProperties{&q.Subject.Human}
	}
	if x := &q.Resource; x.New || x.Tags != nil || x.Group != "" || x.Attributes != nil || x.Channel != "" {
		r.Resource.Properties = &resourceProperties{x.New, x.Tags, x.Group, x.Attributes, x.Channel}
	}
	if q.Surface != access.Admin || q.Explain || q.AtLeast > 0 {
		r.Context = &requestContext{Surface: surfaceNames[q.Surface], Explain: q.Explain}
		if q.AtLeast > 0 {
			r.Context.AtLeastRevision = &q.AtLeast
		}
	}
	return r
}

func (p *Page) request() *page {
	limit := int64(p.Limit)
	return &page{Token: &p.Token, Limit: &limit}
}

// surfaceNames are the surfaces in the JSON form.
var surfaceNames = map[access.Surface]string{access.Admin: "admin", access.Reports: "reports"}
