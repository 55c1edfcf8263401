package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// questionFlags are what a question may say in addition to its subject, action and resource.
type questionFlags struct {
	resourceFlags `embed:""`
	OnBehalfOf    string `help:"User whom the AI agent assists; then both must be allowed." aliases:"human" placeholder:"USER"`
	Surface       string `help:"Where the question is asked: admin, or reports." default:"admin" enum:"admin,reports"`
}

// question is a request of an evaluation, or a part of one.
type question struct {
	Subject  *asked          `json:"subject,omitempty"`
	Action   *actionName     `json:"action,omitempty"`
	Resource *asked          `json:"resource,omitempty"`
	Context  questionContext `json:"context,omitzero"`
}

type actionName struct {
	Name string `json:"name"`
}

type questionContext struct {
	Surface string `json:"surface,omitempty"`
	Explain bool   `json:"explain,omitempty"`
}

// question resolves what the command line names.
func (f questionFlags) question(ctx context.Context, a *asker, user, permission, resource string) (question, error) {
	q := question{Action: &actionName{permission}}
	if f.Surface == "reports" {
		q.Context.Surface = f.Surface
	}
	if user != "" {
		s, err := a.subject(ctx, user, f.OnBehalfOf)
		if err != nil {
			return q, err
		}
		q.Subject = &s
	}
	r, err := f.resource(ctx, a, resource)
	q.Resource = &r
	return q, err
}

// verdict is the answer to a question, as it came and as it is read here.
type verdict struct {
	raw      json.RawMessage
	Decision bool
	Context  struct {
		Reason      string
		Explanation string
		Profiles    []struct {
			Name, Holder   string
			Grants, Allows bool
			Failed         []struct{ Kind, Want, Have string }
		}
		Hints []string
	}
}

func (v *verdict) UnmarshalJSON(b []byte) error {
	type plain verdict
	v.raw = slices.Clone(b)
	return json.Unmarshal(b, (*plain)(v))
}

func (v *verdict) MarshalJSON() ([]byte, error) { return v.raw, nil }

// misasked returns an error when a question has no answer: a slip must not look like a denial.
func (v *verdict) misasked(q question) error {
	switch v.Context.Reason {
	case access.UnknownAction.String():
		return unknownAction(q)
	case access.WrongType.String():
		return fmt.Errorf("%s is not about resources of type %s", q.Action.Name, q.Resource.Type)
	case access.UnknownResource.String():
		return fmt.Errorf("%s %q does not exist", q.Resource.Type, q.Resource.ID)
	}
	return nil
}

func unknownAction(q question) error {
	near := ""
	for _, p := range lanyard.Permissions() {
		if strings.EqualFold(p.Name, q.Action.Name) {
			near = "; " + p.Name + " is one"
		}
	}
	return fmt.Errorf("%q is neither a permission of the catalogue nor in any profile%s", q.Action.Name, near)
}

type checkCmd struct {
	askFlags      `embed:""`
	questionFlags `embed:""`
	Explain       bool   `help:"Show what each profile contributes, and hints."`
	User          string `arg:"" help:"Who asks for access."`
	Permission    string `arg:"" help:"Permission such as Users.View, ACCESS or a tool id on an Application, Invoke on a FlowModule, HandOff on an AIAgent, Reference for a pick-list."`
	Resource      string `arg:"" optional:"" help:"Resource that access is asked to; default: anything."`
}

func (checkCmd) Help() string {
	return askHelp + `

The exit status is 0 if it is allowed, 3 if it is denied, and another if the question cannot be answered:
an unknown user, permission or resource is an error, not a denial.

Examples:
  lanyard check claire.dubois Users.View User/jonas.becker --explain
  lanyard check claire.dubois Users.Create User/newcomer --new --tag Country=FR
  lanyard check ines.ferreira DataTables.View DataTableRow/prices --attribute Region=EU --attribute Tier=Gold
  lanyard check arn:aws:wisdom:us-east-1:123456789012:ai-agent/… orders___GetOrder Application/harbour-order-gateway --on-behalf-of hugo.moreau
  lanyard check priya.shah SecurityProfiles.Edit && echo allowed`
}

