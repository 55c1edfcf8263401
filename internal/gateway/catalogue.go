package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/mcprights"
)

// A kind is one of the lists of a server.
type kind struct {
	method  string // that lists it
	member  string // of the result
	key     string // of an item, its name or URI
	changed string // notification
}

// The kinds.
var (
	kindTools     = kind{"tools/list", "tools", "name", "notifications/tools/list_changed"}
	kindPrompts   = kind{"prompts/list", "prompts", "name", "notifications/prompts/list_changed"}
	kindResources = kind{"resources/list", "resources", "uri", "notifications/resources/list_changed"}
	kindTemplates = kind{"resources/templates/list", "resourceTemplates", "uriTemplate",
		"notifications/resources/list_changed"}
	kinds = []kind{kindTools, kindPrompts, kindResources, kindTemplates}
)

// An item is a tool, a prompt, a resource or a template.
type item struct {
	key        string
	right      Right
	definition jsontext.Value     // as the upstream has it
	at         span               // of the value of key in it
	params     []paramHeader      // of a tool
	template   mcprights.Template // of a template
}

// A catalogue is what an upstream offers, each list sorted by key.
type catalogue struct {
	lists map[string][]item // by method
	hash  uint64
}

func (c *catalogue) list(k kind) []item { return c.lists[k.method] }

// find returns the item with a key, nil if there is none.
func (c *catalogue) find(k kind, key string) *item {
	items := c.list(k)
	i, ok := slices.BinarySearchFunc(items, key, func(it item, key string) int { return strings.Compare(it.key, key) })
	if !ok {
		return nil
	}
	return &items[i]
}

var hashSeed = maphash.MakeSeed()

// readLists reads the lists again, and tells who listens if they have changed.
func (u *upstream) readLists(ctx context.Context, c *connection) error {
	caps := c.hello.capabilities
	has := map[string]bool{kindTools.method: caps.Tools != nil, kindPrompts.method: caps.Prompts != nil,
		kindResources.method: caps.Resources != nil, kindTemplates.method: caps.Resources != nil}
	next := &catalogue{lists: map[string][]item{}}
	var h maphash.Hash
	h.SetSeed(hashSeed)
	for _, k := range kinds {
		if !has[k.method] {
			continue
		}
		items, err := u.readList(ctx, c, k)
		if err != nil {
			return fmt.Errorf("%s: %w", k.method, err)
		}
		next.lists[k.method] = items
		h.WriteString(k.method)
		for _, it := range items {
			h.Write(it.definition)
		}
	}
	next.hash = h.Sum64()
	if old := u.offers.Swap(next); old.hash != next.hash {
		u.g.changes.publish()
	}
	return nil
}

// maxPages is how many pages of a list are read.
const maxPages = 1000

// readList reads all pages of a list.
func (u *upstream) readList(ctx context.Context, c *connection, k kind) ([]item, error) {
	var items []item
	cursor, total := "", 0
	for range maxPages {
		page, next, err := u.readPage(ctx, c, k, cursor)
		if err != nil {
			var f *fault
			if errors.As(err, &f) && f.Code == codeMethodNotFound {
				return nil, nil // servers with resources need not have templates
			}
			return nil, err
		}
		for _, definition := range page {
			total += len(definition)
			if len(items) == u.g.MaxItems || total > u.g.MaxMessageBytes {
				u.log.Warn("upstream offers more than the gateway shows", "list", k.method)
				return u.sorted(k, items), nil
			}
			if it, err := u.newItem(k, definition); err != nil {
				u.log.Warn("the gateway does not offer an item of the upstream", "list", k.method, "reason", err)
			} else {
				items = append(items, it)
			}
		}
		if next == "" {
			return u.sorted(k, items), nil
		}
		if next == cursor {
			break
		}
		cursor = next
	}
	return nil, fmt.Errorf("%w: pages without end", errMalformed)
}

func (u *upstream) readPage(ctx context.Context, c *connection, k kind, cursor string) (
	page []jsontext.Value, next string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, u.g.ConnectTimeout, errors.New("upstream did not answer in time"))
	defer cancel()
	params := map[string]any{}
	if cursor != "" {
		params["cursor"] = cursor
	}
	in, err := c.link.call(ctx, c.request(k.method, params), func(*message) {})
	if err != nil {
		return nil, "", err
	}
	if in.fault.there() {
		return nil, "", readFault(in.message)
	}
	var result map[string]jsontext.Value
	if err := json.Unmarshal(in.raw(in.result), &result); err != nil {
		return nil, "", fmt.Errorf("%w: %v", errMalformed, err)
	}
	if err := json.Unmarshal(result[k.member], &page); err != nil {
		return nil, "", fmt.Errorf("%w: %v", errMalformed, err)
	}
	if v := result["nextCursor"]; v.Kind() == '"' {
		next = unquote(v)
	}
	return page, next, nil
}

// sorted sorts items by key. Of several with one key the first remains.
func (u *upstream) sorted(k kind, items []item) []item {
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.key, b.key) })
	unique := slices.CompactFunc(items, func(a, b item) bool { return a.key == b.key })
	if len(unique) < len(items) {
		u.log.Warn("upstream lists names twice; the first counts", "list", k.method)
	}
	return unique
}

// newItem reads an item, or says why the gateway does not offer it.
func (u *upstream) newItem(k kind, definition jsontext.Value) (item, error) {
	it := item{definition: definition}
	var schema jsontext.Value
	r := newReader(definition)
	if r.dec.PeekKind() != '{' {
		return item{}, errMalformed
	}
	err := r.object("item", func(name string) (err error) {
		switch name {
		case k.key:
			it.key, it.at, err = r.string(k.key)
		case "inputSchema":
			var at span
			at, err = r.value()
			schema = definition[at.start:at.end]
		default:
			_, err = r.value()
		}
		return err
	})
	if err != nil {
		return item{}, err
	}
	it.right = Right{Namespace: u.Namespace, Tool: it.key}
	ok := true
	switch k {
	case kindTools:
		ok = offered(it.key)
		it.params, err = paramHeaders(schema)
	case kindPrompts:
		ok = offered(it.key)
		it.right.Tool = mcprights.Prompt(it.key)
	case kindResources:
		ok = offeredURI(it.key)
		it.right.Tool = mcprights.Resource(it.key)
	case kindTemplates:
		ok = offeredURI(it.key)
		it.right.Tool = mcprights.Resource(it.key)
		var valid bool
		if it.template, valid = mcprights.ParseTemplate(it.key); !valid {
			err = errors.New("uriTemplate must be a URI template")
		}
	}
	if !ok {
		err = fmt.Errorf("%s must have characters and a length that the gateway offers, got %.80q", k.key, it.key)
	}
	return it, err
}
