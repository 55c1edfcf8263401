package mcpserver

import (
	"context"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/typo"
)

var surfaces = []string{"admin", "reports"}

var checkAccess = tool{name: "check_access", title: "Check whether somebody may do something, and why",
	description: `Decides whether a user or an AI agent may do something, and explains the decision profile by profile, with ` +
		`hints about what would have to differ. Use it for any question of the form "may X do Y?" or "why can X not do Y?".
Examples: {"subject": "claire.dubois", "permission": "Users.Edit", "resource": "User/jonas.becker"}
{"subject": "arn:aws:wisdom:us-east-1:123456789012:ai-agent/…", "on_behalf_of": "hugo.moreau", "permission": "orders___GetOrder", ` +
		`"resource": "Application/harbour-order-gateway"}`,
	enums: map[string][]string{"surface": surfaces, "channel": channels}}

type checkAccessIn struct {
	About
	Subject    string `json:"subject" jsonschema:"Who: a user's name, id or ARN, or the ARN of an AI agent."`
	OnBehalfOf string `json:"on_behalf_of,omitempty" jsonschema:"The user whom the AI agent assists; then both must be allowed."`
	Permission string `json:"permission" jsonschema:"A permission such as Users.Edit; ACCESS or the id of a tool on an Application; Invoke on a FlowModule; HandOff on an AIAgent; Reference for pick-lists."`
	Resource   string `json:"resource,omitempty" jsonschema:"On what: TYPE/NAME, TYPE/ID or an ARN, such as User/jonas.becker or Queue/Sales. Leave it out to ask about anything at all."`
	Described
	Surface string `json:"surface,omitempty" jsonschema:"Where: admin (the admin website and the API, the default) or reports, which combine restrictions in another way."`
}

type checkAccessOut struct {
	Decision    bool         `json:"decision" jsonschema:"Whether it is allowed."`
	Reason      string       `json:"reason" jsonschema:"Why, in one word, for programs."`
	Explanation string       `json:"explanation" jsonschema:"Why, in a sentence."`
	Profiles    []findingOut `json:"profiles" jsonschema:"What each security profile of the subject contributes."`
	Hints       []string     `json:"hints" jsonschema:"What is worth looking at."`
	Revision    int64        `json:"revision" jsonschema:"Revision of the instance that the decision rests on."`
}

type findingOut struct {
	Named
	Holder string   `json:"holder,omitempty" jsonschema:"Who holds it."`
	Grants bool     `json:"grants" jsonschema:"Whether it has the permission."`
	Allows bool     `json:"allows" jsonschema:"Whether it allows it on this resource."`
	Failed []string `json:"failed,omitempty" jsonschema:"The restrictions that the resource does not meet."`
}

func (a *asker) checkAccess(ctx context.Context, in checkAccessIn) (out checkAccessOut, err error) {
	q := questions.Question{Explain: true}
	if q.Subject, err = a.subject(ctx, in.Subject, in.OnBehalfOf); err != nil {
		return out, err
	}
	if err = a.ask(ctx, &q.Query, in.Permission, in.Resource, in.Described, in.Surface); err != nil {
		return out, err
	}
	e, err := a.s.Questions.Evaluate(ctx, a.viewer, &q)
	hidden := ""
	if lanyard.KindOf(err) == lanyard.Denied { // who may not view all of the profiles may still be told the decision
		hidden, q.Explain = safe(err.Error()), false
		if e, err = a.s.Questions.Evaluate(ctx, a.viewer, &q); err == nil {
			hidden = "The explanation is not shown: " + hidden
		}
	}
	if err == nil {
		err = checkAsked(&q.Query, &e)
	}
	out = evaluationOut(&e)
	if hidden != "" {
		out.Explanation = hidden
	}
	return out, err
}

// ask reads the part of a question that several tools have.
func (a *asker) ask(ctx context.Context, q *access.Query, permission, resource string, d Described,
	surface string) (err error) {
	q.Action = permission
	if surface == "reports" {
		q.Surface = access.Reports
	}
	q.Resource, err = a.resource(ctx, resource, d)
	return err
}

