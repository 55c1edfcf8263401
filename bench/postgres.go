package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gen"
	"github.com/lanyard/lanyard/internal/store/postgres"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// The measurements of a round on PostgreSQL, in their order.
const (
	pgBare = iota
	pgUpdate
	pgBareMany
	pgUpdateMany
	pgUpdateShared
	pgUpdateThree
	pgMeasurements
)

const pgClients = 16

var pgNames = [pgMeasurements]struct {
	name    string
	clients int
}{
	pgBare:         {"bare PostgreSQL, 2 KB a transaction", 1},
	pgUpdate:       {"UpdateSecurityProfile, one server", 1},
	pgBareMany:     {"bare PostgreSQL, 2 KB a transaction", pgClients},
	pgUpdateMany:   {"UpdateSecurityProfile, one server, an instance a client", pgClients},
	pgUpdateShared: {"UpdateSecurityProfile, one server, one instance for all", pgClients},
	pgUpdateThree:  {"UpdateSecurityProfile, three servers, an instance a client", pgClients},
}

// postgresFound is what was found about servers on PostgreSQL.
type postgresFound struct {
	options options
	missing bool   // PostgreSQL is not installed
	version string // of PostgreSQL
	rounds  [][pgMeasurements]result
	follow  [][]time.Duration // of each round: from an acknowledgement on one server to the decision of another
}

// followed is how many changes are followed from server to server in a round.
func (o options) followed() int {
	if o.short {
		return 50
	}
	return 100
}

// pgInstance is an instance that is measured, with a user whose one profile may restrict nothing.
type pgInstance struct {
	id, user string
	profiles []string
	held     string // the user's profile
}

func measurePostgres(ctx context.Context, o options, bin, dir string) (*postgresFound, error) {
	found := &postgresFound{options: o}
	programs := pgtest.Find()
	if programs == "" {
		progress("PostgreSQL is not installed (apt-get install postgresql-15): it is not measured")
		found.missing = true
		return found, nil
	}
	pg, err := startPostgres(programs, dir)
	if err != nil {
		return nil, err
	}
	defer pg.Remove()
	c, err := pgx.Connect(ctx, pg.URL(""))
	if err != nil {
		return nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if err := c.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&found.version); err != nil {
		return nil, err
	}
	if _, err := c.Exec(ctx,
		`CREATE SCHEMA bench; CREATE TABLE bench.bare (id TEXT PRIMARY KEY, doc BYTEA NOT NULL)`); err != nil {
		return nil, err
	}
	url := pg.At("", "bench")
	var servers []*server
	for i := range 3 {
		s, err := startLanyard(ctx, bin, filepath.Join(dir, fmt.Sprint("server", i)), "--store="+url)
		if err != nil {
			return nil, err
		}
		defer s.stop()
		servers = append(servers, s)
	}
	var ins []pgInstance
	progress("making %d instances", pgClients)
	for i := range pgClients {
		in, err := fillPostgres(ctx, servers[0].addr, url, i)
		if err != nil {
			return nil, err
		}
		ins = append(ins, *in)
	}
	token, err := makeToken(ctx, bin, filepath.Join(dir, "server0"))
	if err != nil {
		return nil, err
	}
	b := &pgBench{found, pg, servers, ins, token}
	return found, b.run(ctx)
}

// startPostgres starts a server on the disk to measure, or, where PostgreSQL's user may not go there,
// in the folder for temporary files.
func startPostgres(programs, dir string) (*pgtest.Server, error) {
	temporary := os.TempDir()
	os.Chmod(dir, 0o755) // if it stays closed to PostgreSQL's user, the next tells
	os.Setenv("TMPDIR", dir)
	pg, err := pgtest.New(programs)
	os.Setenv("TMPDIR", temporary)
	if err != nil {
		progress("PostgreSQL cannot run in %s, so it runs in %s", dir, temporary)
		return pgtest.New(programs)
	}
	return pg, nil
}

// fillPostgres makes an instance of 20 profiles and 40 users.
func fillPostgres(ctx context.Context, addr, url string, i int) (*pgInstance, error) {
	var made struct{ Id string }
	err := call(ctx, addr, "PUT", "/instance",
		object{"IdentityManagementType": "SAML", "InstanceAlias": fmt.Sprint("bench", i),
			"InboundCallsEnabled": true, "OutboundCallsEnabled": true}, &made)
	if err != nil {
		return nil, err
	}
	w := gen.New(uint64(i)+1, gen.Size{Profiles: 20, Users: 40})
	db, err := postgres.Open(ctx, postgres.Config{URL: url, Connections: 2})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := gen.Fill(ctx, db, made.Id, w, lanyard.Event{Operation: "Generate", Account: account, Region: region},
		func(int) {}); err != nil {
		return nil, err
	}
	in := &pgInstance{id: made.Id}
	for _, p := range w.Profiles {
		in.profiles = append(in.profiles, p.ID)
	}
	for i := range w.Users {
		if u := w.User(i); len(u.Profiles) == 1 {
			in.user, in.held = u.ID, u.Profiles[0]
		}
	}
	if in.user == "" {
		return nil, fmt.Errorf("nobody of instance %s holds one profile alone", made.Id)
	}
	return in, nil
}

