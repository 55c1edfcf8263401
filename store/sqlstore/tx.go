package sqlstore

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/lanyard/lanyard"
)

// tx changes one instance. It must not read stale values from the cache, so it knows what it
// touched; all else in the cache is current, for nobody else writes meanwhile.
type tx struct {
	d        *DB
	s        *session
	instance string
	begun    bool
	locked   bool // no other process can change the instance; of a Shared database
	appended bool
	again    bool     // it can be tried again from the start
	group    *group   // that it is one of
	before   *changed // what those before it in the group did to the instance
	err      error    // why it must not go on

	touched map[lanyard.Ref]version
	seen    map[lanyard.Ref]version // what was read, of a Shared database, which has no cache
	types   []lanyard.Type          // of what was touched
	wiped   bool                    // the instance was deleted, so the cache knows nothing
	created []lanyard.Resource
	changes []lanyard.Change

	passwords []lanyard.PasswordSet

	loaded bool
	now    head
}

// version is a resource as the transaction left it, nil when it deleted it.
type version struct {
	r   lanyard.Resource
	doc []byte
}

func (tx *tx) Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	if now, ok := tx.left(lanyard.Ref{Type: t, ID: id}); ok && tx.err == nil {
		if now.r == nil {
			return nil, notFound(t, id)
		}
		return now.r, nil
	}
	if err := tx.usable(ctx, "read "+string(t)+" "+id); err != nil {
		return nil, err
	}
	if tx.wiped || tx.before != nil && tx.before.wiped {
		return nil, notFound(t, id)
	}
	if tx.d.dialect.Shared {
		return tx.fetch(ctx, t, id)
	}
	return tx.d.get(ctx, tx, tx.instance, t, id)
}

// fetch reads a resource once: a change reads what it is about to store, and Put needs it again.
// Nobody else can change it in between.
func (tx *tx) fetch(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, tx.d.wrap(ctx, err, "the call ended")
	}
	ref := lanyard.Ref{Type: t, ID: id}
	if was, ok := tx.seen[ref]; ok {
		return was.r, nil
	}
	var now version
	err := tx.holder().do(ctx, func(s *session) error {
		now = version{}
		return s.rows(ctx, getQuery, []any{tx.instance, string(t), id}, func(row Row) (err error) {
			if err = row.Scan(&now.doc); err == nil {
				now.r, err = decode(t, now.doc)
			}
			return err
		})
	})
	if err == nil && now.r == nil {
		err = notFound(t, id)
	}
	if err != nil {
		return nil, tx.d.wrap(ctx, err, "read "+string(t)+" "+id)
	}
	tx.seen[ref] = now
	return now.r, nil
}

// left is a resource as this transaction, or one before it in the group, left it.
func (tx *tx) left(ref lanyard.Ref) (now version, ok bool) {
	if now, ok = tx.touched[ref]; !ok && tx.before != nil && !tx.wiped {
		now, ok = tx.before.touched[ref]
	}
	return now, ok
}

func (tx *tx) Find(ctx context.Context, t lanyard.Type, k string) (lanyard.Resource, error) {
	return tx.d.find(ctx, tx, tx.instance, t, k)
}

func (tx *tx) List(ctx context.Context, t lanyard.Type, after int64, limit int) ([]lanyard.Resource, error) {
	if err := tx.usable(ctx, "list "+string(t)); err != nil {
		return nil, err
	}
	cache := tx.d.cache
	if tx.wiped || slices.Contains(tx.types, t) || tx.before != nil && (tx.before.wiped || slices.Contains(tx.before.types, t)) {
		cache = nil
	}
	return tx.d.list(ctx, tx, cache, tx.instance, t, after, limit)
}

func (tx *tx) Count(ctx context.Context, t lanyard.Type) (int, error) {
	return tx.d.count(ctx, tx, tx.instance, t)
}

func (tx *tx) Referrers(ctx context.Context, to lanyard.Ref, from lanyard.Type, after string, limit int) ([]string, error) {
	return tx.d.referrers(ctx, tx, tx.instance, to, from, after, limit)
}

func (tx *tx) LastTags(ctx context.Context, t lanyard.Type, id string) (map[string]string, bool, error) {
	return tx.d.lastTags(ctx, tx, tx.instance, t, id)
}

func (tx *tx) Revision(ctx context.Context) (int64, error) {
	err := tx.load(ctx)
	return tx.now.revision, err
}

func (tx *tx) Events(ctx context.Context, after int64, limit int) ([]lanyard.Event, error) {
	return tx.d.events(ctx, tx, tx.instance, after, limit)
}

