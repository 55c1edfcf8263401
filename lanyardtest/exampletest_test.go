package lanyardtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// t stands in for the test that an example is part of. Its servers live as long as the tests of this package.
var t = example{}

type example struct{ testing.TB }

func (example) Helper()                  {}
func (example) Cleanup(func())           {}
func (example) Context() context.Context { return context.Background() }
func (example) Log(...any)               {}

// Errorf prints what an assertion says, without the sentence that sums it up, whose words may change.
func (example) Errorf(format string, args ...any) {
	lines := strings.Split(fmt.Sprintf(format, args...), "\n")
	if len(lines) > 1 {
		lines = append(lines[:1], lines[2:]...)
	}
	fmt.Println(strings.Join(lines, "\n"))
}

func (example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (example) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
