// Package pgtest starts a real PostgreSQL server for the tests of a package, or to measure, and cuts
// its wires. It is not for programs, and knows nothing of what is stored.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a PostgreSQL server in a temporary folder, with fsync on.
type Server struct {
	Dir      string // of the data
	Port     int    // on 127.0.0.1, and of the socket in Socket
	Socket   string
	password string
	bin      string
	account  *syscall.Credential // that the server runs as; nil for ours
	settings []string            // such as max_connections=20, which win over ours

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{}
	log     *os.File
}

// install tells how to get what is missing.
const install = "PostgreSQL 15 is not installed: apt-get install postgresql-15"

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Main runs the tests of a package and stops the server that they started:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	defer func() {
		if shared.server != nil {
			shared.server.Remove()
		}
	}()
	return m.Run()
}

// Start returns the server of this test binary, started at the first call. Where PostgreSQL is not
// installed the test is skipped, or fails when CI is true.
func Start(t testing.TB) *Server {
	t.Helper()
	bin := installed(t)
	shared.once.Do(func() { shared.server, shared.err = New(bin) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// Own starts a server that is for one test alone, which may do to it what it likes. settings are such
// as max_connections=20. The server is gone after the test.
func Own(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := New(installed(t), settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// installed returns the folder of PostgreSQL's programs, or ends the test.
func installed(t testing.TB) string {
	t.Helper()
	bin := Find()
	if bin == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(install)
		}
		t.Skip("SKIPPED: " + install)
	}
	return bin
}

// Find returns the folder of PostgreSQL's programs, or "" where it is not installed.
func Find() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // fails on an invalid pattern only
	slices.Sort(dirs)
	if i := slices.Index(dirs, "/usr/lib/postgresql/15/bin"); i >= 0 {
		return dirs[i]
	}
	if len(dirs) > 0 {
		return dirs[len(dirs)-1]
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// New makes and starts a server with the programs in bin.
func New(bin string, settings ...string) (*Server, error) {
	return place(&Server{bin: bin, password: rand.Text(), settings: settings}, (*Server).initdb)
}

// place makes the folders of s, has fill make the data, and starts s.
func place(s *Server, fill func(s *Server, root string) error) (_ *Server, err error) {
	root, err := os.MkdirTemp("", "lanyard-pg-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(root)
		}
	}()
	s.Dir, s.Socket = filepath.Join(root, "data"), root
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		s.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(root, uid, gid); err != nil {
			return nil, err
		}
	}
	if err := fill(s, root); err != nil {
		return nil, err
	}
	if s.Port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		s.Port = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	return s, s.Start()
}

func (s *Server) initdb(root string) error {
	secret := filepath.Join(root, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o644); err != nil { // the folder is the owner's only
		return err
	}
	return s.runProgram("initdb", "-D", s.Dir, "-U", "lanyard", "-E", "UTF8", "--locale=C.UTF-8",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile="+secret, "--no-sync")
}

// runProgram runs one of PostgreSQL's programs to its end.
func (s *Server) runProgram(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = s.Socket
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// Start starts a server that was stopped, and waits until it answers.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, err := os.OpenFile(filepath.Join(filepath.Dir(s.Dir), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	args := []string{"-D", s.Dir}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.Port),
		"unix_socket_directories=" + s.Socket,
		"fsync=on", "max_connections=200", "log_min_messages=warning"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.Socket, log, log
	cmd.SysProcAttr = withParent(s.account)
	ended, started := make(chan struct{}), make(chan error)
	go func() {
		// The signal comes when the thread ends that started the process, so that must stay.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process, s.ended, s.log = cmd.Process, ended, log
	for range 600 {
		if err = s.ping(); err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("the PostgreSQL server ended: %s", s.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the PostgreSQL server does not answer: %w", err)
}

func (s *Server) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL(""))
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

// Stop ends the server as its operator would in a hurry (fast shutdown): open transactions are undone.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Crash ends the server at once, as a power cut that spares the disk: it recovers at its next start.
func (s *Server) Crash() error { return s.end(syscall.SIGQUIT) }

func (s *Server) end(signal os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	if err := s.process.Signal(signal); err != nil {
		return err
	}
	select {
	case <-s.ended:
		s.process = nil
		return s.log.Close()
	case <-time.After(30 * time.Second):
		return errors.New("the PostgreSQL server does not end")
	}
}

// Remove ends the server and removes all that it had.
func (s *Server) Remove() {
	if err := s.Crash(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(filepath.Dir(s.Dir))
}

// Log returns the end of the server's log.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(filepath.Dir(s.Dir), "log"))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-4096):]))
}

// Password is that of the user lanyard over TCP.
func (s *Server) Password() string { return s.password }

// URL names a schema of the server's database by way of its socket; "" is the public one.
func (s *Server) URL(schema string) string {
	return "postgres://lanyard@/postgres?" +
		url.Values{"host": {s.Socket}, "port": {strconv.Itoa(s.Port)}, "search_path": {or(schema, "public")}}.Encode()
}

// At is URL by way of TCP, to that address; "" is the server's own.
func (s *Server) At(address, schema string) string {
	return "postgres://lanyard:" + s.password + "@" + or(address, "127.0.0.1:"+strconv.Itoa(s.Port)) +
		"/postgres?sslmode=disable&search_path=" + or(schema, "public")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Schema returns the name of a schema that belongs to a path, empty at first.
func (s *Server) Schema(t testing.TB, path string) string {
	t.Helper()
	h := fnv.New64a()
	h.Write([]byte(path))
	name := fmt.Sprintf("t%016x", h.Sum64())
	s.Exec(t, `CREATE SCHEMA IF NOT EXISTS `+name)
	return name
}

// Exec runs statements as another program would.
func (s *Server) Exec(t testing.TB, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL(""))
	if err == nil {
		_, err = c.PgConn().Exec(ctx, script).ReadAll()
		err = errors.Join(err, c.Close(ctx))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Lock takes the lock of an instance on a connection of its own, as another server would, until release is
// called.
func (s *Server) Lock(t testing.TB, schema, instance string) (release func()) {
	t.Helper()
	return s.hold(t, schema, `SELECT 1 FROM instance_locks WHERE instance_id = $1 FOR UPDATE`, instance)
}

// LockTable keeps everybody from writing to a table until release is called.
func (s *Server) LockTable(t testing.TB, schema, table string) (release func()) {
	t.Helper()
	return s.hold(t, schema, `LOCK TABLE `+table+` IN EXCLUSIVE MODE`)
}

// hold runs a statement in a transaction that ends with release.
func (s *Server) hold(t testing.TB, schema, query string, args ...any) (release func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	c, err := pgx.Connect(ctx, s.URL(schema))
	if err == nil {
		_, err = c.Exec(ctx, `BEGIN`)
	}
	if err == nil {
		_, err = c.Exec(ctx, query, args...)
	}
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	})
	t.Cleanup(release)
	return release
}

// AwaitLockWaits waits until at least n connections wait for a lock.
func (s *Server) AwaitLockWaits(t testing.TB, n int) {
	t.Helper()
	s.AwaitTrue(t, "connections that wait for a lock", fmt.Sprintf(
		`SELECT count(*) >= %d FROM pg_stat_activity WHERE wait_event_type = 'Lock'`, n))
}