func (c *checkCmd) Run(io streams) error {
	a, err := c.ask(io.ctx, c.User, c.Resource)
	if err != nil {
		return err
	}
	defer a.close()
	q, err := c.question(io.ctx, a, c.User, c.Permission, c.Resource)
	if err != nil {
		return err
	}
	q.Context.Explain = c.Explain || !c.json(io)
	var v verdict
	if err := a.post(io.ctx, "evaluation", q, &v); err != nil {
		return err
	}
	if err := v.misasked(q); err != nil {
		return err
	}
	if c.json(io) {
		err = printJSON(io, v.raw)
	} else {
		err = c.table(io, &v)
	}
	if err == nil && !v.Decision {
		return errDenied
	}
	return err
}

func (v *verdict) word() string {
	if v.Decision {
		return "allowed"
	}
	return "denied"
}

func (c *checkCmd) table(io streams, v *verdict) error {
	printf(io.out, "%s: %s\n", v.word(), v.Context.Explanation)
	if !c.Explain {
		return nil
	}
	fmt.Fprintln(io.out)
	w := newTable(io.out, "PROFILE", "GRANTS", "ALLOWS", "WHAT FAILED")
	word := map[bool]string{true: "yes", false: "no"}
	for _, p := range v.Context.Profiles {
		var failed []string
		for _, f := range p.Failed {
			have := f.Have
			if have == "" {
				have = "nothing"
			}
			failed = append(failed, "requires "+f.Kind+" "+f.Want+"; the resource has "+have)
		}
		w.row(p.Name, word[p.Grants], word[p.Allows], strings.Join(failed, "; "))
	}
	if err := w.flush(); err != nil {
		return err
	}
	for _, h := range v.Context.Hints {
		printf(io.out, "hint: %s\n", h)
	}
	return nil
}

type whoCanCmd struct {
	askFlags      `embed:""`
	questionFlags `embed:""`
	Permission    string `arg:"" help:"Permission, as for lanyard check."`
	Resource      string `arg:"" optional:"" help:"Resource that access is asked to; default: anything."`
}

func (whoCanCmd) Help() string {
	return askHelp + `

Users come first, then AI agents, each with all profiles through which they may do it.

Examples:
  lanyard who-can Users.EditPermission User/jonas.becker
  lanyard who-can SecurityProfiles.Edit --output json | jq -r '.results[].properties.name'
  lanyard who-can orders___CancelOrder Application/harbour-order-gateway`
}

// mostResults is how many results are asked for at a time.
const mostResults = 1000

func (c *whoCanCmd) Run(io streams) error {
	a, err := c.ask(io.ctx, c.Resource)
	if err != nil {
		return err
	}
	defer a.close()
	q, err := c.question(io.ctx, a, "", c.Permission, c.Resource)
	if err != nil {
		return err
	}
	results, names := []asked{}, map[string]string{}
	subjects := []asked{{Type: "user"}, {Type: "ai_agent"}}
	if c.OnBehalfOf != "" {
		human, err := a.user(io.ctx, c.OnBehalfOf)
		if err != nil {
			return err
		}
		subjects = []asked{{Type: "ai_agent", Properties: map[string]any{"assisting": human.ID}}}
	}
	for _, s := range subjects {
		q.Subject = &s
		err := a.pages(io.ctx, "search/subject", q, 0, func(answer json.RawMessage) (int, error) {
			var page struct {
				Results []asked
				Context struct{ Profiles map[string]string }
			}
			err := json.Unmarshal(answer, &page)
			results = append(results, page.Results...)
			maps.Copy(names, page.Context.Profiles)
			return len(page.Results), err
		})
		if err != nil {
			return err
		}
	}
	if _, known := lanyard.LookupPermission(c.Permission); len(results) == 0 && !known &&
		(q.Resource.Type == instanceType || isStored(q.Resource.Type)) && c.Permission != access.ActionReference {
		return unknownAction(q)
	}
	if c.json(io) {
		out := map[string]any{"results": results}
		if len(names) > 0 {
			out["context"] = map[string]any{"profiles": names}
		}
		return printJSON(io, out)
	}
	w := newTable(io.out, "TYPE", "WHO", "THROUGH", "ID")
	for _, r := range results {
		id := r.ID
		if id == r.what() { // of an AI agent; once is long enough
			id = ""
		}
		w.row(r.Type, r.what(), through(r, names), id)
	}
	return w.flush()
}

