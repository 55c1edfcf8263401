package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/laxjson"
)

type auditCmd struct {
	Show   auditShowCmd   `cmd:"" default:"withargs" help:"Show the records, or follow them; the default."`
	Verify auditVerifyCmd `cmd:"" help:"Prove that the chain of records is complete; exit status 0 says that it is, 3 that it is broken."`
	Export auditExportCmd `cmd:"" help:"Write the records as CloudTrail would."`
	Prune  auditPruneCmd  `cmd:"" help:"Remove old records; the chain can still be verified."`
}

func (auditCmd) Help() string {
	return `Examples:
  lanyard audit
  lanyard audit --follow --output json
  lanyard audit verify
  lanyard audit export --from 2026-03-01 --out march.json
  lanyard audit prune --keep-days 400`
}

type auditShowCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
	Instance   string        `help:"Only records of the instance with this id."`
	Decision   string        `help:"Only the call of an AI agent with this decision id, which its answer has in the header Lanyard-Decision-Id." placeholder:"ID"`
	Follow     bool          `help:"Keep showing new records until interrupted." short:"f"`
	Interval   time.Duration `help:"How often --follow looks for new records." default:"1s"`
}

func (auditShowCmd) Help() string {
	return `JSON output is one CloudTrail record a line, with what changed (before and after) in
additionalEventData.changes. Every call of an AI agent through the MCP gateway is a line, with what was
decided in additionalEventData.decision.

Examples:
  lanyard audit
  lanyard audit --follow --output json
  lanyard audit --instance 3fdf9b6c-… --output json | jq .eventName
  lanyard audit --decision 6ba7b810-9dad-11d1-80b4-00c04fd430c8`
}

// eventPage is how many events are read at a time.
const eventPage = 500

// maxBatch is the size in bytes after which a batch of events is shown.
const maxBatch = 4 << 20

