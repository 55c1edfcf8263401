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

// A rateBench takes the measurements of the API.
type rateBench struct {
	found     *apiFound
	data      string // folder of the server
	lanyard   *server
	baselines [2]*server // of trivial and verified; nil when only updates are measured
	in        *instance
	plain     *bare
}

// measureRates takes the measurements in turns, so that what slows the machine for a while slows
// all of them.
func measureRates(ctx context.Context, rep *apiFound, bin, dir string) error {
	b := &rateBench{found: rep, data: filepath.Join(dir, "data")}
	defer b.stop()
	if err := b.start(ctx, bin, dir); err != nil {
		return err
	}
	if err := b.warmUp(ctx); err != nil {
		return err
	}
	for round := range rep.options.rounds {
		if err := b.round(ctx, round); err != nil {
			return err
		}
		if rep.updatesOnly {
			continue
		}
		if err := b.alongside(ctx, round); err != nil {
			return fmt.Errorf("reads alongside updates: %w", err)
		}
	}
	settle := rep.options.settle
	progress("waiting %v, then reading the memory", settle)
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	rep.memoryLoaded = b.lanyard.memory()
	return nil
}

// start starts everything that is measured.
func (b *rateBench) start(ctx context.Context, bin, dir string) (err error) {
	if !b.found.updatesOnly {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		for i, kind := range []string{"trivial", "sigv4"} {
			if b.baselines[i], err = start(ctx, "/", self, "-serve", kind); err != nil {
				return err
			}
		}
	}
	if b.lanyard, err = startLanyard(ctx, bin, b.data); err != nil {
		return err
	}
	progress("making an instance with %d profiles", profiles)
	if b.in, err = makeInstance(ctx, b.lanyard.addr); err != nil {
		return err
	}
	b.plain, err = openBare(ctx, dir)
	return err
}

// stop ends what was started.
func (b *rateBench) stop() {
	for _, s := range append(b.baselines[:], b.lanyard) {
		if s != nil {
			s.stop()
		}
	}
	if b.plain != nil {
		b.plain.db.Close()
	}
}

// warmUp makes the first writes, which make the logs of the databases longer; later ones write over them.
func (b *rateBench) warmUp(ctx context.Context) error {
	progress("warming up")
	for range 1500 {
		if err := b.plain.upsert(); err != nil {
			return err
		}
	}
	for _, i := range []int{describe, list, update, updateMany} {
		if !b.found.measured(i) {
			continue
		}
		if _, err := b.measure(ctx, i); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return nil
}

// round takes each measurement once.
func (b *rateBench) round(ctx context.Context, round int) error {
	var found [measurements]result
	for i := range found {
		if !b.found.measured(i) {
			continue
		}
		r, err := b.measure(ctx, i)
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		found[i] = r
		progress("round %d of %d: %-38s %3d clients %9s/s   p50 %-8v p99 %v", round+1, b.found.options.rounds, names[i],
			clients[i], thousands(r.rate), short(r.p50), short(r.p99))
	}
	b.found.rounds = append(b.found.rounds, found)
	return nil
}

// measure takes one measurement.
func (b *rateBench) measure(ctx context.Context, i int) (result, error) {
	profile := b.in.path(b.in.profiles[0])
	switch i {
	case trivial, verified:
		return b.get(ctx, b.baselines[i-trivial].addr, profile, clients[i])
	case describe:
		return b.get(ctx, b.lanyard.addr, profile, clients[i])
	case list:
		return b.get(ctx, b.lanyard.addr, b.in.listPath(), clients[i])
	case bareUpsert:
		return repeat(b.found.options.step, b.plain.upsert)
	}
	found, err := b.change(ctx, clients[i], 0)
	if err != nil {
		return result{}, err
	}
	return found[0], nil
}

// alongside measures reads while other clients update, at each of the rates.
func (b *rateBench) alongside(ctx context.Context, round int) error {
	reads, err := sameRequests(b.lanyard.addr, b.in.path(b.in.profiles[0]), clients[describe])
	if err != nil {
		return err
	}
	var both [len(besides)]besideFound
	for i, rate := range besides {
		r, err := b.change(ctx, clients[updateMany], rate, work{addrs: []string{b.lanyard.addr}, clients: reads})
		if err != nil {
			return err
		}
		both[i] = besideFound{updates: r[0], reads: r[1]}
		progress("round %d of %d: %-38s %3d clients %9s/s   p50 %-8v p99 %v, alongside %s updates/s", round+1,
			b.found.options.rounds, names[describe], clients[describe], thousands(r[1].rate), short(r[1].p50),
			short(r[1].p99), thousands(r[0].rate))
	}
	b.found.beside = append(b.found.beside, both)
	return nil
}

// sameRequests is one request for a path, for each of n clients.
func sameRequests(addr, path string, n int) ([][][]byte, error) {
	r, err := signed(addr, "GET", path, nil)
	var all [][][]byte
	for range n {
		all = append(all, [][]byte{r})
	}
	return all, err
}

// get has n clients read a path.
func (b *rateBench) get(ctx context.Context, addr, path string, n int) (result, error) {
	all, err := sameRequests(addr, path, n)
	if err != nil {
		return result{}, err
	}
	return load(ctx, b.found.options.step, all, addr)
}

// change has n clients update at a rate, 0 for as fast as they are answered, alongside other work if there is any, and
// checks that each update was recorded. The updates are the first result. Each client has a profile of its own, so
// that each of its calls changes something.
func (b *rateBench) change(ctx context.Context, n int, rate float64, others ...work) ([]result, error) {
	addr := b.lanyard.addr
	var all [][][]byte
	for c := range n {
		var two [][]byte
		for i := range 2 {
			r, err := signed(addr, "POST", b.in.path(b.in.profiles[c]), b.in.content((i+1)%2))
			if err != nil {
				return nil, err
			}
			two = append(two, r)
		}
		all = append(all, two)
	}
	// An odd number of changes before would make the first of these change nothing.
	for c := range n {
		if err := call(ctx, addr, "POST", b.in.path(b.in.profiles[c]), b.in.content(0), nil); err != nil {
			return nil, err
		}
	}
	before, err := revision(ctx, b.data, b.in.id)
	if err != nil {
		return nil, err
	}
	updates := work{addrs: []string{addr}, clients: all, rate: rate}
	found, err := loads(ctx, b.found.options.step, append([]work{updates}, others...)...)
	if err != nil {
		return nil, err
	}
	after, err := revision(ctx, b.data, b.in.id)
	if err == nil && after-before != found[0].n {
		err = fmt.Errorf("%d updates were answered but %d are recorded", found[0].n, after-before)
	}
	return found, err
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
