package terraform_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/terraform"
)

type object = map[string]any

func read(t *testing.T, file string) *stack.Proposals {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	p, err := terraform.ReadPlan(file, content)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// id is the id that the plans in testdata have for the n-th.
func id(n string) string { return "0000000" + n + "-0000-4000-8000-000000000000" }

// The plans of Terraform with the provider hashicorp/aws, of a configuration as it was created, changed and destroyed.
func TestPlansOfTheProvider(t *testing.T) {
	lead := object{"SecurityProfileName": "Shift lead", "Description": nil,
		"Permissions": []any{"BasicAgentAccess", "Users.Edit", "Users.View"}, "Tags": object{"Owner": "ops"}}
	nina := object{"Username": "nina", "SecurityProfileArns": []any{"{{lanyard.R1}}", id("4")}, "Tags": nil,
		"RoutingProfileArn": id("2"), "HierarchyGroupArn": "{{lanyard.R3}}",
		"IdentityInfo": object{"FirstName": "Nina", "LastName": "K"}, "PhoneConfig": object{"PhoneType": "SOFT_PHONE"}}
	group := object{"Name": "Night shift", "ParentGroupArn": nil, "Tags": nil}
	got := read(t, "create.json")
	for i := range got.Changes { // the order of references is Terraform's
		delete(got.Changes[i].Properties, "SecurityProfileArns")
	}
	delete(nina, "SecurityProfileArns")
	want := &stack.Proposals{Others: map[string]int{}, Changes: []stack.Proposal{
		{Address: "aws_connect_security_profile.lead", LogicalID: "R1", Action: stack.Create, Instance: id("1"),
			Type: "AWS::Connect::SecurityProfile", Properties: lead},
		{Address: "aws_connect_user.nina", LogicalID: "R2", Action: stack.Create, Instance: id("1"),
			Type: "AWS::Connect::User", Properties: nina},
		{Address: "aws_connect_user_hierarchy_group.team", LogicalID: "R3", Action: stack.Create, Instance: id("1"),
			Type: "AWS::Connect::UserHierarchyGroup", Properties: group},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	all := read(t, "create.json").Changes[1].Properties["SecurityProfileArns"].([]any)
	if len(all) != 2 || !strings.Contains(all[0].(string)+all[1].(string), "{{lanyard.R1}}") {
		t.Errorf("the profiles of the new user are %v", all)
	}
	for file, want := range map[string][]string{
		"update.json":  {"update aws_connect_security_profile.lead"},
		"replace.json": {"replace aws_connect_security_profile.lead", "update aws_connect_user.nina"},
		"delete.json": {"delete aws_connect_security_profile.lead", "delete aws_connect_user.nina",
			"delete aws_connect_user_hierarchy_group.team"},
	} {
		var got []string
		for _, p := range read(t, file).Changes {
			got = append(got, p.Action+" "+p.Address)
			if p.ID == "" || p.Instance == "" {
				t.Errorf("%s: %s has id %q in instance %q", file, p.Address, p.ID, p.Instance)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
}

// change is a plan with one change of a resource.
func change(kind, actions, before, after, unknown string) string {
	return `{"format_version":"1.2","resource_changes":[{"address":"a.b","mode":"managed","type":"` + kind +
		`","name":"b","change":{"actions":` + actions + `,"before":` + before + `,"after":` + after + `,"after_unknown":` +
		unknown + `}}]}`
}

// Each type of resource becomes the properties that a template has.
func TestTypes(t *testing.T) {
	for _, tt := range []struct {
		kind, after string
		want        object
	}{
		{"aws_connect_user_hierarchy_structure",
			`{"instance_id":"i","hierarchy_structure":[{"level_one":[{"name":"Country","id":"1"}],"level_two":[]}]}`,
			object{"UserHierarchyStructure": object{"LevelOne": object{"Name": "Country"}}}},
		{"aws_connect_queue", `{"instance_id":"i","name":"Q","hours_of_operation_id":"h","max_contacts":0,"status":"ENABLED",
			"quick_connect_ids":["c"],"outbound_caller_config":[{"outbound_caller_id_name":"Shop","outbound_flow_id":null}],
			"tags":{"a":"b"},"tags_all":{"a":"b","from":"provider"}}`,
			object{"Name": "Q", "Description": nil, "HoursOfOperationArn": "h", "MaxContacts": nil, "Status": "ENABLED",
				"QuickConnectArns": []any{"c"}, "OutboundCallerConfig": object{"OutboundCallerIdName": "Shop"},
				"Tags": object{"a": "b", "from": "provider"}}},
		{"aws_connect_routing_profile", `{"instance_id":"i","name":"R","description":"D","default_outbound_queue_id":"q",
			"media_concurrencies":[{"channel":"VOICE","concurrency":1}],
			"queue_configs":[{"channel":"VOICE","delay":2,"priority":1,"queue_id":"q","queue_arn":"arn","queue_name":"Q"}]}`,
			object{"Name": "R", "Description": "D", "DefaultOutboundQueueArn": "q", "Tags": nil,
				"MediaConcurrencies": []any{object{"Channel": "VOICE", "Concurrency": 1.0}},
				"QueueConfigs": []any{object{"Delay": 2.0, "Priority": 1.0,
					"QueueReference": object{"Channel": "VOICE", "QueueArn": "q"}}}}},
		{"aws_connect_hours_of_operation", `{"instance_id":"i","name":"H","time_zone":"UTC","config":[{"day":"MONDAY",
			"start_time":[{"hours":0,"minutes":0}],"end_time":[{"hours":23,"minutes":59}]}]}`,
			object{"Name": "H", "Description": nil, "TimeZone": "UTC", "Tags": nil,
				"Config": []any{object{"Day": "MONDAY", "StartTime": object{"Hours": 0.0, "Minutes": 0.0},
					"EndTime": object{"Hours": 23.0, "Minutes": 59.0}}}}},
		{"aws_connect_contact_flow_module", `{"instance_id":"i","name":"M","content":"{}"}`,
			object{"Name": "M", "Description": nil, "Content": "{}", "Tags": nil}},
		{"aws_connect_quick_connect", `{"instance_id":"i","name":"C","quick_connect_config":[{"quick_connect_type":"USER",
			"user_config":[{"contact_flow_id":"f","user_id":"u"}],"phone_config":[],"queue_config":[]}]}`,
			object{"Name": "C", "Description": nil, "Tags": nil, "QuickConnectConfig": object{"QuickConnectType": "USER",
				"UserConfig": object{"ContactFlowArn": "f", "UserArn": "u"}}}},
		{"awscc_connect_security_profile", `{"instance_arn":"i","security_profile_name":"P","permissions":["Users.View"],
			"allowed_access_control_tags":[{"key":"Country","value":"FR"}],"tag_restricted_resources":["User"],
			"allowed_access_control_hierarchy_group_id":"g","applications":[{"namespace":"n","application_permissions":["ACCESS"]}],
			"id":"x","security_profile_arn":"y","last_modified_time":3}`,
			object{"SecurityProfileName": "P", "Permissions": []any{"Users.View"},
				"AllowedAccessControlTags": []any{object{"Key": "Country", "Value": "FR"}},
				"TagRestrictedResources":   []any{"User"}, "AllowedAccessControlHierarchyGroupId": "g",
				"Applications": []any{object{"Namespace": "n", "ApplicationPermissions": []any{"ACCESS"}}}}},
		{"awscc_connect_user", `{"instance_arn":"i","username":"u","security_profile_arns":["p"],"routing_profile_arn":"r",
			"phone_config":{"phone_type":"SOFT_PHONE","auto_accept":null}}`,
			object{"Username": "u", "SecurityProfileArns": []any{"p"}, "RoutingProfileArn": "r",
				"PhoneConfig": object{"PhoneType": "SOFT_PHONE"}}},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			p, err := terraform.ReadPlan("plan.json", []byte(change(tt.kind, `["create"]`, `null`, tt.after, `{"arn":true}`)))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Changes[0]; !reflect.DeepEqual(got.Properties, tt.want) || got.Instance != "i" ||
				len(got.Unknown) > 0 {
				t.Errorf("got\n%+v, unknown %q\nwant\n%+v", got.Properties, got.Unknown, tt.want)
			}
		})
	}
}

// What is not known before the apply is said and never made up.
func TestUnknown(t *testing.T) {
	p, err := terraform.ReadPlan("plan.json", []byte(change("aws_connect_user", `["update"]`,
		`{"instance_id":"i","user_id":"u","name":"ann","security_profile_ids":["p"]}`,
		`{"instance_id":"i","user_id":"u","name":"ann"}`,
		`{"security_profile_ids":true,"routing_profile_id":true,"hierarchy_group_id":true}`)))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SecurityProfileArns", "RoutingProfileArn", "HierarchyGroupArn"}
	if !reflect.DeepEqual(p.Changes[0].Unknown, want) {
		t.Errorf("unknown are %q, want %q", p.Changes[0].Unknown, want)
	}
	if _, ok := p.Changes[0].Properties["SecurityProfileArns"]; ok {
		t.Errorf("profiles that are not known are %+v", p.Changes[0].Properties)
	}
}

// References of a module are to what is in the module.
func TestModules(t *testing.T) {
	plan := `{"format_version":"1.2","resource_changes":[
	 {"address":"module.m.aws_connect_security_profile.p","module_address":"module.m","mode":"managed",
	  "type":"aws_connect_security_profile","name":"p","change":{"actions":["create"],"before":null,
	  "after":{"instance_id":"i","name":"P"},"after_unknown":{"security_profile_id":true}}},
	 {"address":"module.m.aws_connect_user.u","module_address":"module.m","mode":"managed","type":"aws_connect_user",
	  "name":"u","change":{"actions":["create"],"before":null,"after":{"instance_id":"i","name":"u"},
	  "after_unknown":{"security_profile_ids":true}}},
	 {"address":"aws_connect_user.v","mode":"managed","type":"aws_connect_user",
	  "name":"v","change":{"actions":["create"],"before":null,"after":{"instance_id":"i","name":"v"},
	  "after_unknown":{"security_profile_ids":true}}},
	 {"address":"aws_s3_bucket.b","mode":"managed","type":"aws_s3_bucket","name":"b","change":{"actions":["create"]}},
	 {"address":"aws_s3_bucket.c","mode":"managed","type":"aws_s3_bucket","name":"c","change":{"actions":["no-op"]}}],
	 "configuration":{"root_module":{
	  "resources":[{"type":"aws_connect_user","name":"v","mode":"managed","expressions":{"security_profile_ids":
	   {"references":["module.m.profile","module.m"]}}}],
	  "module_calls":{"m":{"module":{"resources":[{"type":"aws_connect_user","name":"u","mode":"managed","expressions":
	   {"security_profile_ids":{"references":["aws_connect_security_profile.p.security_profile_id",
	    "aws_connect_security_profile.p"]}}}]}}}}}}`
	p, err := terraform.ReadPlan("plan.json", []byte(plan))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Changes[1].Properties["SecurityProfileArns"]; !reflect.DeepEqual(got, []any{"{{lanyard.R1}}"}) {
		t.Errorf("the user of the module holds %v", got)
	}
	if got := p.Changes[2].Unknown; !reflect.DeepEqual(got, []string{"SecurityProfileArns"}) {
		t.Errorf("of the user outside of the module, %q are not known", got)
	}
	if !reflect.DeepEqual(p.Others, map[string]int{"aws_s3_bucket": 1}) {
		t.Errorf("others are %v", p.Others)
	}
}

func TestRefusedPlans(t *testing.T) {
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	for _, tt := range []struct{ name, content, want string }{
		{"empty", ``, "plan.json:1:1: must be JSON"},
		{"cut", "{\n \"format_version\": \"1.2\",\n", "plan.json:3:1: must be JSON"},
		{"another document", `{"Resources":{}}`, "format_version is required; make the file with terraform show -json PLAN"},
		{"a list", `[]`, "plan.json:1:1: the document must be an object, got a list"},
		{"a later format", `{"format_version":"2.0"}`, `format_version must be 0.x or 1.x, got "2.0"`},
		{"a wrong type", "{\"format_version\":\"1.2\",\n\"resource_changes\":[{\"address\":7}]}",
			"plan.json:2:32: resource_changes.0.address must be a string, got a number"},
		{"doubled members", `{"format_version":"1.2","format_version":"1.2"}`, "must be JSON"},
		{"deep", `{"format_version":"1.2","x":` + deep + `}`, "must be nested at most 200 deep"},
		{"actions", change("aws_connect_user", `["explode","create"]`, `null`, `{}`, `{}`),
			"actions of \"a.b\" must be create, update, delete or a pair that replaces"},
		{"a state that is none", change("aws_connect_user", `["update"]`, `[]`, `{}`, `{}`),
			"before of \"a.b\" must be an object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := terraform.ReadPlan("plan.json", []byte(tt.content))
			if !errors.Is(err, lanyard.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := terraform.ReadPlan("plan.json", make([]byte, terraform.MaxPlan+1)); err == nil ||
		!strings.Contains(err.Error(), "must have at most 67108864 bytes") {
		t.Errorf("a file that is too large: %v", err)
	}
}

// Whatever is read, is refused or becomes proposals that name what they change.
func FuzzReadPlan(f *testing.F) {
	for _, file := range []string{"create.json", "update.json", "replace.json", "delete.json"} {
		content, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte(change("awscc_connect_user", `["create"]`, `null`, `{"username":"u","tags":[{"key":"a"}]}`, `{"x":[true]}`)))
	f.Add([]byte(change("aws_connect_hours_of_operation", `["delete","create"]`, `{}`, `{"config":[{"start_time":[7]}]}`, `null`)))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := terraform.ReadPlan("plan.json", content)
		if err != nil {
			if !errors.Is(err, lanyard.ErrInvalid) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		for _, c := range p.Changes {
			if c.Type == "" || c.Action == "" || c.LogicalID == "" {
				t.Errorf("a proposal says too little: %+v", c)
			}
		}
	})
}
