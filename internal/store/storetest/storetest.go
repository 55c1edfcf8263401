// Package storetest holds a store to the promises of package store. It knows no database.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// Open opens the store that belongs to a folder. The folder is a test's own: at first the store is
// empty, and after Close the same folder gives the same store. Open closes what is still open at
// the end of the test. A store that keeps nothing in folders takes the path as a name.
type Open func(t *testing.T, dir string) store.Store

// Run tests every promise.
func Run(t *testing.T, open Open) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"ErrorLeavesNothing", testErrorLeavesNothing},
		{"PanicLeavesNothing", testPanicLeavesNothing},
		{"Isolated", testIsolated},
		{"Durable", testDurable},
		{"Fresh", testFresh},
		{"Monotonic", testMonotonic},
		{"Ordered", testOrdered},
		{"EventIsRequired", testEventIsRequired},
		{"Put", testPut},
		{"LargeEvents", testLargeEvents},
		{"PutDuplicate", testPutDuplicate},
		{"NamesMove", testNamesMove},
		{"Groups", testGroups},
		{"OwnChanges", testOwnChanges},
		{"Stress", testStress},
		{"Batches", testBatches},
		{"Plan", testPlan},
		{"NotFound", testNotFound},
		{"List", testList},
		{"ListWhileChanging", testListWhileChanging},
		{"Referrers", testReferrers},
		{"ListReferrers", testListReferrers},
		{"Count", testCount},
		{"LastTags", testLastTags},
		{"DeleteInstance", testDeleteInstance},
		{"InstancesAreApart", testInstancesAreApart},
		{"Directory", testDirectory},
		{"DirectoryDuplicate", testDirectoryDuplicate},
		{"KnownInstances", testKnownInstances},
		{"Records", testRecords},
		{"Prune", testPrune},
		{"PruneWhileChanging", testPruneWhileChanging},
		{"Keys", testKeys},
		{"Tokens", testTokens},
		{"Secret", testSecret},
		{"Passwords", testPasswords},
		{"History", testHistory},
		{"Sessions", testSessions},
		{"Contexts", testContexts},
		{"Closed", testClosed},
		{"Model", testModel},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open) })
	}
}

const instance = "instance-1"

var when = time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)

func fresh(t *testing.T, open Open) store.Store {
	t.Helper()
	return open(t, t.TempDir())
}

func event(in string) *lanyard.Event {
	return &lanyard.Event{ID: "event", Instance: in, Time: when, Operation: "Test", Account: "123456789012",
		Region: "us-east-1"}
}

func profile(id, name string) *lanyard.Profile {
	return &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: name, Modified: when}, Permissions: []string{"Users.View"}}
}

func user(id string, profiles ...string) *lanyard.User {
	return &lanyard.User{Meta: lanyard.Meta{ID: id, Name: id, Modified: when}, Profiles: profiles,
		RoutingProfile: "routing"}
}

func contactCentre(id, alias, account, token string) *lanyard.Instance {
	return &lanyard.Instance{Meta: lanyard.Meta{ID: id, Name: alias, Modified: when}, Account: account,
		Region:  "us-east-1",
		Created: when, Attributes: map[string]string{}, ClientToken: token}
}

// update changes an instance and appends an event.
func update(s store.Store, in string, change func(context.Context, store.Tx) error) error {
	ctx := context.Background()
	return s.Update(ctx, in, func(tx store.Tx) error {
		if err := change(ctx, tx); err != nil {
			return err
		}
		return tx.Append(ctx, event(in))
	})
}

func put(t testing.TB, s store.Store, in string, all ...lanyard.Resource) {
	t.Helper()
	err := update(s, in, func(ctx context.Context, tx store.Tx) error {
		for _, r := range all {
			if err := tx.Put(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("put: %v", err)
	}
}

func remove(t testing.TB, s store.Store, in string, typ lanyard.Type, id string) {
	t.Helper()
	if err := update(s, in, func(ctx context.Context, tx store.Tx) error { return tx.Delete(ctx, typ, id) }); err != nil {
		t.Fatalf("delete: %v", err)
	}
}

// wantKind checks that err is an *lanyard.Error of that kind.
func wantKind(t testing.TB, doing string, err error, kind lanyard.Kind) {
	t.Helper()
	var e *lanyard.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("%s: error %v, want one of kind %v", doing, err, kind)
	}
}

// tester is a test, or a round of a property test.
type tester interface {
	Helper()
	Fatal(...any)
}

// must returns v when err is nil.
func must[T any](v T, err error) func(tester) T {
	return func(t tester) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ids(all []lanyard.Resource) []string {
	var list []string
	for _, r := range all {
		list = append(list, r.Head().ID)
	}
	return list
}

func numbered(prefix string, i int) string { return fmt.Sprintf("%s-%03d", prefix, i) }
