// Package control carries out the operations: the rules about security profiles, users, their
// hierarchy and the rest, and the one way to change any of them, write. It neither authenticates a
// caller, nor throttles, nor knows how a request or an answer looks on the wire.
package control

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// Config says how a Service behaves. The zero values of all but Store and Region are usable.
type Config struct {
	Store     store.Store
	Region    string
	Partition string // default aws
	Quotas    Quotas
	// Copies says that the instances are copies of others, of which some types of resources were left out: what is of
	// such a type may be named.
	Copies bool
	// Lenient keeps names of permissions and resource types that are unknown here as they were sent, for
	// importing from instances that know more. Unknown types are restricted, not forgotten: see
	// lanyard.Profile.Warnings.
	Lenient bool
	// NoPasswords checks passwords and keeps none, for copies to which nobody signs in: a hash is made to be expensive.
	NoPasswords bool
	// AssociateUsers lets AssociateSecurityProfiles and its kin take users too. Amazon Connect's
	// model has the entity type, its documentation supports AI agents only.
	AssociateUsers bool
	// Strict lets nobody on whose behalf a call is made grant what they do not hold, nor change
	// their own profiles, hierarchy group and tags. From every caller it refuses tag restrictions that
	// are incomplete. Amazon Connect has no such rules.
	Strict bool
	// SnapshotMemory is how many bytes the snapshots of instances may take, by estimate; 0 for no bound.
	// Those that nobody asked about for the longest time are dropped, and loaded at the next question.
	SnapshotMemory int64
	// MaxStaleness, unless 0, is how long decisions go on when the store cannot be asked what others
	// changed; then they are refused with Unavailable. It needs Follow, and counts only for a store
	// that others change, a store.Watcher.
	MaxStaleness time.Duration
	Now          func() time.Time // default time.Now
	NewID        func() string    // default a random UUID
	// NewRowID returns the id of a row of a data table, which is greater than those before: by default NewID, and a UUID
	// of version 7 without that.
	NewRowID func() string
	Logger   *slog.Logger // default slog.Default()
}

// Quotas bound what an instance or an account may have. A zero means the default, which is the
// documented default of Amazon Connect where there is one; a negative number means no bound.
type Quotas struct {
	InstancesPerAccount int // 2
	Profiles            int // 100
	Users               int // 500
	Groups              int // 500, all levels together
	Queues              int // 50
	RoutingProfiles     int // 100
	Hours               int // 100
	Modules             int // 200
	QuickConnects       int // 100
	DataTables          int // 100
	AttributesPerTable  int // 100: of a data table
	PrimaryPerTable     int // 5: of a data table's attributes, those that identify its rows
	ValuesPerTable      int // 1,000: of a data table, each attribute of each row that has a value
	// QueuesPerRoutingProfile counts each channel of a queue: 50.
	QueuesPerRoutingProfile int
	// Documents is how many resources of each other type there may be, and 0 stands for the default of each type.
	Documents int
	AIAgents  int // 10,000: ours, so that associations cannot fill the disk
	// RestrictedProfilesPerUser is how many profiles with tag or hierarchy restrictions one user may
	// hold: 3. Amazon's pages disagree (2 and 3).
	RestrictedProfilesPerUser int
}

// Unbounded returns Quotas without bounds, for servers of tests.
func Unbounded() (q Quotas) {
	for v, i := reflect.ValueOf(&q).Elem(), 0; i < v.NumField(); i++ {
		v.Field(i).SetInt(-1)
	}
	return q
}

func (q Quotas) withDefaults() Quotas {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&q.InstancesPerAccount, 2}, {&q.Profiles, 100}, {&q.Users, 500}, {&q.Groups, 500}, {&q.Queues, 50},
		{&q.RoutingProfiles, 100}, {&q.Hours, 100}, {&q.Modules, 200}, {&q.QuickConnects, 100},
		{&q.DataTables, 100}, {&q.AttributesPerTable, 100}, {&q.PrimaryPerTable, 5}, {&q.ValuesPerTable, 1000},
		{&q.QueuesPerRoutingProfile, 50}, {&q.AIAgents, 10_000},
		{&q.RestrictedProfilesPerUser, 3},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if q.PrimaryPerTable < 0 || q.PrimaryPerTable > lanyard.MaxPrimaryAttributes {
		q.PrimaryPerTable = lanyard.MaxPrimaryAttributes // what rows are listed by
	}
	return q
}

