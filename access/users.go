package access

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"strings"
	"unique"

	"github.com/lanyard/lanyard"
)

// LookupUser returns the id of the user with an id or else a user name, as Decide finds users: what has the form of an
// id is not taken for a name. ok is false when there is no such user.
func (s *Snapshot) LookupUser(ref string) (id string, ok bool) {
	if e := s.user(ref); e != nil {
		return e.id, true
	}
	return "", false
}

// HasAIAgent reports whether the AI agent with that ARN, qualifier included, holds any profiles.
func (s *Snapshot) HasAIAgent(arn string) bool {
	if s == nil || !s.exists {
		return false
	}
	_, e := s.findByID(kindAgent, arn)
	return e != nil
}

// Holds reports whether a user, by id or user name, holds a profile, by its id.
func (s *Snapshot) Holds(user, profile string) bool {
	e := s.user(user)
	slot, p := s.findByID(kindProfile, profile)
	return e != nil && p != nil && slices.Contains(heldSlots(e), slot+1)
}

// Users yields every user in the order of their creation, with the ID, Name, Seq, FirstName, LastName, Group and
// Profiles, and nothing else. The slices must not be changed. It takes some 50 ns a user.
func (s *Snapshot) Users() iter.Seq[lanyard.User] { return s.users(nil) }

// UsersWithTags yields what Users does, and the Tags too. They must not be changed: users with the same tags may share
// them.
func (s *Snapshot) UsersWithTags() iter.Seq[lanyard.User] {
	return func(yield func(lanyard.User) bool) { s.users(tagMaps{})(yield) }
}

// users is Users and, unless tags is nil, UsersWithTags.
func (s *Snapshot) users(tags tagMaps) iter.Seq[lanyard.User] {
	return func(yield func(lanyard.User) bool) {
		if s == nil || !s.exists {
			return
		}
		var profiles []string // of many users, because one allocation for each would cost more than all else
		s.each(kindUser, func(e *entity) bool {
			if cap(profiles)-len(profiles) < MaxProfiles {
				profiles = make([]string, 0, min(max(64, 2*cap(profiles)), 1024))
			}
			begin := len(profiles)
			for i := 0; e.ref(i) != 0; i++ {
				profiles = append(profiles, s.entities.At(e.ref(i)-1).id)
			}
			u := lanyard.User{
				Meta:     lanyard.Meta{ID: e.id, Name: e.name(), Seq: e.seq},
				Profiles: profiles[begin:len(profiles):len(profiles)],
			}
			u.FirstName, u.LastName = e.called()
			if e.group != 0 {
				u.Group = s.entities.At(e.group - 1).id
			}
			if tags != nil {
				u.Tags = tags.of(e)
			}
			return yield(u)
		})
	}
}

// tagMaps are sets of tags as maps, for those that carry the same set.
type tagMaps map[unique.Handle[tagSet]]map[string]string

// maxTagMaps is how many sets of tags tagMaps keeps.
const maxTagMaps = 1024

// of returns the tags that e carries.
func (all tagMaps) of(e *entity) map[string]string {
	few := e.extra == nil || len(e.extra.tags) == 0
	if m, ok := all[e.tags]; ok && few {
		return m
	}
	tags := e.allTags()
	if len(tags) == 0 {
		return nil
	}
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Value().key] = t.Value().value
	}
	if few && len(all) < maxTagMaps {
		all[e.tags] = m
	}
	return m
}

func (e *entity) setName(name string) {
	e.text = name[:min(len(name), math.MaxUint16)] // more than any name has
	e.own = uint16(len(e.text))
}

// setPerson sets the name, and behind it the length of the first name, that and the last name.
func (e *entity) setPerson(u *lanyard.User) {
	e.setName(u.Name)
	if u.FirstName+u.LastName == "" {
		return
	}
	var n [binary.MaxVarintLen64]byte
	e.text = strings.Join([]string{e.text, string(binary.AppendUvarint(n[:0], uint64(len(u.FirstName)))), u.FirstName,
		u.LastName}, "")
}

// called are the first and the last name of a user.
func (e *entity) called() (first, last string) {
	rest := e.text[e.own:]
	if rest == "" {
		return "", ""
	}
	length, n := binary.Uvarint([]byte(rest[:min(len(rest), binary.MaxVarintLen64)]))
	rest = rest[n:]
	return rest[:length], rest[length:]
}
