// Package yamlfile reads configuration files in YAML strictly: every key must be known, no key is listed twice, and
// every problem is reported with its file, line and column, all of them at once. What keys mean is for its callers.
package yamlfile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/internal/typo"
)

// Bounds of a file.
const (
	MaxSize     = 16 << 20 // bytes
	maxNodes    = 2_000_000
	maxDepth    = 32
	maxProblems = 20 // that are listed
)

// A Problem is what is wrong at a place of a file. Lines and columns count from 1; columns are characters.
type Problem struct {
	File         string
	Line, Column int
	Message      string
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// A File is read value by value. It goes on after a problem, so that a file is corrected in one go.
type File struct {
	path     string
	nodes    int // looked at so far; aliases count each time
	problems []error
	stopped  bool // a bound was exceeded: nothing more is read
}

// Parse returns a file and its only document; nil when there is none, which is a problem of the file.
func Parse(path string, source []byte) (*File, *yaml.Node) {
	f := &File{path: path}
	if len(source) > MaxSize {
		f.reportAt(1, 1, fmt.Sprintf("the file must have at most %d MiB, got %d bytes", MaxSize>>20, len(source)))
		return f, nil
	}
	dec := yaml.NewDecoder(strings.NewReader(string(source)))
	var document, second yaml.Node
	if err := dec.Decode(&document); err != nil {
		f.reportSyntax(err)
		return f, nil
	}
	if err := dec.Decode(&second); err == nil {
		f.Report(&second, "the file must be one YAML document, got another one here")
		return f, nil
	}
	if len(document.Content) != 1 || IsNull(document.Content[0]) {
		f.reportAt(1, 1, "the file is empty")
		return f, nil
	}
	return f, document.Content[0]
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// reportSyntax reports what the YAML parser says.
func (f *File) reportSyntax(err error) {
	line, message := 1, err.Error()
	if message == "EOF" {
		f.reportAt(1, 1, "the file is empty")
		return
	}
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		message = m[2]
	}
	f.reportAt(line, 1, "the file is not valid YAML: "+message)
}

// Report notes what is wrong with a value.
func (f *File) Report(n *yaml.Node, format string, args ...any) {
	f.reportAt(n.Line, n.Column, fmt.Sprintf(format, args...))
}

func (f *File) reportAt(line, column int, message string) {
	if f.stopped || len(f.problems) > maxProblems {
		return
	}
	if len(f.problems) == maxProblems {
		message = "further problems are not listed"
	}
	f.problems = append(f.problems, &Problem{f.path, max(line, 1), max(column, 1), message})
}

// Err returns all problems as one error; nil when there are none.
func (f *File) Err() error { return errors.Join(f.problems...) }

// Resolve follows an alias. ok is false when a bound of the file is exceeded.
func (f *File) Resolve(n *yaml.Node) (_ *yaml.Node, ok bool) {
	for hops := 0; n.Kind == yaml.AliasNode && hops < maxDepth; hops++ {
		n = n.Alias
	}
	if f.nodes++; f.nodes > maxNodes && !f.stopped {
		f.Report(n, "the file must have at most %d values", maxNodes)
		f.stopped = true
	}
	return n, !f.stopped
}

// IsNull reports whether a value is left out: empty, null or ~.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

var kinds = map[yaml.Kind]string{yaml.SequenceNode: "a list", yaml.MappingNode: "a mapping"}

// Describe says what a value is, for messages.
func Describe(n *yaml.Node) string {
	switch {
	case IsNull(n):
		return "nothing"
	case n.Kind == yaml.ScalarNode:
		return strconv.Quote(Clip(n.Value))
	}
	return kinds[n.Kind]
}

// Clip shortens a value for a message.
func Clip(s string) string {
	const longest = 80
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

// A Member is a key of a mapping and its value.
type Member struct {
	Name  string
	Key   *yaml.Node // for messages about the key
	Value *yaml.Node // IsNull where there is none
}

// Members returns the members of a mapping in the order of the file. name is what messages call the mapping.
func (f *File) Members(n *yaml.Node, name string) []Member {
	n, ok := f.Resolve(n)
	if !ok {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		f.Report(n, "%s must be a mapping, got %s", name, Describe(n))
		return nil
	}
	all := make([]Member, 0, len(n.Content)/2)
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, ok := f.Resolve(n.Content[i])
		if !ok {
			return nil
		}
		switch {
		case key.Kind != yaml.ScalarNode || IsNull(key):
			f.Report(key, "a key of %s must be a text, got %s", name, Describe(key))
			continue
		case key.Tag == "!!merge":
			f.Report(key, "a key of %s must be a text, got << (merging mappings is not supported)", name)
			continue
		case seen[key.Value]:
			f.Report(key, "%s is listed twice in %s", strconv.Quote(Clip(key.Value)), name)
			continue
		}
		seen[key.Value] = true
		value, ok := f.Resolve(n.Content[i+1])
		if !ok {
			return nil
		}
		all = append(all, Member{key.Value, key, value})
	}
	return all
}

// Fields returns the values of a mapping by their keys, which must be among keys. Those that are left out are missing.
func (f *File) Fields(n *yaml.Node, name string, keys ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	for _, m := range f.Members(n, name) {
		if !slices.Contains(keys, m.Name) {
			f.Report(m.Key, "%s must have keys among %s, got %s%s", name, strings.Join(keys, ", "),
				strconv.Quote(Clip(m.Name)), typo.DidYouMean(m.Name, keys))
			continue
		}
		if !IsNull(m.Value) {
			out[m.Name] = m.Value
		}
	}
	return out
}

// Text returns a text that is not empty. name is what messages call it.
func (f *File) Text(n *yaml.Node, name string) (text string, ok bool) {
	n, ok = f.Resolve(n)
	if !ok {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || IsNull(n) || n.Value == "" {
		f.Report(n, "%s must be a text, got %s", name, Describe(n))
		return "", false
	}
	return n.Value, true
}

// Texts returns a mapping from texts to texts, neither of them empty. name is what messages call it.
func (f *File) Texts(n *yaml.Node, name string) []Member {
	return slices.DeleteFunc(f.Members(n, name), func(m Member) bool {
		if m.Name == "" {
			f.Report(m.Key, "a key of %s must be a text, got %q", name, "")
			return true
		}
		_, ok := f.Text(m.Value, name+"."+Clip(m.Name))
		return !ok
	})
}
