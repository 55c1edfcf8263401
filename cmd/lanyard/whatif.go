package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/questions"
)

type whatIfCmd struct {
	askFlags      `embed:""`
	questionFlags `embed:""`
	Change        changeFlags `embed:"" group:"The change"`
	Limit         int         `help:"How many of the affected to list; 0 lists all. The counts include all." default:"100"`
	User          string      `arg:"" optional:"" name:"user" help:"With PERMISSION: ask whether this user may, before and after."`
	Permission    string      `arg:"" optional:"" help:"Permission, as for lanyard check."`
	Resource      string      `arg:"" optional:"" help:"Resource that access is asked to; default: anything."`
}

// changeFlags are the proposed operation. A member that is not given stays as it is; one that is
// given replaces the whole, and an empty one clears.
type changeFlags struct {
	Profile             string  `help:"Security profile to update: name, id or ARN." placeholder:"PROFILE"`
	Permissions         *string `help:"Its permissions." placeholder:"A,B"`
	AccessTags          *string `help:"Its access-control tags." placeholder:"KEY=VALUE,…"`
	TagRestricted       *string `help:"Resource types that the tags restrict." placeholder:"A,B"`
	HierarchyRestricted *string `help:"Resource types that the hierarchy restricts: User." placeholder:"User"`
	HierarchyGroup      *string `help:"Its hierarchy group, by name or id; empty: the group of each holder." placeholder:"GROUP"`
	JSON                string  `help:"The request of UpdateSecurityProfile, or with --user of UpdateUserSecurityProfiles; - reads standard input." name:"json" placeholder:"FILE"`
	OfUser              string  `help:"User whose profiles to replace: name, id or ARN." name:"user" placeholder:"USER"`
	Profiles            *string `help:"The profiles that the user would hold: names, ids or ARNs." placeholder:"A,B"`
}

func (whatIfCmd) Help() string {
	return `The change is checked as the real call would be and not made. With USER and PERMISSION the question is
answered as of before and after the change, and the exit status is that of lanyard check, afterwards.

A line says what somebody gains or loses, or of what they reach more, less or other resources.

Examples:
  lanyard what-if --profile "Supervisor France" --permissions Users.View,Queues.View
  lanyard what-if --profile Auditor --access-tags Country=FR --tag-restricted User,Queue
  lanyard what-if --profile Auditor --access-tags "" --tag-restricted ""
  lanyard what-if --profile Auditor --json update.json --output json
  lanyard what-if --user tom.ellis --profiles Auditor,Agent
  lanyard what-if tom.ellis Users.Edit User/jonas.becker --user tom.ellis --profiles "Supervisor Europe"`
}

// whatIf is what a change would do, of all pages.
type whatIf struct {
	Revision    int64                  `json:"revision"`
	Affected    int                    `json:"affected"`
	Gaining     int                    `json:"gaining"`
	Losing      int                    `json:"losing"`
	Results     []questions.Affected   `json:"results"`
	Differences []questions.Difference `json:"differences"`
	Before      *questions.Evaluation  `json:"before,omitzero"`
	After       *questions.Evaluation  `json:"after,omitzero"`
}

func (c *whatIfCmd) Run(io streams) error {
	if c.User != "" && c.Permission == "" {
		return refuse("PERMISSION is required when USER is given")
	}
	if c.Limit < 0 {
		return refuse("--limit must be 0 for all, or more, got %d", c.Limit)
	}
	a, err := c.openAsker(io.ctx, c.User, c.Resource, c.Change.Profile, c.Change.OfUser)
	if err != nil {
		return err
	}
	defer a.Close()
	var q questions.WhatIf
	if q.Proposal, err = c.Change.proposal(io.ctx, a); err != nil {
		return err
	}
	if c.User != "" {
		asked, err := c.question(io.ctx, a, c.User, c.Permission, c.Resource)
		if err != nil {
			return err
		}
		asked.Explain = !c.json(io)
		q.Question = &asked
	}
	out, err := c.list(io.ctx, a, q)
	if err != nil {
		return err
	}
	if q.Question != nil {
		if err := checkAsked(q.Question, out.After); err != nil {
			return err
		}
	}
	if c.json(io) {
		err = printJSON(io, out)
	} else {
		err = out.table(io)
	}
	if err == nil && out.After != nil && !out.After.Decision {
		return errDenied
	}
	return err
}

// list asks for as many of those affected as --limit says.
func (c *whatIfCmd) list(ctx context.Context, a *asker, q questions.WhatIf) (out whatIf, err error) {
	err = eachPage(c.Limit, func(p questions.Page) (questions.PageInfo, error) {
		q.Page = p
		page, err := a.WhatIf(ctx, q)
		for i := range page.Results {
			page.Results[i].Difference += len(out.Differences)
		}
		out = whatIf{page.Revision, page.Affected, page.Gaining, page.Losing, append(out.Results, page.Results...),
			append(out.Differences, page.Differences...), page.Before, page.After}
		return page.Page, err
	})
	return out, err
}

