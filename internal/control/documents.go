package control

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// The operations on documents, resources about whose members lanyard has few rules of its own: what is particular about
// a type is its row in documents.

// documentRules are the rules about documents of a type.
type documentRules struct {
	named string // the member that sets the name, where that is not Name
	// quota is how many an instance may have, or the whole that they are parts of: Amazon Connect's default where one is
	// documented, otherwise a bound of ours.
	quota int
	// refers are the members that name other resources.
	refers []reference
	// content are the members that programs read and not people, such as those with flows: any text is accepted there.
	content []string
	// usedBy are the types that must not refer to one that is deleted.
	usedBy []lanyard.Type
	// check, unless nil, refuses what the model accepts and completes the members. before is nil for a new one.
	check func(c *documentCheck, before, d *lanyard.Document) error
}

// A reference is a member that has ids, or ARNs, of other resources.
type reference struct {
	// path leads to the member: names with points between them, [] for every item of a list, as in Actions[].Queue.Id.
	path string
	t    lanyard.Type
	// lost says that what it names may be deleted, and may be sent back after that.
	lost bool
	// variable says that it may be a variable, which begins with "$.", and then names nothing.
	variable bool
}

// documents has a row for each type that is a Document.
var documents = map[lanyard.Type]documentRules{
	lanyard.TypePrompt: {quota: 500},
	lanyard.TypeFlow: {quota: 100, content: []string{Content}, check: checkVersioned(lanyard.TypeFlow),
		usedBy: []lanyard.Type{lanyard.TypeQueue, lanyard.TypeQuickConnect, lanyard.TypePhoneNumber,
			lanyard.TypeFlowAssociation, lanyard.TypeTaskTemplate, lanyard.TypeRule}},
	lanyard.TypeFlowVersion: {quota: maxVersions, content: []string{Content}},
	lanyard.TypeFlowAlias:   {named: "AliasName", quota: maxAliases, check: checkFlowAlias},
	lanyard.TypeView: {quota: 100, content: []string{Content}, check: checkVersioned(lanyard.TypeView),
		usedBy: []lanyard.Type{lanyard.TypeWorkspacePage}},
	lanyard.TypeViewVersion: {quota: maxVersions, content: []string{Content}},
	lanyard.TypeFlowAssociation: {quota: 1000, refers: []reference{{path: "FlowId", t: lanyard.TypeFlow}},
		check: checkFlowAssociation},
	lanyard.TypeVocabulary: {named: "VocabularyName", quota: 100, content: []string{Content}, check: checkVocabulary,
		usedBy: []lanyard.Type{lanyard.TypeDefaultVocabulary}},
	lanyard.TypeDefaultVocabulary: {quota: -1,
		refers: []reference{{path: "VocabularyId", t: lanyard.TypeVocabulary}}},
	lanyard.TypeEmailAddress: {named: "EmailAddress", quota: 100, usedBy: []lanyard.Type{lanyard.TypeQueue},
		refers: []reference{{path: aliasMember + "[].EmailAddressId", t: lanyard.TypeEmailAddress}}},
	lanyard.TypeEvaluationForm: {named: "Title", quota: 500, usedBy: []lanyard.Type{lanyard.TypeRule}},
	lanyard.TypeFormVersion: {named: "Title", quota: maxFormVersions, refers: []reference{
		{path: "ReviewConfiguration.ReviewNotificationRecipients[].Value.UserId", t: lanyard.TypeUser, lost: true}}},
	lanyard.TypePhoneNumber: {named: "PhoneNumber", quota: 10, usedBy: []lanyard.Type{lanyard.TypeQueue},
		refers: []reference{{path: numberFlow, t: lanyard.TypeFlow}}},
	lanyard.TypeWorkspace: {quota: 100},

	lanyard.TypeAgentStatus: {quota: 50, check: checkAgentStatus},
	lanyard.TypePredefinedAttribute: {quota: 100, usedBy: []lanyard.Type{lanyard.TypeUser},
		check: checkPredefinedAttribute},
	lanyard.TypeHoursOverride:         {quota: 50, check: checkHoursOverride},
	lanyard.TypeAuthenticationProfile: {quota: 1, check: checkAuthenticationProfile},
	lanyard.TypeNotification:          {quota: 1000, check: checkNotification},
	lanyard.TypeTaskTemplate: {quota: 50, check: checkTaskTemplate, refers: []reference{
		{path: "ContactFlowId", t: lanyard.TypeFlow}, {path: "SelfAssignFlowId", t: lanyard.TypeFlow},
		{path: "ContactHooks.WrapUpFlowId", t: lanyard.TypeModule}}},
	lanyard.TypeRule: {quota: 500, check: checkRule, content: []string{"Function"}, refers: []reference{
		{path: "TriggerEventSource.IntegrationAssociationId", t: lanyard.TypeIntegration},
		{path: "Actions[].TaskAction.ContactFlowId", t: lanyard.TypeFlow},
		{path: "Actions[].SubmitAutoEvaluationAction.EvaluationFormId", t: lanyard.TypeEvaluationForm},
		{path: "Actions[].SendNotificationAction.Recipient.UserIds[]", t: lanyard.TypeUser, lost: true, variable: true},
		{path: "Actions[].SendNotificationAction.Exclusion.UserIds[]", t: lanyard.TypeUser, lost: true, variable: true},
		{path: "Actions[].SendInAppNotificationAction.Recipient.UserIds[]", t: lanyard.TypeUser, lost: true, variable: true},
		{path: "Actions[].SendInAppNotificationAction.Exclusion.UserIds[]", t: lanyard.TypeUser, lost: true, variable: true}}},

	lanyard.TypeStorageConfig:  {named: "ResourceType", quota: 20, check: checkStorageConfig},
	lanyard.TypeApprovedOrigin: {named: "Origin", quota: 100, check: checkOrigin},
	lanyard.TypeSecurityKey:    {named: "Key", quota: 2, check: checkSecurityKey},
	lanyard.TypeLambdaFunction: {named: "FunctionArn", quota: 50, check: checkLambdaFunction},
	lanyard.TypeBot:            {named: "LexBot", quota: 100, check: checkBot},
	lanyard.TypeIntegration: {named: "IntegrationArn", quota: 100, check: checkIntegration,
		usedBy: []lanyard.Type{lanyard.TypeUseCase, lanyard.TypeRule}},
	lanyard.TypeUseCase:              {named: "UseCaseType", quota: 10, check: checkUseCase},
	lanyard.TypeTrafficGroup:         {quota: 11, check: checkTrafficGroup},
	lanyard.TypeWorkspacePage:        {named: "Page", quota: 100, check: checkWorkspacePage},
	lanyard.TypeWorkspaceAssociation: {named: "ResourceArns", quota: maxWorkspaceAssociations},
}

