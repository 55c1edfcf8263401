package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// The scripts are the part of completion that is the shell's own: they ask the hidden command __complete what may
// follow. So what they offer is always what this program takes. The libraries for kong that do this have not been
// maintained for years.
var (
	//go:embed completion.bash
	bashScript string
	//go:embed completion.zsh
	zshScript string
	//go:embed completion.fish
	fishScript string
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell: bash, zsh or fish."`
}

func (completionCmd) Help() string {
	return `The script completes commands, flags, their values, files, permissions and types of resources; users and instances too
while the server of the data folder runs.

Examples:
  source <(lanyard completion bash)
  lanyard completion bash >~/.local/share/bash-completion/completions/lanyard
  lanyard completion zsh >"${fpath[1]}/_lanyard"
  lanyard completion fish >~/.config/fish/completions/lanyard.fish`
}

func (c *completionCmd) Run(s streams) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	_, err := fmt.Fprint(s.out, script)
	return err
}

// completeCmd is what the scripts call. It prints a line for each word that may follow, with a tab before its
// description. A line that begins with a colon says what the shell has to complete itself.
type completeCmd struct {
	Words []string `arg:"" optional:"" help:"The words of the command line after the program; the last one is incomplete."`
}

func (completeCmd) Help() string { return "Examples:\n  lanyard __complete -- check --out" }

func (c *completeCmd) Run(s streams, k *kong.Context) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	comp := &completion{words: words, lookup: func(kind, prefix string) []candidate {
		return lookUpNames(s.ctx, words, kind, prefix)
	}}
	for _, one := range comp.complete(k.Model.Node) {
		line := printable(one.value)
		if one.help != "" {
			line += "\t" + printable(one.help)
		}
		fmt.Fprintln(s.out, line)
	}
	return nil
}

// A candidate is a word that may come next.
type candidate struct{ value, help string }

// What the shell completes itself. noSpace says that the word goes on.
var (
	completeFiles   = candidate{value: ":file"}
	completeFolders = candidate{value: ":dir"}
	noSpace         = candidate{value: ":nospace"}
)

// A completion finds what may follow some words.
type completion struct {
	words []string // the last one is incomplete
	// lookup returns the names of users or instances that begin with a prefix.
	lookup func(kind, prefix string) []candidate

	node     *kong.Node
	position int             // of the next positional argument
	used     map[string]bool // flags
	expects  *kong.Flag      // its value is next
	onlyArgs bool            // after --
}

func (c *completion) complete(root *kong.Node) []candidate {
	c.node, c.used = root, map[string]bool{}
	last := ""
	if n := len(c.words); n > 0 {
		last = c.words[n-1]
		for _, word := range c.words[:n-1] {
			c.pass(word)
		}
	}
	return c.follow(last)
}

// pass takes a complete word.
func (c *completion) pass(word string) {
	switch {
	case c.expects != nil:
		c.expects = nil
	case word == "--":
		c.onlyArgs = true
	case !c.onlyArgs && strings.HasPrefix(word, "-") && word != "-":
		name, _, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
		f := c.flag(name)
		c.used[name] = true
		if f != nil && !has && !f.IsBool() {
			c.expects = f
		}
	default:
		if child := childNamed(c.node, word); child != nil {
			c.node, c.position = child, 0
		} else {
			c.position++
		}
	}
}

func childNamed(n *kong.Node, word string) *kong.Node {
	for _, child := range n.Children {
		if child.Name == word {
			return child
		}
		for _, alias := range child.Aliases {
			if alias == word {
				return child
			}
		}
	}
	return nil
}

// flags are those of the command and of the ones above it.
func (c *completion) flags() (all []*kong.Flag) {
	for _, group := range c.node.AllFlags(true) {
		all = append(all, group...)
	}
	return all
}

func (c *completion) flag(name string) *kong.Flag {
	for _, f := range c.flags() {
		if f.Name == name || f.Short != 0 && string(f.Short) == name {
			return f
		}
		for _, alias := range f.Aliases {
			if alias == name {
				return f
			}
		}
	}
	return nil
}

