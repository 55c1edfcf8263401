package lanyard

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"
)

// A DataTableRow is a row of a data table. Its ID orders the rows: later ones have greater ids.
type DataTableRow struct {
	Meta
	Table string // id
	// Primary are the values of the primary attributes, by the attribute's id, which identify the row. An attribute
	// that it does not have is empty: it may be younger than the row.
	Primary map[string]string `json:",omitempty"`
	// Default marks the row of the values that have no primary values. It is the only one of a table without primary
	// attributes.
	Default bool                     `json:",omitzero"`
	Cells   map[string]DataTableCell `json:",omitempty"` // by the attribute's id; those of deleted attributes may remain
	// Lock is another after each change of the row. It is never one that the row had before.
	Lock string
}

// A DataTableCell is the value of one attribute in a row.
type DataTableCell struct {
	Value    string // as it was sent
	Modified time.Time
	Lock     string // another after each change of the value
}

// Type is TypeDataTableRow.
func (*DataTableRow) Type() Type { return TypeDataTableRow }

// Key stands for the table and the primary values, so that no two rows of a table have the same.
func (r *DataTableRow) Key() string { return DataTableRowKey(r.Table, r.Primary, r.Default) }

// DataTableRowKey is the key of the row of a table with those primary values, or of its default row.
func DataTableRowKey(table string, primary map[string]string, isDefault bool) string {
	if isDefault {
		return digest("default", table)[:24]
	}
	return digest(append([]string{"row", table}, flatten(primary)...)...)[:24]
}

// Refs is empty. The table can be deleted while there are rows, which nobody sees then and which are removed later.
func (*DataTableRow) Refs() []Ref { return nil }

// MaxPrimaryAttributes is how many primary attributes a data table may have. A row is on a list for each set of them.
const MaxPrimaryAttributes = 5

// Lists returns a list for each set of primary values of the row, the empty set included: on that of the empty set is
// every row of the table. What somebody may see of a table is a number of such lists, whatever their share of it. One
// more list is for finding a row by primary values whose case is ignored.
func (r *DataTableRow) Lists() []string {
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(r.Primary)), func(id string) bool { return r.Primary[id] == "" })
	ids = ids[:min(len(ids), MaxPrimaryAttributes)]
	lists := make([]string, 0, 1<<len(ids)+1)
	values := make(map[string]string, len(ids))
	for set := range 1 << len(ids) {
		clear(values)
		for i, id := range ids {
			if set&(1<<i) != 0 {
				values[id] = r.Primary[id]
			}
		}
		lists = append(lists, DataTableList(r.Table, values))
	}
	if len(ids) > 0 {
		lists = append(lists, DataTableFoldedList(r.Table, r.Primary))
	}
	return lists
}

// DataTableList names the list of the rows of a table that have all of the values, which are by the attribute's id.
func DataTableList(table string, values map[string]string) string {
	return digest(append([]string{"list", table}, flatten(values)...)...)[:16]
}

// DataTableFoldedList names the list of the rows of a table with exactly these primary values, in any case.
func DataTableFoldedList(table string, values map[string]string) string {
	parts := []string{"folded", table}
	for _, text := range flatten(values) {
		parts = append(parts, FoldCase(text))
	}
	return digest(parts...)[:16]
}

// flatten lists the keys and values of a map in the order of the keys. Empty values are left out.
func flatten(values map[string]string) (parts []string) {
	for _, id := range slices.Sorted(maps.Keys(values)) {
		if values[id] != "" {
			parts = append(parts, id, values[id])
		}
	}
	return parts
}

// digest hashes texts so that no others have the same hash.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// IsExpression reports whether a value is computed when it is read rather than being what it says: it refers to what
// flows know, such as $.Attributes.Language. What Amazon Connect takes for an expression is not documented.
func IsExpression(value string) bool { return strings.HasPrefix(strings.TrimSpace(value), "$.") }

// A DataTableRemoval says that rows of a deleted data table are still to be removed. Its id is the table's.
type DataTableRemoval struct{ Meta }

// Type is TypeDataTableRemoval.
func (*DataTableRemoval) Type() Type { return TypeDataTableRemoval }

// Refs is empty.
func (*DataTableRemoval) Refs() []Ref { return nil }

// A Listed resource is on lists, by which a store finds it along with others. They may be very many, so that nothing
// reads them all.
type Listed interface {
	Resource
	// Lists returns the names of the lists, without repetition.
	Lists() []string
}

// ListRef is what Links has for a list. There are no resources of its type.
func ListRef(name string) Ref { return Ref{Type: "list", ID: name} }

// Links returns the Refs of r and, when it is Listed, a Ref for each of its lists.
func Links(r Resource) []Ref {
	l, ok := r.(Listed)
	if !ok {
		return r.Refs()
	}
	links := slices.Clone(r.Refs())
	for _, name := range l.Lists() {
		links = append(links, ListRef(name))
	}
	return links
}
