package stack

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// drawTemplate draws a template of every type, whose resources refer to each other.
func drawTemplate(t *rapid.T, instance string) *Template {
	d := &drawer{T: t, arn: lanyard.ARN{Partition: "aws", Region: "eu-central-1", Account: account, Instance: instance}}
	levels := rapid.IntRange(0, 3).Draw(t, "levels")
	if levels > 0 {
		structure := map[string]any{}
		for i := range levels {
			structure[levelNames[i]] = map[string]any{"Name": fmt.Sprintf("Level %d", i)}
		}
		d.add("UserHierarchyStructure", "Structure", map[string]any{"UserHierarchyStructure": structure}, nil)
	}
	d.hours()
	d.modules()
	d.groups(levels)
	d.profiles()
	d.queues()
	d.routing()
	d.users()
	return &Template{Resources: d.resources}
}

type drawer struct {
	*rapid.T
	arn       lanyard.ARN
	resources []Resource
	ids       map[string][]string // logical ids by type
}

func (d *drawer) add(typ, id string, p, meta map[string]any) {
	p["InstanceArn"] = "arn:aws:connect:eu-central-1:" + account + ":instance/" + d.arn.Instance
	if d.ids == nil {
		d.ids = map[string][]string{}
	}
	if typ != "UserHierarchyStructure" && d.bool("tags") {
		p["Tags"] = []any{map[string]any{"Key": "Team", "Value": d.word("tag")}}
		if d.bool("odd tag") {
			if meta == nil {
				meta = map[string]any{}
			}
			meta["Tags"] = []any{map[string]any{"Key": "Cost Center é", "Value": ""}}
		}
	}
	d.resources = append(d.resources, Resource{LogicalID: id, Type: prefix + typ, Properties: p, Lanyard: meta})
	d.ids[typ] = append(d.ids[typ], id)
}

func (d *drawer) bool(name string) bool { return rapid.Bool().Draw(d.T, name) }

func (d *drawer) word(name string) string {
	return rapid.SampledFrom([]string{"red", "green", "it's \"blue\"", "yes", "12", "a: b", "# x", "Zürich"}).Draw(d.T, name)
}

// ref draws a reference to a resource of a type; "" when there is none.
func (d *drawer) ref(typ string) string {
	if len(d.ids[typ]) == 0 {
		return ""
	}
	return PlaceholderARN(d.arn, prefix+typ, rapid.SampledFrom(d.ids[typ]).Draw(d.T, "ref"))
}

