package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/follow"
	"github.com/lanyard/lanyard/internal/gen"
)

// followFound is what following an instance takes.
type followFound struct {
	options options
	users   int
	load    []float64 // seconds until the instance is loaded
	packed  []float64 // bytes of that on the wire, in MB
	memory  []float64 // that the follower takes, in MB
	arrived []time.Duration
	decide  []float64 // ns
	rounds  []followRound
	profile int // changes that were measured
}

// A followRound is updates with and without followers, one right after the other.
type followRound struct {
	alone, followed       result
	cpuAlone, cpuFollowed float64 // of the server, in microseconds an update
}

const followers = 10

// measureFollow measures the load of a large instance, how soon a change is decided by, decisions, and what followers
// cost the server.
func measureFollow(ctx context.Context, o options, bin, dir string) (*followFound, error) {
	f := &followFound{options: o, users: 100_000}
	if o.short {
		f.users = 10_000
	}
	if err := f.measureLoad(ctx, bin, filepath.Join(dir, "follow-large")); err != nil {
		return nil, err
	}
	return f, f.measureChanges(ctx, bin, filepath.Join(dir, "follow"))
}

// follow follows the instance of a server.
func (f *followFound) follow(ctx context.Context, addr, token, instance string) (*follow.Follower, error) {
	return follow.Open(ctx, "http://"+addr, token, instance,
		func(c *follow.Config) { c.Logger = slog.New(slog.DiscardHandler) })
}

// measureLoad measures loads of an instance with many users.
func (f *followFound) measureLoad(ctx context.Context, bin, data string) error {
	defer os.RemoveAll(data)
	id, err := hostGrown(ctx, bin, data, gen.New(1, gen.Size{Profiles: 500, Users: f.users}))
	if err != nil {
		return err
	}
	s, err := startLanyard(ctx, bin, data)
	if err != nil {
		return err
	}
	defer s.stop()
	token, err := makeFollowToken(ctx, bin, data, id)
	if err != nil {
		return err
	}
	for i := range f.options.rounds {
		packed, err := snapshotSize(ctx, s.addr, token, id)
		if err != nil {
			return err
		}
		before, began := heap(), time.Now()
		one, err := f.follow(ctx, s.addr, token, id)
		if err != nil {
			return err
		}
		took := time.Since(began)
		f.load, f.packed = append(f.load, took.Seconds()), append(f.packed, packed/1e6)
		f.memory = append(f.memory, (heap()-before)/1e6)
		progress("follow %d of %d: loaded in %v, %.1f MB, %.0f MB in memory", i+1, f.options.rounds, short(took), packed/1e6,
			f.memory[i])
		if err := one.Close(); err != nil {
			return err
		}
	}
	return nil
}

// heap is what is in use, in bytes.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// snapshotSize is how many bytes of a packed snapshot are sent.
func snapshotSize(ctx context.Context, addr, token, instance string) (float64, error) {
	resp, err := getFollow(ctx, addr, token, instance, "/snapshot")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	return float64(n), err
}

func getFollow(ctx context.Context, addr, token, instance, ending string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/lanyard/v1/instances/"+instance+"/follow"+
		ending, nil)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token}, "Accept-Encoding": {"zstd"}}
	resp, err := http.DefaultClient.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		err = errors.New(resp.Status)
	}
	return resp, err
}

func makeFollowToken(ctx context.Context, bin, data, instance string) (string, error) {
	out, err := exec.CommandContext(ctx, bin, "token", "create", "--data", data, "--account", account, "--instance", instance,
		"--scope", "follow", "--output", "json").Output()
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	var made struct{ Token string }
	err = json.Unmarshal(out, &made)
	return made.Token, err
}

