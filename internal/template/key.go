package template

import (
	"strconv"
	"strings"
)

// key returns a text that values have in common exactly if they are equal. Scalars are equal if their texts are, as
// AWS compares them.
func (v *Value) key() string {
	var b strings.Builder
	v.writeKey(&b)
	return b.String()
}

func (v *Value) writeKey(b *strings.Builder) {
	switch {
	case v == nil:
		b.WriteByte('-')
	case v.Reference != nil:
		b.WriteString("r" + v.Reference.String())
	case v.Kind == Deferred:
		b.WriteString("f" + v.call.function + "(")
		for _, a := range v.call.arguments {
			a.writeKey(b)
		}
		b.WriteByte(')')
	case v.Kind == List:
		b.WriteByte('[')
		for _, item := range v.Items {
			item.writeKey(b)
		}
		b.WriteByte(']')
	case v.Kind == Map:
		b.WriteByte('{')
		for _, m := range v.Members {
			b.WriteString(strconv.Quote(m.Key))
			m.Value.writeKey(b)
		}
		b.WriteByte('}')
	default:
		b.WriteString(strconv.Quote(v.Text))
	}
}
