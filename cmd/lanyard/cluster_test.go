package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// programs are the binaries that tests run, by the fault that is built in. Each is built once.
var programs struct {
	sync.Mutex
	dir     string
	byFault map[string]string
}

// built builds lanyard with a fault of seeds, "" as it is shipped.
func built(t *testing.T, fault string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if path := programs.byFault[fault]; path != "" {
		return path
	}
	if programs.dir == "" {
		dir, err := os.MkdirTemp("", "lanyard-programs-")
		if err != nil {
			t.Fatal(err)
		}
		programs.dir, programs.byFault = dir, map[string]string{}
	}
	path := programs.dir + "/lanyard" + fault
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", path}
	if fault != "" {
		args = append(args, "-overlay", overlay(t, programs.dir, fault))
	}
	build := exec.Command("go", append(args, ".")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	programs.byFault[fault] = path
	return path
}

// removePrograms is for TestMain.
func removePrograms() {
	if programs.dir != "" {
		os.RemoveAll(programs.dir)
	}
}

// cluster is three servers, each a process, on one PostgreSQL database, which may have a synchronous
// replica.
type cluster struct {
	t       *testing.T
	program string
	args    []string
	dirs    [3]string
	up      [3]atomic.Pointer[server] // nil while it is down

	primary, replica *pgtest.Server
	schema           string
	kills, failovers int
}

// newCluster starts three servers on the database.
func newCluster(t *testing.T, program string, primary, replica *pgtest.Server, args ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, program: program, primary: primary, replica: replica, schema: "public"}
	url := ""
	if replica == nil {
		c.schema = primary.Schema(t, t.TempDir())
		url = primary.At("", c.schema)
	} else {
		url = primary.At(fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", primary.Port, replica.Port), c.schema) +
			"&target_session_attrs=read-write"
	}
	c.args = append([]string{"--store", url, "--quota-instances=-1", "--quota-profiles=-1"}, args...)
	for i := range c.dirs { // at the same time: on a new database they must agree, on the root key too
		c.dirs[i] = t.TempDir()
		c.up[i].Store(start(t, program, c.dirs[i], c.args...))
	}
	for i := range c.dirs {
		if s := c.up[i].Load().ready(); s.id != c.up[0].Load().id || s.secret != c.up[0].Load().secret {
			t.Errorf("servers 0 and %d have root keys of their own", i)
		}
	}
	return c
}

// kill ends a server with SIGKILL, and starts it again.
func (c *cluster) kill(i int) {
	s := c.up[i].Swap(nil)
	s.end(syscall.SIGKILL)
	s.client.CloseIdleConnections()
	c.kills++
	c.up[i].Store(start(c.t, c.program, c.dirs[i], c.args...).ready())
}

// any is one of the servers, or nil when that is down.
func (c *cluster) any() *server { return c.up[rand.IntN(len(c.up))].Load() }

// failover kills the primary and promotes the replica.
func (c *cluster) failover() {
	c.t.Helper()
	if err := c.primary.Kill(); err != nil {
		c.t.Fatal(err)
	}
	// A pause, because nobody promotes at once: the servers must bear having no primary.
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	c.replica.Promote(c.t)
	c.primary, c.replica = c.replica, nil
	c.failovers++
}

// rejoin makes a new replica where the old primary was.
func (c *cluster) rejoin(port int) {
	c.t.Helper()
	c.replica = c.primary.Replica(c.t, port)
	c.primary.Synchronous(c.t)
}

// stop ends the servers as their operator would.
func (c *cluster) stop() {
	c.t.Helper()
	for i := range c.up {
		s := c.up[i].Load()
		if status := s.end(syscall.SIGTERM); status != 0 {
			c.t.Errorf("server %d: exit status %d\n%s", i, status, s.errs.String())
		}
	}
}

// recorded is an event as far as the tests look at it.
type recorded struct {
	Operation string
	Changes   []struct {
		ID    string
		After struct{ Description string }
	}
}

// events reads the events of an instance from the database itself, and has their revisions be without
// gaps and their chain of hashes whole.
func (c *cluster) events(instance string) (events []recorded, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := pgx.Connect(ctx, c.primary.URL(c.schema))
	if err != nil {
		return nil, err
	}
	defer db.Close(ctx)
	rows, err := db.Query(ctx, `SELECT revision, body, hash FROM events WHERE instance_id = $1 ORDER BY revision`,
		instance)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	before := make([]byte, sha256.Size)
	for rows.Next() {
		var revision int64
		var packed, hash []byte
		if err := rows.Scan(&revision, &packed, &hash); err != nil {
			return nil, err
		}
		if want := int64(len(events) + 1); revision != want {
			return nil, fmt.Errorf("revision %d stands where %d belongs", revision, want)
		}
		body, err := sqlstore.Unpack(packed)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append(bytes.Clone(before), body...))
		if !bytes.Equal(sum[:], hash) {
			return nil, fmt.Errorf("the chain of hashes is broken at revision %d", revision)
		}
		var e recorded
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, err
		}
		events, before = append(events, e), hash
	}
	return events, rows.Err()
}

// outcome is what a caller knows of a call.
type outcome int

const (
	done    outcome = iota
	refused         // with an exception that is the answer: not found, a name that is taken
	failed          // it was not possible, and nothing happened
	unknown         // nobody can say whether it happened
)

// outcomeOf is what the answer to a call promises.
func outcomeOf(status int, answer string, err error) outcome {
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial":
		return failed
	case err != nil:
		return unknown
	case status == http.StatusOK:
		return done
	case status < 500:
		return refused
	case strings.Contains(answer, "whether it happened is unknown"):
		return unknown
	default:
		return failed
	}
}
