package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"sync"
)

// maxDerived bounds the cache of signing keys. It is far above the keys that one day sees in
// use, and costs about 300 bytes a key.
const maxDerived = 4096

// keyCache remembers signing keys, which cost four of the five HMACs of a signature and are
// valid for a day.
type keyCache struct {
	mu   sync.RWMutex
	keys map[derivation][]byte
}

// derivation is what a signing key is derived from, within one region and service. It holds
// the hash of the secret, so that a changed secret takes effect at once and the cache keeps no
// copies of secrets.
type derivation struct {
	accessKeyID string
	secret      [sha256.Size]byte
	date        string
}

// signingKey returns the key that requests of an access key must be signed with on a date. The caller must not change
// it. All unknown access keys have the id "", and so share one entry: strangers cannot fill the cache.
func (v *Verifier) signingKey(accessKeyID string, key Key, date string) []byte {
	d := derivation{accessKeyID: accessKeyID, secret: sha256.Sum256([]byte(key.Secret)), date: date}

	v.derived.mu.RLock()
	signing, ok := v.derived.keys[d]
	v.derived.mu.RUnlock()
	if ok {
		return signing
	}

	signing = mac([]byte("AWS4"+key.Secret), d.date)
	for _, s := range []string{v.Region, v.Service, terminator} {
		signing = mac(signing, s)
	}
	// The strings are parts of a header, which the cache must not keep alive.
	d.accessKeyID, d.date = strings.Clone(d.accessKeyID), strings.Clone(d.date)

	v.derived.mu.Lock()
	defer v.derived.mu.Unlock()
	if v.derived.keys == nil {
		v.derived.keys = make(map[derivation][]byte)
	}
	if len(v.derived.keys) >= maxDerived {
		clear(v.derived.keys) // cheaper than keeping order: a key is derived again in microseconds
	}
	v.derived.keys[d] = signing
	return signing
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}
