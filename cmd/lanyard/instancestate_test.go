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
	"github.com/lanyard/lanyard/internal/mirror"
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
	got, want := byID(all), byID(s.resources)
	if len(got) != len(want) {
		t.Errorf("the copy has %d resources, the state %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("the copy has\n%+v, the state\n%+v", got[i], want[i])
		}
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
	can, _ := copied.WhatCan(access.Subject{ID: user})
	could, _ := snapshot.WhatCan(access.Subject{ID: user})
	if len(could) == 0 || len(can) != len(could) {
		t.Errorf("claire.dubois has %d permissions in the copy, %d in the state", len(can), len(could))
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

// TestTargets reads the same instance from a folder, from the server of the folder, and from an endpoint of the
// environment.
func TestTargets(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CONNECT", "AWS_CONFIG_FILE"} {
		t.Setenv(name, "")
	}
	here := targetFlags{dataFlag: dataFlag{Data: dir, Store: "sqlite"}}
	c, stop := serving(t, "--data", dir, "--demo")
	served := readTarget(t, here)
	decisionsOfState(t, served)

	far := targetFlags{dataFlag: dataFlag{Data: t.TempDir(), Store: "sqlite"}, Instance: served.instance.ID}
	t.Setenv("AWS_ENDPOINT_URL_CONNECT", c.url)
	t.Setenv("AWS_REGION", c.region)
	t.Setenv("AWS_ACCESS_KEY_ID", c.id)
	t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
	if got := readTarget(t, far); !reflect.DeepEqual(got, served) {
		t.Error("the endpoint of the environment shows another instance than the server of the folder")
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if _, err := far.openTarget(t.Context()); err == nil || !strings.Contains(err.Error(), "the region and the clock of this machine") {
		t.Errorf("with a wrong secret: %v", err)
	}
	t.Setenv("AWS_ENDPOINT_URL_CONNECT", "")
	stop()
	if got := readTarget(t, here); !reflect.DeepEqual(got, served) {
		t.Error("the folder shows another instance than its server")
	}
	for ref, says := range map[string]string{"nobody": `"nobody" does not exist`,
		"arn:aws:connect:us-east-1:123456789012:instance/" + served.instance.ID + "/queue/x": "must be an id, an alias or the ARN"} {
		here.Instance = ref
		if _, err := here.openTarget(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("--instance %s: %v, want an error that says %q", ref, err, says)
		}
	}
}

func readTarget(t *testing.T, f targetFlags) *state {
	t.Helper()
	target, err := f.openTarget(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	s, err := target.readState(streams{ctx: t.Context(), errs: io.Discard}, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
