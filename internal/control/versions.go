package control

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// The content of flows and views is saved, published and kept in versions. Members of such a document are those that
// were published; its Draft has what was saved since. A qualifier after an id says which is asked for: $LATEST,
// which is the default, $SAVED, the number of a version, or the name of an alias.

// Status is the member of a document that says whether its content was ever published, and its values.
const (
	Status    = "Status"
	Published = "PUBLISHED"
	Saved     = "SAVED"
)

// versioning says how documents of a type are saved, published and kept.
type versioning struct {
	version, alias lanyard.Type // of its parts; "" when there are no aliases
	newestFirst    bool         // versions are listed so
	publish        string       // the permission that publishing asks for besides the operation's; "" for none
	// checkSaved and checkPublished check content that is about to be saved or published.
	checkSaved, checkPublished func(content lanyard.JSON) error
}

// Bounds of what is kept of one document. They are ours, as those of flow modules are.
const (
	maxVersions = 100
	maxAliases  = 100
)

var versioned = map[lanyard.Type]versioning{
	lanyard.TypeFlow: {version: lanyard.TypeFlowVersion, alias: lanyard.TypeFlowAlias, publish: "ContactFlows.Publish",
		checkSaved: textOf(checkSavedFlow), checkPublished: textOf(checkFlow)},
	lanyard.TypeView: {version: lanyard.TypeViewVersion, newestFirst: true, checkSaved: checkSavedView,
		checkPublished: checkView},
}

// textOf is a check of content that is one string.
func textOf(check func(string) error) func(lanyard.JSON) error {
	return func(content lanyard.JSON) error {
		var text string
		if err := json.Unmarshal(content, &text); err != nil {
			return err
		}
		return check(text)
	}
}

// Content is the member of a document that is saved, published and kept.
const Content = "Content"

// SetStatus has a new document be saved, or published when status is anything else.
func SetStatus(d *lanyard.Document, status string) {
	if status != Saved {
		status = Published
	}
	d.Members[Status] = lanyard.JSON(strconv.Quote(status))
	if status == Saved {
		d.Draft = lanyard.Settings{Content: d.Members[Content]}
		delete(d.Members, Content)
	}
}

// checkVersioned checks the content of a document, and asks for the right to publish what is published.
func checkVersioned(t lanyard.Type) func(*documentCheck, *lanyard.Document, *lanyard.Document) error {
	return func(c *documentCheck, before, d *lanyard.Document) error {
		rules := versioned[t]
		if content := d.Draft[Content]; content != nil && !(before != nil && equalJSON(before.Draft[Content], content)) {
			if err := rules.checkSaved(content); err != nil {
				return err
			}
		}
		content := d.Members[Content]
		if content == nil || before != nil && equalJSON(before.Members[Content], content) {
			return nil
		}
		if err := rules.checkPublished(content); err != nil {
			return err
		}
		if rules.publish == "" {
			return nil
		}
		asked := access.Resource{Type: t.DecisionName(), ID: d.ID}
		if before == nil {
			asked = access.Resource{Type: t.DecisionName(), New: true, Tags: d.Tags}
		}
		return also(c.tx, rules.publish, asked)
	}
}

func equalJSON(a, b lanyard.JSON) bool { return string(a) == string(b) }

// A ContentUpdate is content to save or to publish.
type ContentUpdate struct {
	Content lanyard.JSON
	Saved   bool // and not published
}

// UpdateContent saves or publishes the content of a document. What is saved and equals what is published is no draft.
func UpdateContent[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance, ref string,
	u ContentUpdate) (Result, error) {
	return ChangeDocument(ctx, s, call, instance, DocumentRef{ID: ref}, func(r R) error {
		d := r.Doc()
		if u.Saved {
			d.Draft = lanyard.Settings{Content: u.Content}
			if equalJSON(u.Content, d.Members[Content]) {
				d.Draft = nil
			}
			return nil
		}
		d.Draft = nil
		d.Set(lanyard.Settings{Content: u.Content, Status: lanyard.JSON(strconv.Quote(Published))}, false)
		return nil
	})
}

// Qualified returns a document as the qualifier of ref shows it: with the content and status that it asks for, and
// the members Version and VersionDescription of a version.
func Qualified[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance, ref string) (
	*lanyard.Instance, R, error) {
	base, qualifier := SplitQualifier(ref)
	in, r, err := Document[R](ctx, s, call, instance, DocumentRef{ID: base})
	if err != nil {
		return nil, r, err
	}
	shown := lanyard.Clone(r)
	return in, shown, s.qualify(ctx, s.store.Reader(in.ID), shown, qualifier)
}

