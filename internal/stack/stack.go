// Package stack keeps resources of an instance as a template says. It has the one form in which resources are compared,
// the properties that CloudFormation gives them, for templates and for what is there alike; it plans the calls that
// lead from one to the other, tries them on a copy with the real operations, carries them out, and writes what is there
// as a template. What a stack consists of is noted in tags of its resources, so that there is no other state.
//
// It reads no files and knows no network: package template reads templates, package mirror reads instances, and what
// carries calls out is an invocation.API.
package stack

import (
	"regexp"
	"strings"

	"github.com/lanyard/lanyard"
)

// A Template is what templates say, with parameters, conditions and references resolved.
type Template struct {
	Resources []Resource // in the order of the file
	// Secrets are values of parameters that are marked NoEcho, by the name of the parameter. They are not shown.
	Secrets map[string]string
}

// A Resource is one that a template describes.
type Resource struct {
	LogicalID string
	Type      string // AWS::Connect::User
	// Properties are strings, numbers, booleans, []any and map[string]any. A reference to another resource of the
	// template is its ARN with Placeholder as its id.
	Properties map[string]any
	Lanyard    map[string]any // what CloudFormation lacks: the member Lanyard of Metadata
	DependsOn  []string
	Retain     bool // it is not deleted when the template no longer has it
	// Where returns file, line and column of a member, by its names and indexes in the document; of the resource for
	// none.
	Where func(path ...string) string
}

func (r *Resource) where(path ...string) string {
	if r.Where == nil {
		return r.LogicalID
	}
	return r.Where(path...)
}

// Placeholder stands for the id of a resource that a template describes, until the id is known.
func Placeholder(logicalID string) string { return "{{lanyard." + logicalID + "}}" }

// PlaceholderARN is the ARN of a resource whose id is not known.
func PlaceholderARN(instance lanyard.ARN, cloudFormationType, logicalID string) string {
	k, ok := kindNamed(cloudFormationType)
	if !ok {
		return ""
	}
	return arnOf(instance, k.typ, Placeholder(logicalID))
}

var placeholders = regexp.MustCompile(`\{\{lanyard\.([A-Za-z0-9]+)\}\}`)

// fill replaces the placeholders in a text by what is known.
func fill(text string, known map[string]string) string {
	if !strings.Contains(text, "{{lanyard.") {
		return text
	}
	return placeholders.ReplaceAllStringFunc(text, func(p string) string {
		if id, ok := known[placeholders.FindStringSubmatch(p)[1]]; ok {
			return id
		}
		return p
	})
}

// mapStrings returns a copy of a value with f applied to every string in it, but not to the names of members.
func mapStrings(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = mapStrings(v[i], f)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name := range v {
			out[name] = mapStrings(v[name], f)
		}
		return out
	}
	return v
}

// references are the logical ids of the placeholders in a value.
func references(v any) map[string]bool {
	found := map[string]bool{}
	mapStrings(v, func(s string) string {
		if strings.Contains(s, "{{lanyard.") {
			for _, m := range placeholders.FindAllStringSubmatch(s, -1) {
				found[m[1]] = true
			}
		}
		return s
	})
	return found
}

func arnOf(instance lanyard.ARN, t lanyard.Type, id string) string {
	if id == "" {
		return ""
	}
	instance.Type, instance.ID = t, id
	return instance.String()
}

// idOf is the last part of an ARN, or what is not an ARN as it is.
func idOf(arn string) string {
	if !lanyard.IsARN(arn) {
		return arn
	}
	return arn[strings.LastIndexByte(arn, '/')+1:]
}
