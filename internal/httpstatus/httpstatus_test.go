package httpstatus

import (
	"testing"

	"github.com/lanyard/lanyard"
)

func TestEveryKindHasAStatus(t *testing.T) {
	for _, k := range lanyard.Kinds() {
		if statuses[k] < 400 || statuses[k] > 599 {
			t.Errorf("the kind %v has the status %d", k, statuses[k])
		}
		if again := RetryAfter(Of(k)) > 0; again != (k == lanyard.Unavailable || k == lanyard.Throttled) {
			t.Errorf("whoever meets %v may ask again: %v", k, again)
		}
	}
}