// Run shows the events of all instances by time. Events of one instance are always in order.
func (c *auditShowCmd) Run(io streams) error {
	m, err := c.openManager(io.ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, running := m.(*remote); c.Follow && !running {
		return refuse("no server runs on the data folder %s, so there is nothing to follow", c.Data)
	}
	show := c.printer(io)
	seen := map[string]int64{} // last revision shown, by instance
	for {
		if err := c.showNew(io.ctx, m, seen, show); err != nil {
			if io.ctx.Err() != nil {
				return nil
			}
			return err
		}
		if !c.Follow {
			return nil
		}
		select {
		case <-io.ctx.Done():
			return nil
		case <-time.After(max(c.Interval, 10*time.Millisecond)):
		}
	}
}

// showNew shows the events that have not been seen.
func (c *auditShowCmd) showNew(ctx context.Context, m eventManager, seen map[string]int64,
	show func([]lanyard.Event) error) error {
	ids := []string{c.Instance}
	if c.Instance == "" {
		var err error
		if ids, err = knownInstances(ctx, m); err != nil {
			return err
		}
	}
	merge := eventMerge{manager: m, ids: ids, seen: seen, next: map[string][]lanyard.Event{},
		page: min(eventPage, max(1, 10*eventPage/max(1, len(ids))))}
	var batch []lanyard.Event
	for size := 0; ; {
		e, err := merge.nextEvent(ctx)
		if err != nil {
			return err
		}
		if e == nil {
			return show(batch)
		}
		if c.Decision != "" {
			one, ok := audit.Narrow(*e, func(call *lanyard.AgentCall) bool { return call.ID == c.Decision })
			if !ok {
				continue
			}
			e = &one
		}
		size += len(e.Request)
		for _, c := range e.Changes {
			size += len(c.Before) + len(c.After)
		}
		if batch = append(batch, *e); len(batch) == eventPage || size > maxBatch {
			if err := show(batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
	}
}

// knownInstances lists the ids of all instances that have events.
func knownInstances(ctx context.Context, m eventManager) (ids []string, err error) {
	for after := ""; ; after = ids[len(ids)-1] {
		some, err := m.Known(ctx, after)
		if ids = append(ids, some...); err != nil || len(some) == 0 {
			return ids, err
		}
	}
}

// An eventMerge merges the events of instances by time. At most a page of each is in memory, a small one where there
// are many.
type eventMerge struct {
	manager eventManager
	ids     []string         // of the instances that may have more
	seen    map[string]int64 // the last revision taken, by instance
	next    map[string][]lanyard.Event
	page    int
}

// nextEvent takes the earliest event, or nil when there are no more.
func (e *eventMerge) nextEvent(ctx context.Context) (*lanyard.Event, error) {
	first, left := "", e.ids[:0]
	for _, id := range e.ids {
		if len(e.next[id]) == 0 {
			page, err := e.manager.Events(ctx, id, e.seen[id], e.page)
			if err != nil {
				return nil, err
			}
			e.next[id] = page
		}
		if len(e.next[id]) == 0 {
			continue // it has no more events
		}
		left = append(left, id)
		if first == "" || e.next[id][0].Time.Before(e.next[first][0].Time) {
			first = id
		}
	}
	if e.ids = left; first == "" {
		return nil, nil
	}
	event := e.next[first][0]
	e.seen[first], e.next[first] = event.Revision, e.next[first][1:]
	return &event, nil
}

// printer returns a function that shows events.
func (c *auditShowCmd) printer(io streams) func([]lanyard.Event) error {
	if c.json(io) {
		return func(events []lanyard.Event) error {
			for _, e := range events {
				for _, r := range audit.Records(e) {
					if err := laxjson.Write(io.out, r); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	names := []string{"TIME", "INSTANCE", "REVISION", "ACCESS KEY", "ON BEHALF OF", "OPERATION", "CHANGED"}
	return func(events []lanyard.Event) error {
		if len(events) == 0 {
			return nil
		}
		w := newTable(io.out, names...)
		names = nil
		for _, e := range events {
			calls := audit.AgentCalls(e)
			for i := range calls {
				addCall(w, e, &calls[i])
			}
			if len(calls) > 0 {
				continue
			}
			w.row(e.Time.Format(time.DateTime), e.Instance, e.Revision, cmp.Or(e.AccessKeyID, "-"),
				cmp.Or(e.OnBehalfOf, e.Agent, "-"), e.Operation, changed(e))
		}
		return w.flush()
	}
}

// addCall adds a row about a call of an AI agent.
func addCall(w *table, e lanyard.Event, c *lanyard.AgentCall) {
	who, onBehalfOf := c.Agent, c.User
	if who == "" {
		who, onBehalfOf = "user "+c.User, ""
	}
	w.row(c.Time.Format(time.DateTime), e.Instance, e.Revision, cmp.Or(c.Credential, "-"), cmp.Or(onBehalfOf, "-"),
		c.Method, wordCall(c, who))
}

// wordCall says what was called and what became of it.
func wordCall(c *lanyard.AgentCall, who string) string {
	what := cmp.Or(c.Tool, c.Module, "-")
	if c.Upstream != "" {
		what = c.Upstream + " " + what
	}
	if c.More > 0 {
		if what == "-" {
			what = c.Method
		}
		return fmt.Sprintf("%d more calls of %s were %s up to %s for %s", c.More, what, c.Outcome,
			c.Last.Format(time.DateTime), who)
	}
	text := what + ": " + c.Outcome
	if why := cmp.Or(c.Error, c.Reason); why != "" && c.Outcome != "answered" {
		text += " (" + why + ")"
	}
	if c.Allowed && c.Duration > 0 {
		text += " in " + (time.Duration(c.Duration) * time.Microsecond).Round(10*time.Microsecond).String()
	}
	if len(c.Arguments) > 0 {
		text += " " + lanyard.ClipTo(string(c.Arguments), 200)
	}
	return text + " for " + who + ", decision " + c.ID
}

// changed returns the names of what an event changed.
func changed(e lanyard.Event) string {
	var names []string
	if e.Refused != "" {
		names = append(names, "refused: "+e.Refused)
	}
	for _, c := range e.Changes {
		name := string(c.Type) + " " + c.ID
		var meta struct{ Name string }
		doc := c.After
		if len(doc) == 0 {
			doc = c.Before
		}
		if laxjson.Unmarshal(doc, &meta) == nil && meta.Name != "" {
			name = string(c.Type) + " " + meta.Name
		}
		names = append(names, name)
	}
	const most = 3
	if len(names) > most {
		names = append(slices.Clip(names[:most]), fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}