func (tx *tx) usable(ctx context.Context, doing string) error {
	if tx.err != nil {
		return tx.d.wrap(ctx, tx.err, doing)
	}
	return nil
}

// load reads where the instance stands, once.
func (tx *tx) load(ctx context.Context) (err error) {
	doing := "read the revision of instance " + tx.instance
	if err := tx.usable(ctx, doing); err != nil || tx.loaded {
		return err
	}
	if tx.before != nil {
		tx.now = tx.before.now
	} else if tx.d.dialect.Shared { // begin reads it too
		err = tx.d.wrap(ctx, tx.do(ctx, func(s *session) error { return s.flush(ctx) }), doing)
	} else {
		tx.now, err = tx.d.head(ctx, tx, tx.instance)
	}
	tx.loaded = err == nil
	return err
}

// Put stores a resource.
func (tx *tx) Put(ctx context.Context, r lanyard.Resource) error {
	t, h := r.Type(), r.Head()
	doing := "store " + string(t) + " " + h.ID
	switch {
	case tx.appended:
		return lanyard.Errorf(lanyard.Internal, "%s after the event", doing)
	case t == lanyard.TypeInstance && h.ID != tx.instance:
		return lanyard.Errorf(lanyard.Internal, "%s in instance %s", doing, tx.instance)
	}
	if err := tx.load(ctx); err != nil {
		return err
	}
	var before lanyard.Resource
	var was []byte
	if h.Seq != 0 {
		var err error
		if before, err = tx.Get(ctx, t, h.ID); err != nil {
			return err
		}
		if was, err = tx.doc(before); err != nil {
			return tx.d.wrap(ctx, err, doing)
		}
		h.Seq = before.Head().Seq
	} else {
		h.Seq = tx.now.seq + 1
	}
	doc, err := encode(r)
	if err == nil {
		err = tx.write(ctx, before, r, doc)
	}
	if err != nil {
		if before == nil {
			h.Seq = 0
		}
		return tx.d.wrap(ctx, err, doing)
	}
	if before == nil {
		tx.now.seq = h.Seq
		tx.created = append(tx.created, r)
	}
	tx.touch(t, h.ID, version{r, doc})
	tx.changes = append(tx.changes, lanyard.Change{Type: t, ID: h.ID, Before: was, After: doc})
	return nil
}

// doc returns a resource as it is stored, from memory when it was stored of late.
func (tx *tx) doc(r lanyard.Resource) ([]byte, error) {
	ref := lanyard.Ref{Type: r.Type(), ID: r.Head().ID}
	if now, ok := tx.left(ref); ok && now.r == r {
		return now.doc, nil
	}
	if was, ok := tx.seen[ref]; ok && was.r == r {
		return was.doc, nil
	}
	k := key{instance: tx.instance, t: ref.Type, id: ref.ID}
	if v, _ := tx.d.cache.get(&k); v != nil {
		if now := v.(*version); now.r == r && now.doc != nil {
			return now.doc, nil
		}
	}
	return encode(r)
}

// write stores r in place of before, or as new when that is nil.
func (tx *tx) write(ctx context.Context, before, r lanyard.Resource, doc []byte) error {
	t, h := r.Type(), r.Head()
	return tx.do(ctx, func(*session) error {
		// What may find a key taken comes first, and together.
		in, _ := r.(*lanyard.Instance)
		keyed := before == nil || r.Key() != before.Key() || in != nil
		err := tx.try(ctx, keyed, in != nil, func() (err error) {
			if before == nil {
				err = tx.exec(ctx, `
					INSERT INTO resources (instance_id, type, id, seq, key, name, doc)
					VALUES ($1, $2, $3, $4, $5, $6, $7)`,
					tx.instance, string(t), h.ID, h.Seq, r.Key(), h.Name, doc)
			} else {
				// Naming a column has its index written again, changed or not.
				if r.Key() != before.Key() || h.Name != before.Head().Name {
					err = tx.exec(ctx, `UPDATE resources SET key = $1, name = $2 WHERE instance_id = $3 AND type = $4 AND id = $5`,
						r.Key(), h.Name, tx.instance, string(t), h.ID)
				}
				if err == nil {
					err = tx.one(ctx, `UPDATE resources SET doc = $1 WHERE instance_id = $2 AND type = $3 AND id = $4`,
						doc, tx.instance, string(t), h.ID)
				}
			}
			if in != nil && err == nil {
				err = tx.direct(ctx, before, in)
			}
			return err
		})
		if err != nil && tx.d.dialect.IsUnique(err) {
			return &lanyard.Error{Kind: lanyard.Duplicate, Err: err,
				Message: string(t) + " " + quote(h.Name) + " cannot be stored: its name or id is taken"}
		}
		if err != nil {
			return err
		}
		if before == nil {
			if err := tx.add(ctx, t, 1); err != nil {
				return err
			}
		}
		return tx.refer(ctx, before, r)
	})
}

