package mirror_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
)

// A drawing draws the resources of one instance.
type drawing struct {
	*rapid.T
	n   int
	ids map[lanyard.Type][]string
}

func (d *drawing) meta(t lanyard.Type) lanyard.Meta {
	d.n++
	m := lanyard.Meta{ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", d.n), Name: fmt.Sprintf("%s %d é\U0001f511", t, d.n),
		Tags: d.tags("tags")}
	if rapid.Bool().Draw(d.T, "modified") {
		m.Modified = time.UnixMilli(rapid.Int64Range(0, 2e12).Draw(d.T, "at")).UTC()
	} else {
		m.Modified = time.Unix(1_700_000_000, 0).UTC()
	}
	d.ids[t] = append(d.ids[t], m.ID)
	return m
}

func (d *drawing) tags(label string) map[string]string {
	return rapid.MapOfN(rapid.StringMatching(`[A-Za-z=:/ ]{1,8}`), rapid.StringMatching(`[A-Za-z0-9é]{0,8}`), 0, 3).
		Draw(d.T, label)
}

func (d *drawing) text(label string) string { return rapid.StringN(0, 8, 32).Draw(d.T, label) }

// one draws the id of a resource that was drawn before.
func (d *drawing) one(t lanyard.Type) string { return rapid.SampledFrom(d.ids[t]).Draw(d.T, string(t)) }

// some draws up to most ids, without repetition.
func (d *drawing) some(t lanyard.Type, least, most int) []string {
	ids := rapid.Permutation(d.ids[t]).Draw(d.T, string(t))
	most = min(most, len(ids))
	return slices.Clone(ids[:rapid.IntRange(min(least, most), most).Draw(d.T, "how many")])
}

func (d *drawing) flag(label string) bool { return rapid.Bool().Draw(d.T, label) }

func (d *drawing) times(label string, most int, do func(i int)) {
	for i := range rapid.IntRange(0, most).Draw(d.T, label) {
		do(i)
	}
}

// drawInstance draws an instance and its resources.
func drawInstance(t *rapid.T) (*lanyard.Instance, []lanyard.Resource) {
	d := &drawing{T: t, ids: map[lanyard.Type][]string{}}
	in := &lanyard.Instance{Meta: d.meta(lanyard.TypeInstance), Account: account, Region: "eu-west-2",
		IdentityManagement: "SAML", Attributes: map[string]string{"INBOUND_CALLS": "true"}, Created: time.Unix(1e9, 0).UTC()}
	in.Name = "drawn"
	all := []lanyard.Resource{d.structure()}
	all = append(all, d.groups()...)
	all = append(all, d.profiles()...)
	all = append(all, d.routing()...)
	all = append(all, d.people()...)
	all = append(all, d.modules()...)
	all = append(all, d.tables()...)
	return in, rapid.Permutation(all).Draw(t, "order")
}

func (d *drawing) structure() lanyard.Resource {
	s := &lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID}}
	for i := range lanyard.MaxLevels { // a group may be at any level
		s.Levels = append(s.Levels, lanyard.Level{ID: lanyard.LevelID(i + 1), Name: fmt.Sprint("level ", i+1),
			Modified: time.Unix(int64(i+1)*1000, 0).UTC()})
	}
	return s
}

func (d *drawing) groups() (all []lanyard.Resource) {
	var groups []*lanyard.Group
	d.times("groups", 8, func(int) {
		g := &lanyard.Group{Meta: d.meta(lanyard.TypeGroup)}
		if len(groups) > 0 && d.flag("below") {
			if parent := rapid.SampledFrom(groups).Draw(d.T, "parent"); len(parent.Path) < lanyard.MaxLevels {
				g.Path = slices.Clone(parent.Path)
			}
		}
		g.Path = append(g.Path, g.ID)
		groups, all = append(groups, g), append(all, g)
	})
	return all
}

