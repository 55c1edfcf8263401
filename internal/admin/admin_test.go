package admin_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/sigv4"
)

const account = "123456789012"

type world struct {
	*testing.T
	svc     *control.Service
	faults  *fault.Set
	handler http.Handler
	root    lanyard.AccessKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	w := &world{T: t, svc: control.New(control.Config{Store: db, Region: "us-east-1", Logger: quiet}),
		faults: new(fault.Set)}
	if w.root, err = w.svc.SetRootKey(t.Context(), "", "", account); err != nil {
		t.Fatal(err)
	}
	auth := &sigv4.Verifier{Region: "us-east-1", Service: "connect",
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			k, ok := w.svc.Key(id)
			return sigv4.Key{Secret: k.Secret}, ok, nil
		}}
	w.handler = admin.NewServer(admin.Config{Control: w.svc, Auth: auth, Faults: w.faults, Logger: quiet,
		CanFail: func(operation, exception string) bool {
			return exception == "ThrottlingException" || operation == "CreateUser" && exception == "LimitExceededException"
		},
		IsServed: func(operation string) bool { return operation == "CreateUser" || operation == "ListUsers" }})
	return w
}

// request is signed by a key, or by none.
func (w *world) request(key lanyard.AccessKey, method, path, body string) *http.Request {
	w.Helper()
	r := httptest.NewRequest(method, "http://localhost"+admin.Prefix+path, strings.NewReader(body))
	if key.ID != "" {
		sum := sha256.Sum256([]byte(body))
		credentials := aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
		if err := v4.NewSigner().SignHTTP(w.Context(), credentials, r, hex.EncodeToString(sum[:]), "connect", "us-east-1",
			time.Now()); err != nil {
			w.Fatal(err)
		}
	}
	r.RequestURI = r.URL.RequestURI()
	return r
}

func (w *world) send(r *http.Request) (int, string) {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Code, strings.TrimSpace(rec.Body.String())
}

// do is a call by the root key.
func (w *world) do(method, path, body string) (int, string) {
	w.Helper()
	return w.send(w.request(w.root, method, path, body))
}

// get decodes the answer of a call that must succeed.
func (w *world) get(to any, method, path, body string) {
	w.Helper()
	status, answer := w.do(method, path, body)
	if err := json.Unmarshal([]byte(answer), to); status != 200 || err != nil {
		w.Fatalf("%s %s = %d %s (%v)", method, path, status, answer, err)
	}
}

var everything = [][2]string{{"GET", "keys"}, {"POST", "keys"}, {"POST", "keys/x/disable"}, {"GET", "faults"},
	{"POST", "faults"}, {"DELETE", "faults"},
	{"POST", "gateway/modules"}, {"GET", "events"}, {"GET", "events/instances"}, {"POST", "events/prune"}}

