package questions

import (
	"context"
	"fmt"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// The oracle reads requests without the plain form and without any memory used twice: all of a body
// is decoded, then each item alone. It is slow and obviously right.

func oracleEvaluation(s *access.Snapshot, body []byte) ([]byte, error) {
	var it request
	if err := decode(body, &it); err != nil {
		return nil, err
	}
	return oracleAnswer(s, it)
}

func oracleAnswer(s *access.Snapshot, it request) ([]byte, error) {
	var q access.Query
	switch {
	case it.Subject == nil || it.Subject.Type == nil || it.Subject.ID == nil:
		return nil, malformed("subject, subject.type and subject.id are required")
	case it.Action == nil || it.Action.Name == nil:
		return nil, malformed("action and action.name are required")
	case it.Resource == nil || it.Resource.Type == nil || it.Resource.ID == nil:
		return nil, malformed("resource, resource.type and resource.id are required")
	}
	switch *it.Subject.Type {
	case "user":
	case "ai_agent":
		q.Subject.Type = access.AIAgent
		if p := it.Subject.Properties; p != nil && p.Assisting != nil {
			q.Subject.Human = *p.Assisting
		}
	default:
		q.Subject.Type = unknownSubject
	}
	q.Subject.ID, q.Action, q.Resource.ID = *it.Subject.ID, *it.Action.Name, *it.Resource.ID
	if *it.Resource.Type != "Instance" {
		q.Resource.Type = *it.Resource.Type
	}
	if p := it.Resource.Properties; p != nil {
		q.Resource.New, q.Resource.Tags, q.Resource.Group = p.New, p.Tags, p.HierarchyGroup
		q.Resource.Attributes, q.Resource.Channel = p.Attributes, p.Channel
	}
	c := it.Context
	if c == nil {
		c = new(requestContext)
	}
	switch c.Surface {
	case "", "admin":
	case "reports":
		q.Surface = access.Reports
	default:
		return nil, malformed("context.surface must be admin or reports, got %q", c.Surface)
	}
	if c.AtLeastRevision != nil && *c.AtLeastRevision < 0 {
		return nil, malformed("context.at_least_revision must be a revision, 0 or more, got %d", *c.AtLeastRevision)
	}
	type reasons struct {
		Reason   string `json:"reason"`
		Profile  string `json:"profile,omitempty"`
		Revision int64  `json:"revision"`
	}
	if c.Explain {
		return Marshal(View{Snapshot: s}.explain(&Question{Query: q}))
	}
	d := s.Decide(&q)
	return jsonv2.Marshal(struct {
		Decision bool    `json:"decision"`
		Context  reasons `json:"context"`
	}{d.Allow, reasons{d.Reason.String(), d.Profile, s.Revision()}})
}

func oracleEvaluations(s *access.Snapshot, body []byte) ([]byte, error) {
	var in struct {
		request
		Evaluations []jsontext.Value `json:"evaluations"`
		Options     *struct {
			Semantic *string `json:"evaluations_semantic"`
		} `json:"options"`
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if len(in.Evaluations) == 0 {
		return oracleEvaluation(s, body)
	}
	if len(in.Evaluations) > maxEvaluations {
		return nil, malformed("evaluations must have at most %d items, got %d", maxEvaluations, len(in.Evaluations))
	}
	semantic := "execute_all"
	if in.Options != nil && in.Options.Semantic != nil {
		semantic = *in.Options.Semantic
	}
	stop := map[string]string{"execute_all": "never", "deny_on_first_deny": `{"decision":false`,
		"permit_on_first_permit": `{"decision":true`}[semantic]
	if stop == "" {
		return nil, malformed("options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit, got %q", semantic)
	}
	if c := in.Context; c != nil && c.AtLeastRevision != nil && *c.AtLeastRevision < 0 {
		return nil, malformed("context.at_least_revision must be a revision, 0 or more, got %d", *c.AtLeastRevision)
	}
	var all []string
	for _, raw := range in.Evaluations {
		answer, err := oracleItem(s, in.request, raw)
		if err != nil {
			message, _ := jsontext.AppendQuote(nil, err.Error())
			answer = fmt.Appendf(nil, `{"decision":false,"context":{"error":{"status":400,"message":%s}}}`, message)
		}
		if all = append(all, string(answer)); strings.HasPrefix(string(answer), stop) {
			break
		}
	}
	return []byte(`{"evaluations":[` + strings.Join(all, ",") + `]}`), nil
}

func oracleItem(s *access.Snapshot, it request, raw jsontext.Value) ([]byte, error) {
	var own request
	if raw.Kind() != '{' {
		return nil, malformed("an evaluation must be an object, got %s", kindWords[raw.Kind()])
	}
	if err := decode(raw, &own); err != nil {
		return nil, err
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
			return nil, malformed("context.at_least_revision must be in the context of the whole request, not of one evaluation")
		}
		it.Context = own.Context
	}
	return oracleAnswer(s, it)
}

// small is an instance in which questions of the seeds are answered either way.
func small() *access.Snapshot {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Permissions: []string{"Users.View"}})
	e.Put(&lanyard.Profile{Meta: lanyard.Meta{ID: `"q`, Name: "q"}, Permissions: []string{"Users.View"},
		AccessTags: map[string]string{"a": "b"}, TagRestricted: []string{"User"}})
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "amélie", Tags: map[string]string{"a": "b"}},
		Profiles: []string{"p"}})
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "v", Name: "v"}, Profiles: []string{`"q`}})
	return e.Snapshot(7)
}

