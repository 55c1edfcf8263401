// Package postgres opens a store in a PostgreSQL database, which several servers may use at a time.
// What the store does is the job of store/sqlstore.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

// Config says where and how to open. The zero values of all but URL are the defaults.
type Config struct {
	// URL is that of the database: postgres://user:password@host:port/name?sslmode=verify-full. Whatever libpq
	// supports is supported: several hosts, sslmode, passfile, and settings of the session.
	// pool_max_conns is Connections.
	URL         string
	Connections int // at most, apart from the two for notifications; default 24, at least 2
	// Target opens a database for an import (store.Importer), by this process alone. Otherwise a database whose
	// import is not finished is refused.
	Target bool
	// Wait bounds how long a call waits for a connection, and an Update for those before it; default 10 s.
	Wait   time.Duration
	Logger *slog.Logger

	function functionUse // for tests
}

const (
	defaultConnections = 24
	defaultWait        = 10 * time.Second
)

// IsURL reports whether a name of a store is that of a PostgreSQL database.
func IsURL(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// dialect makes the updates of an instance serial with a row lock: a transaction that changes an instance holds its
// row of instance_locks until its commit. Every statement sees what was committed before it began (READ COMMITTED),
// and what is read after the lock cannot change, so no more isolation is needed. With SERIALIZABLE, transactions that
// collide would do their work in vain and be retried, the more often the more there are. The key of events, instance
// and revision, is the last line of defence: two events can never have the same.
var dialect = sqlstore.Dialect{
	Begin: `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`,
	Known: `known_instances`,
	Snapshot: []string{
		`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`,
		`SET LOCAL idle_in_transaction_session_timeout = 0`, // whoever takes the rows may be slow
	},
	Clear:      `TRUNCATE `,
	Positioned: `OVERRIDING SYSTEM VALUE `,
	AfterImport: []string{
		`SELECT setval(pg_get_serial_sequence('directory', 'position'), (SELECT COALESCE(MAX(position), 0) + 1 FROM directory), false)`,
		`SELECT setval(pg_get_serial_sequence('access_keys', 'position'), (SELECT COALESCE(MAX(position), 0) + 1 FROM access_keys), false)`,
		`SELECT setval(pg_get_serial_sequence('tokens', 'position'), (SELECT COALESCE(MAX(position), 0) + 1 FROM tokens), false)`,
	},
	Derived: []string{`instance_locks`, `known_instances`},
	Shared:  true,
	Lock:    `SELECT 1 FROM instance_locks WHERE instance_id = $1 FOR UPDATE`,
	Enter: []string{
		`INSERT INTO instance_locks (instance_id) VALUES ($1) ON CONFLICT (instance_id) DO NOTHING`,
		`INSERT INTO known_instances (instance_id) VALUES ($1) ON CONFLICT (instance_id) DO NOTHING`,
	},
	IsUnique:        func(err error) bool { return code(err) == "23505" },
	IsUnavailable:   isUnavailable,
	IsConflict:      func(err error) bool { c := code(err); return c == "40001" || c == "40P01" },
	IsGuardViolated: func(err error) bool { c := code(err); return c == "23505" || c == "23502" },
	IsUnsupported:   func(err error) bool { return code(err) == "0A000" },
	IsInvalid:       func(err error) bool { return errors.Is(err, errText) },
}

// code is the SQLSTATE of an error that the server reported.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func isUnavailable(err error) bool {
	var lost *lostError
	var refused *pgconn.ConnectError
	if errors.As(err, &lost) || errors.As(err, &refused) {
		return true
	}
	c := code(err)
	if len(c) != 5 {
		return false
	}
	switch c[:2] {
	case "08", "53", "57", "58": // connection, resources (disk full, too many connections), intervention, system (I/O)
		return true
	}
	switch c {
	case "40001", "40P01", "55P03", "25006",
		"25P03": // conflict, deadlock, lock not had in time, read-only, idle for too long
		return true
	}
	return false
}

// A Store is a store in a PostgreSQL database.
type Store struct {
	*sqlstore.DB
	config *pgx.ConnConfig
	log    *slog.Logger
}

// Open connects to the database and brings its tables to the version of this program, once for all
// who open it.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := open(ctx, c)
	var e *lanyard.Error
	if err != nil && !errors.As(err, &e) {
		err = &lanyard.Error{Kind: lanyard.Unavailable, Message: "cannot open the PostgreSQL database", Err: err}
	}
	return s, err
}

