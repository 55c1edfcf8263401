package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A listed is an item that a caller may see.
type listed struct {
	upstream *upstream
	item     item
}

// visible returns what a caller may see of a kind, decided at once, in an order that depends on nothing else: upstreams
// as they are configured, then keys.
func (g *Gateway) visible(ctx context.Context, c *Caller, k kind) ([]listed, int64, error) {
	all, err := g.all(ctx, c, k)
	if err != nil {
		return nil, 0, err
	}
	if len(all) == 0 {
		return nil, 0, nil
	}
	rights := make([]Right, len(all))
	for i := range all {
		rights[i] = all[i].item.right
	}
	decisions, err := g.Authority.Decide(ctx, c, rights)
	if err == nil && len(decisions) != len(rights) {
		err = errors.New("Authority decided another number of rights")
	}
	if err != nil {
		return nil, 0, err
	}
	shown := all[:0]
	for i, d := range decisions {
		if d.Allow {
			shown = append(shown, all[i])
		}
	}
	return shown, decisions[0].Revision, nil
}

// all returns what the upstreams offer of a kind.
func (g *Gateway) all(ctx context.Context, c *Caller, k kind) ([]listed, error) {
	var all []listed
	for _, u := range g.upstreams {
		if u.Local == nil {
			for _, it := range u.offers.Load().list(k) {
				all = append(all, listed{u, it})
			}
			continue
		}
		if k != kindTools {
			continue
		}
		tools, err := u.Local.Tools(ctx, c)
		if err != nil { // it harms no other
			g.Logger.Warn("an upstream cannot list its tools", "upstream", u.Name, "error", err)
			continue
		}
		var items []item
		for _, t := range tools {
			it, err := u.newItem(k, jsontext.Value(t.Definition))
			if err != nil {
				g.Logger.Warn("the gateway does not offer an item of the upstream", "upstream", u.Name, "reason", err)
				continue
			}
			it.right = t.Right
			items = append(items, it)
		}
		for _, it := range u.sorted(k, items) {
			all = append(all, listed{u, it})
		}
	}
	return all, nil
}

// outer returns the definition of an item as agents see it.
func (g *Gateway) outer(l listed, k kind) jsontext.Value {
	if !g.prefixed {
		return l.item.definition
	}
	name := g.outerName(l.upstream, l.item.key)
	if k == kindResources || k == kindTemplates {
		name = g.outerURI(l.upstream, l.item.key)
	}
	return splice(l.item.definition, edit{l.item.at, quote(name)})
}

func (q *request) listTools() error     { return q.serveList(kindTools) }
func (q *request) listPrompts() error   { return q.serveList(kindPrompts) }
func (q *request) listResources() error { return q.serveList(kindResources) }
func (q *request) listTemplates() error { return q.serveList(kindTemplates) }

// serveList serves a list.
func (q *request) serveList(k kind) error {
	q.g.ready(q.ctx)
	shown, revision, err := q.g.visible(q.ctx, q.caller, k)
	if err != nil {
		q.g.logAway("a list cannot be decided", err)
		return faultf(codeInternal, "the list cannot be decided now")
	}
	from := 0
	if q.cursor != "" {
		if from, err = q.g.afterCursor(shown, q.cursor); err != nil {
			return faultf(codeInvalidParams, "params.cursor must be one that the gateway returned")
		}
	}
	rest := shown[from:]
	result := map[string]any{}
	if len(rest) > q.g.PageSize {
		rest = rest[:q.g.PageSize]
		result["nextCursor"] = cursorOf(rest[len(rest)-1])
	}
	items := make([]jsontext.Value, 0, len(rest))
	for _, l := range rest {
		items = append(items, q.g.outer(l, k))
	}
	result[k.member] = items
	if q.stateless() {
		result["ttlMs"], result["cacheScope"] = 0, "private"
	}
	if err := q.recordList(revision); err != nil {
		return err
	}
	q.succeed(result)
	return nil
}

// cursorOf returns the cursor of the page after an item. It says nothing that the agent has not seen.
func cursorOf(l listed) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.upstream.Name + " " + l.item.key))
}

