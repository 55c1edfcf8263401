package console

import (
	"fmt"
	"testing"
	"time"
)

func TestAttempts(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	a := attempts{now: func() time.Time { return now }}
	fail := func(user, from string) time.Duration {
		wait, _ := a.try(map[string]int{user: freeByUser, from: freeByAddress})
		return wait
	}
	for i := range freeByUser {
		if wait := fail("ann", "here"); wait != 0 {
			t.Fatalf("failure %d must wait %v", i, wait)
		}
	}
	// Each failure more doubles the wait, up to a bound.
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300} {
		want *= time.Second
		if wait := fail("ann", fmt.Sprint("there", i)); wait != want {
			t.Errorf("after %d failures the wait is %v, want %v", freeByUser+i, wait, want)
		}
		now = now.Add(want - time.Millisecond)
		if wait := fail("ann", fmt.Sprint("there", i)); wait != time.Millisecond {
			t.Errorf("just before the end the wait is %v", wait)
		}
		now = now.Add(time.Millisecond)
		if wait := fail("ann", fmt.Sprint("there", i)); wait != 0 {
			t.Errorf("after it the wait is %v", wait)
		}
	}
	if wait := fail("bob", "elsewhere"); wait != 0 {
		t.Errorf("another name waits %v", wait)
	}
	now = now.Add(forgetAfter + time.Second)
	if wait := fail("ann", "here"); wait != 0 {
		t.Errorf("long after, the wait is %v", wait)
	}
	// Success ends the counting of the name, but not that of the address.
	for i := range freeByAddress - 1 {
		fail(fmt.Sprint("guess", i), "attic")
	}
	wait, done := a.try(map[string]int{"carl": freeByUser, "attic": freeByAddress})
	if wait != 0 {
		t.Fatalf("the wait is %v", wait)
	}
	done(true)
	if wait := fail("one more", "attic"); wait != 0 {
		t.Errorf("the last free failure waits %v", wait)
	}
	if wait := fail("yet another", "attic"); wait == 0 {
		t.Error("an address that guesses at many names is not slowed down, though it knows one")
	}
	// Any number at the same time are no way around.
	var began int
	for range 100 {
		if wait, _ := a.try(map[string]int{"dora": freeByUser}); wait == 0 {
			began++
		}
	}
	if began != freeByUser {
		t.Errorf("%d attempts go on at the same time, want %d", began, freeByUser)
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	a := attempts{now: func() time.Time { return now }}
	for range 50 { // who is guessed at hard is not forgotten for those who come once
		a.try(map[string]int{"ann": freeByUser})
		now = now.Add(time.Minute)
	}
	for i := range 3 * maxAttempts {
		a.try(map[string]int{fmt.Sprint("stranger", i): freeByUser})
	}
	if n := len(a.entries); n > maxAttempts {
		t.Errorf("there are %d entries, want at most %d", n, maxAttempts)
	}
	if e := a.entry("ann", now); e.failed <= freeByUser {
		t.Errorf("of the one who was guessed at %d failures are remembered", e.failed)
	}
}

func TestNetwork(t *testing.T) {
	for _, tt := range []struct{ name, address, want string }{
		{"IPv4", "192.0.2.7", "192.0.2.7"},
		{"IPv4 in IPv6", "::ffff:192.0.2.7", "192.0.2.7"},
		{"IPv6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"the same network", "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"another network", "2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"with a zone", "fe80::1%eth0", "fe80::/64"},
		{"loopback", "::1", "::/64"},
		{"no address", "pipe", "pipe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := network(tt.address); got != tt.want {
				t.Errorf("network(%q) is %q, want %q", tt.address, got, tt.want)
			}
		})
	}
}

// Many addresses of one IPv6 network have no more free failures than one.
func TestAttemptsByNetwork(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	a := attempts{now: func() time.Time { return now }}
	for i := range freeByAddress + 1 {
		from := network(fmt.Sprintf("2001:db8::%x", i+1))
		wait, _ := a.try(map[string]int{fmt.Sprint("user", i): freeByUser, "from\x00" + from: freeByAddress})
		if must := i == freeByAddress; must != (wait > 0) {
			t.Errorf("failure %d waits %v", i+1, wait)
		}
	}
}

// Nobody locks others out by guessing at their names, and guessing gets slower from anywhere.
func TestAttemptsToSignIn(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	a := attempts{now: func() time.Time { return now }}
	try := func(who, from string, right bool) bool {
		wait, done := a.signIn(who, from)
		if wait > 0 {
			return false
		}
		done(right)
		return true
	}
	if !try("ann", "office", true) {
		t.Fatal("ann must wait at first")
	}
	guessed := 0
	for i := range 100 {
		for range 10 {
			if try("ann", fmt.Sprint("attic", i), false) {
				guessed++
			}
		}
	}
	if guessed != freeByName {
		t.Errorf("%d guesses from 100 networks go on, want %d", guessed, freeByName)
	}
	for _, tt := range []struct {
		name, who, from string
		right, want     bool
	}{
		{"from where she signed in", "ann", "office", true, true},
		{"from elsewhere", "ann", "home", true, false},
		{"somebody else from there", "bob", "home", true, true},
		{"a guess from where she signed in", "ann", "office", false, true},
	} {
		if got := try(tt.who, tt.from, tt.right); got != tt.want {
			t.Errorf("%s: goes on: %v, want %v", tt.name, got, tt.want)
		}
	}
	for range freeByUser - 1 {
		try("ann", "office", false)
	}
	if try("ann", "office", true) {
		t.Error("guesses from a network that ann signed in from are not slowed down")
	}
	if now = now.Add(longestWait); !try("ann", "home", true) {
		t.Error("the wait does not end")
	}
}

func TestAttemptsKnowSoMany(t *testing.T) {
	a := attempts{now: time.Now}
	for i := range 3 * maxKnown / 2 {
		a.learn(fmt.Sprint("user", i))
	}
	if len(a.known) != maxKnown {
		t.Errorf("%d are known, want %d", len(a.known), maxKnown)
	}
}
