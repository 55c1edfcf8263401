package control_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store"
)

// TestTextsThatForge tries every text that people read with characters that would forge what shows it.
func TestTextsThatForge(t *testing.T) {
	w := newWorld(t, lenient, manyOfAll)
	w.must(w.levels("One", "Two"))
	ctx, in := t.Context(), w.in.ID
	hours, queue := only[*lanyard.Hours](w).ID, only[*lanyard.Queue](w).ID
	profile := func(c control.ProfileChange) error {
		_, err := w.CreateSecurityProfile(ctx, call(""), in,
			control.NewProfile{Name: fmt.Sprint("P", w.revision()), ProfileChange: c})
		return err
	}
	user := func(change func(*lanyard.User)) error {
		u := lanyard.User{Meta: lanyard.Meta{Name: fmt.Sprint("u", w.revision())},
			Profiles: []string{only[*lanyard.Profile](w).ID}, RoutingProfile: only[*lanyard.RoutingProfile](w).ID}
		change(&u)
		_, err := w.CreateUser(ctx, call(""), in, control.NewUser{User: u})
		return err
	}
	const plain = "Zoë \\u001b עברית 国 \u200f"
	w.flows(in, plain)
	w.put(in, &lanyard.EmailAddress{Document: lanyard.Document{Meta: lanyard.Meta{ID: plain}}})
	tagged := w.profile("Tagged", control.ProfileChange{})
	group := w.group("Renamed", "")
	module := w.module("Module")
	w.must(failure(w.CreateContactFlowModuleVersion(ctx, call(""), in, module.ID, control.NewModuleVersion{})))
	routing, person := only[*lanyard.RoutingProfile](w).ID, w.user("settled").ID
	// as encodes settings with a text in the place of %s.
	as := func(member, shape, s string) lanyard.Settings {
		quoted, _ := json.Marshal(s)
		return settings(member, strings.ReplaceAll(shape, "%s", string(quoted)))
	}
	queueSettings := func(member, shape string) func(string) error {
		return func(s string) error {
			return failure(w.UpdateQueueSettings(ctx, call(""), in, queue, as(member, shape, s)))
		}
	}
	routingSettings := func(member, shape string) func(string) error {
		return func(s string) error {
			return failure(w.UpdateRoutingProfileSettings(ctx, call(""), in, routing, as(member, shape, s)))
		}
	}
	userSettings := func(member, shape string) func(string) error {
		return func(s string) error {
			return failure(w.UpdateUserSettings(ctx, call(""), in, person, as(member, shape, s)))
		}
	}
	connect := func(q lanyard.QuickConnect) error {
		q.Name = cmp.Or(q.Name, fmt.Sprint("C", w.revision()))
		return failure(w.CreateQuickConnect(ctx, call(""), in, &q))
	}
	for _, tt := range []struct {
		member string
		prose  bool
		set    func(s string) error
	}{
		{"Username", false, func(s string) error { return user(func(u *lanyard.User) { u.Name += s }) }},
		{"IdentityInfo.FirstName", false, func(s string) error { return user(func(u *lanyard.User) { u.FirstName = s }) }},
		{"IdentityInfo.LastName", false, func(s string) error { return user(func(u *lanyard.User) { u.LastName = s }) }},
		{"IdentityInfo.SecondaryEmail", false,
			func(s string) error { return user(func(u *lanyard.User) { u.SecondaryEmail = s }) }},
		{"Tags", false, func(s string) error { return w.tag(tagged, map[string]string{"a": s}) }},
		{"Name", false, func(s string) error {
			_, err := w.CreateUserHierarchyGroup(ctx, call(""), in, control.NewGroup{Name: s})
			return err
		}},
		{"Name", false, func(s string) error {
			return failure(w.UpdateUserHierarchyGroupName(ctx, call(""), in, group.ID, s+"x"))
		}},
		{"HierarchyStructure.LevelTwo.Name", false, func(s string) error { return w.levels("One", s) }},
		{"Name", false, func(s string) error {
			_, err := w.CreateQueue(ctx, call(""), in, &lanyard.Queue{Meta: lanyard.Meta{Name: s}, Hours: hours})
			return err
		}},
		{"Description", true, func(s string) error {
			_, err := w.CreateQueue(ctx, call(""), in,
				&lanyard.Queue{Meta: lanyard.Meta{Name: fmt.Sprint("Q", w.revision())}, Description: s, Hours: hours})
			return err
		}},
		{"Name", false, func(s string) error {
			_, err := w.CreateRoutingProfile(ctx, call(""), in,
				&lanyard.RoutingProfile{Meta: lanyard.Meta{Name: s}, DefaultQueue: queue})
			return err
		}},
		{"Name", false, func(s string) error {
			_, err := w.CreateHoursOfOperation(ctx, call(""), in,
				&lanyard.Hours{Meta: lanyard.Meta{Name: s}, TimeZone: "UTC"})
			return err
		}},
		{"Name", false, func(s string) error {
			_, err := w.CreateContactFlowModule(ctx, call(""), in, &lanyard.Module{Meta: lanyard.Meta{Name: s}}, "")
			return err
		}},
		{"Description", true, func(s string) error {
			_, err := w.CreateContactFlowModule(ctx, call(""), in,
				&lanyard.Module{Meta: lanyard.Meta{Name: fmt.Sprint("M", w.revision())}, Description: s}, "")
			return err
		}},
		{"Description", true, func(s string) error { return profile(control.ProfileChange{Description: &s}) }},
		{"TagRestrictedResources", false, func(s string) error {
			return profile(control.ProfileChange{TagRestricted: []string{s}, AccessTags: map[string]string{"a": "b"}})
		}},
		{"AllowedAccessControlTags", false, func(s string) error {
			return profile(control.ProfileChange{AccessTags: map[string]string{"a": s}, TagRestricted: []string{"User"}})
		}},
		{"Applications[0].Namespace", false, func(s string) error {
			return profile(control.ProfileChange{Applications: []lanyard.Application{{Namespace: s,
				Permissions: []string{"ACCESS"}}}})
		}},
		{"Applications[0].ApplicationPermissions", false, func(s string) error {
			return profile(control.ProfileChange{Applications: []lanyard.Application{{Namespace: "n", Permissions: []string{s},
				Type: lanyard.ApplicationMCP}}})
		}},
		{"PrimaryAttributeValues.Values", false, func(s string) error {
			return profile(control.ProfileChange{DataTables: []lanyard.AttributeRule{{Attribute: "a", Values: []string{s}}}})
		}},
		{"PrimaryAttributeValues.AttributeName", false, func(s string) error {
			return profile(control.ProfileChange{DataTables: []lanyard.AttributeRule{{Attribute: s, Values: []string{"a"}}}})
		}},
		{"UserProficiencies.AttributeName", false, func(s string) error {
			return failure(w.AssociateUserProficiencies(ctx, call(""), in, person,
				[]lanyard.Proficiency{{Attribute: s, Value: "a", Level: 1}}))
		}},
		{"UserProficiencies.AttributeValue", false, func(s string) error {
			return failure(w.AssociateUserProficiencies(ctx, call(""), in, person,
				[]lanyard.Proficiency{{Attribute: "a", Value: s, Level: 1}}))
		}},
		{"Description", true, func(s string) error {
			return failure(w.UpdateRoutingProfileName(ctx, call(""), in, routing, control.Naming{Description: &s}))
		}},
		{"Description", true, func(s string) error {
			return failure(w.UpdateHoursOfOperation(ctx, call(""), in, hours, control.HoursChange{
				Naming: control.Naming{Description: &s}}))
		}},
		{"Description", true, func(s string) error {
			return failure(w.CreateContactFlowModuleVersion(ctx, call(""), in, module.ID,
				control.NewModuleVersion{Description: s}))
		}},
		{"Description", true, func(s string) error {
			return failure(w.CreateContactFlowModuleAlias(ctx, call(""), in, module.ID, lanyard.ModuleAlias{
				Meta: lanyard.Meta{Name: fmt.Sprint("A", w.revision())}, Version: 1, Description: s}))
		}},
		{"Name", false, func(s string) error {
			return connect(lanyard.QuickConnect{Meta: lanyard.Meta{Name: s}, Kind: lanyard.ToPhoneNumber, PhoneNumber: "+1"})
		}},
		{"Description", true, func(s string) error {
			return connect(lanyard.QuickConnect{Kind: lanyard.ToPhoneNumber, PhoneNumber: "+1", Description: s})
		}},
		{"QuickConnectConfig.PhoneConfig.PhoneNumber", false, func(s string) error {
			return connect(lanyard.QuickConnect{Kind: lanyard.ToPhoneNumber, PhoneNumber: s})
		}},
		{"QuickConnectConfig.FlowConfig.ContactFlowId", false, func(s string) error {
			return connect(lanyard.QuickConnect{Kind: lanyard.ToFlow, Flow: s})
		}},
		{"QuickConnectConfig.QueueConfig.ContactFlowId", false, func(s string) error {
			return connect(lanyard.QuickConnect{Kind: lanyard.ToQueue, Queue: queue, Flow: s})
		}},
		{"OutboundCallerConfig.OutboundCallerIdName", false,
			queueSettings("OutboundCallerConfig", `{"OutboundCallerIdName": %s}`)},
		{"OutboundCallerConfig.OutboundCallerIdName", false, func(s string) error {
			return failure(w.CreateQueue(ctx, call(""), in, &lanyard.Queue{Meta: lanyard.Meta{Name: fmt.Sprint("Q", w.revision())},
				Hours: hours, Settings: as("OutboundCallerConfig", `{"OutboundCallerIdName": %s}`, s)}))
		}},
		{"OutboundCallerConfig.OutboundFlowId", false, queueSettings("OutboundCallerConfig", `{"OutboundFlowId": %s}`)},
		{"OutboundEmailConfig.OutboundEmailAddressId", false,
			queueSettings("OutboundEmailConfig", `{"OutboundEmailAddressId": %s}`)},
		{"OutboundEmailConfig", false, queueSettings("OutboundEmailConfig", `{%s: 1}`)},
		{"MediaConcurrencies[1].CrossChannelBehavior.BehaviorType", false, routingSettings("MediaConcurrencies",
			`[{"Channel": "CHAT"}, {"Channel": "VOICE", "CrossChannelBehavior": {"BehaviorType": %s}}]`)},
		{"AgentAvailabilityTimer", false, routingSettings("AgentAvailabilityTimer", `%s`)},
		{"Config[0].Day", false, func(s string) error {
			return failure(w.UpdateHoursOfOperation(ctx, call(""), in, hours, control.HoursChange{
				Settings: as("Config", `[{"Day": %s, "StartTime": {"Hours": 1}}]`, s)}))
		}},
		{"PhoneConfig.DeskPhoneNumber", false, userSettings("PhoneConfig", `{"DeskPhoneNumber": %s}`)},
		{"PhoneNumberConfigs[0].PhoneNumber", false, userSettings("PhoneNumberConfigs", `[{"PhoneNumber": %s}]`)},
		{"Settings", true, func(s string) error {
			return failure(w.UpdateContactFlowModuleContent(ctx, call(""), in, module.ID,
				control.ContentChange{Settings: as("Settings", `%s`, s)}))
		}},
		{"Settings", true, func(s string) error {
			return failure(w.UpdateContactFlowModuleContent(ctx, call(""), in, module.ID+":"+control.SavedQualifier,
				control.ContentChange{Settings: as("Settings", `%s`, s)}))
		}},
		{"Comment", false, func(s string) error {
			_, err := w.CreateKey(ctx, lanyard.AccessKey{Account: account, Comment: s})
			return err
		}},
		{"Comment", false, func(s string) error {
			_, _, err := w.CreateToken(ctx, lanyard.Token{Account: account, Scope: lanyard.ScopeDecide, Comment: s})
			return err
		}},
	} {
		t.Run(tt.member, func(t *testing.T) {
			w.T = t
			for _, c := range "\x00\x07\x1b\x7f\u0080\u009b\u202a\u202e\u2066\u2069" {
				before := w.revision()
				w.fails(tt.set("a"+string(c)+"b"), lanyard.Invalid, tt.member)
				if w.revision() != before {
					t.Errorf("a refused %q left something", c)
				}
			}
			for _, c := range "\n\r\t\u2028\u2029" {
				err := tt.set("a" + string(c) + "b")
				if tt.prose {
					w.must(err)
				} else {
					w.fails(err, lanyard.Invalid, tt.member)
				}
			}
			if tt.member != "Username" { // which takes fewer
				w.must(tt.set(plain))
			}
		})
	}
}