// A pgBench takes the measurements on PostgreSQL.
type pgBench struct {
	found   *postgresFound
	pg      *pgtest.Server
	servers []*server
	ins     []pgInstance
	token   string
}

// run takes the measurements in turns.
func (b *pgBench) run(ctx context.Context) error {
	progress("warming up: the first writes make the log of the database longer, later ones write over it")
	for i := range pgMeasurements {
		if _, err := b.measure(ctx, i); err != nil {
			return fmt.Errorf("%s: %w", pgNames[i].name, err)
		}
	}
	for round := range b.found.options.rounds {
		if err := b.round(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// round takes each measurement once.
func (b *pgBench) round(ctx context.Context, round int) error {
	o := b.found.options
	var found [pgMeasurements]result
	for i := range found {
		r, err := b.measure(ctx, i)
		if err != nil {
			return fmt.Errorf("%s: %w", pgNames[i].name, err)
		}
		found[i] = r
		progress("round %d of %d: %-58s %2d clients %9s/s   p50 %-8v p99 %v", round+1, o.rounds, pgNames[i].name,
			pgNames[i].clients, thousands(r.rate), short(r.p50), short(r.p99))
	}
	b.found.rounds = append(b.found.rounds, found)
	took, err := followOne(ctx, b.servers[0].addr, b.servers[1].addr, b.token, &b.ins[1], o.followed())
	if err != nil {
		return fmt.Errorf("follow a change from server to server: %w", err)
	}
	slices.Sort(took)
	progress("round %d of %d: a change decides on another server after p50 %v, p99 %v", round+1, o.rounds,
		short(took[len(took)/2]), short(took[len(took)*99/100]))
	b.found.follow = append(b.found.follow, took)
	return nil
}

// measure takes one measurement.
func (b *pgBench) measure(ctx context.Context, i int) (result, error) {
	own := func(c int) (pgInstance, string) { return b.ins[c], b.ins[c].profiles[0] }
	shared := func(c int) (pgInstance, string) { return b.ins[0], b.ins[0].profiles[c] }
	switch n := pgNames[i].clients; i {
	case pgBare, pgBareMany:
		return bareUpserts(ctx, b.pg, n, b.found.options.step)
	case pgUpdateShared:
		return b.change(ctx, b.servers[:1], n, shared)
	case pgUpdateThree:
		return b.change(ctx, b.servers, n, own)
	default:
		return b.change(ctx, b.servers[:1], n, own)
	}
}

// change has n clients update, each the profile of an instance that of returns, and checks that each update was
// recorded.
func (b *pgBench) change(ctx context.Context, servers []*server, n int,
	of func(client int) (pgInstance, string)) (result, error) {
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.addr)
	}
	var all [][][]byte
	revisions := map[string]int64{}
	for c := range n {
		in, profile := of(c)
		revisions[in.id] = 0
		path := "/security-profiles/" + in.id + "/" + profile
		two, err := twoContents(addrs[c%len(addrs)], path, fmt.Sprintf("Client %d of %d", c, n))
		if err != nil {
			return result{}, err
		}
		all = append(all, two)
		// The first of these must change something.
		different := object{"Description": fmt.Sprint("before ", time.Now().UnixNano())}
		if err := call(ctx, addrs[0], "POST", path, different, nil); err != nil {
			return result{}, err
		}
	}
	before, err := pgRevisions(ctx, b.pg, revisions)
	if err != nil {
		return result{}, err
	}
	found, err := load(ctx, b.found.options.step, all, addrs...)
	if err != nil {
		return result{}, err
	}
	after, err := pgRevisions(ctx, b.pg, revisions)
	if err == nil && after-before != int64(found.n) {
		err = fmt.Errorf("%d updates were answered but %d are recorded", found.n, after-before)
	}
	return found, err
}

// twoContents are two updates of a profile, each of which changes the description and 60 permissions of the other.
func twoContents(addr, path, description string) (two [][]byte, err error) {
	for i := range 2 {
		var permissions []string
		for _, p := range lanyard.Permissions()[10*i : 10*i+60] {
			permissions = append(permissions, p.Name)
		}
		r, err := signed(addr, "POST", path, object{"Description": fmt.Sprintf("%s, content %d", description, i),
			"Permissions": permissions})
		if err != nil {
			return nil, err
		}
		two = append(two, r)
	}
	return two, nil
}

func makeToken(ctx context.Context, bin, data string) (string, error) {
	out, err := exec.CommandContext(ctx, bin, "token", "create", "--data", data, "--account", account, "--output",
		"json").Output()
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	var made struct{ Token string }
	err = json.Unmarshal(out, &made)
	return made.Token, err
}

// pgRevisions is the sum of the revisions of instances: how many changes are recorded.
func pgRevisions(ctx context.Context, pg *pgtest.Server, instances map[string]int64) (sum int64, err error) {
	c, err := pgx.Connect(ctx, pg.URL("bench"))
	if err != nil {
		return 0, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	for id := range instances {
		var n int64
		if err := c.QueryRow(ctx, `SELECT COALESCE(MAX(revision), 0) FROM events WHERE instance_id = $1`,
			id).Scan(&n); err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// bareUpserts replaces a row of 2 KB in each transaction, from n connections, each a row of its own
// and never the same value twice. The first fifth of the time is not counted.
func bareUpserts(ctx context.Context, pg *pgtest.Server, n int, d time.Duration) (result, error) {
	conns := make([]*pgx.Conn, n)
	for i := range conns {
		c, err := pgx.Connect(ctx, pg.URL("bench"))
		if err != nil {
			return result{}, err
		}
		defer c.Close(context.WithoutCancel(ctx))
		conns[i] = c
	}
	took := make([][]time.Duration, n)
	failed := make([]error, n)
	began := time.Now()
	from, until := began.Add(d/5), began.Add(d)
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			r := rand.NewChaCha8([32]byte{byte(i), byte(began.UnixNano())})
			doc := make([]byte, 2048)
			r.Read(doc)
			for now := began; now.Before(until); {
				r.Read(doc[:32])
				if _, err := c.Exec(ctx,
					`INSERT INTO bare (id, doc) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`,
					fmt.Sprint("profile-", i), doc); err != nil {
					failed[i] = err
					return
				}
				end := time.Now()
				if now.After(from) {
					took[i] = append(took[i], end.Sub(now))
				}
				now = end
			}
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return result{}, err
		}
	}
	all := slices.Concat(took...)
	return newResult(all, len(all), time.Since(from)), nil
}

// A follower changes on one server whether a user is allowed something, and asks another.
type follower struct {
	changed       string // the address of the server that is changed
	in            *pgInstance
	changes, asks *conn
	question      []byte
}

// followOne changes on server a whether a user is allowed something, n times, and asks server b until
// it decides so. What it returns is from the answer to the change to the decision's.
func followOne(ctx context.Context, a, b, token string, in *pgInstance, n int) ([]time.Duration, error) {
	f := follower{changed: a, in: in}
	var err error
	if f.changes, err = dial(ctx, a); err != nil {
		return nil, err
	}
	defer f.changes.c.Close()
	if f.asks, err = dial(ctx, b); err != nil {
		return nil, err
	}
	defer f.asks.c.Close()
	f.question, err = bearing(b, "/instances/"+in.id+"/access/v1/evaluation", token,
		object{"subject": object{"type": "user", "id": in.user},
			"action": object{"name": "Users.View"}, "resource": object{"type": "User", "id": in.user}})
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for i := range n {
		var want []string // the permissions
		if i%2 == 0 {
			want = []string{"Users.View"}
		}
		// at any moment between two polls
		if err := sleep(ctx, time.Duration(rand.IntN(10_000))*time.Microsecond); err != nil {
			return nil, err
		}
		if err := f.change(want); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := f.await(began, len(want) > 0); err != nil {
			return nil, fmt.Errorf("change %d: %w", i+1, err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// change sets the permissions of the profile that the user holds.
func (f *follower) change(permissions []string) error {
	if permissions == nil {
		permissions = []string{} // none, where null leaves them as they are
	}
	change, err := signed(f.changed, "POST", "/security-profiles/"+f.in.id+"/"+f.in.held,
		object{"Permissions": permissions, "TagRestrictedResources": []string{},
			"AllowedAccessControlTags": object{}, "HierarchyRestrictedResources": []string{}})
	if err != nil {
		return err
	}
	_, err = exchangeOnce(f.changes, change)
	return err
}

// await asks until the decision is as wanted, for 10 s since a time.
func (f *follower) await(began time.Time, want bool) error {
	for {
		answer, err := exchangeOnce(f.asks, f.question)
		if err != nil {
			return err
		}
		if want == bytes.HasPrefix(answer, []byte(`{"decision":true`)) {
			return nil
		}
		if time.Since(began) > 10*time.Second {
			return errors.New("the other server does not decide by it within 10 s")
		}
		time.Sleep(200 * time.Microsecond) // the servers need the cores too
	}
}

// exchangeOnce sends a request and returns the answer's body. Any status but 200 is an error.
func exchangeOnce(c *conn, request []byte) ([]byte, error) {
	var answer bytes.Buffer
	status, err := c.do(request, &answer)
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d: %s", status, answer.Bytes())
	}
	return answer.Bytes(), err
}
