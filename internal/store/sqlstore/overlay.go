package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

var errOver = errors.New("the change is over")

// An overlay is what one change sees of its instance: the committed state, over it what the members of its batch
// left, and over that what it did itself. It writes to memory only. It is used by one goroutine.
type overlay struct {
	d         *DB
	instance  string
	base      base   // where the committed state is read
	under     *layer // of the members of the batch, or nil
	own       layer
	now       *head // the head of the instance after all of them; nil until it is read
	changes   []lanyard.Change
	passwords []lanyard.PasswordSet
	created   []lanyard.Resource
	err       error // why it must not go on
}

// A base is a committed state, or the transaction that keeps others from changing it.
type base interface {
	source
	head(ctx context.Context) (head, error)
	getResource(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error)
	// docOf returns how a resource that getResource returned is stored, or nil when that is not in memory.
	docOf(ref lanyard.Ref, r lanyard.Resource) []byte
}

// newOverlay returns the view of a change over the committed state and a layer over that, or nil. now is the head
// that the layer left, or nil.
func newOverlay(d *DB, instance string, base base, under *layer, now *head) *overlay {
	return &overlay{d: d, instance: instance, base: base, under: under, now: now}
}

// close ends the change: what it goes on to read or write fails.
func (o *overlay) close() { o.err = errOver }

// left returns a resource as this change, or a member of the batch, left it.
func (o *overlay) left(ref lanyard.Ref) (v version, ok bool) {
	if v, ok = o.own.touched[ref]; !ok && o.under != nil && !o.own.hidesBelow() {
		v, ok = o.under.touched[ref]
	}
	return v, ok
}

// hidesBase reports whether nothing of the committed state is visible any more.
func (o *overlay) hidesBase() bool { return o.own.hidesBelow() || o.under.hidesBelow() }

// layers returns what lies over the committed state, the latest first.
func (o *overlay) layers() []*layer {
	if o.own.hidesBelow() || o.under == nil {
		return []*layer{&o.own}
	}
	return []*layer{&o.own, o.under}
}

// each calls f for every resource of a type that lies over the committed state, as it was left.
func (o *overlay) each(t lanyard.Type, f func(id string, v version)) {
	for i, l := range o.layers() {
		for _, ref := range l.order {
			if ref.Type != t {
				continue
			}
			if _, newer := o.own.touched[ref]; i == 0 || !newer {
				f(ref.ID, l.touched[ref])
			}
		}
	}
}

func (o *overlay) usable(ctx context.Context, doing string) error {
	if o.err == nil {
		o.err = ctx.Err()
	}
	if o.err != nil {
		return o.d.wrapError(ctx, o.err, doing)
	}
	return nil
}

// withConn runs f on the connection of the base. An error of the database ends the change.
func (o *overlay) withConn(ctx context.Context, f func(context.Context, *connection) error) error {
	if o.err != nil {
		return o.err
	}
	return o.fail(o.base.withConn(ctx, f))
}

func (o *overlay) fail(err error) error {
	var e *lanyard.Error
	if err != nil && !errors.As(err, &e) && !isNoRows(err) {
		o.err = err
	}
	return err
}

func (o *overlay) Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	if err := o.usable(ctx, "read "+string(t)+" "+id); err != nil {
		return nil, err
	}
	if v, ok := o.left(lanyard.Ref{Type: t, ID: id}); ok {
		if v.r == nil {
			return nil, notFound(t, id)
		}
		return v.r, nil
	}
	if o.hidesBase() {
		return nil, notFound(t, id)
	}
	r, err := o.base.getResource(ctx, t, id)
	if err != nil && lanyard.KindOf(err) != lanyard.NotFound {
		o.err = err
	}
	return r, err
}

func (o *overlay) Find(ctx context.Context, t lanyard.Type, k string) (found lanyard.Resource, err error) {
	if err := o.usable(ctx, "find "+string(t)+" "+k); err != nil {
		return nil, err
	}
	o.each(t, func(_ string, v version) {
		if v.r != nil && k != "" && v.key == k {
			found = v.r
		}
	})
	if found != nil {
		return found, nil
	}
	if o.hidesBase() {
		return nil, notFound(t, k)
	}
	r, err := o.d.findByKey(ctx, o, o.instance, t, k)
	if err != nil {
		return nil, err
	}
	if _, ok := o.left(lanyard.Ref{Type: t, ID: r.Head().ID}); ok { // it has another key now, or is gone
		return nil, notFound(t, k)
	}
	return r, nil
}

