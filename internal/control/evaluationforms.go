package control

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// An evaluation form has versions, each with its whole content. A version that was active once is locked: a
// change makes a new one. The form itself has what lists show of its latest version, and which version is active.

// The members that a form and its versions have besides those of requests.
const (
	LatestVersion     = "LatestVersion"
	ActiveVersion     = "ActiveVersion"
	LastActivatedTime = "LastActivatedTime"
	LastActivatedBy   = "LastActivatedBy"
	createdBy         = "CreatedBy"
	lastModifiedBy    = "LastModifiedBy"
)

// Bounds of forms, all documented but for the length of a title.
const (
	maxFormVersions  = 40
	maxFormSections  = 100
	maxFormQuestions = 100
	maxFormTitle     = 128
	maxFormDepth     = 2 // sections in sections
)

// shownOfForm are the members of the latest version that lists show.
var shownOfForm = []string{"Description", "AutoEvaluationConfiguration", "LanguageConfiguration", "TargetConfiguration",
	"AIVersion", lastModifiedBy}

// FormContent is what a call says that a version of an evaluation form has.
type FormContent struct {
	Title   string
	Members lanyard.Settings
	Draft   bool // it need not be complete
	New     bool // it makes a new version
}

// CreateEvaluationForm adds an evaluation form with a first version.
func (s *Service) CreateEvaluationForm(ctx context.Context, call Call, instance string, f *lanyard.EvaluationForm,
	content FormContent, token string) (Created[*lanyard.EvaluationForm], error) {
	f.Name, f.LastVersion = content.Title, 1
	c := documentCreation(ctx, s, call, f)
	prepare := c.prepare
	var first *lanyard.FormVersion
	c.prepare = func(tx store.Tx, in *lanyard.Instance, f *lanyard.EvaluationForm) error {
		if err := prepare(tx, in, f); err != nil {
			return err
		}
		check := &documentCheck{ctx, s, tx, in, call}
		first = newFormVersion(f, 1)
		first.Created = f.Created
		first.Doc().Set(lanyard.Settings{createdBy: jsonText(check.actorARN())}, false)
		if err := check.fillFormVersion(first, content); err != nil {
			return err
		}
		f.Doc().Set(lanyard.Settings{createdBy: jsonText(check.actorARN())}, false)
		showLatest(f, first)
		return nil
	}
	c.then = func(tx store.Tx, _ *lanyard.EvaluationForm) error { return tx.Put(ctx, first) }
	return createOnce(ctx, s, call, instance, token, c)
}

func newFormVersion(f *lanyard.EvaluationForm, number int64) *lanyard.FormVersion {
	return &lanyard.FormVersion{Document: lanyard.Document{Meta: lanyard.Meta{ID: lanyard.VersionID(f.ID, number),
		Modified: f.Modified}, Whole: f.ID, Number: number}}
}

// fillFormVersion puts content into a version, and checks it.
func (c *documentCheck) fillFormVersion(v *lanyard.FormVersion, content FormContent) error {
	by := v.Members[createdBy]
	v.Name = content.Title
	v.Doc().Set(content.Members, true)
	v.Doc().Set(lanyard.Settings{createdBy: by, lastModifiedBy: jsonText(c.actorARN())}, false)
	if err := c.complete(documents[lanyard.TypeFormVersion], nil, v.Doc(), lanyard.TypeFormVersion); err != nil {
		return err
	}
	return checkForm(v.Doc(), content.Draft)
}

// showLatest makes a form show its latest version.
func showLatest(f *lanyard.EvaluationForm, v *lanyard.FormVersion) {
	f.Name = v.Name
	shown := lanyard.Settings{LatestVersion: jsonNumber(v.Number)}
	for _, name := range shownOfForm {
		shown[name] = v.Members[name]
	}
	f.Doc().Set(shown, false)
}

func jsonNumber(n int64) lanyard.JSON {
	b, err := json.Marshal(n)
	if err != nil { // no number fails
		return nil
	}
	return b
}

