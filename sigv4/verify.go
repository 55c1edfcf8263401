// Package sigv4 verifies AWS Signature Version 4 of an HTTP request, signed in its Authorization header or presigned in
// its query, as the AWS SDKs and the command line do it. It says which access key signed the request; it neither reads
// the body from the wire, nor stores keys, nor knows what a key may do, nor writes responses.
//
// Set up a [Verifier], read the whole body and call [Verifier.Verify] with it; [Verifier.Claim] refuses most bad
// requests before the body is read. A refusal is an [Error], whose text may be shown to the caller. The package follows
// AWS's documentation of Signature Version 4, and botocore and aws-sdk-go-v2 where that is silent.
//
// Like AWS, it normalises "." and ".." and empty segments of the path before it compares. A
// caller that routes must do so by the path as sent, and must not clean it first: the verified
// path "/a/../b" is not a request for "/a".
package sigv4

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The codes of an Error. They are the names of the exceptions that AWS answers, all of them
// with status 403.
const (
	MissingAuthenticationToken = "MissingAuthenticationTokenException" // not signed at all
	IncompleteSignature        = "IncompleteSignatureException"        // cannot be read as a signature
	UnrecognizedClient         = "UnrecognizedClientException"         // unknown key or wrong session token
	InvalidSignature           = "InvalidSignatureException"           // does not fit the request, the time or the service
)

