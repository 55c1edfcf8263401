// Package seed applies CloudFormation templates to an instance through its API, in one step, as lanyard apply does it
// with a plan in between. It is for instances that nobody else changes in the meantime: those of tests and emulators.
package seed

import (
	"context"
	"errors"
	"maps"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/template"
)

// A File is a template, in YAML or JSON.
type File struct {
	Name    string // for messages
	Content []byte
}

// Config says where to apply. API, Instance and NewStore are required.
type Config struct {
	API      invocation.API
	Instance lanyard.ARN // of the instance, which exists
	// Stack is the name of the stack, with which the resources are tagged: by default that of the first file.
	Stack string
	// Parameters are those of the templates. InstanceArn is added, if a template declares it.
	Parameters map[string]string
	// Lenient accepts names of permissions and resource types that lanyard does not know.
	Lenient bool
	// NewStore opens an empty store for the copy on which the calls are tried first.
	NewStore func(context.Context) (store.Store, error)
}

// Parse reads templates. The error names every place where one is wrong.
func Parse(files ...File) ([]*template.File, error) {
	var parsed []*template.File
	var problems template.Errors
	for _, f := range files {
		if len(f.Content) > template.MaxFileSize {
			return nil, lanyard.Errorf(lanyard.Invalid, "%s must have at most %d bytes, got %d", f.Name, template.MaxFileSize,
				len(f.Content))
		}
		one, err := template.Parse(f.Name, f.Content)
		var found template.Errors
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
		case err != nil:
			return nil, err
		default:
			parsed = append(parsed, one)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return parsed, nil
}

// Apply makes the instance have what the templates of one stack say. When a template is wrong, or an operation refuses
// what it says, nothing is changed, and the error names the places.
func Apply(ctx context.Context, c Config, files ...*template.File) error {
	if len(files) == 0 {
		return nil
	}
	if c.Stack == "" {
		c.Stack = stack.NameOf(files[0].Name)
	}
	t, err := c.resolve(files)
	if err != nil {
		return err
	}
	at, err := c.read(ctx, t)
	if err != nil {
		return err
	}
	plan, err := stack.New(ctx, at, t, stack.Options{Stack: c.Stack, Lenient: c.Lenient, NewStore: c.NewStore})
	if err != nil {
		return err
	}
	return plan.Apply(ctx, c.API, nil)
}

// resolve evaluates the templates for the instance.
func (c *Config) resolve(files []*template.File) (*stack.Template, error) {
	parameters := map[string]string{}
	maps.Copy(parameters, c.Parameters)
	const itself = "InstanceArn"
	for _, f := range files {
		if parameters[itself] == "" && f.Root.Get("Parameters").Get(itself) != nil {
			parameters[itself] = c.Instance.String()
		}
	}
	resolved, err := template.Resolve(files, template.Inputs{Parameters: parameters, Account: c.Instance.Account,
		Region: c.Instance.Region, Partition: c.Instance.Partition, StackName: c.Stack})
	if err != nil {
		return nil, err
	}
	return stack.FromTemplate(resolved, files, parameters, c.Instance.String())
}

// read reads the instance for a plan: of the users of the templates and of the stack, everything.
func (c *Config) read(ctx context.Context, t *stack.Template) (*stack.Target, error) {
	names := map[string]bool{}
	var agents []string
	for _, r := range t.Resources {
		if name, ok := r.Properties["Username"].(string); ok {
			names[name] = true
		}
		list, _ := r.Lanyard["AIAgentArns"].([]any)
		for _, arn := range list {
			if s, ok := arn.(string); ok {
				agents = append(agents, s)
			}
		}
	}
	found, err := mirror.Read(ctx, c.API, c.Instance.Instance, mirror.Options{AIAgents: agents,
		CompleteUser: func(u *lanyard.User) bool { return names[u.Name] || u.Tags["lanyard:stack"] == c.Stack }})
	if err != nil {
		return nil, err
	}
	return &stack.Target{ARN: c.Instance.String(), Instance: found.Instance, Resources: found.Resources}, nil
}
