package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/lint"
	"github.com/lanyard/lanyard/internal/mirror"
)

type lintCmd struct {
	targetFlags `embed:""`
	paramFlags  `embed:""`
	AIAgent     []string `help:"ARN of an AI agent to check, since the API does not list AI agents; may be repeated." name:"ai-agent" sep:"none" placeholder:"ARN"`
	Decisions   string   `help:"Log of decisions as JSON lines, to find permissions that nobody used." type:"existingfile" placeholder:"FILE"`
	Settings    string   `help:"File with the findings to silence; default: ${lintConfig} in the current folder, if it exists." name:"lint-config" type:"existingfile" placeholder:"FILE"`
	Format      string   `help:"Format of the findings: text, json, sarif, markdown, or github for annotations in GitHub Actions." default:"text" enum:"text,json,sarif,markdown,github"`
	FailOn      string   `help:"Exit with status 1 if a finding has this severity or a higher one: error, warning, info or never." default:"error" enum:"error,warning,info,never"`
	Fix         bool     `help:"Correct what can be corrected safely, in templates or in the instance."`
	UnsafeFixes bool     `help:"With --fix: also apply fixes that are suggestions, such as the nearest name of a misspelt permission."`
	Yes         bool     `help:"With --fix: change the instance without asking."`
	Explain     string   `help:"Explain a rule, by its code or name, and do nothing else." placeholder:"CODE"`
	List        bool     `help:"List the rules and do nothing else."`
	Targets     []string `arg:"" optional:"" name:"target" help:"CloudFormation template, backup, or instance by alias, id or ARN; default: the instance that the flags name."`
}

func (lintCmd) Help() string {
	return `Looks for what is probably a mistake: names that are not permissions, restrictions that restrict nothing, and paths
by which people can become more powerful. docs/lint.md describes the rules. Nothing is changed without --fix.

A TARGET that is a file is a template (such as one from lanyard export) or a backup.

` + targetHelp + `

Silence a finding in ` + lint.ConfigName + `, with a reason and the day on which that expires.
The exit status is 1 if a finding that is not silenced has the severity of --fail-on or a higher one, and 0 otherwise.

Examples:
  lanyard lint
  lanyard lint team.yaml --fail-on warning
  lanyard lint team.yaml --format sarif >lint.sarif
  lanyard lint team.yaml --fix
  lanyard lint --profile production --region eu-central-1 --format markdown
  lanyard lint lanyard.backup --decisions decisions.jsonl
  lanyard lint --explain LY2001`
}

// A linted is a target with what was found in it.
type linted struct {
	name     string
	template *lintedTemplate // nil for an instance
	target   *target         // nil for files
	report   *lint.Report
}

func (c *lintCmd) Run(s streams) error {
	switch {
	case c.List:
		return listRules(s)
	case c.Explain != "":
		return explainRule(s, c.Explain)
	case !c.Fix && c.UnsafeFixes:
		return refuse("--fix is required when --unsafe-fixes is set")
	}
	config, err := readLintConfig(c.Settings)
	if err != nil {
		return err
	}
	decisions, err := c.readDecisions()
	if err != nil {
		return err
	}
	all, err := c.lintAll(s, decisions)
	defer func() {
		for _, l := range all {
			if l.target != nil {
				l.target.Close()
			}
		}
	}()
	if err == nil && c.Fix {
		err = c.fixAll(s, all, decisions)
	}
	if err != nil {
		return err
	}
	report := merge(all)
	config.Apply(report, time.Now(), func(code string) bool {
		return decisions != nil || code != unusedPermission && code != unusedTool
	})
	if err := showLint(s, c.Format, report, all); err != nil {
		return err
	}
	if at, ok := lint.ParseSeverity(c.FailOn); ok && report.Fails(at) {
		return exitStatus(1)
	}
	return nil
}

// The codes of the rules that require a log of decisions.
const unusedPermission, unusedTool = "LY5002", "LY5003"

// readLintConfig reads a configuration of lint: of a file, or when that is "" of the current folder, if it has one.
func readLintConfig(file string) (*lint.Config, error) {
	name := cmp.Or(file, lint.ConfigName)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		return new(lint.Config), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	config, err := lint.ReadConfig(shownPath(name), f)
	if err != nil {
		return nil, &refusal{err.Error()}
	}
	return config, nil
}

func (c *lintCmd) readDecisions() (*lint.Decisions, error) {
	if c.Decisions == "" {
		return nil, nil
	}
	f, err := os.Open(c.Decisions)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := lint.ReadDecisions(shownPath(c.Decisions), f)
	if err != nil {
		return nil, &refusal{err.Error()}
	}
	return d, nil
}

// shownPath is a path as reports have it: with forward slashes, and relative to the current folder if it is below.
func shownPath(name string) string {
	here, err := os.Getwd()
	if rel, e := filepath.Rel(here, name); filepath.IsAbs(name) && err == nil && e == nil && filepath.IsLocal(rel) {
		name = rel
	}
	return filepath.ToSlash(filepath.Clean(name))
}

