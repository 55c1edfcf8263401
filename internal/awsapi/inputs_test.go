package awsapi_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// furnish makes one of everything.
func (w *world) furnish() things { w.Helper(); return w.furnishAs("SAML") }

// furnishAs is furnish in an instance with that identity management.
func (w *world) furnishAs(identity string) things {
	w.Helper()
	in := things{instance: w.instanceOf("furnished", identity), agent: "arn:aws:wisdom:us-east-1:" + account +
		":ai-agent/a/b"}
	id := in.instance
	levels := members{}
	for _, name := range []string{"LevelOne", "LevelTwo", "LevelThree"} {
		levels[name] = members{"Name": name}
	}
	w.do("UpdateUserHierarchyStructure", members{"InstanceId": id, "HierarchyStructure": levels}).ok()
	in.hours = w.first("ListHoursOfOperations", id, "HoursOfOperationSummaryList", "Id")
	in.queue = w.first("ListQueues", id, "QueueSummaryList", "Id")
	in.routing = w.first("ListRoutingProfiles", id, "RoutingProfileSummaryList", "Id")
	in.group = w.id("CreateUserHierarchyGroup", members{"InstanceId": id, "Name": "Group"})
	in.module = w.id("CreateContactFlowModule", members{"InstanceId": id, "Name": "Module", "Content": "{}",
		"Description": "A tool", "ExternalInvocationConfiguration": members{"Enabled": true}})
	w.do("CreateContactFlowModuleVersion", members{"InstanceId": id, "ContactFlowModuleId": in.module}).ok()
	in.alias = w.id("CreateContactFlowModuleAlias", members{"InstanceId": id, "ContactFlowModuleId": in.module,
		"AliasName": "live", "ContactFlowModuleVersion": 1})
	in.parent = w.id("CreateHoursOfOperation",
		members{"InstanceId": id, "Name": "Parent", "TimeZone": "UTC", "Config": []any{}})
	in.flow, in.address = w.flow(id, "Flow"),
		w.id("CreateEmailAddress", members{"InstanceId": id, "EmailAddress": "us@example.com"})
	in.quick = w.id("CreateQuickConnect",
		members{"InstanceId": id, "Name": "Quick",
			"QuickConnectConfig": members{"QuickConnectType": "FLOW", "FlowConfig": members{"ContactFlowId": in.flow}}})
	in.table = w.id("CreateDataTable", members{"InstanceId": id, "Name": "Table", "TimeZone": "UTC", "ValueLockLevel": "NONE",
		"Status": "PUBLISHED"})
	w.do("CreateDataTableAttribute", members{"InstanceId": id, "DataTableId": in.table, "Name": "aa", "ValueType": "TEXT"}).ok()
	in.flows = w.furnishFlows(id)
	profile := w.first("ListSecurityProfiles", id, "SecurityProfileSummaryList", "Id")
	in.held = w.id("CreateSecurityProfile", members{"InstanceId": id, "SecurityProfileName": "Held"})
	in.user = w.id("CreateUser",
		members{"InstanceId": id, "Username": "user", "SecurityProfileIds": []string{profile},
			"RoutingProfileId": in.routing})
	w.do("AssociateSecurityProfiles",
		members{"InstanceId": id, "EntityType": "AI_AGENT", "EntityArn": in.agent,
			"SecurityProfiles": []members{{"Id": in.held}}}).ok()
	w.furnishRouting(&in)
	w.furnishForms(&in)
	return in
}

