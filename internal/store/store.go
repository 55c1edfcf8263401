// Package store is the contract of a store: what package control may rely on, in prose and a few
// interfaces. Packages store/sqlite and store/postgres keep it, and the suite in store/storetest holds
// them to it. It has no rules of the domain.
package store

import (
	"context"
	"time"

	"github.com/lanyard/lanyard"
)

// A Store keeps the resources of many instances and the events that changed them.
//
// Its promises, each a test in storetest:
//
//   - Atomic: all that one Update did is there afterwards, or none of it.
//   - Isolated: within an Update, reads see the state before it plus its own changes, and no other
//     Update of the same instance comes in between. Updates of one instance are serial.
//   - Durable: when Update has returned nil, the change survives the death of the process and of
//     the machine. When it has returned an error, the change did not happen; but when the error is
//     Unknown, the database or its disk was lost in mid-commit and the change may have happened:
//     in a database of this process alone, it may be there after the next start.
//   - Fresh: a read through a Reader that begins after an Update returned sees that Update.
//     Every single read sees one committed state; two reads may see two states, the second never
//     older than the first.
//   - Ordered: the events of an instance have the revisions 1, 2, 3, … without gaps, in the order
//     in which their Updates committed. Only the oldest can be removed, by Prune.
//   - Bounded: no list is returned longer than asked for, and the cost of a point read, a page or
//     an Update does not grow with the number of resources.
//   - Never wrong: what cannot be read as it was written is an error. A store that finds its data damaged
//     refuses all further Updates, and its Ping fails.
//   - Errors are *lanyard.Error: NotFound and Duplicate as said below, Unavailable when the database
//     is out of reach or busy for too long or ctx ended, Invalid when a text is one that the
//     database cannot hold, Unknown as said above, otherwise Internal.
//   - A resource returned is shared and must not be changed; lanyard.Clone it. So is the slice of a
//     list: append to it, but do not write into it.
//
// All methods may be called from any number of goroutines.
type Store interface {
	Instances
	InstanceDirectory
	Credentials
	Sessions

	// Ping reports, by its error, whether the store can answer.
	Ping(ctx context.Context) error
	Close() error
}

// Instances reads and changes instances, and prunes their events.
type Instances interface {
	// Reader reads one instance's latest committed state. It costs nothing to get.
	Reader(instance string) InstanceReader

	// Update runs change in one transaction of one instance. It may run change again after a conflict with
	// another process, or when the database was lost before the commit, so change must not touch anything but
	// its Tx and its own results. When change returns an error, nothing happened and Update returns that error
	// as it is.
	// A change that did something must end with Append; one that did nothing may just return.
	Update(ctx context.Context, instance string, change func(Tx) error) error

	// Plan runs change as Update does, commits nothing, and returns what it would have changed, in order. It
	// may run change again when the instance changes in the meantime.
	Plan(ctx context.Context, instance string, change func(Tx) error) ([]lanyard.Change, error)

	// Prune removes the events of c.Instance up to c.Revision and puts c in their place, in one transaction.
	// Updates go on alongside it. The error is Condition, and nothing happens, when that event is not there, has
	// another Seq or Hash, or is the instance's last, which always stays. Callers who remove many events do so in
	// several steps.
	Prune(ctx context.Context, c lanyard.Checkpoint) error
}

// An InstanceDirectory finds instances.
type InstanceDirectory interface {
	// Instances lists an account's instances in the order of their creation, those after the
	// position after (0 for the first), at most limit.
	Instances(ctx context.Context, account string, after int64, limit int) ([]Entry, error)
	// InstanceCount counts an account's instances.
	InstanceCount(ctx context.Context, account string) (int, error)
	// InstanceByToken finds the instance that account created with a client token, or NotFound.
	InstanceByToken(ctx context.Context, account, token string) (*lanyard.Instance, error)
	// KnownInstances lists the ids of all instances that ever had an event, deleted ones too, in byte order,
	// those after the id after, at most limit.
	KnownInstances(ctx context.Context, after string, limit int) ([]string, error)
}

