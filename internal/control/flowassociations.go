package control

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// VoiceNumbers is the type of resource of associations that AssociatePhoneNumberContactFlow makes.
const VoiceNumbers = "VOICE_PHONE_NUMBER"

// A FlowAssociation says which flow runs for a resource.
type FlowAssociation struct {
	Type     string // of the resource, in the API's words
	Resource string // ARN
	Flow     string // id, or ARN where it is asked for
}

// key is what is unique among associations.
func (a FlowAssociation) key() string { return a.Type + " " + a.Resource }

// The types of resources of associations that are e-mail addresses of the instance.
var emailAssociations = map[string]bool{"INBOUND_EMAIL": true, "OUTBOUND_EMAIL": true}

// AssociateFlow has a flow run for a resource, in the place of the one that does now.
func (s *Service) AssociateFlow(ctx context.Context, call Call, instance string, a FlowAssociation) (Result, error) {
	if !lanyard.IsARN(a.Resource) {
		return Result{}, lanyard.Errorf(lanyard.Invalid, "ResourceId must be an ARN, got %s", lanyard.Quote(a.Resource))
	}
	set := func(c *documentCheck, d *lanyard.FlowAssociation) (bool, error) {
		if d.Seq != 0 { // as much as for one that is new: whether there is one may be hidden
			if _, err := c.tx.Count(c.ctx, d.Type()); err != nil {
				return false, err
			}
		}
		if emailAssociations[a.Type] {
			if _, err := c.referTo(lanyard.TypeEmailAddress, "ResourceId", a.Resource); err != nil {
				return false, err
			}
		}
		d.Set(lanyard.Settings{"ResourceId": jsonText(a.Resource), "ResourceType": jsonText(a.Type),
			"FlowId": jsonText(a.Flow)}, true)
		return true, nil
	}
	return putNamed(ctx, s, call, instance, a.key(), set)
}

// checkFlowAssociation notes the e-mail address of an association: it must not be deleted in the meantime. An
// association whose flow the user may not view is not replaced.
func checkFlowAssociation(c *documentCheck, before, d *lanyard.Document) error {
	if before != nil && runsHidden(c.tx, before) {
		return lanyard.Errorf(lanyard.Duplicate, "ResourceId: flow association of %s already exists",
			lanyard.Quote(oneText(d, "ResourceId")))
	}
	if !emailAssociations[oneText(d, "ResourceType")] {
		return nil
	}
	id, err := c.id(c.in, lanyard.TypeEmailAddress, oneText(d, "ResourceId"))
	if err == nil {
		d.Uses = append(d.Uses, lanyard.Ref{Type: lanyard.TypeEmailAddress, ID: id})
	}
	return err
}

// DisassociateFlow has no flow run for a resource.
func (s *Service) DisassociateFlow(ctx context.Context, call Call, instance string, a FlowAssociation) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, _ *lanyard.Instance) error {
		found, err := findAssociation(ctx, tx, a)
		if errors.Is(err, lanyard.ErrNotFound) {
			runsHidden(tx, noFlow) // which takes as long as with one that is hidden
		}
		if err != nil {
			return err
		}
		if runsHidden(tx, found.Doc()) {
			return noAssociation(a)
		}
		return tx.Delete(ctx, found.Type(), found.ID)
	})
}

func findAssociation(ctx context.Context, r store.Reader, a FlowAssociation) (*lanyard.FlowAssociation, error) {
	found, err := r.Find(ctx, lanyard.TypeFlowAssociation, a.key())
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, noAssociation(a)
	}
	if err != nil {
		return nil, err
	}
	return found.(*lanyard.FlowAssociation), nil
}

// runsHidden reports whether the flow of an association, if it has one, is hidden from the user on whose behalf tx
// changes anything.
func runsHidden(tx store.Tx, a *lanyard.Document) bool {
	g, ok := tx.(*guard)
	flow := oneText(a, "FlowId")
	return ok && flow != "" && !g.views(g.snapshot, lanyard.TypeFlow, flow)
}

// noFlow stands for an association with a flow that does not exist.
var noFlow = &lanyard.Document{Members: lanyard.Settings{"FlowId": jsonText(noID)},
	Uses: []lanyard.Ref{{Type: lanyard.TypeFlow, ID: noID}}}

