package control

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// A ModuleTool is a flow module that AI agents can be given as a tool, in the version of it that runs.
type ModuleTool struct {
	ID, Name, Description string
	Version               int64
	Alias                 string // that names the version; "" where the highest one runs
	Settings              string // of the version, as they were sent: its schemas
}

// ModuleTools is what flow modules of an instance can be tools at a revision.
type ModuleTools struct {
	Revision int64
	Same     bool // as at the revision that the caller knows; then Tools is nil
	Tools    []ModuleTool
}

// A ModuleToolQuery asks for the flow modules of an instance that can be tools.
type ModuleToolQuery struct {
	Instance string
	Alias    string // the version that it names runs, in modules that have it
	Known    int64  // revision at which the caller knows the answer; 0: none
}

// maxModuleEvents bounds how many events are looked through before all flow modules are read again.
const maxModuleEvents = 100

// ModuleTools returns the flow modules that can be tools, in the order of their creation: those that asTool accepts
// and that are not archived. The highest version runs, unless q.Alias names another.
func (s *Service) ModuleTools(ctx context.Context, call Call, q ModuleToolQuery) (ModuleTools, error) {
	snapshot, err := s.Snapshot(ctx, call, q.Instance, 0)
	if err != nil {
		return ModuleTools{}, err
	}
	// Read before the modules are: what changes in the meantime is read again for the next revision.
	found := ModuleTools{Revision: snapshot.Revision()}
	if q.Known == found.Revision && q.Known > 0 {
		found.Same = true
		return found, nil
	}
	r := s.store.Reader(q.Instance)
	if found.Same, err = sameModules(ctx, r, q.Known, found.Revision); err != nil || found.Same {
		return found, err
	}
	err = eachPage(ctx, r, lanyard.TypeModule, func(page []lanyard.Resource) error {
		for _, res := range page {
			tool, ok, err := moduleTool(ctx, r, res.(*lanyard.Module), q.Alias)
			if err != nil {
				return err
			}
			if ok {
				found.Tools = append(found.Tools, tool)
			}
		}
		return nil
	})
	return found, err
}

// sameModules reports whether no flow module changed after revision known, up to revision now. It may say no when
// there are many events in between.
func sameModules(ctx context.Context, r store.Reader, known, now int64) (bool, error) {
	if known <= 0 || known > now || now-known > maxModuleEvents {
		return false, nil
	}
	for known < now {
		events, err := r.Events(ctx, known, int(now-known))
		if err != nil || len(events) == 0 || events[0].Revision != known+1 {
			return false, err
		}
		for _, e := range events {
			for _, c := range e.Changes {
				switch c.Type {
				case lanyard.TypeModule, lanyard.TypeModuleVersion, lanyard.TypeModuleAlias, lanyard.TypeInstance:
					return false, nil
				}
			}
		}
		known = events[len(events)-1].Revision
	}
	return true, nil
}

// moduleTool returns the flow module as a tool, and reports whether it can be one.
func moduleTool(ctx context.Context, r store.Reader, m *lanyard.Module, alias string) (ModuleTool, bool, error) {
	if m.Archived || !m.ExternalInvocation || m.Description == "" {
		return ModuleTool{}, false, nil
	}
	v, by, err := runningVersion(ctx, r, m, alias)
	if v == nil || err != nil {
		return ModuleTool{}, false, err
	}
	tool := ModuleTool{ID: m.ID, Name: m.Name, Description: m.Description, Version: v.Number, Alias: by}
	if kept := v.Settings["Settings"]; kept != nil {
		err = laxjson.Unmarshal(kept, &tool.Settings)
	}
	return tool, err == nil, err
}

// runningVersion returns the version that an alias names, and the alias; or else the highest version and ""; or nil.
func runningVersion(ctx context.Context, r store.Reader, m *lanyard.Module,
	alias string) (*lanyard.ModuleVersion, string, error) {
	version := func(number int64) (*lanyard.ModuleVersion, error) {
		v, err := moduleVersion(ctx, r, m, number)
		if errors.Is(err, lanyard.ErrNotFound) {
			return nil, nil // deleted while we read
		}
		return v, err
	}
	if alias != "" {
		key := (&lanyard.ModuleAlias{Module: m.ID, Meta: lanyard.Meta{Name: alias}}).Key()
		a, err := r.Find(ctx, lanyard.TypeModuleAlias, key)
		if err == nil {
			v, err := version(a.(*lanyard.ModuleAlias).Version)
			return v, alias, err
		}
		if !errors.Is(err, lanyard.ErrNotFound) {
			return nil, "", err
		}
	}
	ids, err := r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeModule, ID: m.ID}, lanyard.TypeModuleVersion, "",
		maxModuleVersions)
	highest := int64(0)
	for _, id := range ids {
		_, number, _ := strings.Cut(id, ":")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			highest = max(highest, n)
		}
	}
	if highest == 0 || err != nil {
		return nil, "", err
	}
	v, err := version(highest)
	return v, "", err
}
