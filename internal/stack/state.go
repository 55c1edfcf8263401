package stack

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// What a stack consists of is noted in tags, so that any machine can go on with it, against lanyard and Amazon Connect
// alike.
const (
	stackTag   = "lanyard:stack"
	logicalTag = "lanyard:logical-id"
	appliedTag = "lanyard:applied"
	// structureTag is on the instance, for the hierarchy structure has no tags: STACK/LOGICAL-ID/APPLIED.
	structureTag = "lanyard:structure"
)

var stateTags = []string{stackTag, logicalTag, appliedTag}

// IsStateTag reports whether a tag is a note of a stack. Such tags are no property of the resource.
func IsStateTag(key string) bool { return slices.Contains(stateTags, key) || key == structureTag }

// maxOwnTags is how many tags of its own a resource of a stack may have: 50 less the stack's.
const maxOwnTags = 50 - 3

var stackName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// CheckName refuses what cannot be the name of a stack.
func CheckName(name string) error {
	if stackName.MatchString(name) {
		return nil
	}
	return lanyard.Errorf(lanyard.Invalid,
		"the name of the stack must be 1 to 128 letters, digits, dots, dashes and underscores that begin with a letter or "+
			"digit, got %s", lanyard.Quote(name))
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// NameOf returns the name that a stack has by the name of its first file, without its ending. It may be none; see
// CheckName.
func NameOf(file string) string {
	name := filepath.Base(file)
	for _, ending := range []string{".yaml", ".yml", ".json", ".template"} {
		name = strings.TrimSuffix(name, ending)
	}
	return strings.Trim(notInNames.ReplaceAllString(name, "-"), "-.")
}

// A note is what the tags of a resource say.
type note struct{ stack, logicalID, applied string }

// noteOf returns the note of a resource; the zero value when there is none.
func (v *view) noteOf(r lanyard.Resource) note {
	if r.Type() == lanyard.TypeStructure {
		parts := strings.Split(v.instance.Tags[structureTag], "/")
		if len(parts) != 3 {
			return note{}
		}
		return note{parts[0], parts[1], parts[2]}
	}
	tags := r.Head().Tags
	return note{tags[stackTag], tags[logicalTag], tags[appliedTag]}
}

// noteTags are the tags that hold a note.
func noteTags(t lanyard.Type, n note) map[string]any {
	if t == lanyard.TypeStructure {
		return map[string]any{structureTag: n.stack + "/" + n.logicalID + "/" + n.applied}
	}
	return map[string]any{stackTag: n.stack, logicalTag: n.logicalID, appliedTag: n.applied}
}

// noteKeys are the keys of those tags.
func noteKeys(t lanyard.Type) []any {
	if t == lanyard.TypeStructure {
		return []any{structureTag}
	}
	return anyList(stateTags)
}

// noteARN is the ARN of what has the tags of a resource's note.
func noteARN(instance lanyard.ARN, t lanyard.Type, id string) string {
	if t == lanyard.TypeStructure {
		instance.Type, instance.ID = lanyard.TypeInstance, ""
		return instance.String()
	}
	return arnOf(instance, t, id)
}

// The versions of the form of notes: of what the stack made, and of what it found and never deletes.
const (
	madeNote    = "1"
	adoptedNote = "1-adopted"
)

func isAdopted(applied string) bool { return strings.HasPrefix(applied, adoptedNote+".") }

// applied is the note of the properties that a resource had after an apply: the version of the form, a hash of the
// properties, and the optional properties among them, for what the template leaves alone may change.
func (k *kind) applied(version string, p Properties) string {
	var managed []string
	for _, name := range k.optional {
		if _, ok := p[name]; ok {
			managed = append(managed, name)
		}
	}
	slices.Sort(managed)
	return strings.TrimSuffix(version+"."+hash(p)+"."+strings.Join(managed, "+"), ".")
}

// managedBy are the optional properties that a note says were applied.
func managedBy(applied string) []string {
	parts := strings.SplitN(applied, ".", 3)
	if len(parts) < 3 {
		return nil
	}
	return strings.Split(parts[2], "+")
}

// drifted reports whether what is there differs from what the note says was applied.
func (k *kind) drifted(live Properties, applied string) bool {
	parts := strings.SplitN(applied, ".", 3)
	if len(parts) < 2 || parts[0] != madeNote && parts[0] != adoptedNote {
		return false // another version of the form: nothing is known
	}
	managed := managedBy(applied)
	p := Properties{}
	for name, v := range live {
		if !slices.Contains(k.optional, name) || slices.Contains(managed, name) {
			p[name] = v
		}
	}
	for _, name := range managed { // an empty list is left out of what is there
		if _, ok := p[name]; !ok && slices.Contains(k.optional, name) {
			p[name] = []any{}
		}
	}
	return hash(p) != parts[1]
}
