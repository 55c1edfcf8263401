package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What a server acknowledged is there after kill -9, and nothing is half done. The suite runs a few
// rounds; LANYARD_CRASH_ROUNDS asks for more (make crash).
func TestKill(t *testing.T) {
	rounds := 5
	if text := os.Getenv("LANYARD_CRASH_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("LANYARD_CRASH_ROUNDS=%q is not a number of 1 or more", text)
		}
	}
	t.Parallel()
	const perFolder = 20 // rounds, so that a long run does not fill the disk
	for first := 0; first < rounds; first += perFolder {
		crashFolder(t, built(t, ""), t.TempDir(), first, min(first+perFolder, rounds))
	}
}

// crashFolder runs rounds on one folder. Each works in an instance of its own, and looks at that of
// the round before once more.
func crashFolder(t *testing.T, program, dir string, first, end int) {
	defer os.RemoveAll(dir)
	flags := []string{"--quota-instances=-1", "--quota-profiles=-1"}
	s := start(t, program, dir, flags...).ready()
	var before *crashRound
	for i := first; i < end && !t.Failed(); i++ {
		round := newCrashRound(t, s)
		round.load(s, time.Duration(50+rand.IntN(500))*time.Millisecond)
		if i%3 == 2 { // once more while it starts
			s = start(t, program, dir, flags...)
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			s.end(syscall.SIGKILL)
		}
		s = start(t, program, dir, flags...).ready()
		round.check(t, s, program)
		if before != nil {
			before.check(t, s, program)
		}
		before = round
		t.Logf("round %d: %d changes acknowledged, %d under way at the end", i+1, len(round.acknowledged), len(round.open))
	}
	if status := s.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d\n%s", status, s.errs.String())
	}
}

// change is one call: it makes, stamps or deletes the profile of a name.
type change struct {
	operation, name string
	stamp           int // the number that several members hold; 0 after a deletion
}

// crashRound is what was asked of an instance, and what came of it.
type crashRound struct {
	instance string

	mu           sync.Mutex
	stamps       map[string]int    // by name, as last acknowledged
	open         map[string]change // by name, sent and not answered
	acknowledged []change
	unexpected   []string
}