// A Service carries out operations. It is safe for concurrent use.
type Service struct {
	store          store.Store
	region         string
	partition      string
	quotas         Quotas
	lenient        bool
	copies         bool
	noPasswords    bool
	associateUsers bool
	strict         bool
	now            func() time.Time
	newID          func() string
	newRowID       func() string
	removals       chan string // instances with rows of deleted data tables
	log            *slog.Logger
	engine         *access.Engine
	observers      observers

	keys    atomic.Pointer[map[string]lanyard.AccessKey]
	tokens  atomic.Pointer[map[TokenHash]lanyard.Token]
	loading sync.Mutex // orders LoadKeys and LoadTokens, so that no older list replaces a newer one
	refused *refusals
	// making lets one CreateInstance go on at a time: its quota is counted outside of its transaction.
	making sync.Mutex
	// claiming lets one phone number be claimed at a time: whether another instance has it is no part of its transaction.
	claiming sync.Mutex
	// refreshed says when mirrors were last found unchanged, by instance: a time.Time.
	refreshed sync.Map
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, region: c.Region, partition: c.Partition, quotas: c.Quotas.withDefaults(), lenient: c.Lenient,
		copies:      c.Copies,
		noPasswords: c.NoPasswords, associateUsers: c.AssociateUsers, strict: c.Strict, now: c.Now, newID: c.NewID,
		newRowID: c.NewRowID, removals: make(chan string, 64),
		log:     c.Logger,
		refused: newRefusals(),
		engine:  &access.Engine{Source: source{c.Store}, Memory: c.SnapshotMemory, Logger: c.Logger},
	}
	if _, ok := c.Store.(store.Watcher); ok {
		s.engine.MaxAge = c.MaxStaleness
	}
	s.engine.Applied = s.observers.tell
	s.engine.Confirm(time.Now()) // nothing is held that is older
	if s.partition == "" {
		s.partition = "aws"
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.newRowID == nil {
		s.newRowID = c.NewID
	}
	if s.newID == nil {
		s.newID = uuid.NewString
	}
	if s.newRowID == nil {
		s.newRowID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s
}

// Call is one call of an operation: who makes it, and what goes into its event.
type Call struct {
	lanyard.Caller
	Operation string
	Request   lanyard.JSON // the parameters for the audit, sensitive ones hidden
	// IfMatch, unless "", has an operation change only a profile or user whose entity tag it is.
	IfMatch string
	// Within, unless "", is the only instance that the call may be about, where it does not name one.
	Within string

	acting   *acting // on whose behalf, if on anybody's; set by Act
	planning bool    // nothing is committed; set by Planning
	region   string  // of the event; "" for the server's
}

// A Result is what a call answers besides its output.
type Result struct {
	Revision int64    // of the instance, with what the call did; 0 for a call that changes nothing by its nature, or plans
	Changed  bool     // false when there was nothing to do; of a plan, when there would be nothing
	ETag     string   // of the profile or user that was changed, as it is afterwards
	Warnings []string // about the security profile that was created or updated
	// Plan is what a call that only plans would change, in order; see Call.Planning.
	Plan []lanyard.Change
}

// A Created is what an operation made.
type Created[R lanyard.Resource] struct {
	Result
	Instance *lanyard.Instance
	Resource R
}

// Planning returns the call as one that only plans: its Result has what it would change, and nothing is
// changed but that a refusal is recorded.
func (c Call) Planning() Call {
	c.planning = true
	return c
}

// Of returns the call as one of a user about themselves. It may change nothing that a permission is
// about.
func (c Call) Of(user string) Call {
	c.acting = &acting{user: user, known: true}
	return c
}

// Region is where this server says it is.
func (s *Service) Region() string { return s.region }

// Partition is that of the server's ARNs.
func (s *Service) Partition() string { return s.partition }

// ARN names a resource of in.
func (s *Service) ARN(in *lanyard.Instance, t lanyard.Type, id string) string {
	a := lanyard.ARN{Partition: s.partition, Region: in.Region, Account: in.Account, Instance: in.ID}
	if t != lanyard.TypeInstance {
		a.Type, a.ID = t, id
	}
	return a.String()
}

// Now returns the time by the clock of the Service, by which things expire.
func (s *Service) Now() time.Time { return s.now() }

// time is now, as precise as the wire shows it.
func (s *Service) time() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// errUnchanged ends a change that found nothing to do; write then answers nil.
var errUnchanged = errors.New("nothing changed")

// change is write for an instance that is named by its id or ARN. It is looked up within the transaction: there
// that costs a shared database no question of its own.
func (s *Service) change(ctx context.Context, call Call, instance string,
	change func(store.Tx, *lanyard.Instance) error) (Result, error) {
	id, err := instanceID(instance)
	if err != nil {
		return Result{}, err
	}
	return s.write(ctx, call, id, func(tx store.Tx) error {
		in, err := s.instance(ctx, call, tx, instance)
		if err != nil {
			return err
		}
		if err := call.refuseMirrored(in); err != nil {
			return err
		}
		return change(tx, in)
	})
}

// write is the one way to change what decisions are made from, the resources of an instance and who may sign in to
// it: the change and its event in one transaction, and after the commit the snapshot. change may run more than once.
//
// These are changed without it, because they are no resources of an instance, and no event tells of them: access
// keys and tokens, which belong to an account; sessions of the console, which come and go with every visit; and old
// events, which Prune removes. Records of refusals (appendEvent) are events of their own, without a change.
func (s *Service) write(ctx context.Context, call Call, instance string,
	change func(store.Tx) error) (Result, error) {
	var event *lanyard.Event
	var unchanged int64 // the revision at which nothing was to be done
	plan, err := s.commitOrPlan(ctx, call, instance, func(tx store.Tx) (err error) {
		event = nil
		if tx, err = s.guard(ctx, call, instance, texting{tx}); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			if errors.Is(err, errUnchanged) {
				var failed error
				if unchanged, failed = tx.Revision(ctx); failed != nil {
					return failed
				}
			}
			return err
		}
		event = s.event(call, instance)
		return tx.Append(ctx, event)
	})
	var d *denial
	switch {
	case errors.Is(err, errUnchanged):
		return Result{Revision: unchanged}, nil
	case errors.As(err, &d):
		return Result{}, s.refuse(ctx, call, instance, d)
	case err != nil:
		return Result{}, err
	case call.planning:
		return Result{Changed: true, Plan: plan}, nil
	}
	s.publish(ctx, event)
	return Result{Revision: event.Revision, Changed: true}, nil
}