func open(ctx context.Context, c Config) (*Store, error) {
	config, err := parseURL(&c)
	if err != nil {
		return nil, err
	}
	if c.Connections == 0 {
		c.Connections = defaultConnections
	}
	if c.Connections < 2 {
		return nil, fmt.Errorf("pool_max_conns must be 2 or more, got %d", c.Connections)
	}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	opened, err := prepare(ctx, config, c)
	if err != nil {
		return nil, err
	}
	function := 0
	switch {
	case opened.function && c.function == functionAlways:
		function = 1
	case opened.function:
		function = 2
	}
	s := &Store{config: config, log: c.Logger}
	readers := max(1, c.Connections/3)
	notifications := newNotifier(config, c.Logger)
	s.DB = sqlstore.New(sqlstore.Config{
		Write: s.connect, Writers: c.Connections - readers, Readers: readers,
		Dialect: dialect, Wait: c.Wait, Logger: c.Logger, Committed: notifications.add,
		Explicit: !opened.implicit, Function: function,
		Release: func() error { return errors.Join(notifications.close(), opened.release()) },
	})
	return s, nil
}

// parseURL reads the URL. No message contains a password.
func parseURL(c *Config) (*pgx.ConnConfig, error) {
	u, err := url.Parse(c.URL)
	if err != nil || !IsURL(c.URL) {
		return nil, lanyard.Errorf(lanyard.Invalid,
			"the URL of the database must be postgres://user:password@host:port/name, with special characters of the password "+
				"as %%XX")
	}
	query := u.Query()
	if n := query.Get("pool_max_conns"); n != "" && c.Connections == 0 {
		if c.Connections, err = strconv.Atoi(n); err != nil || c.Connections < 2 {
			return nil, lanyard.Errorf(lanyard.Invalid, "pool_max_conns in the URL of the database must be 2 or more, got %s", n)
		}
	}
	query.Del("pool_max_conns") // the server does not know it
	u.RawQuery = query.Encode()
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "the URL of the database is invalid: %s",
			withoutSecrets(err.Error(), password(u), query.Get("password"), query.Get("sslpassword")))
	}
	if !query.Has("sslmode") && !query.Has("ssl") && os.Getenv("PGSSLMODE") == "" {
		config.Fallbacks = slices.DeleteFunc(config.Fallbacks,
			func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil && !isLocal(f.Host) })
	}
	setSession(config)
	setTimeouts(config, query)
	// After a failover the URL's first host may be a replica. Every new connection is asked.
	switch attrs := query.Get("target_session_attrs"); attrs {
	case "", "any", "read-write", "primary":
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	default:
		return nil, lanyard.Errorf(lanyard.Invalid,
			"target_session_attrs in the URL of the database must be read-write, got %s", attrs)
	}
	config.OnPgError = func(_ *pgconn.PgConn, e *pgconn.PgError) bool {
		return e.SeverityUnlocalized == "ERROR" && e.Code != "25006" // a primary that became a replica is of no use
	}
	return config, nil
}

func withoutSecrets(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(strings.ReplaceAll(text, url.QueryEscape(secret), "xxxxx"), secret, "xxxxx")
		}
	}
	return text
}

// setSession sets what the URL leaves open of the session's settings.
func setSession(config *pgx.ConnConfig) {
	for name, value := range map[string]string{
		"application_name":                    "lanyard",
		"default_transaction_isolation":       "read committed",
		"statement_timeout":                   milliseconds(statementTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTransactionTimeout),
		// The server must notice as well when we are gone, because we may hold locks.
		"tcp_keepalives_idle":     "10",
		"tcp_keepalives_interval": "5",
		"tcp_keepalives_count":    "3",
		"tcp_user_timeout":        "10000", // also when it has something to send, which nothing else bounds
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
}

// setTimeouts bounds how long it takes to connect, and to notice that the server is gone.
func setTimeouts(config *pgx.ConnConfig, query url.Values) {
	if config.ConnectTimeout == 0 || !query.Has("connect_timeout") {
		config.ConnectTimeout = connectTimeout
		for _, f := range config.Fallbacks {
			if f.Host != config.Host || f.Port != config.Port {
				// A host that is gone does not even refuse. There must be time left for the others.
				config.ConnectTimeout = connectTimeoutOfSeveral
			}
		}
	}
	// pgx itself asks every five minutes.
	config.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second,
		Interval: 2 * time.Second, Count: 3}}).DialContext
}

