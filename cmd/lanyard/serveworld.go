package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/demo"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/world"
)

// serveWorld serves an emulator from memory until the context of io ends.
func (c *serveCmd) serveWorld(io streams, s startedServer) (err error) {
	if err := c.claimFolder(); err != nil {
		return err
	}
	if c.Data != "" {
		release, err := sqlite.Acquire(c.Data)
		if err != nil {
			return err
		}
		defer release()
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	defer listener.Close()
	key := lanyard.AccessKey{ID: c.RootAccessKeyID, Secret: c.RootSecretAccessKey}
	start := &worldStart{serveCmd: c, seed: s.seed, root: lanyard.AccessKey{ID: key.ID, Account: c.Account}}
	config := c.frontendsConfig(nil, nil, s.log, nil)
	w, err := world.New(io.ctx, world.Config{Rules: c.rules(), Frontends: config, RootKey: key, Seed: start.make,
		Logger: s.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	here := c.newEndpoint(listener, s.certificates)
	leave, err := c.announce(w.RootKey(), here)
	if err != nil {
		return err
	}
	defer leave()
	return c.serveHandler(io, s, listening{listener: listener, here: here, handler: w, shown: start.shown,
		root: w.RootKey(), emulated: emulated{config: config, state: w, faults: w.Faults(), log: s.log}})
}

// worldStart is what an emulator in memory has at its start.
type worldStart struct {
	*serveCmd
	seed  *templateSeed
	root  lanyard.AccessKey
	shown demoShown
}

// make makes what there is at the start.
func (m *worldStart) make(ctx context.Context, svc *control.Service) (err error) {
	if m.Demo {
		if m.shown.instance, err = demo.Make(ctx, svc, m.root); err != nil {
			return fmt.Errorf("create the demo instance: %w", err)
		}
		if m.shown.signIns, err = demo.GivePasswords(ctx, svc, m.root, m.shown.instance); err != nil {
			return fmt.Errorf("generate the passwords of the demo: %w", err)
		}
	}
	if m.seed == nil {
		return nil
	}
	made, err := m.seed.apply(ctx, svc)
	if err == nil && m.shown.instance == nil {
		m.shown.instance = made
	}
	return err
}