// qualify changes a document to what a qualifier shows.
func (s *Service) qualify(ctx context.Context, r store.Reader, shown lanyard.Documented, qualifier string) error {
	d, t := shown.Doc(), shown.Type()
	switch qualifier {
	case "", "$LATEST":
		if d.Members[Content] == nil {
			return lanyard.Errorf(lanyard.NotPublished, "%s %q must be published to be described without :%s, got one that is "+
				"only saved", t.Word(), d.ID, SavedQualifier)
		}
		return nil
	case SavedQualifier:
		ShowSaved(d)
		return nil
	}
	number, err := s.versionNumber(ctx, r, shown, qualifier)
	if err != nil {
		return err
	}
	v, err := documentVersion(ctx, r, shown, number)
	if err != nil {
		return err
	}
	return showVersion(d, v.Doc())
}

// ShowSaved has a document show what was saved last.
func ShowSaved(d *lanyard.Document) {
	if d.Draft != nil {
		d.Set(lanyard.Settings{Content: d.Draft[Content], Status: lanyard.JSON(strconv.Quote(Saved))}, false)
	}
}

func showVersion(d, v *lanyard.Document) error {
	number, err := json.Marshal(v.Number)
	d.Set(lanyard.Settings{Content: v.Members[Content], Status: lanyard.JSON(strconv.Quote(Published)),
		"Version": number, "VersionDescription": v.Members["Description"]}, false)
	return err
}

// versionNumber is the number that a qualifier names: itself, or that of an alias.
func (s *Service) versionNumber(ctx context.Context, r store.Reader, of lanyard.Documented,
	qualifier string) (int64, error) {
	if number, err := strconv.ParseInt(qualifier, 10, 64); err == nil {
		return number, nil
	}
	t := of.Type()
	var res lanyard.Resource
	err := error(lanyard.ErrNotFound)
	if alias := versioned[t].alias; alias != "" {
		res, err = r.Find(ctx, alias, of.Doc().ID+"/"+qualifier)
	}
	if errors.Is(err, lanyard.ErrNotFound) {
		return 0, lanyard.Errorf(lanyard.NotFound, "%s: alias %s of %s %q does not exist", t.Member(), lanyard.Quote(qualifier),
			t.Word(), of.Doc().ID)
	}
	if err != nil {
		return 0, err
	}
	return aliasedVersion(res.(lanyard.Documented).Doc())
}

// aliasedVersion is the number of the version that an alias names.
func aliasedVersion(alias *lanyard.Document) (number int64, err error) {
	err = json.Unmarshal(alias.Members["ContactFlowVersion"], &number)
	return number, err
}

func documentVersion(ctx context.Context, r store.Reader, of lanyard.Documented,
	number int64) (lanyard.Documented, error) {
	id, t := of.Doc().ID, of.Type()
	res, err := r.Get(ctx, versioned[t].version, lanyard.VersionID(id, number))
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, lanyard.Errorf(lanyard.NotFound, "version %d of %s %q does not exist", number, t.Word(), id)
	}
	if err != nil {
		return nil, err
	}
	return res.(lanyard.Documented), nil
}

// A NewVersion is what a call that makes a version is told.
type NewVersion struct {
	Description lanyard.JSON // nil for none
	// Sum, unless "", is the hexadecimal SHA-256 that the published content must have, and SumMember says which member
	// it comes from.
	Sum, SumMember string
	Reuse          bool // the highest version, when it has the same content already
}

