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
	hash := func() error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range cap(argonQueue) {
		go func() {
			ended <- inTurn(ctx, hash)
		}()
	}
	for len(argonQueue) < cap(argonQueue) {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	err := inTurn(t.Context(), hash)
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
	if err := inTurn(t.Context(), hash); err != nil {
		t.Errorf("once the queue is empty: %v", err)
	}
}

// Hashes that earlier versions stored stay valid, and what is not a hash is an error of the server, even where the
// computation would panic or take all memory.
func TestStoredHashes(t *testing.T) {
	const stored = "$argon2id$v=19$m=19456,t=2,p=1$10POTSpbOs3sOapo4ClN+A$YcXgkIsvlQZcmkd4lKrOJRuD7onAyCIaZK5uF0S6Po8"
	fresh, err := (&Service{}).hashPassword(t.Context(), "Password", "Harbour-42")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := (&Service{}).hashPassword(t.Context(), "Password", "Harbour-42")
	if again == fresh {
		t.Error("two hashes of one password are the same")
	}
	part := func(n int, by string) string {
		parts := strings.Split(stored, "$")
		parts[n] = by
		return strings.Join(parts, "$")
	}
	for _, tt := range []struct {
		name, hash, password string
		want, broken         bool
	}{
		{"stored before", stored, "Harbour-42", true, false},
		{"stored before, another password", stored, "Harbour-43", false, false},
		{"stored before, no password", stored, "", false, false},
		{"stored now", fresh, "Harbour-42", true, false},
		{"stored now, another password", fresh, "harbour-42", false, false},
		{"nobody's", nobodysHash, "Harbour-42", false, false},
		{"other parameters", part(3, "m=64,t=1,p=1"), "Harbour-42", false, false},
		{"no passes", part(3, "m=64,t=0,p=1"), "Harbour-42", false, true},
		{"no threads", part(3, "m=64,t=1,p=0"), "Harbour-42", false, true},
		{"too many passes", part(3, "m=64,t=4000000000,p=1"), "Harbour-42", false, true},
		{"too much memory", part(3, "m=4000000000,t=1,p=1"), "Harbour-42", false, true},
		{"no key", part(5, ""), "Harbour-42", false, true},
		{"no base64", part(5, "?"), "Harbour-42", false, true},
		{"another algorithm", part(1, "argon2i"), "Harbour-42", false, true},
		{"another version", part(2, "v=16"), "Harbour-42", false, true},
		{"nothing", "", "Harbour-42", false, true},
	} {
		got, err := matchPassword(t.Context(), tt.hash, tt.password)
		if got != tt.want || (err != nil) != tt.broken || err != nil && lanyard.KindOf(err) != lanyard.Internal {
			t.Errorf("%s: %t, %v", tt.name, got, err)
		}
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

// A service that keeps no passwords refuses the same ones.
func TestNoPasswords(t *testing.T) {
	s := &Service{noPasswords: true}
	if hash, err := s.hashPassword(t.Context(), "Password", "Harbour-42"); hash != "" || err != nil {
		t.Errorf("a good one: %q, %v", hash, err)
	}
	if _, err := s.hashPassword(t.Context(), "Password", "weak"); !errors.Is(err, lanyard.ErrInvalid) {
		t.Errorf("a weak one: %v", err)
	}
}
