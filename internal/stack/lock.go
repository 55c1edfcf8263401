package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/invocation"
)

// LockName is the name of the security profile that is the lock of applies: names are unique, so of two that create it
// one is refused, on any server. It has no permissions.
const LockName = "lanyard-apply-lock"

// A Lock is held while an apply makes its calls.
type Lock struct {
	api          invocation.API
	instance, id string
}

// lockTime is how long an apply may hold the lock before others call it stale.
const lockTime = time.Hour

// maxHolder bounds what holders say, in bytes: a description has at most 250 characters.
const maxHolder = 150

// Held is the error of a lock that somebody else has.
type Held struct {
	By    string // as they say
	Stale bool
}

func (h *Held) Error() string {
	text := fmt.Sprintf("security profile %q already exists: another apply is under way: %s.", LockName, h.By)
	if h.Stale {
		return text + " It has expired; make sure that this apply has ended, and then repeat with --force-unlock"
	}
	return text + " Wait until it ends; if it died, repeat with --force-unlock"
}

// TakeLock takes the lock of an instance. holder says who takes it.
func TakeLock(ctx context.Context, api invocation.API, instance, holder string, now time.Time) (*Lock, error) {
	description := fmt.Sprintf("Held by %s since %s until %s", lanyard.ClipTo(holder, maxHolder),
		now.UTC().Format(time.RFC3339), now.Add(lockTime).UTC().Format(time.RFC3339))
	out, err := invocation.Do[struct{ SecurityProfileId string }](ctx, api, "CreateSecurityProfile", map[string]any{
		"InstanceId": instance, "SecurityProfileName": LockName, "Description": description})
	var e *invocation.Exception
	if errors.As(err, &e) && e.Name == "DuplicateResourceException" {
		return nil, heldBy(ctx, api, instance, now)
	}
	switch {
	case errors.As(err, &e):
		return nil, fmt.Errorf("take the lock of applies: %w", err)
	case err != nil: // it may be taken
		return nil, errors.Join(fmt.Errorf("take the lock of applies; nothing was changed: %w", err),
			dropLock(ctx, api, instance, description))
	}
	return &Lock{api: api, instance: instance, id: out.SecurityProfileId}, nil
}

// dropTime bounds how long it may take to remove a lock that may have been taken.
const dropTime = 10 * time.Second

// dropLock removes the lock if it has a description: no answer said whether it was taken, as after an interruption.
func dropLock(ctx context.Context, api invocation.API, instance, description string) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer stop()
	id, held, err := findLock(ctx, api, instance)
	if err != nil || id == "" || held != description {
		return nil // the next apply says who has it
	}
	return (&Lock{api: api, instance: instance, id: id}).Release(ctx)
}

// Release gives the lock back.
func (l *Lock) Release(ctx context.Context) error {
	_, err := invocation.Do[struct{}](ctx, l.api, "DeleteSecurityProfile",
		map[string]string{"InstanceId": l.instance, "SecurityProfileId": l.id})
	var e *invocation.Exception
	if errors.As(err, &e) && e.Name == "ResourceNotFoundException" {
		return nil // it was taken away by force
	}
	if err != nil {
		return fmt.Errorf("release the lock of applies, security profile %q: %w", LockName, err)
	}
	return nil
}

// ForceUnlock removes the lock, whoever has it. It returns who had it, "" for nobody.
func ForceUnlock(ctx context.Context, api invocation.API, instance string) (string, error) {
	id, description, err := findLock(ctx, api, instance)
	if err != nil || id == "" {
		return "", err
	}
	return description, (&Lock{api: api, instance: instance, id: id}).Release(ctx)
}

func heldBy(ctx context.Context, api invocation.API, instance string, now time.Time) error {
	_, description, err := findLock(ctx, api, instance)
	if err != nil {
		return err
	}
	held := &Held{By: lanyard.Clip(description)}
	if _, until, ok := strings.Cut(description, " until "); ok {
		end, err := time.Parse(time.RFC3339, until)
		held.Stale = err == nil && now.After(end)
	}
	return held
}

// findLock returns the id of the lock, "" for none, and what its holder says. It lists, because searches lag.
func findLock(ctx context.Context, api invocation.API, instance string) (id, description string, err error) {
	in := map[string]any{"InstanceId": instance, "MaxResults": 1000}
	for range 100 { // pages
		page, err := invocation.Do[struct {
			SecurityProfileSummaryList []struct{ Id, Name string }
			NextToken                  string
		}](ctx, api, "ListSecurityProfiles", in)
		if err != nil {
			return "", "", fmt.Errorf("look for the lock of applies: %w", err)
		}
		for _, p := range page.SecurityProfileSummaryList {
			if p.Name == LockName {
				return describeLock(ctx, api, instance, p.Id)
			}
		}
		if page.NextToken == "" {
			break
		}
		in["NextToken"] = page.NextToken
	}
	return "", "", nil
}

func describeLock(ctx context.Context, api invocation.API, instance, id string) (string, string, error) {
	out, err := invocation.Do[struct{ SecurityProfile struct{ Description string } }](ctx, api, "DescribeSecurityProfile",
		map[string]any{"InstanceId": instance, "SecurityProfileId": id})
	var e *invocation.Exception
	if errors.As(err, &e) && e.Name == "ResourceNotFoundException" { // it has just been released
		return "", "", nil
	}
	return id, out.SecurityProfile.Description, err
}

// WithoutLock leaves the lock of applies out of what is there.
func WithoutLock(all []lanyard.Resource) []lanyard.Resource {
	isLock := func(r lanyard.Resource) bool { return r.Type() == lanyard.TypeProfile && r.Head().Name == LockName }
	if !slices.ContainsFunc(all, isLock) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), isLock)
}
