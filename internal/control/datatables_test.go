package control_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// table makes a data table.
func (w *world) table(name string) *lanyard.DataTable {
	w.Helper()
	t, err := made(w.CreateDataTable(w.Context(), call("CreateDataTable"), w.in.ID, plainTable(name)))
	w.must(err)
	return t
}

func plainTable(name string) *lanyard.DataTable {
	return &lanyard.DataTable{Meta: lanyard.Meta{Name: name}, TimeZone: "UTC", LockLevel: lanyard.LockNone,
		Status: lanyard.DataTablePublished}
}

// attribute makes an attribute of a table.
func (w *world) attribute(t *lanyard.DataTable, a lanyard.DataTableAttribute) (*lanyard.DataTableAttribute, error) {
	w.Helper()
	made, err := w.CreateDataTableAttribute(w.Context(), call("CreateDataTableAttribute"), w.in.ID, t.ID, &a)
	return made.Attribute, err
}

func textAttribute(name string) lanyard.DataTableAttribute {
	return lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: name}, ValueType: lanyard.TextValue}
}

func primary(name string) lanyard.DataTableAttribute {
	a := textAttribute(name)
	a.Primary = true
	return a
}

func TestNamesOfDataTables(t *testing.T) {
	w := newWorld(t)
	w.table("Straße")
	table := w.table(" Prices ")
	if table.Name != "Prices" {
		t.Errorf("the name is %q, want it trimmed", table.Name)
	}
	if _, err := w.attribute(table, textAttribute(" Région\u2003")); err != nil {
		t.Fatal(err)
	}
	create := func(name string) error {
		return failure(w.CreateDataTable(t.Context(), call("CreateDataTable"), w.in.ID, plainTable(name)))
	}
	add := func(name string) error { return failure(w.attribute(table, textAttribute(name))) }
	rename := func(name string) error {
		return failure(w.UpdateDataTableMetadata(t.Context(), call("UpdateDataTableMetadata"), w.in.ID, table.ID,
			*plainTable(name)))
	}
	for _, tt := range []struct {
		name  string
		do    func(string) error
		sent  string
		kind  lanyard.Kind
		words string
	}{
		{"a table of the same name", create, "Prices", lanyard.Duplicate, `data table "Prices"`},
		{"a table that differs in case", create, "PRICES", lanyard.Duplicate, "not case-sensitive"},
		{"a table that differs in case beyond ASCII", create, "STRAßE", lanyard.Duplicate, "not case-sensitive"},
		{"a table that differs in spaces", create, "Prices  ", lanyard.Duplicate, "not case-sensitive"},
		{"another name", rename, "strasse", 0, ""},
		{"the name of another", rename, "stRaße", lanyard.Duplicate, "not case-sensitive"},
		{"its own name in another case", rename, "pRICES", 0, ""},
		{"spaces", create, " \u2003", lanyard.Invalid, "Name must have at least one character that is no space"},
		{"reserved", create, "aws:tables", lanyard.Invalid, "must not begin with connect: or aws:"},
		{"reserved in another case", create, " Connect:tables", lanyard.Invalid, "must not begin with"},
		// U+017F folds to s.
		{"reserved in a form that folds", create, "AW\u017f:tables", lanyard.Invalid, "must not begin with"},
		{"an attribute that differs in case", add, "RÉGION", lanyard.Duplicate, "data table attribute"},
		{"a reserved attribute", add, "AWS:x", lanyard.Invalid, "must not begin with"},
		{"an attribute with a direction override", add, "a\u202eb", lanyard.Invalid, "override"},
	} {
		err := tt.do(tt.sent)
		if tt.words == "" {
			w.must(err)
			continue
		}
		if w.fails(err, tt.kind, tt.words); t.Failed() {
			t.Fatal(tt.name)
		}
	}
	found, err := w.DescribeDataTableAttribute(t.Context(), call("DescribeDataTableAttribute"), w.in.ID, table.ID, "rÉGION ")
	if err != nil || found.Attribute.Name != "Région" {
		t.Errorf("found %+v, %v; want Région", found.Attribute, err)
	}
}