// Credentials keeps what callers and the server prove their identity with.
type Credentials interface {
	// Keys lists all access keys in the order of their creation.
	Keys(ctx context.Context) ([]lanyard.AccessKey, error)
	// PutKey stores a key, replacing the one with the same id.
	PutKey(ctx context.Context, key lanyard.AccessKey) error
	// Tokens lists all bearer tokens in the order of their creation.
	Tokens(ctx context.Context) ([]lanyard.Token, error)
	// PutToken stores a token, replacing the one with the same id.
	PutToken(ctx context.Context, t lanyard.Token) error
	// Secret returns the server's own secret of that name, 32 random bytes made at first use.
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Sessions keeps the sessions of the console.
type Sessions interface {
	// Session returns a session, or NotFound. The caller checks whether it has expired.
	Session(ctx context.Context, id string) (lanyard.Session, error)
	// AddSession stores a session with a new id.
	AddSession(ctx context.Context, s lanyard.Session) error
	// TouchSession raises Seen of a session, if that still exists.
	TouchSession(ctx context.Context, id string, seen time.Time) error
	// EndSession removes a session, if it still exists.
	EndSession(ctx context.Context, id string) error
	// EndSessions removes the sessions of an owner, except the one with the id except and the keep newest.
	EndSessions(ctx context.Context, owner, except string, keep int) error
	// ExpireSessions removes the sessions that expire at now or before.
	ExpireSessions(ctx context.Context, now time.Time) error
}

// A Shared store is one that other processes may change too.
type Shared interface {
	Store
	Watcher
}

// A Watcher says what other processes changed, to whoever holds in memory what it read.
type Watcher interface {
	// Watch calls woken when some process has committed a change: with the instance and a revision
	// that it has reached, or with "" when a key or token was stored. It goes on until ctx ends, or
	// until it cannot listen any more, which is an error. Calls come one at a time; they may come late,
	// twice or not at all, so Heads and CredentialsVersion must be asked from time to time as well.
	Watch(ctx context.Context, woken func(instance string, revision int64)) error
	// Heads returns the heads of instances, in their order.
	Heads(ctx context.Context, instances []string) ([]Head, error)
	// CredentialsVersion returns a number that grows whenever a key or token is stored, by any process.
	CredentialsVersion(ctx context.Context) (int64, error)
}

// A Head is the last event of an instance. Its zero value is that before the first.
type Head struct {
	Revision int64
	Hash     []byte // the event's; with the same Hash all is the same that ever happened to the instance
}

// Entry is one line of the directory of instances.
type Entry struct {
	Position int64
	Instance *lanyard.Instance
}

// A Reader reads the resources of one instance: what an operation may know of it while it decides what to change.
type Reader interface {
	// Get returns a resource, or NotFound.
	Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error)
	// Find returns the resource of type t with that Key, or NotFound.
	Find(ctx context.Context, t lanyard.Type, key string) (lanyard.Resource, error)
	// List returns resources of type t in the order of their creation, those with a Seq greater
	// than after, at most limit.
	List(ctx context.Context, t lanyard.Type, after int64, limit int) ([]lanyard.Resource, error)
	// Count counts the resources of type t at a cost that does not grow with them.
	Count(ctx context.Context, t lanyard.Type) (int, error)
	// Referrers lists, in byte order, the ids of resources of type from whose Links name to, those
	// after the id after, at most limit.
	Referrers(ctx context.Context, to lanyard.Ref, from lanyard.Type, after string, limit int) ([]string, error)
	// ListReferrers lists, in byte order of their ids, the resources of type from whose Links name any of to, each
	// once: those with an id after the id after, at most limit. What it costs depends on how many to and limit are,
	// and not on how many resources there are, nor on how many of them are listed together.
	ListReferrers(ctx context.Context, to []lanyard.Ref, from lanyard.Type, after string,
		limit int) ([]lanyard.Resource, error)
	// LastTags returns the tags of a resource, or those that it had when it was deleted, and reports which. The
	// error is NotFound when there never was one, or when it was deleted without tags.
	LastTags(ctx context.Context, t lanyard.Type, id string) (tags map[string]string, deleted bool, err error)
	// Password returns the hash of a user's password, or NotFound.
	Password(ctx context.Context, user string) (hash string, err error)
	// Revision is that of the last event, 0 before the first.
	Revision(ctx context.Context) (int64, error)
	// Events returns events in order, those with a revision greater than after, at most limit, and fewer
	// when they are large together, but one at least if there is one. When the first is not after+1,
	// those in between were pruned.
	Events(ctx context.Context, after int64, limit int) ([]lanyard.Event, error)
}

// An InstanceReader reads the resources of one instance and what happened to them.
type InstanceReader interface {
	Reader
	// Records returns Events as they are stored. It returns fewer than there are and limit allows when they
	// are large together, but one at least.
	Records(ctx context.Context, after int64, limit int) ([]lanyard.Record, error)
	// Checkpoint returns what stands in for the events that were pruned, or the zero value.
	Checkpoint(ctx context.Context) (lanyard.Checkpoint, error)
	// History returns events newest first, those with a revision less than before (0: from the last),
	// at most limit. With an ID in about they are those that changed that resource, or gave that user a
	// password. At most scan events are looked at, and the list ends early when they are large together: next is
	// the before with which to go on, 0 at the beginning of time.
	History(ctx context.Context, about lanyard.Ref, before int64, scan,
		limit int) (events []lanyard.Event, next int64, err error)
}

// A Tx changes one instance. It is used by one goroutine.
type Tx interface {
	Reader
	// Put stores r: a new resource when r.Head().Seq is 0 (Put sets it), else in place of the one
	// with its type and id, or NotFound. A Key or, for an instance, a name taken by another is
	// Duplicate, and the transaction goes on as if Put had not been called.
	// r must not be changed afterwards.
	Put(ctx context.Context, r lanyard.Resource) error
	// Delete removes a resource, or NotFound. Its tags stay behind for LastTags. Deleting the
	// instance itself removes every resource and all tags with it; its events stay.
	Delete(ctx context.Context, t lanyard.Type, id string) error
	// SetPassword stores the hash of the password of a user, or NotFound. It is removed with the user,
	// and is not among the Changes of the event, which has its digest in Passwords.
	SetPassword(ctx context.Context, user, hash string) error
	// Append records what this transaction did: it sets e's Revision, Passwords, Changes, Hash and Previous and
	// stores it. It is called once, last.
	Append(ctx context.Context, e *lanyard.Event) error
}
