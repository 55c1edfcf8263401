package awsapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard/lanyard/awsapi"
	"github.com/lanyard/lanyard/control"
)

// sent is a request with If-Match, whose refusal the service model does not know.
func (w *world) sent(op string, m members, match ...string) *httptest.ResponseRecorder {
	w.Helper()
	method, target, body := place(op, m)
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if len(match) > 0 {
		r.Header[awsapi.IfMatch] = match
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return rec
}

func TestIfMatch(t *testing.T) {
	w := newWorld(t)
	in := w.instance("centre")
	p := w.id("CreateSecurityProfile", members{"InstanceId": in, "SecurityProfileName": "P", "Permissions": []string{"Users.View"}})
	of := func(m members) members {
		all := members{"InstanceId": in, "SecurityProfileId": p}
		for k, v := range m {
			all[k] = v
		}
		return all
	}
	tag := func() string {
		t.Helper()
		e := w.do("DescribeSecurityProfile", of(nil))
		e.ok()
		return e.header.Get("ETag")
	}
	first := tag()
	if len(first) < 4 || first[0] != '"' || tag() != first {
		t.Fatalf("the ETag is %s, and then %s", first, tag())
	}
	// The answer to an update has the tag of what it left, changed or not.
	r := w.sent("UpdateSecurityProfile", of(members{"Description": "one"}), first)
	second := r.Header().Get("ETag")
	if r.Code != 200 || second != tag() || second == first {
		t.Fatalf("%d %s: the ETag is %s, and the profile's %s", r.Code, r.Body, second, tag())
	}
	if r := w.sent("UpdateSecurityProfile", of(members{"Description": "one"}), second); r.Code != 200 || r.Header().Get("ETag") != second {
		t.Errorf("an update that changes nothing answers %d with the ETag %s, want %s", r.Code, r.Header().Get("ETag"), second)
	}
	stale := w.sent("UpdateSecurityProfile", of(members{"Description": "two"}), first)
	if stale.Code != http.StatusPreconditionFailed || stale.Header().Get("X-Amzn-Errortype") != "ResourceConflictException" || !strings.Contains(stale.Body.String(), "read it again") {
		t.Errorf("a stale ETag is answered with %d %s %s", stale.Code, stale.Header().Get("X-Amzn-Errortype"), stale.Body)
	}
	if tag() != second {
		t.Error("the refused update changed the profile")
	}
	for name, m := range map[string]members{
		"description": {"Description": "x"}, "permissions": {"Permissions": []string{}}, "tags of access": {"AllowedAccessControlTags": members{"A": "B"}, "TagRestrictedResources": []string{"User"}},
		"applications": {"Applications": []members{{"Namespace": "n", "ApplicationPermissions": []string{"ACCESS"}}}}, "hierarchy": {"HierarchyRestrictedResources": []string{"User"}},
		"data tables": {"GranularAccessControlConfiguration": members{"DataTableAccessControlConfiguration": members{"PrimaryAttributeAccessControlConfiguration": members{
			"PrimaryAttributeValues": []members{{"AttributeName": "a", "Values": []string{"v"}}}}}}},
	} {
		before := tag()
		w.do("UpdateSecurityProfile", of(m)).ok() // without the header the last writer wins
		if tag() == before {
			t.Errorf("another %s leaves the ETag", name)
		}
	}
	before := tag()
	w.do("TagResource", members{"resourceArn": w.arn(in, "security-profile", p), "tags": members{"a": "b"}}).ok()
	if tag() == before {
		t.Error("another tag leaves the ETag")
	}
	now := tag()
	for _, tt := range []struct {
		name, op string
		match    []string
		status   int
	}{
		{"any", "UpdateSecurityProfile", []string{"*"}, 200},
		{"none", "UpdateSecurityProfile", nil, 200},
		{"weak", "UpdateSecurityProfile", []string{"W/" + now}, 400},
		{"two in one", "UpdateSecurityProfile", []string{now + ", " + now}, 400},
		{"two", "UpdateSecurityProfile", []string{now, now}, 400},
		{"without quotes", "UpdateSecurityProfile", []string{strings.Trim(now, `"`)}, 400},
		{"empty", "UpdateSecurityProfile", []string{""}, 400},
		{"very long", "UpdateSecurityProfile", []string{`"` + strings.Repeat("x", 5000) + `"`}, 400},
		{"of something else", "UpdateSecurityProfile", []string{`"x"`}, 412},
		{"another operation", "DeleteSecurityProfile", []string{now}, 400},
		{"another operation, any", "DescribeSecurityProfile", []string{"*"}, 200},
	} {
		m := of(nil)
		if r := w.sent(tt.op, m, tt.match...); r.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, r.Code, r.Body, tt.status)
		}
	}
	if r := w.sent("UpdateSecurityProfile", members{"InstanceId": in, "SecurityProfileId": "none", "Description": "x"}, now); r.Code != 404 {
		t.Errorf("of a profile that does not exist it is %d", r.Code)
	}
}

// Of many who read the same state, one saves.
func TestIfMatchTogether(t *testing.T) {
	w := newWorld(t, func(c *control.Config, _ *awsapi.Config) { c.NewID = nil })
	in := w.instance("centre")
	p := w.id("CreateSecurityProfile", members{"InstanceId": in, "SecurityProfileName": "P"})
	for range 10 {
		tag := w.do("DescribeSecurityProfile", members{"InstanceId": in, "SecurityProfileId": p}).header.Get("ETag")
		var mu sync.Mutex
		saved := map[int]int{}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				r := w.sent("UpdateSecurityProfile", members{"InstanceId": in, "SecurityProfileId": p, "Description": strings.Repeat("x", i+1) + tag}, tag)
				mu.Lock()
				defer mu.Unlock()
				saved[r.Code]++
			})
		}
		wg.Wait()
		if saved[200] != 1 || saved[412] != 7 {
			t.Fatalf("of eight who read the same state the answers are %v, want one success", saved)
		}
	}
}
