package control

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// member names a member of the i-th item of a list.
func member(list string, i int, name string) string {
	return list + "[" + strconv.Itoa(i) + "]." + name
}

// item names the i-th item of a list.
func item(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

// oneOf lists alternatives.
func oneOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// unique drops repetitions and keeps the order. The empty list is nil, so that "cleared" and
// "never set" are one state.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func emptyIsNil(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

// checkForeignARN checks that s has the form of an ARN of any service. lanyard keeps no register
// of what other services own.
func checkForeignARN(member, s string) error {
	parts := strings.SplitN(s, ":", 6)
	ok := len(s) <= lanyard.MaxARN && len(parts) == 6 && parts[0] == "arn" &&
		(parts[1] == "aws" || strings.HasPrefix(parts[1], "aws-")) &&
		parts[2] != "" && len(parts[4]) == 12 && strings.Trim(parts[4], "0123456789") == "" && parts[5] != "" &&
		strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) < 0
	if !ok {
		return lanyard.Errorf(lanyard.Invalid,
			"%s must be an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, of at most %d characters, got %s", member,
			lanyard.MaxARN, lanyard.Quote(s))
	}
	return nil
}

// merged returns settings with single ones replaced, or removed where the new value is nil.
func merged(have, with lanyard.Settings) lanyard.Settings {
	for name, value := range with {
		if value == nil {
			delete(have, name)
			continue
		}
		if have == nil {
			have = lanyard.Settings{}
		}
		have[name] = value
	}
	return have
}

// referID is refer, down to the id.
func referID[R lanyard.Resource](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance, member,
	ref string) (string, error) {
	res, err := refer[R](ctx, s, r, in, member, ref)
	if err != nil {
		return "", err
	}
	return res.Head().ID, nil
}

// within says in which member of the request err arose.
func within(member string, err error) error {
	switch k := lanyard.KindOf(err); {
	case k == lanyard.Invalid && strings.HasPrefix(err.Error(), "must "):
		return lanyard.Errorf(k, "%s %s", member, err)
	case k == lanyard.NotFound || k == lanyard.Invalid:
		return lanyard.Errorf(k, "%s: %s", member, err)
	}
	return err
}

// Naming is a new name, a new description or both. A nil member stays as it is.
type Naming struct {
	Name, Description *string
}

// refuseEmpty refuses a Naming without either, as the service does for most types.
func (n Naming) refuseEmpty() error {
	if n.Name == nil && n.Description == nil {
		return lanyard.Errorf(lanyard.Invalid, "Name is required when Description is absent")
	}
	return nil
}

// set writes what n holds into a resource.
func (n Naming) set(m *lanyard.Meta, description *string) {
	if n.Name != nil {
		m.Name = *n.Name
	}
	if n.Description != nil {
		*description = *n.Description
	}
}
