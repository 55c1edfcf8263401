package questions

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/typo"
)

// A Find asks for a page of the resources of a type that lanyard stores whose names have a text in them, in any case,
// or whose id it is. They are in the order of their names.
type Find struct {
	Type string // as decisions call it
	Text string // "" for all
	Page Page
}

// Find answers which resources have a text in their names, of those that the viewer may see. The cost grows with how
// many resources of the type there are.
func (s *Service) Find(ctx context.Context, by Viewer, q Find) (out Resources, err error) {
	pages, err := s.pager(by, struct{ Kind, Type, Text string }{"find", q.Type, q.Text}, q.Page)
	if err != nil {
		return out, err
	}
	at, err := pages.open(q.Page)
	if err != nil {
		return out, err
	}
	if !FoundByID(q.Type) {
		return out, malformed("type must be one whose resources lanyard stores, got %q", q.Type)
	}
	v, err := s.view(ctx, by, 0)
	if err != nil {
		return out, err
	}
	if err := v.RequirePermission(ViewPermission(q.Type)); err != nil {
		return out, err
	}
	limit := q.Page.size()
	found, next := v.find(q.Type, q.Text, string(at), limit+1), position(nil)
	if len(found) > limit {
		found, next = found[:limit], position(found[limit-1].key)
	}
	out.Results, next, err = listing[foundName, Resource]{found, next,
		func(f foundName) position { return position(f.key) },
		func(f foundName) Resource { return Resource{Entity{q.Type, f.ID}, Named{f.Name}} }, pages.most}.results()
	out.Page = pages.info(len(out.Results), next)
	return out, err
}

// A foundName is a resource with the key by which it is sorted.
type foundName struct {
	access.Found
	key string
}

// find returns the first resources behind a key, of those that have a text in their names and that the viewer sees.
func (v View) find(resourceType, text, behind string, most int) (first []foundName) {
	lower := strings.ToLower(text)
	for f := range v.named(resourceType) {
		name := strings.ToLower(f.Name)
		if !strings.Contains(name, lower) && f.ID != text {
			continue
		}
		key := name + "\x00" + f.ID
		if key <= behind || len(first) == most && key >= first[most-1].key || !v.Sees(resourceType, f.ID) {
			continue
		}
		i, _ := slices.BinarySearchFunc(first, key, func(x foundName, key string) int { return strings.Compare(x.key, key) })
		first = slices.Insert(first, i, foundName{f, key})
		first = first[:min(len(first), most)]
	}
	return first
}

// named yields the resources of a type with their names, in the order of their creation.
func (v View) named(resourceType string) func(func(access.Found) bool) {
	return func(yield func(access.Found) bool) {
		for id := range v.All(resourceType) {
			for _, f := range v.Snapshot.Lookup(resourceType, id) {
				if f.ID == id && !yield(f) {
					return
				}
			}
		}
	}
}

// maxCompared bounds the names that one that does not exist is compared with.
const maxCompared = 50_000

// Nearest returns the name of a resource of a type that is most like one that does not exist, of those that the viewer
// may see; "" if none is much like it.
func (s *Service) Nearest(ctx context.Context, by Viewer, resourceType, name string) (string, error) {
	v, err := s.view(ctx, by, 0)
	if err != nil || !FoundByID(resourceType) {
		return "", err
	}
	best, compared := "", 0
	for f := range v.named(resourceType) {
		if compared++; compared > maxCompared {
			break
		}
		candidates := []string{f.Name}
		if best != "" {
			candidates = []string{best, f.Name} // the first of several is kept
		}
		if n := typo.Nearest(name, candidates); n != best && n != "" && v.Sees(resourceType, f.ID) {
			best = n
		}
	}
	return best, nil
}

// IsViewer reports whether a reference is the id, the name or the ARN of the user who asks.
func (v View) IsViewer(ref string) bool {
	id, err := v.ID(ref)
	return err == nil && v.Viewer != "" && v.asksAboutSelf(access.Subject{Type: access.User, ID: id})
}
