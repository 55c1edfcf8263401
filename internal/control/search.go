package control

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
)

// Condition is a tree of search conditions. All parts that are set must hold; an empty Condition
// holds for everything.
type Condition struct {
	Or     []Condition // any of them; nil: not set
	And    []Condition // all of them
	String *StringCondition
	Tag    *TagCondition
	Group  *GroupCondition
	Fields []FieldCondition
	State  string // of flow modules: ACTIVE or ARCHIVED
	Date   *DateCondition
	// Unknown names a condition on what no resource of the type is searched by; "" for none. It is refused.
	Unknown string
	Never   bool // a condition on something that no resource here has
}

// FieldCondition holds for documents whose member of that name is a string with that value.
type FieldCondition struct{ Field, Value string }

// DateCondition compares a date, YYYY-MM-DD, of overrides of hours of operation.
type DateCondition struct {
	Field   string
	Value   string
	Compare string // EQUAL_TO, LESS_THAN, …
}

// StringCondition compares a field, without regard to case.
type StringCondition struct {
	Field   string
	Value   string
	Compare string // EXACT, STARTS_WITH or CONTAINS
}

// TagCondition holds for resources with that tag. An empty Value means a tag without value.
type TagCondition struct {
	Key, Value string
}

// GroupCondition holds for users of a hierarchy group and, with Below, of those below it.
type GroupCondition struct {
	Group string
	Below bool
}

// Bounds of a search. The values for CONTAINS are documented; the others are ours.
const (
	minContains   = 2
	maxContains   = 25
	maxConditions = 500
	maxDepth      = 10
	// What a search may compare: conditions times resources of the type. A few conditions are always accepted.
	maxComparisons = 10_000_000
	fewConditions  = 10
)

// searchable names the fields of each type, in the order in which messages list them.
var searchable = map[lanyard.Type][]field{
	lanyard.TypeProfile: {nameField},
	lanyard.TypeUser: {
		{"Username", one(func(u *lanyard.User) string { return u.Name })},
		{"FirstName", one(func(u *lanyard.User) string { return u.FirstName })},
		{"LastName", one(func(u *lanyard.User) string { return u.LastName })},
		{"RoutingProfileId", one(func(u *lanyard.User) string { return u.RoutingProfile })},
		{"SecurityProfileId", func(r lanyard.Resource) []string { return r.(*lanyard.User).Profiles }},
		{"ResourceId", idField.values},
	},
	lanyard.TypeGroup: {
		nameField,
		{"parentId", one(func(g *lanyard.Group) string { return g.Parent() })},
		{"levelId", nil}, // set by Search: it needs the structure
		idField,
	},
	lanyard.TypeQueue: {nameField, {"description", one(func(q *lanyard.Queue) string { return q.Description })}, idField},
	lanyard.TypeRoutingProfile: {
		nameField,
		{"description", one(func(r *lanyard.RoutingProfile) string { return r.Description })},
		{"associatedQueueIds", func(r lanyard.Resource) []string {
			var ids []string
			for _, q := range r.(*lanyard.RoutingProfile).Queues {
				ids = append(ids, q.Queue)
			}
			return ids
		}},
		idField,
	},
	lanyard.TypeHours: {
		nameField,
		{"description", one(func(h *lanyard.Hours) string { return h.Description })},
		{"timezone", one(func(h *lanyard.Hours) string { return h.TimeZone })},
		idField,
	},
	lanyard.TypeModule: {nameField, {"description", one(func(m *lanyard.Module) string { return m.Description })},
		idField},
	lanyard.TypeQuickConnect: {
		nameField,
		{"description", one(func(q *lanyard.QuickConnect) string { return q.Description })},
		idField,
	},
	lanyard.TypePrompt: documentFields(),
	lanyard.TypeFlow:   documentFields(),
	lanyard.TypeView:   documentFields(),
	lanyard.TypeEmailAddress: {{"emailAddress", nameField.values}, memberField("description", "Description"),
		memberField("displayName", "DisplayName"), idField},
	lanyard.TypeAgentStatus: {nameField, memberField("description", "Description"), memberField("state", "State"),
		memberField("type", "Type"), memberField("displayOrder", "DisplayOrder"), idField},
	lanyard.TypePredefinedAttribute: {nameField, {"value", attributeStrings}},
	lanyard.TypeHoursOverride:       documentFields(),
	lanyard.TypeWorkspace:           documentFields("Visibility", "Title"),
	lanyard.TypeWorkspaceAssociation: {
		{"WorkspaceId", one(func(a *lanyard.WorkspaceAssociation) string { return a.Whole })},
		memberField("ResourceId", WorkspaceResourceID), memberField("ResourceType", WorkspaceResourceType),
		{"ResourceArn", nameField.values},
	},
	lanyard.TypeEvaluationForm: {{"title", nameField.values}, memberField("description", "Description"), idField},
	lanyard.TypeRule: {
		{"Name", nameField.values}, memberField("PublishStatus", "PublishStatus"),
		{"EventSourceName", ruleField(func(r rule) []string { return []string{r.source.EventSourceName} })},
		{"RuleId", idField.values},
		{"IntegrationAssociationId", ruleField(func(r rule) []string { return []string{r.source.IntegrationAssociationId} })},
		{"ActionSummaries", ruleField(rule.kinds)},
		{"RuleCapabilityTiers", func(lanyard.Resource) []string { return nil }},
	},
	lanyard.TypeDataTable: {nameField, {"description", one(func(t *lanyard.DataTable) string { return t.Description })},
		idField},
}

