package decisionlog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/proto"

	"github.com/lanyard/lanyard/internal/lint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func entry(id string) *Entry {
	return &Entry{Time: time.Date(2026, 11, 30, 9, 30, 0, 123_000_000, time.UTC), ID: id, Account: "123456789012", Instance: "i",
		Subject: Subject{"ai_agent", "arn:a", &SubjectProperties{"jane"}}, Action: Action{"get_order"},
		Resource: Resource{"Application", "crm"}, Decision: true, Context: Context{"granted", "p", 7},
		Call: &Call{Method: "tools/call", Upstream: "crm", Outcome: "answered", Duration: 1.5, Credential: "token t",
			Arguments: []byte(`{"id":"<string>"}`)}}
}

const line = `{"time":"2026-11-30T09:30:00.123Z","decision_id":"d","account":"123456789012","instance":"i",` +
	`"subject":{"type":"ai_agent","id":"arn:a","properties":{"assisting":"jane"}},"action":{"name":"get_order"},` +
	`"resource":{"type":"Application","id":"crm"},"decision":true,"context":{"reason":"granted","profile":"p","revision":7},` +
	`"call":{"method":"tools/call","upstream":"crm","outcome":"answered","duration_ms":1.5,"credential":"token t",` +
	`"arguments":{"id":"<string>"}}}`

func newLog(t *testing.T, c Config) *Log {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	l, err := New(c, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(context.Background()) })
	return l
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// A file has a line for each decision, which lint reads; what a file had before stays, and a line without an end is
// ended.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "decisions.jsonl")
	if err := os.WriteFile(path, []byte(`{"time":"2026-11-30T0`), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l := newLog(t, Config{File: &FileConfig{Path: path}})
		l.Add(entry("d"))
		closeLog(t, l)
		l.Add(entry("late"))
		if n := l.Dropped()["file"]; n != 0 {
			t.Errorf("%d are dropped", n)
		}
	}
	want := []string{`{"time":"2026-11-30T0`, line, line}
	if got := lines(t, path); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if _, err := lint.ReadDecisions(path, strings.NewReader(line)); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

// Files are rotated by size, so many are kept, and no decision is lost.
func TestRotationBySize(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "decisions.jsonl")
	l := newLog(t, Config{File: &FileConfig{Path: path, MaxSize: 1 << 20, Compress: true}})
	const n = 4500
	for i := range n {
		for l.Add(entry(fmt.Sprint(i))); len(l.sinks[0].queue) > queueLength/2; {
			time.Sleep(time.Millisecond)
		}
	}
	closeLog(t, l)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("the files are %q, %v", files, err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 1<<20 {
			t.Errorf("%s has %d bytes", file, len(b))
		}
		if strings.HasSuffix(file, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
			var e Entry
			if err := json.Unmarshal(s.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			seen[e.ID] = true
		}
	}
	if len(seen) != n || l.Dropped()["file"] != 0 {
		t.Errorf("%d of %d decisions are in %q; dropped: %v", len(seen), n, files, l.Dropped())
	}
}

