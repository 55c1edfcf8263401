package access

import (
	"bytes"
	"iter"
	"maps"
	"slices"
	"unique"

	"github.com/tidwall/btree"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/cow"
)

// A Snapshot is an instance at one revision. It never changes, so any number of goroutines may share it. The next one
// is made from it by an [Edit] and shares all that did not change, so that a change costs the same however large the
// instance is. It takes some 260 bytes a user and 0.7 KB a profile, or up to 4 KB for a profile that lists applications
// and table rows.
//
// # Decisions
//
// [Snapshot.Decide] answers a query, and [Snapshot.Explain] says why. [Snapshot.Rows] says which rows of a data table a
// subject may do something to.
//
// # Searches
//
// [Snapshot.WhoCan], [Snapshot.WhichResources] and [Snapshot.WhichActions] leave one part of a query open and list what
// Decide would allow. [Snapshot.WhatCan] lists all that a subject may do, and under which conditions.
//
// # Who and what there is
//
// [Snapshot.Holders], [Snapshot.Holds] and [Snapshot.ProfilesOf] say who holds which profile, and
// [Snapshot.WhichProfiles] which profile grants something. [Snapshot.Lookup] and
// [Snapshot.LookupUser] find resources by id or name. [Snapshot.Users] and [Snapshot.UsersWithTags] yield all users,
// [Snapshot.AIAgents] all AI agents with profiles and [Snapshot.HasAIAgent] looks for one, [Snapshot.All] the ids of a
// type. [Snapshot.GroupPath] leads to a hierarchy group.
// [Snapshot.Count], [Snapshot.CountByGroup], [Snapshot.CountHolders], [Snapshot.CountHoldersByGroup],
// [Snapshot.CountDistinctHolders] and [Snapshot.TagUsage] count. [Snapshot.TagSets] yields which tags occur together.
//
// # Changes
//
// [Snapshot.Edit] and [Snapshot.With] make other snapshots. [Snapshot.IfProfile] and [Snapshot.IfUser] say
// what a change would do, and to whom, and [Snapshot.Exceeds] whether it would give away more than somebody has.
// [Compare] says what any two snapshots allow differently.
//
// # The snapshot itself
//
// [Snapshot.Instance], [Snapshot.Account], [Snapshot.Exists], [Snapshot.Revision], [Snapshot.Altered], [Snapshot.Seq],
// [Snapshot.Hash], [Snapshot.Contradicts] and [Snapshot.Memory] describe it. [Snapshot.RightsOf] is what decides for
// one subject without it; see [Solo].
type Snapshot struct {
	instance string
	revision int64
	altered  int64  // see Altered
	hash     []byte // of the event of that revision, nil when it is not known
	exists   bool
	mirror   bool   // the instance is a mirror
	account  string // that owns the instance

	entities cow.Vector[entity]
	ids      cow.Index
	free     uint32 // slot+1 of the first free entity; each leads to the next in group
	kinds    [kindCount]*placeSet
	last     [kindCount]int64 // the highest seq that each kind has or had

	// What the entities take in addition to their places, in bytes; see Memory.
	weight    int64
	tagWeight int64   // of their tags, if each had its own
	tagShare  float64 // the part of tagWeight that remains because equal tags are stored once
}

// A place orders entities: by their seq, then by their slot. Sets of places are therefore in the order of creation,
// which is the same on every server and after every change. Slots are not, so they can be reused.
type place uint64

// Bounds of what a place holds. A seq beyond it counts as the highest.
const (
	slotBits = 28
	maxSlots = 1 << slotBits
	maxRank  = 1<<(64-slotBits) - 1
)

func placeOf(seq int64, slot uint32) place {
	return place(min(uint64(seq), maxRank)<<slotBits | uint64(slot))
}

func (p place) slot() uint32 { return uint32(p % maxSlots) }

// after is the first place behind everything with a seq.
func after(seq int64) place {
	if uint64(seq) >= maxRank {
		return placeOf(maxRank, maxSlots-1)
	}
	return placeOf(seq+1, 0)
}

