package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"database/sql"
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

	"golang.org/x/sync/errgroup"

	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// campaign is how much of something a test does: little in the suite, or as much as a variable asks.
func campaign(t *testing.T, variable string, little int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return little
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number of 1 or more", variable, text)
	}
	return n
}

// crashTally counts what a campaign has seen.
type crashTally struct{ rounds, kills, acknowledged, present, absent, records int }

func (n *crashTally) log(t *testing.T) {
	t.Logf("%d rounds, %d kills or power cuts: %d acknowledged changes looked for and found; of those not acknowledged %d were there whole and %d were not; %d records of whole chains",
		n.rounds, n.kills, n.acknowledged, n.present, n.absent, n.records)
	// That a change is there which was under way is a matter of luck in a short campaign.
	if n.acknowledged == 0 || n.absent == 0 || n.present == 0 && n.kills > 200 {
		t.Errorf("the campaign has not seen all that it should: %+v", *n)
	}
}

// TestKill expects that acknowledged changes survive kill -9, and that nothing is half done. The suite runs 20
// rounds, make crash 200.
func TestKill(t *testing.T) {
	n := campaign(t, "LANYARD_CRASH_ROUNDS", 20)
	t.Parallel()
	program := built(t, "")
	var seen crashTally
	const perFolder = 20 // rounds, so that a long run does not fill the disk
	for first := 0; first < n && !t.Failed(); first += perFolder {
		killFolder(t, program, t.TempDir(), first, min(first+perFolder, n), &seen)
	}
	seen.log(t)
}

// killFolder runs rounds on one folder. Each round works in an instance of its own. Now and then the instance of the
// previous round is checked again, and always the chains of all.
func killFolder(t *testing.T, program, dir string, first, end int, seen *crashTally) {
	defer os.RemoveAll(dir)
	flags := []string{"--quota-instances=-1", "--quota-profiles=-1"}
	s := start(t, program, dir, flags...).ready()
	var before *crashLoad
	records := 0
	for i := first; i < end && !t.Failed(); i++ {
		load := newCrashLoad(t, s)
		stop := load.work(s)
		// At any moment of the work, not at one that something observable would choose.
		time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
		s.end(syscall.SIGKILL)
		stop()
		seen.rounds, seen.kills = seen.rounds+1, seen.kills+1
		if i%3 == 2 { // once more while it starts
			s = start(t, program, dir, flags...)
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond) // at any moment of the start
			s.end(syscall.SIGKILL)
			seen.kills++
		}
		s = start(t, program, dir, flags...).ready()
		load.checkServer(t, s, program, seen)
		if before != nil && i%4 == 0 {
			before.checkServer(t, s, program, new(crashTally))
		}
		before = load
		records = checkChains(t, dir)
	}
	seen.records += records
	if status := s.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d\n%s", status, s.errs.String())
	}
}

// change is one call: it makes, stamps or deletes the profile of a name.
type change struct {
	operation, name string
	stamp           int // the number that several members hold; 0 after a deletion
}

// sent is a change in flight. Its times are those of crashLoad.now.
type sent struct {
	change
	at           int
	acknowledged int  // 0 when it was not
	refused      bool // it was answered that it did not happen
}

// crashLoad is the load of many workers on an instance, and its outcome.
type crashLoad struct {
	instance string
	now      func() int // a clock, positive; what is acknowledged at one moment is there at the next
	ends     func() bool

	mu         sync.Mutex
	sent       []*sent
	keys       map[string]int // access keys that were made, and when that was acknowledged
	unexpected []string
}

// crashWriters is how many write at a time, crashProfiles how many profiles each has at a time.
const (
	crashWriters  = 64
	crashProfiles = 4
)

