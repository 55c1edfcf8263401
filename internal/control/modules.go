package control

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// CreateContactFlowModule adds a flow module. For seven days the same client token with the same
// request makes it once; with another request it is TokenReused.
func (s *Service) CreateContactFlowModule(ctx context.Context, call Call, instance string, m *lanyard.Module,
	token string) (Created[*lanyard.Module], error) {
	return createOnce(ctx, s, call, instance, token,
		creation[*lanyard.Module]{resource: m, quota: s.quotas.Modules})
}

// Bounds of what hangs below one flow module. They are ours: none is documented.
const (
	maxModuleVersions = 100
	maxModuleAliases  = 100
)

// SavedQualifier names the content of a flow module that was saved and is not published.
const SavedQualifier = "$SAVED"

// SplitQualifier cuts what follows the id in an id or ARN of a flow module: ID:QUALIFIER. The qualifier
// is $SAVED, $LATEST, the number of a version or the name of an alias; "" for none.
func SplitQualifier(ref string) (base, qualifier string) {
	at := strings.IndexByte(ref[strings.LastIndexByte(ref, '/')+1:], ':')
	if at < 0 || lanyard.IsARN(ref) && !strings.Contains(ref, "/") {
		return ref, ""
	}
	at += strings.LastIndexByte(ref, '/') + 1
	return ref[:at], ref[at+1:]
}

// ModuleView is a flow module as a qualifier shows it.
type ModuleView struct {
	*lanyard.Module
	Version            int64 // 0: none
	VersionDescription string
	Saved              bool // the content is a draft
}

// DescribeContactFlowModule returns a flow module: as published, or as the qualifier of ref asks.
func (s *Service) DescribeContactFlowModule(ctx context.Context, call Call, instance, ref string) (
	*lanyard.Instance, ModuleView, error) {
	base, qualifier := SplitQualifier(ref)
	in, m, err := describe[*lanyard.Module](ctx, s, call, instance, base)
	if err != nil {
		return nil, ModuleView{}, err
	}
	view, err := s.moduleView(ctx, s.store.Reader(in.ID), m, qualifier)
	return in, view, err
}

func (s *Service) moduleView(ctx context.Context, r store.Reader, m *lanyard.Module,
	qualifier string) (ModuleView, error) {
	switch qualifier {
	case "", "$LATEST":
		return ModuleView{Module: m}, nil
	case SavedQualifier:
		if m.Draft == nil {
			return ModuleView{Module: m}, nil
		}
		c := lanyard.Clone(m)
		c.Content, c.Settings = m.Draft.Content, m.Draft.Settings
		return ModuleView{Module: c, Saved: true}, nil
	}
	number, err := strconv.ParseInt(qualifier, 10, 64)
	if err != nil {
		alias, err := r.Find(ctx, lanyard.TypeModuleAlias,
			(&lanyard.ModuleAlias{Module: m.ID, Meta: lanyard.Meta{Name: qualifier}}).Key())
		if errors.Is(err, lanyard.ErrNotFound) {
			return ModuleView{},
				lanyard.Errorf(lanyard.NotFound, "ContactFlowModuleId: alias %s of flow module %q does not exist",
					lanyard.Quote(qualifier), m.ID)
		}
		if err != nil {
			return ModuleView{}, err
		}
		number = alias.(*lanyard.ModuleAlias).Version
	}
	v, err := moduleVersion(ctx, r, m, number)
	if err != nil {
		return ModuleView{}, err
	}
	c := lanyard.Clone(m)
	c.Content, c.Settings, c.ExternalInvocation = v.Content, v.Settings, v.ExternalInvocation
	return ModuleView{Module: c, Version: v.Number, VersionDescription: v.Description}, nil
}