func TestQualifiersOfDataTables(t *testing.T) {
	w := newWorld(t)
	table := w.table("Prices")
	arn := w.ARN(w.in, lanyard.TypeDataTable, table.ID)
	describe := func(ref string) error {
		_, got, err := w.DescribeDataTable(t.Context(), call("DescribeDataTable"), w.in.ID, ref)
		if err == nil && !reflect.DeepEqual(got, table) {
			err = fmt.Errorf("got %+v, want %+v", got, table)
		}
		return err
	}
	update := func(ref string) error {
		return failure(w.UpdateDataTableMetadata(t.Context(), call("UpdateDataTableMetadata"), w.in.ID, ref,
			*plainTable("Prices")))
	}
	add := func(ref string) error {
		a := textAttribute(ref)
		return failure(w.CreateDataTableAttribute(t.Context(), call("CreateDataTableAttribute"), w.in.ID, ref, &a))
	}
	remove := func(ref string) error {
		return failure(w.DeleteDataTable(t.Context(), call("DeleteDataTable"), w.in.ID, ref))
	}
	for _, tt := range []struct {
		name string
		do   func(string) error
		ref  string
		kind lanyard.Kind
	}{
		{"an id", describe, table.ID, 0}, {"an ARN", describe, arn, 0},
		{"the latest", describe, table.ID + ":$LATEST", 0}, {"the latest by ARN", describe, arn + ":$LATEST", 0},
		{"what is saved", describe, arn + ":$SAVED", 0}, {"a version", describe, arn + ":1", lanyard.Invalid},
		{"an ARN of another type", describe, w.ARN(w.in, lanyard.TypeQueue, table.ID), lanyard.Invalid},
		{"an ARN of another instance", describe, strings.Replace(arn, w.in.ID, "other", 1), lanyard.NotFound},
		{"no table", describe, "none:$LATEST", lanyard.NotFound},
		{"updating the latest", update, arn + ":$LATEST", 0},
		{"updating what is saved", update, arn + ":$SAVED", lanyard.Invalid},
		{"adding to the latest", add, arn + ":$LATEST", 0}, {"adding to what is saved", add, arn + ":$SAVED", 0},
		{"adding to a version", add, arn + ":1", lanyard.Invalid},
		{"deleting what is saved", remove, arn + ":$SAVED", lanyard.Invalid}, {"deleting", remove, arn + ":$LATEST", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.T = t
			if err := tt.do(tt.ref); tt.kind == 0 {
				w.must(err)
			} else {
				w.fails(err, tt.kind)
			}
		})
	}
}

// TestLockVersions follows the lock versions of a table and of two attributes through changes. Each line says which of
// them a change replaces.
func TestLockVersions(t *testing.T) {
	w := newWorld(t)
	table := w.table("Prices")
	first, err := w.attribute(table, textAttribute("First"))
	w.must(err)
	second, err := w.attribute(table, textAttribute("Second"))
	w.must(err)
	type locks struct{ table, first, second string }
	read := func() (now locks) {
		_, got, err := w.DescribeDataTable(t.Context(), call("DescribeDataTable"), w.in.ID, table.ID)
		w.must(err)
		now.table = got.Lock
		all, err := w.ListDataTableAttributes(t.Context(), call("ListDataTableAttributes"), w.in.ID, table.ID, nil,
			control.Page{Limit: 10})
		w.must(err)
		for _, a := range all.Items {
			switch a.ID {
			case first.ID:
				now.first = a.Lock
			case second.ID:
				now.second = a.Lock
			}
		}
		return now
	}
	metadata := func(level string) func() (string, error) {
		return func() (string, error) {
			sent := plainTable("Prices")
			sent.LockLevel = level
			done, err := w.UpdateDataTableMetadata(t.Context(), call("UpdateDataTableMetadata"), w.in.ID, table.ID, *sent)
			return done.Table.Lock, err
		}
	}
	update := func(description string) func() (string, error) {
		return func() (string, error) {
			a := textAttribute("First")
			a.Description = description
			done, err := w.UpdateDataTableAttribute(t.Context(), call("UpdateDataTableAttribute"), w.in.ID, table.ID, "First", &a)
			return done.Table.Lock, err
		}
	}
	seen := map[string]bool{table.Lock: true, first.Lock: true, second.Lock: true}
	for _, tt := range []struct {
		name string
		do   func() (lock string, err error)
		want locks // "new" for what is replaced
	}{
		{"another lock level", metadata(lanyard.LockValue), locks{"new", "", ""}},
		{"the same metadata", metadata(lanyard.LockValue), locks{}},
		{"another description of an attribute", update("d"), locks{"new", "new", ""}},
		{"the same attribute", update(" d "), locks{}},
		{"tags", func() (string, error) {
			_, err := w.TagResource(t.Context(), call("TagResource"), w.ARN(w.in, lanyard.TypeDataTable, table.ID),
				map[string]string{"a": "b"})
			return read().table, err
		}, locks{}},
		{"one attribute less", func() (string, error) {
			done, err := w.DeleteDataTableAttribute(t.Context(), call("DeleteDataTableAttribute"), w.in.ID, table.ID, "second")
			return done.Table.Lock, err
		}, locks{"new", "", "none"}},
	} {
		before := read()
		lock, err := tt.do()
		w.must(err)
		after := read()
		differ := func(was, is string) string {
			switch {
			case was == is:
				return ""
			case is == "":
				return "none"
			case seen[is]:
				t.Errorf("%s: lock version %s was there before", tt.name, is)
			}
			seen[is] = true
			return "new"
		}
		got := locks{differ(before.table, after.table), differ(before.first, after.first),
			differ(before.second, after.second)}
		if got != tt.want || lock != after.table {
			t.Errorf("%s: replaces %+v and answers %s, want %+v and %s", tt.name, got, lock, tt.want, after.table)
		}
	}
}

