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

// Secret is the name of the server's secret with which checkpoints are signed.
const Secret = "audit-checkpoints"

// Begin returns a Chain of an instance that begins after a checkpoint, which is the zero value when nothing was pruned.
// Its error is a *Broken when the checkpoint is not signed with the server's secret, which may be nil when it is not
// known.
func Begin(instance string, secret []byte, from lanyard.Checkpoint) (*Chain, error) {
	c := &Chain{last: lanyard.Record{Instance: instance, Hash: make([]byte, sha256.Size)}}
	if from.Revision == 0 {
		return c, nil
	}
	if secret == nil || !isSigned(secret, from) || from.Instance != instance {
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
		return broken(want, "the record belongs to instance %s", r.Instance)
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
		return broken(want, "the body of the record belongs to instance %s", e.Instance)
	case e.Revision != r.Revision:
		return broken(want, "the body of the record has revision %d: the records are out of order", e.Revision)
	case !bytes.Equal(Sum(c.last.Hash, r.Body), r.Hash):
		return broken(want, "the hash differs: the record or its hash was altered, or the record before it was replaced "+
			"together with its hash")
	case e.Time.UnixMilli() != r.Time:
		return broken(want, "the stored time of the record differs from the time in its body")
	}
	seq, err := c.State.apply(&e, c.last.Seq)
	if err != nil {
		return broken(want, "%v", err)
	}
	if seq != r.Seq {
		return broken(want, "the last sequence number is %d, but the records give %d", r.Seq, seq)
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

// isSigned reports whether a checkpoint has its MAC.
func isSigned(secret []byte, c lanyard.Checkpoint) bool { return hmac.Equal(Sign(secret, c), c.MAC) }
