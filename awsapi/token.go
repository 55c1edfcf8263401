package awsapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/lanyard/lanyard"
)

// tokens makes and reads NextTokens. A token holds where the next page begins, when it ends to
// count, and the total that a search counted, all signed together with the scope for which it was
// made: the operation, the instance, and whatever else must stay the same from page to page.
type tokens struct {
	secret []byte
	now    func() time.Time
}

const (
	tokenLife = 24 * time.Hour
	macSize   = 16
	tokenHead = macSize + 8 + 8
)

type position struct {
	after string
	total int64
}

func (t tokens) seal(p position, scope ...string) string {
	b := make([]byte, tokenHead, tokenHead+len(p.after))
	binary.BigEndian.PutUint64(b[macSize:], uint64(t.now().Add(tokenLife).Unix()))
	binary.BigEndian.PutUint64(b[macSize+8:], uint64(p.total))
	b = append(b, p.after...)
	copy(b, t.mac(b[macSize:], scope))
	return base64.RawURLEncoding.EncodeToString(b)
}

func (t tokens) open(token string, scope ...string) (position, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < tokenHead || !hmac.Equal(b[:macSize], t.mac(b[macSize:], scope)) {
		return position{}, lanyard.Errorf(lanyard.Invalid, "NextToken: is not one that this list gave; pass it back unchanged, with the other parameters as they were, or leave it out to start again")
	}
	if t.now().Unix() > int64(binary.BigEndian.Uint64(b[macSize:])) {
		return position{}, lanyard.Errorf(lanyard.Invalid, "NextToken: is older than %v; leave it out to start again", tokenLife)
	}
	return position{after: string(b[tokenHead:]), total: int64(binary.BigEndian.Uint64(b[macSize+8:]))}, nil
}

func (t tokens) mac(data []byte, scope []string) []byte {
	h := hmac.New(sha256.New, t.secret)
	for _, s := range scope {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	h.Write(data)
	return h.Sum(nil)[:macSize]
}
