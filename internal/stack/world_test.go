package stack

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/template"
)

const account = "123456789012"

// testing.TB and rapid.T both have what a world needs.
type tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// world is a new instance with its API.
type world struct {
	tb
	invocation.API
	db       store.Store
	svc      *control.Service
	instance string
	calls    int
}

func openMemory(ctx context.Context) (store.Store, error) { return sqlite.OpenMemory(ctx) }

func newWorld(t tb, identity string) *world {
	t.Helper()
	db, err := sqlite.OpenMemory(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	unbounded := control.Quotas{InstancesPerAccount: -1, Profiles: -1, Users: -1, Groups: -1, Queues: -1,
		RoutingProfiles: -1, Hours: -1, Modules: -1, QuickConnects: -1, DataTables: -1, AttributesPerTable: -1,
		PrimaryPerTable: -1, ValuesPerTable: -1, QueuesPerRoutingProfile: -1, AIAgents: -1, Documents: -1}
	svc := control.New(control.Config{Store: db, Region: "eu-central-1", Logger: log, Quotas: unbounded})
	api := awsapi.New(awsapi.Config{Control: svc, TokenSecret: make([]byte, 32), Logger: log})
	w := &world{tb: t, db: db, svc: svc}
	w.API = sandbox.Account{API: api, Caller: lanyard.Caller{Account: account}}
	out, err := invocation.Do[struct{ Id string }](context.Background(), w.API, "CreateInstance",
		map[string]any{"InstanceAlias": "centre", "IdentityManagementType": identity, "InboundCallsEnabled": true,
			"OutboundCallsEnabled": true})
	if err != nil {
		t.Fatal(err)
	}
	w.instance = out.Id
	w.putFlow()
	return w
}

// whisper is the id of a flow that every world has, for queues to name.
const whisper = "5d3e1c0a-1111-4222-8333-444455556666"

func (w *world) putFlow() {
	w.Helper()
	err := w.db.Update(context.Background(), w.instance, func(tx store.Tx) error {
		flow := &lanyard.Flow{Document: lanyard.Document{Meta: lanyard.Meta{ID: whisper, Name: "Whisper"}}}
		if err := tx.Put(context.Background(), flow); err != nil {
			return err
		}
		return tx.Append(context.Background(), &lanyard.Event{ID: "flow", Instance: w.instance, Operation: "Put",
			Account: account, Region: "eu-central-1", Time: time.Now().UTC()})
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) close() { w.db.Close() }

// Invoke counts the calls.
func (w *world) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	w.calls++
	return w.API.Invoke(ctx, operation, input)
}

func (w *world) target() *Target {
	ctx := context.Background()
	r := w.db.Reader(w.instance)
	t := &Target{}
	for _, typ := range lanyard.Types() {
		all, err := r.List(ctx, typ, 0, 10_000)
		if err != nil {
			w.Fatal(err)
		}
		for _, res := range all {
			if in, ok := res.(*lanyard.Instance); ok {
				t.Instance = in
				continue
			}
			t.Resources = append(t.Resources, res)
		}
	}
	t.ARN = lanyard.ARN{Partition: "aws", Region: "eu-central-1", Account: account, Instance: w.instance,
		Type: lanyard.TypeInstance}.String()
	return t
}

// do makes a call for a test.
func (w *world) do(operation string, in map[string]any) map[string]any {
	w.Helper()
	if _, ok := in["resourceArn"]; !ok {
		in["InstanceId"] = w.instance
	}
	out, err := invocation.Do[map[string]any](context.Background(), w.API, operation, in)
	if err != nil {
		w.Fatalf("%s: %v", operation, err)
	}
	return out
}

// plan plans a template for stack "test".
func (w *world) plan(t *Template, prune bool) *Plan {
	w.Helper()
	p, err := w.tryPlan(t, prune)
	if err != nil {
		w.Fatalf("plan: %v", err)
	}
	return p
}

func (w *world) tryPlan(t *Template, prune bool) (*Plan, error) {
	return New(context.Background(), w.target(), t, Options{Stack: "test", Prune: prune, NewStore: openMemory})
}

// apply plans and applies a template.
func (w *world) apply(t *Template, prune bool) *Plan {
	w.Helper()
	p := w.plan(t, prune)
	if err := p.Apply(context.Background(), w, nil); err != nil {
		w.Fatalf("apply: %v", err)
	}
	return p
}

// read reads a template as the program does.
func (w *world) read(name, text string) *Template {
	w.Helper()
	t, err := w.tryRead(name, text)
	if err != nil {
		w.Fatalf("read: %v\n%s", err, text)
	}
	return t
}

func (w *world) tryRead(name, text string) (*Template, error) {
	file, err := template.Parse(name, []byte(text))
	if err != nil {
		return nil, err
	}
	at := w.target()
	parameters := map[string]string{"InstanceArn": at.ARN}
	for _, p := range []string{"InitialPassword", "Secret"} {
		if file.Root.Get("Parameters").Get(p) != nil {
			parameters[p] = "Passw0rd"
		}
	}
	s, err := template.Resolve([]*template.File{file}, template.Inputs{Parameters: parameters, Account: account,
		Region: "eu-central-1"})
	if err != nil {
		return nil, err
	}
	return FromTemplate(s, []*template.File{file}, parameters, at.ARN)
}

// export returns the template of what is there.
func (w *world) export() *Export {
	w.Helper()
	e, err := NewExport(w.target())
	if err != nil {
		w.Fatal(err)
	}
	return e
}

func (w *world) yaml() string {
	w.Helper()
	b, err := w.export().YAML()
	if err != nil {
		w.Fatal(err)
	}
	return string(b)
}

var _ testing.TB = (*testing.T)(nil)
