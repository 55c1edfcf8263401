package policytest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/terminal"
)

// A Report is what the tests of several files came to.
type Report struct {
	Files    []*FileResult
	Coverage []CoverageReport // nil: not asked for
	Took     time.Duration
	// Verbose reports what passed too, in the text form.
	Verbose bool
}

// Count returns how many questions ended with a status.
func (r *Report) Count(s Status) (n int) {
	for _, f := range r.Files {
		n += f.Count(s)
	}
	return n
}

// Total returns how many questions were asked.
func (r *Report) Total() (n int) {
	for _, f := range r.Files {
		n += len(f.Results)
	}
	return n
}

// OK reports whether every question passed.
func (r *Report) OK() bool { return r.Count(Passed) == r.Total() }

// The formats of reports.
var formats = map[string]func(*Report, io.Writer) error{
	"text": (*Report).writeText, "junit": (*Report).writeJUnit, "tap": (*Report).writeTAP, "json": (*Report).writeJSON,
}

// Write writes the report as text, junit, tap or json.
func (r *Report) Write(w io.Writer, format string) error {
	write, ok := formats[format]
	if !ok {
		return fmt.Errorf("format must be text, junit, tap or json, got %q", format)
	}
	return write(r, w)
}

var statusWords = map[Status]string{Passed: "ok   ", Failed: "FAIL ", Errored: "ERROR"}

func (r *Report) writeText(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(terminal.Escape(strings.TrimRight(fmt.Sprintf(format, args...), " ")) + "\n")
	}
	for _, f := range r.Files {
		for i := range f.Results {
			one := &f.Results[i]
			if one.Status == Passed && !r.Verbose {
				continue
			}
			line("%s %s", statusWords[one.Status], one.Question.FullName())
			if one.Status == Passed {
				continue
			}
			line("      %s", one.At)
			if one.Status == Failed {
				line("      expected  %s", one.Expected)
				line("      got       %s", one.Got)
			}
			line("      %s", one.Explanation)
			for _, h := range one.Hints {
				line("      hint: %s", h)
			}
		}
		status := statusWords[Passed]
		if f.Count(Passed) < len(f.Results) {
			status = statusWords[Failed]
		}
		line("%s %s  %d of %d passed", status, f.File.Path, f.Count(Passed), len(f.Results))
	}
	for _, c := range r.Coverage {
		line("")
		c.text(line)
	}
	line("")
	line("%s", r.summary())
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) summary() string {
	s := fmt.Sprintf("%s in %s: %d passed", count(r.Total(), "question"), count(len(r.Files), "file"), r.Count(Passed))
	if n := r.Count(Failed); n > 0 {
		s += fmt.Sprintf(", %d failed", n)
	}
	if n := r.Count(Errored); n > 0 {
		s += fmt.Sprintf(", %d could not be asked", n)
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// text lists what is not exercised.
func (c *CoverageReport) text(line func(string, ...any)) {
	line("Coverage of %s: %.1f%%", c.Target, c.Percent)
	for _, kind := range []struct {
		name string
		c    Covered
	}{{"permissions", c.Permissions}, {"profiles", c.Profiles}, {"conditions", c.Conditions}} {
		line("  %s: %d of %d", kind.name, kind.c.Exercised, kind.c.All)
		for i, names := range wrap(kind.c.Missing, 100) {
			line("    %s %s", map[bool]string{true: "not exercised:", false: "              "}[i == 0], names)
		}
	}
}

// wrap joins names by commas, into lines of about a width.
func wrap(names []string, width int) (lines []string) {
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		if last := len(lines) - 1; last >= 0 && len(lines[last])+len(name) < width {
			lines[last] += " " + name
		} else {
			lines = append(lines, name)
		}
	}
	return lines
}

type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		File     string      `xml:"file,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Line      int           `xml:"line,attr"`
		Failure   *junitProblem `xml:"failure"`
		Error     *junitProblem `xml:"error"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func (r *Report) writeJUnit(w io.Writer) error {
	out := junitSuites{Tests: r.Total(), Failures: r.Count(Failed), Errors: r.Count(Errored),
		Time: fmt.Sprintf("%.3f", r.Took.Seconds())}
	for _, f := range r.Files {
		name := f.File.Name
		if name == "" {
			name = f.File.Path
		}
		s := junitSuite{Name: name, Tests: len(f.Results), Failures: f.Count(Failed), Errors: f.Count(Errored),
			File: f.File.Path}
		for i := range f.Results {
			s.Cases = append(s.Cases, junitOf(&f.Results[i], name))
		}
		out.Suites = append(out.Suites, s)
	}
	b, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(b)+"\n")
	return err
}

