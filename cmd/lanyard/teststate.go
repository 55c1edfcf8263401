package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/policytest"
	"github.com/lanyard/lanyard/internal/store"
)

// openTarget reads the instance that tests are about.
func (t *testTargets) openTarget(ref policytest.TargetRef) (*policytest.Target, error) {
	st, err := t.readState(t.s.ctx, ref)
	if err != nil {
		return nil, err
	}
	return policytest.NewTarget(st.name, st.instance, st.resources)
}

func (t *testTargets) readState(ctx context.Context, ref policytest.TargetRef) (*state, error) {
	if len(ref.Templates) > 0 {
		return t.readTemplateState(ctx, ref)
	}
	switch {
	case ref.Backup != "":
		return readBackupState(ctx, ref.Backup, ref.Instance)
	case ref.Mirror != "":
		return readFolderState(ctx, t.c.dataFlag, ref.Mirror)
	}
	flags := targetFlags{dataFlag: t.c.dataFlag, Instance: ref.Instance, AWSProfile: t.c.AWSProfile, Region: t.c.Region}
	elsewhere, err := flags.elsewhere(ctx)
	if err != nil {
		return nil, err
	}
	if !elsewhere {
		return readFolderState(ctx, t.c.dataFlag, ref.Instance)
	}
	return t.readRemoteState(ctx, &flags)
}

// readTemplateState returns the instance that templates make: of an empty one, or of the one that ref names too.
func (t *testTargets) readTemplateState(ctx context.Context, ref policytest.TargetRef) (*state, error) {
	f := stackFlags{paramFlags: paramFlags{Param: map[string]string{}}}
	maps.Copy(f.Param, ref.Parameters)
	maps.Copy(f.Param, t.c.Param)
	files, err := f.readFiles(ref.Templates)
	if err != nil {
		return nil, refuse("%s", err)
	}
	stackName, err := f.stackName(ref.Templates) // under which they are applied, unless --stack has another
	if err != nil {
		stackName = "policy-test"
	}
	base, name := ref, strings.Join(shownPaths(ref.Templates), ", ")
	base.Templates = nil
	var from *state
	if base.None() {
		from, err = emptyState(ref.Templates, files.parameters[instanceParameter])
	} else if from, err = t.readState(ctx, base); err == nil {
		name += " applied to " + from.name
	}
	if err != nil {
		return nil, err
	}
	after, err := files.applyTo(ctx, from, stackName)
	if err != nil {
		return nil, refuse("%s", err)
	}
	after.name = name
	return after, nil
}

func shownPaths(names []string) (all []string) {
	for _, name := range names {
		all = append(all, shownPath(name))
	}
	return all
}

// readFolderState reads an instance out of a data folder or database, also while a server uses it. Unlike the API, that
// holds back nothing.
func readFolderState(ctx context.Context, d dataFlag, ref string) (*state, error) {
	db, err := d.openToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	id, err := findStored(ctx, db, ref, d.Data)
	if err != nil {
		return nil, err
	}
	all := map[string]*state{}
	err = db.Export(ctx, store.Scope{Instance: id, Tables: []*store.Table{store.Resources}},
		func(row store.Row) error { return errors.Join(context.Cause(ctx), addRow(all, row)) })
	if err != nil {
		return nil, err
	}
	s, err := chooseState(d.Data, id, all)
	if err == nil {
		s.name = cmp.Or(s.instance.Name, s.instance.ID) + " in " + shownPath(d.Data)
	}
	return s, err
}

// readRemoteState reads an instance through its API. The API does not list AI agents; those that the files name are
// asked about.
func (t *testTargets) readRemoteState(ctx context.Context, f *targetFlags) (*state, error) {
	api, err := f.openTarget(ctx)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	s, err := api.readState(t.s, mirror.Options{AIAgents: t.agents})
	if err != nil {
		return nil, err
	}
	s.name += " at " + api.place
	printf(t.s.errs, "note: the API of %s does not list AI agents; of them, the tests know those that the files name (%d)\n",
		s.name, len(t.agents))
	return s, nil
}
