package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestParameters(t *testing.T) {
	const use = "\nResources:\n  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties: {InstanceArn: \"" + instanceARN + "\", SecurityProfileName: p, Description: !Sub \"${A}\"}\n"
	for _, tt := range []struct {
		name, declared, given, want string
	}{
		{"a default", "{Type: String, Default: a}", "", `"a"`},
		{"given", "{Type: String, Default: a}", "A=b", `"b"`},
		{"given empty", "{Type: String, Default: a}", "A=", `""`},
		{"required", "{Type: String}", "", `a.yaml:6:162: parameter "A" is required; give it with --param A=…`},
		{"a number", "{Type: Number}", "A=1.50", `"1.50"`},
		{"not a number", "{Type: Number}", "A=b", `a.yaml:2:6: parameter "A" must be a number, got "b"`},
		{"not a number, secret", "{Type: Number, NoEcho: true}", "A=b", `a.yaml:2:6: parameter "A" must be a number, got a value that is not shown`},
		{"a default that is not a number", "{Type: Number, Default: b}", "", `a.yaml:2:30: parameter "A" must be a number, got "b"`},
		{"a default that YAML reads as octal", "{Type: String, Default: 0777}", "", `"0777" | a.yaml:2:30: AWS reads 0777 as a number and may write it in another way; write it in quotes`},
		{"a default that YAML reads as a boolean", "{Type: String, Default: yes}", "", `"true" | a.yaml:2:30: AWS reads yes as true; write it in quotes if the word is meant`},
		{"a default that is a list", "{Type: CommaDelimitedList, Default: [a, b]}", "", "a.yaml:2:42: Default must be a string or a number, got a list"},
		{"a default that is nothing", "{Type: String, Default: }", "", "a.yaml:2:30: Default must be a string or a number, got nothing (null)"},
		{"one of few", "{Type: String, AllowedValues: [a, b]}", "A=b", `"b"`},
		{"none of few", "{Type: String, AllowedValues: [a, b], ConstraintDescription: \"a or b\"}", "A=B", `a.yaml:2:6: parameter "A" must be a or b, got "B"; a or b`},
		{"none of few, secret", "{Type: String, AllowedValues: [a, b], NoEcho: yes}", "A=c", `a.yaml:2:6: parameter "A" must be a or b, got a value that is not shown`},
		{"a pattern", "{Type: String, AllowedPattern: '[a-z]+'}", "A=abc", `"abc"`},
		{"a pattern of the whole", "{Type: String, AllowedPattern: '[a-z]+'}", "A=abc1", `a.yaml:2:6: parameter "A" must match [a-z]+, got "abc1"`},
		{"a pattern with a lookahead", "{Type: String, AllowedPattern: '(?=.*[0-9])[a-z0-9]+'}", "A=abc", `a.yaml:2:6: parameter "A" must match (?=.*[0-9])[a-z0-9]+, got "abc"`},
		{"a pattern that Go does not know", "{Type: String, AllowedPattern: '(a)\\1'}", "A=aa", "\"aa\" | a.yaml:2:37: AllowedPattern of parameter \"A\" is not checked here: error parsing regexp: invalid escape sequence: `\\1`"},
		{"too short", "{Type: String, MinLength: 2}", "A=ü", `a.yaml:2:6: parameter "A" must have at least 2 characters, got "ü"`},
		{"too long", "{Type: String, MaxLength: '2'}", "A=üüü", `a.yaml:2:6: parameter "A" must have at most 2 characters, got "üüü"`},
		{"too small", "{Type: Number, MinValue: 0.3}", "A=0.2", `a.yaml:2:6: parameter "A" must be at least 0.3, got 0.2`},
		{"too large", "{Type: Number, MaxValue: 9007199254740993}", "A=9007199254740994", `a.yaml:2:6: parameter "A" must be at most 9007199254740993, got 9007199254740994`},
		{"a bound that is none", "{Type: Number, MaxValue: a}", "A=1", `a.yaml:2:31: MaxValue must be a number, got "a"`},
		{"items of a list", "{Type: List<Number>}", "A=1,b", `a.yaml:2:6: parameter "A" must be a number, got "b"`},
		{"an unknown type", "{Type: Strng, Default: a}", "", `a.yaml:2:13: Type must be String, Number, CommaDelimitedList, List<…> or a type of AWS's, got "Strng"; did you mean String?`},
		{"no type", "{Default: a}", "", `a.yaml:2:3: Type is required in parameter "A"`},
		{"no map", "a", "A=a", `a.yaml:2:6: parameter "A" must be a map with Type, got "a"`},
		{"an unknown attribute", "{Type: String, Defualt: a}", "A=a", `a.yaml:2:21: parameter attribute "Defualt" does not exist; did you mean Default?`},
		{"a type of AWS's", "{Type: AWS::EC2::VPC::Id}", "A=vpc-1", `"vpc-1"`},
		{"a parameter in SSM that is given", "{Type: 'AWS::SSM::Parameter::Value<String>', Default: /a}", "A=b", `"b" | a.yaml:2:6: parameter "A" is taken as the value itself; AWS takes it as the name of a parameter in SSM`},
		{"not declared", "{Type: String, Default: a}", "Aa=b", `a.yaml: parameter "Aa" does not exist`},
		{"a dynamic reference", "{Type: String, Default: '{{resolve:ssm:a}}'}", "", `a.yaml:2:30: parameter "A" cannot be resolved here: it is a dynamic reference; give its value with --param`},
		{"many digits", "{Type: Number, MaxValue: 5}", "A=1e999999999", `a.yaml:2:6: parameter "A" must be a number, got "1e999999999"`},
		{"control characters", "{Type: String, AllowedValues: [a]}", "A=\x1b[31m", `a.yaml:2:6: parameter "A" must be a, got "\x1b[31m"`},
	} {
		in := Inputs{Parameters: map[string]string{}}
		if name, value, err := ParseParameter(tt.given); err == nil {
			in.Parameters[name] = value
		}
		stack, err := resolve(t, in, "Parameters:\n  A: "+tt.declared+use)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = short(stack.Resources[0].Properties.Get("Description"))
			for _, w := range stack.Warnings {
				got += " | " + w.String()
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %s", tt.name, got)
		}
	}
}

