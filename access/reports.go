package access

// Reports and dashboards combine the restrictions of users on several profiles in a way of their own.
// A profile without any prevails. Otherwise tags and hierarchy must both be met, whichever profiles
// they are on, with two exceptions that Amazon documents: see rule.

// A part is what one profile contributes.
type part struct {
	byTags, byScope bool // it restricts users by tags, by hierarchy
	tagsOK, scopeOK bool // and these are met
}

func (p *profile) part() part {
	return part{byTags: p.types.has(typeUser), byScope: p.scopes.has(typeUser)}
}

// A combination collects the parts of several restricted profiles.
type combination struct {
	tagged, scoped, both    int
	tagsOK, scopesOK        bool // those of any
	bothTagsOK, bothScopeOK bool // those of the one with both
	otherScopeOK            bool // those of any that is restricted by hierarchy only
}

func (c *combination) add(p part) {
	if p.byTags {
		c.tagged++
		c.tagsOK = c.tagsOK || p.tagsOK
	}
	if p.byScope {
		c.scoped++
		c.scopesOK = c.scopesOK || p.scopeOK
	}
	switch {
	case p.byTags && p.byScope:
		c.both++
		c.bothTagsOK, c.bothScopeOK = p.tagsOK, p.scopeOK
	case p.byScope:
		c.otherScopeOK = c.otherScopeOK || p.scopeOK
	}
}

// reportRule is how a combination is decided.
type reportRule uint8

const (
	noParts reportRule = iota
	// unenforceable: two profiles each with tags and hierarchy. Nothing is shown.
	unenforceable
	// tagsInOverlap: several profiles with hierarchy, of which one has tags too and no other profile has
	// any. The tags apply to agents present in the hierarchies of both. Taken literally, an agent in one
	// of them only is not filtered by the tags, so that reports can show more than other pages do.
	tagsInOverlap
	// asOne: tags and hierarchy must both be met, as if they were on one profile.
	asOne
)

func (c *combination) rule() reportRule {
	switch {
	case c.tagged+c.scoped == 0:
		return noParts
	case c.both > 1:
		return unenforceable
	case c.both == 1 && c.scoped > 1 && c.tagged == 1:
		return tagsInOverlap
	}
	return asOne
}

// met reports whether what is asked about meets the conditions.
func (c *combination) met(rule reportRule) bool {
	if rule == tagsInOverlap {
		if c.bothScopeOK && c.otherScopeOK {
			return c.bothTagsOK
		}
		return c.bothScopeOK || c.otherScopeOK
	}
	return (c.tagged == 0 || c.tagsOK) && (c.scoped == 0 || c.scopesOK)
}

// A box is a set of users: those with all of the tags, and in or below the group top unless all is set.
type box struct {
	tags []tag
	top  uint32
	all  bool
}

// boxes bounds what reports show to a holder of restricted and other profiles: from above, or from
// below where that is asked for. The two differ by tagsInOverlap only, whose rule has an exception.
func boxes(held []reach, from bound) []box {
	var c combination
	var tags, scopes []box
	for _, q := range held {
		part := q.part()
		switch {
		case !part.byTags && !part.byScope:
			return []box{{all: true}}
		case part.byTags:
			tags = append(tags, box{tags: q.tags, all: true})
		}
		if part.byScope {
			scopes = append(scopes, box{top: q.top})
		}
		c.add(part)
	}
	switch rule := c.rule(); {
	case rule == noParts || rule == unenforceable:
		return nil
	case rule == tagsInOverlap && from == above || len(tags) == 0:
		return scopes
	case len(scopes) == 0:
		return tags
	}
	var out []box
	for _, t := range tags {
		for _, s := range scopes {
			out = append(out, box{tags: t.tags, top: s.top})
		}
	}
	return out
}

type bound uint8

const (
	above bound = iota
	below
)

// insideBoxes reports whether each box of a is within one of b.
func (s *Snapshot) insideBoxes(a, b []box) bool {
	for _, x := range a {
		covered := !x.all && x.top == 0 // it is empty
		for _, y := range b {
			covered = covered || subset(y.tags, x.tags) && (y.all || !x.all && s.inside(x.top, y.top))
		}
		if !covered {
			return false
		}
	}
	return true
}
