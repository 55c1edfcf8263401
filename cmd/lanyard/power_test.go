package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/store/sqlite/disktest"
)

// TestPowerLoss expects that acknowledged changes survive a power cut, and that nothing is half done. The real
// program works on a disk that remembers what was synced; disktest says why that is faithful. Many cuts are made from
// one recording: at random moments, from before the first file was created, each losing something else of what was
// not synced.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	n, cuts := campaign(t, "LANYARD_CRASH_ROUNDS", 1), 40
	if n > 1 {
		n, cuts = max(1, n/20), 400
	}
	program := built(t, "")
	var seen crashTally
	for range n {
		if err := (&powerRound{program: program, cuts: cuts, kept: true}).runRound(t, &seen); err != nil {
			t.Fatal(err)
		}
	}
	seen.log(t)
}

// TestPowerLossIsFound expects that TestPowerLoss fails for a server that does not wait for the disk.
func TestPowerLossIsFound(t *testing.T) {
	t.Parallel()
	program := t.TempDir() + "/lanyard"
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags",
		"-X github.com/lanyard/lanyard/internal/store/sqlite.synchronous=OFF", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	err := (&powerRound{program: program, cuts: 24}).runRound(t, new(crashTally))
	switch {
	case err == nil:
		t.Fatal("a server that answers before the disk has the change passes the test of power loss")
	case !strings.Contains(err.Error(), "was acknowledged") && !strings.Contains(err.Error(), "damaged"):
		t.Errorf("the test of power loss fails for another reason than a loss: %v", err)
	}
	t.Log(err)
}

// A powerRound records one load, and checks what many power cuts leave of it.
type powerRound struct {
	program string
	cuts    int
	kept    bool // what is found wrong is kept

	disk     *disktest.Disk
	rnd      *rand.Rand
	s        *server
	load     *crashLoad
	ready    int // when the server was ready
	instance int // when there was the instance of the load
}

// powerChanges is how many changes are acknowledged before the load ends.
const powerChanges = 1000

func (r *powerRound) runRound(t *testing.T, seen *crashTally) error {
	seed := uint64(time.Now().UnixNano())
	r.disk, r.rnd = disktest.Mount(t), rand.New(rand.NewPCG(seed, 0))
	if err := r.record(t); err != nil {
		return err
	}
	seen.rounds++
	id, secret, err := readCredentials(r.s.dir)
	if err != nil {
		return err
	}
	err = r.disk.After(r.rnd, r.drawCuts(), func(c disktest.Cut, write func(string) error) (err error) {
		top, err := os.MkdirTemp("", "lanyard-power-")
		if err != nil {
			return err
		}
		defer func() {
			if err != nil && r.kept {
				err = fmt.Errorf("%w (what was found is kept in %s)", err, top)
				return
			}
			os.RemoveAll(top)
		}()
		if err := write(top); err != nil {
			return err
		}
		dir := filepath.Join(top, "var", "data")
		seen.kills++
		if c.At >= r.ready {
			if gotID, gotSecret, err := readCredentials(dir); err != nil || gotID != id || gotSecret != secret {
				return fmt.Errorf("the server was ready, the credentials are not those it wrote: %v", err)
			}
		}
		return r.checkFolder(dir, c.At, seen)
	})
	if err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	return nil
}

// record lets a server create its folder and its parent, and work under the load.
func (r *powerRound) record(t *testing.T) error {
	r.s = start(t, r.program, filepath.Join(r.disk.Dir, "var", "data"), "--quota-instances=-1", "--quota-profiles=-1").ready()
	r.ready = r.disk.Now()
	r.load = newCrashLoad(t, r.s)
	r.instance = r.disk.Now()
	var ends atomic.Bool
	r.load.now, r.load.ends = r.disk.Now, ends.Load
	stop := r.load.work(r.s)
	err := until(func() error {
		if n := r.load.countAcknowledged(); n < powerChanges {
			return fmt.Errorf("%d changes were acknowledged, want %d", n, powerChanges)
		}
		return nil
	})
	ends.Store(true)
	stop()
	r.s.end(syscall.SIGTERM) // moves the log into the database and removes it
	for _, u := range r.load.unexpected {
		return fmt.Errorf("without any fault: %s", u)
	}
	return err
}

