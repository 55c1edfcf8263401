package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

const (
	// tokenLife is how long a client token is remembered after its first use.
	tokenLife = 7 * 24 * time.Hour
	// forgotten is how many old client tokens a call with a new one removes: two, so that after a busy
	// time they go faster than others come, at a cost that does not depend on how many there are.
	forgotten = 2
)

// forgetTokens removes the oldest client tokens if their life is over, and what is left of the one
// that is about to be used again.
func (s *Service) forgetTokens(ctx context.Context, tx store.Tx, id string) error {
	old, err := tx.List(ctx, lanyard.TypeClientToken, 0, forgotten)
	if err != nil {
		return err
	}
	ids := []string{id}
	for _, t := range old {
		if t.Head().ID != id && s.expired(t) {
			ids = append(ids, t.Head().ID)
		}
	}
	for _, id := range ids {
		if err := tx.Delete(ctx, lanyard.TypeClientToken, id); err != nil && !errors.Is(err, lanyard.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (s *Service) expired(token lanyard.Resource) bool {
	return s.time().Sub(token.Head().Modified) >= tokenLife
}

// createOnce is create for a call with a client token, or without one (""). For seven days the same token with the
// same request creates once; with another request it is TokenReused.
func createOnce[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance, token string,
	c creation[R]) (Created[R], error) {
	if token == "" {
		return create(ctx, s, call, instance, c)
	}
	sum := sha256.Sum256(call.Request)
	id, hash := call.Operation+"/"+token, hex.EncodeToString(sum[:])
	quota, prepare := c.quota, c.prepare
	var repeated *R
	c.quota = -1
	c.prepare = func(tx store.Tx, in *lanyard.Instance, r R) error {
		repeated = nil
		made, err := madeWithToken[R](ctx, s, tx, in, id, hash)
		if err == nil {
			repeated = &made
			return errUnchanged
		}
		if !errors.Is(err, lanyard.ErrNotFound) {
			return err
		}
		if err := s.room(ctx, tx, r.Type(), quota); err != nil { // now, for a repetition needs none
			return err
		}
		if prepare != nil {
			if err := prepare(tx, in, r); err != nil {
				return err
			}
		}
		if err := s.forgetTokens(ctx, tx, id); err != nil {
			return err
		}
		return tx.Put(ctx, &lanyard.ClientToken{Meta: lanyard.Meta{ID: id, Name: id, Modified: r.Head().Modified},
			RequestHash: hash, Result: r.Head().ID})
	}
	made, err := create(ctx, s, call, instance, c)
	if repeated != nil && err == nil {
		made.Resource = *repeated
	}
	return made, err
}

// madeWithToken returns the resource that a request with that client token and hash made, or NotFound when
// the token is new.
func madeWithToken[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance,
	id, hash string) (R, error) {
	var none R
	_, token, _ := strings.Cut(id, "/")
	res, err := r.Get(ctx, lanyard.TypeClientToken, id)
	if err != nil {
		return none, err
	}
	if s.expired(res) {
		return none, lanyard.Errorf(lanyard.NotFound, "client token %s has expired", lanyard.Quote(token))
	}
	t := res.(*lanyard.ClientToken)
	if t.RequestHash != hash {
		return none, lanyard.Errorf(lanyard.TokenReused,
			"ClientToken must be new, got %s, which was used with other parameters", lanyard.Quote(token))
	}
	made, err := load[R](ctx, s, r, in, t.Result)
	if errors.Is(err, lanyard.ErrNotFound) {
		return none, lanyard.Errorf(lanyard.TokenReused, "ClientToken must be new, got %s, which was used for %s %s, which "+
			"has been deleted", lanyard.Quote(token), none.Type().Word(), t.Result)
	}
	return made, err
}