// ask answers a question, and askAll a batch, as a front end does.
func ask(s *Service, body []byte) ([]byte, error) {
	q, err := ReadEvaluation(body)
	if err != nil {
		return nil, err
	}
	e, err := s.Evaluate(context.Background(), Viewer{}, &q)
	if err != nil {
		return nil, err
	}
	return Marshal(e)
}

func askAll(s *Service, body []byte) ([]byte, error) {
	batch, single, err := ReadEvaluations(body, nil)
	if single {
		return ask(s, body)
	}
	if err != nil {
		return nil, err
	}
	var all []string
	if err := s.EvaluateAll(context.Background(), Viewer{}, &batch, func(e Evaluation, err error) int {
		answer, encoding := Marshal(e)
		if err != nil {
			message, _ := jsontext.AppendQuote(nil, err.Error())
			answer = fmt.Appendf(nil, `{"decision":false,"context":{"error":{"status":400,"message":%s}}}`, message)
		} else if encoding != nil {
			answer = []byte(encoding.Error())
		}
		all = append(all, string(answer))
		return 0
	}); err != nil {
		return nil, err
	}
	return []byte(`{"evaluations":[` + strings.Join(all, ",") + `]}`), nil
}

// agree holds the answers to questions and batches to the oracle's.
func agree(t *testing.T, s *access.Snapshot, body []byte) {
	t.Helper()
	service := New(Config{Snapshot: func(context.Context, Viewer, int64) (*access.Snapshot, error) { return s, nil }})
	for _, e := range []struct {
		name   string
		answer func(*Service, []byte) ([]byte, error)
		oracle func(*access.Snapshot, []byte) ([]byte, error)
	}{
		{"evaluation", ask, oracleEvaluation},
		{"evaluations", askAll, oracleEvaluations},
	} {
		got, err := e.answer(service, body)
		want, wantErr := e.oracle(s, body)
		if string(got) != string(want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s of %q\nanswers %s, %v\nwant    %s, %v", e.name, body, got, err, want, wantErr)
		}
	}
}

const (
	user       = `{"type":"user","id":"u"}`
	whole      = `"subject":` + user + `,"action":{"name":"Users.View"},"resource":{"id":"u","type":"User"}`
	batchPlain = `{"evaluations":[{` + whole +
		`},{}, {"resource":{"type":"User","id":"v"}},{"subject":{"id":"amélie","type":"user"}}],` + whole +
		`,"context":{"surface":"reports","explain":false,"at_least_revision":3},"options":{"evaluations_semantic":"deny_on_first_deny"}}`
)