func junitOf(one *Result, suite string) junitCase {
	class := suite
	if one.Question.Test.Name != "" {
		class += "." + one.Question.Test.Name
	}
	c := junitCase{Name: one.Question.String(), Classname: class, File: one.At.File, Line: one.At.Line}
	switch one.Status {
	case Failed:
		c.Failure = &junitProblem{"expected " + one.Expected + ", got " + one.Got, one.details()}
	case Errored:
		c.Error = &junitProblem{one.Explanation, one.details()}
	}
	return c
}

// details are the lines of a problem.
func (one *Result) details() string {
	lines := []string{one.At.String(), one.Explanation}
	for _, h := range one.Hints {
		lines = append(lines, "hint: "+h)
	}
	return strings.Join(lines, "\n")
}

func (r *Report) writeTAP(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 14\n1..%d\n", r.Total())
	n := 0
	for _, f := range r.Files {
		for i := range f.Results {
			one := &f.Results[i]
			n++
			word := "ok"
			if one.Status != Passed {
				word = "not ok"
			}
			fmt.Fprintf(&b, "%s %d - %s\n", word, n, escapeTAP(terminal.Escape(one.Question.FullName())))
			if one.Status != Passed {
				if err := r.writeDiagnostics(&b, one); err != nil {
					return err
				}
			}
		}
	}
	for _, c := range r.Coverage {
		c.text(func(format string, args ...any) {
			b.WriteString("# " + terminal.Escape(fmt.Sprintf(format, args...)) + "\n")
		})
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// escapeTAP keeps a # in a description from beginning a directive.
func escapeTAP(s string) string { return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(s) }

// writeDiagnostics writes the YAML block of a point that is not ok. JSON texts are YAML.
func (r *Report) writeDiagnostics(b *strings.Builder, one *Result) error {
	b.WriteString("  ---\n")
	for _, m := range [][2]string{{"status", one.Status.String()}, {"at", one.At.String()}, {"expected", one.Expected},
		{"got", one.Got}, {"explanation", one.Explanation}} {
		text, err := json.Marshal(terminal.Escape(m[1]), jsontext.AllowInvalidUTF8(true), jsontext.EscapeForJS(true))
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "  %s: %s\n", m[0], text)
	}
	b.WriteString("  ...\n")
	return nil
}

// FormatVersion is the version of the JSON form of reports. It changes when a member changes its meaning or goes.
const FormatVersion = 1

type (
	jsonReport struct {
		Version   int              `json:"version"`
		Passed    bool             `json:"passed"`
		Questions jsonCounts       `json:"questions"`
		Files     []jsonFile       `json:"files"`
		Coverage  []CoverageReport `json:"coverage,omitzero"`
	}
	jsonCounts struct {
		Asked  int `json:"asked"`
		Passed int `json:"passed"`
		Failed int `json:"failed"`
		Errors int `json:"errors"`
	}
	jsonFile struct {
		File    string       `json:"file"`
		Name    string       `json:"name,omitempty"`
		Target  string       `json:"target"`
		Results []jsonResult `json:"results"`
	}
	jsonResult struct {
		Test        string   `json:"test,omitempty"`
		Question    string   `json:"question"`
		Status      string   `json:"status"`
		Line        int      `json:"line"`
		Column      int      `json:"column"`
		Expected    string   `json:"expected"`
		Got         string   `json:"got"`
		Explanation string   `json:"explanation,omitempty"`
		Hints       []string `json:"hints,omitempty"`
	}
)

func (r *Report) writeJSON(w io.Writer) error {
	out := jsonReport{Version: FormatVersion, Passed: r.OK(), Files: []jsonFile{}, Coverage: r.Coverage,
		Questions: jsonCounts{r.Total(), r.Count(Passed), r.Count(Failed), r.Count(Errored)}}
	for _, f := range r.Files {
		one := jsonFile{File: f.File.Path, Name: f.File.Name, Target: f.Target.Name, Results: []jsonResult{}}
		for i := range f.Results {
			q := &f.Results[i]
			one.Results = append(one.Results, jsonResult{q.Question.Test.Name, q.Question.String(), q.Status.String(), q.At.Line,
				q.At.Column, q.Expected, q.Got, q.Explanation, q.Hints})
		}
		out.Files = append(out.Files, one)
	}
	b, err := json.Marshal(out, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
