package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// configFile reads settings from one JSON object whose members are named like the flags without their dashes:
// {"listen": "127.0.0.1:4580", "quota-profiles": 200}. The environment takes precedence over the file. A member that
// is not the name of a flag is an error, because it is probably a typo.
func configFile(r io.Reader) (kong.Resolver, error) {
	var raw map[string]jsontext.Value
	if err := json.UnmarshalRead(r, &raw); err != nil { // refuses duplicate members
		return nil, fmt.Errorf("the configuration file is not a JSON object: %w", err)
	}
	if raw == nil {
		return nil, errors.New("the configuration file is not a JSON object: it is null")
	}
	members := map[string]any{}
	for name, value := range raw {
		if value.Kind() == '0' {
			members[name] = value.String() // the number as written
			continue
		}
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return nil, fmt.Errorf("the configuration file's %q: %w", name, err)
		}
		members[name] = v
	}
	return &configResolver{members}, nil
}

// settingsFile names a file of settings, which is read before the flags are resolved. The file of mcp-gateway is the
// command's own.
type settingsFile string

// BeforeResolve reads the file.
func (settingsFile) BeforeResolve(app *kong.Kong, ctx *kong.Context, trace *kong.Path) error {
	if name, _, _ := strings.Cut(ctx.Command(), " "); name == "mcp-gateway" {
		return nil
	}
	path := ctx.FlagValue(trace.Flag).(settingsFile)
	resolver, err := app.LoadConfig(string(path))
	if err != nil {
		return err
	}
	ctx.AddResolver(resolver)
	return nil
}

type configResolver struct {
	members map[string]any
}

// Validate refuses members that are not the name of a flag.
func (c *configResolver) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	for name := range c.members {
		if !known[name] {
			return fmt.Errorf("the configuration file sets %q, which is not the name of a flag", name)
		}
	}
	return nil
}

// Resolve returns the value of a flag in the file, unless the environment sets it.
func (c *configResolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := c.members[flag.Name]
	if !ok {
		return nil, nil
	}
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	if list, ok := value.([]any); ok {
		var words []string
		for _, v := range list {
			words = append(words, fmt.Sprint(v))
		}
		return strings.Join(words, ","), nil
	}
	return value, nil
}