func TestReadParameters(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
	}{
		{"the CLI's list", `[{"ParameterKey": "A", "ParameterValue": "a"}, {"ParameterKey": "B", "ParameterValue": "b,c"}]`, "A=a B=b,c "},
		{"the CLI's overrides", `["A=a", "B=b=c"]`, "A=a B=b=c "},
		{"CodePipeline's", `{"Parameters": {"A": "a"}, "StackPolicy": {}, "Tags": {"B": "b"}}`, "A=a "},
		{"flat", `{"A": "a", "B": 12345678901234567890, "C": true, "D": ["x", 1]}`, "A=a B=12345678901234567890 C=true D=x,1 "},
		{"YAML", "A: 012\nB: yes\nC: [x, y]\n", "A=012 B=yes C=x,y "},
		{"with a byte order mark", "\ufeff{\"A\": \"a\"}", "A=a "},
		{"nothing", "", "params: parameters must be a map or a list, got an empty file"},
		{"text", "A=a", `params:1:1: parameters must be a map, or a list of ParameterKey and ParameterValue, got a string`},
		{"a list of numbers", "[1]", "params:1:2: a parameter must be a map with ParameterKey and ParameterValue, got a number"},
		{"a list of lists", "[[]]", "params:1:2: a parameter must be a map with ParameterKey and ParameterValue, got a list"},
		{"no key", `[{"ParameterValue": "a"}]`, "params:1:2: ParameterKey is required"},
		{"no value", `[{"ParameterKey": "A"}]`, "params:1:2: ParameterValue is required for A"},
		{"an earlier value", `[{"ParameterKey": "A", "UsePreviousValue": true}]`, "params:1:2: ParameterValue is required for A, since no earlier value is known here"},
		{"twice", `["A=a", "A=b"]`, `params:1:9: parameter "A" must be given once, got it twice`},
		{"without an equals sign", `["A=a", "secret"]`, "params:1:9: a parameter must be NAME=VALUE, got 6 characters without a name or without ="},
		{"a value that is a map", `{"A": {"b": "c"}}`, `params:1:7: parameter "A" must be a string, a number or a list of them, got a map`},
		{"a value that is null", `{"A": null}`, `params:1:7: parameter "A" must be a string, a number or a list of them, got nothing (null)`},
		{"a list in a list", `{"A": [["b"]]}`, `params:1:8: items of parameter "A" must be strings, got a list`},
		{"a function", "A: !Ref b\n", `params:1:4: parameter "A" must be a string, a number or a list of them, got !Ref`},
		{"broken", `{"A": `, "params:1:7: the file must be JSON: the file ends too early; close the brackets"},
	} {
		values, err := ReadParameters("params", []byte(tt.text))
		got := ""
		for _, name := range slices.Sorted(maps.Keys(values)) {
			got += fmt.Sprintf("%s=%s ", name, values[name])
		}
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %s", tt.name, strings.ReplaceAll(got, "\n", "\\n"))
		}
	}
}
