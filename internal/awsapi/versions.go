package awsapi

import (
	"context"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// What flows and views have in common: content that is saved, published and kept in versions. See control.Qualified.

// textSetting is a member that is a string, as a document keeps it.
func textSetting(value string) lanyard.JSON {
	b, err := json.Marshal(value)
	if err != nil { // it is no UTF-8, which what was decoded is
		panic("awsapi: a text does not encode: " + err.Error())
	}
	return b
}

// contentSum is the checksum of the content that a document shows; nil without content.
func contentSum(d *lanyard.Document) *string {
	content := d.Members[control.Content]
	if content == nil {
		return nil
	}
	return ptr(control.ContentHash(content))
}

// describesQualified is the operation that answers one document as a qualifier shows it.
func describesQualified[O any, R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		m := membersOf(in)
		instance, r, err := control.Qualified[R](ctx, d.control, req.Call, m.text("InstanceId"), m.text(d.idMember()))
		if err != nil {
			return answer{}, err
		}
		out := new(O)
		return answer{output: out}, d.fillOutput(reflect.ValueOf(out).Elem(), instance, r)
	}
}

// versionLister makes a summary of a version, whose ARN it is given.
type versionLister[S any] func(in *lanyard.Instance, arn string, v *lanyard.Document) (S, error)

// listVersions returns summaries of the versions of a document, and the token of the next page.
func listVersions[S any, R lanyard.Documented](ctx context.Context, d documentType[R], req *request, in any,
	summary versionLister[S]) ([]S, *string, error) {
	m := membersOf(in)
	l, id := m.listing(), m.pointer(d.idMember())
	page, err := d.page(req, l.most, l.token, bare(l.instance), bare(id))
	if err != nil {
		return nil, nil, err
	}
	found, err := control.ListVersions[R](ctx, d.control, req.Call, *l.instance, *id, page.Page)
	if err != nil {
		return nil, nil, err
	}
	all := make([]S, len(found.Items))
	for i, v := range found.Items {
		arn := d.control.ARN(found.Instance, found.Of.Type(), v.Doc().ID)
		if all[i], err = summary(found.Instance, arn, v.Doc()); err != nil {
			return nil, nil, err
		}
	}
	return all, page.next(found.Next, 0), nil
}
