// Package moduletools offers the flow modules of Amazon Connect instances as tools of the gateway: one tool for each
// flow module that can be one, with the module's own schemas. A call goes to an HTTP target that the operator
// configured.
//
// It runs no flows, and decides nothing: the gateway decides which module a caller may use, before it calls.
package moduletools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/nesting"
)

// Config says where calls of flow modules go. Target must be set.
type Config struct {
	Target string // URL that calls are posted to; see CheckTarget
	// Headers are sent along, such as Authorization for the target.
	Headers map[string]string
	// Alias names the version that runs, in modules that have that alias. In others the highest version runs.
	Alias     string
	Timeout   time.Duration // of a call; default 30 s
	MaxAnswer int64         // bytes of an answer; default 1 MiB
	Logger    *slog.Logger  // default slog.Default()
}

// An Upstream is the flow modules of all instances, as an upstream of the gateway. It is safe for concurrent use.
type Upstream struct {
	config    Config
	catalogue Catalogue
	client    *http.Client

	mu        sync.Mutex
	instances map[instanceKey]*listed
}

var _ gateway.Local = (*Upstream)(nil)

// New returns an upstream, or an error that says what is wrong with c.
func New(c Config, catalogue Catalogue) (*Upstream, error) {
	if err := CheckTarget(c.Target); err != nil {
		return nil, err
	}
	for name := range c.Headers {
		if err := CheckHeader(name); err != nil {
			return nil, err
		}
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxAnswer <= 0 {
		c.MaxAnswer = 1 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Upstream{config: c, catalogue: catalogue, client: newClient(c.Timeout),
		instances: map[instanceKey]*listed{}}, nil
}

type instanceKey struct{ account, id string }

// maxInstances bounds of how many instances the tools are kept in memory.
const maxInstances = 1000

// listed are the tools of an instance as they were last read. The lock is held while they are read again.
type listed struct {
	mu       sync.Mutex
	revision int64
	tools    []gateway.LocalTool
	byName   map[string]*tool

	changes atomic.Int64 // how often they were others, or may have been
	looked  atomic.Int64 // when they were last read for those who watch, in nanoseconds
}

// A tool is a flow module that is ready to be called.
type tool struct {
	module control.ModuleTool
	*schemas
	local gateway.LocalTool
}

// Tools lists the flow modules of the caller's instance that can be tools.
func (u *Upstream) Tools(ctx context.Context, c *gateway.Caller) ([]gateway.LocalTool, error) {
	tools, _, err := u.list(ctx, c)
	return tools, err
}

// list returns the tools of the caller's instance, in order and by name. Neither must be changed.
func (u *Upstream) list(ctx context.Context, c *gateway.Caller) ([]gateway.LocalTool, map[string]*tool, error) {
	l := u.instance(instanceKey{c.Account, c.Instance})
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := u.catalogue.ModuleTools(ctx, c.Account,
		control.ModuleToolQuery{Instance: c.Instance, Alias: u.config.Alias, Known: l.revision})
	if err != nil {
		return nil, nil, fmt.Errorf("list flow modules of instance %s: %w", c.Instance, err)
	}
	l.revision = found.Revision
	if !found.Same {
		l.tools, l.byName = u.prepare(c.Instance, found.Tools, l.byName)
		l.changes.Add(1)
	}
	return l.tools, l.byName, nil
}

// instance returns what is kept of an instance.
func (u *Upstream) instance(key instanceKey) *listed {
	u.mu.Lock()
	defer u.mu.Unlock()
	l := u.instances[key]
	if l == nil {
		if len(u.instances) >= maxInstances {
			for other := range u.instances { // any one: it is read again when it is needed
				delete(u.instances, other)
				break
			}
		}
		l = new(listed)
		u.instances[key] = l
	}
	return l
}

// prepare makes tools of modules. Those that have not changed stay as they are.
func (u *Upstream) prepare(instance string, modules []control.ModuleTool,
	had map[string]*tool) ([]gateway.LocalTool, map[string]*tool) {
	tools, byName := make([]gateway.LocalTool, 0, len(modules)), make(map[string]*tool, len(modules))
	for _, m := range modules {
		name := toolName(m)
		t := had[name]
		if t == nil || t.module != m {
			var err error
			if t, err = newTool(name, m); err == nil && byName[name] != nil {
				err = fmt.Errorf("tool %s already exists, of flow module %s", name, byName[name].module.ID)
			}
			if err != nil {
				u.config.Logger.Warn("flow module is not offered as a tool", "instance", instance, "module", m.ID,
					"version", m.Version, "error", err)
				continue
			}
		}
		byName[name] = t
		tools = append(tools, t.local)
	}
	return tools, byName
}

// newTool returns the tool of a flow module.
func newTool(name string, m control.ModuleTool) (*tool, error) {
	s, err := readSettings(m.Settings)
	if err != nil {
		return nil, err
	}
	described, err := json.Marshal(struct {
		Name        string       `json:"name"`
		Title       string       `json:"title"`
		Description string       `json:"description"`
		Input       lanyard.JSON `json:"inputSchema"`
		Output      lanyard.JSON `json:"outputSchema,omitzero"`
	}{name, m.Name, m.Description, s.input, s.output})
	if err != nil {
		return nil, err
	}
	return &tool{module: m, schemas: s,
		local: gateway.LocalTool{Right: gateway.Right{Module: m.ID}, Definition: described}}, nil
}

// Bounds of the parts of a tool's name. Together they leave room for a prefix within the 64 characters that the
// providers of models accept.
const (
	maxNamePart = 32
	idPart      = 12
)

// toolName returns the name of the tool of a flow module: the module's name in letters that every client accepts, for
// models to read, and the end of its id, which tells it from others. It changes only when the module is renamed.
func toolName(m control.ModuleTool) string {
	var b strings.Builder
	gap := false
	for _, c := range strings.ToLower(m.Name) {
		if c < 'a' || c > 'z' {
			if c < '0' || c > '9' {
				gap = true
				continue
			}
			if b.Len() == 0 {
				b.WriteString("module_") // some clients accept no names that begin with a digit
			}
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(c)
	}
	name := b.String()
	if name == "" {
		name = "module"
	}
	name = strings.Trim(name[:min(len(name), maxNamePart)], "_")
	return name + "_" + m.ID[max(0, len(m.ID)-idPart):]
}

// Right returns the right to the flow module of a tool. The right to a tool that does not exist is one that no profile
// grants, for no flow module has such an id.
func (u *Upstream) Right(ctx context.Context, c *gateway.Caller, name string) (gateway.Right, error) {
	_, tools, err := u.list(ctx, c)
	if err != nil {
		return gateway.Right{}, err
	}
	if t := tools[name]; t != nil {
		return t.local.Right, nil
	}
	return gateway.Right{Module: "tool " + name}, nil
}

// Call sends a call to the target, if its arguments match the module's input schema.
func (u *Upstream) Call(ctx context.Context, c *gateway.Caller, call gateway.LocalCall) (lanyard.JSON, error) {
	// Listed again: the module may have been changed, archived or deleted since its right was decided, and the name
	// given to another.
	_, tools, err := u.list(ctx, c)
	if err != nil {
		return nil, err
	}
	t := tools[call.Name]
	if t == nil || t.local.Right != call.Right {
		return nil, fmt.Errorf("tool %s does not exist", lanyard.Quote(call.Name))
	}
	if len(call.Arguments) == 0 || string(call.Arguments) == "null" {
		call.Arguments = lanyard.JSON("{}")
	}
	out := new(result)
	if err := t.checkArguments(call.Arguments); err != nil {
		out = failure(err.Error())
	} else if out, err = u.send(ctx, c, t, call); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// lookEvery is how often what is watched is read again.
const lookEvery = 250 * time.Millisecond

// Watch calls changed after the tools of the caller's instance have changed. An Authority that is watched tells of
// flow modules, but not of their versions and aliases, on which no decision depends.
func (u *Upstream) Watch(ctx context.Context, c *gateway.Caller, changed func()) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	seen := u.instance(instanceKey{c.Account, c.Instance}).changes.Load()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			l := u.instance(instanceKey{c.Account, c.Instance})
			last, at := l.looked.Load(), now.UnixNano()
			if at-last >= int64(lookEvery) && l.looked.CompareAndSwap(last, at) {
				u.look(ctx, c) // for all who watch the instance
			}
			if n := l.changes.Load(); n != seen {
				seen = n
				changed()
			}
		}
	}
}

// look reads the tools of the caller's instance again.
func (u *Upstream) look(ctx context.Context, c *gateway.Caller) {
	if _, _, err := u.list(ctx, c); err != nil && ctx.Err() == nil {
		u.config.Logger.Debug("flow modules cannot be read; retrying", "instance", c.Instance, "error", err)
	}
}

// maxArgumentLevels bounds how deep arguments are nested.
const maxArgumentLevels = 100

// checkArguments reports, by its error, what is wrong with the arguments of a call.
func (t *tool) checkArguments(arguments lanyard.JSON) error {
	if nesting.Exceeds(arguments, maxArgumentLevels) {
		return fmt.Errorf("arguments must be nested at most %d levels deep", maxArgumentLevels)
	}
	var value any
	if err := json.Unmarshal(arguments, &value); err != nil { // members that are listed twice are an error
		return fmt.Errorf("arguments cannot be read: %w", err)
	}
	if _, ok := value.(map[string]any); !ok {
		return errors.New("arguments must be a JSON object")
	}
	if err := checkValue(t.takes, "arguments", value); err != nil {
		return fmt.Errorf("the arguments do not match the input schema: %w", err)
	}
	return nil
}

// CheckHeader reports, by its error, whether a header can be sent to a target.
func CheckHeader(name string) error {
	switch canonical := http.CanonicalHeaderKey(name); {
	case name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == ':' }):
		return fmt.Errorf("headers must have names of HTTP headers, got %s", lanyard.Quote(name))
	case own[canonical]:
		return fmt.Errorf("headers must not have %s, which lanyard sets", canonical)
	}
	return nil
}

var own = map[string]bool{"Content-Type": true, "Content-Length": true, "Accept": true, "Host": true,
	"Connection": true, "Transfer-Encoding": true, "Lanyard-Decision-Id": true}