// documentCheck is what checks of documents may look at.
type documentCheck struct {
	ctx context.Context
	*Service
	tx   store.Tx
	in   *lanyard.Instance
	call Call
}

// member decodes a member into to, a pointer, and reports whether it is there.
func (c *documentCheck) member(d *lanyard.Document, name string, to any) (ok bool, err error) {
	raw := d.Members[name]
	if raw == nil {
		return false, nil
	}
	return true, json.Unmarshal(raw, to)
}

// A DocumentRef names a document: of a whole, unless it is a part of none.
type DocumentRef struct {
	Whole string // id or ARN; "" for none
	ID    string // id or ARN
	Key   string // by which it is found when there is no ID
	// Meant, unless nil, reports whether a document is the one that is meant, by more than its id.
	Meant func(*lanyard.Document) bool
}

// CreateDocument adds a document, of the whole with the id or ARN in its Whole. token is the client token of the call,
// or "": see createOnce.
func CreateDocument[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance string, r R,
	token string) (Created[R], error) {
	return createOnce(ctx, s, call, instance, token, documentCreation(ctx, s, call, r))
}

// documentCreation is the creation of a document.
func documentCreation[R lanyard.Documented](ctx context.Context, s *Service, call Call, r R) creation[R] {
	t := r.Type()
	rules := documents[t]
	c := creation[R]{resource: r, named: rules.named, quota: s.documentQuota(rules)}
	if t.Whole() != "" {
		c.quota = -1 // which counts all of the instance; the quota is of the whole
	}
	c.prepare = func(tx store.Tx, in *lanyard.Instance, r R) (err error) {
		d := r.Doc()
		d.Created = d.Modified
		if t.Whole() != "" {
			if d.Whole, err = s.wholeID(ctx, tx, in, t, d.Whole); err != nil {
				return err
			}
			if err := s.roomBelow(ctx, tx, in, r, rules); err != nil {
				return err
			}
		}
		check := &documentCheck{ctx, s, tx, in, call}
		return check.complete(rules, nil, d, t)
	}
	return c
}

