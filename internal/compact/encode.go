package compact

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
)

// AppendPut appends the line of a snapshot that puts a resource, with its end. It writes what Encode does of a Line,
// several times as fast: a server does this for every resource of an instance.
func AppendPut(b []byte, c *Resource) []byte {
	return append(c.append(append(b, `{"put":`...)), "}\n"...)
}

// Append appends a change as Encode writes it, several times as fast.
func (c *Change) Append(b []byte) []byte {
	b = append(c.From.append(append(b, `{"from":"`...)), `","to":"`...)
	b = append(c.To.append(b), '"')
	if len(c.Changes) > 0 {
		b = append(b, `,"changes":[`...)
		for i := range c.Changes {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.Changes[i].append(b)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func (p Position) append(b []byte) []byte {
	b = append(strconv.AppendInt(b, p.Revision, 10), '.')
	return hex.AppendEncode(b, []byte(p.Hash))
}

// An object is one that is being written. The members that are empty are left out.
type object []byte

func (o *object) name(name string) {
	if b := *o; b[len(b)-1] != '{' {
		*o = append(b, ',')
	}
	*o = append(append(append(*o, '"'), name...), `":`...)
}

func (o *object) always(name, value string) {
	o.name(name)
	*o = quote(*o, value)
}

func (o *object) text(name, value string) {
	if value != "" {
		o.always(name, value)
	}
}

func (o *object) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	o.name(name)
	*o = append(*o, '[')
	for i, v := range values {
		if i > 0 {
			*o = append(*o, ',')
		}
		*o = quote(*o, v)
	}
	*o = append(*o, ']')
}

func (o *object) tags(name string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	o.name(name)
	inner := object(append(*o, '{'))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if b := inner; b[len(b)-1] != '{' {
			inner = append(inner, ',')
		}
		inner = append(quote(inner, k), ':')
		inner = quote(inner, values[k])
	}
	*o = append(inner, '}')
}

// objects writes a list of objects, each by write.
func objects[T any](o *object, name string, values []T, write func(*object, *T)) {
	if len(values) == 0 {
		return
	}
	o.name(name)
	*o = append(*o, '[')
	for i := range values {
		if i > 0 {
			*o = append(*o, ',')
		}
		*o = append(*o, '{')
		write(o, &values[i])
		*o = append(*o, '}')
	}
	*o = append(*o, ']')
}

// quote appends a text. Nearly all have nothing that has to be escaped.
func quote(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			b, _ = jsontext.AppendQuote(b, s) // the error is that of invalid UTF-8, which is replaced
			return b
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func (c *Resource) append(b []byte) []byte {
	o := object(append(b, '{'))
	o.always("type", string(c.Type))
	o.always("id", c.ID)
	if c.Removed {
		o.name("removed")
		o = append(o, "true"...)
	}
	o.text("name", c.Name)
	if c.Seq != 0 {
		o.name("seq")
		o = strconv.AppendInt(o, c.Seq, 10)
	}
	o.tags("tags", c.Tags)
	o.text("account", c.Account)
	if c.Mirror {
		o.name("mirror")
		o = append(o, "true"...)
	}
	o.list("profiles", c.Profiles)
	o.text("group", c.Group)
	o.list("path", c.Path)
	if c.Type == lanyard.TypeProfile {
		c.appendProfile(&o)
	}
	return append(o, '}')
}

func (c *Resource) appendProfile(o *object) {
	o.list("permissions", c.Permissions)
	o.tags("accessTags", c.AccessTags)
	o.list("tagRestricted", c.TagRestricted)
	o.list("hierarchyRestricted", c.HierarchyRestricted)
	o.text("hierarchyGroup", c.HierarchyGroup)
	objects(o, "applications", c.Applications, func(o *object, a *Application) {
		o.always("namespace", a.Namespace)
		o.list("permissions", a.Permissions)
		o.text("type", a.Type)
	})
	objects(o, "flowModules", c.FlowModules, func(o *object, m *FlowModule) {
		o.text("type", m.Type)
		o.always("id", m.ID)
	})
	objects(o, "aiAgents", c.AIAgents, func(o *object, a *AIAgent) {
		o.always("arn", a.ARN)
		o.text("type", a.Type)
	})
	objects(o, "dataTables", c.DataTables, func(o *object, r *AttributeRule) {
		o.text("access", r.Access)
		o.always("attribute", r.Attribute)
		o.list("values", r.Values)
	})
}
