package backup_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/backup"
)

var header = backup.Header{Made: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC), Program: "v1"}

func write(t interface{ Fatal(...any) }, rows []store.Row) []byte {
	var b bytes.Buffer
	w, err := backup.NewWriter(&b, header)
	for i := 0; err == nil && i < len(rows); i++ {
		err = w.Row(rows[i])
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte) (rows []store.Row, h backup.Header, err error) {
	r, err := backup.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, h, err
	}
	defer r.Close()
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, r.Header, nil
		}
		if err != nil {
			return rows, h, err
		}
		rows = append(rows, row)
	}
}

func someRows(t *rapid.T) []store.Row {
	var rows []store.Row
	for range rapid.IntRange(0, 20).Draw(t, "rows") {
		r := store.Row{Table: rapid.SampledFrom(store.Tables).Draw(t, "table")}
		for _, c := range r.Table.Columns {
			switch c.Kind {
			case store.Text:
				r.Values = append(r.Values, rapid.String().Draw(t, c.Name))
			case store.Int:
				r.Values = append(r.Values,
					rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 0})).Draw(t, c.Name))
			default:
				r.Values = append(r.Values, append([]byte{}, rapid.SliceOf(rapid.Byte()).Draw(t, c.Name)...))
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := someRows(t)
		got, h, err := read(write(t, rows))
		if err != nil || h != header || len(got) != len(rows) {
			t.Fatalf("%d rows come back as %d with %v, %v", len(rows), len(got), h, err)
		}
		for i := range rows {
			if got[i].Table != rows[i].Table || !reflect.DeepEqual(got[i].Values, rows[i].Values) {
				t.Fatalf("row %d of %s comes back as %q of %s, and was %q", i, rows[i].Table.Name, got[i].Values, got[i].Table.Name,
					rows[i].Values)
			}
		}
	})
}

func example() []store.Row {
	var rows []store.Row
	for i := range int64(300) {
		rows = append(rows, store.Row{Table: store.Events,
			Values: []any{"i", i, i, i, []byte(strings.Repeat("body", int(i%7))), []byte{1, 2, byte(i)}}})
	}
	return rows
}

// Wherever a backup is truncated or altered, it is refused, and never read to its end.
func TestDamaged(t *testing.T) {
	whole := write(t, example())
	for n := range whole {
		if _, _, err := read(whole[:n]); err == nil {
			t.Fatalf("truncated after %d of %d bytes, it is accepted", n, len(whole))
		} else if n > len(backup.Magic) && !strings.Contains(err.Error(), "truncated") &&
			!strings.Contains(err.Error(), "damaged") {
			t.Fatalf("truncated after %d bytes: %v", n, err)
		}
	}
	for n := range whole {
		b := bytes.Clone(whole)
		b[n] ^= 0x10
		if rows, _, err := read(b); err == nil && !reflect.DeepEqual(rows, example()) {
			t.Fatalf("with byte %d altered it is taken for whole", n)
		}
	}
	for name, tt := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":           {nil, "not a backup"},
		"something else":    {[]byte("SQLite format 3\x00 and so on"), "not a backup"},
		"a later form":      {[]byte("lanyard backup 2\nwhatever"), "another form"},
		"something follows": {append(bytes.Clone(whole), "more"...), "damaged"},
	} {
		if _, _, err := read(tt.b); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, tt.want)
		}
	}
}

// A backup that was given up is not one.
func TestAborted(t *testing.T) {
	var b bytes.Buffer
	w, err := backup.NewWriter(&b, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range example() {
		if err := w.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	w.Abort()
	if _, _, err := read(b.Bytes()); err == nil {
		t.Error("it is taken for whole")
	}
}

// Whatever is read is refused, or is a backup that says the same when it is written again.
func FuzzReader(f *testing.F) {
	f.Add(write(f, example()[:3]))
	f.Add(write(f, nil))
	f.Add([]byte(backup.Magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, _, err := read(b)
		for i, r := range rows { // even those before the damage are rows of a table
			if !slices.Contains(store.Tables, r.Table) || len(r.Values) != len(r.Table.Columns) {
				t.Fatalf("row %d is %q of %+v", i, r.Values, r.Table)
			}
		}
		if err != nil {
			if again, _, other := read(b); other == nil || other.Error() != err.Error() || len(again) != len(rows) {
				t.Fatalf("read again, %d rows and %v are %d rows and %v", len(rows), err, len(again), other)
			}
			return
		}
		// What is taken for whole comes back the same after it is written again, and is not without its end.
		if again, _, err := read(write(t, rows)); err != nil || !reflect.DeepEqual(again, rows) {
			t.Fatalf("%d rows come back as %d, %v", len(rows), len(again), err)
		}
		if _, _, err := read(b[:len(b)-1]); err == nil {
			t.Fatal("it is taken for whole without its last byte")
		}
	})
}
