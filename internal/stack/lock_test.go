package stack

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/control"
)

// unanswered carries out operations, but the answer to the creation of a profile does not arrive.
type unanswered struct{ *world }

func (u unanswered) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out, err := u.world.Invoke(context.WithoutCancel(ctx), operation, input)
	if err == nil && operation == "CreateSecurityProfile" {
		return nil, errors.New("the connection was lost")
	}
	return out, err
}

// TestUnansweredLock expects that a lock of which no answer says whether it was taken is not left behind, and that the
// lock of another apply is.
func TestUnansweredLock(t *testing.T) {
	w := newWorld(t, control.SAML)
	defer w.close()
	ctx, now := t.Context(), time.Now()
	if _, err := TakeLock(ctx, unanswered{w}, w.instance, "me", now); err == nil {
		t.Fatal("a lock is taken without an answer")
	}
	lock, err := TakeLock(ctx, w, w.instance, "another", now)
	if err != nil {
		t.Fatalf("the lock was left behind: %v", err)
	}
	if err := dropLock(ctx, w, w.instance, "Held by me"); err != nil {
		t.Fatal(err)
	}
	interrupted, stop := context.WithCancel(ctx)
	stop()
	if _, err := TakeLock(interrupted, unanswered{w}, w.instance, "me", now); err == nil {
		t.Error("an interrupted apply takes the lock")
	}
	var held *Held
	if _, err := TakeLock(ctx, w, w.instance, "me", now); !errors.As(err, &held) {
		t.Errorf("while another has the lock: %v", err)
	}
	if err := lock.Release(ctx); err != nil {
		t.Fatal(err)
	}
}
