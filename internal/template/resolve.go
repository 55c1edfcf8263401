package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard/lanyard/internal/typo"
)

// Inputs is what a stack is resolved with.
type Inputs struct {
	// Parameters are values by name; items of a list are separated by commas. What only AWS knows can be given, too:
	// an attribute of another resource as Function.Arn, its Ref as Function, an import as Fn::ImportValue:NAME.
	Parameters map[string]string
	// The pseudo parameters. Partition is derived from Region when it is empty.
	Account, Region, Partition, StackName, StackID string
}

// A Stack is what the files of one stack come to.
type Stack struct {
	Resources []*Resource // lanyard's, in the order of the files; those whose condition is false are left out
	Outputs   []*Output
	Foreign   []Foreign // resources of types that lanyard does not manage
	Warnings  []Finding
}

// A Resource is a resource of a type that lanyard manages. Its properties fit the schema.
type Resource struct {
	LogicalID, Type string
	Properties      *Value // a Map
	Metadata        *Value // what Metadata has under Lanyard, a Map; nil without
	DependsOn       []string
	// DeletionPolicy and UpdateReplacePolicy are Delete unless the template says something else.
	DeletionPolicy, UpdateReplacePolicy string
	Pos                                 Position // of the logical ID
	Node                                *Node    // the map with Type and Properties, for edits
	File                                *File
}

// An Output is an output of the stack. It is not resolved if it depends on what lanyard does not manage: Value is nil.
type Output struct {
	Name        string
	Description string
	Value       *Value
	Export      string
	Pos         Position
}

// A Foreign is a resource that lanyard leaves alone.
type Foreign struct {
	LogicalID, Type string
	Pos             Position
}

// Get returns the resource with a logical ID, or nil.
func (s *Stack) Get(logicalID string) *Resource {
	for _, r := range s.Resources {
		if r.LogicalID == logicalID {
			return r
		}
	}
	return nil
}

// A scope is a file with its parameters, mappings and conditions, which other files do not see. Resources of all files
// see each other.
type scope struct {
	file       *File
	parameters map[string]*parameter
	conditions map[string]*condition
	mappings   *Node
}

// A declared is a resource as it is written.
type declared struct {
	id, typeName string
	pos          Position
	node         *Node
	scope        *scope
	schema       *ResourceType // nil: not lanyard's
	absent       string        // the condition that is false
}

type resolver struct {
	in        Inputs
	scopes    []*scope
	resources map[string]*declared
	order     []*declared
	exports   map[string]exported
	stack     *Stack
	errs      Errors
	seen      map[string]bool // findings, which can be found twice

	values, text, depth int
	importing           map[string]bool
	exhausted           bool
}

type exported struct {
	scope *scope
	value *Node
}

// Resolve evaluates the files of one stack. The error is an Errors, with everything that is wrong; the stack is nil
// then.
func Resolve(files []*File, in Inputs) (*Stack, error) {
	r := &resolver{in: in, resources: map[string]*declared{}, exports: map[string]exported{}, stack: &Stack{},
		seen: map[string]bool{}, importing: map[string]bool{}}
	for _, f := range files {
		r.scopes = append(r.scopes, r.readScope(f))
		r.stack.Warnings = append(r.stack.Warnings, f.Warnings...)
	}
	r.checkGiven()
	for _, s := range r.scopes {
		r.declare(s)
	}
	for _, d := range r.order {
		r.applyCondition(d)
	}
	for _, d := range r.order {
		r.resource(d)
	}
	for _, s := range r.scopes {
		r.outputs(s)
	}
	r.checkNames()
	r.checkCycles()
	if len(r.errs) > 0 {
		r.sortErrors(files)
		return nil, r.errs
	}
	return r.stack, nil
}

