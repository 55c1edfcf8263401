package questions

import (
	"slices"
	"sort"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/mcprights"
)

// maxAudience bounds the audiences of a token.
const maxAudience = 20

// identify reads what a gateway says of the token, if the subject is of type identity.
func (it *Item) identify() (err error) {
	if it.Subject.Type != identity {
		return nil
	}
	r := &coaz.Request{Identity: it.Subject.ID, Action: it.Action, Type: it.Resource.Type, ID: it.Resource.ID}
	switch v := it.token.Agent; v.Kind() {
	case 0, 'n':
	case '"':
		r.Agent = new(string)
		err = json.Unmarshal(v, r.Agent)
	default:
		return malformed("context.agent must be a string, got %s", kindWords[v.Kind()])
	}
	if err == nil {
		r.Audience, err = it.token.audience()
	}
	if err != nil {
		return err
	}
	it.MCP = r
	return nil
}

// audience returns the audiences of a token, which may be one or a list.
func (t token) audience() (all []string, err error) {
	switch v := t.Audience; v.Kind() {
	case 0, 'n':
		return nil, nil
	case '"':
		all = make([]string, 1)
		return all, json.Unmarshal(v, &all[0])
	case '[':
		var items []jsontext.Value
		if err := json.Unmarshal(v, &items); err != nil {
			return nil, err
		}
		if len(items) == 0 || len(items) > maxAudience {
			return nil, malformed("context.audience must have 1 to %d items, got %d", maxAudience, len(items))
		}
		all = make([]string, len(items))
		for i, item := range items {
			if item.Kind() != '"' {
				return nil, malformed("an item of context.audience must be a string, got %s", kindWords[item.Kind()])
			}
			if err := json.Unmarshal(item, &all[i]); err != nil {
				return nil, err
			}
		}
		return all, nil
	default:
		return nil, malformed("context.audience must be a string or a list of strings, got %s", kindWords[v.Kind()])
	}
}

// mapping returns what tokens stand for in an instance; nil when everything stands for itself.
func (s *Service) mapping(instance string) *coaz.Mapping {
	if s.Mapping == nil {
		return nil
	}
	return s.Mapping(instance)
}

// answer answers a question of either kind.
func (s *Service) answer(by Viewer, v View, q *Question) (e Evaluation) {
	asked := &q.Query
	if q.MCP == nil {
		e = v.evaluate(q)
	} else {
		e, asked = v.evaluateMCP(q, s.mapping(v.Instance()))
	}
	if s.Log != nil && by.User == "" {
		s.Log(by, asked, &e)
	}
	return e
}

// evaluateMCP answers what a gateway asks about a request of MCP, and returns what that asks by the mapping.
func (v View) evaluateMCP(q *Question, m *coaz.Mapping) (Evaluation, *access.Query) {
	ask := m.Ask(q.MCP, q.Query, v.hasUser)
	e := Evaluation{Context: EvaluationContext{Reason: ask.Reason.String(), Revision: v.Revision()}}
	switch ask.Verdict {
	case coaz.Pass:
		e.Decision, e.Context.Reason = true, access.Granted.String()
		return e, &ask.Query
	case coaz.AnyTool:
		ask.Query.Action = v.anyTool(ask.Query)
		e = v.evaluate(&Question{Query: ask.Query, Explain: q.Explain})
	case coaz.AResource:
		ask.Query.Action = v.aResource(ask.Query, q.MCP.ID)
		e = v.evaluate(&Question{Query: ask.Query, Explain: q.Explain})
	case coaz.Decide:
		e = v.evaluate(&Question{Query: ask.Query, Explain: q.Explain})
	}
	if !e.Decision {
		e.Context.Message = ask.Message
	}
	return e, &ask.Query
}

func (v View) hasUser(ref string) bool {
	_, ok := v.LookupUser(ref)
	return ok
}

// tools returns those tools of the application that q is about which its subject may call, in byte order.
func (v View) tools(q access.Query) []string {
	return slices.DeleteFunc(v.WhichActions(&q), func(name string) bool { return !mcprights.IsTool(name) })
}

// anyTool returns a tool that the subject of q may call. If there is none, it returns one that shows best why not: of
// an AI agent that may call it only for another user, otherwise "".
func (v View) anyTool(q access.Query) string {
	found := v.tools(q)
	if len(found) == 0 && q.Subject.Human != "" {
		q.Subject.Human = ""
		found = v.tools(q)
	}
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

// aResource returns the permission by which the subject of q may use a resource: its own, or else that of a template
// which grants it. If there is none, it returns its own.
func (v View) aResource(q access.Query, uri string) string {
	if v.Decide(&q).Allow {
		return q.Action
	}
	own := q.Action
	for _, permission := range v.WhichActions(&q) {
		if mcprights.Covers(permission, uri) {
			return permission
		}
	}
	return own
}

// toolsOf lists the tools that a gateway's caller may call.
func (v searchView) toolsOf(q *Search, m *coaz.Mapping) (out Resources, err error) {
	var names []string
	if asked, ok := m.Tools(q.MCP, v.hasUser); ok {
		names = v.tools(asked)
	}
	names = names[sort.Search(len(names), func(i int) bool { return names[i] > string(v.at) }):]
	var next position
	out.Results, next, err = listing[string, Resource]{names, nil, func(name string) position { return position(name) },
		func(name string) Resource { return Resource{Entity{coaz.TypeTool, name}, Named{name}} }, v.pager.most}.results()
	out.Page = v.pager.info(len(out.Results), next)
	return out, err
}