func (o *overlay) List(ctx context.Context, t lanyard.Type, after int64, limit int) ([]lanyard.Resource, error) {
	if err := o.usable(ctx, "list "+string(t)); err != nil || limit <= 0 {
		return nil, err
	}
	over := 0
	o.each(t, func(string, version) { over++ })
	if over == 0 {
		if o.hidesBase() {
			return nil, nil
		}
		return o.d.listResources(ctx, o, o.d.cache, o.instance, t, after, limit)
	}
	var page []lanyard.Resource
	if !o.hidesBase() { // of what is read, at most as many are gone or changed as lie over it
		read, err := o.d.listResources(ctx, o, nil, o.instance, t, after, limit+over)
		if err != nil {
			return nil, err
		}
		for _, r := range read {
			if _, changed := o.left(lanyard.Ref{Type: t, ID: r.Head().ID}); !changed {
				page = append(page, r)
			}
		}
	}
	o.each(t, func(_ string, v version) {
		if v.r != nil && v.r.Head().Seq > after {
			page = append(page, v.r)
		}
	})
	slices.SortFunc(page, func(a, b lanyard.Resource) int { return int(a.Head().Seq - b.Head().Seq) })
	return page[:min(limit, len(page))], nil
}

func (o *overlay) Count(ctx context.Context, t lanyard.Type) (n int, err error) {
	if err := o.usable(ctx, "count "+string(t)); err != nil {
		return 0, err
	}
	if !o.hidesBase() {
		n, err = o.d.countResources(ctx, o, o.instance, t)
	}
	for _, l := range o.layers() {
		n += l.counts[t]
	}
	return n, err
}

func (o *overlay) Referrers(
	ctx context.Context, to lanyard.Ref, from lanyard.Type, after string, limit int,
) ([]string, error) {
	if err := o.usable(ctx, "list what refers to "+string(to.Type)+" "+to.ID); err != nil || limit <= 0 {
		return nil, err
	}
	over := 0
	o.each(from, func(string, version) { over++ })
	var ids []string
	if !o.hidesBase() {
		read, err := o.d.listReferrers(ctx, o, o.instance, to, from, after, limit+over)
		if err != nil {
			return nil, err
		}
		ids = slices.DeleteFunc(read, func(id string) bool {
			_, changed := o.left(lanyard.Ref{Type: from, ID: id})
			return changed
		})
	}
	o.each(from, func(id string, v version) {
		if v.r != nil && id > after && slices.Contains(lanyard.Links(v.r), to) {
			ids = append(ids, id)
		}
	})
	if over > 0 {
		slices.Sort(ids)
	}
	return ids[:min(limit, len(ids))], nil
}

func (o *overlay) ListReferrers(
	ctx context.Context, to []lanyard.Ref, from lanyard.Type, after string, limit int,
) (page []lanyard.Resource, err error) {
	if err := o.usable(ctx, "list what refers to several"); err != nil || limit <= 0 {
		return nil, err
	}
	over := 0
	o.each(from, func(string, version) { over++ })
	if !o.hidesBase() {
		if page, err = o.d.listReferring(ctx, o, o.instance, to, from, after, limit+over); err != nil {
			return nil, err
		}
		page = slices.DeleteFunc(page, func(r lanyard.Resource) bool {
			_, changed := o.left(lanyard.Ref{Type: from, ID: r.Head().ID})
			return changed
		})
	}
	o.each(from, func(id string, v version) {
		named := func(link lanyard.Ref) bool { return slices.Contains(to, link) }
		if v.r != nil && id > after && slices.ContainsFunc(lanyard.Links(v.r), named) {
			page = append(page, v.r)
		}
	})
	slices.SortFunc(page, func(a, b lanyard.Resource) int { return strings.Compare(a.Head().ID, b.Head().ID) })
	return page[:min(limit, len(page))], nil
}

