package control_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
)

const rowAgent = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/1:$LATEST"

func manyRows(c *control.Config) {
	c.Quotas = control.Quotas{InstancesPerAccount: -1, Profiles: -1, RestrictedProfilesPerUser: -1, DataTables: -1,
		ValuesPerTable: -1, Users: -1}
}

// rowTable makes a data table with attributes; those whose names end with a star are primary.
func (w *world) rowTable(name, lockLevel string, tags map[string]string, attributes ...string) *lanyard.DataTable {
	w.Helper()
	t, err := made(w.CreateDataTable(w.Context(), call("CreateDataTable"), w.in.ID, &lanyard.DataTable{
		Meta: lanyard.Meta{Name: name, Tags: tags}, TimeZone: "UTC", LockLevel: lockLevel,
		Status: lanyard.DataTablePublished}))
	w.must(err)
	for _, a := range attributes {
		name, primary := strings.CutSuffix(a, "*")
		_, err := w.attribute(t, lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: name}, ValueType: lanyard.TextValue,
			Primary: primary})
		w.must(err)
	}
	return t
}

// row names a row: names and values of primary attributes in turn.
func row(pairs ...string) (p []control.PrimaryValue) {
	for i := 0; i < len(pairs); i += 2 {
		p = append(p, control.PrimaryValue{Attribute: pairs[i], Value: pairs[i+1]})
	}
	return p
}

func value(primary []control.PrimaryValue, attribute, value string) control.ValueChange {
	return control.ValueChange{ValueID: control.ValueID{Primary: primary, Attribute: attribute}, Value: value}
}

// writes creates values, and demands that each was created.
func (w *world) writes(t *lanyard.DataTable, changes ...control.ValueChange) []control.ValueOutcome {
	w.Helper()
	done, err := w.BatchCreateDataTableValue(w.Context(), call("BatchCreateDataTableValue"),
		control.ValueBatch{Instance: w.in.ID, Table: t.ID, Changes: changes})
	w.must(err)
	for _, o := range done.Outcomes {
		if o.Failure != "" {
			w.Fatalf("%v: %s", o.ValueID, o.Failure)
		}
	}
	return done.Outcomes
}

// on returns a call on somebody's behalf, about a table.
func (w *world) on(who control.Principal, operation, permission string, t *lanyard.DataTable) (control.Call, error) {
	return w.Act(w.Context(), call(operation), w.in.ID, who,
		control.Right{Permission: permission, Type: lanyard.TypeDataTable, Ref: t.ID})
}

func (w *world) agent(profiles ...string) {
	w.Helper()
	w.did(w.AssociateSecurityProfiles(w.Context(), call("AssociateSecurityProfiles"), w.in.ID,
		control.Entity{Type: "AI_AGENT", ARN: rowAgent}, profiles))
}

// rows pages through rows and returns their ids, and demands that every page but the last is full.
func rows(t testing.TB, limit int, page func(control.Page) (*control.TableRows, error)) (ids []string) {
	t.Helper()
	for after := ""; ; {
		p, err := page(control.Page{After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		some := p.Values
		for _, r := range p.Rows {
			ids = append(ids, r.ID)
		}
		for _, v := range some {
			ids = append(ids, v.Row.ID+" "+v.Attribute.Name+"="+v.Cell.Value)
		}
		if n := len(p.Rows) + len(some); n > limit || p.Next != "" && n != limit {
			t.Fatalf("a page of %d where at most %d were asked for, and the next is after %q", n, limit, p.Next)
		}
		if after = p.Next; after == "" {
			return ids
		}
	}
}

// TestPagesOfRowsAreANaiveFilter fills random tables, and expects the pages of callers with random rules to be the rows
// that decisions allow them one by one, in order and each once.
func TestPagesOfRowsAreANaiveFilter(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, manyRows)
			table, all := w.randomTable(g, 1+g.IntN(5))
			callers := w.randomCallers(g)
			for i := range all { // some lose their values, some become others
				switch g.IntN(8) {
				case 0:
					w.removeValues(table, all[i])
					all[i] = nil
				case 1:
					all[i] = w.renamed(g, table, all[i])
				}
			}
			all = slices.DeleteFunc(all, func(r *testRow) bool { return r == nil })
			for _, who := range callers {
				for range 3 {
					w.comparePages(g, table, all, who)
				}
			}
		})
	}
}

