package control

import (
	"context"
	"errors"
	"regexp"
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
		held, put, err := s.holder(ctx, tx, in, e)
		if err != nil {
			return err
		}
		given := slices.Clone(held)
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
		return put(held)
	})
}

// DisassociateSecurityProfiles takes profiles from an entity: all of them or none.
// A profile that it does not hold is Invalid.
func (s *Service) DisassociateSecurityProfiles(ctx context.Context, call Call, instance string, e Entity,
	profiles []string) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		held, put, err := s.holder(ctx, tx, in, e)
		if err != nil {
			return err
		}
		given := slices.Clone(held)
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
		return put(held)
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
	held, _, err := s.holder(ctx, s.store.Reader(in.ID), in, e)
	if err != nil {
		return nil, "", err
	}
	page, next := pageBy(held, func(id string) string { return id }, p)
	return page, next, nil
}

// holder returns the profiles that an entity holds, as a list of the caller's own, and how to set
// them. put works when r is a Tx. An AI agent without associations holds none.
func (s *Service) holder(ctx context.Context, r store.Reader, in *lanyard.Instance,
	e Entity) (held []string, put func([]string) error, err error) {
	tx, _ := r.(store.Tx)
	if e.Type == EntityUser {
		if !s.associateUsers {
			return nil, nil, lanyard.Errorf(lanyard.Invalid,
				"EntityType must be %s, got %s. For users, call UpdateUserSecurityProfiles or start the server with "+
					"--associate-users", EntityAIAgent, EntityUser)
		}
		u, err := load[*lanyard.User](ctx, s, r, in, e.ARN)
		if err != nil {
			return nil, nil, within("EntityArn", err)
		}
		return slices.Clone(u.Profiles), func(ids []string) error {
			if len(ids) == 0 || len(ids) > maxProfilesOfUser {
				return lanyard.Errorf(lanyard.Invalid, "SecurityProfiles must leave user %s with 1 to %d profiles, got %d",
					u.ID, maxProfilesOfUser, len(ids))
			}
			u := lanyard.Clone(u)
			if len(ids) > len(u.Profiles) { // taking some away is never refused for what is left
				if _, err := s.profilesOfUser(ctx, tx, in, ids); err != nil {
					return err
				}
			}
			u.Profiles = ids
			u.Modified = s.time()
			return tx.Put(ctx, u)
		}, nil
	}
	form := agentForm.FindStringSubmatch(e.ARN)
	switch {
	case len(e.ARN) > lanyard.MaxARN || form == nil:
		return nil, nil, lanyard.Errorf(lanyard.Invalid,
			"EntityArn must be arn:PARTITION:wisdom:REGION:ACCOUNT:ai-agent/ASSISTANT/AGENT, with or without :$LATEST, "+
				":$SAVED or :VERSION, got %s",
			lanyard.Quote(e.ARN))
	case form[1] != s.partition || form[2] != in.Region || form[3] != in.Account:
		return nil, nil, lanyard.Errorf(lanyard.NotFound,
			"EntityArn: AI agent %s does not exist in account %s and region %s, those of instance %s", lanyard.Quote(e.ARN),
			in.Account, in.Region, in.ID)
	}
	res, err := r.Get(ctx, lanyard.TypeAIAgent, e.ARN)
	switch {
	case err == nil:
		a := res.(*lanyard.AIAgent)
		return slices.Clone(a.Profiles), func(ids []string) error {
			if len(ids) == 0 {
				return tx.Delete(ctx, lanyard.TypeAIAgent, a.ID)
			}
			return s.putAgent(ctx, tx, lanyard.Clone(a), ids)
		}, nil
	case errors.Is(err, lanyard.ErrNotFound):
		return nil, func(ids []string) error {
			if err := s.room(ctx, tx, lanyard.TypeAIAgent, s.quotas.AIAgents); err != nil {
				return err
			}
			return s.putAgent(ctx, tx, &lanyard.AIAgent{Meta: lanyard.Meta{ID: e.ARN, Name: e.ARN}}, ids)
		}, nil
	}
	return nil, nil, err
}

// agentForm is the ARN of an AI agent: partition, region, account, assistant, agent, qualifier.
var agentForm = regexp.MustCompile(`^arn:(aws(?:-[a-z-]+)?):wisdom:([a-z]{2,}(?:-[a-z]+)+-[0-9]):([0-9]{12}):ai-agent/[A-Za-z0-9-]{1,128}/[A-Za-z0-9-]{1,128}(?::(?:\$LATEST|\$SAVED|[0-9]{1,10}))?$`)

func (s *Service) putAgent(ctx context.Context, tx store.Tx, a *lanyard.AIAgent, profiles []string) error {
	if len(profiles) > maxProfilesOfAgent {
		return lanyard.Errorf(lanyard.Invalid,
			"SecurityProfiles must leave the AI agent with at most %d profiles, got %d", maxProfilesOfAgent, len(profiles))
	}
	a.Profiles = profiles
	a.Modified = s.time()
	return tx.Put(ctx, a)
}
