package access_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A row is in one of the sets that Rows returns if and only if Decide allows the action on it: for users, for AI agents
// and for AI agents that assist a user.
func TestRowsAreThoseThatDecideAllows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, subjects := rowWorld(rt)
		tags := rapid.SampledFrom([]map[string]string{nil, {"Team": "1"}, {"Team": "2"}}).Draw(rt, "tags of the table")
		for _, subject := range subjects {
			q := access.Query{Subject: subject, Action: "DataTables.View", Resource: access.Resource{Tags: tags}}
			sets := s.Rows(&q)
			for _, row := range everyRow {
				q.Resource = access.Resource{Type: access.TypeDataTableRow, ID: "row", Tags: tags, Attributes: row}
				want := s.Decide(&q).Allow
				got := slices.ContainsFunc(sets, func(set access.RowSet) bool { return set.Has(row) })
				if got != want {
					rt.Fatalf("%+v on a row with %v: among the rows: %v, allowed: %v; the sets are %v", subject, row, got, want, sets)
				}
			}
		}
	})
}

// everyRow has each combination of some values, and rows without them.
var everyRow = func() (rows []map[string]string) {
	for _, region := range []string{"", "EU", "UK", "US"} {
		for _, tier := range []string{"", "Gold", "gold"} {
			row := map[string]string{}
			if region != "" {
				row["Region"] = region
			}
			if tier != "" {
				row["Tier"] = tier
			}
			rows = append(rows, row)
		}
	}
	return rows
}()

// rowWorld is an instance with random rules for rows, and whom to ask about.
func rowWorld(rt *rapid.T) (*access.Snapshot, []access.Subject) {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	var profiles []string
	for i := range 6 {
		p := &lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprint("p", i), Name: fmt.Sprint("p", i), Seq: int64(i + 1)}}
		if rapid.IntRange(0, 3).Draw(rt, "grants") > 0 {
			p.Permissions = []string{"DataTables.View"}
		}
		if rapid.IntRange(0, 3).Draw(rt, "tagged") == 0 {
			p.AccessTags, p.TagRestricted = map[string]string{"Team": "1"}, []string{"DataTable"}
		}
		for range rapid.IntRange(0, 3).Draw(rt, "rules") {
			p.DataTables = append(p.DataTables, lanyard.AttributeRule{
				Access:    rapid.SampledFrom([]string{"ALLOW", "ALLOW", "ALLOW", "DENY"}).Draw(rt, "access"),
				Attribute: rapid.SampledFrom([]string{"Region", "Tier", "region"}).Draw(rt, "attribute"),
				Values:    rapid.SliceOfN(rapid.SampledFrom([]string{"EU", "UK", "Gold", ""}), 0, 2).Draw(rt, "values")})
		}
		profiles = append(profiles, p.ID)
		e.Put(p)
	}
	some := func(what string) []string { return rapid.SliceOfN(rapid.SampledFrom(profiles), 0, 3).Draw(rt, what) }
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "ann", Name: "ann", Seq: 10}, Profiles: some("of ann")})
	e.Put(&lanyard.AIAgent{Meta: lanyard.Meta{ID: "agent", Name: "agent", Seq: 11}, Profiles: some("of the agent")})
	return e.Snapshot(1), []access.Subject{{ID: "ann"}, {ID: "nobody"}, {Type: access.AIAgent, ID: "agent"},
		{Type: access.AIAgent, ID: "agent", Human: "ann"}, {Type: access.AIAgent, ID: "agent", Human: "nobody"},
		{Type: access.AIAgent, ID: "none"}}
}
