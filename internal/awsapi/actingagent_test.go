package awsapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
)

const actingAgent = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b:$LATEST"

// assisting is the API called on behalf of an AI agent, which assists a user unless that is "".
func (w *world) assisting(agent, user string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header[awsapi.ActingAgent] = []string{agent}
		if user != "" {
			r.Header[awsapi.ActingUser] = []string{user}
		}
		w.api.ServeHTTP(rw, r)
	})
}

// holds gives the agent profiles.
func (c *centre) holds(profiles ...string) {
	c.Helper()
	for _, id := range profiles {
		c.do("AssociateSecurityProfiles", members{"InstanceId": c.in, "EntityType": "AI_AGENT", "EntityArn": actingAgent,
			"SecurityProfiles": []members{{"Id": id}}}).ok()
	}
}

// An AI agent may do what its own profiles allow, and for a user what both may do. It is told no more of what either of
// them may not see than of what does not exist.
func TestActingAgent(t *testing.T) {
	c := newCentre(t)
	c.holds(c.team) // it sees fritz, who is of team 1, and not sam
	const denied, missing = "AccessDeniedException", "99999999-0000-4000-8000-000000000000"
	user := func(id string) members { return members{"InstanceId": c.in, "UserId": id} }
	for i, tt := range []struct {
		agent, user, op string
		m               members
		want, says      string
	}{
		{actingAgent, "", "DescribeUser", user(c.fritz), "", ""},
		{actingAgent, "", "DescribeUser", user(c.sam), denied, "Users.View"},
		{actingAgent, "", "DescribeUser", user(missing), denied, "or it does not exist"},
		{actingAgent, "", "ListQueues", members{"InstanceId": c.in}, denied, "none of its security profiles grants it"},
		{actingAgent, "", "DescribeInstance", members{"InstanceId": c.in}, denied, "DescribeInstance"},
		{actingAgent, c.boss, "DescribeUser", user(c.fritz), "", ""},
		{actingAgent, c.boss, "DescribeUser", user(c.sam), denied, "the security profiles of both"},
		{actingAgent, c.boss, "ListQueues", members{"InstanceId": c.in}, denied, "Queues.View"}, // which boss alone may
		{actingAgent, c.head, "DescribeUser", user(c.fritz), "", ""},
		{actingAgent, c.cog, "DescribeUser", user(c.fritz), denied, "Users.View"},
		{actingAgent, "nobody", "DescribeUser", user(c.fritz), denied, "the acting user"},
		{actingAgent[:len(actingAgent)-8], "", "DescribeUser", user(c.fritz), denied, "has no security profiles"},
		{actingAgent + "x", c.boss, "DescribeUser", user(c.fritz), denied, "has no security profiles"},
		{actingAgent, c.head, "UpdateUserIdentityInfo", members{"InstanceId": c.in, "UserId": c.fritz,
			"IdentityInfo": members{"FirstName": "F"}}, "", ""},
		{actingAgent, c.head, "UpdateUserSecurityProfiles", members{"InstanceId": c.in, "UserId": c.fritz,
			"SecurityProfileIds": []string{c.team}}, denied, "Users.EditPermission"},
	} {
		x := c.doAs(c.assisting(tt.agent, tt.user), tt.op, tt.m)
		if tt.want == "" {
			x.ok()
		} else {
			x.fails(tt.want, tt.says)
		}
		if t.Failed() {
			t.Fatalf("row %d", i)
		}
	}
	// Of fritz, sam and nobody, head sees fritz and boss all; the agent sees fritz. The answers about what one of the two
	// may not see are those about what does not exist.
	for _, who := range []string{"", c.head, c.lead, c.cog} {
		say := func(id string) string {
			x := c.doAs(c.assisting(actingAgent, who), "DescribeUser", user(id))
			return strings.ReplaceAll(fmt.Sprint(x.status, x.message()), id, "ID")
		}
		hidden := []string{c.sam}
		if who == c.cog {
			hidden = append(hidden, c.fritz)
		}
		for _, id := range hidden {
			if got, want := say(id), say(missing); got != want {
				t.Errorf("for %q: of a hidden user %q, of a missing one %q", who, got, want)
			}
		}
	}
	list := c.doAs(c.assisting(actingAgent, c.head), "ListUsers", members{"InstanceId": c.in}).ok()["UserSummaryList"].([]any)
	if len(list) != 1 || list[0].(members)["Id"] != c.fritz {
		t.Errorf("agent and head both see fritz only; the list is %v", list)
	}
	x := c.doAs(c.assisting(actingAgent, c.head), "SearchUsers", members{"InstanceId": c.in}).ok()
	if fmt.Sprint(x["ApproximateTotalCount"]) != "1" {
		t.Errorf("a search counts %v, want 1", x["ApproximateTotalCount"])
	}
}

