package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/lint"
)

// fixTemplate corrects a template in place, says what it changed, and looks at the template again.
func (c *lintCmd) fixTemplate(s streams, l *linted, fixes []lint.Fix) (*linted, error) {
	t := l.template
	content, made, err := t.fix(fixes)
	if err != nil { // the edits are in each other's way: one after the other
		parameters, e := c.paramFlags.read()
		if e != nil {
			return nil, e
		}
		content, made, err = t.fixOneByOne(fixes, parameters)
	}
	if err != nil {
		return nil, err
	}
	if len(made) == 0 {
		return l, nil
	}
	if err := rewriteFile(t.name, content); err != nil {
		return nil, err
	}
	for _, f := range made {
		printf(s.errs, "fixed %s: %s\n", t.place(f.Profile.ID, f.Member, firstOf(f.Remove)), describeFix(f))
	}
	return c.lintTemplate(l.name)
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// fixOneByOne makes fixes one after the other, and leaves out those that cannot be made.
func (t *lintedTemplate) fixOneByOne(fixes []lint.Fix, parameters map[string]string) (content []byte, made []lint.Fix,
	err error) {
	now := t
	for _, f := range fixes {
		fixed, some, err := now.fix([]lint.Fix{f})
		if err != nil || len(some) == 0 {
			continue
		}
		next, err := parseLintedTemplate(t.name, fixed, parameters)
		if err != nil {
			return nil, nil, err
		}
		now, made = next, append(made, f)
	}
	return now.file.Content, made, nil
}

// rewriteFile replaces the content of a file, at once, and keeps its permissions. A link keeps leading to it.
func rewriteFile(name string, content []byte) error {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	if err := replaceFile(real, content); err != nil {
		return err
	}
	return os.Chmod(real, info.Mode().Perm())
}

func describeFix(f lint.Fix) string {
	var parts []string
	for _, name := range f.Remove {
		parts = append(parts, "-"+lanyard.Quote(name))
	}
	for _, name := range f.Add {
		parts = append(parts, "+"+lanyard.Quote(name))
	}
	return fmt.Sprintf("%s of profile %s: %s", f.Member, lanyard.Quote(f.Profile.Name), strings.Join(parts, " "))
}

// fixInstance corrects profiles of an instance by its real operations, after it has shown them.
func (c *lintCmd) fixInstance(s streams, l *linted, fixes []lint.Fix, decisions *lint.Decisions) error {
	byProfile := map[string][]lint.Fix{}
	var order []string
	for _, f := range fixes {
		if byProfile[f.Profile.ID] == nil {
			order = append(order, f.Profile.ID)
		}
		byProfile[f.Profile.ID] = append(byProfile[f.Profile.ID], f)
	}
	printf(s.errs, "UpdateSecurityProfile would be called %d times at %s:\n", len(order), l.target.place)
	for _, id := range order {
		for _, f := range byProfile[id] {
			printf(s.errs, "  %s\n", describeFix(f))
		}
	}
	if err := c.confirm(s); err != nil {
		return err
	}
	for n, id := range order {
		if err := updateProfile(s.ctx, l.target, id, byProfile[id]); err != nil {
			return fmt.Errorf("%w; %d of %d profiles were corrected before; run the command again to continue",
				explainTarget(l.target.place, err), n, len(order))
		}
		printf(s.errs, "fixed profile %s\n", lanyard.Quote(byProfile[id][0].Profile.Name))
	}
	again, err := c.lintInstance(s, l.target.instance.ID, decisions)
	if err != nil {
		return err
	}
	l.report = again.report
	return again.target.Close()
}

// confirm asks whether to change the instance.
func (c *lintCmd) confirm(s streams) error {
	if c.Yes {
		return nil
	}
	if !s.asks() {
		return refuse("--yes is required to change an instance without a terminal")
	}
	return s.confirm("Change the instance?")
}

// updateProfile makes fixes of one profile, to its lists as they are now.
func updateProfile(ctx context.Context, t *target, id string, fixes []lint.Fix) error {
	in := map[string]any{"InstanceId": t.instance.ID, "SecurityProfileId": id}
	for _, f := range fixes {
		name := string(f.Member)
		if in[name] == nil {
			list, err := readMember(ctx, t, id, f.Member)
			if err != nil {
				return err
			}
			in[name] = list
		}
		list := slices.DeleteFunc(slices.Clone(in[name].([]string)),
			func(n string) bool { return slices.Contains(f.Remove, n) })
		for _, n := range f.Add {
			if !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
		in[name] = list
	}
	_, err := invocation.Do[struct{}](ctx, t.API, "UpdateSecurityProfile", in)
	return err
}

// readMember reads a list of a profile.
func readMember(ctx context.Context, t *target, id string, member lint.Member) (list []string, err error) {
	in := map[string]any{"InstanceId": t.instance.ID, "SecurityProfileId": id}
	if member != lint.Permissions {
		out, err := invocation.Do[struct{ SecurityProfile map[string]any }](ctx, t.API, "DescribeSecurityProfile", in)
		return textsOf(out.SecurityProfile[string(member)]), err
	}
	for range maxPermissionPages {
		page, err := invocation.Do[struct {
			Permissions []string
			NextToken   string
		}](ctx, t.API, "ListSecurityProfilePermissions", in)
		if err != nil {
			return nil, err
		}
		list = append(list, page.Permissions...)
		if page.NextToken == "" {
			return list, nil
		}
		in["NextToken"] = page.NextToken
	}
	return nil, fmt.Errorf("profile %q has more than %d pages of permissions", id, maxPermissionPages)
}

// maxPermissionPages bounds how many pages of permissions a profile may have.
const maxPermissionPages = 100
