package awsapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
)

// TestMalformedBodies has bodies that no decoder may take, and some odd ones that it must.
func TestMalformedBodies(t *testing.T) {
	w := newWorld(t)
	in := w.instance("bodies")
	p := w.id("CreateSecurityProfile",
		members{"InstanceId": in, "SecurityProfileName": "P", "Permissions": []string{"Users.View"}})
	deep := func(n int) string { return `{"Unknown":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	const malformed, invalid, fine = "InvalidRequestException", "InvalidParameterException", ""
	for _, tt := range []struct {
		name, body, want string
		says             string
	}{
		{"nothing", "", fine, ""},
		{"white space", " \r\n\t", fine, ""},
		{"empty object", "{}", fine, ""},
		{"spaced object", " { \n } ", fine, ""},
		{"unknown member", `{"Colour":{"a":[1,null]}}`, fine, ""},
		{"member in another case", `{"permissions":1}`, fine, ""},
		{"null in a map", `{"AllowedAccessControlTags":{"abc":null}}`, malformed,
			"AllowedAccessControlTags.abc must not be null"},
		{"null alongside others in a map", `{"AllowedAccessControlTags":{"a":"b","abc":null},"TagRestrictedResources":["User"]}`,
			malformed, "AllowedAccessControlTags.abc"},
		{"null in a list of texts", `{"Permissions":["Users.View",null]}`, malformed, "Permissions[1] must not be null"},
		{"null in a list of structures", `{"Applications":[null]}`, malformed, "Applications[0]"},
		{"null in a list in a list",
			`{"Applications":[{"Namespace":"a","ApplicationPermissions":["ACCESS"]},{"Namespace":"b","ApplicationPermissions":[null]}]}`,
			malformed, "Applications[1].ApplicationPermissions[0]"},
		{"null members of structures in lists",
			`{"Applications":[{"Namespace":"a","ApplicationPermissions":["ACCESS"],"Type":null}]}`, fine, ""},
		{"null is absent", `{"Permissions":null,"Description":null,"GranularAccessControlConfiguration":null}`, fine, ""},
		{"instance in the body too", `{"InstanceId":"other"}`, fine, ""},
		{"64 deep", deep(64), fine, ""},
		{"65 deep", deep(65), malformed, "at most 64 levels deep"},
		{"hundreds of thousands deep", strings.Repeat(`{"a":`, 400_000), malformed, "at most 64 levels deep"},
		{"brackets in a string are not deep", `{"Description":"` + strings.Repeat("[", 100) + `"}`, fine, ""},
		{"brackets behind an escaped quote are not deep", `{"Description":"\"` + strings.Repeat("[", 100) + `"}`, fine, ""},
		{"list", "[]", malformed, "must be a JSON object"},
		{"string", `"x"`, malformed, "must be a JSON object"},
		{"null", `null`, malformed, "must be a JSON object"},
		{"byte order mark", "\ufeff{}", malformed, "must be a JSON object"},
		{"nul", "\x00", malformed, "must be a JSON object"},
		{"cut", `{"Description":"x"`, malformed, "must be valid JSON: at byte"},
		{"something after it", `{} x`, malformed, "must be valid JSON: at byte"},
		{"two objects", `{}{}`, malformed, "must be valid JSON: at byte"},
		{"member twice", `{"Description":"a","Description":"b"}`, malformed, "duplicate"},
		{"member twice, once escaped", `{"Description":"a","\u0044escription":"b"}`, malformed, "duplicate"},
		{"unknown member twice", `{"X":1,"X":2}`, malformed, "duplicate"},
		{"deep member twice", `{"AllowedAccessControlTags":{"a":"1","a":"2"}}`, malformed, "duplicate"},
		{"invalid UTF-8", "{\"Description\":\"\xff\"}", malformed, "UTF-8"},
		{"half a surrogate", `{"Description":"\ud800"}`, malformed, "surrogate"},
		{"number for text", `{"Description":1}`, malformed, "Description must be a string, got a number"},
		{"text for list", `{"Permissions":"x"}`, malformed, "Permissions must be a list, got a string"},
		{"object for list", `{"Permissions":{}}`, malformed, "must be a list, got an object"},
		{"list for object", `{"AllowedAccessControlTags":[]}`, malformed, "must be an object, got a list"},
		{"boolean in a list", `{"Permissions":["Users.View",true]}`, malformed, "Permissions[1] must be a string, got a boolean"},
		{"not a number", `{"X":NaN}`, malformed, "must be valid JSON: at byte"},
		{"comment", `{/**/}`, malformed, "must be valid JSON: at byte"},
		{"apostrophes", `{'Description':'x'}`, malformed, "must be valid JSON: at byte"},
		{"too long a description", `{"Description":"` + strings.Repeat("é", 251) + `"}`, invalid, "Description"},
		{"a long name of many bytes", `{"` + strings.Repeat("é", 100) + `":x}`, malformed, "must be valid JSON: at byte"},
		{"a long odd place", `{"AllowedAccessControlTags":{"a` + strings.Repeat("é", 100) + `":1}}`, malformed,
			"must be a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.T = t
			before := w.do("DescribeSecurityProfile", members{"InstanceId": in, "SecurityProfileId": p}).answer
			x := w.raw(w.api, "UpdateSecurityProfile", "POST", "/security-profiles/"+in+"/"+p, tt.body)
			if tt.want == fine {
				x.ok()
				return
			}
			x.fails(tt.want, tt.says)
			if after := w.do("DescribeSecurityProfile",
				members{"InstanceId": in, "SecurityProfileId": p}).answer; after != before {
				t.Errorf("the profile was %s and is %s", before, after)
			}
		})
	}
}

// TestBodiesOverHTTP has what only a real connection brings.
func TestBodiesOverHTTP(t *testing.T) {
	w := newWorld(t)
	in := w.instance("http")
	srv := httptest.NewServer(w.api)
	defer srv.Close()
	valid := `{"SecurityProfileName":"P%","Description":"` + strings.Repeat("x", 100) + `"}`
	for i, tt := range []struct {
		name     string
		body     io.Reader
		encoding string
		status   int
		says     string
	}{
		{"as it is", strings.NewReader(strings.Replace(valid, "%", "0", 1)), "", 200, ""},
		{"chunked", io.MultiReader(strings.NewReader(strings.Replace(valid, "%", "1", 1))), "", 200, ""},
		{"encoded in nothing", strings.NewReader(strings.Replace(valid, "%", "2", 1)), "identity", 200, ""},
		{"encoded in x", strings.NewReader(valid), "x", 400, `\"x\"`},
		{"encoded in gzip", strings.NewReader(valid), "gzip", 400, "Content-Encoding"},
		{"encoded in aws-chunked", io.MultiReader(strings.NewReader(valid)), "aws-chunked", 400, "Content-Encoding"},
		{"as large as may be",
			strings.NewReader(`{"SecurityProfileName":"Large"` +
				strings.Repeat(" ", int(awsapi.MaxBodyOf("CreateSecurityProfile"))-len(`{"SecurityProfileName":"Large"}`)) + `}`),
			"", 200, ""},
		{"as large as may be, chunked",
			io.MultiReader(strings.NewReader(`{"SecurityProfileName":"Larger"` +
				strings.Repeat(" ", int(awsapi.MaxBodyOf("CreateSecurityProfile"))-len(`{"SecurityProfileName":"Larger"}`)) + `}`)),
			"", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest("PUT", srv.URL+"/security-profiles/"+in, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.encoding != "" {
				req.Header.Set("Content-Encoding", tt.encoding)
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status || !strings.Contains(string(b), tt.says) {
				t.Errorf("row %d: got %d %s, want %d that says %q", i, resp.StatusCode, b, tt.status, tt.says)
			}
		})
	}
}

// That the client gets to read this is a test of cmd/lanyard.
func TestTooLargeBody(t *testing.T) {
	w := newWorld(t)
	for length, says := range map[int64]string{10 << 20: "10485760 bytes",
		-1: fmt.Sprintf("at most %d bytes, got more", awsapi.MaxBodyOf("CreateInstance"))} {
		r := httptest.NewRequest("PUT", "/instance", bytes.NewReader(make([]byte, 10<<20)))
		r.ContentLength = length
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		if rec.Code != 400 || !strings.Contains(rec.Body.String(), says) {
			t.Errorf("a body of 10 MiB, length %d, is answered %d %s; want 400 that says %q", length, rec.Code, rec.Body, says)
		}
	}
}

// ended is a body that ends before its Content-Length.
type ended struct{ io.Reader }

func (ended) Close() error { return nil }

func TestShortBody(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest("PUT", "/instance", nil)
	r.Body, r.ContentLength = ended{strings.NewReader("{}")}, 10
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	if rec.Code != 400 || !strings.Contains(rec.Body.String(), "ended early") {
		t.Errorf("a body that ends early is answered %d %s", rec.Code, rec.Body)
	}
}

func TestUnknownRoutes(t *testing.T) {
	w := newWorld(t)
	in := w.instance("routes")
	for _, tt := range []struct{ name, method, target string }{
		{"nothing", "GET", "/"},
		{"another path", "GET", "/security-profile/" + in},
		{"another method", "PATCH", "/security-profiles/" + in},
		{"an empty label", "GET", "/security-profiles-summary/"},
		{"a slash too many", "GET", "/security-profiles-summary/" + in + "/"},
		{"two slashes", "GET", "//security-profiles-summary/" + in},
		{"dots", "GET", "/x/../security-profiles-summary/" + in},
		{"an encoded slash is no slash", "GET", "/security-profiles-summary%2F" + in},
		{"very many segments", "GET", "/" + strings.Repeat("a/", 1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.T = t
			x := w.raw(w.api, "", tt.method, tt.target, "")
			if x.status != 404 {
				t.Errorf("the status is %d", x.status)
			}
			x.fails("UnknownOperationException", "no operation")
		})
	}
	w.T = t
	w.raw(w.api, "", "GET", "/"+strings.Repeat("a", 17<<10), "").fails("InvalidRequestException", "16384")
}

// TestIdsAndARNs has every reference once as an id and once as an ARN.
func TestIdsAndARNs(t *testing.T) {
	w := newWorld(t)
	in := w.furnish()
	id := in.instance
	for _, tt := range []struct {
		op   string
		m    members
		arns members
	}{
		{"DescribeInstance", members{"InstanceId": id}, members{"InstanceId": w.arn(id)}},
		{"DescribeSecurityProfile", members{"InstanceId": id, "SecurityProfileId": in.held},
			members{"InstanceId": w.arn(id), "SecurityProfileId": w.arn(id, "security-profile", in.held)}},
		{"DescribeUser", members{"InstanceId": id, "UserId": in.user}, members{"UserId": w.arn(id, "agent", in.user)}},
		{"DescribeUserHierarchyGroup", members{"InstanceId": id, "HierarchyGroupId": in.group},
			members{"HierarchyGroupId": w.arn(id, "agent-group", in.group)}},
		{"DescribeQueue", members{"InstanceId": id, "QueueId": in.queue}, members{"QueueId": w.arn(id, "queue", in.queue)}},
		{"DescribeRoutingProfile", members{"InstanceId": id, "RoutingProfileId": in.routing},
			members{"RoutingProfileId": w.arn(id, "routing-profile", in.routing)}},
		{"DescribeHoursOfOperation", members{"InstanceId": id, "HoursOfOperationId": in.hours},
			members{"HoursOfOperationId": w.arn(id, "operating-hours", in.hours)}},
		{"DescribeContactFlowModule", members{"InstanceId": id, "ContactFlowModuleId": in.module},
			members{"ContactFlowModuleId": w.arn(id, "flow-module", in.module)}},
		{"DescribeQuickConnect", members{"InstanceId": id, "QuickConnectId": in.quick},
			members{"QuickConnectId": w.arn(id, "transfer-destination", in.quick)}},
		{"DescribeDataTable", members{"InstanceId": id, "DataTableId": in.table},
			members{"DataTableId": w.arn(id, "data-table", in.table)}},
		{"DescribeDataTableAttribute", members{"InstanceId": id, "DataTableId": in.table, "AttributeName": "aa"},
			members{"DataTableId": w.arn(id, "data-table", in.table) + ":$LATEST"}},
		{"SearchUsers", members{"InstanceId": id}, members{"InstanceId": w.arn(id)}},
	} {
		t.Run(tt.op, func(t *testing.T) {
			w.T = t
			byID := w.do(tt.op, tt.m)
			byID.ok()
			byARN := members{}
			for name, v := range tt.m {
				byARN[name] = v
				if arn, ok := tt.arns[name]; ok {
					byARN[name] = arn
				}
			}
			if x := w.do(tt.op, byARN); x.answer != byID.answer {
				t.Errorf("by ARN the answer is %s\nby id %s", x.answer, byID.answer)
			}
			for name, v := range byARN {
				arn, ok := v.(string)
				if !ok || !strings.HasPrefix(arn, "arn:") {
					continue
				}
				for _, foreign := range []string{
					strings.Replace(arn, account, stranger, 1), strings.Replace(arn, "us-east-1", "eu-west-1", 1),
					strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1), strings.Replace(arn, id, strings.Replace(id, "0", "1", 1), 1),
				} {
					other := members{}
					for n, v := range byARN {
						other[n] = v
					}
					other[name] = foreign
					w.do(tt.op, other).fails("ResourceNotFoundException", "does not exist")
				}
			}
		})
	}
}

// TestTagsPathWithSlashes has the ARN in the path as some clients write it.
func TestTagsPathWithSlashes(t *testing.T) {
	w := newWorld(t)
	in := w.instance("slashes")
	x := w.raw(w.api, "ListTagsForResource", "GET", "/tags/"+w.arn(in), "")
	x.ok()
}

func TestTokens(t *testing.T) {
	w := newWorld(t, func(c *control.Config, _ *awsapi.Config) { c.Quotas.InstancesPerAccount = 9 })
	in, other := w.instance("tokens"), w.instance("others")
	list := func(m members) *wire {
		w.Helper()
		if m["InstanceId"] == nil {
			m["InstanceId"] = in
		}
		return w.do("ListSecurityProfiles", m)
	}
	first := list(members{"MaxResults": 1}).ok()
	token, _ := first["NextToken"].(string)
	if token == "" {
		t.Fatalf("the first of several pages has no NextToken: %v", first)
	}
	search := func(criteria string) members {
		return members{"InstanceId": in, "MaxResults": 1,
			"SearchCriteria": members{"StringCondition": members{"FieldName": "name", "Value": criteria,
				"ComparisonType": "CONTAINS"}}}
	}
	found, _ := w.do("SearchSecurityProfiles", search("Agent")).ok()["NextToken"].(string)
	all, _ := w.do("SearchSecurityProfiles", members{"InstanceId": in, "MaxResults": 1}).ok()["NextToken"].(string)
	strange := w.doAs(w.other, "CreateInstance",
		members{"InstanceAlias": "strange", "IdentityManagementType": "SAML", "InboundCallsEnabled": true,
			"OutboundCallsEnabled": true}).ok()["Id"]

	const invalid = "InvalidParameterException"
	list(members{"MaxResults": 1000, "NextToken": token}).ok() // a page of another size
	list(members{"InstanceId": w.arn(in), "NextToken": token}).ok()
	for name, forged := range map[string]string{
		"forged": "AAAA" + token[4:], "truncated": token[:len(token)-2], "longer": token + "AA", "other text": "page2",
		"not base64":  "%%%",
		"of a search": all, "of its head alone": token[:20],
	} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			list(members{"NextToken": forged}).fails(invalid, "NextToken")
		})
	}
	w.T = t
	list(members{"InstanceId": other, "NextToken": token}).fails(invalid, "NextToken")
	w.do("ListUsers", members{"InstanceId": in, "NextToken": token}).fails(invalid, "NextToken")
	w.doAs(w.other, "ListSecurityProfiles", members{"InstanceId": strange, "NextToken": token}).fails(invalid, "NextToken")
	w.do("SearchSecurityProfiles", members{"InstanceId": in, "NextToken": token}).fails(invalid, "NextToken")
	if found != "" {
		t.Error("a search for one has a second page")
	}
	changed := search("Agent")
	changed["NextToken"] = all
	w.do("SearchSecurityProfiles", changed).fails(invalid, "NextToken")
	w.do("SearchSecurityProfiles",
		members{"InstanceId": in, "NextToken": all, "SearchFilter": members{"TagFilter": members{}}}).fails(invalid,
		"NextToken")

	permissions := w.first("ListSecurityProfiles", in, "SecurityProfileSummaryList", "Id")
	of := func(profile string, token any) members {
		m := members{"InstanceId": in, "SecurityProfileId": profile, "MaxResults": 1}
		if token != nil {
			m["NextToken"] = token
		}
		return m
	}
	inside := w.do("ListSecurityProfilePermissions", of(permissions, nil)).ok()["NextToken"]
	w.do("ListSecurityProfilePermissions", of(permissions, inside)).ok()
	empty := w.id("CreateSecurityProfile", members{"InstanceId": in, "SecurityProfileName": "Empty"})
	w.do("ListSecurityProfilePermissions", of(empty, inside)).fails(invalid, "NextToken")
	w.do("ListSecurityProfileApplications", of(permissions, inside)).fails(invalid, "NextToken")

	w.pass(24 * time.Hour)
	list(members{"NextToken": token}).ok()
	w.pass(time.Second)
	list(members{"NextToken": token}).fails(invalid, "NextToken must be at most")
}

// TestPagesJoin walks all lists in pages of one and compares them with one page.
func TestPagesJoin(t *testing.T) {
	w := newWorld(t)
	in := w.furnish()
	for op, list := range map[string]string{
		"ListSecurityProfiles": "SecurityProfileSummaryList", "ListInstanceAttributes": "Attributes",
		"SearchSecurityProfiles": "SecurityProfiles",
		"ListQueues":             "QueueSummaryList", "ListUsers": "UserSummaryList",
		"SearchHoursOfOperations": "HoursOfOperations",
	} {
		t.Run(op, func(t *testing.T) {
			w.T = t
			bound := 100
			if op == "ListInstanceAttributes" {
				bound = 7 // the model's
			}
			page := func(most int, token any) (members, []any) {
				out := w.do(op, members{"InstanceId": in.instance, "MaxResults": most, "NextToken": token}).ok()
				return out, out[list].([]any)
			}
			out, whole := page(bound, nil)
			for out["NextToken"] != nil {
				var more []any
				out, more = page(bound, out["NextToken"])
				whole = append(whole, more...)
			}
			var next any
			for i := 0; i == 0 || next != nil; i++ {
				out, page := page(1, next)
				if len(page) != 1 || i >= len(whole) || string(encode(page[0])) != string(encode(whole[i])) {
					t.Fatalf("page %d is %s", i, encode(page))
				}
				if next = out["NextToken"]; next == nil && i != len(whole)-1 {
					t.Errorf("the pages end after %d of %d", i+1, len(whole))
				}
				if total, ok := out["ApproximateTotalCount"]; ok && total != float64(len(whole)) {
					t.Errorf("page %d counts %v of %d", i, total, len(whole))
				}
			}
		})
	}
}

// TestAudit looks at what an event keeps of a request.
func TestAudit(t *testing.T) {
	w := newWorld(t, unbounded)
	in := w.furnish()
	id := in.instance
	last := func() string {
		w.Helper()
		events, err := w.svc.Events(t.Context(), id, 0, 1000)
		if err != nil {
			w.Fatal(err)
		}
		e := events[len(events)-1]
		return e.Operation + " " + string(e.Request)
	}
	target := "/users/" + id + "/" + in.user
	for i, tt := range []struct{ name, method, target, body, want string }{
		{"an object of white space", "POST", target + "/hierarchy", `{"HierarchyGroupId":"` + in.group + `"}`,
			`UpdateUserHierarchy {"InstanceId":"{ID}","UserId":"{USER}","HierarchyGroupId":"` + in.group + `"}`},
		{"an object of nothing but white space", "POST", target + "/hierarchy", "{ \n }",
			`UpdateUserHierarchy {"InstanceId":"{ID}","UserId":"{USER}"}`},
		{"a member of the path again in the body", "POST", target + "/hierarchy",
			` {"UserId":"somebody else","HierarchyGroupId":"` + in.group + `"}`,
			`UpdateUserHierarchy {"InstanceId":"{ID}","UserId":"{USER}","HierarchyGroupId":"` + in.group + `"}`},
		{"the same escaped", "POST", target + "/hierarchy", `{"\u0055serId":"somebody else"}`,
			`UpdateUserHierarchy {"InstanceId":"{ID}","UserId":"{USER}"}`},
		{"a member of the body again in the query", "POST", target +
			"/hierarchy?UserId=x&HierarchyGroupId=y&b=1&a=1&a=2&Password=p", `{"HierarchyGroupId":"` + in.group + `"}`,
			`UpdateUserHierarchy {"InstanceId":"{ID}","UserId":"{USER}","HierarchyGroupId":"` + in.group + `"}`},
		{"names of people", "POST", target + "/identity-info",
			`{"IdentityInfo":{"FirstName":"Jane","Las\u0074Name":"Doe","Mobile":"+12065550101"}}`,
			`UpdateUserIdentityInfo {"InstanceId":"{ID}","UserId":"{USER}","IdentityInfo":{"FirstName":"HIDDEN_DUE_TO_SECURITY_REASONS","LastName":"HIDDEN_DUE_TO_SECURITY_REASONS","Mobile":"+12065550101"}}`},
		{"sensitive and not text", "POST", target + "/identity-info",
			`{"IdentityInfo":{"Mobile":"+12065550102"},"Password":{"a":["secret"]}}`,
			`UpdateUserIdentityInfo {"InstanceId":"{ID}","UserId":"{USER}","IdentityInfo":{"Mobile":"+12065550102"}}`},
		{"tag keys", "DELETE", "/tags/" + escape(w.arn(id)) + "?tagKeys=Nothing", "", ""},
		{"a presigned request", "POST", target + "/identity-info?X-Amz-Signature=abc",
			`{"IdentityInfo":{"Mobile":"+12065550103"}}`,
			`UpdateUserIdentityInfo {"InstanceId":"{ID}","UserId":"{USER}","IdentityInfo":{"Mobile":"+12065550103"}}`},
	} {
		t.Run(strconv.Itoa(i)+" "+tt.name, func(t *testing.T) {
			w.T = t
			before := last()
			x := w.raw(w.api, "", tt.method, tt.target, tt.body)
			x.ok()
			want := strings.NewReplacer("{ID}", id, "{USER}", in.user).Replace(tt.want)
			if tt.want == "" {
				want = before // nothing changed, so there is no event
			}
			if got := last(); got != want {
				t.Errorf("the audit has\n%s\nwant\n%s", got, want)
			}
		})
	}
}
