// Package subject has the form in which the rights of one subject leave the server: a snapshot, signed with a key of
// the server, that says what one user or AI agent may do until it expires. It signs and verifies; who may have whose
// snapshot, and how it travels, is not its job. The same code verifies in WebAssembly, so the package knows neither
// HTTP nor a store.
//
// A snapshot is a JWS in compact serialization (RFC 7515) with Ed25519 (RFC 8037). The payload is a Claims as JSON.
package subject

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Version is the form of Claims and the rules that they are decided by. It is raised when an engine that does not know
// a new member would allow too much. A verifier knows its own version only.
const Version = 1

// MaxSnapshot bounds a snapshot, in bytes.
const MaxSnapshot = 2 << 20

// MaxLifetime is how long a snapshot may be valid.
const MaxLifetime = time.Hour

// maxSkew is how much later than the verifier's clock a snapshot may have been issued.
const maxSkew = 5 * time.Minute

// Claims are what a snapshot says.
type Claims struct {
	Version int   `json:"v"`
	Issued  int64 `json:"iat"` // in seconds since 1970
	Expires int64 `json:"exp"`
	Rights  access.Rights
}

// A header is that of a JWS.
type header struct {
	Algorithm string `json:"alg"`
	Key       string `json:"kid"`
	Type      string `json:"typ"`
}

const (
	algorithm = "EdDSA"
	mediaType = "lanyard-subject+jws"
)

var encoding = base64.RawURLEncoding.Strict()

// A PublicKey verifies snapshots. It is a JWK (RFC 7517).
type PublicKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// A KeySet is a JWK set.
type KeySet struct {
	Keys []PublicKey `json:"keys"`
}

// Publish returns the public half of a key, whose id is its thumbprint (RFC 7638).
func Publish(key ed25519.PrivateKey) PublicKey {
	x := encoding.EncodeToString(key.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return PublicKey{Type: "OKP", Curve: "Ed25519", X: x, ID: encoding.EncodeToString(sum[:]), Algorithm: algorithm,
		Use: "sig"}
}

// ETag identifies rights, apart from the revision at which they were found.
func ETag(r *access.Rights) (string, error) {
	same := *r
	same.Revision = 0
	b, err := json.Marshal(&same, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return `"` + encoding.EncodeToString(sum[:18]) + `"`, nil
}

// Sign returns the snapshot of c.
func Sign(key ed25519.PrivateKey, c *Claims) ([]byte, error) {
	c.Version = Version
	payload, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode a subject snapshot: %w", err)
	}
	head, err := json.Marshal(header{algorithm, Publish(key).ID, mediaType})
	if err != nil {
		return nil, err
	}
	signed := encoding.EncodeToString(head) + "." + encoding.EncodeToString(payload)
	out := signed + "." + encoding.EncodeToString(ed25519.Sign(key, []byte(signed)))
	if len(out) > MaxSnapshot {
		return nil, lanyard.Errorf(lanyard.Limit, "the subject snapshot must be at most %d bytes, got %d", MaxSnapshot,
			len(out))
	}
	return []byte(out), nil
}

// A Fault says why a snapshot is of no use. It denies everything.
type Fault struct {
	Reason string // one of the Reason constants
	Text   string
}

func (f *Fault) Error() string { return f.Text }

// The reasons why a snapshot is of no use.
const (
	ReasonMissing  = "no snapshot"
	ReasonInvalid  = "invalid snapshot"
	ReasonForged   = "forged snapshot"
	ReasonKey      = "unknown key"
	ReasonExpired  = "expired snapshot"
	ReasonEarly    = "snapshot from the future"
	ReasonSubject  = "another subject"
	ReasonInstance = "another instance"
)

func fault(reason, format string, args ...any) error {
	return &Fault{reason, fmt.Sprintf(format, args...)}
}

// Expected is for whom a snapshot must be. Empty members are not checked.
type Expected struct {
	Instance string
	Subject  access.Subject
}

// A Snapshot is one that was verified.
type Snapshot struct {
	*access.Solo
	Claims Claims
	Key    string
}

// Open verifies a snapshot with one of the keys and compiles it. The error is a *Fault.
func Open(text []byte, keys []PublicKey, want Expected, now time.Time) (*Snapshot, error) {
	payload, kid, err := verify(text, keys)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Key: kid}
	var version struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(payload, &version); err == nil && version.Version != Version {
		return nil, fault(ReasonInvalid, "the version of the subject snapshot must be %d, got %d; update the server or this "+
			"library", Version, version.Version)
	}
	if err := json.Unmarshal(payload, &s.Claims, json.RejectUnknownMembers(true)); err != nil {
		return nil, fault(ReasonInvalid, "the subject snapshot cannot be read: %v", err)
	}
	if err := want.check(&s.Claims.Rights); err != nil {
		return nil, err
	}
	if s.Solo, err = s.Claims.Rights.Compile(); err != nil {
		return nil, fault(ReasonInvalid, "the subject snapshot cannot be used: %v", err)
	}
	return s, s.Check(now)
}