// documentQuota is how many documents of a type fit; negative for any number.
func (s *Service) documentQuota(rules documentRules) int {
	if s.quotas.Documents != 0 {
		return s.quotas.Documents
	}
	return rules.quota
}

// wholeID returns the id of the whole that parts of type t have, which must exist.
func (s *Service) wholeID(ctx context.Context, r store.Reader, in *lanyard.Instance, t lanyard.Type,
	ref string) (string, error) {
	whole := t.Whole()
	id, err := s.id(in, whole, ref)
	if err == nil {
		_, err = r.Get(ctx, whole, id)
	}
	if errors.Is(err, lanyard.ErrNotFound) {
		return "", lanyard.Errorf(lanyard.NotFound, "%s: %s %q does not exist in instance %s", whole.Member(), whole.Word(),
			lanyard.Clip(ref), in.ID)
	}
	if err != nil {
		return "", within(whole.Member(), err)
	}
	return id, nil
}

// roomBelow returns an error unless the whole of r has room for one more part.
func (s *Service) roomBelow(ctx context.Context, r store.Reader, in *lanyard.Instance, of lanyard.Documented,
	rules documentRules) error {
	quota := s.documentQuota(rules)
	if quota < 0 {
		return nil
	}
	t := of.Type()
	parts, err := r.Referrers(ctx, lanyard.Ref{Type: t.Whole(), ID: of.Doc().Whole}, t, "", quota+1)
	if err != nil {
		return err
	}
	if len(parts) >= quota {
		return lanyard.Errorf(lanyard.Limit, "%s %q has %d of at most %d %s", t.Whole().Word(), of.Doc().Whole, len(parts),
			quota, t.Plural())
	}
	return nil
}

// complete resolves what the members of d refer to and applies the checks of its type.
func (c *documentCheck) complete(rules documentRules, before, d *lanyard.Document, t lanyard.Type) error {
	d.Uses = nil
	if t.Whole() != "" {
		d.Uses = append(d.Uses, lanyard.Ref{Type: t.Whole(), ID: d.Whole})
	}
	for _, ref := range rules.refers {
		if err := c.resolve(ref, before, d); err != nil {
			return err
		}
	}
	if rules.check != nil {
		return rules.check(c, before, d)
	}
	return nil
}

// resolve puts ids in the place of what the members of d name by a reference. What was named before may stay, even if
// it has been deleted since, where the reference may be lost.
func (c *documentCheck) resolve(ref reference, before, d *lanyard.Document) error {
	member, _, _ := strings.Cut(ref.path, ".")
	name := strings.TrimSuffix(member, "[]")
	raw := d.Members[name]
	if raw == nil {
		return nil
	}
	var had []string
	if before != nil && ref.lost {
		collect := func(_, id string) (string, error) { had = append(had, id); return id, nil }
		if _, err := eachString(before.Members[name], strings.TrimPrefix(ref.path, name), name, collect); err != nil {
			return err
		}
	}
	resolved, err := eachString(raw, strings.TrimPrefix(ref.path, name), name, func(path, value string) (string, error) {
		if value == "" || slices.Contains(had, value) || ref.variable && strings.HasPrefix(value, "$.") {
			return value, nil
		}
		id, err := c.referTo(ref.t, path, value)
		if to := (lanyard.Ref{Type: ref.t, ID: id}); err == nil && !ref.lost && !slices.Contains(d.Uses, to) {
			d.Uses = append(d.Uses, to)
		}
		return id, err
	})
	if err == nil {
		d.Members[name] = resolved
	}
	return err
}

// referTo returns the id of what a member names, which must exist.
func (c *documentCheck) referTo(t lanyard.Type, member, ref string) (string, error) {
	id, err := c.id(c.in, t, ref)
	if err == nil {
		if err := mayUse(c.tx, lanyard.Ref{Type: t, ID: id}); err != nil {
			return "", err
		}
		_, err = c.tx.Get(c.ctx, t, id)
	}
	switch {
	case !errors.Is(err, lanyard.ErrNotFound) && !errors.Is(err, lanyard.ErrInvalid):
	case c.lacks(c.in, t):
		return cmp.Or(id, ref), nil
	default:
		return "", lanyard.Errorf(lanyard.Invalid, "%s must be the id or ARN of an existing %s of the instance, got %s", member,
			t.Word(), lanyard.Quote(ref))
	}
	return id, err
}

