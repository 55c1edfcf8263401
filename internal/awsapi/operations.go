package awsapi

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// operation is a row of the table: the model's, and what carries it out.
type operation struct {
	*model.Operation
	labels []string
	// sensitive tells that requests may hold what the audit hides.
	sensitive bool
	run       func(ctx context.Context, req *request, in model.Input) (any, error)
}

// Bounds of bodies, in bytes: what is accepted at least, how much that is for what the model leaves
// unbounded, and what is accepted at most. The longest valid body is a flow module of 256,000 characters,
// each escaped.
const (
	leastBody = 64 << 10
	openBody  = 256 << 10
	MaxBody   = 4 << 20
)

// maxBody is how many bytes of a body are read: the longest that the model allows, and a quarter more for
// white space and members that a newer model has.
func (op *operation) maxBody() int64 {
	most := op.LongestBody + op.LongestBody/4
	if op.OpenBody || op.Service == model.NotServed {
		most += openBody
	}
	return min(max(most, leastBody), MaxBody)
}

// handler makes a row's run of a method that takes the operation's own input.
func handler[I any](f func(context.Context, *request, *I) (any, error)) func(context.Context, *request,
	model.Input) (any, error) {
	return func(ctx context.Context, req *request, in model.Input) (any, error) {
		return f(ctx, req, any(in).(*I))
	}
}

