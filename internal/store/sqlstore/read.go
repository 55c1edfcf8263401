package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// reader reads the latest committed state of one instance.
type reader struct {
	d        *DB
	instance string
}

// Reader reads one instance.
func (d *DB) Reader(instance string) store.InstanceReader { return &reader{d, instance} }

func (r *reader) Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	return r.d.getResource(ctx, r.d, r.instance, t, id)
}

func (r *reader) Find(ctx context.Context, t lanyard.Type, k string) (lanyard.Resource, error) {
	return r.d.findByKey(ctx, r.d, r.instance, t, k)
}

func (r *reader) List(ctx context.Context, t lanyard.Type, after int64, limit int) ([]lanyard.Resource, error) {
	return r.d.listResources(ctx, r.d, r.d.cache, r.instance, t, after, limit)
}

func (r *reader) Count(ctx context.Context, t lanyard.Type) (int, error) {
	return r.d.countResources(ctx, r.d, r.instance, t)
}

func (r *reader) Referrers(ctx context.Context, to lanyard.Ref, from lanyard.Type, after string,
	limit int) ([]string, error) {
	return r.d.listReferrers(ctx, r.d, r.instance, to, from, after, limit)
}

func (r *reader) ListReferrers(ctx context.Context, to []lanyard.Ref, from lanyard.Type, after string,
	limit int) ([]lanyard.Resource, error) {
	return r.d.listReferring(ctx, r.d, r.instance, to, from, after, limit)
}

func (r *reader) LastTags(ctx context.Context, t lanyard.Type, id string) (map[string]string, bool, error) {
	return r.d.readLastTags(ctx, r.d, r.instance, t, id)
}

func (r *reader) Revision(ctx context.Context) (int64, error) {
	h, err := r.d.readHead(ctx, r.d, r.instance)
	return h.revision, err
}

func (r *reader) Events(ctx context.Context, after int64, limit int) ([]lanyard.Event, error) {
	return r.d.readEvents(ctx, r.d, r.instance, after, limit)
}

// The reads below run on from: a reader's connection, or that of a transaction. Each is one
// statement, so that it sees one state.

func notFound(t lanyard.Type, id string) error {
	return lanyard.Errorf(lanyard.NotFound, "%s %q does not exist", t, id)
}

const getQuery = `SELECT doc FROM resources WHERE instance_id = $1 AND type = $2 AND id = $3`

func (d *DB) getResource(ctx context.Context, from source, instance string, t lanyard.Type,
	id string) (lanyard.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, d.wrapError(ctx, err, "the call ended")
	}
	k := key{instance: instance, t: t, id: id}
	v, ticket := d.cache.getValue(&k)
	if v != nil {
		return v.(*version).r, nil
	}
	r, size, err := d.queryResource(ctx, from, getQuery, instance, t, id)
	if err == nil {
		d.cache.put(k, ticket, &version{r: r}, size)
	}
	return r, err
}

func (d *DB) findByKey(ctx context.Context, from source, instance string, t lanyard.Type,
	k string) (lanyard.Resource, error) {
	// The empty key finds nothing: the index, for which the query says so, leaves it out.
	r, _, err := d.queryResource(ctx, from,
		`SELECT doc FROM resources WHERE instance_id = $1 AND type = $2 AND key = $3 AND key <> ''`, instance, t, k)
	return r, err
}

// queryResource returns the one resource that a query finds, and what it weighs in memory.
func (d *DB) queryResource(ctx context.Context, from source, query, instance string, t lanyard.Type,
	name string) (r lanyard.Resource, size int64, err error) {
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRows(ctx, query, []any{instance, string(t), name}, func(row Row) (err error) {
			r, size, err = scan(row, t)
			return err
		})
	})
	if err == nil && r == nil {
		err = notFound(t, name)
	}
	if err != nil {
		return nil, 0, d.wrapError(ctx, err, "read "+string(t)+" "+name)
	}
	return r, size, nil
}

// scan decodes the row's only column.
func scan(row Row, t lanyard.Type) (lanyard.Resource, int64, error) {
	var doc sql.RawBytes
	if err := row.Scan(&doc); err != nil {
		return nil, 0, err
	}
	r, err := decode(t, doc)
	return r, weight(doc), err
}