// measureChanges measures changes of the instance that the API's updates are measured on.
func (f *followFound) measureChanges(ctx context.Context, bin, data string) error {
	defer os.RemoveAll(data)
	s, err := startLanyard(ctx, bin, data)
	if err != nil {
		return err
	}
	defer s.stop()
	in, err := makeInstance(ctx, s.addr)
	if err != nil {
		return err
	}
	token, err := makeFollowToken(ctx, bin, data, in.id)
	if err != nil {
		return err
	}
	if err := f.measureArrival(ctx, s.addr, token, in); err != nil {
		return err
	}
	b := &rateBench{found: &apiFound{options: f.options}, data: data, lanyard: s, in: in}
	for i := range f.options.rounds {
		if err := f.measureRound(ctx, b, token); err != nil {
			return err
		}
		r := f.rounds[i]
		progress("follow %d of %d: %s updates/s at %.0fµs alone, %s/s at %.0fµs with %d followers", i+1, f.options.rounds,
			thousands(r.alone.rate), r.cpuAlone, thousands(r.followed.rate), r.cpuFollowed, followers)
	}
	return nil
}

// measureArrival changes what a profile grants and asks a follower until it decides so. It counts from when the change
// was acknowledged.
func (f *followFound) measureArrival(ctx context.Context, addr, token string, in *instance) error {
	one, err := f.follow(ctx, addr, token, in.id)
	if err != nil {
		return err
	}
	defer one.Close()
	q := &access.Query{Subject: access.Subject{ID: "bench"}, Action: "Users.View"}
	if err := makeUser(ctx, addr, in); err != nil {
		return err
	}
	c, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.c.Close()
	n := 1000
	if f.options.short {
		n = 200
	}
	for i := range n {
		if err := sleep(ctx, time.Duration(rand.IntN(8000))*time.Microsecond); err != nil {
			return err
		}
		want := i%2 == 0
		permissions := []string{}
		if want {
			permissions = append(permissions, "Users.View")
		}
		change, err := signed(addr, "POST", in.path(in.profiles[0]), object{"Permissions": permissions,
			"TagRestrictedResources": []string{}, "AllowedAccessControlTags": object{}, "HierarchyRestrictedResources": []string{}})
		if err != nil {
			return err
		}
		if _, err := exchangeOnce(c, change); err != nil {
			return err
		}
		began := time.Now()
		for {
			d, err := one.Decide(q)
			if err != nil {
				return err
			}
			if d.Allow == want {
				break
			}
			if time.Since(began) > 10*time.Second {
				return errors.New("the follower does not decide by a change within 10 s")
			}
			runtime.Gosched()
		}
		f.arrived = append(f.arrived, time.Since(began))
	}
	f.profile = n
	return f.measureDecide(one, q)
}

// makeUser makes the user who holds the first profile alone.
func makeUser(ctx context.Context, addr string, in *instance) error {
	var routing struct{ RoutingProfileSummaryList []struct{ Id string } }
	if err := call(ctx, addr, "GET", "/routing-profiles-summary/"+in.id, nil, &routing); err != nil {
		return err
	}
	return call(ctx, addr, "PUT", "/users/"+in.id, object{"Username": "bench", "PhoneConfig": object{"PhoneType": "SOFT_PHONE"},
		"SecurityProfileIds": in.profiles[:1], "RoutingProfileId": routing.RoutingProfileSummaryList[0].Id}, nil)
}

func (f *followFound) measureDecide(one *follow.Follower, q *access.Query) error {
	for range f.options.rounds {
		const n = 1_000_000
		began := time.Now()
		for range n {
			if _, err := one.Decide(q); err != nil {
				return err
			}
		}
		f.decide = append(f.decide, float64(time.Since(began))/n)
	}
	return nil
}

// measureRound measures updates by many clients, without followers and with them.
func (f *followFound) measureRound(ctx context.Context, b *rateBench, token string) error {
	var r followRound
	var err error
	if r.alone, r.cpuAlone, err = f.updates(ctx, b); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	drain := exec.CommandContext(ctx, self, "-serve", "drain")
	drain.Env = append(os.Environ(), "BENCH_DRAIN="+strings.Join([]string{b.lanyard.addr, token, b.in.id}, " "))
	drain.Stderr = os.Stderr
	out, err := drain.StdoutPipe()
	if err != nil {
		return err
	}
	if err := drain.Start(); err != nil {
		return err
	}
	defer drain.Wait()
	defer drain.Process.Kill()
	if _, err := out.Read(make([]byte, 16)); err != nil { // it says when all follow
		return fmt.Errorf("followers do not follow: %w", err)
	}
	r.followed, r.cpuFollowed, err = f.updates(ctx, b)
	f.rounds = append(f.rounds, r)
	return err
}

