package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/typo"
)

// A tool is one that a model may call.
type tool struct {
	name, title string
	description string
	enums       map[string][]string // the values of arguments that take only some
	administer  bool                // for callers who may administer
	slow        bool                // looks at a whole instance

	input *jsonschema.Schema
}

// addTools adds every tool. A test calls each.
func (s *Server) addTools() {
	addTool(s, listInstances, (*asker).listInstances)
	addTool(s, findResources, (*asker).findResources)
	addTool(s, findPermissions, (*asker).findPermissions)
	addTool(s, describeProfile, (*asker).describeProfile)
	addTool(s, describeUser, (*asker).describeUser)
	addTool(s, checkAccess, (*asker).checkAccess)
	addTool(s, whoCan, (*asker).whoCan)
	addTool(s, whatCan, (*asker).whatCan)
	addTool(s, whichResources, (*asker).whichResources)
	addTool(s, profileHolders, (*asker).profileHolders)
	addTool(s, whatIf, (*asker).whatIf)
	addTool(s, lintFindings, (*asker).lintFindings)
	addTool(s, history, (*asker).history)
}

// An answer of a tool has a text too.
type answer interface{ write(*writer) }

// An About is what all arguments have: the instance that a tool is about.
type About struct {
	Instance string `json:"instance,omitempty" jsonschema:"The instance to ask about: its id, ARN or alias. Leave it out if list_instances shows only one."`
}

func (a About) instance() string { return a.Instance }

// A Paged is what the arguments of lists have.
type Paged struct {
	Limit     int    `json:"limit,omitzero" jsonschema:"How many results a page may have, from 1 to 100. Default: 50. A page may be shorter."`
	PageToken string `json:"page_token,omitempty" jsonschema:"To go on with a list: next_page_token of the answer before, with all other arguments as they were."`
}

// Bounds of pages.
const (
	defaultPage = 50
	maxPage     = 100
)

// size returns how many results a page may have.
func (p Paged) size() (int, error) {
	switch {
	case p.Limit == 0:
		return defaultPage, nil
	case p.Limit < 1 || p.Limit > maxPage:
		return 0, lanyard.Errorf(lanyard.Invalid, "limit must be 1 to %d, got %d", maxPage, p.Limit)
	}
	return p.Limit, nil
}

// page is size as package questions has it.
func (p Paged) page() (questions.Page, error) {
	n, err := p.size()
	return questions.Page{Token: p.PageToken, Limit: n, Bytes: pageBytes}, err
}

// addTool adds a tool, with schemas of the types of its arguments and of its answer.
func addTool[In interface{ instance() string }, Out answer](s *Server, t tool,
	run func(*asker, context.Context, In) (Out, error)) {
	t.input = schemaOf[In]()
	for name, values := range t.enums {
		for _, v := range values {
			t.input.Properties[name].Enum = append(t.input.Properties[name].Enum, v)
		}
	}
	t.input.Properties["instance"].MaxLength = jsonschema.Ptr(lanyard.MaxARN)
	if limit := t.input.Properties["limit"]; limit != nil {
		limit.Minimum, limit.Maximum = jsonschema.Ptr(1.0), jsonschema.Ptr(float64(maxPage))
	}
	s.tools[t.name] = t
	closed := false
	mcp.AddTool(s.mcp, &mcp.Tool{Name: t.name, Title: t.title, Description: t.description, InputSchema: t.input,
		OutputSchema: schemaOf[Out](),
		Annotations: &mcp.ToolAnnotations{Title: t.title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed,
			DestructiveHint: &closed}},
		func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
			ctx, cancel := context.WithTimeout(ctx, maxTime)
			defer cancel()
			var out Out
			a, err := s.ask(ctx, in.instance(), t)
			if err == nil {
				defer a.done()
				out, err = run(a, ctx, in)
			}
			if err != nil {
				return nil, out, s.explain(ctx, t, err)
			}
			if out = clean(out); tooLarge(out) {
				return nil, out, errors.New("the answer is too large; ask for less with limit, or about something narrower")
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: textOf(out)}}}, out, nil
		})
}

// tooLarge reports whether an answer has more bytes than any may have. Pages are far below.
func tooLarge(out any) bool {
	b, err := json.Marshal(out)
	return err != nil || len(b) > maxAnswer
}

