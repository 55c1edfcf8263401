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
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/store/sqlite/disktest"
)

// What a server acknowledged is there after the power was cut, and nothing is half done. The real
// program works on a disk that remembers what was synced (disktest says why that is faithful). From one
// recording very many cuts are made: at random moments, from before the first file was made on, each
// losing something else of what was not synced.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	n, cuts := campaign(t, "LANYARD_CRASH_ROUNDS", 1), 40
	if n > 1 {
		n, cuts = max(1, n/20), 400
	}
	program := built(t, "")
	var seen crashTally
	for range n {
		if err := powerRound(t, program, cuts, &seen, true); err != nil {
			t.Fatal(err)
		}
	}
	seen.log(t)
}

// A server that does not wait for the disk loses acknowledged changes, and TestPowerLoss would tell:
// this is what says that it can fail.
func TestPowerLossIsFound(t *testing.T) {
	t.Parallel()
	program := t.TempDir() + "/lanyard"
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags",
		"-X github.com/lanyard/lanyard/internal/store/sqlite.synchronous=OFF", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	err := powerRound(t, program, 24, new(crashTally), false)
	switch {
	case err == nil:
		t.Fatal("a server that answers before the disk has the change passes the test of power loss")
	case !strings.Contains(err.Error(), "was acknowledged") && !strings.Contains(err.Error(), "damaged"):
		t.Errorf("the test of power loss fails for another reason than a loss: %v", err)
	}
	t.Log(err)
}

// powerRound records one load, and looks at what many cuts of the power leave of it. keep has what is
// found wrong be kept.
func powerRound(t *testing.T, program string, cuts int, seen *crashTally, keep bool) error {
	disk := disktest.Mount(t)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	// The folder is made by the server, and so is the one above.
	s := start(t, program, filepath.Join(disk.Dir, "var", "data"), "--quota-instances=-1", "--quota-profiles=-1").ready()
	ready := disk.Now()
	load := newCrashLoad(t, s)
	instance := disk.Now()
	var ends atomic.Bool
	load.now, load.ends = disk.Now, ends.Load
	stop := load.work(s)
	time.Sleep(2 * time.Second)
	ends.Store(true)
	stop()
	s.end(syscall.SIGTERM) // moves the log into the database and removes it
	for _, u := range load.unexpected {
		return fmt.Errorf("without any fault: %s", u)
	}
	list := make([]disktest.Cut, cuts)
	for i := range list {
		list[i] = disktest.Cut{At: rnd.IntN(disk.Now() + 1), Loss: disktest.Losses[i%len(disktest.Losses)]}
		if i%6 == 0 { // a start and an end are few operations among very many
			list[i].At = rnd.IntN(instance + 1)
		} else if i%6 == 1 {
			list[i].At = disk.Now() - rnd.IntN(min(disk.Now(), 200))
		}
	}
	seen.rounds++
	id, secret, err := readCredentials(s.dir)
	if err != nil {
		return err
	}
	err = disk.After(rnd, list, func(c disktest.Cut, write func(string) error) (err error) {
		top, err := os.MkdirTemp("", "lanyard-power-")
		if err != nil {
			return err
		}
		defer func() {
			if err != nil && keep {
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
		if c.At >= ready {
			if gotID, gotSecret, err := readCredentials(dir); err != nil || gotID != id || gotSecret != secret {
				return fmt.Errorf("the server was ready, the credentials are not those it wrote: %v", err)
			}
		}
		return checkFolder(dir, load, c.At, c.At >= instance, seen)
	})
	if err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	return nil
}

// checkFolder opens the store in a folder, as a restart does, and compares it with what a load had been
// acknowledged at a moment. made tells that the instance of the load was.
func checkFolder(dir string, load *crashLoad, moment int, made bool, seen *crashTally) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("the store does not open: %w", err)
	}
	defer db.Close()
	e := load.by(moment)
	found, events := map[string]int{}, []change(nil)
	reader := db.Reader(load.instance)
	profiles, err := reader.List(ctx, lanyard.TypeProfile, 0, 1<<20)
	if err != nil {
		return err
	}
	for _, r := range profiles {
		p := r.(*lanyard.Profile)
		if !strings.HasPrefix(p.Name, "worker ") {
			continue // one that the instance came with
		}
		stamp, err := strconv.Atoi(p.Description)
		if err != nil || p.AccessTags["Stamp"] != p.Description || !slices.Equal(p.Permissions, stampPermissions(stamp)) ||
			len(p.Applications) != 1 || p.Applications[0].Namespace != "stamp-"+p.Description {
			return fmt.Errorf("profile %q is half changed: %+v", p.Name, p)
		}
		found[p.Name] = stamp
	}
	var list []lanyard.Event
	for after := int64(0); ; after = list[len(list)-1].Revision { // a page ends where its events are large together
		page, err := reader.Events(ctx, after, 1<<20)
		if err != nil {
			return err
		}
		if list = append(list, page...); len(page) == 0 {
			break
		}
	}
	for _, event := range list {
		if event.Operation == "CreateInstance" {
			continue
		}
		var before, after struct{ Name, Description string }
		json.Unmarshal(event.Changes[0].Before, &before) // one of them is absent now and then
		json.Unmarshal(event.Changes[0].After, &after)
		c := change{operation: event.Operation, name: max(before.Name, after.Name)}
		c.stamp, _ = strconv.Atoi(after.Description)
		events = append(events, c)
	}
	if made && len(list) == 0 {
		return fmt.Errorf("the instance was acknowledged and is not there")
	}
	if wrong := e.check(found, events, seen); len(wrong) > 0 {
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
