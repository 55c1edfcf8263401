package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// A text is one that people read, as a resource holds it, and the member of requests that sets it.
type text struct {
	member string
	value  string
	prose  bool // it may have lines and tabs
}

// nameMembers are the members that set the names of types, where that is not Name.
var nameMembers = map[lanyard.Type]string{
	lanyard.TypeInstance: "InstanceAlias", lanyard.TypeProfile: "SecurityProfileName", lanyard.TypeUser: "Username",
}

// texts is the table of what people read of a resource. Names and tags are those of every type.
func texts(r lanyard.Resource) []text {
	m := r.Head()
	name := nameMembers[r.Type()]
	if name == "" {
		name = "Name"
	}
	all := []text{{member: name, value: m.Name}}
	for _, k := range slices.Sorted(maps.Keys(m.Tags)) {
		all = append(all, text{member: "Tags", value: k},
			text{member: fmt.Sprintf("Tags[%s]", lanyard.Quote(k)), value: m.Tags[k]})
	}
	prose := func(member, value string) { all = append(all, text{member, value, true}) }
	line := func(member string, values ...string) {
		for _, v := range values {
			all = append(all, text{member: member, value: v})
		}
	}
	switch r := r.(type) {
	case *lanyard.Profile:
		prose("Description", r.Description)
		line("Permissions", r.Permissions...)
		line("TagRestrictedResources", r.TagRestricted...)
		line("HierarchyRestrictedResources", r.HierarchyRestricted...)
		for _, k := range slices.Sorted(maps.Keys(r.AccessTags)) {
			line("AllowedAccessControlTags", k, r.AccessTags[k])
		}
		for i, a := range r.Applications {
			line(member("Applications", i, "Namespace"), a.Namespace)
			line(member("Applications", i, "ApplicationPermissions"), a.Permissions...)
		}
		for _, rule := range r.DataTables {
			line("PrimaryAttributeValues.AttributeName", rule.Attribute)
			line("PrimaryAttributeValues.Values", rule.Values...)
		}
	case *lanyard.User:
		line("IdentityInfo.FirstName", r.FirstName)
		line("IdentityInfo.LastName", r.LastName)
		line("IdentityInfo.Email", r.Email)
		line("IdentityInfo.SecondaryEmail", r.SecondaryEmail)
		line("IdentityInfo.Mobile", r.Mobile)
		line("DirectoryUserId", r.DirectoryUserID)
		for _, p := range r.Proficiencies {
			line("UserProficiencies.AttributeName", p.Attribute)
			line("UserProficiencies.AttributeValue", p.Value)
		}
	case *lanyard.Structure:
		for i, l := range r.Levels {
			line("HierarchyStructure."+levelNames[i]+".Name", l.Name)
		}
	case *lanyard.Queue:
		prose("Description", r.Description)
	case *lanyard.RoutingProfile:
		prose("Description", r.Description)
	case *lanyard.Hours:
		prose("Description", r.Description)
	case *lanyard.Module:
		prose("Description", r.Description)
	case *lanyard.QuickConnect:
		prose("Description", r.Description)
	case *lanyard.ModuleVersion:
		prose("Description", r.Description)
	case *lanyard.ModuleAlias:
		prose("Description", r.Description)
	}
	return all
}

// forges reports whether a terminal or a page that shows c could be made to show something else: a control character
// or one that turns the direction of writing around.
func forges(c rune) bool {
	return unicode.IsControl(c) || c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069'
}

// check refuses a text with characters that would forge what shows it.
func (t text) check() error {
	bad := func(c rune) bool { return forges(c) && !(t.prose && (c == '\n' || c == '\r' || c == '\t')) }
	if strings.IndexFunc(t.value, bad) < 0 {
		return nil
	}
	accepted := "without control characters"
	if t.prose {
		accepted = "without control characters other than line breaks and tabs"
	}
	return lanyard.Errorf(lanyard.Invalid, "%s must be text %s and without characters that override its direction, got %s",
		t.member, accepted, lanyard.Quote(t.value))
}

// texting is a transaction that stores no new text that could forge what shows it. A text that is stored already may
// stay, for it may be older than this rule.
type texting struct{ store.Tx }

// Put checks what r has and the resource that it replaces does not.
func (x texting) Put(ctx context.Context, r lanyard.Resource) error {
	if r.Type() == lanyard.TypeClientToken {
		return x.Tx.Put(ctx, r) // nobody reads it
	}
	var had []text
	for _, t := range texts(r) {
		err := t.check()
		if err == nil {
			continue
		}
		if had == nil && r.Head().Seq != 0 {
			before, failed := x.Get(ctx, r.Type(), r.Head().ID)
			if failed != nil {
				return failed
			}
			had = texts(before)
		}
		if !slices.ContainsFunc(had, func(old text) bool { return old.value == t.value && old.prose == t.prose }) {
			return err
		}
	}
	return x.Tx.Put(ctx, r)
}
