package control

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// A text is one that people read, as a resource holds it, and the member of requests that sets it.
type text struct {
	member string
	value  string
	prose  bool // it may have lines and tabs
}

// nameMembers are the members that set the names of types, where that is not Name.
var nameMembers = map[lanyard.Type]string{
	lanyard.TypeInstance: "InstanceAlias", lanyard.TypeProfile: "SecurityProfileName", lanyard.TypeUser: "Username",
	lanyard.TypeAIAgent: "EntityArn",
}

// texts returns what people read of a resource, apart from texts that are plain. A test demands that it has every
// string of every type, apart from ids that lanyard gives and the content of flows.
func texts(r lanyard.Resource) []text {
	var t textList
	m := r.Head()
	t.line(cmp.Or(nameMembers[r.Type()], documents[r.Type()].named, "Name"), m.Name)
	t.pairs("Tags", m.Tags)
	switch r := r.(type) {
	case *lanyard.Instance:
		t.line("IdentityManagementType", r.IdentityManagement)
		t.line("DirectoryId", r.DirectoryID)
		t.pairs("Attributes", r.Attributes)
		if r.Mirror != nil {
			t.line("Mirror.Source", r.Mirror.Source)
			t.line("Mirror.Run", r.Mirror.Run)
		}
	case *lanyard.Profile:
		t.profile(r)
	case *lanyard.User:
		t.user(r)
	case *lanyard.Structure:
		for i, l := range r.Levels {
			t.line("HierarchyStructure."+levelNames[i]+".Name", l.Name)
		}
	case *lanyard.Queue:
		t.prose("Description", r.Description)
		t.settings(r.Settings, t.line)
	case *lanyard.RoutingProfile:
		t.prose("Description", r.Description)
		t.channels("QueueConfigs", r.Queues)
		t.channels("ManualAssignmentQueueConfigs", r.ManualQueues)
		t.settings(r.Settings, t.line)
	case *lanyard.Hours:
		t.prose("Description", r.Description)
		t.line("TimeZone", r.TimeZone)
		t.settings(r.Settings, t.line)
	case *lanyard.Module:
		t.prose("Description", r.Description)
		t.settings(r.Settings, t.prose) // a document, which may have lines
		if r.Draft != nil {
			t.settings(r.Draft.Settings, t.prose)
		}
	case *lanyard.ModuleVersion:
		t.prose("Description", r.Description)
		t.settings(r.Settings, t.prose)
	case *lanyard.ModuleAlias:
		t.prose("Description", r.Description)
	case *lanyard.QuickConnect:
		t.quickConnect(r)
	case lanyard.Documented:
		t.document(r)
	case *lanyard.DataTable:
		t.prose("Description", r.Description)
		t.line("TimeZone", r.TimeZone)
		t.line("ValueLockLevel", r.LockLevel)
		t.line("Status", r.Status)
	case *lanyard.DataTableRow:
		for _, value := range r.Primary {
			t.line("PrimaryValues", value)
		}
		for _, cell := range r.Cells {
			t.prose("Value", cell.Value)
		}
	case *lanyard.DataTableAttribute:
		t.prose("Description", r.Description)
		t.line("ValueType", r.ValueType)
		if v := r.Validation; v != nil && v.Enum != nil {
			t.lines("Validation.Enum.Values", v.Enum.Values)
		}
	}
	return t
}

// A textList collects the texts of a resource that are not plain. Nearly all are, so it is nearly always empty.
type textList []text

// line adds a text of one line.
func (t *textList) line(member, value string) { t.add(text{member: member, value: value}) }

// itemLine adds a text of one line in the i-th item of a list.
func (t *textList) itemLine(list string, i int, name, value string) {
	if !plain(value) {
		t.line(member(list, i, name), value)
	}
}

// prose adds a text that may have lines and tabs.
func (t *textList) prose(member, value string) { t.add(text{member, value, true}) }

func (t *textList) add(x text) {
	if !plain(x.value) {
		*t = append(*t, x)
	}
}

// lines adds the texts of a list.
func (t *textList) lines(member string, values []string) {
	for _, v := range values {
		t.line(member, v)
	}
}

// pairs adds the keys and values of a map.
func (t *textList) pairs(member string, m map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		t.line(member, k)
		if !plain(m[k]) {
			t.line(fmt.Sprintf("%s[%s]", member, lanyard.Quote(k)), m[k])
		}
	}
}

// settings adds every string in the raw JSON of settings, at any depth.
func (t *textList) settings(s lanyard.Settings, add func(member, value string)) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		add(name, name)
		var v any
		if harmless(s[name]) {
			continue
		}
		if err := laxjson.Unmarshal(s[name], &v); err != nil {
			v = string(s[name])
		}
		addStrings(name, v, add)
	}
}

// document adds the strings of the members of a document, which may have lines.
func (t *textList) document(r lanyard.Documented) {
	for _, members := range []lanyard.Settings{r.Doc().Members, r.Doc().Draft} {
		shown := maps.Clone(members)
		for _, name := range documents[r.Type()].content {
			delete(shown, name)
		}
		t.settings(shown, t.prose)
	}
}

// harmless reports whether no string in a JSON text can forge anything, which spares decoding nearly all of them.
func harmless(raw []byte) bool {
	return !slices.ContainsFunc(raw, func(c byte) bool { return c == '\\' || c >= 0x7f })
}

