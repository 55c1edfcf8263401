// Package sandbox holds a copy of one instance in memory, on which the real operations run: what they refuse there is
// refused for the same reason and in the same words as by a server, and what they change is seen in decisions. It is
// for plans and tests; the instance it was copied from is neither read nor changed.
package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/store"
)

// Config says what is copied. The zero values of all but Store and Instance are usable.
type Config struct {
	// Store is where the copy is kept: an empty one, which belongs to the sandbox.
	Store     store.Store
	Instance  *lanyard.Instance
	Resources []lanyard.Resource // in any order
	Partition string             // of ARNs, default aws
	// Lenient keeps names of permissions that lanyard does not know, as control.Config has it.
	Lenient bool
	Now     func() time.Time // default time.Now
	NewID   func() string    // default a random UUID
}

// A Sandbox is a copy of an instance. It is safe for concurrent use.
type Sandbox struct {
	api      *awsapi.Server
	control  *control.Service
	store    store.Store
	instance *lanyard.Instance
}

var _ invocation.API = (*Sandbox)(nil)

// unbounded are no quotas: those of an account are not known to a copy.
var unbounded = control.Quotas{InstancesPerAccount: -1, Profiles: -1, Users: -1, Groups: -1, Queues: -1,
	RoutingProfiles: -1, Hours: -1, Modules: -1, QuickConnects: -1, DataTables: -1, AttributesPerTable: -1,
	PrimaryPerTable: -1, ValuesPerTable: -1, QueuesPerRoutingProfile: -1, AIAgents: -1, Documents: -1}

// New copies an instance. The copy's resources have the ids, tags and times of the original. The copy of a mirror takes
// changes: what would change at the original is planned on its mirror.
func New(ctx context.Context, c Config) (*Sandbox, error) {
	log := slog.New(slog.DiscardHandler)
	svc := control.New(control.Config{Store: c.Store, Region: c.Instance.Region, Partition: c.Partition,
		Quotas: unbounded, Lenient: c.Lenient, Copies: true, NoPasswords: true, Now: c.Now, NewID: c.NewID, Logger: log})
	secret, err := c.Store.Secret(ctx, "next-token")
	if err != nil {
		return nil, err
	}
	instance := lanyard.Clone(c.Instance)
	instance.Mirror = nil
	s := &Sandbox{control: svc, store: c.Store, instance: instance,
		api: awsapi.New(awsapi.Config{Control: svc, TokenSecret: secret, Logger: log})}
	if err := s.fill(ctx, c.Resources); err != nil {
		return nil, fmt.Errorf("copy instance %s: %w", c.Instance.ID, err)
	}
	return s, nil
}

// batch bounds the resources of a transaction.
const batch = 2000

// fill stores the instance and its resources as they are, past the rules: they were accepted where they come from.
func (s *Sandbox) fill(ctx context.Context, resources []lanyard.Resource) error {
	first := []lanyard.Resource{s.instance}
	if !hasStructure(resources) {
		first = append(first, &lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID}})
	}
	if err := s.put(ctx, first); err != nil {
		return err
	}
	for len(resources) > 0 {
		n := min(batch, len(resources))
		if err := s.put(ctx, resources[:n]); err != nil {
			return err
		}
		resources = resources[n:]
	}
	return nil
}

func hasStructure(resources []lanyard.Resource) bool {
	for _, r := range resources {
		if r.Type() == lanyard.TypeStructure {
			return true
		}
	}
	return false
}

func (s *Sandbox) put(ctx context.Context, resources []lanyard.Resource) error {
	return s.store.Update(ctx, s.instance.ID, func(tx store.Tx) error {
		for _, r := range resources {
			r = lanyard.Clone(r)
			r.Head().Seq = 0
			if err := tx.Put(ctx, r); err != nil {
				return fmt.Errorf("%s %q: %w", r.Type().Word(), lanyard.Clip(r.Head().Name), err)
			}
		}
		revision, err := tx.Revision(ctx)
		if err != nil {
			return err
		}
		return tx.Append(ctx, &lanyard.Event{ID: fmt.Sprintf("copy-%d", revision+1), Instance: s.instance.ID,
			Operation: "Copy", Account: s.instance.Account, Region: s.instance.Region, Time: time.Now().UTC()})
	})
}

// Invoke carries out an operation on the copy, as its account.
func (s *Sandbox) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	return invoke(ctx, s.api, invocation.Call{Operation: operation, Input: input,
		Caller: lanyard.Caller{Account: s.instance.Account}})
}

// InvokeAs carries out an operation on the copy on behalf of a user, by id or name, whose security profiles must allow
// it.
func (s *Sandbox) InvokeAs(ctx context.Context, user, operation string, input []byte) ([]byte, error) {
	return invoke(ctx, s.api, invocation.Call{Operation: operation, Input: input, User: user,
		Caller: lanyard.Caller{Account: s.instance.Account}})
}

func invoke(ctx context.Context, api *awsapi.Server, call invocation.Call) ([]byte, error) {
	a := api.Invoke(ctx, call)
	switch {
	case a.Exception == "":
		return a.Output, nil
	case lanyard.KindOf(a.Err) == lanyard.Internal: // its message is for callers who must not see the cause
		return nil, fmt.Errorf("%s: %w", call.Operation, a.Err)
	}
	return nil, &invocation.Exception{Name: a.Exception, Message: a.Message, Status: a.Status}
}

// Snapshot decides by the copy as it is now.
func (s *Sandbox) Snapshot(ctx context.Context) (*access.Snapshot, error) {
	return s.control.Snapshot(ctx, control.Call{Caller: lanyard.Caller{Account: s.instance.Account}}, s.instance.ID, 0)
}

// Instance returns the instance of the copy as it is now.
func (s *Sandbox) Instance(ctx context.Context) (*lanyard.Instance, error) {
	return s.control.Instance(ctx, control.Call{Caller: lanyard.Caller{Account: s.instance.Account}}, s.instance.ID)
}

// Resources returns all resources of the copy but the instance itself, by type and in the order of their creation. They
// are shared and must not be changed.
func (s *Sandbox) Resources(ctx context.Context) ([]lanyard.Resource, error) {
	var all []lanyard.Resource
	reader := s.store.Reader(s.instance.ID)
	for _, t := range lanyard.Types() {
		if t == lanyard.TypeInstance || t == lanyard.TypeClientToken || t == lanyard.TypeDataTableRemoval || t.Bulk() {
			continue
		}
		for after := int64(0); ; {
			page, err := reader.List(ctx, t, after, batch)
			if err != nil {
				return nil, err
			}
			all = append(all, page...)
			if len(page) < batch {
				break
			}
			after = page[len(page)-1].Head().Seq
		}
	}
	return all, nil
}

// Close removes the copy.
func (s *Sandbox) Close() error { return s.store.Close() }

// An Account is an API of the instances that a service has, as one of its accounts: for a data folder that no server
// uses.
type Account struct {
	API    *awsapi.Server
	Caller lanyard.Caller
}

// Invoke carries out an operation.
func (a Account) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	return invoke(ctx, a.API, invocation.Call{Operation: operation, Input: input, Caller: a.Caller})
}