// isLocal reports whether a host is this machine. Elsewhere nobody is sent a password and data in clear text
// unless sslmode says so: that a server offers no TLS may be the word of somebody in between.
func isLocal(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func password(u *url.URL) string {
	p, _ := u.User.Password()
	return p
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// connect opens a connection. Whatever the server's default, a commit is confirmed only when it is on disk.
func (s *Store) connect(ctx context.Context) (sqlstore.Conn, error) { return connect(ctx, s.config) }

func connect(ctx context.Context, config *pgx.ConnConfig) (*conn, error) {
	config = config.Copy()
	c := &conn{patience: answer}
	if ms, err := strconv.Atoi(config.RuntimeParams["statement_timeout"]); err == nil && ms > 0 {
		c.patience = min(c.patience, time.Duration(ms)*time.Millisecond+grace)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			c.warning = n.Message
		}
	}
	var err error
	if c.c, err = pgx.ConnectConfig(ctx, config); err != nil {
		if strings.Contains(err.Error(), "server refused TLS connection") { // which pgx has no name for
			return nil, fmt.Errorf("%w; without TLS, the URL must have sslmode=disable for a database on another machine", err)
		}
		return nil, err
	}
	c.used = time.Now()
	if err := c.Script(ctx,
		`SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// migrationLock is the key of the advisory lock that lets one server migrate at a time.
const migrationLock = 0x6c616e79617264 // "lanyard"

// migrationWait is how long a server waits for another that migrates.
const migrationWait = time.Minute

// importLock is the key of the advisory lock of an import.
const importLock = migrationLock + 1

// prepared is a database whose tables are there.
type prepared struct {
	release  func() error // releases the locks that are held until Close
	implicit bool         // what is sent up to one Sync, without BEGIN, is one transaction
	function bool         // it has theFunction
}

// prepare migrates the tables, and takes the lock of an import if the database is the target of one.
func prepare(ctx context.Context, config *pgx.ConnConfig, cfg Config) (p prepared, err error) {
	p.release = func() error { return nil }
	config = config.Copy()
	// Another server may be migrating, and a migration may have much to do. A lock on a table, on the other hand,
	// blocks every running server: better to give up on it early than to let them queue behind.
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	config.RuntimeParams["lock_timeout"] = milliseconds(migrationWait)
	c, err := connect(ctx, config)
	if err != nil {
		return p, err
	}
	keep := false
	defer func() {
		if !keep {
			err = errors.Join(err, c.Close()) // which gives the locks back
		}
	}()
	if err := lockMigration(ctx, c, cfg.Logger); err != nil {
		return p, err
	}
	if err := c.Script(ctx, `SET lock_timeout = 5000`); err != nil {
		return p, err
	}
	scripts, _ := fs.Sub(migrations, "migrations") // fails on an invalid name only
	if err := sqlstore.Migrate(ctx, c, dialect, scripts); err != nil {
		return p, err
	}
	p.implicit = implicit(ctx, c)
	p.function = p.implicit && cfg.function != functionNever && makeFunction(ctx, c, cfg)
	if cfg.Target {
		if err := lockImport(ctx, c); err != nil {
			return p, err
		}
		keep, p.release = true, c.Close
	} else if err := sqlstore.CheckComplete(ctx, c); err != nil {
		return p, err
	}
	var fsync string
	if err := c.Query(ctx, `SELECT current_setting('fsync')`, nil,
		func(r sqlstore.Row) error { return r.Scan(&fsync) }); err == nil && fsync != "on" {
		cfg.Logger.Warn("the database server runs with fsync off and can lose acknowledged changes", "fsync", fsync)
	}
	return p, nil
}

// implicit reports whether the database is PostgreSQL on one node, where what is sent up to one Sync without
// BEGIN is one transaction. On Citus it is not: every statement that goes to another node commits by itself.
// When in doubt a change takes a second round trip.
func implicit(ctx context.Context, c *conn) bool {
	var version string
	spread := 0
	err := c.Query(ctx, `SELECT version(), (SELECT count(*) FROM pg_extension WHERE extname = 'citus')`, nil,
		func(r sqlstore.Row) error { return r.Scan(&version, &spread) })
	return err == nil && spread == 0 && strings.HasPrefix(version, "PostgreSQL ") && !strings.Contains(version, "-YB-")
}

// lockMigration waits for the lock under which one server migrates at a time, and says so in the log: behind
// a pooler in transaction mode the lock can stay with a connection that nobody uses any more.
func lockMigration(ctx context.Context, c *conn, log *slog.Logger) error {
	free := false
	err := c.Query(ctx, fmt.Sprintf(`SELECT pg_try_advisory_lock(%d)`, migrationLock), nil,
		func(r sqlstore.Row) error { return r.Scan(&free) })
	if err != nil || free {
		return err
	}
	log.Info("waiting for another server that migrates the tables", "lock", migrationLock, "at_most",
		migrationWait.String())
	// A pooler may have kept the setting of the connection to itself.
	err = c.Script(ctx, fmt.Sprintf(`SET lock_timeout = %s; SELECT pg_advisory_lock(%d)`, milliseconds(migrationWait),
		migrationLock))
	if err != nil {
		return fmt.Errorf("wait for another server that migrates the tables (advisory lock %d; a pooler must be in "+
			"session mode): %w", migrationLock, err)
	}
	return nil
}

// lockImport keeps others from importing into the database as long as c is open, and lets them migrate.
func lockImport(ctx context.Context, c *conn) error {
	var alone bool
	if err := c.Query(ctx, fmt.Sprintf(`SELECT pg_try_advisory_lock(%d)`, importLock), nil,
		func(r sqlstore.Row) error { return r.Scan(&alone) }); err != nil {
		return err
	}
	if !alone {
		return lanyard.Errorf(lanyard.Unavailable, "a restore or a migration into the database is already in progress")
	}
	return c.Script(ctx, fmt.Sprintf(`SELECT pg_advisory_unlock(%d)`, migrationLock))
}