func (d *drawer) refs(typ string) (out []any) {
	seen := map[string]bool{}
	for range rapid.IntRange(1, 3).Draw(d.T, "refs") {
		if r := d.ref(typ); r != "" && !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

func (d *drawer) count(most int) int { return rapid.IntRange(0, most).Draw(d.T, "count") }

func (d *drawer) hours() {
	names := []string{"Basic Hours", "Day", "Night"}
	for n := range d.count(3) {
		p := map[string]any{"Name": names[n], "TimeZone": "Europe/Paris", "Config": []any{map[string]any{"Day": "MONDAY",
			"StartTime": map[string]any{"Hours": float64(n), "Minutes": 0}, "EndTime": map[string]any{"Hours": "17", "Minutes": 30.0}}}}
		if d.bool("described") {
			p["Description"] = d.word("description")
		}
		if r := d.ref("HoursOfOperation"); r != "" && d.bool("parent") {
			p["ParentHoursOfOperations"] = []any{map[string]any{"Id": idOf(r)}}
		}
		d.add("HoursOfOperation", fmt.Sprintf("Hours%d", n), p, nil)
	}
}

func (d *drawer) modules() {
	for n := range d.count(2) {
		meta := map[string]any{}
		p := map[string]any{"Name": fmt.Sprintf("Module %d", n), "Content": `{"Version":"2019-10-30","StartAction":"x"}`,
			"Description": "A tool", "ExternalInvocationConfiguration": map[string]any{"Enabled": true}}
		if n == 0 {
			meta["Released"] = true
		}
		if d.bool("archived") && n > 0 {
			p["State"] = "ARCHIVED"
		}
		d.add("ContactFlowModule", fmt.Sprintf("Module%d", n), p, meta)
	}
}

func (d *drawer) groups(levels int) {
	var above []string
	for level := range levels {
		var here []string
		for n := range rapid.IntRange(1, 2).Draw(d.T, "groups") {
			id := fmt.Sprintf("Group%dx%d", level, n)
			p := map[string]any{"Name": fmt.Sprintf("Group %d", n)}
			if level > 0 {
				p["ParentGroupArn"] = PlaceholderARN(d.arn, prefix+"UserHierarchyGroup",
					rapid.SampledFrom(above).Draw(d.T, "parent"))
				p["Name"] = fmt.Sprintf("Group %d %d", level, n)
			}
			d.add("UserHierarchyGroup", id, p, nil)
			here = append(here, id)
		}
		above = here
	}
}

func (d *drawer) profiles() {
	all := lanyard.Permissions()
	for n := range rapid.IntRange(1, 4).Draw(d.T, "profiles") {
		p := map[string]any{"SecurityProfileName": rapid.SampledFrom([]string{"Admin", "Agent"}).Draw(d.T, "name")}
		if n > 0 {
			p["SecurityProfileName"] = fmt.Sprintf("Profile %d", n)
		}
		var permissions []any
		for range d.count(6) {
			permissions = append(permissions, all[rapid.IntRange(0, len(all)-1).Draw(d.T, "permission")].Name)
		}
		p["Permissions"] = permissions
		meta := map[string]any{}
		d.restrict(p, meta)
		d.add("SecurityProfile", fmt.Sprintf("Profile%d", n), p, meta)
	}
}

func (d *drawer) restrict(p, meta map[string]any) {
	if d.bool("tagged") {
		p["AllowedAccessControlTags"] = []any{map[string]any{"Key": "Team", "Value": d.word("tag")}}
		p["TagRestrictedResources"] = []any{"User", "Queue"}
	}
	if d.bool("hierarchy") {
		p["HierarchyRestrictedResources"] = []any{"User"}
		if r := d.ref("UserHierarchyGroup"); r != "" {
			p["AllowedAccessControlHierarchyGroupId"] = idOf(r)
		}
	}
	if d.bool("applications") {
		p["Applications"] = []any{map[string]any{"Namespace": "crm", "ApplicationPermissions": []any{"ACCESS"}},
			map[string]any{"Namespace": "mcp", "Type": "MCP", "ApplicationPermissions": []any{"b", "a"}}}
	}
	if ids := d.ids["ContactFlowModule"]; len(ids) > 0 && d.bool("module") {
		p["AllowedFlowModules"] = []any{map[string]any{"FlowModuleId": Placeholder(ids[0])}}
	}
	if d.bool("rows") {
		p["GranularAccessControlConfiguration"] = map[string]any{"DataTableAccessControlConfiguration": map[string]any{
			"PrimaryAttributeAccessControlConfiguration": map[string]any{"PrimaryAttributeValues": []any{map[string]any{
				"AttributeName": "Country", "Values": []any{"FR", "DE"}}}}}}
	}
	if d.bool("agents") {
		meta["AllowedAIAgents"] = []any{map[string]any{"Arn": "arn:aws:wisdom:eu-central-1:123456789012:ai-agent/a/b"}}
	}
}

func (d *drawer) queues() {
	if len(d.ids["HoursOfOperation"]) == 0 {
		return
	}
	for n := range d.count(3) {
		p := map[string]any{"Name": fmt.Sprintf("Queue %d", n), "HoursOfOperationArn": d.ref("HoursOfOperation")}
		if n == 0 {
			p["Name"] = "BasicQueue"
		}
		if d.bool("most") {
			p["MaxContacts"] = "7"
			p["Status"] = "DISABLED"
			p["OutboundCallerConfig"] = map[string]any{"OutboundCallerIdName": "Us",
				"OutboundFlowArn": "arn:aws:connect:eu-central-1:" + account + ":instance/" + d.arn.Instance +
					"/contact-flow/" + whisper}
		}
		d.add("Queue", fmt.Sprintf("Queue%d", n), p, nil)
	}
}

func (d *drawer) routing() {
	if len(d.ids["Queue"]) == 0 {
		return
	}
	for n := range d.count(2) {
		p := map[string]any{"Name": fmt.Sprintf("Routing %d", n), "Description": d.word("description"),
			"DefaultOutboundQueueArn": d.ref("Queue"),
			"MediaConcurrencies":      []any{map[string]any{"Channel": "VOICE", "Concurrency": 1}}}
		var queues []any
		for _, r := range d.refs("Queue") {
			queues = append(queues, map[string]any{"Priority": 1 + d.count(5), "Delay": 0,
				"QueueReference": map[string]any{"Channel": "VOICE", "QueueArn": r}})
		}
		p["QueueConfigs"] = queues
		d.add("RoutingProfile", fmt.Sprintf("Routing%d", n), p, nil)
	}
}

func (d *drawer) users() {
	if len(d.ids["RoutingProfile"]) == 0 {
		return
	}
	for n := range d.count(4) {
		p := map[string]any{"Username": fmt.Sprintf("user.%d", n), "RoutingProfileArn": d.ref("RoutingProfile"),
			"SecurityProfileArns": d.refs("SecurityProfile"),
			"IdentityInfo":        map[string]any{"FirstName": "Ada", "LastName": d.word("last name")},
			"PhoneConfig":         map[string]any{"PhoneType": "SOFT_PHONE", "AutoAccept": d.bool("auto")}}
		if r := d.ref("UserHierarchyGroup"); r != "" && d.bool("grouped") {
			p["HierarchyGroupArn"] = r
		}
		if d.bool("proficient") {
			p["UserProficiencies"] = []any{map[string]any{"AttributeName": "Language", "AttributeValue": "French",
				"Level": 1 + d.count(4)}}
		}
		d.add("User", fmt.Sprintf("User%d", n), p, nil)
	}
}

// An instance becomes what any template says, from what any other template left of it, and a second plan is empty.
func TestPlanAfterApplyIsEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, "SAML")
		defer w.close()
		for range 2 {
			template := drawTemplate(t, w.instance)
			p, err := w.tryPlan(template, true)
			if err != nil && legitimate(err) {
				return
			} else if err != nil {
				t.Fatalf("plan: %v", err)
			}
			if err := p.Apply(context.Background(), w, nil); err != nil {
				t.Fatalf("apply: %v\n%v", err, p.Changes)
			}
			if len(p.Warnings) > 0 {
				t.Errorf("warnings: %v", p.Warnings)
			}
			again := w.plan(template, true)
			if !again.Empty() || len(again.Drift) > 0 {
				t.Fatalf("plan after apply: %+v\n%+v\n%+v", again.Changes, again.Calls, again.Drift)
			}
		}
	})
}