// A testRow is a row as it was written.
type testRow struct {
	id      string
	primary map[string]string // by name
	values  []string          // as rows returns them, without the id
}

func (r *testRow) key() (p []control.PrimaryValue) {
	for _, name := range attributeNames {
		if v, ok := r.primary[name]; ok {
			p = append(p, control.PrimaryValue{Attribute: name, Value: v})
		}
	}
	return p
}

var attributeNames = []string{"A", "B", "C", "D", "E"}

var letters = []string{"x", "y", "z", "X", ""}

func (w *world) randomTable(g *rand.Rand, primaries int) (*lanyard.DataTable, []*testRow) {
	w.Helper()
	var attributes []string
	for _, name := range attributeNames[:primaries] {
		attributes = append(attributes, name+"*")
	}
	table := w.rowTable("Table", lanyard.LockNone, map[string]string{"Team": "1"}, append(attributes, "v", "w")...)
	other := w.rowTable("Other", lanyard.LockNone, nil, "A*", "v")
	var all []*testRow
	seen := map[string]bool{}
	for i := range 60 {
		r := &testRow{primary: map[string]string{}}
		for _, name := range attributeNames[:primaries] {
			r.primary[name] = letters[g.IntN(len(letters))]
		}
		if i == 7 {
			r.primary = nil // the default row
		}
		if seen[fmt.Sprint(r.primary)] {
			continue
		}
		seen[fmt.Sprint(r.primary)] = true
		w.writes(other, value(row("A", fmt.Sprint("x", i)), "v", "1"))
		changes := []control.ValueChange{value(r.key(), "v", fmt.Sprint(i))}
		r.values = []string{fmt.Sprint("v=", i)}
		if g.IntN(2) == 0 {
			changes = append(changes, value(r.key(), "w", "w"))
			r.values = append(r.values, "w=w")
		}
		r.id = w.writes(table, changes...)[0].Row.ID
		all = append(all, r)
	}
	return table, all
}

// A testCaller is somebody on whose behalf calls are made, as calls and as decisions have it.
type testCaller struct {
	who     control.Principal
	subject access.Subject
}

func (w *world) randomCallers(g *rand.Rand) []testCaller {
	w.Helper()
	var profiles []string
	for i := range 5 {
		c := control.ProfileChange{Permissions: []string{"DataTables.View"}}
		if g.IntN(4) == 0 {
			c.Permissions = []string{"Users.View"}
		}
		for _, name := range attributeNames[:1+g.IntN(3)] {
			if g.IntN(3) > 0 {
				c.DataTables = append(c.DataTables, lanyard.AttributeRule{Access: "ALLOW", Attribute: name,
					Values: slices.Compact([]string{letters[g.IntN(4)], letters[g.IntN(4)]})})
			}
		}
		if g.IntN(4) == 0 {
			c.AccessTags = map[string]string{"Team": fmt.Sprint(1 + g.IntN(2))}
			c.TagRestricted = []string{"DataTable"}
		}
		profiles = append(profiles, w.profile(fmt.Sprint("p", i), c).ID)
	}
	pick := func() []string {
		g.Shuffle(len(profiles), func(i, j int) { profiles[i], profiles[j] = profiles[j], profiles[i] })
		return slices.Clone(profiles[:1+g.IntN(2)])
	}
	ann := w.user("ann", pick()...)
	w.agent(pick()...)
	return []testCaller{{}, {control.Principal{User: "ann"}, access.Subject{ID: ann.ID}},
		{control.Principal{Agent: rowAgent}, access.Subject{Type: access.AIAgent, ID: rowAgent}},
		{control.Principal{Agent: rowAgent, User: ann.ID},
			access.Subject{Type: access.AIAgent, ID: rowAgent, Human: ann.ID}}}
}

