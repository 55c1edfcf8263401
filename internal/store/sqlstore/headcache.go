package sqlstore

import (
	"slices"
	"strings"
	"sync"

	"github.com/lanyard/lanyard"
)

// A cachedHead is what a server remembers of an instance of a Shared database after a change of its own: the head
// of the instance, and the resources that the change read and wrote. The next change is computed from it instead of
// asking, so that it takes one round trip and not two. Another server may have changed the instance in the meantime:
// so the change is committed only if the head is still the same (guardedInsert), and a call that changes nothing, or
// is refused, reads the head before it is answered.
type cachedHead struct {
	head      head
	resources map[lanyard.Ref]version
}

// A headCache has the cached heads of the instances that were changed last. Whoever has an instance's turn takes its
// head, and gives back the one that it leaves.
type headCache struct {
	mu        sync.Mutex
	instances map[string]*headEntry
	size      int64
	off       bool // nothing is cached any more
}

type headEntry struct {
	cached    *cachedHead // nil while it is taken
	size      int64
	conflicts int // how often it was stale, without a success in between
	skip      int // how many changes go without it from now on
}

// The cache is bounded in bytes, and what it has of one instance also in resources.
const (
	maxHeads          = 16 << 20
	maxHeadSize       = 2 << 20
	maxHeadResources  = 512
	maxConflictsNoted = 6 // servers that change the same instance in turns try it at every 64th change
)

// take returns the cached head of an instance, or nil.
func (k *headCache) take(instance string) *cachedHead {
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
	was := e.cached
	e.cached = nil // and perhaps never given back
	least := emptyEntrySize(instance)
	k.size -= e.size - least
	e.size = least
	return was
}

// emptyEntrySize is what an instance costs whose head is not cached.
func emptyEntrySize(instance string) int64 { return int64(len(instance)) + overhead }

// put caches the head that a change left.
func (k *headCache) put(instance string, now *cachedHead) {
	size := emptyEntrySize(instance)
	for _, v := range now.resources {
		size += weight(v.doc) + int64(len(v.doc))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.off {
		return
	}
	if len(now.resources) > maxHeadResources || size > maxHeadSize {
		k.drop(instance)
		return
	}
	e := k.instances[instance]
	if e == nil {
		e = new(headEntry)
		k.instances[instance] = e
	}
	k.size += size - e.size
	e.cached, e.size = now, size
	for other := range k.instances { // any will do
		if k.size <= maxHeads {
			break
		}
		if other != instance {
			k.drop(other)
		}
	}
}

// noteConflict makes the next changes of an instance go without its cached head, more of them after each conflict.
func (k *headCache) noteConflict(instance string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.instances[instance]; e != nil {
		e.conflicts = min(e.conflicts+1, maxConflictsNoted)
		e.skip = 1 << e.conflicts
	}
}

// noteSuccess forgets the conflicts of an instance: its cached head was right.
func (k *headCache) noteSuccess(instance string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.instances[instance]; e != nil {
		e.conflicts = 0
	}
}

// turnOff caches nothing from now on, and reports whether that is new.
func (k *headCache) turnOff() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.off
	k.off, k.size = true, 0
	clear(k.instances)
	return !was
}

func (k *headCache) drop(instance string) {
	if e := k.instances[instance]; e != nil {
		k.size -= e.size
		delete(k.instances, instance)
	}
}

// guarded are the statements, the first event guarded by guard. It comes first: what follows can fail only if it does.
func (s *WriteSet) guarded(guard string) []Statement {
	first := slices.IndexFunc(s.Statements, func(st Statement) bool { return st.Write == insertEvent })
	args := slices.Clone(s.Statements[first].Args)
	args[1] = s.Revision
	list := []Statement{{Query: guard, Args: append(args, s.Hash)}}
	list = append(list, s.Statements[:first]...)
	return append(list, s.Statements[first+1:]...)
}

// guardedInsert locks the instance and stores an event after the revision $2 with the hash $7. When that is not the
// head of the instance any more it fails: either a later event has the revision, or event $2 is gone, so that the new
// one gets no revision. The statement sees the events as they were before it waited for the lock, so it locks event
// $2 as well, and thereby notices when that was pruned in the meantime along with the revision's key.
const guardedInsert = `
	INSERT INTO events (instance_id, revision, time, seq, body, hash)
	VALUES ($1, (
		SELECT e.revision + 1 FROM instance_locks l JOIN events e ON e.instance_id = l.instance_id
		WHERE l.instance_id = $1 AND e.revision = $2 AND e.hash = $7
		FOR UPDATE OF l FOR KEY SHARE OF e), $3, $4, $5, $6)`

// guardedInsertNow is guardedInsert, but fails also when somebody else has the lock.
var guardedInsertNow = strings.Replace(guardedInsert, "FOR UPDATE OF l", "FOR UPDATE OF l SKIP LOCKED", 1)
