package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// MirrorKey stands for an access key in the events of mirrors: nobody here asked for the change.
const MirrorKey = "mirror"

const (
	// MaxMirrorPiece bounds the resources of one piece, and so the size of its event.
	MaxMirrorPiece = 500
	// recorded is how often a refresh that finds nothing changed leaves an event.
	recorded = time.Hour
	// readPage and readBytes bound a page of MirrorResources.
	readPage  = 500
	readBytes = 4 << 20
)

// A MirrorPiece is a part of what a copy of an instance changes. Its resources are as they are at the source, but for
// what the source does not reveal.
type MirrorPiece struct {
	Instance *lanyard.Instance // at the source; its Mirror says where that is, and when it was read
	Run      string            // names the copy; the same for all its pieces
	First    bool              // begins the copy: another one that is under way is given up
	Last     bool              // completes it
	Put      []lanyard.Resource
	Delete   []lanyard.Ref // what is not there any more; it may be gone already
}

// refuseMirrored refuses to change a mirror. A call that only plans may: it asks what would be.
func (c *Call) refuseMirrored(in *lanyard.Instance) error {
	if in.Mirror == nil || c.planning {
		return nil
	}
	return lanyard.Errorf(lanyard.Malformed, "instance %q is a mirror of %s, so it takes no changes here; change the "+
		"original, or make the mirror an ordinary instance with lanyard mirror detach", in.ID, lanyard.Clip(in.Mirror.Source))
}

// check returns what is wrong with a piece.
func (p *MirrorPiece) check() error {
	in := p.Instance
	switch {
	case in == nil || in.Mirror == nil || p.Run == "" || len(p.Run) > 64:
		return lanyard.Errorf(lanyard.Invalid, "Instance, Instance.Mirror and Run are required")
	case !lanyard.IsID(in.ID):
		return lanyard.Errorf(lanyard.Invalid, "Instance.ID must be a UUID, got %s", lanyard.Quote(in.ID))
	case len(in.Account) != 12 || in.Region == "" || in.Mirror.Source == "":
		return lanyard.Errorf(lanyard.Invalid, "Instance must have an Account of twelve digits, a Region and a Mirror.Source")
	case len(p.Put)+len(p.Delete) > MaxMirrorPiece:
		return lanyard.Errorf(lanyard.Invalid, "a piece must have at most %d resources, got %d", MaxMirrorPiece,
			len(p.Put)+len(p.Delete))
	}
	for _, r := range p.Put {
		if t := r.Type(); !mirrors(t) || r.Head().ID == "" {
			return lanyard.Errorf(lanyard.Invalid, "Put must have resources with ids that a mirror has, got a %s", t.Word())
		}
	}
	for _, ref := range p.Delete {
		if !mirrors(ref.Type) {
			return lanyard.Errorf(lanyard.Invalid, "Delete must name resources that a mirror has, got a %s", ref.Type.Word())
		}
	}
	return nil
}

// MirrorCall is the call by which a mirror of an instance is changed. by is the access key that runs it.
func MirrorCall(in *lanyard.Instance, caller lanyard.Caller) Call {
	request, err := laxjson.Marshal(map[string]string{"InstanceId": in.ID, "Source": in.Mirror.Source,
		"RunBy": caller.AccessKeyID})
	if err != nil {
		panic(err) // texts encode
	}
	caller.Account, caller.AccessKeyID, caller.Root = in.Account, MirrorKey, false
	return Call{Caller: caller, Operation: "MirrorInstance", Request: request, region: in.Region}
}

// ApplyMirror stores a piece of a copy: the first one of all makes the instance. Quotas do not count, because the
// source has its own. It leaves one event, or none if nothing changes.
func (s *Service) ApplyMirror(ctx context.Context, caller lanyard.Caller, p MirrorPiece) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	result, err := s.write(ctx, MirrorCall(p.Instance, caller), p.Instance.ID, func(tx store.Tx) error {
		return s.applyPiece(ctx, tx, p)
	})
	if err == nil && p.Last {
		s.refreshed.Store(p.Instance.ID, p.Instance.Mirror.Refreshed)
	}
	return result, err
}

func (s *Service) applyPiece(ctx context.Context, tx store.Tx, p MirrorPiece) error {
	have, err := s.mirrored(ctx, tx, p)
	if err != nil {
		return err
	}
	next := nextInstance(have, p)
	changed, err := putAll(ctx, tx, p)
	if err != nil {
		return err
	}
	switch {
	case have == nil:
	case !changed && passesOver(have, next):
		return errUnchanged
	case changed && same(have, next):
		return nil
	}
	if err := tx.Put(ctx, next); err != nil {
		return taken("InstanceAlias", next, err)
	}
	return nil
}

