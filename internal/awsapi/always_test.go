package awsapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// always are members that the service always answers, beyond those that everyAnswer has: from the documented output of
// the
// AWS CLI, and for the rest observed. [] stands for every item of a list.
var always = map[string][]string{
	"DescribeUser": {
		"User.IdentityInfo", "User.PhoneConfig.PhoneType", "User.PhoneConfig.AutoAccept",
		"User.PhoneConfig.AfterContactWorkTimeLimit",
		"User.PhoneConfig.DeskPhoneNumber", "User.DirectoryUserId", "User.SecurityProfileIds", "User.RoutingProfileId",
	},
	"SearchUsers": {
		"Users[].PhoneConfig.PhoneType", "Users[].PhoneConfig.AutoAccept", "Users[].PhoneConfig.AfterContactWorkTimeLimit",
		"Users[].PhoneConfig.DeskPhoneNumber", "Users[].DirectoryUserId", "Users[].SecurityProfileIds",
		"Users[].RoutingProfileId",
	},
	"DescribeUserHierarchyGroup": {
		"HierarchyGroup.LevelId", "HierarchyGroup.HierarchyPath.LevelOne.Id", "HierarchyGroup.HierarchyPath.LevelOne.Arn",
		"HierarchyGroup.HierarchyPath.LevelOne.Name",
	},
	"SearchUserHierarchyGroups": {"UserHierarchyGroups[].LevelId", "UserHierarchyGroups[].HierarchyPath.LevelOne.Id"},
	"DescribeUserHierarchyStructure": {
		"HierarchyStructure.LevelOne.Id", "HierarchyStructure.LevelOne.Arn", "HierarchyStructure.LevelOne.Name",
		"HierarchyStructure.LevelThree.Id", "HierarchyStructure.LevelThree.Arn", "HierarchyStructure.LevelThree.Name",
	},
	"ListQueues":    {"QueueSummaryList[].QueueType"},
	"DescribeQueue": {"Queue.HoursOfOperationId", "Queue.Status"},
	"SearchQueues":  {"Queues[].HoursOfOperationId", "Queues[].Status"},
	"DescribeRoutingProfile": {"RoutingProfile.MediaConcurrencies", "RoutingProfile.DefaultOutboundQueueId",
		"RoutingProfile.Description"},
	"SearchRoutingProfiles":    {"RoutingProfiles[].MediaConcurrencies", "RoutingProfiles[].DefaultOutboundQueueId"},
	"DescribeHoursOfOperation": {"HoursOfOperation.TimeZone", "HoursOfOperation.Config"},
	"SearchHoursOfOperations":  {"HoursOfOperations[].TimeZone", "HoursOfOperations[].Config"},
	"DescribeSecurityProfile": {
		"SecurityProfile.OrganizationResourceId", "SecurityProfile.AllowedAccessControlTags",
		"SecurityProfile.TagRestrictedResources",
		"SecurityProfile.HierarchyRestrictedResources",
	},
	"SearchSecurityProfiles":    {"SecurityProfiles[].OrganizationResourceId"},
	"DescribeContactFlowModule": {"ContactFlowModule.Content", "ContactFlowModule.State", "ContactFlowModule.Status"},
	"DescribeInstance": {
		"Instance.IdentityManagementType", "Instance.InstanceStatus", "Instance.InboundCallsEnabled",
		"Instance.OutboundCallsEnabled",
	},
}

// everyAnswer are the members that stand in everything described, found or listed that has them.
var everyAnswer = []string{"Id", "Arn", "Name", "Username", "SecurityProfileName", "Tags", "LastModifiedTime",
	"LastModifiedRegion"}

// TestMembersThatAreAlwaysAnswered asks for what was made of what is required alone.
func TestMembersThatAreAlwaysAnswered(t *testing.T) {
	w := newWorld(t, unbounded)
	in := w.furnish()
	known := in.known(w)
	tried := map[string]bool{}
	for _, op := range model.Operations {
		if op.Service != model.Served ||
			!slices.ContainsFunc([]string{"Describe", "Search", "List"},
				func(verb string) bool { return strings.HasPrefix(op.Name, verb) }) {
			continue
		}
		s := pinned().Shapes[pinned().Operations[op.Name].Input.Shape]
		m, _ := sampler{known: known}.structure(s, 0)
		x := w.do(op.Name, m.(members))
		if x.status != 200 {
			continue // it is about what furnish does not make
		}
		tried[op.Name] = true
		answer := x.ok()
		for _, path := range always[op.Name] {
			if !has(answer, path) {
				t.Errorf("%s: %s is missing in %s", op.Name, path, x.answer)
			}
		}
		for name, r := range pinned().Shapes[pinned().Operations[op.Name].Output.Shape].Members {
			shape, path := pinned().Shapes[r.Shape], name
			if shape.Type == "list" {
				shape, path = pinned().Shapes[shape.Member.Shape], name+"[]"
			}
			for _, member := range everyAnswer {
				if _, ok := shape.Members[member]; ok && !has(answer, path+"."+member) {
					t.Errorf("%s: %s.%s is missing in %s", op.Name, path, member, x.answer)
				}
			}
		}
	}
	for op := range always {
		if !tried[op] {
			t.Errorf("%s was not answered", op)
		}
	}
}

// has reports whether a value is at a path, in every item of its lists.
func has(v any, path string) bool {
	step, rest, more := strings.Cut(path, ".")
	name, list := strings.CutSuffix(step, "[]")
	m, ok := v.(members)
	if !ok || m[name] == nil {
		return false
	}
	if !more {
		return true
	}
	if !list {
		return has(m[name], rest)
	}
	return !slices.ContainsFunc(m[name].([]any), func(item any) bool { return !has(item, rest) })
}
