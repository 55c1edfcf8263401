package control

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// aliasMember holds the alias of an e-mail address: an address whose mail goes to it as well. There is one at most.
const aliasMember = "AliasConfigurations"

// An aliasConfiguration is an item of it.
type aliasConfiguration struct{ EmailAddressId string }

// aliasesOf are the ids of the aliases of an address.
func aliasesOf(d *lanyard.Document) (ids []string, err error) {
	var list []aliasConfiguration
	if raw := d.Members[aliasMember]; raw != nil {
		err = json.Unmarshal(raw, &list)
	}
	for _, a := range list {
		ids = append(ids, a.EmailAddressId)
	}
	return ids, err
}

// AssociateEmailAddressAlias has mail to one address go to another as well. Neither is an alias, or has one.
func (s *Service) AssociateEmailAddressAlias(ctx context.Context, call Call, instance, address,
	alias string) (Result, error) {
	const member = "AliasConfiguration.EmailAddressId"
	return s.updateAddress(ctx, call, instance, address,
		func(c *documentCheck, r *lanyard.EmailAddress) error {
			id, err := c.referTo(lanyard.TypeEmailAddress, member, alias)
			if err != nil {
				return err
			}
			if id == r.ID {
				return lanyard.Errorf(lanyard.Invalid, "%s must be another e-mail address, got %s", member, lanyard.Quote(alias))
			}
			has, err := aliasesOf(r.Doc())
			if err != nil || slices.Contains(has, id) {
				return err
			}
			if len(has) > 0 {
				return lanyard.Errorf(lanyard.Exists, "e-mail address %q already has an alias: %s", r.Name, has[0])
			}
			if err := c.refuseChains(r.ID, id, member); err != nil {
				return err
			}
			b, err := json.Marshal([]aliasConfiguration{{id}})
			r.Members[aliasMember] = b
			return err
		})
}

// refuseChains refuses an alias of an alias.
func (c *documentCheck) refuseChains(primary, alias, member string) error {
	for _, id := range []string{primary, alias} {
		of, err := c.tx.Referrers(c.ctx, lanyard.Ref{Type: lanyard.TypeEmailAddress, ID: id}, lanyard.TypeEmailAddress, "", 1)
		if err != nil {
			return err
		}
		if len(of) > 0 {
			return lanyard.Errorf(lanyard.Exists, "%s: e-mail address %q is an alias already, so it has no aliases and is none "+
				"of another", member, id)
		}
	}
	res, err := c.tx.Get(c.ctx, lanyard.TypeEmailAddress, alias)
	if err != nil {
		return err
	}
	has, err := aliasesOf(res.(*lanyard.EmailAddress).Doc())
	if err == nil && len(has) > 0 {
		err = lanyard.Errorf(lanyard.Exists, "%s must be an e-mail address without an alias, got %s, which has one", member,
			lanyard.Quote(alias))
	}
	return err
}

// DisassociateEmailAddressAlias takes its alias from an address.
func (s *Service) DisassociateEmailAddressAlias(ctx context.Context, call Call, instance, address,
	alias string) (Result, error) {
	return s.updateAddress(ctx, call, instance, address, func(c *documentCheck, r *lanyard.EmailAddress) error {
		id, err := s.id(c.in, lanyard.TypeEmailAddress, alias)
		if err != nil {
			return within("AliasConfiguration.EmailAddressId", err)
		}
		has, err := aliasesOf(r.Doc())
		if err != nil {
			return err
		}
		if !slices.Contains(has, id) {
			return lanyard.Errorf(lanyard.Invalid, "AliasConfiguration.EmailAddressId must be the alias of e-mail address %q, got %s",
				r.Name, lanyard.Quote(alias))
		}
		delete(r.Members, aliasMember)
		return nil
	})
}

// updateAddress changes an address as change does.
func (s *Service) updateAddress(ctx context.Context, call Call, instance, address string,
	change func(*documentCheck, *lanyard.EmailAddress) error) (Result, error) {
	rules := documents[lanyard.TypeEmailAddress]
	return update(ctx, s, call, instance, address,
		func(tx store.Tx, in *lanyard.Instance, r *lanyard.EmailAddress) error {
			c := &documentCheck{ctx, s, tx, in, call}
			before := *r.Doc()
			if err := change(c, r); err != nil {
				return err
			}
			return c.complete(rules, &before, r.Doc(), lanyard.TypeEmailAddress)
		})
}

// DeleteEmailAddress removes an address that no queue has. One whose alias it is loses it.
func (s *Service) DeleteEmailAddress(ctx context.Context, call Call, instance, address string) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		r, err := getTarget[*lanyard.EmailAddress](ctx, s, tx, in, address)
		if err != nil {
			return err
		}
		if err := unused(ctx, tx, r, lanyard.TypeQueue); err != nil {
			return err
		}
		to := lanyard.Ref{Type: lanyard.TypeEmailAddress, ID: r.ID}
		forwards, err := tx.Referrers(ctx, to, lanyard.TypeEmailAddress, "", 1)
		if err != nil {
			return err
		}
		for _, id := range forwards {
			res, err := tx.Get(ctx, lanyard.TypeEmailAddress, id)
			if err != nil {
				return err
			}
			primary := lanyard.Clone(res.(*lanyard.EmailAddress))
			delete(primary.Members, aliasMember)
			primary.Uses = nil
			s.touch(call, primary)
			if err := tx.Put(ctx, primary); err != nil {
				return err
			}
		}
		return tx.Delete(ctx, lanyard.TypeEmailAddress, r.ID)
	})
}
