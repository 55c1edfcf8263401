package model

import (
	"net/url"
	"strconv"
)

// Params are what a request carries outside its body, percent-decoded. An input
// bound to them points into them.
type Params struct {
	Labels []Label
	Query  url.Values
}

// A Label is the value of one {Name} of an operation's URI.
type Label struct{ Name, Value string }

func (p Params) label(name string) *string {
	for i := range p.Labels {
		if p.Labels[i].Name == name {
			return &p.Labels[i].Value
		}
	}
	return nil
}

// labelInt64 sets a member of 64 bits from a label.
func (p Params) labelInt64(to **int64, member, name string) *Violation {
	text := p.label(name)
	if text == nil {
		return nil
	}
	n, v := parse(*text, member, 64)
	if v == nil {
		*to = &n
	}
	return v
}

// labelInt32 sets a member of 32 bits from a label.
func (p Params) labelInt32(to **int32, member, name string) *Violation {
	text := p.label(name)
	if text == nil {
		return nil
	}
	n, v := parse(*text, member, 32)
	if v == nil {
		short := int32(n)
		*to = &short
	}
	return v
}

// text sets a string member from the query; int32, int64 and bool do the same for
// theirs. When the key is absent the member stays as it is.
func (p Params) text(to **string, member, key string) *Violation {
	values := p.Query[key]
	if len(values) > 1 {
		return &Violation{Member: member, Problem: "must be given once", Got: strconv.Itoa(len(values)) + " times"}
	}
	if len(values) == 1 {
		*to = &values[0]
	}
	return nil
}

func (p Params) list(key string) []string { return p.Query[key] }

func (p Params) int32(to **int32, member, key string) *Violation {
	n, v := p.integer(member, key, 32)
	if n != nil {
		short := int32(*n)
		*to = &short
	}
	return v
}

func (p Params) int64(to **int64, member, key string) *Violation {
	n, v := p.integer(member, key, 64)
	if n != nil {
		*to = n
	}
	return v
}

func (p Params) integer(member, key string, bits int) (*int64, *Violation) {
	var text *string
	if v := p.text(&text, member, key); v != nil || text == nil {
		return nil, v
	}
	n, v := parse(*text, member, bits)
	if v != nil {
		return nil, v
	}
	return &n, nil
}

func parse(text, member string, bits int) (int64, *Violation) {
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil || text[0] == '+' {
		return 0, &Violation{Member: member, Problem: "must be a whole number of " + strconv.Itoa(bits) + " bits",
			Got: quote(text)}
	}
	return n, nil
}

//lint:ignore U1000 a member of a newer model may need it
func (p Params) bool(to **bool, member, key string) *Violation {
	var text *string
	if v := p.text(&text, member, key); v != nil || text == nil {
		return v
	}
	if *text != "true" && *text != "false" {
		return &Violation{Member: member, Problem: "must be true or false", Got: quote(*text)}
	}
	is := *text == "true"
	*to = &is
	return nil
}
