package lanyard

import (
	"strings"
	"time"
	"unicode"
)

// A DataTable is a table of values that flows, views and AI agents look up. It holds what is known of the table as a
// whole. Its attributes ([DataTableAttribute]) are resources of their own, which refer to it and go with it, so that a
// change of one writes only that one.
type DataTable struct {
	Meta
	Description string `json:",omitempty"`
	TimeZone    string
	LockLevel   string // one of DataTableLockLevels
	Status      string // DataTablePublished
	Created     time.Time
	// Lock is another after each change of the table, of its attributes and, when the LockLevel is LockTable, of a value.
	// It is never one that the table had before.
	Lock string
	// Values is how many values its rows have. Those of a deleted attribute count until their row is written.
	Values int `json:",omitzero"`
}

// DataTablePublished is the only status of a data table.
const DataTablePublished = "PUBLISHED"

// What a change of a value conflicts with, when others changed it in the meantime.
const (
	LockNone      = "NONE"
	LockTable     = "DATA_TABLE"    // any value of the table
	LockRow       = "PRIMARY_VALUE" // any value of the same row
	LockAttribute = "ATTRIBUTE"     // any value of the same attribute
	LockValue     = "VALUE"         // the same value
)

// Type is TypeDataTable.
func (*DataTable) Type() Type { return TypeDataTable }

// Key ignores case: no two tables of an instance have names that differ only in it.
func (t *DataTable) Key() string { return FoldCase(t.Name) }

// Refs is empty.
func (*DataTable) Refs() []Ref { return nil }

// The types of the values of an attribute, as the API spells them.
const (
	TextValue       = "TEXT"
	NumberValue     = "NUMBER"
	BooleanValue    = "BOOLEAN"
	TextListValue   = "TEXT_LIST"
	NumberListValue = "NUMBER_LIST"
)

// A DataTableAttribute is a column of a data table.
type DataTableAttribute struct {
	Meta
	Table       string // id
	Description string `json:",omitempty"`
	ValueType   string
	Primary     bool        `json:",omitzero"` // its values identify the row, together with those of the other primary ones
	Validation  *Validation `json:",omitzero"` // nil for none
	// Lock is another after each change of the attribute and, when the table's LockLevel is LockAttribute, of one of its
	// values. It is never one that the attribute had before.
	Lock string
}

// Type is TypeDataTableAttribute.
func (*DataTableAttribute) Type() Type { return TypeDataTableAttribute }

// Key holds the table: attributes of different tables may have the same name. It ignores case.
func (a *DataTableAttribute) Key() string { return DataTableAttributeKey(a.Table, a.Name) }

// DataTableAttributeKey is the key of an attribute of a table.
func DataTableAttributeKey(table, name string) string { return table + "/" + FoldCase(name) }

// Refs is the table.
func (a *DataTableAttribute) Refs() []Ref { return []Ref{{TypeDataTable, a.Table}} }

// A Validation says what values of an attribute are accepted when they are written. What is nil is not asked.
type Validation struct {
	MinLength        *int32   `json:",omitzero"` // characters of a text, also in a list
	MaxLength        *int32   `json:",omitzero"`
	MinValues        *int32   `json:",omitzero"` // of a list
	MaxValues        *int32   `json:",omitzero"`
	IgnoreCase       bool     `json:",omitzero"` // when texts are compared
	Minimum          *float64 `json:",omitzero"` // of a number, also in a list
	Maximum          *float64 `json:",omitzero"`
	ExclusiveMinimum *float64 `json:",omitzero"`
	ExclusiveMaximum *float64 `json:",omitzero"`
	MultipleOf       *float64 `json:",omitzero"`
	Enum             *Enum    `json:",omitzero"`
}

// An Enum lists values that an attribute is expected to have.
type Enum struct {
	Strict bool     `json:",omitzero"` // no others are accepted
	Values []string `json:",omitempty"`
}

// FoldCase returns the same text for all texts that strings.EqualFold takes for equal.
func FoldCase(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, s)
}