// lacks reports whether an instance does not have the resources of a type that its original has, as copies do not.
func (s *Service) lacks(in *lanyard.Instance, t lanyard.Type) bool {
	return (s.copies || in.Mirror != nil) && !mirrors(t)
}

// eachString calls f for every string of a JSON value that path leads to, and returns the value with what f returns in
// their place. path is as in a reference, and begins with a point or []; at is where it begins, for messages.
func eachString(raw []byte, path, at string, f func(at, value string) (string, error)) (lanyard.JSON, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	v, err := mapStrings(v, path, at, f)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v, json.Deterministic(true))
}

func mapStrings(v any, path, at string, f func(at, value string) (string, error)) (any, error) {
	if path == "" {
		text, ok := v.(string)
		if !ok {
			return v, nil
		}
		return f(at, text)
	}
	if below, ok := strings.CutPrefix(path, "[]"); ok {
		list, _ := v.([]any)
		for i := range list {
			var err error
			if list[i], err = mapStrings(list[i], below, at+"["+strconv.Itoa(i)+"]", f); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	path = path[1:] // the point
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	name, below := path[:end], path[end:]
	object, _ := v.(map[string]any)
	value, ok := object[name]
	if !ok || value == nil {
		return v, nil
	}
	value, err := mapStrings(value, below, at+"."+name, f)
	if err == nil {
		object[name] = value
	}
	return v, err
}

// Document returns a document.
func Document[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance string,
	ref DocumentRef) (*lanyard.Instance, R, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		var none R
		return nil, none, err
	}
	r, err := getDocument[R](ctx, s, s.store.Reader(in.ID), in, ref)
	return in, r, err
}

// getDocument returns a document of the whole that ref names.
func getDocument[R lanyard.Documented](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance,
	ref DocumentRef) (R, error) {
	var none R
	t, whole := none.Type(), ""
	if t.Whole() != "" {
		var err error
		if whole, err = s.wholeID(ctx, r, in, t, ref.Whole); err != nil {
			return none, err
		}
	}
	shown := cmp.Or(ref.ID, ref.Key)
	if whole != "" && ref.Key != "" {
		ref.Key = whole + "/" + ref.Key
	}
	var res R
	missing, err := isMissing(ctx, s, r, in, t, whole, ref)
	if err == nil && !missing {
		res, err = findDocument[R](ctx, s, r, in, ref)
	}
	// The same whether it does not exist or is a part of another, which the caller may not be allowed to view.
	if t.Whole() != "" && (missing || errors.Is(err, lanyard.ErrNotFound) || err == nil && res.Doc().Whole != whole) {
		return none, lanyard.Errorf(lanyard.NotFound, "%s: %s %q does not exist in %s %s", t.Member(), t.Word(),
			lanyard.Clip(shown), t.Whole().Word(), whole)
	}
	return res, err
}

// isMissing reports whether a whole has no part with the id that ref has. It looks at the whole's own parts, so that it
// takes as long whether another whole has it or none.
func isMissing(ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance, t lanyard.Type, whole string,
	ref DocumentRef) (bool, error) {
	if t.Whole() == "" || ref.Key != "" {
		return false, nil
	}
	id, err := s.id(in, t, ref.ID)
	if err != nil {
		return false, within(t.Member(), err)
	}
	ids, err := partIDs(ctx, r, t, whole)
	return err == nil && !slices.Contains(ids, id), err
}

// findDocument returns the document that ref names, by its key or id.
func findDocument[R lanyard.Documented](ctx context.Context, s *Service, r store.Reader, in *lanyard.Instance,
	ref DocumentRef) (R, error) {
	var none R
	if ref.Key == "" {
		res, err := getTarget[R](ctx, s, r, in, ref.ID)
		if err == nil && ref.Meant != nil && !ref.Meant(res.Doc()) {
			return none, lanyard.Errorf(lanyard.NotFound, "%s: %s %q does not exist in instance %s with these parameters",
				none.Type().Member(), none.Type().Word(), lanyard.Clip(ref.ID), in.ID)
		}
		return res, err
	}
	res, err := r.Find(ctx, none.Type(), ref.Key)
	if errors.Is(err, lanyard.ErrNotFound) {
		return none, lanyard.Errorf(lanyard.NotFound, "%s: %s %q does not exist in instance %s", none.Type().Member(),
			none.Type().Word(), lanyard.Clip(ref.Key), in.ID)
	}
	if err != nil {
		return none, err
	}
	return res.(R), nil
}

// ChangeDocument changes a document as change does, which may run more than once, and checks the outcome.
func ChangeDocument[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance string, ref DocumentRef,
	change func(R) error) (Result, error) {
	var none R
	t := none.Type()
	rules := documents[t]
	var before *lanyard.Document
	return updateFound(ctx, s, call, instance, updating[R]{
		named: rules.named,
		find: func(tx store.Tx, in *lanyard.Instance) (R, error) {
			r, err := getDocument[R](ctx, s, tx, in, ref)
			if err == nil {
				before = r.Doc()
			}
			return r, err
		},
		change: func(tx store.Tx, in *lanyard.Instance, r R) error {
			if err := change(r); err != nil {
				return err
			}
			check := &documentCheck{ctx, s, tx, in, call}
			return check.complete(rules, before, r.Doc(), t)
		}})
}

// DeleteDocument removes a document that nothing refers to, and its parts.
func DeleteDocument[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance string,
	ref DocumentRef) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		r, err := getDocument[R](ctx, s, tx, in, ref)
		if err != nil {
			return err
		}
		if err := call.checkIfMatch(r); err != nil {
			return err
		}
		if err := unused(ctx, tx, r, documents[r.Type()].usedBy...); err != nil {
			return err
		}
		if err := removeParts(ctx, tx, lanyard.Ref{Type: r.Type(), ID: r.Head().ID}); err != nil {
			return err
		}
		return tx.Delete(ctx, r.Type(), r.Head().ID)
	})
}

