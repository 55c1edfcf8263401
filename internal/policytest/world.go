package policytest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/typo"
)

// A Target is an instance that tests are about. It is not changed by tests and may be used for several files.
type Target struct {
	Name      string // what reports call it
	Resources []lanyard.Resource

	snapshot *access.Snapshot
	profiles map[string]*lanyard.Profile // by id
	groups   map[string]string           // ids by path
	fixtures bool                        // it has nothing of its own
}

// NewTarget returns an instance as the target of tests. The resources must not be changed afterwards.
func NewTarget(name string, instance *lanyard.Instance, resources []lanyard.Resource) (*Target, error) {
	s, err := access.New(instance, resources...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Target{Name: name, Resources: resources, snapshot: s, profiles: map[string]*lanyard.Profile{},
		groups: map[string]string{}}
	names := map[string]string{}
	for _, r := range resources {
		switch r := r.(type) {
		case *lanyard.Profile:
			t.profiles[r.ID] = r
		case *lanyard.Group:
			names[r.ID] = r.Name
		}
	}
	for _, r := range resources {
		if g, ok := r.(*lanyard.Group); ok {
			path := make([]string, len(g.Path))
			for i, id := range g.Path {
				path[i] = names[id]
			}
			t.groups[strings.Join(path, "/")] = g.ID
		}
	}
	return t, nil
}

// EmptyTarget returns an instance that has nothing but the fixtures of a file.
func EmptyTarget(path string) *Target {
	t, err := NewTarget("the fixtures of "+path, &lanyard.Instance{Meta: lanyard.Meta{ID: fixtureID(lanyard.TypeInstance, "fixtures")}},
		nil)
	if err != nil {
		panic(err) // an instance with an id and nothing else
	}
	t.fixtures = true
	return t
}

// A world is a target with the fixtures of a file or of one test, and what names stand for in it.
type world struct {
	target    *Target
	snapshot  *access.Snapshot
	described map[string]*described
	profiles  map[string]*lanyard.Profile
	groups    map[string]string
	added     []lanyard.Resource // by fixtures
	ids       map[nameRef][]string
	problems  []error // of fixtures
}

// A nameRef is a name or id of a type that decisions know.
type nameRef struct{ t, ref string }

// newWorld returns the target with the fixtures of a file.
func newWorld(t *Target, f *File) *world {
	w := &world{target: t, snapshot: t.snapshot, described: f.described, profiles: maps.Clone(t.profiles),
		groups: maps.Clone(t.groups), ids: map[nameRef][]string{}}
	w.apply(f.fixtures)
	return w
}

// with returns a world with more fixtures.
func (w *world) with(f *fixtures) *world {
	if f == nil {
		return w
	}
	c := &world{target: w.target, snapshot: w.snapshot, described: w.described, profiles: maps.Clone(w.profiles),
		groups: maps.Clone(w.groups), added: slices.Clone(w.added), ids: map[nameRef][]string{}}
	c.apply(f)
	return c
}

func (w *world) report(at Position, format string, args ...any) {
	if len(w.problems) < maxProblems {
		w.problems = append(w.problems, &Problem{at, fmt.Sprintf(format, args...)})
	}
}

func (w *world) put(r lanyard.Resource) {
	w.snapshot = w.snapshot.With(r)
	w.added = append(w.added, r)
	clear(w.ids)
}

// lookup returns the ids of the resources with an id or else a name.
func (w *world) lookup(t, ref string) []string {
	key := nameRef{t, ref}
	ids, known := w.ids[key]
	if !known {
		for _, f := range w.snapshot.Lookup(t, ref) {
			ids = append(ids, f.ID)
		}
		w.ids[key] = ids
	}
	return ids
}

// resolve returns the id that a name or id of a type stands for, or what is wrong with it.
func (w *world) resolve(t lanyard.Type, ref string) (id, problem string) {
	if questions.IsConnectARN(ref) {
		arn, err := lanyard.ParseARN(ref)
		switch {
		case err != nil:
			return "", err.Error()
		case arn.Type != t:
			return "", fmt.Sprintf("%s is the ARN of a %s; give a %s", ref, arn.Type.Word(), t.Word())
		case !arn.MayBeOf(w.snapshot.Instance()):
			return "", fmt.Sprintf("%s does not belong to instance %s", ref, w.snapshot.Instance())
		}
		ref = arn.ID
	}
	if id, ok := w.groups[ref]; ok && t == lanyard.TypeGroup {
		return id, ""
	}
	switch ids := w.lookup(t.DecisionName(), ref); len(ids) {
	case 1:
		return ids[0], ""
	case 0:
		return "", fmt.Sprintf("%s %q does not exist%s", t.Word(), clip(ref), typo.DidYouMean(ref, w.names(t)))
	default:
		return "", fmt.Sprintf("%q is the name of %d %s; give %s", clip(ref), len(ids), t.Plural(), w.unambiguous(t, ids))
	}
}

// unambiguous says by what to name one of several resources of a name.
func (w *world) unambiguous(t lanyard.Type, ids []string) string {
	most := min(len(ids), 5)
	if t != lanyard.TypeGroup {
		return "the id of one of them: " + strings.Join(ids[:most], ", ")
	}
	var paths []string
	for path, id := range w.groups {
		if slices.Contains(ids, id) {
			paths = append(paths, path)
		}
	}
	return "the path of one of them: " + strings.Join(sorted(paths)[:min(most, len(paths))], ", ")
}

// names lists the names of a type, for the nearest one.
func (w *world) names(t lanyard.Type) []string {
	if t == lanyard.TypeGroup {
		return slices.Sorted(maps.Keys(w.groups))
	}
	var all []string
	for _, list := range [][]lanyard.Resource{w.target.Resources, w.added} {
		for _, r := range list {
			if r.Type() == t {
				all = append(all, r.Head().Name)
			}
		}
	}
	return all
}

// find resolves a name in a fixture; "" follows a problem.
func (w *world) find(t lanyard.Type, ref text) string {
	id, problem := w.resolve(t, ref.value)
	if problem != "" {
		w.report(ref.at, "%s", problem)
	}
	return id
}

func (w *world) group(ref text) string { return w.find(lanyard.TypeGroup, ref) }

// profileName returns the name of a profile.
func (w *world) profileName(id string) string {
	if p := w.profiles[id]; p != nil && p.Name != "" {
		return p.Name
	}
	return id
}
