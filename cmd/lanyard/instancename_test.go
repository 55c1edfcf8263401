package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestChooseInstance(t *testing.T) {
	acme := instanceName{"11111111-1111-4111-8111-111111111111", "acme"}
	bob := instanceName{"22222222-2222-4222-8222-222222222222", "bob"}
	other := instanceName{"33333333-3333-4333-8333-333333333333", "acme"}
	confusing := instanceName{"44444444-4444-4444-8444-444444444444", acme.ID}
	for _, tt := range []struct {
		name, ref, place, want string
		all                    []instanceName
	}{
		{"the only one", "", "", "0", []instanceName{acme}},
		{"by alias", "bob", "", "1", []instanceName{acme, bob}},
		{"by id", bob.ID, "", "1", []instanceName{acme, bob}},
		{"an id goes before an alias", acme.ID, "", "1", []instanceName{confusing, acme}},
		{"none", "", "", "no instance exists yet", nil},
		{"none in a file", "", "a.backup", "a.backup has no instance", nil},
		{"none of that name in a file", "bob", "a.backup", `instance "bob" does not exist in a.backup`, nil},
		{"several", "", "", "--instance is required when there are several: acme (" + acme.ID + "), bob (" + bob.ID + ")",
			[]instanceName{acme, bob}},
		{"several in a file", "", "a.backup", "a.backup has several instances; name one of acme (" + acme.ID + "), bob (" +
			bob.ID + ")", []instanceName{acme, bob}},
		{"unknown", "carl", "", `instance "carl" does not exist; there is acme (` + acme.ID + ")", []instanceName{acme}},
		{"unknown in a file", "carl", "a.backup", `instance "carl" does not exist in a.backup, which has acme (` + acme.ID +
			")", []instanceName{acme}},
		{"an alias of several accounts", "acme", "a.backup", `"acme" is the alias of several instances; name one of them by ` +
			"its id", []instanceName{acme, other}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := chooseInstance(tt.all, tt.ref, tt.place)
			got := fmt.Sprint(i)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestListInstances bounds a message about a store with many instances.
func TestListInstances(t *testing.T) {
	got := listInstances(make([]instanceName, 5000))
	if len(got) > 1000 || !strings.HasSuffix(got, "and 4980 more") {
		t.Errorf("got %d bytes that end with %q", len(got), got[len(got)-20:])
	}
}