func moduleVersion(ctx context.Context, r store.Reader, m *lanyard.Module,
	number int64) (*lanyard.ModuleVersion, error) {
	res, err := r.Get(ctx, lanyard.TypeModuleVersion, lanyard.ModuleVersionID(m.ID, number))
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, lanyard.Errorf(lanyard.NotFound, "ContactFlowModuleVersion: version %d of flow module %q does not exist",
			number, m.ID)
	}
	if err != nil {
		return nil, err
	}
	return res.(*lanyard.ModuleVersion), nil
}

// ContentChange is what a call sets of the content of a flow module; what is nil stays as it is.
type ContentChange struct {
	Content  *string
	Settings lanyard.Settings
}

// UpdateContactFlowModuleContent publishes content, or saves it as a draft where ref has the qualifier
// $SAVED. On behalf of a user, publishing asks for the permission to
// publish too.
func (s *Service) UpdateContactFlowModuleContent(ctx context.Context, call Call, instance, ref string,
	c ContentChange) (Result, error) {
	base, qualifier := SplitQualifier(ref)
	if qualifier != "" && qualifier != SavedQualifier {
		return Result{}, lanyard.Errorf(lanyard.Invalid,
			"ContactFlowModuleId must be an id or ARN, with or without :%s, got %s", SavedQualifier, lanyard.Quote(ref))
	}
	return update(ctx, s, call, instance, base, func(tx store.Tx, _ *lanyard.Instance, m *lanyard.Module) error {
		next := lanyard.Draft{Content: m.Content, Settings: m.Settings}
		if m.Draft != nil {
			next = *m.Draft
		}
		set(&next.Content, c.Content)
		if len(c.Settings) > 0 {
			next.Settings = c.Settings
		}
		same := next.Content == m.Content && sameSettings(next.Settings, m.Settings)
		if qualifier == SavedQualifier {
			if m.Draft = &next; same { // what is saved is what is published
				m.Draft = nil
			}
			return nil
		}
		if err := also(tx, "ContactFlowModules.Publish",
			access.Resource{Type: access.TypeContactFlowModule, ID: m.ID}); err != nil {
			return err
		}
		m.Content, m.Settings, m.Draft = next.Content, next.Settings, nil
		return nil
	})
}

func sameSettings(a, b lanyard.Settings) bool {
	return maps.EqualFunc(a, b, func(x, y lanyard.JSON) bool { return string(x) == string(y) })
}

// ModuleChange is what a call sets of a flow module; nil members stay as they are.
type ModuleChange struct {
	Name, Description *string
	Archived          *bool
}

// UpdateContactFlowModuleMetadata changes what c holds.
func (s *Service) UpdateContactFlowModuleMetadata(ctx context.Context, call Call, instance, ref string,
	c ModuleChange) (Result, error) {
	return update(ctx, s, call, instance, ref, func(_ store.Tx, _ *lanyard.Instance, m *lanyard.Module) error {
		set(&m.Name, c.Name)
		set(&m.Description, c.Description)
		set(&m.Archived, c.Archived)
		return nil
	})
}

// set replaces what to points at, unless sent is nil.
func set[T any](to, sent *T) {
	if sent != nil {
		*to = *sent
	}
}

// NewModuleVersion is what CreateContactFlowModuleVersion is told.
type NewModuleVersion struct {
	Description string
	ContentSum  string // unless "", the hexadecimal SHA-256 that the published content must have
}

