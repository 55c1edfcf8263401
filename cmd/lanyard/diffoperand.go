package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/past"
	"github.com/lanyard/lanyard/internal/store"
)

// An operand is one side of a diff, as it is written on the command line.
type operand struct {
	text string
	// One of these is set.
	file   string       // a backup, an export or a template
	moment *past.Moment // of an instance in the data folder
	remote *remoteRef   // an instance in AWS
	ref    string       // else an instance of the target: id, ARN or alias, "" for the only one; also of moment and file
}

// A remoteRef is aws:PROFILE@REGION/INSTANCE.
type remoteRef struct{ profile, region string }

// parseOperand reads an operand. What is the name of a file is a file.
func parseOperand(text string) (operand, error) {
	o := operand{text: text}
	if rest, ok := strings.CutPrefix(text, "aws:"); ok {
		place, instance, ok := strings.Cut(rest, "/")
		if !ok || instance == "" {
			return o, refuse("an instance in AWS must be aws:PROFILE@REGION/INSTANCE, got %q", text)
		}
		profile, region, _ := strings.Cut(place, "@")
		if profile == "" && region == "" {
			return o, refuse("PROFILE or REGION is required in aws:PROFILE@REGION/INSTANCE, got %q", text)
		}
		o.remote, o.ref = &remoteRef{profile, region}, instance
		return o, nil
	}
	name, instance, _ := strings.Cut(text, "#")
	for _, file := range []string{text, name} {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			if o.file = file; file == name {
				o.ref = instance
			}
			return o, nil
		}
	}
	if instance, at, ok := strings.Cut(text, "@"); ok {
		m, err := past.ParseMoment(at)
		if err != nil {
			return o, refuse("%v", err)
		}
		o.moment, o.ref = &m, instance
		return o, nil
	}
	if strings.ContainsAny(text, `/\.`) && !lanyard.IsARN(text) {
		return o, refuse("file %q does not exist", text)
	}
	o.ref = text
	return o, nil
}

// readMoment rebuilds the instance as it was at a moment, from the store of the data folder.
func (f *targetFlags) readMoment(ctx context.Context, o operand) (*state, error) {
	db, err := f.openToRead(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	id, err := findStored(ctx, db, o.ref, f.Data)
	if err != nil {
		return nil, err
	}
	was, err := past.At(ctx, db.Reader(id), *o.moment)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.text, err)
	}
	return &state{name: o.text, instance: was.Instance, resources: was.Resources}, nil
}

// findStored returns the id of an instance of a store, by id, ARN or alias, or of the only one. One that was deleted is
// found by its id. place is where the store is, for messages.
func findStored(ctx context.Context, db store.Store, ref, place string) (string, error) {
	ref, err := instanceIDOf(ref)
	if err != nil || lanyard.IsID(ref) {
		return ref, err
	}
	var names []instanceName
	for after := ""; ; {
		ids, err := db.KnownInstances(ctx, after, maxInstances)
		if err != nil {
			return "", err
		}
		for _, id := range ids {
			in, err := db.Reader(id).Get(ctx, lanyard.TypeInstance, id)
			switch {
			case errors.Is(err, lanyard.ErrNotFound):
			case err != nil:
				return "", err
			default:
				names = append(names, instanceName{id, in.Head().Name})
			}
			after = id
		}
		if len(ids) < maxInstances {
			break
		}
	}
	i, err := chooseInstance(names, ref, place)
	if err != nil {
		return "", err
	}
	return names[i].ID, nil
}