// flows are what flows are, and what has to do with them, by the members that name it.
func (w *world) furnishFlows(id string) map[string]any {
	w.Helper()
	of := func(more members) members { more["InstanceId"] = id; return more }
	flow := w.id("CreateContactFlow", of(members{"Name": "Versions", "Type": "CONTACT_FLOW", "Content": aFlow("hello")}))
	w.do("CreateContactFlowVersion", of(members{"ContactFlowId": flow})).ok()
	view := w.do("CreateView", of(members{"Name": "View", "Status": "PUBLISHED", "Content": aView("hello")})).ok()["View"].(members)
	w.do("CreateViewVersion", of(members{"ViewId": view["Id"]})).ok()
	sms := "arn:aws:sms-voice:us-east-1:" + account + ":phone-number/phone"
	w.do("AssociateFlow", of(members{"ResourceId": sms, "ResourceType": "SMS_PHONE_NUMBER", "FlowId": flow})).ok()
	words := "Phrase\tDisplayAs\nLos-Angeles\tLos Angeles"
	return map[string]any{
		"ContactFlowId": flow, "FlowId": flow, "ContactFlowVersion": 1, "ViewId": view["Id"], "ViewVersion": 1,
		"FlowAlias": w.id("CreateContactFlowAlias", of(members{"ContactFlowId": flow, "AliasName": "live",
			"ContactFlowVersion": 1})),
		"PromptId": w.id("CreatePrompt", of(members{"Name": "Prompt", "S3Uri": "s3://bucket/a.wav"})),
		"VocabularyId": w.id("CreateVocabulary", of(members{"VocabularyName": "Words", "LanguageCode": "ar-AE",
			"Content": words})),
		"PhoneNumberId": w.id("ClaimPhoneNumber", of(members{"PhoneNumber": "+12015550177"})),
		"TargetArn":     w.arn(id), "ResourceId": sms, "SourcePhoneNumberArn": sms}
}

func unbounded(c *control.Config, _ *awsapi.Config) {
	c.Quotas = control.Quotas{InstancesPerAccount: -1, Profiles: -1, Users: -1, Groups: -1, Queues: -1,
		RoutingProfiles: -1, Hours: -1, Modules: -1, QuickConnects: -1, DataTables: -1, AttributesPerTable: -1,
		PrimaryPerTable: -1, ValuesPerTable: -1, QueuesPerRoutingProfile: -1, AIAgents: -1, Documents: -1,
		RestrictedProfilesPerUser: -1}
	c.Lenient = true
}

// TestNoInputPanics sends every operation what is required alone, all there is, all members with
// optional ones missing below each depth, all members but one, and each optional one alone. An
// answer is a success that conforms or an exception that the operation declares, never a failure of
// ours.
func TestNoInputPanics(t *testing.T) {
	for _, op := range model.Operations {
		if op.Service == model.NotServed {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, unbounded)
			in := w.furnish()
			known := in.knownBy(w, op.Name)
			if op.Name == "UpdateUserProficiencies" || op.Name == "DisassociateUserProficiencies" { // what the sampler names
				w.do("AssociateUserProficiencies", members{"InstanceId": in.instance, "UserId": in.user,
					"UserProficiencies": []members{{"AttributeName": "aa", "AttributeValue": "aa", "Level": 1}}}).ok()
			}
			if op.Name == "CreateDataTableAttribute" { // what the sampler names
				w.do("DeleteDataTableAttribute", members{"InstanceId": in.instance, "DataTableId": in.table, "AttributeName": "aa"}).ok()
			}
			if op.Name == "UpdateDataTablePrimaryValues" { // of the row that the sampler names
				table := func(m members) members { m["InstanceId"], m["DataTableId"] = in.instance, in.table; return m }
				w.do("UpdateDataTableAttribute", table(members{"AttributeName": "aa", "Name": "aa", "ValueType": "TEXT",
					"Primary": true})).ok()
				w.do("CreateDataTableAttribute", table(members{"Name": "b", "ValueType": "TEXT"})).ok()
				w.do("BatchCreateDataTableValue", table(members{"Values": []members{{"AttributeName": "b", "Value": "c",
					"PrimaryValues": []members{{"AttributeName": "aa", "Value": "true"}}}}})).ok()
			}
			if op.Name == "CreatePredefinedAttribute" { // what the sampler names
				w.do("DeletePredefinedAttribute", members{"InstanceId": in.instance, "Name": "aa"}).ok()
			}
			if ofAttribute[op.Name] {
				known["Name"] = "aa"
			}
			if op.Name == "DisassociateEmailAddressAlias" {
				w.do("AssociateEmailAddressAlias", members{"InstanceId": in.instance, "EmailAddressId": in.address,
					"AliasConfiguration": known["shape AliasConfiguration"]}).ok()
			}
			if op.Name == "DisassociateSecurityProfiles" {
				known["Id"] = in.held
			}
			s := pinned().Shapes[pinned().Operations[op.Name].Input.Shape]
			succeeded := false
			try := func(m members) {
				t.Helper()
				x := w.do(op.Name, m)
				succeeded = succeeded || x.status == 200
				if x.status >= 500 {
					t.Errorf("%s %s %s = %d %s", x.method, x.target, x.body, x.status, x.answer)
				}
			}
			full := func(depth int) members {
				v, _ := sampler{optional: depth, known: known}.structure(s, 0)
				m := v.(members)
				for _, token := range []string{"NextToken", "ClientToken"} {
					delete(m, token)
				}
				return m
			}
			for _, depth := range []int{1, 2, 3, 5, 0} {
				m := full(depth)
				try(m)
				for name := range m {
					if !slices.Contains(s.Required, name) && depth < 3 {
						less := maps.Clone(m)
						delete(less, name)
						try(less)
						alone := full(0)
						alone[name] = m[name]
						try(alone)
					}
				}
			}
			if !succeeded && !strings.HasPrefix(op.Name, "Delete") { // some are in use
				t.Error("no input succeeded, so little was tried")
			}
		})
	}
}

