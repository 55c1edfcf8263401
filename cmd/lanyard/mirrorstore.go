package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/mirror"
)

// A mirrorStore is where mirrors are kept: a running server, or the data folder if no server uses it.
type mirrorStore interface {
	Mirrored(ctx context.Context, id string) (admin.Mirrored, error)
	MirrorPage(ctx context.Context, id string, t lanyard.Type, after int64) ([]lanyard.Resource, int64, error)
	ApplyMirror(ctx context.Context, p control.MirrorPiece) error
	DetachMirror(ctx context.Context, instance string) (*lanyard.Instance, error)
	Close() error
}

// openMirrorStore connects to the server that uses the folder, or opens the folder.
func (d dataFlag) openMirrorStore(ctx context.Context) (mirrorStore, error) {
	r, err := d.connectServer(ctx)
	if err == nil {
		return &remoteMirrors{r}, nil
	}
	if !notRunning(err) {
		return nil, err
	}
	db, err := d.openOwnStore(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := db.Keys(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l := &localMirrors{Service: control.New(control.Config{Store: db, Logger: slog.New(slog.DiscardHandler)}), db: db}
	for _, k := range keys {
		if k.Root && !k.Disabled {
			l.caller = lanyard.Caller{Account: k.Account, AccessKeyID: k.ID, Root: true, UserAgent: admin.MirrorUserAgent}
		}
	}
	return l, nil
}

// makeFolder makes a data folder for an account, unless there is one.
func (d dataFlag) makeFolder(ctx context.Context, account string) (made bool, err error) {
	if err := errors.Join(checkStore(d.Store), notURL("--data", d.Data)); err != nil {
		return false, err
	}
	if _, err := os.Stat(filepath.Join(d.Data, credentialsFile)); err == nil {
		return false, nil
	}
	if held, err := inUse(d.Data); err != nil || held {
		return false, err // what follows says by whom
	}
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return false, fmt.Errorf("create the data folder: %w", err)
	}
	db, err := openStore(ctx, d.Store, d.Data, slog.New(slog.DiscardHandler))
	if err != nil {
		return false, err
	}
	svc := control.New(control.Config{Store: db, Logger: slog.New(slog.DiscardHandler)})
	root, err := svc.SetRootKey(ctx, "", "", account)
	if err == nil {
		err = writeKey(d.Data, root)
	}
	return true, errors.Join(err, db.Close())
}

// remoteMirrors are those of a server.
type remoteMirrors struct{ *remote }

func (r *remoteMirrors) Mirrored(ctx context.Context, id string) (out admin.Mirrored, err error) {
	return out, r.call(ctx, "GET", "mirrors/"+url.PathEscape(id), nil, &out)
}

func (r *remoteMirrors) MirrorPage(ctx context.Context, id string, t lanyard.Type, after int64) ([]lanyard.Resource,
	int64, error) {
	q := url.Values{"type": {string(t)}, "after": {strconv.FormatInt(after, 10)}}
	var page admin.MirrorPage
	if err := r.call(ctx, "GET", "mirrors/"+url.PathEscape(id)+"/resources?"+q.Encode(), nil, &page); err != nil {
		return nil, 0, err
	}
	list, err := admin.ReadResources(page.Resources)
	return list, page.Next, err
}

func (r *remoteMirrors) ApplyMirror(ctx context.Context, p control.MirrorPiece) error {
	put, err := admin.NewResources(p.Put)
	if err != nil {
		return err
	}
	return r.call(ctx, "POST", "mirrors/pieces", admin.MirrorPiece{Instance: p.Instance, Run: p.Run, First: p.First,
		Last: p.Last, Put: put, Delete: p.Delete}, &struct{}{})
}

func (r *remoteMirrors) DetachMirror(ctx context.Context, instance string) (in *lanyard.Instance, err error) {
	return in, r.call(ctx, "POST", "mirrors/detach", map[string]string{"Instance": instance}, &in)
}

// localMirrors are those of a folder that no server uses.
type localMirrors struct {
	*control.Service
	db     interface{ Close() error }
	caller lanyard.Caller
}

func (l *localMirrors) Close() error { return l.db.Close() }

func (l *localMirrors) Mirrored(ctx context.Context, id string) (admin.Mirrored, error) {
	in, err := l.MirrorInstance(ctx, id)
	return admin.Mirrored{Instance: in, Account: l.caller.Account}, err
}

func (l *localMirrors) MirrorPage(ctx context.Context, id string, t lanyard.Type, after int64) ([]lanyard.Resource,
	int64, error) {
	return l.MirrorResources(ctx, id, t, after)
}

func (l *localMirrors) ApplyMirror(ctx context.Context, p control.MirrorPiece) error {
	_, err := l.Service.ApplyMirror(ctx, l.caller, p)
	return err
}

func (l *localMirrors) DetachMirror(ctx context.Context, instance string) (*lanyard.Instance, error) {
	return l.Service.DetachMirror(ctx, l.caller, instance)
}

// knownMirror is what an earlier copy left.
type knownMirror struct {
	refreshed, readAll time.Time
	profiles           map[string]*lanyard.Profile
	agents             []string // ARNs
}

// prepare makes sure that the instance can be stored, before it is read, and returns what there is of it already. The
// folder is not held while the source is read.
func (m *mirroring) prepare(ctx context.Context, in *lanyard.Instance) (*knownMirror, error) {
	made, err := m.makeFolder(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	if made {
		fmt.Fprintf(m.io.errs, "made the data folder %s for account %s; lanyard serve --data %s serves it\n", m.Data, in.Account,
			m.Data)
	}
	s, err := m.openMirrorStore(ctx)
	if err != nil {
		return nil, err
	}
	known, err := m.know(ctx, s, in)
	return known, errors.Join(err, s.Close())
}

func (m *mirroring) know(ctx context.Context, s mirrorStore, in *lanyard.Instance) (*knownMirror, error) {
	known := &knownMirror{profiles: map[string]*lanyard.Profile{}}
	have, err := s.Mirrored(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if r, ok := s.(*remoteMirrors); ok && r.endpoint.URL == m.client.Endpoint() {
		return nil, refuse("the source must be another server than that of --data, got %s for both", r.endpoint.URL)
	}
	if have.Account != in.Account && !m.OtherAccount {
		return nil, refuse("%s is for account %s, and the instance belongs to account %s: its keys and its console would not "+
			"show it. Name another folder with --data, which is made for account %s; or store it anyway with --other-account, "+
			"and create a key for that account", m.Data, have.Account, in.Account, in.Account)
	}
	switch {
	case have.Instance == nil:
		return known, nil
	case have.Instance.Mirror == nil:
		return nil, refuse("instance %s already exists in %s and is not a mirror. Delete it first, or name another folder with "+
			"--data", in.ID, m.Data)
	}
	known.refreshed, known.readAll = have.Instance.Mirror.Refreshed, have.Instance.Mirror.ReadAll
	stored, err := readStored(ctx, s, in.ID, lanyard.TypeProfile, lanyard.TypeAIAgent)
	for _, r := range stored {
		if p, ok := r.(*lanyard.Profile); ok {
			known.profiles[p.ID] = p
		} else {
			known.agents = append(known.agents, r.Head().ID)
		}
	}
	return known, err
}

// readStored reads what is stored of some types.
func readStored(ctx context.Context, s mirrorStore, id string, types ...lanyard.Type) (all []lanyard.Resource,
	err error) {
	for _, t := range types {
		for after := int64(0); ; {
			page, next, err := s.MirrorPage(ctx, id, t, after)
			if err != nil {
				return nil, err
			}
			all = append(all, page...)
			if next == 0 {
				break
			}
			after = next
		}
	}
	return all, nil
}

// store stores what a copy changes, and reports it.
func (m *mirroring) store(ctx context.Context, c *mirror.Copy) (*mirroredSummary, error) {
	s, err := m.openMirrorStore(ctx)
	if err != nil {
		return nil, err
	}
	done, err := m.storeIn(ctx, s, c)
	return done, errors.Join(err, s.Close())
}

func (m *mirroring) storeIn(ctx context.Context, s mirrorStore, c *mirror.Copy) (*mirroredSummary, error) {
	stored, err := readStored(ctx, s, c.Instance.ID, control.MirrorTypes()...)
	if err != nil {
		return nil, err
	}
	diff := control.CompareMirror(stored, control.MirrorRead{Resources: c.Resources, Complete: m.Details,
		Began: c.Instance.Mirror.Refreshed})
	if what := diff.Suspicious(); what != "" && !m.Deletion {
		return nil, fmt.Errorf("nothing was stored: %s are gone from the source. If that is right, add "+
			"--allow-deletions; if not, check whether the IAM policy of the credentials hides them", what)
	}
	done := &mirroredSummary{Unrevealed: diff.Notes, Deleted: len(diff.Delete)}
	done.count(stored, diff)
	most := control.MaxMirrorPiece
	if len(stored) > 0 && len(diff.Put)+len(diff.Delete) <= singly {
		most = 1
	}
	pieces, err := cutPieces(c.Instance, diff, most)
	if err != nil {
		return nil, err
	}
	bar := newProgress(m.io, "changes")
	defer bar.end()
	for i, p := range pieces {
		if err := s.ApplyMirror(ctx, p); err != nil {
			return nil, fmt.Errorf("store the copy: %w; %d of %d steps are stored, and the next copy completes it", err, i,
				len(pieces))
		}
		bar.at(i+1, len(pieces))
	}
	return done, nil
}

// count counts what is created and updated.
func (s *mirroredSummary) count(stored []lanyard.Resource, d *control.MirrorDiff) {
	seen := make(map[lanyard.Ref]bool, len(stored))
	for _, r := range stored {
		seen[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] = true
	}
	counted := map[lanyard.Ref]bool{}
	for _, r := range d.Put {
		ref := lanyard.Ref{Type: r.Type(), ID: r.Head().ID}
		switch {
		case counted[ref]: // it is renamed on the way
		case seen[ref]:
			s.Updated++
		default:
			s.Created++
		}
		counted[ref] = true
	}
}

const (
	// singly is up to how many changes each has an event of its own. More are stored in batches.
	singly = 50
	// pieceBytes bounds the resources of a batch, encoded.
	pieceBytes = 2 << 20
)

// cutPieces cuts a difference into what is stored in one step each: at most so many resources.
func cutPieces(in *lanyard.Instance, d *control.MirrorDiff, most int) ([]control.MirrorPiece, error) {
	run := uuid.NewString()
	pieces, size := []control.MirrorPiece{{Instance: in, Run: run, First: true}}, 0
	next := func(bytes int) *control.MirrorPiece {
		p := &pieces[len(pieces)-1]
		if n := len(p.Put) + len(p.Delete); n == most || n > 0 && size+bytes > pieceBytes {
			pieces, size = append(pieces, control.MirrorPiece{Instance: in, Run: run}), 0
		}
		size += bytes
		return &pieces[len(pieces)-1]
	}
	for _, r := range d.Put {
		b, err := laxjson.Marshal(r)
		if err != nil {
			return nil, err
		}
		p := next(len(b))
		p.Put = append(p.Put, r)
	}
	for _, ref := range d.Delete {
		p := next(0)
		p.Delete = append(p.Delete, ref)
	}
	pieces[len(pieces)-1].Last = true
	return pieces, nil
}
