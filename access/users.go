package access

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/lanyard/lanyard"
)

// Users calls do with every user, in the order of their creation, until do returns false. A user has
// its ID, Name, FirstName, LastName, Group, Profiles and, withTags, Tags, nothing else, and is
// overwritten by the next. The cost is some 50 ns each, so that a search need not read them all.
func (s *Snapshot) Users(withTags bool, do func(*lanyard.User) bool) {
	if s == nil || !s.exists {
		return
	}
	var u lanyard.User
	s.each(kindUser, func(e *entity) bool {
		profiles := u.Profiles[:0]
		for i := 0; ; i++ {
			p := e.ref(i)
			if p == 0 {
				break
			}
			profiles = append(profiles, s.entities.at(p-1).id)
		}
		u = lanyard.User{Meta: lanyard.Meta{ID: e.id, Name: e.name(), Seq: e.seq, Tags: u.Tags}, Profiles: profiles}
		u.FirstName, u.LastName = e.called()
		if e.group != 0 {
			u.Group = s.entities.at(e.group - 1).id
		}
		if withTags {
			if u.Tags == nil {
				u.Tags = map[string]string{}
			}
			clear(u.Tags)
			for _, t := range e.allTags() {
				u.Tags[t.Value().key] = t.Value().value
			}
		}
		return do(&u)
	})
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
	e.text = strings.Join([]string{e.text, string(binary.AppendUvarint(n[:0], uint64(len(u.FirstName)))), u.FirstName, u.LastName}, "")
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
