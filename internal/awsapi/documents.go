package awsapi

import (
	"context"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// The operations on documents are regular: a request's members become those of the document, by name, and the
// document's those of an answer. What is particular about a type is in its documentType, and what that cannot say is
// written by hand next to it.

// A documentType says how the API speaks of documents of a type.
type documentType[R lanyard.Documented] struct {
	*Server
	empty func() R
	// noun is what members begin with: PromptId, PromptARN.
	noun string
	// id is the member of requests that has the id, where that is not the noun's.
	id string
	// whole is the member of requests that has the id of the whole that documents are parts of; "" where they are none.
	whole string
	// key, unless nil, is the key by which the members of a request name a document, in the place of an id.
	key func(in any) string
	// meant, unless nil, reports whether a document is the one that a request means, by more than its id.
	meant func(in any, d *lanyard.Document) bool
	// named is the member that has the name, where that is not Name.
	named string
	// fixed are members of requests that updates do not set and documents do not have, such as a version to be checked.
	fixed []string
	// clears are members of which an empty text is as good as none, and is not shown.
	clears []string
	// enter, unless nil, completes a new document by what is particular in the request, a pointer to a model's input.
	enter func(in any, r R) error
	// change, unless nil, does the same in an update.
	change func(in any, r R) error
	// show, unless nil, returns members of answers, by name, that are not as they are stored. A member that is nil is left
	// out.
	show func(in *lanyard.Instance, r R) (map[string]any, error)
	// shown, unless nil, returns the document to show for one that is answered: itself, or a copy.
	shown func(r R) R
	// wanted, unless nil, selects what a list has, by the members of the request. The text is what it selects by.
	wanted func(in any) (func(R) bool, string)
	// replaces says that an update replaces the members as a whole.
	replaces bool
}

// A memberedInput is an input of the model, whose members are found by name.
type memberedInput struct{ v reflect.Value }

func membersOf(in any) memberedInput { return memberedInput{reflect.ValueOf(in).Elem()} }

// text is a member that is a string; "" when it is absent.
func (m memberedInput) text(name string) string {
	if p := m.pointer(name); p != nil {
		return *p
	}
	return ""
}

// pointer is a member that is a string; nil when it is absent.
func (m memberedInput) pointer(name string) *string {
	f := m.v.FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	p, _ := f.Interface().(*string)
	return p
}

func (m memberedInput) number(name string) *int32 {
	if f := m.v.FieldByName(name); f.IsValid() {
		p, _ := f.Interface().(*int32)
		return p
	}
	return nil
}

func (m memberedInput) tags() map[string]string {
	if f := m.v.FieldByName("Tags"); f.IsValid() {
		tags, _ := f.Interface().(map[string]string)
		return tags
	}
	return nil
}

// listing is the page that an input asks for.
func (m memberedInput) listing() listing {
	return listing{m.pointer("InstanceId"), m.number("MaxResults"), m.pointer("NextToken")}
}

func (d documentType[R]) nameMember() string { return or(d.named, "Name") }

func (d documentType[R]) idMember() string { return or(d.id, d.noun+"Id") }

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// ref is the document that an input names.
func (d documentType[R]) ref(m memberedInput) control.DocumentRef {
	ref := control.DocumentRef{ID: m.text(d.idMember())}
	in := m.v.Addr().Interface()
	if d.key != nil {
		ref.Key = d.key(in)
	}
	if d.meant != nil {
		ref.Meant = func(doc *lanyard.Document) bool { return d.meant(in, doc) }
	}
	if d.whole != "" {
		ref.Whole = m.text(d.whole)
	}
	return ref
}

// settings are the members of an input that a document keeps; nil for what an update removes.
func (d documentType[R]) settings(m memberedInput) lanyard.Settings {
	settings := lanyard.Settings{}
	t := m.v.Type()
	for i := range t.NumField() {
		name := t.Field(i).Name
		switch {
		case name == "InstanceId", name == "ClientToken", name == "Tags", name == d.nameMember(), name == d.idMember(),
			name == d.whole, contains(d.fixed, name):
			continue
		}
		if !m.v.Field(i).IsNil() {
			keep(settings, name, m.v.Field(i).Interface())
		}
		if string(settings[name]) == `""` && contains(d.clears, name) {
			settings[name] = nil
		}
	}
	return settings
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// create adds the document that the members of a request describe.
func (d documentType[R]) create(ctx context.Context, req *request, in any) (control.Created[R], error) {
	m, r := membersOf(in), d.empty()
	doc := r.Doc()
	doc.Name, doc.Tags = m.text(d.nameMember()), m.tags()
	doc.Set(d.settings(m), true)
	if d.whole != "" {
		doc.Whole = m.text(d.whole)
	}
	if d.enter != nil {
		if err := d.enter(in, r); err != nil {
			return control.Created[R]{}, err
		}
	}
	return control.CreateDocument(ctx, d.control, req.Call, m.text("InstanceId"), r, m.text("ClientToken"))
}

// createsDocument is the operation that adds a document and answers O.
func createsDocument[O any, R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		created, err := d.create(ctx, req, in)
		if err != nil {
			return answer{}, err
		}
		if !req.op.HasOutput {
			return answer{Result: created.Result}, nil
		}
		out := new(O)
		return answer{created.Result, out}, d.fillOutput(reflect.ValueOf(out).Elem(), created.Instance, created.Resource)
	}
}

// addsDocument is the operation that adds a document and has no output.
func addsDocument[R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		created, err := d.create(ctx, req, in)
		return answer{Result: created.Result}, err
	}
}

