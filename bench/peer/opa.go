package peer

import (
	"context"
	_ "embed"
	"encoding/json"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// Rego is the policy that OPA is given, in process and as a server.
//
//go:embed policy.rego
var Rego string

// OPA is a prepared Rego query over data in memory.
type OPA struct {
	query  rego.PreparedEvalQuery
	inputs []ast.Value
}

// NewOPA models a world: profiles, users and queues are data.
func NewOPA(w *World) (*OPA, error) {
	b, err := json.Marshal(OPAData(w)) // the store keeps what it is given, of these types only
	if err != nil {
		return nil, err
	}
	var data map[string]any
	if err := json.Unmarshal(b, &data); err != nil {
		return nil, err
	}
	ctx := context.Background()
	// Values that are ready to be evaluated, in the data and in the questions, are OPA's fastest way.
	store := inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true), inmem.OptRoundTripOnWrite(false))
	o := &OPA{}
	if o.query, err = rego.New(rego.Query("data.world.allow"), rego.Module("policy.rego", Rego),
		rego.Store(store)).PrepareForEval(ctx); err != nil {
		return nil, err
	}
	for i := range w.Questions {
		input, err := ast.InterfaceToValue(w.Questions[i].OPAInput())
		if err != nil {
			return nil, err
		}
		o.inputs = append(o.inputs, input)
	}
	return o, nil
}

// OPAInput is a question as the policy reads it.
func (q *Question) OPAInput() map[string]any {
	return map[string]any{"user": q.User, "action": q.Action, "type": q.Type, "resource": q.Resource}
}

// OPAData is a world as the policy reads it.
func OPAData(w *World) map[string]any {
	type object = map[string]any
	set := func(members []string) object {
		m := object{}
		for _, s := range members {
			m[s] = true
		}
		return m
	}
	profiles, users, all := object{}, object{}, object{}
	for _, p := range w.Profiles {
		o := object{"permissions": set(p.Permissions), "restricted": set(p.TagRestricted), "tags": p.AccessTags}
		if len(p.HierarchyRestricted) > 0 {
			o["hierarchy"] = "own"
			if p.HierarchyGroup != "" {
				o["hierarchy"], o["group"] = "group", p.HierarchyGroup
			}
		}
		profiles[p.ID] = o
	}
	paths := map[string][]string{}
	for _, g := range w.Groups {
		paths[g.ID] = g.Path
	}
	for i := range w.Users {
		u := w.User(i)
		o := object{"profiles": u.Profiles, "tags": u.Tags, "groups": set(paths[u.Group])}
		if u.Group != "" {
			o["group"] = u.Group
		}
		users[u.ID] = o
	}
	for _, q := range w.Queues {
		all[q.ID] = object{"tags": q.Tags}
	}
	return object{"profiles": profiles, "users": users, "queues": all}
}

// Allowed evaluates the query for one question.
func (o *OPA) Allowed(i int) (bool, error) {
	found, err := o.query.Eval(context.Background(), rego.EvalParsedInput(o.inputs[i]))
	return found.Allowed(), err
}
