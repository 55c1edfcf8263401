package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/backup"
)

// proof is what was verified about the records of one instance. It is printed as JSON, and read again as a head.
type proof struct {
	Instance   string
	Records    int64
	Revision   int64  // of the last record
	Hash       string // of the last record, hexadecimal
	Checkpoint *cutOff
	Resources  int64 `json:",omitzero"` // stored and compared with the records
	Unproven   int64 `json:",omitzero"` // of them, last changed by records that were pruned
	// UnprovenPasswords are those set by records that were pruned, or written by an earlier version.
	UnprovenPasswords int64 `json:",omitzero"`
	Problem           string
}

// cutOff says up to where the records of an instance were pruned.
type cutOff struct {
	Revision int64
	Time     time.Time
	By       string
}

// A prover verifies the rows of a store as they are exported, instance by instance.
type prover struct {
	secret []byte // the key of the signatures of checkpoints
	state  bool   // also compare what is stored with the records
	heads  map[string]*proof

	proofs []*proof // of finished instances
	now    *proof
	chain  *audit.Chain
	found  *proof // the saved head, once its record was read

	counts backup.Counts
	sum    hash.Hash // of all rows
	buf    []byte
	listed map[string]bool // instances of the directory without a proof
}

func newProver() *prover {
	return &prover{counts: backup.Counts{}, sum: sha256.New(), listed: map[string]bool{}}
}

// addStoreRow takes the next row of a whole store.
func (p *prover) addStoreRow(r store.Row) {
	p.countRow(r)
	switch {
	case r.Table == store.Secrets && r.Values[0] == audit.Secret:
		p.secret = r.Values[1].([]byte)
	case r.Table == store.Directory:
		p.listed[r.Values[1].(string)] = true
	case !r.Table.Server:
		if id := r.Values[0].(string); p.now == nil || p.now.Instance != id {
			p.endInstance()
			p.beginInstance(id)
		}
		p.addInstanceRow(r)
	}
}

// countRow only counts a row and adds it to the checksum.
func (p *prover) countRow(r store.Row) {
	p.counts[r.Table.Name]++
	p.buf = backup.Append(p.buf[:0], r)
	p.sum.Write(p.buf)
}

// beginInstance begins an instance.
func (p *prover) beginInstance(instance string) {
	p.now, p.chain, p.found = &proof{Instance: instance}, nil, nil
}

// addInstanceRow takes a row of the instance. After the first problem it does nothing.
func (p *prover) addInstanceRow(r store.Row) {
	if p.now.Problem != "" {
		return
	}
	p.noteProblem(func() error {
		if r.Table == store.Checkpoints {
			v := r.Values
			return p.beginChain(lanyard.Checkpoint{Instance: v[0].(string), Revision: v[1].(int64), Seq: v[2].(int64),
				Hash: v[3].([]byte),
				Time: time.UnixMilli(v[4].(int64)).UTC(), By: v[5].(string), MAC: v[6].([]byte)})
		}
		if p.chain == nil {
			if err := p.beginChain(lanyard.Checkpoint{}); err != nil {
				return err
			}
		}
		switch {
		case r.Table == store.Events:
			if _, err := p.chain.Next(r.Record()); err != nil {
				return err
			}
			p.now.Records++
			return p.compareHead()
		case r.Table == store.Resources && p.state:
			p.now.Resources++
			r := audit.Stored{Type: lanyard.Type(r.Values[1].(string)), ID: r.Values[2].(string), Seq: r.Values[3].(int64),
				Key: r.Values[4].(string), Name: r.Values[5].(string), Doc: r.Values[6].([]byte)}
			return p.nameInstance(p.chain.State.Resource(r))
		case p.state:
			return p.nameInstance(p.addStateRow(r))
		}
		return nil
	}())
}

// addStateRow takes a row that is stored alongside the resources.
func (p *prover) addStateRow(r store.Row) error {
	s, v := p.chain.State, r.Values
	text := func(i int) string { return v[i].(string) }
	switch r.Table {
	case store.Refs:
		s.Ref(lanyard.Ref{Type: lanyard.Type(text(1)), ID: text(2)}, lanyard.Ref{Type: lanyard.Type(text(3)), ID: text(4)})
	case store.Counts:
		s.Count(lanyard.Type(text(1)), v[2].(int64))
	case store.Tombstones:
		return s.Tombstone(lanyard.Type(text(1)), text(2), v[3].([]byte))
	case store.Passwords:
		digest := sha256.Sum256([]byte(text(2)))
		return s.Password(text(1), digest[:])
	}
	return nil
}