// describesDocument is the operation that answers one document.
func describesDocument[O any, R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		m := membersOf(in)
		instance, r, err := control.Document[R](ctx, d.control, req.Call, m.text("InstanceId"), d.ref(m))
		if err != nil {
			return answer{}, err
		}
		out := new(O)
		return answer{output: out}, d.fillOutput(reflect.ValueOf(out).Elem(), instance, r)
	}
}

// fillOutput fills an output: the only structure that it has, or itself.
func (d documentType[R]) fillOutput(out reflect.Value, in *lanyard.Instance, r R) error {
	f := out.FieldByName(d.noun)
	if f.IsValid() && f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct {
		f.Set(reflect.New(f.Type().Elem()))
		out = f.Elem()
	}
	return d.fill(out, in, r)
}

// fill sets the members of an answer's structure to what a document has under their names.
func (d documentType[R]) fill(out reflect.Value, in *lanyard.Instance, r R) error {
	if d.shown != nil {
		r = d.shown(r)
	}
	doc := r.Doc()
	var particular map[string]any
	if d.show != nil {
		var err error
		if particular, err = d.show(in, r); err != nil {
			return err
		}
	}
	t := out.Type()
	for i := range t.NumField() {
		name, f := t.Field(i).Name, out.Field(i)
		value, ok := particular[name]
		if !ok {
			value, ok = d.common(name, in, r)
		}
		switch {
		case ok && value != nil:
			if err := assign(f, value); err != nil {
				return err
			}
		case !ok && string(doc.Members[name]) != `""`: // an empty text is the same as none, and not always within bounds
			if err := kept(doc.Members, name, f.Addr().Interface()); err != nil {
				return err
			}
		}
	}
	return nil
}

// common is a member that every document has under such a name.
func (d documentType[R]) common(name string, in *lanyard.Instance, r R) (value any, ok bool) {
	doc := r.Doc()
	switch name {
	case d.noun + "Id", d.idMember(), "Id":
		return &doc.ID, true
	case d.noun + "ARN", d.noun + "Arn", "Arn":
		return d.arn(in, r), true
	case d.nameMember(), "Name":
		return &doc.Name, true
	case "Tags":
		return fullMap(doc.Tags), true
	case "InstanceId":
		return &in.ID, true
	case "LastModifiedTime", "LastUpdatedTime":
		return stamp(doc.Modified), true
	case "CreatedTime":
		return stamp(doc.Created), true
	case "LastModifiedRegion":
		return &in.Region, true
	}
	if d.whole != "" && name == d.whole {
		return &doc.Whole, true
	}
	return nil, false
}

// assign sets f to value, which is of its type or encodes to a JSON value that it decodes from.
func assign(f reflect.Value, value any) error {
	switch v := reflect.ValueOf(value); {
	case v.Type().AssignableTo(f.Type()):
		f.Set(v)
		return nil
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	}
	b, ok := value.(lanyard.JSON)
	if !ok {
		var err error
		if b, err = json.Marshal(value); err != nil {
			return err
		}
	}
	if b == nil {
		return nil
	}
	return json.Unmarshal(b, f.Addr().Interface())
}

