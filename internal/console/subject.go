package console

import (
	"context"

	"github.com/lanyard/lanyard"
)

// SubjectSnapshotAnswer has the rights of whoever is signed in, for a page that decides by itself.
type SubjectSnapshotAnswer struct {
	Snapshot string // see docs/decide-anywhere.md
}

// subjectSnapshot answers what the user who is signed in may do, signed.
func (s *Server) subjectSnapshot(ctx context.Context, a *asking) (any, error) {
	var in instanceRequest
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	if v.Viewer == "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "the session must be that of a user, got one of the operator, who holds no "+
			"security profiles")
	}
	text, err := s.SubjectSnapshot(ctx, v.call.Account, v.in.ID, v.Viewer)
	return SubjectSnapshotAnswer{string(text)}, err
}
