package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gen"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

type genCmd struct {
	outputFlag `embed:""`
	Data       string `help:"Data folder, which no server may use in the meantime; created if it does not exist; default ${default}." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Store      string `help:"Where to keep the data, as for lanyard serve." default:"sqlite" placeholder:"sqlite|postgres://…"`
	Account    string `help:"Account of the instances; default: the account of the folder's root key, otherwise ${default}." default:"123456789012"`
	Region     string `help:"AWS Region of the instances." default:"us-east-1"`
	Instances  int    `help:"Instances to create; at most 10,000." default:"1"`
	Profiles   int    `help:"Security profiles of each instance, besides the default ones; at most 100,000." default:"100"`
	Users      int    `help:"Users of each instance; at most 10,000,000." default:"1000"`
	Seed       uint64 `help:"The same seed generates the same instances, except for their ids." default:"1"`
}

func (genCmd) Help() string {
	return `Generates instances for load tests and experiments: a hierarchy of five levels, profiles of six roles,
queues, and users of whom most hold one profile. It bypasses the quotas and the rules of the API.

Examples:
  lanyard gen --data ./big --users 100000 --profiles 500
  lanyard gen --data ./many --instances 1000 --profiles 100 --users 1000
  lanyard serve --data ./big --quota-users=-1 --quota-profiles=-1`
}

// generated is an instance that was created.
type generated struct {
	Instance string
	Alias    string
	Profiles int
	Users    int
	Groups   int
	Queues   int
}

func (c *genCmd) checkFlags() error {
	for _, n := range []struct {
		flag             string
		have, least, max int
	}{
		{"--instances", c.Instances, 1, 10_000},
		{"--profiles", c.Profiles, 0, gen.MaxProfiles},
		{"--users", c.Users, 0, gen.MaxUsers},
	} {
		if n.have < n.least || n.have > n.max {
			return refuse("%s must be %d to %d, got %d", n.flag, n.least, n.max, n.have)
		}
	}
	if err := checkPlace(c.Account, c.Region); err != nil {
		return err
	}
	return errors.Join(checkStore(c.Store), notURL("--data", c.Data))
}

func (c *genCmd) Run(io streams) (err error) {
	if err := c.checkFlags(); err != nil {
		return err
	}
	ctx := io.ctx
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	db, err := openStore(ctx, c.Store, c.Data, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	svc := control.New(control.Config{Store: db, Region: c.Region, Quotas: control.Quotas{InstancesPerAccount: -1}})
	keys, err := svc.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Root {
			c.Account = k.Account
		}
	}
	bar := newProgress(io, "resources")
	var made []generated
	per := 0
	for i := range c.Instances {
		w := gen.New(c.Seed+uint64(i), gen.Size{Profiles: c.Profiles, Users: c.Users})
		per = w.Resources()
		g, err := generator{c, svc, db}.makeInstance(ctx, fmt.Sprintf("gen-%d-%d", c.Seed, i+1), w,
			func(n int) { bar.at(i*per+n, c.Instances*per) })
		if err != nil {
			bar.end()
			return err
		}
		made = append(made, *g)
	}
	bar.end()
	if c.json(io) {
		b, err := json.Marshal(made, laxjson.Options, jsontext.WithIndent("  "))
		if err == nil {
			_, err = io.out.Write(append(b, '\n'))
		}
		return err
	}
	t := newTable(io.out, "INSTANCE", "ALIAS", "PROFILES", "USERS", "GROUPS", "QUEUES")
	for _, g := range made {
		t.row(g.Instance, g.Alias, g.Profiles, g.Users, g.Groups, g.Queues)
	}
	return t.flush()
}

// A generator makes instances in a store.
type generator struct {
	*genCmd
	svc *control.Service
	db  store.Instances
}

// makeInstance makes an instance with the resources of w. It calls done with how many there are so far.
func (c generator) makeInstance(ctx context.Context, alias string, w *gen.World, done func(int)) (*generated, error) {
	caller := lanyard.Caller{Account: c.Account, Root: true, SourceIP: "127.0.0.1", UserAgent: "lanyard gen",
		RequestID: "gen"}
	created, err := c.svc.CreateInstance(ctx,
		control.Call{Caller: caller, Operation: "CreateInstance", Request: lanyard.JSON(`{}`)},
		control.NewInstance{Alias: alias, IdentityManagement: control.SAML, Inbound: true, Outbound: true})
	if errors.Is(err, lanyard.ErrDuplicate) {
		return nil, refuse("instance %q already exists; use another --seed or --data", alias)
	}
	if err != nil {
		return nil, err
	}
	event := lanyard.Event{Operation: "Generate", Account: c.Account, Region: c.Region, SourceIP: caller.SourceIP,
		UserAgent: caller.UserAgent,
		Request:   lanyard.JSON(fmt.Sprintf(`{"Seed":%d,"Profiles":%d,"Users":%d}`, c.Seed, w.Size.Profiles, w.Users)),
		Time:      time.Now()}
	if err := gen.Fill(ctx, c.db, created.Instance.ID, w, event, done); err != nil {
		return nil, err
	}
	return &generated{Instance: created.Instance.ID, Alias: alias,
		Profiles: len(w.Profiles) + len(lanyard.DefaultProfiles()),
		Users:    w.Users, Groups: len(w.Groups), Queues: len(w.Queues)}, nil
}