// afterCursor returns where a list goes on after the item that a cursor names, whether or not that is there still.
func (g *Gateway) afterCursor(shown []listed, cursor string) (int, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, err
	}
	name, key, _ := strings.Cut(string(text), " ")
	u := g.upstream(name)
	if u == nil {
		return 0, errors.New("no such upstream")
	}
	i := slices.IndexFunc(shown, func(l listed) bool {
		return l.upstream.order > u.order || l.upstream == u && l.item.key > key
	})
	if i < 0 {
		i = len(shown)
	}
	return i, nil
}

// recordList records that a list was read.
func (q *request) recordList(revision int64) error {
	q.decision = newDecisionID()
	q.reply.setHeader(headerDecision, q.decision)
	return q.record(&Call{ID: q.decision, Caller: q.caller, Method: q.method, Began: q.began,
		Decision: Decision{Allow: true, Revision: revision}}, "answered", "")
}

// fingerprints returns one number for each list that a caller may see.
func (g *Gateway) fingerprints(ctx context.Context, c *Caller) (map[string]uint64, error) {
	found := map[string]uint64{}
	for _, k := range kinds {
		shown, _, err := g.visible(ctx, c, k)
		if err != nil {
			return nil, err
		}
		var h maphash.Hash
		h.SetSeed(hashSeed)
		for _, l := range shown {
			h.WriteString(l.upstream.Name)
			h.Write(l.item.definition)
			h.WriteByte(0)
		}
		found[k.method] = h.Sum64()
	}
	return found, nil
}

// capabilities returns what the gateway can do for agents: what any upstream can.
func (g *Gateway) capabilities(sessions bool) capabilities {
	var all capabilities
	for _, u := range g.upstreams {
		if u.Local != nil {
			all.Tools = &listCapability{ListChanged: true}
			continue
		}
		c := u.conn.Load()
		if c == nil {
			continue
		}
		caps := c.hello.capabilities
		if caps.Tools != nil {
			all.Tools = &listCapability{ListChanged: true}
		}
		if caps.Prompts != nil {
			all.Prompts = &listCapability{ListChanged: true}
		}
		if caps.Resources != nil {
			if all.Resources == nil {
				all.Resources = &listCapability{ListChanged: true}
			}
			all.Resources.Subscribe = all.Resources.Subscribe || caps.Resources.Subscribe
		}
		if caps.Completions != nil {
			all.Completions = &struct{}{}
		}
		if caps.Logging != nil {
			all.Logging = &struct{}{}
		}
		if tasks, ok := caps.Extensions[tasksExtension]; ok && !sessions {
			all.Extensions = map[string]jsontext.Value{tasksExtension: tasks}
		}
	}
	return all
}

const tasksExtension = "io.modelcontextprotocol/tasks"

// instructions returns those of the upstreams of which the caller may use a tool.
func (g *Gateway) instructions(ctx context.Context, c *Caller) string {
	shown, _, err := g.visible(ctx, c, kindTools)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, u := range g.upstreams {
		conn := u.conn.Load()
		if conn == nil || conn.hello.instructions == "" ||
			!slices.ContainsFunc(shown, func(l listed) bool { return l.upstream == u }) {
			continue
		}
		if !g.prefixed {
			return conn.hello.instructions
		}
		b.WriteString("## " + u.Name + "\n\n" + conn.hello.instructions + "\n\n")
	}
	return strings.TrimSpace(b.String())
}

// discover serves server/discover.
func (q *request) discover() error {
	q.g.ready(q.ctx)
	result := map[string]any{
		"supportedVersions": append([]string{revisionStateless}, agentSessions...),
		"capabilities":      q.g.capabilities(false),
		"ttlMs":             0,
		"cacheScope":        "private",
		"_meta":             map[string]any{keyServerInfo: gatewayInfo},
	}
	if text := q.g.instructions(q.ctx, q.caller); text != "" {
		result["instructions"] = text
	}
	q.succeed(result)
	return nil
}
