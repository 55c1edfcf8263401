package stack

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/template"
)

// FromTemplate returns what the files of a stack say about an instance. parameters are those with which they were
// resolved. Resources of other instances are Problems.
func FromTemplate(s *template.Stack, files []*template.File, parameters map[string]string,
	instance string) (*Template, error) {
	arn, err := lanyard.ParseARN(instance)
	if err != nil {
		return nil, err
	}
	c := &conversion{arn: arn, types: map[string]string{}, out: &Template{Secrets: secretParameters(files, parameters)}}
	for _, r := range s.Resources {
		c.types[r.LogicalID] = r.Type
	}
	for _, r := range s.Resources {
		c.resource(r)
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.out, nil
}

type conversion struct {
	arn      lanyard.ARN
	types    map[string]string // by logical id
	out      *Template
	problems Problems
}

func (c *conversion) fail(pos template.Position, format string, args ...any) {
	c.problems = append(c.problems, Problem{pos.String(), fmt.Sprintf(format, args...)})
}

func (c *conversion) resource(r *template.Resource) {
	k, ok := kindNamed(r.Type)
	if !ok {
		return // template refuses and reports other types
	}
	out := Resource{LogicalID: r.LogicalID, Type: r.Type, DependsOn: r.DependsOn,
		Retain: strings.HasPrefix(r.UpdateReplacePolicy, "Retain"),
		Where:  func(path ...string) string { return whereOf(r, path...) }}
	out.Properties, _ = c.value(r.Properties).(map[string]any)
	if r.Metadata != nil {
		out.Lanyard, _ = c.value(r.Metadata).(map[string]any)
	}
	if at := r.Properties.Get("InstanceArn"); at != nil {
		if of, _ := out.Properties["InstanceArn"].(string); of != c.instanceARN() {
			c.fail(at.Pos, "InstanceArn must be %s, the instance that the command works on, got %s", c.instanceARN(), at)
		}
	}
	for _, name := range k.secret {
		if v, ok := out.Properties[name].(string); ok && !c.known(v) {
			c.out.Secrets[r.LogicalID+"."+name] = v
		}
	}
	c.out.Resources = append(c.out.Resources, out)
}

func (c *conversion) known(secret string) bool {
	for _, v := range c.out.Secrets {
		if v == secret {
			return true
		}
	}
	return false
}

func (c *conversion) instanceARN() string {
	a := c.arn
	a.Type, a.ID = lanyard.TypeInstance, ""
	return a.String()
}

// value converts a value, with placeholders for the resources that it refers to.
func (c *conversion) value(v *template.Value) any {
	done, err := v.Evaluate(c.attribute)
	if err != nil {
		c.problems = append(c.problems, Problem{v.Pos.String(), err.Error()})
		return nil
	}
	for _, ref := range done.References() {
		c.fail(ref.Pos, "attribute %s cannot be used: only the ARN of a resource is known before it exists", ref)
	}
	return c.plain(done)
}

func (c *conversion) attribute(r template.Reference) (string, bool) {
	k, ok := kindNamed(c.types[r.LogicalID])
	if !ok || r.Attribute != k.arn {
		return "", false
	}
	return PlaceholderARN(c.arn, k.name, r.LogicalID), true
}

func (c *conversion) plain(v *template.Value) any {
	switch v.Kind {
	case template.String:
		if v.Secret && hideSecrets(v.Text, c.out.Secrets) == v.Text && v.Text != "" {
			c.out.Secrets[fmt.Sprintf("made at %s", v.Pos)] = v.Text // of a part of a parameter
		}
		return v.Text
	case template.Number:
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil {
			return v.Text
		}
		return f
	case template.Bool:
		return v.Text == "true"
	case template.List:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = c.plain(item)
		}
		return out
	case template.Map:
		out := make(map[string]any, len(v.Members))
		for _, m := range v.Members {
			out[m.Key] = c.plain(m.Value)
		}
		return out
	}
	return nil
}

// whereOf returns the place of a member of a resource, or of the nearest above it that is written.
func whereOf(r *template.Resource, path ...string) string {
	pos := r.Pos
	if len(path) == 0 {
		return pos.String()
	}
	v := r.Properties
	if path[0] == "Metadata" {
		v, path = r.Metadata, path[1:]
	}
	for _, name := range path[1:] {
		at, err := strconv.Atoi(name)
		switch {
		case v == nil:
		case v.Kind == template.List && err == nil && at < len(v.Items):
			v = v.Items[at]
		default:
			v = v.Get(name)
		}
		if v == nil {
			break
		}
		pos = v.Pos
	}
	return pos.String()
}

var noEcho = regexp.MustCompile(`(?i)^true$`)

// secretParameters are the values of the parameters that files mark NoEcho.
func secretParameters(files []*template.File, given map[string]string) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		for e := range f.Root.Get("Parameters").All() {
			hide := e.Value.Get("NoEcho")
			if hide == nil || !noEcho.MatchString(hide.Text) {
				continue
			}
			if v, ok := given[e.Key.Text]; ok {
				out[e.Key.Text] = v
			} else if d := e.Value.Get("Default"); d != nil {
				out[e.Key.Text] = d.Text
			}
		}
	}
	return out
}