// TestOnlyTheRootKey tries every path with every other kind of caller. None of them is served.
func TestOnlyTheRootKey(t *testing.T) {
	w := newWorld(t)
	other, err := w.svc.CreateKey(t.Context(), lanyard.AccessKey{Account: account})
	if err != nil {
		t.Fatal(err)
	}
	former, err := w.svc.CreateKey(t.Context(), lanyard.AccessKey{Account: account})
	if err == nil {
		err = w.svc.DisableKey(t.Context(), former.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"Operation":"*","Exception":"ThrottlingException","Account":"123456789012"}`
	for _, tt := range []struct {
		name string
		make func(method, path string) *http.Request
	}{
		{"unsigned", func(m, p string) *http.Request { return w.request(lanyard.AccessKey{}, m, p, body) }},
		{"another key", func(m, p string) *http.Request { return w.request(other, m, p, body) }},
		{"a disabled key", func(m, p string) *http.Request { return w.request(former, m, p, body) }},
		{"an unknown key", func(m, p string) *http.Request {
			return w.request(lanyard.AccessKey{ID: "AKIANOBODY", Secret: w.root.Secret}, m, p, body)
		}},
		{"the root key's id, another secret", func(m, p string) *http.Request {
			return w.request(lanyard.AccessKey{ID: w.root.ID, Secret: other.Secret}, m, p, body)
		}},
		{"another body than signed", func(m, p string) *http.Request {
			r := w.request(w.root, m, p, body)
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(body, "*", "x", 1)))
			return r
		}},
		{"another query than signed", func(m, p string) *http.Request {
			r := w.request(w.root, m, p, body)
			r.RequestURI += "?operation=x"
			r.URL.RawQuery = "operation=x"
			return r
		}},
		{"the root key, presigned", func(m, p string) *http.Request {
			r := w.request(lanyard.AccessKey{}, m, p, body)
			q := r.URL.Query()
			q.Set("X-Amz-Expires", "60")
			r.URL.RawQuery = q.Encode()
			sum := sha256.Sum256([]byte(body))
			to, header, err := v4.NewSigner().PresignHTTP(t.Context(),
				aws.Credentials{AccessKeyID: w.root.ID, SecretAccessKey: w.root.Secret}, r, hex.EncodeToString(sum[:]), "connect",
				"us-east-1", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			presigned := httptest.NewRequest(m, to, strings.NewReader(body))
			header.Del("Host")
			presigned.Header = header
			presigned.RequestURI = presigned.URL.RequestURI()
			verifier := sigv4.Verifier{Region: "us-east-1", Service: "connect",
				Keys: func(context.Context, string) (sigv4.Key, bool, error) {
					return sigv4.Key{Secret: w.root.Secret}, true, nil
				}}
			if _, err := verifier.Verify(presigned, []byte(body)); err != nil {
				t.Errorf("it is presigned wrongly, so it proves nothing: %v", err)
			}
			return presigned
		}},
		{"a cut signature", func(m, p string) *http.Request {
			r := w.request(w.root, m, p, body)
			h := r.Header.Get("Authorization")
			r.Header.Set("Authorization", h[:len(h)-2]+"00")
			if strings.HasSuffix(h, "00") {
				r.Header.Set("Authorization", h[:len(h)-2]+"11")
			}
			return r
		}},
	} {
		for _, call := range everything {
			t.Run(tt.name+" "+call[0]+" "+call[1], func(t *testing.T) {
				status, answer := w.send(tt.make(call[0], call[1]))
				if status != http.StatusForbidden || !strings.Contains(answer, `"message":"`) ||
					strings.Contains(answer, w.root.Secret) {
					t.Errorf("got %d %s, want 403 with a message", status, answer)
				}
			})
		}
	}
	if len(w.faults.List()) != 0 {
		t.Errorf("a stranger set %v", w.faults.List())
	}
	if keys, err := w.svc.Keys(t.Context()); err != nil || len(keys) != 3 {
		t.Errorf("there are the keys %v, %v", keys, err)
	}
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	var made lanyard.AccessKey
	w.get(&made, "POST", "keys", `{"Account":"210987654321","Comment":"for a tool"}`)
	if made.Secret == "" || made.Account != "210987654321" || made.Comment != "for a tool" || made.Root {
		t.Errorf("made %+v", made)
	}
	var list []lanyard.AccessKey
	w.get(&list, "GET", "keys", "")
	if len(list) != 2 || list[1].ID != made.ID || list[0].Secret+list[1].Secret != "" {
		t.Errorf("the list is %+v", list)
	}
	var none struct{}
	w.get(&none, "POST", "keys/"+made.ID+"/disable", "")
	if _, ok := w.svc.Key(made.ID); ok {
		t.Error("the disabled key counts")
	}
	for _, tt := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"no account", "keys", `{}`, 400, "twelve digits"},
		{"asks to be root", "keys", `{"Account":"123456789012","Root":true}`, 400, "unknown object member"},
		{"no body", "keys", ``, 400, "cannot be read"},
		{"wrong type", "keys", `{"Account":123456789012}`, 400, "cannot be read"},
		{"unknown key", "keys/AKIANOBODY/disable", ``, 404, "AKIANOBODY"},
		{"the root key", "keys/" + w.root.ID + "/disable", ``, 400, "root access key"},
		{"a body too large", "keys", `{"Comment":"` + strings.Repeat("x", 64<<10) + `"}`, 400, "65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, answer := w.do("POST", tt.path, tt.body); status != tt.status || !strings.Contains(answer, tt.says) {
				t.Errorf("got %d %s, want %d that says %q", status, answer, tt.status, tt.says)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name, body string
		want       fault.Fault // zero: refused
		says       string
	}{
		{"least", `{"Operation":"CreateUser","Exception":"LimitExceededException"}`,
			fault.Fault{Operation: "CreateUser", Exception: "LimitExceededException", Rate: 1}, ""},
		{"all of it", `{"Operation":"*","Exception":"ThrottlingException","Rate":0.2,"Latency":60000000000,"Count":3}`,
			fault.Fault{Operation: "*", Exception: "ThrottlingException", Rate: 0.2, Latency: time.Minute, Count: 3}, ""},
		{"latency alone", `{"Operation":"ListUsers","Latency":1}`, fault.Fault{Operation: "ListUsers", Latency: 1, Rate: 1},
			""},
		{"unknown operation", `{"Operation":"Fly","Exception":"ThrottlingException"}`, fault.Fault{}, `\"Fly\"`},
		{"no operation", `{"Exception":"ThrottlingException"}`, fault.Fault{}, `\"\"`},
		{"exception not declared", `{"Operation":"ListUsers","Exception":"LimitExceededException"}`, fault.Fault{},
			`exception must be one that ListUsers declares, got \"LimitExceededException\"`},
		{"neither exception nor latency", `{"Operation":"ListUsers"}`, fault.Fault{}, "exception is required when latency is 0"},
		{"rate 0", `{"Operation":"*","Exception":"ThrottlingException","Rate":0}`, fault.Fault{}, "got 0"},
		{"rate below 0", `{"Operation":"*","Exception":"ThrottlingException","Rate":-0.1}`, fault.Fault{}, "got -0.1"},
		{"rate over 1", `{"Operation":"*","Exception":"ThrottlingException","Rate":1.01}`, fault.Fault{}, "got 1.01"},
		{"latency below 0", `{"Operation":"*","Latency":-1}`, fault.Fault{}, "got -1ns"},
		{"latency over a minute", `{"Operation":"*","Latency":60000000001}`, fault.Fault{}, "1m0s"},
		{"count below 0", `{"Operation":"*","Exception":"ThrottlingException","Count":-1}`, fault.Fault{}, "got -1"},
		{"unknown member", `{"Operation":"*","Exception":"ThrottlingException","Percent":5}`, fault.Fault{}, "Percent"},
		{"no JSON", `fault`, fault.Fault{}, "cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.faults.Clear("")
			status, answer := w.do("POST", "faults", tt.body)
			if tt.want == (fault.Fault{}) {
				if status != 400 || !strings.Contains(answer, tt.says) || len(w.faults.List()) != 0 {
					t.Errorf("got %d %s and the faults %v, want 400 that says %q", status, answer, w.faults.List(), tt.says)
				}
				return
			}
			w.T = t
			var got []fault.Fault
			w.get(&got, "GET", "faults", "")
			if status != 200 || !reflect.DeepEqual(got, []fault.Fault{tt.want}) {
				t.Errorf("got %d %s and the faults %+v, want %+v", status, answer, got, tt.want)
			}
		})
	}
	w.T = t
	w.faults.Clear("")
	for _, op := range []string{"*", "CreateUser", "ListUsers"} {
		w.faults.Put(fault.Fault{Operation: op, Latency: 1, Rate: 1})
	}
	for _, tt := range []struct {
		query string
		want  int
	}{{"?operation=CreateUser", 1}, {"?operation=CreateUser", 0}, {"", 2}, {"", 0}} {
		var cleared struct{ Cleared int }
		if w.get(&cleared, "DELETE", "faults"+tt.query, ""); cleared.Cleared != tt.want {
			t.Errorf("DELETE faults%s clears %d, want %d", tt.query, cleared.Cleared, tt.want)
		}
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	created, err := w.svc.CreateInstance(t.Context(),
		control.Call{Caller: lanyard.Caller{Account: account}, Operation: "CreateInstance"},
		control.NewInstance{Alias: "a", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	for i := range 5 {
		if _, err := w.svc.CreateSecurityProfile(t.Context(),
			control.Call{Caller: lanyard.Caller{Account: account}, Operation: "CreateSecurityProfile"}, in.ID,
			control.NewProfile{Name: fmt.Sprint("P", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, query string
		want        []int64 // revisions
	}{
		{"all", "", []int64{1, 2, 3, 4, 5, 6}},
		{"the first two", "&limit=2", []int64{1, 2}},
		{"the next two", "&limit=2&after=2", []int64{3, 4}},
		{"the last", "&after=5&limit=2", []int64{6}},
		{"beyond", "&after=6", nil},
		{"a limit of none is one", "&limit=0", []int64{1}},
		{"a limit over the bound", "&limit=1000000", []int64{1, 2, 3, 4, 5, 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.T = t
			var events []lanyard.Event
			w.get(&events, "GET", "events?instance="+in.ID+tt.query, "")
			var got []int64
			for _, e := range events {
				got = append(got, e.Revision)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got the revisions %v, want %v", got, tt.want)
			}
		})
	}
	for _, query := range []string{"after=x", "after=-1", "limit=1.5", "limit=99999999999999999999"} {
		if status, answer := w.do("GET", "events?instance="+in.ID+"&"+query, ""); status != 400 ||
			!strings.Contains(answer, "must be a whole number") {
			t.Errorf("%s: got %d %s", query, status, answer)
		}
	}
	w.T = t
	var known []string
	w.get(&known, "GET", "events/instances", "")
	if !reflect.DeepEqual(known, []string{in.ID}) {
		t.Errorf("the known instances are %v, want %s", known, in.ID)
	}
	for _, path := range []string{"events?instance=none", "events", "events/instances?after=" + in.ID} {
		var none []any
		if w.get(&none, "GET", path, ""); len(none) != 0 {
			t.Errorf("%s lists %v", path, none)
		}
	}
}

// The root key cuts old events off, some hundreds a call, and is named in the checkpoint.
func TestPrune(t *testing.T) {
	w := newWorld(t)
	created, err := w.svc.CreateInstance(t.Context(), control.Call{Caller: lanyard.Caller{Account: account}},
		control.NewInstance{Alias: "centre", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	for i := range 600 {
		if _, err := w.svc.CreateContactFlowModule(t.Context(), control.Call{Caller: lanyard.Caller{Account: account}},
			in.ID, &lanyard.Module{Meta: lanyard.Meta{Name: fmt.Sprint(i)}}, ""); err != nil {
			if i > 100 {
				break // the quota
			}
			t.Fatal(err)
		}
	}
	last, err := w.svc.Events(t.Context(), in.ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		body string
		want string
	}{
		{`{}`, "Days or Events is required"},
		{`{"Instance":"i"}`, "Days or Events is required"},
		{`{"Days":-1}`, "Days must be 1 to 36500, or 0 for no bound, got -1"},
		{`{"Days":36501}`, "Days must be 1 to 36500, or 0 for no bound, got 36501"},
		{`{"Events":-1}`, "Events must be at least 1, or 0 for no bound, got -1"},
		{`{"Event":1}`, "unknown object member"},
	} {
		if status, answer := w.do("POST", "events/prune", tt.body); status != 400 || !strings.Contains(answer, tt.want) {
			t.Errorf("%s answers %d %s, want 400 with %q", tt.body, status, answer, tt.want)
		}
	}
	var out admin.Pruned
	w.get(&out, "POST", "events/prune", fmt.Sprintf(`{"Instance":%q,"Days":36500}`, in.ID))
	if out != (admin.Pruned{}) {
		t.Errorf("a hundred years: %v", out)
	}
	w.get(&out, "POST", "events/prune", fmt.Sprintf(`{"Instance":%q,"Events":5}`, in.ID))
	left, err := w.svc.Events(t.Context(), in.ID, 0, 1000)
	if err != nil || len(left) != 5 || int(out.Cut) != len(last)-5 || out.More {
		t.Errorf("%v, %v: %d are left of %d, want 5", out, err, len(left), len(last))
	}
}

func TestUnknownPaths(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path string
		want         int
	}{{"GET", "", 404}, {"GET", "secrets", 404}, {"PUT", "keys", 405}, {"GET", "keys/x/disable", 405}} {
		if status, answer := w.do(tt.method, tt.path, ""); status != tt.want ||
			bytes.Contains([]byte(answer), []byte(w.root.Secret)) {
			t.Errorf("%s %s = %d %s, want %d", tt.method, tt.path, status, answer, tt.want)
		}
	}
}

// A page of events is bounded in bytes, and whoever goes on comes to all of them.
func TestLargeEvents(t *testing.T) {
	w := newWorld(t)
	const n = 12
	caller := lanyard.Caller{Account: account, AccessKeyID: w.root.ID}
	created, err := w.svc.CreateInstance(t.Context(), control.Call{Caller: caller, Operation: "CreateInstance"},
		control.NewInstance{Alias: "large", IdentityManagement: "CONNECT_MANAGED"})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	for i := range n {
		call := control.Call{Caller: caller, Operation: "Large",
			Request: json.RawMessage(`"` + strings.Repeat("<", 2<<20) + `"`)}
		_, err := w.svc.CreateSecurityProfile(t.Context(), call, in.ID, control.NewProfile{Name: fmt.Sprint("p", i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for after := int64(0); ; {
		status, body := w.send(w.request(w.root, "GET", fmt.Sprintf("events?instance=%s&after=%d&limit=1000", in.ID, after),
			""))
		if status != 200 || len(body) > 8<<20 {
			t.Fatalf("%d, and %d bytes", status, len(body))
		}
		var page []lanyard.Event
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if after++; e.Revision != after {
				t.Fatalf("revision %d comes, want %d", e.Revision, after)
			}
			got++
		}
	}
	if got != n+1 {
		t.Errorf("%d events come, want %d", got, n+1)
	}
}