func (o *overlay) LastTags(ctx context.Context, t lanyard.Type, id string) (map[string]string, bool, error) {
	if err := o.usable(ctx, "read the tags of "+string(t)+" "+id); err != nil {
		return nil, false, err
	}
	v, ok := o.left(lanyard.Ref{Type: t, ID: id})
	switch {
	case ok && v.r != nil:
		return v.r.Head().Tags, false, nil
	case ok && len(v.tags) > 0:
		return v.tags, true, nil
	case ok || o.hidesBase():
		return nil, false, notFound(t, id)
	}
	return o.d.readLastTags(ctx, o, o.instance, t, id)
}

func (o *overlay) Revision(ctx context.Context) (int64, error) {
	if err := o.load(ctx); err != nil {
		return 0, err
	}
	return o.now.revision, nil
}

// Events are those that are committed and those of the batch.
func (o *overlay) Events(ctx context.Context, after int64, limit int) ([]lanyard.Event, error) {
	doing := "read the events of instance " + o.instance
	if err := o.usable(ctx, doing); err != nil || limit <= 0 {
		return nil, err
	}
	events, err := o.d.readEvents(ctx, o, o.instance, after, limit)
	if err != nil {
		return nil, err
	}
	last := after
	if len(events) > 0 {
		last = events[len(events)-1].Revision
	}
	for _, l := range []*layer{o.under, &o.own} {
		for i := 0; l != nil && i < len(l.events) && len(events) < limit; i++ {
			if e := l.events[i].event; e.Revision == last+1 { // else large ones were left for the next page
				events, last = append(events, *e), e.Revision
			}
		}
	}
	return events, nil
}

func (o *overlay) Password(ctx context.Context, user string) (string, error) {
	if err := o.usable(ctx, "read the password of user "+user); err != nil {
		return "", err
	}
	for _, l := range o.layers() {
		if hash, ok := l.passwords[user]; ok {
			return hash, noPassword(user, hash)
		}
	}
	if o.hidesBase() {
		return "", noPassword(user, "")
	}
	return o.d.readPassword(ctx, o, o.instance, user)
}

func noPassword(user, hash string) error {
	if hash != "" {
		return nil
	}
	return lanyard.Errorf(lanyard.NotFound, "user %q has no password", user)
}

// load reads the head of the instance, once.
func (o *overlay) load(ctx context.Context) error {
	doing := "read the revision of instance " + o.instance
	if err := o.usable(ctx, doing); err != nil || o.now != nil {
		return err
	}
	now, err := o.base.head(ctx)
	if o.fail(err) != nil {
		return o.d.wrapError(ctx, err, doing)
	}
	o.now = &now
	return nil
}

// Put stores a resource, after reading whether its key is free.
func (o *overlay) Put(ctx context.Context, r lanyard.Resource) error {
	t, h := r.Type(), r.Head()
	doing := "store " + string(t) + " " + h.ID
	switch {
	case o.hasEvent():
		return lanyard.Errorf(lanyard.Internal, "%s after the event", doing)
	case t == lanyard.TypeInstance && h.ID != o.instance:
		return lanyard.Errorf(lanyard.Internal, "%s in instance %s", doing, o.instance)
	}
	if err := o.load(ctx); err != nil {
		return err
	}
	ref := lanyard.Ref{Type: t, ID: h.ID}
	var before lanyard.Resource
	var err error
	if h.Seq == 0 {
		err = o.checkNew(ctx, r)
	} else if before, err = o.Get(ctx, t, h.ID); err == nil && before.Key() != r.Key() {
		err = o.checkKey(ctx, r)
	}
	if err != nil {
		return err
	}
	if err := o.checkDirectory(ctx, before, r); err != nil {
		return err
	}
	var was []byte
	if before != nil {
		if was, err = o.doc(ref, before); err != nil {
			return o.d.wrapError(ctx, err, doing)
		}
		h.Seq = before.Head().Seq
	} else {
		h.Seq = o.now.seq + 1
	}
	doc, err := laxjson.Marshal(r)
	if err != nil {
		if before == nil {
			h.Seq = 0
		}
		return o.d.wrapError(ctx, err, doing)
	}
	if before == nil {
		o.now.seq = h.Seq
		o.created = append(o.created, r)
		o.own.count(t, 1)
	}
	o.own.touch(ref, version{r: r, key: r.Key(), doc: doc, was: o.stored(ref, before)})
	o.changes = append(o.changes, lanyard.Change{Type: t, ID: h.ID, Before: was, After: doc, Was: before, Now: r})
	return nil
}