// TestForgedTextsOfBefore are served and updated as ever, as long as no other is sent.
func TestForgedTextsOfBefore(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("One"))
	g := w.group("G", "")
	const old = "a\x1b[2J"
	w.must(w.store.Update(t.Context(), w.in.ID, func(tx store.Tx) error {
		g := lanyard.Clone(g)
		g.Name = old
		if err := tx.Put(t.Context(), g); err != nil {
			return err
		}
		return tx.Append(t.Context(),
			&lanyard.Event{ID: "old", Instance: w.in.ID, Operation: "UpdateUserHierarchyGroupName", Time: w.clock()})
	}))
	w.must(w.tag(g, map[string]string{"a": "b"}))
	w.fails(w.tag(g, map[string]string{"a": "\x1b"}), lanyard.Invalid, "Tags")
	w.fails(failure(w.UpdateUserHierarchyGroupName(t.Context(), call(""), w.in.ID, g.ID, old+"m")), lanyard.Invalid, "Name")
	_, got, err := w.DescribeUserHierarchyGroup(t.Context(), call(""), w.in.ID, g.ID)
	w.must(err)
	if got.Group.Name != old || got.Group.Tags["a"] != "b" {
		t.Errorf("the group is %+v", got.Group)
	}
	const callerID = `{"OutboundCallerIdName":"a\u001b[2J"}`
	q := only[*lanyard.Queue](w)
	w.must(w.store.Update(t.Context(), w.in.ID, func(tx store.Tx) error {
		q := lanyard.Clone(q)
		q.Settings = settings("OutboundCallerConfig", callerID)
		if err := tx.Put(t.Context(), q); err != nil {
			return err
		}
		return tx.Append(t.Context(),
			&lanyard.Event{ID: "old2", Instance: w.in.ID, Operation: "UpdateQueueOutboundCallerConfig", Time: w.clock()})
	}))
	w.did(w.UpdateQueueName(t.Context(), call(""), w.in.ID, q.ID, control.Naming{Name: ptr("Renamed")}))
	w.did(w.UpdateQueueSettings(t.Context(), call(""), w.in.ID, q.ID, settings("OutboundEmailConfig", `{"A":"b"}`)))
	w.fails(failure(w.UpdateQueueSettings(t.Context(), call(""), w.in.ID, q.ID,
		settings("OutboundCallerConfig", `{"OutboundCallerIdName":"b\u001b[2J"}`))), lanyard.Invalid,
		"OutboundCallerConfig.OutboundCallerIdName must be text without control characters", `got "b\x1b[2J"`)
	if q := only[*lanyard.Queue](w); q.Name != "Renamed" || string(q.Settings["OutboundCallerConfig"]) != callerID {
		t.Errorf("the queue is %+v", q)
	}
}