// keyFields are the fields of types that no permission shows, so that only keys search them.
var keyFields = map[lanyard.Type][]field{
	lanyard.TypeNotification: {{"content", notificationTexts}, {"notificationId", idField.values}, idField},
}

// notificationTexts are the texts of a notification, in all languages.
func notificationTexts(r lanyard.Resource) (texts []string) {
	var content map[string]string
	if d, ok := r.(lanyard.Documented); ok && d.Doc().Members["Content"] != nil {
		if err := json.Unmarshal(d.Doc().Members["Content"], &content); err != nil {
			return nil
		}
	}
	return slices.Collect(maps.Values(content))
}

// documentFields are the fields that most documents are searched by.
func documentFields(more ...string) []field {
	fields := []field{nameField, memberField("description", "Description")}
	for _, member := range more {
		fields = append(fields, memberField(member, member))
	}
	return append(fields, idField)
}

// memberField is a field with what a member of a document is, a string.
func memberField(name, member string) field {
	return field{name, func(r lanyard.Resource) []string { return memberText(r, member) }}
}

// memberText is a member of a document, a string or a number, as a string; nothing when it has none.
func memberText(r lanyard.Resource, member string) []string {
	d, ok := r.(lanyard.Documented)
	if !ok || d.Doc().Members[member] == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(d.Doc().Members[member], &value); err != nil {
		return nil
	}
	switch value := value.(type) {
	case string:
		return []string{value}
	case float64:
		return []string{strconv.FormatFloat(value, 'f', -1, 64)}
	}
	return nil
}

// attributeStrings are the values of a predefined attribute.
func attributeStrings(r lanyard.Resource) []string {
	var values attributeValues
	if d, ok := r.(lanyard.Documented); ok && d.Doc().Members["Values"] != nil {
		if err := json.Unmarshal(d.Doc().Members["Values"], &values); err != nil {
			return nil
		}
	}
	return values.StringList
}

// idFields hold ids, for which ARNs may be sent, and of which type: "" for the one that is searched.
var idFields = map[string]lanyard.Type{
	"ResourceId": "", "resourceId": "", "RoutingProfileId": lanyard.TypeRoutingProfile,
	"SecurityProfileId": lanyard.TypeProfile,
	"RuleId":            lanyard.TypeRule,
	"parentId":          lanyard.TypeGroup, "associatedQueueIds": lanyard.TypeQueue, "levelId": lanyard.TypeLevel,
}

type field struct {
	name   string
	values func(lanyard.Resource) []string
}

var (
	nameField = field{"name", func(r lanyard.Resource) []string { return []string{r.Head().Name} }}
	idField   = field{"resourceId", func(r lanyard.Resource) []string { return []string{r.Head().ID} }}
)

func one[R lanyard.Resource](get func(R) string) func(lanyard.Resource) []string {
	return func(r lanyard.Resource) []string { return []string{get(r.(R))} }
}

// A Query is what a search asks.
type Query struct {
	Conditions []Condition // all must hold
	Page
	Total int64 // what the first page counted; or Uncounted
}

// Uncounted is the Total of a Query that need not be counted.
const Uncounted = -1

// Search returns a page of the resources that a query asks for, in the order of their creation, and how many
// there are in all. The first page counts; later ones repeat the query's Total.
// Its cost grows with the number of resources of the type, but of users only those of the page are
// read, unless the routing profile is among the conditions.
func Search[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance string, q Query) (PageOf[R],
	error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return PageOf[R]{}, err
	}
	sight, err := s.Sight(ctx, call, in)
	if err != nil {
		return PageOf[R]{}, err
	}
	var none R
	fields := slices.Concat(searchable[none.Type()], keyFields[none.Type()])
	c := compiler{service: s, reader: s.store.Reader(in.ID), in: in, sight: sight, fields: fields,
		folded: make(folded, len(fields)), t: none.Type()}
	tests, err := c.compileAll(ctx, q.Conditions)
	if err != nil {
		return PageOf[R]{}, err
	}
	see, err := s.visible(ctx, call, in)
	if err != nil {
		return PageOf[R]{}, err
	}
	if see != nil {
		tests = append(tests, see)
	}
	f := finder[R]{service: s, reader: c.reader, in: in, tests: tests, tagged: c.tagged, stored: c.stored,
		counting: q.Total >= 0 && q.After == "", total: q.Total}
	page, err := f.findPage(ctx, q.Page)
	for i := range page.Items {
		if r, ok := any(page.Items[i]).(*lanyard.RoutingProfile); ok {
			page.Items[i] = any(sight.queues(r)).(R)
		}
	}
	return page, err
}
