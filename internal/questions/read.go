package questions

import (
	"errors"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/nesting"
)

// Bounds of a question.
const (
	maxNesting     = 32   // arrays and objects in one another
	maxEvaluations = 1000 // items of a batch
	maxPage        = 1000 // results of a page
	defaultPage    = 100
)

// The JSON form of what questions are made of. A nil pointer was absent.
type (
	subject struct {
		Type       *string            `json:"type"`
		ID         *string            `json:"id"`
		Properties *subjectProperties `json:"properties"`
	}
	subjectProperties struct {
		Assisting *string `json:"assisting"` // of an AI agent: the user whom it assists
	}
	action struct {
		Name       *string `json:"name"`
		Properties *object `json:"properties"`
	}
	// object is any object: its members count for nothing.
	object   struct{}
	resource struct {
		Type       *string             `json:"type"`
		ID         *string             `json:"id"`
		Properties *resourceProperties `json:"properties"`
	}
	resourceProperties struct {
		New            bool              `json:"new"`
		Tags           map[string]string `json:"tags"`
		HierarchyGroup string            `json:"hierarchy_group"`
		Attributes     map[string]string `json:"attributes"`
		Channel        string            `json:"channel"`
	}
	requestContext struct {
		Surface         string `json:"surface"`
		AtLeastRevision *int64 `json:"at_least_revision"`
		Explain         bool   `json:"explain"`
	}
	page struct {
		Token      *string `json:"token"`
		Limit      *int64  `json:"limit"`
		Properties *object `json:"properties"`
	}
	// request is the JSON form of a question.
	request struct {
		Subject  *subject        `json:"subject"`
		Action   *action         `json:"action"`
		Resource *resource       `json:"resource"`
		Context  *requestContext `json:"context"`
	}
	searchRequest struct {
		request
		Page *page `json:"page"`
	}
	options struct {
		Semantic *string `json:"evaluations_semantic"`
	}
	batchRequest struct {
		request                      // what a question takes that gives nothing else
		Options     *options         `json:"options"`
		Evaluations []jsontext.Value `json:"evaluations"`
	}
	whatIfRequest struct {
		searchRequest
		Operation  *string        `json:"operation"`
		Parameters jsontext.Value `json:"parameters"`
	}
)

// decode reads a request: an object without repeated members, wrong types or invalid UTF-8. Unknown members are
// passed over.
func decode(body []byte, to any) error {
	if nesting.Exceeds(body, maxNesting) {
		return malformed("the request body has values more than %d deep in one another", maxNesting)
	}
	start := 0
	for start < len(body) && (body[start] == ' ' || body[start] == '\n' || body[start] == '\t' || body[start] == '\r') {
		start++
	}
	if start == len(body) || body[start] != '{' {
		return malformed("the request body is not a JSON object")
	}
	return decodeObject(body, to)
}

// decodeObject is decode where depth and kind are known.
func decodeObject(body []byte, to any) error {
	err := json.Unmarshal(body, to)
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic):
		return wrongType(semantic)
	case errors.As(err, &syntactic):
		return malformed("the request body is not valid JSON: at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	}
	return malformed("the request body cannot be read: %v", err)
}

// wrongType says what a member must be.
func wrongType(err *json.SemanticError) error {
	var names []string
	for name := range err.JSONPointer.Tokens() {
		names = append(names, name)
	}
	member := strings.Join(names, ".")
	if member == "" {
		member = "the request"
	}
	got := kindWords[err.JSONKind]
	want := "another value"
	if t := err.GoType; t != nil {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		want = typeWords[t.Kind()]
	}
	if want == "an integer" && len(err.JSONValue) > 0 {
		got = string(err.JSONValue)
	}
	return malformed("%s must be %s, got %s", member, want, got)
}

var (
	kindWords = map[jsontext.Kind]string{'n': "null", 't': "true", 'f': "false", '"': "a string", '0': "a number",
		'[': "an array", '{': "an object"}
	typeWords = map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false",
		reflect.Int64:  "an integer",
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array"}
)

// fill writes what is there into it, each part whole.
func (r *request) fill(it *Item) {
	if s := r.Subject; s != nil {
		it.Subject = s.typed()
		if s.Type != nil && s.ID != nil {
			it.has |= hasSubject
		}
	}
	if r.Action != nil && r.Action.Name != nil {
		it.Action = *r.Action.Name
		it.has |= hasAction
	}
	if x := r.Resource; x != nil {
		it.Resource = x.typed()
		if x.Type != nil && x.ID != nil {
			it.has |= hasResource
		}
	}
	it.setContext(r.Context)
}

func (s *subject) typed() (to access.Subject) {
	if s.Type != nil {
		to.Type = subjectType(*s.Type)
		if to.Type == access.AIAgent && s.Properties != nil && s.Properties.Assisting != nil {
			to.Human = *s.Properties.Assisting
		}
	}
	if s.ID != nil {
		to.ID = *s.ID
	}
	return to
}

