package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// What reads events gets a page of a bounded size, however large they are, and comes to all of them.
func testLargeEvents(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	const n, size, bound = 12, 1 << 20, 6 << 20
	for i := range n {
		err := s.Update(ctx, instance, func(tx store.Tx) error {
			e := event(instance)
			e.Request = json.RawMessage(fmt.Sprintf(`{"Text":%q}`, strings.Repeat("x", size)))
			if i == n/2 { // one that is larger than a page
				e.Request = json.RawMessage(fmt.Sprintf(`{"Text":%q}`, strings.Repeat("y", 9<<20)))
			}
			if err := tx.Put(ctx, profile(fmt.Sprint("p", i), fmt.Sprint("P", i))); err != nil {
				return err
			}
			return tx.Append(ctx, e)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := s.Reader(instance)
	check := func(what string, page []lanyard.Event) {
		t.Helper()
		total := 0
		for i, e := range page {
			if total > bound && i > 0 {
				t.Errorf("%s: a page of %d events goes on after %d bytes", what, len(page), total)
			}
			total += len(e.Request)
		}
	}
	want := int64(0)
	for after := int64(0); ; {
		page := must(r.Events(ctx, after, 1000))(t)
		if len(page) == 0 {
			break
		}
		check("Events", page)
		for _, e := range page {
			if want++; e.Revision != want || e.Revision > 1 && len(e.Previous) == 0 {
				t.Fatalf("revision %d after %x comes, want %d", e.Revision, e.Previous, want)
			}
			after = e.Revision
		}
	}
	if want != n {
		t.Errorf("Events has %d events, want %d", want, n)
	}
	for _, about := range []lanyard.Ref{{}, {Type: lanyard.TypeProfile, ID: "p3"}} {
		var got []int64
		for before, more := int64(0), true; more; {
			page, next, err := r.History(ctx, about, before, 10_000, 1000)
			if err != nil {
				t.Fatal(err)
			}
			check("History", page)
			for _, e := range page {
				got = append(got, e.Revision)
			}
			before, more = next, next != 0
		}
		want := []int64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}
		if about.ID != "" {
			want = []int64{4}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the history of %v has the revisions %v, want %v", about, got, want)
		}
	}
	if err := s.Update(ctx, instance, func(tx store.Tx) error {
		e := event(instance)
		e.Request = json.RawMessage(`"` + string(bytes.Repeat([]byte("z"), 65<<20)) + `"`)
		return tx.Append(ctx, e)
	}); !errors.Is(err, lanyard.ErrTooLarge) {
		t.Errorf("an event that is too large to be read again: %v", err)
	}
}
