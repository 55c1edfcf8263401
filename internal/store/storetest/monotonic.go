package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// A writer raises the same number in several profiles and the revision at once, while readers of every kind check
// that no read is older than one that ended before it began.
func testMonotonic(t *testing.T, open Open) {
	const changes = 300
	m := &monotonic{t: t, s: fresh(t, open), done: make(chan struct{})}
	put(t, m.s, instance, profilesOfVersion(0)...)
	m.see("Update", 0, 1)
	for range 3 {
		m.readAlways("Get", getRevision)
		m.readAlways("List", listRevision)
	}
	m.readAlways("Revision", func(ctx context.Context, r store.Reader, _ int) (int64, error) { return r.Revision(ctx) })
	m.readAlways("Find", findRevision)
	for n := 1; n <= changes; n++ {
		put(t, m.s, instance, profilesOfVersion(n)...)
		m.see("Update", int64(n+1), int64(n+1))
		if n%10 == 0 {
			m.fail()
		}
	}
	close(m.done)
	m.readers.Wait()
}

const monotonicProfiles = 5

// profilesOfVersion are the profiles as they are after n changes.
func profilesOfVersion(n int) (all []lanyard.Resource) {
	for i := range monotonicProfiles {
		p := profile(numbered("p", i), numbered("p", i))
		p.Description = strconv.Itoa(n)
		if n > 0 {
			p.Seq = int64(i + 1)
		}
		all = append(all, p)
	}
	return all
}

// revisionOf is the revision of which a profile is.
func revisionOf(r lanyard.Resource) int64 {
	n, _ := strconv.ParseInt(r.(*lanyard.Profile).Description, 10, 64)
	return n + 1
}

func getRevision(ctx context.Context, r store.Reader, n int) (int64, error) {
	p, err := r.Get(ctx, lanyard.TypeProfile, numbered("p", n%monotonicProfiles))
	if err != nil {
		return 0, err
	}
	return revisionOf(p), nil
}

func findRevision(ctx context.Context, r store.Reader, n int) (int64, error) {
	p, err := r.Find(ctx, lanyard.TypeProfile, numbered("p", n%monotonicProfiles))
	if err != nil {
		return 0, err
	}
	return revisionOf(p), nil
}

func listRevision(ctx context.Context, r store.Reader, n int) (int64, error) {
	page, err := r.List(ctx, lanyard.TypeProfile, int64(n%2), 10)
	if err != nil {
		return 0, err
	}
	for _, p := range page {
		if revisionOf(p) != revisionOf(page[0]) {
			return 0, fmt.Errorf("one page shows revisions %d and %d", revisionOf(p), revisionOf(page[0]))
		}
	}
	return revisionOf(page[0]), nil
}

type monotonic struct {
	t       *testing.T
	s       store.Store
	seen    atomic.Int64 // the newest revision that anybody has seen
	done    chan struct{}
	readers sync.WaitGroup
}

// see notes that a read, before which revision before was seen, shows revision got.
func (m *monotonic) see(what string, before, got int64) {
	if got < before {
		m.t.Errorf("%s shows revision %d, but %d was seen before it began", what, got, before)
	}
	for {
		old := m.seen.Load()
		if got <= old || m.seen.CompareAndSwap(old, got) {
			return
		}
	}
}

// readAlways reads again and again until done; read returns which revision it shows.
func (m *monotonic) readAlways(what string, read func(context.Context, store.Reader, int) (int64, error)) {
	m.readers.Go(func() {
		r := m.s.Reader(instance)
		for n := 0; ; n++ {
			select {
			case <-m.done:
				return
			default:
			}
			before := m.seen.Load()
			got, err := read(context.Background(), r, n)
			if err != nil {
				m.t.Errorf("%s: %v", what, err)
				return
			}
			m.see(what, before, got)
		}
	})
}

// fail makes a change that fails, of which nobody may see anything.
func (m *monotonic) fail() {
	failure := errors.New("no")
	err := update(m.s, instance, func(ctx context.Context, tx store.Tx) error {
		for _, p := range profilesOfVersion(1_000_000) {
			if err := tx.Put(ctx, p); err != nil {
				return err
			}
		}
		return failure
	})
	if !errors.Is(err, failure) {
		m.t.Errorf("a change that fails is answered with %v", err)
	}
}
