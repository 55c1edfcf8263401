package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/frontends"
	"go.uber.org/goleak"
)

// TestServeRefuses expects serve to refuse flags before it touches the folder, with status 2 and what is accepted.
func TestServeRefuses(t *testing.T) {
	dir := t.TempDir()
	file := dir + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"key id alone", []string{"--root-access-key-id=AKIDCHOSEN0000000001"},
			"--root-access-key-id and --root-secret-access-key are required together, got only one"},
		{"secret alone", []string{"--root-secret-access-key=0123456789abcdef"},
			"--root-access-key-id and --root-secret-access-key are required together, got only one"},
		{"short key id", []string{"--root-access-key-id=AKID", "--root-secret-access-key=0123456789abcdef"},
			"--root-access-key-id must be 16 to 128 characters with no spaces, slashes, commas or equals signs"},
		{"long key id", []string{"--root-access-key-id=" + strings.Repeat("A", 129),
			"--root-secret-access-key=0123456789abcdef"}, "--root-access-key-id must be 16 to 128 characters"},
		{"key id with a slash",
			[]string{"--root-access-key-id=AKID/CHOSEN000000001", "--root-secret-access-key=0123456789abcdef"},
			"--root-access-key-id must be 16 to 128 characters with no spaces, slashes"},
		{"short secret", []string{"--root-access-key-id=AKIDCHOSEN0000000001", "--root-secret-access-key=0123456789abcde"},
			"--root-secret-access-key must have at least 16 characters, got 15"},
		{"secret of two lines",
			[]string{"--root-access-key-id=AKIDCHOSEN0000000001", "--root-secret-access-key=0123456789\nabcdef"},
			"--root-secret-access-key must be printable characters with no spaces"},
		{"certificate alone", []string{"--tls-cert=" + file}, "--tls-cert and --tls-key are required together, got only one"},
		{"TLS key alone", []string{"--tls-key=" + file}, "--tls-cert and --tls-key are required together, got only one"},
		{"certificate that is not there", []string{"--tls-cert=" + file + "x", "--tls-key=" + file}, "--tls-cert: stat "},
		{"short account", []string{"--account=12345678901"},
			`--account must be an account id of twelve digits, got "12345678901"`},
		{"account of letters", []string{"--account=12345678901x"},
			`--account must be an account id of twelve digits, got "12345678901x"`},
		{"region", []string{"--region=Paris"},
			`--region must be an AWS Region, such as us-east-1, got "Paris"`},
		{"partition", []string{"--partition=a:b"},
			`--partition must be aws or a name that begins with aws-, such as aws-cn, got "a:b"`},
		{"no auth for all", []string{"--no-auth", "--listen=0.0.0.0:0"},
			"--listen must be a loopback address when --no-auth is set, got 0.0.0.0:0, which others can reach"},
		{"no auth for a name", []string{"--no-auth", "--listen=centre.example:0"},
			"--listen must be a loopback address when --no-auth is set"},
		{"no auth for every interface", []string{"--no-auth", "--listen=:0"},
			"--listen must be a loopback address when --no-auth is set"},
		{"no port", []string{"--listen=127.0.0.1"},
			`--listen must be ADDRESS:PORT, such as 127.0.0.1:4580, got "127.0.0.1"`},
		{"no such port", []string{"--listen=127.0.0.1:65536"}, `the port of --listen must be 0 to 65535, got "65536"`},
		{"no connections", []string{"--max-connections=0"}, "--max-connections must be 1 or more, got 0"},
		{"connections of letters", []string{"--max-connections=many"},
			`--max-connections: expected a valid 64 bit int but got "many"`},
		{"negative grace", []string{"--grace=-1s"}, "--grace must be 0s or more, got -1s"},
		{"grace without unit", []string{"--grace=soon"}, `--grace: expected duration but got "soon"`},
		{"store", []string{"--store=paper"},
			`--store must be sqlite or the URL of a PostgreSQL database that begins with postgres://`},
		{"poll", []string{"--poll=0s"}, "--poll must be 1ms or more, got 0s"},
		{"days of the audit", []string{"--audit-keep-days=-1"},
			"--audit-keep-days, --audit-keep-events: Days must be 1 to 36500, or 0 for no bound, got -1"},
		{"events of the audit", []string{"--audit-keep-events=-1"},
			"Events must be at least 1, or 0 for no bound, got -1"},
		{"looking after the audit", []string{"--audit-keep-every=10ms"},
			"--audit-keep-every must be 1s or more, got 10ms"},
		{"staleness", []string{"--max-staleness=300ms"},
			"--max-staleness must be 0s for no limit, or at least 1s (a second, and twice --poll), got 300ms"},
		{"staleness below the poll", []string{"--poll=4s", "--max-staleness=5s"},
			"--max-staleness must be 0s for no limit, or at least 8s (a second, and twice --poll), got 5s"},
		{"negative memory", []string{"--snapshot-memory=-1"},
			`--snapshot-memory: must be a whole number of bytes, KiB, MiB, GiB or TiB, such as 256MiB, got "-1"`},
		{"memory of half a unit", []string{"--snapshot-memory=1.5GiB"}, `such as 256MiB, got "1.5GiB"`},
		{"memory without end", []string{"--snapshot-memory=9999999999GiB"},
			`such as 256MiB, got "9999999999GiB"`},
		{"throttle", []string{"--throttle=slow"}, `--throttle must be one of "off","aws" but got "slow"`},
		{"log level", []string{"--log-level=loud"},
			`--log-level must be one of "debug","info","warn","error" but got "loud"`},
		{"log format", []string{"--log-format=xml"}, `--log-format must be one of "auto","text","json" but got "xml"`},
		{"quota", []string{"--quota-users=few"}, `--quota-users: expected a valid 64 bit int but got "few"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var out, errs bytes.Buffer
			data := t.TempDir() + "/data"
			args := append([]string{"serve", "--data", data, "--listen=127.0.0.1:0"}, tt.args...)
			if status := runProgram(streams{ctx: ctx, out: &out, errs: &errs}, args); status != usageError {
				t.Errorf("exit status %d, want %d", status, usageError)
			}
			if got := errs.String(); !strings.Contains(got, "lanyard: error: ") || !strings.Contains(got, tt.want) {
				t.Errorf("says %q, want %q", got, tt.want)
			}
			if strings.Contains(errs.String(), "0123456789abcde") {
				t.Errorf("shows the secret: %q", errs.String())
			}
			if out.Len() > 0 {
				t.Errorf("standard output has %q", out.String())
			}
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Errorf("the data folder was made (%v)", err)
			}
		})
	}
}

// TestLogForm expects a text log on a terminal, and JSON elsewhere.
func TestLogForm(t *testing.T) {
	for _, tt := range []struct {
		format   string
		terminal bool
		want     string
	}{
		{"auto", true, "level=INFO msg=hello\n"},
		{"auto", false, `"level":"INFO","msg":"hello"}` + "\n"},
		{"text", false, "level=INFO msg=hello\n"},
		{"json", true, `"level":"INFO","msg":"hello"}` + "\n"},
	} {
		t.Run(fmt.Sprintf("%s %v", tt.format, tt.terminal), func(t *testing.T) {
			var errs bytes.Buffer
			c := logFlags{LogLevel: "info", LogFormat: tt.format}
			log := c.newLogger(streams{errs: &errs, errTerminal: tt.terminal})
			log.Debug("not shown")
			log.Info("hello")
			if got := errs.String(); !strings.HasSuffix(got, tt.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("logs %q, want the end %q", got, tt.want)
			}
		})
	}
}

// TestServeLeavesNothingBehind expects that no goroutine runs after serve has ended.
func TestServeLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	for round := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		var out, errs lockedBuffer
		ended := make(chan int)
		go func() {
			ended <- runProgram(streams{ctx: ctx, out: &out, errs: &errs},
				[]string{"serve", "--data", dir, "--listen=127.0.0.1:0", "--demo", "--throttle=aws"})
		}()
		if err := until(func() error { return ready(dir) }); err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		c, err := callerOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := c.get("GET", "/instance", "", nil); err != nil {
				t.Error(err)
			}
		}
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("round %d: exit status %d\n%s", round, status, errs.String())
		}
		c.client.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// server is a server in a separate process.
type server struct {
	*caller
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	errs lockedBuffer
	done chan struct{} // closed when the process has ended
}

// start runs program serve on a folder, without waiting for it to be ready.
func start(t *testing.T, program, dir string, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, done: make(chan struct{})}
	s.cmd = exec.Command(program, append([]string{"serve", "--listen=127.0.0.1:0", "--data", dir}, args...)...)
	s.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	s.cmd.Stderr = &s.errs
	os.Remove(dir + "/" + endpointFile) // one that was killed leaves it
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.cmd.Wait() // its exit status is asked for where it matters
		close(s.done)
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-s.done
	})
	return s
}

// ready waits until the server is.
func (s *server) ready() *server {
	s.t.Helper()
	err := until(func() error { return ready(s.dir) })
	if err == nil {
		s.caller, err = callerOf(s.dir)
	}
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.errs.String())
	}
	s.client.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	s.t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// end sends a signal and returns the exit status.
func (s *server) end(signal os.Signal) int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Error(err)
	}
	<-s.done
	return s.cmd.ProcessState.ExitCode()
}

// newInstance makes an instance and returns its id.
func (c *caller) newInstance(alias string) (string, error) {
	var out struct{ Id string }
	err := c.get("PUT", "/instance",
		fmt.Sprintf(`{"IdentityManagementType":"CONNECT_MANAGED","InstanceAlias":%q,"InboundCallsEnabled":true,"OutboundCallsEnabled":true}`, alias), &out)
	return out.Id, err
}

// slow delays a number of calls of an operation, and returns a function that waits until they arrived.
func (c *caller) slow(t *testing.T, operation string, calls int, latency time.Duration) (underWay func() error) {
	t.Helper()
	if err := c.get("POST", "/lanyard/v1/faults",
		fmt.Sprintf(`{"Operation":%q,"Latency":%d,"Rate":1,"Count":%d}`, operation, latency, calls), nil); err != nil {
		t.Fatal(err)
	}
	return func() error {
		return until(func() error {
			var left []struct{ Count int }
			if err := c.get("GET", "/lanyard/v1/faults", "", &left); err != nil || len(left) == 0 {
				return err
			}
			return fmt.Errorf("%d calls are still to come", left[0].Count)
		})
	}
}

// TestRefusedBodyIsAnswered expects that a client that sends a whole refused body before it reads, as most do, gets
// the reason and can go on using the connection.
func TestRefusedBodyIsAnswered(t *testing.T) {
	s := start(t, "lanyard", t.TempDir(), "--no-auth").ready()
	for _, tt := range []struct {
		name, path, header string
		size               int
		status             int
		says               string
	}{
		{"the API", "PUT /instance", "", 10 << 20, 400, "10485760 bytes"},
		{"the API, chunked", "PUT /instance", "Transfer-Encoding: chunked", 10 << 20, 400, "bytes, got more"},
		{"the API, compressed", "PUT /instance", "Content-Encoding: gzip", 3 << 20, 400, "Content-Encoding"},
		{"no operation", "PUT /nowhere", "", 10 << 20, 404, "no operation"},
		{"decisions", "POST /access/v1/evaluation", "", 10 << 20, 400, "10485760 bytes"},
		{"decisions, chunked", "POST /access/v1/evaluation", "Transfer-Encoding: chunked", 10 << 20, 400,
			"at most 4194304 bytes, got more"},
		{"management", "POST /lanyard/v1/keys", "", 10 << 20, 403, "Authorization is required"},
		{"the console", "POST /console/api/sign-in", "", 10 << 20, 413, "at most 16384 bytes"},
		{"the console of nobody", "POST /console/api/overview", "", 10 << 20, 401, "nobody is signed in"},
		{"a page of another site", "POST /console/api/sign-in", "Sec-Fetch-Site: cross-site", 10 << 20, 403,
			"web pages must be of this server"},
		{"as large as is read", "PUT /instance", "", frontends.MaxRest, 400, fmt.Sprint(frontends.MaxRest)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(30 * time.Second))
			body, header := make([]byte, tt.size), fmt.Sprintf("Content-Length: %d", tt.size)
			if tt.header == "Transfer-Encoding: chunked" {
				header = tt.header
				body = append(append(fmt.Appendf(nil, "%x\r\n", tt.size), body...), "\r\n0\r\n\r\n"...)
			} else if tt.header != "" {
				header += "\r\n" + tt.header
			}
			if _, err := fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: application/json\r\n%s\r\n\r\n",
				tt.path, strings.TrimPrefix(s.url, "http://"), s.url, header); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write(body); err != nil {
				t.Fatalf("the server hangs up on who sends: %v", err)
			}
			from := bufio.NewReader(c)
			for _, want := range []struct {
				status int
				says   string
			}{{tt.status, tt.says}, {200, "ok"}} {
				if tt.header == "Transfer-Encoding: chunked" && want.status == 200 { // after which nothing is taken for a request
					if _, err := from.ReadByte(); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("the connection goes on: %v", err)
					}
					break
				}
				res, err := http.ReadResponse(from, nil)
				if err != nil {
					t.Fatalf("no answer: %v", err)
				}
				text, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != want.status || !strings.Contains(string(text), want.says) {
					t.Errorf("answer %d %.300s, %v; want %d that says %q", res.StatusCode, text, err, want.status, want.says)
				}
				if _, err := fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestRefusedBodyWithoutEnd expects that a client that stops in the middle of a refused body, or sends it slowly, is
// answered or disconnected soon.
func TestRefusedBodyWithoutEnd(t *testing.T) {
	t.Parallel()
	s := start(t, built(t, ""), t.TempDir(), "--no-auth").ready()
	for name, drip := range map[string]time.Duration{"stops": time.Hour, "drop by drop": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			const within = frontends.MaxRestTime + 5*time.Second
			c.SetDeadline(time.Now().Add(within))
			if _, err := fmt.Fprintf(c, "PUT /instance HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", 10<<20,
				strings.Repeat("x", 1<<20)); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			defer close(done)
			go func() {
				for {
					select {
					case <-done:
						return
					case <-time.After(drip):
						c.Write([]byte("x")) // fails once the server has hung up
					}
				}
			}()
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("no answer within %v: %v", within, err)
			}
			if text, _ := io.ReadAll(res.Body); res.StatusCode != 400 || !strings.Contains(string(text), "10485760 bytes") {
				t.Errorf("answer %d %.300s", res.StatusCode, text)
			}
		})
	}
}

// TestTerminate expects that after SIGTERM the server accepts no new connections, answers the calls in progress and
// ends with status 0, and that what it answered is stored.
func TestTerminate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, "lanyard", dir).ready()
	instance, err := s.newInstance("terminated")
	if err != nil {
		t.Fatal(err)
	}
	const calls = 8
	underWay := s.slow(t, "CreateSecurityProfile", calls, 1500*time.Millisecond)
	made := make(chan error, calls)
	for i := range calls {
		go func() {
			made <- s.get("PUT", "/security-profiles/"+instance, fmt.Sprintf(`{"SecurityProfileName":"Late %d"}`, i), nil)
		}()
	}
	if err := underWay(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refused := until(func() error {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return nil
		}
		conn.Close()
		return fmt.Errorf("a new connection is still taken")
	})
	if refused != nil {
		t.Error(refused)
	}
	select {
	case <-s.done:
		t.Error("the server ended before the calls under way")
	case err := <-made:
		t.Errorf("a call ended (%v) before new connections were refused; the latency is too short for this machine", err)
		made <- err
	default:
	}
	for range calls {
		if err := <-made; err != nil {
			t.Error(err)
		}
	}
	<-s.done
	if status := s.cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("exit status %d\n%s", status, s.errs.String())
	}

	s = start(t, "lanyard", dir).ready()
	var out struct {
		SecurityProfileSummaryList []struct{ Name string }
	}
	if err := s.get("GET", "/security-profiles-summary/"+instance+"?maxResults=100", "", &out); err != nil {
		t.Fatal(err)
	}
	late := 0
	for _, p := range out.SecurityProfileSummaryList {
		if strings.HasPrefix(p.Name, "Late ") {
			late++
		}
	}
	if late != calls {
		t.Errorf("%d of the %d profiles that were acknowledged are there", late, calls)
	}
	if status := s.end(syscall.SIGINT); status != 0 {
		t.Errorf("exit status %d after SIGINT", status)
	}
}

// TestTerminateGrace expects that calls which take longer than --grace are ended, and that the exit status tells.
func TestTerminateGrace(t *testing.T) {
	t.Parallel()
	s := start(t, "lanyard", t.TempDir(), "--grace=50ms").ready()
	underWay := s.slow(t, "ListInstances", 1, time.Minute)
	cut := make(chan error, 1)
	go func() { cut <- s.get("GET", "/instance", "", nil) }()
	if err := underWay(); err != nil {
		t.Fatal(err)
	}
	if status := s.end(syscall.SIGTERM); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if err := <-cut; err == nil {
		t.Error("the call was answered")
	}
	var last struct{ Msg string }
	lines := strings.Split(strings.TrimSpace(s.errs.String()), "\n")
	if got := lines[len(lines)-1]; !strings.Contains(got,
		"lanyard: error: shut down: calls in progress did not finish within 50ms") {
		t.Errorf("says %q", got)
	}
	if err := json.Unmarshal([]byte(lines[0]), &last); err != nil {
		t.Errorf("the first line is not JSON: %v", err)
	}
}