// numberOf is a member that is a number; 0 when there is none.
func numberOf(d *lanyard.Document, name string) (n int64) {
	if raw := d.Members[name]; raw != nil {
		if err := json.Unmarshal(raw, &n); err != nil {
			return 0
		}
	}
	return n
}

// FormVersion returns a form and one of its versions; number 0 is the latest.
func (s *Service) FormVersion(ctx context.Context, call Call, instance, form string,
	number int64) (Created[*lanyard.EvaluationForm], *lanyard.FormVersion, error) {
	in, f, err := Document[*lanyard.EvaluationForm](ctx, s, call, instance, DocumentRef{ID: form})
	if err != nil {
		return Created[*lanyard.EvaluationForm]{}, nil, err
	}
	v, err := formVersion(ctx, s.store.Reader(in.ID), f, number)
	return Created[*lanyard.EvaluationForm]{Instance: in, Resource: f}, v, err
}

func formVersion(ctx context.Context, r store.Reader, f *lanyard.EvaluationForm, number int64) (*lanyard.FormVersion,
	error) {
	if number == 0 {
		number = numberOf(f.Doc(), LatestVersion)
	}
	res, err := r.Get(ctx, lanyard.TypeFormVersion, lanyard.VersionID(f.ID, number))
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, lanyard.Errorf(lanyard.NotFound, "EvaluationFormVersion: version %d of evaluation form %q does not exist",
			number, f.ID)
	}
	if err != nil {
		return nil, err
	}
	return res.(*lanyard.FormVersion), nil
}

// A formChange is a change of a form and one of its versions, which are copies.
type formChange struct {
	*documentCheck
	form    *lanyard.EvaluationForm
	version *lanyard.FormVersion
}

// changeForm changes a form and one of its versions, and returns them.
func (s *Service) changeForm(ctx context.Context, call Call, instance, form string, number int64,
	change func(*formChange) error) (Created[*lanyard.EvaluationForm], *lanyard.FormVersion, error) {
	var made Created[*lanyard.EvaluationForm]
	var version *lanyard.FormVersion
	result, err := s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		before, err := getTarget[*lanyard.EvaluationForm](ctx, s, tx, in, form)
		if err != nil {
			return err
		}
		if err := call.checkIfMatch(before); err != nil {
			return err
		}
		old, err := formVersion(ctx, tx, before, number)
		if err != nil {
			return err
		}
		c := &formChange{&documentCheck{ctx, s, tx, in, call}, lanyard.Clone(before), lanyard.Clone(old)}
		made, version = Created[*lanyard.EvaluationForm]{Instance: in, Resource: before}, old
		if err := change(c); err != nil {
			return err
		}
		s.touch(call, c.form)
		s.touch(call, c.version)
		made.Resource, version = c.form, c.version
		if err := tx.Put(ctx, c.version); err != nil {
			return err
		}
		return taken("Title", c.form, tx.Put(ctx, c.form))
	})
	made.Result = result
	if err == nil && result.Changed {
		made.ETag = tagOf(made.Resource)
	}
	return made, version, err
}

// UpdateEvaluationForm replaces the content of a version, or makes a new one with it.
func (s *Service) UpdateEvaluationForm(ctx context.Context, call Call, instance, form string, number int64,
	content FormContent) (Created[*lanyard.EvaluationForm], *lanyard.FormVersion, error) {
	return s.changeForm(ctx, call, instance, form, number, func(c *formChange) error {
		switch {
		case content.New:
			if err := fitsBelow(ctx, c.tx, c.form, lanyard.TypeFormVersion, maxFormVersions); err != nil {
				return err
			}
			c.form.LastVersion++
			c.version = newFormVersion(c.form, c.form.LastVersion)
			c.version.Created = s.time()
			c.version.Doc().Set(lanyard.Settings{createdBy: jsonText(c.actorARN())}, false)
		case c.version.Locked:
			return lanyard.Errorf(lanyard.Exists, "EvaluationFormVersion must be one that was never active, got %d, which is locked; "+
				"set CreateNewVersion", number)
		}
		if err := c.fillFormVersion(c.version, content); err != nil {
			return err
		}
		if c.version.Number >= numberOf(c.form.Doc(), LatestVersion) {
			showLatest(c.form, c.version)
		}
		return nil
	})
}

