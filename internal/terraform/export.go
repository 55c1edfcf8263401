package terraform

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/lanyard/lanyard"
)

// Export returns an instance as configuration for the provider hashicorp/aws, with import blocks, so that Terraform
// takes over what is there. What the provider cannot express is said in comments; comments are more of these, about the
// whole.
func Export(in *lanyard.Instance, resources []lanyard.Resource, comments []string) []byte {
	e := &exporter{instance: in, file: hclwrite.NewEmptyFile(), names: map[lanyard.Ref]string{},
		agents: map[string][]string{}}
	all := exported(resources)
	e.nameAll(all)
	for _, r := range resources {
		if a, ok := r.(*lanyard.AIAgent); ok {
			for _, p := range a.Profiles {
				e.agents[p] = append(e.agents[p], a.ID)
			}
		}
	}
	e.head(comments)
	for _, r := range all {
		e.add(r)
	}
	return e.file.Bytes()
}

// order is that of the types in the file: what others refer to comes first.
var order = []lanyard.Type{lanyard.TypeStructure, lanyard.TypeGroup, lanyard.TypeHours, lanyard.TypeModule,
	lanyard.TypeProfile, lanyard.TypeQueue, lanyard.TypeRoutingProfile, lanyard.TypeUser, lanyard.TypeQuickConnect}

// typeWords are the resources of the provider, less what all begin with.
var typeWords = map[lanyard.Type]string{lanyard.TypeStructure: "user_hierarchy_structure",
	lanyard.TypeGroup: "user_hierarchy_group", lanyard.TypeHours: "hours_of_operation",
	lanyard.TypeModule: "contact_flow_module", lanyard.TypeProfile: "security_profile", lanyard.TypeQueue: "queue",
	lanyard.TypeRoutingProfile: "routing_profile", lanyard.TypeUser: "user", lanyard.TypeQuickConnect: "quick_connect"}

// idAttributes are the attributes that others refer to.
var idAttributes = map[lanyard.Type]string{lanyard.TypeGroup: "hierarchy_group_id",
	lanyard.TypeHours: "hours_of_operation_id", lanyard.TypeProfile: "security_profile_id",
	lanyard.TypeQueue: "queue_id", lanyard.TypeRoutingProfile: "routing_profile_id", lanyard.TypeUser: "user_id",
	lanyard.TypeQuickConnect: "quick_connect_id"}

// exported are the resources that the provider knows, in order.
func exported(resources []lanyard.Resource) []lanyard.Resource {
	var out []lanyard.Resource
	for _, r := range resources {
		if s, ok := r.(*lanyard.Structure); ok && len(s.Levels) == 0 {
			continue
		}
		if slices.Contains(order, r.Type()) {
			out = append(out, r)
		}
	}
	depth := func(r lanyard.Resource) int {
		if g, ok := r.(*lanyard.Group); ok {
			return len(g.Path)
		}
		return 0
	}
	slices.SortFunc(out, func(a, b lanyard.Resource) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Type()), slices.Index(order, b.Type())),
			cmp.Compare(depth(a), depth(b)), strings.Compare(a.Head().Name, b.Head().Name),
			strings.Compare(a.Head().ID, b.Head().ID))
	})
	return out
}

// An exporter writes configuration.
type exporter struct {
	instance *lanyard.Instance
	file     *hclwrite.File
	names    map[lanyard.Ref]string
	agents   map[string][]string // that hold a profile, by its id
}

// nameAll gives each resource a name of its type.
func (e *exporter) nameAll(all []lanyard.Resource) {
	taken := map[string]bool{}
	for _, r := range all {
		base := slug(r.Head().Name)
		name := base
		for n := 2; taken[string(r.Type())+name]; n++ {
			name = fmt.Sprintf("%s_%d", base, n)
		}
		taken[string(r.Type())+name] = true
		e.names[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] = name
	}
}

// slug makes an identifier of a name.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case b.Len() >= 60:
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if b.Len() == 0 && unicode.IsDigit(r) {
				b.WriteByte('_')
			}
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	if text := strings.TrimSuffix(b.String(), "_"); text != "" {
		return text
	}
	return "unnamed"
}

// comment writes a comment of one line.
func comment(body *hclwrite.Body, format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + text + "\n")}})
}

