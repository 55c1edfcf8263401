package authzen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/nesting"
)

// maxAnswer is how many bytes of results or explanations an answer has before it ends: a list with a token
// for the rest, a batch with decisions that are not explained.
const maxAnswer = 4 << 20

// asking is one request after its caller is known.
type asking struct {
	s         *Server
	ctx       context.Context
	principal Principal
	instance  string
	header    http.Header
	scratch   *scratch
}

// bad refuses a request. What the caller sent is repeated in part only: a batch may repeat it a thousand
// times.
func bad(format string, args ...any) error {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = lanyard.Clip(s)
		}
	}
	return &httpError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// The entities, as they arrive. A nil pointer was absent.
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
		unexplained     bool   // Explain was asked for, and there is no room for it
	}
	item struct {
		Subject  *subject        `json:"subject"`
		Action   *action         `json:"action"`
		Resource *resource       `json:"resource"`
		Context  *requestContext `json:"context"`
	}
)

// decode reads a request: an object without repeated members, wrong types or invalid UTF-8.
// Unknown members are passed over.
func decode(body []byte, to any) error {
	if nesting.Exceeds(body, maxNesting) {
		return bad("the request body has values more than %d deep in one another", maxNesting)
	}
	start := 0
	for start < len(body) && (body[start] == ' ' || body[start] == '\n' || body[start] == '\t' || body[start] == '\r') {
		start++
	}
	if start == len(body) || body[start] != '{' {
		return bad("the request body is not a JSON object")
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
		return bad("the request body is not valid JSON: at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	}
	return bad("the request body cannot be read: %v", err)
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
	return bad("%s must be %s, got %s", member, want, got)
}

var (
	kindWords = map[jsontext.Kind]string{'n': "null", 't': "true", 'f': "false", '"': "a string", '0': "a number",
		'[': "an array", '{': "an object"}
	typeWords = map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false",
		reflect.Int64:  "an integer",
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array"}
)

// Names of things that have no type of their own in package access.
const (
	typeUser     = "user"
	typeAgent    = "ai_agent"
	typeInstance = "Instance" // for permissions without an object
)

// query makes a question of an item. What is missing is said by name.
func (it *item) query() (q access.Query, err error) {
	if err := it.has().missing(); err != nil {
		return q, err
	}
	it.fill(&q)
	return q, it.Context.surface(&q)
}

// has tells which parts are there with what they need.
func (it *item) has() (has parts) {
	if it.Subject != nil && it.Subject.Type != nil && it.Subject.ID != nil {
		has |= hasSubject
	}
	if it.Action != nil && it.Action.Name != nil {
		has |= hasAction
	}
	if it.Resource != nil && it.Resource.Type != nil && it.Resource.ID != nil {
		has |= hasResource
	}
	return has
}

// fill writes what is there into q.
func (it *item) fill(q *access.Query) {
	if s := it.Subject; s != nil {
		if s.Type != nil {
			q.Subject.Type = subjectType(*s.Type)
			if q.Subject.Type == access.AIAgent && s.Properties != nil && s.Properties.Assisting != nil {
				q.Subject.Human = *s.Properties.Assisting
			}
		}
		if s.ID != nil {
			q.Subject.ID = *s.ID
		}
	}
	if it.Action != nil && it.Action.Name != nil {
		q.Action = *it.Action.Name
	}
	if r := it.Resource; r != nil {
		if r.Type != nil {
			q.Resource.Type = resourceType(*r.Type)
		}
		if r.ID != nil {
			q.Resource.ID = *r.ID
		}
		if p := r.Properties; p != nil {
			q.Resource.New, q.Resource.Tags, q.Resource.Group = p.New, p.Tags, p.HierarchyGroup
			q.Resource.Attributes, q.Resource.Channel = p.Attributes, p.Channel
		}
	}
}

func subjectType(name string) access.SubjectType {
	switch name {
	case typeUser:
		return access.User
	case typeAgent:
		return access.AIAgent
	}
	return noSubject
}

func resourceType(name string) string {
	if name == typeInstance {
		return ""
	}
	return name
}

// noSubject is a type of subjects that does not exist; nobody is found under it.
const noSubject access.SubjectType = 255

func (c *requestContext) surface(q *access.Query) error {
	if c == nil {
		return nil
	}
	switch c.Surface {
	case "", "admin":
	case "reports":
		q.Surface = access.Reports
	default:
		return bad("context.surface must be admin or reports, got %q", c.Surface)
	}
	return nil
}

// snapshot returns the state to decide from: of at least the revision that the context or the
// header asks for.
func (a *asking) snapshot(c *requestContext) (*access.Snapshot, error) {
	var atLeast int64
	if v := a.header[Revision]; len(v) > 0 {
		n, err := strconv.ParseInt(v[0], 10, 64)
		if err != nil || n < 0 {
			return nil, bad("x-lanyard-revision must be a revision, 0 or more, got %q", v[0])
		}
		atLeast = n
	}
	if c != nil && c.AtLeastRevision != nil {
		if *c.AtLeastRevision < 0 {
			return nil, bad("context.at_least_revision must be a revision, 0 or more, got %d", *c.AtLeastRevision)
		}
		atLeast = max(atLeast, *c.AtLeastRevision)
	}
	return a.s.Snapshot(a.ctx, a.principal, a.instance, atLeast)
}

func (a *asking) evaluation(body []byte) ([]byte, error) {
	q, c, err := single(body)
	if err != nil {
		return nil, err
	}
	snapshot, err := a.snapshot(c)
	if err != nil {
		return nil, err
	}
	var allowed bool
	a.scratch.answer, allowed = decide(a.scratch.answer[:0], snapshot, &q, c)
	if allowed {
		a.s.count(1, 1)
	} else {
		a.s.count(1, 0)
	}
	return a.scratch.answer, nil
}

// single reads the request of one evaluation.
func single(body []byte) (q access.Query, c *requestContext, err error) {
	if x, c, ok := readQuestion(body); ok {
		if err = x.has.missing(); err == nil {
			x.fill(&q)
			err = c.surface(&q)
		}
		return q, c, err
	}
	var it item
	if err = decode(body, &it); err == nil {
		q, err = it.query()
	}
	return q, it.Context, err
}

// within is c for a batch whose answer has a size so far: when that is too large for more explanations,
// questions are decided and not explained.
func (c *requestContext) within(size int) *requestContext {
	if c == nil || !c.Explain || size < maxAnswer {
		return c
	}
	less := *c
	less.Explain, less.unexplained = false, true
	return &less
}

// decide appends the answer to one question.
func decide(b []byte, s *access.Snapshot, q *access.Query, c *requestContext) (answer []byte, allow bool) {
	if c != nil && c.Explain {
		return explain(b, s, q)
	}
	d := s.Decide(q)
	b = append(b, `{"decision":`...)
	b = strconv.AppendBool(b, d.Allow)
	b = append(b, `,"context":{"reason":"`...)
	b = append(b, d.Reason.String()...)
	b = append(b, '"')
	if d.Profile != "" {
		b = append(b, `,"profile":`...)
		b = quote(b, d.Profile)
	}
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, s.Revision(), 10)
	if c != nil && c.unexplained {
		b = append(b, `,"explanation":"Not explained: the answer is too large already. Ask about this alone."`...)
	}
	return append(b, `}}`...), d.Allow
}

func quote(b []byte, s string) []byte {
	b, err := jsontext.AppendQuote(b, s)
	if err != nil { // invalid UTF-8 is replaced, and reported
		return b
	}
	return b
}

type (
	explanation struct {
		Decision bool               `json:"decision"`
		Context  explanationContext `json:"context"`
	}
	explanationContext struct {
		Reason      string    `json:"reason"`
		Profile     string    `json:"profile,omitempty"`
		Revision    int64     `json:"revision"`
		Explanation string    `json:"explanation"`
		Profiles    []finding `json:"profiles"`
		Hints       []string  `json:"hints"`
	}
	finding struct {
		Profile string      `json:"profile"`
		Name    string      `json:"name"`
		Holder  string      `json:"holder"`
		Grants  bool        `json:"grants"`
		Allows  bool        `json:"allows"`
		Failed  []condition `json:"failed,omitempty"`
	}
	condition struct {
		Kind string `json:"kind"`
		Want string `json:"want"`
		Have string `json:"have,omitempty"`
	}
)

func explain(b []byte, s *access.Snapshot, q *access.Query) (answer []byte, allow bool) {
	x := s.Explain(q)
	out := explanation{Decision: x.Allow,
		Context: explanationContext{Reason: x.Reason.String(), Profile: x.Profile, Revision: s.Revision(),
			Explanation: x.Sentence, Profiles: []finding{}, Hints: x.Hints}}
	for _, f := range x.Profiles {
		o := finding{Profile: f.Profile, Name: f.Name, Holder: f.Holder, Grants: f.Grants, Allows: f.Allows}
		for _, c := range f.Failed {
			o.Failed = append(o.Failed, condition{c.Kind.String(), c.Want, c.Have})
		}
		out.Context.Profiles = append(out.Context.Profiles, o)
	}
	j, err := json.Marshal(out, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return append(b, `{"decision":false}`...), false
	}
	return append(b, j...), x.Allow
}

type (
	batch struct {
		item                         // what a question takes that gives nothing else
		Options     *options         `json:"options"`
		Evaluations []jsontext.Value `json:"evaluations"`
		questions   []question       // the same, read
	}
	options struct {
		Semantic *string `json:"evaluations_semantic"`
	}
)

// evaluations answers a batch.
func (a *asking) evaluations(body []byte) ([]byte, error) {
	in := batch{questions: a.scratch.questions}
	ok := readBatch(body, &in)
	if a.scratch.questions = in.questions; !ok {
		in = batch{questions: in.questions[:0]}
		// Items stay raw at first: one that cannot be read spoils only itself.
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		if len(in.Evaluations) == 0 {
			return a.evaluation(body)
		}
		if len(in.Evaluations) > maxEvaluations {
			return nil, bad("evaluations must have at most %d items, got %d", maxEvaluations, len(in.Evaluations))
		}
		for _, raw := range in.Evaluations {
			in.questions = append(in.questions, readItem(raw))
		}
		a.scratch.questions = in.questions
	}
	stopOn, stops := false, false
	if in.Options != nil && in.Options.Semantic != nil {
		switch *in.Options.Semantic {
		case "execute_all":
		case "deny_on_first_deny":
			stops = true
		case "permit_on_first_permit":
			stops, stopOn = true, true
		default:
			return nil, bad("options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit, got %q",
				*in.Options.Semantic)
		}
	}
	snapshot, err := a.snapshot(in.Context)
	if err != nil {
		return nil, err
	}
	b := append(a.scratch.answer[:0], `{"evaluations":[`...)
	var q, defaults access.Query
	in.fill(&defaults)
	has, badSurface := in.has(), in.Context.surface(&defaults)
	var all, allows int64
	for i := range in.questions {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		x, c := &in.questions[i], in.Context
		if x.raw != nil {
			it := in.item
			q, err = it.over(x.raw)
			c = it.Context
		} else if err = (has | x.has).missing(); err == nil {
			q, err = defaults, badSurface
			x.fill(&q)
		}
		allowed := false
		if err != nil {
			b = append(b, `{"decision":false,"context":{"error":{"status":400,"message":`...)
			b = append(quote(b, err.Error()), `}}}`...)
		} else {
			b, allowed = decide(b, snapshot, &q, c.within(len(b)))
		}
		if all++; allowed {
			allows++
		}
		if stops && allowed == stopOn {
			break
		}
	}
	a.s.count(all, allows)
	a.scratch.answer = append(b, `]}`...)
	return a.scratch.answer, nil
}

// over reads an item over the defaults that it already holds. A key that the raw item gives
// replaces the default whole.
func (it *item) over(raw jsontext.Value) (access.Query, error) {
	var own item
	if raw.Kind() != '{' {
		return access.Query{}, bad("an evaluation must be an object, got %s", kindWords[raw.Kind()])
	}
	if err := decodeObject(raw, &own); err != nil {
		return access.Query{}, err
	}
	if own.Subject != nil {
		it.Subject = own.Subject
	}
	if own.Action != nil {
		it.Action = own.Action
	}
	if own.Resource != nil {
		it.Resource = own.Resource
	}
	if own.Context != nil {
		if own.Context.AtLeastRevision != nil {
			return access.Query{},
				bad("context.at_least_revision must be in the context of the whole request, not of one evaluation")
		}
		it.Context = own.Context
	}
	return it.query()
}