// placeSet is an ordered set that is cheap to copy.
type placeSet struct{ btree.Map[place, struct{}] }

func (s *placeSet) Insert(p place) { s.Set(p, struct{}{}) }

// Copy leaves s as it is, even inside: others may be copying it at the same time.
func (s *placeSet) Copy() *placeSet {
	m := s.Map
	return &placeSet{*m.Copy()}
}

// slots yields the slots of s, in the order of their creation, from a place on.
func (s *placeSet) slots(from place) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		s.Ascend(from, func(p place, _ struct{}) bool { return yield(p.slot()) })
	}
}

// Instance returns the id of the instance.
func (s *Snapshot) Instance() string { return s.instance }

// Revision returns the revision of the last event that the snapshot includes, 0 without events.
func (s *Snapshot) Revision() int64 { return s.revision }

// Hash returns the hash of the event of that revision, nil when it is not known. It must not be changed.
func (s *Snapshot) Hash() []byte { return s.hash }

// Altered returns the revision of the last event that changed something that decisions may depend on, or the later one
// at which the instance was loaded.
func (s *Snapshot) Altered() int64 { return s.altered }

// Contradicts reports whether s cannot be an earlier state of its instance: revision and hash are those of the
// instance's last event, read after s was made. The source has then lost events that s includes, as a database may
// after a failover.
func (s *Snapshot) Contradicts(revision int64, hash []byte) bool {
	return s.revision > revision || s.revision == revision && s.hash != nil && hash != nil && !bytes.Equal(s.hash, hash)
}

// Account returns the id of the AWS account that owns the instance, or "" when the instance does not exist.
func (s *Snapshot) Account() string { return s.account }

// Seq returns the highest Seq (see lanyard.Meta) that a resource of the snapshot has or had.
func (s *Snapshot) Seq() int64 { return slices.Max(s.last[:]) }

// Exists reports whether the instance exists at this revision: it was put and not removed since.
func (s *Snapshot) Exists() bool { return s.exists }

// kind is the type of an entity. It is a part of the key under which the entity is found.
type kind uint8

const (
	kindFree kind = iota
	kindUser
	kindProfile
	kindQueue
	kindRoutingProfile
	kindGroup
	kindHours
	kindModule
	kindQuickConnect
	kindAgent
	kindDataTable
	kindFlow
	kindPrompt
	kindView
	kindEmailAddress
	kindEvaluationForm
	kindPhoneNumber
	kindWorkspace
	kindCount
	kindName = kindCount // users by name; no entity has it

	kindAbsent kind = 1 << 7 // a flag: lookups by kind do not find absent entities
)

// kindOf numbers the types that a snapshot holds.
var kindOf = map[lanyard.Type]kind{
	lanyard.TypeUser: kindUser, lanyard.TypeProfile: kindProfile, lanyard.TypeQueue: kindQueue,
	lanyard.TypeRoutingProfile: kindRoutingProfile, lanyard.TypeGroup: kindGroup, lanyard.TypeHours: kindHours,
	lanyard.TypeModule: kindModule, lanyard.TypeQuickConnect: kindQuickConnect, lanyard.TypeAIAgent: kindAgent,
	lanyard.TypeDataTable: kindDataTable, lanyard.TypeFlow: kindFlow, lanyard.TypePrompt: kindPrompt,
	lanyard.TypeView: kindView, lanyard.TypeEmailAddress: kindEmailAddress,
	lanyard.TypeEvaluationForm: kindEvaluationForm, lanyard.TypePhoneNumber: kindPhoneNumber,
	lanyard.TypeWorkspace: kindWorkspace,
}

// inlineRefs is how many references an entity holds in itself. Nearly every user holds fewer profiles.
const inlineRefs = 4