// through names the profiles through which somebody can, and how many there are that are not named.
func through(who asked, names map[string]string) string {
	ids, _ := who.Properties["profiles"].([]any)
	var all []string
	for _, id := range ids {
		id, _ := id.(string)
		if name := names[id]; name != "" {
			id = name
		}
		all = append(all, id)
	}
	if n, _ := who.Properties["profile_count"].(float64); int(n) > len(all) {
		all = append(all, fmt.Sprintf("and %d more", int(n)-len(all)))
	}
	return strings.Join(all, ", ")
}

// pages asks for page after page of an endpoint, until limit results have come or, with 0, all
// have. take returns how many results an answer has.
func (a *asker) pages(ctx context.Context, endpoint string, in any, limit int,
	take func(json.RawMessage) (int, error)) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var request map[string]any
	if err := json.Unmarshal(b, &request); err != nil {
		return err
	}
	for token, left := "", limit; ; {
		size := mostResults
		if limit > 0 {
			size = min(size, left)
		}
		request["page"] = map[string]any{"limit": size, "token": token}
		var answer json.RawMessage
		if err := a.post(ctx, endpoint, request, &answer); err != nil {
			return err
		}
		n, err := take(answer)
		if err != nil {
			return err
		}
		var page struct {
			Page struct {
				NextToken string `json:"next_token"`
			}
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return err
		}
		token, left = page.Page.NextToken, left-n
		if token == "" || limit > 0 && left <= 0 {
			return nil
		}
	}
}

// granted is one thing that a subject may do.
type granted struct {
	Action   string      `json:"action"`
	Resource *asked      `json:"resource,omitempty"`
	Grants   []grantedBy `json:"grants"`
}

type grantedBy struct {
	Profile    string   `json:"profile"`
	Name       string   `json:"name"`
	Conditions []string `json:"conditions"`
}

func (g grantedBy) String() string {
	if len(g.Conditions) == 0 {
		return g.Name
	}
	return g.Name + " (" + strings.Join(g.Conditions, ", ") + ")"
}

func on(r *asked) string {
	if r == nil {
		return ""
	}
	return " on " + r.Type + " " + r.ID
}

type whatCanCmd struct {
	askFlags   `embed:""`
	OnBehalfOf string `help:"User whom the AI agent assists; lists only what both may do." aliases:"human" placeholder:"USER"`
	User       string `arg:"" help:"Whose rights to list."`
}

func (whatCanCmd) Help() string {
	return `USER is a user's name, id or ARN, or the ARN of an AI agent.

Each line is one profile that grants an action: without conditions on everything, with conditions on what
meets all of them. What any line allows is allowed.

Examples:
  lanyard what-can claire.dubois
  lanyard what-can arn:aws:wisdom:us-east-1:123456789012:ai-agent/… --on-behalf-of hugo.moreau
  lanyard what-can claire.dubois --output json | jq -r '.results[].action'`
}

func (c *whatCanCmd) Run(io streams) error {
	a, err := c.ask(io.ctx, c.User)
	if err != nil {
		return err
	}
	defer a.close()
	s, err := a.subject(io.ctx, c.User, c.OnBehalfOf)
	if err != nil {
		return err
	}
	var out struct {
		Revision int64     `json:"revision"`
		Results  []granted `json:"results"`
	}
	out.Results = []granted{}
	err = a.pages(io.ctx, "effective", question{Subject: &s}, 0, func(answer json.RawMessage) (int, error) {
		page := out
		page.Results = nil
		err := json.Unmarshal(answer, &page)
		out.Revision, out.Results = page.Revision, append(out.Results, page.Results...)
		return len(page.Results), err
	})
	if err != nil {
		return err
	}
	if c.json(io) {
		return printJSON(io, out)
	}
	w := newTable(io.out, "ACTION", "THROUGH", "CONDITIONS")
	for _, r := range out.Results {
		for _, g := range r.Grants {
			w.row(r.Action+on(r.Resource), g.Name, strings.Join(g.Conditions, ", "))
		}
	}
	return w.flush()
}
