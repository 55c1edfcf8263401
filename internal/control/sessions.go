package control

import (
	"context"
	"time"

	"github.com/lanyard/lanyard"
)

// maxSessions bounds the sessions of one owner; the oldest end first.
const maxSessions = 20

// SessionOwner names whose sessions those of a user are or, without a user, those of an access key.
func SessionOwner(instance, user, key string) string {
	if user == "" {
		return "key/" + key
	}
	return "user/" + instance + "/" + user
}

// AddSession stores a session, by its id, and ends the oldest of the same owner when there are many.
func (s *Service) AddSession(ctx context.Context, n lanyard.Session) error {
	if err := s.store.ExpireSessions(ctx, n.Created); err != nil {
		return err
	}
	if err := s.store.AddSession(ctx, n); err != nil {
		return err
	}
	return s.store.EndSessions(ctx, n.Owner, n.ID, maxSessions)
}

// Session returns a session, or NotFound. It is read from the store every time, so that one which
// has ended has ended on every server at once.
func (s *Service) Session(ctx context.Context, id string) (lanyard.Session, error) {
	return s.store.Session(ctx, id)
}

// TouchSession notes that a session is used.
func (s *Service) TouchSession(ctx context.Context, id string, now time.Time) error {
	return s.store.TouchSession(ctx, id, now)
}

// EndSession ends a session.
func (s *Service) EndSession(ctx context.Context, id string) error {
	return s.store.EndSession(ctx, id)
}

// EndSessions ends all sessions of an owner but the one with the id except.
func (s *Service) EndSessions(ctx context.Context, owner, except string) error {
	return s.store.EndSessions(ctx, owner, except, 0)
}