// follow returns what the last word may become.
func (c *completion) follow(last string) []candidate {
	if c.expects != nil {
		return keep(c.values(c.expects.Value, last), "", last)
	}
	if !c.onlyArgs && strings.HasPrefix(last, "-") {
		name, value, has := strings.Cut(strings.TrimLeft(last, "-"), "=")
		f := c.flag(name)
		switch {
		case !has:
			return keep(c.flagNames(), "", last)
		case f == nil:
			return nil
		}
		return keep(c.values(f.Value, value), last[:len(last)-len(value)], last)
	}
	var all []candidate
	for _, child := range c.node.Children {
		if !child.Hidden {
			all = append(all, candidate{child.Name, child.Help})
		}
	}
	if arg := c.argument(); arg != nil {
		all = append(all, c.values(arg, last)...)
	} else if last == "" && len(all) == 0 {
		all = c.flagNames()
	}
	return keep(all, "", last)
}

// keep returns the candidates that begin with a word, with something before each.
func keep(all []candidate, before, word string) (kept []candidate) {
	for _, one := range all {
		if strings.HasPrefix(one.value, ":") {
			kept = append(kept, one)
			continue
		}
		if one.value = before + one.value; strings.HasPrefix(one.value, word) {
			kept = append(kept, one)
		}
	}
	return kept
}

func (c *completion) flagNames() (all []candidate) {
	for _, f := range c.flags() {
		if !c.used[f.Name] || f.IsCumulative() || f.IsMap() {
			all = append(all, candidate{"--" + f.Name, firstSentence(f.Help)})
		}
	}
	return all
}

func firstSentence(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if before, _, ok := strings.Cut(s, ". "); ok {
		return before + "."
	}
	return s
}

// argument is the positional argument that is next; nil when there is none.
func (c *completion) argument() *kong.Value {
	args := c.node.Positional
	if c.position < len(args) {
		return args[c.position]
	}
	if n := len(args); n > 0 && args[n-1].IsCumulative() {
		return args[n-1]
	}
	return nil
}

// values are what a flag or argument may be.
func (c *completion) values(v *kong.Value, prefix string) (all []candidate) {
	if v.Enum != "" {
		for _, word := range v.EnumSlice() {
			all = append(all, candidate{value: word})
		}
		return all
	}
	placeHolder := ""
	if v.Flag != nil {
		placeHolder = v.Flag.PlaceHolder
	}
	switch {
	case v.Name == "instance" || placeHolder == "INSTANCE":
		return c.lookup("instance", prefix)
	case v.Name == "user" || placeHolder == "USER":
		return c.lookup("user", prefix)
	case v.Name == "permission":
		return permissionCandidates()
	case v.Name == "resource":
		return c.resourceCandidates(prefix)
	case strings.HasPrefix(placeHolder, "DIR"):
		return []candidate{completeFolders}
	case v.Name == "file" || v.Tag.Type == "path" || v.Tag.Type == "existingfile" || placeHolder == "FILE",
		v.Flag == nil && strings.Contains(strings.ToLower(v.Help), "file"):
		return []candidate{completeFiles}
	}
	return nil
}

func permissionCandidates() (all []candidate) {
	for _, p := range lanyard.Permissions() {
		all = append(all, candidate{p.Name, p.Label})
	}
	for _, a := range []string{access.ActionAccess, access.ActionInvoke, access.ActionHandOff, access.ActionReference} {
		all = append(all, candidate{value: a})
	}
	return all
}

// resourceCandidates are the types, and after User/ the users.
func (c *completion) resourceCandidates(prefix string) (all []candidate) {
	if name, ok := strings.CutPrefix(prefix, access.TypeUser+"/"); ok {
		for _, one := range c.lookup("user", name) {
			all = append(all, candidate{access.TypeUser + "/" + one.value, one.help})
		}
		return all
	}
	for _, t := range lanyard.ResourceTypes() {
		if t.Name != "" && t.Type != lanyard.TypeInstance && t.Type != lanyard.TypeStructure {
			all = append(all, candidate{value: t.Name + "/"})
		}
	}
	return append(all, noSpace)
}