func (e *exporter) head(comments []string) {
	body := e.file.Body()
	comment(body, "Exported by lanyard for the provider hashicorp/aws. The import blocks hand what is there over to Terraform:")
	comment(body, "terraform plan then shows what is to import, and nothing to change.")
	if e.instance.IdentityManagement == "CONNECT_MANAGED" {
		comment(body, "Passwords of users are not exported; Terraform sets none unless a password is added.")
	}
	for _, c := range comments {
		comment(body, "%s", c)
	}
	body.AppendNewline()
	// The provider follows from the names of the resources; a folder may say once only where it comes from.
	body.AppendNewBlock("terraform", nil).Body().SetAttributeValue("required_version", cty.StringVal(">= 1.5"))
	body.AppendNewline()
	body.AppendNewBlock("locals", nil).Body().SetAttributeValue("instance_id", cty.StringVal(e.instance.ID))
}

// add writes a resource with its import block.
func (e *exporter) add(r lanyard.Resource) {
	kind, name := "aws_connect_"+typeWords[r.Type()], e.names[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}]
	body := e.file.Body()
	body.AppendNewline()
	block := body.AppendNewBlock("import", nil).Body()
	block.SetAttributeTraversal("to", path(kind, name))
	id := e.instance.ID
	if r.Type() != lanyard.TypeStructure {
		id += ":" + r.Head().ID
	}
	block.SetAttributeValue("id", cty.StringVal(id))
	body.AppendNewline()
	if missing := e.missing(r); len(missing) > 0 {
		comment(body, "The provider cannot express %s, and leaves it as it is.", strings.Join(missing, ", "))
	}
	w := &resourceBlock{e, body.AppendNewBlock("resource", []string{kind, name}).Body()}
	w.body.SetAttributeTraversal("instance_id", path("local", "instance_id"))
	switch r := r.(type) {
	case *lanyard.Structure:
		w.structure(r)
		return // it has no name and no tags
	case *lanyard.Group:
		w.text("name", r.Name)
		w.refer("parent_group_id", lanyard.TypeGroup, r.Parent())
	case *lanyard.Hours:
		w.hours(r)
	case *lanyard.Module:
		w.described(r.Name, r.Description)
		w.text("content", r.Content)
	case *lanyard.Profile:
		w.described(r.Name, r.Description)
		w.texts("permissions", r.Permissions)
	case *lanyard.Queue:
		w.queue(r)
	case *lanyard.RoutingProfile:
		w.routingProfile(r)
	case *lanyard.User:
		w.user(r)
	case *lanyard.QuickConnect:
		w.quickConnect(r)
	}
	w.tags(r.Head().Tags)
	if g, ok := r.(*lanyard.Group); ok && g.Parent() != "" {
		comment(w.body, "The provider does not read the parent back, and would replace an imported group because of it.")
		w.block("lifecycle").body.SetAttributeRaw("ignore_changes", hclwrite.TokensForTuple([]hclwrite.Tokens{
			hclwrite.TokensForTraversal(path("parent_group_id"))}))
	}
}

func path(root string, names ...string) hcl.Traversal {
	t := hcl.Traversal{hcl.TraverseRoot{Name: root}}
	for _, n := range names {
		t = append(t, hcl.TraverseAttr{Name: n})
	}
	return t
}

// missing are the members of a resource that the provider does not have.
func (e *exporter) missing(r lanyard.Resource) (out []string) {
	note := func(name string, set bool) {
		if set {
			out = append(out, name)
		}
	}
	set := func(s lanyard.Settings, names ...string) {
		for _, name := range names {
			note(name, len(s[name]) > 0)
		}
	}
	switch r := r.(type) {
	case *lanyard.Profile:
		note("AllowedAccessControlTags", len(r.AccessTags) > 0)
		note("TagRestrictedResources", len(r.TagRestricted) > 0)
		note("HierarchyRestrictedResources", len(r.HierarchyRestricted) > 0)
		note("AllowedAccessControlHierarchyGroupId", r.HierarchyGroup != "")
		note("Applications", len(r.Applications) > 0)
		note("AllowedFlowModules", len(r.FlowModules) > 0)
		note("AllowedAIAgents", len(r.AIAgents) > 0)
		note("GranularAccessControlConfiguration", len(r.DataTables) > 0)
		note("the AI agents that hold it", len(e.agents[r.ID]) > 0)
	case *lanyard.User:
		note("Mobile", r.Mobile != "")
		note("UserProficiencies", len(r.Proficiencies) > 0)
		set(r.Settings, slices.Sorted(maps.Keys(without(r.Settings, "PhoneConfig")))...)
	case *lanyard.Queue:
		set(r.Settings, slices.Sorted(maps.Keys(without(r.Settings, "OutboundCallerConfig")))...)
	case *lanyard.RoutingProfile:
		note("ManualAssignmentQueueConfigs", len(r.ManualQueues) > 0)
		set(r.Settings, slices.Sorted(maps.Keys(without(r.Settings, "MediaConcurrencies")))...)
	case *lanyard.Hours:
		note("ParentHoursOfOperations", len(r.Parents) > 0)
	case *lanyard.Module:
		note("ExternalInvocationConfiguration", r.ExternalInvocation)
		note("State", r.Archived)
		note("its versions and aliases", r.LastVersion > 0)
		set(r.Settings, "Settings")
	case *lanyard.QuickConnect:
		note("FlowConfig", r.Kind == lanyard.ToFlow)
	}
	return out
}