// drawCuts chooses the moments of the power cuts, and what each loses.
func (r *powerRound) drawCuts() []disktest.Cut {
	list := make([]disktest.Cut, r.cuts)
	for i := range list {
		list[i] = disktest.Cut{At: r.rnd.IntN(r.disk.Now() + 1), Loss: disktest.Losses[i%len(disktest.Losses)]}
		if i%6 == 0 { // a start and an end are few operations among very many
			list[i].At = r.rnd.IntN(r.instance + 1)
		} else if i%6 == 1 {
			list[i].At = r.disk.Now() - r.rnd.IntN(min(r.disk.Now(), 200))
		}
	}
	return list
}

// checkFolder opens the store in a folder, as a restart does, and compares it with what had been acknowledged at a
// moment.
func (r *powerRound) checkFolder(dir string, moment int, seen *crashTally) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("the store does not open: %w", err)
	}
	defer db.Close()
	e, reader := r.load.by(moment), db.Reader(r.load.instance)
	found, err := storedStamps(ctx, reader)
	if err != nil {
		return err
	}
	events, err := storedEvents(ctx, reader)
	if err != nil {
		return err
	}
	if moment >= r.instance && len(events) == 0 {
		return fmt.Errorf("the instance was acknowledged and is not there")
	}
	if wrong := e.compareWith(found, changesOf(events), seen); len(wrong) > 0 {
		return fmt.Errorf("%d times wrong, first: %s", len(wrong), wrong[0])
	}
	keys, err := db.Keys(ctx)
	if err != nil {
		return err
	}
	for _, id := range e.keys {
		if !slices.ContainsFunc(keys, func(k lanyard.AccessKey) bool { return k.ID == id }) {
			return fmt.Errorf("access key %s was acknowledged and is not there", id)
		}
	}
	records, err := chains(dir)
	seen.records += records
	return err
}

// storedStamps returns the stamps of the load's profiles by name, each of which must be whole.
func storedStamps(ctx context.Context, reader store.InstanceReader) (map[string]int, error) {
	profiles, err := reader.List(ctx, lanyard.TypeProfile, 0, 1<<20)
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for _, r := range profiles {
		p := r.(*lanyard.Profile)
		if !strings.HasPrefix(p.Name, "worker ") {
			continue // one that the instance came with
		}
		stamp, err := strconv.Atoi(p.Description)
		if err != nil || p.AccessTags["Stamp"] != p.Description || !slices.Equal(p.Permissions, stampPermissions(stamp)) ||
			len(p.Applications) != 1 || p.Applications[0].Namespace != "stamp-"+p.Description {
			return nil, fmt.Errorf("profile %q is half changed: %+v", p.Name, p)
		}
		found[p.Name] = stamp
	}
	return found, nil
}

// storedEvents returns all events of an instance.
func storedEvents(ctx context.Context, reader store.InstanceReader) (list []lanyard.Event, err error) {
	for after := int64(0); ; after = list[len(list)-1].Revision { // a page ends where its events are large together
		page, err := reader.Events(ctx, after, 1<<20)
		if list = append(list, page...); err != nil || len(page) == 0 {
			return list, err
		}
	}
}

// changesOf are the changes that the load's events record.
func changesOf(list []lanyard.Event) (changes []change) {
	for _, event := range list {
		if event.Operation == "CreateInstance" {
			continue
		}
		var before, after struct{ Name, Description string }
		json.Unmarshal(event.Changes[0].Before, &before) // one of them is absent now and then
		json.Unmarshal(event.Changes[0].After, &after)
		c := change{operation: event.Operation, name: max(before.Name, after.Name)}
		c.stamp, _ = strconv.Atoi(after.Description)
		changes = append(changes, c)
	}
	return changes
}
