package frontends_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const homeAccount = "123456789012"

// newEmulator serves an emulator from memory.
func newEmulator(t *testing.T, listen string, hosts ...string) http.Handler {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	log := slog.New(slog.DiscardHandler)
	svc := control.New(control.Config{Store: db, Region: "us-east-1", Logger: log,
		Quotas: control.Quotas{InstancesPerAccount: -1}})
	h, err := frontends.New(t.Context(), frontends.Config{Control: svc, Credentials: db, Logger: log, Account: homeAccount,
		Region: "us-east-1", Listen: listen, BodyMemory: 64 << 20, Emulator: &frontends.Emulator{Hosts: hosts},
		Faults: new(fault.Set)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends a request that says to be signed with a key for a region; "" is not signed.
func ask(t *testing.T, h http.Handler, key, region, method, path, body string) (status int, answer map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost:4580"
	if key != "" {
		r.Header.Set("Authorization", fmt.Sprintf(
			"AWS4-HMAC-SHA256 Credential=%s/20200101/%s/connect/aws4_request, SignedHeaders=host, Signature=none", key, region))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &answer); err != nil {
			t.Fatalf("%s %s answers %s: %v", method, path, b, err)
		}
	}
	return w.Code, answer
}

func createInstance(t *testing.T, h http.Handler, key, region, alias string) (arn, id string) {
	t.Helper()
	status, out := ask(t, h, key, region, "PUT", "/instance", `{"IdentityManagementType":"CONNECT_MANAGED","InstanceAlias":"`+
		alias+`","InboundCallsEnabled":true,"OutboundCallsEnabled":true,"ClientToken":"same"}`)
	if status != http.StatusOK {
		t.Fatalf("CreateInstance answers %d %v", status, out)
	}
	return out["Arn"].(string), out["Id"].(string)
}

// TestAccountsAndRegions keeps the instances of accounts and regions apart in one server.
func TestAccountsAndRegions(t *testing.T) {
	h := newEmulator(t, "127.0.0.1:4580")
	places := []struct{ key, region, account string }{
		{"", "us-east-1", homeAccount}, // not signed
		{"test", "eu-central-1", homeAccount},
		{"111122223333", "us-east-1", "111122223333"},
		{"111122223333", "ap-southeast-2", "111122223333"},
		{"AKIAIOSFODNN7EXAMPLE", "eu-west-2", homeAccount},
		{"1111222233334", "us-gov-east-1", homeAccount}, // thirteen digits
	}
	ids := make([]string, len(places))
	for i, p := range places {
		arn, id := createInstance(t, h, p.key, p.region, fmt.Sprintf("place-%d", i))
		if want := "arn:aws:connect:" + p.region + ":" + p.account + ":instance/" + id; arn != want {
			t.Errorf("key %q in %s creates %s, want %s", p.key, p.region, arn, want)
		}
		ids[i] = id
	}
	for i, p := range places {
		_, out := ask(t, h, p.key, p.region, "GET", "/instance", "")
		var listed []string
		for _, s := range out["InstanceSummaryList"].([]any) {
			listed = append(listed, s.(map[string]any)["Id"].(string))
		}
		if !reflect.DeepEqual(listed, ids[i:i+1]) {
			t.Errorf("key %q in %s lists %v, want its own %v", p.key, p.region, listed, ids[i])
		}
		for j, id := range ids {
			status, out := ask(t, h, p.key, p.region, "GET", "/instance/"+id, "")
			if want := map[bool]int{true: 200, false: 404}[i == j]; status != want {
				t.Errorf("key %q in %s is answered %d about instance %d, want %d: %v", p.key, p.region, status, j, want, out)
			}
		}
	}
	if status, out := ask(t, h, "test", "moon", "GET", "/instance", ""); status != http.StatusForbidden ||
		!strings.Contains(fmt.Sprint(out["Message"]), "valid region") {
		t.Errorf("a scope without a region is answered %d %v", status, out)
	}
}

// TestEmulatorStrangers refuses web pages of strangers, also those that point a name of theirs here.
func TestEmulatorStrangers(t *testing.T) {
	local, network := "127.0.0.1:4580", "0.0.0.0:4580"
	for _, tt := range []struct {
		name, listen, host string
		header             http.Header
		want               int
	}{
		{"loopback name", local, "localhost:4580", nil, 200},
		{"loopback address", local, "127.0.0.1:4580", nil, 200},
		{"its own page", local, "localhost:4580",
			http.Header{"Origin": {"http://localhost:4580"}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"a page of another origin", local, "localhost:4580", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"a page in a sandbox", local, "localhost:4580", http.Header{"Origin": {"null"}}, 403},
		{"a page of another port", local, "localhost:4580", http.Header{"Origin": {"http://localhost:8000"}}, 403},
		{"a picture in another page", local, "localhost:4580", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"a name that points here", local, "evil.example:4580", nil, 403},
		{"a name that points here, of its own page", local, "evil.example:4580",
			http.Header{"Origin": {"http://evil.example:4580"}, "Sec-Fetch-Site": {"same-origin"}}, 403},
		{"an address of the network at a loopback listener", local, "192.0.2.1:4580", nil, 403},
		{"a container's name at a loopback listener", local, "lanyard:4580", nil, 403},
		{"no name", local, "", nil, 403},
		{"a name of --emulator-host", local, "lanyard.test:4580", nil, 200},

		{"a container's name", network, "lanyard:4580", nil, 200},
		{"the name of the host", network, "host.docker.internal:4580", nil, 200},
		{"the name of a service", network, "lanyard.team.svc.cluster.local:4580", nil, 200},
		{"an address of the network", network, "192.0.2.1:4580", nil, 200},
		{"a name that points to a container", network, "evil.example:4580", nil, 403},
		{"a page of another origin in a network", network, "lanyard:4580", http.Header{"Origin": {"https://evil.example"}}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newEmulator(t, tt.listen, "lanyard.test")
			for _, path := range []string{"GET /instance", "POST /lanyard/v1/tokens", "POST /access/v1/evaluation"} {
				method, path, _ := strings.Cut(path, " ")
				r := httptest.NewRequest(method, path, strings.NewReader("{}"))
				r.Host, r.Header = tt.host, tt.header.Clone()
				if r.Header == nil {
					r.Header = http.Header{}
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if refused := strings.Contains(w.Body.String(), "an emulator answers requests for its own name"); refused !=
					(tt.want == 403) || refused && w.Code != 403 {
					t.Errorf("%s %s is answered %d %s, want %d", method, path, w.Code, w.Body, tt.want)
				}
			}
		})
	}
}

// TestPagesOfARegion pages through the instances of one region among those of another.
func TestPagesOfARegion(t *testing.T) {
	h := newEmulator(t, "127.0.0.1:4580")
	var want []string
	for i := range 9 {
		body := fmt.Sprintf(`{"IdentityManagementType":"SAML","InstanceAlias":"page-%d","InboundCallsEnabled":true,`+
			`"OutboundCallsEnabled":true}`, i)
		region := []string{"us-east-1", "eu-west-2", "us-east-1"}[i%3]
		_, out := ask(t, h, "test", region, "PUT", "/instance", body)
		if region == "us-east-1" {
			want = append(want, out["Id"].(string))
		}
	}
	for size := 1; size <= len(want)+1; size++ {
		var got []string
		for token := ""; ; {
			_, out := ask(t, h, "test", "us-east-1", "GET", fmt.Sprintf("/instance?maxResults=%d&nextToken=%s", size,
				url.QueryEscape(token)), "")
			page := out["InstanceSummaryList"].([]any)
			if len(page) > size || len(page) == 0 {
				t.Fatalf("a page of at most %d has %d instances", size, len(page))
			}
			for _, s := range page {
				got = append(got, s.(map[string]any)["Id"].(string))
			}
			if token, _ = out["NextToken"].(string); token == "" {
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in pages of %d: %v, want %v", size, got, want)
		}
	}
}
