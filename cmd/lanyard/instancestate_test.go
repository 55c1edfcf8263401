package main

import (
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// TestBackupState reads the demo instance out of a backup, and decides by it.
func TestBackupState(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "lanyard.backup")
	_, stop := serving(t, "--data", dir, "--demo")
	stop()
	run := streams{ctx: t.Context(), out: io.Discard, errs: io.Discard}
	if status := runProgram(run, []string{"backup", "--data", dir, file}); status != 0 {
		t.Fatalf("lanyard backup ends with status %d", status)
	}
	if is, err := isBackup(file); err != nil || !is {
		t.Errorf("isBackup: %t, %v", is, err)
	}
	s, err := readBackupState(t.Context(), file, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{s.instance.ID, s.instance.Name,
		"arn:aws:connect:us-east-1:123456789012:instance/" + s.instance.ID} {
		again, err := readBackupState(t.Context(), file, ref)
		if err != nil || again.instance.ID != s.instance.ID {
			t.Errorf("by %s: %v", ref, err)
		}
	}
	if _, err := readBackupState(t.Context(), file, "nobody"); err == nil ||
		!strings.Contains(err.Error(), `"nobody" does not exist`) {
		t.Errorf("of an instance that is not there: %v", err)
	}
	decisionsOfState(t, s)
}

// decisionsOfState compares the state with its copy in memory: both have the same resources and decisions.
func decisionsOfState(t *testing.T, s *state) {
	t.Helper()
	box, err := s.newSandbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	all, err := box.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := byID(all), byID(s.resources); !reflect.DeepEqual(got, want) {
		t.Errorf("the copy has %d resources, the state %d, or they differ", len(got), len(want))
	}
	snapshot, err := s.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	copied, err := box.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	user, ok := snapshot.LookupUser("claire.dubois")
	if !ok {
		t.Fatal("claire.dubois is not in the state")
	}
	got, _ := copied.WhatCan(access.Subject{ID: user})
	want, _ := snapshot.WhatCan(access.Subject{ID: user})
	if len(want) == 0 || len(got) != len(want) {
		t.Errorf("claire.dubois has %d permissions in the copy, %d in the state", len(got), len(want))
	}
}

// byID returns resources in the order of their types and ids, without their place in the order of creation.
func byID(resources []lanyard.Resource) []lanyard.Resource {
	var all []lanyard.Resource
	for _, r := range resources {
		if r.Type() == lanyard.TypeClientToken {
			continue
		}
		r = lanyard.Clone(r)
		r.Head().Seq = 0
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b lanyard.Resource) int {
		return strings.Compare(string(a.Type())+a.Head().ID, string(b.Type())+b.Head().ID)
	})
	return all
}
