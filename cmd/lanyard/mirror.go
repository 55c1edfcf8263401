package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsclient"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/mirror"
)

type mirrorCmd struct {
	Copy   mirrorCopyCmd   `cmd:"" default:"withargs" help:"Copy an instance, once or repeatedly; the default of lanyard mirror."`
	Detach mirrorDetachCmd `cmd:"" help:"Turn a mirror into an ordinary instance."`
	Policy mirrorPolicyCmd `cmd:"" help:"Print the IAM policy that a mirror needs."`
}

func (mirrorCmd) Help() string {
	return `Copies an instance of Amazon Connect, or of any server that speaks its API, into the data folder. Later copies
apply what has changed there. Questions, the console and AuthZEN then answer about the copy. Nothing is ever changed at
the source, which is found as by every AWS SDK: --profile, --region, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_CONNECT,
credentials of the environment. lanyard mirror copy --help lists all flags.

Examples:
  lanyard mirror --instance my-contact-centre --region eu-west-2
  lanyard mirror --instance my-contact-centre --profile production --every 15m
  lanyard mirror policy --instance arn:aws:connect:eu-west-2:210987654321:instance/11111111-1111-4111-8111-111111111111
  lanyard mirror detach --instance my-contact-centre`
}

type mirrorCopyCmd struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
	Instance   string        `help:"Instance to copy: its id, ARN or alias." required:"" placeholder:"INSTANCE"`
	AWSProfile string        `help:"Profile of the AWS configuration files whose credentials, region and endpoint to use." name:"profile" placeholder:"PROFILE"`
	Region     string        `help:"AWS region of the instance." placeholder:"REGION"`
	Once       bool          `help:"Copy once and exit; the default without --every." xor:"when"`
	Every      time.Duration `help:"Copy repeatedly: start each copy this long after the last one started; 1m or more." xor:"when" placeholder:"DURATION"`

	Rate  float64 `help:"Requests a second, all operations together; default ${default}, which is what Amazon Connect allows an account." default:"2"`
	Burst int     `help:"Requests that may be sent at once after a pause; default ${default}." default:"5"`

	AIAgent  []string `help:"ARN, with its qualifier, of an AI agent that holds security profiles: the API does not list these. May be repeated; the AI agents of an earlier copy are asked about too." name:"ai-agent" placeholder:"ARN"`
	Details  bool     `help:"Also read e-mail addresses, mobile numbers and proficiencies of users, and drafts and versions of flow modules. This takes two requests for each user."`
	Full     bool     `help:"Read the lists of all security profiles, even of those that have not changed since the last copy. This happens once a day anyway."`
	Deletion bool     `help:"Let the copy delete more than half of the resources of a type." name:"allow-deletions"`

	OtherAccount bool          `help:"Store the instance even if the data folder is for another account, whose keys and console do not show it."`
	ResumeWithin time.Duration `help:"How long the next copy may use the answers of an interrupted one." default:"1h"`
}

func (mirrorCopyCmd) Help() string {
	return `The first copy creates an instance with the same id, alias, account and region; a data folder that does not exist
yet is created for that account. Later copies leave one event for each resource that changed, by the access key "mirror".
A mirror accepts no other changes. An interrupted copy continues where it stopped.

Examples:
  lanyard mirror --instance my-contact-centre --region eu-west-2
  lanyard mirror --instance my-contact-centre --profile production --every 15m
  AWS_ENDPOINT_URL_CONNECT=http://127.0.0.1:4580 lanyard mirror --data ./copy --instance harbour-outfitters --rate 100`
}

// leastEvery is how often copies may begin.
const leastEvery = time.Minute

func (c *mirrorCopyCmd) checkFlags() error {
	switch {
	case c.Every != 0 && c.Every < leastEvery:
		return refuse("--every must be %v or more, got %v", leastEvery, c.Every)
	case !(c.Rate > 0 && c.Rate <= 1000):
		return refuse("--rate must be greater than 0 and at most 1000, got %v", c.Rate)
	case c.Burst < 1 || c.Burst > 1000:
		return refuse("--burst must be 1 to 1000, got %d", c.Burst)
	case c.ResumeWithin < 0 || c.ResumeWithin > 24*time.Hour:
		return refuse("--resume-within must be 0s to 24h, got %v", c.ResumeWithin)
	case len(c.AIAgent) > 10_000:
		return refuse("--ai-agent must be given at most 10000 times, got %d", len(c.AIAgent))
	}
	for _, arn := range c.AIAgent {
		if !lanyard.IsARN(arn) || len(arn) > lanyard.MaxARN {
			return refuse("--ai-agent must be an ARN, got %s", lanyard.Quote(arn))
		}
	}
	return errors.Join(checkStore(c.Store), notURL("--data", c.Data))
}

