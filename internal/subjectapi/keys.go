package subjectapi

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/lanyard/lanyard/internal/subject"
)

// keyPeriod is how long a key signs. The key of the next period is published during this one, so that whoever caches
// the keys has it in time, and the one of the last period as long as this one lasts, so that what it signed stays
// valid.
const keyPeriod = 30 * 24 * time.Hour

// A keyring has the keys that sign, each of which is a secret of the store: all servers of a database have the same.
type keyring struct {
	secret func(ctx context.Context, name string) ([]byte, error)
	now    func() time.Time

	mu   sync.Mutex
	keys map[int64]ed25519.PrivateKey // by period
}

// period returns the number of the period at a time.
func period(at time.Time) int64 { return at.Unix() / int64(keyPeriod/time.Second) }

// of returns the key of a period.
func (k *keyring) of(ctx context.Context, n int64) (ed25519.PrivateKey, error) {
	k.mu.Lock()
	key, ok := k.keys[n]
	k.mu.Unlock()
	if ok {
		return key, nil
	}
	seed, err := k.secret(ctx, "subject-snapshot-"+strconv.FormatInt(n, 10))
	if err != nil {
		return nil, fmt.Errorf("read the key that signs subject snapshots: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the key that signs subject snapshots must be %d bytes, got %d", ed25519.SeedSize, len(seed))
	}
	key = ed25519.NewKeyFromSeed(seed)
	k.mu.Lock()
	defer k.mu.Unlock()
	for old := range k.keys {
		if old < n-2 || old > n+2 {
			delete(k.keys, old)
		}
	}
	k.keys[n] = key
	return key, nil
}

// signer returns the key that signs now.
func (k *keyring) signer(ctx context.Context) (ed25519.PrivateKey, error) {
	return k.of(ctx, period(k.now()))
}

// published returns the keys that verify: of the last period, of this one and of the next.
func (k *keyring) published(ctx context.Context) (set subject.KeySet, err error) {
	now := period(k.now())
	for _, n := range []int64{now, now + 1, now - 1} {
		key, err := k.of(ctx, n)
		if err != nil {
			return set, err
		}
		set.Keys = append(set.Keys, subject.Publish(key))
	}
	return set, nil
}
