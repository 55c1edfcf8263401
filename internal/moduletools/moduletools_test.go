package moduletools_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/moduletools"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const (
	account  = "123456789012"
	settings = `{"input":{"schema":{"type":"object","properties":{"order":{"type":"string"}},"required":["order"]}}}`
	// moduleID is the id of the first module, whose end is in the name of its tool.
	moduleID = "00000000-0000-4000-8000-0000000000"
)

// centre is an instance whose flow modules are tools that run at a target.
type centre struct {
	*testing.T
	*control.Service
	*moduletools.Upstream
	in     *lanyard.Instance
	caller *gateway.Caller

	mu     sync.Mutex
	sent   []*http.Request
	bodies []string
	answer func(w http.ResponseWriter, r *http.Request)
}

func newCentre(t *testing.T, change ...func(*moduletools.Config)) *centre {
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
	ids := 0
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := control.New(control.Config{Store: db, Region: "us-east-1", Logger: quiet, NewID: func() string {
		ids++
		return fmt.Sprintf("%s%02d", moduleID, ids)
	}})
	c := &centre{T: t, Service: s}
	target := httptest.NewServer(c)
	t.Cleanup(target.Close)
	made, err := s.CreateInstance(t.Context(), c.call(), control.NewInstance{Alias: "centre",
		IdentityManagement: control.SAML})
	c.must(err)
	c.in = made.Resource
	c.caller = &gateway.Caller{Account: account, Instance: c.in.ID, Agent: "arn:agent", User: "u-1"}
	config := moduletools.Config{Target: target.URL + "/run/{module}/{version}?in={instance}",
		Headers: map[string]string{"Authorization": "Bearer of-the-target"}, Logger: quiet}
	for _, f := range change {
		f(&config)
	}
	c.Upstream, err = moduletools.New(config, moduletools.InProcess{Control: s})
	c.must(err)
	return c
}

func (c *centre) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.Error(err)
	}
	c.mu.Lock()
	c.sent, c.bodies = append(c.sent, r), append(c.bodies, string(body))
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		answer(w, r)
	}
}

func (c *centre) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *centre) call() control.Call { return control.Call{Caller: lanyard.Caller{Account: account}} }

// module adds a flow module with a version.
func (c *centre) module(name, settings string) *lanyard.Module {
	c.Helper()
	m := &lanyard.Module{Meta: lanyard.Meta{Name: name}, Description: "Finds an order", Content: "{}",
		ExternalInvocation: true, Settings: lanyard.Settings{}}
	if settings != "" {
		text, err := json.Marshal(settings)
		c.must(err)
		m.Settings["Settings"] = text
	}
	made, err := c.CreateContactFlowModule(c.Context(), c.call(), c.in.ID, m, "")
	c.must(err)
	c.version(made.Resource)
	return made.Resource
}

func (c *centre) version(m *lanyard.Module) int64 {
	c.Helper()
	made, err := c.CreateContactFlowModuleVersion(c.Context(), c.call(), c.in.ID, m.ID, control.NewModuleVersion{})
	c.must(err)
	return made.Resource.Number
}

// names are those of the tools.
func (c *centre) names() []string {
	c.Helper()
	tools, err := c.Tools(c.Context(), c.caller)
	c.must(err)
	names := []string{}
	for _, t := range tools {
		var described struct{ Name string }
		c.must(json.Unmarshal(t.Definition, &described))
		names = append(names, described.Name)
	}
	return names
}

// run calls a tool.
func (c *centre) run(m *lanyard.Module, name, arguments string) (string, error) {
	out, err := c.Call(c.Context(), c.caller, gateway.LocalCall{ID: "d-1", Name: name, Right: gateway.Right{Module: m.ID},
		Arguments: lanyard.JSON(arguments)})
	return string(out), err
}

func TestTools(t *testing.T) {
	c := newCentre(t)
	m := c.module("Find order", settings)
	tools, err := c.Tools(t.Context(), c.caller)
	c.must(err)
	name := "find_order_" + m.ID[len(m.ID)-12:]
	want := []gateway.LocalTool{{Right: gateway.Right{Module: m.ID}, Definition: lanyard.JSON(`{"name":"` + name +
		`","title":"Find order","description":"Finds an order","inputSchema":{"additionalProperties":false,` +
		`"properties":{"order":{"type":"string"}},"required":["order"],"type":"object"}}`)}}
	if !reflect.DeepEqual(tools, want) {
		t.Errorf("got\n%s\nwant\n%s", tools[0].Definition, want[0].Definition)
	}
	for name, want := range map[string]gateway.Right{name: {Module: m.ID}, "find_order": {Module: "tool find_order"}} {
		if got, err := c.Right(t.Context(), c.caller, name); err != nil || got != want {
			t.Errorf("%s: got %v (%v), want %v", name, got, err, want)
		}
	}
}