func (w *world) removeValues(t *lanyard.DataTable, r *testRow) {
	w.Helper()
	var changes []control.ValueChange
	for _, v := range r.values {
		name, _, _ := strings.Cut(v, "=")
		changes = append(changes, value(r.key(), name, ""))
	}
	_, err := w.BatchDeleteDataTableValue(w.Context(), call("BatchDeleteDataTableValue"),
		control.ValueBatch{Instance: w.in.ID, Table: t.ID, Changes: changes})
	w.must(err)
}

// renamed gives a row other primary values, unless another row has them.
func (w *world) renamed(g *rand.Rand, t *lanyard.DataTable, r *testRow) *testRow {
	w.Helper()
	if r.primary == nil {
		return r
	}
	next := &testRow{id: r.id, values: r.values, primary: map[string]string{}}
	for name := range r.primary {
		next.primary[name] = letters[g.IntN(len(letters))]
	}
	_, _, err := w.UpdateDataTablePrimaryValues(w.Context(), call("UpdateDataTablePrimaryValues"),
		control.PrimaryChange{Instance: w.in.ID, Table: t.ID, Old: r.key(), New: next.key()})
	if errors.Is(err, lanyard.ErrDuplicate) {
		return r
	}
	w.must(err)
	return next
}

func (w *world) comparePages(g *rand.Rand, table *lanyard.DataTable, all []*testRow, who testCaller) {
	w.Helper()
	q := control.RowQuery{Instance: w.in.ID, Table: table.ID}
	filter := map[string][]string{}
	for name := range all[0].primary {
		if g.IntN(3) == 0 {
			filter[name] = []string{letters[g.IntN(5)], letters[g.IntN(5)]}
			q.Filters = append(q.Filters, control.RowFilter{Attribute: name, Values: filter[name]})
		}
	}
	if g.IntN(3) == 0 {
		q.IDs = []string{"none"}
		for _, r := range all {
			if g.IntN(2) == 0 {
				q.IDs = append(q.IDs, r.id)
			}
		}
	}
	call := call("List")
	if who.who != (control.Principal{}) {
		var err error
		if call, err = w.on(who.who, "ListDataTableValues", "DataTables.View", table); err != nil {
			w.fails(err, lanyard.Denied)
			return
		}
	}
	snapshot, err := w.Snapshot(w.Context(), call, w.in.ID, 0)
	w.must(err)
	var wantRows, wantValues []string
	for _, r := range all {
		allowed := who.who == (control.Principal{}) || snapshot.Decide(&access.Query{Subject: who.subject,
			Action: "DataTables.View", Resource: access.Resource{Type: access.TypeDataTableRow, ID: r.id,
				Tags: table.Tags, Attributes: nonEmpty(r.primary)}}).Allow
		for name, values := range filter {
			allowed = allowed && r.primary[name] != "" && slices.Contains(values, r.primary[name])
		}
		if allowed && (q.IDs == nil || slices.Contains(q.IDs, r.id)) {
			wantRows = append(wantRows, r.id)
			for _, v := range r.values {
				wantValues = append(wantValues, r.id+" "+v)
			}
		}
	}
	for _, limit := range []int{1, 3, 7, 100} {
		got := rows(w, limit, func(p control.Page) (*control.TableRows, error) {
			q.Page = p
			return w.ListDataTablePrimaryValues(w.Context(), call, q)
		})
		if !slices.Equal(got, wantRows) {
			w.Fatalf("%+v with filter %v by pages of %d: rows %q, want %q", who, filter, limit, got, wantRows)
		}
		got = rows(w, limit, func(p control.Page) (*control.TableRows, error) {
			q.Page = p
			return w.ListDataTableValues(w.Context(), call, q)
		})
		if !slices.Equal(got, wantValues) {
			w.Fatalf("%+v with filter %v by pages of %d: values %q, want %q", who, filter, limit, got, wantValues)
		}
	}
}

