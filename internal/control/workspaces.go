package control

import (
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// checkWorkspacePage demands a view, which may be one of those that Amazon Connect brings.
func checkWorkspacePage(c *documentCheck, _, d *lanyard.Document) error {
	lower := strings.ToLower(d.Name)
	if strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, "connect:") {
		return lanyard.Errorf(lanyard.Invalid, "Page must not begin with aws: or connect:, got %s", lanyard.Quote(d.Name))
	}
	if input := docText(d, "InputData"); input != "" {
		var object map[string]lanyard.JSON
		if err := json.Unmarshal([]byte(input), &object); err != nil {
			return lanyard.Errorf(lanyard.Invalid, "InputData must be a JSON object, got %s", lanyard.Quote(input))
		}
	}
	arn := docText(d, "ResourceArn")
	if strings.HasPrefix(arn, "arn:"+c.partition+":connect:"+c.in.Region+":aws:view/") {
		return nil
	}
	view, _ := SplitQualifier(arn)
	id, err := c.referTo(lanyard.TypeView, "ResourceArn", view)
	if err != nil {
		return err
	}
	if !lanyard.IsARN(arn) {
		d.Members["ResourceArn"] = jsonText(c.ARN(c.in, lanyard.TypeView, id))
	}
	d.Uses = append(d.Uses, lanyard.Ref{Type: lanyard.TypeView, ID: id})
	return nil
}

// The members of associations, and the types of resources that workspaces are assigned to.
const (
	WorkspaceResourceID   = "ResourceId"
	WorkspaceResourceType = "ResourceType"
)

var workspaceTypes = map[lanyard.Type]string{lanyard.TypeUser: "USER", lanyard.TypeRoutingProfile: "ROUTING_PROFILE"}

// maxWorkspaceAssociations bounds what one workspace is assigned to. It is ours.
const maxWorkspaceAssociations = 10_000

// A NotAssociated is what could not be associated with a workspace, or not separated from it.
type NotAssociated struct{ ARN, Code, Message string }

// AssociateWorkspace assigns a workspace to users and routing profiles, each for itself.
func (s *Service) AssociateWorkspace(ctx context.Context, call Call, instance, workspace string,
	arns []string) (failed []NotAssociated, result Result, err error) {
	result, err = s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		failed = nil
		w, err := getTarget[*lanyard.Workspace](ctx, s, tx, in, workspace)
		if err != nil {
			return err
		}
		if err := fitsBelow(ctx, tx, w, lanyard.TypeWorkspaceAssociation, maxWorkspaceAssociations); err != nil {
			return err
		}
		changed := false
		for _, arn := range arns {
			a, err := s.workspaceAssociation(ctx, tx, in, w, arn)
			if err == nil {
				if _, found := tx.Find(ctx, a.Type(), a.Key()); errors.Is(found, lanyard.ErrNotFound) {
					changed, err = true, tx.Put(ctx, a)
				} else {
					err = found // nil: it is there already
				}
			}
			if failed, err = addFailure(failed, arn, err); err != nil {
				return err
			}
		}
		if !changed {
			return errUnchanged
		}
		return nil
	})
	return failed, result, err
}

// workspaceAssociation is the association of a workspace with what an ARN names, which must exist.
func (s *Service) workspaceAssociation(ctx context.Context, r store.Reader, in *lanyard.Instance, w *lanyard.Workspace,
	arn string) (*lanyard.WorkspaceAssociation, error) {
	parsed, err := lanyard.ParseARN(arn)
	if err != nil {
		return nil, err
	}
	kind, ok := workspaceTypes[parsed.Type]
	if !ok {
		return nil, lanyard.Errorf(lanyard.Invalid, "must be the ARN of a user or a routing profile, got %s", lanyard.Quote(arn))
	}
	id, err := s.id(in, parsed.Type, arn)
	if err == nil {
		_, err = r.Get(ctx, parsed.Type, id)
	}
	if err != nil {
		return nil, err
	}
	a := &lanyard.WorkspaceAssociation{Document: lanyard.Document{
		Meta:  lanyard.Meta{ID: s.newID(), Name: s.ARN(in, parsed.Type, id), Modified: s.time()},
		Whole: w.ID, Created: s.time(), Uses: []lanyard.Ref{{Type: w.Type(), ID: w.ID}}}}
	a.Doc().Set(lanyard.Settings{WorkspaceResourceID: jsonText(id), WorkspaceResourceType: jsonText(kind)}, false)
	return a, nil
}

// addFailure adds what one ARN failed by, if that is about the ARN. Another error is returned.
func addFailure(failed []NotAssociated, arn string, err error) ([]NotAssociated, error) {
	switch {
	case err == nil:
		return failed, nil
	case errors.Is(err, lanyard.ErrNotFound):
		return append(failed, NotAssociated{arn, "404", "the resource does not exist"}), nil
	case errors.Is(err, lanyard.ErrInvalid):
		return append(failed, NotAssociated{arn, "400", lanyard.ClipTo("ResourceArns "+err.Error(), 256)}), nil
	}
	return failed, err
}

// DisassociateWorkspace takes a workspace from users and routing profiles, each for itself.
func (s *Service) DisassociateWorkspace(ctx context.Context, call Call, instance, workspace string,
	arns []string) (failed []NotAssociated, result Result, err error) {
	result, err = s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		failed = nil
		w, err := getTarget[*lanyard.Workspace](ctx, s, tx, in, workspace)
		if err != nil {
			return err
		}
		changed := false
		for _, arn := range arns {
			r, err := tx.Find(ctx, lanyard.TypeWorkspaceAssociation, w.ID+"/"+arn)
			if err == nil {
				changed, err = true, tx.Delete(ctx, r.Type(), r.Head().ID)
			}
			if failed, err = addFailure(failed, arn, err); err != nil {
				return err
			}
		}
		if !changed {
			return errUnchanged
		}
		return nil
	})
	return failed, result, err
}
