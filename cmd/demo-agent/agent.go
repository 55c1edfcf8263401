package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard/internal/terminal"
)

// withToken sends a bearer token with every request.
type withToken string

func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(t))
	return http.DefaultTransport.RoundTrip(r)
}

// connect gives the agent a token and connects it to the gateway.
func (d *demo) connect(ctx context.Context) error {
	token, err := d.lanyardCommand(ctx, "token", "create", "--agent", agentARN, "--output", "table")
	if err != nil {
		return err
	}
	d.heading("The agent connects with a token of its own")
	d.command("lanyard token create --agent " + agentARN[:len("arn:aws:wisdom:us-east-1:123456789012:ai-agent/")] + "…")
	d.changed = make(chan struct{}, 1)
	client := mcp.NewClient(&mcp.Implementation{Name: "scripted-agent", Version: "1"}, &mcp.ClientOptions{
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {
			select {
			case d.changed <- struct{}{}:
			default:
			}
		}})
	d.agent, err = client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: d.url + "/mcp",
		HTTPClient: &http.Client{Transport: withToken(strings.TrimSpace(token))}}, nil)
	if err != nil {
		return err
	}
	d.say("It speaks MCP %s with the gateway at %s/mcp.", d.agent.InitializeResult().ProtocolVersion, d.url)
	return nil
}

// tools returns what the agent sees.
func (d *demo) tools(ctx context.Context) ([]string, error) {
	list, err := d.agent.ListTools(ctx, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range list.Tools {
		names = append(names, t.Name)
	}
	return names, nil
}

func (d *demo) list(ctx context.Context) error {
	d.heading("It asks which tools there are")
	names, err := d.tools(ctx)
	if err != nil {
		return err
	}
	if len(names) != 2 {
		return fmt.Errorf("the agent sees %q, and not the two tools that are granted", names)
	}
	d.say("tools/list → %s", d.paint.Paint(terminal.Cyan, strings.Join(names, ", ")))
	d.say("The other tools do not exist for it.")
	return nil
}

// wanted is the call that the story is about.
var wanted = &mcp.CallToolParams{Name: "refunds___pay_refund", Arguments: map[string]any{"order": "4711", "amount": 25}}

const wantedText = `tools/call refunds___pay_refund {"order": "4711", "amount": 25}`

// call returns the text of the result, or an error that is the refusal.
func (d *demo) call(ctx context.Context) (string, error) {
	result, err := d.agent.CallTool(ctx, wanted)
	if err != nil {
		return "", err
	}
	text, ok := result.Content[0].(*mcp.TextContent)
	switch {
	case !ok:
		return "", errors.New("the tool answers without text")
	case result.IsError:
		return "", errors.New(text.Text)
	}
	return text.Text, nil
}

func (d *demo) callRefused(ctx context.Context) error {
	d.heading("A customer has talked it into a refund, and it has guessed the tool's name")
	d.say("%s", wantedText)
	answer, err := d.call(ctx)
	if err == nil {
		return fmt.Errorf("the call was not refused: %s", answer)
	}
	d.say("%s %s", d.paint.Paint(terminal.BoldRed, "✗ refused:"), terminal.Escape(err.Error()))
	d.say("The MCP server has not heard of it. What the agent was told in a prompt changes nothing.")
	return nil
}

func (d *demo) grant(ctx context.Context) error {
	d.heading("An administrator decides that the agent may do that, and says so with boto3")
	d.say(`%s`, d.paint.Paint(terminal.Faint, `connect.update_security_profile(…, Applications=[…,`))
	d.say(`%s`, d.paint.Paint(terminal.Faint,
		`    {"Namespace": "refunds", "Type": "MCP", "ApplicationPermissions": ["refund_status", "pay_refund"]}])`))
	if err := d.administer(ctx, "orders=find_order", "refunds=refund_status,pay_refund"); err != nil {
		return err
	}
	select {
	case <-d.changed:
	case <-time.After(patience):
		return errors.New("the agent was not told that its tools have changed")
	}
	names, err := d.tools(ctx)
	if err != nil {
		return err
	}
	if len(names) != 3 {
		return fmt.Errorf("the agent sees %q, and not the three tools that are granted", names)
	}
	d.say("The agent is told at once: notifications/tools/list_changed")
	d.say("tools/list → %s", d.paint.Paint(terminal.Cyan, strings.Join(names, ", ")))
	return nil
}

func (d *demo) callAllowed(ctx context.Context) error {
	d.heading("The same call again")
	d.say("%s", wantedText)
	answer, err := d.call(ctx)
	if err != nil {
		return err
	}
	d.say("%s %s", d.paint.Paint(terminal.Green, "✓ allowed:"), terminal.Escape(answer))
	return nil
}

// A record is what the story shows of a record of the audit.
type record struct {
	Time      time.Time `json:"eventTime"`
	Operation string    `json:"eventName"`
	Identity  struct {
		Key string `json:"accessKeyId"`
	} `json:"userIdentity"`
	Request struct {
		Namespace string         `json:"namespace"`
		Tool      string         `json:"tool"`
		Arguments jsontext.Value `json:"arguments"`
	} `json:"requestParameters"`
	More struct {
		Decision struct {
			ID      string `json:"id"`
			Outcome string `json:"outcome"`
			Reason  string `json:"reason"`
		} `json:"decision"`
	} `json:"additionalEventData"`
}

// line shows a record.
func (r *record) line() string {
	if r.Operation != toolCall {
		return fmt.Sprintf("%s  %s  by access key %s", r.Time.Format(time.TimeOnly), r.Operation, r.Identity.Key)
	}
	d := r.More.Decision
	return fmt.Sprintf("%s  %s  %s %s %s  %s (%s), decision %s", r.Time.Format(time.TimeOnly), r.Operation,
		r.Request.Namespace, r.Request.Tool, r.Request.Arguments, d.Outcome, d.Reason, d.ID)
}

// toolCall is the operation of a record of a call.
const toolCall = "tools/call"

// audit shows the records of both calls, and of what changed in between.
func (d *demo) audit(ctx context.Context) error {
	d.heading("The audit has both calls, and what changed in between")
	d.command("lanyard audit")
	var refused, change, allowed *record
	err := await(ctx, "both calls were in the audit", func() (bool, error) {
		text, err := d.lanyardCommand(ctx, "audit", "--output", "json")
		for line := range strings.Lines(text) {
			r := new(record)
			if err := json.Unmarshal([]byte(line), r); err != nil {
				return false, fmt.Errorf("read the audit: %w", err)
			}
			switch {
			case r.Operation == "UpdateSecurityProfile":
				change = r // the last one
			case r.Operation == toolCall && r.More.Decision.Outcome == "refused":
				refused = r
			case r.Operation == toolCall:
				allowed = r
			}
		}
		return refused != nil && change != nil && allowed != nil, err
	})
	if err != nil {
		return err
	}
	for _, r := range []*record{refused, change, allowed} {
		d.say("%s", terminal.Escape(r.line()))
	}
	d.say("Arguments are redacted, and the records are a chain: lanyard audit verify")
	verified, err := d.lanyardCommand(ctx, "audit", "verify", "--output", "table")
	if err != nil {
		return err
	}
	for line := range strings.Lines(strings.TrimSpace(verified)) {
		d.say("%s", terminal.Escape(strings.TrimRight(line, "\n")))
	}
	return nil
}
