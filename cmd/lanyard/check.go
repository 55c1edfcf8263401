package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/policytest"
	"github.com/lanyard/lanyard/internal/questions"
)

// questionFlags are what a question may say in addition to its subject, action and resource.
type questionFlags struct {
	resourceFlags `embed:""`
	OnBehalfOf    string `help:"User whom the AI agent assists; then both must be allowed." aliases:"human" placeholder:"USER"`
	Surface       string `help:"Where the question is asked: admin, or reports." default:"admin" enum:"admin,reports"`
}

// question resolves what the command line names.
func (f questionFlags) question(ctx context.Context, a *asker, user, permission, resource string) (
	q questions.Question, err error) {
	q.Action = permission
	if f.Surface == "reports" {
		q.Surface = access.Reports
	}
	if user != "" {
		if q.Subject, err = a.subject(ctx, user, f.OnBehalfOf); err != nil {
			return q, err
		}
	}
	q.Resource, err = f.resource(ctx, a, resource)
	return q, err
}

// checkAsked returns an error when a question has no answer: a slip must not look like a denial.
func checkAsked(q *questions.Question, e *questions.Evaluation) error {
	switch e.Context.Reason {
	case access.UnknownAction.String():
		return unknownAction(q)
	case access.WrongType.String():
		return fmt.Errorf("%s is not about resources of type %s", q.Action, q.Resource.Type)
	case access.UnknownResource.String():
		return fmt.Errorf("%s %q does not exist", q.Resource.Type, q.Resource.ID)
	}
	return nil
}

func unknownAction(q *questions.Question) error {
	near := ""
	for _, p := range lanyard.Permissions() {
		if strings.EqualFold(p.Name, q.Action) {
			near = "; " + p.Name + " is one"
		}
	}
	return fmt.Errorf("%q is neither a permission of the catalogue nor in any profile%s", q.Action, near)
}