// try runs f, after which the transaction must go on even when f found a key taken. keyed tells that
// f may find one taken, several that it has several statements, all of which must be undone then.
func (tx *tx) try(ctx context.Context, keyed, several bool, f func() error) error {
	if !several && !(keyed && tx.d.dialect.Shared) {
		return f()
	}
	if err := tx.exec(ctx, `SAVEPOINT put`); err != nil {
		return err
	}
	err := f()
	if err == nil { // now is when a Pipeline finds out
		err = tx.s.flush(context.WithoutCancel(ctx))
	}
	if err != nil {
		if !tx.d.dialect.IsUnique(err) {
			return err
		}
		// Until it is undone the database may take nothing else, not even to prepare it.
		if _, err := tx.s.exec(context.WithoutCancel(ctx), `ROLLBACK TO SAVEPOINT put`); err != nil {
			return err
		}
	}
	if err := tx.exec(ctx, `RELEASE SAVEPOINT put`); err != nil {
		return err
	}
	return err
}

// exec runs a statement that writes, if the caller still waits. It is not interrupted: it is short,
// and SQLite would undo the whole transaction and then go on outside of any. Over a Pipeline it runs
// with the next that must be waited for, which then has its error.
func (tx *tx) exec(ctx context.Context, query string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if tx.s.pipe != nil {
		tx.s.queue = append(tx.s.queue, Statement{Query: query, Args: args})
		return nil
	}
	_, err := tx.s.exec(context.WithoutCancel(ctx), query, args...)
	return err
}