// checkAsked returns an error when a question has no answer: a slip must not look like a denial.
func checkAsked(q *access.Query, e *questions.Evaluation) error {
	switch e.Context.Reason {
	case access.UnknownAction.String():
		return unknownPermission(q.Action)
	case access.WrongType.String():
		return lanyard.Errorf(lanyard.Invalid, "resource must be of a type that %s is about, got %s", word(q.Action),
			lanyard.Quote(q.Resource.Type))
	case access.UnknownResource.String():
		return lanyard.Errorf(lanyard.NotFound, "%s %s does not exist", safe(q.Resource.Type), lanyard.Quote(q.Resource.ID))
	case access.UnknownSubject.String():
		return lanyard.Errorf(lanyard.NotFound, "subject %s does not exist", lanyard.Quote(q.Subject.ID))
	}
	return nil
}

// unknownPermission says which permission may be meant.
func unknownPermission(name string) error {
	var names []string
	for _, p := range lanyard.Permissions() {
		names = append(names, p.Name)
	}
	near := typo.DidYouMean(name, names)
	if near == "" {
		near = "; find_permissions finds permissions by words"
	}
	return lanyard.Errorf(lanyard.Invalid, "permission must be in the catalogue or in a profile, got %s%s", lanyard.Quote(name),
		near)
}

func evaluationOut(e *questions.Evaluation) checkAccessOut {
	out := checkAccessOut{Decision: e.Decision, Reason: e.Context.Reason, Revision: e.Context.Revision}
	if x := e.Context.Explanation; x != nil {
		out.Explanation, out.Hints = x.Sentence, x.Hints
		for _, f := range x.Profiles {
			one := findingOut{Named{f.Profile, f.Name}, f.Holder, f.Grants, f.Allows, nil}
			for _, c := range f.Failed {
				have := c.Have
				if have == "" {
					have = "nothing"
				}
				one.Failed = append(one.Failed, "requires "+c.Kind+" "+c.Want+"; the resource has "+have)
			}
			out.Profiles = append(out.Profiles, one)
		}
	}
	return out
}

func (out checkAccessOut) write(w *writer) {
	w.linef("%s. %s", out.verdict(), quote(out.Explanation))
	for _, p := range out.Profiles {
		switch {
		case p.Allows:
			w.linef("- profile %s allows it", p.text())
		case p.Grants:
			w.linef("- profile %s has the permission, but not on this: %s", p.text(), quote(strings.Join(p.Failed, "; ")))
		default:
			w.linef("- profile %s does not have the permission", p.text())
		}
	}
	for _, h := range out.Hints {
		w.linef("Hint: %s", quote(h))
	}
	w.linef("Revision %d.", out.Revision)
}

func (out checkAccessOut) verdict() string {
	if out.Decision {
		return "ALLOWED"
	}
	return "DENIED"
}

var subjectKinds = []string{"user", "ai_agent"}

var whoCan = tool{name: "who_can", title: "List who may do something", slow: true,
	description: `Lists the users, or with kind ai_agent the AI agents, who may do something, each with the security profiles ` +
		`that allow it. Use it for "who may do Y?" and to review who holds a sensitive permission.
Examples: {"permission": "SecurityProfiles.Edit"}
{"permission": "Users.EditPermission", "resource": "User/jonas.becker"}`,
	enums: map[string][]string{"kind": subjectKinds, "surface": surfaces, "channel": channels}}

type whoCanIn struct {
	About
	Permission string `json:"permission" jsonschema:"As in check_access."`
	Resource   string `json:"resource,omitempty" jsonschema:"On what: TYPE/NAME, TYPE/ID or an ARN. Leave it out to list who may do it to anything at all."`
	Kind       string `json:"kind,omitempty" jsonschema:"Whom to list. Default: user."`
	OnBehalfOf string `json:"on_behalf_of,omitempty" jsonschema:"With kind ai_agent: the user whom the agents would assist; both must be allowed."`
	Described
	Surface string `json:"surface,omitempty" jsonschema:"As in check_access."`
	Paged
}

