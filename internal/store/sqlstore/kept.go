package sqlstore

import (
	"sync"

	"github.com/lanyard/lanyard"
)

// known is what a server knows of an instance of a Shared database after a change of its own: where
// the instance stood then, and what the change read and wrote. The next change begins with that
// instead of asking, so that it needs one round trip and not two. Another server's change may have come
// in between: so its first event is stored only if the instance still stands there (guarded),
// and a call that changes nothing, or is refused, asks where it stands before it is answered.
type known struct {
	now  head
	seen map[lanyard.Ref]version
}

// A keeper keeps what is known of the instances that were changed last. Whoever is at the head of an
// instance's lane takes it, and gives back what it left.
type keeper struct {
	mu        sync.Mutex
	instances map[string]*kept
	size      int64
	useless   bool // nothing is kept any more
}

type kept struct {
	known *known
	size  int64
	wrong int // how often it was out of date, without a success in between
	skip  int // how many changes to ask for before it is used again
}

// What is kept is bounded in bytes, as in a cache, and of one instance also in resources.
const (
	maxKept          = 16 << 20
	maxKeptInstance  = 2 << 20
	maxKeptResources = 512
	maxDoubt         = 6 // servers that change the same instance in turns try it at every 64th change
)

// take returns what is known, or nil.
func (k *keeper) take(instance string) *known {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.instances[instance]
	if e == nil {
		return nil
	}
	if e.skip > 0 {
		e.skip--
		return nil
	}
	was := e.known
	e.known = nil // and perhaps never given back
	least := least(instance)
	k.size -= e.size - least
	e.size = least
	return was
}

// least is what an instance costs of which nothing is known.
func least(instance string) int64 { return int64(len(instance)) + overhead }

// give keeps what is known after a change. right says that the change had begun with what was kept.
func (k *keeper) give(instance string, now *known, right bool) {
	size := least(instance)
	for _, v := range now.seen {
		size += weight(v.doc) + int64(len(v.doc))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.useless {
		return
	}
	if len(now.seen) > maxKeptResources || size > maxKeptInstance {
		k.drop(instance)
		return
	}
	e := k.instances[instance]
	if e == nil {
		e = new(kept)
		k.instances[instance] = e
	}
	if right {
		e.wrong = 0
	}
	k.size += size - e.size
	e.known, e.size = now, size
	for other := range k.instances { // any will do
		if k.size <= maxKept {
			break
		}
		if other != instance {
			k.drop(other)
		}
	}
}

// off keeps nothing from now on, and reports whether that is new.
func (k *keeper) off() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.useless
	k.useless, k.size = true, 0
	clear(k.instances)
	return !was
}

// doubt notes that another server had changed the instance.
func (k *keeper) doubt(instance string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.instances[instance]; e != nil {
		e.wrong = min(e.wrong+1, maxDoubt)
		e.skip = 1 << e.wrong
	}
}

func (k *keeper) drop(instance string) {
	if e := k.instances[instance]; e != nil {
		k.size -= e.size
		delete(k.instances, instance)
	}
}

// guarded locks the instance and stores an event after the revision $2 with the hash $7. Where the
// instance does not stand there any more it fails: a later revision has taken its key, or that one is
// not there, so that the event gets no revision. It sees the events as they were before it waited for the
// lock; that none were cut off since, with the revision's key, locking that event too finds out.
const guarded = `
	INSERT INTO events (instance_id, revision, time, seq, body, hash)
	VALUES ($1, (
		SELECT e.revision + 1 FROM instance_locks l JOIN events e ON e.instance_id = l.instance_id
		WHERE l.instance_id = $1 AND e.revision = $2 AND e.hash = $7
		FOR UPDATE OF l FOR KEY SHARE OF e), $3, $4, $5, $6)`
