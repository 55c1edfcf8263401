package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A block is entries about the same people and extent, which are shown together.
type block struct {
	entries []*Entry // the sensitive ones first
}

// blocks groups entries, in the order of the first of each group.
func blocks(entries []Entry) []*block {
	type key struct {
		who                    *Audience
		before, after, through string
		resources              *Resources
		more, less, restricts  bool
	}
	var out []*block
	known := map[key]*block{}
	for i := range entries {
		e := &entries[i]
		k := key{e.Who, e.Before.String(), e.After.String(), strings.Join(e.Through, "\x00"), e.Resources, e.More, e.Less,
			e.Restricts}
		b := known[k]
		if b == nil {
			b = &block{}
			known[k] = b
			out = append(out, b)
		}
		b.entries = append(b.entries, e)
	}
	return out
}

// over says over what a list's entries are allowed, such as "from everything to tag Country=FR".
func (e *Entry) over(condition, name func(string) string) string {
	before, after := e.Before.words(condition), e.After.words(condition)
	switch {
	case e.Resources != nil && e.More:
		return "newly on " + e.Resources.words(name)
	case e.Resources != nil:
		return "no longer on " + e.Resources.words(name)
	case e.Restricts && e.Before == nil:
		return "newly held, which allows less"
	case e.Restricts && e.After == nil:
		return "no longer held, which allows more"
	case e.Before == nil:
		return "over " + after
	case e.After == nil:
		return "over " + before
	}
	how := "other resources"
	switch {
	case e.More && !e.Less:
		how = "more"
	case e.Less && !e.More:
		how = "less"
	}
	if before == after {
		return how + ": over " + after + ", which is other resources than before"
	}
	return fmt.Sprintf("%s: from %s to %s", how, before, after)
}

// words names the resources, such as `User bob, whose tags or hierarchy group changed`.
func (r *Resources) words(quote func(string) string) string {
	return fmt.Sprintf("%s %s, whose tags or hierarchy group changed", r.Type, nameSome(quoteAll(r.Names, quote), r.Count))
}

// what names the thing of an entry.
func (e *Entry) what() string {
	if e.Type == "" {
		return e.Action
	}
	return fmt.Sprintf("%s on %s %s", e.Action, e.Type, cmp.Or(e.OnName, e.On))
}

// through names the profiles that grant it.
func (e *Entry) through(quote func(string) string) string {
	if len(e.Through) == 0 || e.Resources != nil {
		return ""
	}
	return "through " + strings.Join(quoteAll(e.Through, quote), ", ")
}

// Summary sums the difference up in one sentence.
func (d *Difference) Summary() string {
	if d.Empty() {
		return "Nobody gains or loses anything."
	}
	text := fmt.Sprintf("%d affected: %d may do more, %d may do less.", d.Affected, d.Gaining, d.Losing)
	if d.SensitiveGains == 1 {
		return text + " 1 sensitive permission is gained."
	}
	if d.SensitiveGains > 1 {
		return text + fmt.Sprintf(" %d sensitive permissions are gained.", d.SensitiveGains)
	}
	return text
}

// section is a list with its heading.
type section struct {
	heading string
	entries []Entry
	gained  bool // what is sensitive deserves attention
}

func (d *Difference) sections() []section {
	all := []section{{"Gains", d.Gains, true}, {"Loses", d.Losses, false}, {"Changes", d.Changed, true}}
	return slices.DeleteFunc(all, func(s section) bool { return len(s.entries) == 0 })
}
