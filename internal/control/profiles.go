package control

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// ProfileChange is what a call sets of a profile. A nil member was not sent and stays as it is; a
// member that was sent replaces the whole, and an empty one clears it.
type ProfileChange struct {
	Description         *string
	Permissions         []string
	AccessTags          map[string]string
	TagRestricted       []string
	HierarchyRestricted []string
	HierarchyGroup      *string
	Applications        []lanyard.Application
	FlowModules         []lanyard.FlowModule
	AIAgents            []lanyard.AllowedAIAgent
	DataTables          []lanyard.AttributeRule
}

// NewProfile is what CreateSecurityProfile is told.
type NewProfile struct {
	Name string
	Tags map[string]string
	ProfileChange
}

// CreateSecurityProfile adds a profile.
func (s *Service) CreateSecurityProfile(ctx context.Context, call Call, instance string,
	n NewProfile) (Created[*lanyard.Profile], error) {
	sent := &lanyard.Profile{Meta: lanyard.Meta{Name: n.Name, Tags: n.Tags}}
	made, err := create(ctx, s, call, instance, creation[*lanyard.Profile]{resource: sent, named: "SecurityProfileName",
		quota: s.quotas.Profiles, prepare: func(tx store.Tx, in *lanyard.Instance, p *lanyard.Profile) error {
			return s.changeProfile(ctx, tx, in, p, n.ProfileChange)
		}})
	if err != nil {
		return made, err
	}
	made.Warnings = made.Resource.Warnings()
	s.logWarnings(made.Instance, made.Resource.ID, made.Warnings)
	return made, nil
}

// UpdateSecurityProfile changes what c holds of a profile, all of it or nothing. A call that
// changes nothing leaves no trace.
func (s *Service) UpdateSecurityProfile(ctx context.Context, call Call, instance, profile string,
	c ProfileChange) (Result, error) {
	var of *lanyard.Instance
	var changed *lanyard.Profile
	result, err := update(ctx, s, call, instance, profile,
		func(tx store.Tx, in *lanyard.Instance, p *lanyard.Profile) error {
			of, changed = in, p
			return s.changeProfile(ctx, tx, in, p, c)
		})
	if err != nil {
		return Result{}, err
	}
	result.Warnings = changed.Warnings()
	if result.Changed {
		s.logWarnings(of, changed.ID, result.Warnings)
	}
	return result, nil
}

func (s *Service) logWarnings(in *lanyard.Instance, profile string, warnings []string) {
	if len(warnings) > 0 {
		s.log.Warn("security profile has a restriction that may be unintended", "instance", in.ID, "profile", profile,
			"warnings", warnings)
	}
}

