package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// A functionUse says when the function is called.
type functionUse uint8

const (
	functionForSeveral functionUse = iota // instances at a time
	functionNever                         // as where it cannot be created
	functionAlways
)

// codeNotOne is the SQLSTATE of a write that did not change exactly one row.
const codeNotOne = "LY001"

// A function is the one that writes what several instances changed, in one round trip and one transaction. Its body
// is made of the same statements that are sent one by one elsewhere, and its name has the hash of the body: servers
// of two versions that share a database have two functions.
//
// It takes, for each set, the instance, its expected last event, and how many of the writes are its own and of those
// before it; for each write its number and its arguments, by their kinds. It returns a letter for each set.
type function struct {
	name, create, call string
	texts, numbers     int // arrays of arguments; those of bytes follow
	parameters         []uint32
}

// elementOf are the types of the elements of arrays.
var elementOf = map[uint32]uint32{pgtype.TextArrayOID: pgtype.TextOID, pgtype.ByteaArrayOID: pgtype.ByteaOID,
	pgtype.Int8ArrayOID: pgtype.Int8OID, pgtype.Int4ArrayOID: pgtype.Int4OID, pgtype.Int2ArrayOID: pgtype.Int2OID}

const (
	letterWritten  = 'w'
	letterConflict = 'c'
	letterBusy     = 'b'
)

var theFunction = sync.OnceValue(func() *function {
	f := &function{parameters: []uint32{pgtype.TextArrayOID, pgtype.Int8ArrayOID, pgtype.ByteaArrayOID,
		pgtype.Int4ArrayOID, pgtype.Int2ArrayOID}}
	names := []string{"_instances text[]", "_revisions bigint[]", "_hashes bytea[]", "_ends integer[]",
		"_writes smallint[]"}
	add := func(kind rune, n int, typ string, oid uint32) {
		for i := range n {
			names = append(names, fmt.Sprintf("_%c%d %s", kind, i+1, typ))
			f.parameters = append(f.parameters, oid)
		}
	}
	var bytes int
	f.texts, f.numbers, bytes = sqlstore.FunctionArrays()
	add('t', f.texts, "text[]", pgtype.TextArrayOID)
	add('n', f.numbers, "bigint[]", pgtype.Int8ArrayOID)
	add('b', bytes, "bytea[]", pgtype.ByteaArrayOID)
	definition := fmt.Sprintf(`(%s) RETURNS text LANGUAGE plpgsql AS $body$
DECLARE
	_instance text;
	_revision bigint;
	_hash     bytea;
	_j        integer := 1;
	_verdicts text := '';
BEGIN
	FOR _i IN 1..cardinality(_instances) LOOP
		_instance := _instances[_i];
		PERFORM 1 FROM instance_locks WHERE instance_id = _instance FOR UPDATE SKIP LOCKED;
		IF NOT FOUND THEN
			_verdicts := _verdicts || '%c';
			_j := _ends[_i] + 1;
			CONTINUE;
		END IF;
		-- This sees what was committed before the lock was taken, and nobody appends an event while it is held.
		SELECT revision, hash INTO _revision, _hash FROM events
		WHERE instance_id = _instance ORDER BY revision DESC LIMIT 1;
		IF _revision IS DISTINCT FROM _revisions[_i] OR _hash IS DISTINCT FROM _hashes[_i] THEN
			_verdicts := _verdicts || '%c';
			_j := _ends[_i] + 1;
			CONTINUE;
		END IF;
		WHILE _j <= _ends[_i] LOOP
			CASE _writes[_j]
%s			END CASE;
			_j := _j + 1;
		END LOOP;
		_verdicts := _verdicts || '%c';
	END LOOP;
	RETURN _verdicts;
END
$body$`, strings.Join(names, ", "), letterBusy, letterConflict, sqlstore.FunctionWrites(codeNotOne), letterWritten)
	sum := sha256.Sum256([]byte(definition))
	f.name = "lanyard_write_" + hex.EncodeToString(sum[:4])
	f.create = "CREATE OR REPLACE FUNCTION " + f.name + definition
	var marks []string
	for i := range f.parameters {
		marks = append(marks, fmt.Sprint("$", i+1))
	}
	f.call = "SELECT " + f.name + "(" + strings.Join(marks, ", ") + ")"
	return f
})

