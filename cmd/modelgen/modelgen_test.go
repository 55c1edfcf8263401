package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const modelDir = "../../internal/awsapi/model"

// TestUpToDate fails when model.json, operations.txt or this generator changed
// and the generated code did not.
func TestUpToDate(t *testing.T) {
	if err := checkDir(modelDir); err != nil {
		t.Errorf("%v\nrun go generate ./internal/awsapi/model", err)
	}
}

func TestCheckNotices(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"model.json", "operations.txt", "relaxed.txt"} {
		text, err := os.ReadFile(filepath.Join(modelDir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(text))
	}
	if err := run([]string{"generate", "-dir", dir}); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"generate", "-check", "-dir", dir}); err != nil {
		t.Errorf("just generated: %v", err)
	}
	write(t, dir, "types_gen.go", "package model\n")
	write(t, dir, "more_gen.go", "package model\n")
	err := run([]string{"generate", "-check", "-dir", dir})
	if err == nil || !strings.HasSuffix(err.Error(), "[more_gen.go types_gen.go]") {
		t.Errorf("got %v, want the two files that differ", err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNoProse keeps the service's documentation, which is not ours to pass on, out
// of the tree.
func TestNoProse(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(modelDir, "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{"documentation", "deprecatedMessage", "<p>", "</"} {
		if strings.Contains(string(text), mark) {
			t.Errorf("model.json has %q in it", mark)
		}
	}
}

func TestTranslate(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		fits, not     []string
	}{
		{`^[ a-z]+$`, `^[ a-z]+$`, []string{"a b"}, []string{"A", ""}},
		{`[a-z]{2}(-[a-z]+)`, `[a-z]{2}(-[a-z]+)`, []string{"eu-west-2", "1eu-west"}, []string{"e-w"}},
		{`\\+[1-9]\\d{1,14}$`, `\+[1-9]\d{1,14}$`, []string{"+44"}, []string{"44", "+04"}},
		{`.*\\S.*`, `.*\S.*`, []string{"a"}, []string{" "}},
		{`(?!aws:|x:)[\u0020-\u007E]+$`, `(?!aws:|x:)[\u0020-\u007E]+$`, []string{"a", "aaws:"},
			[]string{"aws:a", "x:", "\t"}},
		{`^(?!a)(?!b)[a-c]|d$`, `^(?!a)(?!b)[a-c]|d$`, []string{"ca", "d"}, []string{"ac", "b", "xd"}},
		{`^(?![)]|\))[)a]+$`, `^(?![)]|\))[)a]+$`, []string{"a)"}, []string{")a"}},
		{`/^(?=.*[a-z])(?=.*\d)\S{2,4}$/`, `^(?=.*[a-z])(?=.*\d)\S{2,4}$`, []string{"a1", "11a1"},
			[]string{"aa", "11", "a1aaa"}},
	} {
		p, err := translate(tt.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		if p.Text != tt.text {
			t.Errorf("got %s, want %s", p.Text, tt.text)
		}
		for _, s := range tt.fits {
			if !fits(p, s) {
				t.Errorf("%q does not fit %s", s, tt.pattern)
			}
		}
		for _, s := range tt.not {
			if fits(p, s) {
				t.Errorf("%q fits %s", s, tt.pattern)
			}
		}
	}
	for _, bad := range []string{`(`, `a(?!b)c`, `^(?!a`, `(?<=a)b`} {
		if p, err := translate(bad); err == nil {
			t.Errorf("%s became %+v", bad, p)
		}
	}
}

// fits does what the generated package does with a pattern.
func fits(p *pattern, s string) bool {
	for _, expr := range p.Match {
		if !regexp.MustCompile(expr).MatchString(s) {
			return false
		}
	}
	for _, expr := range p.Refuse {
		if regexp.MustCompile(expr).MatchString(s) {
			return false
		}
	}
	return true
}

// TestGenerateRefuses has models that need something the generator cannot write:
// it must say so, and not leave a bound out.
func TestGenerateRefuses(t *testing.T) {
	limit := 1.5
	for _, tt := range []struct {
		name   string
		member Ref
		shape  Shape
		want   string
	}{
		{"type", Ref{Shape: "X"}, Shape{Type: "blob"}, "blob"},
		{"location", Ref{Shape: "X", Location: "header"}, Shape{Type: "string"}, "header"},
		{"label", Ref{Shape: "X", Location: "uri"}, Shape{Type: "boolean"}, "uri"},
		{"pattern", Ref{Shape: "X"}, Shape{Type: "string", Pattern: "("}, "pattern"},
		{"bound", Ref{Shape: "X"}, Shape{Type: "integer", Max: &limit}, "1.5"},
		{"bounds of a float", Ref{Shape: "X"}, Shape{Type: "double", Max: &limit}, "one bound alone"},
		{"timestamp", Ref{Shape: "X"}, Shape{Type: "timestamp", TimestampFormat: "iso8601"}, "iso8601"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := small(tt.member, tt.shape)
			_, err := generate(m, map[string]string{"Do": "served"}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := generate(small(Ref{}, Shape{}), map[string]string{"Other": "served"}, nil); err == nil {
		t.Error("an operation that the model does not have was generated")
	}
}

// TestUnion generates what the pinned model has none of today.
func TestUnion(t *testing.T) {
	m := small(Ref{Shape: "X"},
		Shape{Type: "structure", Union: true, Members: map[string]Ref{"A": {Shape: "S"}, "B": {Shape: "S"}}})
	files, err := generate(m, map[string]string{"Do": "served"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(files["validate_gen.go"]); !strings.Contains(text, `exactlyOne(set, "A, B")`) {
		t.Errorf("no check of the union in\n%s", text)
	}
}

// small is a model of one operation, Do, with one member, of shape X.
func small(member Ref, x Shape) *Model {
	m := &Model{
		Operations: map[string]Operation{"Do": {Input: &Ref{Shape: "DoRequest"}}},
		Shapes: map[string]Shape{
			"DoRequest": {Type: "structure", Members: map[string]Ref{"M": member}},
			"X":         x,
			"S":         {Type: "string"},
		},
	}
	for _, name := range always {
		m.Shapes[name] = Shape{Type: "structure", Error: &Error{Status: 400}}
	}
	return m
}

func TestReadOperations(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ text, want string }{
		{"# comment\n\nA served # why\nB empty\n", ""},
		{"A\n", ":1: want a name"},
		{"A served\nA empty\n", ":2: A is listed twice"},
		{"A half\n", "served or empty"},
	} {
		write(t, dir, "operations.txt", tt.text)
		got, err := readOperations(filepath.Join(dir, "operations.txt"))
		if tt.want == "" {
			if err != nil || len(got) != 2 || got["A"] != "served" || got["B"] != "empty" {
				t.Errorf("%q: got %v, %v", tt.text, got, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.text, err, tt.want)
		}
	}
}