func TestUsernames(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	const saml, managed, directory = control.SAML, control.ConnectManaged, control.ExistingDirectory
	everywhere := []string{saml, managed, directory}
	w := newWorld(t, manyOfAll, func(c *control.Config) { c.Quotas.Users = -1 })
	ins := map[string]*lanyard.Instance{}
	for _, identity := range everywhere {
		in, err := made(w.CreateInstance(t.Context(), call(""),
			control.NewInstance{Alias: strings.ToLower(identity), IdentityManagement: identity, DirectoryID: "d-0123456789"}))
		w.must(err)
		ins[identity] = in
	}
	for _, tt := range []struct {
		name string
		in   []string
		says string // "": accepted
	}{
		{"testuser", everywhere, ""},
		{"testuser@example.com", everywhere, ""},
		{"first.last_x-1", everywhere, ""},
		{"a@b.co.uk", everywhere, ""},
		{long(64), everywhere, ""},
		{long(65), []string{saml}, "1 to 64"},
		{long(100), []string{managed, directory}, ""},
		{long(101), []string{managed, directory}, "1 to 100"},
		{"", everywhere, "1 to"},
		{"müller", []string{managed, directory}, ""},
		{"müller", []string{saml}, "letters a to z"},
		{"a+b@example.com", []string{managed, directory}, ""},
		{"a+b@example.com", []string{saml}, "letters a to z"},
		{"testuser@example", everywhere, "email address"},
		{"testuser@example.", everywhere, "email address"},
		{"testuser@.com", everywhere, "email address"},
		{"@example.com", everywhere, "email address"},
		{"a@b@example.com", everywhere, "email address"},
		{"test user", everywhere, "without spaces"},
		{"test\u00a0user", everywhere, "without spaces"},
		{"test\tuser", everywhere, "without spaces"},
		{"test\x1buser", []string{managed, directory}, "control characters"},
		{"5b4b1a2c-0000-4000-8000-00000000abcd", everywhere, "id or ARN"},
		{"5B4B1A2C-0000-4000-8000-00000000ABCD", everywhere, "id or ARN"},
		{"arn:aws:connect:us-east-1:123456789012:instance/i/agent/u", []string{managed, directory}, "id or ARN"},
	} {
		for _, identity := range tt.in {
			t.Run(identity+" "+tt.name, func(t *testing.T) {
				w.T, w.in = t, ins[identity]
				n := control.NewUser{User: lanyard.User{Meta: lanyard.Meta{Name: tt.name},
					Profiles: []string{only[*lanyard.Profile](w).ID}, RoutingProfile: only[*lanyard.RoutingProfile](w).ID}}
				if identity == managed {
					n.Password = ptr("Secret-1234")
				}
				_, err := w.CreateUser(t.Context(), call(""), w.in.ID, n)
				if tt.says == "" {
					w.must(err)
				} else {
					w.fails(err, lanyard.Invalid, "Username must be", tt.says)
				}
			})
		}
	}
}