func TestActingAgentIsRecorded(t *testing.T) {
	c := newCentre(t)
	c.holds(c.team)
	before, err := c.svc.Revision(t.Context(), c.in)
	if err != nil {
		t.Fatal(err)
	}
	tag := members{"resourceArn": c.arn(c.in, "agent", c.fritz), "tags": members{"Shift": "2"}}
	c.doAs(c.assisting(actingAgent, c.lead), "TagResource", tag).ok()
	c.doAs(c.assisting(actingAgent, ""), "DescribeUser", members{"InstanceId": c.in, "UserId": c.sam}).
		fails("AccessDeniedException")
	events, err := c.svc.Events(t.Context(), c.in, before, 10)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v; want 2", len(events), err)
	}
	for i, want := range []audit.OnBehalfOf{{UserID: c.lead, AgentARN: actingAgent}, {AgentARN: actingAgent}} {
		if got := audit.From(events[i]).UserIdentity.OnBehalfOf; got == nil || *got != want {
			t.Errorf("event %d is on behalf of %+v, want %+v", i, got, want)
		}
	}
}

func TestActingAgentHeader(t *testing.T) {
	c := newCentre(t)
	c.holds(c.team)
	for _, values := range [][]string{{""}, {actingAgent, actingAgent}, {strings.Repeat("x", 5000)}, {}} {
		h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			r.Header[awsapi.ActingAgent] = values
			c.api.ServeHTTP(rw, r)
		})
		c.doAs(h, "ListUsers", members{"InstanceId": c.in}).fails("InvalidParameterException", "x-lanyard-acting-agent")
	}
	page := members{"InstanceId": c.in, "MaxResults": 1}
	token := c.doAs(c.assisting(actingAgent, ""), "ListUsers", page).ok()["NextToken"]
	page["NextToken"] = token
	c.doAs(c.assisting(actingAgent, ""), "ListUsers", page).ok()
	for _, h := range []http.Handler{c.assisting(actingAgent, c.lead), c.as(c.lead), c.api} {
		c.doAs(h, "ListUsers", page).fails("InvalidParameterException", "NextToken")
	}
}

// In strict mode an AI agent grants nothing, whomever it assists.
func TestActingAgentIsStrict(t *testing.T) {
	c := newCentre(t, func(cfg *control.Config, _ *awsapi.Config) { cfg.Strict = true })
	c.holds(c.all)
	for _, user := range []string{"", c.boss} {
		c.doAs(c.assisting(actingAgent, user), "UpdateSecurityProfile", members{"InstanceId": c.in,
			"SecurityProfileId": c.none, "Permissions": []string{"Users.View"}}).fails("AccessDeniedException", "grant nothing")
		c.doAs(c.assisting(actingAgent, user), "UpdateUserSecurityProfiles", members{"InstanceId": c.in, "UserId": c.cog,
			"SecurityProfileIds": []string{c.none, c.below}}).fails("AccessDeniedException", "grant nothing")
		c.doAs(c.assisting(actingAgent, user), "UpdateUserIdentityInfo", members{"InstanceId": c.in, "UserId": c.cog,
			"IdentityInfo": members{"FirstName": "C" + user}}).ok()
	}
}