func without(s lanyard.Settings, name string) lanyard.Settings {
	s = maps.Clone(s)
	delete(s, name)
	return s
}

// resourceBlock writes the attributes of one resource.
type resourceBlock struct {
	*exporter
	body *hclwrite.Body
}

// text sets an attribute unless it is empty.
func (w *resourceBlock) text(name, value string) {
	if value != "" {
		w.body.SetAttributeValue(name, cty.StringVal(value))
	}
}

func (w *resourceBlock) described(name, description string) {
	w.text("name", name)
	w.text("description", description)
}

func (w *resourceBlock) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	tokens := make([]hclwrite.Tokens, len(values))
	for i, v := range values {
		tokens[i] = hclwrite.TokensForValue(cty.StringVal(v))
	}
	w.list(name, tokens)
}

// list sets an attribute to a list with an element on each line.
func (w *resourceBlock) list(name string, elements []hclwrite.Tokens) {
	newline := &hclwrite.Token{Type: hclsyntax.TokenNewline, Bytes: []byte("\n")}
	out := hclwrite.Tokens{{Type: hclsyntax.TokenOBrack, Bytes: []byte("[")}, newline}
	for _, e := range elements {
		out = append(append(out, e...), &hclwrite.Token{Type: hclsyntax.TokenComma, Bytes: []byte(",")}, newline)
	}
	w.body.SetAttributeRaw(name, append(out, &hclwrite.Token{Type: hclsyntax.TokenCBrack, Bytes: []byte("]")}))
}

// reference is an id of a resource as an expression.
func (w *resourceBlock) reference(t lanyard.Type, id string) hclwrite.Tokens {
	if name, ok := w.names[lanyard.Ref{Type: t, ID: id}]; ok {
		return hclwrite.TokensForTraversal(path("aws_connect_"+typeWords[t], name, idAttributes[t]))
	}
	return hclwrite.TokensForValue(cty.StringVal(id))
}

func (w *resourceBlock) refer(name string, t lanyard.Type, id string) {
	if id != "" {
		w.body.SetAttributeRaw(name, w.reference(t, id))
	}
}

func (w *resourceBlock) referAll(name string, t lanyard.Type, ids []string) {
	if len(ids) == 0 {
		return
	}
	tokens := make([]hclwrite.Tokens, len(ids))
	for i, id := range ids {
		tokens[i] = w.reference(t, id)
	}
	w.list(name, tokens)
}

// block begins a block within the resource.
func (w *resourceBlock) block(name string) *resourceBlock {
	return &resourceBlock{w.exporter, w.body.AppendNewBlock(name, nil).Body()}
}

func (w *resourceBlock) number(name string, n float64) {
	w.body.SetAttributeValue(name, cty.NumberFloatVal(n))
}

// tags sets the tags but those that AWS sets itself.
func (w *resourceBlock) tags(tags map[string]string) {
	values := map[string]cty.Value{}
	for k, v := range tags {
		if !strings.HasPrefix(k, "aws:") {
			values[k] = cty.StringVal(v)
		}
	}
	if len(values) > 0 {
		w.body.SetAttributeValue("tags", cty.MapVal(values))
	}
}

// setting decodes a setting into out, which stays as it is if there is none.
func setting(s lanyard.Settings, name string, out any) {
	if len(s[name]) > 0 {
		_ = json.Unmarshal([]byte(s[name]), out) // what is of another form is as good as absent
	}
}

func (w *resourceBlock) structure(s *lanyard.Structure) {
	levels := w.block("hierarchy_structure")
	for i, name := range []string{"level_one", "level_two", "level_three", "level_four", "level_five"} {
		if i < len(s.Levels) {
			levels.block(name).text("name", s.Levels[i].Name)
		}
	}
}