func newCrashRound(t *testing.T, s *server) *crashRound {
	t.Helper()
	instance, err := s.newInstance(fmt.Sprintf("crash-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	return &crashRound{instance: instance, stamps: map[string]int{}, open: map[string]change{}}
}

// load has 16 workers change profiles until the server is killed.
func (r *crashRound) load(s *server, after time.Duration) {
	var workers sync.WaitGroup
	for w := range 16 {
		workers.Go(func() { r.work(s.caller, w) })
	}
	time.Sleep(after)
	s.end(syscall.SIGKILL)
	workers.Wait()
}

// crashProfiles is how many profiles a worker has at a time.
const crashProfiles = 4

func (r *crashRound) work(c *caller, worker int) {
	ids := map[string]string{} // by name
	for n := 1; ; n++ {
		did, method, path := change{stamp: n}, "POST", "/security-profiles/"+r.instance
		names := slices.Sorted(maps.Keys(ids))
		switch {
		case len(ids) < crashProfiles:
			did.operation, did.name, method = "CreateSecurityProfile", fmt.Sprintf("worker %d profile %d", worker, n), "PUT"
		case rand.IntN(10) == 0:
			did.operation, did.name, method, did.stamp = "DeleteSecurityProfile", names[rand.IntN(len(names))], "DELETE", 0
		default:
			did.operation, did.name = "UpdateSecurityProfile", names[rand.IntN(len(names))]
		}
		body := ""
		if method != "PUT" {
			path += "/" + ids[did.name]
		}
		if did.stamp > 0 {
			body = stamped(did)
		}
		r.mu.Lock()
		r.open[did.name] = did
		r.mu.Unlock()
		status, answer, err := c.send(method, path, body)
		if err != nil {
			return // killed
		}
		var made struct{ SecurityProfileId string }
		r.mu.Lock()
		delete(r.open, did.name)
		if status != http.StatusOK {
			r.unexpected = append(r.unexpected, fmt.Sprintf("%+v answers %d %s", did, status, answer))
			r.mu.Unlock()
			return
		}
		r.acknowledged = append(r.acknowledged, did)
		if r.stamps[did.name] = did.stamp; did.stamp == 0 {
			delete(r.stamps, did.name)
			delete(ids, did.name)
		}
		r.mu.Unlock()
		if method == "PUT" && json.Unmarshal([]byte(answer), &made) == nil {
			ids[did.name] = made.SecurityProfileId
		}
	}
}

// crashPermissions are told apart by a stamp's bits.
var crashPermissions = []string{"AccessMetrics", "AgentGrouping.Create", "AgentGrouping.Edit", "AgentGrouping.View", "AgentStates.Create",
	"AgentStates.Edit", "AgentStates.View", "BasicAgentAccess", "Queues.View", "Users.View"}

func stampPermissions(stamp int) []string {
	permissions := []string{}
	for i, p := range crashPermissions {
		if stamp>>i&1 == 1 {
			permissions = append(permissions, p)
		}
	}
	return permissions
}

// stamped is a request that sets every member to the stamp.
func stamped(c change) string {
	n := strconv.Itoa(c.stamp)
	members := map[string]any{
		"Description":              n,
		"Permissions":              stampPermissions(c.stamp),
		"AllowedAccessControlTags": map[string]string{"Stamp": n},
		"TagRestrictedResources":   []string{"User"},
		"Applications":             []any{map[string]any{"Namespace": "stamp-" + n, "ApplicationPermissions": []string{"ACCESS"}}},
		"GranularAccessControlConfiguration": map[string]any{"DataTableAccessControlConfiguration": map[string]any{
			"PrimaryAttributeAccessControlConfiguration": map[string]any{"PrimaryAttributeValues": []any{
				map[string]any{"AccessType": "ALLOW", "AttributeName": "Stamp", "Values": []string{n}}}}}},
	}
	if c.operation == "CreateSecurityProfile" {
		members["SecurityProfileName"] = c.name
	}
	b, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings encode
	}
	return string(b)
}

// check compares the instance with what was acknowledged of it, and its audit with both.
func (r *crashRound) check(t *testing.T, s *server, program string) {
	t.Helper()
	for _, u := range r.unexpected {
		t.Error(u)
	}
	found, err := r.read(s.caller)
	if err != nil {
		t.Error(err)
		return
	}
	// A change that was not answered may have been made or not.
	want := maps.Clone(r.stamps)
	for name, c := range r.open {
		if got, there := found[name]; got == c.stamp && there == (c.stamp > 0) {
			if want[name] = c.stamp; c.stamp == 0 {
				delete(want, name)
			}
		}
	}
	for name, stamp := range want {
		if got, there := found[name]; got != stamp {
			t.Errorf("profile %q: was acknowledged with stamp %d; has %d (there: %v), under way was %+v", name, stamp, got, there, r.open[name])
		}
	}
	for name, stamp := range found {
		if _, expected := want[name]; !expected {
			t.Errorf("profile %q with stamp %d is there, but was deleted or never asked for", name, stamp)
		}
	}
	r.checkAudit(t, s.dir, program, found)
}

// read returns the stamps of the profiles that the workers made, by name; all members of a profile
// must have the same.
func (r *crashRound) read(c *caller) (map[string]int, error) {
	found := map[string]int{}
	for token := ""; ; {
		var page struct {
			NextToken                  string
			SecurityProfileSummaryList []struct{ Id, Name string }
		}
		if err := c.get("GET", "/security-profiles-summary/"+r.instance+"?maxResults=100"+token, "", &page); err != nil {
			return nil, err
		}
		for _, p := range page.SecurityProfileSummaryList {
			if !strings.HasPrefix(p.Name, "worker ") {
				continue // one that the instance came with
			}
			stamp, err := r.readProfile(c, p.Id)
			if err != nil {
				return nil, fmt.Errorf("profile %q: %w", p.Name, err)
			}
			found[p.Name] = stamp
		}
		if page.NextToken == "" {
			return found, nil
		}
		token = "&nextToken=" + page.NextToken
	}
}

func (r *crashRound) readProfile(c *caller, id string) (int, error) {
	var described struct{ SecurityProfile map[string]any }
	var permissions struct{ Permissions []string }
	var applications struct{ Applications []struct{ Namespace string } }
	for path, out := range map[string]any{"security-profiles": &described, "security-profiles-permissions": &permissions, "security-profiles-applications": &applications} {
		if err := c.get("GET", "/"+path+"/"+r.instance+"/"+id, "", out); err != nil {
			return 0, err
		}
	}
	p := described.SecurityProfile
	n := fmt.Sprint(p["Description"])
	stamp, err := strconv.Atoi(n)
	if err != nil {
		return 0, fmt.Errorf("has no stamp: %v", p)
	}
	got := fmt.Sprint(p["AllowedAccessControlTags"], p["TagRestrictedResources"], p["GranularAccessControlConfiguration"], permissions.Permissions, applications.Applications)
	want := fmt.Sprintf("map[Stamp:%s] [User] map[DataTableAccessControlConfiguration:map[PrimaryAttributeAccessControlConfiguration:map[PrimaryAttributeValues:[map[AccessType:ALLOW AttributeName:Stamp Values:[%s]]]]]] %v [{stamp-%s}]",
		n, n, stampPermissions(stamp), n)
	if got != want {
		return 0, fmt.Errorf("is half changed:\n got %s\nwant %s", got, want)
	}
	return stamp, nil
}

// checkAudit has the audit of the instance be without gaps, in order, hold every acknowledged
// change once and no change that did not happen.
func (r *crashRound) checkAudit(t *testing.T, dir, program string, found map[string]int) {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(program, "audit", "--data", dir, "--instance", r.instance, "--output", "json")
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("audit: %v\n%s", err, errs.String())
		return
	}
	state, records, revision := map[string]int{}, map[change]int{}, int64(0)
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var record struct {
			EventName           string
			RequestParameters   struct{ Description string }
			AdditionalEventData struct {
				Revision int64
				Changes  []struct{ Before, After struct{ Name string } }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Errorf("the audit has %s: %v", lines.Text(), err)
			return
		}
		if revision++; record.AdditionalEventData.Revision != revision {
			t.Errorf("the audit has revision %d where %d belongs", record.AdditionalEventData.Revision, revision)
			return
		}
		if record.EventName == "CreateInstance" {
			continue
		}
		changes := record.AdditionalEventData.Changes
		if len(changes) != 1 {
			t.Errorf("revision %d has %d changes, want 1", revision, len(changes))
			return
		}
		c := change{operation: record.EventName, name: changes[0].After.Name}
		if c.name == "" {
			c.name = changes[0].Before.Name
		}
		if c.stamp, _ = strconv.Atoi(record.RequestParameters.Description); c.stamp == 0 {
			delete(state, c.name)
		} else {
			state[c.name] = c.stamp
		}
		records[c]++
	}
	if !maps.Equal(state, found) {
		t.Errorf("the audit ends in the state\n%v, the instance is in\n%v", state, found)
	}
	for _, c := range r.acknowledged {
		if records[c] != 1 {
			t.Errorf("the audit has %+v %d times, want once", c, records[c])
		}
		delete(records, c)
	}
	for c, n := range records {
		if n != 1 || r.open[c.name] != c {
			t.Errorf("the audit has %+v %d times, which nobody was doing", c, n)
		}
	}
}