func (r *resolver) sortErrors(files []*File) {
	place := map[string]int{}
	for i, f := range files {
		place[f.Name] = i
	}
	slices.SortStableFunc(r.errs, func(a, b Finding) int {
		if a.Pos.File != b.Pos.File {
			return place[a.Pos.File] - place[b.Pos.File]
		}
		return a.Pos.Start - b.Pos.Start
	})
}

// fail reports an error and returns the invalid value, about which nothing more is reported.
func (r *resolver) fail(pos Position, format string, args ...any) *Value {
	if r.exhausted { // what else is wrong follows from that
		return &Value{Kind: Invalid, Pos: pos}
	}
	f := Finding{pos, fmt.Sprintf(format, args...)}
	if !r.seen[f.String()] && len(r.errs) < 10*maxFindings {
		r.seen[f.String()] = true
		r.errs = append(r.errs, f)
	}
	return &Value{Kind: Invalid, Pos: pos}
}

// hint is typo.DidYouMean among names that may be many, for errors that are shown.
func (r *resolver) hint(name string, names func() []string) string {
	if len(r.errs) >= maxFindings {
		return ""
	}
	return typo.DidYouMean(name, names())
}

// exhaust reports that the stack is too large. Nothing is evaluated or reported any more.
func (r *resolver) exhaust(pos Position, format string, args ...any) *Value {
	v := r.fail(pos, format, args...)
	r.exhausted = true
	return v
}

func (r *resolver) warn(pos Position, format string, args ...any) {
	f := Finding{pos, fmt.Sprintf(format, args...)}
	if !r.seen[f.String()] && len(r.stack.Warnings) < 10*maxFindings {
		r.seen[f.String()] = true
		r.stack.Warnings = append(r.stack.Warnings, f)
	}
}

var sections = []string{"AWSTemplateFormatVersion", "Conditions", "Description", "Globals", "Hooks", "Mappings",
	"Metadata", "Outputs", "Parameters", "Resources", "Rules", "Transform"}

// readScope reads everything of a file but its resources and outputs.
func (r *resolver) readScope(f *File) *scope {
	s := &scope{file: f, parameters: map[string]*parameter{}, conditions: map[string]*condition{}}
	for e := range f.Root.All() {
		if !slices.Contains(sections, e.Key.Text) {
			r.fail(e.Key.Pos, "section %s does not exist%s", quote(e.Key.Text), typo.DidYouMean(e.Key.Text, sections))
		}
	}
	if f.Root.Get("Resources") == nil {
		r.fail(f.Root.Pos, "Resources is required in a template")
	}
	for e := range r.section(f, "Parameters") {
		s.parameters[e.Key.Text] = r.readParameter(e)
	}
	for e := range r.section(f, "Conditions") {
		s.conditions[e.Key.Text] = &condition{node: e.Value, pos: e.Key.Pos}
	}
	s.mappings = f.Root.Get("Mappings")
	r.checkTransform(f.Root.Get("Transform"))
	return s
}

// section returns the entries of a section of a file, which is a map if it is there.
func (r *resolver) section(f *File, name string) func(func(Entry) bool) {
	n := f.Root.Get(name)
	if n != nil && (n.Kind != Map || n.Tag != "") {
		r.fail(n.Pos, "%s must be a map, got %s", name, describe(n))
		return func(func(Entry) bool) {}
	}
	return n.All()
}

// checkTransform warns about macros, of which only AWS's language extensions leave the resources as they are written.
func (r *resolver) checkTransform(n *Node) {
	if n == nil {
		return
	}
	names := []*Node{n}
	if n.Kind == List {
		names = n.Items
	}
	for _, name := range names {
		if t := name.resolved(); t.Text != "AWS::LanguageExtensions" {
			r.warn(t.Pos, "Transform %s is carried out by AWS only; what it makes of these resources is not known here",
				quote(t.Text))
		}
	}
}

var logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// declare reads the names and types of a file's resources.
func (r *resolver) declare(s *scope) {
	for e := range r.section(s.file, "Resources") {
		if strings.HasPrefix(e.Key.Text, "Fn::ForEach") {
			r.fail(e.Key.Pos, "Fn::ForEach cannot be resolved here; write out the resources")
			continue
		}
		if d := r.declareOne(s, e); d != nil {
			r.resources[d.id] = d
			r.order = append(r.order, d)
		}
	}
	for e := range r.section(s.file, "Outputs") {
		if name := e.Value.resolved().Get("Export").Get("Name"); name != nil {
			if v := r.eval(s, name); v.Kind == String {
				r.exports[v.Text] = exported{s, e.Value.resolved().Get("Value")}
			}
		}
	}
}

func (r *resolver) declareOne(s *scope, e Entry) *declared {
	d := &declared{id: e.Key.Text, pos: e.Key.Pos, node: e.Value.resolved(), scope: s}
	if d.node.Kind != Map || d.node.Tag != "" {
		r.fail(e.Value.Pos, "%s must be a map with Type, got %s", printable(d.id), describe(e.Value))
		return nil
	}
	t := d.node.Get("Type")
	switch {
	case t == nil:
		r.fail(d.pos, "Type is required in %s", printable(d.id))
		return nil
	case t.Kind != String || t.Tag != "":
		r.fail(t.Pos, "Type must be a string, got %s", describe(t))
		return nil
	}
	d.typeName, d.schema = t.Text, resourceTypes()[t.Text]
	if d.schema == nil {
		r.checkType(t)
	}
	switch other := r.resources[d.id]; {
	case !logicalID.MatchString(d.id):
		r.fail(d.pos, "a logical ID must be 1 to 255 letters and digits, got %s", quote(d.id))
		return nil
	case other != nil:
		r.fail(d.pos, "resource %q already exists in the stack, at %s", d.id, other.pos)
		return nil
	case s.parameters[d.id] != nil:
		r.fail(d.pos, "resource %q must have a name of its own, got that of a parameter", d.id)
	}
	return d
}

// checkType tells a type that is misspelt from one that is not lanyard's.
func (r *resolver) checkType(t *Node) {
	if !strings.HasPrefix(strings.ToLower(t.Text), "aws::connect::") || slices.Contains(otherTypes(), t.Text) {
		return
	}
	known := append(slices.Sorted(maps.Keys(resourceTypes())), otherTypes()...)
	if n := typo.Nearest(t.Text, known); n != "" {
		r.fail(t.Pos, "resource type %s does not exist; did you mean %s?", quote(t.Text), n)
	}
}

// applyCondition finds out whether a resource is in the stack.
func (r *resolver) applyCondition(d *declared) {
	n := d.node.Get("Condition")
	if n == nil {
		return
	}
	if n.Kind != String || n.Tag != "" {
		r.fail(n.Pos, "Condition must be the name of a condition, got %s", describe(n))
		return
	}
	if d.schema == nil {
		return
	}
	if holds, ok := r.namedCondition(d.scope, n.Text, n.Pos); ok && !holds {
		d.absent = n.Text
	}
}

var attributes = []string{"Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type",
	"UpdatePolicy", "UpdateReplacePolicy"}

