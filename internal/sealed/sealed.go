// Package sealed makes texts that travel through clients, and that only a server with the same secret can read or
// make: page tokens, a sign-in on its way. A text is encrypted, and of no use for anything but what it was made for.
// What is in it, and when it expires, is up to its user.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A Box seals texts for one purpose.
type Box struct {
	Secret  []byte
	Purpose string // no other Box has it
}

const nonceSize = 12

// Seal returns data as a text for URLs. It opens for the same scope only; the same twice is the same text.
func (b Box) Seal(data []byte, scope ...string) string {
	bound := join(scope)
	// The nonce is derived from all that it is for, so that none is used for two different texts.
	nonce := b.derive("nonce", append(join(scope), data...))[:nonceSize]
	return base64.RawURLEncoding.EncodeToString(b.cipher().Seal(nonce, nonce, data, bound))
}

// Open returns what Seal made a text of, and whether it did.
func (b Box) Open(text string, scope ...string) (data []byte, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < nonceSize {
		return nil, false
	}
	data, err = b.cipher().Open(nil, sealed[:nonceSize], sealed[nonceSize:], join(scope))
	return data, err == nil
}

func (b Box) cipher() cipher.AEAD {
	block, err := aes.NewCipher(b.derive("key", nil))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES fits GCM
	}
	return aead
}

func (b Box) derive(what string, from []byte) []byte {
	h := hmac.New(sha256.New, b.Secret)
	h.Write([]byte(b.Purpose + " " + what + "\x00"))
	h.Write(from)
	return h.Sum(nil)
}

// join joins a scope so that no other joins to the same.
func join(scope []string) (b []byte) {
	for _, s := range scope {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}
