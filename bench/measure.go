package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measureStarts finds out how long a start takes and how much memory it leaves taken, on an empty
// folder and on a large one.
func measureStarts(ctx context.Context, rep *apiFound, bin, dir string) error {
	o := rep.options
	once := func(data, path string, last bool) (ready, first time.Duration, memory float64, err error) {
		s, err := startLanyard(ctx, bin, data)
		if err != nil {
			return 0, 0, 0, err
		}
		defer s.stop()
		began := time.Now()
		if path != "" {
			if err := call(ctx, s.addr, "GET", path, nil, nil); err != nil {
				return 0, 0, 0, err
			}
		}
		first = s.ready + time.Since(began)
		if last {
			err = sleep(ctx, o.settle)
			memory = s.memory()
		}
		return s.ready, first, memory, err
	}
	for i := range o.starts {
		progress("start %d of %d on an empty folder", i+1, o.starts)
		data := filepath.Join(dir, fmt.Sprint("empty", i))
		ready, _, memory, err := once(data, "", i == o.starts-1)
		if err != nil {
			return err
		}
		rep.startEmpty = append(rep.startEmpty, milliseconds(ready))
		rep.memoryEmpty = memory
		os.RemoveAll(data)
	}

	data := filepath.Join(dir, "large")
	defer os.RemoveAll(data)
	s, err := startLanyard(ctx, bin, data)
	if err != nil {
		return err
	}
	in, err := makeInstance(ctx, s.addr)
	s.stop()
	if err != nil {
		return err
	}
	if err := enlarge(ctx, data, in, o.large); err != nil {
		return err
	}
	for i := range o.starts {
		progress("start %d of %d on the large folder", i+1, o.starts)
		ready, first, memory, err := once(data, in.path(in.profiles[0]), i == o.starts-1)
		if err != nil {
			return err
		}
		rep.startLarge = append(rep.startLarge, milliseconds(ready))
		rep.firstLarge = append(rep.firstLarge, milliseconds(first))
		rep.memoryLarge = memory
	}
	return nil
}

// The measurements of a round, in their order.
const (
	trivial = iota
	verified
	describe
	list
	bareUpsert
	update
	updateMany
	measurements
)

// clients is how many there are in each.
var clients = [measurements]int{trivial: 32, verified: 32, describe: 32, list: 32, bareUpsert: 1, update: 1,
	updateMany: 64}

var names = [measurements]string{
	trivial:    "trivial JSON handler of net/http",
	verified:   "the same, signature checked",
	describe:   "DescribeSecurityProfile",
	list:       "ListSecurityProfiles, 100 profiles",
	bareUpsert: "bare SQLite, 2 KB a transaction",
	update:     "UpdateSecurityProfile, all parameters",
	updateMany: "UpdateSecurityProfile, all parameters",
}

// besides are the rates of updates, a second, during which reads are measured; 0: as fast as the
// clients get their answers.
var besides = [...]float64{1000, 3000, 0}

// besideFound is what was found of both, at the same time.
type besideFound struct{ updates, reads result }