type checkCmd struct {
	askFlags      `embed:""`
	questionFlags `embed:""`
	Explain       bool   `help:"Show what each profile contributes, and hints."`
	AsTest        bool   `help:"Print the question and its answer as a test for lanyard test. The exit status is 0 either way."`
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
  lanyard check priya.shah SecurityProfiles.Edit && echo allowed
  lanyard check priya.shah SecurityProfiles.Edit --as-test >>access.test.yaml`
}

func (c *checkCmd) Run(io streams) error {
	a, err := c.openAsker(io.ctx, c.User, c.Resource)
	if err != nil {
		return err
	}
	defer a.Close()
	q, err := c.question(io.ctx, a, c.User, c.Permission, c.Resource)
	if err != nil {
		return err
	}
	q.Explain = c.Explain || c.AsTest || !c.json(io)
	e, err := a.Evaluate(io.ctx, &q)
	if err != nil {
		return err
	}
	if err := checkAsked(&q, &e); err != nil {
		return err
	}
	if c.AsTest {
		return c.printTest(io, &q, &e)
	}
	if c.json(io) {
		err = printJSON(io, e)
	} else {
		err = c.printTable(io, &e)
	}
	if err == nil && !e.Decision {
		return errDenied
	}
	return err
}

// printTest prints the question, as it was asked, and its answer as a test.
func (c *checkCmd) printTest(io streams, q *questions.Question, e *questions.Evaluation) error {
	test := policytest.Case{User: c.User, OnBehalfOf: c.OnBehalfOf, Permission: c.Permission, Resource: c.Resource,
		Described: q.Resource, Surface: q.Surface, Answer: *e}
	test.Described.Group = c.Group // by the name that was given
	b, err := test.YAML()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(io.out, printableLines(string(b)))
	return err
}

func decisionWord(e *questions.Evaluation) string {
	if e.Decision {
		return "allowed"
	}
	return "denied"
}

// sentence is the explanation of an evaluation, if it has one.
func sentence(e *questions.Evaluation) string {
	if e.Context.Explanation == nil {
		return ""
	}
	return e.Context.Sentence
}

func (c *checkCmd) printTable(io streams, e *questions.Evaluation) error {
	printf(io.out, "%s: %s\n", decisionWord(e), sentence(e))
	if !c.Explain || e.Context.Explanation == nil {
		return nil
	}
	fmt.Fprintln(io.out)
	w := newTable(io.out, "PROFILE", "GRANTS", "ALLOWS", "WHAT FAILED")
	word := map[bool]string{true: "yes", false: "no"}
	for _, p := range e.Context.Profiles {
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
	for _, h := range e.Context.Hints {
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
	a, err := c.openAsker(io.ctx, c.Resource)
	if err != nil {
		return err
	}
	defer a.Close()
	q, err := c.question(io.ctx, a, "", c.Permission, c.Resource)
	if err != nil {
		return err
	}
	out, err := c.listSubjects(io.ctx, a, q)
	if err != nil {
		return err
	}
	if _, known := lanyard.LookupPermission(c.Permission); len(out.Results) == 0 && !known &&
		(q.Resource.Type == "" || questions.FoundByID(q.Resource.Type)) && c.Permission != access.ActionReference {
		return unknownAction(&q)
	}
	if c.json(io) {
		return printJSON(io, out)
	}
	w := newTable(io.out, "TYPE", "WHO", "THROUGH", "ID")
	for _, r := range out.Results {
		who, id := r.Properties.Name, r.ID
		if who == "" { // of an AI agent; once is long enough
			who, id = id, ""
		}
		w.row(r.Type, who, profilesThrough(&r.Properties, out.Context.Profiles), id)
	}
	return w.flush()
}

// whoCan is who may do something, users first.
type whoCan struct {
	Context whoCanContext       `json:"context,omitzero"`
	Results []questions.Allowed `json:"results"`
}

type whoCanContext struct {
	Profiles map[string]string `json:"profiles,omitempty"`
}

func (c whoCanContext) IsZero() bool { return len(c.Profiles) == 0 }

// listSubjects asks for everybody who may do something.
func (c *whoCanCmd) listSubjects(ctx context.Context, a *asker, q questions.Question) (whoCan, error) {
	out := whoCan{whoCanContext{map[string]string{}}, []questions.Allowed{}}
	subjects := []access.Subject{{Type: access.User}, {Type: access.AIAgent}}
	if c.OnBehalfOf != "" {
		human, err := a.user(ctx, c.OnBehalfOf)
		if err != nil {
			return out, err
		}
		subjects = []access.Subject{{Type: access.AIAgent, Human: human}}
	}
	for _, q.Subject = range subjects {
		err := eachPage(0, func(p questions.Page) (questions.PageInfo, error) {
			page, err := a.WhoCan(ctx, questions.Search{Question: q, Page: p})
			out.Results = append(out.Results, page.Results...)
			maps.Copy(out.Context.Profiles, page.Context.Profiles)
			return page.Page, err
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// profilesThrough names the profiles through which somebody can, and how many there are that are not named.
func profilesThrough(who *questions.AllowedProperties, names map[string]string) string {
	var all []string
	for _, id := range who.Profiles {
		if name := names[id]; name != "" {
			id = name
		}
		all = append(all, id)
	}
	if who.ProfileCount > len(all) {
		all = append(all, fmt.Sprintf("and %d more", who.ProfileCount-len(all)))
	}
	return strings.Join(all, ", ")
}

// eachPage asks for page after page, until limit results have come or, with 0, all have.
func eachPage(limit int, ask func(questions.Page) (questions.PageInfo, error)) error {
	for token, left := "", limit; ; {
		size := mostResults
		if limit > 0 {
			size = min(size, left)
		}
		info, err := ask(questions.Page{Token: token, Limit: size})
		if err != nil {
			return err
		}
		token, left = info.NextToken, left-info.Count
		if token == "" || limit > 0 && left <= 0 {
			return nil
		}
	}
}

func grantText(g *questions.Grant) string {
	if len(g.Conditions) == 0 {
		return g.Name
	}
	return g.Name + " (" + strings.Join(g.Conditions, ", ") + ")"
}

// thingText names an action, and what alone it is about.
func thingText(t questions.Thing) string {
	if t.Resource == nil {
		return t.Action
	}
	return t.Action + " on " + t.Resource.Type + " " + t.Resource.ID
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
	a, err := c.openAsker(io.ctx, c.User)
	if err != nil {
		return err
	}
	defer a.Close()
	s, err := a.subject(io.ctx, c.User, c.OnBehalfOf)
	if err != nil {
		return err
	}
	var out struct {
		Revision int64               `json:"revision"`
		Results  []questions.Granted `json:"results"`
	}
	err = eachPage(0, func(p questions.Page) (questions.PageInfo, error) {
		page, err := a.Effective(io.ctx, questions.Search{Question: questions.Question{Query: access.Query{Subject: s}},
			Page: p})
		out.Revision, out.Results = page.Revision, append(out.Results, page.Results...)
		return page.Page, err
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
			w.row(thingText(r.Thing), g.Name, strings.Join(g.Conditions, ", "))
		}
	}
	return w.flush()
}