func (c *mirrorCopyCmd) Run(io streams) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	client, err := awsclient.New(io.ctx, awsclient.Config{Profile: c.AWSProfile, Region: c.Region, Rate: c.Rate,
		Burst: c.Burst, Operations: mirror.Names()})
	if err != nil {
		return err
	}
	run := mirroring{mirrorCopyCmd: c, io: io, client: client}
	return repeat(io, c.Every, run.copyOnce)
}

// repeat copies once, or repeatedly until the context of io ends. An error of the first copy is one of the command
// line, or as good as one; later ones are shown, and the next copy may succeed.
func repeat(io streams, every time.Duration, copyOnce func(context.Context) error) error {
	for first := true; ; first = false {
		began := time.Now()
		err := copyOnce(io.ctx)
		switch {
		case every == 0 || first && err != nil:
			return err
		case io.ctx.Err() != nil:
			return nil
		case err != nil:
			fmt.Fprintf(io.errs, "lanyard: error: %s\n", printableLines(err.Error()))
		}
		select {
		case <-io.ctx.Done():
			return nil
		case <-time.After(time.Until(began.Add(every))):
		}
	}
}

// A mirroring copies one instance.
type mirroring struct {
	*mirrorCopyCmd
	io     streams
	client *awsclient.Client
}

// copyOnce copies the instance, from finding it to the summary.
func (m *mirroring) copyOnce(ctx context.Context) error {
	began, calls := time.Now(), m.client.Calls()
	in, err := mirror.Find(ctx, m.client, m.Instance)
	if err != nil {
		return m.explain(err)
	}
	in.Mirror = &lanyard.Mirror{Source: m.client.Endpoint(), Refreshed: began.UTC().Truncate(time.Millisecond)}
	known, err := m.prepare(ctx, in)
	if err != nil {
		return err
	}
	unlock, err := m.lock(in)
	if err != nil {
		return err
	}
	defer unlock()
	copied, err := m.read(ctx, in, known)
	if err != nil {
		return err
	}
	done, err := m.store(ctx, copied)
	if err != nil {
		return err
	}
	done.Calls, done.Seconds = m.client.Calls()-calls, time.Since(began).Seconds()
	return m.summarize(copied, done)
}

// lock keeps a second copy of the same instance out of this folder.
func (m *mirroring) lock(in *lanyard.Instance) (unlock func(), err error) {
	lock := flock.New(filepath.Join(m.Data, "mirror-"+in.ID+".lock"), flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the mirror: %w", err)
	}
	if !free {
		return nil, fmt.Errorf("instance %s is being mirrored into %s by another process; wait until that ends", in.ID, m.Data)
	}
	return func() { lock.Unlock() }, nil
}

// daily is how often all profiles are read, whether or not they changed.
const daily = 24 * time.Hour

// settled is how much older than a copy a change must be to be certain to be in that copy.
const settled = time.Minute

// read reads the source. What an interrupted copy has read is not read again.
func (m *mirroring) read(ctx context.Context, in *lanyard.Instance, known *knownMirror) (*mirror.Copy, error) {
	journal, err := m.openJournal(in)
	if err != nil {
		return nil, err
	}
	if kept := journal.Kept(); kept > 0 {
		fmt.Fprintf(m.io.errs, "resuming an interrupted copy; %d answers are there already\n", kept)
	}
	c, err := m.readThrough(ctx, journal, in, known)
	var refused *invocation.Exception
	if errors.As(err, &refused) && refused.Status == 400 && journal.Replayed() > 0 {
		// Tokens of pages do not live forever.
		if err := journal.Discard(); err != nil {
			return nil, err
		}
		if journal, err = m.openJournal(in); err != nil {
			return nil, err
		}
		c, err = m.readThrough(ctx, journal, in, known)
	}
	if err != nil {
		if kept := journal.Kept(); ctx.Err() != nil && kept > 0 {
			err = fmt.Errorf("interrupted after %d calls, before anything was stored; the same command resumes within %v", kept,
				m.ResumeWithin)
		}
		return nil, errors.Join(m.explain(err), journal.Close())
	}
	return c, journal.Discard()
}

func (m *mirroring) openJournal(in *lanyard.Instance) (*mirror.Journal, error) {
	return mirror.OpenJournal(filepath.Join(m.Data, "mirror-"+in.ID+".journal"), m.client,
		mirror.JournalOf{Source: m.client.Endpoint(), Instance: in.ID, MaxAge: m.ResumeWithin, Now: time.Now()})
}

