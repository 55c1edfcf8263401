package control

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strconv"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// Instance returns the caller's instance of that id or ARN. An instance of another account does
// not exist for the caller.
func (s *Service) Instance(ctx context.Context, call Call, ref string) (*lanyard.Instance, error) {
	id, err := instanceID(ref)
	if err != nil {
		return nil, err
	}
	return s.instance(ctx, call, s.store.Reader(id), ref)
}

// instanceID is the id of the instance that an id or ARN names, whether or not there is one.
func instanceID(ref string) (string, error) {
	if !lanyard.IsARN(ref) {
		return ref, nil
	}
	a, err := lanyard.ParseARN(ref)
	if err != nil {
		return "", within("InstanceId", err)
	}
	if a.Type != lanyard.TypeInstance {
		return "", lanyard.Errorf(lanyard.Invalid, "InstanceId must be the id or ARN of an instance, got the ARN of a %s: %s",
			a.Type.Word(), lanyard.Quote(ref))
	}
	return a.Instance, nil
}

// instance is Instance as a reader of that very instance sees it.
func (s *Service) instance(ctx context.Context, call Call, of store.Reader, ref string) (*lanyard.Instance, error) {
	id, err := instanceID(ref)
	if err != nil {
		return nil, err
	}
	r, err := of.Get(ctx, lanyard.TypeInstance, id)
	if err != nil {
		if errors.Is(err, lanyard.ErrNotFound) {
			return nil, notFound(lanyard.TypeInstance, ref)
		}
		return nil, err
	}
	in := r.(*lanyard.Instance)
	// The region is that in which the instance was made, whatever region this server is in now.
	if in.Account != call.Account || !call.sees(in) || id != ref && ref != s.ARN(in, lanyard.TypeInstance, id) {
		return nil, notFound(lanyard.TypeInstance, ref)
	}
	return in, nil
}

// sees reports whether the caller is one of the region of an instance.
func (c *Call) sees(in *lanyard.Instance) bool { return c.Region == "" || c.Region == in.Region }

func notFound(t lanyard.Type, ref string) error {
	return lanyard.Errorf(lanyard.NotFound, "%s %q does not exist", t.Word(), lanyard.Clip(ref))
}

// getTarget returns the resource that a call is about: that of in with that id or ARN.
func getTarget[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance,
	ref string) (R, error) {
	res, err := load[R](ctx, s, r, in, ref)
	if err != nil {
		err = within(res.Type().Member(), err)
	}
	return res, err
}

// load returns the resource of in with that id or ARN.
func load[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance,
	ref string) (R, error) {
	var none R
	t := none.Type()
	id, err := s.id(in, t, ref)
	if err != nil {
		return none, err
	}
	res, err := r.Get(ctx, t, id)
	if err != nil {
		if errors.Is(err, lanyard.ErrNotFound) {
			return none, lanyard.Errorf(lanyard.NotFound, "%s %q does not exist in instance %s", t.Word(), lanyard.Clip(ref),
				in.ID)
		}
		return none, err
	}
	return res.(R), nil
}

// refer is load for a resource that a parameter names: when it does not exist, the parameter is
// what is wrong.
func refer[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance, member,
	ref string) (R, error) {
	res, err := used[R](ctx, s, r, in, ref)
	if errors.Is(err, lanyard.ErrNotFound) || errors.Is(err, lanyard.ErrInvalid) {
		return res, lanyard.Errorf(lanyard.Invalid, "%s must be the id or ARN of an existing %s of the instance, got %s", member,
			res.Type().Word(), lanyard.Quote(ref))
	}
	return res, err
}

// used is load of what somebody is about to refer to.
func used[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance,
	ref string) (R, error) {
	var none R
	id, err := s.id(in, none.Type(), ref)
	if err == nil {
		err = mayUse(r, lanyard.Ref{Type: none.Type(), ID: id})
	}
	if err != nil {
		return none, err
	}
	return load[R](ctx, s, r, in, ref)
}

// id turns an id or ARN into an id. An ARN of another instance, or of another type, names nothing here.
func (s *Service) id(in *lanyard.Instance, t lanyard.Type, ref string) (string, error) {
	if !lanyard.IsARN(ref) || t == lanyard.TypeAIAgent {
		return ref, nil
	}
	a, err := lanyard.ParseARN(ref)
	if err != nil {
		return "", err
	}
	if a.Type != t {
		return "", lanyard.Errorf(lanyard.Invalid,
			"must be the id or ARN of a %s, got the ARN of a %s: %s", t.Word(), a.Type.Word(), lanyard.Quote(ref))
	}
	if a.Partition != s.partition || a.Region != in.Region || a.Account != in.Account || !a.MayBeOf(in.ID) {
		return "", lanyard.Errorf(lanyard.NotFound, "%s %q does not exist in instance %s: the ARN belongs to another",
			t.Word(), ref, in.ID)
	}
	return a.ID, nil
}

