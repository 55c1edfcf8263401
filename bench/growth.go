package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gen"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// growthFound is what was found about instances of growing size.
type growthFound struct {
	options options
	sizes   []grown
}

// grown is an instance of one size. Times are in milliseconds.
type grown struct {
	gen.Size
	disk         float64   // MB
	ready, first []float64 // start to ready, and the first decision after it
	empty, full  float64   // MB of memory before any question, and after the first
	decide       []result  // one client
	one, many    []result  // updates
}

// measureGrowth measures the same on instances of ever more users, each alone in a folder.
func measureGrowth(ctx context.Context, o options, bin, dir string) (*growthFound, error) {
	found := &growthFound{options: o}
	for _, users := range o.growth {
		g, err := measureSize(ctx, o, bin, filepath.Join(dir, fmt.Sprint("growth", users)),
			gen.Size{Profiles: min(max(users/20, 10), 500), Users: users})
		if err != nil {
			return nil, fmt.Errorf("an instance of %d users: %w", users, err)
		}
		found.sizes = append(found.sizes, *g)
	}
	return found, nil
}

func measureSize(ctx context.Context, o options, bin, data string, size gen.Size) (*grown, error) {
	defer os.RemoveAll(data)
	g := &grown{Size: size}
	w := gen.New(1, size)
	progress("making an instance of %s profiles and %s users", thousands(float64(size.Profiles)),
		thousands(float64(size.Users)))
	id, err := hostGrown(ctx, bin, data, w)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(data, "lanyard.db")); err == nil {
		g.disk = float64(info.Size()) / 1e6
	}
	out, err := exec.CommandContext(ctx, bin, "token", "create", "--data", data, "--account", account, "--instance", id,
		"--output", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	var made struct{ Token string }
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, err
	}
	f := &grownFolder{bin: bin, data: data, instance: id, token: made.Token, world: w}
	for i := range o.starts {
		progress("start %d of %d with %s users", i+1, o.starts, thousands(float64(size.Users)))
		measure := func(*server, [][]byte) error { return nil }
		if i == o.starts-1 {
			measure = func(s *server, questions [][]byte) error { return g.measureLoad(ctx, o, f, s, questions) }
		}
		if err := g.start(ctx, f, measure); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// hostGrown makes a folder with an instance of w.
func hostGrown(ctx context.Context, bin, data string, w *gen.World) (id string, err error) {
	s, err := startLanyard(ctx, bin, data)
	if err != nil {
		return "", err
	}
	var made struct{ Id string }
	err = call(ctx, s.addr, "PUT", "/instance", object{"IdentityManagementType": "SAML", "InstanceAlias": "growth",
		"InboundCallsEnabled": true, "OutboundCallsEnabled": true}, &made)
	s.stop()
	if err != nil {
		return "", err
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: data, Cache: -1})
	if err != nil {
		return "", err
	}
	defer db.Close()
	last := time.Now()
	return made.Id, gen.Fill(ctx, db, made.Id, w, lanyard.Event{Operation: "Generate", Account: account, Region: region},
		func(n int) {
			if time.Since(last) > 5*time.Second {
				progress("filling a folder: %d of %d", n, w.Resources())
				last = time.Now()
			}
		})
}

// A grownFolder is a folder with an instance of a world, and what it takes to ask a server of it.
type grownFolder struct {
	bin, data, instance, token string
	world                      *gen.World
}

// questions are whether random users may view random users.
func (f *grownFolder) questions(addr string, users int) (all [][]byte, err error) {
	r := rand.New(rand.NewPCG(1, uint64(users)))
	for range 1000 {
		q, err := bearing(addr, "/access/v1/evaluation", f.token,
			object{"subject": object{"type": "user", "id": f.world.UserID(r.IntN(users))},
				"action":   object{"name": "Users.View"},
				"resource": object{"type": "User", "id": f.world.UserID(r.IntN(users))}})
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// start starts a server, measures it until it has answered a first question, and hands it to measure.
func (g *grown) start(ctx context.Context, f *grownFolder, measure func(*server, [][]byte) error) error {
	s, err := startLanyard(ctx, f.bin, f.data)
	if err != nil {
		return err
	}
	defer s.stop()
	g.ready = append(g.ready, milliseconds(s.ready))
	questions, err := f.questions(s.addr, g.Users)
	if err != nil {
		return err
	}
	g.empty = s.memory()
	began := time.Now()
	if err := send(ctx, s.addr, questions[0], nil); err != nil {
		return err
	}
	g.first = append(g.first, milliseconds(time.Since(began)))
	return measure(s, questions)
}

// measureLoad measures decisions of one client, and updates of one and of many.
func (g *grown) measureLoad(ctx context.Context, o options, f *grownFolder, s *server, questions [][]byte) error {
	if err := sleep(ctx, o.settle); err != nil {
		return err
	}
	g.full = s.memory()
	update := func(clients int) (result, error) {
		var all [][][]byte
		for c := range clients {
			two, err := twoContents(s.addr,
				"/security-profiles/"+f.instance+"/"+f.world.Profiles[c%len(f.world.Profiles)].ID, fmt.Sprint("Client ", c))
			if err != nil {
				return result{}, err
			}
			all = append(all, two)
		}
		return load(ctx, o.step, all, s.addr)
	}
	for i := range o.rounds {
		progress("round %d of %d with %s users", i+1, o.rounds, thousands(float64(g.Users)))
		d, err := load(ctx, o.step, [][][]byte{questions}, s.addr)
		if err != nil {
			return err
		}
		one, err := update(1)
		if err != nil {
			return err
		}
		many, err := update(64)
		if err != nil {
			return err
		}
		g.decide, g.one, g.many = append(g.decide, d), append(g.one, one), append(g.many, many)
	}
	return nil
}
