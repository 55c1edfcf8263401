package control

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// maxSearched is how many of the last events are searched for a batch that may have been stored before.
const maxSearched = 1000

// RecordCalls stores calls of AI agents as one event of their instance. by is the gateway. A batch that was sent
// before is stored once, whatever became of it the first time. Decisions do not change by it, but the revision does.
func (s *Service) RecordCalls(ctx context.Context, by lanyard.Caller, b lanyard.CallBatch) error {
	request, err := checkBatch(b)
	if err != nil {
		return err
	}
	by.Account = b.Account
	call := Call{Caller: by, Operation: lanyard.OperationAgentCalls, Request: request}
	in, err := s.Instance(ctx, call, b.Instance)
	if err != nil {
		return err
	}
	event := s.event(call, in.ID)
	event.ID = b.ID
	err = s.store.Update(ctx, in.ID, func(tx store.Tx) error {
		if b.Again {
			switch stored, err := isStored(ctx, tx, b.ID); {
			case err != nil:
				return err
			case stored:
				return errUnchanged
			}
		}
		return tx.Append(ctx, event)
	})
	switch {
	case errors.Is(err, errUnchanged):
		return nil
	case err != nil:
		return err
	}
	s.publish(ctx, event)
	return nil
}

// checkBatch returns the request of a batch's event.
func checkBatch(b lanyard.CallBatch) (lanyard.JSON, error) {
	if uuid.Validate(b.ID) != nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "ID must be a UUID, got %s", lanyard.Quote(b.ID))
	}
	if n := len(b.Calls); n == 0 || n > lanyard.MaxBatchCalls {
		return nil, lanyard.Errorf(lanyard.Invalid, "Calls must have 1 to %d entries, got %d", lanyard.MaxBatchCalls, n)
	}
	request, err := laxjson.Marshal(lanyard.AgentCalls{InstanceID: b.Instance, Calls: b.Calls})
	if err != nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "Calls must be JSON: %v", err)
	}
	if most := lanyard.MaxBatchSize + 1024; len(request) > most {
		return nil, lanyard.Errorf(lanyard.Invalid, "Calls must have at most %d bytes, got %d", lanyard.MaxBatchSize,
			len(request))
	}
	return request, nil
}

// isStored reports whether one of the last events has an id.
func isStored(ctx context.Context, tx store.Tx, id string) (bool, error) {
	revision, err := tx.Revision(ctx)
	if err != nil {
		return false, err
	}
	for after := max(0, revision-maxSearched); after < revision; {
		events, err := tx.Events(ctx, after, 100)
		if err != nil || len(events) == 0 {
			return false, err
		}
		for _, e := range events {
			if e.ID == id {
				return true, nil
			}
			after = e.Revision
		}
	}
	return false, nil
}
