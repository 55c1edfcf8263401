package sqlstore

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/lanyard/lanyard"
)

// A cache has what was read last, bounded by bytes. It never shows a reader anything but the latest committed state,
// for this reason.
//
// Every key belongs to a stripe, which is a counter: even, or odd while a commit is in progress that changes some key
// of the stripe. A reader that misses remembers the stripe's count from before its read of the database, and stores
// what it read together with that count; an entry is valid only while its stripe has exactly that count, and none is
// valid while it is odd. So an entry cannot outlive a commit that changes it, and what was read before or during such
// a commit is never valid after it.
//
// Commits that change the same stripe must not overlap; the single writer guarantees that.
type cache struct {
	seed    maphash.Seed
	stripes [1 << 14]atomic.Uint64
	shards  [8]shard
}

// A key names a resource; or, with a limit, a page of a type's list; or, without a type, what is
// known of the instance itself.
type key struct {
	instance string
	t        lanyard.Type
	id       string
	after    int64
	limit    int
}

// A ticket is the permission to store what is read now.
type ticket struct {
	hash   uint64
	stripe *atomic.Uint64
	count  uint64
}

type shard struct {
	mu      sync.Mutex
	entries map[uint64]*entry
	root    entry // of the ring: root.next was used last, root.prev longest ago
	size    int64
	most    int64
	_       [64]byte // keeps shards off one another's cache lines
}

type entry struct {
	next, prev *entry
	key        key
	hash       uint64
	count      uint64
	size       int64
	value      any
}

func newCache(size int64) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		s := &c.shards[i]
		s.entries = make(map[uint64]*entry)
		s.root.next, s.root.prev = &s.root, &s.root
		s.most = size / int64(len(c.shards))
	}
	return c
}

// hash returns the hash of k and the stripe that it belongs to. All pages of a type share one.
func (c *cache) hash(k *key) (uint64, *atomic.Uint64) {
	const odd = 0x9e3779b97f4a7c15
	h := maphash.String(c.seed, k.instance)
	h = bits.RotateLeft64(h*odd, 23) ^ maphash.String(c.seed, string(k.t))
	h = bits.RotateLeft64(h*odd, 23) ^ maphash.String(c.seed, k.id)
	stripe := &c.stripes[(h*odd)>>50]
	if k.limit != 0 {
		h = bits.RotateLeft64(h*odd, 23) ^ uint64(k.after)
		h = bits.RotateLeft64(h*odd, 23) ^ uint64(k.limit)
	}
	return h * odd, stripe
}

// getValue returns the value of k, or nil and a ticket to put it.
func (c *cache) getValue(k *key) (any, ticket) {
	if c == nil {
		return nil, ticket{}
	}
	hash, stripe := c.hash(k)
	t := ticket{hash: hash, stripe: stripe, count: stripe.Load()}
	s := &c.shards[hash>>61]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[hash]
	if e == nil || e.count != t.count || e.key != *k {
		return nil, t
	}
	if s.root.next != e {
		e.unlink()
		e.link(&s.root)
	}
	return e.value, t
}

// put stores what was read with t, unless it is already stale or too large.
func (c *cache) put(k key, t ticket, value any, size int64) {
	if c == nil || t.count%2 != 0 || t.stripe.Load() != t.count {
		return
	}
	s := &c.shards[t.hash>>61]
	size += overhead
	if size > s.most {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[t.hash]; e != nil {
		s.drop(e)
	}
	e := &entry{key: k, hash: t.hash, count: t.count, size: size, value: value}
	e.link(&s.root)
	s.entries[t.hash] = e
	s.size += size
	for s.size > s.most {
		s.drop(s.root.prev)
	}
}

// putCommitted puts what a commit left of an instance.
func (c *cache) putCommitted(instance string, touched map[lanyard.Ref]version, now head) {
	if c == nil {
		return
	}
	for ref, now := range touched {
		if now.r != nil {
			k := key{instance: instance, t: ref.Type, id: ref.ID}
			_, ticket := c.getValue(&k)
			c.put(k, ticket, &version{r: now.r, doc: now.doc}, weight(now.doc)+int64(len(now.doc)))
		}
	}
	k := key{instance: instance}
	_, ticket := c.getValue(&k)
	c.put(k, ticket, now, 128)
}

// overhead is about what an entry costs apart from its value.
const overhead = 256

func (s *shard) drop(e *entry) {
	e.unlink()
	delete(s.entries, e.hash)
	s.size -= e.size
}

func (e *entry) link(root *entry) {
	e.prev, e.next = root, root.next
	e.next.prev, root.next = e, e
}

func (e *entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}

// A barrier is up while a commit is in progress.
type barrier []*atomic.Uint64

// bar makes the entries of the keys invalid until the barrier is lifted and they are put again.
func (c *cache) bar(keys []key) (b barrier) {
	if c == nil {
		return nil
	}
	for i := range keys {
		_, stripe := c.hash(&keys[i])
		if stripe.Load()%2 == 0 { // else another of the keys has the same stripe
			stripe.Add(1)
			b = append(b, stripe)
		}
	}
	return b
}

// barAll is bar for all entries.
func (c *cache) barAll() (b barrier) {
	if c == nil {
		return nil
	}
	for i := range c.stripes {
		c.stripes[i].Add(1)
		b = append(b, &c.stripes[i])
	}
	return b
}

func (b barrier) lift() {
	for _, stripe := range b {
		stripe.Add(1)
	}
}