// TestSAMLUsers have no email address and no id in a directory, which their identity provider keeps.
func TestSAMLUsers(t *testing.T) {
	w := newWorld(t)
	create := func(change func(*lanyard.User)) error {
		u := lanyard.User{Meta: lanyard.Meta{Name: "u"}, Profiles: []string{only[*lanyard.Profile](w).ID},
			RoutingProfile: only[*lanyard.RoutingProfile](w).ID}
		change(&u)
		_, err := w.CreateUser(t.Context(), call(""), w.in.ID, control.NewUser{User: u})
		return err
	}
	w.fails(create(func(u *lanyard.User) { u.Email = "a@example.com" }), lanyard.Invalid, "IdentityInfo.Email", "SAML")
	w.fails(create(func(u *lanyard.User) { u.DirectoryUserID = "x" }), lanyard.Invalid, "DirectoryUserId", "SAML")
	w.must(create(func(u *lanyard.User) { u.SecondaryEmail = "a@example.com" }))
	u := only[*lanyard.User](w)
	set := func(i control.Identity) error {
		return failure(w.UpdateUserIdentityInfo(t.Context(), call(""), w.in.ID, u.ID, i))
	}
	w.fails(set(control.Identity{Email: ptr("a@example.com"), FirstName: ptr("A")}), lanyard.Invalid, "IdentityInfo.Email",
		"SAML")
	w.must(set(control.Identity{Email: ptr(""), SecondaryEmail: ptr("b@example.com"), FirstName: ptr("A")}))
	w.must(w.store.Update(t.Context(), w.in.ID, func(tx store.Tx) error { // a user of an earlier version
		u := lanyard.Clone(only[*lanyard.User](w))
		u.Name, u.Email = "with a space", "old@example.com"
		if err := tx.Put(t.Context(), u); err != nil {
			return err
		}
		return tx.Append(t.Context(),
			&lanyard.Event{ID: "old", Instance: w.in.ID, Operation: "UpdateUserIdentityInfo", Time: w.clock()})
	}))
	w.must(set(control.Identity{Email: ptr("old@example.com"), FirstName: ptr("B")}))
	if u := only[*lanyard.User](w); u.Name != "with a space" || u.Email != "old@example.com" || u.FirstName != "B" ||
		u.SecondaryEmail != "b@example.com" {
		t.Errorf("the user is %+v", u)
	}
	w.must(set(control.Identity{Email: ptr("")}))
}