// legitimate are refusals that the second of two random templates cannot avoid: what it no longer has is still in use
// by what is not part of the stack, or its names are those of others for a moment.
func legitimate(err error) bool {
	return strings.Contains(err.Error(), "is in use by") || strings.Contains(err.Error(), "already exists")
}

// An export makes of an empty instance one with the same export, in YAML and JSON, through the parser of templates.
func TestExportThenApplyIsIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		identity := rapid.SampledFrom([]string{"SAML", "CONNECT_MANAGED"}).Draw(t, "identity")
		w := newWorld(t, identity)
		defer w.close()
		drawn := drawTemplate(t, w.instance)
		if identity == "CONNECT_MANAGED" {
			passwords(drawn, "Passw0rd")
		}
		w.apply(drawn, false)
		first := w.yaml()
		for _, name := range []string{"export.yaml", "export.json"} {
			empty := newWorld(t, identity)
			text, err := []byte(first), error(nil)
			if name == "export.json" {
				text, err = w.export().JSON()
			}
			if err != nil {
				t.Fatal(err)
			}
			empty.apply(empty.read(name, string(text)), false)
			second := strings.ReplaceAll(empty.yaml(), empty.instance, w.instance)
			if first != second {
				t.Fatalf("exports differ:\n%s\nof\n%s", lineDiff(first, second), text)
			}
			empty.close()
		}
	})
}

func passwords(t *Template, password string) {
	for _, r := range t.Resources {
		if r.Type == prefix+"User" {
			r.Properties["Password"] = password
		}
	}
}

// The gains and losses of a plan are the difference of the effective permissions before and after the apply.
func TestGainsAreThoseOfTheApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, "SAML")
		defer w.close()
		w.apply(drawTemplate(t, w.instance), false)
		before := w.effective()
		p, err := w.tryPlan(drawTemplate(t, w.instance), true)
		if err != nil && legitimate(err) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(context.Background(), w, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := planned(p), gainsAndLosses(before, w.effective()); !maps.Equal(got, want) {
			t.Fatalf("the plan says\n%v\nand it was\n%v", got, want)
		}
	})
}

// effective lists what users may do by the profiles that they hold, without the decision engine: name and permission.
func (w *world) effective() map[string]bool {
	out := map[string]bool{}
	at := w.target()
	profiles := map[string]*lanyard.Profile{}
	for _, r := range at.Resources {
		if p, ok := r.(*lanyard.Profile); ok {
			profiles[p.ID] = p
		}
	}
	for _, r := range at.Resources {
		if u, ok := r.(*lanyard.User); ok {
			for _, id := range u.Profiles {
				for _, permission := range profiles[id].Permissions {
					if p, _ := lanyard.LookupPermission(permission); p.Restriction {
						continue // it takes something away, and is a change of that
					}
					out[u.Name+" "+permission] = true
				}
			}
		}
	}
	return out
}

func gainsAndLosses(before, after map[string]bool) map[string]string {
	out := map[string]string{}
	for key := range after {
		if !before[key] {
			out[key] = "gained"
		}
	}
	for key := range before {
		if !after[key] {
			out[key] = "lost"
		}
	}
	return out
}

// planned lists the same of a plan.
func planned(p *Plan) map[string]string {
	out := map[string]string{}
	if p.Before == nil {
		return out
	}
	for _, d := range access.Compare(p.Before, p.After) {
		for _, s := range d.Subjects {
			for _, g := range d.Gains {
				if g.Type == "" {
					out[s.Name+" "+g.Action] = "gained"
				}
			}
			for _, l := range d.Loses {
				if l.Type == "" {
					out[s.Name+" "+l.Action] = "lost"
				}
			}
		}
	}
	return out
}

func lineDiff(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range as {
		if i >= len(bs) || as[i] != bs[i] {
			return fmt.Sprintf("line %d:\n%s\n--- got\n%s\n", i+1, strings.Join(as[max(0, i-8):min(len(as), i+5)], "\n"),
				strings.Join(bs[max(0, min(i, len(bs))-8):min(len(bs), i+5)], "\n"))
		}
	}
	return "the second is longer:\n" + strings.Join(bs[len(as):], "\n")
}
