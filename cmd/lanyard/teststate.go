package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/lanyard/lanyard/internal/awsclient"
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
	c := t.c
	switch {
	case ref.Backup != "":
		return readBackupState(ctx, ref.Backup, ref.Instance)
	case ref.Mirror != "":
		return readFolderState(ctx, c.dataFlag, ref.Mirror)
	case ref.Export != "":
		return nil, refuse("exports cannot be read yet")
	case len(ref.Templates) > 0:
		return nil, refuse("templates cannot be read yet")
	}
	elsewhere := c.AWSProfile != "" || c.Region != ""
	if !elsewhere {
		endpoint, err := awsclient.FindEndpoint(ctx, "")
		if err != nil {
			return nil, err
		}
		elsewhere = endpoint != ""
	}
	if !elsewhere {
		return readFolderState(ctx, c.dataFlag, ref.Instance)
	}
	return t.readRemoteState(ctx, ref.Instance)
}

// readFolderState reads an instance out of a data folder or database, also while a server uses it. Unlike the API, that
// holds back nothing.
func readFolderState(ctx context.Context, d dataFlag, ref string) (*state, error) {
	db, err := d.openToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	all := map[string]*state{}
	err = db.Export(ctx, store.Scope{Tables: []*store.Table{store.Resources}},
		func(row store.Row) error { return errors.Join(context.Cause(ctx), addRow(all, row)) })
	if err != nil {
		return nil, err
	}
	s, err := chooseState(d.Data, ref, all)
	if err == nil {
		s.name = cmp.Or(s.instance.Name, s.instance.ID) + " in " + shownPath(d.Data)
	}
	return s, err
}

// readRemoteState reads an instance through its API. The API does not list AI agents; those that the files name are
// asked about.
func (t *testTargets) readRemoteState(ctx context.Context, ref string) (*state, error) {
	f := targetFlags{dataFlag: t.c.dataFlag, Instance: ref, AWSProfile: t.c.AWSProfile, Region: t.c.Region}
	api, err := f.openTarget(ctx)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	read, err := mirror.Read(ctx, api.API, api.instance.ID, mirror.Options{AIAgents: t.agents})
	if err != nil {
		return nil, explainTarget(api.place, err)
	}
	name := cmp.Or(api.instance.InstanceAlias, api.instance.ID) + " at " + api.place
	printf(t.s.errs, "note: the API of %s does not list AI agents; of them, the tests know those that the files name (%d)\n",
		name, len(t.agents))
	return &state{name: name, instance: read.Instance, resources: read.Resources}, nil
}
