package lanyard_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi/model"
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

// leftOut are the groups of operations that are not served, with the reason, the first that matches counting.
var leftOut = []struct{ title, reason, names string }{
	{"Files and media", "lanyard stores no files.", `AttachedFile|PromptFile|WorkspaceMedia`},
	{"Regions", "An instance is in one region: there is nothing to replicate, and nobody to send elsewhere.",
		`ReplicateInstance|CrossRegionRouting|TrafficDistributionGroupUser`},
	{"Metrics and analytics", "They are made of contacts, and there are none.",
		`Metric|Analytics|RealtimeContact|CurrentUserData|ExtractionDefinition`},
	{"Tests of flows, and validation by AI", "Nothing runs flows here, and nothing evaluates by AI.",
		`TestCase|EvaluationFormValidation`},
	{"Sessions and sign-in", "Users sign in to lanyard's console only.",
		`AuthCode|FederationToken|Session|PushNotificationRegistration|ParticipantAuthentication`},
	{"Tags of everything", "An answer would have to have every resource of an account, and its search is not documented.",
		`SearchResourceTags`},
	{"What happens while contacts are served", "lanyard configures a contact centre and routes no contacts.", `.`},
}

// leftOutTables are tables of the operations that are not served, by group.
func leftOutTables() string {
	groups := make([]strings.Builder, len(leftOut))
	for _, op := range model.Operations {
		if op.Service != model.NotServed {
			continue
		}
		for i, g := range leftOut {
			if regexp.MustCompile(g.names).MatchString(op.Name) {
				fmt.Fprintf(&groups[i], "| %s | `%s %s` |\n", op.Name, op.Method, op.URI)
				break
			}
		}
	}
	var b strings.Builder
	for i, g := range leftOut {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| operation | method and path |\n| --- | --- |\n%s", g.title, g.reason, groups[i].String())
	}
	return b.String()
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
		tables[model.Served], tables[model.Empty], leftOutTables())
}

const coveragePage = `# Coverage

How lanyard answers each of the %d operations in Amazon Connect's service model:

- %d in full: [served](#served);
- %d with a typed empty list for an existing instance, because instances here have no test cases, metrics and the like. So
  tools that read every list of an instance complete: [empty lists](#empty-lists);
- the other %d with ` + "`UnsupportedOperationException`" + ` (status 501), the operation's name and a reference
  to this page: [left out on purpose](#left-out-on-purpose), with the reasons.

` + "`make docs`" + ` generates this page from the operation table, and a test compares the two. The exceptions are those that
the service model declares, without the word Exception at the end.

## Served

| operation | method and path | declared exceptions |
| --- | --- | --- |
%s
## Empty lists

| operation | method and path | declared exceptions |
| --- | --- | --- |
%s
## Left out on purpose

What lanyard is for is who may do what in a contact centre, and the configuration around it.
%s`

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	link    = regexp.MustCompile(`\]\(([^)\s#]*)(#[^)\s]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unspelt = regexp.MustCompile(`[^\pL\pN_\- ]`)
)

// Links within the docs lead to files and headings that exist.
func TestDocsLinks(t *testing.T) {
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "conformance/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil || len(pages) == 0 {
			t.Fatalf("no pages for %s: %v", pattern, err)
		}
		for _, page := range pages {
			for _, m := range link.FindAllStringSubmatch(prose(t, page), -1) {
				if problem := broken(t, page, m[1], m[2]); problem != "" {
					t.Errorf("%s: %s", page, problem)
				}
			}
		}
	}
}

// prose returns a page without its code.
func prose(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return fenced.ReplaceAllString(string(text), "")
}

// broken returns what is wrong with a link of a page, or "".
func broken(t *testing.T, page, to, anchor string) string {
	t.Helper()
	if strings.Contains(to, "://") {
		return ""
	}
	file := page
	if to != "" {
		file = filepath.Join(filepath.Dir(page), to)
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Sprintf("the link to %s leads nowhere", to)
	}
	if anchor == "" {
		return ""
	}
	for _, m := range heading.FindAllStringSubmatch(prose(t, file), -1) {
		if "#"+strings.ReplaceAll(unspelt.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") == anchor {
			return ""
		}
	}
	return fmt.Sprintf("%s has no heading for the link to %s%s", file, to, anchor)
}
