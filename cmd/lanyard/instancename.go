package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lanyard/lanyard"
)

// instanceName is how the command line names an instance.
type instanceName struct{ ID, InstanceAlias string }

// instanceIDOf returns the id in the ARN of an instance. An id or an alias is returned as it is.
func instanceIDOf(ref string) (string, error) {
	if !lanyard.IsARN(ref) {
		return ref, nil
	}
	arn, err := lanyard.ParseARN(ref)
	if err != nil || arn.Type != lanyard.TypeInstance {
		return "", refuse("the instance must be an id, an alias or the ARN of an instance, got %q", ref)
	}
	return arn.Instance, nil
}

// chooseInstance returns the index of the instance that ref names by its id or alias, or of the only one if ref is "".
// An id goes before an alias. place is the file or folder that has the instances, or "" for the target of the command.
func chooseInstance(all []instanceName, ref, place string) (int, error) {
	if ref == "" && len(all) == 1 {
		return 0, nil
	}
	var aliases []int
	for i, in := range all {
		switch {
		case ref != "" && in.ID == ref:
			return i, nil
		case ref != "" && in.InstanceAlias == ref:
			aliases = append(aliases, i)
		}
	}
	switch {
	case len(aliases) == 1:
		return aliases[0], nil
	case len(aliases) > 1:
		return 0, refuse("%q is the alias of several instances; name one of them by its id", ref)
	case place == "":
		return 0, noInstance(all, ref)
	case len(all) == 0 && ref == "":
		return 0, fmt.Errorf("%s has no instance", place)
	case len(all) == 0:
		return 0, fmt.Errorf("instance %q does not exist in %s", ref, place)
	case ref == "":
		return 0, refuse("%s has several instances; name one of %s", place, listInstances(all))
	}
	return 0, fmt.Errorf("instance %q does not exist in %s, which has %s", ref, place, listInstances(all))
}

// noInstance says why the target of a command has no instance of that name.
func noInstance(all []instanceName, ref string) error {
	switch {
	case len(all) == 0:
		return errors.New("no instance exists yet")
	case ref == "":
		return refuse("--instance is required when there are several: %s", listInstances(all))
	}
	return fmt.Errorf("instance %q does not exist; there is %s", ref, listInstances(all))
}

// maxListed bounds the instances that a message lists.
const maxListed = 20

func listInstances(all []instanceName) string {
	var names []string
	for _, in := range all[:min(len(all), maxListed)] {
		names = append(names, printable(in.InstanceAlias)+" ("+printable(in.ID)+")")
	}
	if more := len(all) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
