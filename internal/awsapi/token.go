package awsapi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/lanyard/lanyard"
)

// tokens makes and reads NextTokens. A token holds where the next page begins, when it expires, and the total
// that a search counted, encrypted and bound to the scope for which it was made: the operation, the
// instance, and whatever else must stay the same from page to page. Positions tell how many resources
// were ever made, also those that a caller may not see.
type tokens struct {
	secret []byte
	now    func() time.Time
}

const (
	tokenLife = 24 * time.Hour
	tokenHead = 8 + 8 // of what is encrypted
	nonceSize = 12
)

type position struct {
	after string
	total int64
}

func (t tokens) seal(p position, scope ...string) string {
	b := make([]byte, tokenHead, tokenHead+len(p.after))
	binary.BigEndian.PutUint64(b, uint64(t.now().Add(tokenLife).Unix()))
	binary.BigEndian.PutUint64(b[8:], uint64(p.total))
	b = append(b, p.after...)
	bound := inOne(scope)
	// The nonce is derived from all that it is for: the same twice encrypts the same.
	nonce := t.derive("nonce", append(inOne(scope), b...))[:nonceSize]
	return base64.RawURLEncoding.EncodeToString(t.cipher().Seal(nonce, nonce, b, bound))
}

func (t tokens) open(token string, scope ...string) (position, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	var b []byte
	if err == nil && len(sealed) >= nonceSize {
		b, err = t.cipher().Open(nil, sealed[:nonceSize], sealed[nonceSize:], inOne(scope))
	}
	if err != nil || len(b) < tokenHead {
		return position{}, lanyard.Errorf(lanyard.Invalid,
			"NextToken must be one that this list returned; pass it back unchanged, with the other parameters unchanged, or "+
				"leave it out to start again")
	}
	if t.now().Unix() > int64(binary.BigEndian.Uint64(b)) {
		return position{}, lanyard.Errorf(lanyard.Invalid, "NextToken must be at most %v old; leave it out to start again",
			tokenLife)
	}
	return position{after: string(b[tokenHead:]), total: int64(binary.BigEndian.Uint64(b[8:]))}, nil
}

func (t tokens) cipher() cipher.AEAD {
	block, err := aes.NewCipher(t.derive("key", nil))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES fits GCM
	}
	return aead
}

func (t tokens) derive(what string, from []byte) []byte {
	h := hmac.New(sha256.New, t.secret)
	h.Write([]byte("NextToken " + what + "\x00"))
	h.Write(from)
	return h.Sum(nil)
}

// inOne joins a scope so that no other joins to the same.
func inOne(scope []string) (b []byte) {
	for _, s := range scope {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}
