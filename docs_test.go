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
	words := map[model.Service]string{model.Served: "served", model.Empty: "empty list", model.NotServed: "not yet"}
	count := map[model.Service]int{}
	var rows strings.Builder
	for _, op := range model.Operations {
		count[op.Service]++
		var errs []string
		for _, e := range op.Errors {
			errs = append(errs, strings.TrimSuffix(e.Name, "Exception"))
		}
		fmt.Fprintf(&rows, "| %s | %s | `%s %s` | %s |\n", op.Name, words[op.Service], op.Method, op.URI, strings.Join(errs, ", "))
	}
	return fmt.Sprintf(`# Coverage

Generated from the operation table by `+"`make docs`"+`; a test holds it to that.

Amazon Connect's service model has %d operations. lanyard answers %d of them in full (**served**). %d more list what
no instance here has, such as prompts or rules, and answer the properly typed empty result for an existing instance
(**empty list**), so that tools which walk every list of an instance run through. The other %d answer
`+"`UnsupportedOperationException`"+` (status 501) with the operation's name and a pointer to this page (**not yet**).

The last column has the exceptions that the model declares, without the word Exception at their end.

| operation | answer | method and path | declared exceptions |
| --- | --- | --- | --- |
%s`, len(model.Operations), count[model.Served], count[model.Empty], count[model.NotServed], rows.String())
}