func TestQuotasOfDataTables(t *testing.T) {
	w := newWorld(t, func(c *control.Config) {
		c.Quotas.DataTables, c.Quotas.AttributesPerTable, c.Quotas.PrimaryPerTable = 2, 3, 1
	})
	table, other := w.table("Prices"), w.table("Hours")
	w.fails(failure(w.CreateDataTable(t.Context(), call("CreateDataTable"), w.in.ID, plainTable("Third"))), lanyard.Limit,
		"2 of at most 2 data tables")
	add := func(to *lanyard.DataTable, a lanyard.DataTableAttribute) error { return failure(w.attribute(to, a)) }
	w.must(add(table, primary("Region")))
	w.fails(add(table, primary("Tier")), lanyard.Limit, "1 of at most 1 primary attributes")
	w.must(add(table, textAttribute("Tier")))
	update := func(a lanyard.DataTableAttribute) error {
		return failure(w.UpdateDataTableAttribute(t.Context(), call("UpdateDataTableAttribute"), w.in.ID, table.ID, "Tier", &a))
	}
	w.fails(update(primary("Tier")), lanyard.Limit, "1 of at most 1 primary attributes")
	w.must(add(table, textAttribute("Price")))
	w.fails(add(table, textAttribute("Fourth")), lanyard.Limit, "3 of at most 3 attributes")
	w.must(add(other, primary("Region"))) // each table counts by itself
	_, err := w.DeleteDataTableAttribute(t.Context(), call("DeleteDataTableAttribute"), w.in.ID, table.ID, "Region")
	w.must(err)
	w.must(update(primary("Tier")))
	w.must(add(table, textAttribute("Fourth")))
}

// TestDeletedDataTables has nothing left of a table that is deleted, and names free again.
func TestDeletedDataTables(t *testing.T) {
	w := newWorld(t)
	table := w.table("Prices")
	for i := range 3 {
		w.must(failure(w.attribute(table, textAttribute(fmt.Sprint("a", i)))))
	}
	kept := w.table("Kept")
	w.must(failure(w.attribute(kept, textAttribute("a0"))))
	w.did(w.DeleteDataTable(t.Context(), call("DeleteDataTable"), w.in.ID, table.ID))
	for typ, want := range map[lanyard.Type]int{lanyard.TypeDataTable: 1, lanyard.TypeDataTableAttribute: 1} {
		if n, err := w.store.Reader(w.in.ID).Count(t.Context(), typ); err != nil || n != want {
			t.Errorf("%d %s are left, %v; want %d", n, typ.Plural(), err, want)
		}
	}
	again := w.table("Prices")
	a, err := w.attribute(again, textAttribute("a0"))
	w.must(err)
	w.must(failure(w.DeleteDataTableAttribute(t.Context(), call("DeleteDataTableAttribute"), w.in.ID, again.ID, "A0")))
	b, err := w.attribute(again, textAttribute("a0"))
	w.must(err)
	if a.ID == b.ID || a.Lock == b.Lock {
		t.Errorf("an attribute with the name of one that was deleted has its id or lock version: %+v", b)
	}
}