func newCrashLoad(t *testing.T, s *server) *crashLoad {
	t.Helper()
	instance, err := s.newInstance(fmt.Sprintf("crash-%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatalf("%v\n%s", err, s.errs.String())
	}
	return &crashLoad{instance: instance, keys: map[string]int{}, now: func() int { return 1 },
		ends: func() bool { return false }}
}

// work starts the workers, which change profiles until the server stops answering or ends reports true. stop waits
// for them.
func (l *crashLoad) work(s *server) (stop func()) {
	var workers sync.WaitGroup
	for w := range crashWriters {
		workers.Go(func() { l.change(s.caller, w) })
	}
	workers.Go(func() { l.makeKeys(s.caller) })
	return workers.Wait
}

func (l *crashLoad) change(c *caller, worker int) {
	ids := map[string]string{} // by name
	for n := 1; !l.ends(); n++ {
		call := l.nextCall(worker, n, ids)
		this := l.sends(call.change)
		status, answer, err := c.send(call.method, call.path, call.body)
		if err != nil {
			return // killed
		}
		if status != http.StatusOK {
			l.wonder("%+v answers %d %s", call.change, status, answer)
			return
		}
		l.done(this, answer, ids)
	}
}

// A crashCall is a change as it is sent.
type crashCall struct {
	change
	method, path, body string
}

// nextCall returns the n-th call of a worker. No other worker has its profiles, whose ids are known by name.
func (l *crashLoad) nextCall(worker, n int, ids map[string]string) crashCall {
	c := crashCall{change: change{stamp: n}, method: "POST", path: "/security-profiles/" + l.instance}
	names := slices.Sorted(maps.Keys(ids))
	switch {
	case len(ids) < crashProfiles:
		c.operation, c.name, c.method = "CreateSecurityProfile", fmt.Sprintf("worker %d profile %d", worker, n), "PUT"
	case rand.IntN(10) == 0:
		c.operation, c.name, c.method, c.stamp = "DeleteSecurityProfile", names[rand.IntN(len(names))], "DELETE", 0
	default:
		c.operation, c.name = "UpdateSecurityProfile", names[rand.IntN(len(names))]
	}
	if c.method != "PUT" {
		c.path += "/" + ids[c.name]
	}
	if c.stamp > 0 {
		c.body = stamped(c.change)
	}
	return c
}

// sends notes a change before it is sent.
func (l *crashLoad) sends(did change) *sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	this := &sent{change: did, at: l.now()}
	l.sent = append(l.sent, this)
	return this
}

// done notes that a change was acknowledged.
func (l *crashLoad) done(this *sent, answer string, ids map[string]string) {
	l.mu.Lock()
	this.acknowledged = l.now()
	l.mu.Unlock()
	var made struct{ SecurityProfileId string }
	switch this.operation {
	case "CreateSecurityProfile":
		if err := json.Unmarshal([]byte(answer), &made); err != nil || made.SecurityProfileId == "" {
			l.wonder("%+v answers %s", this.change, answer)
			return
		}
		ids[this.name] = made.SecurityProfileId
	case "DeleteSecurityProfile":
		delete(ids, this.name)
	}
}

// countAcknowledged counts the changes that were acknowledged until now.
func (l *crashLoad) countAcknowledged() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sent {
		if s.acknowledged > 0 {
			n++
		}
	}
	return n
}

// wonder notes an unexpected answer.
func (l *crashLoad) wonder(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unexpected = append(l.unexpected, fmt.Sprintf(format, args...))
}

// makeKeys creates access keys in the meantime, which belong to no instance.
func (l *crashLoad) makeKeys(c *caller) {
	for !l.ends() {
		status, answer, err := c.send("POST", "/lanyard/v1/keys", `{"Account":"210987654321"}`)
		if err != nil {
			return
		}
		var made struct{ ID string }
		if err := json.Unmarshal([]byte(answer), &made); err != nil || status >= 300 || made.ID == "" {
			l.wonder("making a key answers %d %s", status, answer)
			return
		}
		l.mu.Lock()
		l.keys[made.ID] = l.now()
		l.mu.Unlock()
		time.Sleep(20 * time.Millisecond) // the pace: more keys would take the place of changes
	}
}

// expected is what must be there of a load, and what may be.
type expected struct {
	acknowledged []change
	stamps       map[string]int    // by name, as last acknowledged
	open         map[string]change // by name, sent and not acknowledged
	keys         []string
}

// by returns what is expected after a crash at a moment.
func (l *crashLoad) by(moment int) expected {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := expected{stamps: map[string]int{}, open: map[string]change{}}
	for _, s := range l.sent { // of one name one after the other
		switch {
		case s.at > moment, s.refused:
		case s.acknowledged == 0 || s.acknowledged > moment:
			e.open[s.name] = s.change
		default:
			e.acknowledged = append(e.acknowledged, s.change)
			if e.stamps[s.name] = s.stamp; s.stamp == 0 {
				delete(e.stamps, s.name)
			}
		}
	}
	for id, at := range l.keys {
		if at <= moment {
			e.keys = append(e.keys, id)
		}
	}
	return e
}