// measureRates takes the measurements in turns, so that what slows the machine for a while slows
// all of them.
func measureRates(ctx context.Context, rep *apiFound, bin, dir string) error {
	o := rep.options
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var baselines [2]*server
	for i, kind := range []string{"trivial", "sigv4"} {
		if baselines[i], err = start(ctx, "/", self, "-serve", kind); err != nil {
			return err
		}
		defer baselines[i].stop()
	}
	data := filepath.Join(dir, "data")
	s, err := startLanyard(ctx, bin, data)
	if err != nil {
		return err
	}
	defer s.stop()
	progress("making an instance with %d profiles", profiles)
	in, err := makeInstance(ctx, s.addr)
	if err != nil {
		return err
	}
	plain, err := openBare(ctx, dir)
	if err != nil {
		return err
	}
	defer plain.db.Close()

	same := func(addr, path string, n int) ([][][]byte, error) {
		r, err := signed(addr, "GET", path, nil)
		var all [][][]byte
		for range n {
			all = append(all, [][]byte{r})
		}
		return all, err
	}
	get := func(addr, path string, n int) (result, error) {
		all, err := same(addr, path, n)
		if err != nil {
			return result{}, err
		}
		return load(ctx, o.step, all, addr)
	}
	// changing has n clients update at a rate, alongside other work if there is any. Each client has a
	// profile of its own, so that each of its calls changes something.
	changing := func(n int, rate float64, beside ...work) ([]result, error) {
		var all [][][]byte
		for c := range n {
			var two [][]byte
			for i := range 2 {
				r, err := signed(s.addr, "POST", in.path(in.profiles[c]), in.content((i+1)%2))
				if err != nil {
					return nil, err
				}
				two = append(two, r)
			}
			all = append(all, two)
		}
		// An odd number of changes before would make the first of these change nothing.
		for c := range n {
			if err := call(ctx, s.addr, "POST", in.path(in.profiles[c]), in.content(0), nil); err != nil {
				return nil, err
			}
		}
		before, err := revision(ctx, data, in.id)
		if err != nil {
			return nil, err
		}
		found, err := loads(ctx, o.step, append([]work{{addrs: []string{s.addr}, clients: all, rate: rate}}, beside...)...)
		if err != nil {
			return nil, err
		}
		after, err := revision(ctx, data, in.id)
		if err == nil && after-before != found[0].n {
			err = fmt.Errorf("%d updates were answered but %d are recorded", found[0].n, after-before)
		}
		return found, err
	}
	change := func(n int) (result, error) {
		found, err := changing(n, 0)
		if err != nil {
			return result{}, err
		}
		return found[0], nil
	}
	do := [measurements]func() (result, error){
		trivial:    func() (result, error) { return get(baselines[0].addr, in.path(in.profiles[0]), clients[trivial]) },
		verified:   func() (result, error) { return get(baselines[1].addr, in.path(in.profiles[0]), clients[verified]) },
		describe:   func() (result, error) { return get(s.addr, in.path(in.profiles[0]), clients[describe]) },
		list:       func() (result, error) { return get(s.addr, in.listPath(), clients[list]) },
		bareUpsert: func() (result, error) { return repeat(o.step, plain.upsert) },
		update:     func() (result, error) { return change(clients[update]) },
		updateMany: func() (result, error) { return change(clients[updateMany]) },
	}
	progress("warming up: the first writes make the logs of the databases longer, later ones write over them")
	for range 1500 {
		if err := plain.upsert(); err != nil {
			return err
		}
	}
	for _, i := range []int{describe, list, update, updateMany} {
		if _, err := do[i](); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	for round := range o.rounds {
		var found [measurements]result
		for i, f := range do {
			r, err := f()
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			found[i] = r
			progress("round %d of %d: %-38s %3d clients %9s/s   p50 %-8v p99 %v", round+1, o.rounds, names[i], clients[i],
				thousands(r.rate), short(r.p50), short(r.p99))
		}
		rep.rounds = append(rep.rounds, found)
		reads, err := same(s.addr, in.path(in.profiles[0]), clients[describe])
		if err != nil {
			return err
		}
		var both [len(besides)]besideFound
		for i, rate := range besides {
			r, err := changing(clients[updateMany], rate, work{addrs: []string{s.addr}, clients: reads})
			if err != nil {
				return fmt.Errorf("reads alongside updates: %w", err)
			}
			both[i] = besideFound{updates: r[0], reads: r[1]}
			progress("round %d of %d: %-38s %3d clients %9s/s   p50 %-8v p99 %v, alongside %s updates/s", round+1, o.rounds,
				names[describe], clients[describe],
				thousands(r[1].rate), short(r[1].p50), short(r[1].p99), thousands(r[0].rate))
		}
		rep.beside = append(rep.beside, both)
	}
	progress("waiting %v, then reading the memory", o.settle)
	if err := sleep(ctx, o.settle); err != nil {
		return err
	}
	rep.memoryLoaded = s.memory()
	return nil
}

// revision counts the changes that a running server has recorded.
func revision(ctx context.Context, data, instance string) (n int, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "lanyard.db")+"?mode=ro")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(revision), 0) FROM events WHERE instance_id = $1`,
		instance).Scan(&n)
	return n, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