func nonEmpty(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if v != "" {
			out[k] = v
		}
	}
	return out
}

// Whoever may not see a row gets the same answer, whether or not there is one.
func TestHiddenRowsAreAsIfMissing(t *testing.T) {
	w := newWorld(t, manyRows)
	table := w.rowTable("Table", lanyard.LockValue, nil, "Region*", "Tier*", "v")
	eu, hidden, none := row("Region", "EU", "Tier", "1"), row("Region", "US", "Tier", "1"), row("Region", "US", "Tier", "2")
	w.writes(table, value(eu, "v", "1"), value(hidden, "v", "secret"), value(nil, "v", "default"))
	p := w.profile("EU", control.ProfileChange{
		Permissions: []string{"DataTables.View", "DataTables.ManageValues", "DataTables.Edit", "DataTables.Delete"},
		DataTables:  []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "Region", Values: []string{"EU"}}}})
	w.user("ann", p.ID)
	w.agent(p.ID)
	batch := func(primary []control.PrimaryValue, locks control.ValueLocks) control.ValueBatch {
		c := value(primary, "v", "2")
		c.Locks = locks
		return control.ValueBatch{Instance: w.in.ID, Table: table.ID, Changes: []control.ValueChange{value(eu, "v", "2"), c}}
	}
	for _, who := range []control.Principal{{User: "ann"}, {Agent: rowAgent}, {User: "ann", Agent: rowAgent}} {
		on := func(operation, permission string) control.Call {
			c, err := w.on(who, operation, permission, table)
			w.must(err)
			return c
		}
		for _, op := range []struct {
			name string
			do   func(primary []control.PrimaryValue) error
		}{
			{"create", func(primary []control.PrimaryValue) error {
				return failure(w.BatchCreateDataTableValue(w.Context(), on("BatchCreateDataTableValue", "DataTables.ManageValues"),
					batch(primary, control.ValueLocks{})))
			}},
			{"update", func(primary []control.PrimaryValue) error {
				return failure(w.BatchUpdateDataTableValue(w.Context(), on("BatchUpdateDataTableValue", "DataTables.ManageValues"),
					batch(primary, control.ValueLocks{Value: "x"})))
			}},
			{"delete", func(primary []control.PrimaryValue) error {
				return failure(w.BatchDeleteDataTableValue(w.Context(), on("BatchDeleteDataTableValue", "DataTables.ManageValues"),
					batch(primary, control.ValueLocks{Value: "x"})))
			}},
			{"describe", func(primary []control.PrimaryValue) error {
				_, _, err := w.BatchDescribeDataTableValue(w.Context(), on("BatchDescribeDataTableValue", "DataTables.View"), w.in.ID,
					table.ID, []control.ValueID{{Primary: eu, Attribute: "v"}, {Primary: primary, Attribute: "v"}})
				return err
			}},
			{"evaluate", func(primary []control.PrimaryValue) error {
				return failure(w.EvaluateDataTableValues(w.Context(), on("EvaluateDataTableValues", "DataTables.View"),
					control.EvaluationQuery{Instance: w.in.ID, Table: table.ID, Page: control.Page{Limit: 10},
						Asked: []control.Evaluation{{Primary: primary, Attributes: []string{"v"}}}}))
			}},
			{"change the primary values", func(primary []control.PrimaryValue) error {
				_, _, err := w.UpdateDataTablePrimaryValues(w.Context(), on("UpdateDataTablePrimaryValues", "DataTables.ManageValues"),
					control.PrimaryChange{Instance: w.in.ID, Table: table.ID, Old: eu, New: primary})
				return err
			}},
		} {
			one, other := op.do(hidden), op.do(none)
			w.fails(one, lanyard.Denied)
			if fmt.Sprint(one) != fmt.Sprint(other) {
				t.Errorf("%s on behalf of %v: of a hidden row %q, of a missing one %q", op.name, who, one, other)
			}
		}
		got, err := w.EvaluateDataTableValues(w.Context(), on("EvaluateDataTableValues", "DataTables.View"),
			control.EvaluationQuery{Instance: w.in.ID, Table: table.ID, Page: control.Page{Limit: 10},
				Asked: []control.Evaluation{{Primary: row("Region", "EU", "Tier", "9"), Attributes: []string{"v"}}}})
		w.must(err)
		if e := got.Items[0]; e.Found || e.Value != "" || e.Row != "" {
			t.Errorf("a missing row evaluates to the default, which is hidden: %+v", e)
		}
		for name, err := range map[string]error{
			"delete the table": failure(w.DeleteDataTable(w.Context(), on("DeleteDataTable", "DataTables.Delete"), w.in.ID, table.ID)),
			"delete an attribute": failure(w.DeleteDataTableAttribute(w.Context(), on("DeleteDataTableAttribute", "DataTables.Edit"),
				w.in.ID, table.ID, "v")),
		} {
			if !errors.Is(err, lanyard.ErrDenied) {
				t.Errorf("%s on behalf of %v: %v, want Denied, because it has hidden rows", name, who, err)
			}
		}
	}
	_, all, err := w.BatchDescribeDataTableValue(w.Context(), call(""), w.in.ID, table.ID,
		[]control.ValueID{{Primary: eu, Attribute: "v"}, {Primary: hidden, Attribute: "v"}})
	w.must(err)
	if all[0].Cell.Value != "1" || all[1].Cell.Value != "secret" {
		t.Errorf("refused calls left %q and %q", all[0].Cell.Value, all[1].Cell.Value)
	}
}

