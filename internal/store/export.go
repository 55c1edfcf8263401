package store

import (
	"context"
	"slices"

	"github.com/lanyard/lanyard"
)

// A Portable store is one whose whole content can be exported and imported into another, of whatever engine.
type Portable interface {
	Store
	Exporter
	Importer
}

// An Exporter reads a whole store as rows.
type Exporter interface {
	// Export calls emit for every row of one committed state that is in scope, however long that takes
	// and whoever writes in the meantime: table by table those of the whole server, then instance by
	// instance in byte order of their ids, each table by table in the order of Tables, its rows in
	// the order of their keys. It stops at emit's first error and returns it. emit may keep the row.
	Export(ctx context.Context, scope Scope, emit func(Row) error) error
	// Size estimates, at little cost, how many rows an Export of the whole store has.
	Size(ctx context.Context) (int64, error)
}

// An Importer takes the rows of another store.
type Importer interface {
	// Import stores all rows that next returns, up to io.EOF, in a store that was opened as a target.
	// It is Condition when the store has rows already. What an earlier Import left that was not finished
	// is removed first.
	Import(ctx context.Context, next func() (Row, error)) error
	// FinishImport ends an import. Until then the store can be opened only as a target.
	FinishImport(ctx context.Context) error
}

// Scope says what to Export.
type Scope struct {
	Instance string   // only this instance; "" for the whole store
	Tables   []*Table // nil for all
}

// Has reports whether a table is to be exported.
func (s Scope) Has(t *Table) bool { return s.Tables == nil || slices.Contains(s.Tables, t) }

// A Row is one row of a store in the form that all stores share.
type Row struct {
	Table  *Table
	Values []any // of Table.Columns: string, int64 or []byte
}

// A Table is a kind of Row.
type Table struct {
	Name    string
	Columns []Column
	Key     int  // how many columns, after the instance's id if it has one, make up the key
	Server  bool // it is of the whole server; all others begin with the instance's id
}

// A Column has a name and what it holds.
type Column struct {
	Name string
	Kind ColumnKind
}

// ColumnKind is what a column holds.
type ColumnKind uint8

// The kinds of columns.
const (
	Text  ColumnKind = iota // string
	Int                     // int64
	Bytes                   // []byte
)

// The tables, in the order in which Export has them.
var (
	Secrets    = &Table{Name: "secrets", Columns: columns("name", Bytes, "value"), Key: 1, Server: true}
	AccessKeys = &Table{Name: "access_keys", Columns: columns(Int, "position", Text, "id", Bytes, "doc"), Key: 1,
		Server: true}
	Tokens    = &Table{Name: "tokens", Columns: columns(Int, "position", Text, "id", Bytes, "doc"), Key: 1, Server: true}
	Directory = &Table{Name: "directory",
		Columns: columns(Int, "position", Text, "instance_id", "account", "alias", "token"), Key: 1, Server: true}
	Checkpoints = &Table{Name: "checkpoints",
		Columns: columns("instance_id", Int, "revision", "seq", Bytes, "hash", Int, "time", Text, "who", Bytes, "mac")}
	Events = &Table{Name: "events",
		Columns: columns("instance_id", Int, "revision", "time", "seq", Bytes, "body", "hash"), Key: 1}
	Resources = &Table{Name: "resources",
		Columns: columns("instance_id", "type", "id", Int, "seq", Text, "key", "name", Bytes, "doc"), Key: 2}
	Refs       = &Table{Name: "refs", Columns: columns("instance_id", "to_type", "to_id", "from_type", "from_id"), Key: 4}
	Counts     = &Table{Name: "counts", Columns: columns("instance_id", "type", Int, "n"), Key: 1}
	Tombstones = &Table{Name: "tombstones", Columns: columns("instance_id", "type", "id", Bytes, "tags"), Key: 2}
	Passwords  = &Table{Name: "passwords", Columns: columns("instance_id", "user_id", "hash"), Key: 1}

	// Tables are all that a copy has. Sessions of the console are not among them: whoever was signed in
	// to one server is not signed in to its copy.
	Tables = []*Table{Secrets, AccessKeys, Tokens, Directory, Checkpoints, Events, Resources, Refs, Counts, Tombstones,
		Passwords}
)

// columns returns a Column for each name in list. Its kind is the last ColumnKind before it, or Text.
func columns(list ...any) (all []Column) {
	kind := Text
	for _, v := range list {
		switch v := v.(type) {
		case ColumnKind:
			kind = v
		case string:
			all = append(all, Column{v, kind})
		}
	}
	return all
}

// Record is the record that a row of Events holds. Its Body is the event as JSON in every engine.
func (r Row) Record() lanyard.Record {
	v := r.Values
	return lanyard.Record{Instance: v[0].(string), Revision: v[1].(int64), Time: v[2].(int64), Seq: v[3].(int64),
		Body: v[4].([]byte), Hash: v[5].([]byte)}
}
