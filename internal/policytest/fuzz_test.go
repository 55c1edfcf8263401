package policytest

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// FuzzRead reads anything. A problem always has a place in the file; what can be read can be run and reported.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.test.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add("- {user: claire, permission: Users.View, expect: allow}")
	f.Add("- table: [[user, permission, expect], [a, b, {missing: []}]]")
	f.Add("a: &a [*a]\ntests: *a")
	f.Add("variables: {a: ['${a}', '${b}']}\ntests: [{who-can: ['${a}'], expect: '${a}'}]")
	target := harbour(f)
	f.Fuzz(func(t *testing.T, source string) {
		file, err := Read("x.yaml", []byte(source), nil)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\nx.yaml:") {
				if line == "" {
					t.Errorf("a problem without words: %v", err)
				}
			}
			var problem *Problem
			if !errors.As(err, &problem) || problem.Line < 1 || problem.Column < 1 {
				t.Errorf("%v has no place", err)
			}
			return
		}
		if file.Count() > 1000 {
			return
		}
		result, err := Run(target, file, Options{Coverage: &Coverage{}})
		if err != nil {
			return
		}
		if len(result.Results) != file.Count() {
			t.Errorf("%d results of %d questions", len(result.Results), file.Count())
		}
		report := &Report{Files: []*FileResult{result}}
		for format := range formats {
			if err := report.Write(new(strings.Builder), format); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
	})
}
