package control

import (
	"context"
	"maps"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxProfilesOfUser is documented: a user holds 1 to 10 profiles.
const maxProfilesOfUser = 10

// NewUser is what CreateUser is told.
type NewUser struct {
	User     lanyard.User // Meta: Name and Tags only
	Password *string      // kept as a hash
}

// CreateUser adds a user.
func (s *Service) CreateUser(ctx context.Context, call Call, instance string,
	n NewUser) (Created[*lanyard.User], error) {
	in, err := s.Instance(ctx, call, instance) // here too: hashing a password takes too long for a transaction
	if err != nil {
		return Created[*lanyard.User]{}, err
	}
	hash, err := s.checkNewUser(ctx, in, n)
	if err != nil {
		return Created[*lanyard.User]{}, err
	}
	prepare := func(tx store.Tx, in *lanyard.Instance, u *lanyard.User) (err error) {
		u.Seq = 0
		if u.Profiles, err = s.profilesOfUser(ctx, tx, in, n.User.Profiles); err != nil {
			return err
		}
		if u.RoutingProfile, err = referID[*lanyard.RoutingProfile](ctx, s, tx, in, "RoutingProfileId",
			u.RoutingProfile); err != nil {
			return err
		}
		if u.Group != "" {
			u.Group, err = referID[*lanyard.Group](ctx, s, tx, in, "HierarchyGroupId", u.Group)
		}
		return err
	}
	setPassword := func(tx store.Tx, u *lanyard.User) error {
		if hash == "" {
			return nil
		}
		return tx.SetPassword(ctx, u.ID, hash)
	}
	return create(ctx, s, call, instance, creation[*lanyard.User]{resource: &n.User, named: "Username",
		quota: s.quotas.Users, prepare: prepare, then: setPassword})
}

// checkNewUser checks what depends on how the instance manages identities, and returns the hash of the password, or
// "" for none.
func (s *Service) checkNewUser(ctx context.Context, in *lanyard.Instance, n NewUser) (string, error) {
	if err := checkUsername(in.IdentityManagement, n.User.Name); err != nil {
		return "", err
	}
	if err := checkSAML(in, "IdentityInfo.Email", n.User.Email); err != nil {
		return "", err
	}
	if err := checkSAML(in, "DirectoryUserId", n.User.DirectoryUserID); err != nil {
		return "", err
	}
	managed := in.IdentityManagement == ConnectManaged
	switch {
	case managed && n.Password == nil:
		return "", lanyard.Errorf(lanyard.Invalid,
			"Password is required when the identity management of the instance is %s", ConnectManaged)
	case !managed && n.Password != nil:
		return "", lanyard.Errorf(lanyard.Invalid,
			"Password must be absent when the identity management of the instance is %s; it is for %s",
			in.IdentityManagement, ConnectManaged)
	case managed:
		return s.hashPassword(ctx, "Password", *n.Password)
	}
	return "", nil
}

// profilesOfUser checks the profiles that a user is to hold and returns their ids.
func (s *Service) profilesOfUser(ctx context.Context, r store.Reader, in *lanyard.Instance,
	refs []string) ([]string, error) {
	var ids []string
	restricted := 0
	for _, ref := range refs {
		p, err := refer[*lanyard.Profile](ctx, s, r, in, "SecurityProfileIds", ref)
		if err != nil {
			return nil, err
		}
		if contains(ids, p.ID) {
			continue
		}
		ids = append(ids, p.ID)
		if p.Restricted() { // one that is incomplete restricts nothing
			restricted++
		}
	}
	if most := s.quotas.RestrictedProfilesPerUser; most >= 0 && restricted > most {
		return nil, lanyard.Errorf(lanyard.Invalid,
			"SecurityProfileIds must have at most %d profiles with tag or hierarchy restrictions, got %d", most, restricted)
	}
	return ids, nil
}

// DescribeUser returns a user.
func (s *Service) DescribeUser(ctx context.Context, call Call, instance,
	user string) (*lanyard.Instance, *lanyard.User, error) {
	return describe[*lanyard.User](ctx, s, call, instance, user)
}

// DeleteUser removes a user.
func (s *Service) DeleteUser(ctx context.Context, call Call, instance, user string) (Result, error) {
	return remove[*lanyard.User](ctx, s, call, instance, user)
}

// UpdateUserSecurityProfiles replaces all profiles of a user.
func (s *Service) UpdateUserSecurityProfiles(ctx context.Context, call Call, instance, user string,
	profiles []string) (Result, error) {
	return update(ctx, s, call, instance, user, func(tx store.Tx, in *lanyard.Instance, u *lanyard.User) (err error) {
		u.Profiles, err = s.profilesOfUser(ctx, tx, in, profiles)
		return err
	})
}

// UpdateUserHierarchy puts a user into a hierarchy group, or with "" into none.
func (s *Service) UpdateUserHierarchy(ctx context.Context, call Call, instance, user, group string) (Result, error) {
	return update(ctx, s, call, instance, user, func(tx store.Tx, in *lanyard.Instance, u *lanyard.User) (err error) {
		if u.Group = ""; group != "" {
			u.Group, err = referID[*lanyard.Group](ctx, s, tx, in, "HierarchyGroupId", group)
		}
		return err
	})
}

// UpdateUserRoutingProfile gives a user another routing profile.
func (s *Service) UpdateUserRoutingProfile(ctx context.Context, call Call, instance, user,
	routingProfile string) (Result, error) {
	return update(ctx, s, call, instance, user, func(tx store.Tx, in *lanyard.Instance, u *lanyard.User) (err error) {
		u.RoutingProfile, err = referID[*lanyard.RoutingProfile](ctx, s, tx, in, "RoutingProfileId", routingProfile)
		return err
	})
}

// Identity is who a user is. A nil member stays as it is.
type Identity struct {
	FirstName, LastName, Email, SecondaryEmail, Mobile *string
}

// Set writes what i holds into u.
func (i Identity) Set(u *lanyard.User) {
	for _, f := range []struct{ from, to *string }{
		{i.FirstName, &u.FirstName}, {i.LastName, &u.LastName}, {i.Email, &u.Email},
		{i.SecondaryEmail, &u.SecondaryEmail}, {i.Mobile, &u.Mobile},
	} {
		if f.from != nil {
			*f.to = strings.Clone(*f.from)
		}
	}
}

// UpdateUserIdentityInfo changes who a user is.
func (s *Service) UpdateUserIdentityInfo(ctx context.Context, call Call, instance, user string, i Identity) (Result,
	error) {
	return update(ctx, s, call, instance, user, func(_ store.Tx, in *lanyard.Instance, u *lanyard.User) error {
		if i.Email != nil && *i.Email != u.Email { // one of an earlier version may be sent back
			if err := checkSAML(in, "IdentityInfo.Email", *i.Email); err != nil {
				return err
			}
		}
		i.Set(u)
		return nil
	})
}

// UpdateUserSettings replaces single settings of a user, whole each.
func (s *Service) UpdateUserSettings(ctx context.Context, call Call, instance, user string,
	settings lanyard.Settings) (Result, error) {
	return update(ctx, s, call, instance, user, func(_ store.Tx, _ *lanyard.Instance, u *lanyard.User) error {
		if u.Settings == nil {
			u.Settings = lanyard.Settings{}
		}
		maps.Copy(u.Settings, settings)
		return nil
	})
}