func TestPagesOfDataTableAttributes(t *testing.T) {
	w := newWorld(t)
	table := w.table("Prices")
	var all []*lanyard.DataTableAttribute
	for i := range 12 {
		a, err := w.attribute(table, textAttribute(fmt.Sprint("a", 12-i)))
		w.must(err)
		all = append(all, a)
	}
	w.must(failure(w.attribute(w.table("Other"), textAttribute("a1"))))
	list := func(ids []string, limit int) (got []*lanyard.DataTableAttribute) {
		for p := (control.Page{Limit: limit}); ; {
			page, err := w.ListDataTableAttributes(t.Context(), call("ListDataTableAttributes"), w.in.ID, table.ID, ids, p)
			w.must(err)
			if got = append(got, page.Items...); page.Next == "" {
				return got
			}
			p.After = page.Next
		}
	}
	for _, limit := range []int{1, 5, 12, 100} {
		if got := list(nil, limit); !reflect.DeepEqual(got, all) {
			t.Errorf("pages of %d are %d attributes, want all %d in the order of their creation", limit, len(got), len(all))
		}
	}
	if got := list([]string{all[7].ID, "none", all[2].ID}, 1); !reflect.DeepEqual(got,
		[]*lanyard.DataTableAttribute{all[2], all[7]}) {
		t.Errorf("with ids: %+v, want the two", got)
	}
}

