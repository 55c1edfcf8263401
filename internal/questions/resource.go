package questions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// ParseResource reads how people name a resource in a question: TYPE/NAME, TYPE/ID, or an ARN. The ID of the result is
// the name, the id, or of an AI agent the ARN. The error says what a reference must be.
func ParseResource(ref string) (access.Resource, error) {
	switch {
	case IsConnectARN(ref):
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return access.Resource{}, err
		}
		if t := arn.Type.DecisionName(); t != "" {
			return access.Resource{Type: t, ID: arn.ID}, nil
		}
		return access.Resource{}, fmt.Errorf("%s: no permission is about resources of type %s", ref, arn.Type)
	case lanyard.IsARN(ref):
		return access.Resource{Type: access.TypeAIAgent, ID: ref}, nil
	}
	t, id, ok := strings.Cut(ref, "/")
	if !ok || t == "" {
		return access.Resource{},
			fmt.Errorf("RESOURCE must be TYPE/NAME, TYPE/ID or an ARN, such as User/jonas.becker, got %q", ref)
	}
	return access.Resource{Type: ParseType(t), ID: id}, nil
}

// IsConnectARN tells ARNs of instances and what is in them from those of AI agents.
func IsConnectARN(ref string) bool {
	parts := strings.SplitN(ref, ":", 4)
	return len(parts) == 4 && parts[0] == "arn" && parts[2] == "connect"
}

// ParseType returns the name of a type that is called by any of its names, in any case. A name that no type has is
// returned as it is.
func ParseType(name string) string {
	is := func(known string) bool { return strings.EqualFold(known, name) }
	for _, t := range lanyard.ResourceTypes() { // a name goes before the names that tag restrictions have
		if t.Name != "" && is(t.Name) {
			return t.Name
		}
	}
	for _, t := range lanyard.ResourceTypes() {
		if slices.ContainsFunc(t.TagNames, is) {
			return t.Name
		}
	}
	return name
}

// FoundByID reports whether lanyard stores resources of a type and decisions find them by id.
func FoundByID(resourceType string) bool {
	t, ok := lanyard.StoredType(resourceType)
	return ok && t.DecisionName() != ""
}
