package template

import (
	"strings"
)

// A dependency is why a resource comes after another.
type dependency struct {
	on  string
	pos Position
}

// dependencies returns what a resource depends on, in the order of its file.
func (r *Resource) dependencies() (all []dependency) {
	for _, v := range []*Value{r.Properties, r.Metadata} {
		for _, ref := range v.References() {
			all = append(all, dependency{ref.LogicalID, ref.Pos})
		}
	}
	for _, id := range r.DependsOn {
		all = append(all, dependency{id, r.dependsOnPos(id)})
	}
	return all
}

func (r *Resource) dependsOnPos(id string) Position {
	n := r.Node.Get("DependsOn")
	for _, item := range n.Items {
		if item.resolved().Text == id {
			return item.Pos
		}
	}
	return n.Pos
}

// Order returns the resources so that each comes after those that it depends on, and otherwise as in the files.
func (s *Stack) Order() []*Resource {
	byID := map[string]*Resource{}
	for _, r := range s.Resources {
		byID[r.LogicalID] = r
	}
	done := map[string]bool{}
	var out []*Resource
	var visit func(r *Resource)
	visit = func(r *Resource) {
		if r == nil || done[r.LogicalID] {
			return
		}
		done[r.LogicalID] = true
		for _, d := range r.dependencies() {
			visit(byID[d.on])
		}
		out = append(out, r)
	}
	for _, r := range s.Resources {
		visit(r)
	}
	return out
}

// checkCycles reports each cycle of references once, with the places of the references.
func (r *resolver) checkCycles() {
	byID := map[string]*Resource{}
	for _, res := range r.stack.Resources {
		byID[res.LogicalID] = res
	}
	done := map[string]bool{}
	var path []dependency // the resources that led here, each with the place of what refers to it
	var visit func(res *Resource)
	visit = func(res *Resource) {
		for _, d := range res.dependencies() {
			if i := indexOf(path, d.on); i >= 0 {
				r.failCycle(append(path[i:len(path):len(path)], d))
				continue
			}
			if next := byID[d.on]; next != nil && !done[d.on] {
				path = append(path, d)
				visit(next)
				path = path[:len(path)-1]
			}
		}
		done[res.LogicalID] = true
	}
	for _, res := range r.stack.Resources {
		if !done[res.LogicalID] {
			path = []dependency{{res.LogicalID, res.Pos}}
			visit(res)
		}
	}
}

func indexOf(path []dependency, id string) int {
	for i, d := range path {
		if d.on == id {
			return i
		}
	}
	return -1
}

func (r *resolver) failCycle(cycle []dependency) {
	var b strings.Builder
	b.WriteString(cycle[0].on)
	for i, d := range cycle[1:] {
		if i == 10 {
			b.WriteString(" -> …")
			break
		}
		b.WriteString(" -> " + d.on + " (" + d.pos.String() + ")")
	}
	r.fail(cycle[len(cycle)-1].pos, "resources must not depend on each other in a cycle, got %s", b.String())
}

// checkNames reports two resources of a type that have the same name in an instance, which only one can have.
func (r *resolver) checkNames() {
	first := map[string]*Resource{}
	for _, res := range r.stack.Resources {
		t := LookupType(res.Type)
		name := res.Properties.Get(t.Named)
		if t.Named != "" && (name == nil || name.Kind == Invalid) {
			continue
		}
		key := res.Type + name.key() + res.Properties.Get("InstanceArn").key() + res.Properties.Get("ParentGroupArn").key()
		other := first[key]
		switch {
		case other == nil:
			first[key] = res
		case t.Named == "":
			r.fail(res.Pos, "an instance must have one %s, got also %s at %s", res.Type, other.LogicalID, other.Pos)
		default:
			r.fail(name.Pos, "%s %s already exists in the stack: %s at %s", t.Named, name, other.LogicalID, other.Pos)
		}
	}
}
