package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres"
	"github.com/lanyard/lanyard/internal/world"
)

// keptState is the state of an emulator that is kept in a database. It can be reset, by deleting the instances one by
// one; their history, keys and tokens stay.
type keptState struct {
	service *control.Service
	store   store.Store
	place   string // --store
	faults  *fault.Set
	seed    *templateSeed // nil without one

	changing sync.Mutex
}

// Reset implements emulator.State.
func (k *keptState) Reset(ctx context.Context, from world.Start) error {
	if postgres.IsURL(k.place) {
		return lanyard.Errorf(lanyard.Condition, "an emulator on PostgreSQL cannot be reset, because others may use the "+
			"database; delete its instances, or use --store memory")
	}
	k.changing.Lock()
	defer k.changing.Unlock()
	for after := ""; ; {
		ids, err := k.service.KnownInstances(ctx, after, 100)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		for _, id := range ids {
			if after = id; err == nil {
				err = k.remove(ctx, id)
			}
		}
		if err != nil {
			return err
		}
	}
	k.faults.Clear("")
	if from == world.Empty {
		return nil
	}
	return k.makeSeed(ctx, new(demoShown))
}

// makeSeed makes what the seed says, if there is one.
func (k *keptState) makeSeed(ctx context.Context, shown *demoShown) error {
	if k.seed == nil {
		return nil
	}
	made, err := k.seed.apply(ctx, k.service)
	if err == nil && shown.instance == nil {
		shown.instance = made
	}
	return err
}

// remove deletes an instance, unless it is deleted already.
func (k *keptState) remove(ctx context.Context, id string) error {
	r, err := k.store.Reader(id).Get(ctx, lanyard.TypeInstance, id)
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	caller := lanyard.Caller{Account: r.(*lanyard.Instance).Account, UserAgent: "lanyard serve --emulator"}
	_, err = k.service.DeleteInstance(ctx, control.Call{Caller: caller, Operation: "DeleteInstance",
		Request: lanyard.JSON(`{"InstanceId":"` + id + `"}`)}, id)
	return err
}

func (k *keptState) inMemoryOnly(what string) error {
	return lanyard.Errorf(lanyard.Condition, "%s requires --store memory; this emulator keeps its state in a database", what)
}

// Save implements emulator.State.
func (k *keptState) Save(context.Context, string) error { return k.inMemoryOnly("saving a state") }

// Load implements emulator.State.
func (k *keptState) Load(context.Context, string) error { return k.inMemoryOnly("loading a state") }

// Snapshots implements emulator.State.
func (k *keptState) Snapshots() []world.Snapshot { return nil }

// DeleteSnapshot implements emulator.State.
func (k *keptState) DeleteSnapshot(name string) error {
	return lanyard.Errorf(lanyard.NotFound, "saved state %s does not exist", lanyard.Quote(name))
}

// Now implements emulator.State.
func (k *keptState) Now() time.Time { return time.Now() }

// SetTime implements emulator.State.
func (k *keptState) SetTime(to world.Clock) error {
	if to == (world.Clock{}) {
		return nil // it is the real time
	}
	return k.inMemoryOnly("setting the time")
}