var seeds = []string{
	`{` + whole + `}`, " {\n\t\"context\" : {} ,\r " + whole + " } \n", `{` + whole + `,"context":{"explain":true}}`, `{` +
		whole + `,"context":null}`,
	`{` + whole + `,"context":{"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}`,
	`{` + whole + `,"context":{"surface":"}"}}`, `{` + whole + `,"context":{"surface":"[]"}}`, `{` + whole +
		`,"context":{"at_least_revision":-1}}`,
	`{` + whole + `,"context":{"at_least_revision":1e3}}`, `{` + whole + `,"context":{},"context":{}}`, `{` + whole +
		`,"x":1}`, `{` + whole + `,` + whole + `}`,
	`{` + whole + `}}`, `{` + whole + `,}`, `{` + whole + "}\x00", `{` + whole + `} x`, `[{` + whole + `}]`, `{}`, ``, ` `,
	`{`, `{"`, `{"":{}}`, `{,}`, `null`,
	"{\"subject\":{\"type\":\"user\",\"id\":\"\xff\"}}", "{\"subject\":{\"type\":\"user\",\"id\":\"a\x01\"}}",
	"{\"subject\":{\"type\":\"user\",\"id\":\"\xed\xa0\x80\"}}", "{\"subject\":{\"type\":\"user\",\"id\":\"\x7f\"}}",
	`{"subject":{"type":"user","id":"\u0075"},"action":{"name":"Users.View"},"resource":{"id":"amélie","type":"User"}}`,
	`{"subject":{"type":"user","id":"\ud800"}}`,
	`{"subject":{"type":"user","type":"user"},"action":{"name":"x"}}`, `{"subject":{"id":"u"},` +
		whole[len(`"subject":`+user+`,`):] + `}`, `{"subject":null,` + whole + `}`,
	`{"\u0073ubject":` + user + `,` + whole + `}`, `{"Subject":5,` + whole + `}`, `{"action":{"name":"x","name":"x"}}`,
	`{"action":{"name":null}}`, `{"action":{}}`,
	`{"subject":{"type":"ai_agent","id":"x","properties":{"assisting":"u"}},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""}}`,
	`{"subject":{"type":"robot","id":"u"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":"` + "\u2028" +
		`"}}`,
	batchPlain, `{"evaluations":[]}`, `{"evaluations":[],` + whole + `}`, `{"evaluations":null,` + whole + `}`,
	`{"evaluations":5}`, `{"evaluations":[{}],"evaluations":[{}]}`,
	`{"evaluations":[{},5,null,[],{"subject":5},{` + whole +
		`,"context":{"surface":"mars"}},{"context":{"at_least_revision":1}},{` + whole + `,"x":{"y":[{}]}}]}`,
	`{"evaluations":[{` + whole + `},{"subject":{"type":"user","type":"user"}}]}`, `{"evaluations":[{` + whole + `}],` +
		`"context":{"surface":"mars"}}`,
	`{"evaluations":[{` + whole + `}],"options":{"evaluations_semantic":"any"}}`, `{"evaluations":[{` + whole +
		`}],"options":{"evaluations_semantic":null,"x":1}}`,
	`{"evaluations":[{"action":{"name":"x"}},{"resource":{"type":"User","id":"u"}},{` + whole +
		`}],"options":{"evaluations_semantic":"permit_on_first_permit"},` + whole + `}`,
	`{"subject":{"type":"user","id":"u","properties":{}},"evaluations":[{` + whole +
		`},{"action":{"name":"Users.View"},"resource":{"type":"User","id":"u","properties":{"tags":{"a":"b"}}}}],"context":{"explain":true}}`,
	`{"subject":{"type":"user"},"evaluations":[{` + whole + `},{}]}`, `{"evaluations":[{}` + strings.Repeat(",{}", 999) +
		`],` + whole + `}`, `{"evaluations":[{}` + strings.Repeat(",{}", 1000) + `],` + whole + `}`,
	`{"evaluations":[` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `]}`, `{"evaluations":[` +
		strings.Repeat("[", 30) + strings.Repeat("]", 30) + `]}`,
	`{"options":{"evaluations_semantic":"execute_all"},"subject":{"id":"\\","type":"user"},"evaluations":[{}]}`,
}

func TestPlainForm(t *testing.T) {
	s := small()
	for _, body := range seeds {
		agree(t, s, []byte(body))
	}
	// Whatever comes in the place of a byte, before it, or behind the part that ends there.
	for _, body := range []string{seeds[1], batchPlain} {
		for i := range body {
			for _, c := range []string{"", `"`, `\`, "{", "}", "[", "]", ",", ":", " ", "\n", "\x00", "\x1f", "\x7f", "\x80",
				"é", "n", "5"} {
				agree(t, s, []byte(body[:i]+c+body[i+1:]))
				agree(t, s, []byte(body[:i]+c+body[i:]))
			}
			agree(t, s, []byte(body[:i]))
		}
	}
	for _, body := range []string{seeds[0], batchPlain} { // the plain form is what these are
		var in batch
		if !plainQuestion([]byte(body), new(Item)) && !plainBatch([]byte(body), &in) {
			t.Errorf("%s is not read in the plain form", body)
		}
	}
}

func FuzzPlainForm(f *testing.F) {
	s := small()
	for _, body := range seeds {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { agree(t, s, body) })
}
