package control

import (
	"context"
	"errors"
	"reflect"
	"strconv"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// Traffic distribution groups. In Amazon Connect an instance has them once it is replicated, and a default one with
// them. Here every instance counts as replicated: the default group comes with the first other one, and goes with the
// last. Nothing is distributed.

// A TrafficGroupOf is a traffic distribution group and its instance.
type TrafficGroupOf struct {
	Instance *lanyard.Instance
	Group    *lanyard.TrafficGroup
}

// TrafficGroup returns a traffic distribution group of the caller's account, by id or ARN. member names it.
func (s *Service) TrafficGroup(ctx context.Context, call Call, member, ref string) (found TrafficGroupOf, err error) {
	missing := lanyard.Errorf(lanyard.NotFound, "%s: traffic distribution group %s does not exist", member,
		lanyard.Quote(ref))
	id := ref
	if lanyard.IsARN(ref) {
		a, err := lanyard.ParseARN(ref)
		if err != nil {
			return found, within(member, err)
		}
		if id = a.ID; a.Type != lanyard.TypeTrafficGroup || a.Partition != s.partition || a.Account != call.Account ||
			call.Region != "" && call.Region != a.Region {
			return found, missing
		}
	}
	err = s.eachInstance(ctx, call, func(in *lanyard.Instance) error {
		r, err := s.store.Reader(in.ID).Get(ctx, lanyard.TypeTrafficGroup, id)
		if errors.Is(err, lanyard.ErrNotFound) {
			return nil
		}
		if err == nil {
			found = TrafficGroupOf{in, r.(*lanyard.TrafficGroup)}
		}
		return err
	})
	if err == nil && found.Group == nil {
		err = missing
	}
	return found, err
}

// ListTrafficGroups pages through the traffic distribution groups of an instance, or of all for "".
func (s *Service) ListTrafficGroups(ctx context.Context, call Call, instance string, p Page) ([]TrafficGroupOf, string,
	error) {
	var all []TrafficGroupOf
	collect := func(in *lanyard.Instance) error {
		return each(ctx, s.store.Reader(in.ID), func(g *lanyard.TrafficGroup) error {
			all = append(all, TrafficGroupOf{in, g})
			return nil
		})
	}
	var err error
	if instance == "" {
		err = s.eachInstance(ctx, call, collect)
	} else {
		var in *lanyard.Instance
		if in, err = s.Instance(ctx, call, instance); err == nil {
			err = collect(in)
		}
	}
	if err != nil {
		return nil, "", err
	}
	page, next := pageBy(all, func(g TrafficGroupOf) string { return g.Instance.ID + "/" + padded(g.Group.Seq) }, p)
	return page, next, nil
}

// CreateTrafficGroup adds a traffic distribution group, and the default one unless it is there.
func (s *Service) CreateTrafficGroup(ctx context.Context, call Call, instance string, g *lanyard.TrafficGroup,
	token string) (Created[*lanyard.TrafficGroup], error) {
	c := documentCreation(ctx, s, call, g)
	prepare := c.prepare
	var region string
	c.prepare = func(tx store.Tx, in *lanyard.Instance, g *lanyard.TrafficGroup) error {
		region = in.Region
		distributeAll(g, region)
		return prepare(tx, in, g)
	}
	c.then = func(tx store.Tx, made *lanyard.TrafficGroup) error {
		groups, err := tx.List(ctx, lanyard.TypeTrafficGroup, 0, 2)
		if err != nil || len(groups) > 1 {
			return err
		}
		d := &lanyard.TrafficGroup{Default: true}
		d.ID, d.Name, d.Modified, d.Created = s.newID(), "Default", made.Modified, made.Created
		distributeAll(d, region)
		return tx.Put(ctx, d)
	}
	return createOnce(ctx, s, call, instance, token, c)
}

// distributeAll sends everything to one region.
func distributeAll(g *lanyard.TrafficGroup, region string) {
	all := `{"Distributions":[{"Percentage":100,"Region":` + strconv.Quote(region) + `}]}`
	g.Doc().Set(lanyard.Settings{"TelephonyConfig": lanyard.JSON(all), "AgentConfig": lanyard.JSON(all)}, false)
	if g.Default {
		g.Members["SignInConfig"] = lanyard.JSON(`{"Distributions":[{"Enabled":true,"Region":` + strconv.Quote(region) + `}]}`)
	}
}

// DeleteTrafficGroup removes a traffic distribution group, and with the last one the default.
func (s *Service) DeleteTrafficGroup(ctx context.Context, call Call, ref string) (Result, error) {
	of, err := s.TrafficGroup(ctx, call, "TrafficDistributionGroupId", ref)
	if err != nil {
		return Result{}, err
	}
	return s.change(ctx, call, of.Instance.ID, func(tx store.Tx, _ *lanyard.Instance) error {
		if of.Group.Default {
			return lanyard.Errorf(lanyard.Invalid, "TrafficDistributionGroupId must be a group that is not the default, got %s",
				lanyard.Quote(ref))
		}
		if err := tx.Delete(ctx, lanyard.TypeTrafficGroup, of.Group.ID); err != nil {
			return err
		}
		left, err := tx.List(ctx, lanyard.TypeTrafficGroup, 0, 2)
		if err != nil || len(left) != 1 {
			return err
		}
		return tx.Delete(ctx, lanyard.TypeTrafficGroup, left[0].Head().ID)
	})
}

// UpdateTrafficDistribution changes how a group distributes calls, agents and sign-ins.
func (s *Service) UpdateTrafficDistribution(ctx context.Context, call Call, ref string, set lanyard.Settings) (Result,
	error) {
	of, err := s.TrafficGroup(ctx, call, "Id", ref)
	if err != nil {
		return Result{}, err
	}
	return ChangeDocument(ctx, s, call, of.Instance.ID, DocumentRef{ID: of.Group.ID}, func(g *lanyard.TrafficGroup) error {
		if set["SignInConfig"] != nil && !g.Default {
			return lanyard.Errorf(lanyard.Invalid, "SignInConfig must be absent unless the group is the default")
		}
		before := lanyard.Clone(g)
		g.Doc().Set(set, false)
		if !reflect.DeepEqual(before, g) {
			g.Members["LastFailoverTime"] = jsonNumber(s.time().Unix())
		}
		return nil
	})
}

// checkTrafficGroup checks what a group distributes.
func checkTrafficGroup(c *documentCheck, _, d *lanyard.Document) error {
	for _, name := range []string{"TelephonyConfig", "AgentConfig", "SignInConfig"} {
		var config struct {
			Distributions []struct {
				Region     string
				Percentage int
				Enabled    bool
			}
		}
		if ok, err := c.member(d, name, &config); !ok || err != nil {
			return err // SignInConfig is the last, and the others are always there
		}
		sum, enabled, seen := 0, false, map[string]bool{}
		for i, x := range config.Distributions {
			at := member(name+".Distributions", i, "")
			switch {
			case seen[x.Region]:
				return lanyard.Errorf(lanyard.Invalid, "%sRegion must be unique, got %s, which is listed twice", at,
					lanyard.Quote(x.Region))
			case x.Percentage%10 != 0:
				return lanyard.Errorf(lanyard.Invalid, "%sPercentage must be a multiple of 10, got %d", at, x.Percentage)
			}
			seen[x.Region], sum, enabled = true, sum+x.Percentage, enabled || x.Enabled
		}
		switch {
		case name == "SignInConfig" && !enabled:
			return lanyard.Errorf(lanyard.Invalid, "SignInConfig.Distributions must have a region that is Enabled, got none")
		case name != "SignInConfig" && sum != 100:
			return lanyard.Errorf(lanyard.Invalid, "%s.Distributions must have percentages with the sum 100, got %d", name, sum)
		}
	}
	return nil
}
