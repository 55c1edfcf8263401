// Package mirror reads a whole instance through the API of Amazon Connect, be it Amazon's or lanyard's. It calls
// operations that only read, with as few requests as the API allows, and says what the API did not reveal. It stores
// nothing and decides nothing; rates, retries and credentials are its API's.
package mirror

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/invocation"
)

// Options says how to read. The zero value reads what a mirror has.
type Options struct {
	// Concurrency is how many calls may be under way at a time; 16 if it is 0.
	Concurrency int
	// Complete also reads what takes calls of its own for each user and flow module version: e-mail addresses, mobile
	// numbers and proficiencies of users, drafts of flow modules and the content of their versions.
	Complete bool
	// CompleteUser, unless nil, says of which users to read what Complete reads of all.
	CompleteUser func(*lanyard.User) bool
	// Found, unless nil, is the instance as Find returned it, which is not described again.
	Found *lanyard.Instance
	// AIAgents are ARNs of AI agents to ask about, because the API does not list those that hold profiles.
	AIAgents []string
	// Progress, unless nil, is called after each call. It is called by one goroutine at a time.
	Progress func(Progress)
	// Known, unless nil, returns a profile as an earlier Read returned it, or nil. Where the time of its last change is
	// still the same, its lists are not read again.
	Known func(id string) *lanyard.Profile
}

// Progress says how far a Read is.
type Progress struct {
	Operation string // that was called
	Calls     int    // so far, after the instance was found
	Expected  int    // in all, as far as it is known; it grows while the first pages arrive
	Resources int    // read so far
}

// A Copy is an instance as the API revealed it. Resources have no Seq: it is not revealed.
type Copy struct {
	Instance *lanyard.Instance
	// Resources are those of the types of lanyard.LoadOrder, in its order, parents before their children, after the
	// hierarchy structure and before versions and aliases of flow modules and attributes of data tables. The same
	// answers make the same list.
	Resources []lanyard.Resource
	// Unrevealed says what is missing or was not kept, one sentence each, in a fixed order.
	Unrevealed []string
}

// Read copies an instance, which is named by id, ARN or alias, through any API. An answer that cannot be right is an
// error: ids that are missing, doubled or of another instance, pages without end.
func Read(ctx context.Context, api invocation.API, instance string, o Options) (*Copy, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.Found == nil {
		found, err := Find(ctx, api, instance)
		if err != nil {
			return nil, err
		}
		o.Found = found
	}
	in := lanyard.Clone(o.Found)
	r := newReader(api, in.ID, o)
	r.expect(firstCalls)
	attributes := func(ctx context.Context) error { return r.attributes(ctx, in) }
	if err := r.inParallel(ctx, attributes, r.users, r.profiles, r.hierarchy, r.queues, r.routingProfiles, r.hours,
		r.quickConnects, r.modules, r.dataTables); err != nil {
		return nil, err
	}
	if err := r.agents(ctx); err != nil {
		return nil, err
	}
	c := &Copy{Instance: in, Resources: r.sorted()}
	r.checkReferences(c.Resources)
	c.Unrevealed = r.unrevealed()
	r.report()
	return c, nil
}

// firstCalls is how many calls read an instance of which little is known, each list being one page.
const firstCalls = 14

// order is the order of types in a Copy.
func order() []lanyard.Type {
	return slices.Concat([]lanyard.Type{lanyard.TypeStructure}, lanyard.LoadOrder(),
		[]lanyard.Type{lanyard.TypeModuleVersion, lanyard.TypeModuleAlias, lanyard.TypeDataTableAttribute})
}

// sorted returns what was read in the order of a Copy.
func (r *reader) sorted() []lanyard.Resource {
	var all []lanyard.Resource
	for _, t := range order() {
		list := r.read[t]
		if rank := r.rank(t); rank != nil {
			slices.SortStableFunc(list, func(a, b lanyard.Resource) int { return cmp.Compare(rank(a), rank(b)) })
		}
		all = append(all, list...)
	}
	for _, res := range all { // as a store returns them
		if f := reflect.ValueOf(res).Elem().FieldByName("Settings"); f.IsValid() && f.Len() == 0 {
			f.SetZero()
		}
	}
	return all
}

// rank returns the key by which resources of a type are sorted, or nil for those that are in the order of the API.
func (r *reader) rank(t lanyard.Type) func(lanyard.Resource) int {
	switch t {
	case lanyard.TypeGroup: // parents before their children
		return func(res lanyard.Resource) int { return len(res.(*lanyard.Group).Path) }
	case lanyard.TypeModuleVersion, lanyard.TypeModuleAlias: // several modules are read at a time
		place := map[string]int{}
		for i, m := range r.read[lanyard.TypeModule] {
			place[m.Head().ID] = i
		}
		return func(res lanyard.Resource) int {
			if v, ok := res.(*lanyard.ModuleVersion); ok {
				return place[v.Module]
			}
			return place[res.(*lanyard.ModuleAlias).Module]
		}
	case lanyard.TypeDataTableAttribute:
		place := map[string]int{}
		for i, t := range r.read[lanyard.TypeDataTable] {
			place[t.Head().ID] = i
		}
		return func(res lanyard.Resource) int { return place[res.(*lanyard.DataTableAttribute).Table] }
	}
	return nil
}

// checkReferences notes the resources that were referred to and not listed. An instance that changes while it is read
// can have some.
func (r *reader) checkReferences(all []lanyard.Resource) {
	have := make(map[lanyard.Ref]bool, len(all))
	for _, res := range all {
		have[lanyard.Ref{Type: res.Type(), ID: res.Head().ID}] = true
	}
	for _, res := range all {
		for _, ref := range res.Refs() {
			if ref.ID != "" && !have[ref] {
				r.note(dangling, fmt.Sprintf("%s %s, which a %s refers to", ref.Type.Word(), lanyard.Quote(ref.ID),
					res.Type().Word()))
			}
		}
	}
}

// Find returns the instance that is named by id, ARN or alias, without its attributes. An alias is looked up.
func Find(ctx context.Context, api invocation.API, name string) (*lanyard.Instance, error) {
	id, err := findID(ctx, api, name)
	if err != nil {
		return nil, err
	}
	return newReader(api, id, Options{}).describeInstance(ctx)
}

func findID(ctx context.Context, api invocation.API, name string) (string, error) {
	if lanyard.IsARN(name) {
		arn, err := lanyard.ParseARN(name)
		if err != nil {
			return "", fmt.Errorf("instance: %w", err)
		}
		return arn.Instance, nil
	}
	if lanyard.IsID(name) {
		return name, nil
	}
	return newReader(api, "", Options{}).findAlias(ctx, name)
}

// stamp is a time as it is stored.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
