package frontends

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/sigv4"
)

// Emulator says how a server takes requests that nobody has to sign.
type Emulator struct {
	// Hosts are names by which clients reach the server, besides those that cannot be a stranger's.
	Hosts []string
}

// strangerRefused is the answer to web pages of strangers. Any page in a browser could change an emulator otherwise.
const strangerRefused = "an emulator answers requests for its own name only, and no web pages of other origins: Host must " +
	"be a loopback name, an address of this server, a name without dots when it listens for other machines, or one of " +
	"--emulator-host; Origin must be absent or the same as Host"

// privateSuffixes end names that only name servers of private networks resolve.
var privateSuffixes = []string{".internal", ".svc", ".cluster.local"}

// owns reports whether a name in a Host header can only be meant for this server. Containers reach each other by names
// without dots, which nobody can register. The nil Emulator owns no names.
func (e *Emulator) owns(name, listen string) bool {
	if e == nil || name == "" {
		return false
	}
	if slices.ContainsFunc(e.Hosts, func(own string) bool { return strings.EqualFold(own, name) }) {
		return true
	}
	if IsLoopback(listen) {
		return false
	}
	return !strings.Contains(name, ".") ||
		slices.ContainsFunc(privateSuffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	keyForm     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+){1,3}-[0-9]{1,2}$`)
)

// identify returns the account and region that a request names, without verifying anything. A key of twelve digits is
// the account; every other key, and no key, is of the account of the server.
func (c *Config) identify(r *http.Request) (awsapi.Identity, error) {
	who := awsapi.Identity{Account: c.Account, Region: c.Region}
	signed, ok := sigv4.ReadCredential(r)
	if !ok {
		return who, nil
	}
	if !regionForm.MatchString(signed.Region) {
		return who, &sigv4.Error{Code: sigv4.InvalidSignature,
			Message: "Credential should be scoped to a valid region, such as us-east-1, not '" + lanyard.Clip(signed.Region) + "'."}
	}
	who.Region = signed.Region
	if keyForm.MatchString(signed.AccessKeyID) {
		who.AccessKeyID = signed.AccessKeyID
	}
	if accountForm.MatchString(signed.AccessKeyID) {
		who.Account = signed.AccessKeyID
	}
	return who, nil
}

// trustsOperator returns whom the management API takes its callers for: nil for those who prove to be the operator.
func (c *Config) trustsOperator() func(*http.Request) (lanyard.AccessKey, error) {
	if c.Emulator == nil {
		return nil
	}
	return func(r *http.Request) (lanyard.AccessKey, error) {
		who, err := c.identify(r)
		return lanyard.AccessKey{ID: who.AccessKeyID, Account: who.Account, Root: true}, err
	}
}