// compareWith compares what is expected with what is found: the stamps of profiles, and the events.
func (e expected) compareWith(found map[string]int, events []change, seen *crashTally) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	// A change that was not answered may have been made or not.
	want := maps.Clone(e.stamps)
	for name, c := range e.open {
		if got, there := found[name]; got == c.stamp && there == (c.stamp > 0) {
			seen.present++
			if want[name] = c.stamp; c.stamp == 0 {
				delete(want, name)
			}
		} else {
			seen.absent++
		}
	}
	for name, stamp := range want {
		if got, there := found[name]; got != stamp {
			say("profile %q: was acknowledged with stamp %d; has %d (there: %v), under way was %+v", name, stamp, got, there,
				e.open[name])
		}
	}
	for name, stamp := range found {
		if _, expected := want[name]; !expected {
			say("profile %q with stamp %d is there, but was deleted or never asked for", name, stamp)
		}
	}
	// The events lead to the same state, hold every acknowledged change once and none that was not asked for.
	state, records := map[string]int{}, map[change]int{}
	for _, c := range events {
		if state[c.name] = c.stamp; c.stamp == 0 {
			delete(state, c.name)
		}
		records[c]++
	}
	if !maps.Equal(state, found) {
		say("the events end in the state\n%v, the instance is in\n%v", state, found)
	}
	for _, c := range e.acknowledged {
		if records[c] != 1 {
			say("%+v was acknowledged; there are %d events of it, want one", c, records[c])
		}
		delete(records, c)
	}
	for c, n := range records {
		if n != 1 || e.open[c.name] != c {
			say("there are %d events of %+v, which nobody was doing", n, c)
		}
	}
	seen.acknowledged += len(e.acknowledged)
	return wrong
}

