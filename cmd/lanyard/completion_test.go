package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// modelOf returns the command line as kong knows it.
func modelOf(t *testing.T) *kong.Application {
	t.Helper()
	return newParser(&program{}, streams{out: io.Discard, errs: io.Discard}, func(int) {}).Model
}

func TestCompletion(t *testing.T) {
	lookup := func(kind, prefix string) []candidate {
		return []candidate{{kind + "-1", "one"}, {kind + "-2", ""}, {"other", ""}}
	}
	for _, tt := range []struct {
		name  string
		words []string
		want  string // some of the candidates, in their order; ! begins one that must not be there
	}{
		{"nothing yet", nil, "serve key audit check test completion !__complete"},
		{"a command", []string{"who"}, "who-can !what-can"},
		{"commands below a command", []string{"audit", ""}, "show verify export prune"},
		{"an alias", []string{"check", "--hum"}, "!--human"},
		{"flags", []string{"check", "--ou"}, "--output"},
		{"flags of above", []string{"check", "--conf"}, "--config"},
		{"a flag that was given", []string{"check", "--explain", "--"}, "--data !--explain"},
		{"a flag that may be repeated", []string{"check", "--tag", "a=b", "--ta"}, "--tag"},
		{"the value of a flag", []string{"check", "--output", ""}, "auto table json"},
		{"the beginning of a value", []string{"check", "--output", "j"}, "json !auto"},
		{"a value after an equals sign", []string{"check", "--output=t"}, "--output=table"},
		{"an unknown flag", []string{"check", "--nothing=t"}, ""},
		{"a folder", []string{"serve", "--data", ""}, ":dir"},
		{"a file", []string{"serve", "--config", ""}, ":file"},
		{"a file as argument", []string{"test", "x"}, ":file"},
		{"a state as argument", []string{"diff", ""}, ":file"},
		{"a folder or a database", []string{"store", "migrate", "--from="}, ":dir"},
		{"another file", []string{"test", "x.yaml", ""}, ":file"},
		{"a user", []string{"check", "user"}, "user-1 user-2 !other"},
		{"a permission", []string{"check", "claire", "Users.E"}, "Users.Edit Users.EditPermission Users.EnableAndDisable !Users.View"},
		{"a permission after flags", []string{"check", "--output", "json", "--explain", "claire", "Users.V"}, "Users.View"},
		{"a type", []string{"who-can", "Users.View", "Us"}, "User/ :nospace"},
		{"a user as resource", []string{"who-can", "Users.View", "User/u"}, "User/user-1 User/user-2 !User/other"},
		{"after two dashes", []string{"check", "--", "--o"}, "!--output"},
		{"an instance", []string{"check", "--instance", "i"}, "instance-1 instance-2"},
		{"the user of a flag", []string{"check", "--on-behalf-of=u"}, "--on-behalf-of=user-1"},
		{"too many arguments", []string{"check", "a", "b", "c", "d"}, ""},
		{"no more arguments", []string{"version", ""}, "--help --config"},
		{"shells", []string{"completion", ""}, "bash zsh fish"},
		{"an unknown command", []string{"nonsense", "--h"}, "--help"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &completion{words: tt.words, lookup: lookup}
			var got []string
			for _, one := range c.complete(modelOf(t).Node) {
				got = append(got, one.value)
			}
			at := 0
			for want := range strings.FieldsSeq(tt.want) {
				if no, ok := strings.CutPrefix(want, "!"); ok {
					if slices.Contains(got, no) {
						t.Errorf("%q has %s", got, no)
					}
					continue
				}
				i := slices.Index(got[at:], want)
				if i < 0 {
					t.Fatalf("%q has no %s, or not in that order", got, want)
				}
				at += i
			}
			if tt.want == "" && len(got) > 0 {
				t.Errorf("got %q, want nothing", got)
			}
		})
	}
}