// mirrored returns the mirror that a piece is for, or nil if it is to be made.
func (s *Service) mirrored(ctx context.Context, r store.Reader, p MirrorPiece) (*lanyard.Instance, error) {
	id := p.Instance.ID
	res, err := r.Get(ctx, lanyard.TypeInstance, id)
	if errors.Is(err, lanyard.ErrNotFound) {
		if !p.First {
			return nil, lanyard.Errorf(lanyard.Condition, "the mirror %q was deleted while it was refreshed", id)
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	in := res.(*lanyard.Instance)
	switch {
	case in.Mirror == nil || in.Account != p.Instance.Account:
		return nil, lanyard.Errorf(lanyard.Duplicate, "instance %q already exists and is not a mirror; delete it first, or use "+
			"another data folder", id)
	case !p.First && in.Mirror.Run != p.Run:
		return nil, lanyard.Errorf(lanyard.Condition, "another refresh of the mirror %q has begun; this one ends", id)
	}
	return in, nil
}

// nextInstance is the mirror as it is after a piece.
func nextInstance(have *lanyard.Instance, p MirrorPiece) *lanyard.Instance {
	next := lanyard.Clone(p.Instance)
	next.Seq, next.ClientToken, next.RequestHash = 0, "", ""
	if have == nil {
		if !p.Last {
			next.Mirror.Refreshed, next.Mirror.ReadAll, next.Mirror.Run = time.Time{}, time.Time{}, p.Run
		}
		return next
	}
	next.Seq, next.Modified, next.DirectoryID = have.Seq, have.Modified, have.DirectoryID
	if next.Mirror.Run = p.Run; p.Last {
		next.Mirror.Run = ""
	} else {
		next.Mirror.Refreshed, next.Mirror.ReadAll = have.Mirror.Refreshed, have.Mirror.ReadAll
	}
	return next
}

// passesOver reports whether a mirror that is unchanged but for the time needs no event.
func passesOver(have, next *lanyard.Instance) bool {
	was := lanyard.Clone(have)
	if next.Mirror.Refreshed.Sub(was.Mirror.Refreshed) < recorded {
		was.Mirror.Refreshed = next.Mirror.Refreshed
	}
	return same(was, next)
}

// putAll stores and deletes what a piece has, and reports whether that changed anything.
func putAll(ctx context.Context, tx store.Tx, p MirrorPiece) (changed bool, err error) {
	for _, r := range p.Put {
		r = lanyard.Clone(r)
		r.Head().Seq = 0
		have, err := tx.Get(ctx, r.Type(), r.Head().ID)
		switch {
		case err == nil:
			r.Head().Seq = have.Head().Seq
			if same(have, r) {
				continue
			}
		case !errors.Is(err, lanyard.ErrNotFound):
			return false, err
		}
		if err := tx.Put(ctx, r); err != nil {
			return false, taken("Name", r, err)
		}
		changed = true
	}
	for _, ref := range p.Delete {
		err := tx.Delete(ctx, ref.Type, ref.ID)
		if errors.Is(err, lanyard.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("delete %s %q: %w", ref.Type.Word(), ref.ID, err)
		}
		changed = true
	}
	return changed, nil
}

// DetachMirror makes a mirror an ordinary instance. It is named by id or alias; "" is the only one.
func (s *Service) DetachMirror(ctx context.Context, caller lanyard.Caller, ref string) (*lanyard.Instance, error) {
	in, err := s.anyInstance(ctx, caller.Account, ref)
	if err != nil {
		return nil, err
	}
	request, err := laxjson.Marshal(map[string]string{"InstanceId": in.ID})
	if err != nil {
		return nil, err
	}
	caller.Account = in.Account
	call := Call{Caller: caller, Operation: "DetachMirror", Request: request, region: in.Region}
	_, err = s.write(ctx, call, in.ID, func(tx store.Tx) error {
		res, err := tx.Get(ctx, lanyard.TypeInstance, in.ID)
		if err != nil {
			return err
		}
		if in = res.(*lanyard.Instance); in.Mirror == nil {
			return lanyard.Errorf(lanyard.Condition, "instance %q must be a mirror to be detached; it is an ordinary instance",
				in.ID)
		}
		in = lanyard.Clone(in)
		in.Mirror = nil
		return tx.Put(ctx, in)
	})
	return in, err
}

// anyInstance returns an instance by id, of whatever account, or by the alias that it has in an account.
func (s *Service) anyInstance(ctx context.Context, account, ref string) (*lanyard.Instance, error) {
	res, err := s.store.Reader(ref).Get(ctx, lanyard.TypeInstance, ref)
	if err == nil {
		return res.(*lanyard.Instance), nil
	}
	if !errors.Is(err, lanyard.ErrNotFound) {
		return nil, err
	}
	return s.InstanceNamed(ctx, account, ref)
}

// MirrorInstance returns an instance by its id, of whatever account, or nil if it does not exist.
func (s *Service) MirrorInstance(ctx context.Context, id string) (*lanyard.Instance, error) {
	in, err := s.anyInstance(ctx, "", id)
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, nil
	}
	return in, err
}

// MirrorResources returns a page of the resources of one type of an instance, in the order of their creation: those
// after a Seq. next is 0 after the last page.
func (s *Service) MirrorResources(ctx context.Context, instance string, t lanyard.Type, after int64) (
	page []lanyard.Resource, next int64, err error) {
	if !mirrors(t) {
		return nil, 0, lanyard.Errorf(lanyard.Invalid, "Type must be one that a mirror has, got %s", lanyard.Quote(string(t)))
	}
	page, err = s.store.Reader(instance).List(ctx, t, after, readPage)
	if err != nil {
		return nil, 0, err
	}
	if len(page) == readPage {
		next = page[readPage-1].Head().Seq
	}
	for i, size := 0, 0; i < len(page)-1; i++ {
		if size += contentSize(page[i]); size > readBytes {
			return page[:i+1], page[i].Head().Seq, nil
		}
	}
	return page, next, nil
}

// contentSize is about how many bytes a resource has beyond what all have.
func contentSize(r lanyard.Resource) int {
	switch r := r.(type) {
	case *lanyard.Module:
		n := len(r.Content)
		if r.Draft != nil {
			n += len(r.Draft.Content)
		}
		return n
	case *lanyard.ModuleVersion:
		return len(r.Content)
	}
	return 0
}

// Refreshed is when the last complete copy of a mirror began to be read, as far as this server knows.
func (s *Service) Refreshed(in *lanyard.Instance) time.Time {
	if in.Mirror == nil {
		return time.Time{}
	}
	at := in.Mirror.Refreshed
	if known, ok := s.refreshed.Load(in.ID); ok && known.(time.Time).After(at) {
		at = known.(time.Time)
	}
	return at
}