// crashPermissions are told apart by a stamp's bits.
var crashPermissions = []string{"AccessMetrics", "AgentGrouping.Create", "AgentGrouping.Edit", "AgentGrouping.View",
	"AgentStates.Create",
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
		"Applications": []any{map[string]any{"Namespace": "stamp-" + n,
			"ApplicationPermissions": []string{"ACCESS"}}},
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

// checkServer compares what a server answers with what is expected after the server was killed.
func (l *crashLoad) checkServer(t *testing.T, s *server, program string, seen *crashTally) {
	t.Helper()
	for _, u := range l.unexpected {
		t.Error(u)
	}
	found, err := l.readStamps(s.caller)
	if err != nil {
		t.Error(err)
		return
	}
	e := l.by(1)
	for _, wrong := range e.compareWith(found, l.audit(t, s.dir, program), seen) {
		t.Error(wrong)
	}
	var keys []struct{ ID string }
	if err := s.get("GET", "/lanyard/v1/keys", "", &keys); err != nil {
		t.Error(err)
	}
	for _, id := range e.keys {
		if !slices.ContainsFunc(keys, func(k struct{ ID string }) bool { return k.ID == id }) {
			t.Errorf("access key %s was acknowledged and is not there", id)
		}
	}
}

// readStamps returns the stamps of the profiles that the workers made, by name; all members of a profile
// must have the same.
func (l *crashLoad) readStamps(c *caller) (map[string]int, error) {
	found := map[string]int{}
	var mu sync.Mutex
	var readers errgroup.Group
	readers.SetLimit(16)
	for token := ""; ; {
		var page struct {
			NextToken                  string
			SecurityProfileSummaryList []struct{ Id, Name string }
		}
		if err := c.get("GET", "/security-profiles-summary/"+l.instance+"?maxResults=100"+token, "", &page); err != nil {
			return nil, err
		}
		for _, p := range page.SecurityProfileSummaryList {
			if !strings.HasPrefix(p.Name, "worker ") {
				continue // one that the instance came with
			}
			readers.Go(func() error {
				stamp, err := l.readProfile(c, p.Id)
				if err != nil {
					return fmt.Errorf("profile %q: %w", p.Name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				found[p.Name] = stamp
				return nil
			})
		}
		if page.NextToken == "" {
			return found, readers.Wait()
		}
		token = "&nextToken=" + page.NextToken
	}
}

func (l *crashLoad) readProfile(c *caller, id string) (int, error) {
	var described struct{ SecurityProfile map[string]any }
	var permissions struct{ Permissions []string }
	var applications struct{ Applications []struct{ Namespace string } }
	for path, out := range map[string]any{"security-profiles": &described, "security-profiles-permissions": &permissions,
		"security-profiles-applications": &applications} {
		if err := c.get("GET", "/"+path+"/"+l.instance+"/"+id, "", out); err != nil {
			return 0, err
		}
	}
	p := described.SecurityProfile
	n := fmt.Sprint(p["Description"])
	stamp, err := strconv.Atoi(n)
	if err != nil {
		return 0, fmt.Errorf("has no stamp: %v", p)
	}
	got := fmt.Sprint(p["AllowedAccessControlTags"], p["TagRestrictedResources"], p["GranularAccessControlConfiguration"],
		permissions.Permissions, applications.Applications)
	want := fmt.Sprintf("map[Stamp:%s] [User] map[DataTableAccessControlConfiguration:map[PrimaryAttributeAccessControlConfiguration:map[PrimaryAttributeValues:[map[AccessType:ALLOW AttributeName:Stamp Values:[%s]]]]]] %v [{stamp-%s}]",
		n, n, stampPermissions(stamp), n)
	if got != want {
		return 0, fmt.Errorf("is half changed:\n got %s\nwant %s", got, want)
	}
	return stamp, nil
}

// audit returns the changes that the audit of the instance has, in order, and checks that its revisions
// have no gaps.
func (l *crashLoad) audit(t *testing.T, dir, program string) (events []change) {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(program, "audit", "--data", dir, "--instance", l.instance, "--output", "json")
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("audit: %v\n%s", err, errs.String())
		return nil
	}
	revision := int64(0)
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var record struct {
			EventName           string
			AdditionalEventData struct {
				Revision int64
				Changes  []struct {
					Before, After struct{ Name, Description string }
				}
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Errorf("the audit has %s: %v", lines.Text(), err)
			return nil
		}
		if revision++; record.AdditionalEventData.Revision != revision {
			t.Errorf("the audit has revision %d where %d belongs", record.AdditionalEventData.Revision, revision)
			return nil
		}
		if record.EventName == "CreateInstance" {
			continue
		}
		changes := record.AdditionalEventData.Changes
		if len(changes) != 1 {
			t.Errorf("revision %d has %d changes, want 1", revision, len(changes))
			return nil
		}
		c := change{operation: record.EventName, name: changes[0].After.Name}
		if c.name == "" {
			c.name = changes[0].Before.Name
		}
		c.stamp, _ = strconv.Atoi(changes[0].After.Description)
		events = append(events, c)
	}
	return events
}

// checkChains checks, on the rows themselves, that the events of every instance have revisions without
// gaps and that each one's hash covers it and the hash before, and returns how many there are.
func checkChains(t *testing.T, dir string) (records int) {
	t.Helper()
	n, err := chains(dir)
	if err != nil {
		t.Error(err)
	}
	return n
}

func chains(dir string) (records int, err error) {
	db, err := sql.Open("sqlite", "file:"+dir+"/lanyard.db?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	rows, err := db.Query(`SELECT instance_id, revision, body, hash FROM events ORDER BY instance_id, revision`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	of, last, before := "", int64(0), []byte(nil)
	for rows.Next() {
		var instance string
		var revision int64
		var packed, hash []byte
		if err := rows.Scan(&instance, &revision, &packed, &hash); err != nil {
			return 0, err
		}
		if instance != of {
			of, last, before = instance, 0, make([]byte, sha256.Size)
		}
		if last++; revision != last {
			return 0, fmt.Errorf("instance %s has revision %d where %d belongs", instance, revision, last)
		}
		body, err := sqlstore.Unpack(packed)
		if err != nil {
			return 0, fmt.Errorf("event %d of instance %s: %w", revision, instance, err)
		}
		if want := sha256.Sum256(append(before, body...)); !bytes.Equal(hash, want[:]) {
			return 0, fmt.Errorf("the chain of instance %s breaks at event %d: hash %x, want %x", instance, revision, hash, want)
		}
		before = hash
		records++
	}
	return records, rows.Err()
}