// lintAll looks at all targets, at each by itself.
func (c *lintCmd) lintAll(s streams, decisions *lint.Decisions) (all []*linted, err error) {
	if len(c.Targets) == 0 {
		l, err := c.lintInstance(s, c.Instance, decisions)
		if err != nil {
			return nil, err
		}
		return []*linted{l}, nil
	}
	for _, name := range c.Targets {
		l, err := c.lintOne(s, name, decisions)
		if err != nil {
			return all, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (c *lintCmd) lintOne(s streams, name string, decisions *lint.Decisions) (*linted, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil && looksLikeFile(name):
		return nil, err
	case err != nil:
		return c.lintInstance(s, name, decisions)
	case info.IsDir():
		return nil, refuse("TARGET must be a file or an instance, got the folder %s; name it with --data", printable(name))
	}
	isBackup, err := isBackup(name)
	if err != nil {
		return nil, err
	}
	if isBackup {
		st, err := readBackupState(s.ctx, name, c.Instance)
		if err != nil {
			return nil, err
		}
		return &linted{name: name, report: lintState(st, decisions)}, nil
	}
	return c.lintTemplate(name)
}

// looksLikeFile reports whether a target that is no file was meant to be one.
func looksLikeFile(name string) bool {
	return strings.ContainsAny(name, `/\`) && !strings.HasPrefix(name, "arn:") ||
		slices.Contains([]string{".yaml", ".yml", ".json", ".template", ".backup"}, filepath.Ext(name))
}

// lintState looks at a whole instance.
func lintState(st *state, decisions *lint.Decisions) *lint.Report {
	in := lint.From(st.instance, st.resources)
	in.Decisions = decisions
	return lint.Run(in)
}

func (c *lintCmd) lintInstance(s streams, ref string, decisions *lint.Decisions) (*linted, error) {
	flags := c.targetFlags
	flags.Instance = ref
	elsewhere, err := flags.elsewhere(s.ctx)
	if err != nil {
		return nil, err
	}
	if !elsewhere && !c.Fix { // unlike the API, the folder holds back nothing
		st, err := readFolderState(s.ctx, c.dataFlag, ref)
		if err != nil {
			return nil, err
		}
		return &linted{name: st.name, report: lintState(st, decisions)}, nil
	}
	t, err := flags.openTarget(s.ctx)
	if err != nil {
		return nil, err
	}
	st, err := t.readState(s, mirror.Options{AIAgents: c.AIAgent})
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	in := lint.From(st.instance, st.resources)
	in.Decisions, in.UnknownAgents = decisions, len(c.AIAgent) == 0
	return &linted{name: cmp.Or(t.instance.InstanceAlias, t.instance.ID), target: t, report: lint.Run(in)}, nil
}

func (c *lintCmd) lintTemplate(name string) (*linted, error) {
	parameters, err := c.paramFlags.read()
	if err != nil {
		return nil, err
	}
	t, err := readLintedTemplate(shownPath(name), parameters)
	if err != nil {
		return nil, err
	}
	return &linted{name: t.name, template: t, report: t.lint()}, nil
}

// lint looks at what the template describes.
func (t *lintedTemplate) lint() *lint.Report {
	in := lint.From(t.instance, t.resources)
	in.Partial, in.Place = true, t.place
	return lint.Run(in)
}

// merge puts the findings about all targets into one report.
func merge(all []*linted) *lint.Report {
	out := &lint.Report{Findings: []lint.Finding{}}
	for _, l := range all {
		out.Findings = append(out.Findings, l.report.Findings...)
		for _, text := range l.report.Incomplete {
			out.Incomplete = append(out.Incomplete, l.name+": "+text)
		}
	}
	return out
}

// fixAll makes the fixes, and looks again at what was changed.
func (c *lintCmd) fixAll(s streams, all []*linted, decisions *lint.Decisions) error {
	for i, l := range all {
		fixes := c.fixes(l.report)
		if len(fixes) == 0 {
			continue
		}
		var err error
		switch {
		case l.template != nil:
			all[i], err = c.fixTemplate(s, l, fixes)
		case l.target != nil:
			err = c.fixInstance(s, l, fixes, decisions)
		default:
			err = refuse("--fix must be for templates and instances, got the backup %s", printable(l.name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fixes returns those to make.
func (c *lintCmd) fixes(r *lint.Report) (fixes []lint.Fix) {
	for _, f := range r.Findings {
		for _, fix := range f.Fixes {
			if fix.Safe || c.UnsafeFixes {
				fixes = append(fixes, fix)
			}
		}
	}
	return fixes
}

func listRules(s streams) error {
	t := newTable(s.out)
	for _, r := range lint.Rules() {
		t.row(r.Code, r.Severity, r.Name, r.Title)
	}
	return t.flush()
}

func explainRule(s streams, ref string) error {
	r, ok := lint.FindRule(ref)
	if !ok {
		return refuse("--explain must be the code or the name of a rule, got %q; lanyard lint --list lists them", ref)
	}
	_, err := fmt.Fprintf(s.out, "%s %s (%s)\n%s\n\nWhy: %s\n\nFix: %s\n\nSee %s\n", r.Code, r.Name, r.Severity, r.Title,
		r.Why, r.Advice, lint.DocsURL(r.Code))
	return err
}
