package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A seed is a fault that a test of linearizability must find: a replacement of text in a file. The source of the
// program has no trace of it; the compiler reads the changed file instead.
type seed struct{ file, from, to string }

var seeds = map[string][]seed{
	// A change reads what it begins with on another connection, before it has the instance's lock.
	"lost-update": {
		{"internal/store/sqlstore/transaction.go", "err := from.withConn(ctx,", "err := in.d.withConn(ctx,"},
		{"internal/store/sqlstore/transaction.go", "cached != nil && with == others {", "cached != nil && instance == \"\" {"},
	},
	// What was read less than 20 ms ago is answered from memory, as if nobody else could change it.
	"stale-read": {
		{"internal/store/sqlstore/read.go", "return r.d.getResource(ctx, r.d, r.instance, t, id)", `
	k := key{instance: r.instance, t: t, id: id}
	if v, ok := stale.Load(k); ok && time.Since(v.(staleValue).read) < 20*time.Millisecond {
		return v.(staleValue).r, nil
	}
	began := time.Now()
	got, err := r.d.getResource(ctx, r.d, r.instance, t, id)
	if err == nil {
		stale.Store(k, staleValue{got, began})
	}
	return got, err`},
		{"internal/store/sqlstore/read.go", "// reader reads the latest", `type staleValue struct {
	r    lanyard.Resource
	read time.Time
}

var stale sync.Map

// reader reads the latest`},
		{"internal/store/sqlstore/read.go", "\"slices\"\n", "\"slices\"\n\t\"sync\"\n\t\"time\"\n"},
	},
	// Any snapshot is taken for new enough.
	"stale-decision": {{"access/engine.go", "\tif err != nil || s.revision >= revision {", "\tif true {"}},
}

// overlay writes the files that a seed changes, and what tells the compiler to read them.
func overlay(t *testing.T, dir, name string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, s := range seeds[name] {
		file := filepath.Join(root, s.file)
		if texts[file] == "" {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[file] = string(b)
		}
		if strings.Count(texts[file], s.from) != 1 {
			t.Fatalf("the fault %s has no one place in %s any more: %q", name, s.file, s.from)
		}
		texts[file] = strings.Replace(texts[file], s.from, s.to, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		replace[file] = filepath.Join(dir, name+"-"+filepath.Base(file))
		if err := os.WriteFile(replace[file], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, name+".json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}