// makeFunction creates the function unless it is there, and reports whether it can be used. Servers of other versions
// do not mind it, so it is no migration, and a database that does not accept it can do without. One of another role
// that does not own the tables is not called: it would run with the rights of this one, whatever it does.
func makeFunction(ctx context.Context, c *conn, cfg Config) bool {
	f := theFunction()
	there, trusted := false, false
	err := c.Query(ctx, `SELECT pg_get_userbyid(proowner) = current_user
			OR proowner = (SELECT relowner FROM pg_class WHERE oid = 'events'::regclass)
		FROM pg_proc WHERE oid = to_regproc($1)`, []any{f.name},
		func(r sqlstore.Row) error {
			there = true
			return r.Scan(&trusted)
		})
	switch {
	case err != nil:
	case !there:
		err = c.Script(ctx, f.create)
	case !trusted:
		err = errors.New("the function belongs to a role that owns no tables of lanyard; drop it, and restart the server")
	}
	if err != nil {
		cfg.Logger.WarnContext(ctx, "cannot use a function in the database; instances commit separately",
			"function", f.name, "error", err)
	}
	return err == nil
}

// Apply calls the function.
func (c *conn) Apply(ctx context.Context, sets []sqlstore.WriteSet) ([]sqlstore.Verdict, error) {
	f := theFunction()
	args, err := f.encode(sets)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	if c.call == nil {
		if c.call, err = c.c.Prepare(ctx, f.name, f.call); err != nil {
			return nil, c.done(withoutFunction(err))
		}
	}
	c.warning = ""
	result := c.c.PgConn().ExecStatement(ctx, c.call, args, binaryFormat, binaryFormat)
	var letters []byte
	for result.NextRow() {
		letters = append(letters, result.Values()[0]...)
	}
	_, err = result.Close()
	tag, _ := result.Close() // the second time it is there also after an error
	// There is a tag when the function has ended, and only the commit could fail.
	err = c.committed(c.done(err), tag.String() == "" && !ambiguous(err))
	if err != nil {
		return nil, withoutFunction(err)
	}
	return verdicts(letters, len(sets))
}

var binaryFormat = []int16{pgx.BinaryFormatCode}

// withoutFunction returns ErrNoFunction when an error says that there is none.
func withoutFunction(err error) error {
	if code(err) == "42883" && !errors.Is(err, sqlstore.ErrUnknown) {
		return errors.Join(sqlstore.ErrNoFunction, err)
	}
	return err
}

func verdicts(letters []byte, n int) ([]sqlstore.Verdict, error) {
	if len(letters) != n {
		return nil, fmt.Errorf("%w: the function answered %q for %d sets", sqlstore.ErrUnknown, letters, n)
	}
	list := make([]sqlstore.Verdict, n)
	for i, letter := range letters {
		switch letter {
		case letterWritten:
			list[i] = sqlstore.Written
		case letterConflict:
			list[i] = sqlstore.Conflict
		default:
			list[i] = sqlstore.Busy
		}
	}
	return list, nil
}

// encode encodes the arguments of a call.
func (f *function) encode(sets []sqlstore.WriteSet) ([][]byte, error) {
	writes := 0
	for i := range sets {
		writes += len(sets[i].Statements)
	}
	arrays := make([]array, len(f.parameters))
	for i, oid := range f.parameters {
		n := writes
		if i < 4 {
			n = len(sets)
		}
		arrays[i].begin(elementOf[oid], n)
	}
	written := 0
	for i := range sets {
		set := &sets[i]
		written += len(set.Statements)
		arrays[0].addText(set.Instance)
		arrays[1].addInt64(set.Revision)
		arrays[2].addBytes(set.Hash)
		arrays[3].addInt32(int32(written))
		for j := range set.Statements {
			st := &set.Statements[j]
			if !canStore(st.Args) {
				return nil, errText
			}
			if err := f.encodeWrite(arrays[4:], st); err != nil {
				return nil, err
			}
		}
	}
	args := make([][]byte, len(arrays))
	for i := range arrays {
		args[i] = arrays[i].b
	}
	return args, nil
}

// encodeWrite adds the number and the arguments of a write to the arrays of writes. What it does not have is NULL.
func (f *function) encodeWrite(arrays []array, st *sqlstore.Statement) error {
	arrays[0].addInt16(int16(st.Write))
	texts, numbers, bytes := arrays[1:1+f.texts], arrays[1+f.texts:1+f.texts+f.numbers], arrays[1+f.texts+f.numbers:]
	for _, arg := range st.Args[1:] { // the first is the instance
		switch a := arg.(type) {
		case string:
			texts[0].addText(a)
			texts = texts[1:]
		case []byte:
			bytes[0].addBytes(a)
			bytes = bytes[1:]
		case int64:
			numbers[0].addInt64(a)
			numbers = numbers[1:]
		case int:
			numbers[0].addInt64(int64(a))
			numbers = numbers[1:]
		default:
			return fmt.Errorf("the function takes no %T", arg)
		}
	}
	for _, rest := range [][]array{texts, numbers, bytes} {
		for i := range rest {
			rest[i].addNull()
		}
	}
	return nil
}
