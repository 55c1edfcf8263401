package awsapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
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
	p := w.id("CreateSecurityProfile",
		members{"InstanceId": in, "SecurityProfileName": "P", "Permissions": []string{"Users.View"}})
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
	if r := w.sent("UpdateSecurityProfile", of(members{"Description": "one"}), second); r.Code != 200 ||
		r.Header().Get("ETag") != second {
		t.Errorf("an update that changes nothing answers %d with the ETag %s, want %s", r.Code, r.Header().Get("ETag"),
			second)
	}
	stale := w.sent("UpdateSecurityProfile", of(members{"Description": "two"}), first)
	if stale.Code != http.StatusPreconditionFailed ||
		stale.Header().Get("X-Amzn-Errortype") != "ResourceConflictException" ||
		!strings.Contains(stale.Body.String(), "read it again") {
		t.Errorf("a stale ETag is answered with %d %s %s", stale.Code, stale.Header().Get("X-Amzn-Errortype"), stale.Body)
	}
	if tag() != second {
		t.Error("the refused update changed the profile")
	}
	for name, m := range map[string]members{
		"description": {"Description": "x"}, "permissions": {"Permissions": []string{}},
		"tags of access": {"AllowedAccessControlTags": members{"A": "B"}, "TagRestrictedResources": []string{"User"}},
		"applications":   {"Applications": []members{{"Namespace": "n", "ApplicationPermissions": []string{"ACCESS"}}}},
		"hierarchy":      {"HierarchyRestrictedResources": []string{"User"}},
		"data tables": {"GranularAccessControlConfiguration": members{
			"DataTableAccessControlConfiguration": members{"PrimaryAttributeAccessControlConfiguration": members{
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
	if r := w.sent("UpdateSecurityProfile", members{"InstanceId": in, "SecurityProfileId": "none", "Description": "x"},
		now); r.Code != 404 {
		t.Errorf("of a profile that does not exist it is %d", r.Code)
	}
}

// Every operation that changes a user changes only the state that its caller has read, if the caller says which.
func TestIfMatchOfUsers(t *testing.T) {
	c := newCentre(t)
	w, in := c.world, c.in
	u := c.user("quinn", c.none, "", members{"Team": "1"})
	at := func(m members) members {
		all := members{"InstanceId": in, "UserId": u}
		for k, v := range m {
			all[k] = v
		}
		return all
	}
	tag := func() string {
		t.Helper()
		e := w.do("DescribeUser", members{"InstanceId": in, "UserId": u})
		e.ok()
		return e.header.Get("ETag")
	}
	arn := w.arn(in, "agent", u)
	group := w.id("CreateUserHierarchyGroup", members{"InstanceId": in, "Name": "If-Match", "ParentGroupId": nil})
	routing := w.first("ListRoutingProfiles", in, "RoutingProfileSummaryList", "Id")
	stale := `"x"`
	for _, tt := range []struct {
		op    string
		input members
	}{
		{"UpdateUserSecurityProfiles",
			at(members{"SecurityProfileIds": []string{w.id("CreateSecurityProfile",
				members{"InstanceId": in, "SecurityProfileName": "If-Match"})}})},
		{"UpdateUserHierarchy", at(members{"HierarchyGroupId": group})},
		{"UpdateUserRoutingProfile", at(members{"RoutingProfileId": routing})},
		{"UpdateUserIdentityInfo", at(members{"IdentityInfo": members{"FirstName": "Quinn"}})},
		{"UpdateUserPhoneConfig", at(members{"PhoneConfig": members{"PhoneType": "SOFT_PHONE", "AutoAccept": true}})},
		{"TagResource", members{"resourceArn": arn, "tags": members{"If": "Match"}}},
		{"UntagResource", members{"resourceArn": arn, "tagKeys": []string{"If"}}},
	} {
		before := tag()
		r := w.sent(tt.op, tt.input, stale)
		if r.Code != http.StatusPreconditionFailed || r.Header().Get("X-Amzn-Errortype") != "ResourceConflictException" ||
			!strings.Contains(r.Body.String(), "quinn") {
			t.Errorf("%s: a stale ETag is answered with %d %s", tt.op, r.Code, r.Body)
		}
		if tag() != before {
			t.Errorf("%s: the refused call changed the user", tt.op)
		}
		r = w.sent(tt.op, tt.input, before)
		now := r.Header().Get("ETag")
		if r.Code != http.StatusOK || now != tag() {
			t.Errorf("%s: %d %s: the ETag is %s, and the user's %s", tt.op, r.Code, r.Body, now, tag())
		}
		if now == before && tt.op != "UpdateUserRoutingProfile" {
			t.Errorf("%s leaves the ETag", tt.op)
		}
		if again := w.sent(tt.op, tt.input, now); again.Code != http.StatusOK || again.Header().Get("ETag") != now {
			t.Errorf("%s: a call that changes nothing answers %d with the ETag %s, want %s", tt.op, again.Code,
				again.Header().Get("ETag"), now)
		}
		stale = before
		if now == before {
			stale = `"x"`
		}
	}
	queue := w.first("ListQueues", in, "QueueSummaryList", "Arn")
	if r := w.sent("TagResource", members{"resourceArn": queue, "tags": members{"a": "b"}}, tag()); r.Code != 400 {
		t.Errorf("a type without entity tags answers If-Match with %d %s", r.Code, r.Body)
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
				r := w.sent("UpdateSecurityProfile",
					members{"InstanceId": in, "SecurityProfileId": p, "Description": strings.Repeat("x", i+1) + tag}, tag)
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
