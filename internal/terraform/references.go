package terraform

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/stack"
)

// A module of the configuration.
type module struct {
	Resources   []configured           `json:"resources"`
	ModuleCalls map[string]*moduleCall `json:"module_calls"`
}

type moduleCall struct {
	Module module `json:"module"`
}

// configured is a resource as it is configured, for all its instances.
type configured struct {
	Type        string                    `json:"type"`
	Name        string                    `json:"name"`
	Mode        string                    `json:"mode"`
	Expressions map[string]jsontext.Value `json:"expressions"`
}

var indexes = regexp.MustCompile(`\[[^\]]*\]`)

// configuration returns the configuration of a resource, nil if the plan does not have it.
func (r *reader) configuration(c *resourceChange) *configured {
	m := &r.plan.Configuration.Root
	path := strings.Split(indexes.ReplaceAllString(c.ModuleAddress, ""), ".")
	for i := 0; i+1 < len(path); i += 2 { // module.NAME.module.NAME
		call := m.ModuleCalls[path[i+1]]
		if path[i] != "module" || call == nil {
			return nil
		}
		m = &call.Module
	}
	i := slices.IndexFunc(m.Resources, func(x configured) bool {
		return x.Type == c.Type && x.Name == c.Name && x.Mode != "data"
	})
	if i < 0 {
		return nil
	}
	return &m.Resources[i]
}

// configures reports whether an attribute is set in the configuration.
func (v *values) configures(attribute string) bool {
	c := v.configuration(v.change)
	return c != nil && len(c.Expressions[attribute]) > 0
}

// stateModule is a module with what was read before the plan: data sources, among others.
type stateModule struct {
	Resources []struct {
		Address string         `json:"address"`
		Values  jsontext.Value `json:"values"`
	} `json:"resources"`
	Children []stateModule `json:"child_modules"`
}

// value returns an attribute of a resource that was read, by its address; "" if it is no text or not there.
func (m *stateModule) value(address, attribute string) string {
	for i := range m.Resources {
		var values map[string]any
		if m.Resources[i].Address == address && json.Unmarshal(m.Resources[i].Values, &values) == nil {
			return text(values, attribute)
		}
	}
	for i := range m.Children {
		if v := m.Children[i].value(address, attribute); v != "" {
			return v
		}
	}
	return ""
}

// resourceRef splits a reference into what names a resource and the attribute.
var resourceRef = regexp.MustCompile(`^((?:data\.)?[a-z0-9_]+\.[A-Za-z0-9_-]+(?:\[[^\]]*\])?)(?:\.([a-z_]+))?$`)

// references returns the resources that an attribute refers to, as ids or placeholders. ok is false when the
// configuration does not say all of them.
func (v *values) references(attribute string) (out []string, ok bool) {
	c := v.configuration(v.change)
	if c == nil {
		return nil, false
	}
	var expression struct {
		References []string `json:"references"`
	}
	if json.Unmarshal(c.Expressions[attribute], &expression) != nil || len(expression.References) == 0 {
		return nil, false
	}
	for _, ref := range expression.References {
		m := resourceRef.FindStringSubmatch(ref)
		if m == nil {
			return nil, false // an attribute of an attribute, or the like
		}
		if m[2] == "" && slices.ContainsFunc(expression.References, func(r string) bool {
			return strings.HasPrefix(r, ref+".")
		}) {
			continue // of a reference to an attribute, the resource is listed too
		}
		id, ok := v.resolve(m[1], m[2])
		if !ok {
			return nil, false // a variable, a local value or the like
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out, true
}

// resolve returns the id or placeholder of a resource of the same module.
func (v *values) resolve(place, attribute string) (string, bool) {
	if v.change.ModuleAddress != "" {
		place = v.change.ModuleAddress + "." + place
	}
	if logical := v.logical[place]; logical != "" {
		return stack.Placeholder(logical), true
	}
	id := v.known[place]
	if id == "" && attribute != "" {
		id = v.plan.PriorState.Values.Root.value(place, attribute)
	}
	return id, id != ""
}
