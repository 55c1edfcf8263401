package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/backup"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// A state is an instance with its resources, as they are or were at some place.
type state struct {
	name       string // for messages
	instance   *lanyard.Instance
	resources  []lanyard.Resource
	unrevealed []string // what the place does not tell of it
}

// snapshot compiles the state for decisions.
func (s *state) snapshot() (*access.Snapshot, error) {
	snapshot, err := access.New(s.instance, s.resources...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return snapshot, nil
}

// newSandbox copies the state into memory, where operations can be tried on it.
func (s *state) newSandbox(ctx context.Context) (*sandbox.Sandbox, error) {
	db, err := sqlite.OpenMemory(ctx)
	if err != nil {
		return nil, err
	}
	box, err := sandbox.New(ctx, sandbox.Config{Store: db, Instance: s.instance, Resources: s.resources, Lenient: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), db.Close())
	}
	return box, nil
}

// isBackup reports whether a file begins like a backup.
func isBackup(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	magic := make([]byte, len(backup.Magic))
	_, err = io.ReadFull(f, magic)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return string(magic) == backup.Magic, err
}

// readBackupState reads one instance out of a backup: by id, ARN or alias, or the only one when ref is "".
func readBackupState(ctx context.Context, name, ref string) (*state, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := backup.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	all := map[string]*state{}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = errors.Join(context.Cause(ctx), addRow(all, row))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return chooseState(name, ref, all)
}

// addRow adds the resource that a row has to the state of its instance.
func addRow(all map[string]*state, row store.Row) error {
	if row.Table != store.Resources {
		return nil
	}
	id, t, doc := row.Values[0].(string), lanyard.Type(row.Values[1].(string)), row.Values[6].([]byte)
	resource := lanyard.New(t)
	if resource == nil {
		return fmt.Errorf("a resource has type %q, which this program does not know", t)
	}
	if err := laxjson.Unmarshal(doc, resource); err != nil {
		return fmt.Errorf("read a %s: %w", t.Word(), err)
	}
	resource.Head().Seq = row.Values[3].(int64)
	if all[id] == nil {
		all[id] = new(state)
	}
	if in, ok := resource.(*lanyard.Instance); ok {
		all[id].instance = in
	} else {
		all[id].resources = append(all[id].resources, resource)
	}
	return nil
}

// chooseState returns the state of the instance that ref names.
func chooseState(file, ref string, all map[string]*state) (*state, error) {
	ref, err := instanceIDOf(ref)
	if err != nil {
		return nil, err
	}
	var names []instanceName
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id].instance == nil {
			return nil, fmt.Errorf("%s: instance %s has resources and no row of its own", file, id)
		}
		names = append(names, instanceName{id, all[id].instance.Name})
	}
	i, err := chooseInstance(names, ref, file)
	if err != nil {
		return nil, err
	}
	s := all[names[i].ID]
	s.name = file
	return s, nil
}

// readState reads the target's instance through the API, and shows the progress.
func (t *target) readState(s streams, o mirror.Options) (*state, error) {
	p := newProgress(s, "calls")
	defer p.end()
	o.Progress = func(m mirror.Progress) { p.at(m.Calls, m.Expected) }
	found, err := mirror.Read(s.ctx, t.API, t.instance.ID, o)
	if err != nil {
		return nil, explainTarget(t.place, err)
	}
	return &state{name: cmp.Or(found.Instance.Name, found.Instance.ID), instance: found.Instance,
		resources: found.Resources, unrevealed: found.Unrevealed}, nil
}