// TestHandlersTakeHollowInputs gives the handlers, past the decoder, inputs whose every nested
// structure is there and empty when the model requires none of its members.
func TestHandlersTakeHollowInputs(t *testing.T) {
	w := newWorld(t, unbounded)
	in := w.furnish()
	known := in.known(w)
	for _, op := range model.Operations {
		if op.Service != model.Served || strings.HasPrefix(op.Name, "Delete") {
			continue
		}
		input := op.NewInput()
		v := reflect.ValueOf(input).Elem()
		for i := range v.NumField() {
			f := v.Field(i)
			name := v.Type().Field(i).Name
			if name == "NextToken" {
				continue
			}
			if f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.String {
				text, ok := known[name].(string)
				if !ok {
					text = "sample"
				}
				f.Set(reflect.ValueOf(&text))
				continue
			}
			hollow(f, 3)
		}
		if err := input.Validate(); err != nil {
			continue // the model requires something in it, so no handler sees it
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s: panic: %v", op.Name, p)
				}
			}()
			w.api.Run(t.Context(), op.Name, account, input) // an exception is as good as an answer
		}()
	}
}

// hollow sets pointers and gives lists one element, down to a depth, without any text.
func hollow(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 && v.CanSet() {
			if v.Type().Elem().Kind() == reflect.String {
				return
			}
			v.Set(reflect.New(v.Type().Elem()))
			hollow(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			hollow(v.Index(0), depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			hollow(v.Field(i), depth)
		}
	}
}

func TestEmptyOperations(t *testing.T) {
	w := newWorld(t)
	in := w.furnish()
	for _, op := range model.Operations {
		if op.Service != model.Empty {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			w.T = t
			m := w.required(op.Name, in)
			x := w.do(op.Name, m)
			x.ok()
			if x.answer != op.EmptyOutput {
				t.Errorf("the answer is %s, want %s", x.answer, op.EmptyOutput)
			}
			declares := func(name string) bool {
				return slices.ContainsFunc(op.Errors, func(e *model.Exception) bool { return e.Name == name })
			}
			shape := pinned().Shapes[pinned().Operations[op.Name].Input.Shape]
			notFound := "ResourceNotFoundException"
			if !declares(notFound) {
				notFound = "InvalidRequestException"
			}
			with := func(name string, v any) members {
				other := maps.Clone(m)
				other[name] = v
				return other
			}
			if _, ok := shape.Members["InstanceId"]; ok {
				w.do(op.Name, with("InstanceId", "00000000-0000-4000-8000-999999999999")).fails(notFound, "999999999999")
				if x := w.doAs(w.other, op.Name, m); x.exception() != notFound {
					t.Errorf("a stranger gets %d %s", x.status, x.answer)
				}
			}
			for _, below := range []string{"UserId", "QueueId", "RoutingProfileId", "HoursOfOperationId",
				"ContactFlowModuleId"} {
				if r, ok := shape.Members[below]; ok && r.Location == "uri" {
					w.do(op.Name, with(below, "nothing")).fails("ResourceNotFoundException", "nothing")
				}
			}
			if _, ok := shape.Members["NextToken"]; ok {
				invalid := "InvalidParameterException"
				if !declares(invalid) {
					invalid = "InvalidRequestException"
				}
				w.do(op.Name, with("NextToken", "abc")).fails(invalid, "NextToken")
			}
		})
	}
}