type whoCanOut struct {
	Results []allowedOut `json:"results"`
	Next    token        `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

type allowedOut struct {
	Type string `json:"type" jsonschema:"user or ai_agent."`
	Named
	Profiles []Named `json:"profiles" jsonschema:"Security profiles that allow it, of those that you may view; at most 10."`
	Count    int     `json:"profile_count" jsonschema:"How many there are."`
}

func (a *asker) whoCan(ctx context.Context, in whoCanIn) (out whoCanOut, err error) {
	q := questions.Search{}
	if q.Page, err = in.page(); err != nil {
		return out, err
	}
	if in.Kind == "ai_agent" {
		q.Subject.Type = access.AIAgent
	}
	if in.OnBehalfOf != "" {
		if q.Subject.Type != access.AIAgent {
			return out, lanyard.Errorf(lanyard.Invalid, "kind must be ai_agent when on_behalf_of is given, got %s",
				lanyard.Quote(in.Kind))
		}
		if q.Subject.Human, err = a.user(ctx, in.OnBehalfOf); err != nil {
			return out, err
		}
	}
	if err := a.ask(ctx, &q.Query, in.Permission, in.Resource, in.Described, in.Surface); err != nil {
		return out, err
	}
	found, err := a.s.Questions.WhoCan(ctx, a.viewer, q)
	if err != nil {
		return out, err
	}
	if _, known := lanyard.LookupPermission(in.Permission); len(found.Results) == 0 && !known && in.PageToken == "" &&
		(q.Resource.Type == "" || questions.FoundByID(q.Resource.Type)) && in.Permission != access.ActionReference {
		return out, unknownPermission(in.Permission)
	}
	out.Next = token(found.Page.NextToken)
	for _, r := range found.Results {
		one := allowedOut{Type: r.Type, Named: Named{r.ID, r.Properties.Name}, Count: r.Properties.ProfileCount}
		for _, id := range r.Properties.Profiles {
			one.Profiles = append(one.Profiles, Named{id, found.Context.Profiles[id]})
		}
		out.Results = append(out.Results, one)
	}
	return out, nil
}

func (out whoCanOut) write(w *writer) {
	w.linef("%d may do it:", len(out.Results))
	for _, r := range out.Results {
		through := make([]string, len(r.Profiles))
		for i, p := range r.Profiles {
			through[i] = word(p.ID)
			if p.Name != "" {
				through[i] = quote(p.Name)
			}
		}
		w.linef("- %s %s through %s", r.Type, r.text(), strings.Join(through, ", "))
	}
	w.more(out.Next)
}

var whatCan = tool{name: "what_can", title: "List what somebody may do",
	description: `Lists all that a user or an AI agent may do, with the security profiles that grant it and their restrictions. ` +
		`Use it for "what may X do?" and to compare two users.
Example: {"subject": "claire.dubois"}`}

type whatCanIn struct {
	About
	Subject    string `json:"subject" jsonschema:"Who: a user's name, id or ARN, or the ARN of an AI agent."`
	OnBehalfOf string `json:"on_behalf_of,omitempty" jsonschema:"The user whom the AI agent assists; lists only what both may do."`
	PageToken  string `json:"page_token,omitempty" jsonschema:"To go on with a list: next_page_token of the answer before, with all other arguments as they were."`
}

type whatCanOut struct {
	Results  []grantedOut `json:"results"`
	Revision int64        `json:"revision" jsonschema:"Revision of the instance that this is from."`
	Next     token        `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

type grantedOut struct {
	Action   string     `json:"action" jsonschema:"A permission, or the id of a tool."`
	Resource string     `json:"resource,omitempty" jsonschema:"TYPE/ID of what alone it may be done to, if that is all."`
	Grants   []grantOut `json:"grants" jsonschema:"The profiles that grant it. What any of them allows is allowed."`
}

type grantOut struct {
	Named
	Conditions []string `json:"conditions,omitempty" jsonschema:"What a resource must meet; none: everything."`
}

func (a *asker) whatCan(ctx context.Context, in whatCanIn) (out whatCanOut, err error) {
	q := questions.Search{Page: questions.Page{Token: in.PageToken, Bytes: pageBytes}}
	if q.Subject, err = a.subject(ctx, in.Subject, in.OnBehalfOf); err != nil {
		return out, err
	}
	found, err := a.s.Questions.Effective(ctx, a.viewer, q)
	if err != nil {
		return out, err
	}
	out.Revision, out.Next = found.Revision, token(found.Page.NextToken)
	for i := range found.Results {
		out.Results = append(out.Results, grantedOf(&found.Results[i]))
	}
	return out, nil
}

func grantedOf(g *questions.Granted) grantedOut {
	out := grantedOut{Action: g.Action, Grants: grantsOf(g.Grants)}
	if g.Resource != nil {
		out.Resource = g.Resource.Type + "/" + g.Resource.ID
	}
	return out
}

func grantsOf(grants []questions.Grant) []grantOut {
	out := make([]grantOut, len(grants))
	for i, g := range grants {
		out[i] = grantOut{Named{g.Profile, g.Name}, g.Conditions}
	}
	return out
}

// text names what is granted.
func (g grantedOut) text() string {
	if g.Resource == "" {
		return word(g.Action)
	}
	return word(g.Action) + " on " + quote(g.Resource)
}

// grantsText lists through which profiles.
func grantsText(grants []grantOut) string {
	if len(grants) == 0 {
		return "nothing"
	}
	all := make([]string, len(grants))
	for i, g := range grants {
		all[i] = quote(g.Name)
		if len(g.Conditions) > 0 {
			all[i] += " on " + quote(strings.Join(g.Conditions, ", "))
		}
	}
	return strings.Join(all, " or ")
}

func (out whatCanOut) write(w *writer) {
	w.linef("%s at revision %d:", count(len(out.Results), "action", "actions"), out.Revision)
	for _, g := range out.Results {
		w.linef("- %s through %s", g.text(), grantsText(g.Grants))
	}
	w.more(out.Next)
}

var whichResources = tool{name: "which_resources", title: "List the resources that somebody reaches", slow: true,
	description: `Lists the resources of a type to which a user or an AI agent may do something. Use it for "which users may X ` +
		`edit?" or "which queues does X see?".
Example: {"subject": "claire.dubois", "permission": "Users.View", "type": "User"}`,
	enums: map[string][]string{"type": storedTypes, "surface": surfaces}}

type whichResourcesIn struct {
	About
	Subject    string `json:"subject" jsonschema:"Who: a user's name, id or ARN, or the ARN of an AI agent."`
	OnBehalfOf string `json:"on_behalf_of,omitempty" jsonschema:"The user whom the AI agent assists; then both must be allowed."`
	Permission string `json:"permission" jsonschema:"A permission about resources of the type, such as Users.View for User."`
	Type       string `json:"type" jsonschema:"Type of the resources to list."`
	Surface    string `json:"surface,omitempty" jsonschema:"As in check_access."`
	Paged
}

func (a *asker) whichResources(ctx context.Context, in whichResourcesIn) (out listedOut, err error) {
	q := questions.Search{}
	if q.Page, err = in.page(); err != nil {
		return out, err
	}
	if q.Subject, err = a.subject(ctx, in.Subject, in.OnBehalfOf); err != nil {
		return out, err
	}
	if err := a.ask(ctx, &q.Query, in.Permission, "", Described{}, in.Surface); err != nil {
		return out, err
	}
	q.Resource.Type = in.Type
	found, err := a.s.Questions.Resources(ctx, a.viewer, q)
	if _, known := lanyard.LookupPermission(in.Permission); err == nil && len(found.Results) == 0 && !known &&
		in.PageToken == "" && in.Permission != access.ActionReference {
		err = unknownPermission(in.Permission)
	}
	return listed(in.Type, found), err
}

var profileHolders = tool{name: "profile_holders", title: "List who holds a security profile", slow: true,
	description: `Lists the users and AI agents who hold a security profile. Use it before you recommend to change or delete one.
Example: {"profile": "Supervisor Europe"}`}

type profileHoldersIn struct {
	About
	Profile string `json:"profile" jsonschema:"The security profile: its name, id or ARN."`
	Paged
}

type profileHoldersOut struct {
	Profile Named    `json:"profile"`
	Results []Holder `json:"results"`
	Next    token    `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

type Holder struct {
	Type string `json:"type" jsonschema:"user or ai_agent."`
	Named
}

func (a *asker) profileHolders(ctx context.Context, in profileHoldersIn) (out profileHoldersOut, err error) {
	q := questions.Search{}
	if q.Page, err = in.page(); err != nil {
		return out, err
	}
	if out.Profile, err = a.lookup(ctx, access.TypeSecurityProfile, in.Profile); err != nil {
		return out, err
	}
	q.Resource = access.Resource{Type: access.TypeSecurityProfile, ID: out.Profile.ID}
	found, err := a.s.Questions.Holders(ctx, a.viewer, q)
	out.Next = token(found.Page.NextToken)
	for _, h := range found.Results {
		out.Results = append(out.Results, holderOf(h))
	}
	return out, err
}

func holderOf(h questions.Holder) Holder {
	out := Holder{Type: h.Type, Named: Named{ID: h.ID}}
	if h.Properties != nil {
		out.Name = h.Properties.Name
	}
	return out
}

func (out profileHoldersOut) write(w *writer) {
	w.linef("%d of those who hold %s:", len(out.Results), out.Profile.text())
	for _, h := range out.Results {
		w.linef("- %s %s", h.Type, h.text())
	}
	w.more(out.Next)
}