// ETag is a profile's entity tag: another for every state of everything in it, tags included, but not
// its place in the order of creation, which it has from its first commit on. It is made for every
// answer, so it hashes the texts themselves, each after its length, and no JSON.
func ETag(p *lanyard.Profile) string {
	b := make([]byte, 0, 4096)
	number := func(n int) { b = binary.AppendUvarint(b, uint64(n)) }
	text := func(texts ...string) {
		for _, s := range texts {
			number(len(s))
			b = append(b, s...)
		}
	}
	list := func(texts []string) {
		number(len(texts))
		text(texts...)
	}
	tags := func(m map[string]string) {
		number(len(m))
		for _, k := range slices.Sorted(maps.Keys(m)) {
			text(k, m[k])
		}
	}
	text(p.ID, p.Name, p.Description, p.HierarchyGroup)
	number(int(p.Modified.UnixMilli())) // as precise as it is kept
	text(p.ModifiedBy.AccessKeyID, p.ModifiedBy.User, p.ModifiedBy.Agent)
	tags(p.Tags)
	tags(p.AccessTags)
	list(p.Permissions)
	list(p.TagRestricted)
	list(p.HierarchyRestricted)
	number(len(p.Applications))
	for _, a := range p.Applications {
		text(a.Namespace, a.Type)
		list(a.Permissions)
	}
	number(len(p.FlowModules))
	for _, m := range p.FlowModules {
		text(m.Type, m.ID)
	}
	number(len(p.AIAgents))
	for _, a := range p.AIAgents {
		text(a.ARN, a.Type)
	}
	number(len(p.DataTables))
	for _, r := range p.DataTables {
		text(r.Access, r.Attribute)
		list(r.Values)
	}
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// UserETag is a user's entity tag: another for every state of everything in the user, tags included. Unlike
// profiles, users hold settings of many shapes, so it hashes their JSON.
func UserETag(u *lanyard.User) string {
	same := *u
	same.Seq, same.Modified = 0, u.Modified.UTC().Truncate(time.Millisecond) // as precise as it is kept
	if len(same.Tags) == 0 {
		same.Tags = nil
	}
	if len(same.Settings) == 0 {
		same.Settings = nil
	}
	b, err := json.Marshal(&same, hashed)
	if err != nil {
		panic(err) // it is stored as JSON
	}
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// tagOf returns the entity tag of a resource, or "" for a type that has none.
func tagOf(r lanyard.Resource) string {
	switch r := r.(type) {
	case *lanyard.Profile:
		return ETag(r)
	case *lanyard.User:
		return UserETag(r)
	}
	return ""
}

// checkIfMatch refuses a call whose caller has read another state of a resource than it is in.
func (c Call) checkIfMatch(r lanyard.Resource) error {
	if c.IfMatch == "" {
		return nil
	}
	word, name := r.Type().Word(), r.Head().Name
	switch tagOf(r) {
	case c.IfMatch:
		return nil
	case "":
		return lanyard.Errorf(lanyard.Invalid,
			"If-Match must be absent for a %s, got it for %q; only security profiles and users have entity tags", word, name)
	}
	return lanyard.Errorf(lanyard.Stale,
		"If-Match must be the current entity tag of %s %s, got %s: it has changed since; read it again, or leave out "+
			"If-Match to overwrite what others changed", word, lanyard.Quote(name), lanyard.Clip(c.IfMatch))
}

// DescribeSecurityProfile returns a profile.
func (s *Service) DescribeSecurityProfile(ctx context.Context, call Call, instance,
	profile string) (*lanyard.Instance, *lanyard.Profile, error) {
	return describe[*lanyard.Profile](ctx, s, call, instance, profile)
}

// DeleteSecurityProfile removes a profile that no user and no AI agent holds.
func (s *Service) DeleteSecurityProfile(ctx context.Context, call Call, instance, profile string) (Result, error) {
	return remove[*lanyard.Profile](ctx, s, call, instance, profile, lanyard.TypeUser, lanyard.TypeAIAgent)
}

// ListSecurityProfilePermissions pages through a profile's permissions in byte order.
func (s *Service) ListSecurityProfilePermissions(ctx context.Context, call Call, instance, profile string,
	page Page) (PartOf[*lanyard.Profile, string], error) {
	in, p, err := s.DescribeSecurityProfile(ctx, call, instance, profile)
	if err != nil {
		return PartOf[*lanyard.Profile, string]{}, err
	}
	return partOf(in, p, p.Permissions, func(name string) string { return name }, page), nil
}

// ListSecurityProfileApplications pages through a profile's applications by namespace.
func (s *Service) ListSecurityProfileApplications(ctx context.Context, call Call, instance, profile string,
	page Page) (PartOf[*lanyard.Profile, lanyard.Application], error) {
	in, p, err := s.DescribeSecurityProfile(ctx, call, instance, profile)
	if err != nil {
		return PartOf[*lanyard.Profile, lanyard.Application]{}, err
	}
	return partOf(in, p, p.Applications, applicationKey, page), nil
}

// ListSecurityProfileFlowModules pages through a profile's flow modules by id.
func (s *Service) ListSecurityProfileFlowModules(ctx context.Context, call Call, instance, profile string,
	page Page) (PartOf[*lanyard.Profile, lanyard.FlowModule], error) {
	in, p, err := s.DescribeSecurityProfile(ctx, call, instance, profile)
	if err != nil {
		return PartOf[*lanyard.Profile, lanyard.FlowModule]{}, err
	}
	return partOf(in, p, p.FlowModules, func(m lanyard.FlowModule) string { return m.ID }, page), nil
}

// ListSecurityProfileAIAgents pages through a profile's allowed AI agents by ARN.
func (s *Service) ListSecurityProfileAIAgents(ctx context.Context, call Call, instance, profile string,
	page Page) (PartOf[*lanyard.Profile, lanyard.AllowedAIAgent], error) {
	in, p, err := s.DescribeSecurityProfile(ctx, call, instance, profile)
	if err != nil {
		return PartOf[*lanyard.Profile, lanyard.AllowedAIAgent]{}, err
	}
	return partOf(in, p, p.AIAgents, func(a lanyard.AllowedAIAgent) string { return a.ARN }, page), nil
}

// applicationKey keeps an MCP server apart from a third-party application of the same name.
func applicationKey(a lanyard.Application) string { return a.Namespace + "\x00" + a.Type }

// changeProfile checks what c sends against the rules and sets it in p.
func (s *Service) changeProfile(ctx context.Context, r store.Reader, in *lanyard.Instance, p *lanyard.Profile,
	c ProfileChange) error {
	if c.Description != nil {
		p.Description = *c.Description
	}
	if c.Permissions != nil {
		if err := s.checkPermissions(c.Permissions); err != nil {
			return err
		}
		p.Permissions = lanyard.SortPermissions(c.Permissions)
	}
	if err := s.changeTagRestriction(p, c); err != nil {
		return err
	}
	if err := s.changeHierarchyRestriction(ctx, r, in, p, c); err != nil {
		return err
	}
	if c.Applications != nil {
		apps, err := s.applications(c.Applications)
		if err != nil {
			return err
		}
		p.Applications = apps
	}
	if c.FlowModules != nil {
		modules, err := s.flowModules(ctx, r, in, p.FlowModules, c.FlowModules)
		if err != nil {
			return err
		}
		p.FlowModules = modules
	}
	if c.AIAgents != nil {
		agents, err := allowedAIAgents(c.AIAgents)
		if err != nil {
			return err
		}
		p.AIAgents = agents
	}
	if c.DataTables != nil {
		rules, err := attributeRules(c.DataTables)
		if err != nil {
			return err
		}
		p.DataTables = rules
	}
	return nil
}

func (s *Service) checkPermissions(names []string) error {
	var bad []string
	for _, name := range names {
		if _, ok := lanyard.LookupPermission(name); ok || s.lenient && lanyard.IsPermissionName(name) {
			continue
		}
		bad = append(bad, name)
	}
	if len(bad) == 0 {
		return nil
	}
	accepted := "names of the permission catalogue, such as Users.View (case-sensitive)"
	if s.lenient {
		accepted = "words of letters and digits joined by dots, such as Users.View"
	}
	// Amazon Connect was seen to say "Invalid permissions".
	return lanyard.Errorf(lanyard.Invalid, "Invalid permissions: Permissions must be %s, got %s", accepted, quoteMany(bad))
}

// quoteMany lists the first few values, and says whether there are more.
func quoteMany(values []string) string {
	const most = 10
	var b strings.Builder
	for i, v := range values {
		if i == most {
			b.WriteString(" and more")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(lanyard.Quote(v))
	}
	return b.String()
}

func (s *Service) changeTagRestriction(p *lanyard.Profile, c ProfileChange) error {
	if c.AccessTags == nil && c.TagRestricted == nil {
		return nil
	}
	if c.AccessTags != nil {
		p.AccessTags = emptyIsNil(c.AccessTags)
	}
	if c.TagRestricted != nil {
		var unknown []string
		for _, name := range c.TagRestricted {
			if _, ok := lanyard.RestrictedType(name); !ok && !s.lenient {
				unknown = append(unknown, name)
			}
		}
		if len(unknown) > 0 {
			return lanyard.Errorf(lanyard.Invalid, "TagRestrictedResources must be among %s, got %s; names are case-sensitive",
				lanyard.RestrictableNames(), quoteMany(unknown))
		}
		p.TagRestricted = unique(c.TagRestricted)
	}
	if s.strict && p.IncompleteTagRestriction() {
		missing, given := "AllowedAccessControlTags", "TagRestrictedResources"
		if len(p.TagRestricted) == 0 {
			missing, given = given, missing
		}
		return lanyard.Errorf(lanyard.Invalid,
			"%s is required when %s is not empty: one without the other restricts nothing (strict)", missing, given)
	}
	return nil
}

func (s *Service) changeHierarchyRestriction(ctx context.Context, r store.Reader, in *lanyard.Instance,
	p *lanyard.Profile, c ProfileChange) error {
	if c.HierarchyRestricted != nil {
		for _, name := range c.HierarchyRestricted {
			if name != lanyard.HierarchyRestrictable && !s.lenient {
				return lanyard.Errorf(lanyard.Invalid, "HierarchyRestrictedResources must be %s, got %s",
					lanyard.HierarchyRestrictable, lanyard.Quote(name))
			}
		}
		p.HierarchyRestricted = unique(c.HierarchyRestricted)
	}
	if c.HierarchyGroup != nil {
		// The value that is there may be sent back, even if the group has been deleted since.
		if held := p.HierarchyGroup; *c.HierarchyGroup == "" {
			p.HierarchyGroup = ""
		} else if *c.HierarchyGroup != held {
			g, err := refer[*lanyard.Group](ctx, s, r, in, "AllowedAccessControlHierarchyGroupId", *c.HierarchyGroup)
			if err != nil {
				return err
			}
			p.HierarchyGroup = g.ID
		}
	}
	return nil
}

// thirdPartyAccess is the only permission of a third-party application.
const thirdPartyAccess = "ACCESS"

func (s *Service) applications(sent []lanyard.Application) ([]lanyard.Application, error) {
	var apps []lanyard.Application
	seen := map[string]int{}
	for i, a := range sent {
		if a.Namespace == "" {
			return nil, lanyard.Errorf(lanyard.Invalid, "Applications[%d].Namespace is required", i)
		}
		if len(a.Permissions) == 0 {
			return nil, lanyard.Errorf(lanyard.Invalid,
				"Applications[%d].ApplicationPermissions must have 1 to 50 items, got 0: %s for a third-party application, "+
					"tool ids for MCP", i, thirdPartyAccess)
		}
		if a.Type == "" {
			a.Type = lanyard.ApplicationThirdParty // clients older than the member never send it
		}
		for _, name := range a.Permissions {
			if a.Type == lanyard.ApplicationThirdParty && name != thirdPartyAccess && !s.lenient {
				return nil, lanyard.Errorf(lanyard.Invalid,
					"Applications[%d].ApplicationPermissions must be %s when Type is %s, got %s; tool ids are for Type %s",
					i, thirdPartyAccess, a.Type, lanyard.Quote(name), lanyard.ApplicationMCP)
			}
		}
		a.Permissions = unique(a.Permissions)
		if j, ok := seen[applicationKey(a)]; ok {
			if !sameNames(apps[j].Permissions, a.Permissions) {
				return nil, lanyard.Errorf(lanyard.Invalid,
					"Applications[%d].Namespace: %s is listed twice with Type %s and different permissions", i,
					lanyard.Quote(a.Namespace), a.Type)
			}
			continue
		}
		seen[applicationKey(a)] = len(apps)
		apps = append(apps, a)
	}
	return apps, nil
}

// sameNames reports whether two lists without repetitions hold the same names.
func sameNames(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(name string) bool { return !slices.Contains(b, name) })
}

func (s *Service) flowModules(ctx context.Context, r store.Reader, in *lanyard.Instance, had,
	sent []lanyard.FlowModule) ([]lanyard.FlowModule, error) {
	var modules []lanyard.FlowModule
	seen := map[string]bool{}
	for i, m := range sent {
		// The value that is there may be sent back, even if the module has been deleted since, or is no tool any more.
		if !slices.ContainsFunc(had, func(h lanyard.FlowModule) bool { return h.ID == m.ID }) {
			where := member("AllowedFlowModules", i, "FlowModuleId")
			found, err := used[*lanyard.Module](ctx, s, r, in, m.ID)
			if errors.Is(err, lanyard.ErrNotFound) || errors.Is(err, lanyard.ErrInvalid) {
				// An ARN is not offered: it exceeds the bound of FlowModuleId.
				return nil, lanyard.Errorf(lanyard.Invalid,
					"FlowModuleId is not valid: %s must be the id of an existing flow module, got %s",
					where, lanyard.Quote(m.ID))
			}
			if err != nil {
				return nil, err
			}
			if err := asTool(ctx, r, where, found); err != nil {
				return nil, err
			}
			m.ID = found.ID
		}
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		if m.Type == "" {
			m.Type = lanyard.ApplicationMCP
		}
		modules = append(modules, m)
	}
	return modules, nil
}

func allowedAIAgents(sent []lanyard.AllowedAIAgent) ([]lanyard.AllowedAIAgent, error) {
	var agents []lanyard.AllowedAIAgent
	seen := map[string]bool{}
	for i, a := range sent {
		if err := checkForeignARN(member("AllowedAIAgents", i, "Arn"), a.ARN); err != nil {
			return nil, err
		}
		if seen[a.ARN] {
			continue
		}
		seen[a.ARN] = true
		if a.Type == "" {
			a.Type = lanyard.AIAgentThirdParty
		}
		agents = append(agents, a)
	}
	return agents, nil
}

// maxRuleValue is CloudFormation's bound; the service model has none.
const maxRuleValue = 1000

func attributeRules(sent []lanyard.AttributeRule) ([]lanyard.AttributeRule, error) {
	var rules []lanyard.AttributeRule
	seen := map[string]bool{}
	const path = "GranularAccessControlConfiguration.DataTableAccessControlConfiguration.PrimaryAttributeAccessControlConfiguration.PrimaryAttributeValues"
	for i, rule := range sent {
		if rule.Attribute == "" {
			return nil, lanyard.Errorf(lanyard.Invalid, "%s is required", member(path, i, "AttributeName"))
		}
		if seen[rule.Attribute] {
			return nil, lanyard.Errorf(lanyard.Invalid,
				"%s: %s is listed twice; list an attribute once, with all its values", member(path, i, "AttributeName"),
				lanyard.Quote(rule.Attribute))
		}
		seen[rule.Attribute] = true
		if len(rule.Values) == 0 {
			return nil, lanyard.Errorf(lanyard.Invalid,
				"%s must have 1 or 2 items, got 0; leave out the entry to leave %s unrestricted", member(path, i, "Values"),
				lanyard.Quote(rule.Attribute))
		}
		for _, v := range rule.Values {
			if n := utf8.RuneCountInString(v); n < 1 || n > maxRuleValue {
				return nil, lanyard.Errorf(lanyard.Invalid, "%s must be 1 to %d characters long, got %d: %s",
					member(path, i, "Values"), maxRuleValue, n, lanyard.Quote(v))
			}
		}
		rule.Values = unique(rule.Values)
		if rule.Access == "" {
			rule.Access = lanyard.AttributeAllow
		}
		rules = append(rules, rule)
	}
	return rules, nil
}