// Every word that completion offers for a flag is one that the program takes.
func TestCompletionOffersFlagsThatExist(t *testing.T) {
	var leaves int
	for _, leaf := range modelOf(t).Leaves(true) {
		leaves++
		c := &completion{words: append(commandPath(leaf)[1:], "--")}
		offered := c.complete(modelOf(t).Node)
		if len(offered) == 0 {
			t.Errorf("nothing is offered for %s", leaf.Path())
		}
		for _, one := range offered {
			if c.flag(strings.TrimPrefix(one.value, "--")) == nil {
				t.Errorf("%s is offered %s", leaf.Path(), one.value)
			}
		}
	}
	if leaves < 20 {
		t.Errorf("%d commands", leaves)
	}
}

// programOnPath returns a folder with the program, called lanyard.
func programOnPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test binary is the program when it is called by another name: see TestMain.
	if err := os.Symlink(self, filepath.Join(dir, "lanyard")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A typist types into an interactive shell on a terminal.
type typist struct {
	t    *testing.T
	home string
	in   io.Writer
	out  *lockedBuffer
	from int // what was seen before
}

// startShell starts a shell on a terminal of its own. script(1) makes the terminal.
func startShell(t *testing.T, command string, files map[string]string) *typist {
	t.Helper()
	for _, program := range []string{"script", strings.Fields(command)[0]} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: %s is not installed", program)
		}
	}
	path, home := programOnPath(t), t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := &lockedBuffer{}
	shell := exec.CommandContext(t.Context(), "script", "-qefc", command, "/dev/null")
	shell.Dir, shell.Stdout, shell.Stderr = home, out, out
	shell.Env = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"), "HOME="+home, "ZDOTDIR="+home, "TERM=dumb", "PS1=> ")
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		shell.Process.Kill()
		shell.Wait()
	})
	return &typist{t: t, home: home, in: in, out: out}
}