// ActivateEvaluationForm makes a version the one that evaluations begin with.
func (s *Service) ActivateEvaluationForm(ctx context.Context, call Call, instance, form string,
	number int64) (Created[*lanyard.EvaluationForm], *lanyard.FormVersion, error) {
	return s.changeForm(ctx, call, instance, form, number, func(c *formChange) error {
		if c.version.Active {
			return errUnchanged
		}
		if err := checkForm(c.version.Doc(), false); err != nil {
			return err
		}
		if active := numberOf(c.form.Doc(), ActiveVersion); active != 0 {
			old, err := formVersion(ctx, c.tx, c.form, active)
			if err != nil {
				return err
			}
			old = lanyard.Clone(old)
			old.Active = false
			if err := c.tx.Put(ctx, old); err != nil {
				return err
			}
		}
		c.version.Active, c.version.Locked = true, true
		c.form.Doc().Set(lanyard.Settings{ActiveVersion: jsonNumber(c.version.Number),
			LastActivatedBy: jsonText(c.actorARN()), LastActivatedTime: jsonNumber(s.time().Unix())}, false)
		return nil
	})
}

// DeactivateEvaluationForm leaves a form without an active version.
func (s *Service) DeactivateEvaluationForm(ctx context.Context, call Call, instance, form string,
	number int64) (Created[*lanyard.EvaluationForm], *lanyard.FormVersion, error) {
	return s.changeForm(ctx, call, instance, form, number, func(c *formChange) error {
		if !c.version.Active {
			return lanyard.Errorf(lanyard.Exists, "EvaluationFormVersion must be the active one, got %d", c.version.Number)
		}
		c.version.Active = false
		c.form.Doc().Set(lanyard.Settings{ActiveVersion: nil}, false)
		return nil
	})
}

// DeleteFormVersion removes a version that is not active. With the last version the form goes.
func (s *Service) DeleteFormVersion(ctx context.Context, call Call, instance, form string, number int64) (Result,
	error) {
	last := false
	result, err := s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		f, err := getTarget[*lanyard.EvaluationForm](ctx, s, tx, in, form)
		if err != nil {
			return err
		}
		v, err := formVersion(ctx, tx, f, number)
		if err != nil {
			return err
		}
		if v.Active {
			return lanyard.Errorf(lanyard.Exists, "EvaluationFormVersion must be one that is not active, got %d; deactivate it "+
				"first", number)
		}
		versions, err := tx.ListReferrers(ctx, []lanyard.Ref{{Type: f.Type(), ID: f.ID}}, lanyard.TypeFormVersion, "",
			maxFormVersions+1)
		if err != nil {
			return err
		}
		if last = len(versions) == 1; last {
			return errUnchanged // the form is deleted with it
		}
		if err := tx.Delete(ctx, v.Type(), v.ID); err != nil {
			return err
		}
		var latest *lanyard.FormVersion
		for _, r := range versions {
			if x := r.(*lanyard.FormVersion); x.Number != v.Number && (latest == nil || x.Number > latest.Number) {
				latest = x
			}
		}
		f = lanyard.Clone(f)
		showLatest(f, latest)
		s.touch(call, f)
		return taken("Title", f, tx.Put(ctx, f))
	})
	if err == nil && last {
		return DeleteDocument[*lanyard.EvaluationForm](ctx, s, call, instance, DocumentRef{ID: form})
	}
	return result, err
}

// formItem is what rules know of an item of an evaluation form.
type formItem struct {
	Section *struct {
		Title, RefId string
		Items        []formItem
	}
	Question *struct {
		Title, RefId, QuestionType string
		QuestionTypeProperties     struct {
			Numeric                   *struct{ MinValue, MaxValue int }
			SingleSelect, MultiSelect *struct{ Options []struct{ RefId string } }
		}
	}
}