// room returns an error unless one more resource of type t fits into the quota.
func (s *Service) room(ctx context.Context, r store.Reader, t lanyard.Type, quota int) error {
	if quota < 0 {
		return nil
	}
	n, err := r.Count(ctx, t)
	if err != nil {
		return err
	}
	if n >= quota {
		return lanyard.Errorf(lanyard.Limit, "the instance has %d of at most %d %s", n, quota, t.Plural())
	}
	return nil
}

// taken says by which member a name was given that another resource has already.
func taken(member string, r lanyard.Resource, err error) error {
	if !errors.Is(err, lanyard.ErrDuplicate) {
		return err
	}
	cases := "case-sensitive"
	if r.Type() == lanyard.TypeEmailAddress {
		cases = "case-insensitive"
	}
	return lanyard.Errorf(lanyard.Duplicate, "%s: %s %s already exists; names are unique and %s", member,
		r.Type().Word(), lanyard.Quote(r.Head().Name), cases)
}

// unused returns an error unless nothing of the types from refers to the resource. It names only what the
// user on whose behalf the call is made may view.
func unused(ctx context.Context, r store.Reader, res lanyard.Resource, from ...lanyard.Type) error {
	to := lanyard.Ref{Type: res.Type(), ID: res.Head().ID}
	used := false
	for _, t := range from {
		ref, some, err := referrer(ctx, r, to, t)
		if err != nil {
			return err
		}
		if used = used || some; ref.ID == "" {
			continue
		}
		e := lanyard.Errorf(lanyard.InUse, "%s %q (%s) is in use by %s %s; remove it there first",
			to.Type.Word(), res.Head().Name, to.ID, t.Word(), ref.ID)
		e.Ref = ref
		return e
	}
	if used {
		return lanyard.Errorf(lanyard.InUse, "%s %q (%s) is in use by resources that you are not allowed to view", to.Type.Word(), res.Head().Name,
			to.ID)
	}
	return nil
}

// referrer returns one of those of a type that refer to a resource and may be named, and reports whether
// any does. Of very many it looks at the first.
func referrer(ctx context.Context, r store.Reader, to lanyard.Ref,
	t lanyard.Type) (ref lanyard.Ref, some bool, err error) {
	g, guarded := r.(*guard)
	most := 1
	if guarded {
		most = 1000
	}
	ids, err := r.Referrers(ctx, to, t, "", most)
	for _, id := range ids {
		if !guarded || g.mayName(ctx, t, id) {
			return lanyard.Ref{Type: t, ID: id}, true, err
		}
	}
	return ref, len(ids) > 0, err
}

// Page asks for a part of a list: what comes after the position After ("" for the beginning), at
// most Limit.
type Page struct {
	After string
	Limit int
}

// A PageOf is a page of a list or of what a search found.
type PageOf[T any] struct {
	Instance *lanyard.Instance
	Items    []T
	Next     string // the position After which the next page begins; "" after the last
	Total    int64  // that a search counted
}

// A PartOf is a page of a list that belongs to a resource.
type PartOf[R lanyard.Resource, T any] struct {
	PageOf[T]
	Of R
}

// partOf is a page of items, a list of a resource that is small, in the order of their keys.
func partOf[R lanyard.Resource, T any](in *lanyard.Instance, of R, items []T, key func(T) string,
	p Page) PartOf[R, T] {
	part := PartOf[R, T]{PageOf: PageOf[T]{Instance: in}, Of: of}
	part.Items, part.Next = pageBy(items, key, p)
	return part
}

func position(after string) (int64, error) {
	if after == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return 0, lanyard.Errorf(lanyard.Invalid, "NextToken must be one that this list returned")
	}
	return n, nil
}

// pageBy pages through a small list in the order of its keys, so that pages stay right when the
// list changes in between.
func pageBy[T any](items []T, key func(T) string, p Page) ([]T, string) {
	sorted := items
	if !sort.SliceIsSorted(items, func(i, j int) bool { return key(items[i]) < key(items[j]) }) {
		sorted = slices.Clone(items)
		sort.SliceStable(sorted, func(i, j int) bool { return key(sorted[i]) < key(sorted[j]) })
	}
	start := 0
	if p.After != "" {
		start = sort.Search(len(sorted), func(i int) bool { return key(sorted[i]) > p.After })
	}
	sorted = sorted[start:]
	if len(sorted) > p.Limit {
		sorted = sorted[:p.Limit]
		return sorted, key(sorted[len(sorted)-1])
	}
	return sorted, ""
}

// Exists returns an error unless the instance has a resource of type t with that id or ARN.
func (s *Service) Exists(ctx context.Context, call Call, instance string, t lanyard.Type, ref string) error {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return err
	}
	id, err := s.id(in, t, ref)
	if err != nil {
		return within(t.Member(), err)
	}
	if _, err = s.store.Reader(in.ID).Get(ctx, t, id); errors.Is(err, lanyard.ErrNotFound) {
		return lanyard.Errorf(lanyard.NotFound, "%s %q does not exist in instance %s", t.Word(), lanyard.Clip(ref), in.ID)
	}
	return err
}