// An update writes one row, whatever else the table has, and decisions do not hold rows.
func TestRowsDoNotGrowAnything(t *testing.T) {
	w := newWorld(t, manyRows)
	table := w.rowTable("Table", lanyard.LockNone, nil, "A*", "v")
	snapshot, err := w.Snapshot(w.Context(), call(""), w.in.ID, 0)
	w.must(err)
	before := snapshot.Memory()
	fill(w, table, 1000)
	revision := w.revision()
	c := value(row("A", "500"), "v", "2")
	done, err := w.BatchUpdateDataTableValue(w.Context(), call("BatchUpdateDataTableValue"),
		control.ValueBatch{Instance: w.in.ID, Table: table.ID, Changes: []control.ValueChange{c}})
	w.must(err)
	events, err := w.Events(w.Context(), w.in.ID, revision, 10)
	w.must(err)
	if len(events) != 1 || len(events[0].Changes) != 1 || events[0].Changes[0].ID != done.Outcomes[0].Row.ID {
		t.Errorf("an update of one value left %d events with %+v", len(events), events[0].Changes)
	}
	snapshot, err = w.Snapshot(w.Context(), call(""), w.in.ID, done.Revision)
	w.must(err)
	if snapshot.Memory() > before+4096 {
		t.Errorf("with 1,000 rows a snapshot takes %d bytes, without them %d", snapshot.Memory(), before)
	}
}

func fill(w *world, table *lanyard.DataTable, n int) {
	w.Helper()
	for i := 0; i < n; {
		var changes []control.ValueChange
		for ; i < n && len(changes) < 100; i++ {
			changes = append(changes, value(row("A", fmt.Sprint(i)), "v", "1"))
		}
		w.writes(table, changes...)
	}
}

