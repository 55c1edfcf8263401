package policytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
)

// harbour is an instance with two countries, a hierarchy and an AI agent.
func harbour(t testing.TB) *Target {
	t.Helper()
	meta := func(id string) lanyard.Meta { return lanyard.Meta{ID: id, Name: id} }
	tagged := func(id, country string) lanyard.Meta {
		return lanyard.Meta{ID: id, Name: id, Tags: map[string]string{"Country": country}}
	}
	target, err := NewTarget("harbour", &lanyard.Instance{Meta: lanyard.Meta{ID: "i-1", Name: "harbour"}}, []lanyard.Resource{
		&lanyard.Group{Meta: meta("Europe"), Path: []string{"Europe"}},
		&lanyard.Group{Meta: lanyard.Meta{ID: "g-fr", Name: "France"}, Path: []string{"Europe", "g-fr"}},
		&lanyard.Group{Meta: lanyard.Meta{ID: "s-fr", Name: "Support"}, Path: []string{"Europe", "g-fr", "s-fr"}},
		&lanyard.Group{Meta: lanyard.Meta{ID: "s-eu", Name: "Support"}, Path: []string{"Europe", "s-eu"}},
		&lanyard.Profile{Meta: meta("Admin"), Permissions: []string{"SecurityProfiles.Edit", "SecurityProfiles.View",
			"Users.Edit", "Users.View"}},
		&lanyard.Profile{Meta: meta("Supervisor"), Permissions: []string{"Users.Edit", "Users.View"},
			AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"User"}},
		&lanyard.Profile{Meta: meta("Lead"), Permissions: []string{"Users.View"}, HierarchyRestricted: []string{"User"}},
		&lanyard.Profile{Meta: meta("Orders"), Applications: []lanyard.Application{{Namespace: "shop",
			Permissions: []string{"GetOrder"}, Type: lanyard.ApplicationMCP}}},
		&lanyard.Profile{Meta: meta("Prices"), Permissions: []string{"DataTables.View"},
			DataTables: []lanyard.AttributeRule{{Attribute: "Region", Values: []string{"EU", "UK"}}}},
		&lanyard.User{Meta: meta("olivia"), Profiles: []string{"Admin"}},
		&lanyard.User{Meta: tagged("claire", "FR"), Profiles: []string{"Supervisor"}, Group: "g-fr"},
		&lanyard.User{Meta: tagged("hugo", "FR"), Profiles: []string{"Lead", "Orders"}, Group: "g-fr"},
		&lanyard.User{Meta: tagged("jonas", "DE"), Profiles: []string{"Prices"}, Group: "Europe"},
		&lanyard.AIAgent{Meta: meta("arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b"), Profiles: []string{"Orders"}},
		&lanyard.Queue{Meta: lanyard.Meta{ID: "q-1", Name: "Sales"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// run reads and runs a file, and returns one line per question, or the problems.
func run(t testing.TB, target *Target, source string) string {
	t.Helper()
	f, err := Read("x.yaml", []byte(source), nil)
	if err != nil {
		return err.Error()
	}
	out, err := Run(target, f, Options{})
	if err != nil {
		return err.Error()
	}
	var lines []string
	for i := range out.Results {
		r := &out.Results[i]
		line := fmt.Sprintf("%d:%d %s %s", r.At.Line, r.At.Column, r.Status, r.Question.FullName())
		switch r.Status {
		case Failed:
			line += " | " + r.Expected + " | " + r.Got
			if r.Question.WhoCan {
				line += " | " + r.Explanation
			}
		case Errored:
			line += " | " + r.Explanation
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestRun(t *testing.T) {
	const agent = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b"
	for _, tt := range []struct{ name, file, want string }{
		{"one question", `
tests:
  - name: Claire sees the French
    user: claire
    permission: Users.View
    resource: User/hugo
    expect: allow
`, "7:13 passed Claire sees the French › claire Users.View User/hugo"},
		{"only tests", `
- {user: claire, permission: Users.View, resource: User/jonas, expect: allow}
`, "2:72 failed claire Users.View User/jonas | allow | deny (condition failed)"},
		{"lists make all combinations", `
tests:
- user: [claire, jonas]
  permission: [Users.View, Users.Edit]
  expect: deny
`, `5:11 failed claire Users.View | deny | allow by profile Supervisor
5:11 failed claire Users.Edit | deny | allow by profile Supervisor
5:11 passed jonas Users.View
5:11 passed jonas Users.Edit`},
		{"profile, reason, missing", `
- user: claire
  permission: Users.View
  table:
    - [resource,    expect]
    - [User/hugo,   {profile: Supervisor}]
    - [User/hugo,   {profile: Admin}]
    - [User/jonas,  {reason: condition failed}]
    - [User/jonas,  {reason: not granted}]
    - [User/jonas,  {missing: tag Country=FR}]
    - [User/jonas,  {missing: tag Country=DE}]
    - [User/olivia, {decision: deny, reason: condition failed, missing: [tag Country=FR]}]
`, `6:21 passed claire Users.View User/hugo
7:21 failed claire Users.View User/hugo | allow by profile Admin | allow by profile Supervisor
8:21 passed claire Users.View User/jonas
9:21 failed claire Users.View User/jonas | deny (not granted) | deny (condition failed)
10:21 passed claire Users.View User/jonas
11:21 failed claire Users.View User/jonas | deny, missing tag Country=DE | deny (condition failed), missing tag Country=FR
12:21 passed claire Users.View User/olivia`},
		{"columns are permissions", `
- resource: User/jonas
  table:
    - [user,   Users.View, Users.Edit, SecurityProfiles.Edit]
    - [olivia, allow,      allow,      ~]
    - [claire, deny,       deny,       ""]
`, `5:16 passed olivia Users.View User/jonas
5:28 passed olivia Users.Edit User/jonas
6:16 passed claire Users.View User/jonas
6:28 passed claire Users.Edit User/jonas`},
		{"columns are users", `
- table:
    - [permission, resource,  olivia, claire, hugo]
    - [Users.View, User/hugo, allow,  allow,  deny]
`, `4:31 passed olivia Users.View User/hugo
4:39 passed claire Users.View User/hugo
4:47 failed hugo Users.View User/hugo | deny | allow by profile Lead`},
		{"columns are resources", `
- permission: Users.View
  table:
    - [user,   User/hugo, {type: User, new: true, tags: {Country: FR}}]
    - [claire, allow,     allow]
    - [hugo,   allow,     ~]
`, `5:16 passed claire Users.View User/hugo
5:27 passed claire Users.View new User (Country=FR)
6:16 passed hugo Users.View User/hugo`},
		{"who can", `
- who-can: Users.View
  resource: User/jonas
  expect: olivia
- who-can: Users.View
  resource: User/jonas
  expect: nobody
- who-can: Users.View
  expect: [olivia, hugo]
- who-can: Users.Edit
  expect: {nobody-but: [SecurityProfile/Admin, SecurityProfile/Supervisor, jonas]}
- who-can: Users.Edit
  expect: {nobody-but: SecurityProfile/Admin}
- who-can: Users.Edit
  expect: {includes: [olivia, jonas], excludes: [claire, hugo]}
- who-can: DataTables.Edit
  expect: nobody
`, `4:11 passed who can Users.View User/jonas
7:11 failed who can Users.View User/jonas | exactly nobody | olivia | May and should not: olivia (through "Admin").
9:11 failed who can Users.View | exactly olivia, hugo | claire, hugo, olivia | May and should not: claire (through "Supervisor").
11:11 passed who can Users.Edit
13:11 failed who can Users.Edit | nobody but SecurityProfile/Admin | claire, olivia | May and should not: claire (through "Supervisor").
15:11 failed who can Users.Edit | includes olivia, jonas; excludes claire, hugo | claire, olivia | May and should not: claire (through "Supervisor"). Should and may not: jonas.
17:11 passed who can DataTables.Edit`},
		{"AI agents", `
- permission: GetOrder
  resource: Application/shop
  table:
    - [user, on-behalf-of, expect]
    - [` + agent + `, ~, allow]
    - [` + agent + `, hugo, {profile: Orders}]
    - [` + agent + `, jonas, {reason: human denied}]
    - [hugo, hugo, allow]
    - [arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/c, ~, deny]
- who-can: GetOrder
  resource: Application/shop
  expect: [hugo, "` + agent + `"]
- who-can: GetOrder
  resource: Application/shop
  on-behalf-of: hugo
  expect: "` + agent + `"
`, `6:63 passed ` + agent + ` GetOrder Application/shop
7:66 passed ` + agent + ` GetOrder Application/shop on behalf of hugo
8:67 passed ` + agent + ` GetOrder Application/shop on behalf of jonas
9:14 error hugo GetOrder Application/shop on behalf of hugo | on-behalf-of is for AI agents, and names the user whom the agent assists; "hugo" is not the ARN of an AI agent
10:8 error arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/c GetOrder Application/shop | "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/c" is not the ARN of an AI agent that holds security profiles; did you mean ` + agent + `?
13:11 passed who can GetOrder Application/shop
17:11 passed who can GetOrder Application/shop on behalf of hugo`},
		{"described resources", `
variables: {region: UK, regions: [EU, US]}
resources:
  a British price: {type: DataTableRow, name: prices, attributes: {Region: "${region}"}}
  an American price: {type: DataTableRow, name: prices, attributes: {Region: US}}
tests:
- user: jonas
  permission: DataTables.View
  table:
    - [a British price, an American price]
    - [allow, {missing: "attribute Region in EU, UK"}]
- user: claire
  permission: Users.View
  resource: {type: User, name: jonas, tags: {Country: FR}}
  expect: allow
`, `11:8 passed jonas DataTables.View a British price
11:15 passed jonas DataTables.View an American price
14:13 error claire Users.View User/jonas (Country=FR) | lanyard stores resources of type User and decides by what it has stored; tags, group, attributes and channel are for other types, or require new: true; or describe it under fixtures`},
		{"slips are errors", `
- {user: clare, permission: Users.View, expect: deny}
- {user: claire, permission: User.View, expect: deny}
- {user: claire, permission: Users.View, resource: User/hugoo, expect: deny}
- {user: claire, permission: Users.View, resource: Queue/Sales, expect: deny}
- {user: claire, permission: Queues.View, resource: Queu/Sales, expect: deny}
- {user: claire, permission: Queues.View, resource: Sales, expect: deny}
- {user: claire, permission: Users.View, expect: {profile: Supervisr}}
- {user: claire, permission: AgentGrouping.View, resource: HierarchyGroup/Support, expect: deny}
- {user: claire, permission: AgentGrouping.View, resource: HierarchyGroup/Europe/Support, expect: deny}
- {who-can: Users.Vie, expect: nobody}
- {who-can: Users.View, expect: {includes: olivio}}
`, `2:10 error clare Users.View | user "clare" does not exist; did you mean claire?
3:30 error claire User.View | "User.View" is neither a permission of the catalogue nor in any profile; did you mean Users.View?
4:52 error claire Users.View User/hugoo | user "hugoo" does not exist; did you mean hugo?
5:52 error claire Users.View Queue/Sales | Users.View is not about resources of type Queue
6:53 error claire Queues.View Queu/Sales | type "Queu" does not exist; did you mean Queue?
7:53 error claire Queues.View Sales | RESOURCE must be TYPE/NAME, TYPE/ID or an ARN, such as User/jonas.becker, got "Sales"
8:60 error claire Users.View | security profile "Supervisr" does not exist; did you mean Supervisor?
9:60 error claire AgentGrouping.View HierarchyGroup/Support | "Support" is the name of 2 hierarchy groups; give the path of one of them: Europe/France/Support, Europe/Support
10:99 passed claire AgentGrouping.View HierarchyGroup/Europe/Support
11:13 error who can Users.Vie | "Users.Vie" is neither a permission of the catalogue nor in any profile; did you mean Users.View?
12:44 error who can Users.View | user "olivio" does not exist; did you mean olivia?`},
		{"what does not exist can be expected", `
- {user: gone, permission: Users.View, expect: {reason: unknown subject}}
- {user: claire, permission: Users.Fly, expect: {reason: unknown action}}
- {user: claire, permission: Users.View, resource: User/gone, expect: {reason: unknown resource}}
- {user: claire, permission: Users.View, resource: Queue/Sales, expect: {reason: wrong type}}
`, `2:48 passed gone Users.View
3:49 passed claire Users.Fly
4:71 passed claire Users.View User/gone
5:73 passed claire Users.View Queue/Sales`},
		{"fixtures", `
fixtures:
  hierarchy-groups:
    Europe/Spain/Madrid:
  profiles:
    Lead Spain: {permissions: Users.View, hierarchy-restricted-resources: User, allowed-access-control-hierarchy-group: Europe/Spain}
    Admin: {permissions: [Users.View]}
  users:
    inés: {profiles: Lead Spain}
    pablo: {group: Europe/Spain/Madrid, profiles: []}
    jonas: {profiles: Admin, tags: {Country: FR}}
tests:
- permission: Users.View
  table:
    - [user, User/pablo, User/hugo, User/jonas]
    - [inés, allow, deny, deny]
    - [claire, deny, allow, allow]
    - [jonas, {profile: Admin}, allow, allow]
    - [olivia, allow, allow, allow]
- who-can: SecurityProfiles.Edit
  expect: nobody
- who-can: SecurityProfiles.Edit
  fixtures: {users: {claire: {profiles: Boss}}, profiles: {Boss: {permissions: SecurityProfiles.Edit}}}
  expect: claire
- who-can: SecurityProfiles.Edit
  expect: nobody
`, `16:14 passed inés Users.View User/pablo
16:21 passed inés Users.View User/hugo
16:27 passed inés Users.View User/jonas
17:16 passed claire Users.View User/pablo
17:22 passed claire Users.View User/hugo
17:29 passed claire Users.View User/jonas
18:15 passed jonas Users.View User/pablo
18:33 passed jonas Users.View User/hugo
18:40 passed jonas Users.View User/jonas
19:16 passed olivia Users.View User/pablo
19:23 passed olivia Users.View User/hugo
19:30 passed olivia Users.View User/jonas
21:11 passed who can SecurityProfiles.Edit
24:11 passed who can SecurityProfiles.Edit
26:11 passed who can SecurityProfiles.Edit`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := run(t, harbour(t), tt.file); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
