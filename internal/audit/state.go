package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// A State is what events say that is stored of an instance, to compare with what is. It takes about 50 bytes for each
// resource. Its methods are called in the order of the tables: Resource, Ref, Count, Tombstone, Password, End.
type State struct {
	seed maphash.Seed
	from int64           // the Seq of the checkpoint that it began with
	left map[uint64]left // by the hash of type and id
	// Unproven counts the resources that were last changed by events that were pruned, so that nothing proves what
	// they are, and UnprovenPasswords the passwords of such events, or of those that an earlier version wrote.
	Unproven, UnprovenPasswords int64

	tombstones map[uint64]left // by the hash of type and id
	passwords  map[string]password
	vague      bool           // there are passwords whose events do not say what they are
	refs       [2]int64       // of the documents, and stored
	refSums    [2]uint64      // their hashes
	counts     map[string]int // of the documents, less those stored, by type
}

// left is what the last event about a resource left of it.
type left struct {
	doc      uint64 // the hash of the document
	revision int64
	gone     bool
}

type password struct {
	digest   []byte
	revision int64
}

// NewState returns the state that an instance has after a checkpoint.
func NewState(from lanyard.Checkpoint) *State {
	s := &State{seed: maphash.MakeSeed(), from: from.Seq, vague: from.Revision > 0, counts: map[string]int{}}
	s.clear()
	return s
}

// clear is what deleting the instance does.
func (s *State) clear() {
	s.left, s.tombstones, s.passwords = map[uint64]left{}, map[uint64]left{}, map[string]password{}
}

func (s *State) key(t lanyard.Type, id string) uint64 {
	return maphash.String(s.seed, string(t)+"\x00"+id)
}

// apply follows an event and returns the last Seq that it gave.
func (s *State) apply(e *lanyard.Event, seq int64) (int64, error) {
	for _, c := range e.Changes {
		if len(c.After) > 0 {
			var head struct{ Seq int64 }
			if err := laxjson.Unmarshal(c.After, &head); err != nil {
				return 0, fmt.Errorf("the new version of %s %s cannot be read: %w", c.Type, c.ID, err)
			}
			seq = max(seq, head.Seq)
		}
		switch {
		case s == nil:
		case len(c.After) > 0:
			s.left[s.key(c.Type, c.ID)] = left{doc: maphash.Bytes(s.seed, c.After), revision: e.Revision}
		case c.Type == lanyard.TypeInstance: // all that was in it went with it
			s.clear()
			s.from, s.vague = 0, false
		default:
			if err := s.bury(c, e.Revision); err != nil {
				return 0, err
			}
		}
	}
	if s != nil {
		s.set(e)
	}
	return seq, nil
}

// bury notes what is left of a resource that is deleted.
func (s *State) bury(c lanyard.Change, revision int64) error {
	key := s.key(c.Type, c.ID)
	s.left[key] = left{revision: revision, gone: true}
	if c.Type == lanyard.TypeUser {
		delete(s.passwords, c.ID)
	}
	var was struct{ Tags map[string]string }
	if err := laxjson.Unmarshal(c.Before, &was); err != nil {
		return fmt.Errorf("the old version of %s %s cannot be read: %w", c.Type, c.ID, err)
	}
	s.tombstones[key] = left{doc: s.tags(was.Tags), revision: revision, gone: len(was.Tags) == 0}
	return nil
}

// set notes the passwords that an event set.
func (s *State) set(e *lanyard.Event) {
	for _, p := range e.Passwords {
		s.passwords[p.User] = password{p.Digest, e.Revision}
	}
	// Events of earlier versions do not say whose the password is.
	if len(e.Passwords) == 0 && e.Refused == "" && e.Operation != lanyard.OperationAgentCalls &&
		(e.Operation == "SetUserPassword" || bytes.Contains(e.Request, []byte(`"Password"`))) {
		s.vague = true
	}
}

func (s *State) tags(tags map[string]string) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		for _, text := range []string{k, tags[k]} {
			h.Write(binary.AppendUvarint(nil, uint64(len(text))))
			h.WriteString(text)
		}
	}
	return h.Sum64()
}

// A Stored is a resource as it is stored: its document, and what is kept alongside to find it by.
type Stored struct {
	Type          lanyard.Type
	ID, Key, Name string
	Seq           int64
	Doc           []byte
}

