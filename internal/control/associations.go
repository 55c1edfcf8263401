package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// Entity is who holds profiles, as the association operations name it.
type Entity struct {
	Type string // AI_AGENT or USER
	ARN  string
}

// The entity types of the association operations.
const (
	EntityAIAgent = "AI_AGENT"
	EntityUser    = "USER"
)

// maxProfilesOfAgent bounds what repeated associations may pile up on one AI agent. Amazon
// documents a bound per call only.
const maxProfilesOfAgent = 100

// AssociateSecurityProfiles gives an entity profiles in addition to those it holds: all of them or none.
// A profile that it holds already is Exists.
func (s *Service) AssociateSecurityProfiles(ctx context.Context, call Call, instance string, e Entity,
	profiles []string) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		holder, err := s.getHolder(ctx, tx, in, e)
		if err != nil {
			return err
		}
		given := heldProfiles(holder)
		held := slices.Clone(given)
		for i, ref := range profiles {
			p, err := used[*lanyard.Profile](ctx, s, tx, in, ref)
			if err != nil {
				return within(member("SecurityProfiles", i, "Id"), err)
			}
			if slices.Contains(held, p.ID) && !slices.Contains(given, p.ID) {
				continue // named twice in this call
			}
			if slices.Contains(given, p.ID) {
				return lanyard.Errorf(lanyard.Exists, "SecurityProfiles[%d].Id: %s is already associated with %s", i, p.ID,
					lanyard.Quote(e.ARN))
			}
			held = append(held, p.ID)
		}
		return s.putHolder(ctx, tx, in, holder, held)
	})
}

// DisassociateSecurityProfiles takes profiles from an entity: all of them or none.
// A profile that it does not hold is Invalid.
func (s *Service) DisassociateSecurityProfiles(ctx context.Context, call Call, instance string, e Entity,
	profiles []string) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		holder, err := s.getHolder(ctx, tx, in, e)
		if err != nil {
			return err
		}
		given := heldProfiles(holder)
		held := slices.Clone(given)
		for i, ref := range profiles {
			id, err := s.id(in, lanyard.TypeProfile, ref)
			if err != nil {
				return within(member("SecurityProfiles", i, "Id"), err)
			}
			at := slices.Index(held, id)
			if at < 0 && slices.Contains(given, id) {
				continue // named twice in this call
			}
			if at < 0 {
				return notAssociated(i, ref, e)
			}
			held = slices.Delete(held, at, at+1)
		}
		return s.putHolder(ctx, tx, in, holder, held)
	})
}

// notAssociated begins with the words that Amazon Connect was seen to use.
func notAssociated(i int, ref string, e Entity) error {
	return lanyard.Errorf(lanyard.Invalid, "Can only disassociate security profile ids associated to the entity: "+
		"SecurityProfiles[%d].Id must be a profile of %s, got %s", i, lanyard.Quote(e.ARN), lanyard.Quote(ref))
}

// ListEntitySecurityProfiles pages through the profiles of an entity by id. An AI agent that was
// never associated holds none.
func (s *Service) ListEntitySecurityProfiles(ctx context.Context, call Call, instance string, e Entity,
	p Page) ([]string, string, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return nil, "", err
	}
	holder, err := s.getHolder(ctx, s.store.Reader(in.ID), in, e)
	if err != nil {
		return nil, "", err
	}
	page, next := pageBy(slices.Clone(heldProfiles(holder)), func(id string) string { return id }, p)
	return page, next, nil
}

// getHolder returns the user or the AI agent that e names. An AI agent that was never associated is not stored yet, and
// holds nothing.
func (s *Service) getHolder(ctx context.Context, r store.Reader, in *lanyard.Instance,
	e Entity) (lanyard.Resource, error) {
	if e.Type != EntityUser {
		return s.getAgent(ctx, r, in, e.ARN)
	}
	if !s.associateUsers {
		return nil, lanyard.Errorf(lanyard.Invalid,
			"EntityType must be %s, got %s. For users, call UpdateUserSecurityProfiles or start the server with "+
				"--associate-users", EntityAIAgent, EntityUser)
	}
	u, err := load[*lanyard.User](ctx, s, r, in, e.ARN)
	if err != nil {
		return nil, within("EntityArn", err)
	}
	return u, nil
}

