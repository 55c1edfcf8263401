package awsapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/awsapi/model/modeltest"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// The service model as far as it says where a member of a request travels.
var pinned = sync.OnceValue(func() (m struct {
	Operations map[string]struct {
		HTTP   struct{ Method, RequestURI string }
		Input  *ref
		Output *ref
		Errors []ref
	}
	Shapes map[string]shape
}) {
	if err := json.Unmarshal([]byte(model.JSON), &m); err != nil {
		panic(err)
	}
	return m
})

type ref struct{ Shape, Location, LocationName string }

type shape struct {
	Type               string
	Members            map[string]ref
	Required           []string
	Union, Sensitive   bool
	Member, Key, Value *ref
	Min, Max           *float64
	Enum               []string
	Pattern            string
}

type members = map[string]any

// account is whose calls a world makes; stranger is another one.
const (
	account  = "123456789012"
	stranger = "210987654321"
)

// world is a server on a store in memory, with a clock that stands and ids that count.
type world struct {
	*testing.T
	config awsapi.Config
	api    *awsapi.Server
	other  *awsapi.Server // the same for the stranger
	svc    *control.Service
	now    time.Time

	mu  sync.Mutex
	ids int
}

func newWorld(t *testing.T, change ...func(*control.Config, *awsapi.Config)) *world {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{T: t, now: time.Date(2026, 3, 14, 15, 9, 26, 535e6, time.UTC)}
	clock := func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	c := control.Config{Store: db, Region: "us-east-1", Logger: quiet, Now: clock, NewID: func() string {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ids++
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", w.ids)
	}}
	w.config = awsapi.Config{NoAuth: account, TokenSecret: []byte("the secret of this test"), Now: clock, Logger: quiet,
		Faults: new(fault.Set)}
	for _, f := range change {
		f(&c, &w.config)
	}
	w.svc = control.New(c)
	w.config.Control = w.svc
	w.api = awsapi.New(w.config)
	foreign := w.config
	foreign.NoAuth = stranger
	w.other = awsapi.New(foreign)
	return w
}

// pass moves the clock on.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// wire is one request and its answer.
type wire struct {
	w                    *world
	op                   string
	method, target, body string
	status               int
	header               http.Header
	answer               string
}

// escape writes a label as the SDKs do: all but unreserved characters are encoded.
func escape(s string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(s))
}