// formCheck walks through the items of an evaluation form.
type formCheck struct {
	draft               bool
	ids                 map[string]bool
	sections, questions int
}

var formRefID = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,40}$`)

// checkForm checks the content of a version: a draft need not be complete.
func checkForm(d *lanyard.Document, draft bool) error {
	if n := utf8.RuneCountInString(d.Name); n < 1 || n > maxFormTitle {
		return lanyard.Errorf(lanyard.Invalid, "Title must be 1 to %d characters long, got %d", maxFormTitle, n)
	}
	var items []formItem
	if err := json.Unmarshal(d.Members["Items"], &items); err != nil {
		return err
	}
	c := &formCheck{draft: draft, ids: map[string]bool{}}
	if len(items) == 0 && !draft {
		return lanyard.Errorf(lanyard.Invalid, "Items must have at least 1 section, got 0")
	}
	return c.items("Items", items, 0)
}

func (c *formCheck) items(at string, items []formItem, depth int) error {
	for i, x := range items {
		at := item(at, i)
		var err error
		switch {
		case x.Question != nil && depth == 0:
			return lanyard.Errorf(lanyard.Invalid, "%s must be a section, got a question; questions must be in a section", at)
		case x.Section != nil && depth == maxFormDepth:
			return lanyard.Errorf(lanyard.Invalid, "%s must be a question, got a section below %d others", at, maxFormDepth)
		case x.Section != nil:
			if err = c.id(at+".Section", x.Section.RefId); err == nil {
				c.sections++
				err = c.items(at+".Section.Items", x.Section.Items, depth+1)
			}
		default:
			err = c.question(at+".Question", x) // the model demands one or the other
		}
		if err != nil {
			return err
		}
	}
	if c.sections > maxFormSections || c.questions > maxFormQuestions {
		return lanyard.Errorf(lanyard.Invalid, "Items must have at most %d sections and %d questions, got %d and %d",
			maxFormSections, maxFormQuestions, c.sections, c.questions)
	}
	return nil
}

// id takes the id of a section or question, which must be unique within the form.
func (c *formCheck) id(at, id string) error {
	if !formRefID.MatchString(id) {
		return lanyard.Errorf(lanyard.Invalid, "%s.RefId must be 1 to 40 letters, digits, periods, underscores and hyphens, got %s",
			at, lanyard.Quote(id))
	}
	if c.ids[id] {
		return lanyard.Errorf(lanyard.Invalid, "%s.RefId must be unique within the form, got %s, which is listed twice", at,
			lanyard.Quote(id))
	}
	c.ids[id] = true
	return nil
}

func (c *formCheck) question(at string, x formItem) error {
	q := x.Question
	c.questions++
	if err := c.id(at, q.RefId); err != nil || c.draft {
		return err
	}
	properties := q.QuestionTypeProperties
	options, member := properties.SingleSelect, "SingleSelect"
	switch q.QuestionType {
	case "NUMERIC":
		if n := properties.Numeric; n == nil || n.MinValue > n.MaxValue {
			return lanyard.Errorf(lanyard.Invalid, "%s.QuestionTypeProperties.Numeric must have a MinValue and a MaxValue that is "+
				"not less when QuestionType is NUMERIC", at)
		}
		return nil
	case "SINGLESELECT":
	case "MULTISELECT":
		options, member = properties.MultiSelect, "MultiSelect"
	default:
		return nil
	}
	if options == nil || len(options.Options) == 0 {
		return lanyard.Errorf(lanyard.Invalid, "%s.QuestionTypeProperties.%s.Options is required when QuestionType is %s", at,
			member, q.QuestionType)
	}
	var ids []string
	for _, o := range options.Options {
		if slices.Contains(ids, o.RefId) {
			return lanyard.Errorf(lanyard.Invalid, "%s.QuestionTypeProperties.%s.Options must have unique RefIds, got %s twice", at,
				member, lanyard.Quote(o.RefId))
		}
		ids = append(ids, o.RefId)
	}
	return nil
}
