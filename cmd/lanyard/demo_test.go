package main

import (
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// TestUnfinishedDemo expects that an unfinished demo is made from scratch, and a finished one is left alone.
func TestUnfinishedDemo(t *testing.T) {
	c := newCentre(t)
	root := lanyard.AccessKey{ID: "AKIATEST", Account: ownAccount}
	in, err := makeDemo(t.Context(), c.svc, root)
	if err != nil {
		t.Fatal(err)
	}
	users := func(in *lanyard.Instance) int {
		t.Helper()
		list, err := control.List[*lanyard.User](t.Context(), c.svc, c.call(), in.ID, control.Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	if again, err := makeDemo(t.Context(), c.svc, root); err != nil || again.ID != in.ID || users(again) != 40 {
		t.Fatalf("a second start has demo %v with %d users, %v; want the first, with 40", again, users(again), err)
	}
	// As a start leaves it that was killed before it could say that all is there.
	arn := c.svc.ARN(in, lanyard.TypeInstance, in.ID)
	if _, err := c.svc.TagResource(t.Context(), c.call(), arn, map[string]string{purpose: unfinished}); err != nil {
		t.Fatal(err)
	}
	list, err := control.List[*lanyard.User](t.Context(), c.svc, c.call(), in.ID, control.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range list.Items {
		if _, err := c.svc.DeleteUser(t.Context(), c.call(), in.ID, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	again, err := makeDemo(t.Context(), c.svc, root)
	if err != nil || again.ID == in.ID || users(again) != 40 {
		t.Fatalf("after an unfinished one the demo is %v, %v; want a new one with 40 users", again, err)
	}
}