// addStrings calls add with the strings and keys in a decoded JSON value, each with its path.
func addStrings(path string, v any, add func(member, value string)) {
	switch v := v.(type) {
	case string:
		add(path, v)
	case []any:
		for i := range v {
			addStrings(item(path, i), v[i], add)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			add(path, k)
			addStrings(path+"."+k, v[k], add)
		}
	}
}

func (t *textList) profile(p *lanyard.Profile) {
	t.prose("Description", p.Description)
	t.lines("Permissions", p.Permissions)
	t.lines("TagRestrictedResources", p.TagRestricted)
	t.lines("HierarchyRestrictedResources", p.HierarchyRestricted)
	t.line("AllowedAccessControlHierarchyGroupId", p.HierarchyGroup)
	t.pairs("AllowedAccessControlTags", p.AccessTags)
	for i, a := range p.Applications {
		t.itemLine("Applications", i, "Namespace", a.Namespace)
		for _, name := range a.Permissions {
			t.itemLine("Applications", i, "ApplicationPermissions", name)
		}
		t.itemLine("Applications", i, "Type", a.Type)
	}
	for i, m := range p.FlowModules {
		t.itemLine("AllowedFlowModules", i, "Type", m.Type)
		t.itemLine("AllowedFlowModules", i, "FlowModuleId", m.ID)
	}
	for i, a := range p.AIAgents {
		t.itemLine("AllowedAIAgents", i, "Type", a.Type)
		t.itemLine("AllowedAIAgents", i, "Arn", a.ARN)
	}
	for _, rule := range p.DataTables {
		t.line("PrimaryAttributeValues.AccessType", rule.Access)
		t.line("PrimaryAttributeValues.AttributeName", rule.Attribute)
		t.lines("PrimaryAttributeValues.Values", rule.Values)
	}
}

func (t *textList) user(u *lanyard.User) {
	t.line("IdentityInfo.FirstName", u.FirstName)
	t.line("IdentityInfo.LastName", u.LastName)
	t.line("IdentityInfo.Email", u.Email)
	t.line("IdentityInfo.SecondaryEmail", u.SecondaryEmail)
	t.line("IdentityInfo.Mobile", u.Mobile)
	t.line("DirectoryUserId", u.DirectoryUserID)
	for _, p := range u.Proficiencies {
		t.line("UserProficiencies.AttributeName", p.Attribute)
		t.line("UserProficiencies.AttributeValue", p.Value)
	}
	t.settings(u.Settings, t.line)
}

func (t *textList) channels(list string, queues []lanyard.QueueConfig) {
	for i, q := range queues {
		t.itemLine(list, i, "QueueReference.Channel", q.Channel)
	}
}

// quickConnectConfigs are the members of QuickConnectConfig for the kinds of quick connects.
var quickConnectConfigs = map[string]string{lanyard.ToUser: "UserConfig", lanyard.ToQueue: "QueueConfig",
	lanyard.ToPhoneNumber: "PhoneConfig", lanyard.ToFlow: "FlowConfig"}

func (t *textList) quickConnect(q *lanyard.QuickConnect) {
	t.prose("Description", q.Description)
	t.line("QuickConnectConfig.QuickConnectType", q.Kind)
	t.line("QuickConnectConfig.PhoneConfig.PhoneNumber", q.PhoneNumber)
	t.line("QuickConnectConfig."+quickConnectConfigs[q.Kind]+".ContactFlowId", q.Flow)
}

// breaksLine reports whether c begins another line, or is a tab: text of several lines may have it.
func breaksLine(c rune) bool { return strings.ContainsRune("\n\r\t\u2028\u2029", c) }

// forges reports whether a terminal or a page that shows c could be made to show something else: a control character,
// one that begins another line or one that turns the direction of writing around.
func forges(c rune) bool {
	return unicode.IsControl(c) || breaksLine(c) || c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069'
}

// plain reports whether a text has only printable ASCII, as nearly all texts do.
func plain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// refuseForged refuses a text with characters that would forge what shows it.
func (t text) refuseForged() error {
	bad := func(c rune) bool { return forges(c) && !(t.prose && breaksLine(c)) }
	if strings.IndexFunc(t.value, bad) < 0 {
		return nil
	}
	accepted := "without control characters or line separators"
	if t.prose {
		accepted = "without control characters other than line breaks and tabs"
	}
	return lanyard.Errorf(lanyard.Invalid, "%s must be text %s and without characters that override its direction, got %s",
		t.member, accepted, lanyard.Quote(t.value))
}

// texting is a transaction that stores no new text that could forge what shows it. A text that is stored already may
// stay, for it may be older than this rule.
type texting struct{ store.Tx }

// Put checks what r has and the resource that it replaces does not.
func (x texting) Put(ctx context.Context, r lanyard.Resource) error {
	if r.Type() == lanyard.TypeClientToken {
		return x.Tx.Put(ctx, r) // nobody reads it
	}
	var had []text
	for _, t := range texts(r) {
		err := t.refuseForged()
		if err == nil {
			continue
		}
		if had == nil && r.Head().Seq != 0 {
			before, failed := x.Get(ctx, r.Type(), r.Head().ID)
			if failed != nil {
				return failed
			}
			had = texts(before)
		}
		if !slices.ContainsFunc(had, func(old text) bool { return old.value == t.value && old.prose == t.prose }) {
			return err
		}
	}
	return x.Tx.Put(ctx, r)
}
