package template

import (
	"strings"
	"testing"
)

// functionsTemplate is what the rows of TestFunctions put their Description into, on line 10 from column 20 on.
const functionsTemplate = `Parameters: {I: {Type: String, Default: "` + instanceARN + `"}, S: {Type: String, Default: s}, N: {Type: Number, Default: 7}, L: {Type: CommaDelimitedList, Default: "x, y"}, Secret: {Type: String, Default: hidden, NoEcho: true}, Needed: {Type: String}, SSM: {Type: "AWS::SSM::Parameter::Value<String>", Default: /a}}
Conditions: {Is: !Equals [a, a], Never: !Equals [a, b], Loop: !Not [!Condition Loop], Bad: !Equals [!Ref P, a]}
Mappings: {M: {k: {s: one, l: [a, b], t: 012, u: yes}}}
Resources: {F: {Type: "AWS::Lambda::Function"}, G: {Type: "AWS::Connect::UserHierarchyGroup", Properties: {InstanceArn: !Ref I, Name: G}}, Off: {Type: "AWS::Connect::UserHierarchyGroup", Condition: Never, Properties: {InstanceArn: !Ref I, Name: Off}},
  P: {
    Type: "AWS::Connect::SecurityProfile",
    Properties: {
      InstanceArn: !Ref I,
      SecurityProfileName: p,
      Description: EXPRESSION
    }}}
Outputs: {O: {Value: !Ref G, Export: {Name: exported}}, Self: {Value: !ImportValue self, Export: {Name: self}}}
`