// checkAgentARN returns an error unless a member is the ARN of an AI agent that could hold profiles of in.
func (s *Service) checkAgentARN(in *lanyard.Instance, member, arn string) error {
	at, err := lanyard.ParseAgentARN(arn)
	switch {
	case err != nil:
		return lanyard.Errorf(lanyard.Invalid, "%s %v", member, err)
	case at != lanyard.AgentARN{Partition: s.partition, Region: in.Region, Account: in.Account}:
		return lanyard.Errorf(lanyard.NotFound,
			"%s: AI agent %s does not exist in account %s and region %s, those of instance %s", member, lanyard.Quote(arn),
			in.Account, in.Region, in.ID)
	}
	return nil
}

func (s *Service) getAgent(ctx context.Context, r store.Reader, in *lanyard.Instance,
	arn string) (lanyard.Resource, error) {
	if err := s.checkAgentARN(in, "EntityArn", arn); err != nil {
		return nil, err
	}
	a, err := r.Get(ctx, lanyard.TypeAIAgent, arn)
	if errors.Is(err, lanyard.ErrNotFound) {
		return &lanyard.AIAgent{Meta: lanyard.Meta{ID: arn, Name: arn}}, nil
	}
	return a, err
}

// heldProfiles returns the ids of the profiles of a user or an AI agent.
func heldProfiles(holder lanyard.Resource) []string {
	switch h := holder.(type) {
	case *lanyard.User:
		return h.Profiles
	case *lanyard.AIAgent:
		return h.Profiles
	}
	return nil
}

// putHolder stores a user or an AI agent with other profiles.
func (s *Service) putHolder(ctx context.Context, tx store.Tx, in *lanyard.Instance, holder lanyard.Resource,
	profiles []string) error {
	switch h := lanyard.Clone(holder).(type) {
	case *lanyard.User:
		return s.putProfilesOfUser(ctx, tx, in, h, profiles)
	case *lanyard.AIAgent:
		return s.putProfilesOfAgent(ctx, tx, h, profiles)
	}
	return fmt.Errorf("a %s holds no profiles", holder.Type())
}

func (s *Service) putProfilesOfUser(ctx context.Context, tx store.Tx, in *lanyard.Instance, u *lanyard.User,
	profiles []string) error {
	if len(profiles) == 0 || len(profiles) > maxProfilesOfUser {
		return lanyard.Errorf(lanyard.Invalid, "SecurityProfiles must leave user %s with 1 to %d profiles, got %d",
			u.ID, maxProfilesOfUser, len(profiles))
	}
	if len(profiles) > len(u.Profiles) { // taking some away is never refused for what is left
		if _, err := s.profilesOfUser(ctx, tx, in, profiles); err != nil {
			return err
		}
	}
	u.Profiles = profiles
	u.Modified = s.time()
	return tx.Put(ctx, u)
}

// putProfilesOfAgent keeps an AI agent as long as it holds profiles.
func (s *Service) putProfilesOfAgent(ctx context.Context, tx store.Tx, a *lanyard.AIAgent, profiles []string) error {
	stored := a.Seq != 0
	switch {
	case len(profiles) == 0 && stored:
		return tx.Delete(ctx, lanyard.TypeAIAgent, a.ID)
	case !stored:
		if err := s.room(ctx, tx, lanyard.TypeAIAgent, s.quotas.AIAgents); err != nil {
			return err
		}
	}
	if len(profiles) > maxProfilesOfAgent {
		return lanyard.Errorf(lanyard.Invalid,
			"SecurityProfiles must leave the AI agent with at most %d profiles, got %d", maxProfilesOfAgent, len(profiles))
	}
	a.Profiles = profiles
	a.Modified = s.time()
	return tx.Put(ctx, a)
}
