package console

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// attempts counts failed sign-ins by whatever was tried, so that guessing gets slower and slower. An
// attempt counts as failed from its beginning: any number at the same time are no way around. Its
// zero value, with now, is ready. It is of this server alone.
type attempts struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[[16]byte]*attempt
	known   map[[16]byte]bool // names, with the networks from which they signed in
}

type attempt struct {
	failed int
	last   time.Time
}

// Bounds of attempts.
const (
	freeByUser    = 5   // failures of one name from one network that cost nothing
	freeByName    = 100 // and from all networks: few would let anybody lock others out
	freeByAddress = 20  // and of one network, behind which may be many people
	longestWait   = 5 * time.Minute
	forgetAfter   = 15 * time.Minute
	maxAttempts   = 20_000 // entries in memory, some 2 MB
	maxKnown      = 20_000 // and of those who signed in, some 1 MB
)

// signIn is try for somebody who claims to be who. Failures from elsewhere do not hold up those who have
// signed in from their network before.
func (a *attempts) signIn(who, network string) (wait time.Duration, done func(succeeded bool)) {
	mine := who + "\x00" + network
	keys := map[string]int{mine: freeByUser, "from\x00" + network: freeByAddress}
	if !a.knows(mine) {
		keys["name\x00"+who] = freeByName
	}
	wait, end := a.try(keys)
	if end == nil {
		return wait, nil
	}
	return wait, func(succeeded bool) {
		if end(succeeded); succeeded {
			a.learn(mine)
		}
	}
}

func (a *attempts) knows(key string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[idOfAttempt(key)]
}

func (a *attempts) learn(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = map[[16]byte]bool{}
	}
	for id := range a.known { // any
		if len(a.known) < maxKnown {
			break
		}
		delete(a.known, id)
	}
	a.known[idOfAttempt(key)] = true
}

func idOfAttempt(key string) [16]byte {
	sum := sha256.Sum256([]byte(key))
	return [16]byte(sum[:])
}

// try begins an attempt for all keys, each with how many failures are free. wait is how long to wait
// when there must be none now; otherwise the caller ends the attempt with done and says whether it succeeded.
func (a *attempts) try(keys map[string]int) (wait time.Duration, done func(succeeded bool)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.entries == nil {
		a.entries = map[[16]byte]*attempt{}
	}
	var mine []*attempt
	for key, free := range keys {
		e := a.entry(key, now)
		if over := e.failed - free; over >= 0 {
			w := min(time.Second<<min(over, 20), longestWait)
			wait = max(wait, e.last.Add(w).Sub(now))
		}
		mine = append(mine, e)
	}
	if wait > 0 {
		return wait, nil
	}
	for _, e := range mine {
		e.failed++
		e.last = now
	}
	return 0, func(succeeded bool) {
		if !succeeded {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		for key, free := range keys {
			// Whoever signs in is not who guessed at other names from the same address.
			if e := a.entry(key, now); free == freeByUser {
				e.failed = 0
			} else if e.failed > 0 {
				e.failed--
			}
		}
	}
}

func (a *attempts) entry(key string, now time.Time) *attempt {
	id := idOfAttempt(key)
	e := a.entries[id]
	if e == nil {
		if len(a.entries) >= maxAttempts {
			a.shrink(now)
		}
		e = &attempt{last: now}
		a.entries[id] = e
	}
	if now.Sub(e.last) > forgetAfter {
		e.failed = 0
	}
	return e
}

// shrink forgets what is old and then, if need be, those with the fewest failures.
func (a *attempts) shrink(now time.Time) {
	for id, e := range a.entries {
		if now.Sub(e.last) > forgetAfter || e.failed == 0 {
			delete(a.entries, id)
		}
	}
	for most := 1; len(a.entries) > maxAttempts*3/4; most *= 2 {
		for id, e := range a.entries {
			if e.failed <= most && len(a.entries) > maxAttempts*3/4 {
				delete(a.entries, id)
			}
		}
	}
}

// network returns what attempts from an address are counted under: an IPv6 address stands for its /64,
// which is the least that one subscriber gets.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