// proposal makes the operation and its request of the flags.
func (c *changeFlags) proposal(ctx context.Context, a *asker) (p questions.Proposal, err error) {
	request := map[string]any{}
	if c.JSON != "" {
		b, err := readInput(c.JSON)
		if err != nil {
			return p, err
		}
		if err := laxjson.Unmarshal(b, &request); err != nil {
			return p, refuse("--json: %s must be a JSON object: %v", c.JSON, err)
		}
		if request == nil {
			return p, refuse("--json: %s must be a JSON object", c.JSON)
		}
	}
	_, forUser := request["UserId"]
	if c.OfUser != "" || forUser {
		return c.forUser(ctx, a, request)
	}
	if c.Profiles != nil {
		return p, refuse("--user is required when --profiles is set")
	}
	if c.Profile != "" {
		id, err := a.lookup(ctx, access.TypeSecurityProfile, c.Profile)
		if err != nil {
			return p, err
		}
		request["SecurityProfileId"] = id
	}
	if request["SecurityProfileId"] == nil {
		return p, refuse("--profile or --user is required")
	}
	if err := c.setRestrictions(ctx, a, request); err != nil {
		return p, err
	}
	return proposalOf("UpdateSecurityProfile", request)
}

// setRestrictions puts what the flags say of permissions and restrictions into the request.
func (c *changeFlags) setRestrictions(ctx context.Context, a *asker, request map[string]any) error {
	for _, list := range []struct {
		member string
		value  *string
	}{{"Permissions", c.Permissions}, {"TagRestrictedResources", c.TagRestricted},
		{"HierarchyRestrictedResources", c.HierarchyRestricted}} {
		if list.value != nil {
			request[list.member] = words(*list.value)
		}
	}
	if c.AccessTags != nil {
		tags := map[string]string{}
		for _, pair := range words(*c.AccessTags) {
			key, value, ok := strings.Cut(pair, "=")
			if !ok {
				return refuse("--access-tags must be KEY=VALUE, got %q", pair)
			}
			tags[key] = value
		}
		request["AllowedAccessControlTags"] = tags
	}
	if c.HierarchyGroup != nil {
		request["AllowedAccessControlHierarchyGroupId"] = ""
		if *c.HierarchyGroup != "" {
			id, err := a.lookup(ctx, access.TypeHierarchyGroup, *c.HierarchyGroup)
			if err != nil {
				return err
			}
			request["AllowedAccessControlHierarchyGroupId"] = id
		}
	}
	return nil
}

// forUser makes the request of UpdateUserSecurityProfiles.
func (c *changeFlags) forUser(ctx context.Context, a *asker, request map[string]any) (p questions.Proposal, err error) {
	if c.Profile != "" || c.Permissions != nil || c.AccessTags != nil || c.TagRestricted != nil ||
		c.HierarchyRestricted != nil || c.HierarchyGroup != nil {
		return p, refuse("--profile and --user must not be used together")
	}
	if c.OfUser != "" {
		id, err := a.lookup(ctx, access.TypeUser, c.OfUser)
		if err != nil {
			return p, err
		}
		request["UserId"] = id
	}
	if c.Profiles != nil {
		ids := []string{}
		for _, ref := range words(*c.Profiles) {
			id, err := a.lookup(ctx, access.TypeSecurityProfile, ref)
			if err != nil {
				return p, err
			}
			ids = append(ids, id)
		}
		request["SecurityProfileIds"] = ids
	}
	return proposalOf("UpdateUserSecurityProfiles", request)
}

func proposalOf(operation string, request map[string]any) (questions.Proposal, error) {
	parameters, err := laxjson.Marshal(request)
	return questions.Proposal{Operation: operation, Parameters: parameters}, err
}

// words are what commas separate; of "" there are none.
func words(s string) []string {
	out := []string{}
	for _, w := range strings.Split(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// maxInput bounds what is read of a file, in bytes; a server reads no more.
const maxInput = 4 << 20

func readInput(name string) ([]byte, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, refuse("--json: %v", err)
		}
		defer f.Close()
	}
	b, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = refuse("--json: %s has more than %d bytes", name, maxInput)
	}
	return b, err
}

func (p *whatIf) table(io streams) error {
	fmt.Fprintf(io.out, "%d affected: %d may do more, %d may do less.\n", p.Affected, p.Gaining, p.Losing)
	if len(p.Results) > 0 {
		fmt.Fprintln(io.out)
		w := newTable(io.out, "TYPE", "WHO", "EFFECT", "ACTION", "THROUGH")
		for _, r := range p.Results {
			differenceRows(w, &r, &p.Differences[r.Difference])
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
	if more := p.Affected - len(p.Results); more > 0 {
		fmt.Fprintf(io.out, "and %d more; --limit lists more of them\n", more)
	}
	if p.After != nil {
		printf(io.out, "\nbefore: %s: %s\nafter:  %s: %s\n", decisionWord(p.Before), sentence(p.Before),
			decisionWord(p.After), sentence(p.After))
	}
	return nil
}

// differenceRows writes a line for each thing that differs.
func differenceRows(w *table, r *questions.Affected, d *questions.Difference) {
	who := r.ID
	if r.Properties != nil {
		who = r.Properties.Name
	}
	row := func(effect string, t questions.Thing, through string) {
		w.row(r.Type, who, effect, thingText(t), through)
	}
	for _, g := range d.Gains {
		row("gains", g.Thing, grantsText(g.Grants))
	}
	for _, l := range d.Loses {
		row("loses", l.Thing, grantsText(l.Grants))
	}
	for _, c := range d.Changes {
		effect := map[[2]bool]string{{true, false}: "more", {false, true}: "less",
			{true, true}: "other"}[[2]bool{c.More, c.Less}]
		row(effect, c.Thing, grantsText(c.Before)+" -> "+grantsText(c.After))
	}
}

func grantsText(grants []questions.Grant) string {
	if len(grants) == 0 {
		return "nothing"
	}
	var names []string
	for i := range grants {
		names = append(names, grantText(&grants[i]))
	}
	return strings.Join(names, " or ")
}
