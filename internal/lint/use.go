package lint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Decisions are what a log of decisions says about which permissions were used.
type Decisions struct {
	From, To time.Time // of the first and the last decision
	Count    int
	// Of them, those about permissions and those about tools of AI agents: what a log has nothing about it does not
	// show to be unused.
	permissions, tools int
	sampled            bool                                 // the log has a part of the decisions only
	used               map[access.Subject]mask              // permissions that were allowed
	usedTools          map[access.Subject]map[tool]struct{} // tools that were allowed
	toolCount          int                                  // of all subjects
}

// A tool is one of an MCP server, or a flow module.
type tool struct{ namespace, id string }

func (t tool) String() string {
	if t.namespace == "" {
		return "flow module " + t.id
	}
	return t.id + " of " + t.namespace
}

// Bounds of a log of decisions.
const (
	maxDecisionLine = 1 << 20   // bytes
	maxSubjects     = 2_000_000 // people and AI agents
	maxTools        = 2_000_000 // of all of them
)

// A decision is a line of a log: a request and its answer in the form of the AuthZEN API, with a time. Other members
// are ignored.
type decision struct {
	Subject struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Properties struct {
			Assisting string `json:"assisting"`
		} `json:"properties"`
	} `json:"subject"`
	Action struct {
		Name string `json:"name"`
	} `json:"action"`
	Resource struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"resource"`
	Decision *bool     `json:"decision"`
	Time     time.Time `json:"time"`
	Sample   float64   `json:"sample"`
}

// tool returns the tool that a decision is about, if it is about one.
func (d *decision) tool() (tool, bool) {
	switch {
	case d.Resource.Type == access.TypeApplication:
		return tool{d.Resource.ID, d.Action.Name}, d.Action.Name != access.ActionAccess
	case d.Resource.Type == access.TypeFlowModule && d.Action.Name == access.ActionInvoke:
		return tool{"", d.Resource.ID}, true
	}
	return tool{}, false
}

// ReadDecisions reads a log of decisions, one JSON object a line. name is for messages.
func ReadDecisions(name string, r io.Reader) (*Decisions, error) {
	d := &Decisions{used: map[access.Subject]mask{}, usedTools: map[access.Subject]map[tool]struct{}{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxDecisionLine)
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		if err := d.addLine(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s:%d: a line must have at most %d bytes, got more", name, n+1, maxDecisionLine)
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return d, nil
}

func (d *Decisions) addLine(line string) error {
	var one decision
	err := json.Unmarshal([]byte(line), &one, jsontext.AllowInvalidUTF8(true))
	if errors.Is(err, io.ErrUnexpectedEOF) && line[0] == '{' {
		return nil // it was torn when its writer was killed or its disk was full
	}
	if err != nil {
		return fmt.Errorf("a line must be a decision as a JSON object: %w", err)
	}
	subject := access.Subject{ID: strings.Clone(one.Subject.ID)}
	switch {
	case one.Subject.ID == "":
		return errors.New("subject.id is required")
	case one.Action.Name == "":
		return errors.New("action.name is required")
	case one.Decision == nil:
		return errors.New("decision is required")
	case one.Time.IsZero():
		return errors.New("time is required")
	case one.Subject.Type == "ai_agent":
		subject.Type = access.AIAgent
	case one.Subject.Type != "user":
		return fmt.Errorf("subject.type must be user or ai_agent, got %s", lanyard.Quote(one.Subject.Type))
	}
	if d.Count++; d.From.IsZero() || one.Time.Before(d.From) {
		d.From = one.Time
	}
	if one.Time.After(d.To) {
		d.To = one.Time
	}
	d.sampled = d.sampled || one.Sample > 0 && one.Sample < 1
	t, isTool := one.tool()
	if isTool {
		d.tools++
	} else if _, ok := places[one.Action.Name]; ok {
		d.permissions++
	}
	for _, s := range []access.Subject{subject, {ID: strings.Clone(one.Subject.Properties.Assisting)}} {
		if s.ID == "" {
			continue
		}
		if err := d.addUse(s, &one, t, isTool); err != nil {
			return err
		}
	}
	return nil
}

// addUse adds what a decision shows that somebody used: who asked, or the user whom they assist.
func (d *Decisions) addUse(subject access.Subject, one *decision, t tool, isTool bool) error {
	used, known := d.used[subject]
	if !known && len(d.used) >= maxSubjects {
		return fmt.Errorf("a log must have at most %d different subjects, got more", maxSubjects)
	}
	i, ok := places[one.Action.Name]
	if ok && !isTool && *one.Decision {
		used.add(i)
	}
	if d.used[subject] = used; !isTool || !*one.Decision {
		return nil
	}
	tools := d.usedTools[subject]
	if tools == nil {
		tools = map[tool]struct{}{}
		d.usedTools[subject] = tools
	}
	if _, had := tools[t]; had {
		return nil
	}
	if d.toolCount++; d.toolCount > maxTools {
		return fmt.Errorf("a log must have at most %d different tools of all subjects, got more", maxTools)
	}
	tools[tool{strings.Clone(t.namespace), strings.Clone(t.id)}] = struct{}{}
	return nil
}

// checkUse finds permissions that no holder of a profile used.
func (l *linter) checkUse() {
	if l.Decisions == nil || l.Decisions.permissions == 0 {
		return
	}
	used, seen := make([]mask, len(l.Profiles)), make([]int, len(l.Profiles))
	for subject, m := range l.Decisions.used {
		held, ok := l.Snapshot.ProfilesOf(subject)
		if !ok {
			continue
		}
		for _, id := range held {
			if i, ok := l.byID[id]; ok {
				used[i].or(m)
				seen[i]++
			}
		}
	}
	for i, p := range l.Profiles {
		unused := l.grantsOf(i).granted.without(used[i])
		if l.Snapshot.CountHolders(p.ID) == 0 || unused == (mask{}) {
			continue
		}
		l.addUnused(p, unused, seen[i])
	}
}

func (l *linter) addUnused(p *lanyard.Profile, unused mask, seen int) {
	const day = "2006-01-02"
	d := l.Decisions
	keen := unused.and(sensitiveMask)
	f := Finding{Details: slices.Concat(keen.names(), unused.without(keen).names()),
		Message: fmt.Sprintf("%d of its %d permissions, %d of them sensitive, were not used from %s to %s; %d of its %d holders "+
			"are in the log%s", unused.count(), len(p.Permissions), keen.count(), d.From.UTC().Format(day),
			d.To.UTC().Format(day), seen, l.Snapshot.CountHolders(p.ID), d.sampling())}
	l.add(f, p)
}

// sampling says what is missing from a log.
func (d *Decisions) sampling() string {
	if d.sampled {
		return ", which is a sample"
	}
	return ""
}

// checkTools finds tools of AI agents that no holder of a profile used.
func (l *linter) checkTools() {
	if l.Decisions == nil || l.Decisions.tools == 0 {
		return
	}
	used, seen := make([]map[tool]struct{}, len(l.Profiles)), make([]int, len(l.Profiles))
	for subject := range l.Decisions.used {
		held, ok := l.Snapshot.ProfilesOf(subject)
		if !ok {
			continue
		}
		for _, id := range held {
			i, ok := l.byID[id]
			if !ok {
				continue
			}
			if used[i] == nil {
				used[i] = map[tool]struct{}{}
			}
			maps.Copy(used[i], l.Decisions.usedTools[subject])
			seen[i]++
		}
	}
	for i, p := range l.Profiles {
		granted := toolsOf(p)
		unused := slices.DeleteFunc(slices.Clone(granted), func(t tool) bool { _, ok := used[i][t]; return ok })
		if l.Snapshot.CountHolders(p.ID) > 0 && len(unused) > 0 {
			l.addUnusedTools(p, unused, len(granted), seen[i])
		}
	}
}

func (l *linter) addUnusedTools(p *lanyard.Profile, unused []tool, granted, seen int) {
	const day = "2006-01-02"
	d := l.Decisions
	f := Finding{Message: fmt.Sprintf("%d of its %d tools were not used from %s to %s; %d of its %d holders are in the log%s",
		len(unused), granted, d.From.UTC().Format(day), d.To.UTC().Format(day), seen, l.Snapshot.CountHolders(p.ID),
		d.sampling())}
	for _, t := range unused {
		f.Details = append(f.Details, t.String())
	}
	l.add(f, p)
}

// toolsOf returns the tools that a profile grants.
func toolsOf(p *lanyard.Profile) (tools []tool) {
	for _, a := range p.Applications {
		for _, name := range a.Permissions {
			if name != access.ActionAccess {
				tools = append(tools, tool{a.Namespace, name})
			}
		}
	}
	for _, m := range p.FlowModules {
		tools = append(tools, tool{"", m.ID})
	}
	return tools
}
