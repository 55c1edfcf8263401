package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/policytest"
)

type testCmd struct {
	dataFlag    `embed:""`
	AWSProfile  string            `help:"Profile of the AWS configuration files whose credentials, region and endpoint to use." name:"profile" placeholder:"PROFILE"`
	Region      string            `help:"AWS region of the instance." placeholder:"REGION"`
	Target      string            `help:"Instance to test instead of the one that each file names: instance:ALIAS, mirror:ALIAS, backup:FILE, template:FILES or fixtures." placeholder:"KIND:NAME"`
	Param       map[string]string `help:"Value of a parameter of the templates, in place of the one in the file; may be repeated." mapsep:"none" placeholder:"NAME=VALUE"`
	Var         map[string]string `help:"Value of a variable of the files, in place of their own; may be repeated." mapsep:"none" placeholder:"NAME=VALUE"`
	Select      string            `help:"Ask only the questions whose name (test, then question) matches this regular expression." name:"run" placeholder:"REGEXP"`
	Format      string            `help:"Format of the report: text, junit, tap or json." default:"text" enum:"text,junit,tap,json"`
	Verbose     bool              `help:"Show what passed too."`
	Coverage    bool              `help:"List the permissions, profiles and conditions of the target that no question exercises."`
	MinCoverage float64           `help:"Fail if less than this percentage is exercised; implies --coverage." placeholder:"PERCENT"`
	Schema      bool              `help:"Print the JSON schema of test files, with which editors complete and check them."`
	Files       []string          `arg:"" optional:"" name:"file" help:"Test files; a folder stands for the files below it that end with .test.yaml or .test.yml." type:"path"`
}

func (testCmd) Help() string {
	return `A test file has questions like those of lanyard check, each with the expected answer:

  tests:
    - name: Claire sees the French
      user: claire.dubois
      permission: Users.View
      resource: User/hugo.moreau
      expect: allow

The exit status is 0 if every answer is as expected, 1 if not, and 2 if a file cannot be understood.

` + targetHelp + `

Examples:
  lanyard test access.test.yaml
  lanyard test tests/ --run 'Claire' --verbose
  lanyard test tests/ --target template:profiles.yaml --format junit >report.xml
  lanyard test tests/ --target instance:production --profile production --coverage --min-coverage 80
  lanyard test --schema >policy-tests.schema.json`
}

