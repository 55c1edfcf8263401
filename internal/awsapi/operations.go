package awsapi

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
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
	// sensitive reports that requests may hold what the audit hides.
	sensitive bool
	handle    handler
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

// A handler carries out an operation on its decoded and validated input.
type handler func(ctx context.Context, req *request, in model.Input) (answer, error)

// reads is the handler of an operation that changes nothing.
func reads[I any](f func(context.Context, *request, *I) (any, error)) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		out, err := f(ctx, req, any(in).(*I))
		return answer{output: out}, err
	}
}

// changes is the handler of an operation without output.
func changes[I any](f func(context.Context, *request, *I) (control.Result, error)) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		result, err := f(ctx, req, any(in).(*I))
		return answer{Result: result}, err
	}
}

// changesEmpty is changes for an operation whose output is an object without members.
func changesEmpty[I any](f func(context.Context, *request, *I) (control.Result, error)) handler {
	run := changes(f)
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		a, err := run(ctx, req, in)
		a.output = struct{}{}
		return a, err
	}
}

// answers is the handler of an operation with output and a result.
func answers[I any](f func(context.Context, *request, *I) (answer, error)) handler {
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		return f(ctx, req, any(in).(*I))
	}
}

// handlers is the table of the operations that are answered in full. A test holds it against the model.
func (s *Server) handlers() map[string]handler {
	all := s.accessHandlers()
	for _, some := range []map[string]handler{
		s.connectionHandlers(), s.taskTemplateHandlers(), s.ruleHandlers(), s.evaluationFormHandlers(),
		s.trafficGroupHandlers(), s.workspaceHandlers(),
		s.promptHandlers(),
		s.flowHandlers(),
		s.agentStatusHandlers(), s.predefinedAttributeHandlers(), s.hoursOverrideHandlers(),
		s.authenticationProfileHandlers(), s.notificationHandlers(), s.emailAddressHandlers(),
		s.phoneNumberHandlers(), s.flowAssociationHandlers(), s.viewHandlers(), s.vocabularyHandlers(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// accessHandlers are those of what decisions are about.
func (s *Server) accessHandlers() map[string]handler {
	return map[string]handler{
		"CreateSecurityProfile":           answers(s.createSecurityProfile),
		"UpdateSecurityProfile":           changes(s.updateSecurityProfile),
		"DescribeSecurityProfile":         answers(s.describeSecurityProfile),
		"DeleteSecurityProfile":           changes(s.deleteSecurityProfile),
		"ListSecurityProfiles":            reads(s.listSecurityProfiles),
		"SearchSecurityProfiles":          reads(s.searchSecurityProfiles),
		"ListSecurityProfilePermissions":  reads(s.listSecurityProfilePermissions),
		"ListSecurityProfileApplications": reads(s.listSecurityProfileApplications),
		"ListSecurityProfileFlowModules":  reads(s.listSecurityProfileFlowModules),
		"ListSecurityProfileAIAgents":     reads(s.listSecurityProfileAIAgents),
		"AssociateSecurityProfiles":       changes(s.associateSecurityProfiles),
		"DisassociateSecurityProfiles":    changes(s.disassociateSecurityProfiles),
		"ListEntitySecurityProfiles":      reads(s.listEntitySecurityProfiles),
		"UpdateUserSecurityProfiles":      changes(s.updateUserSecurityProfiles),

		"TagResource":         changes(s.tagResource),
		"UntagResource":       changes(s.untagResource),
		"ListTagsForResource": reads(s.listTagsForResource),

		"CreateInstance":            answers(s.createInstance),
		"DescribeInstance":          reads(s.describeInstance),
		"ListInstances":             reads(s.listInstances),
		"DeleteInstance":            changes(s.deleteInstance),
		"DescribeInstanceAttribute": reads(s.describeInstanceAttribute),
		"ListInstanceAttributes":    reads(s.listInstanceAttributes),
		"UpdateInstanceAttribute":   changes(s.updateInstanceAttribute),

		"CreateUser":               answers(s.createUser),
		"DescribeUser":             answers(s.describeUser),
		"ListUsers":                reads(s.listUsers),
		"SearchUsers":              reads(s.searchUsers),
		"DeleteUser":               changes(s.deleteUser),
		"UpdateUserHierarchy":      changes(s.updateUserHierarchy),
		"UpdateUserRoutingProfile": changes(s.updateUserRoutingProfile),
		"UpdateUserIdentityInfo":   changes(s.updateUserIdentityInfo),
		"UpdateUserPhoneConfig":    changes(s.updateUserPhoneConfig),
		"UpdateUserConfig":         changes(s.updateUserConfig),

		"ListUserProficiencies":         reads(s.listUserProficiencies),
		"AssociateUserProficiencies":    changes(s.associateUserProficiencies),
		"UpdateUserProficiencies":       changes(s.updateUserProficiencies),
		"DisassociateUserProficiencies": changes(s.disassociateUserProficiencies),

		"CreateUserHierarchyGroup":       answers(s.createUserHierarchyGroup),
		"DescribeUserHierarchyGroup":     reads(s.describeUserHierarchyGroup),
		"ListUserHierarchyGroups":        reads(s.listUserHierarchyGroups),
		"SearchUserHierarchyGroups":      reads(s.searchUserHierarchyGroups),
		"DeleteUserHierarchyGroup":       changes(s.deleteUserHierarchyGroup),
		"UpdateUserHierarchyGroupName":   changes(s.updateUserHierarchyGroupName),
		"DescribeUserHierarchyStructure": reads(s.describeUserHierarchyStructure),
		"UpdateUserHierarchyStructure":   changes(s.updateUserHierarchyStructure),

		"CreateQueue":              answers(s.createQueue),
		"DescribeQueue":            reads(s.describeQueue),
		"ListQueues":               reads(s.listQueues),
		"SearchQueues":             reads(s.searchQueues),
		"DeleteQueue":              changes(s.deleteQueue),
		"CreateRoutingProfile":     answers(s.createRoutingProfile),
		"DescribeRoutingProfile":   reads(s.describeRoutingProfile),
		"ListRoutingProfiles":      reads(s.listRoutingProfiles),
		"SearchRoutingProfiles":    reads(s.searchRoutingProfiles),
		"ListRoutingProfileQueues": reads(s.listRoutingProfileQueues),
		"DeleteRoutingProfile":     changes(s.deleteRoutingProfile),
		"CreateHoursOfOperation":   answers(s.createHoursOfOperation),
		"DescribeHoursOfOperation": reads(s.describeHoursOfOperation),
		"ListHoursOfOperations":    reads(s.listHoursOfOperations),
		"SearchHoursOfOperations":  reads(s.searchHoursOfOperations),
		"DeleteHoursOfOperation":   changes(s.deleteHoursOfOperation),

		"UpdateQueueHoursOfOperation":     changes(s.updateQueueHoursOfOperation),
		"UpdateQueueMaxContacts":          changes(s.updateQueueMaxContacts),
		"UpdateQueueName":                 changes(s.updateQueueName),
		"UpdateQueueOutboundCallerConfig": changes(s.updateQueueOutboundCallerConfig),
		"UpdateQueueOutboundEmailConfig":  changes(s.updateQueueOutboundEmailConfig),
		"UpdateQueueStatus":               changes(s.updateQueueStatus),
		"AssociateQueueQuickConnects":     changes(s.associateQueueQuickConnects),
		"DisassociateQueueQuickConnects":  changes(s.disassociateQueueQuickConnects),
		"ListQueueQuickConnects":          reads(s.listQueueQuickConnects),

		"UpdateRoutingProfileName":                   changes(s.updateRoutingProfileName),
		"UpdateRoutingProfileDefaultOutboundQueue":   changes(s.updateRoutingProfileDefaultOutboundQueue),
		"UpdateRoutingProfileConcurrency":            changes(s.updateRoutingProfileConcurrency),
		"UpdateRoutingProfileAgentAvailabilityTimer": changes(s.updateRoutingProfileAgentAvailabilityTimer),
		"UpdateRoutingProfileQueues":                 changes(s.updateRoutingProfileQueues),
		"AssociateRoutingProfileQueues":              changes(s.associateRoutingProfileQueues),
		"DisassociateRoutingProfileQueues":           changes(s.disassociateRoutingProfileQueues),
		"ListRoutingProfileManualAssignmentQueues":   reads(s.listRoutingProfileManualAssignmentQueues),

		"UpdateHoursOfOperation":        changes(s.updateHoursOfOperation),
		"ListChildHoursOfOperations":    reads(s.listChildHoursOfOperations),
		"AssociateHoursOfOperations":    changes(s.associateHoursOfOperations),
		"DisassociateHoursOfOperations": changes(s.disassociateHoursOfOperations),

		"CreateQuickConnect":       answers(s.createQuickConnect),
		"DescribeQuickConnect":     reads(s.describeQuickConnect),
		"ListQuickConnects":        reads(s.listQuickConnects),
		"SearchQuickConnects":      reads(s.searchQuickConnects),
		"DeleteQuickConnect":       changes(s.deleteQuickConnect),
		"UpdateQuickConnectName":   changes(s.updateQuickConnectName),
		"UpdateQuickConnectConfig": changes(s.updateQuickConnectConfig),

		"CreateContactFlowModule":         answers(s.createContactFlowModule),
		"DescribeContactFlowModule":       reads(s.describeContactFlowModule),
		"ListContactFlowModules":          reads(s.listContactFlowModules),
		"SearchContactFlowModules":        reads(s.searchContactFlowModules),
		"DeleteContactFlowModule":         changesEmpty(s.deleteContactFlowModule),
		"UpdateContactFlowModuleContent":  changesEmpty(s.updateContactFlowModuleContent),
		"UpdateContactFlowModuleMetadata": changesEmpty(s.updateContactFlowModuleMetadata),
		"CreateContactFlowModuleVersion":  answers(s.createContactFlowModuleVersion),
		"ListContactFlowModuleVersions":   reads(s.listContactFlowModuleVersions),
		"DeleteContactFlowModuleVersion":  changesEmpty(s.deleteContactFlowModuleVersion),
		"CreateContactFlowModuleAlias":    answers(s.createContactFlowModuleAlias),
		"DescribeContactFlowModuleAlias":  reads(s.describeContactFlowModuleAlias),
		"UpdateContactFlowModuleAlias":    changesEmpty(s.updateContactFlowModuleAlias),
		"ListContactFlowModuleAliases":    reads(s.listContactFlowModuleAliases),
		"DeleteContactFlowModuleAlias":    changesEmpty(s.deleteContactFlowModuleAlias),

		"CreateDataTable":              answers(s.createDataTable),
		"DescribeDataTable":            reads(s.describeDataTable),
		"ListDataTables":               reads(s.listDataTables),
		"SearchDataTables":             reads(s.searchDataTables),
		"UpdateDataTableMetadata":      answers(s.updateDataTableMetadata),
		"DeleteDataTable":              changesEmpty(s.deleteDataTable),
		"CreateDataTableAttribute":     answers(s.createDataTableAttribute),
		"DescribeDataTableAttribute":   reads(s.describeDataTableAttribute),
		"ListDataTableAttributes":      reads(s.listDataTableAttributes),
		"UpdateDataTableAttribute":     answers(s.updateDataTableAttribute),
		"BatchCreateDataTableValue":    answers(s.batchCreateDataTableValue),
		"BatchUpdateDataTableValue":    answers(s.batchUpdateDataTableValue),
		"BatchDeleteDataTableValue":    answers(s.batchDeleteDataTableValue),
		"BatchDescribeDataTableValue":  reads(s.batchDescribeDataTableValue),
		"ListDataTableValues":          reads(s.listDataTableValues),
		"ListDataTablePrimaryValues":   reads(s.listDataTablePrimaryValues),
		"UpdateDataTablePrimaryValues": answers(s.updateDataTablePrimaryValues),
		"EvaluateDataTableValues":      reads(s.evaluateDataTableValues),
		"DeleteDataTableAttribute":     answers(s.deleteDataTableAttribute),
	}
}

// withoutHandlers are the model's rows with what follows from them. A process may have many servers, and needs it once.
var withoutHandlers = sync.OnceValue(func() []operation {
	all := make([]operation, len(model.Operations))
	for i := range all {
		all[i] = operation{Operation: &model.Operations[i], labels: labelsOf(model.Operations[i].URI)}
		if all[i].NewInput != nil {
			all[i].sensitive = isSensitive(all[i].Name, reflect.TypeOf(all[i].NewInput()), map[reflect.Type]bool{})
		}
	}
	return all
})

// operations joins the model's rows with their handlers.
func (s *Server) operations() []*operation {
	handlers := s.handlers()
	own := slices.Clone(withoutHandlers())
	all := make([]*operation, len(own))
	for i := range own {
		op := &own[i]
		switch op.Service {
		case model.Served:
			op.handle = handlers[op.Name]
		case model.Empty:
			op.handle = s.empty
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
func (s *Server) empty(ctx context.Context, req *request, in model.Input) (answer, error) {
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
				return answer{}, err
			}
			for _, l := range req.params.Labels {
				if t, ok := below[l.Name]; ok {
					if err := s.control.Exists(ctx, req.Call, instance, t, l.Value); err != nil {
						return answer{}, err
					}
				}
			}
		}
	}
	if has("NextToken") && member("NextToken") != "" {
		if _, err := s.tokens.open(member("NextToken"), req.op.Name); err != nil { // none was ever given
			return answer{}, err
		}
	}
	return answer{output: []byte(req.op.EmptyOutput)}, nil
}

// defaultPage is how many items a page has when the caller does not say.
const defaultPage = 100

// paging is the page of a list that a request asks for.
type paging struct {
	control.Page
	total int64 // that the first page of a search counted
	next  func(after string, total int64) *string
}

// page reads MaxResults and NextToken. scope is what must stay the same from page to page.
func (s *Server) page(req *request, most *int32, token *string, scope ...string) (paging, error) {
	bound := req.scope(scope)
	p := paging{Page: control.Page{Limit: defaultPage}, next: func(after string, total int64) *string {
		if after == "" {
			return nil
		}
		return ptr(s.tokens.seal(position{after, total}, bound...))
	}}
	if most != nil {
		p.Limit = int(*most)
	}
	if token == nil || *token == "" { // loops that begin with an empty token are common
		return p, nil
	}
	at, err := s.tokens.open(*token, bound...)
	p.After, p.total = at.after, at.total
	return p, err
}

// listing is a request for a page of a list.
type listing struct {
	instance *string
	most     *int32
	token    *string
}

// found is a page of resources, and the token of the next.
type found[R any] struct {
	control.PageOf[R]
	next *string
}

// listed returns a page of the resources of a type.
func listed[R lanyard.Resource](ctx context.Context, s *Server, req *request, in listing) (found[R], error) {
	return listedOnly[R](ctx, s, req, in, nil)
}

// listedOnly returns a page of those resources of a type that scope selects.
func listedOnly[R lanyard.Resource](ctx context.Context, s *Server, req *request, in listing, wanted func(R) bool,
	scope ...string) (found[R], error) {
	page, err := s.page(req, in.most, in.token, append([]string{bare(in.instance)}, scope...)...)
	if err != nil {
		return found[R]{}, err
	}
	l, err := control.ListOnly(ctx, s.control, req.Call, *in.instance,
		control.Selection[R]{Page: page.Page, Wanted: wanted})
	return found[R]{l, page.next(l.Next, 0)}, err
}

// scope is what a page token is bound to: on behalf of somebody else there is another list.
func (req *request) scope(more []string) []string {
	who := req.actingUser
	if req.actingAgent != nil { // no header has a zero byte
		who = slices.Concat([]string{"\x00agent"}, req.actingAgent, []string{"\x00user"}, who)
	}
	return slices.Concat([]string{req.Account, req.op.Name}, who, more)
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
