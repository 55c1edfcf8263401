package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// A Model is a service model without its prose. The same type reads botocore's
// file, where it drops what it does not name, and the reduced one.
type Model struct {
	Source     Source               `json:"source"`
	Operations map[string]Operation `json:"operations"`
	Shapes     map[string]Shape     `json:"shapes"`
}

// Source says which release of what the model was taken from.
type Source struct {
	Package string `json:"package"`
	Version string `json:"version"`
	Model   string `json:"model"`
}

type Operation struct {
	HTTP struct {
		Method string `json:"method"`
		URI    string `json:"requestUri"`
		Status int    `json:"responseCode,omitempty"`
	} `json:"http"`
	Input      *Ref  `json:"input,omitempty"`
	Output     *Ref  `json:"output,omitempty"`
	Errors     []Ref `json:"errors,omitempty"`
	Idempotent bool  `json:"idempotent,omitempty"`
}

type Shape struct {
	Type            string         `json:"type"`
	Members         map[string]Ref `json:"members,omitempty"`
	Required        []string       `json:"required,omitempty"`
	Union           bool           `json:"union,omitempty"`
	Payload         string         `json:"payload,omitempty"`
	Document        bool           `json:"document,omitempty"`
	Member          *Ref           `json:"member,omitempty"`
	Key             *Ref           `json:"key,omitempty"`
	Value           *Ref           `json:"value,omitempty"`
	Min             *float64       `json:"min,omitempty"`
	Max             *float64       `json:"max,omitempty"`
	Pattern         string         `json:"pattern,omitempty"`
	Enum            []string       `json:"enum,omitempty"`
	Sensitive       bool           `json:"sensitive,omitempty"`
	TimestampFormat string         `json:"timestampFormat,omitempty"`
	Error           *Error         `json:"error,omitempty"`
	Exception       bool           `json:"exception,omitempty"`
}

type Error struct {
	Status int `json:"httpStatusCode"`
}

// A Ref names a shape from an operation, a structure, a list or a map.
type Ref struct {
	Shape        string `json:"shape"`
	Location     string `json:"location,omitempty"`
	LocationName string `json:"locationName,omitempty"`
}

func readModel(path string) (*Model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(Model)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

// reach returns the shapes that can be reached from the named ones.
func (m *Model) reach(names ...string) map[string]bool {
	seen := map[string]bool{}
	var visit func(ref *Ref)
	visit = func(ref *Ref) {
		if ref == nil || seen[ref.Shape] {
			return
		}
		seen[ref.Shape] = true
		s := m.Shapes[ref.Shape]
		for _, member := range s.Members {
			visit(&member)
		}
		visit(s.Member)
		visit(s.Key)
		visit(s.Value)
	}
	for _, name := range names {
		visit(&Ref{Shape: name})
	}
	return seen
}

// readOperations reads operations.txt: how each operation is answered, by name.
func readOperations(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	levels := map[string]string{}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 || fields[1] != "served" && fields[1] != "empty" {
			return nil, fmt.Errorf("%s:%d: want a name, then served or empty", path, i+1)
		}
		if levels[fields[0]] != "" {
			return nil, fmt.Errorf("%s:%d: %s is listed twice", path, i+1, fields[0])
		}
		levels[fields[0]] = fields[1]
	}
	return levels, nil
}

// readRelaxed reads relaxed.txt: patterns of members, as STRUCTURE.MEMBER, whose empty value is accepted.
func readRelaxed(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var patterns []string
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 2 || strings.Count(fields[0], ".") != 1 {
			return nil, fmt.Errorf("%s:%d: want STRUCTURE.MEMBER, then where it is known from", path, i+1)
		}
		patterns = append(patterns, fields[0])
	}
	return patterns, nil
}

// sorted returns the keys of a map in order, which everything generated follows.
func sorted[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
