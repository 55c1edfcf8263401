package demo

import (
	"log/slog"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// TestUnfinishedDemo expects that an unfinished demo is made from scratch, and a finished one is left alone.
func TestUnfinishedDemo(t *testing.T) {
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	svc := control.New(control.Config{Store: db, Region: "us-east-1", Logger: slog.New(slog.DiscardHandler)})
	root := lanyard.AccessKey{ID: "AKIATEST", Account: "123456789012"}
	call := control.Call{Caller: lanyard.Caller{Account: root.Account}, Operation: "Test"}
	in, err := Make(t.Context(), svc, root)
	if err != nil {
		t.Fatal(err)
	}
	users := func(in *lanyard.Instance) int {
		t.Helper()
		list, err := control.List[*lanyard.User](t.Context(), svc, call, in.ID, control.Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	if again, err := Make(t.Context(), svc, root); err != nil || again.ID != in.ID || users(again) != 40 {
		t.Fatalf("a second start has demo %v with %d users, %v; want the first, with 40", again, users(again), err)
	}
	// As a start leaves it that was killed before it could say that all is there.
	arn := svc.ARN(in, lanyard.TypeInstance, in.ID)
	if _, err := svc.TagResource(t.Context(), call, arn, map[string]string{purpose: unfinished}); err != nil {
		t.Fatal(err)
	}
	list, err := control.List[*lanyard.User](t.Context(), svc, call, in.ID, control.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range list.Items {
		if _, err := svc.DeleteUser(t.Context(), call, in.ID, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Make(t.Context(), svc, root)
	if err != nil || again.ID == in.ID || users(again) != 40 {
		t.Fatalf("after an unfinished one the demo is %v, %v; want a new one with 40 users", again, err)
	}
}
