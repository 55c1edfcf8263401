package lint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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
	used     map[access.Subject]mask // permissions that were allowed
}

// Bounds of a log of decisions.
const (
	maxDecisionLine = 1 << 20   // bytes
	maxSubjects     = 2_000_000 // people and AI agents
)

// A decision is a line of a log: a request and its answer in the form of the AuthZEN API, with a time. Other members
// are ignored.
type decision struct {
	Subject struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"subject"`
	Action struct {
		Name string `json:"name"`
	} `json:"action"`
	Decision *bool     `json:"decision"`
	Time     time.Time `json:"time"`
}

// ReadDecisions reads a log of decisions, one JSON object a line. name is for messages.
func ReadDecisions(name string, r io.Reader) (*Decisions, error) {
	d := &Decisions{used: map[access.Subject]mask{}}
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
	if err := json.Unmarshal([]byte(line), &one, jsontext.AllowInvalidUTF8(true)); err != nil {
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
	used, known := d.used[subject]
	if !known && len(d.used) >= maxSubjects {
		return fmt.Errorf("a log must have at most %d different subjects, got more", maxSubjects)
	}
	if i, ok := places[one.Action.Name]; ok && *one.Decision {
		used.add(i)
	}
	d.used[subject] = used
	return nil
}

// checkUse finds permissions that no holder of a profile used.
func (l *linter) checkUse() {
	if l.Decisions == nil || l.Decisions.Count == 0 {
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
			"are in the log", unused.count(), len(p.Permissions), keen.count(), d.From.UTC().Format(day),
			d.To.UTC().Format(day), seen, l.Snapshot.CountHolders(p.ID))}
	l.add(f, p)
}