// listResources reads a page, through the cache unless that is nil. The page is shared, like what is in it.
func (d *DB) listResources(ctx context.Context, from source, cache *cache, instance string, t lanyard.Type, after int64,
	limit int) ([]lanyard.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, d.wrapError(ctx, err, "the call ended")
	}
	if limit <= 0 {
		return nil, nil
	}
	k := key{instance: instance, t: t, after: after, limit: limit}
	v, ticket := cache.getValue(&k)
	if v != nil {
		return v.([]lanyard.Resource), nil
	}
	var page []lanyard.Resource
	var size int64
	err := from.withConn(ctx, func(ctx context.Context, s *connection) error {
		page, size = nil, 0
		return s.queryRows(ctx, `
			SELECT doc FROM resources
			WHERE instance_id = $1 AND type = $2 AND seq > $3 ORDER BY seq LIMIT $4`,
			[]any{instance, string(t), after, limit},
			func(row Row) error {
				r, n, err := scan(row, t)
				page, size = append(page, r), size+n
				return err
			})
	})
	if err != nil {
		return nil, d.wrapError(ctx, err, "list "+string(t))
	}
	page = slices.Clip(page) // it is shared: appending to it makes a copy
	cache.put(k, ticket, page, size)
	return page, nil
}

func (d *DB) countResources(ctx context.Context, from source, instance string, t lanyard.Type) (n int, err error) {
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT n FROM counts WHERE instance_id = $1 AND type = $2`, []any{instance, string(t)}, &n)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, d.wrapError(ctx, err, "count "+string(t))
}

func (d *DB) listReferrers(
	ctx context.Context, from source, instance string, to lanyard.Ref, t lanyard.Type, after string, limit int,
) (ids []string, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		ids = nil
		return s.queryRows(ctx, `
			SELECT from_id FROM refs
			WHERE instance_id = $1 AND to_type = $2 AND to_id = $3 AND from_type = $4 AND from_id > $5
			ORDER BY from_id LIMIT $6`,
			[]any{instance, string(to.Type), to.ID, string(t), after, limit},
			func(row Row) error {
				var id string
				err := row.Scan(&id)
				ids = append(ids, id)
				return err
			})
	})
	if err != nil {
		return nil, d.wrapError(ctx, err, "list what refers to "+string(to.Type)+" "+to.ID)
	}
	return ids, nil
}

// maxLinks is how many links one query follows. SQLite takes no more than 500 parts in a query.
const maxLinks = 256

// listReferring lists the resources of type t that refer to any of to.
func (d *DB) listReferring(
	ctx context.Context, from source, instance string, to []lanyard.Ref, t lanyard.Type, after string, limit int,
) (page []lanyard.Resource, err error) {
	if err := ctx.Err(); err != nil {
		return nil, d.wrapError(ctx, err, "the call ended")
	}
	if limit <= 0 {
		return nil, nil
	}
	several := false
	for some := range slices.Chunk(to, maxLinks) {
		query, args := referringQuery(some, instance, t, after, limit)
		had := len(page)
		err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
			page = page[:had]
			return s.queryRows(ctx, query, args, func(row Row) error {
				r, _, err := scan(row, t)
				page = append(page, r)
				return err
			})
		})
		if err != nil {
			return nil, d.wrapError(ctx, err, "list what refers to several")
		}
		several = several || had > 0
	}
	if several {
		id := func(r lanyard.Resource) string { return r.Head().ID }
		slices.SortFunc(page, func(a, b lanyard.Resource) int { return strings.Compare(id(a), id(b)) })
		page = slices.CompactFunc(page, func(a, b lanyard.Resource) bool { return id(a) == id(b) })
	}
	return page[:min(limit, len(page))], nil
}

// referringQueries are the queries that follow 1, 2, 4, … links, so that there are few to prepare.
var referringQueries = func() (queries [9]string) {
	for i := range queries {
		// Each part reads at most limit entries of an index, in its order. A document is read by a subquery of its
		// own, which no planner turns into a scan of the table.
		var parts []string
		for n := range 1 << i {
			parts = append(parts, fmt.Sprintf(`SELECT from_id FROM (
				SELECT from_id FROM refs
				WHERE instance_id = $1 AND to_type = $%d AND to_id = $%d AND from_type = $2 AND from_id > $3
				ORDER BY from_id LIMIT $4) AS part%d`, 5+2*n, 6+2*n, n))
		}
		queries[i] = `
			SELECT (SELECT doc FROM resources WHERE instance_id = $1 AND type = $2 AND id = listed.from_id)
			FROM (` + strings.Join(parts, " UNION ") + ` ORDER BY from_id LIMIT $4) AS listed ORDER BY listed.from_id`
	}
	return queries
}()

// referringQuery returns the query that follows some links, at most maxLinks. The last is followed more than once when
// there is no query for as many.
func referringQuery(to []lanyard.Ref, instance string, t lanyard.Type, after string, limit int) (string, []any) {
	i := bits.Len(uint(len(to) - 1))
	args := []any{instance, string(t), after, limit}
	for n := range 1 << i {
		link := to[min(n, len(to)-1)]
		args = append(args, string(link.Type), link.ID)
	}
	return referringQueries[i], args
}

func (d *DB) readLastTags(ctx context.Context, from source, instance string, t lanyard.Type,
	id string) (tags map[string]string, deleted bool, err error) {
	var doc []byte
	var gone int
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `
			SELECT doc, 0 AS deleted FROM resources WHERE instance_id = $1 AND type = $2 AND id = $3
			UNION ALL
			SELECT tags, 1 FROM tombstones WHERE instance_id = $1 AND type = $2 AND id = $3
			ORDER BY deleted LIMIT 1`,
			[]any{instance, string(t), id}, &doc, &gone)
	})
	deleted = gone == 1
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = notFound(t, id)
	case err != nil:
	case deleted:
		err = laxjson.Unmarshal(doc, &tags)
	default:
		var r lanyard.Resource
		if r, err = decode(t, doc); err == nil {
			tags = r.Head().Tags
		}
	}
	if err != nil {
		return nil, false, d.wrapError(ctx, err, "read the tags of "+string(t)+" "+id)
	}
	return tags, deleted, nil
}

// head is the last event of an instance and what it left; its zero value is that before the first.
type head struct {
	revision int64
	seq      int64  // the last one given to a resource
	hash     []byte // of the last event
}

const headQuery = `SELECT revision, seq, hash FROM events WHERE instance_id = $1 ORDER BY revision DESC LIMIT 1`

func (d *DB) readHead(ctx context.Context, from source, instance string) (head, error) {
	if err := ctx.Err(); err != nil {
		return head{}, d.wrapError(ctx, err, "the call ended")
	}
	k := key{instance: instance}
	v, ticket := d.cache.getValue(&k)
	if v != nil {
		return v.(head), nil
	}
	h := head{hash: make([]byte, 32)}
	err := from.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, headQuery, []any{instance}, &h.revision, &h.seq, &h.hash)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return head{}, d.wrapError(ctx, err, "read the revision of instance "+instance)
	}
	d.cache.put(k, ticket, h, 128)
	return h, nil
}

// Heads returns the heads of instances. Each is a query of its own, so that none needs more than one instance; over a
// Pipeline, many are sent at a time.
func (d *DB) Heads(ctx context.Context, instances []string) ([]store.Head, error) {
	const most = 250 // statements at a time
	heads := make([]store.Head, len(instances))
	err := d.withConn(ctx, func(ctx context.Context, s *connection) error {
		clear(heads)
		for i, id := range instances {
			scan := func(row Row) error { return row.Scan(&heads[i].Revision, &heads[i].Hash) }
			if s.pipe == nil {
				if err := s.queryRows(ctx, lastQuery, []any{id}, scan); err != nil {
					return err
				}
				continue
			}
			s.addPending(Statement{Query: lastQuery, Args: []any{id}, Scan: scan})
			if i%most == most-1 {
				if err := s.sendPending(ctx); err != nil {
					return err
				}
			}
		}
		return s.sendPending(ctx)
	})
	if err != nil {
		return nil, d.wrapError(ctx, err, "read the heads of instances")
	}
	return heads, nil
}

const lastQuery = `SELECT revision, hash FROM events WHERE instance_id = $1 ORDER BY revision DESC LIMIT 1`

// eventBytes is after how many bytes of JSON a page of events ends.
const eventBytes = 4 << 20

func (d *DB) readEvents(ctx context.Context, from source, instance string, after int64,
	limit int) (events []lanyard.Event, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		events = nil
		before := head{hash: make([]byte, 32)}
		size := 0
		// The event of revision after is read as well, for its hash.
		err := s.queryRows(ctx, `
			SELECT revision, hash, body FROM events WHERE instance_id = $1 AND revision >= $2 ORDER BY revision LIMIT $3`,
			[]any{instance, after, min(limit, 1<<30) + 1},
			func(row Row) error {
				var now head
				var packed sql.RawBytes
				if err := row.Scan(&now.revision, &now.hash, &packed); err != nil {
					return err
				}
				last := before
				if before = now; now.revision <= after || len(events) == limit {
					return nil
				}
				body, err := Unpack(packed)
				if err != nil {
					return err
				}
				e := lanyard.Event{Hash: now.hash}
				if last.revision+1 == now.revision {
					e.Previous = last.hash
				}
				if err = laxjson.Unmarshal(body, &e); err != nil {
					return err
				}
				events = append(events, e)
				if size += len(body); size > eventBytes {
					return errPage
				}
				return nil
			})
		if errors.Is(err, errPage) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, d.wrapError(ctx, err, "read the events of instance "+instance)
	}
	return events, nil
}