// CreateContactFlowModuleVersion keeps what is published under the next number.
func (s *Service) CreateContactFlowModuleVersion(ctx context.Context, call Call, instance, ref string,
	n NewModuleVersion) (Created[*lanyard.ModuleVersion], error) {
	var made Created[*lanyard.ModuleVersion]
	result, err := update(ctx, s, call, instance, ref, func(tx store.Tx, in *lanyard.Instance, m *lanyard.Module) error {
		if has := ContentSum(m.Content); n.ContentSum != "" && !strings.EqualFold(n.ContentSum, has) {
			return lanyard.Errorf(lanyard.Invalid, "FlowModuleContentSha256 must be %s, that of the published content, got %s",
				has, lanyard.Quote(n.ContentSum))
		}
		if err := fits(ctx, tx, m, lanyard.TypeModuleVersion, maxModuleVersions); err != nil {
			return err
		}
		m.LastVersion++
		id := lanyard.ModuleVersionID(m.ID, m.LastVersion)
		v := &lanyard.ModuleVersion{Meta: lanyard.Meta{ID: id, Name: id, Modified: s.time()}, Module: m.ID,
			Number: m.LastVersion, Description: n.Description, Content: m.Content,
			ExternalInvocation: m.ExternalInvocation, Settings: m.Settings}
		made = Created[*lanyard.ModuleVersion]{Instance: in, Resource: v}
		return tx.Put(ctx, v)
	})
	made.Result = result
	return made, err
}

// ContentSum is how a flow module's content is told from another: its SHA-256, hexadecimal.
func ContentSum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// fits refuses one more resource of type t below a module.
func fits(ctx context.Context, r store.Reader, m *lanyard.Module, t lanyard.Type, most int) error {
	ids, err := r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeModule, ID: m.ID}, t, "", most)
	if err != nil {
		return err
	}
	if len(ids) >= most {
		return lanyard.Errorf(lanyard.Limit, "flow module %q has %d of at most %d %s; delete one first", m.ID, len(ids), most,
			t.Plural())
	}
	return nil
}

// below returns what hangs below a module, in the order that less gives.
func below[R lanyard.Resource](ctx context.Context, r store.Reader, module string, most int,
	order func(a, b R) int) ([]R, error) {
	var none R
	ids, err := r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeModule, ID: module}, none.Type(), "", most)
	if err != nil {
		return nil, err
	}
	all := make([]R, 0, len(ids))
	for _, id := range ids {
		res, err := r.Get(ctx, none.Type(), id)
		if errors.Is(err, lanyard.ErrNotFound) {
			continue // deleted while we read
		}
		if err != nil {
			return nil, err
		}
		all = append(all, res.(R))
	}
	slices.SortFunc(all, order)
	return all, nil
}

// ListContactFlowModuleVersions pages through the versions of a flow module by number.
func (s *Service) ListContactFlowModuleVersions(ctx context.Context, call Call, instance, ref string, p Page) (
	PartOf[*lanyard.Module, *lanyard.ModuleVersion], error) {
	in, m, err := describe[*lanyard.Module](ctx, s, call, instance, ref)
	if err != nil {
		return PartOf[*lanyard.Module, *lanyard.ModuleVersion]{}, err
	}
	all, err := below(ctx, s.store.Reader(in.ID), m.ID, maxModuleVersions,
		func(a, b *lanyard.ModuleVersion) int { return cmp.Compare(a.Number, b.Number) })
	return partOf(in, m, all, func(v *lanyard.ModuleVersion) string { return padded(v.Number) }, p), err
}

// padded writes numbers so that their texts are in their order.
func padded(n int64) string {
	text := strconv.FormatInt(n, 10)
	return strings.Repeat("0", 20-len(text)) + text
}

// DeleteContactFlowModuleVersion removes a version that no alias names.
func (s *Service) DeleteContactFlowModuleVersion(ctx context.Context, call Call, instance, ref string,
	number int64) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		m, err := getTarget[*lanyard.Module](ctx, s, tx, in, ref)
		if err != nil {
			return err
		}
		v, err := moduleVersion(ctx, tx, m, number)
		if err != nil {
			return err
		}
		if err := unused(ctx, tx, v, lanyard.TypeModuleAlias); err != nil {
			return err
		}
		return tx.Delete(ctx, v.Type(), v.ID)
	})
}

// aliasName is the service model's pattern, which it does not give for UpdateContactFlowModuleAlias.
var aliasName = regexp.MustCompile(`^([$0-9a-zA-Z][_-]?)+$`)

const maxAliasName = 100

