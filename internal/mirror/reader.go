package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/invocation"
)

// Bounds of what an API may answer.
const (
	maxItems      = 10_000_000 // of one list
	maxEmptyPages = 20         // in a row, with a token for more
	maxNotes      = 20         // of one kind that are spelt out
	maxText       = 1 << 20    // of an id or a name; contents of flow modules are longer than any other text
)

// A reader reads one instance.
type reader struct {
	api      invocation.API
	instance string
	Options
	slots chan struct{} // one for each call that may be under way

	mu       sync.Mutex
	progress Progress
	read     map[lanyard.Type][]lanyard.Resource
	seen     map[lanyard.Ref]bool
	notes    map[kindOfNote]map[string]int // how often
	asked    map[string]bool               // operations
	absent   map[string]bool               // operations that the API does not have
}

func newReader(api invocation.API, instance string, o Options) *reader {
	if o.Concurrency <= 0 {
		o.Concurrency = 16
	}
	return &reader{api: api, instance: instance, Options: o, slots: make(chan struct{}, o.Concurrency),
		read: map[lanyard.Type][]lanyard.Resource{}, seen: map[lanyard.Ref]bool{},
		notes: map[kindOfNote]map[string]int{}, asked: map[string]bool{}, absent: map[string]bool{}}
}

// inParallel runs all parts; the first error ends the others.
func (r *reader) inParallel(ctx context.Context, parts ...func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		g.Go(func() error { return part(ctx) })
	}
	return g.Wait()
}

// forEach calls do for every item, some at a time.
func forEach[T any](ctx context.Context, r *reader, items []T, do func(context.Context, int, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for i, item := range items {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return do(ctx, i, item) })
	}
	return g.Wait()
}

// members are the members of an input by their names.
type members map[string]any

// call carries out an operation and decodes its output. Members that lanyard does not know are handed to unknown with
// their path.
func call[Out any](ctx context.Context, r *reader, operation string, in members,
	unknown func(path []string, value jsontext.Value)) (*Out, error) {
	output, err := r.invoke(ctx, operation, in)
	if err != nil {
		return nil, err
	}
	out := new(Out)
	if err := json.Unmarshal(output, out); err != nil {
		return nil, fmt.Errorf("decode the output of %s: %w", operation, err)
	}
	if unknown == nil {
		unknown = func(path []string, _ jsontext.Value) { r.noteMember(operation, path) }
	}
	findUnknown(output, reflect.TypeFor[Out](), nil, unknown)
	return out, nil
}

func (r *reader) invoke(ctx context.Context, operation string, in members) ([]byte, error) {
	if !isUsed(operation) {
		return nil, fmt.Errorf("operation %q must be one of those that a mirror uses", operation)
	}
	input, err := json.Marshal(in, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode the input of %s: %w", operation, err)
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	output, err := r.api.Invoke(ctx, operation, input)
	<-r.slots
	r.count(operation)
	if err != nil {
		return nil, &CallError{operation, err}
	}
	return output, nil
}

// A CallError is an operation that failed.
type CallError struct {
	Operation string
	Err       error
}

func (e *CallError) Error() string {
	if text := e.Err.Error(); strings.HasPrefix(text, e.Operation+": ") {
		return text
	}
	return e.Operation + ": " + e.Err.Error()
}

func (e *CallError) Unwrap() error { return e.Err }

// count notes that a call is done.
func (r *reader) count(operation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[operation] = true
	r.progress.Calls++
	r.progress.Operation = operation
	r.progress.Expected = max(r.progress.Expected, r.progress.Calls)
	if r.Progress != nil {
		r.Progress(r.progress)
	}
}

// report says that all is read.
func (r *reader) report() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Expected = r.progress.Calls
	if r.Progress != nil {
		r.Progress(r.progress)
	}
}

// expect notes that n more calls will come.
func (r *reader) expect(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Expected += n
}

// add notes resources that were read. One that was read before is an error.
func (r *reader) add(list ...lanyard.Resource) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, res := range list {
		ref := lanyard.Ref{Type: res.Type(), ID: res.Head().ID}
		if r.seen[ref] {
			return fmt.Errorf("%s %s is listed twice; read the instance again, it may have changed while it was read",
				ref.Type.Word(), lanyard.Quote(ref.ID))
		}
		r.seen[ref] = true
		r.read[ref.Type] = append(r.read[ref.Type], res)
	}
	r.progress.Resources += len(list)
	return nil
}

// of returns what was read of one type.
func of[R lanyard.Resource](r *reader) []R {
	var none R
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]R, len(r.read[none.Type()]))
	for i, res := range r.read[none.Type()] {
		list[i] = res.(R)
	}
	return list
}

// A listing is a list of an API that comes in pages.
type listing[Out, Item any] struct {
	operation string
	input     members // less MaxResults and NextToken
	most      int     // items of a page, as many as the API takes; 0 to leave it to the API
	list      string  // the member of the output with the items
	items     func(*Out) ([]Item, *string)
	total     func(*Out) *int64 // nil: not answered
	// keeps is set if members of items that lanyard does not know are handed to each, for its settings.
	keeps bool
	each  func(Item, lanyard.Settings) error
}