// A file that was begun too long ago is rotated, also when another process began it.
func TestRotationByAge(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "decisions.jsonl")
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	open := func() *file {
		f, err := openFile(&FileConfig{Path: path, MaxAge: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		f.now = func() time.Time { return now }
		return f
	}
	write := func(f *file, id string) {
		e := entry(id)
		e.Time = now
		if err := f.write(t.Context(), []*Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	f := open()
	f.began = now
	write(f, "a")
	now = now.Add(59 * time.Minute)
	write(f, "b")
	f.close()
	f = open()
	defer f.close()
	write(f, "c")
	if got := lines(t, path); len(got) != 3 {
		t.Errorf("within the hour: %s", got)
	}
	now = now.Add(time.Minute)
	write(f, "d")
	write(f, "e")
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if got := lines(t, path); len(got) != 2 || len(files) != 2 {
		t.Errorf("after the hour: %s in %q", got, files)
	}
}

// A full disk loses decisions and says how many; nobody waits, and nothing else is harmed.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	var said bytes.Buffer
	l, err := New(Config{File: &FileConfig{Path: "/dev/full"}}, slog.New(slog.NewJSONHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		l.Add(entry("d"))
	}
	closeLog(t, l)
	if n := l.Dropped()["file"]; n != 100 || !strings.Contains(said.String(), `"msg":"decisions are missing from the decision log"`) ||
		!strings.Contains(said.String(), "no space left on device") {
		t.Errorf("%d are dropped; the log says %s", n, &said)
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	if _, err := New(Config{File: &FileConfig{Path: filepath.Join(t.TempDir(), "none", "x")}}, nil); err == nil {
		t.Error("a folder that does not exist is accepted")
	}
}

// A receiver is an OTLP collector that keeps what it receives.
type receiver struct {
	mu      sync.Mutex
	records []map[string]string // attributes by key, with body and severity
	headers http.Header
	status  int // of the next answers; 0: OK
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var in collectorpb.ExportLogsServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &in)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || r.status != 0 || req.URL.Path != "/v1/logs" || req.Header.Get("Content-Type") != "application/x-protobuf" {
		w.WriteHeader(max(r.status, 400))
		return
	}
	r.headers = req.Header
	for _, of := range in.ResourceLogs {
		for _, scope := range of.ScopeLogs {
			for _, record := range scope.LogRecords {
				one := map[string]string{"body": record.Body.GetStringValue(), "severity": record.SeverityText,
					"event": record.EventName, "service": of.Resource.Attributes[0].Value.GetStringValue()}
				for _, a := range record.Attributes {
					one[a.Key] = text(a.Value)
				}
				r.records = append(r.records, one)
			}
		}
	}
	out, _ := proto.Marshal(&collectorpb.ExportLogsServiceResponse{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Write(out)
}

func text(v *commonpb.AnyValue) string {
	switch v := v.Value.(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	}
	return fmt.Sprint(v)
}

func TestOTLP(t *testing.T) {
	r := &receiver{}
	srv := httptest.NewServer(r)
	defer srv.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("Bearer s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLog(t, Config{OTLP: &OTLPConfig{Endpoint: srv.URL + "/v1/logs", Headers: map[string]string{"X-Key": "k"},
		HeaderFiles: map[string]string{"Authorization": secret}}})
	l.Add(entry("d"))
	no := entry("no")
	no.Decision = false
	l.Add(no)
	closeLog(t, l)
	if len(r.records) != 2 || l.Dropped()["collector"] != 0 || r.headers.Get("X-Key") != "k" ||
		r.headers.Get("Authorization") != "Bearer s" {
		t.Fatalf("received %v, dropped %v, headers %v", r.records, l.Dropped(), r.headers)
	}
	want := map[string]string{"body": line, "severity": "INFO", "event": "lanyard.decision", "service": "lanyard",
		"lanyard.decision.id": "d", "lanyard.decision.allow": "true", "lanyard.decision.reason": "granted",
		"lanyard.instance": "i", "lanyard.subject.type": "ai_agent", "lanyard.subject.id": "arn:a",
		"lanyard.subject.assisting": "jane", "lanyard.action": "get_order", "lanyard.resource.type": "Application",
		"lanyard.resource.id": "crm", "mcp.method.name": "tools/call", "lanyard.upstream": "crm", "lanyard.outcome": "answered",
		"lanyard.duration_ms": "1.5"}
	if got := r.records[0]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("received\n%v, want\n%v", got, want)
	}
	if r.records[1]["severity"] != "WARN" {
		t.Errorf("a refusal has severity %s", r.records[1]["severity"])
	}
}

// A collector that refuses, hangs or is not there keeps nobody waiting, and the file gets everything.
func TestDeadCollector(t *testing.T) {
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // else nobody notices that the client has gone
		<-r.Context().Done()
	}))
	defer hung.Close()
	refusing := httptest.NewServer(&receiver{status: http.StatusForbidden})
	defer refusing.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + listener.Addr().String()
	listener.Close()
	for name, url := range map[string]string{"hung": hung.URL, "refusing": refusing.URL, "gone": gone} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "decisions.jsonl")
			l := newLog(t, Config{File: &FileConfig{Path: path}, OTLP: &OTLPConfig{Endpoint: url + "/v1/logs",
				Timeout: 200 * time.Millisecond}})
			n := 2 * batchLength
			if name == "hung" { // more than there is room for
				n = queueLength + 2*batchLength
			}
			began := time.Now()
			for i := range n {
				for l.Add(entry(fmt.Sprint(i))); len(l.sinks[0].queue) > queueLength/2; {
					time.Sleep(time.Millisecond) // the file is not to drop any
				}
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("adding took %v", took)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			l.Close(ctx)
			if got := l.Dropped(); len(lines(t, path)) != n || got["file"] != 0 || got["collector"] != int64(n) {
				t.Errorf("%d lines, dropped %v", len(lines(t, path)), got)
			}
		})
	}
}