func checkAliasName(member, name string) error {
	if len(name) > maxAliasName || !aliasName.MatchString(name) || name == SavedQualifier || name == "$LATEST" {
		return lanyard.Errorf(lanyard.Invalid,
			"%s must be 1 to %d letters, digits and $, with single _ or - in between, and neither $SAVED nor $LATEST, got %s",
			member, maxAliasName, lanyard.Quote(name))
	}
	return nil
}

// CreateContactFlowModuleAlias gives a version a name.
func (s *Service) CreateContactFlowModuleAlias(ctx context.Context, call Call, instance, ref string,
	sent lanyard.ModuleAlias) (Created[*lanyard.ModuleAlias], error) {
	if err := checkAliasName("AliasName", sent.Name); err != nil {
		return Created[*lanyard.ModuleAlias]{}, err
	}
	prepare := func(tx store.Tx, in *lanyard.Instance, a *lanyard.ModuleAlias) error {
		m, err := getTarget[*lanyard.Module](ctx, s, tx, in, ref)
		if err != nil {
			return err
		}
		if err := fits(ctx, tx, m, lanyard.TypeModuleAlias, maxModuleAliases); err != nil {
			return err
		}
		if _, err := moduleVersion(ctx, tx, m, sent.Version); err != nil {
			return err
		}
		a.Module = m.ID
		return nil
	}
	return create(ctx, s, call, instance,
		creation[*lanyard.ModuleAlias]{resource: &sent, named: "AliasName", quota: -1, prepare: prepare})
}

// An AliasRef names an alias of a flow module.
type AliasRef struct {
	Module string // id or ARN
	ID     string
}

// alias returns an alias of a flow module.
func (s *Service) alias(ctx context.Context, r store.Reader, in *lanyard.Instance,
	ref AliasRef) (*lanyard.ModuleAlias, error) {
	m, err := getTarget[*lanyard.Module](ctx, s, r, in, ref.Module)
	if err != nil {
		return nil, err
	}
	res, err := r.Get(ctx, lanyard.TypeModuleAlias, ref.ID)
	if err != nil && !errors.Is(err, lanyard.ErrNotFound) {
		return nil, err
	}
	if err != nil || res.(*lanyard.ModuleAlias).Module != m.ID {
		return nil, lanyard.Errorf(lanyard.NotFound, "AliasId: alias %s of flow module %q does not exist",
			lanyard.Quote(ref.ID), m.ID)
	}
	return res.(*lanyard.ModuleAlias), nil
}

// DescribeContactFlowModuleAlias returns an alias of a flow module.
func (s *Service) DescribeContactFlowModuleAlias(ctx context.Context, call Call, instance string, ref AliasRef) (
	*lanyard.Instance, *lanyard.ModuleAlias, error) {
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return nil, nil, err
	}
	a, err := s.alias(ctx, s.store.Reader(in.ID), in, ref)
	return in, a, err
}

// ListContactFlowModuleAliases pages through the aliases of a flow module by name.
func (s *Service) ListContactFlowModuleAliases(ctx context.Context, call Call, instance, ref string, p Page) (
	PartOf[*lanyard.Module, *lanyard.ModuleAlias], error) {
	in, m, err := describe[*lanyard.Module](ctx, s, call, instance, ref)
	if err != nil {
		return PartOf[*lanyard.Module, *lanyard.ModuleAlias]{}, err
	}
	all, err := below(ctx, s.store.Reader(in.ID), m.ID, maxModuleAliases,
		func(a, b *lanyard.ModuleAlias) int { return cmp.Compare(a.Name, b.Name) })
	return partOf(in, m, all, func(a *lanyard.ModuleAlias) string { return a.Name }, p), err
}

// AliasChange is what a call sets of an alias; nil members stay as they are.
type AliasChange struct {
	Name, Description *string
	Version           *int64
}

