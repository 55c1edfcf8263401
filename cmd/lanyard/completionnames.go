package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/invocation"
)

// Completion must not keep a person waiting: names are asked for only while the server of the data folder runs.
const (
	completionTime  = time.Second
	completionNames = 100
)

// lookUpNames returns the names of users or instances that begin with a prefix. words are those of the command line,
// which may name the data folder and the instance. Whatever fails, there are no names.
func lookUpNames(ctx context.Context, words []string, kind, prefix string) []candidate {
	ctx, stop := context.WithTimeout(ctx, completionTime)
	defer stop()
	f := targetFlags{dataFlag: dataFlag{Data: wordOf(words, "data", "./lanyard-data"), Store: wordOf(words, "store", "sqlite")},
		Instance: wordOf(words, "instance", "")}
	if _, err := readEndpoint(f.Data); err != nil {
		return nil
	}
	t, err := f.openDataAPI(ctx)
	if err != nil {
		return nil
	}
	defer t.Close()
	if kind == "instance" {
		return instanceCandidates(ctx, t.API)
	}
	in, err := findTargetInstance(ctx, t.API, f.Instance)
	if err != nil {
		return nil
	}
	return userCandidates(ctx, t.API, in.ID, prefix)
}

// wordOf returns the value of a flag on an incomplete command line, or in the environment.
func wordOf(words []string, flag, otherwise string) string {
	for i, word := range words {
		if value, ok := strings.CutPrefix(word, "--"+flag+"="); ok {
			return value
		}
		if word == "--"+flag && i+2 < len(words) {
			return words[i+1]
		}
	}
	if value := os.Getenv("LANYARD_" + strings.ToUpper(flag)); value != "" {
		return value
	}
	return otherwise
}

func instanceCandidates(ctx context.Context, api invocation.API) (all []candidate) {
	list, err := listTargetInstances(ctx, api)
	if err != nil {
		return nil
	}
	for _, in := range list {
		if in.InstanceAlias != "" {
			all = append(all, candidate{in.InstanceAlias, in.ID})
		} else {
			all = append(all, candidate{value: in.ID})
		}
	}
	return all
}

func userCandidates(ctx context.Context, api invocation.API, instance, prefix string) (all []candidate) {
	in := map[string]any{"InstanceId": instance, "MaxResults": completionNames}
	if prefix != "" {
		in["SearchCriteria"] = map[string]any{"StringCondition": map[string]string{"FieldName": "username",
			"ComparisonType": "STARTS_WITH", "Value": prefix}}
	}
	found, err := invocation.Do[struct {
		Users []struct {
			Username     string
			IdentityInfo struct{ FirstName, LastName string }
		}
	}](ctx, api, "SearchUsers", in)
	if err != nil {
		return nil
	}
	for _, u := range found.Users {
		all = append(all, candidate{u.Username, strings.TrimSpace(u.IdentityInfo.FirstName + " " + u.IdentityInfo.LastName)})
	}
	return all
}
