//go:build unix

package template

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fill repeats a text up to a size, with the number of each repetition in the place of #.
func fill(text string, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
	}
	return b.String()
}

// processorTime is what this process used, which does not depend on what else the machine does.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// Files of the largest size are read in little time, whatever is in them.
func TestLargeFiles(t *testing.T) {
	if underRaceDetector {
		t.Skip("the race detector makes this ten times as slow; make unit runs it without")
	}
	const size = MaxFileSize - 1000
	group := "  A#: {Type: \"AWS::Connect::UserHierarchyGroup\", Properties: {InstanceArn: \"" + instanceARN +
		"\", Name: a#, ParentGroupArn: !Ref "
	for _, tt := range []struct {
		name, text, want string
	}{
		{"one line of JSON", `{"Resources": {"A": {"Type": "AWS::SNS::Topic", "x": [` + fill(`"ü",`, size) + `"a"]}}}`, ""},
		{"one line of YAML", "Resources: {A: {Type: \"AWS::SNS::Topic\", x: [" + fill("ü,", size) + "]}}", ""},
		{"one text", "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    x:\n" + fill("      a: b\n", 10) + fill("       c\n", size),
			""},
		{"keys in short form", "Resources: {" + fill("? a#, ", size) + "}", "must be a map with Type, got nothing (null)"},
		{"many functions", "Resources:\n" + fill("  A#: {Type: \"AWS::SNS::Topic\", x: !Ref a}\n", size), ""},
		{"many variables", "Resources:\n" + strings.TrimSuffix(strings.ReplaceAll(group, "#", ""), "!Ref ") +
			"!Sub '" + fill("${!a} ${A}", size) + "'}}",
			"resources must not depend on each other in a cycle"},
		{"a chain", "Resources:\n" + fill(group+"A#x}}\n", size), "does not exist"},
		{"many unknown names", "Resources:\n" + fill(group+"B#}}\n", size), "does not exist"},
		{"many unknown properties", "Resources:\n  A:\n    Type: AWS::Connect::User\n    Properties:\n" +
			fill("      a#: b\n", size), "does not exist in"},
		{"many comments", "Resources: {\n" + strings.Repeat("# : -\n", size/6) + "}", ""},
	} {
		start := processorTime(t)
		f, err := Parse("a.yaml", []byte(tt.text))
		if err == nil {
			_, err = Resolve([]*File{f}, Inputs{})
		}
		if took := processorTime(t) - start; took > 15*time.Second {
			t.Errorf("%s took %v", tt.name, took)
		}
		if tt.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %.200v, want %s", tt.name, err, tt.want)
		}
	}
}

// underRaceDetector is set when the tests run under the race detector.
var underRaceDetector bool