// updates measures updates, and the server's time for each.
func (f *followFound) updates(ctx context.Context, b *rateBench) (result, float64, error) {
	before := b.lanyard.cpu()
	found, err := b.change(ctx, clients[updateMany], 0)
	if err != nil {
		return result{}, 0, err
	}
	return found[0], (b.lanyard.cpu() - before) * 1e6 / float64(found[0].n), nil
}

// cpu is how much processor time a process has taken, in seconds, or 0 where that cannot be told.
func (s *server) cpu() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64) // digits
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// serveDrain follows an instance many times over and throws away what comes, so that the cores are left to the server.
func serveDrain(ctx context.Context) error {
	to := strings.Fields(os.Getenv("BENCH_DRAIN"))
	if len(to) != 3 {
		return errors.New("BENCH_DRAIN must have an address, a token and an instance")
	}
	resp, err := getFollow(ctx, to[0], to[1], to[2], "/snapshot")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines, err := follow.Open(ctx, "http://"+to[0], to[1], to[2])
	if err != nil {
		return err
	}
	defer lines.Close()
	s, err := lines.Snapshot()
	if err != nil {
		return err
	}
	at := fmt.Sprintf("?after=%d.%x", s.Revision(), s.Hash())
	var all sync.WaitGroup
	for range followers {
		resp, err := getFollow(ctx, to[0], to[1], to[2], at)
		if err != nil {
			return err
		}
		all.Go(func() {
			defer resp.Body.Close()
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, 256<<10))
		})
	}
	if err := lines.Close(); err != nil {
		return err
	}
	fmt.Println("following")
	all.Wait()
	return nil
}

func (f *followFound) over(at func(followRound) float64) spread {
	var all []float64
	for _, r := range f.rounds {
		all = append(all, at(r))
	}
	return newSpread(all)
}

func (f *followFound) targets() []target {
	p99 := milliseconds(newResult(f.arrived, len(f.arrived), time.Second).p99)
	return []target{
		below(fmt.Sprintf("acknowledged change to decision in another process, 99th percentile of %d", f.profile),
			spread{p99, p99, p99}, fixed(2), " ms", 20),
		atMost("a decision", newSpread(f.decide), fixed(0), " ns", 250),
		below(fmt.Sprintf("processor time of the server for an update, %d followers ÷ none", followers),
			f.over(func(r followRound) float64 { return r.cpuFollowed / r.cpuAlone }), fixed(3), "", 1.05),
	}
}

func (f *followFound) tables() []table {
	row := func(what string, s spread, format func(float64) string, unit string) []string {
		return []string{what, s.format(format) + unit}
	}
	users := thousands(float64(f.users))
	return []table{{head: []string{"what", "found"}, align: "ll", rows: [][]string{
		row("updates a second at 64 clients, no followers", f.over(func(r followRound) float64 { return r.alone.rate }),
			thousands, ""),
		row(fmt.Sprintf("the same with %d followers on the same cores ÷ none", followers),
			f.over(func(r followRound) float64 { return r.followed.rate / r.alone.rate }), fixed(2), ""),
		row("time to follow an instance with "+users+" users", newSpread(f.load), fixed(2), " s"),
		row("sent for that", newSpread(f.packed), fixed(1), " MB"),
		row("memory of the follower", newSpread(f.memory), fixed(0), " MB"),
	}}}
}

func (f *followFound) picture() string { return "" }

func (f *followFound) page(b *strings.Builder, _ string) {
	b.WriteString("## Following from other processes\n\n")
	targetTable(f.targets()).markdown(b)
	b.WriteByte('\n')
	for _, t := range f.tables() {
		t.markdown(b)
	}
	fmt.Fprintf(b, "\n### How it was measured\n\n"+
		"- The time of a change counts from its acknowledgement until the follower, in the process of the load generator, "+
		"decides by it. One change at a time, at random moments.\n"+
		"- A decision is one call of `Decide`, with its look at the clock.\n"+
		"- What followers cost is the processor time of the server's process. %d streams are read by another process, "+
		"which throws them away: on the same cores, what that process takes would count for the server.\n"+
		"- The load is complete when the first confirmation has come. What is sent is packed with Zstandard.\n", followers)
}
