//go:build unix

package emulator

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// writeScripts makes a folder of scripts: by path below it, with the mode 0700 for those that begin with a shebang.
func writeScripts(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path, mode := filepath.Join(folder, name), os.FileMode(0o600)
		if strings.HasPrefix(text, "#!") {
			mode = 0o700
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// run runs the scripts of a folder to their end, and returns what they say of themselves and the log.
func run(t *testing.T, ctx context.Context, folder string, timeout time.Duration) (states []string, log string) {
	t.Helper()
	s, err := FindScripts(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.Env, s.Timeout = []string{"PATH=" + os.Getenv("PATH"), "FOLDER=" + folder}, timeout
	s.Logger = slog.New(slog.NewJSONHandler(&out, nil))
	s.Run(ctx)
	for _, one := range s.scripts {
		states = append(states, one.Name+" "+one.State)
	}
	return states, out.String()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	folder := writeScripts(t, map[string]string{
		"ready.d/20-second.sh":      "echo two >> $FOLDER/order",
		"ready.d/10-first.sh":       "#!/bin/sh\necho one >> $FOLDER/order\necho oops >&2\nexit 4\n",
		"ready.d/a/b/deep.sh":       "echo deep >> $FOLDER/order",
		"ready.d/a/after.sh":        "echo after >> $FOLDER/order",
		"ready.d/z-last.sh":         "echo last >> $FOLDER/order",
		"ready.d/notes.txt":         "no script",
		"ready.d/..data/hidden.sh":  "echo hidden >> $FOLDER/order",
		"boot.d/never.sh":           "echo never >> $FOLDER/order",
		"ready.d/30-interpreter.sh": "#!/nowhere/sh\n",
	})
	states, log := run(t, t.Context(), folder, time.Minute)
	want := []string{"10-first.sh ERROR", "20-second.sh SUCCESSFUL", "30-interpreter.sh ERROR", "z-last.sh SUCCESSFUL",
		"after.sh SUCCESSFUL", "deep.sh SUCCESSFUL"}
	if !reflect.DeepEqual(states, want) {
		t.Errorf("the states are %q, want %q", states, want)
	}
	order, err := os.ReadFile(filepath.Join(folder, "order"))
	if want := "one\ntwo\nlast\nafter\ndeep\n"; err != nil || string(order) != want {
		t.Errorf("they ran in the order %q, want %q (%v)", order, want, err)
	}
	if !strings.Contains(log, `"error":"exit status 4"`) || !strings.Contains(log, `"output":"oops"`) {
		t.Errorf("the log does not show the script that failed: %s", log)
	}
}

// TestBrokenLinks reports a script that is a link to nothing, and runs the others.
func TestBrokenLinks(t *testing.T) {
	t.Parallel()
	folder := writeScripts(t, map[string]string{"ready.d/20-second.sh": "exit 0"})
	for _, name := range []string{"10-first.sh", "notes.txt"} {
		if err := os.Symlink("/nowhere", filepath.Join(folder, "ready.d", name)); err != nil {
			t.Fatal(err)
		}
	}
	states, log := run(t, t.Context(), folder, time.Minute)
	if want := []string{"10-first.sh ERROR", "20-second.sh SUCCESSFUL"}; !reflect.DeepEqual(states, want) {
		t.Errorf("the states are %q, want %q", states, want)
	}
	if !strings.Contains(log, "no such file") {
		t.Errorf("the log does not say what is wrong: %s", log)
	}
}

func TestNoScripts(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{
		"no folder":  filepath.Join(t.TempDir(), "absent"),
		"no ready.d": t.TempDir(),
	} {
		if s, err := FindScripts(folder); err != nil || len(s.scripts) != 0 {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

// TestScriptOutput keeps the end of the output, and escapes what a terminal would obey.
func TestScriptOutput(t *testing.T) {
	t.Parallel()
	folder := writeScripts(t, map[string]string{
		"ready.d/long.sh": "i=0; while [ $i -lt 3000 ]; do echo line-$i-xxxxxxxxxxxxxxxx; i=$((i+1)); done; exit 1",
		"ready.d/red.sh":  `printf '\033[31mred'; exit 1`,
	})
	_, log := run(t, t.Context(), folder, time.Minute)
	if len(log) > 2*maxScriptOutput {
		t.Errorf("the log has %d bytes", len(log))
	}
	if !strings.Contains(log, "line-2999-") || strings.Contains(log, "line-1-") || !strings.Contains(log, "bytes are left out") {
		t.Errorf("the log should have the end of the output alone: %.300s", log)
	}
	if strings.Contains(log, `\u001b`) || !strings.Contains(log, `\\x1b[31mred`) {
		t.Errorf("the log has escape sequences: %s", log[len(log)-200:])
	}
}

// waitForPID reads the id of a process that a script writes.
func waitForPID(t *testing.T, name string) int {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if b, err := os.ReadFile(name); err == nil && bytes.HasSuffix(b, []byte("\n")) {
			pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("%s was not written", name)
	return 0
}

// waitForEnd waits for a process to be gone, or to be left for its parent to look at.
func waitForEnd(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil && syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("process %d still runs", pid)
}

// TestScriptsAreKilled ends scripts with their children: at shutdown, after their time, and what they leave behind.
func TestScriptsAreKilled(t *testing.T) {
	t.Parallel()
	child := "sleep 600 & echo $! > $FOLDER/pid; "
	for _, tt := range []struct {
		name, script string
		timeout      time.Duration
		shutdown     bool
		want         []string
	}{
		{"at shutdown", child + "wait", time.Minute, true, []string{"1.sh ERROR", "2.sh UNKNOWN"}},
		{"after their time", child + "wait", 300 * time.Millisecond, false, []string{"1.sh ERROR", "2.sh SUCCESSFUL"}},
		{"left behind", child + "exit 0", time.Minute, false, []string{"1.sh SUCCESSFUL", "2.sh SUCCESSFUL"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			folder := writeScripts(t, map[string]string{"ready.d/1.sh": tt.script, "ready.d/2.sh": "exit 0"})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			found := make(chan int, 1)
			go func() {
				found <- waitForPID(t, filepath.Join(folder, "pid"))
				if tt.shutdown {
					cancel()
				}
			}()
			states, log := run(t, ctx, folder, tt.timeout)
			if !reflect.DeepEqual(states, tt.want) {
				t.Errorf("the states are %q, want %q; log: %s", states, tt.want, log)
			}
			waitForEnd(t, <-found)
		})
	}
}

func TestScriptEnv(t *testing.T) {
	t.Parallel()
	own := []string{"AWS_ACCESS_KEY_ID=test", "AWS_DEFAULT_REGION=eu-west-2", "AWS_ENDPOINT_URL_CONNECT=http://here:1",
		"AWS_REGION=eu-west-2", "AWS_SECRET_ACCESS_KEY=test", "LANYARD_URL=http://here:1"}
	with := func(first []string, more ...string) []string {
		all := append(append([]string{}, first...), own...)
		for _, one := range more { // in the order of names
			all = append(all[:len(first)+2], append([]string{one}, all[len(first)+2:]...)...)
		}
		return all
	}
	for _, tt := range []struct {
		name         string
		environ, out []string
	}{
		{"nothing", nil, with(nil, "AWS_ENDPOINT_URL=http://here:1")},
		{"real credentials", []string{"HOME=/home/a", "AWS_ACCESS_KEY_ID=AKIAREAL", "AWS_SECRET_ACCESS_KEY=real",
			"AWS_SESSION_TOKEN=real", "AWS_PROFILE=prod", "AWS_SHARED_CREDENTIALS_FILE=/home/a/.aws/credentials",
			"LANYARD_ROOT_SECRET_ACCESS_KEY=secret", "LANYARD_STORE=postgres://secret@db"},
			with([]string{"HOME=/home/a"}, "AWS_ENDPOINT_URL=http://here:1")},
		{"settings that lead elsewhere", []string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", "AWS_USE_FIPS_ENDPOINT=true",
			"AWS_USE_DUALSTACK_ENDPOINT=true", "AWS_DEFAULT_PROFILE=prod"}, with(nil, "AWS_ENDPOINT_URL=http://here:1")},
		{"another emulator", []string{"AWS_ENDPOINT_URL=http://localstack:4566"},
			with([]string{"AWS_ENDPOINT_URL=http://localstack:4566"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ScriptEnv(tt.environ, "http://here:1", "eu-west-2"); !reflect.DeepEqual(got, tt.out) {
				t.Errorf("got  %q\nwant %q", got, tt.out)
			}
		})
	}
}

func TestInContainer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		root fstest.MapFS
		env  map[string]string
		want string
	}{
		{"none", fstest.MapFS{"etc/passwd": {}}, map[string]string{"HOME": "/"}, ""},
		{"Docker", fstest.MapFS{".dockerenv": {}}, nil, "/.dockerenv"},
		{"Podman", fstest.MapFS{"run/.containerenv": {}}, nil, "/run/.containerenv"},
		{"Kubernetes", nil, map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "KUBERNETES_SERVICE_HOST"},
		{"systemd", nil, map[string]string{"container": "systemd-nspawn"}, "container"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := InContainer(tt.root, func(name string) string { return tt.env[name] }); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