// removeParts deletes the documents that are parts of a resource.
func removeParts(ctx context.Context, tx store.Tx, whole lanyard.Ref) error {
	for _, t := range lanyard.Types() {
		if t.Whole() != whole.Type {
			continue
		}
		for {
			ids, err := tx.Referrers(ctx, whole, t, "", 1000)
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				break
			}
			for _, id := range ids {
				if err := tx.Delete(ctx, t, id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ListParts pages through the documents that are parts of a whole, in the order of their creation.
func ListParts[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance, whole string,
	sel Selection[R]) (PageOf[R], error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return PageOf[R]{}, err
	}
	var none R
	reader := s.store.Reader(in.ID)
	id, err := s.wholeID(ctx, reader, in, none.Type(), whole)
	if err != nil {
		return PageOf[R]{}, err
	}
	after, err := position(sel.After)
	if err != nil {
		return PageOf[R]{}, err
	}
	parts, err := readParts[R](ctx, reader, id)
	if err != nil {
		return PageOf[R]{}, err
	}
	parts = slices.DeleteFunc(parts, func(r R) bool {
		return r.Head().Seq <= after || sel.Wanted != nil && !sel.Wanted(r)
	})
	page := PageOf[R]{Instance: in, Items: parts}
	if len(parts) > sel.Limit {
		page.Items = parts[:sel.Limit]
		page.Next = strconv.FormatInt(page.Items[sel.Limit-1].Head().Seq, 10)
	}
	return page, nil
}

// readParts returns the parts of a whole, in the order of their creation.
func readParts[R lanyard.Documented](ctx context.Context, r store.Reader, whole string) ([]R, error) {
	var none R
	ids, err := partIDs(ctx, r, none.Type(), whole)
	if err != nil {
		return nil, err
	}
	parts := make([]R, 0, len(ids))
	for _, id := range ids {
		part, err := r.Get(ctx, none.Type(), id)
		if errors.Is(err, lanyard.ErrNotFound) {
			continue // deleted while we read
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, part.(R))
	}
	slices.SortFunc(parts, func(a, b R) int { return cmp.Compare(a.Head().Seq, b.Head().Seq) })
	return parts, nil
}

// partIDs returns the ids of the parts of a whole that are of type t.
func partIDs(ctx context.Context, r store.Reader, t lanyard.Type, whole string) (ids []string, err error) {
	const chunk = 1000
	for after := ""; ; {
		some, err := r.Referrers(ctx, lanyard.Ref{Type: t.Whole(), ID: whole}, t, after, chunk)
		if err != nil {
			return nil, err
		}
		if ids = append(ids, some...); len(some) < chunk {
			return ids, nil
		}
		after = some[len(some)-1]
	}
}
