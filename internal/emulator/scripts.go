package emulator

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard/internal/terminal"
)

// The stages of a server's life, as LocalStack names them. Scripts run when it is ready; before and after that there is
// nothing here that they could prepare.
const (
	stageBoot     = "BOOT"
	stageStart    = "START"
	stageReady    = "READY"
	stageShutdown = "SHUTDOWN"
)

// stageOf returns the stage that a path names.
func stageOf(name string) (string, bool) {
	stage := strings.ToUpper(name)
	return stage, slices.Contains([]string{stageBoot, stageStart, stageReady, stageShutdown}, stage)
}

// The states of a script.
const (
	unknown    = "UNKNOWN" // it has not been run
	running    = "RUNNING"
	successful = "SUCCESSFUL"
	failed     = "ERROR"
)

// readyFolder is where the scripts are, below the folder of scripts.
const readyFolder = "ready.d"

// Bounds of scripts.
const (
	maxScripts      = 1000
	maxScriptDepth  = 16
	maxScriptOutput = 16 << 10 // bytes that are kept: the last ones
)

// script is one file of the folder.
type script struct {
	path string

	Stage string `json:"stage"`
	Name  string `json:"name"`
	State string `json:"state"`
}

// Scripts run once when a server is ready: shell scripts (.sh) and Python programs (.py), in the order of their names,
// those of a folder before those of its folders.
type Scripts struct {
	Env     []string      // of the scripts
	Timeout time.Duration // for each
	Logger  *slog.Logger

	mu        sync.Mutex
	scripts   []script
	completed bool
}

// FindScripts finds the scripts below a folder, which need not exist.
func FindScripts(folder string) (*Scripts, error) {
	s := new(Scripts)
	folder = filepath.Join(folder, readyFolder)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	return s, s.find(folder, 0)
}

