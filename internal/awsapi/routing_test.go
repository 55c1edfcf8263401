package awsapi_test

import (
	"testing"
)

// TestActingUserOnRouting changes queues, routing profiles and quick connects on behalf of users who may do a part
// of it, and quick connects that lead to what they may not see.
func TestActingUserOnRouting(t *testing.T) {
	c := newCentre(t)
	profile := func(name string, m members) string {
		m["InstanceId"], m["SecurityProfileName"] = c.in, name
		return c.id("CreateSecurityProfile", m)
	}
	// A switcher's queues carry a tag, and their users are those below EU.
	switcher := c.user("switcher", profile("Switch", members{
		"Permissions": []string{"TransferDestinations.View", "TransferDestinations.Create",
			"TransferDestinations.Edit", "Queues.View", "Queues.Edit", "Users.View"},
		"AllowedAccessControlTags": members{"Team": "1"}, "TagRestrictedResources": []string{"Queue"},
		"HierarchyRestrictedResources": []string{"User"}}), c.eu, nil)
	planner := c.user("planner", profile("Plan", members{"Permissions": []string{"RoutingPolicies.Edit", "Queues.View"},
		"AllowedAccessControlTags": members{"Team": "1"}, "TagRestrictedResources": []string{"Queue"}}), "", nil)
	hours := c.first("ListHoursOfOperations", c.in, "HoursOfOperationSummaryList", "Id")
	queue := func(name string, tags members) string {
		return c.id("CreateQueue", members{"InstanceId": c.in, "Name": name, "HoursOfOperationId": hours, "Tags": tags})
	}
	ours, theirs := queue("Ours", members{"Team": "1"}), queue("Theirs", members{"Team": "2"})
	flow := c.flow(c.in, "Transfer")
	to := func(kind, part, member, id string) members {
		return members{"InstanceId": c.in, "Name": kind + " " + id,
			"QuickConnectConfig": members{"QuickConnectType": kind, part: members{member: id, "ContactFlowId": flow}}}
	}
	quick := c.id("CreateQuickConnect", to("QUEUE", "QueueConfig", "QueueId", theirs))
	change := func(id string) members {
		return members{"InstanceId": c.in, "QuickConnectId": quick,
			"QuickConnectConfig": to("USER", "UserConfig", "UserId", id)["QuickConnectConfig"]}
	}
	config := func(queue string) members {
		return members{"InstanceId": c.in, "RoutingProfileId": c.routing, "QueueConfigs": []members{
			{"QueueReference": members{"QueueId": queue, "Channel": "TASK"}, "Priority": 1, "Delay": 0}}}
	}
	of := func(queue string, more members) members {
		m := members{"InstanceId": c.in, "QueueId": queue}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	const denied = "AccessDeniedException"
	for i, tt := range []struct {
		who, op    string
		m          members
		want, says string
	}{
		{switcher, "CreateQuickConnect", to("QUEUE", "QueueConfig", "QueueId", ours), "", ""},
		{switcher, "CreateQuickConnect", to("QUEUE", "QueueConfig", "QueueId", theirs), denied, "queue"},
		{switcher, "CreateQuickConnect", to("USER", "UserConfig", "UserId", c.fritz), "", ""},
		{switcher, "CreateQuickConnect", to("USER", "UserConfig", "UserId", c.sam), denied, "user"},
		{switcher, "UpdateQuickConnectConfig", change(c.sam), denied, "user"},
		{switcher, "UpdateQuickConnectConfig", change(c.fritz), "", ""},
		{switcher, "DescribeQuickConnect", members{"InstanceId": c.in, "QuickConnectId": quick}, "", ""},
		{switcher, "ListQuickConnects", members{"InstanceId": c.in}, "", ""},
		{switcher, "SearchQuickConnects", members{"InstanceId": c.in}, "", ""},
		{switcher, "DeleteQuickConnect", members{"InstanceId": c.in, "QuickConnectId": quick}, denied,
			"TransferDestinations.Delete"},
		{planner, "ListQuickConnects", members{"InstanceId": c.in}, denied, "TransferDestinations.View"},
		{planner, "DescribeQuickConnect", members{"InstanceId": c.in, "QuickConnectId": quick}, denied,
			"TransferDestinations.View"},
		{switcher, "TagResource",
			members{"resourceArn": c.arn(c.in, "transfer-destination", quick), "tags": members{"a": "b"}}, "", ""},
		{planner, "ListTagsForResource", members{"resourceArn": c.arn(c.in, "transfer-destination", quick)}, denied,
			"TransferDestinations.View"},

		{switcher, "UpdateQueueName", of(ours, members{"Name": "Still ours"}), "", ""},
		{switcher, "UpdateQueueName", of(theirs, members{"Name": "Ours now"}), denied, "Queues.Edit"},
		{switcher, "UpdateQueueStatus", of(theirs, members{"Status": "DISABLED"}), denied, "Queues.Edit"},
		{switcher, "AssociateQueueQuickConnects", of(ours, members{"QuickConnectIds": []string{quick}}), "", ""},
		{switcher, "AssociateQueueQuickConnects", of(theirs, members{"QuickConnectIds": []string{quick}}), denied,
			"Queues.Edit"},
		{planner, "UpdateQueueMaxContacts", of(ours, members{"MaxContacts": 1}), denied, "Queues.Edit"},
		{planner, "ListQueueQuickConnects", of(theirs, nil), denied, "Queues.View"},

		{planner, "AssociateRoutingProfileQueues", config(ours), "", ""},
		{planner, "AssociateRoutingProfileQueues", config(theirs), denied, "queue"},
		{switcher, "AssociateRoutingProfileQueues", config(ours), denied, "RoutingPolicies.Edit"},
		{planner, "UpdateRoutingProfileQueues", config(ours), "", ""},
		{planner, "DisassociateRoutingProfileQueues",
			members{"InstanceId": c.in, "RoutingProfileId": c.routing,
				"QueueReferences": []members{{"QueueId": ours, "Channel": "TASK"}}}, "", ""},
		{planner, "UpdateHoursOfOperation", members{"InstanceId": c.in, "HoursOfOperationId": hours, "Name": "Mine"}, denied,
			"HoursOfOperation.Edit"},
	} {
		x := c.doAs(c.as(tt.who), tt.op, tt.m)
		if tt.want == "" {
			x.ok()
		} else {
			x.fails(tt.want, tt.says)
		}
		if t.Failed() {
			t.Fatalf("row %d", i)
		}
	}
	// The planner sees the queue, and not what it offers.
	list := func(who string) int {
		return len(c.doAs(c.as(who), "ListQueueQuickConnects", of(ours, nil)).ok()["QuickConnectSummaryList"].([]any))
	}
	if of1, of2 := list(switcher), list(planner); of1 != 1 || of2 != 0 {
		t.Errorf("the queue shows %d quick connects to who may see them, and %d to who may not", of1, of2)
	}
}