func (p *prover) nameInstance(err error) error {
	if err != nil {
		err = fmt.Errorf("instance %s: %w", p.now.Instance, err)
	}
	return err
}

func (p *prover) noteProblem(err error) {
	if err != nil && p.now.Problem == "" {
		p.now.Problem = err.Error()
	}
}

func (p *prover) beginChain(c lanyard.Checkpoint) (err error) {
	p.chain, err = audit.Begin(p.now.Instance, p.secret, c)
	if err != nil {
		return err
	}
	if p.state {
		p.chain.State = audit.NewState(c)
	}
	if c.Revision > 0 {
		p.now.Checkpoint = &cutOff{c.Revision, c.Time, c.By}
		return p.compareHead()
	}
	return nil
}

// compareHead compares the last record with the head that was saved earlier, if it has the same revision.
func (p *prover) compareHead() error {
	head, last := p.heads[p.now.Instance], p.chain.Last()
	if head == nil || head.Revision != last.Revision {
		return nil
	}
	p.found = head
	if got := hex.EncodeToString(last.Hash); got != head.Hash {
		return &audit.Broken{Instance: p.now.Instance, Revision: last.Revision,
			Problem: fmt.Sprintf("the hash is %s and was %s: this record or one before it was replaced", got, head.Hash)}
	}
	return nil
}

// endInstance ends an instance.
func (p *prover) endInstance() {
	if p.now == nil {
		return
	}
	n := p.now
	p.now = nil
	p.proofs = append(p.proofs, n)
	delete(p.listed, n.Instance)
	if p.chain != nil {
		last := p.chain.Last()
		n.Revision, n.Hash = last.Revision, hex.EncodeToString(last.Hash)
		if p.state && n.Problem == "" {
			n.Unproven, n.UnprovenPasswords = p.chain.State.Unproven, p.chain.State.UnprovenPasswords
			if err := p.chain.State.End(); err != nil {
				n.Problem = fmt.Sprintf("instance %s: %s", n.Instance, err)
			}
		}
	}
	head := p.heads[n.Instance]
	switch {
	case n.Problem != "":
	case n.Records == 0 && n.Checkpoint != nil:
		n.Problem = fmt.Sprintf("instance %s, revision %d: the records are missing from here on; the last is never pruned",
			n.Instance, n.Revision+1)
	case n.Records == 0:
		n.Problem = fmt.Sprintf("instance %s, revision 1: all records are missing", n.Instance)
	case head != nil && p.found == nil && head.Revision > n.Revision:
		n.Problem = fmt.Sprintf("instance %s, revision %d: the record is missing, and those up to revision %d: the end of "+
			"the chain was truncated", n.Instance, n.Revision+1, head.Revision)
	}
}

// endStore ends the last instance, and adds proofs of instances that have no rows at all.
func (p *prover) endStore() {
	p.endInstance()
	seen := map[string]bool{}
	for _, n := range p.proofs {
		seen[n.Instance] = true
	}
	missing := p.listed
	for id := range p.heads {
		if !seen[id] {
			missing[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		p.beginInstance(id)
		p.endInstance()
	}
}

// instancesWithRows lists, in byte order, the instances that the store has any rows of.
func instancesWithRows(ctx context.Context, db store.Portable) ([]string, error) {
	ids := map[string]bool{}
	for after := ""; ; {
		some, err := db.KnownInstances(ctx, after, 1000)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			break
		}
		for _, id := range some {
			ids[id] = true
		}
		after = some[len(some)-1]
	}
	err := db.Export(ctx, store.Scope{Tables: []*store.Table{store.Directory, store.Checkpoints}},
		func(r store.Row) error {
			id := r.Values[0]
			if r.Table == store.Directory {
				id = r.Values[1]
			}
			ids[id.(string)] = true
			return nil
		})
	return slices.Sorted(maps.Keys(ids)), err
}
