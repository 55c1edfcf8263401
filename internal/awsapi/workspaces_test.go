package awsapi_test

import (
	"reflect"
	"testing"
	"time"
)

func TestTrafficDistributionGroups(t *testing.T) {
	w := newWorld(t)
	in, other := w.instance("east"), w.instance("west")
	create := func(in, name string) string {
		return w.do("CreateTrafficDistributionGroup", members{"InstanceId": in, "Name": name, "Description": "d",
			"Tags": members{"a": "b"}}).ok()["Id"].(string)
	}
	id := create(in, "Main")
	w.do("CreateTrafficDistributionGroup", members{"InstanceId": in, "Name": "Main"}).fails("ResourceConflictException", "Main")
	arn := "arn:aws:connect:us-east-1:123456789012:traffic-distribution-group/" + id
	want := members{"Id": id, "Arn": arn, "Name": "Main", "Description": "d", "InstanceArn": w.arn(in), "Status": "ACTIVE",
		"IsDefault": false, "Tags": members{"a": "b"}}
	for _, ref := range []string{id, arn} {
		got := w.do("DescribeTrafficDistributionGroup", members{"TrafficDistributionGroupId": ref}).ok()["TrafficDistributionGroup"]
		if !reflect.DeepEqual(got, any(want)) {
			t.Errorf("DescribeTrafficDistributionGroup = %v, want %v", got, want)
		}
		w.doAs(w.other, "DescribeTrafficDistributionGroup", members{"TrafficDistributionGroupId": ref}).
			fails("ResourceNotFoundException", id)
	}
	w.do("TagResource", members{"resourceArn": arn, "tags": members{"c": "d"}}).ok()
	if got := w.do("ListTagsForResource", members{"resourceArn": arn}).ok()["tags"]; len(got.(members)) != 2 {
		t.Errorf("the tags are %v", got)
	}

	// The default group comes with the first other one.
	create(other, "Main")
	const list = "TrafficDistributionGroupSummaryList"
	groups := w.do("ListTrafficDistributionGroups", members{"InstanceId": in})
	groups.lists(list, "IsDefault", "false", "true")
	preset := groups.names(list, "Id")[1]
	page := w.do("ListTrafficDistributionGroups", members{"MaxResults": 3})
	page.lists(list, "Name", "Main", "Default", "Main")
	w.do("ListTrafficDistributionGroups", members{"MaxResults": 3, "NextToken": page.ok()["NextToken"]}).
		lists(list, "Name", "Default")

	of := func(region string, percentage int) members {
		return members{"Region": region, "Percentage": percentage}
	}
	to := func(list ...any) members { return members{"Distributions": list} }
	all := to(members{"Region": "us-east-1", "Percentage": 100.0})
	got := w.do("GetTrafficDistribution", members{"Id": id}).ok()
	if want := (members{"Id": id, "Arn": arn, "TelephonyConfig": all, "AgentConfig": all}); !reflect.DeepEqual(got, want) {
		t.Errorf("GetTrafficDistribution = %v, want %v", got, want)
	}
	update := func(id string, config members) *wire {
		config["Id"] = id
		return w.do("UpdateTrafficDistribution", config)
	}
	w.pass(time.Hour)
	update(id, members{"TelephonyConfig": to(of("us-east-1", 40), of("us-west-2", 60))}).ok()
	got = w.do("GetTrafficDistribution", members{"Id": arn}).ok()
	if len(got["TelephonyConfig"].(members)["Distributions"].([]any)) != 2 || got["LastFailoverTime"] != 1773504566.0 {
		t.Errorf("GetTrafficDistribution = %v", got)
	}
	signIn := to(members{"Region": "us-east-1", "Enabled": false}, members{"Region": "us-west-2", "Enabled": true})
	update(preset, members{"SignInConfig": signIn}).ok()
	for says, config := range map[string]members{
		"SignInConfig must be absent":  {"SignInConfig": signIn},
		"must be a multiple of 10":     {"AgentConfig": to(of("us-east-1", 45), of("us-west-2", 55))},
		"the sum 100, got 90":          {"TelephonyConfig": to(of("us-east-1", 90))},
		"Region must be unique, got":   {"TelephonyConfig": to(of("us-east-1", 50), of("us-east-1", 50))},
		"TelephonyConfig.Distribution": {"TelephonyConfig": to(of("us-east-1", 110))},
	} {
		update(id, config).fails("InvalidRequestException", says)
	}
	update(preset, members{"SignInConfig": to(members{"Region": "us-east-1", "Enabled": false})}).
		fails("InvalidRequestException", "must have a region that is Enabled")

	remove := func(id string) *wire {
		return w.do("DeleteTrafficDistributionGroup", members{"TrafficDistributionGroupId": id})
	}
	remove(preset).fails("InvalidRequestException", "not the default")
	remove(id).ok()
	remove(id).fails("InvalidRequestException", id)
	w.do("ListTrafficDistributionGroups", members{"InstanceId": in}).lists(list, "Id")
}

