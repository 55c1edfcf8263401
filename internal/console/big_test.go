package console_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gen"
)

// TestBig requests each page of an instance that was imported, with thousands of resources in one event. No
// answer grows with it, and all pages together have everything.
func TestBig(t *testing.T) {
	const profiles, users = 300, 4000
	s := newSite(t)
	created, err := s.svc.CreateInstance(t.Context(), s.operation("CreateInstance"),
		control.NewInstance{Alias: "big", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	w := gen.New(1, gen.Size{Profiles: profiles, Users: users})
	if err := gen.Fill(t.Context(), s.db, in.ID, w, lanyard.Event{Operation: "Import"}, nil); err != nil {
		t.Fatal(err)
	}
	b := s.operator()
	about := func(more string) string { return fmt.Sprintf(`{"InstanceId": %q%s}`, in.ID, more) }
	room := func(path, body string, most int) map[string]any {
		t.Helper()
		answer := b.ok(path, body)
		if text, err := json.Marshal(answer); err != nil || len(text) > most {
			t.Errorf("%s %s answers %d bytes, more than %d; %v", path, body, len(text), most, err)
		}
		return answer
	}
	count := func(v any) int { return int(v.(float64)) }

	t.Run("overview", func(t *testing.T) {
		o := room("overview", about(``), 80<<10)
		unheld, findings := o["Unheld"].([]any), o["Findings"].([]any)
		if len(findings) != 8 || count(o["FindingsTotal"]) <= 8 || len(unheld) > 30 || count(o["UnheldTotal"]) < len(unheld) {
			t.Errorf("it shows %d of %v findings and %d of %v profiles that nobody holds", len(findings), o["FindingsTotal"],
				len(unheld), o["UnheldTotal"])
		}
		for _, x := range o["Sensitive"].([]any) {
			x := x.(map[string]any)
			if shown, all := len(x["Profiles"].([]any)), count(x["ProfilesTotal"]); shown != min(all, 6) ||
				count(x["Holders"]) > users {
				t.Errorf("%v shows %d of %d profiles, and %v of %d users hold it", x["Permission"], shown, all, x["Holders"], users)
			}
		}
		seen := map[string]bool{}
		for after, total := 0, 1; after < total; {
			page := room("findings", about(fmt.Sprintf(`, "Limit": 100, "After": %d`, after)), 120<<10)
			list := page["Findings"].([]any)
			if total = count(page["Total"]); len(list) == 0 || total != count(o["FindingsTotal"]) {
				t.Fatalf("at %d of %v there are %d findings", after, page["Total"], len(list))
			}
			for _, f := range list {
				seen[fmt.Sprint(f)] = true
			}
			after += len(list)
		}
		if len(seen) != count(o["FindingsTotal"]) {
			t.Errorf("the pages have %d findings of %v", len(seen), o["FindingsTotal"])
		}
	})
	t.Run("history", func(t *testing.T) {
		last, events, records, changes := 0, 0, 0, 0
		for _, path := range []string{"history", "history/export"} {
			for before, pages := 0, 0; pages == 0 || before > 0; pages++ {
				page := room(path, about(fmt.Sprintf(`, "Limit": 100, "Before": %d`, before)), 6<<20)
				before = count(page["Next"])
				if path == "history/export" {
					records += len(page["Records"].([]any))
					continue
				}
				for _, e := range page["Events"].([]any) {
					e := e.(map[string]any)
					if n := count(e["Revision"]); last > 0 && n != last-1 {
						t.Errorf("revision %d follows %d", n, last)
					} else {
						last = n
					}
					shown, all := len(e["Changes"].([]any)), count(e["ChangesTotal"])
					events++
					if changes += all; shown != min(all, 20) {
						t.Errorf("revision %v shows %d of %d changes", e["Revision"], shown, all)
					}
				}
				if pages > 100 {
					t.Fatal("history has no end")
				}
			}
		}
		if last != 1 || changes < users+profiles || records != events {
			t.Errorf("history ends at revision %d with %d events and %d changes, and exports %d", last, events, changes, records)
		}
		// One user of the thousands of an event is shown first.
		one := w.UserID(users - 1)
		h := room("history", about(fmt.Sprintf(`, "Type": "User", "Id": %q`, one)), 1<<20)
		found := h["Events"].([]any)
		if len(found) != 1 || found[0].(map[string]any)["Changes"].([]any)[0].(map[string]any)["Id"] != one {
			t.Errorf("the history of user %s has %d events, or not the user first", one, len(found))
		}
		// All of one type.
		h = b.ok("history", about(`, "Type": "HierarchyGroup", "Limit": 200`))
		for _, e := range h["Events"].([]any) {
			if c := e.(map[string]any)["Changes"].([]any); len(c) == 0 || c[0].(map[string]any)["Type"] != "HierarchyGroup" {
				t.Errorf("the history of groups has %.200v", e)
			}
		}
		if n := len(h["Events"].([]any)); n == 0 {
			t.Error("the history of groups is empty")
		}
	})
	t.Run("people", func(t *testing.T) {
		want := map[string]bool{}
		for i := range users {
			if u := w.User(i); strings.Contains(strings.ToLower(u.Name+" "+u.FirstName+" "+u.LastName), "tanaka") {
				want[u.ID] = true
			}
		}
		got, total := map[string]bool{}, 0.0
		for token := ""; ; {
			page := room("users", about(fmt.Sprintf(`, "Search": "tanaka", "Limit": 100, "NextToken": %q`, token)), 80<<10)
			for _, u := range page["Rows"].([]any) {
				got[u.(map[string]any)["Id"].(string)] = true
			}
			if token == "" {
				total = page["Total"].(float64)
			}
			if token, _ = page["NextToken"].(string); token == "" {
				break
			}
		}
		if len(want) == 0 || len(got) != len(want) || int(total) != len(want) {
			t.Errorf("%d users are found and %v counted, of %d", len(got), total, len(want))
		}
	})
	for path, most := range map[string]int{"profiles": 80 << 10, "users": 80 << 10, "agents": 80 << 10, "heat": 120 << 10,
		"visibility": 300 << 10} {
		room(path, about(``), most)
	}
}