// schemaOf returns the schema of a type. No value may be null.
func schemaOf[T any]() *jsonschema.Schema {
	s, err := jsonschema.For[T](nil)
	if err != nil {
		panic(err) // the type has no schema
	}
	withoutNull(s)
	return s
}

func withoutNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	for _, p := range s.Properties {
		withoutNull(p)
	}
	withoutNull(s.Items)
	if s.Type == "object" && s.Properties == nil {
		withoutNull(s.AdditionalProperties)
	}
}

// check refuses a call of a tool that the caller may not use, and arguments that do not fit its schema where a message
// of ours says better than the schema's validator what would be right.
func (t *tool) check(p Principal, arguments []byte) error {
	if t.administer && !p.Administer {
		return lanyard.Errorf(lanyard.Denied, "the token is of scope decide; the tool %s requires one of scope administer: "+
			"lanyard token create --scope administer", t.name)
	}
	in := map[string]jsontext.Value{}
	if len(arguments) > 0 {
		if err := json.Unmarshal(arguments, &in); err != nil {
			return lanyard.Errorf(lanyard.Malformed, "arguments must be a JSON object")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		property, ok := t.input.Properties[name]
		if !ok {
			all := t.input.PropertyOrder
			return lanyard.Errorf(lanyard.Malformed, "argument must be one of %s, got %s%s", strings.Join(all, ", "),
				lanyard.Quote(name), typo.DidYouMean(name, all))
		}
		if want, got := kindOf[property.Type], in[name].Kind(); want.kind != 0 && want.kind != got {
			return lanyard.Errorf(lanyard.Malformed, "%s must be %s, got %s", name, want.word, lanyard.Clip(string(in[name])))
		}
		var number int
		if property.Maximum != nil && json.Unmarshal(in[name], &number) == nil && (number < 1 || number > maxPage) {
			return lanyard.Errorf(lanyard.Malformed, "%s must be 1 to %d, got %d", name, maxPage, number)
		}
		var value string
		if len(property.Enum) == 0 || json.Unmarshal(in[name], &value) != nil || slices.Contains(t.enums[name], value) {
			continue
		}
		return lanyard.Errorf(lanyard.Malformed, "%s must be one of %s, got %s%s", name, strings.Join(t.enums[name], ", "),
			lanyard.Quote(value), typo.DidYouMean(value, t.enums[name]))
	}
	for _, name := range t.input.Required {
		if in[name] == nil {
			return lanyard.Errorf(lanyard.Malformed, "%s is required. %s", name, t.input.Properties[name].Description)
		}
	}
	return nil
}

// kindOf has the kinds of JSON values by the types of schemas.
var kindOf = map[string]struct {
	kind jsontext.Kind
	word string
}{"string": {'"', "a text"}, "integer": {'0', "a number"}, "array": {'[', "a list"}, "object": {'{', "an object"}}

// unknownTool words that a tool does not exist.
func (s *Server) unknownTool(name string) string {
	return "tool " + lanyard.Quote(name) + " does not exist" +
		typo.DidYouMean(name, slices.Sorted(maps.Keys(s.tools)))
}

// toolError is a result that says what was wrong with a call.
func toolError(err error) *mcp.CallToolResult {
	var r mcp.CallToolResult
	r.SetError(errors.New(safe(err.Error())))
	return &r
}

// explain returns what to tell a model of an error. What went wrong inside is for the log.
func (s *Server) explain(ctx context.Context, t tool, err error) error {
	var domain *lanyard.Error
	if errors.As(err, &domain) && httpstatus.Of(domain.Kind) != 500 {
		message := domain.Message
		if strings.HasPrefix(message, "page.token ") { // as the decision API calls it
			message = badToken().Error()
		}
		if domain.Kind == lanyard.Unavailable || domain.Kind == lanyard.Throttled {
			message += "; try again in a moment"
		}
		return errors.New(safe(message))
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the answer takes more than %v; ask about less", maxTime)
	}
	if ctx.Err() == nil {
		s.Logger.Error("tool of the assistant failed", "tool", t.name, "error", err)
	}
	return errors.New(internalFailure)
}