func (m *mirroring) readThrough(ctx context.Context, api invocation.API, in *lanyard.Instance,
	known *knownMirror) (*mirror.Copy, error) {
	bar := newProgress(m.io, "requests")
	defer bar.end()
	o := mirror.Options{Found: in, Complete: m.Details, AIAgents: append(known.agents, m.AIAgent...),
		Progress: func(p mirror.Progress) { bar.at(p.Calls, p.Expected) }}
	in.Mirror.ReadAll = known.readAll
	if m.Full || in.Mirror.Refreshed.Sub(known.readAll) > daily {
		in.Mirror.ReadAll = in.Mirror.Refreshed
	} else {
		o.Known = func(id string) *lanyard.Profile {
			if p := known.profiles[id]; p != nil && known.refreshed.Sub(p.Modified) > settled {
				return p
			}
			return nil
		}
	}
	c, err := mirror.Read(ctx, api, in.ID, o)
	if err != nil {
		return nil, err
	}
	c.Instance.Mirror = in.Mirror
	return c, nil
}

// explain adds to an error of the source what can be done about it.
func (m *mirroring) explain(err error) error {
	var refused *invocation.Exception
	var call *mirror.CallError
	place := m.client.Endpoint()
	if !errors.As(err, &refused) || !errors.As(err, &call) {
		if errors.Is(err, lanyard.ErrNotFound) {
			return fmt.Errorf("%s, region %s: %w", place, m.client.Region(), err)
		}
		return explainTarget(place, err)
	}
	switch refused.Name {
	case "AccessDeniedException":
		return fmt.Errorf("%s: %w; the IAM policy of the credentials lacks %s on this instance; lanyard mirror policy prints "+
			"the whole policy", place, err, strings.Join(mirror.Actions(call.Operation), " or "))
	case "ResourceNotFoundException":
		return fmt.Errorf("%s: %w; check the region (%s) and the account of the credentials", place, err, m.client.Region())
	}
	return explainTarget(place, err)
}

type mirrorDetachCmd struct {
	dataFlag `embed:""`
	Instance string `help:"Mirror to detach: its id or alias; default: the only instance." placeholder:"INSTANCE"`
}

func (mirrorDetachCmd) Help() string {
	return `The instance keeps everything that it has. From then on it accepts changes and is no longer refreshed.

Examples:
  lanyard mirror detach --instance my-contact-centre`
}

func (c *mirrorDetachCmd) Run(io streams) error {
	s, err := c.openMirrorStore(io.ctx)
	if err != nil {
		return err
	}
	in, err := s.DetachMirror(io.ctx, c.Instance)
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	fmt.Fprintf(io.out, "instance %s (%s) is an ordinary instance now\n", printable(in.ID), printable(in.Name))
	return nil
}

type mirrorPolicyCmd struct {
	Instance string `help:"ARN of the instance, to which the policy is restricted; default: every instance." placeholder:"ARN"`
	Details  bool   `help:"Include the actions that --details needs."`
}

func (mirrorPolicyCmd) Help() string {
	return `Examples:
  lanyard mirror policy
  lanyard mirror policy --instance arn:aws:connect:eu-west-2:210987654321:instance/11111111-1111-4111-8111-111111111111`
}

func (c *mirrorPolicyCmd) Run(io streams) error {
	arn := "*"
	if c.Instance != "" {
		a, err := lanyard.ParseARN(c.Instance)
		if err != nil || a.Type != lanyard.TypeInstance {
			return refuse("--instance must be the ARN of an instance, got %s", lanyard.Quote(c.Instance))
		}
		arn = a.String()
	}
	text, err := mirror.Policy(arn, c.Details)
	if err != nil {
		return err
	}
	_, err = io.out.Write(text)
	return err
}

// A mirroredSummary is what a copy did.
type mirroredSummary struct {
	Instance, Alias, Account, Region, Source string

	Resources, Created, Updated, Deleted int
	Calls                                int64
	Seconds                              float64
	Unrevealed                           []string
}

func (m *mirroring) summarize(c *mirror.Copy, done *mirroredSummary) error {
	in := c.Instance
	done.Instance, done.Alias, done.Account, done.Region, done.Source = in.ID, in.Name, in.Account, in.Region,
		in.Mirror.Source
	done.Resources = len(c.Resources)
	done.Unrevealed = append(done.Unrevealed, c.Unrevealed...)
	if m.json(m.io) {
		return laxjson.Write(m.io.out, done)
	}
	host := done.Source
	if u, err := url.Parse(done.Source); err == nil {
		host = u.Host
	}
	fmt.Fprintf(m.io.out, "mirrored %s (%s) from %s: %d resources, %d created, %d updated, %d deleted; %d requests in %v\n",
		printable(done.Alias), done.Instance, printable(host), done.Resources, done.Created, done.Updated, done.Deleted,
		done.Calls, (time.Duration(done.Seconds * float64(time.Second))).Round(time.Second/10))
	if len(done.Unrevealed) > 0 {
		fmt.Fprintln(m.io.out, "\nNot in the copy:")
	}
	for _, text := range done.Unrevealed {
		fmt.Fprintf(m.io.out, "  %s\n", printable(text))
	}
	return nil
}