// handlers is the table of the operations that are answered in full. A test holds it against the model.
func (s *Server) handlers() map[string]func(context.Context, *request, model.Input) (any, error) {
	return map[string]func(context.Context, *request, model.Input) (any, error){
		"CreateSecurityProfile":           handler(s.createSecurityProfile),
		"UpdateSecurityProfile":           handler(s.updateSecurityProfile),
		"DescribeSecurityProfile":         handler(s.describeSecurityProfile),
		"DeleteSecurityProfile":           handler(s.deleteSecurityProfile),
		"ListSecurityProfiles":            handler(s.listSecurityProfiles),
		"SearchSecurityProfiles":          handler(s.searchSecurityProfiles),
		"ListSecurityProfilePermissions":  handler(s.listSecurityProfilePermissions),
		"ListSecurityProfileApplications": handler(s.listSecurityProfileApplications),
		"ListSecurityProfileFlowModules":  handler(s.listSecurityProfileFlowModules),
		"ListSecurityProfileAIAgents":     handler(s.listSecurityProfileAIAgents),
		"AssociateSecurityProfiles":       handler(s.associateSecurityProfiles),
		"DisassociateSecurityProfiles":    handler(s.disassociateSecurityProfiles),
		"ListEntitySecurityProfiles":      handler(s.listEntitySecurityProfiles),
		"UpdateUserSecurityProfiles":      handler(s.updateUserSecurityProfiles),

		"TagResource":         handler(s.tagResource),
		"UntagResource":       handler(s.untagResource),
		"ListTagsForResource": handler(s.listTagsForResource),

		"CreateInstance":            handler(s.createInstance),
		"DescribeInstance":          handler(s.describeInstance),
		"ListInstances":             handler(s.listInstances),
		"DeleteInstance":            handler(s.deleteInstance),
		"DescribeInstanceAttribute": handler(s.describeInstanceAttribute),
		"ListInstanceAttributes":    handler(s.listInstanceAttributes),
		"UpdateInstanceAttribute":   handler(s.updateInstanceAttribute),

		"CreateUser":               handler(s.createUser),
		"DescribeUser":             handler(s.describeUser),
		"ListUsers":                handler(s.listUsers),
		"SearchUsers":              handler(s.searchUsers),
		"DeleteUser":               handler(s.deleteUser),
		"UpdateUserHierarchy":      handler(s.updateUserHierarchy),
		"UpdateUserRoutingProfile": handler(s.updateUserRoutingProfile),
		"UpdateUserIdentityInfo":   handler(s.updateUserIdentityInfo),
		"UpdateUserPhoneConfig":    handler(s.updateUserPhoneConfig),
		"UpdateUserConfig":         handler(s.updateUserConfig),

		"ListUserProficiencies":         handler(s.listUserProficiencies),
		"AssociateUserProficiencies":    handler(s.associateUserProficiencies),
		"UpdateUserProficiencies":       handler(s.updateUserProficiencies),
		"DisassociateUserProficiencies": handler(s.disassociateUserProficiencies),

		"CreateUserHierarchyGroup":       handler(s.createUserHierarchyGroup),
		"DescribeUserHierarchyGroup":     handler(s.describeUserHierarchyGroup),
		"ListUserHierarchyGroups":        handler(s.listUserHierarchyGroups),
		"SearchUserHierarchyGroups":      handler(s.searchUserHierarchyGroups),
		"DeleteUserHierarchyGroup":       handler(s.deleteUserHierarchyGroup),
		"UpdateUserHierarchyGroupName":   handler(s.updateUserHierarchyGroupName),
		"DescribeUserHierarchyStructure": handler(s.describeUserHierarchyStructure),
		"UpdateUserHierarchyStructure":   handler(s.updateUserHierarchyStructure),

		"CreateQueue":              handler(s.createQueue),
		"DescribeQueue":            handler(s.describeQueue),
		"ListQueues":               handler(s.listQueues),
		"SearchQueues":             handler(s.searchQueues),
		"DeleteQueue":              handler(s.deleteQueue),
		"CreateRoutingProfile":     handler(s.createRoutingProfile),
		"DescribeRoutingProfile":   handler(s.describeRoutingProfile),
		"ListRoutingProfiles":      handler(s.listRoutingProfiles),
		"SearchRoutingProfiles":    handler(s.searchRoutingProfiles),
		"ListRoutingProfileQueues": handler(s.listRoutingProfileQueues),
		"DeleteRoutingProfile":     handler(s.deleteRoutingProfile),
		"CreateHoursOfOperation":   handler(s.createHoursOfOperation),
		"DescribeHoursOfOperation": handler(s.describeHoursOfOperation),
		"ListHoursOfOperations":    handler(s.listHoursOfOperations),
		"SearchHoursOfOperations":  handler(s.searchHoursOfOperations),
		"DeleteHoursOfOperation":   handler(s.deleteHoursOfOperation),

		"UpdateQueueHoursOfOperation":     handler(s.updateQueueHoursOfOperation),
		"UpdateQueueMaxContacts":          handler(s.updateQueueMaxContacts),
		"UpdateQueueName":                 handler(s.updateQueueName),
		"UpdateQueueOutboundCallerConfig": handler(s.updateQueueOutboundCallerConfig),
		"UpdateQueueOutboundEmailConfig":  handler(s.updateQueueOutboundEmailConfig),
		"UpdateQueueStatus":               handler(s.updateQueueStatus),
		"AssociateQueueQuickConnects":     handler(s.associateQueueQuickConnects),
		"DisassociateQueueQuickConnects":  handler(s.disassociateQueueQuickConnects),
		"ListQueueQuickConnects":          handler(s.listQueueQuickConnects),

		"UpdateRoutingProfileName":                   handler(s.updateRoutingProfileName),
		"UpdateRoutingProfileDefaultOutboundQueue":   handler(s.updateRoutingProfileDefaultOutboundQueue),
		"UpdateRoutingProfileConcurrency":            handler(s.updateRoutingProfileConcurrency),
		"UpdateRoutingProfileAgentAvailabilityTimer": handler(s.updateRoutingProfileAgentAvailabilityTimer),
		"UpdateRoutingProfileQueues":                 handler(s.updateRoutingProfileQueues),
		"AssociateRoutingProfileQueues":              handler(s.associateRoutingProfileQueues),
		"DisassociateRoutingProfileQueues":           handler(s.disassociateRoutingProfileQueues),
		"ListRoutingProfileManualAssignmentQueues":   handler(s.listRoutingProfileManualAssignmentQueues),

		"UpdateHoursOfOperation":        handler(s.updateHoursOfOperation),
		"ListChildHoursOfOperations":    handler(s.listChildHoursOfOperations),
		"AssociateHoursOfOperations":    handler(s.associateHoursOfOperations),
		"DisassociateHoursOfOperations": handler(s.disassociateHoursOfOperations),

		"CreateQuickConnect":       handler(s.createQuickConnect),
		"DescribeQuickConnect":     handler(s.describeQuickConnect),
		"ListQuickConnects":        handler(s.listQuickConnects),
		"SearchQuickConnects":      handler(s.searchQuickConnects),
		"DeleteQuickConnect":       handler(s.deleteQuickConnect),
		"UpdateQuickConnectName":   handler(s.updateQuickConnectName),
		"UpdateQuickConnectConfig": handler(s.updateQuickConnectConfig),

		"CreateContactFlowModule":         handler(s.createContactFlowModule),
		"DescribeContactFlowModule":       handler(s.describeContactFlowModule),
		"ListContactFlowModules":          handler(s.listContactFlowModules),
		"SearchContactFlowModules":        handler(s.searchContactFlowModules),
		"DeleteContactFlowModule":         handler(s.deleteContactFlowModule),
		"UpdateContactFlowModuleContent":  handler(s.updateContactFlowModuleContent),
		"UpdateContactFlowModuleMetadata": handler(s.updateContactFlowModuleMetadata),
		"CreateContactFlowModuleVersion":  handler(s.createContactFlowModuleVersion),
		"ListContactFlowModuleVersions":   handler(s.listContactFlowModuleVersions),
		"DeleteContactFlowModuleVersion":  handler(s.deleteContactFlowModuleVersion),
		"CreateContactFlowModuleAlias":    handler(s.createContactFlowModuleAlias),
		"DescribeContactFlowModuleAlias":  handler(s.describeContactFlowModuleAlias),
		"UpdateContactFlowModuleAlias":    handler(s.updateContactFlowModuleAlias),
		"ListContactFlowModuleAliases":    handler(s.listContactFlowModuleAliases),
		"DeleteContactFlowModuleAlias":    handler(s.deleteContactFlowModuleAlias),
	}
}