// The rows of a deleted table are removed some at a time, also by a server that starts later.
func TestRowsOfADeletedTableAreRemoved(t *testing.T) {
	w := newWorld(t, manyRows)
	kept := w.rowTable("Kept", lanyard.LockNone, nil, "A*", "v")
	fill(w, kept, 3)
	table := w.rowTable("Table", lanyard.LockNone, nil, "A*", "v")
	fill(w, table, 1100)
	w.did(w.DeleteDataTable(w.Context(), call("DeleteDataTable"), w.in.ID, table.ID))
	count := func(typ lanyard.Type) int {
		n, err := w.store.Reader(w.in.ID).Count(w.Context(), typ)
		w.must(err)
		return n
	}
	if n := count(lanyard.TypeDataTableRow); n != 903 {
		t.Errorf("%d rows are left at once, want 903", n)
	}
	later := control.New(control.Config{Store: w.store, Region: region})
	ctx, stop := context.WithCancel(w.Context())
	defer stop()
	ended := make(chan struct{})
	go func() { defer close(ended); later.RemoveRows(ctx) }()
	deadline := time.Now().Add(20 * time.Second)
	for count(lanyard.TypeDataTableRemoval) > 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	<-ended
	if rows, left := count(lanyard.TypeDataTableRow), count(lanyard.TypeDataTableRemoval); rows != 3 || left != 0 {
		t.Errorf("in the end there are %d rows and %d removals, want the 3 of another table and none", rows, left)
	}
	events, err := w.Events(w.Context(), w.in.ID, w.revision()-5, 10)
	w.must(err)
	for _, e := range events {
		if len(e.Changes) > 210 {
			t.Errorf("event %d %s has %d changes", e.Revision, e.Operation, len(e.Changes))
		}
	}
}

// Each level of locking refuses what was written over in the meantime, and nothing else.
func TestLockLevels(t *testing.T) {
	cell, inRow, inColumn, elsewhere := "the same value", "another of the row", "another of the attribute", "another"
	for level, conflicts := range map[string][]string{
		lanyard.LockNone: nil, lanyard.LockValue: {cell}, lanyard.LockRow: {cell, inRow},
		lanyard.LockAttribute: {cell, inColumn}, lanyard.LockTable: {cell, inRow, inColumn, elsewhere},
	} {
		for other, change := range map[string]control.ValueChange{
			cell: value(row("A", "1"), "v", "8"), inRow: value(row("A", "1"), "w", "8"),
			inColumn: value(row("A", "2"), "v", "8"), elsewhere: value(row("A", "2"), "w", "8"),
		} {
			w := newWorld(t, manyRows)
			table := w.rowTable("Table", level, nil, "A*", "v", "w")
			w.writes(table, value(row("A", "1"), "v", "1"), value(row("A", "1"), "w", "1"), value(row("A", "2"), "v", "1"),
				value(row("A", "2"), "w", "1"))
			locks := func(id control.ValueID) control.ValueLocks {
				_, found, err := w.BatchDescribeDataTableValue(w.Context(), call(""), w.in.ID, table.ID, []control.ValueID{id})
				w.must(err)
				return found[0].Locks
			}
			update := func(c control.ValueChange) string {
				done, err := w.BatchUpdateDataTableValue(w.Context(), call("BatchUpdateDataTableValue"),
					control.ValueBatch{Instance: w.in.ID, Table: table.ID, Changes: []control.ValueChange{c}})
				w.must(err)
				return done.Outcomes[0].Failure
			}
			mine := value(row("A", "1"), "v", "9")
			mine.Locks = locks(mine.ValueID)
			change.Locks = locks(change.ValueID)
			if got := update(change); got != "" {
				t.Errorf("%s: a change of %s with its current versions: %s", level, other, got)
			}
			got := update(mine)
			if want := slices.Contains(conflicts, other); strings.Contains(got, "must be the current one") != want {
				t.Errorf("%s: after a change of %s, that of the value: %q; want a conflict: %v", level, other, got, want)
			}
			mine.Locks = control.ValueLocks{}
			if got := update(mine); strings.Contains(got, "is required") != (level != lanyard.LockNone) {
				t.Errorf("%s: without a version: %q", level, got)
			}
		}
	}
}