// commitOrPlan commits what change does, or returns it if the call only plans.
func (s *Service) commitOrPlan(ctx context.Context, call Call, instance string,
	change func(store.Tx) error) ([]lanyard.Change, error) {
	if call.planning {
		return s.store.Plan(ctx, instance, change)
	}
	return nil, s.store.Update(ctx, instance, change)
}

// event is what a call leaves behind.
func (s *Service) event(call Call, instance string) *lanyard.Event {
	e := &lanyard.Event{
		ID:          s.newID(),
		Instance:    instance,
		Time:        s.now().UTC(),
		Operation:   call.Operation,
		Account:     call.Account,
		Region:      cmp.Or(call.region, call.Region, s.region),
		AccessKeyID: call.AccessKeyID,
		SourceIP:    call.SourceIP,
		UserAgent:   call.UserAgent,
		RequestID:   call.RequestID,
		Request:     call.Request,
	}
	who := call.actor()
	e.OnBehalfOf, e.Agent = who.User, who.Agent
	return e
}

// actor is who makes the call.
func (c *Call) actor() lanyard.Actor {
	a := lanyard.Actor{AccessKeyID: c.AccessKeyID}
	if c.acting != nil {
		a.User, a.Agent = c.acting.user, c.acting.agent
	}
	return a
}

// publish has decisions follow a committed event.
func (s *Service) publish(ctx context.Context, e *lanyard.Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxAsk)
	defer cancel()
	if err := s.engine.Apply(ctx, e); err != nil {
		// The change is committed. A snapshot that cannot follow is reloaded at the next question.
		s.log.Error("snapshot dropped", "instance", e.Instance, "revision", e.Revision, "error", err)
		s.engine.Forget(e.Instance)
	}
}