func (d *drawing) profiles() (all []lanyard.Resource) {
	names := rapid.SampledFrom([]string{"Users.View", "Users.Edit", "Queues.View", "New.Permission", "Nonsense"})
	for range rapid.IntRange(1, 6).Draw(d.T, "profiles") {
		p := &lanyard.Profile{Meta: d.meta(lanyard.TypeProfile), Description: d.text("description"),
			Permissions: lanyard.SortPermissions(rapid.SliceOf(names).Draw(d.T, "permissions")),
			AccessTags:  d.tags("access"), TagRestricted: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"User", "Queue",
				"Unknown"}), 0, 3, rapid.ID).Draw(d.T, "restricted")}
		if d.flag("hierarchy") {
			p.HierarchyRestricted = []string{"User"}
			if len(d.ids[lanyard.TypeGroup]) > 0 {
				p.HierarchyGroup = d.one(lanyard.TypeGroup)
			}
		}
		d.times("applications", 3, func(i int) {
			p.Applications = append(p.Applications, lanyard.Application{Namespace: fmt.Sprint("app", 9-i),
				Permissions: []string{"ACCESS"}, Type: rapid.SampledFrom([]string{"MCP", "NEW", "THIRD_PARTY_APPLICATION"}).
						Draw(d.T, "type")})
		})
		d.times("tools", 3, func(i int) {
			p.FlowModules = append(p.FlowModules, lanyard.FlowModule{Type: "MCP", ID: fmt.Sprint("tool", 9-i)})
		})
		d.times("agents", 3, func(i int) {
			p.AIAgents = append(p.AIAgents, lanyard.AllowedAIAgent{Type: "THIRD_PARTY",
				ARN: fmt.Sprintf("arn:aws:wisdom:eu-west-2:%s:ai-agent/a/b:%d", account, 9-i)})
		})
		d.times("rules", 2, func(i int) {
			p.DataTables = append(p.DataTables, lanyard.AttributeRule{Access: "ALLOW", Attribute: fmt.Sprint("attribute", i),
				Values: []string{"x", "y"}})
		})
		all = append(all, p)
	}
	return all
}

func (d *drawing) routing() (all []lanyard.Resource) {
	channels := []string{"VOICE", "CHAT", "TASK"}
	for range rapid.IntRange(1, 3).Draw(d.T, "hours") {
		h := &lanyard.Hours{Meta: d.meta(lanyard.TypeHours), Description: d.text("description"), TimeZone: "Europe/London",
			Settings: lanyard.Settings{"Config": lanyard.JSON(
				`[{"Day":"MONDAY","EndTime":{"Hours":17,"Minutes":0},"StartTime":{"Hours":9,"Minutes":0}}]`)}}
		if n := len(all); n > 0 && d.flag("inherits") {
			h.Parents = []string{all[n-1].Head().ID}
		}
		all = append(all, h)
	}
	d.times("quick connects", 4, func(i int) {
		q := &lanyard.QuickConnect{Meta: d.meta(lanyard.TypeQuickConnect), Description: d.text("description")}
		if q.Kind = lanyard.ToPhoneNumber; d.flag("flow") {
			q.Kind, q.Flow = lanyard.ToFlow, "flow"
		} else {
			q.PhoneNumber = "+442079460000"
		}
		all = append(all, q)
	})
	for range rapid.IntRange(1, 4).Draw(d.T, "queues") {
		q := &lanyard.Queue{Meta: d.meta(lanyard.TypeQueue), Description: d.text("description"),
			Hours: d.one(lanyard.TypeHours), Disabled: d.flag("disabled")}
		if d.flag("bounded") {
			most := rapid.Int32Range(0, 100).Draw(d.T, "most")
			q.MaxContacts = &most
		}
		if len(d.ids[lanyard.TypeQuickConnect]) > 0 {
			q.QuickConnects = d.some(lanyard.TypeQuickConnect, 0, 3)
		}
		if d.flag("caller") {
			q.Settings = lanyard.Settings{"OutboundCallerConfig": lanyard.JSON(`{"OutboundCallerIdName":"Us"}`)}
		}
		all = append(all, q)
	}
	for range rapid.IntRange(1, 3).Draw(d.T, "routing profiles") {
		r := &lanyard.RoutingProfile{Meta: d.meta(lanyard.TypeRoutingProfile), Description: d.text("description"),
			DefaultQueue: d.one(lanyard.TypeQueue), IsDefault: d.flag("default")}
		for _, id := range d.some(lanyard.TypeQueue, 0, 3) {
			r.Queues = append(r.Queues, lanyard.QueueConfig{Queue: id, Priority: 1, Delay: rapid.Int32Range(0, 99).Draw(d.T, "delay"),
				Channel: rapid.SampledFrom(channels).Draw(d.T, "channel")})
		}
		for _, id := range d.some(lanyard.TypeQueue, 0, 2) {
			r.ManualQueues = append(r.ManualQueues, lanyard.QueueConfig{Queue: id, Channel: "TASK"})
		}
		if d.flag("settings") {
			r.Settings = lanyard.Settings{"AgentAvailabilityTimer": lanyard.JSON(`"TIME_SINCE_LAST_INBOUND"`),
				"MediaConcurrencies": lanyard.JSON(`[{"Channel":"VOICE","Concurrency":1}]`)}
		}
		all = append(all, r)
	}
	return all
}