// UpdateContactFlowModuleAlias changes what c holds.
func (s *Service) UpdateContactFlowModuleAlias(ctx context.Context, call Call, instance string, ref AliasRef,
	c AliasChange) (Result, error) {
	if c.Name != nil {
		if err := checkAliasName("Name", *c.Name); err != nil {
			return Result{}, err
		}
	}
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		before, err := s.alias(ctx, tx, in, ref)
		if err != nil {
			return err
		}
		a := lanyard.Clone(before)
		set(&a.Name, c.Name)
		set(&a.Description, c.Description)
		set(&a.Version, c.Version)
		if a.Name == before.Name && a.Description == before.Description && a.Version == before.Version {
			return errUnchanged
		}
		if _, err := moduleVersion(ctx, tx, &lanyard.Module{Meta: lanyard.Meta{ID: a.Module}}, a.Version); err != nil {
			return err
		}
		a.Modified = s.time()
		return taken("Name", a, tx.Put(ctx, a))
	})
}

// DeleteContactFlowModuleAlias removes an alias; the version stays.
func (s *Service) DeleteContactFlowModuleAlias(ctx context.Context, call Call, instance string,
	ref AliasRef) (Result,
	error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		a, err := s.alias(ctx, tx, in, ref)
		if err != nil {
			return err
		}
		return tx.Delete(ctx, a.Type(), a.ID)
	})
}

// DeleteContactFlowModule removes a flow module with its versions and aliases. Profiles that allow it
// keep its id, which then grants nothing.
func (s *Service) DeleteContactFlowModule(ctx context.Context, call Call, instance, module string) (Result, error) {
	return s.change(ctx, call, instance, func(tx store.Tx, in *lanyard.Instance) error {
		m, err := getTarget[*lanyard.Module](ctx, s, tx, in, module)
		if err != nil {
			return err
		}
		if err := unused(ctx, tx, m, lanyard.TypeTaskTemplate); err != nil {
			return err
		}
		for _, t := range []lanyard.Type{lanyard.TypeModuleAlias, lanyard.TypeModuleVersion} {
			ids, err := tx.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeModule, ID: m.ID}, t, "",
				max(maxModuleAliases, maxModuleVersions))
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := tx.Delete(ctx, t, id); err != nil {
					return err
				}
			}
		}
		return tx.Delete(ctx, m.Type(), m.ID)
	})
}

// ListContactFlowModules is List of the modules in one state.
func (s *Service) ListContactFlowModules(ctx context.Context, call Call, instance, state string,
	p Page) (PageOf[*lanyard.Module], error) {
	return Search[*lanyard.Module](ctx, s, call, instance,
		Query{Conditions: []Condition{{State: state}}, Page: p, Total: Uncounted})
}

// asTool refuses a module that is no tool. OBSERVED of the real service, with the words "FlowModuleId
// is not valid": it must allow external invocation and have a description and a released version.
func asTool(ctx context.Context, r store.Reader, member string, m *lanyard.Module) error {
	var lacks []string
	if !m.ExternalInvocation {
		lacks = append(lacks, "does not allow external invocation")
	}
	if m.Description == "" {
		lacks = append(lacks, "has no description")
	}
	versions, err := r.Referrers(ctx, lanyard.Ref{Type: lanyard.TypeModule, ID: m.ID}, lanyard.TypeModuleVersion, "", 1)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		lacks = append(lacks, "has no version")
	}
	if len(lacks) == 0 {
		return nil
	}
	return lanyard.Errorf(lanyard.Invalid, "FlowModuleId is not valid: %s must be the id of a flow module that allows "+
		"external invocation and has a description and a version, got %s, which %s", member, lanyard.Quote(m.ID),
		joinWords(lacks))
}

// joinWords joins texts as a sentence does.
func joinWords(words []string) string {
	if len(words) < 3 {
		return strings.Join(words, " and ")
	}
	return strings.Join(words[:len(words)-1], ", ") + ", and " + words[len(words)-1]
}
