package questions

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/access"
)

// fill writes what is there into it, each part whole.
func (r *request) fill(it *Item) {
	if s := r.Subject; s != nil {
		it.Subject = s.typed()
		if s.Type != nil && s.ID != nil {
			it.has |= hasSubject
		}
	}
	if r.Action != nil && r.Action.Name != nil {
		it.Action = *r.Action.Name
		it.has |= hasAction
	}
	if x := r.Resource; x != nil {
		it.Resource = x.typed()
		if x.Type != nil && x.ID != nil {
			it.has |= hasResource
		}
	}
	it.setContext(r.Context)
}

func (s *subject) typed() (to access.Subject) {
	if s.Type != nil {
		to.Type = subjectType(*s.Type)
		if to.Type == access.AIAgent && s.Properties != nil && s.Properties.Assisting != nil {
			to.Human = *s.Properties.Assisting
		}
	}
	if s.ID != nil {
		to.ID = *s.ID
	}
	return to
}

func (r *resource) typed() (to access.Resource) {
	if p := r.Properties; p != nil {
		to.New, to.Tags, to.Group = p.New, p.Tags, p.HierarchyGroup
		to.Attributes, to.Channel = p.Attributes, p.Channel
	}
	if r.Type != nil {
		to.Type = resourceType(*r.Type)
	}
	if r.ID != nil {
		to.ID = *r.ID
	}
	return to
}

// setContext copies the context of a question. An unknown surface becomes the item's error.
func (it *Item) setContext(c *requestContext) {
	if c == nil {
		return
	}
	it.Explain, it.token = c.Explain, c.token
	if c.AtLeastRevision != nil {
		it.AtLeast = *c.AtLeastRevision
	}
	switch c.Surface {
	case "", "admin":
	case "reports":
		it.Surface = access.Reports
	default:
		it.Err = malformed("context.surface must be admin or reports, got %q", c.Surface)
	}
}

// finish returns what is wrong with an item that is to be complete.
func (it *Item) finish() error {
	if err := it.has.missing(); err != nil {
		return err
	}
	if it.Err != nil {
		return it.Err
	}
	return it.identify()
}

// ReadEvaluation reads a question.
func ReadEvaluation(body []byte) (Question, error) {
	var it Item
	if !plainQuestion(body, &it) {
		var in request
		if err := decode(body, &in); err != nil {
			return Question{}, err
		}
		it = Item{}
		in.fill(&it)
	}
	err := it.finish()
	return it.Question, err
}

// batch is a Batch while it is read.
type batch struct {
	context  *requestContext
	options  *options
	defaults Item
	items    []Item
}

// ReadEvaluations reads a batch and appends its items to items. A batch without items is a single question:
// single reports that.
func ReadEvaluations(body []byte, items []Item) (b Batch, single bool, err error) {
	in := batch{items: items}
	if !plainBatch(body, &in) {
		in = batch{items: in.items[:0]}
		if err := in.readBody(body); err != nil {
			return Batch{Items: in.items}, false, err
		}
		if len(in.items) == 0 {
			return Batch{Items: in.items}, true, nil
		}
	}
	b.Items = in.items
	if b.Semantic, err = in.options.semantic(); err != nil {
		return b, false, err
	}
	if in.context != nil && in.context.AtLeastRevision != nil {
		b.AtLeast = *in.context.AtLeastRevision
	}
	in.defaults.setContext(in.context)
	for i := range b.Items {
		b.Items[i].complete(&in.defaults)
	}
	return b, false, nil
}

// readBody reads a batch that is not in the plain form. An item that cannot be read spoils only itself.
func (b *batch) readBody(body []byte) error {
	var in batchRequest
	if err := decode(body, &in); err != nil {
		return err
	}
	if len(in.Evaluations) > maxEvaluations {
		return malformed("evaluations must have at most %d items, got %d", maxEvaluations, len(in.Evaluations))
	}
	b.context, b.options = in.Context, in.Options
	(&request{Subject: in.Subject, Action: in.Action, Resource: in.Resource}).fill(&b.defaults)
	for _, raw := range in.Evaluations {
		var it Item
		if !plainItem(raw, &it) {
			it = readItem(in.request, raw)
		}
		b.items = append(b.items, it)
	}
	return nil
}

// readItem reads an item over the defaults of its batch. A member that it gives replaces the default whole.
func readItem(defaults request, raw jsontext.Value) (it Item) {
	it.has = hasItems // and so all that it is to have
	var own request
	if raw.Kind() != '{' {
		it.Err = malformed("an evaluation must be an object, got %s", kindWords[raw.Kind()])
		return it
	}
	if it.Err = decodeObject(raw, &own); it.Err != nil {
		return it
	}
	if own.Subject == nil {
		own.Subject = defaults.Subject
	}
	if own.Action == nil {
		own.Action = defaults.Action
	}
	if own.Resource == nil {
		own.Resource = defaults.Resource
	}
	if own.Context == nil {
		own.Context = defaults.Context
	} else if own.Context.AtLeastRevision != nil {
		it.Err = malformed("context.at_least_revision must be in the context of the whole request, not of one evaluation")
		return it
	}
	own.fill(&it)
	it.Err = it.finish()
	return it
}

// complete gives an item in the plain form what it lacks.
func (it *Item) complete(defaults *Item) {
	if it.has&hasItems != 0 {
		return
	}
	if it.has&hasSubject == 0 {
		it.Subject = defaults.Subject
	}
	if it.has&hasAction == 0 {
		it.Action = defaults.Action
	}
	if it.has&hasResource == 0 {
		it.Resource = defaults.Resource
	}
	it.Surface, it.Explain, it.token = defaults.Surface, defaults.Explain, defaults.token
	if it.Err = (it.has | defaults.has).missing(); it.Err == nil {
		it.Err = defaults.Err
	}
	if it.Err == nil {
		it.Err = it.identify()
	}
}

func (o *options) semantic() (Semantic, error) {
	if o == nil || o.Semantic == nil {
		return ExecuteAll, nil
	}
	switch *o.Semantic {
	case "execute_all":
		return ExecuteAll, nil
	case "deny_on_first_deny":
		return DenyOnFirstDeny, nil
	case "permit_on_first_permit":
		return PermitOnFirstPermit, nil
	}
	return 0, malformed("options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit, "+
		"got %q", *o.Semantic)
}
