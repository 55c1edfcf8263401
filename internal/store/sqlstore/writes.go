package sqlstore

import (
	"fmt"
	"strings"
)

// A write is one of the statements that a layer becomes. Its first argument is the instance.
type write uint8

const (
	_ write = iota // no write: a statement of another kind
	insertEvent
	updateDoc
	updateName
	insertResource
	deleteResource
	freeKey
	addCount
	insertRef
	deleteRef
	putTombstone
	deleteTombstone
	putPassword
	deletePassword
	endOfFunction // what follows is not part of a Function
	insertDirectory
	updateDirectory
)

// writeQueries are the statements of the writes. A database with a Function has them compiled into it; elsewhere they
// are sent one by one.
var writeQueries = [...]struct {
	query string
	args  string // their kinds, from $2 on: t for a text, n for a number, b for bytes
	one   bool   // it must change exactly one row
}{
	insertEvent: {args: "nnnbb", query: `
		INSERT INTO events (instance_id, revision, time, seq, body, hash) VALUES ($1, $2, $3, $4, $5, $6)`},
	updateDoc: {args: "ttb", one: true, query: `
		UPDATE resources SET doc = $4 WHERE instance_id = $1 AND type = $2 AND id = $3`},
	// A column that is named has its index written again, changed or not.
	updateName: {args: "tttt", one: true, query: `
		UPDATE resources SET key = $4, name = $5 WHERE instance_id = $1 AND type = $2 AND id = $3`},
	insertResource: {args: "ttnttb", query: `
		INSERT INTO resources (instance_id, type, id, seq, key, name, doc)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`},
	deleteResource: {args: "tt", one: true, query: `
		DELETE FROM resources WHERE instance_id = $1 AND type = $2 AND id = $3`},
	freeKey: {args: "tt", one: true, query: `
		UPDATE resources SET key = '' WHERE instance_id = $1 AND type = $2 AND id = $3`},
	addCount: {args: "tn", query: `
		INSERT INTO counts (instance_id, type, n) VALUES ($1, $2, $3)
		ON CONFLICT (instance_id, type) DO UPDATE SET n = counts.n + excluded.n`},
	insertRef: {args: "tttt", query: `
		INSERT INTO refs (instance_id, to_type, to_id, from_type, from_id) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (instance_id, to_type, to_id, from_type, from_id) DO NOTHING`},
	deleteRef: {args: "tttt", query: `
		DELETE FROM refs
		WHERE instance_id = $1 AND to_type = $2 AND to_id = $3 AND from_type = $4 AND from_id = $5`},
	putTombstone: {args: "ttb", query: `
		INSERT INTO tombstones (instance_id, type, id, tags) VALUES ($1, $2, $3, $4)
		ON CONFLICT (instance_id, type, id) DO UPDATE SET tags = excluded.tags`},
	deleteTombstone: {args: "tt", query: `
		DELETE FROM tombstones WHERE instance_id = $1 AND type = $2 AND id = $3`},
	putPassword: {args: "tt", query: `
		INSERT INTO passwords (instance_id, user_id, hash) VALUES ($1, $2, $3)
		ON CONFLICT (instance_id, user_id) DO UPDATE SET hash = excluded.hash`},
	deletePassword: {args: "t", query: `
		DELETE FROM passwords WHERE instance_id = $1 AND user_id = $2`},
	// These may wait for another server that takes the same alias.
	insertDirectory: {args: "ttt", query: `
		INSERT INTO directory (instance_id, account, alias, token) VALUES ($1, $2, $3, $4)`},
	updateDirectory: {args: "ttt", one: true, query: `
		UPDATE directory SET account = $2, alias = $3, token = $4 WHERE instance_id = $1`},
}

// FunctionArrays are how many arrays of texts, numbers and bytes a Function takes: as many as a write has of them.
func FunctionArrays() (texts, numbers, bytes int) {
	for _, w := range writeQueries[:endOfFunction] {
		texts = max(texts, strings.Count(w.args, "t"))
		numbers = max(numbers, strings.Count(w.args, "n"))
		bytes = max(bytes, strings.Count(w.args, "b"))
	}
	return texts, numbers, bytes
}

// FunctionWrites returns the branches of a CASE in PL/pgSQL: what each write does to the instance _instance with the
// _j-th elements of the arrays _t1, _t2, …, _n1, …, _b1, …, which are named by the kinds of its arguments, in their
// order. A write that must change one row and does not raises the error with this code.
func FunctionWrites(notOne string) string {
	var b strings.Builder
	for i := insertEvent; i < endOfFunction; i++ {
		w := writeQueries[i]
		names := []string{"$1", "_instance"}
		count := map[rune]int{}
		for n, kind := range w.args {
			count[kind]++
			names = append(names, fmt.Sprint("$", n+2), fmt.Sprintf("_%c%d[_j]", kind, count[kind]))
		}
		fmt.Fprintf(&b, "WHEN %d THEN %s;\n", i, strings.NewReplacer(names...).Replace(w.query))
		if w.one {
			fmt.Fprintf(&b, "IF NOT FOUND THEN RAISE EXCEPTION 'the row is gone' USING ERRCODE = '%s'; END IF;\n", notOne)
		}
	}
	return b.String()
}

// fitsFunction reports whether a Function can do all of the statements.
func fitsFunction(list []Statement) bool {
	for i := range list {
		if w := list[i].Write; w == 0 || w >= endOfFunction {
			return false
		}
	}
	return len(list) <= maxFunctionWrites
}

// maxFunctionWrites bounds what the members of one call wait for.
const maxFunctionWrites = 256