// An Error says why a request is refused. Its Message may be shown to the caller.
type Error struct {
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// A Key is what an access key signs with.
type Key struct {
	Secret       string
	SessionToken string // for temporary credentials: requests must carry it; otherwise they must carry none
}

// A Verifier verifies requests to one service in one region. Its fields are set before its first use. It is safe for
// concurrent use and must not be copied.
type Verifier struct {
	Region  string           // that the credential must be scoped to
	Service string           // that the credential must be scoped to, as "connect"
	Skew    time.Duration    // accepted difference of clocks; 5 minutes if zero
	Now     func() time.Time // time.Now if nil

	// Signed are headers, in canonical form, that must be signed when they are sent, in addition to host and
	// all of x-amz-*.
	Signed []string

	// Keys finds an access key. ok is false for a key that is unknown or disabled. An error is for a search that
	// failed, and Verify and Claim return it as it is. If Keys is nil, no key is known.
	Keys func(ctx context.Context, accessKeyID string) (key Key, ok bool, err error)

	derived keyCache
}

// nobody stands in for a key that is unknown, so that refusing one takes the same work as
// refusing a wrong signature.
var nobody = Key{Secret: "no key has this secret"}

// Claim checks all of r's signature that can be checked without its body: that it is complete and current, is for this
// service, covers the headers that it must, and is by a known key. It proves nothing, because anybody can claim to
// be a key: without an error, reading the body and calling Verify is worthwhile. Errors are as those of Verify.
func (v *Verifier) Claim(r *http.Request) error {
	c := newCanonicalizer()
	defer c.free()
	_, cl, err := v.begin(r, c)
	if err != nil {
		return err
	}
	if _, err := declaredPayload(r.Header); err != nil {
		return err
	}
	_, known, err := v.key(r.Context(), cl.accessKeyID)
	if err != nil {
		return err
	}
	if !known {
		return errUnknownKey
	}
	return nil
}

var errUnknownKey = refuse(UnrecognizedClient, "The access key in the request is unknown or disabled.")

// begin does the steps for which neither the body nor the key is needed.
func (v *Verifier) begin(r *http.Request, c *canonicalizer) (path string, cl claim, err error) {
	path, query, err := target(r)
	if err != nil {
		return path, cl, err
	}
	if err := c.readQuery(query); err != nil {
		return path, cl, err
	}
	if cl, err = c.readClaim(r); err != nil {
		return path, cl, err
	}
	if err := v.checkScope(cl); err != nil {
		return path, cl, err
	}
	if err := v.checkTime(cl); err != nil {
		return path, cl, err
	}
	return path, cl, c.readHeaders(r, cl.signedHeaders, v.Signed)
}

// key finds a key; nobody stands in for one that is unknown.
func (v *Verifier) key(ctx context.Context, id string) (key Key, known bool, err error) {
	if v.Keys == nil {
		return nobody, false, nil
	}
	if key, known, err = v.Keys(ctx, id); err != nil || !known {
		return nobody, false, err
	}
	return key, true, nil
}

// Verify returns the ID of the access key that signed r, whose whole body is body. It does not read r.Body. A refusal
// is an *Error; any other error came from Keys.
func (v *Verifier) Verify(r *http.Request, body []byte) (accessKeyID string, err error) {
	c := newCanonicalizer()
	defer c.free()
	path, cl, err := v.begin(r, c)
	if err != nil {
		return "", err
	}
	if err := c.hashPayload(r.Header, body); err != nil {
		return "", err
	}
	key, known, err := v.key(r.Context(), cl.accessKeyID)
	if err != nil {
		return "", err
	}
	id := cl.accessKeyID
	if !known {
		id = ""
	}
	signing := v.signingKey(id, key, cl.date)
	matches := v.matches(c, signing, r.Method, path, cl)
	tokenFits := subtle.ConstantTimeCompare([]byte(key.SessionToken), []byte(cl.token)) == 1

	switch {
	case !known:
		return "", errUnknownKey
	case !tokenFits:
		return "", refuse(UnrecognizedClient, "The security token in the request is not that of the access key: "+
			"X-Amz-Security-Token must be the session token issued with a temporary key, and must be absent for a lasting one.")
	case !matches:
		return "", refuse(InvalidSignature, "The request signature we calculated does not match the signature you provided. "+
			"Check the secret access key, and that nothing changes the request between signing and arrival.")
	}
	return cl.accessKeyID, nil
}

// matches reports whether the claim's signature is that of the request.
func (v *Verifier) matches(c *canonicalizer, signing []byte, method, path string, cl claim) bool {
	// A constant-time comparison of text: decoding the hex first would accept a second
	// spelling of a signature, in uppercase.
	want := c.signature(signing, method, normalizePath(path), cl, v.Region, v.Service)
	ok := subtle.ConstantTimeCompare(want, cl.signature[:]) == 1
	if !ok && !isNormal(path) {
		// aws-sdk-go-v2 signs the path exactly as it sends it, where AWS and the other SDKs
		// normalise it first. What is signed as sent is no less authentic.
		want = c.signature(signing, method, path, cl, v.Region, v.Service)
		ok = subtle.ConstantTimeCompare(want, cl.signature[:]) == 1
	}
	return ok
}

func (v *Verifier) checkScope(cl claim) error {
	switch {
	case cl.region != v.Region:
		return refuse(InvalidSignature, "Credential should be scoped to a valid region, here '%s', not '%s'.", v.Region,
			clip(cl.region))
	case cl.service != v.Service:
		return refuse(InvalidSignature, "Credential should be scoped to correct service: '%s', not '%s'.", v.Service,
			clip(cl.service))
	case cl.terminator != terminator:
		return refuse(InvalidSignature, "Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator,
			clip(cl.terminator))
	case cl.date != cl.stamp[:len(dateLayout)]:
		return refuse(InvalidSignature,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			clip(cl.date), cl.stamp[:len(dateLayout)], cl.stamp)
	}
	return nil
}

func (v *Verifier) checkTime(cl claim) error {
	skew, now := v.Skew, time.Now
	if skew == 0 {
		skew = 5 * time.Minute
	}
	if v.Now != nil {
		now = v.Now
	}
	at := now().UTC()
	lasts := skew
	if cl.presigned {
		lasts = cl.expires // as the signer asked, to the second
	}
	if earliest := at.Add(-lasts); cl.time.Before(earliest) {
		return refuse(InvalidSignature, "Signature expired: %s is now earlier than %s (%s - %v).",
			cl.stamp, earliest.Format(stampLayout), at.Format(stampLayout), lasts)
	}
	if latest := at.Add(skew); cl.time.After(latest) {
		return refuse(InvalidSignature, "Signature not yet current: %s is still later than %s (%s + %v).",
			cl.stamp, latest.Format(stampLayout), at.Format(stampLayout), skew)
	}
	return nil
}

// clip shortens what a stranger sent, for a message. It is not lanyard.Clip, because this package imports nothing of
// the module and can be lifted out of it.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "..."
	}
	return s
}