func (s *Scripts) find(folder string, depth int) error {
	if depth > maxScriptDepth {
		return fmt.Errorf("the scripts must be at most %d folders deep, got %s", maxScriptDepth, folder)
	}
	entries, err := os.ReadDir(folder) // sorted by name
	if err != nil {
		return err
	}
	var folders []string
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		info, err := os.Stat(path) // of what a link points to, as files of ConfigMaps are links
		ending := filepath.Ext(path)
		switch isScript := ending == ".sh" || ending == ".py"; {
		case err == nil && info.IsDir():
			if !strings.HasPrefix(e.Name(), "..") { // which ConfigMaps have for themselves
				folders = append(folders, path)
			}
		case isScript && (err != nil || info.Mode().IsRegular()): // one that cannot be read fails when it is run
			s.scripts = append(s.scripts, script{path: path, Stage: stageReady, Name: e.Name(), State: unknown})
		}
		if len(s.scripts) > maxScripts {
			return fmt.Errorf("there must be at most %d scripts below %s", maxScripts, folder)
		}
	}
	for _, f := range folders {
		if err := s.find(f, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// Run runs the scripts, one after the other. One that fails is logged with its output, and does not keep the others
// from running. When ctx ends, the one that is running is killed with its children, and the others are left out.
func (s *Scripts) Run(ctx context.Context) {
	for i := range s.scripts {
		if ctx.Err() != nil {
			return
		}
		s.set(i, running)
		began := time.Now()
		output, err := s.run(ctx, s.scripts[i].path)
		took := time.Since(began).Round(time.Millisecond).String()
		if err != nil {
			s.set(i, failed)
			s.Logger.Error("init script failed", "script", s.scripts[i].path, "error", err, "took", took, "output", output)
			continue
		}
		s.set(i, successful)
		s.Logger.Info("init script finished", "script", s.scripts[i].path, "took", took, "output", output)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.completed = true
}

// Failed returns how many scripts there are and how many of them failed.
func (s *Scripts) Failed() (all, bad int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.scripts {
		if one.State == failed {
			bad++
		}
	}
	return len(s.scripts), bad
}

func (s *Scripts) set(i int, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[i].State = state
}

// errTimeout is the cause of the end of a script that takes too long.
var errTimeout = errors.New("it did not finish in time")

// run runs one script and returns the end of its output.
func (s *Scripts) run(ctx context.Context, path string) (string, error) {
	name, args, err := interpreter(path)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = s.Env
	cmd.WaitDelay = time.Second // after which nobody waits for children that hold the output open
	separate(cmd)
	out := &tail{most: maxScriptOutput}
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	killGroup(cmd)                         // children that it left behind
	if errors.Is(err, exec.ErrWaitDelay) { // which held its output open
		err = nil
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = fmt.Errorf("%w (%v)", cause, err)
	}
	return terminal.EscapeLines(strings.TrimRight(out.String(), "\n")), err
}

// interpreter says how to run a script: an executable one by itself, others with sh or Python.
func interpreter(path string) (name string, args []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	if info.Mode()&0o111 != 0 && hasShebang(path) {
		return path, nil, nil
	}
	candidates := []string{"sh"}
	if filepath.Ext(path) == ".py" {
		candidates = []string{"python3", "python"}
	}
	for _, c := range candidates {
		if found, err := exec.LookPath(c); err == nil {
			return found, []string{path}, nil
		}
	}
	return "", nil, fmt.Errorf("%s is not installed here", candidates[0])
}

// hasShebang reports whether a file names its interpreter, without which the system may not run it.
func hasShebang(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 2)
	n, _ := f.Read(b)
	return string(b[:n]) == "#!"
}

// A tail keeps the end of what is written to it.
type tail struct {
	most int

	mu   sync.Mutex
	kept bytes.Buffer
	lost int
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if over := t.kept.Len() + n - t.most; over > 0 {
		t.lost += over
		dropped := min(over, t.kept.Len())
		t.kept.Next(dropped)
		p = p[over-dropped:]
	}
	t.kept.Write(p)
	return n, nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost > 0 {
		return fmt.Sprintf("(%d bytes are left out) %s", t.lost, t.kept.String())
	}
	return t.kept.String()
}

// stages are the states of all stages.
type stages struct {
	Completed map[string]bool `json:"completed"`
	Scripts   []script        `json:"scripts"`
}

// stage is the state of one.
type stage struct {
	Completed bool     `json:"completed"`
	Scripts   []script `json:"scripts"`
}

func (s *server) initScripts(*http.Request) (any, error) {
	s.Scripts.mu.Lock()
	defer s.Scripts.mu.Unlock()
	completed := map[string]bool{stageBoot: true, stageStart: true, stageReady: s.Scripts.completed, stageShutdown: false}
	return stages{completed, append([]script{}, s.Scripts.scripts...)}, nil
}

func (s *server) initStage(r *http.Request) (any, error) {
	path := r.URL.Path
	name, _ := stageOf(path[strings.LastIndexByte(path, '/')+1:])
	s.Scripts.mu.Lock()
	defer s.Scripts.mu.Unlock()
	if name == stageReady {
		return stage{s.Scripts.completed, append([]script{}, s.Scripts.scripts...)}, nil
	}
	return stage{name != stageShutdown, []script{}}, nil
}

// Diverting are variables that have AWS SDKs pass over AWS_ENDPOINT_URL_CONNECT, or refuse it.
var Diverting = []string{"AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_DUALSTACK_ENDPOINT",
	"AWS_USE_FIPS_ENDPOINT"}

// ScriptEnv returns the environment of scripts: that of the server, with what makes the AWS command line and SDKs work
// with the emulator alone. Credentials of the server's environment are left out.
func ScriptEnv(environ []string, url, region string) []string {
	own := map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": region,
		"AWS_DEFAULT_REGION": region, "AWS_ENDPOINT_URL_CONNECT": url, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_SHARED_CREDENTIALS_FILE": "", "LANYARD_URL": url}
	var env []string
	hasEndpoint := false
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		_, replaced := own[name]
		if replaced || strings.HasPrefix(name, "LANYARD_") || slices.Contains(Diverting, name) {
			continue // what configures the server would configure the commands that scripts call
		}
		hasEndpoint = hasEndpoint || name == "AWS_ENDPOINT_URL"
		env = append(env, kv)
	}
	if !hasEndpoint { // another emulator
		own["AWS_ENDPOINT_URL"] = url
	}
	names := make([]string, 0, len(own))
	for name := range own {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare)
	for _, name := range names {
		if own[name] != "" {
			env = append(env, name+"="+own[name])
		}
	}
	return env
}
