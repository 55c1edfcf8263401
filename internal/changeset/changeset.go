// Package changeset reads change sets of CloudFormation as proposals. It describes none itself: it takes the output of
// aws cloudformation describe-change-set --include-property-values.
package changeset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/jsonfile"
	"github.com/lanyard/lanyard/internal/stack"
)

// MaxSize bounds a change set, in bytes.
const MaxSize = 64 << 20

const maxDepth = 200

// changeSet is what counts of the output of DescribeChangeSet.
type changeSet struct {
	ChangeSetName string
	StackName     string
	Status        string
	StatusReason  string
	NextToken     string
	Changes       []struct {
		ResourceChange *resourceChange
	}
}

type resourceChange struct {
	Action             string
	LogicalResourceID  string `json:"LogicalResourceId"`
	PhysicalResourceID string `json:"PhysicalResourceId"`
	ResourceType       string
	Replacement        string
	PolicyAction       string
	BeforeContext      string
	AfterContext       string

	logicalID string
}

// Unknown stands in a context for a value that is known only after the change set was executed.
const unknown = "{{changeSet:KNOWN_AFTER_APPLY}}"

// Read reads the output of aws cloudformation describe-change-set --include-property-values. name is that of the file,
// for messages.
func Read(name string, content []byte) (*stack.Proposals, error) {
	var set changeSet
	if err := jsonfile.Read(name, content, jsonfile.Bounds{Size: MaxSize, Depth: maxDepth}, &set); err != nil {
		return nil, err
	}
	switch {
	case set.Changes == nil:
		return nil, lanyard.Errorf(lanyard.Invalid, "%s: Changes is required; make the file with "+
			"aws cloudformation describe-change-set --include-property-values --change-set-name NAME", name)
	case set.NextToken != "":
		return nil, lanyard.Errorf(lanyard.Invalid, "%s: NextToken must be absent: the change set goes on on another page", name)
	}
	out := &stack.Proposals{Others: map[string]int{}}
	for i, c := range set.Changes {
		r := c.ResourceChange
		switch {
		case r == nil:
		case !slices.Contains(types, r.ResourceType):
			out.Others[r.ResourceType]++
		default:
			r.logicalID = fmt.Sprintf("R%d", i+1)
			p, err := r.proposal(name)
			if err != nil {
				return nil, err
			}
			out.Changes = append(out.Changes, p)
		}
	}
	return out, nil
}

// types are those that proposals may have.
var types = []string{"AWS::Connect::SecurityProfile", "AWS::Connect::User", "AWS::Connect::UserHierarchyGroup",
	"AWS::Connect::UserHierarchyStructure", "AWS::Connect::Queue", "AWS::Connect::RoutingProfile",
	"AWS::Connect::HoursOfOperation", "AWS::Connect::ContactFlowModule", "AWS::Connect::QuickConnect"}

// proposal makes a proposal of a change.
func (r *resourceChange) proposal(name string) (p stack.Proposal, err error) {
	p = stack.Proposal{Address: r.LogicalResourceID, LogicalID: r.logicalID, Type: r.ResourceType,
		ID: r.PhysicalResourceID[strings.LastIndexByte(r.PhysicalResourceID, '/')+1:]}
	if p.Action, err = r.action(name); err != nil {
		return p, err
	}
	before, err := r.properties(name, "BeforeContext", r.BeforeContext)
	if err != nil {
		return p, err
	}
	after, err := r.properties(name, "AfterContext", r.AfterContext)
	if err != nil {
		return p, err
	}
	p.CreateFirst = p.Action == stack.Replace // and what it replaces is deleted when all else is done
	if p.Action == stack.Delete {
		p.Instance = instanceOf(before)
		return p, nil
	}
	p.Instance = instanceOf(after)
	if p.Instance == "" {
		p.Instance = instanceOf(before)
	}
	p.Properties = map[string]any{}
	for member := range before {
		p.Properties[member] = nil
	}
	for member, v := range after {
		if isUnknown(v) {
			p.Unknown = append(p.Unknown, member)
			delete(p.Properties, member)
			continue
		}
		p.Properties[member] = v
	}
	delete(p.Properties, "InstanceArn")
	slices.Sort(p.Unknown)
	return p, nil
}

// action returns what a change does.
func (r *resourceChange) action(name string) (string, error) {
	switch r.Action {
	case "Add", "Import":
		return stack.Create, nil
	case "Remove":
		return stack.Delete, nil
	case "Modify", "Dynamic":
		if r.Replacement == "True" {
			return stack.Replace, nil
		}
		return stack.Update, nil
	}
	return "", lanyard.Errorf(lanyard.Invalid, "%s: Action of %s must be Add, Modify, Remove, Import or Dynamic, got %s", name,
		lanyard.Quote(r.LogicalResourceID), lanyard.Quote(r.Action))
}

// properties decodes a context, which is JSON in a string.
func (r *resourceChange) properties(name, member, context string) (map[string]any, error) {
	if context == "" {
		if r.needs(member) {
			return nil, lanyard.Errorf(lanyard.Invalid, "%s: %s of %s is required; describe the change set with "+
				"--include-property-values", name, member, lanyard.Quote(r.LogicalResourceID))
		}
		return nil, nil
	}
	var c struct {
		Properties map[string]any
	}
	if err := json.Unmarshal([]byte(context), &c, jsontext.AllowDuplicateNames(false)); err != nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "%s: %s of %s must be JSON with Properties: %v", name, member,
			lanyard.Quote(r.LogicalResourceID), err)
	}
	return c.Properties, nil
}

// needs reports whether a change says nothing without a context.
func (r *resourceChange) needs(member string) bool {
	if member == "AfterContext" {
		return r.Action != "Remove"
	}
	return r.Action == "Remove"
}

func instanceOf(properties map[string]any) string {
	arn, _ := properties["InstanceArn"].(string)
	if strings.Contains(arn, unknown) {
		return ""
	}
	return arn
}

// isUnknown reports whether a value, or a part of it, is not known.
func isUnknown(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, unknown)
	case []any:
		return slices.ContainsFunc(v, isUnknown)
	case map[string]any:
		for _, x := range v {
			if isUnknown(x) {
				return true
			}
		}
	}
	return false
}
