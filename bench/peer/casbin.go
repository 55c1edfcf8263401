package peer

import (
	"fmt"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
)

// Casbin has an enforcer for each user with only the policies of that user's profiles, as filtered
// loading would leave it, because it tries every policy that it has. Conditions are a function in Go.
type Casbin struct {
	enforcers map[string]*casbin.Enforcer
	questions []Question
}

const casbinModel = `
[request_definition]
r = sub, act, type, obj

[policy_definition]
p = sub, act

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.act == p.act && meets(r.sub, r.type, r.obj, p.sub)
`

// NewCasbin models a world.
func NewCasbin(w *World) (*Casbin, error) {
	b := NewBare(w, nil, false)
	place := map[string]int{}
	for i, p := range w.Profiles {
		place[p.ID] = i
	}
	meets := func(args ...any) (any, error) {
		q := Question{User: args[0].(string), Type: args[1].(string), Resource: args[2].(string)}
		var t target
		return b.find(&q, &t) && b.meets(&b.profiles[place[args[3].(string)]], &b.people[b.users[q.User]], &t), nil
	}
	c := &Casbin{enforcers: map[string]*casbin.Enforcer{}, questions: w.Questions}
	for i := range w.Users {
		u := w.User(i)
		m, err := model.NewModelFromString(casbinModel)
		if err != nil {
			return nil, err
		}
		e, err := casbin.NewEnforcer(m)
		if err != nil {
			return nil, err
		}
		e.AddFunction("meets", meets)
		var rules [][]string
		for _, id := range u.Profiles {
			for _, permission := range w.Profiles[place[id]].Permissions {
				rules = append(rules, []string{id, permission})
			}
		}
		if _, err := e.AddPolicies(rules); err != nil {
			return nil, fmt.Errorf("policies of user %s: %w", u.ID, err)
		}
		c.enforcers[u.ID] = e
	}
	return c, nil
}

// Allowed enforces one question.
func (c *Casbin) Allowed(i int) (bool, error) {
	q := &c.questions[i]
	return c.enforcers[q.User].Enforce(q.User, q.Action, q.Type, q.Resource)
}