// noID is an id that nothing has.
const noID = "00000000-0000-0000-0000-000000000000"

func noAssociation(a FlowAssociation) error {
	return lanyard.Errorf(lanyard.NotFound, "ResourceId: flow association of %s with the type %s does not exist",
		lanyard.Quote(a.Resource), a.Type)
}

// GetFlowAssociation returns the association of a resource.
func (s *Service) GetFlowAssociation(ctx context.Context, call Call, instance string, a FlowAssociation) (
	FlowAssociation, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return a, err
	}
	sight, err := s.Sight(ctx, call, in)
	if err != nil {
		return a, err
	}
	found, err := findAssociation(ctx, s.store.Reader(in.ID), a)
	if errors.Is(err, lanyard.ErrNotFound) {
		seesAll(sight, &lanyard.FlowAssociation{Document: *noFlow}) // which takes as long as with one that is hidden
	}
	if err != nil {
		return a, err
	}
	if !seesAll(sight, found) {
		return a, noAssociation(a)
	}
	return s.flowAssociation(in, found), nil
}

// flowAssociation is an association as it is answered.
func (s *Service) flowAssociation(in *lanyard.Instance, r *lanyard.FlowAssociation) FlowAssociation {
	return FlowAssociation{Type: oneText(r.Doc(), "ResourceType"), Resource: oneText(r.Doc(), "ResourceId"),
		Flow: s.ARN(in, lanyard.TypeFlow, oneText(r.Doc(), "FlowId"))}
}

// numberAssociation is the association of a phone number; false when it has no flow.
func (s *Service) numberAssociation(in *lanyard.Instance, n *lanyard.PhoneNumber) (FlowAssociation, bool) {
	flow := oneText(n.Doc(), numberFlow)
	return FlowAssociation{Type: VoiceNumbers, Resource: s.ARN(in, lanyard.TypePhoneNumber, n.ID),
		Flow: s.ARN(in, lanyard.TypeFlow, flow)}, flow != ""
}

// An AssociationSelection asks for a page of the associations that Wanted selects.
type AssociationSelection struct {
	Page
	Wanted func(FlowAssociation) bool
}

// ListFlowAssociations returns a page of the associations of an instance that sel selects: first those of phone
// numbers, then the others.
func (s *Service) ListFlowAssociations(ctx context.Context, call Call, instance string,
	sel AssociationSelection) (PageOf[FlowAssociation], error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return PageOf[FlowAssociation]{}, err
	}
	sight, err := s.Sight(ctx, call, in)
	if err != nil {
		return PageOf[FlowAssociation]{}, err
	}
	of, after, _ := strings.Cut(sel.After, "/")
	from, err := position(after)
	if err != nil {
		return PageOf[FlowAssociation]{}, err
	}
	page := PageOf[FlowAssociation]{Instance: in}
	last := ""
	add := func(a FlowAssociation, at string, r lanyard.Resource) error {
		if !sel.Wanted(a) || !seesAll(sight, r) {
			return nil
		}
		if len(page.Items) == sel.Limit {
			page.Next = last
			return errPageFull
		}
		page.Items, last = append(page.Items, a), at+"/"+strconv.FormatInt(r.Head().Seq, 10)
		return nil
	}
	const numbers, others = "n", "o"
	reader := s.store.Reader(in.ID)
	if of != others {
		err = eachAfter(ctx, reader, from, func(n *lanyard.PhoneNumber) error {
			if a, ok := s.numberAssociation(in, n); ok {
				return add(a, numbers, n)
			}
			return nil
		})
		from = 0
	}
	if err == nil {
		err = eachAfter(ctx, reader, from, func(r *lanyard.FlowAssociation) error {
			return add(s.flowAssociation(in, r), others, r)
		})
	}
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return page, err
}

var errPageFull = errors.New("the page is full")

// seesAll reports whether a sight shows a resource, if it is one that decisions know, and all that it refers to.
func seesAll(see Sight, r lanyard.Resource) bool {
	if r.Type().DecisionName() != "" && !see.Sees(r.Type(), r.Head().ID) {
		return false
	}
	for _, ref := range r.Refs() {
		if !see.Sees(ref.Type, ref.ID) {
			return false
		}
	}
	return true
}