// operations joins the model's rows with their handlers.
func (s *Server) operations() []*operation {
	handlers := s.handlers()
	all := make([]*operation, len(model.Operations))
	for i := range model.Operations {
		op := &operation{Operation: &model.Operations[i], labels: labelsOf(model.Operations[i].URI)}
		if op.NewInput != nil {
			op.sensitive = isSensitive(reflect.TypeOf(op.NewInput()), map[reflect.Type]bool{})
		}
		switch op.Service {
		case model.Served:
			op.run = handlers[op.Name]
		case model.Empty:
			op.run = s.empty
		}
		all[i] = op
	}
	return all
}

// below are the labels that name a resource under which an empty list hangs.
var below = func() map[string]lanyard.Type {
	m := map[string]lanyard.Type{}
	for _, t := range lanyard.ResourceTypes() {
		if t.Member != "" && t.Type != lanyard.TypeInstance {
			m[t.Member] = t.Type
		}
	}
	return m
}()

// empty answers a list of what no instance here has, so that tools which walk every list of an
// instance run through. The instance, and the resource that the list hangs under, must exist.
func (s *Server) empty(ctx context.Context, req *request, in model.Input) (any, error) {
	v := reflect.ValueOf(in).Elem()
	member := func(name string) string {
		if f, ok := v.FieldByName(name).Interface().(*string); ok && f != nil {
			return *f
		}
		return ""
	}
	has := func(name string) bool { return v.FieldByName(name).IsValid() }
	if has("InstanceId") {
		if instance := member("InstanceId"); instance != "" {
			if _, err := s.control.Instance(ctx, req.Call, instance); err != nil {
				return nil, err
			}
			for _, l := range req.params.Labels {
				if t, ok := below[l.Name]; ok {
					if err := s.control.Exists(ctx, req.Call, instance, t, l.Value); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	if has("NextToken") && member("NextToken") != "" {
		if _, err := s.tokens.open(member("NextToken"), req.op.Name); err != nil { // none was ever given
			return nil, err
		}
	}
	return []byte(req.op.EmptyOutput), nil
}

// defaultPage is how many items a page has when the caller does not say.
const defaultPage = 100

// page reads MaxResults and NextToken. scope is what must stay the same from page to page.
func (s *Server) page(req *request, most *int32, token *string, scope ...string) (control.Page, int64, error) {
	p := control.Page{Limit: defaultPage}
	if most != nil {
		p.Limit = int(*most)
	}
	if token == nil || *token == "" { // loops that begin with an empty token are common
		return p, 0, nil
	}
	at, err := s.tokens.open(*token, req.scope(scope)...)
	p.After = at.after
	return p, at.total, err
}

// next makes the NextToken for what follows a page, or nil.
func (s *Server) next(req *request, after string, total int64, scope ...string) *string {
	if after == "" {
		return nil
	}
	t := s.tokens.seal(position{after, total}, req.scope(scope)...)
	return &t
}

// scope is what a page token is bound to: on behalf of another user there is another list.
func (req *request) scope(more []string) []string {
	return slices.Concat([]string{req.Account, req.op.Name}, req.http.Header[ActingUser], more)
}

// bare is an id, whether it came as an id or as an ARN.
func bare(ref *string) string {
	if ref == nil {
		return ""
	}
	if a, err := lanyard.ParseARN(*ref); err == nil && lanyard.IsARN(*ref) {
		if a.ID != "" {
			return a.ID
		}
		return a.Instance
	}
	return *ref
}

func ptr[T any](v T) *T { return &v }

// text is a member's value, "" when absent.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// some is nil for "": a member that is left out when there is nothing to say.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// full makes a nil list an empty one, for members that are always present.
func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func fullMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func stamp(t time.Time) *model.Timestamp { return &model.Timestamp{Time: t} }

// keep encodes a member for lanyard.Settings. Absent members are left out.
func keep(settings lanyard.Settings, name string, value any) {
	if v := reflect.ValueOf(value); v.IsNil() {
		return
	}
	b, err := json.Marshal(value)
	if err != nil {
		panic("awsapi: a decoded " + name + " does not encode: " + err.Error())
	}
	settings[name] = b
}

// keepSome is keep but for members without content, which are the same as absent ones: they are set to nil,
// which for an update means to remove them.
func keepSome(settings lanyard.Settings, name string, value any) {
	keep(settings, name, value)
	if string(settings[name]) == "{}" {
		settings[name] = nil
	}
}

// kept decodes a member out of lanyard.Settings into to, a pointer.
func kept(settings lanyard.Settings, name string, to any) error {
	b := settings[name]
	if b == nil {
		return nil
	}
	return json.Unmarshal(b, to)
}
