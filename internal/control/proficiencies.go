package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxProficiencies bounds what associations may pile up on one user. It is ours.
const maxProficiencies = 100

// ListUserProficiencies pages through the proficiencies of a user by attribute and value.
func (s *Service) ListUserProficiencies(ctx context.Context, call Call, instance, user string,
	p Page) (PartOf[*lanyard.User, lanyard.Proficiency], error) {
	in, u, err := s.DescribeUser(ctx, call, instance, user)
	if err != nil {
		return PartOf[*lanyard.User, lanyard.Proficiency]{}, err
	}
	return partOf(in, u, u.Proficiencies, proficiencyKey, p), nil
}

func proficiencyKey(p lanyard.Proficiency) string { return p.Attribute + "\x00" + p.Value }

// proficiency returns the position of the proficiency of the same attribute and value, or -1.
func proficiency(list []lanyard.Proficiency, p lanyard.Proficiency) int {
	return slices.IndexFunc(list,
		func(q lanyard.Proficiency) bool { return q.Attribute == p.Attribute && q.Value == p.Value })
}

// AssociateUserProficiencies gives a user proficiencies in addition to those that they have: all of them or none. Each
// is a value of a predefined attribute.
func (s *Service) AssociateUserProficiencies(ctx context.Context, call Call, instance, user string,
	list []lanyard.Proficiency) (Result, error) {
	return s.changeProficiencies(ctx, call, instance, user, list,
		func(tx store.Tx, u *lanyard.User, where string, p lanyard.Proficiency) error {
			if proficiency(u.Proficiencies, p) >= 0 {
				return lanyard.Errorf(lanyard.Invalid,
					"%s must be a proficiency that the user does not have yet, got %s %s; change its level with "+
						"UpdateUserProficiencies",
					where, lanyard.Quote(p.Attribute), lanyard.Quote(p.Value))
			}
			u.Proficiencies = append(u.Proficiencies, p)
			return s.checkProficiency(ctx, tx, where, p)
		})
}

// UpdateUserProficiencies sets the levels of proficiencies that a user has: all of them or none.
func (s *Service) UpdateUserProficiencies(ctx context.Context, call Call, instance, user string,
	list []lanyard.Proficiency) (Result, error) {
	return s.changeProficiencies(ctx, call, instance, user, list,
		func(_ store.Tx, u *lanyard.User, where string, p lanyard.Proficiency) error {
			at, err := hasProficiency(u, where, p)
			if err == nil {
				u.Proficiencies[at].Level = p.Level
			}
			return err
		})
}

// DisassociateUserProficiencies takes proficiencies from a user: all of them or none.
func (s *Service) DisassociateUserProficiencies(ctx context.Context, call Call, instance, user string,
	list []lanyard.Proficiency) (Result, error) {
	return s.changeProficiencies(ctx, call, instance, user, list,
		func(_ store.Tx, u *lanyard.User, where string, p lanyard.Proficiency) error {
			at, err := hasProficiency(u, where, p)
			if err != nil {
				return err
			}
			if u.Proficiencies = slices.Delete(u.Proficiencies, at, at+1); len(u.Proficiencies) == 0 {
				u.Proficiencies = nil // as one who never had any
			}
			return nil
		})
}

func hasProficiency(u *lanyard.User, where string, p lanyard.Proficiency) (int, error) {
	at := proficiency(u.Proficiencies, p)
	if at < 0 {
		return at, lanyard.Errorf(lanyard.Invalid, "%s must be a proficiency of the user, got %s %s", where,
			lanyard.Quote(p.Attribute), lanyard.Quote(p.Value))
	}
	return at, nil
}

// changeProficiencies changes a user by each of list, which names none twice.
func (s *Service) changeProficiencies(ctx context.Context, call Call, instance, user string, list []lanyard.Proficiency,
	change func(store.Tx, *lanyard.User, string, lanyard.Proficiency) error) (Result, error) {
	seen := map[string]bool{}
	for i, p := range list {
		if seen[proficiencyKey(p)] {
			return Result{}, lanyard.Errorf(lanyard.Invalid, "UserProficiencies[%d]: %s %s is listed twice", i,
				lanyard.Quote(p.Attribute), lanyard.Quote(p.Value))
		}
		seen[proficiencyKey(p)] = true
	}
	return update(ctx, s, call, instance, user, func(tx store.Tx, _ *lanyard.Instance, u *lanyard.User) error {
		for i, p := range list {
			if err := change(tx, u, fmt.Sprintf("UserProficiencies[%d]", i), p); err != nil {
				return err
			}
		}
		if n := len(u.Proficiencies); n > maxProficiencies {
			return lanyard.Errorf(lanyard.Invalid, "UserProficiencies must leave the user with at most %d proficiencies, got %d",
				maxProficiencies, n)
		}
		return nil
	})
}