// Samples are of the share that was asked for, the same in every log, and say so.
func TestSample(t *testing.T) {
	count := func(c Config) (ids map[string]float64) {
		path := filepath.Join(t.TempDir(), "decisions.jsonl")
		c.File = &FileConfig{Path: path}
		l := newLog(t, c)
		for i := range 4000 {
			e := entry(fmt.Sprint(i))
			e.Decision = i%2 == 0
			l.Add(e)
		}
		closeLog(t, l)
		ids = map[string]float64{}
		for _, text := range lines(t, path) {
			var e Entry
			if text != "" && json.Unmarshal([]byte(text), &e) == nil {
				ids[e.ID] = e.Sample
			}
		}
		return ids
	}
	share := func(f float64) *float64 { return &f }
	tenth := count(Config{Sample: share(0.1), SampleRefused: share(0)})
	again := count(Config{Sample: share(0.1), SampleRefused: share(0)})
	if len(tenth) < 140 || len(tenth) > 260 || fmt.Sprint(tenth) != fmt.Sprint(again) {
		t.Errorf("a tenth of 2000 is %d", len(tenth))
	}
	for id, sample := range tenth {
		if sample != 0.1 {
			t.Errorf("%s says %v", id, sample)
		}
	}
	all := count(Config{Sample: share(0), SampleRefused: share(1)})
	if len(all) != 2000 {
		t.Errorf("the refused ones are %d", len(all))
	}
	for id, sample := range all {
		if sample != 0 {
			t.Errorf("%s says %v", id, sample)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{``, ""},
		{`{sample: 0.5, file: {path: x, max-size: 10MiB, max-age: 1h, keep: unlimited, keep-days: 30, compress: true},
otlp: {endpoint: "https://c.example:4318/v1/logs", headers: {Authorization: Bearer x}, timeout: 5s}}`, ""},
		{`{sample: 1.5}`, "sample must be 0 to 1, got 1.5"},
		{`{sample-refused: -1}`, "sample-refused must be 0 to 1, got -1"},
		{`{file: {}}`, "file.path is required"},
		{`{file: {path: x, max-size: 100KiB}}`, "file.max-size must be whole MiB, got 100KiB"},
		{`{file: {path: x, max-size: unlimited}}`, "file.max-size must be whole MiB, got unlimited"},
		{`{file: {path: x, max-age: 1s}}`, "file.max-age must be 1m0s to 8760h0m0s, got 1s"},
		{`{otlp: {}}`, "otlp.endpoint is required"},
		{`{otlp: {endpoint: "collector:4318"}}`,
			"otlp.endpoint must be a URL such as https://collector.example:4318/v1/logs"},
		{`{otlp: {endpoint: "https://c", headers: {"a b": c}}}`,
			`otlp.headers must be names and values of HTTP headers, got "a b"`},
	} {
		var c Config
		err := yaml.Unmarshal([]byte(tt.yaml), &c)
		if err == nil {
			err = c.Check()
		}
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s: %s, want %s", tt.yaml, got, tt.want)
		}
	}
}

// Nothing to log to is no log, which takes nothing.
func TestNone(t *testing.T) {
	l := newLog(t, Config{})
	l.Add(entry("d"))
	if l != nil || l.Arguments() || len(l.Dropped()) != 0 {
		t.Errorf("the log is %+v", l)
	}
}
