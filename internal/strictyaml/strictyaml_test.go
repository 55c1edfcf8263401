package strictyaml_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/strictyaml"
)

// even is a text that knows how it is read.
type even int

func (e *even) UnmarshalText(text []byte) error {
	if len(text)%2 != 0 {
		return fmt.Errorf("must have an even length, got %q", text)
	}
	*e = even(len(text))
	return nil
}

type inner struct {
	Word string `yaml:"word" short:"" enum:"red,green"`
	Deep []int  `yaml:"deep"`
}

type shared struct {
	Wait time.Duration `yaml:"wait"`
}

type file struct {
	Name   string           `yaml:"name" required:"" help:"A name."`
	On     bool             `yaml:"on"`
	Count  int64            `yaml:"count"`
	Share  *float64         `yaml:"share"`
	Even   even             `yaml:"even"`
	Inner  inner            `yaml:"inner"`
	List   []inner          `yaml:"list"`
	Map    map[string]inner `yaml:"map"`
	Colors []string         `yaml:"colors" enum:"red,green"`
	shared `yaml:",inline"`
	Hidden string
}

func TestDecode(t *testing.T) {
	share := 0.5
	for _, tt := range []struct {
		name, source string
		want         file
	}{
		{"all", `{name: a, on: true, count: 3, share: 0.5, even: abcd, inner: {word: red, deep: [1, 2]}, list: [green, {word: red}],
  map: {x: green}, colors: [red], wait: 1m30s}`, file{Name: "a", On: true, Count: 3, Share: &share, Even: 4,
			Inner: inner{"red", []int{1, 2}}, List: []inner{{"green", nil}, {"red", nil}}, Map: map[string]inner{"x": {"green", nil}},
			Colors: []string{"red"}, shared: shared{90 * time.Second}}},
		{"numbers are texts too", "name: 007", file{Name: "007"}},
		{"null leaves out", "name: a\ninner:\nlist: ~", file{Name: "a"}},
		{"another document's end", "name: a\n...\n", file{Name: "a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got file
			if err := strictyaml.Decode("x.yaml", []byte(tt.source), &got).Err(); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, tt := range []struct{ name, source, want string }{
		{"empty", "", "1:1: the file must be a mapping, got nothing"},
		{"a comment", "# later\n", "1:1: the file must be a mapping, got nothing"},
		{"a list", "[a]", "1:1: the file must be a mapping, got a list"},
		{"no YAML", "name: [\n", "2:1: the file is not valid YAML: did not find expected node content"},
		{"two documents", "name: a\n---\nname: b\n", "2:1: the file must be one YAML document, got another one here"},
		{"required", "on: true", "1:1: name is required"},
		{"misspelt", "nme: a\nname: b", `1:1: the file must have keys among name, on, count, share, even, inner, list, map, colors, wait, ` +
			`got "nme"; did you mean name?`},
		{"a field without a tag", "name: b\nHidden: x", `2:1: the file must have keys among name, on, count, share, even, inner, list, map, ` +
			`colors, wait, got "Hidden"`},
		{"twice", "name: a\nname: b", `2:1: "name" is listed twice`},
		{"twice, first without a value", "name: a\ncount:\ncount: 2", `3:1: "count" is listed twice`},
		{"a key of a map twice, first without a value", "name: a\nmap: {x: , x: green}", `2:12: "x" is listed twice`},
		{"misspelt without a value", "name: a\nlst:", `2:1: the file must have keys among name, on, count, share, even, inner, list, ` +
			`map, colors, wait, got "lst"; did you mean list?`},
		{"misspelt deep", "name: a\nlist:\n- word: red\n  deap: [1]", `4:3: list[0] must have keys among word, deep, got "deap"; ` +
			`did you mean deep?`},
		{"a wrong word", "name: a\ninner: {word: gren}", `2:15: inner.word must be red or green, got "gren"; did you mean green?`},
		{"a wrong short word", "name: a\nmap: {x: blue}", `2:10: map.x must be red or green, got "blue"`},
		{"a wrong word in a list", "name: a\ncolors: [red, rde]", `2:15: colors[1] must be red or green, got "rde"; did you mean red?`},
		{"no number", "name: a\ncount: many", `2:8: count must be a whole number, got "many"`},
		{"no share", "name: a\nshare: .inf", `2:8: share must be a number, got ".inf"`},
		{"no truth", "name: a\non: yes", `2:5: on must be true or false, got "yes"`},
		{"no duration", "name: a\nwait: 5", `2:7: wait must be a duration such as 30s or 5m, got "5"`},
		{"a negative duration", "name: a\nwait: -5s", `2:7: wait must be a duration such as 30s or 5m, got "-5s"`},
		{"odd", "name: a\neven: abc", `2:7: even must have an even length, got "abc"`},
		{"a list as a text", "name: [a]", "1:7: name must be a text, got a list"},
		{"a text as a list", "name: a\ncolors: red", `2:9: colors must be a list, got "red"`},
		{"a key that is none", "name: a\n? [x]\n: y", "2:3: a key must be a text, got a list"},
		{"an alias", "name: &n a\ninner: {word: *n}", "2:15: inner.word must be written out, got an alias"},
		{"several, in order", "wait: 5\ncount: x\n", `1:1: name is required
x.yaml:1:7: wait must be a duration such as 30s or 5m, got "5"
x.yaml:2:8: count must be a whole number, got "x"`},
		{"large", strings.Repeat("#\n", 1<<20), "1:1: the file must be at most 1024 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got file
			err := strictyaml.Decode("x.yaml", []byte(tt.source), &got).Err()
			if err == nil {
				t.Fatalf("it was read: %+v", got)
			}
			if got, want := err.Error(), "x.yaml:"+tt.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestReport finds the places of values, and of what is around values that are not there.
func TestReport(t *testing.T) {
	d := strictyaml.Decode("x.yaml", []byte("name: a\nlist:\n- red\n- word: green\n"), new(file))
	for path, want := range map[string]string{"name": "1:7", "list[0]": "3:3", "list[1].word": "4:9", "list[1].deep[3]": "4:3",
		"list[7].word": "3:1", "wait": "1:1"} {
		if got := d.At(path).String(); got != "x.yaml:"+want {
			t.Errorf("%s is at %s, want %s", path, got, want)
		}
	}
	d.Report("list[1].word", "list[1].word must be nicer")
	if got := d.Err().Error(); got != "x.yaml:4:9: list[1].word must be nicer" {
		t.Error(got)
	}
}

func TestBounds(t *testing.T) {
	for name, source := range map[string]string{
		"values":  "name: a\ncolors: [" + strings.Repeat("red,", 100_001) + "]",
		"nesting": strings.Repeat("- ", 100_000) + "x",
		"problems": strings.Repeat("x: 1\n", 10) + "name: a\n" + func() (s string) {
			for i := range 200 {
				s += fmt.Sprintf("y%d: 1\n", i)
			}
			return s
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			err := strictyaml.Decode("x.yaml", []byte(source), new(file)).Err()
			if err == nil || len(err.Error()) > 20_000 {
				t.Errorf("got %.300v", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: a\nlist: [{word: red, deep: [1]}]\nmap: {x: green}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, source []byte) {
		d := strictyaml.Decode("x.yaml", source, new(file))
		if err := d.Err(); err != nil && !strings.HasPrefix(err.Error(), "x.yaml:") {
			t.Error(err)
		}
	})
}