// Resource compares a stored resource with what the events say. It is called once for each, after the last event.
func (s *State) Resource(r Stored) error {
	key := s.key(r.Type, r.ID)
	was, ok := s.left[key]
	delete(s.left, key)
	switch {
	case !ok && r.Seq <= s.from:
		s.Unproven++
	case !ok:
		return fmt.Errorf("%s %s is stored, but no record created it", r.Type, r.ID)
	case was.gone:
		return fmt.Errorf("%s %s is stored, but the record of revision %d deleted it", r.Type, r.ID,
			was.revision)
	case was.doc != maphash.Bytes(s.seed, r.Doc):
		return fmt.Errorf("%s %s differs from the record of revision %d", r.Type, r.ID, was.revision)
	}
	return s.compareKeys(r)
}

// compareKeys compares what is stored alongside a document with it.
func (s *State) compareKeys(r Stored) error {
	doc := lanyard.New(r.Type)
	if doc == nil {
		return fmt.Errorf("%s %s has an unknown type", r.Type, r.ID)
	}
	if err := laxjson.Unmarshal(r.Doc, doc); err != nil {
		return fmt.Errorf("%s %s cannot be read: %w", r.Type, r.ID, err)
	}
	if h := doc.Head(); h.ID != r.ID || h.Seq != r.Seq || doc.Key() != r.Key || h.Name != r.Name {
		return fmt.Errorf("%s %s has another key, name or sequence number (%q) than its document (%q)", r.Type, r.ID, r.Key,
			doc.Key())
	}
	for _, to := range lanyard.Links(doc) {
		s.refer(0, to, lanyard.Ref{Type: r.Type, ID: r.ID})
	}
	s.counts[string(r.Type)]++
	return nil
}

func (s *State) refer(side int, to, from lanyard.Ref) {
	s.refs[side]++
	s.refSums[side] += maphash.String(s.seed, string(to.Type)+"\x00"+to.ID+"\x00"+string(from.Type)+"\x00"+from.ID)
}

// Ref takes a stored reference.
func (s *State) Ref(to, from lanyard.Ref) { s.refer(1, to, from) }

// Count takes a stored number of resources.
func (s *State) Count(t lanyard.Type, n int64) { s.counts[string(t)] -= int(n) }

// Tombstone compares the stored tags of a deleted resource.
func (s *State) Tombstone(t lanyard.Type, id string, tags []byte) error {
	key := s.key(t, id)
	was, ok := s.tombstones[key]
	delete(s.tombstones, key)
	var stored map[string]string
	if err := laxjson.Unmarshal(tags, &stored); err != nil {
		return fmt.Errorf("the last tags of %s %s cannot be read: %w", t, id, err)
	}
	switch {
	case !ok && s.from > 0:
	case !ok:
		return fmt.Errorf("last tags of %s %s are stored, but no record deleted it", t, id)
	case was.gone || was.doc != s.tags(stored):
		return fmt.Errorf("the last tags of %s %s differ from the record of revision %d", t, id, was.revision)
	}
	return nil
}

// Password compares the stored hash of a user's password.
func (s *State) Password(user string, digest []byte) error {
	was, ok := s.passwords[user]
	delete(s.passwords, user)
	switch {
	case !ok && s.vague:
		s.UnprovenPasswords++
	case !ok:
		return fmt.Errorf("a password of user %s is stored, but no record set it", user)
	case !bytes.Equal(was.digest, digest):
		return fmt.Errorf("the password of user %s differs from the record of revision %d", user,
			was.revision)
	}
	return nil
}

// End reports whether something is missing, after all that is stored.
func (s *State) End() error {
	if first := earliest(s.left); first > 0 {
		return fmt.Errorf("a resource that the record of revision %d created or changed is not stored", first)
	}
	if s.refs[0] != s.refs[1] || s.refSums[0] != s.refSums[1] {
		return fmt.Errorf("the %d stored references differ from the %d of the resources", s.refs[1], s.refs[0])
	}
	for _, t := range slices.Sorted(maps.Keys(s.counts)) {
		if n := s.counts[t]; n != 0 {
			return fmt.Errorf("the stored number of resources of type %s is wrong by %d", t, -n)
		}
	}
	if first := earliest(s.tombstones); first > 0 {
		return fmt.Errorf("the last tags of a resource that the record of revision %d deleted are not stored", first)
	}
	for _, user := range slices.Sorted(maps.Keys(s.passwords)) {
		return fmt.Errorf("the password of user %s that the record of revision %d set is not stored", user,
			s.passwords[user].revision)
	}
	return nil
}

// earliest is the first revision that left something.
func earliest(all map[uint64]left) (first int64) {
	for _, was := range all {
		if !was.gone && (first == 0 || was.revision < first) {
			first = was.revision
		}
	}
	return first
}
