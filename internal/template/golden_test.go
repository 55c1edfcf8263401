package template

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// TestGolden resolves whole templates: one that is written by hand, and one that the AWS CDK made. Conformance tests
// make the second again, and let cfn-lint read both.
func TestGolden(t *testing.T) {
	in := Inputs{
		Parameters: map[string]string{"InstanceArn": instanceARN, "Password": "Secret-12345"},
		Account:    "123456789012", Region: "us-east-1", StackName: "centre",
	}
	for _, name := range []string{"centre.yaml", "cdk.json"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, name, string(content))
		if name == "cdk.json" {
			delete(in.Parameters, "Password")
		}
		stack, err := Resolve([]*File{f}, in)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(wholeOutline(stack), instanceARN, "INSTANCE")
		golden := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v, got\n%s", name, err, got)
		}
	}
}

// wholeOutline is outline with all else that a stack has.
func wholeOutline(s *Stack) string {
	var b strings.Builder
	b.WriteString(outline(s))
	for _, r := range s.Resources {
		fmt.Fprintf(&b, "%s: at %s, depends on %v, %s, %s\n", r.LogicalID, r.Pos, r.DependsOn, r.DeletionPolicy,
			r.UpdateReplacePolicy)
	}
	for _, o := range s.Outputs {
		fmt.Fprintf(&b, "output %s at %s: %s, %q, %q\n", o.Name, o.Pos, short(o.Value), o.Export, o.Description)
	}
	for _, f := range s.Foreign {
		fmt.Fprintf(&b, "foreign %s %s at %s\n", f.LogicalID, f.Type, f.Pos)
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	order := []string{}
	for _, r := range s.Order() {
		order = append(order, r.LogicalID)
	}
	fmt.Fprintf(&b, "order %v\n", order)
	return b.String()
}