func TestWorkspaces(t *testing.T) {
	w := newWorld(t)
	in := w.instance("spaces")
	view := w.do("CreateView", members{"InstanceId": in, "Name": "Home", "Status": "PUBLISHED",
		"Content": members{"Template": `{"Head":{},"Body":[]}`, "Actions": []any{}, "InputSchema": "{}"}})
	viewID := view.ok()["View"].(members)["Id"].(string)
	theme := members{"Light": members{"Palette": members{"Header": members{"Background": "#fff"}}}}
	made := w.do("CreateWorkspace", members{"InstanceId": in, "Name": "Desk", "Description": "d", "Title": "t", "Theme": theme,
		"Tags": members{"a": "b"}}).ok()
	id := made["WorkspaceId"].(string)
	it := members{"InstanceId": in, "WorkspaceId": id}
	w.do("CreateWorkspace", members{"InstanceId": in, "Name": "Desk"}).fails("DuplicateResourceException", "Desk")
	w.do("UpdateWorkspaceMetadata", changed(it, members{"Title": "u"})).ok()
	w.do("UpdateWorkspaceVisibility", changed(it, members{"Visibility": "ALL"})).ok()
	w.do("UpdateWorkspaceTheme", it).ok()
	want := members{"Id": id, "Arn": w.arn(in, "workspace", id), "Name": "Desk", "Description": "d", "Title": "u",
		"Visibility": "ALL", "LastModifiedTime": 1773500966.535, "LastModifiedRegion": "us-east-1", "Tags": members{"a": "b"}}
	if got := w.do("DescribeWorkspace", it).ok()["Workspace"]; !reflect.DeepEqual(got, any(want)) {
		t.Errorf("DescribeWorkspace = %v, want %v", got, want)
	}
	w.do("ListWorkspaces", members{"InstanceId": in}).lists("WorkspaceSummaryList", "Name", "Desk")
	w.do("SearchWorkspaces", members{"InstanceId": in, "SearchCriteria": members{"StringCondition": members{
		"FieldName": "visibility", "Value": "all", "ComparisonType": "EXACT"}}}).lists("Workspaces", "Id", id)

	page := func(op string, change members) *wire { return w.do(op, changed(it, change)) }
	arn := w.arn(in, "view", viewID)
	page("CreateWorkspacePage", members{"Page": "HOME", "ResourceArn": arn, "InputData": "{}"}).ok()
	page("CreateWorkspacePage", members{"Page": "HOME", "ResourceArn": arn}).fails("DuplicateResourceException", "HOME")
	page("CreateWorkspacePage", members{"Page": "form", "ResourceArn": "arn:aws:connect:us-east-1:aws:view/form:1"}).ok()
	for says, bad := range map[string]members{
		"Page must not begin": {"Page": "aws:x", "ResourceArn": arn}, "ResourceArn must be": {"Page": "x", "ResourceArn": arn + "x"},
		"InputData must be a JSON object": {"Page": "x", "ResourceArn": arn, "InputData": "[]"},
	} {
		page("CreateWorkspacePage", bad).fails("InvalidParameterException", says)
	}
	page("UpdateWorkspacePage", members{"Page": "form", "NewPage": "forms", "Slug": "forms"}).ok()
	page("UpdateWorkspacePage", members{"Page": "form", "Slug": "forms"}).fails("ResourceNotFoundException", "form")
	w.do("ListWorkspacePages", it).lists("WorkspacePageList", "Page", "HOME", "forms")
	w.do("ListWorkspacePages", it).lists("WorkspacePageList", "ResourceArn", arn, "arn:aws:connect:us-east-1:aws:view/form:1")
	w.do("DeleteView", members{"InstanceId": in, "ViewId": viewID}).fails("ResourceInUseException", "workspace page")
	page("DeleteWorkspacePage", members{"Page": "HOME"}).ok()
	w.do("DeleteView", members{"InstanceId": in, "ViewId": viewID}).ok()

	routing := w.first("ListRoutingProfiles", in, "RoutingProfileSummaryList", "Arn")
	bad := w.arn(in, "agent", "nobody")
	assign := changed(it, members{"ResourceArns": []any{routing, bad, "arn:x"}})
	out := w.do("AssociateWorkspace", assign)
	out.lists("SuccessfulList", "ResourceArn", routing)
	out.lists("FailedList", "ErrorCode", "404", "400")
	w.do("AssociateWorkspace", assign).lists("SuccessfulList", "ResourceArn", routing)
	find := func() *wire {
		return w.do("SearchWorkspaceAssociations", members{"InstanceId": in, "SearchCriteria": members{"StringCondition": members{
			"FieldName": "ResourceType", "Value": "ROUTING_PROFILE", "ComparisonType": "EXACT"}}})
	}
	find().lists("WorkspaceAssociations", "ResourceArn", routing)
	find().lists("WorkspaceAssociations", "WorkspaceId", id)
	out = w.do("DisassociateWorkspace", assign)
	out.lists("SuccessfulList", "ResourceArn", routing)
	out.lists("FailedList", "ResourceArn", bad, "arn:x")
	find().lists("WorkspaceAssociations", "ResourceArn")
	w.do("AssociateWorkspace", assign).ok()
	w.do("DeleteWorkspace", it).ok()
	find().lists("WorkspaceAssociations", "ResourceArn")
	w.do("DescribeWorkspace", it).fails("ResourceNotFoundException", id)
}