// fillList makes a page of documents the value of the list of structures that an output has.
func fillList[R lanyard.Documented](d documentType[R], out reflect.Value, page found[R]) error {
	for i := range out.NumField() {
		f := out.Field(i)
		if f.Kind() != reflect.Slice || f.Type().Elem().Kind() != reflect.Struct {
			continue
		}
		list := reflect.MakeSlice(f.Type(), len(page.Items), len(page.Items))
		for i, r := range page.Items {
			if err := d.fill(list.Index(i), page.Instance, r); err != nil {
				return err
			}
		}
		f.Set(list)
	}
	if f := out.FieldByName("NextToken"); f.IsValid() && page.next != nil {
		f.Set(reflect.ValueOf(page.next))
	}
	return nil
}

// listsDocuments is the operation that lists documents, those of a whole where they are parts.
func listsDocuments[O any, R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		m := membersOf(in)
		var wanted func(R) bool
		var scope []string
		if d.wanted != nil {
			var by string
			wanted, by = d.wanted(in)
			scope = append(scope, by)
		}
		l, err := listDocuments(ctx, d, req, m, wanted, scope)
		if err != nil {
			return answer{}, err
		}
		out := new(O)
		return answer{output: out}, fillList(d, reflect.ValueOf(out).Elem(), l)
	}
}

// listsNames is listsDocuments for an output with a list of the names alone.
func listsNames[O any, R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		page, err := listDocuments(ctx, d, req, membersOf(in), nil, nil)
		if err != nil {
			return answer{}, err
		}
		names := make([]string, len(page.Items))
		for i, r := range page.Items {
			names[i] = r.Head().Name
		}
		out := new(O)
		v := reflect.ValueOf(out).Elem()
		for i := range v.NumField() {
			if f := v.Field(i); f.Type() == reflect.TypeFor[[]string]() {
				f.Set(reflect.ValueOf(names))
			}
		}
		return answer{output: out}, fillList(d, v, page)
	}
}

func listDocuments[R lanyard.Documented](ctx context.Context, d documentType[R], req *request, m memberedInput,
	wanted func(R) bool, scope []string) (found[R], error) {
	if d.whole == "" {
		return listedOnly(ctx, d.Server, req, m.listing(), wanted, scope...)
	}
	in, whole := m.listing(), m.pointer(d.whole)
	page, err := d.page(req, in.most, in.token, append(scope, bare(in.instance), bare(whole))...)
	if err != nil {
		return found[R]{}, err
	}
	l, err := control.ListParts(ctx, d.control, req.Call, m.text("InstanceId"), text(whole),
		control.Selection[R]{Page: page.Page, Wanted: wanted})
	return found[R]{l, page.next(l.Next, 0)}, err
}

// searchesDocuments is the operation that searches documents.
func searchesDocuments[O any, R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		m := membersOf(in)
		criteria, filter := m.v.FieldByName("SearchCriteria"), m.v.FieldByName("SearchFilter")
		q := searching{listing: m.listing(), conditions: documentConditions(d.noun, criteria, filter)}
		if isSet(criteria) {
			q.criteria = criteria.Interface()
		}
		if isSet(filter) {
			q.filter = filter.Interface()
		}
		l, err := search[R](ctx, d.Server, req, q)
		if err != nil {
			return answer{}, err
		}
		out := new(O)
		v := reflect.ValueOf(out).Elem()
		if f := v.FieldByName("ApproximateTotalCount"); f.IsValid() {
			f.Set(reflect.ValueOf(&l.Total))
		}
		return answer{output: out}, fillList(d, v, l)
	}
}

// isSet reports whether a member that is a structure is there.
func isSet(member reflect.Value) bool { return member.IsValid() && !member.IsNil() }

// documentConditions are the conditions of a search for documents, by the members that have its criteria and filter.
func documentConditions(noun string, criteria, filter reflect.Value) (all []control.Condition) {
	if isSet(criteria) {
		all = append(all, conditionOf(noun, criteria.Elem()))
	}
	if isSet(filter) {
		all = append(all, filterOf(filter.Elem())...)
	}
	return all
}