// checkNew refuses a new resource whose id or key is taken. One query looks for both.
func (o *overlay) checkNew(ctx context.Context, r lanyard.Resource) error {
	t, id, key := r.Type(), r.Head().ID, r.Key()
	clash := false
	o.each(t, func(other string, v version) {
		clash = clash || v.r != nil && (other == id || key != "" && v.key == key)
	})
	if !clash && !o.hidesBase() {
		err := o.withConn(ctx, func(ctx context.Context, s *connection) error {
			clash = false
			return s.queryRows(ctx, `
				SELECT id FROM resources WHERE instance_id = $1 AND type = $2 AND id = $3
				UNION ALL
				SELECT id FROM resources WHERE instance_id = $1 AND type = $2 AND key = $4 AND key <> ''`,
				[]any{o.instance, string(t), id, key}, func(row Row) error {
					var other string
					err := row.Scan(&other)
					if _, changed := o.left(lanyard.Ref{Type: t, ID: other}); !changed { // else it was looked at above
						clash = true
					}
					return err
				})
		})
		if err != nil {
			return o.d.wrapError(ctx, err, "check whether the id or name of "+string(t)+" "+id+" is taken")
		}
	}
	if clash {
		return taken(r, nil)
	}
	return nil
}

// checkKey refuses a key that another resource has.
func (o *overlay) checkKey(ctx context.Context, r lanyard.Resource) error {
	if r.Key() == "" {
		return nil
	}
	other, err := o.Find(ctx, r.Type(), r.Key())
	switch {
	case err == nil && other.Head().ID != r.Head().ID:
		return taken(r, nil)
	case err != nil && !errors.Is(err, lanyard.ErrNotFound):
		return err
	}
	return nil
}

func taken(r lanyard.Resource, cause error) error {
	return &lanyard.Error{Kind: lanyard.Duplicate, Err: cause,
		Message: string(r.Type()) + " " + quote(r.Head().Name) + " cannot be stored: its name or id is taken"}
}

// checkDirectory refuses an alias or client token that another instance has. Only the commit is certain of it.
func (o *overlay) checkDirectory(ctx context.Context, before, r lanyard.Resource) error {
	in, ok := r.(*lanyard.Instance)
	if !ok {
		return nil
	}
	if was, ok := before.(*lanyard.Instance); ok && was.Account == in.Account && was.Name == in.Name &&
		was.ClientToken == in.ClientToken {
		return nil
	}
	var clash bool
	err := o.withConn(ctx, func(ctx context.Context, s *connection) error {
		clash = false
		return s.queryRows(ctx, `
			SELECT instance_id FROM directory WHERE instance_id <> $1 AND alias <> '' AND alias = $2
			UNION ALL
			SELECT instance_id FROM directory WHERE instance_id <> $1 AND token <> '' AND account = $3 AND token = $4`,
			[]any{in.ID, in.Name, in.Account, in.ClientToken}, func(Row) error {
				clash = true
				return nil
			})
	})
	if err == nil && clash {
		return taken(r, nil)
	}
	return o.d.wrapError(ctx, err, "check whether the alias of instance "+in.ID+" is taken")
}

// doc returns the JSON of a resource, from memory when it was stored recently.
func (o *overlay) doc(ref lanyard.Ref, r lanyard.Resource) ([]byte, error) {
	if v, ok := o.left(ref); ok && v.r == r {
		return v.doc, nil
	}
	if doc := o.base.docOf(ref, r); doc != nil {
		return doc, nil
	}
	return laxjson.Marshal(r)
}

