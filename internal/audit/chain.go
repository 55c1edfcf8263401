package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// Broken says where a chain breaks and how.
type Broken struct {
	Instance string
	Revision int64
	Problem  string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("instance %s, revision %d: %s", b.Instance, b.Revision, b.Problem)
}

// A Chain verifies the records of one instance, one after the other. It is used by one goroutine.
type Chain struct {
	// State, unless nil, follows what the events say of resources.
	State *State

	last lanyard.Record // without its body
}

// Secret is the name of the server's secret that Sign and Signed want.
const Secret = "audit-checkpoints"

// Begin returns a Chain of an instance that begins after a checkpoint, which is the zero value when
// nothing was pruned. signed reports whether that bears the server's signature.
func Begin(instance string, from lanyard.Checkpoint, signed bool) (*Chain, error) {
	c := &Chain{last: lanyard.Record{Instance: instance, Hash: make([]byte, sha256.Size)}}
	if from.Revision == 0 {
		return c, nil
	}
	if !signed || from.Instance != instance {
		return nil, &Broken{instance, from.Revision,
			"the checkpoint, which says that the records up to here were pruned, does not bear this server's signature: it " +
				"was forged or altered"}
	}
	c.last.Revision, c.last.Seq, c.last.Hash = from.Revision, from.Seq, from.Hash
	return c, nil
}

// Last returns the last record that was verified, without its body; at first what the chain began with.
func (c *Chain) Last() lanyard.Record { return c.last }

// Next verifies the next record, and returns the event that it holds. Its error is a *Broken that
// names the record.
func (c *Chain) Next(r lanyard.Record) (*lanyard.Event, error) {
	broken := func(revision int64, format string, args ...any) (*lanyard.Event, error) {
		return nil, &Broken{c.last.Instance, revision, fmt.Sprintf(format, args...)}
	}
	want := c.last.Revision + 1
	switch {
	case r.Instance != c.last.Instance:
		return broken(want, "a record of instance %s stands here", r.Instance)
	case r.Revision == want+1:
		return broken(want, "the record is missing")
	case r.Revision > want:
		return broken(want, "the records up to revision %d are missing", r.Revision-1)
	case r.Revision < want:
		return broken(r.Revision, "the record is out of order: it comes after revision %d", want-1)
	}
	var e lanyard.Event
	if err := laxjson.Unmarshal(r.Body, &e); err != nil {
		return broken(want, "the record cannot be read: %v", err)
	}
	switch {
	case e.Instance != r.Instance:
		return broken(want, "the record that stands here is one of instance %s", e.Instance)
	case e.Revision != r.Revision:
		return broken(want, "the record that stands here is that of revision %d: the order was changed", e.Revision)
	case !bytes.Equal(Sum(c.last.Hash, r.Body), r.Hash):
		return broken(want, "the hash differs: the record or its hash was altered, or the record before it was replaced "+
			"together with its hash")
	case e.Time.UnixMilli() != r.Time:
		return broken(want, "the time alongside the record differs from that in it")
	}
	seq, err := c.State.apply(&e, c.last.Seq)
	if err != nil {
		return broken(want, "%v", err)
	}
	if seq != r.Seq {
		return broken(want, "the count of resources made so far is %d, and the records say %d", r.Seq, seq)
	}
	c.last = r
	c.last.Body = nil
	return &e, nil
}

// Sum is the hash of a record.
func Sum(before, body []byte) []byte {
	h := sha256.New()
	h.Write(before)
	h.Write(body)
	return h.Sum(nil)
}

// Sign returns the MAC of a checkpoint.
func Sign(secret []byte, c lanyard.Checkpoint) []byte {
	mac := hmac.New(sha256.New, secret)
	for _, text := range []string{"lanyard checkpoint 1", c.Instance, string(c.Hash), c.By} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		mac.Write([]byte(text))
	}
	for _, n := range []int64{c.Revision, c.Seq, c.Time.UnixMilli()} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	return mac.Sum(nil)
}

// Signed reports whether a checkpoint bears its MAC.
func Signed(secret []byte, c lanyard.Checkpoint) bool { return hmac.Equal(Sign(secret, c), c.MAC) }