// readPages reads all pages of a list and calls each for every item.
func readPages[Out, Item any](ctx context.Context, r *reader, l listing[Out, Item]) error {
	tokens, empty, count := map[string]bool{}, 0, 0
	in := maps.Clone(l.input)
	if l.most > 0 {
		in["MaxResults"] = l.most
	}
	for {
		extras := map[string]lanyard.Settings{}
		out, err := call[Out](ctx, r, l.operation, in, func(path []string, value jsontext.Value) {
			if l.keeps && len(path) == 3 && path[0] == l.list {
				if extras[path[1]] == nil {
					extras[path[1]] = lanyard.Settings{}
				}
				extras[path[1]][path[2]] = lanyard.JSON(value.Clone())
				return
			}
			r.noteMember(l.operation, path)
		})
		if err != nil {
			return err
		}
		items, next := l.items(out)
		if count += len(items); count > maxItems {
			return fmt.Errorf("%s must answer at most %d items, got more", l.operation, maxItems)
		}
		if len(tokens) == 0 && l.total != nil && l.most > 0 {
			r.expectPages(l.total(out), len(items), l.most)
		}
		for i, item := range items {
			if err := l.each(item, extras[index(i)]); err != nil {
				return fmt.Errorf("%s, item %d: %w", l.operation, count-len(items)+i+1, err)
			}
		}
		if next == nil || *next == "" {
			return nil
		}
		if empty++; len(items) > 0 {
			empty = 0
		}
		if err := checkToken(l.operation, tokens, *next, empty); err != nil {
			return err
		}
		in["NextToken"] = *next
	}
}

// checkToken refuses what would never end.
func checkToken(operation string, seen map[string]bool, token string, empty int) error {
	switch {
	case seen[token]:
		return fmt.Errorf("%s must answer each NextToken once, got %s again", operation, lanyard.Quote(token))
	case empty > maxEmptyPages:
		return fmt.Errorf("%s must answer at most %d empty pages in a row, got more", operation, maxEmptyPages)
	case len(token) > maxText:
		return fmt.Errorf("%s must answer a NextToken of at most %d bytes, got %d", operation, maxText, len(token))
	}
	seen[token] = true
	return nil
}

// expectPages notes how many pages come after the first.
func (r *reader) expectPages(total *int64, first, most int) {
	if total == nil || *total <= int64(first) || *total > maxItems {
		return
	}
	r.expect(int(*total-int64(first)+int64(most)-1) / most)
}

// lacks reports whether an API refuses an operation because it does not have it: an older lanyard, or a region in which
// Amazon Connect does not have it yet.
func lacks(err error) bool {
	var e *invocation.Exception
	return errors.As(err, &e) && (e.Name == "UnknownOperationException" || e.Name == "UnsupportedOperationException")
}

// missing reports whether an API says that a resource does not exist.
func missing(err error) bool {
	var e *invocation.Exception
	return errors.As(err, &e) && e.Name == "ResourceNotFoundException"
}

// checkID returns what is wrong with an id or ARN that an API answered.
func (r *reader) checkID(what string, id, arn *string) error {
	if id == nil || *id == "" {
		return fmt.Errorf("the id of the %s is required", what)
	}
	if len(*id) > 128 || strings.ContainsFunc(*id, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '/' }) {
		return fmt.Errorf("the id of the %s must be at most 128 printable characters without a slash, got %s", what,
			lanyard.Quote(*id))
	}
	if arn == nil {
		return nil
	}
	a, err := lanyard.ParseARN(*arn)
	if err != nil {
		return fmt.Errorf("the ARN of the %s %w", what, err)
	}
	if a.Instance != r.instance || a.ID != *id {
		return fmt.Errorf("the ARN of the %s must be that of %s in instance %s, got %s", what, lanyard.Quote(*id), r.instance,
			lanyard.Quote(*arn))
	}
	return nil
}

// findUnknown calls found for every member of a JSON value that a Go type does not have.
func findUnknown(raw jsontext.Value, t reflect.Type, path []string, found func([]string, jsontext.Value)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case !hasMembers(t):
	case t.Kind() == reflect.Slice:
		var items []jsontext.Value
		if json.Unmarshal(raw, &items) != nil {
			return
		}
		for i, item := range items {
			findUnknown(item, t.Elem(), append(slices.Clip(path), index(i)), found)
		}
	default:
		var object map[string]jsontext.Value
		if json.Unmarshal(raw, &object) != nil {
			return
		}
		fields := fieldsOf(t)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			at := append(slices.Clip(path), name)
			if f, ok := fields[name]; ok {
				findUnknown(object[name], f, at, found)
			} else if object[name].Kind() != 'n' {
				found(at, object[name])
			}
		}
	}
}

// index is the part of a path for the i-th item of a list.
func index(i int) string { return fmt.Sprintf("[%d]", i) }

// hasMembers reports whether values of a type have members, or items that have.
func hasMembers(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && len(fieldsOf(t)) > 0
}

var fieldsByType sync.Map // of reflect.Type to map[string]reflect.Type

// fieldsOf returns the types of the members of a struct.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if m, ok := fieldsByType.Load(t); ok {
		return m.(map[string]reflect.Type)
	}
	m := map[string]reflect.Type{}
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			m[name] = f.Type
		}
	}
	fieldsByType.Store(t, m)
	return m
}