func (d *drawing) people() (all []lanyard.Resource) {
	d.times("users", 8, func(int) {
		u := &lanyard.User{Meta: d.meta(lanyard.TypeUser), FirstName: d.text("first"), LastName: d.text("last"),
			Email: d.text("email"), SecondaryEmail: d.text("second"), Mobile: d.text("mobile"),
			DirectoryUserID: d.text("directory"), Profiles: d.some(lanyard.TypeProfile, 1, 10),
			RoutingProfile: d.one(lanyard.TypeRoutingProfile)}
		if len(d.ids[lanyard.TypeGroup]) > 0 && d.flag("grouped") {
			u.Group = d.one(lanyard.TypeGroup)
		}
		d.times("proficiencies", 3, func(i int) {
			u.Proficiencies = append(u.Proficiencies, lanyard.Proficiency{Attribute: fmt.Sprint("attribute", 9-i), Value: "v",
				Level: 1 + i})
		})
		if d.flag("phone") {
			u.Settings = lanyard.Settings{"PhoneConfig": lanyard.JSON(fmt.Sprintf(
				`{"PhoneType":"SOFT_PHONE","AfterContactWorkTimeLimit":%d}`, rapid.IntRange(0, 2_000_000).Draw(d.T, "limit")))}
		}
		if d.flag("accepts") {
			u.Settings = lanyard.Settings{"AutoAcceptConfigs": lanyard.JSON(`[{"AutoAccept":true,"Channel":"VOICE"}]`)}
		}
		all = append(all, u)
	})
	d.times("AI agents", 3, func(i int) {
		id := fmt.Sprintf("arn:aws:wisdom:eu-west-2:%s:ai-agent/assistant/agent:%d", account, i+1)
		all = append(all, &lanyard.AIAgent{Meta: lanyard.Meta{ID: id, Name: id},
			Profiles: d.some(lanyard.TypeProfile, 1, 3)})
	})
	return all
}

func (d *drawing) tables() (all []lanyard.Resource) {
	number := func(label string) *float64 {
		if !d.flag(label) {
			return nil
		}
		f := rapid.Float64Range(-1e300, 1e300).Draw(d.T, label)
		return &f
	}
	whole := func(label string) *int32 {
		if !d.flag(label) {
			return nil
		}
		n := rapid.Int32Range(0, 1000).Draw(d.T, label)
		return &n
	}
	d.times("tables", 3, func(int) {
		t := &lanyard.DataTable{Meta: d.meta(lanyard.TypeDataTable), Description: d.text("description"), TimeZone: "UTC",
			LockLevel: lanyard.LockNone, Status: lanyard.DataTablePublished, Created: time.Unix(1e9, 0).UTC(), Lock: "table"}
		all = append(all, t)
		d.times("attributes", 3, func(i int) {
			a := &lanyard.DataTableAttribute{Meta: d.meta(lanyard.TypeDataTableAttribute), Table: t.ID, Lock: "attribute",
				Description: d.text("description"), ValueType: lanyard.NumberValue, Primary: d.flag("primary")}
			if a.Tags = nil; d.flag("validated") {
				a.Validation = &lanyard.Validation{MinLength: whole("length"), MaxLength: whole("length"),
					MinValues: whole("values"), MaxValues: whole("values"), IgnoreCase: true, Minimum: number("least"),
					Maximum: number("most"), ExclusiveMinimum: number("above"), ExclusiveMaximum: number("below"),
					MultipleOf: number("multiple")}
				if d.flag("listed") {
					a.Validation.Enum = &lanyard.Enum{Strict: d.flag("strict"), Values: []string{"1", "2"}}
				}
			}
			all = append(all, a)
		})
	})
	return all
}

func (d *drawing) modules() (all []lanyard.Resource) {
	d.times("modules", 3, func(int) {
		m := &lanyard.Module{Meta: d.meta(lanyard.TypeModule), Description: d.text("description"),
			Content: d.text("content"), ExternalInvocation: d.flag("external"), Archived: d.flag("archived")}
		if d.flag("settings") {
			m.Settings = lanyard.Settings{"Settings": lanyard.JSON(`"{}"`)}
		}
		if d.flag("draft") {
			m.Draft = &lanyard.Draft{Content: d.text("draft")}
		}
		d.times("versions", 3, func(i int) {
			n := int64(i + 1)
			m.LastVersion = n
			id := lanyard.ModuleVersionID(m.ID, n)
			all = append(all, &lanyard.ModuleVersion{Meta: lanyard.Meta{ID: id, Name: id}, Module: m.ID, Number: n,
				Description: d.text("version"), Content: d.text("content"), ExternalInvocation: d.flag("external")})
			if d.flag("named") {
				a := &lanyard.ModuleAlias{Meta: d.meta(lanyard.TypeModuleAlias), Module: m.ID, Version: n,
					Description: d.text("alias")}
				a.Tags = nil
				all = append(all, a)
			}
		})
		all = append(all, m)
	})
	return all
}
