package lint

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard"
)

// ConfigName is the name under which the configuration is looked for.
const ConfigName = ".lanyard-lint.yaml"

// A Config silences findings.
type Config struct {
	name     string
	silences []*silence
}

// A silence accepts the findings of a rule about a resource.
type silence struct {
	Silence
	rule          Rule
	resource      string // TYPE/NAME or TYPE/ID
	line, column  int
	used, expired bool
}

// Bounds of a configuration.
const (
	maxConfig   = 1 << 20
	maxSilences = 10_000
	maxReason   = 1000
)

// ReadConfig reads a configuration. name is for messages.
func ReadConfig(name string, r io.Reader) (*Config, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(content) > maxConfig {
		return nil, fmt.Errorf("%s must have at most %d bytes, got more", name, maxConfig)
	}
	c := &Config{name: name}
	var document yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(content)).Decode(&document); {
	case errors.Is(err, io.EOF):
		return c, nil
	case err != nil:
		return nil, fmt.Errorf("%s must be YAML: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	case len(document.Content) != 1:
		return c, nil
	}
	if err := c.read(document.Content[0]); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", c.name, n.Line, n.Column, fmt.Sprintf(format, args...))
}

// members returns the values of a map by their keys, which must be among those that are known.
func (c *Config) members(n *yaml.Node, what string, known ...string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, c.fail(n, "%s must be a map with %s, got %s", what, strings.Join(known, ", "), kindOf(n))
	}
	all := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			return nil, c.fail(key, "a member of %s must be one of %s, got %s", what, strings.Join(known, ", "),
				lanyard.Quote(key.Value))
		case all[key.Value] != nil:
			return nil, c.fail(key, "%s already exists in %s", key.Value, what)
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			return nil, c.fail(value, "%s must be written out, got an anchor or an alias", key.Value)
		}
		all[key.Value] = value
	}
	return all, nil
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.ScalarNode:
		return lanyard.Quote(n.Value)
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return "a map"
}

func (c *Config) read(root *yaml.Node) error {
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	all, err := c.members(root, "the configuration", "silences")
	if err != nil || all["silences"] == nil {
		return err
	}
	list := all["silences"]
	if list.Kind == yaml.ScalarNode && list.Tag == "!!null" {
		return nil
	}
	if list.Kind != yaml.SequenceNode {
		return c.fail(list, "silences must be a list, got %s", kindOf(list))
	}
	if len(list.Content) > maxSilences {
		return c.fail(list, "silences must have at most %d entries, got %d", maxSilences, len(list.Content))
	}
	for _, n := range list.Content {
		s, err := c.silence(n)
		if err != nil {
			return err
		}
		c.silences = append(c.silences, s)
	}
	return nil
}

func (c *Config) silence(n *yaml.Node) (*silence, error) {
	all, err := c.members(n, "a silence", "code", "resource", "reason", "expires")
	if err != nil {
		return nil, err
	}
	text := map[string]string{}
	for _, name := range []string{"code", "resource", "reason", "expires"} {
		v := all[name]
		switch {
		case v == nil || v.Kind == yaml.ScalarNode && strings.TrimSpace(v.Value) == "":
			return nil, c.fail(cmp.Or(v, n), "%s is required", name)
		case v.Kind != yaml.ScalarNode:
			return nil, c.fail(v, "%s must be a text, got %s", name, kindOf(v))
		case len(v.Value) > maxReason:
			return nil, c.fail(v, "%s must have at most %d bytes, got %d", name, maxReason, len(v.Value))
		}
		text[name] = strings.TrimSpace(v.Value)
	}
	s := &silence{resource: text["resource"], line: n.Line, column: n.Column, Silence: Silence{Reason: text["reason"]}}
	var ok bool
	if s.rule, ok = FindRule(text["code"]); !ok || s.rule.check == nil {
		return nil, c.fail(all["code"], "code must be that of a rule, such as LY1001, got %s", lanyard.Quote(text["code"]))
	}
	if t, name, found := strings.Cut(s.resource, "/"); !found || t == "" || name == "" {
		return nil, c.fail(all["resource"], "resource must be TYPE/NAME, such as SecurityProfile/Agent, got %s",
			lanyard.Quote(s.resource))
	}
	if s.Expires, err = time.Parse(time.DateOnly, text["expires"]); err != nil {
		return nil, c.fail(all["expires"], "expires must be a day, such as 2027-01-31, got %s", lanyard.Quote(text["expires"]))
	}
	return s, nil
}

// covers reports whether a silence is about a finding.
func (s *silence) covers(f *Finding) bool {
	return f.Code == s.rule.Code && slices.ContainsFunc(f.Resources, func(r Resource) bool {
		return s.resource == r.Type+"/"+r.Name || s.resource == r.Type+"/"+r.ID
	})
}

// Apply silences findings, and adds those about silences that have expired or silence nothing. A silence is valid until
// the end of its day, in UTC. ran reports whether a rule was able to find anything.
func (c *Config) Apply(r *Report, now time.Time, ran func(code string) bool) {
	for _, s := range c.silences {
		s.expired, s.used = !now.Before(s.Expires.AddDate(0, 0, 1)), false
		for i := range r.Findings {
			f := &r.Findings[i]
			if !s.covers(f) {
				continue
			}
			if s.used = true; !s.expired && f.Silenced == nil {
				f.Silenced = &s.Silence
			}
		}
	}
	for _, s := range c.silences {
		switch {
		case s.used && s.expired:
			r.Findings = append(r.Findings, c.finding(s, expiredCode, fmt.Sprintf("the silence of %s about %s expired on %s",
				s.rule.Code, lanyard.Quote(s.resource), s.Expires.Format(time.DateOnly))))
		case !s.used && ran(s.rule.Code):
			r.Findings = append(r.Findings, c.finding(s, uselessCode, fmt.Sprintf("the silence of %s about %s silences nothing",
				s.rule.Code, lanyard.Quote(s.resource))))
		}
	}
	r.sort()
}

func (c *Config) finding(s *silence, code, message string) Finding {
	rule, _ := FindRule(code)
	t, name, _ := strings.Cut(s.resource, "/")
	f := Finding{Code: code, Rule: rule.Name, Severity: rule.Severity, Message: message, Why: rule.Why,
		Advice: rule.Advice, Resources: []Resource{{Type: t, Name: name}}, Place: Place{c.name, s.line, s.column},
		about: s.rule.Code}
	f.Fingerprint = f.fingerprint()
	return f
}