// place puts the members of a request where the model has them.
func place(op string, m members) (method, target, body string) {
	o, ok := pinned().Operations[op]
	if !ok {
		panic("no operation " + op)
	}
	target = o.HTTP.RequestURI
	query, sent := url.Values{}, members{}
	var in shape
	if o.Input != nil {
		in = pinned().Shapes[o.Input.Shape]
	}
	for name, v := range m {
		r, ok := in.Members[name]
		key := name
		if r.LocationName != "" {
			key = r.LocationName
		}
		switch {
		case v == nil: // left out
		case ok && r.Location == "uri":
			target = strings.Replace(target, "{"+key+"}", escape(fmt.Sprint(v)), 1)
		case ok && r.Location == "querystring":
			switch v := v.(type) {
			case []string:
				query[key] = v
			case []any:
				for _, v := range v {
					query.Add(key, fmt.Sprint(v))
				}
			default:
				query.Set(key, fmt.Sprint(v))
			}
		default:
			sent[key] = v
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	if o.HTTP.Method != "GET" && o.HTTP.Method != "DELETE" {
		b, err := json.Marshal(sent)
		if err != nil {
			panic(err)
		}
		body = string(b)
	}
	return o.HTTP.Method, target, body
}

// do calls an operation and holds the answer against the model.
func (w *world) do(op string, m members) *wire { w.Helper(); return w.doAs(w.api, op, m) }

func (w *world) doAs(api http.Handler, op string, m members) *wire {
	w.Helper()
	method, target, body := place(op, m)
	return w.raw(api, op, method, target, body)
}

func (w *world) raw(api http.Handler, op, method, target, body string) *wire {
	w.Helper()
	x := &wire{w: w, op: op, method: method, target: target, body: body}
	rec := httptest.NewRecorder()
	func() {
		defer func() {
			if p := recover(); p != nil {
				w.Fatalf("%s %s %s: panic: %v", method, target, body, p)
			}
		}()
		api.ServeHTTP(rec, httptest.NewRequest(method, target, strings.NewReader(body)))
	}()
	x.status, x.header, x.answer = rec.Code, rec.Header(), rec.Body.String()
	if err := x.conforms(); err != nil {
		w.Errorf("%s %s %s: the answer does not conform: %v\n%d %s", method, target, body, err, x.status, x.answer)
	}
	return x
}

// conforms checks the answer against the model.
func (x *wire) conforms() error {
	if x.header.Get("X-Amzn-Requestid") == "" {
		return fmt.Errorf("it has no request id")
	}
	if x.op == "" {
		return nil
	}
	if x.status == http.StatusOK {
		if e := x.header.Get("X-Amzn-Errortype"); e != "" {
			return fmt.Errorf("it is a success and has the error type %s", e)
		}
		return modeltest.CheckOutput(x.op, []byte(withoutEmptyTags.Replace(x.answer)))
	}
	return modeltest.CheckError(x.op, x.status, x.exception(), []byte(x.answer))
}

// withoutEmptyTags takes out what the model forbids and the real service was seen to answer: a
// resource without tags has an empty Tags.
var withoutEmptyTags = strings.NewReplacer(`,"Tags":{}`, "", `"Tags":{},`, "", `{"tags":{}}`, "{}")

func (x *wire) exception() string { return x.header.Get("X-Amzn-Errortype") }

func (x *wire) message() string {
	var m struct{ Message string }
	json.Unmarshal([]byte(x.answer), &m) // a body that is none has no message
	return m.Message
}

// ok demands success and returns the body.
func (x *wire) ok() members {
	x.w.Helper()
	if x.status != http.StatusOK {
		x.w.Fatalf("%s %s %s = %d %s %s, want success", x.method, x.target, x.body, x.status, x.exception(), x.answer)
	}
	m := members{}
	if x.answer != "" {
		if err := json.Unmarshal([]byte(x.answer), &m); err != nil {
			x.w.Fatalf("%s: %v: %s", x.op, err, x.answer)
		}
	}
	return m
}

// fails demands an exception whose message has all of the words.
func (x *wire) fails(exception string, words ...string) {
	x.w.Helper()
	if x.exception() != exception ||
		slices.ContainsFunc(words, func(s string) bool { return !strings.Contains(x.message(), s) }) {
		x.w.Errorf("%s %s %s = %d %s %s, want %s that says %q", x.method, x.target, clip(x.body), x.status, x.exception(),
			clip(x.answer), exception, words)
	}
}

func clip(s string) string {
	if len(s) > 1000 {
		return s[:1000] + "…"
	}
	return s
}

// id makes a resource and returns its id.
func (w *world) id(op string, m members) string {
	w.Helper()
	out := w.do(op, m).ok()
	for name, v := range out {
		if strings.HasSuffix(name, "Id") {
			return v.(string)
		}
	}
	w.Fatalf("%s answers no id: %v", op, out)
	return ""
}

func (w *world) instance(alias string) string {
	w.Helper()
	return w.instanceOf(alias, "SAML")
}

func (w *world) instanceOf(alias, identity string) string {
	w.Helper()
	var directory any
	if identity == "EXISTING_DIRECTORY" {
		directory = "d-0123456789"
	}
	return w.id("CreateInstance",
		members{"InstanceAlias": alias, "DirectoryId": directory, "IdentityManagementType": identity,
			"InboundCallsEnabled": true, "OutboundCallsEnabled": false})
}

func (w *world) arn(instance string, path ...string) string {
	return strings.Join(append([]string{"arn:aws:connect:us-east-1:" + account + ":instance/" + instance}, path...), "/")
}

// first returns a member of the first item of a list.
func (w *world) first(op, instance, list, name string) string {
	w.Helper()
	items := w.do(op, members{"InstanceId": instance}).ok()[list].([]any)
	return items[0].(members)[name].(string)
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
