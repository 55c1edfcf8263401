package control_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// Rules are about values of one case, also of attributes that ignore it: a row that a user may name in that case, but
// not see, is missing to them.
func TestRowsOfAnotherCaseAreAsIfMissing(t *testing.T) {
	w := newWorld(t, manyRows)
	table := w.rowTable("Table", lanyard.LockNone, nil)
	_, err := w.attribute(table, lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: "Region"}, Primary: true,
		ValueType: lanyard.TextValue, Validation: &lanyard.Validation{IgnoreCase: true}})
	w.must(err)
	_, err = w.attribute(table, lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: "v"}, ValueType: lanyard.TextValue})
	w.must(err)
	w.writes(table, value(row("Region", "EU"), "v", "secret"), value(row("Region", "uk"), "v", "shown"))
	w.user("ann", w.profile("Lowercase", control.ProfileChange{Permissions: []string{"DataTables.View"},
		DataTables: []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "Region", Values: []string{"eu", "uk"}}}}).ID,
		w.profile("Another", control.ProfileChange{Permissions: []string{"DataTables.View"},
			DataTables: []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "Region", Values: []string{"us"}}}}).ID)
	on, err := w.on(control.Principal{User: "ann"}, "BatchDescribeDataTableValue", "DataTables.View", table)
	w.must(err)
	for region, want := range map[string]string{"eu": "", "us": "", "uk": "shown"} {
		_, described, err := w.BatchDescribeDataTableValue(w.Context(), on, w.in.ID, table.ID,
			[]control.ValueID{{Primary: row("Region", region), Attribute: "v"}})
		w.must(err)
		if o := described[0]; o.Cell.Value != want || (o.Failure == "") != (want != "") {
			t.Errorf("%s is described as %q, %q, want %q", region, o.Cell.Value, o.Failure, want)
		}
		evaluated, err := w.EvaluateDataTableValues(w.Context(), on, control.EvaluationQuery{Instance: w.in.ID,
			Table: table.ID, Page: control.Page{Limit: 10},
			Asked: []control.Evaluation{{Primary: row("Region", region), Attributes: []string{"v"}}}})
		w.must(err)
		if e := evaluated.Items[0]; e.Value != want || e.Found != (want != "") || (e.Row == "") != (want == "") {
			t.Errorf("%s is evaluated as %+v, want %q", region, e, want)
		}
	}
}

// A page of large values ends before it has as many as were asked for, and the next ones have the rest.
func TestPagesOfLargeValues(t *testing.T) {
	w := newWorld(t, manyRows)
	table := w.rowTable("Table", lanyard.LockNone, nil, "Row*")
	for _, name := range []string{"a", "b"} {
		_, err := w.attribute(table, lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: name},
			ValueType: lanyard.TextListValue})
		w.must(err)
	}
	large := `["` + strings.Repeat(strings.Repeat("x", 1000)+`","`, 99) + `y"]`
	var want, got []string
	for i := range 15 {
		for _, name := range []string{"a", "b"} {
			w.writes(table, value(row("Row", fmt.Sprint(i)), name, large))
			want = append(want, fmt.Sprint(i, name))
		}
	}
	for after, size := "", 0; ; size = 0 {
		p, err := w.ListDataTableValues(w.Context(), call(""), control.RowQuery{Instance: w.in.ID, Table: table.ID,
			Page: control.Page{Limit: 1000, After: after}})
		w.must(err)
		for _, v := range p.Values {
			size += len(v.Cell.Value)
			got = append(got, p.PrimaryOf(v.Row)[0].Value+v.Attribute.Name)
		}
		if size > 1<<20+len(large) {
			t.Errorf("a page has %d values of %d bytes together", len(p.Values), size)
		}
		if after = p.Next; after == "" {
			break
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the pages have %q, want %q", got, want)
	}
}