func (c *testCmd) Run(s streams) error {
	if c.Schema {
		return printSchema(s)
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	files, err := c.readFiles()
	if err != nil {
		return err
	}
	report := &policytest.Report{Verbose: c.Verbose}
	targets := &testTargets{c: c, s: s, open: map[string]*policytest.Target{}}
	for _, f := range files {
		targets.agents = append(targets.agents, f.AIAgents()...)
	}
	begin := time.Now()
	for _, f := range files {
		t, err := targets.of(f)
		if err != nil {
			return err
		}
		result, err := policytest.Run(t, f, options)
		if err != nil {
			return refuse("%s", err)
		}
		report.Files = append(report.Files, result)
	}
	report.Took = time.Since(begin)
	if options.Coverage != nil {
		report.Coverage = options.Coverage.Reports()
	}
	if report.Total() == 0 {
		return refuse("--run %s matches no question", c.Select)
	}
	if err := report.Write(s.out, c.Format); err != nil {
		return err
	}
	return c.verdict(s, report)
}

func printSchema(s streams) error {
	b, err := policytest.Schema()
	if err != nil {
		return err
	}
	_, err = s.out.Write(b)
	return err
}

func (c *testCmd) options() (o policytest.Options, err error) {
	if len(c.Files) == 0 {
		return o, refuse("FILE is required: a test file, or a folder of test files")
	}
	if c.MinCoverage < 0 || c.MinCoverage > 100 {
		return o, refuse("--min-coverage must be 0 to 100, got %g", c.MinCoverage)
	}
	if c.Coverage || c.MinCoverage > 0 {
		o.Coverage = &policytest.Coverage{}
	}
	if c.Select != "" {
		pattern, err := regexp.Compile(c.Select)
		if err != nil {
			return o, refuse("--run must be a regular expression, got %q: %s", c.Select, err)
		}
		o.Select = func(q *policytest.Question) bool { return pattern.MatchString(q.FullName()) }
	}
	return o, nil
}

// verdict is how the command ends.
func (c *testCmd) verdict(s streams, r *policytest.Report) error {
	err := error(nil)
	if !r.OK() {
		err = exitStatus(1)
	}
	for _, covered := range r.Coverage {
		if covered.Percent < c.MinCoverage {
			printf(s.errs, "lanyard: error: the tests exercise %.1f%% of %s, less than --min-coverage %g\n", covered.Percent,
				covered.Target, c.MinCoverage)
			err = exitStatus(1)
		}
	}
	return err
}

// maxTestFiles bounds the files of one run.
const maxTestFiles = 10_000

// readFiles reads all files before any question is asked, and says what is wrong with any of them.
func (c *testCmd) readFiles() ([]*policytest.File, error) {
	var names []string
	for _, name := range c.Files {
		found, err := testFilesOf(name)
		if err != nil {
			return nil, refuse("%s", err)
		}
		names = append(names, found...)
	}
	if len(names) > maxTestFiles {
		return nil, refuse("there must be at most %d test files, got %d", maxTestFiles, len(names))
	}
	var files []*policytest.File
	var problems []error
	for _, name := range names {
		source, err := readBounded(name, policytest.MaxFile)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		f, err := policytest.Read(shownPath(name), source, c.Var)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		f.Folder = filepath.Dir(name)
		files = append(files, f)
	}
	if len(problems) > 0 {
		return nil, refuse("%s", errors.Join(problems...))
	}
	return files, nil
}

// testFilesOf returns a file, or the test files below a folder in the order of their names.
func testFilesOf(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var all []string
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".test.yaml") || strings.HasSuffix(path, ".test.yml")) {
			all = append(all, path)
		}
		return err
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s has no files that end with .test.yaml or .test.yml", name)
	}
	return all, err
}

// testTargets are the instances that test files are about, each opened once.
type testTargets struct {
	c      *testCmd
	s      streams
	agents []string // ARNs of AI agents that the files name
	open   map[string]*policytest.Target
}

// of returns the target of a file: the one that it names, else its fixtures, else the only instance there is.
func (t *testTargets) of(f *policytest.File) (*policytest.Target, error) {
	ref, folder := f.Target, f.Folder
	if t.c.Target != "" {
		var err error
		if ref, err = parseTestTarget(t.c.Target); err != nil {
			return nil, err
		}
		folder = "."
	}
	if ref.None() && (t.c.Target != "" || f.HasFixtures()) {
		return policytest.EmptyTarget(f.Path), nil
	}
	ref.Backup = inFolder(folder, ref.Backup)
	ref.Templates = slices.Clone(ref.Templates)
	for i := range ref.Templates {
		ref.Templates[i] = inFolder(folder, ref.Templates[i])
	}
	key := fmt.Sprintf("%q %t %q %q %q %q", ref.Instance, ref.Only, ref.Mirror, ref.Backup, ref.Templates, ref.Parameters)
	if t.open[key] == nil {
		opened, err := t.openTarget(ref)
		if err != nil && t.c.Target == "" {
			err = fmt.Errorf("%s: %w", ref.At, err)
		}
		if err != nil {
			return nil, err
		}
		t.open[key] = opened
	}
	return t.open[key], nil
}

// inFolder returns a path that a file in a folder names.
func inFolder(folder, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// parseTestTarget reads --target.
func parseTestTarget(text string) (ref policytest.TargetRef, err error) {
	kind, name, _ := strings.Cut(text, ":")
	switch {
	case text == "fixtures":
		return ref, nil
	case kind == "instance":
		ref.Instance, ref.Only = name, name == ""
		return ref, nil
	case kind == "mirror" && name != "":
		ref.Mirror = name
		return ref, nil
	case kind == "backup" && name != "":
		ref.Backup = name
		return ref, nil
	case kind == "template" && name != "":
		ref.Templates = strings.Split(name, ",")
		return ref, nil
	}
	return ref, refuse("--target must be instance:ALIAS, mirror:ALIAS, backup:FILE, template:FILES or fixtures, got %q", text)
}
