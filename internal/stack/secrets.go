package stack

import (
	"maps"
	"slices"
	"strings"
)

// hidden is what is shown in the place of a secret.
const hidden = "****"

// hideSecrets replaces the values of NoEcho parameters in a text.
func hideSecrets(text string, secrets map[string]string) string {
	if len(secrets) == 0 {
		return text
	}
	var pairs []string
	for _, value := range longestFirst(secrets) {
		pairs = append(pairs, value, hidden)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func longestFirst(secrets map[string]string) (values []string) {
	for _, v := range secrets {
		if v != "" {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	return values
}

// secretMark stands for the value of a parameter in a plan that is saved.
func secretMark(parameter string) string { return "{{lanyard-parameter." + parameter + "}}" }

// withoutSecrets returns a value with marks in the place of the values of parameters.
func withoutSecrets(v any, secrets map[string]string) any {
	var pairs []string
	for _, value := range longestFirst(secrets) {
		// Of parameters with the same value it takes the first, so that a plan is saved in one form.
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			if secrets[name] == value {
				pairs = append(pairs, value, secretMark(name))
				break
			}
		}
	}
	if len(pairs) == 0 {
		return v
	}
	replace := strings.NewReplacer(pairs...)
	return mapStrings(v, replace.Replace)
}
