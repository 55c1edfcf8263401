// Package terraform reads the plans of Terraform as proposals, and writes the configuration of an instance for
// Terraform. It knows the resources aws_connect_* of the provider hashicorp/aws and awscc_connect_* of hashicorp/awscc,
// runs no Terraform and changes nothing.
package terraform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/jsonfile"
	"github.com/lanyard/lanyard/internal/stack"
)

// Bounds of plans.
const (
	MaxPlan    = 64 << 20 // bytes
	maxDepth   = 200
	maxChanges = 50_000 // of resources
)

// plan is what counts of the output of "terraform show -json".
type plan struct {
	FormatVersion   string           `json:"format_version"`
	ResourceChanges []resourceChange `json:"resource_changes"`
	PriorState      struct {
		Values struct {
			Root stateModule `json:"root_module"`
		} `json:"values"`
	} `json:"prior_state"`
	Configuration struct {
		Root module `json:"root_module"`
	} `json:"configuration"`
}

type resourceChange struct {
	Address       string         `json:"address"`
	ModuleAddress string         `json:"module_address"`
	Mode          string         `json:"mode"`
	Type          string         `json:"type"`
	Name          string         `json:"name"`
	Index         jsontext.Value `json:"index"`
	Change        struct {
		Actions      []string       `json:"actions"`
		Before       jsontext.Value `json:"before"`
		After        jsontext.Value `json:"after"`
		AfterUnknown jsontext.Value `json:"after_unknown"`
	} `json:"change"`

	logicalID string
}

// ReadPlan reads the output of "terraform show -json" of a saved plan. name is that of the file, for messages.
func ReadPlan(name string, content []byte) (*stack.Proposals, error) {
	var p plan
	if err := jsonfile.Read(name, content, jsonfile.Bounds{Size: MaxPlan, Depth: maxDepth}, &p); err != nil {
		return nil, err
	}
	switch {
	case p.FormatVersion == "":
		return nil, lanyard.Errorf(lanyard.Invalid, "%s: format_version is required; make the file with "+
			"terraform show -json PLAN", name)
	case !strings.HasPrefix(p.FormatVersion, "1.") && !strings.HasPrefix(p.FormatVersion, "0."):
		return nil, lanyard.Errorf(lanyard.Invalid, "%s: format_version must be 0.x or 1.x, got %s", name,
			lanyard.Quote(p.FormatVersion))
	case len(p.ResourceChanges) > maxChanges:
		return nil, lanyard.Errorf(lanyard.Invalid, "%s must change at most %d resources, got %d", name, maxChanges,
			len(p.ResourceChanges))
	}
	return newReader(name, &p).read()
}

// A reader makes proposals of a plan.
type reader struct {
	name    string
	plan    *plan
	out     *stack.Proposals
	byPlace map[string]*resourceChange // by address
	logical map[string]string          // logical ids of what is created, by address
	known   map[string]string          // ids of what is there, by address
}

func newReader(name string, p *plan) *reader {
	r := &reader{name: name, plan: p, out: &stack.Proposals{Others: map[string]int{}},
		byPlace: map[string]*resourceChange{}, logical: map[string]string{}, known: map[string]string{}}
	for i := range p.ResourceChanges {
		r.byPlace[p.ResourceChanges[i].Address] = &p.ResourceChanges[i]
	}
	return r
}

func (r *reader) read() (*stack.Proposals, error) {
	var changes []*resourceChange
	for i := range r.plan.ResourceChanges {
		c := &r.plan.ResourceChanges[i]
		if _, ok := convertersOf(c.Type); !ok || c.Mode == "data" {
			if c.acts() && c.Mode != "data" {
				r.out.Others[c.Type]++
			}
			continue
		}
		if err := r.register(i, c); err != nil {
			return nil, err
		}
		if c.acts() {
			changes = append(changes, c)
		}
	}
	for _, c := range changes {
		p, err := r.proposal(c)
		if err != nil {
			return nil, err
		}
		r.out.Changes = append(r.out.Changes, p)
	}
	return r.out, nil
}

// acts reports whether a change does anything to the resource itself.
func (c *resourceChange) acts() bool {
	return slices.ContainsFunc(c.Change.Actions, func(a string) bool { return a == "create" || a == "update" || a == "delete" })
}

// register notes by which id others refer to a resource.
func (r *reader) register(i int, c *resourceChange) error {
	c.logicalID = fmt.Sprintf("R%d", i+1)
	if slices.Contains(c.Change.Actions, "create") {
		r.logical[c.Address] = c.logicalID
		return nil
	}
	before, err := r.object(c, "before", c.Change.Before)
	if err != nil {
		return err
	}
	convert, _ := convertersOf(c.Type)
	r.known[c.Address] = convert.id(before)
	return nil
}

// object decodes a state of a resource.
func (r *reader) object(c *resourceChange, member string, v jsontext.Value) (map[string]any, error) {
	if len(v) == 0 || v.Kind() == 'n' {
		return nil, nil
	}
	var out map[string]any
	if err := json.Unmarshal(v, &out); err != nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "%s: %s of %s must be an object", r.name, member, lanyard.Quote(c.Address))
	}
	return out, nil
}

// proposal makes a proposal of a change.
func (r *reader) proposal(c *resourceChange) (p stack.Proposal, err error) {
	convert, _ := convertersOf(c.Type)
	p = stack.Proposal{Address: c.Address, Type: convert.name}
	if p.Action, p.CreateFirst, err = r.action(c); err != nil {
		return p, err
	}
	before, err := r.object(c, "before", c.Change.Before)
	if err != nil {
		return p, err
	}
	after, err := r.object(c, "after", c.Change.After)
	if err != nil {
		return p, err
	}
	unknown, err := r.object(c, "after_unknown", c.Change.AfterUnknown)
	if err != nil {
		return p, err
	}
	p.ID, p.LogicalID = convert.id(before), c.logicalID
	p.Instance = convert.instance(before)
	if p.Action == stack.Delete {
		return p, nil
	}
	if p.Instance == "" {
		p.Instance = convert.instance(after)
	}
	v := &values{reader: r, change: c, before: before, after: after, unknown: unknown, out: map[string]any{}}
	convert.read(v)
	p.Properties, p.Unknown = v.out, v.missing
	return p, nil
}

// action returns what a change does.
func (r *reader) action(c *resourceChange) (action string, createFirst bool, err error) {
	switch strings.Join(c.Change.Actions, ",") {
	case "create":
		return stack.Create, false, nil
	case "update":
		return stack.Update, false, nil
	case "delete":
		return stack.Delete, false, nil
	case "delete,create":
		return stack.Replace, false, nil
	case "create,delete":
		return stack.Replace, true, nil
	}
	return "", false, lanyard.Errorf(lanyard.Invalid, "%s: actions of %s must be create, update, delete or a pair that replaces, "+
		"got %q", r.name, lanyard.Quote(c.Address), c.Change.Actions)
}
