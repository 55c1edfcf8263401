package awsapi

import (
	"encoding/binary"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/sealed"
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
	tokenHead = 8 + 8 // of what is sealed
)

type position struct {
	after string
	total int64
}

func (t tokens) seal(p position, scope ...string) string {
	b := make([]byte, tokenHead, tokenHead+len(p.after))
	binary.BigEndian.PutUint64(b, uint64(t.now().Add(tokenLife).Unix()))
	binary.BigEndian.PutUint64(b[8:], uint64(p.total))
	return t.box().Seal(append(b, p.after...), scope...)
}

func (t tokens) box() sealed.Box { return sealed.Box{Secret: t.secret, Purpose: "NextToken"} }

func (t tokens) open(token string, scope ...string) (position, error) {
	b, ok := t.box().Open(token, scope...)
	if !ok || len(b) < tokenHead {
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
