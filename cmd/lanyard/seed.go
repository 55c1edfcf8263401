package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/sandbox"
	seeding "github.com/lanyard/lanyard/internal/seed"
)

// A templateSeed makes what an emulator has at its start: one instance, to which templates are applied.
type templateSeed struct {
	*stackFiles
	name    string // of the stack
	lenient bool
	arn     lanyard.ARN
	alias   string
}

// readSeed reads the templates, or returns nil if there are none.
func (c *serveCmd) readSeed() (*templateSeed, error) {
	if len(c.Seed) == 0 {
		return nil, nil
	}
	flags := stackFlags{paramFlags: c.paramFlags}
	name, err := flags.stackName(c.Seed)
	if err != nil {
		return nil, err
	}
	files, err := flags.readFiles(c.Seed)
	if err != nil {
		return nil, err
	}
	s := &templateSeed{stackFiles: files, name: name, lenient: c.Lenient}
	return s, s.chooseInstance(c)
}

// aliasForm is what CreateInstance accepts.
var aliasForm = regexp.MustCompile(`^[A-Za-z0-9]+(-+[A-Za-z0-9]+)*$`)

var notInAliases = regexp.MustCompile(`[^A-Za-z0-9]+`)

const maxAlias = 45

// chooseInstance says which instance is created: that of an ARN in the flags, parameters or templates, or one whose id
// is always the same for its alias, so that tests may name it.
func (s *templateSeed) chooseInstance(c *serveCmd) error {
	given := c.SeedInstance
	if given == "" && s.declares(instanceParameter) {
		given = s.parameters[instanceParameter]
	}
	if given == "" {
		given = s.literalInstance()
	}
	if given == "" {
		given = strings.Trim(notInAliases.ReplaceAllString(s.name, "-"), "-")
		given = strings.Trim(given[:min(len(given), maxAlias)], "-")
	}
	if lanyard.IsARN(given) {
		var err error
		if s.arn, err = lanyard.ParseARN(given); err != nil || s.arn.Type != lanyard.TypeInstance ||
			!lanyard.IsID(s.arn.Instance) || !regionForm.MatchString(s.arn.Region) {
			return refuse("the instance of --seed must be an alias or the ARN of an instance, got %q", lanyard.Clip(given))
		}
		if s.arn.Partition != c.Partition {
			return refuse("--partition must be that of the instance of --seed, got %s and %s", c.Partition, given)
		}
		s.alias = "instance-" + s.arn.Instance[:8]
		return nil
	}
	if !aliasForm.MatchString(given) || len(given) > maxAlias || strings.HasPrefix(given, "d-") {
		return refuse("--seed-instance must be an ARN, or an alias of at most %d letters, digits and hyphens, got %q",
			maxAlias, lanyard.Clip(given))
	}
	s.alias = given
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("lanyard serve --seed "+c.Account+" "+c.Region+" "+given)).String()
	s.arn = lanyard.ARN{Partition: c.Partition, Region: c.Region, Account: c.Account, Instance: id}
	return nil
}

// literalInstance returns the ARN that a template has for InstanceArn, or "".
func (s *templateSeed) literalInstance() string {
	for _, f := range s.files {
		for e := range f.Root.Get("Resources").All() {
			if n := e.Value.Get("Properties").Get(instanceParameter); n != nil && n.Tag == "" && lanyard.IsARN(n.Text) {
				return n.Text
			}
		}
	}
	return ""
}

// seedUserAgent is who made what seeds make, in the history.
const seedUserAgent = "lanyard serve --seed"

// apply creates the instance, unless it is there, and applies the templates to it.
func (s *templateSeed) apply(ctx context.Context, svc *control.Service) (*lanyard.Instance, error) {
	caller := lanyard.Caller{Account: s.arn.Account, Region: s.arn.Region, UserAgent: seedUserAgent,
		RequestID: uuid.NewString()}
	in, err := s.createInstance(ctx, svc, caller)
	if err != nil {
		return nil, fmt.Errorf("create the instance of --seed: %w", err)
	}
	api := awsapi.New(awsapi.Config{Control: svc, TokenSecret: []byte(rand.Text()), Logger: slog.New(slog.DiscardHandler)})
	return in, seeding.Apply(ctx, seeding.Config{API: sandbox.Account{API: api, Caller: caller}, Instance: s.arn,
		Stack: s.name, Parameters: s.parameters, Lenient: s.lenient, NewStore: openMemory}, s.files...)
}

// createInstance creates the instance, unless it is there. Users are as the templates have them: with passwords, or
// signing in elsewhere.
func (s *templateSeed) createInstance(ctx context.Context, svc *control.Service,
	by lanyard.Caller) (*lanyard.Instance, error) {
	call := control.Call{Caller: by, Operation: "CreateInstance",
		Request: lanyard.JSON(`{"InstanceAlias":"HIDDEN_DUE_TO_SECURITY_REASONS"}`)}
	in, err := svc.Instance(ctx, call, s.arn.Instance)
	if !errors.Is(err, lanyard.ErrNotFound) {
		return in, err
	}
	identity := control.ConnectManaged
	if s.hasUsersWithoutPasswords() {
		identity = control.SAML
	}
	made, err := svc.CreateInstance(ctx, call, control.NewInstance{ID: s.arn.Instance, Alias: s.alias,
		IdentityManagement: identity, Inbound: true, Outbound: true})
	return made.Instance, err
}

func (s *templateSeed) hasUsersWithoutPasswords() bool {
	for _, f := range s.files {
		for e := range f.Root.Get("Resources").All() {
			if kind := e.Value.Get("Type"); kind != nil && kind.Text == "AWS::Connect::User" &&
				e.Value.Get("Properties").Get("Password") == nil {
				return true
			}
		}
	}
	return false
}
