package control

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
)

// Hashing leaves half of the processors to everything else, and a full queue refuses at once instead of
// making everybody wait.
func TestArgonLeavesRoom(t *testing.T) {
	if n, most := cap(argonTurns), max(1, runtime.GOMAXPROCS(0)/2); n > most {
		t.Errorf("%d hashes are computed at a time on %d processors, want at most %d", n, runtime.GOMAXPROCS(0), most)
	}
	for range cap(argonTurns) {
		argonTurns <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range cap(argonQueue) {
		go func() {
			_, err := argon(ctx, "Harbour-42", []byte("salt"), 1, 64, 1, 16)
			ended <- err
		}()
	}
	for len(argonQueue) < cap(argonQueue) {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	_, err := argon(t.Context(), "Harbour-42", []byte("salt"), 1, 64, 1, 16)
	if took := time.Since(began); !errors.Is(err, lanyard.ErrThrottled) || took > maxArgonWait/2 {
		t.Errorf("beyond the queue the answer is %v after %v, want a refusal at once", err, took)
	}
	cancel()
	for range cap(argonQueue) {
		if err := <-ended; err == nil {
			t.Error("a hash was made without a turn")
		}
	}
	for range cap(argonTurns) {
		<-argonTurns
	}
	if _, err := argon(t.Context(), "Harbour-42", []byte("salt"), 1, 64, 1, 16); err != nil {
		t.Errorf("once the queue is empty: %v", err)
	}
}

// What is tried first is refused; what only begins so is not.
func TestGuessable(t *testing.T) {
	for password, want := range map[string]string{
		"Password1": "less common", "PASSWORd-2026!": "less common", "P@ssw0rd": "less common", "Welcome123": "less common",
		"Summer2026":    "less common",
		"Jonas.Becker1": "user name", "jonas.beckeR-7": "user name", "Jonas.Becker": "user name",
		"Harbour-42": "", "Passwordless-9x": "", "Jonas.Becker1x": "", "1Password-Xa7": "",
	} {
		err := checkGuessable("NewPassword", "jonas.becker", password)
		if want == "" && err != nil || want != "" &&
			(!errors.Is(err, lanyard.ErrInvalid) || !strings.HasPrefix(err.Error(), "NewPassword must be ") ||
				!strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", password, err, want)
		}
	}
}
