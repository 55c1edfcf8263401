package peer

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Cedar is cedar-go with users, queues and their tags as entities and a policy for each different
// condition, which the profiles that have it share. Of the ways to model a world that were tried it
// is the fastest: parents are searched one by one, and a policy for each profile is three times as
// many to be tried.
type Cedar struct {
	entities types.EntityMap
	policies cedar.PolicyIterator
	requests []cedar.Request
	// byUser are the policies that matter for a user, when they are picked by hand.
	byUser map[types.EntityUID]picked
}

// NewCedar models a world. cedar-go tries every policy of a set on every request; with pick it is
// handed only those for the asker's profiles, to find which is then the work of whoever calls it.
func NewCedar(w *World, pick bool) (*Cedar, error) {
	c := &Cedar{entities: make(types.EntityMap, w.Users+queues+Names)}
	if pick {
		c.byUser = make(map[types.EntityUID]picked, w.Users)
	}
	conditions, where, err := c.addPolicies(w)
	if err != nil {
		return nil, err
	}
	for _, q := range w.Queues {
		c.add(types.Entity{UID: uid(access.TypeQueue, q.ID), Tags: record(q.Tags)})
	}
	c.addUsers(w, conditions, where)
	for i := range w.Questions {
		q := &w.Questions[i]
		r := cedar.Request{Principal: uid(access.TypeUser, q.User), Action: uid("Action", q.Action),
			Resource: uid(q.Type, q.Resource)}
		if q.Type == "" {
			r.Resource = uid("Instance", Instance)
		}
		c.requests = append(c.requests, r)
	}
	return c, nil
}

// addPolicies adds a policy for each condition that profiles have, and the actions with the profiles that grant them.
// It returns the policies, and which of them each profile has, by its id.
func (c *Cedar) addPolicies(w *World) (conditions []policy, where map[string]granted, err error) {
	set := cedar.NewPolicySet()
	// For each condition, the numbers of the profiles that have it and grant an action.
	byAction := map[string]map[string][]types.Value{}
	where = map[string]granted{}
	known := map[string]int{}
	for i, p := range w.Profiles {
		condition := cedarCondition(p)
		n, ok := known[condition]
		if !ok {
			n = len(conditions)
			known[condition] = n
			name := conditionName(n)
			var compiled cedar.Policy
			if err := compiled.UnmarshalCedar(fmt.Appendf(nil,
				"permit (principal, action, resource)\nwhen { principal has %[1]s && action has %[1]s && "+
					"principal.%[1]s.containsAny(action.%[1]s)%[2]s };", name, condition)); err != nil {
				return nil, nil, fmt.Errorf("policy of profile %s: %w", p.ID, err)
			}
			conditions = append(conditions, policy{cedar.PolicyID(name), &compiled})
			set.Add(cedar.PolicyID(name), &compiled)
		}
		where[p.ID] = granted{n, types.Long(i)}
		for _, action := range p.Permissions {
			if byAction[action] == nil {
				byAction[action] = map[string][]types.Value{}
			}
			byAction[action][conditionName(n)] = append(byAction[action][conditionName(n)], types.Long(i))
		}
	}
	c.policies = set
	for action, m := range byAction {
		c.add(types.Entity{UID: uid("Action", action), Attributes: types.NewRecord(sets(m))})
	}
	return conditions, where, nil
}

// addUsers adds the users with the profiles that they hold, by condition, and the groups that they are in.
func (c *Cedar) addUsers(w *World, conditions []policy, where map[string]granted) {
	paths := map[string][]string{}
	for _, g := range w.Groups {
		paths[g.ID] = g.Path
	}
	for i := range w.Users {
		u := w.User(i)
		held := map[string][]types.Value{}
		var matter picked
		for _, p := range u.Profiles {
			g := where[p]
			name := conditionName(g.condition)
			if held[name] == nil {
				matter = append(matter, conditions[g.condition])
			}
			held[name] = append(held[name], g.profile)
		}
		attributes := sets(held)
		var groups []types.Value
		for _, g := range paths[u.Group] {
			groups = append(groups, uid("Group", g))
		}
		attributes["groups"] = types.NewSet(groups...)
		if u.Group != "" {
			attributes["group"] = uid("Group", u.Group)
		}
		e := types.Entity{UID: uid(access.TypeUser, u.ID), Tags: record(u.Tags), Attributes: types.NewRecord(attributes)}
		c.add(e)
		if c.byUser != nil {
			c.byUser[e.UID] = matter
		}
	}
}

// granted is a profile's condition and its number.
type granted struct {
	condition int
	profile   types.Long
}

func conditionName(n int) string { return fmt.Sprint("c", n) }

func sets(m map[string][]types.Value) types.RecordMap {
	r := types.RecordMap{}
	for name, values := range m {
		r[types.String(name)] = types.NewSet(values...)
	}
	return r
}

func (c *Cedar) add(e types.Entity) { c.entities[e.UID] = e }

func uid(kind, id string) types.EntityUID {
	return types.NewEntityUID(types.EntityType(kind), types.String(id))
}

func record(tags map[string]string) types.Record {
	m := types.RecordMap{}
	for k, v := range tags {
		m[types.String(k)] = types.String(v)
	}
	return types.NewRecord(m)
}

// cedarCondition writes what a profile demands of a resource, "" for nothing.
func cedarCondition(p *lanyard.Profile) string {
	var b strings.Builder
	for _, kind := range p.TagRestricted {
		fmt.Fprintf(&b, " && (!(resource is %s)", kind)
		and := " || "
		for _, k := range slices.Sorted(maps.Keys(p.AccessTags)) {
			fmt.Fprintf(&b, "%sresource.hasTag(%q) && resource.getTag(%[2]q) == %q", and, k, p.AccessTags[k])
			and = " && "
		}
		b.WriteString(")")
	}
	switch {
	case len(p.HierarchyRestricted) == 0:
	case p.HierarchyGroup == "":
		b.WriteString(" && (!(resource is User) || principal has group && resource.groups.contains(principal.group))")
	default:
		fmt.Fprintf(&b, " && (!(resource is User) || resource.groups.contains(Group::%q))", p.HierarchyGroup)
	}
	return b.String()
}

// Allowed authorizes one request.
func (c *Cedar) Allowed(i int) (bool, error) {
	r := c.requests[i]
	policies := c.policies
	if c.byUser != nil {
		policies = c.byUser[r.Principal]
	}
	decision, diagnostic := cedar.Authorize(policies, c.entities, r)
	if len(diagnostic.Errors) > 0 {
		return false, fmt.Errorf("%v", diagnostic.Errors)
	}
	return decision == cedar.Allow, nil
}

type policy struct {
	id     cedar.PolicyID
	policy *cedar.Policy
}

// picked is a few policies.
type picked []policy

// All yields them.
func (p picked) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, one := range p {
			if !yield(one.id, one.policy) {
				return
			}
		}
	}
}
