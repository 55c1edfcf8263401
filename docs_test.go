package lanyard_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/awsapi/model"
)

var update = flag.Bool("update", false, "write docs/coverage.md instead of comparing it")

// docs/coverage.md is made from the operation table, so that it cannot promise what is not served.
func TestCoverage(t *testing.T) {
	const file = "docs/coverage.md"
	want := coverage()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not say what the operation table says; run make docs", file)
	}
}

func coverage() string {
	tables := map[model.Service]*strings.Builder{model.Served: {}, model.Empty: {}, model.NotServed: {}}
	count := map[model.Service]int{}
	for _, op := range model.Operations {
		count[op.Service]++
		fmt.Fprintf(tables[op.Service], "| %s | `%s %s` |", op.Name, op.Method, op.URI)
		if op.Service != model.NotServed {
			var errs []string
			for _, e := range op.Errors {
				errs = append(errs, strings.TrimSuffix(e.Name, "Exception"))
			}
			fmt.Fprintf(tables[op.Service], " %s |", strings.Join(errs, ", "))
		}
		tables[op.Service].WriteString("\n")
	}
	return fmt.Sprintf(coveragePage,
		len(model.Operations), count[model.Served], count[model.Empty], count[model.NotServed],
		tables[model.Served], tables[model.Empty], tables[model.NotServed])
}

const coveragePage = `# Coverage

Amazon Connect's service model has %d operations. lanyard answers

- %d of them in full: [served](#served);
- %d that list what no instance here has, such as prompts or rules, with the properly typed empty result for an existing
  instance, so that tools which walk every list of an instance run through: [empty lists](#empty-lists);
- the other %d with ` + "`UnsupportedOperationException`" + ` (status 501), the operation's name and a pointer
  to this page: [not yet](#not-yet).

This page is generated from the operation table by ` + "`make docs`" + `, and a test compares the two. Exceptions are
those that the service model declares, without the word Exception at their end.

## Served

| operation | method and path | declared exceptions |
| --- | --- | --- |
%s
## Empty lists

| operation | method and path | declared exceptions |
| --- | --- | --- |
%s
## Not yet

| operation | method and path |
| --- | --- |
%s`