// one is exec for a statement that must change exactly one row.
func (tx *tx) one(ctx context.Context, query string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if tx.s.pipe != nil {
		tx.s.queue = append(tx.s.queue, Statement{Query: query, Args: args, One: true})
		return nil
	}
	res, err := tx.s.exec(context.WithoutCancel(ctx), query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return ErrNotOne
}

// add counts resources that came or went.
func (tx *tx) add(ctx context.Context, t lanyard.Type, n int) error {
	return tx.exec(ctx, `
		INSERT INTO counts (instance_id, type, n) VALUES ($1, $2, $3)
		ON CONFLICT (instance_id, type) DO UPDATE SET n = counts.n + excluded.n`,
		tx.instance, string(t), n)
}

// refer stores the difference between what before and after refer to. Either may be nil.
func (tx *tx) refer(ctx context.Context, before, after lanyard.Resource) error {
	var had, has []lanyard.Ref
	var from lanyard.Ref
	if before != nil {
		had, from = before.Refs(), lanyard.Ref{Type: before.Type(), ID: before.Head().ID}
	}
	if after != nil {
		has, from = after.Refs(), lanyard.Ref{Type: after.Type(), ID: after.Head().ID}
	}
	for _, to := range had {
		if !slices.Contains(has, to) {
			if err := tx.exec(ctx, `
				DELETE FROM refs
				WHERE instance_id = $1 AND to_type = $2 AND to_id = $3 AND from_type = $4 AND from_id = $5`,
				tx.instance, string(to.Type), to.ID, string(from.Type), from.ID); err != nil {
				return err
			}
		}
	}
	for _, to := range has {
		if !slices.Contains(had, to) {
			if err := tx.exec(ctx, `
				INSERT INTO refs (instance_id, to_type, to_id, from_type, from_id) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (instance_id, to_type, to_id, from_type, from_id) DO NOTHING`,
				tx.instance, string(to.Type), to.ID, string(from.Type), from.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (tx *tx) touch(t lanyard.Type, id string, now version) {
	if tx.touched == nil {
		tx.touched = make(map[lanyard.Ref]version)
	}
	tx.touched[lanyard.Ref{Type: t, ID: id}] = now
	if !slices.Contains(tx.types, t) {
		tx.types = append(tx.types, t)
	}
}

// Delete removes a resource, or the instance and all that is in it.
func (tx *tx) Delete(ctx context.Context, t lanyard.Type, id string) error {
	doing := "delete " + string(t) + " " + id
	if tx.appended {
		return lanyard.Errorf(lanyard.Internal, "%s after the event", doing)
	}
	before, err := tx.Get(ctx, t, id)
	if err != nil {
		return err
	}
	was, err := tx.doc(before)
	if err != nil {
		return tx.d.wrap(ctx, err, doing)
	}
	if t == lanyard.TypeInstance {
		err = tx.wipe(ctx)
	} else {
		err = tx.remove(ctx, before)
	}
	if err != nil {
		return tx.d.wrap(ctx, err, doing)
	}
	tx.touch(t, id, version{})
	tx.changes = append(tx.changes, lanyard.Change{Type: t, ID: id, Before: was})
	return nil
}

func (tx *tx) remove(ctx context.Context, before lanyard.Resource) error {
	t, h := before.Type(), before.Head()
	return tx.do(ctx, func(s *session) error {
		err := tx.one(ctx, `DELETE FROM resources WHERE instance_id = $1 AND type = $2 AND id = $3`, tx.instance, string(t), h.ID)
		if err != nil {
			return err
		}
		if err := tx.refer(ctx, before, nil); err != nil {
			return err
		}
		if err := tx.add(ctx, t, -1); err != nil {
			return err
		}
		if t == lanyard.TypeUser {
			if err := tx.exec(ctx, `DELETE FROM passwords WHERE instance_id = $1 AND user_id = $2`, tx.instance, h.ID); err != nil {
				return err
			}
		}
		if len(h.Tags) == 0 {
			// An earlier resource of that id may have left some.
			return tx.exec(ctx, `DELETE FROM tombstones WHERE instance_id = $1 AND type = $2 AND id = $3`, tx.instance, string(t), h.ID)
		}
		tags, err := encode(h.Tags)
		if err != nil {
			return err
		}
		return tx.exec(ctx, `
			INSERT INTO tombstones (instance_id, type, id, tags) VALUES ($1, $2, $3, $4)
			ON CONFLICT (instance_id, type, id) DO UPDATE SET tags = excluded.tags`,
			tx.instance, string(t), h.ID, tags)
	})
}

// wipe removes all that is in the instance but its events.
func (tx *tx) wipe(ctx context.Context) error {
	return tx.do(ctx, func(s *session) error {
		for _, query := range []string{
			`DELETE FROM resources WHERE instance_id = $1`,
			`DELETE FROM refs WHERE instance_id = $1`,
			`DELETE FROM counts WHERE instance_id = $1`,
			`DELETE FROM tombstones WHERE instance_id = $1`,
			`DELETE FROM passwords WHERE instance_id = $1`,
			`DELETE FROM directory WHERE instance_id = $1`,
		} {
			if err := tx.exec(ctx, query, tx.instance); err != nil {
				return err
			}
		}
		tx.wiped = true
		clear(tx.touched)
		return nil
	})
}

// Append stores the event of the transaction.
func (tx *tx) Append(ctx context.Context, e *lanyard.Event) error {
	switch {
	case tx.appended:
		return lanyard.Errorf(lanyard.Internal, "a second event in one change of instance %s", tx.instance)
	case e.Instance != tx.instance:
		return lanyard.Errorf(lanyard.Internal, "an event of instance %q in a change of instance %s", e.Instance, tx.instance)
	}
	if err := tx.load(ctx); err != nil {
		return err
	}
	e.Revision, e.Passwords, e.Changes = tx.now.revision+1, tx.passwords, tx.changes
	body, err := encodeEvent(e)
	if err != nil {
		return tx.d.wrap(ctx, err, "write the event")
	}
	if len(body) > maxBody { // it could not be read again
		return lanyard.Errorf(lanyard.TooLarge, "the change's record would have %d bytes; at most %d are stored", len(body), maxBody)
	}
	sum := sha256.New()
	sum.Write(tx.now.hash)
	sum.Write(body)
	next := head{revision: e.Revision, seq: tx.now.seq, hash: sum.Sum(nil)}
	e.Hash, e.Previous = next.hash, tx.now.hash
	err = tx.do(ctx, func(s *session) error {
		if tx.group.believed && tx.before == nil {
			// It goes first, for those after it can fail only if it does.
			s.queue = slices.Insert(s.queue, s.first, Statement{Query: guarded, Args: []any{
				tx.instance, tx.group.base.revision, e.Time.UnixMilli(), next.seq, pack(body), next.hash, tx.group.base.hash}})
			return nil
		}
		return tx.exec(ctx, `
			INSERT INTO events (instance_id, revision, time, seq, body, hash) VALUES ($1, $2, $3, $4, $5, $6)`,
			tx.instance, next.revision, e.Time.UnixMilli(), next.seq, pack(body), next.hash)
	})
	if err != nil {
		return tx.d.wrap(ctx, err, "write the event")
	}
	tx.now, tx.appended = next, true
	return nil
}