// stored returns a resource as it is below this change's own layer, which the statements depend on.
func (o *overlay) stored(ref lanyard.Ref, before lanyard.Resource) lanyard.Resource {
	if v, ok := o.own.touched[ref]; ok {
		return v.was
	}
	if o.own.hidesBelow() {
		return nil
	}
	return before
}

// Delete removes a resource, or the instance and all that is in it.
func (o *overlay) Delete(ctx context.Context, t lanyard.Type, id string) error {
	doing := "delete " + string(t) + " " + id
	if o.hasEvent() {
		return lanyard.Errorf(lanyard.Internal, "%s after the event", doing)
	}
	if err := o.load(ctx); err != nil {
		return err
	}
	before, err := o.Get(ctx, t, id)
	if err != nil {
		return err
	}
	ref := lanyard.Ref{Type: t, ID: id}
	was, err := o.doc(ref, before)
	if err != nil {
		return o.d.wrapError(ctx, err, doing)
	}
	if t == lanyard.TypeInstance {
		o.own.wipe()
		o.own.touch(ref, version{})
	} else {
		o.own.count(t, -1)
		if t == lanyard.TypeUser {
			o.own.password(id, "")
		}
		o.own.remove(ref, o.stored(ref, before), before.Head().Tags)
	}
	o.changes = append(o.changes, lanyard.Change{Type: t, ID: id, Before: was, Was: before})
	return nil
}

// SetPassword stores the hash of a user's password.
func (o *overlay) SetPassword(ctx context.Context, user, hash string) error {
	if o.hasEvent() {
		return lanyard.Errorf(lanyard.Internal, "store the password of user %s after the event", user)
	}
	if _, err := o.Get(ctx, lanyard.TypeUser, user); err != nil {
		return err
	}
	o.own.password(user, hash)
	digest := sha256.Sum256([]byte(hash))
	o.passwords = append(o.passwords, lanyard.PasswordSet{User: user, Digest: digest[:]})
	return nil
}

// Append computes the event of the change.
func (o *overlay) Append(ctx context.Context, e *lanyard.Event) error {
	switch {
	case o.hasEvent():
		return lanyard.Errorf(lanyard.Internal, "a second event in one change of instance %s", o.instance)
	case e.Instance != o.instance:
		return lanyard.Errorf(lanyard.Internal, "an event of instance %q in a change of instance %s", e.Instance, o.instance)
	}
	if err := o.load(ctx); err != nil {
		return err
	}
	e.Revision, e.Passwords, e.Changes = o.now.revision+1, o.passwords, o.changes
	b := takeBuffer()
	defer giveBuffer(b)
	if err := encodeEvent(b, e); err != nil {
		return o.d.wrapError(ctx, err, "write the event")
	}
	body := b.Bytes()
	if len(body) > maxBody { // it could not be read again
		return lanyard.Errorf(lanyard.TooLarge, "the change's record would have %d bytes; at most %d are stored", len(body),
			maxBody)
	}
	sum := sha256.New()
	sum.Write(o.now.hash)
	sum.Write(body)
	next := head{revision: e.Revision, seq: o.now.seq, hash: sum.Sum(nil)}
	e.Hash, e.Previous = next.hash, o.now.hash
	o.own.events = append(o.own.events, written{event: e, body: pack(body), seq: next.seq})
	o.now = &next
	return nil
}

// hasEvent reports whether Append was called, after which nothing may change.
func (o *overlay) hasEvent() bool { return len(o.own.events) > 0 }

// complete reports whether the change did something, all of it.
func (o *overlay) complete(ctx context.Context) (bool, error) {
	doing := "change instance " + o.instance
	if err := o.usable(ctx, doing); err != nil {
		return false, err
	}
	switch {
	case !o.hasEvent() && len(o.changes) == 0 && len(o.own.passwords) == 0:
		return false, nil
	case !o.hasEvent():
		return false, lanyard.Errorf(lanyard.Internal, "a change of instance %s has no event", o.instance)
	}
	return true, nil
}

// forget resets the Seq of the resources that the change created, so that the caller may try again.
func (o *overlay) forget() {
	for _, r := range o.created {
		r.Head().Seq = 0
	}
	o.created = nil
}

var _ store.Tx = (*overlay)(nil)