// types types, and waits until the terminal shows something after what it showed before.
func (y *typist) types(text, want string) {
	y.t.Helper()
	if _, err := io.WriteString(y.in, text); err != nil {
		y.t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		shown := y.out.String()
		if i := strings.Index(shown[min(y.from, len(shown)):], want); i >= 0 {
			y.from += i + len(want)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	y.t.Fatalf("after %q the terminal shows\n%s\nand no %q", text, y.out.String(), want)
}

// completions are what is typed up to the tab, and the line that becomes of it.
var completions = []struct{ typed, line string }{
	{"lanyard vers", "lanyard version"},
	{"lanyard audit ver", "lanyard audit verify"},
	{"lanyard check --exp", "lanyard check --explain"},
	{"lanyard check --output js", "lanyard check --output json"},
	{"lanyard check --output=js", "lanyard check --output=json"},
	{"lanyard check claire Users.EditP", "lanyard check claire Users.EditPermission"},
	{"lanyard who-can Users.View RoutingPr", "lanyard who-can Users.View RoutingProfile/"},
	{"lanyard test some", "lanyard test something.test.yaml"},
}

// complete completes lines in an interactive shell, which then prints each of them in place of running it.
func (y *typist) complete() {
	y.t.Helper()
	for _, c := range completions {
		y.types(c.typed+"\t", strings.TrimPrefix(c.line, c.typed))
		// Ctrl-A goes to the beginning of the line. The quotes of the echo tell its output from what was typed.
		y.types("\x01echo 'li''ne:' \x05 'e''nd'\n", "line: "+c.line)
		y.types("", "end")
	}
}

func TestBashCompletion(t *testing.T) {
	t.Parallel()
	y := startShell(t, "bash --norc --noprofile -i", map[string]string{"something.test.yaml": ""})
	y.types("bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; source <(lanyard completion bash); echo rea''dy\n",
		"ready")
	y.complete()
}

const zshrc = "autoload -Uz compinit\ncompinit -u\nsource <(lanyard completion zsh)\nunsetopt beep\n" +
	"unset zle_bracketed_paste\nbindkey -e\n"

func TestZshCompletion(t *testing.T) {
	t.Parallel()
	y := startShell(t, "zsh -i", map[string]string{"something.test.yaml": "", ".zshrc": zshrc})
	y.types("echo rea''dy\n", "ready")
	y.complete()
}

// TestHostileNamesAreQuoted completes a name that a shell would run if it were not quoted.
func TestHostileNamesAreQuoted(t *testing.T) {
	const fake = "lanyard() { case $1 in __complete) echo 'evil`touch ran`$(touch ran);touch ran'; ;; *) echo \"got <$1>\"; ;; esac; }; " +
		"echo rea''dy\n"
	for _, tt := range []struct{ name, shell, start string }{
		{"bash", "bash --norc --noprofile -i", "bind 'set enable-bracketed-paste off'; source <(lanyard completion bash); "},
		{"zsh", "zsh -i", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			y := startShell(t, tt.shell, map[string]string{".zshrc": zshrc})
			y.types(tt.start+fake, "ready")
			y.types("lanyard ev\t", "il")
			y.types("\n", "got <evil`touch ran`$(touch ran);touch ran>")
			if _, err := os.Stat(filepath.Join(y.home, "ran")); err == nil {
				t.Error("the name was run")
			}
		})
	}
}

// Fish says what it would complete without a terminal.
func TestFishCompletion(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("fish"); err != nil {
		t.Skip("SKIPPED: fish is not installed")
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "something.test.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range completions {
		fish := exec.Command("fish", "--private", "-c", "lanyard completion fish | source; complete -C '"+c.typed+"'")
		fish.Dir = home
		fish.Env = append(os.Environ(), "PATH="+programOnPath(t)+":"+os.Getenv("PATH"), "HOME="+home)
		var errs bytes.Buffer
		fish.Stderr = &errs
		out, err := fish.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		want := c.line[strings.LastIndex(c.line, " ")+1:]
		var got []string
		for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
			value, _, _ := strings.Cut(line, "\t")
			got = append(got, value)
		}
		if !slices.Contains(got, want) {
			t.Errorf("%s: fish offers %q, want %s", c.typed, got, want)
		}
	}
}

// TestCompletionOfNames completes users and instances of a running server, and none when it has stopped.
func TestCompletionOfNames(t *testing.T) {
	dir := t.TempDir()
	_, stop := serving(t, "--data", dir, "--demo")
	complete := func(words ...string) string {
		var out strings.Builder
		run := streams{ctx: t.Context(), out: &out, errs: io.Discard}
		if status := runProgram(run, append([]string{"__complete", "--"}, words...)); status != 0 {
			t.Errorf("status %d", status)
		}
		return out.String()
	}
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{"check", "--data", dir, "claire"}, "claire.dubois\tClaire Dubois\n"},
		{[]string{"check", "--data=" + dir, "--instance", "harbour-outfitters", "claire"}, "claire.dubois\tClaire Dubois\n"},
		{[]string{"check", "--data", dir, "claire.dubois", "Users.View", "User/jonas"}, "User/jonas.becker\tJonas Becker\n"},
		{[]string{"check", "--data", dir, "--instance", "other", "claire"}, ""},
	} {
		if got := complete(tt.words...); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.words, got, tt.want)
		}
	}
	if got := complete("check", "--data", dir, "--instance", "harb"); !strings.HasPrefix(got, "harbour-outfitters\t") {
		t.Errorf("instances: %q", got)
	}
	t.Setenv("LANYARD_DATA", dir)
	if got := complete("check", "claire"); got != "claire.dubois\tClaire Dubois\n" {
		t.Errorf("with LANYARD_DATA: %q", got)
	}
	stop()
	if got := complete("check", "--data", dir, "claire"); got != "" {
		t.Errorf("without a server: %q", got)
	}
}
