package lanyard

import (
	"errors"
	"fmt"
	"testing"
)

// Each kind has one sentinel, which errors.Is finds in errors of that kind and of no other.
func TestSentinels(t *testing.T) {
	sentinels := map[Kind]error{
		Internal: ErrInternal, Malformed: ErrMalformed, Invalid: ErrInvalid, NotFound: ErrNotFound,
		Duplicate: ErrDuplicate, InUse: ErrInUse, Limit: ErrLimit, Quota: ErrQuota, Throttled: ErrThrottled,
		Denied: ErrDenied, Exists: ErrExists, Condition: ErrCondition, TokenReused: ErrTokenReused,
		NotServed: ErrNotServed, UnknownRoute: ErrUnknownRoute, TooLarge: ErrTooLarge, Unavailable: ErrUnavailable,
		Unknown: ErrUnknown, Stale: ErrStale, Untaggable: ErrUntaggable,
		BadContent: ErrBadContent, NotPublished: ErrNotPublished,
	}
	for _, k := range Kinds() {
		err := fmt.Errorf("while testing: %w", Errorf(k, "it went wrong"))
		for other, s := range sentinels {
			if got := errors.Is(err, s); got != (k == other) {
				t.Errorf("errors.Is(an error of kind %v, the sentinel of %v) = %v", k, other, got)
			}
		}
		s := sentinels[k]
		if s == nil {
			t.Errorf("kind %v has no sentinel", k)
			continue
		}
		if got := KindOf(fmt.Errorf("wrapped: %w", s)); got != k || s.Error() != k.String() || !errors.Is(s, s) {
			t.Errorf("the sentinel of %v is %q of kind %v", k, s, got)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want Kind
	}{
		{"no error", nil, None},
		{"an error of another package", errors.New("broken"), Internal},
		{"an error", Errorf(InUse, "held"), InUse},
		{"wrapped", fmt.Errorf("delete it: %w", Errorf(InUse, "held")), InUse},
		{"the outermost counts", &Error{Kind: Unavailable, Err: Errorf(NotFound, "gone")}, Unavailable},
	} {
		if got := KindOf(tt.err); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