// conditionOf is the condition that search criteria of any type make by what all types have. Each other member is an
// equality, in control's words a Field, named without noun: ViewStatusCondition of views is about Status.
func conditionOf(noun string, criteria reflect.Value) control.Condition {
	var c control.Condition
	for i := range criteria.NumField() {
		f, name := criteria.Field(i), criteria.Type().Field(i).Name
		if f.IsNil() {
			continue
		}
		switch v := f.Interface().(type) {
		case *model.StringCondition:
			c.String = stringCondition(v)
		case *model.DateCondition:
			c.Date = &control.DateCondition{Field: text(v.FieldName), Value: text(v.Value), Compare: text(v.ComparisonType)}
		case *string:
			c.Fields = append(c.Fields, control.FieldCondition{Field: memberOf(noun, name), Value: *v})
		default:
			if f.Kind() != reflect.Slice {
				c.Unknown = name
				continue
			}
			var below []control.Condition
			for j := range f.Len() {
				below = append(below, conditionOf(noun, f.Index(j)))
			}
			if name == "OrConditions" {
				c.Or = below
			} else {
				c.And = append(c.And, below...)
			}
		}
	}
	return c
}

// memberOf is the member of a document that a condition is about.
func memberOf(noun, condition string) string {
	return strings.TrimPrefix(strings.TrimSuffix(condition, "Condition"), noun)
}

// filterOf are the conditions of a search filter of any type.
func filterOf(filter reflect.Value) []control.Condition {
	var out []control.Condition
	for i := range filter.NumField() {
		switch v := filter.Field(i).Interface().(type) {
		case *model.ControlPlaneTagFilter:
			out = append(out, tagFilter(v)...)
		case *model.ControlPlaneAttributeFilter:
			out = append(out, attributeFilter(v)...)
		case *model.ContactFlowAttributeFilter:
			out = append(out, flowFilter(v)...)
		case *model.RuleAttributeFilter:
			out = append(out, ruleFilter(v)...)
		}
	}
	return out
}

// updatesDocument is the operation that changes a document.
func updatesDocument[R lanyard.Documented](d documentType[R]) func(context.Context, *request, any) (control.Result,
	error) {
	return func(ctx context.Context, req *request, in any) (control.Result, error) {
		m := membersOf(in)
		name, settings := m.pointer(d.nameMember()), d.settings(m)
		return control.ChangeDocument(ctx, d.control, req.Call, m.text("InstanceId"), d.ref(m), func(r R) error {
			doc := r.Doc()
			if name != nil {
				doc.Name = *name
			}
			doc.Set(settings, d.replaces)
			if d.change != nil {
				return d.change(in, r)
			}
			return nil
		})
	}
}

// updates is the handler of an update whose output has no members.
func updates[R lanyard.Documented](d documentType[R]) handler {
	change := updatesDocument(d)
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		result, err := change(ctx, req, in)
		return noMembers(req, result), err
	}
}

// noMembers is the answer of an operation that has nothing to say: an object without members where it has an output.
func noMembers(req *request, result control.Result) answer {
	a := answer{Result: result}
	if req.op.HasOutput {
		a.output = struct{}{}
	}
	return a
}

// updatesTo is the handler of an update that answers O, which tells of the document that was changed.
func updatesTo[O any, R lanyard.Documented](d documentType[R]) handler {
	change := updatesDocument(d)
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		result, err := change(ctx, req, in)
		if err != nil {
			return answer{}, err
		}
		m := membersOf(in)
		instance, r, err := control.Document[R](ctx, d.control, req.Call, m.text("InstanceId"), d.ref(m))
		if err != nil {
			return answer{}, err
		}
		out := new(O)
		return answer{result, out}, d.fillOutput(reflect.ValueOf(out).Elem(), instance, r)
	}
}

// deletes is the handler of a deletion. An operation that has an output answers an object without members.
func deletes[R lanyard.Documented](d documentType[R]) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		m := membersOf(in)
		result, err := control.DeleteDocument[R](ctx, d.control, req.Call, m.text("InstanceId"), d.ref(m))
		return noMembers(req, result), err
	}
}
