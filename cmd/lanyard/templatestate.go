package main

import (
	"bytes"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/template"
)

// applyTo returns what a state is after the templates were applied to it, as the stack of a name. The error is one of
// package template, with the places of what is wrong, or one of package stack.
// The notes of other stacks do not count: the templates say what there would be, whoever applied what there is.
func (s *stackFiles) applyTo(ctx context.Context, base *state, name string) (*state, error) {
	after := *base
	after.instance = withoutNotes([]lanyard.Resource{base.instance}, name)[0].(*lanyard.Instance)
	after.resources = withoutNotes(base.resources, name)
	arn := lanyard.ARN{Partition: "aws", Region: base.instance.Region, Account: base.instance.Account,
		Instance: base.instance.ID}.String()
	if s.declares(instanceParameter) && s.parameters[instanceParameter] == "" {
		s.parameters[instanceParameter] = arn
	}
	resolved, err := s.resolve(name, arn)
	if err != nil {
		return nil, err
	}
	plan, err := stack.New(ctx, &stack.Target{ARN: arn, Instance: after.instance, Resources: after.resources}, resolved,
		stack.Options{Stack: name, NewStore: openMemory})
	if err != nil {
		return nil, err
	}
	if plan.Result != nil {
		after.resources = plan.Result.Resources
	}
	return &after, nil
}

// withoutNotes returns resources without the tags in which stacks note what they consist of, but for one stack.
func withoutNotes(resources []lanyard.Resource, but string) []lanyard.Resource {
	out := slices.Clone(resources)
	for i, r := range out {
		owner := r.Head().Tags["lanyard:stack"]
		if structure := r.Head().Tags["lanyard:structure"]; structure != "" {
			owner, _, _ = strings.Cut(structure, "/")
		}
		if owner != "" && owner != but {
			out[i] = lanyard.Clone(r)
			maps.DeleteFunc(out[i].Head().Tags, func(key, _ string) bool { return stack.IsStateTag(key) })
		}
	}
	return out
}

// literalInstance is the ARN of an instance, as templates that are for one instance have it.
var literalInstance = regexp.MustCompile(`arn:aws[a-z-]*:connect:[a-z0-9-]+:[0-9]{12}:instance/[0-9A-Fa-f-]{36}`)

// emptyState is the instance that templates are for, when nothing is in it: that of the parameter InstanceArn, or else
// the first that a template names.
func emptyState(files []string, parameter string) (*state, error) {
	in := &lanyard.Instance{Meta: lanyard.Meta{ID: "00000000-0000-4000-8000-000000000000", Name: "empty"},
		Account: "123456789012", Region: "us-east-1", IdentityManagement: control.SAML}
	named := parameter
	for _, name := range files {
		content, err := readBounded(name, template.MaxFileSize)
		if err != nil {
			return nil, err
		}
		if named == "" {
			named = string(literalInstance.Find(content))
		}
		if bytes.Contains(content, []byte("Password")) { // users of other instances have none
			in.IdentityManagement = control.ConnectManaged
		}
	}
	if named != "" {
		arn, err := lanyard.ParseARN(named)
		if err != nil {
			return nil, refuse("parameters.%s %s", instanceParameter, err)
		}
		in.ID, in.Account, in.Region = arn.Instance, arn.Account, arn.Region
	}
	return &state{name: "an empty instance", instance: in}, nil
}
