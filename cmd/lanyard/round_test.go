package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

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