// CreateVersion keeps what is published of a document under the next number.
func CreateVersion[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance, ref string,
	n NewVersion) (Created[lanyard.Documented], error) {
	var made Created[lanyard.Documented]
	base, _ := SplitQualifier(ref)
	result, err := update(ctx, s, call, instance, base, func(tx store.Tx, in *lanyard.Instance, r R) error {
		d, rules := r.Doc(), versioned[r.Type()]
		content := d.Members[Content]
		if content == nil {
			return lanyard.Errorf(lanyard.Invalid, "%s must be a %s that is published, got %s, which is only saved",
				r.Type().Member(), r.Type().Word(), d.ID)
		}
		if has := ContentHash(content); n.Sum != "" && !strings.EqualFold(n.Sum, has) {
			return lanyard.Errorf(lanyard.Invalid, "%s must be %s, that of the published content, got %s", n.SumMember, has,
				lanyard.Quote(n.Sum))
		}
		if last, err := documentVersion(ctx, tx, r, d.LastVersion); n.Reuse && err == nil &&
			equalJSON(last.Doc().Members[Content], content) {
			made = Created[lanyard.Documented]{Instance: in, Resource: last}
			return errUnchanged
		}
		if err := fitsBelow(ctx, tx, r, rules.version, maxVersions); err != nil {
			return err
		}
		d.LastVersion++
		v := lanyard.New(rules.version).(lanyard.Documented)
		kept := v.Doc()
		kept.ID, kept.Name = lanyard.VersionID(d.ID, d.LastVersion), strconv.FormatInt(d.LastVersion, 10)
		kept.Modified, kept.Created, kept.Number, kept.Whole = s.time(), s.time(), d.LastVersion, d.ID
		kept.Uses = []lanyard.Ref{{Type: r.Type(), ID: d.ID}}
		kept.Set(lanyard.Settings{Content: content, "Description": n.Description}, false)
		made = Created[lanyard.Documented]{Instance: in, Resource: v}
		return tx.Put(ctx, v)
	})
	made.Result = result
	return made, err
}

// ContentHash is how content is told from another: the SHA-256 of its text, or of its JSON, hexadecimal.
func ContentHash(content lanyard.JSON) string {
	var text string
	if json.Unmarshal(content, &text) != nil { // it is no string
		text = string(content)
	}
	return ContentSum(text)
}

// fitsBelow refuses one more part of type t of a document.
func fitsBelow(ctx context.Context, r store.Reader, of lanyard.Documented, t lanyard.Type, most int) error {
	ids, err := r.Referrers(ctx, lanyard.Ref{Type: of.Type(), ID: of.Doc().ID}, t, "", most)
	if err == nil && len(ids) >= most {
		err = lanyard.Errorf(lanyard.Limit, "%s %q has %d of at most %d %s; delete one first", of.Type().Word(), of.Doc().ID,
			len(ids), most, t.Plural())
	}
	return err
}

// ListVersions pages through the versions of a document in the order that is documented for its type.
func ListVersions[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance, ref string, p Page) (
	PartOf[R, lanyard.Documented], error) {
	base, _ := SplitQualifier(ref)
	in, r, err := Document[R](ctx, s, call, instance, DocumentRef{ID: base})
	if err != nil {
		return PartOf[R, lanyard.Documented]{}, err
	}
	found, err := s.store.Reader(in.ID).ListReferrers(ctx, []lanyard.Ref{{Type: r.Type(), ID: r.Doc().ID}},
		versioned[r.Type()].version, "", maxVersions)
	all := make([]lanyard.Documented, len(found))
	for i := range found {
		all[i] = found[i].(lanyard.Documented)
	}
	position := func(v lanyard.Documented) string {
		if versioned[r.Type()].newestFirst {
			return padded(math.MaxInt64 - v.Doc().Number)
		}
		return padded(v.Doc().Number)
	}
	return partOf(in, r, all, position, p), err
}

// DeleteVersion removes a version of a document that no alias names.
func DeleteVersion[R lanyard.Documented](ctx context.Context, s *Service, call Call, instance, ref string,
	number int64) (Result, error) {
	base, _ := SplitQualifier(ref)
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		r, err := getTarget[R](ctx, s, tx, in, base)
		if err != nil {
			return err
		}
		v, err := documentVersion(ctx, tx, r, number)
		if err != nil {
			return err
		}
		if alias := versioned[r.Type()].alias; alias != "" {
			if err := unused(ctx, tx, v, alias); err != nil {
				return err
			}
		}
		return tx.Delete(ctx, v.Type(), v.Doc().ID)
	})
}

// checkFlowAlias checks the name of an alias, and that its version exists.
func checkFlowAlias(c *documentCheck, before, d *lanyard.Document) error {
	if before == nil || before.Name != d.Name {
		if err := checkAliasName("AliasName", d.Name); err != nil {
			return err
		}
	}
	number, err := aliasedVersion(d)
	if err != nil {
		return err
	}
	flow := &lanyard.Flow{Document: lanyard.Document{Meta: lanyard.Meta{ID: d.Whole}}}
	v, err := documentVersion(c.ctx, c.tx, flow, number)
	if err != nil {
		return within("ContactFlowVersion", err)
	}
	d.Uses = append(d.Uses, lanyard.Ref{Type: v.Type(), ID: v.Doc().ID})
	return nil
}