func TestValidationRules(t *testing.T) {
	whole := func(n int32) *int32 { return &n }
	number := func(f float64) *float64 { return &f }
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for _, tt := range []struct {
		name, valueType string
		v               lanyard.Validation
		want            string // "" if accepted
	}{
		{"lengths of text", lanyard.TextValue, lanyard.Validation{MinLength: whole(1), MaxLength: whole(1)}, ""},
		{"lengths of texts", lanyard.TextListValue, lanyard.Validation{MinLength: whole(0), MaxLength: whole(9),
			MinValues: whole(2), MaxValues: whole(3), IgnoreCase: true}, ""},
		{"bounds of numbers", lanyard.NumberListValue, lanyard.Validation{Minimum: number(-1), Maximum: number(-1),
			MinValues: whole(1)}, ""},
		{"both minima", lanyard.NumberValue, lanyard.Validation{Minimum: number(1), ExclusiveMinimum: number(1),
			ExclusiveMaximum: number(1.5), MultipleOf: number(0.1)}, ""},
		{"a length of a number", lanyard.NumberValue, lanyard.Validation{MinLength: whole(1)},
			"Validation.MinLength must be absent when ValueType is NUMBER"},
		{"values of one text", lanyard.TextValue, lanyard.Validation{MaxValues: whole(1)},
			"Validation.MaxValues must be absent when ValueType is TEXT"},
		{"a minimum of text", lanyard.TextListValue, lanyard.Validation{Minimum: number(1)}, "Validation.Minimum must be absent"},
		{"case of numbers", lanyard.NumberListValue, lanyard.Validation{IgnoreCase: true}, "Validation.IgnoreCase must be absent"},
		{"anything of a flag", lanyard.BooleanValue, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{"true"}}},
			"Validation.Enum must be absent when ValueType is BOOLEAN"},
		{"lengths that exclude all", lanyard.TextValue, lanyard.Validation{MinLength: whole(2), MaxLength: whole(1)},
			"Validation.MinLength must be at most Validation.MaxLength, which is 1, got 2"},
		{"counts that exclude all", lanyard.TextListValue, lanyard.Validation{MinValues: whole(2), MaxValues: whole(1)},
			"Validation.MinValues must be at most Validation.MaxValues"},
		{"bounds that exclude all", lanyard.NumberValue, lanyard.Validation{Minimum: number(2), Maximum: number(1.5)},
			"Validation.Minimum must be at most Validation.Maximum, which is 1.5, got 2"},
		{"an exclusive maximum", lanyard.NumberValue, lanyard.Validation{Minimum: number(2), ExclusiveMaximum: number(2)},
			"Validation.Minimum must be less than Validation.ExclusiveMaximum"},
		{"an exclusive minimum", lanyard.NumberValue, lanyard.Validation{ExclusiveMinimum: number(2), Maximum: number(2)},
			"Validation.ExclusiveMinimum must be less than Validation.Maximum"},
		{"both exclusive", lanyard.NumberValue, lanyard.Validation{ExclusiveMinimum: number(2), ExclusiveMaximum: number(2)},
			"Validation.ExclusiveMinimum must be less than Validation.ExclusiveMaximum"},
		{"multiples of nothing", lanyard.NumberValue, lanyard.Validation{MultipleOf: number(0)},
			"Validation.MultipleOf must be greater than 0, got 0"},
		{"multiples of no number", lanyard.NumberValue, lanyard.Validation{MultipleOf: number(math.NaN())},
			"Validation.MultipleOf must be greater than 0"},
		{"suggestions", lanyard.TextValue, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{"a", "A", ""}}}, ""},
		{"numbers", lanyard.NumberValue, lanyard.Validation{Enum: &lanyard.Enum{Strict: true, Values: []string{"1", "-2.5e3"}}},
			""},
		{"no values", lanyard.TextValue, lanyard.Validation{Enum: &lanyard.Enum{Strict: true}},
			"Validation.Enum.Values is required when Validation.Enum.Strict is true"},
		{"a value twice", lanyard.TextValue, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{"a", "b", "a"}}},
			"Validation.Enum.Values[2] must be another value than those before"},
		{"a value twice but for case", lanyard.TextValue, lanyard.Validation{IgnoreCase: true,
			Enum: &lanyard.Enum{Values: []string{"a", "A"}}}, "Validation.Enum.Values[1] must be another value"},
		{"no number", lanyard.NumberListValue, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{"1", "one"}}},
			`Validation.Enum.Values[1] must be a number, as ValueType is NUMBER_LIST, got "one"`},
		{"an infinite number", lanyard.NumberValue, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{"Inf"}}},
			"must be a number"},
		{"many values", lanyard.TextValue, lanyard.Validation{Enum: &lanyard.Enum{Values: many[:100]}}, ""},
		{"too many values", lanyard.TextValue, lanyard.Validation{Enum: &lanyard.Enum{Values: many}},
			"Validation.Enum.Values must have at most 100 values, got 101"},
		{"a long value", lanyard.TextValue, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{strings.Repeat("é", 1000)}}},
			""},
		{"a value that is too long", lanyard.TextValue,
			lanyard.Validation{Enum: &lanyard.Enum{Values: []string{strings.Repeat("é", 1001)}}},
			"Validation.Enum.Values[0] must have at most 1000 characters, got 1001"},
		{"a value that forges", lanyard.TextValue, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{"a\x1bb"}}},
			"Validation.Enum.Values must be text without control characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			table := w.table("Prices")
			a := lanyard.DataTableAttribute{Meta: lanyard.Meta{Name: "a"}, ValueType: tt.valueType, Validation: &tt.v}
			made, err := w.attribute(table, a)
			if tt.want != "" {
				w.fails(err, lanyard.Invalid, tt.want)
				return
			}
			if w.must(err); !reflect.DeepEqual(made.Validation, &tt.v) {
				t.Errorf("got %+v, want %+v", made.Validation, tt.v)
			}
		})
	}
}

// TestModifiedDataTables says when tables and attributes were changed: a change of an attribute is one of the table.
func TestModifiedDataTables(t *testing.T) {
	w := newWorld(t)
	began := w.clock()
	table := w.table("Prices")
	first, err := w.attribute(table, textAttribute("First"))
	w.must(err)
	w.pass(time.Hour)
	w.must(failure(w.attribute(table, textAttribute("Second"))))
	found, err := w.DescribeDataTableAttribute(t.Context(), call("DescribeDataTableAttribute"), w.in.ID, table.ID, "First")
	w.must(err)
	got := []time.Time{found.Table.Created, found.Table.Modified, found.Attribute.Modified}
	if want := []time.Time{began, began.Add(time.Hour), began}; !reflect.DeepEqual(got, want) {
		t.Errorf("created, changed, attribute changed: %v, want %v", got, want)
	}
	if first.Table != table.ID {
		t.Errorf("the attribute is of table %s, want %s", first.Table, table.ID)
	}
}