func (r *resource) typed() (to access.Resource) {
	if p := r.Properties; p != nil {
		to.New, to.Tags, to.Group = p.New, p.Tags, p.HierarchyGroup
		to.Attributes, to.Channel = p.Attributes, p.Channel
	}
	if r.Type != nil {
		to.Type = resourceType(*r.Type)
	}
	if r.ID != nil {
		to.ID = *r.ID
	}
	return to
}

// setContext takes over the context of a question, whose surface may be unknown.
func (it *Item) setContext(c *requestContext) {
	if c == nil {
		return
	}
	it.Explain = c.Explain
	if c.AtLeastRevision != nil {
		it.AtLeast = *c.AtLeastRevision
	}
	switch c.Surface {
	case "", "admin":
	case "reports":
		it.Surface = access.Reports
	default:
		it.Err = malformed("context.surface must be admin or reports, got %q", c.Surface)
	}
}

// check returns what is wrong with an item that is to be complete.
func (it *Item) check() error {
	if err := it.has.missing(); err != nil {
		return err
	}
	return it.Err
}

// ReadEvaluation reads a question.
func ReadEvaluation(body []byte) (Question, error) {
	var it Item
	if !plainQuestion(body, &it) {
		var in request
		if err := decode(body, &in); err != nil {
			return Question{}, err
		}
		it = Item{}
		in.fill(&it)
	}
	return it.Question, it.check()
}

// batch is a Batch while it is read.
type batch struct {
	context  *requestContext
	options  *options
	defaults Item
	items    []Item
}

// ReadEvaluations reads a batch, of which the items are appended to items. A batch without items is a question:
// then single reports so.
func ReadEvaluations(body []byte, items []Item) (b Batch, single bool, err error) {
	in := batch{items: items}
	if !plainBatch(body, &in) {
		in = batch{items: in.items[:0]}
		if err := in.read(body); err != nil {
			return Batch{Items: in.items}, false, err
		}
		if len(in.items) == 0 {
			return Batch{Items: in.items}, true, nil
		}
	}
	b.Items = in.items
	if b.Semantic, err = in.options.semantic(); err != nil {
		return b, false, err
	}
	if in.context != nil && in.context.AtLeastRevision != nil {
		b.AtLeast = *in.context.AtLeastRevision
	}
	in.defaults.setContext(in.context)
	for i := range b.Items {
		b.Items[i].complete(&in.defaults)
	}
	return b, false, nil
}

// read reads a batch that is not in the plain form. An item that cannot be read spoils only itself.
func (b *batch) read(body []byte) error {
	var in batchRequest
	if err := decode(body, &in); err != nil {
		return err
	}
	if len(in.Evaluations) > maxEvaluations {
		return malformed("evaluations must have at most %d items, got %d", maxEvaluations, len(in.Evaluations))
	}
	b.context, b.options = in.Context, in.Options
	(&request{Subject: in.Subject, Action: in.Action, Resource: in.Resource}).fill(&b.defaults)
	for _, raw := range in.Evaluations {
		var it Item
		if !plainItem(raw, &it) {
			it = readItem(in.request, raw)
		}
		b.items = append(b.items, it)
	}
	return nil
}

// readItem reads an item over the defaults of its batch. A member that it gives replaces the default whole.
func readItem(defaults request, raw jsontext.Value) (it Item) {
	it.has = hasItems // and so all that it is to have
	var own request
	if raw.Kind() != '{' {
		it.Err = malformed("an evaluation must be an object, got %s", kindWords[raw.Kind()])
		return it
	}
	if it.Err = decodeObject(raw, &own); it.Err != nil {
		return it
	}
	if own.Subject == nil {
		own.Subject = defaults.Subject
	}
	if own.Action == nil {
		own.Action = defaults.Action
	}
	if own.Resource == nil {
		own.Resource = defaults.Resource
	}
	if own.Context == nil {
		own.Context = defaults.Context
	} else if own.Context.AtLeastRevision != nil {
		it.Err = malformed("context.at_least_revision must be in the context of the whole request, not of one evaluation")
		return it
	}
	own.fill(&it)
	it.Err = it.check()
	return it
}

// complete gives an item in the plain form what it lacks.
func (it *Item) complete(defaults *Item) {
	if it.has&hasItems != 0 {
		return
	}
	if it.has&hasSubject == 0 {
		it.Subject = defaults.Subject
	}
	if it.has&hasAction == 0 {
		it.Action = defaults.Action
	}
	if it.has&hasResource == 0 {
		it.Resource = defaults.Resource
	}
	it.Surface, it.Explain = defaults.Surface, defaults.Explain
	if it.Err = (it.has | defaults.has).missing(); it.Err == nil {
		it.Err = defaults.Err
	}
}

func (o *options) semantic() (Semantic, error) {
	if o == nil || o.Semantic == nil {
		return ExecuteAll, nil
	}
	switch *o.Semantic {
	case "execute_all":
		return ExecuteAll, nil
	case "deny_on_first_deny":
		return DenyOnFirstDeny, nil
	case "permit_on_first_permit":
		return PermitOnFirstPermit, nil
	}
	return 0, malformed("options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit, "+
		"got %q", *o.Semantic)
}

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
		if err := it.check(); err != nil {
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
