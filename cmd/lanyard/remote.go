package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// dataFlag names the data folder that a management command works on.
type dataFlag struct {
	Data  string `help:"Data folder of the server, from which its root key and address are read; default ${default}." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Store string `help:"The server's --store, used if the server does not run." default:"sqlite" placeholder:"sqlite|postgres://…"`
}

// manager is what the management commands work on: a running server, or the data folder if no server uses it.
type manager interface {
	keyManager
	tokenManager
	eventManager
	SetPassword(ctx context.Context, instance, user, password string) error
	Close() error
}

// keyManager manages access keys.
type keyManager interface {
	Keys(ctx context.Context) ([]lanyard.AccessKey, error)
	CreateKey(ctx context.Context, account, comment string) (lanyard.AccessKey, error)
	DisableKey(ctx context.Context, id string) error
}

// tokenManager manages bearer tokens.
type tokenManager interface {
	Tokens(ctx context.Context) ([]lanyard.Token, error)
	CreateToken(ctx context.Context, t lanyard.Token) (lanyard.Token, string, error)
	RevokeToken(ctx context.Context, id string) error
}

// eventManager reads and prunes the audit records of instances.
type eventManager interface {
	Known(ctx context.Context, after string) ([]string, error)
	Events(ctx context.Context, instance string, after int64, limit int) ([]lanyard.Event, error)
	Prune(ctx context.Context, p admin.Prune) (admin.Pruned, error)
}

// openManager connects to the server that uses the folder, or opens the folder if there is none.
func (d dataFlag) openManager(ctx context.Context) (manager, error) {
	if err := notURL("--data", d.Data); err != nil {
		return nil, err
	}
	r, err := d.connectServer(ctx)
	if err == nil {
		return r, nil
	}
	if !notRunning(err) {
		return nil, err
	}
	db, err := d.openOwnStore(ctx)
	if err != nil {
		return nil, err
	}
	id, _, err := readCredentials(d.Data)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &local{control.New(control.Config{Store: db, Logger: slog.New(slog.DiscardHandler)}), db, id}, nil
}

// openOwnStore opens the store while no server uses the folder.
func (d dataFlag) openOwnStore(ctx context.Context) (store.Store, error) {
	if err := errors.Join(checkStore(d.Store), notURL("--data", d.Data)); err != nil {
		return nil, err
	}
	_, keyless := os.Stat(filepath.Join(d.Data, credentialsFile))
	if _, err := os.Stat(filepath.Join(d.Data, "lanyard.db")); keyless != nil && err == nil {
		return nil, refuse("%s has no root key yet; lanyard serve creates it", d.Data)
	}
	if keyless != nil {
		return nil, refuse("%s is not a data folder of lanyard; use --data for another", d.Data)
	}
	if _, err := os.Stat(filepath.Join(d.Data, "lanyard.db")); err != nil && !postgres.IsURL(d.Store) {
		return nil, refuse("%s has no database: its server keeps the data elsewhere and does not run; start it, or set "+
			"--store to the same value", d.Data)
	}
	log := slog.New(slog.DiscardHandler)
	if postgres.IsURL(d.Store) {
		return openPostgres(ctx, d.Store, log) // alongside the servers that use it
	}
	return openStore(ctx, d.Store, d.Data, log)
}

// notRunning reports whether an error of connectServer means that no server uses the folder.
func notRunning(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// connectServer connects to the server that uses the folder.
func (d dataFlag) connectServer(ctx context.Context) (*remote, error) {
	here, err := readEndpoint(d.Data)
	if err != nil {
		return nil, err
	}
	id, secret, err := readCredentials(d.Data)
	if err != nil {
		return nil, err
	}
	r := &remote{endpoint: here, credentials: aws.Credentials{AccessKeyID: id, SecretAccessKey: secret},
		client: here.client()}
	res, err := r.client.Get(here.URL + "/healthz")
	if err != nil {
		return nil, fmt.Errorf("ask the server at %s: %w", here.URL, err)
	}
	return r, res.Body.Close()
}

func fingerprint(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return hex.EncodeToString(sum[:])
}

// remote is a running server.
type remote struct {
	endpoint    endpoint
	credentials aws.Credentials
	token       string // sent instead of a signature, unless it is ""
	client      *http.Client
}

func (r *remote) Close() error { return nil }

// maxAnswer bounds what is read of a server's answer, in bytes.
const maxAnswer = 64 << 20

// call sends a request of the management API and decodes the answer into out.
func (r *remote) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = laxjson.Marshal(in); err != nil {
			return err
		}
	}
	status, answer, err := r.send(ctx, method, admin.Prefix+path, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var failure struct{ Message string }
		if readAnswer(answer, &failure) == nil && failure.Message != "" {
			return errors.New(failure.Message)
		}
		return fmt.Errorf("the server answered %d %s", status, http.StatusText(status))
	}
	return readAnswer(answer, out)
}

// readAnswer reads what a server answered. The names of members may differ in case: ours do from those of the wire.
func readAnswer(answer []byte, out any) error {
	return json.Unmarshal(answer, out, laxjson.Options, json.MatchCaseInsensitiveNames(true))
}

// send signs a request and returns the status and the body of the answer.
func (r *remote) send(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.endpoint.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	} else {
		sum := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(ctx, r.credentials, req, hex.EncodeToString(sum[:]), "connect", r.endpoint.Region,
			time.Now()); err != nil {
			return 0, nil, err
		}
	}
	res, err := r.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, answer, err
}

func (r *remote) Keys(ctx context.Context) (keys []lanyard.AccessKey, err error) {
	return keys, r.call(ctx, "GET", "keys", nil, &keys)
}

func (r *remote) CreateKey(ctx context.Context, account, comment string) (key lanyard.AccessKey, err error) {
	return key, r.call(ctx, "POST", "keys", map[string]string{"Account": account, "Comment": comment}, &key)
}

func (r *remote) DisableKey(ctx context.Context, id string) error {
	return r.call(ctx, "POST", "keys/"+url.PathEscape(id)+"/disable", nil, &struct{}{})
}

func (r *remote) Tokens(ctx context.Context) (tokens []lanyard.Token, err error) {
	return tokens, r.call(ctx, "GET", "tokens", nil, &tokens)
}

func (r *remote) CreateToken(ctx context.Context, t lanyard.Token) (lanyard.Token, string, error) {
	var made admin.MadeToken
	err := r.call(ctx, "POST", "tokens",
		admin.NewToken{Account: t.Account, Instance: t.Instance, Scope: t.Scope, Agent: t.Agent, User: t.User,
			Expires: t.Expires, Comment: t.Comment}, &made)
	return made.Token, made.Text, err
}

func (r *remote) RevokeToken(ctx context.Context, id string) error {
	return r.call(ctx, "POST", "tokens/"+url.PathEscape(id)+"/revoke", nil, &struct{}{})
}

func (r *remote) SetPassword(ctx context.Context, instance, user, password string) error {
	return r.call(ctx, "POST", "users/password", admin.NewPassword{Instance: instance, User: user, Password: password},
		&struct{}{})
}

func (r *remote) Known(ctx context.Context, after string) (ids []string, err error) {
	return ids, r.call(ctx, "GET", "events/instances?after="+url.QueryEscape(after), nil, &ids)
}

func (r *remote) Events(ctx context.Context, instance string, after int64,
	limit int) (events []lanyard.Event, err error) {
	q := url.Values{"instance": {instance}, "after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	return events, r.call(ctx, "GET", "events?"+q.Encode(), nil, &events)
}

func (r *remote) Faults(ctx context.Context) ([]fault.Fault, error) {
	var answer []admin.Fault
	if err := r.call(ctx, "GET", "faults", nil, &answer); err != nil {
		return nil, err
	}
	faults := []fault.Fault{}
	for _, f := range answer {
		faults = append(faults, f.Fault())
	}
	return faults, nil
}

func (r *remote) SetFault(ctx context.Context, f fault.Fault) error {
	var answer admin.Fault
	return r.call(ctx, "POST", "faults", admin.NewFault(f), &answer)
}

func (r *remote) ClearFaults(ctx context.Context, operation string) (n int, err error) {
	var out struct{ Cleared int }
	err = r.call(ctx, "DELETE", "faults?operation="+url.QueryEscape(operation), nil, &out)
	return out.Cleared, err
}

// local is a data folder that no server uses.
type local struct {
	*control.Service
	db io.Closer
	by string // the root key's id
}

func (l *local) Close() error { return l.db.Close() }

func (l *local) CreateKey(ctx context.Context, account, comment string) (lanyard.AccessKey, error) {
	return l.Service.CreateKey(ctx, lanyard.AccessKey{Account: account, Comment: comment})
}

func (l *local) SetPassword(ctx context.Context, instance, user, password string) error {
	keys, err := l.Service.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Root && !k.Disabled {
			caller := lanyard.Caller{Account: k.Account, AccessKeyID: k.ID, Root: true, UserAgent: "lanyard user password"}
			return l.Service.SetPassword(ctx, control.PasswordCall(caller, instance, user),
				control.NewPassword{Instance: instance, User: user, Password: password})
		}
	}
	return errors.New("the store has no root access key")
}

func (l *local) Known(ctx context.Context, after string) ([]string, error) {
	return l.KnownInstances(ctx, after, 1000)
}

func (r *remote) Prune(ctx context.Context, p admin.Prune) (out admin.Pruned, err error) {
	return out, r.call(ctx, "POST", "events/prune", p, &out)
}

func (l *local) Prune(ctx context.Context, p admin.Prune) (out admin.Pruned, err error) {
	keep, err := p.Retention()
	if err != nil {
		return out, err
	}
	out.Cut, out.More, err = l.Service.Prune(ctx, p.Instance, keep, l.by)
	return out, err
}

// openToRead opens the store for reading all of it, also while a server uses it.
func (d dataFlag) openToRead(ctx context.Context) (store.Portable, error) {
	if err := errors.Join(checkStore(d.Store), notURL("--data", d.Data)); err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if postgres.IsURL(d.Store) {
		return openPostgres(ctx, d.Store, log)
	}
	if _, err := os.Stat(filepath.Join(d.Data, "lanyard.db")); err != nil {
		return nil, refuse("%s has no database; set --data to another folder, or --store to the PostgreSQL database that "+
			"its server uses", d.Data)
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: d.Data, Logger: log})
	if errors.Is(err, sqlite.ErrInUse) {
		db, err = sqlite.OpenReadOnly(ctx, d.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("open the data folder %s: %w", d.Data, err)
	}
	return db, nil
}