// resource evaluates and checks a resource of lanyard's.
func (r *resolver) resource(d *declared) {
	switch {
	case d.absent != "":
		return
	case d.schema == nil:
		r.stack.Foreign = append(r.stack.Foreign, Foreign{d.id, d.typeName, d.pos})
		return
	}
	for e := range d.node.All() {
		if !slices.Contains(attributes, e.Key.Text) {
			r.fail(e.Key.Pos, "resource attribute %s does not exist%s", quote(e.Key.Text),
				typo.DidYouMean(e.Key.Text, attributes))
		}
	}
	out := &Resource{LogicalID: d.id, Type: d.typeName, Pos: d.pos, Node: d.node, File: d.scope.file}
	out.DependsOn = r.dependsOn(d)
	out.DeletionPolicy = r.policy(d, "DeletionPolicy", "Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
	out.UpdateReplacePolicy = r.policy(d, "UpdateReplacePolicy", "Delete", "Retain", "Snapshot")
	out.Properties = r.properties(d)
	out.Metadata = r.metadata(d)
	r.stack.Resources = append(r.stack.Resources, out)
}

func (r *resolver) properties(d *declared) *Value {
	n := d.node.Get("Properties")
	if n == nil {
		n = &Node{Kind: Map, Pos: d.pos}
	}
	v := r.eval(d.scope, n)
	if v.Kind == noValue {
		v = &Value{Kind: Map, Pos: n.Pos}
	}
	return r.checkProperties(d, v)
}

func (r *resolver) metadata(d *declared) *Value {
	n := d.node.Get("Metadata").Get("Lanyard")
	if n == nil {
		return nil
	}
	return r.checkMetadata(d, r.eval(d.scope, n))
}

func (r *resolver) dependsOn(d *declared) (ids []string) {
	n := d.node.Get("DependsOn")
	if n == nil {
		return nil
	}
	items := []*Node{n}
	if n.Kind == List {
		items = n.Items
	}
	for _, item := range items {
		item = item.resolved()
		if item.Kind != String || item.Tag != "" {
			r.fail(item.Pos, "DependsOn must be a logical ID or a list of them, got %s", describe(item))
			continue
		}
		switch on := r.resources[item.Text]; {
		case on == nil:
			r.fail(item.Pos, "resource %q does not exist%s", item.Text, r.hint(item.Text, r.resourceNames))
		case on.absent == "" && on.schema != nil && !slices.Contains(ids, on.id):
			ids = append(ids, item.Text)
		}
	}
	return ids
}

func (r *resolver) policy(d *declared, name string, values ...string) string {
	n := d.node.Get(name)
	if n == nil {
		return values[0]
	}
	v := r.eval(d.scope, n) // AWS's language extensions allow functions here
	if v.Kind != Invalid && (v.Kind != String || !slices.Contains(values, v.Text)) {
		r.fail(n.Pos, "%s must be %s, got %s", name, join(values), v)
	}
	return v.Text
}

func (r *resolver) resourceNames() []string { return slices.Sorted(maps.Keys(r.resources)) }

// outputs evaluates outputs as far as they depend on lanyard's resources only. AWS checks the others.
func (r *resolver) outputs(s *scope) {
	for e := range r.section(s.file, "Outputs") {
		body := e.Value.resolved()
		if c := body.Get("Condition"); c != nil {
			if holds, ok := r.tryCondition(s, c); !ok || !holds {
				continue
			}
		}
		out := &Output{Name: e.Key.Text, Pos: e.Key.Pos, Value: r.try(s, body.Get("Value"))}
		if d := body.Get("Description"); d != nil {
			out.Description = d.Text
		}
		if v := r.try(s, body.Get("Export").Get("Name")); v != nil {
			out.Export = v.Text
		}
		r.stack.Outputs = append(r.stack.Outputs, out)
	}
}

// try evaluates a node and returns nil, without an error, if that is not possible.
func (r *resolver) try(s *scope, n *Node) *Value {
	if n == nil {
		return nil
	}
	errs := len(r.errs)
	v := r.eval(s, n)
	if len(r.errs) > errs && !r.exhausted {
		r.forget(errs)
		return nil
	}
	if v.Kind == Invalid || v.Kind == noValue {
		return nil
	}
	return v
}

func (r *resolver) tryCondition(s *scope, n *Node) (holds, ok bool) {
	errs := len(r.errs)
	holds, ok = r.namedCondition(s, n.Text, n.Pos)
	r.forget(errs)
	return holds, ok
}

// forget takes back all errors but the first n.
func (r *resolver) forget(n int) {
	for _, f := range r.errs[n:] {
		delete(r.seen, f.String())
	}
	r.errs = r.errs[:n]
}