// TestChanges has the list follow what happens to flow modules, as soon as a change was answered.
func TestChanges(t *testing.T) {
	c := newCentre(t, func(c *moduletools.Config) { c.Alias = "live" })
	m := c.module("Find order", settings)
	name := "find_order_" + m.ID[len(m.ID)-12:]
	metadata := func(change control.ModuleChange) func() error {
		return func() error {
			_, err := c.UpdateContactFlowModuleMetadata(t.Context(), c.call(), c.in.ID, m.ID, change)
			return err
		}
	}
	yes, no, empty, renamed := true, false, "", "Bestellung finden 2"
	for _, tt := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"at first", func() error { return nil }, []string{name}},
		{"archived", metadata(control.ModuleChange{Archived: &yes}), []string{}},
		{"active", metadata(control.ModuleChange{Archived: &no}), []string{name}},
		{"without description", metadata(control.ModuleChange{Description: &empty}), []string{}},
		{"described", metadata(control.ModuleChange{Description: &renamed}), []string{name}},
		{"renamed", metadata(control.ModuleChange{Name: &renamed}), []string{"bestellung_finden_2" + name[len("find_order"):]}},
		{"without version", func() error {
			_, err := c.DeleteContactFlowModuleVersion(t.Context(), c.call(), c.in.ID, m.ID, 1)
			return err
		}, []string{}},
		{"with an unusable schema", func() error {
			s := lanyard.Settings{"Settings": lanyard.JSON(`"{\"input\":{\"schema\":{\"type\":\"string\"}}}"`)}
			if _, err := c.UpdateContactFlowModuleContent(t.Context(), c.call(), c.in.ID, m.ID,
				control.ContentChange{Settings: s}); err != nil {
				return err
			}
			c.version(m)
			return nil
		}, []string{}},
		{"deleted", func() error {
			_, err := c.DeleteContactFlowModule(t.Context(), c.call(), c.in.ID, m.ID)
			return err
		}, []string{}},
	} {
		c.must(tt.do())
		if got := c.names(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	c := newCentre(t)
	for _, tt := range []struct{ module, want string }{
		{"Find order", "find_order"},
		{"  --Refund/../..{module}  ", "refund_module"},
		{"2nd level", "module_2nd_level"},
		{"注文を探す", "module"},
		{"Rеfund", "r_fund"}, // the second letter is Cyrillic
		{strings.Repeat("long name ", 12), "long_name_long_name_long_name_lo"},
	} {
		m := c.module(tt.module, "")
		names := c.names()
		if got, want := names[len(names)-1], tt.want+"_"+m.ID[len(m.ID)-12:]; got != want {
			t.Errorf("%q: got %s, want %s", tt.module, got, want)
		}
	}
}

func TestCall(t *testing.T) {
	c := newCentre(t, func(c *moduletools.Config) { c.Alias = "live" })
	m := c.module("Find order", settings)
	c.version(m)
	if _, err := c.CreateContactFlowModuleAlias(t.Context(), c.call(), c.in.ID, m.ID,
		lanyard.ModuleAlias{Meta: lanyard.Meta{Name: "live"}, Version: 1}); err != nil {
		t.Fatal(err)
	}
	c.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		io.WriteString(w, `{"state": "sent",  "n": 12345678901234567890}`)
	}
	out, err := c.run(m, c.names()[0], `{"order": "../../admin?x=http://evil.example"}`)
	c.must(err)
	if want := `{"content":[{"type":"text","text":"{\"state\":\"sent\",\"n\":12345678901234567890}"}],` +
		`"structuredContent":{"state":"sent","n":12345678901234567890}}`; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	want := `{"instance":"` + c.in.ID + `","module":"` + m.ID + `","name":"Find order","version":1,"alias":"live",` +
		`"arguments":{"order":"../../admin?x=http://evil.example"},"agent":"arn:agent","user":"u-1","decision":"d-1"}`
	r := c.sent[0]
	if c.bodies[0] != want {
		t.Errorf("the target was sent\n%s\nwant\n%s", c.bodies[0], want)
	}
	if got, want := r.Method+" "+r.RequestURI, "POST /run/"+m.ID+"/1?in="+c.in.ID; got != want {
		t.Errorf("the target was asked %s, want %s", got, want)
	}
	for name, want := range map[string]string{"Authorization": "Bearer of-the-target", "Content-Type": "application/json",
		"Lanyard-Decision-Id": "d-1"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestAnswers compares what agents get for what a target may answer.
func TestAnswers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	defer elsewhere.Close()
	c := newCentre(t, func(c *moduletools.Config) { c.MaxAnswer, c.Timeout = 100, 300*time.Millisecond })
	free := c.module("Free", "")
	typed := c.module("Typed", `{"resultData":{"schema":{"properties":{"state":{"type":"string"}},"required":["state"]}}}`)
	names := c.names()
	answer := func(status int, kind, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	const js = "application/json"
	for _, tt := range []struct {
		name   string
		m      *lanyard.Module
		answer func(http.ResponseWriter, *http.Request)
		want   string // result, or else
		fails  string // what the error says
	}{
		{name: "text", m: free, answer: answer(200, "text/plain", "sent"), want: `{"content":[{"type":"text","text":"sent"}]}`},
		{name: "nothing", m: free, answer: answer(204, "", ""), want: `{"content":[{"type":"text","text":""}]}`},
		{name: "a list", m: free, answer: answer(200, js, `[1, 2]`), want: `{"content":[{"type":"text","text":"[1,2]"}]}`},
		{name: "as the schema says", m: typed, answer: answer(200, js, `{"state":"x"}`),
			want: `{"content":[{"type":"text","text":"{\"state\":\"x\"}"}],"structuredContent":{"state":"x"}}`},
		{name: "not as the schema says", m: typed, answer: answer(200, js, `{"state":7}`), fails: "answer.state: got number, want string"},
		{name: "text where the schema says JSON", m: typed, answer: answer(200, "text/plain", "x"), fails: "must be JSON"},
		{name: "no JSON", m: free, answer: answer(200, js, `{`), fails: "cannot be read"},
		{name: "no UTF-8", m: free, answer: answer(200, "text/plain", "\xff"), fails: "must be UTF-8"},
		{name: "too large", m: free, answer: answer(200, "text/plain", strings.Repeat("x", 101)), fails: "at most 100 bytes"},
		{name: "refused", m: free, answer: answer(404, "text/plain", "no such order"),
			want: `{"content":[{"type":"text","text":"flow module \"Free\" refused this with status 404: no such order"}],"isError":true}`},
		{name: "not allowed", m: free, answer: answer(401, "text/plain", "secret"), fails: "status 401"},
		{name: "broken", m: free, answer: answer(500, "text/plain", "secret"), fails: "status 500"},
		{name: "a redirect", m: free, answer: answer(307, "", ""), fails: "status 307"},
		{name: "too late", m: free, answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fails: "does not answer"},
		{name: "dies", m: free, answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fails: "does not answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.mu.Lock()
			c.answer = tt.answer
			c.mu.Unlock()
			name := names[0]
			if tt.m == typed {
				name = names[1]
			}
			got, err := c.run(tt.m, name, "")
			if tt.fails == "" {
				c.must(err)
			} else if err == nil || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want an error that says %q", err, tt.fails)
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestRefusedCalls has calls that never reach the target.
func TestRefusedCalls(t *testing.T) {
	c := newCentre(t)
	m, other := c.module("Find order", settings), c.module("Other", "")
	name := c.names()[0]
	got, err := c.run(m, name, `{"order":7}`)
	c.must(err)
	if want := `{"content":[{"type":"text","text":"the arguments do not match the input schema: arguments.order: got number, ` +
		`want string"}],"isError":true}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := c.run(other, name, `{"order":"1"}`); err == nil { // the right to one module, the name of another
		t.Error("a tool was run by the right to another")
	}
	yes := true
	_, err = c.UpdateContactFlowModuleMetadata(t.Context(), c.call(), c.in.ID, m.ID, control.ModuleChange{Archived: &yes})
	c.must(err)
	if _, err := c.run(m, name, `{"order":"1"}`); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v for a module that was archived since", err)
	}
	c.caller = &gateway.Caller{Account: "210987654321", Instance: c.in.ID}
	if _, err := c.Tools(t.Context(), c.caller); lanyard.KindOf(err) == lanyard.None {
		t.Error("the modules of another account were listed")
	}
	if len(c.sent) != 0 {
		t.Errorf("the target was sent %q", c.bodies)
	}
}

func TestCheckTarget(t *testing.T) {
	for _, tt := range []struct {
		target string
		ok     bool
	}{
		{"https://flows.example/run/{module}/{version}?instance={instance}", true},
		{"http://127.0.0.1:8080", true},
		{"", false},
		{"flows.example/run", false},
		{"ftp://flows.example/", false},
		{"file:///etc/passwd", false},
		{"https:///run", false},
		{"https://{instance}.example/", false},
		{"https://{module}/", false},
		{"{module}://flows.example/", false},
		{"https://flows.example/{argument}", false},
		{"https://flows.example/{module", false},
		{"https://flows.example/module}", false},
		{"https://user:secret@flows.example/", false},
		{"https://flows.example/#{module}", false},
	} {
		err := moduletools.CheckTarget(tt.target)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.target, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error has the password: %v", tt.target, err)
		}
	}
	for _, name := range []string{"", "a b", "Content-Type", "host", "lanyard-decision-id", "X:Y", "Überschrift"} {
		if moduletools.CheckHeader(name) == nil {
			t.Errorf("header %q is accepted", name)
		}
	}
	if err := moduletools.CheckHeader("X-Api-Key"); err != nil {
		t.Error(err)
	}
}