func (w *resourceBlock) hours(h *lanyard.Hours) {
	w.described(h.Name, h.Description)
	w.text("time_zone", h.TimeZone)
	type moment struct{ Hours, Minutes float64 }
	var config []struct {
		Day                string
		StartTime, EndTime moment
	}
	setting(h.Settings, "Config", &config)
	for _, c := range config {
		day := w.block("config")
		day.text("day", c.Day)
		day.clock("start_time", c.StartTime.Hours, c.StartTime.Minutes)
		day.clock("end_time", c.EndTime.Hours, c.EndTime.Minutes)
	}
}

func (w *resourceBlock) clock(name string, hours, minutes float64) {
	b := w.block(name)
	b.number("hours", hours)
	b.number("minutes", minutes)
}

func (w *resourceBlock) queue(q *lanyard.Queue) {
	w.described(q.Name, q.Description)
	w.refer("hours_of_operation_id", lanyard.TypeHours, q.Hours)
	if q.MaxContacts != nil {
		w.number("max_contacts", float64(*q.MaxContacts))
	}
	if q.Disabled {
		w.text("status", "DISABLED")
	}
	w.referAll("quick_connect_ids", lanyard.TypeQuickConnect, q.QuickConnects)
	var caller struct{ OutboundCallerIdName, OutboundCallerIdNumberId, OutboundFlowId string }
	setting(q.Settings, "OutboundCallerConfig", &caller)
	if caller.OutboundCallerIdName+caller.OutboundCallerIdNumberId+caller.OutboundFlowId != "" {
		b := w.block("outbound_caller_config")
		b.text("outbound_caller_id_name", caller.OutboundCallerIdName)
		b.text("outbound_caller_id_number_id", caller.OutboundCallerIdNumberId)
		b.text("outbound_flow_id", caller.OutboundFlowId)
	}
}

func (w *resourceBlock) routingProfile(r *lanyard.RoutingProfile) {
	w.described(r.Name, r.Description)
	w.refer("default_outbound_queue_id", lanyard.TypeQueue, r.DefaultQueue)
	var media []struct {
		Channel     string
		Concurrency float64
	}
	setting(r.Settings, "MediaConcurrencies", &media)
	for _, m := range media {
		b := w.block("media_concurrencies")
		b.text("channel", m.Channel)
		b.number("concurrency", m.Concurrency)
	}
	for _, q := range r.Queues {
		b := w.block("queue_configs")
		b.text("channel", q.Channel)
		b.number("delay", float64(q.Delay))
		b.number("priority", float64(q.Priority))
		b.refer("queue_id", lanyard.TypeQueue, q.Queue)
	}
}

func (w *resourceBlock) user(u *lanyard.User) {
	w.text("name", u.Name)
	w.referAll("security_profile_ids", lanyard.TypeProfile, u.Profiles)
	w.refer("routing_profile_id", lanyard.TypeRoutingProfile, u.RoutingProfile)
	w.refer("hierarchy_group_id", lanyard.TypeGroup, u.Group)
	if u.FirstName+u.LastName+u.Email+u.SecondaryEmail != "" {
		b := w.block("identity_info")
		b.text("first_name", u.FirstName)
		b.text("last_name", u.LastName)
		b.text("email", u.Email)
		b.text("secondary_email", u.SecondaryEmail)
	}
	phone := struct {
		PhoneType, DeskPhoneNumber string
		AutoAccept                 bool
		AfterContactWorkTimeLimit  float64
	}{PhoneType: "SOFT_PHONE"}
	setting(u.Settings, "PhoneConfig", &phone)
	b := w.block("phone_config")
	b.text("phone_type", phone.PhoneType)
	b.text("desk_phone_number", phone.DeskPhoneNumber)
	if phone.AutoAccept {
		b.body.SetAttributeValue("auto_accept", cty.True)
	}
	if phone.AfterContactWorkTimeLimit != 0 {
		b.number("after_contact_work_time_limit", phone.AfterContactWorkTimeLimit)
	}
}

// quickConnect writes the ids of users and queues as they are: these may refer to quick connects, and Terraform refuses
// a circle.
func (w *resourceBlock) quickConnect(q *lanyard.QuickConnect) {
	w.described(q.Name, q.Description)
	config := w.block("quick_connect_config")
	config.text("quick_connect_type", q.Kind)
	switch q.Kind {
	case lanyard.ToPhoneNumber:
		config.block("phone_config").text("phone_number", q.PhoneNumber)
	case lanyard.ToQueue:
		b := config.block("queue_config")
		b.text("contact_flow_id", q.Flow)
		b.text("queue_id", q.Queue)
	case lanyard.ToUser:
		b := config.block("user_config")
		b.text("contact_flow_id", q.Flow)
		b.text("user_id", q.User)
	}
}
