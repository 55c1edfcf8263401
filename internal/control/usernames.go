package control

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
)

// Bounds of user names. That with SAML is documented; 100 is the model's.
const (
	maxUsername     = 100
	maxSAMLUsername = 64
)

var (
	samlUsername = regexp.MustCompile(`^[a-zA-Z0-9_.@-]+$`)
	emailForm    = regexp.MustCompile(`^[^@]+@([^@.]+\.)+[^@.]{2,}$`)
)

// checkUsername refuses names that the documentation has as incorrect, and those in the form of an id or an ARN: a user
// is found by id, ARN or name, and one's name must never be taken for another's id. Users who have such names keep
// them.
func checkUsername(identity, name string) error {
	refuse := func(accepted string) error {
		return lanyard.Errorf(lanyard.Invalid, "Username must be %s, got %s", accepted, lanyard.Quote(name))
	}
	most := maxUsername
	if identity == SAML {
		most = maxSAMLUsername
	}
	switch n := utf8.RuneCountInString(name); {
	case n < 1 || n > most:
		return lanyard.Errorf(lanyard.Invalid, "Username must be 1 to %d characters long with identity management %s, got %d",
			most, identity, n)
	case strings.ContainsFunc(name, unicode.IsSpace):
		return refuse("without spaces")
	case len(name) == 36 && uuid.Validate(name) == nil || lanyard.IsARN(name):
		return refuse("a name that does not look like an id or ARN")
	case strings.Contains(name, "@") && !emailForm.MatchString(name):
		return refuse("an email address such as jane@example.com, or without @")
	case identity == SAML && !samlUsername.MatchString(name):
		return refuse("made of letters a to z, digits and _ - . @ with identity management SAML")
	}
	return nil
}

// checkSAML refuses what an identity provider says of its users.
func checkSAML(in *lanyard.Instance, member, value string) error {
	if in.IdentityManagement != SAML || value == "" {
		return nil
	}
	return lanyard.Errorf(lanyard.Invalid,
		"%s must be absent when the identity management of the instance is SAML, got %s", member, lanyard.Quote(value))
}
