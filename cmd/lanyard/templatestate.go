package main

import (
	"bytes"
	"context"
	"regexp"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/template"
)

// applyTo returns what a state is after the templates were applied to it, as the stack of a name. The error is one of
// package template, with the places of what is wrong, or one of package stack.
func (s *stackFiles) applyTo(ctx context.Context, base *state, name string) (*state, error) {
	arn := lanyard.ARN{Partition: "aws", Region: base.instance.Region, Account: base.instance.Account,
		Instance: base.instance.ID}.String()
	if s.declares(instanceParameter) && s.parameters[instanceParameter] == "" {
		s.parameters[instanceParameter] = arn
	}
	resolved, err := s.resolve(name, arn)
	if err != nil {
		return nil, err
	}
	plan, err := stack.New(ctx, &stack.Target{ARN: arn, Instance: base.instance, Resources: base.resources}, resolved,
		stack.Options{Stack: name, NewStore: openMemory})
	if err != nil {
		return nil, err
	}
	after := *base
	if plan.Result != nil {
		after.resources = plan.Result.Resources
	}
	return &after, nil
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
