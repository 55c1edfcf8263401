package control

import (
	"cmp"
	"context"
	"reflect"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// What the operations of every type have in common: describe, create, update, remove and List.

// describe returns one resource of an instance.
func describe[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance,
	ref string) (*lanyard.Instance, R, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		var none R
		return nil, none, err
	}
	r, err := getTarget[R](ctx, s, s.store.Reader(in.ID), in, ref)
	return in, r, err
}

// A creation is a resource to add.
type creation[R lanyard.Resource] struct {
	resource R      // as it was sent
	named    string // the member that names it; "" for Name
	quota    int    // of resources of its type; negative for none
	// prepare, unless nil, checks and completes the resource, a copy of the one that was sent.
	prepare func(store.Tx, *lanyard.Instance, R) error
	// then, unless nil, follows once the resource is there.
	then func(store.Tx, R) error
}

// create adds a resource.
func create[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance string,
	c creation[R]) (Created[R], error) {
	var made Created[R]
	result, err := s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		if err := s.room(ctx, tx, c.resource.Type(), c.quota); err != nil {
			return err
		}
		r := lanyard.Clone(c.resource) // afresh each time: write may repeat
		r.Head().ID = s.newID()
		s.touch(call, r)
		made = Created[R]{Instance: in, Resource: r}
		if c.prepare != nil {
			if err := c.prepare(tx, in, r); err != nil {
				return err
			}
		}
		err := taken(cmp.Or(c.named, "Name"), r, tx.Put(ctx, r))
		if err != nil || c.then == nil {
			return err
		}
		return c.then(tx, r)
	})
	made.Result = result
	return made, err
}

// touch says when a resource was changed, and of a profile by whom.
func (s *Service) touch(call Call, r lanyard.Resource) {
	r.Head().Modified = s.time()
	if p, ok := r.(*lanyard.Profile); ok {
		p.ModifiedBy = call.actor()
	}
}

// update changes one resource. A change that leaves it as it was is none.
func update[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance, ref string,
	change func(store.Tx, *lanyard.Instance, R) error) (Result, error) {
	find := func(tx store.Tx, in *lanyard.Instance) (R, error) { return getTarget[R](ctx, s, tx, in, ref) }
	return updateFound(ctx, s, call, instance, updating[R]{find: find, change: change})
}

// An updating is a change of one resource.
type updating[R lanyard.Resource] struct {
	named  string // the member that names it; "" for Name
	find   func(store.Tx, *lanyard.Instance) (R, error)
	change func(store.Tx, *lanyard.Instance, R) error
}

// updateFound is update for a resource that has to be found first.
func updateFound[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance string,
	u updating[R]) (Result, error) {
	var r R
	result, err := s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		before, err := u.find(tx, in)
		if err != nil {
			return err
		}
		if err := call.checkIfMatch(before); err != nil {
			return err
		}
		r = lanyard.Clone(before)
		if err := u.change(tx, in, r); err != nil {
			return err
		}
		if reflect.DeepEqual(r, before) {
			return errUnchanged
		}
		s.touch(call, r)
		return taken(cmp.Or(u.named, "Name"), r, tx.Put(ctx, r))
	})
	if err != nil {
		return Result{}, err
	}
	result.ETag = tagOf(r)
	return result, nil
}

// remove deletes a resource that nothing of the types from refers to, and its parts.
func remove[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance, ref string,
	from ...lanyard.Type) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		r, err := getTarget[R](ctx, s, tx, in, ref)
		if err != nil {
			return err
		}
		if err := unused(ctx, tx, r, from...); err != nil {
			return err
		}
		if err := removeParts(ctx, tx, lanyard.Ref{Type: r.Type(), ID: r.Head().ID}); err != nil {
			return err
		}
		return tx.Delete(ctx, r.Type(), r.Head().ID)
	})
}

// List returns a page of the resources of one type, in the order of their creation.
func List[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance string, p Page) (PageOf[R], error) {
	return ListOnly[R](ctx, s, call, instance, Selection[R]{Page: p})
}

// A Selection asks for a page of selected resources of one type.
type Selection[R lanyard.Resource] struct {
	Page
	Wanted func(R) bool // nil: all are
}

// ListOnly is List of a selection.
func ListOnly[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance string,
	sel Selection[R]) (PageOf[R], error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return PageOf[R]{}, err
	}
	see, err := s.visible(ctx, call, in)
	if err != nil {
		return PageOf[R]{}, err
	}
	f := finder[R]{service: s, reader: s.store.Reader(in.ID), in: in}
	if sel.Wanted != nil {
		f.tests = append(f.tests, func(r lanyard.Resource) bool { return sel.Wanted(r.(R)) })
	}
	if see != nil {
		f.tests = append(f.tests, see)
	}
	return f.findPage(ctx, sel.Page)
}

// each calls do for every resource of a type until do fails.
func each[R lanyard.Resource](ctx context.Context, r store.Reader, do func(R) error) error {
	var none R
	return eachOf(ctx, r, none.Type(), func(res lanyard.Resource) error { return do(res.(R)) })
}

// eachOf is each for a type that is not known before.
func eachOf(ctx context.Context, r store.Reader, t lanyard.Type, do func(lanyard.Resource) error) error {
	return eachPage(ctx, r, t, func(page []lanyard.Resource) error {
		for _, res := range page {
			if err := do(res); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachPage calls do for resources of a type in the order of their creation, some at a time.
func eachPage(ctx context.Context, r store.Reader, t lanyard.Type, do func([]lanyard.Resource) error) error {
	const chunk = 500
	for after := int64(0); ; {
		some, err := r.List(ctx, t, after, chunk)
		if err != nil {
			return err
		}
		if err := do(some); err != nil {
			return err
		}
		if len(some) < chunk {
			return nil
		}
		after = some[len(some)-1].Head().Seq
	}
}
