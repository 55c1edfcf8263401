package control_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const (
	region   = "us-east-1"
	account  = "123456789012"
	stranger = "210987654321"
)

// world is a Service on a store in memory with one instance, a clock that stands and ids that count.
type world struct {
	*testing.T
	*control.Service
	store store.Store
	in    *lanyard.Instance

	mu  sync.Mutex
	now time.Time
	ids int
}

func newWorld(t *testing.T, change ...func(*control.Config)) *world {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{T: t, now: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)}
	c := control.Config{Store: db, Region: region, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: w.clock,
		NewID: func() string {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ids++
			return fmt.Sprintf("%08d-0000-4000-8000-000000000000", w.ids)
		}}
	for _, f := range change {
		f(&c)
	}
	w.Service, w.store = control.New(c), db
	w.in = w.instance(account, "centre")
	return w
}

// put stores documents past the rules, so that they have the ids that a test gives them.
func (w *world) put(in string, all ...lanyard.Documented) {
	w.Helper()
	w.must(w.store.Update(w.Context(), in, func(tx store.Tx) error {
		for _, r := range all {
			r.Doc().Name = r.Doc().ID
			if err := tx.Put(w.Context(), r); err != nil {
				return err
			}
		}
		revision, err := tx.Revision(w.Context())
		if err != nil {
			return err
		}
		return tx.Append(w.Context(), &lanyard.Event{ID: fmt.Sprint("put", revision), Instance: in, Operation: "Put",
			Time: w.clock()})
	}))
}

// flows stores flows with those ids.
func (w *world) flows(in string, ids ...string) {
	w.Helper()
	for _, id := range ids {
		w.put(in, &lanyard.Flow{Document: lanyard.Document{Meta: lanyard.Meta{ID: id}}})
	}
}

func lenient(c *control.Config) { c.Lenient = true }
func manyOfAll(c *control.Config) {
	c.Quotas = control.Quotas{InstancesPerAccount: -1, Profiles: -1, RestrictedProfilesPerUser: -1}
}
func takesUsers(c *control.Config) { c.AssociateUsers = true }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func call(operation string) control.Call { return by(account, operation) }

func by(account, operation string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}, Operation: operation}
}

func (w *world) instance(account, alias string) *lanyard.Instance {
	w.Helper()
	in, err := made(w.CreateInstance(w.Context(), by(account, "CreateInstance"),
		control.NewInstance{Alias: alias, IdentityManagement: control.SAML}))
	w.must(err)
	return in
}

// did demands that a change succeeded.
func (w *world) did(_ control.Result, err error) {
	w.Helper()
	w.must(err)
}

// made is what a Create operation made.
func made[R lanyard.Resource](c control.Created[R], err error) (R, error) { return c.Resource, err }

// failure is the error of an operation that was to fail.
func failure[T any](_ T, err error) error { return err }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// fails demands an error of a kind whose message has all of the words.
func (w *world) fails(err error, kind lanyard.Kind, words ...string) {
	w.Helper()
	if e := (*lanyard.Error)(nil); !errors.As(err, &e) || e.Kind != kind {
		w.Errorf("got %v (%v), want %v", err, lanyard.KindOf(err), kind)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.Errorf("got %q, want it to say %q", err, word)
		}
	}
}

func (w *world) profile(name string, c control.ProfileChange) *lanyard.Profile {
	w.Helper()
	p, err := made(w.CreateSecurityProfile(w.Context(), call("CreateSecurityProfile"), w.in.ID,
		control.NewProfile{Name: name, ProfileChange: c}))
	w.must(err)
	return p
}

func (w *world) update(p *lanyard.Profile, c control.ProfileChange) error {
	return failure(w.UpdateSecurityProfile(w.Context(), call("UpdateSecurityProfile"), w.in.ID, p.ID, c))
}

// current is a profile as it is now.
func (w *world) current(p *lanyard.Profile) *lanyard.Profile {
	w.Helper()
	_, p, err := w.DescribeSecurityProfile(w.Context(), call(""), w.in.ID, p.ID)
	w.must(err)
	return p
}

func (w *world) revision() int64 {
	w.Helper()
	var last int64
	for {
		events, err := w.Events(w.Context(), w.in.ID, last, 1000)
		w.must(err)
		if len(events) == 0 {
			return last
		}
		last = events[len(events)-1].Revision
	}
}

func (w *world) levels(names ...string) error {
	var all [lanyard.MaxLevels]*string
	for i := range names {
		if names[i] != "" {
			all[i] = &names[i]
		}
	}
	return failure(w.UpdateUserHierarchyStructure(w.Context(), call("UpdateUserHierarchyStructure"), w.in.ID, all))
}

func (w *world) structure() *lanyard.Structure {
	w.Helper()
	_, s, err := w.DescribeUserHierarchyStructure(w.Context(), call(""), w.in.ID)
	w.must(err)
	return s
}

func (w *world) group(name, parent string) *lanyard.Group {
	w.Helper()
	g, err := made(w.CreateUserHierarchyGroup(w.Context(), call("CreateUserHierarchyGroup"), w.in.ID,
		control.NewGroup{Name: name, Parent: parent}))
	w.must(err)
	return g
}

func (w *world) module(name string) *lanyard.Module {
	w.Helper()
	m, err := made(w.CreateContactFlowModule(w.Context(), call("CreateContactFlowModule"), w.in.ID,
		&lanyard.Module{Meta: lanyard.Meta{Name: name}}, ""))
	w.must(err)
	return m
}

// tool makes a flow module that profiles may allow.
func (w *world) tool(name string) *lanyard.Module {
	w.Helper()
	m := &lanyard.Module{Meta: lanyard.Meta{Name: name}, Description: "A tool", Content: "{}", ExternalInvocation: true}
	m, err := made(w.CreateContactFlowModule(w.Context(), call("CreateContactFlowModule"), w.in.ID, m, ""))
	w.must(err)
	_, err = w.CreateContactFlowModuleVersion(w.Context(), call("CreateContactFlowModuleVersion"), w.in.ID, m.ID,
		control.NewModuleVersion{})
	w.must(err)
	return m
}

// only returns the first resource of a type, as a new instance has it.
func only[R lanyard.Resource](w *world) R {
	w.Helper()
	page, err := control.List[R](w.Context(), w.Service, call(""), w.in.ID, control.Page{Limit: 1})
	w.must(err)
	return page.Items[0]
}

func (w *world) newUser(name string, tags map[string]string, profiles ...string) (*lanyard.User, error) {
	w.Helper()
	if len(profiles) == 0 {
		profiles = []string{only[*lanyard.Profile](w).ID}
	}
	return made(w.CreateUser(w.Context(), call("CreateUser"), w.in.ID, control.NewUser{User: lanyard.User{
		Meta: lanyard.Meta{Name: name, Tags: tags}, Profiles: profiles,
		RoutingProfile: only[*lanyard.RoutingProfile](w).ID}}))
}

func (w *world) user(name string, profiles ...string) *lanyard.User {
	w.Helper()
	u, err := w.newUser(name, nil, profiles...)
	w.must(err)
	return u
}

func (w *world) tags(r lanyard.Resource) map[string]string {
	w.Helper()
	t, err := w.ListTagsForResource(w.Context(), call(""), w.arn(r))
	w.must(err)
	return t
}

func (w *world) arn(r lanyard.Resource) string { return w.ARN(w.in, r.Type(), r.Head().ID) }

func (w *world) tag(r lanyard.Resource, tags map[string]string) error {
	return failure(w.TagResource(w.Context(), call("TagResource"), w.arn(r), maps.Clone(tags)))
}

func ptr[T any](v T) *T { return &v }
