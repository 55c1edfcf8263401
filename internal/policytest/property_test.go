package policytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// TestTableIsItsQuestions compares tables with the same questions one by one, and both with what the snapshot decides.
func TestTableIsItsQuestions(t *testing.T) {
	target := harbour(t)
	users := []string{"olivia", "claire", "hugo", "jonas"}
	permissions := []string{"Users.View", "Users.Edit", "SecurityProfiles.Edit"}
	axes := map[string][]string{"user": users, "permission": permissions,
		"resource": {"User/olivia", "User/claire", "User/jonas"}}
	rapid.Check(t, func(t *rapid.T) {
		// A table has one of the keys in its columns, one in its rows and the rest in the test.
		keys := rapid.Permutation([]string{"permission", "user", "resource"}).Draw(t, "keys")
		rowKey, columnKey := keys[0], keys[1]
		columns := rapid.SliceOfNDistinct(rapid.SampledFrom(axes[columnKey]), 1, 3, rapid.ID).Draw(t, "columns")
		rows := rapid.SliceOfNDistinct(rapid.SampledFrom(axes[rowKey]), 1, 3, rapid.ID).Draw(t, "rows")
		rest := rapid.SampledFrom(axes[keys[2]]).Draw(t, "rest")
		table, single := &strings.Builder{}, &strings.Builder{}
		fmt.Fprintf(table, "- %s: %s\n  table:\n  - [%s, %s]\n", keys[2], rest, rowKey, strings.Join(columns, ", "))
		var asked []map[string]string
		for _, row := range rows {
			var cells []string
			for _, column := range columns {
				expect := rapid.SampledFrom([]string{"allow", "deny", "~"}).Draw(t, "expect")
				cells = append(cells, expect)
				if expect == "~" {
					continue
				}
				one := map[string]string{rowKey: row, columnKey: column, keys[2]: rest, "expect": expect}
				asked = append(asked, one)
				fmt.Fprintf(single, "- {user: %s, permission: %s, resource: %s, expect: %s}\n", one["user"], one["permission"],
					one["resource"], expect)
			}
			fmt.Fprintf(table, "  - [%s, %s]\n", row, strings.Join(cells, ", "))
		}
		if len(asked) == 0 {
			return
		}
		got, want := outcomes(t, target, table.String()), outcomes(t, target, single.String())
		if !slices.Equal(got, want) {
			t.Fatalf("the table\n%s\ngives\n%v\nits questions\n%v", table, got, want)
		}
		for i, one := range asked {
			d := target.snapshot.Decide(&access.Query{Subject: access.Subject{ID: one["user"]}, Action: one["permission"],
				Resource: access.Resource{Type: access.TypeUser, ID: strings.TrimPrefix(one["resource"], "User/")}})
			if d.Reason == access.WrongType {
				continue // an error of the question
			}
			passes := d.Allow == (one["expect"] == "allow")
			if passes != strings.HasPrefix(got[i], "passed") {
				t.Fatalf("%v is decided %v and the test says %s", one, d, got[i])
			}
		}
	})
}

// outcomes returns the status and the answer of each question.
func outcomes(t interface{ Fatal(...any) }, target *Target, source string) (all []string) {
	f, err := Read("x.yaml", []byte(source), nil)
	if err != nil {
		t.Fatal(err, source)
	}
	out, err := Run(target, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range out.Results {
		r := &out.Results[i]
		all = append(all, fmt.Sprint(r.Status, r.Question, r.Expected, r.Got, r.Explanation))
	}
	return all
}

// TestWhoCanIsDecisions compares sets of those who can with the decision about each user.
func TestWhoCanIsDecisions(t *testing.T) {
	target := harbour(t)
	all := []string{"olivia", "claire", "hugo", "jonas"}
	rapid.Check(t, func(t *rapid.T) {
		permission := rapid.SampledFrom([]string{"Users.View", "Users.Edit"}).Draw(t, "permission")
		resource := rapid.SampledFrom(all).Draw(t, "resource")
		listed := rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID).Draw(t, "listed")
		key := rapid.SampledFrom(whoCanKeys).Draw(t, "key")
		want := true
		for _, user := range all {
			may := target.snapshot.Decide(&access.Query{Subject: access.Subject{ID: user}, Action: permission,
				Resource: access.Resource{Type: access.TypeUser, ID: resource}}).Allow
			in := slices.Contains(listed, user)
			switch key {
			case "exactly":
				want = want && may == in
			case "nobody-but":
				want = want && (!may || in)
			case "includes":
				want = want && (may || !in)
			case "excludes":
				want = want && (!may || !in)
			}
		}
		got := outcomes(t, target, fmt.Sprintf("- {who-can: %s, resource: User/%s, expect: {%s: [%s]}}\n", permission, resource, key,
			strings.Join(listed, ", ")))
		if strings.HasPrefix(got[0], "passed") != want {
			t.Fatalf("%s %v: %s, want passed %t", key, listed, got, want)
		}
	})
}

// TestCoverage names what questions do not exercise.
func TestCoverage(t *testing.T) {
	target := harbour(t)
	c := &Coverage{}
	for _, source := range []string{
		"- {user: claire, permission: Users.View, resource: User/hugo, expect: allow}\n",
		"- {user: hugo, permission: Users.View, resource: User/olivia, expect: deny}\n",
		"- {who-can: SecurityProfiles.Edit, expect: olivia}\n",
		"- {user: jonas, permission: DataTables.View, resource: {type: DataTableRow, name: p, attributes: {Region: US}}, " +
			"expect: deny}\n",
	} {
		f, err := Read("x.yaml", []byte(source), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(target, f, Options{Coverage: c}); err != nil {
			t.Fatal(err)
		}
	}
	reports := c.Reports()
	if len(reports) != 1 {
		t.Fatalf("%d reports", len(reports))
	}
	got := fmt.Sprintf("%+v", reports[0])
	const want = "{Target:harbour Permissions:{Exercised:3 All:6 Missing:[GetOrder on Application shop " +
		"SecurityProfiles.View Users.Edit]} Profiles:{Exercised:4 All:5 Missing:[Orders]} " +
		"Conditions:{Exercised:2 All:3 Missing:[Supervisor: tag Country=FR]} Percent:64.28571428571429}"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRestrictingPermissionsAreCovered asks for what a restricting permission takes away.
func TestRestrictingPermissionsAreCovered(t *testing.T) {
	target, err := NewTarget("x", &lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}, []lanyard.Resource{
		&lanyard.Profile{Meta: lanyard.Meta{ID: "P", Name: "P"},
			Permissions: []string{"ContactSearch.View", "RestrictContactAccessByHierarchy.View"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"P"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		resource string
		want     int
	}{{"", 0}, {", resource: {type: Contact, name: c}", 1}} {
		c := &Coverage{}
		f, err := Read("x.yaml", []byte("- {user: u, permission: ContactSearch.View"+tt.resource+", expect: deny}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(target, f, Options{Coverage: c}); err != nil {
			t.Fatal(err)
		}
		if got := c.Reports()[0].Conditions; got.All != 1 || got.Exercised != tt.want {
			t.Errorf("%q: %+v, want %d exercised", tt.resource, got, tt.want)
		}
	}
}