func TestFunctions(t *testing.T) {
	in := Inputs{Account: "123456789012", Region: "cn-north-1",
		Parameters: map[string]string{"F.Given": "given", "Fn::ImportValue:elsewhere": "imported"}}
	for _, tt := range []struct {
		name, expression, want string
	}{
		{"a parameter", "!Ref S", `"s"`},
		{"in full", "{Ref: S}", `"s"`},
		{"a number", "!Ref N", `"7"`},
		{"a list", "!Ref L", "a.yaml:10:20: Description must be a string, got a list of 2 items"},
		{"a secret", "!Ref Secret", "a value that is not shown"},
		{"a secret in text", `!Sub "a ${Secret}"`, "a value that is not shown"},
		{"a parameter without a value", "!Ref Needed", `a.yaml:10:20: parameter "Needed" is required; give it with --param Needed=…`},
		{"a parameter in SSM", "!Ref SSM", `a.yaml:10:20: parameter "SSM" cannot be resolved here: its value is in SSM; give it with --param SSM=…`},
		{"a resource", "!Ref G", "G.UserHierarchyGroupArn"},
		{"a resource of another type", "!Ref F", "a.yaml:10:20: the value of F cannot be resolved here: lanyard does not manage AWS::Lambda::Function; give it with --param F=…"},
		{"a resource that is not there", "!Ref Off", `a.yaml:10:20: resource "Off" is not in the stack, since its condition Never is false`},
		{"a name that does not exist", "!Ref Nothing", `a.yaml:10:20: parameter or resource "Nothing" does not exist`},
		{"a misspelt name", "!Ref Seecret", `a.yaml:10:20: parameter or resource "Seecret" does not exist; did you mean Secret?`},
		{"a reference to a list", "!Ref [a]", "a.yaml:10:20: Ref must be the name of a parameter or resource, got a list"},
		{"a reference to a function", "{Ref: !Ref S}", "a.yaml:10:26: Ref must be the name of a parameter or resource, got !Ref"},

		{"the account", "!Ref AWS::AccountId", `"123456789012"`},
		{"the region", `!Ref "AWS::Region"`, `"cn-north-1"`},
		{"the partition", "!Ref AWS::Partition", `"aws-cn"`},
		{"the suffix", "!Sub '${AWS::URLSuffix}'", `"amazonaws.com.cn"`},
		{"the stack's name", "!Ref AWS::StackName", "a.yaml:10:20: AWS::StackName cannot be resolved here: the stack's name is not known; give it with --param AWS::StackName=…"},
		{"the stack's ID", "!Ref AWS::StackId", "a.yaml:10:20: AWS::StackId cannot be resolved here: the stack's ID is not known; give it with --param AWS::StackId=…"},
		{"the topics", "!Ref AWS::NotificationARNs", "a.yaml:10:20: AWS::NotificationARNs cannot be resolved here; use a parameter"},
		{"an unknown pseudo parameter", "!Ref AWS::Regio", `a.yaml:10:20: pseudo parameter "AWS::Regio" does not exist; did you mean AWS::Region?`},
		{"no value", "!Ref AWS::NoValue", "nothing"},

		{"an attribute", "!GetAtt G.UserHierarchyGroupArn", "G.UserHierarchyGroupArn"},
		{"an attribute as a list", "!GetAtt [G, UserHierarchyGroupArn]", "G.UserHierarchyGroupArn"},
		{"an attribute in full", "{Fn::GetAtt: [G, UserHierarchyGroupArn]}", "G.UserHierarchyGroupArn"},
		{"a misspelt attribute", "!GetAtt G.UserHierarchyGroupARN", `a.yaml:10:20: attribute "UserHierarchyGroupARN" does not exist in AWS::Connect::UserHierarchyGroup; did you mean UserHierarchyGroupArn?`},
		{"a property is no attribute", "!GetAtt G.Name", `a.yaml:10:20: attribute "Name" does not exist in AWS::Connect::UserHierarchyGroup; it has UserHierarchyGroupArn`},
		{"an attribute of nothing", "!GetAtt H.Arn", `a.yaml:10:20: resource "H" does not exist`},
		{"an attribute without a dot", "!GetAtt G", `a.yaml:10:20: Fn::GetAtt must be a logical ID and an attribute, as in "Profile.SecurityProfileArn", got "G"`},
		{"an attribute of another type", "!GetAtt F.Arn", "a.yaml:10:20: Arn of F cannot be resolved here: lanyard does not manage AWS::Lambda::Function; give it with --param F.Arn=…"},
		{"an attribute that is given", "!GetAtt F.Given", `"given"`},
		{"an attribute of three", "!GetAtt [G, a, b]", `a.yaml:10:20: Fn::GetAtt must be a logical ID and an attribute, as in "Profile.SecurityProfileArn", got a list of 3 items`},
		{"an attribute of a function", "!GetAtt [!Ref G, a]", "a.yaml:10:29: the logical ID of Fn::GetAtt must not depend on a resource, got G.UserHierarchyGroupArn"},

		{"text", `!Sub "${S}-${N}-${AWS::AccountId}"`, `"s-7-123456789012"`},
		{"text with a literal", `!Sub "${!S} $S {S} $${S}"`, `"${S} $S {S} $s"`},
		{"text with an attribute", `!Sub "g=${G.UserHierarchyGroupArn}"`, `Fn::Sub(["g=", G.UserHierarchyGroupArn])`},
		{"text that is one attribute", `!Sub "${G.UserHierarchyGroupArn}"`, "G.UserHierarchyGroupArn"},
		{"text with variables", `!Sub ["${a}${S}", {a: !Ref N, S: own}]`, `"7own"`},
		{"text with an unknown variable", `!Sub "12 ${Nix} ${S}"`, `a.yaml:10:29: parameter or resource "Nix" does not exist`},
		{"text with a bad variable", `!Sub "${S}${a b}"`, `a.yaml:10:30: a variable of Fn::Sub must be letters, digits, _, . and :, got "a b"`},
		{"text with an empty variable", `!Sub "${}"`, `a.yaml:10:26: a variable of Fn::Sub must be letters, digits, _, . and :, got ""`},
		{"text with a list", `!Sub "${L}"`, `a.yaml:10:26: variable "L" of Fn::Sub must be a string, got a list of 2 items`},
		{"text of a list", "!Sub [a]", "a.yaml:10:20: Fn::Sub must be a string, or a list of a string and a map of variables, got a list of 1 item"},
		{"text with variables that are no map", "!Sub [a, b]", `a.yaml:10:29: the variables of Fn::Sub must be a map, got "b"`},
		{"text of a function", "!Sub [!Ref S, {}]", "a.yaml:10:26: the text of Fn::Sub must be a string, got !Ref"},
		{"text without an end", `!Sub "${S"`, `"${S"`},

		{"joined", `!Join ["-", [a, !Ref N, !Ref S]]`, `"a-7-s"`},
		{"a joined list", "!Join [',', !Ref L]", `"x,y"`},
		{"joined with an attribute", "!Join ['/', [!Ref G, b]]", `Fn::Join("/", [G.UserHierarchyGroupArn, "b"])`},
		{"joined without a list", "!Join ['/', a]", `a.yaml:10:20: Fn::Join must have a list of values, got "a"`},
		{"joined without a delimiter", "!Join [[a]]", "a.yaml:10:20: Fn::Join must be a list of a delimiter and a list of values, got a list of 1 item"},
		{"joined by an attribute", "!Join [!Ref G, [a]]", "a.yaml:10:27: the delimiter of Fn::Join must not depend on a resource, got G.UserHierarchyGroupArn"},
		{"joined lists", "!Join ['', [[a]]]", "a.yaml:10:20: Fn::Join must have a list of strings, got a list of 1 item in it"},
		{"a nested function in short form", `!Join ["", [!Select [0, !Split [":", "a:b"]], "${x}"]]`, `"a${x}"`},

		{"chosen", "!Select [1, [a, b]]", `"b"`},
		{"chosen by a text", "!Select ['0', !Ref L]", `"x"`},
		{"chosen beyond the end", "!Select [2, [a, b]]", "a.yaml:10:20: Fn::Select must have an index from 0 to 1, got 2"},
		{"chosen before the start", "!Select [-1, [a, b]]", "a.yaml:10:20: Fn::Select must have an index from 0 to 1, got -1"},
		{"chosen by a word", "!Select [a, [a, b]]", `a.yaml:10:20: Fn::Select must have an index from 0 to 1, got "a"`},
		{"chosen from text", "!Select [0, a]", `a.yaml:10:20: Fn::Select must have a list of values, got "a"`},
		{"chosen of an attribute", "!Select [1, !Split ['/', !Ref G]]", `Fn::Select(1, Fn::Split("/", G.UserHierarchyGroupArn))`},
		{"chosen of resources", "!Select [0, [!Ref G, !Ref P]]", "G.UserHierarchyGroupArn"},
		{"split", "!Select [1, !Split [',', 'a,b,c']]", `"b"`},
		{"split by nothing", "!Select [1, !Split ['', 'a,b,c']]", "a.yaml:10:32: Fn::Split must have a delimiter of 1 character or more, got none"},
		{"split without text", "!Split [a]", "a.yaml:10:20: Fn::Split must be a list of a delimiter and a string, got a list of 1 item"},

		{"if it is", "!If [Is, a, b]", `"a"`},
		{"if it is not", "!If [Never, a, !Ref S]", `"s"`},
		{"if without else", "!If [Never, a, !Ref AWS::NoValue]", "nothing"},
		{"if an unknown condition", "!If [Iss, a, b]", `a.yaml:10:25: condition "Iss" does not exist; did you mean Is?`},
		{"if a condition that depends on itself", "!If [Loop, a, b]", `a.yaml:2:69: condition "Loop" must not depend on itself`},
		{"if a condition of a resource", "!If [Bad, a, b]", "a.yaml:2:101: Fn::Equals must not depend on a resource, got P.SecurityProfileArn"},
		{"if a condition that YAML reads as a boolean", "!If [Yes, a, b]", "a.yaml:10:25: the condition of Fn::If must be the name of a condition, got Yes"},
		{"if two", "!If [Is, a]", "a.yaml:10:20: Fn::If must be a list of a condition's name and two values, got a list of 2 items"},
		{"if a function", "!If [!Equals [a, a], a, b]", "a.yaml:10:25: the condition of Fn::If must be the name of a condition, got !Equals"},

		{"found in a map", "!FindInMap [M, k, s]", `"one"`},
		{"found in a map as it is written", "!FindInMap [M, k, t]", `"012"`},
		{"found in a map as AWS reads it", "!FindInMap [M, k, u]", `"true"`},
		{"found by functions", "!FindInMap [M, !Select [0, [k]], !Sub s]", `"one"`},
		{"no such map", "!FindInMap [N, k, s]", `a.yaml:10:20: key "N" does not exist in Mappings`},
		{"no such key", "!FindInMap [M, kk, s]", `a.yaml:10:20: key "kk" does not exist in M`},
		{"no such second key", "!FindInMap [M, k, S]", `a.yaml:10:20: key "S" does not exist in M.k; did you mean s?`},
		{"a default", "!FindInMap [M, q, s, DefaultValue: d]", `"d"`},
		{"a default in another form", "!FindInMap [M, q, s, d]", `a.yaml:10:41: the fourth item of Fn::FindInMap must be a map with DefaultValue, got "d"`},
		{"found by an attribute", "!FindInMap [M, !Ref G, s]", "a.yaml:10:35: the first key of Fn::FindInMap must not depend on a resource, got G.UserHierarchyGroupArn"},
		{"found with two", "!FindInMap [M, k]", "a.yaml:10:20: Fn::FindInMap must be a list of a map's name and two keys, got a list of 2 items"},

		{"an import", "!ImportValue elsewhere", `"imported"`},
		{"an import of this stack", "!ImportValue exported", "G.UserHierarchyGroupArn"},
		{"an import that is not known", "!ImportValue nowhere", `a.yaml:10:20: export "nowhere" cannot be resolved here: no file of this stack exports it; give it with --param Fn::ImportValue:nowhere=…`},
		{"an import of itself", "!ImportValue self", `a.yaml:12:71: export "self" must not import itself`},
		{"a macro", "{'Fn::Transform': {Name: a}}", "a.yaml:10:20: Fn::Transform cannot be resolved here; macros run on AWS; give their result as a parameter"},
		{"zones", "!GetAZs ''", "a.yaml:10:20: Fn::GetAZs cannot be resolved here; only AWS knows the zones of a region; give them as a parameter"},
		{"Equals outside of conditions", "!Equals [a, b]", "a.yaml:10:20: Fn::Equals cannot be resolved here; use it in Conditions, and Fn::If here"},
		{"Condition outside of conditions", "!Condition Is", "a.yaml:10:20: Condition cannot be resolved here; use Fn::If here"},
		{"an unknown function", "!Rev a", `a.yaml:10:20: function "Fn::Rev" does not exist in CloudFormation`},
		{"a misspelt function", "{Fn::Joim: [a, b]}", `a.yaml:10:20: function "Fn::Joim" does not exist in CloudFormation; did you mean Fn::Join?`},
		{"two functions", "{Ref: S, Fn::Sub: a}", "a.yaml:10:21: Ref must be the only key of its map, got 2 keys"},
		{"a loop", "{'Fn::ForEach::X': [a, [b], {}]}", "a.yaml:10:20: Fn::ForEach cannot be resolved here; write out what it repeats"},

		{"Base64", "!Base64 a b", `"YSBi"`},
		{"a length", "!Length [a, b, c]", `"3"`},
		{"a length of text", "!Length abc", `a.yaml:10:20: Fn::Length must have a list, got "abc"`},
		{"a length that is split", "!Length {'Fn::Split': ['/', !Ref G]}", `Fn::Length(Fn::Split("/", G.UserHierarchyGroupArn))`},
		{"JSON", `!ToJsonString {a: 1, b: [true, "x\"", !Ref S, !Ref AWS::NoValue], c: 012}`, `"{\"a\":1,\"b\":[true,\"x\\\"\",\"s\"],\"c\":\"012\"}"`},
		{"JSON with an attribute", `!ToJsonString {a: !Ref G}`, "Fn::ToJsonString({a: G.UserHierarchyGroupArn})"},
		{"JSON of text", `!ToJsonString a`, `a.yaml:10:20: Fn::ToJsonString must have a list or a map, got "a"`},

		{"null", "null", "a.yaml:10:20: null is not accepted in a template; remove the entry, or use AWS::NoValue"},
		{"nothing", "", "a.yaml:11:5: null is not accepted in a template; remove the entry, or use AWS::NoValue"},
		{"a dynamic reference", "'{{resolve:ssm:a}}'", "a.yaml:10:20: {{resolve:…}} cannot be resolved here; use a parameter and give it with --param"},
		{"yes", "yes", `"true" | a.yaml:10:20: AWS reads yes as true; write it in quotes if the word is meant`},
		{"true", "true", `"true"`},
		{"an octal number", "0777", `"0777" | a.yaml:10:20: AWS reads 0777 as a number and may write it in another way; write it in quotes`},
		{"an account that looks octal", "012345670123", `"012345670123" | a.yaml:10:20: AWS reads 012345670123 as a number and may write it in another way; write it in quotes`},
		{"an account", "123456789012", `"123456789012"`},
		{"a float", "1.50", `"1.50" | a.yaml:10:20: AWS reads 1.50 as a number and may write it in another way; write it in quotes`},
		{"a time", "10:30", `"10:30" | a.yaml:10:20: AWS reads 10:30 as a number and may write it in another way; write it in quotes`},
		{"a date", "2024-01-01", `"2024-01-01"`},
		{"a number with a tag", "!!str 012", `"012"`},
	} {
		template := strings.ReplaceAll(functionsTemplate, "EXPRESSION", tt.expression)
		got := ""
		stack, err := resolve(t, in, template)
		if err != nil {
			got = err.Error()
		} else {
			got = short(stack.Get("P").Properties.Get("Description"))
			for _, w := range stack.Warnings {
				got += " | " + w.String()
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %s", tt.name, got)
		}
	}
}