// verify returns the payload of a JWS and the id of the key that signed it.
func verify(text []byte, keys []PublicKey) (payload []byte, kid string, err error) {
	if len(text) == 0 {
		return nil, "", fault(ReasonMissing, "there is no subject snapshot")
	}
	if len(text) > MaxSnapshot {
		return nil, "", fault(ReasonInvalid, "the subject snapshot must be at most %d bytes, got %d", MaxSnapshot, len(text))
	}
	parts := bytes.Split(text, []byte("."))
	if len(parts) != 3 {
		return nil, "", fault(ReasonInvalid, "the subject snapshot must have 3 parts, got %d; it may be truncated",
			len(parts))
	}
	var decoded [3][]byte
	for i, part := range parts {
		if decoded[i], err = encoding.AppendDecode(nil, part); err != nil || bytes.ContainsAny(part, "\r\n") {
			return nil, "", fault(ReasonInvalid, "part %d of the subject snapshot must be base64url; it may be truncated", i+1)
		}
	}
	var h header
	if err := json.Unmarshal(decoded[0], &h, json.RejectUnknownMembers(true)); err != nil || h.Algorithm != algorithm ||
		h.Type != mediaType {
		return nil, "", fault(ReasonInvalid, "the header of the subject snapshot must say alg %s and typ %s", algorithm,
			mediaType)
	}
	key, err := find(keys, h.Key)
	if err != nil {
		return nil, h.Key, err
	}
	if !ed25519.Verify(key, text[:len(parts[0])+1+len(parts[1])], decoded[2]) {
		return nil, h.Key, fault(ReasonForged, "the signature of the subject snapshot is wrong; it is forged or truncated")
	}
	return decoded[1], h.Key, nil
}

// find returns the key with an id.
func find(keys []PublicKey, id string) (ed25519.PublicKey, error) {
	for _, k := range keys {
		x, err := encoding.DecodeString(k.X)
		if k.ID == id && k.Type == "OKP" && k.Curve == "Ed25519" && err == nil && len(x) == ed25519.PublicKeySize {
			return x, nil
		}
	}
	return nil, fault(ReasonKey, "key %s, with which the subject snapshot is signed, is not among the server's",
		lanyard.Quote(id))
}

// check returns why rights are not those that are expected.
func (want Expected) check(r *access.Rights) error {
	if want.Instance != "" && r.Instance != want.Instance {
		return fault(ReasonInstance, "the instance of the subject snapshot must be %s, got %s", lanyard.Quote(want.Instance),
			lanyard.Quote(r.Instance))
	}
	if want.Subject == (access.Subject{}) {
		return nil
	}
	var got access.Subject
	named := false
	if len(r.Holders) > 0 {
		got.ID = r.Holders[0].ID
		if r.Holders[0].Agent {
			got.Type = access.AIAgent
		}
		named = !r.Holders[0].Agent && !lanyard.IsID(want.Subject.ID) && r.Holders[0].Name == want.Subject.ID
	}
	human := want.Subject.Human == ""
	if len(r.Holders) > 1 {
		got.Human = r.Holders[1].ID
		human = want.Subject.Human == got.Human ||
			!lanyard.IsID(want.Subject.Human) && want.Subject.Human != "" && r.Holders[1].Name == want.Subject.Human
	}
	if got.Type == want.Subject.Type && (got.ID == want.Subject.ID || named) && human {
		return nil
	}
	return fault(ReasonSubject, "the subject snapshot must be of %s, got that of %s", Describe(want.Subject), Describe(got))
}

// Describe names a subject.
func Describe(s access.Subject) string {
	var b strings.Builder
	if s.Type == access.AIAgent {
		b.WriteString("AI agent ")
	} else {
		b.WriteString("user ")
	}
	b.WriteString(lanyard.Quote(s.ID))
	if s.Human != "" {
		b.WriteString(" assisting user " + lanyard.Quote(s.Human))
	}
	return b.String()
}

// Check returns why s is of no use at a time.
func (s *Snapshot) Check(now time.Time) error {
	at := func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
	switch c := &s.Claims; {
	case c.Expires <= c.Issued || c.Expires-c.Issued > int64(MaxLifetime/time.Second):
		return fault(ReasonInvalid, "the subject snapshot must expire within %v", MaxLifetime)
	case now.Unix() >= c.Expires:
		return fault(ReasonExpired, "the subject snapshot expired at %s and it is %s", at(c.Expires), at(now.Unix()))
	case now.Add(maxSkew).Unix() < c.Issued:
		return fault(ReasonEarly, "the subject snapshot was issued at %s and the clock says %s", at(c.Issued),
			at(now.Unix()))
	}
	return nil
}
