package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/mirror"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/template"
)

// stackFlags say which stack a command works on, and with which parameters its templates are resolved.
type stackFlags struct {
	targetFlags `embed:""`
	Name        string `help:"Name of the stack, with which its resources are tagged; default: the name of the first file, without its extension." name:"stack" placeholder:"NAME"`
	paramFlags  `embed:""`
	Lenient     bool `help:"Accept names of permissions and resource types that lanyard does not know."`
}

// paramFlags are values of the parameters of templates.
type paramFlags struct {
	Param     map[string]string `help:"Value of a parameter of the templates; may be repeated." mapsep:"none" placeholder:"NAME=VALUE"`
	ParamFile []string          `help:"File with values of parameters, in JSON or YAML as for the AWS CLI; may be repeated." type:"existingfile" sep:"none" placeholder:"FILE"`
}

// read returns the values by the names of their parameters. --param goes before --param-file.
func (f *paramFlags) read() (map[string]string, error) {
	all := map[string]string{}
	for _, name := range f.ParamFile {
		content, err := readBounded(name, template.MaxFileSize)
		if err != nil {
			return nil, err
		}
		values, err := template.ReadParameters(name, content)
		if err != nil {
			return nil, &refusal{err.Error()}
		}
		maps.Copy(all, values)
	}
	maps.Copy(all, f.Param)
	return all, nil
}

// instanceParameter is the parameter that names the instance.
const instanceParameter = "InstanceArn"

// stackFiles are the templates of a stack.
type stackFiles struct {
	files      []*template.File
	parameters map[string]string
	resolved   *template.Stack
}

// readFiles reads templates. They are not resolved yet.
func (f *stackFlags) readFiles(names []string) (*stackFiles, error) {
	parameters, err := f.paramFlags.read()
	if err != nil {
		return nil, err
	}
	s := &stackFiles{parameters: parameters}
	var problems template.Errors
	for _, name := range names {
		content, err := readBounded(name, template.MaxFileSize)
		if err != nil {
			return nil, err
		}
		file, err := template.Parse(name, content)
		var found template.Errors
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
		case err != nil:
			return nil, err
		default:
			s.files = append(s.files, file)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

// readBounded reads a file, or standard input for "-".
func readBounded(name string, most int64) ([]byte, error) {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err // which names the file
	}
	if int64(len(content)) > most {
		return nil, refuse("%s must have at most %d bytes", name, most)
	}
	return content, nil
}

// declares reports whether a file has a parameter.
func (s *stackFiles) declares(name string) bool {
	for _, f := range s.files {
		if f.Root.Get("Parameters").Get(name) != nil {
			return true
		}
	}
	return false
}

// openInstance opens the target. The parameter InstanceArn names the instance when --instance does not.
func (s *stackFiles) openInstance(ctx context.Context, f *stackFlags) (*target, error) {
	if given := s.parameters[instanceParameter]; f.Instance == "" && given != "" && s.declares(instanceParameter) {
		if _, err := lanyard.ParseARN(given); err != nil {
			return nil, refuse("--param %s %v", instanceParameter, err)
		}
		f.Instance = given
	}
	t, err := f.openTarget(ctx)
	if err != nil {
		return nil, err
	}
	if s.parameters[instanceParameter] == "" && s.declares(instanceParameter) {
		s.parameters[instanceParameter] = t.instance.ARN
	}
	return t, nil
}

// resolve evaluates the templates for an instance.
func (s *stackFiles) resolve(name, instance string) (*stack.Template, error) {
	arn, err := lanyard.ParseARN(instance)
	if err != nil {
		return nil, err
	}
	s.resolved, err = template.Resolve(s.files, template.Inputs{Parameters: s.parameters, Account: arn.Account,
		Region: arn.Region, Partition: arn.Partition, StackName: name})
	if err != nil {
		return nil, err
	}
	return stack.FromTemplate(s.resolved, s.files, s.parameters, instance)
}

// stackName is the name of the stack: as given, or that of the first file without its ending.
func (f *stackFlags) stackName(files []string) (string, error) {
	name := f.Name
	if name == "" && len(files) > 0 {
		name = stack.NameOf(files[0])
	}
	if err := stack.CheckName(name); err != nil {
		return "", refuse("--stack: %v", err)
	}
	return name, nil
}

// agentsOf are the AI agents that templates name: the API does not list them.
func agentsOf(t *stack.Template) (arns []string) {
	for _, r := range t.Resources {
		list, _ := r.Lanyard["AIAgentArns"].([]any)
		for _, arn := range list {
			if s, ok := arn.(string); ok {
				arns = append(arns, s)
			}
		}
	}
	return arns
}

// readTarget reads the instance for a plan: of the users that whole says, everything.
func (t *target) readTarget(s streams, agents []string, whole func(*lanyard.User) bool) (*stack.Target, error) {
	state, err := t.readState(s, mirror.Options{AIAgents: agents, CompleteUser: whole})
	if err != nil {
		return nil, err
	}
	return &stack.Target{ARN: t.instance.ARN, Instance: state.instance, Resources: state.resources}, nil
}

// usersOf reports whether a user is one of a template, or of the stack.
func usersOf(name string, t *stack.Template) func(*lanyard.User) bool {
	names := map[string]bool{}
	for _, r := range t.Resources {
		if username, ok := r.Properties["Username"].(string); ok {
			names[username] = true
		}
	}
	return func(u *lanyard.User) bool { return names[u.Name] || u.Tags["lanyard:stack"] == name }
}

func openMemory(ctx context.Context) (store.Store, error) { return sqlite.OpenMemory(ctx) }

// A planning is how a plan is made, so that it can be made again when the instance has changed.
type planning struct {
	*target
	streams  streams
	name     string
	template *stack.Template
	options  stack.Options
	resolved *template.Stack
}

// openPlanning reads and resolves the templates, and opens the instance.
func (f *stackFlags) openPlanning(s streams, files []string) (*planning, error) {
	name, err := f.stackName(files)
	if err != nil {
		return nil, err
	}
	read, err := f.readFiles(files)
	if err != nil {
		return nil, err
	}
	t, err := read.openInstance(s.ctx, f)
	if err != nil {
		return nil, err
	}
	resolved, err := read.resolve(name, t.instance.ARN)
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return &planning{target: t, streams: s, name: name, template: resolved, resolved: read.resolved,
		options: stack.Options{Stack: name, Lenient: f.Lenient, NewStore: openMemory}}, nil
}

// plan reads the instance and plans.
func (p *planning) plan() (*stack.Plan, error) {
	at, err := p.readTarget(p.streams, agentsOf(p.template), usersOf(p.name, p.template))
	if err != nil {
		return nil, err
	}
	return stack.New(p.streams.ctx, at, p.template, p.options)
}
