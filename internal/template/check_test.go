package template

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	// Each template begins with these two lines.
	const head = "Parameters: {I: {Type: String, Default: \"" + instanceARN + "\"}, Secret: {Type: String, Default: hidden, NoEcho: true}}\nResources:\n"
	// profile has its properties from line 6 on, below those that are required.
	const profile = "  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n      InstanceArn: !Ref I\n      SecurityProfileName: p\n"
	const user = "  U:\n    Type: AWS::Connect::User\n    Properties:\n      InstanceArn: !Ref I\n      Username: u\n      RoutingProfileArn: !Sub ${I}/routing-profile/a\n"
	for _, tt := range []struct {
		name, text, want string
	}{
		{"an unknown property", profile + "      Permisions: [a]\n", "a.yaml:8:7: Permisions is not a property of AWS::Connect::SecurityProfile; did you mean Permissions?"},
		{"a property of nothing like it", profile + "      Colour: red\n", "a.yaml:8:7: Colour is not a property of AWS::Connect::SecurityProfile"},
		{"a property in another case", profile + "      description: red\n", "a.yaml:8:7: description is not a property of AWS::Connect::SecurityProfile; did you mean Description?"},
		{"a property that is read-only", profile + "      SecurityProfileArn: a\n", "a.yaml:8:7: SecurityProfileArn must be absent: it is set by AWS and can only be read"},
		{"a property that is missing", "  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n      SecurityProfileName: p\n", "a.yaml:6:7: InstanceArn is required in AWS::Connect::SecurityProfile"},
		{"a required property that is misspelt", "  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties: {InstanceArn: !Ref I, SecurityProfileNam: p}\n", "a.yaml:5:39: SecurityProfileNam is not a property of AWS::Connect::SecurityProfile; did you mean SecurityProfileName?"},
		{"no properties", "  P:\n    Type: AWS::Connect::SecurityProfile\n", "a.yaml:3:3: InstanceArn is required in AWS::Connect::SecurityProfile\na.yaml:3:3: SecurityProfileName is required in AWS::Connect::SecurityProfile"},
		{"properties that are a list", "  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties: [a]\n", "a.yaml:5:17: Properties must be a map, got a list of 1 item"},
		{"text for a list", profile + "      Permissions: BasicAgentAccess\n", `a.yaml:8:20: Permissions must be a list, got "BasicAgentAccess"`},
		{"a map for a list", profile + "      Tags: {a: b}\n", "a.yaml:8:13: Tags must be a list, got a map"},
		{"a list for text", profile + "      Description: [a]\n", "a.yaml:8:20: Description must be a string, got a list of 1 item"},
		{"a list in a list", profile + "      Permissions: [[a]]\n", "a.yaml:8:21: Permissions[0] must be a string, got a list of 1 item"},
		{"an attribute for a list", profile + "      Permissions: !GetAtt P.SecurityProfileArn\n", "a.yaml:8:20: Permissions must be a list, got P.SecurityProfileArn\na.yaml:8:20: resources must not depend on each other in a cycle, got P -> P (a.yaml:8:20)"},
		{"an attribute for a map", profile + "      GranularAccessControlConfiguration: !Ref P\n", "a.yaml:8:43: GranularAccessControlConfiguration must be a map, got P.SecurityProfileArn\na.yaml:8:43: resources must not depend on each other in a cycle, got P -> P (a.yaml:8:43)"},
		{"the same twice", profile + "      Permissions:\n      - a\n      - b\n      - a\n", `a.yaml:11:9: Permissions must have unique items, got "a" twice; the first is Permissions[0]`},
		{"too many", profile + "      Permissions: [" + strings.Repeat("a,", 501) + "]\n", "a.yaml:8:20: Permissions must be a list of at most 500 items, got a list of 501 items"},
		{"too few", profile + "      Applications: [{Namespace: a, ApplicationPermissions: []}]\n", "a.yaml:8:61: Applications[0].ApplicationPermissions must be a list of at least 1 item, got a list of 0 items"},
		{"too long", profile + "      Description: " + strings.Repeat("a", 251) + "\n", "a.yaml:8:20: Description must be a string of at most 250 characters, got 251"},
		{"too short", profile + "      Permissions: [\"\"]\n", `a.yaml:8:21: Permissions[0] must be a string of at least 1 character, got ""`},
		{"one of few", profile + "      Applications: [{Type: MPC}]\n", `a.yaml:8:29: Applications[0].Type must be MCP or THIRD_PARTY_APPLICATION, got "MPC"; did you mean MCP?`},
		{"a pattern", profile + "      AllowedAccessControlHierarchyGroupId: a/b\n", `a.yaml:8:45: AllowedAccessControlHierarchyGroupId must be text that matches ^[a-zA-Z0-9-]*$, got "a/b"`},
		{"a pattern that refuses", profile + "      Tags: [{Key: \"aws:a\", Value: b}]\n", `a.yaml:8:20: Tags[0].Key must be letters, digits and + - = . _ : / that do not begin with aws:, got "aws:a"`},
		{"a pattern with characters by number", profile + "      GranularAccessControlConfiguration: {DataTableAccessControlConfiguration: {PrimaryAttributeAccessControlConfiguration: {PrimaryAttributeValues: [{AccessType: ALLOW, AttributeName: Country, Values: [\"\\x01\"]}]}}}\n", `a.yaml:8:205: GranularAccessControlConfiguration.DataTableAccessControlConfiguration.PrimaryAttributeAccessControlConfiguration.PrimaryAttributeValues[0].Values[0] must be text that matches ^[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]+$, got "\x01"`},
		{"a nested property", profile + "      Tags: [{Key: a, Valu: b}]\n", "a.yaml:8:23: Valu is not a property of Tags[0]; did you mean Value?"},
		{"a nested property that is missing", profile + "      Tags: [{Key: a}]\n", "a.yaml:8:14: Value is required in Tags[0]"},
		{"an ARN that is none", "  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties: {InstanceArn: aaa, SecurityProfileName: p}\n", `a.yaml:5:31: InstanceArn must be the ARN of an instance, got "aaa"`},
		{"an ARN of another type", user + "      SecurityProfileArns: [!Sub \"${I}/queue/a\"]\n", `a.yaml:9:29: SecurityProfileArns[0] must be the ARN of a resource of type security-profile, got "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555/queue/a"`},
		{"an attribute of another type", user + "      SecurityProfileArns: [!Ref U]\n", "a.yaml:9:29: SecurityProfileArns[0] must be the ARN of a resource of type security-profile, got U.UserArn\na.yaml:9:29: resources must not depend on each other in a cycle, got U -> U (a.yaml:9:29)"},
		{"a boolean", user + "      SecurityProfileArns: [!Ref P]\n      PhoneConfig: {AutoAccept: maybe}\n" + profile, `a.yaml:10:33: PhoneConfig.AutoAccept must be true or false, got "maybe"`},
		{"a number", user + "      SecurityProfileArns: [!Ref P]\n      PhoneConfig: {AfterContactWorkTimeLimit: 1.5}\n" + profile, "a.yaml:10:48: PhoneConfig.AfterContactWorkTimeLimit must be a whole number, got 1.5"},
		{"a number out of bounds", user + "      SecurityProfileArns: [!Ref P]\n      PhoneConfig: {AfterContactWorkTimeLimit: -1}\n" + profile, "a.yaml:10:48: PhoneConfig.AfterContactWorkTimeLimit must be a whole number of at least 0, got -1"},
		{"an octal number", user + "      SecurityProfileArns: [!Ref P]\n      PhoneConfig: {AfterContactWorkTimeLimit: 010}\n" + profile, "U P | a.yaml:10:48: AWS reads 010 as an octal number, 8; write it without the leading 0"},
		{"numbers and booleans as text", user + "      SecurityProfileArns: [!Ref P]\n      PhoneConfig: {AfterContactWorkTimeLimit: '010', AutoAccept: 'True'}\n" + profile, "U P "},
		{"a secret that does not fit", user + "      SecurityProfileArns: [!Ref P]\n      Password: !Ref Secret\n" + profile, "a.yaml:10:17: Password must be 8 to 64 characters with no spaces and include a lowercase letter, an uppercase letter and a digit, got a value that is not shown"},

		{"no type", "  P: {Properties: {}}\n", "a.yaml:3:3: Type is required in P"},
		{"a type that is a list", "  P: {Type: [a]}\n", "a.yaml:3:13: Type must be a string, got a list"},
		{"a misspelt type", "  P: {Type: \"AWS::Connect::SecurityProfle\"}\n", "a.yaml:3:13: AWS::Connect::SecurityProfle is not a type of resource; did you mean AWS::Connect::SecurityProfile?"},
		{"a type in another case", "  P: {Type: \"AWS::connect::User\"}\n", "a.yaml:3:13: AWS::connect::User is not a type of resource; did you mean AWS::Connect::User?"},
		{"a type of others", "  P: {Type: \"AWS::Connect::Rule\"}\n  Q: {Type: \"Custom::Thing\"}\n", ""},
		{"a resource that is text", "  P: a\n", `a.yaml:3:6: P must be a map with Type, got "a"`},
		{"a name with a dash", strings.Replace(profile, "P:", "P-1:", 1), `a.yaml:3:3: a logical ID must be 1 to 255 letters and digits, got "P-1"`},
		{"the name of a parameter", strings.Replace(profile, "P:", "I:", 1), `a.yaml:3:3: resource "I" must have a name of its own, got that of a parameter`},
		{"an unknown attribute of a resource", profile + "    DependOn: a\n", "a.yaml:8:5: DependOn is not an attribute of a resource; did you mean DependsOn?"},
		{"a loop", "  Fn::ForEach::X: [a, [b], {}]\n", "a.yaml:3:3: Fn::ForEach cannot be resolved here; write out the resources"},
		{"DependsOn nothing", profile + "    DependsOn: Q\n", `a.yaml:8:16: resource "Q" does not exist`},
		{"DependsOn a list of lists", profile + "    DependsOn: [[P]]\n", "a.yaml:8:17: DependsOn must be a logical ID or a list of them, got a list"},
		{"DependsOn of another type", profile + "    DependsOn: [Q]\n  Q: {Type: \"AWS::SNS::Topic\"}\n", "P "},
		{"an unknown condition", profile + "    Condition: Q\n", `a.yaml:8:16: condition "Q" does not exist`},
		{"a policy", profile + "    DeletionPolicy: Keep\n", `a.yaml:8:21: DeletionPolicy must be Delete, Retain, RetainExceptOnCreate or Snapshot, got "Keep"`},
		{"metadata", profile + "    Metadata: {Lanyard: {AllowedAIAgent: []}}\n", "a.yaml:8:26: AllowedAIAgent is not a property of Metadata.Lanyard of AWS::Connect::SecurityProfile; did you mean AllowedAIAgents?"},
		{"metadata that is a list", profile + "    Metadata: {Lanyard: []}\n", "a.yaml:8:25: Metadata.Lanyard must be a map, got a list of 0 items"},
		{"metadata without use", strings.Replace(user, "  U:", "  U:\n    Metadata: {Lanyard: {Password: a}}", 1) + "      SecurityProfileArns: [!Sub \"${I}/security-profile/a\"]\n", "a.yaml:4:26: Password is not a property of Metadata.Lanyard of AWS::Connect::User"},
		{"metadata of others", profile + "    Metadata: {cfn-lint: {config: [!Ref Nothing]}}\n", "P "},

		{"the same name twice", profile + strings.Replace(profile, "P:", "Q:", 1), `a.yaml:12:28: SecurityProfileName "p" already exists in the stack: P at a.yaml:3:3`},
		{"the same user twice", user + "      SecurityProfileArns: [!Sub \"${I}/security-profile/a\"]\n" + strings.Replace(user, "U:", "V:", 1) + "      SecurityProfileArns: [!Sub \"${I}/security-profile/a\"]\n", `a.yaml:14:17: Username "u" already exists in the stack: U at a.yaml:3:3`},
		{"groups below different groups", "  A: {Type: \"AWS::Connect::UserHierarchyGroup\", Properties: {InstanceArn: !Ref I, Name: a}}\n  B: {Type: \"AWS::Connect::UserHierarchyGroup\", Properties: {InstanceArn: !Ref I, Name: a, ParentGroupArn: !Ref A}}\n", "A B "},
		{"two structures", "  A: {Type: \"AWS::Connect::UserHierarchyStructure\", Properties: {InstanceArn: !Ref I}}\n  B: {Type: \"AWS::Connect::UserHierarchyStructure\", Properties: {InstanceArn: !Ref I}}\n", "a.yaml:4:3: an instance must have one AWS::Connect::UserHierarchyStructure, got also A at a.yaml:3:3"},
		{"a resource that refers to itself", profile + "      Description: !Ref P\n", "a.yaml:8:20: resources must not depend on each other in a cycle, got P -> P (a.yaml:8:20)"},
		{"a cycle", "  A: {Type: \"AWS::Connect::UserHierarchyGroup\", Properties: {InstanceArn: !Ref I, Name: a, ParentGroupArn: !Ref B}}\n  B: {Type: \"AWS::Connect::UserHierarchyGroup\", DependsOn: [C], Properties: {InstanceArn: !Ref I, Name: b}}\n  C: {Type: \"AWS::Connect::UserHierarchyGroup\", Properties: {InstanceArn: !Ref I, Name: !Sub \"${A}\"}}\n", "a.yaml:5:95: resources must not depend on each other in a cycle, got A -> B (a.yaml:3:108) -> C (a.yaml:4:61) -> A (a.yaml:5:95)"},
		{"no resources", "  A: {Type: \"AWS::SNS::Topic\"}\nResource: {}\n", "a.yaml:4:1: Resource is not a section of a template; did you mean Resources?"},
	} {
		stack, err := resolve(t, Inputs{}, head+tt.text)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			for _, r := range stack.Resources {
				got += r.LogicalID + " "
			}
			for _, w := range stack.Warnings {
				got += "| " + w.String()
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %s", tt.name, strings.ReplaceAll(got, "\n", "\\n"))
		}
	}
}
