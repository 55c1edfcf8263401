package control

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// A finder collects a page of the resources of an instance that pass tests.
type finder[R lanyard.Resource] struct {
	service *Service
	reader  store.Reader
	in      *lanyard.Instance
	tests   []test
	tagged  bool // they look at tags
	stored  bool // they look at what of a user only the store knows

	after    int64 // the position of the last resource that was looked at
	limit    int   // of items
	items    []R
	more     bool // there is one after items
	counting bool // total counts all that pass, as far as they were looked at
	total    int64
}

// findPage returns the page that p asks for.
func (f *finder[R]) findPage(ctx context.Context, p Page) (PageOf[R], error) {
	var err error
	if f.after, err = position(p.After); err != nil {
		return PageOf[R]{}, err
	}
	f.limit = p.Limit
	if f.counting {
		f.total = 0
	}
	if err := f.collect(ctx); err != nil {
		return PageOf[R]{}, err
	}
	page := PageOf[R]{Instance: f.in, Items: f.items, Total: f.total}
	if f.more {
		page.Next = strconv.FormatInt(f.items[len(f.items)-1].Head().Seq, 10)
	}
	return page, nil
}

// collect looks for the items where that costs least.
func (f *finder[R]) collect(ctx context.Context) error {
	var none R
	if len(f.tests) == 0 && f.counting {
		n, err := f.reader.Count(ctx, none.Type())
		if err != nil {
			return err
		}
		f.total, f.counting = int64(n), false
	}
	if none.Type() == lanyard.TypeUser && !f.stored && len(f.tests) > 0 {
		revision, err := f.reader.Revision(ctx)
		if err != nil {
			return err
		}
		if snapshot, err := f.service.engine.AtLeast(ctx, f.in.ID, revision, maxWait); err == nil {
			return f.collectUsers(ctx, snapshot)
		}
	}
	return f.scan(ctx)
}

// add takes a resource that passes the tests, and reports whether no more need be looked at.
func (f *finder[R]) add(r R) (done bool) {
	if f.counting {
		f.total++
	}
	if len(f.items) < f.limit {
		f.items = append(f.items, r)
		return false
	}
	f.more = true
	return !f.counting
}

// scan looks at all resources of the type, as the store has them.
func (f *finder[R]) scan(ctx context.Context) error {
	var none R
	chunk := 500
	if len(f.tests) == 0 {
		chunk = f.limit + 1
	}
	for {
		some, err := f.reader.List(ctx, none.Type(), f.after, chunk)
		if err == nil {
			err = ctx.Err() // what comes from a cache does not look
		}
		if err != nil {
			return err
		}
		for _, r := range some {
			f.after = r.Head().Seq
			if all(f.tests, r) && f.add(r.(R)) {
				return nil
			}
		}
		if len(some) < chunk {
			return nil
		}
	}
}

// A place is a user and their position in the order of creation.
type place struct {
	seq int64
	id  string
}

// collectUsers is scan where users are found in memory and only those of the page are read. What has changed
// in between is tested again.
func (f *finder[R]) collectUsers(ctx context.Context, snapshot *access.Snapshot) error {
	for {
		most := f.limit - len(f.items) + 1
		found, err := f.nextUsers(ctx, snapshot, most)
		if err != nil {
			return err
		}
		f.counting = false
		for _, at := range found {
			f.after = at.seq
			r, err := f.reader.Get(ctx, lanyard.TypeUser, at.id)
			if errors.Is(err, lanyard.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if all(f.tests, r) && f.add(r.(R)) {
				return nil
			}
		}
		if len(found) < most {
			return nil
		}
	}
}

// lookEvery is after how many users a search looks whether its caller is still there.
const lookEvery = 1024

// nextUsers returns the first users of a snapshot after the finder's position that pass its tests, at most so
// many, and counts all of them when the finder counts.
func (f *finder[R]) nextUsers(ctx context.Context, snapshot *access.Snapshot, most int) ([]place, error) {
	order := func(x, y place) int { return cmp.Compare(x.seq, y.seq) }
	users := snapshot.Users()
	if f.tagged {
		users = snapshot.UsersWithTags()
	}
	var found []place
	looked := 0
	var u lanyard.User // one, for the tests move it to the heap
	for u = range users {
		if looked++; looked%lookEvery == 0 && ctx.Err() != nil { // nobody waits for it any more
			break
		}
		if u.Seq <= f.after || !all(f.tests, &u) {
			continue
		}
		if f.counting {
			f.total++
		}
		if found = append(found, place{u.Seq, u.ID}); len(found) >= 2*most {
			slices.SortFunc(found, order)
			found = found[:most]
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(found, order)
	return found[:min(most, len(found))], nil
}