// A page of large values ends early, and nothing is left out.
func TestPagesOfLargeValuesEndEarly(t *testing.T) {
	w := newWorld(t, manyRows)
	table := w.rowTable("Table", lanyard.LockNone, nil, "A*")
	_, err := w.attribute(table, lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: "v"}, ValueType: lanyard.TextListValue})
	w.must(err)
	large := `["` + strings.Repeat(strings.Repeat("x", 1000)+`","`, 99) + `"]`
	const n = 90
	for i := range n / 30 {
		var changes []control.ValueChange
		for j := range 30 {
			changes = append(changes, value(row("A", fmt.Sprint(i, "-", j)), "v", large))
		}
		w.writes(table, changes...)
	}
	pages, values := 0, 0
	for after := ""; pages == 0 || after != ""; pages++ {
		p, err := w.ListDataTableValues(w.Context(), call(""), control.RowQuery{Instance: w.in.ID, Table: table.ID,
			Page: control.Page{After: after, Limit: 1000}})
		w.must(err)
		if values += len(p.Values); len(p.Values) > 12 {
			t.Errorf("a page has %d values of %d bytes", len(p.Values), len(large))
		}
		after = p.Next
	}
	if pages < 2 || values != n {
		t.Errorf("%d pages have %d values, want several pages with %d", pages, values, n)
	}
	all, err := w.ListDataTablePrimaryValues(w.Context(), call(""), control.RowQuery{Instance: w.in.ID, Table: table.ID,
		Page: control.Page{Limit: 1000}})
	if err != nil || len(all.Rows) != n || all.Next != "" {
		t.Errorf("%d rows, next %q, %v; want %d", len(all.Rows), all.Next, err, n)
	}
	too := value(row("A", "x"), "v", `["`+strings.Repeat("é", 1000)+strings.Repeat(`","`+strings.Repeat("é", 1000), 99)+`"]`)
	w.writes(table, too)
	_, err = w.attribute(table, lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: "w"}, ValueType: lanyard.TextListValue})
	w.must(err)
	too.Attribute = "w"
	done, err := w.BatchCreateDataTableValue(w.Context(), call("BatchCreateDataTableValue"),
		control.ValueBatch{Instance: w.in.ID, Table: table.ID, Changes: []control.ValueChange{too}})
	w.must(err)
	if got := done.Outcomes[0].Failure; !strings.Contains(got, "at most 262144 bytes") {
		t.Errorf("a row of 400,000 bytes: %q", got)
	}
	var all90 []control.ValueChange
	for i := range n / 30 {
		for j := range 30 {
			all90 = append(all90, value(row("A", fmt.Sprint(i, "-", j)), "v", ""))
		}
	}
	done, err = w.BatchDeleteDataTableValue(w.Context(), call("BatchDeleteDataTableValue"),
		control.ValueBatch{Instance: w.in.ID, Table: table.ID, Changes: all90})
	w.must(err)
	left := 0
	for _, o := range done.Outcomes {
		if strings.Contains(o.Failure, "send this one in another batch") {
			left++
		} else if o.Failure != "" {
			t.Errorf("a deletion: %q", o.Failure)
		}
	}
	if deleted := (n - left) * len(large); deleted > 4<<20 || deleted < 3<<20 {
		t.Errorf("one event has the %d bytes of %d rows, want at most 4 MiB", deleted, n-left)
	}
}

// Expressions ask for a permission of their own.
func TestExpressionsAskForMore(t *testing.T) {
	w := newWorld(t, manyRows)
	table := w.rowTable("Table", lanyard.LockNone, nil, "Region*", "v")
	rules := []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "Region", Values: []string{"EU"}}}
	plain := w.profile("Plain", control.ProfileChange{Permissions: []string{"DataTables.ManageValues"}})
	eu := w.profile("EU", control.ProfileChange{DataTables: rules,
		Permissions: []string{"DataTables.ManageValues", "DataTables.EditExpressionValues"}})
	w.user("ann", plain.ID, eu.ID)
	create := func(region, v string) error {
		c, err := w.on(control.Principal{User: "ann"}, "BatchCreateDataTableValue", "DataTables.ManageValues", table)
		w.must(err)
		return failure(w.BatchCreateDataTableValue(w.Context(), c, control.ValueBatch{Instance: w.in.ID, Table: table.ID,
			Changes: []control.ValueChange{value(row("Region", region), "v", v)}}))
	}
	w.must(create("US", "plain"))
	w.must(create("EU", "$.Attributes.x"))
	w.fails(create("UK", "$.Attributes.x"), lanyard.Denied, "DataTables.EditExpressionValues")
}