// An entity is anything that lanyard stores and that may be asked about, or a profile or group that is
// only named so far: that one is absent. There are millions of them, and nearly every decision touches two that are in
// no CPU cache, so the fields that decisions need come first, and those that few entities use are in extra.
type entity struct {
	id string
	// slot+1: the profiles that a user or AI agent holds; of a group, those above it and itself
	refs  [inlineRefs]uint32
	tags  unique.Handle[tagSet] // the zero Handle for none
	group uint32                // slot+1 of a user's hierarchy group; of a group, how many others name it
	kind  kind
	own   uint16 // how much of text is the name
	text  string // the name and, of a user, what only Users needs to know; see setPerson
	seq   int64  // see lanyard.Meta; 0 for what is absent
	extra *extra // nil for most; never changed, but replaced
}

// absent reports whether e is only named by others and not there, or not any more.
func (e *entity) absent() bool { return e.kind&kindAbsent != 0 }

// name is the name of a resource, and of a user the user name.
func (e *entity) name() string { return e.text[:e.own] }

// extra is what few entities have.
type extra struct {
	refs []uint32 // what does not fit into the entity's
	tags []tag    // what does not fit into the entity's
	prof *profile // of a security profile
}

// A tagSet is the first of an entity's tags, in the order of their keys. Most resources have few
// tags and share them with many others, so that one set serves all of them.
type tagSet [4]tag

// A tag is compared by pointer, because equal ones are the same.
type tag = unique.Handle[pair]

type pair struct{ key, value string }

func tagsOf(m map[string]string) []tag {
	if len(m) == 0 {
		return nil
	}
	tags := make([]tag, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		tags = append(tags, unique.Make(pair{k, m[k]}))
	}
	return tags
}

// has reports whether e carries a tag.
func (e *entity) has(t tag) bool {
	if e.tags == (unique.Handle[tagSet]{}) {
		return false
	}
	set := e.tags.Value()
	return set[0] == t || set[1] == t || set[2] == t || set[3] == t || e.extra != nil && slices.Contains(e.extra.tags, t)
}

// allTags are the tags that e carries.
func (e *entity) allTags() []tag {
	if e.tags == (unique.Handle[tagSet]{}) {
		return nil
	}
	set := e.tags.Value()
	all := slices.DeleteFunc(set[:], func(t tag) bool { return t == tag{} })
	if e.extra != nil {
		all = append(all, e.extra.tags...)
	}
	return all
}

// setTags replaces the tags.
func (e *entity) setTags(m map[string]string) {
	e.tags = unique.Handle[tagSet]{}
	tags := tagsOf(m)
	var set tagSet
	n := copy(set[:], tags)
	if n > 0 {
		e.tags = unique.Make(set)
	}
	if n < len(tags) || e.extra != nil && e.extra.tags != nil {
		e.extend(func(x *extra) { x.tags = slices.Clone(tags[n:]) })
	}
}

// extend replaces the extra by a changed copy.
func (e *entity) extend(change func(*extra)) {
	x := new(extra)
	if e.extra != nil {
		*x = *e.extra
	}
	change(x)
	e.extra = x
}

// ref returns the i-th reference as slot+1, 0 after the last.
func (e *entity) ref(i int) uint32 {
	if i < inlineRefs {
		return e.refs[i]
	}
	if i -= inlineRefs; e.extra != nil && i < len(e.extra.refs) {
		return e.extra.refs[i]
	}
	return 0
}

func (e *entity) setRefs(slots []uint32) {
	e.refs = [inlineRefs]uint32{}
	n := copy(e.refs[:], slots)
	if n < len(slots) || e.extra != nil && e.extra.refs != nil {
		e.extend(func(x *extra) { x.refs = slices.Clone(slots[n:]) })
	}
}

// prof is the compiled profile of a security profile, nil of anything else.
func (e *entity) prof() *profile {
	if e.extra == nil {
		return nil
	}
	return e.extra.prof
}

// nothing is the profile that grants nothing.
var nothing profile

// profile returns the compiled profile that a reference leads to. One that is absent grants nothing.
func (s *Snapshot) profile(slot uint32) *profile {
	if p := s.entities.At(slot - 1).prof(); p != nil {
		return p
	}
	return &nothing
}

// Empty returns the snapshot of an instance before its first event. To build one from resources, use New.
func Empty(instance string) *Snapshot { return &Snapshot{instance: instance, tagShare: 1} }
