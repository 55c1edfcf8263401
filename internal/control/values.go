package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// member names a member of the i-th item of a list.
func member(list string, i int, name string) string { return fmt.Sprintf("%s[%d].%s", list, i, name) }

// item names the i-th item of a list.
func item(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

// oneOf lists alternatives.
func oneOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// unique drops repetitions and keeps the order. The empty list is nil, so that "cleared" and
// "never set" are one state.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func emptyIsNil(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

// checkForeignARN checks that s has the form of an ARN of any service. lanyard keeps no register
// of what other services own.
func checkForeignARN(member, s string) error {
	parts := strings.SplitN(s, ":", 6)
	ok := len(s) <= lanyard.MaxARN && len(parts) == 6 && parts[0] == "arn" &&
		(parts[1] == "aws" || strings.HasPrefix(parts[1], "aws-")) &&
		parts[2] != "" && len(parts[4]) == 12 && strings.Trim(parts[4], "0123456789") == "" && parts[5] != "" &&
		strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
	if !ok {
		return lanyard.Errorf(lanyard.Invalid,
			"%s must be an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, of at most %d characters, got %s", member,
			lanyard.MaxARN, lanyard.Quote(s))
	}
	return nil
}
