package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm   = "AWS4-HMAC-SHA256"
	terminator  = "aws4_request"
	stampLayout = "20060102T150405Z"
	dateLayout  = "20060102"

	maxAuthorization = 8 << 10
	maxAccessKeyID   = 128     // as in IAM
	maxExpires       = 15 * 60 // seconds; for as long a presigned request can be replayed
)

// claim is what a request says about its own signature.
type claim struct {
	accessKeyID, date, region, service, terminator string // the credential

	signedHeaders string
	signature     [64]byte // hex
	token         string   // X-Amz-Security-Token, if any
	time          time.Time
	stamp         string // time, as it is signed
	presigned     bool
	expires       time.Duration // of a presigned request
}

// readClaim reads the claim out of the Authorization header or the query, whichever there is.
func (c *canonicalizer) readClaim(r *http.Request) (claim, error) {
	inHeader := len(r.Header["Authorization"]) > 0
	switch {
	case inHeader && c.presigned():
		return claim{}, refuse(IncompleteSignature,
			"The request is signed twice: use either the Authorization header or the X-Amz-* query parameters, not both.")
	case inHeader:
		return readHeaderClaim(r.Header)
	case c.presigned():
		return c.readQueryClaim()
	}
	return claim{}, refuse(MissingAuthenticationToken,
		"Missing Authentication Token: the request has neither an Authorization header nor X-Amz-Signature in its query.")
}

func readHeaderClaim(h http.Header) (claim, error) {
	var cl claim
	auth, err := single(h, "Authorization")
	if err != nil {
		return cl, err
	}
	if len(auth) > maxAuthorization {
		return cl, refuse(IncompleteSignature, "The Authorization header is longer than %d bytes.", maxAuthorization)
	}
	alg, rest, _ := strings.Cut(strings.TrimSpace(auth), " ")
	if err := checkAlgorithm(alg); err != nil {
		return cl, err
	}

	var credential, signature string
	for part := range strings.SplitSeq(rest, ",") {
		part = strings.TrimSpace(part)
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return cl, refuse(IncompleteSignature,
				"The Authorization header has a part that is not key=value; it should be %s Credential=..., SignedHeaders=..., "+
					"Signature=...", algorithm)
		}
		var field *string
		switch name {
		case "Credential":
			field = &credential
		case "SignedHeaders":
			field = &cl.signedHeaders
		case "Signature":
			field = &signature
		default:
			return cl, refuse(IncompleteSignature,
				"The Authorization header has the unknown parameter '%s'; it takes Credential, SignedHeaders and Signature.",
				clip(name))
		}
		if *field != "" {
			return cl, refuse(IncompleteSignature, "The Authorization header has the parameter '%s' more than once.", name)
		}
		*field = value
	}
	for _, p := range []struct{ name, value string }{
		{"Credential", credential}, {"SignedHeaders", cl.signedHeaders}, {"Signature", signature},
	} {
		if p.value == "" {
			return cl, refuse(IncompleteSignature, "Authorization header requires '%s' parameter.", p.name)
		}
	}

	if err := cl.setCredential(credential); err != nil {
		return cl, err
	}
	if err := cl.setSignature(signature); err != nil {
		return cl, err
	}
	if cl.token, err = single(h, "X-Amz-Security-Token"); err != nil {
		return cl, err
	}
	return cl, cl.setTimeFromHeader(h)
}

func (c *canonicalizer) readQueryClaim() (claim, error) {
	var cl claim
	var values [len(authParams)]string
	for i, name := range authParams {
		p := c.auth[i]
		if p.count > 1 {
			return cl, refuse(IncompleteSignature, "The query has the parameter '%s' more than once.", name)
		}
		if p.count == 1 {
			// What readQuery encoded is well formed, so this cannot fail.
			values[i], _ = url.QueryUnescape(string(c.encoded(p.value)))
		}
		if values[i] == "" && i != paramToken {
			return cl, refuse(IncompleteSignature, "A presigned query requires the parameter '%s'.", name)
		}
	}
	if err := checkAlgorithm(values[paramAlgorithm]); err != nil {
		return cl, err
	}
	if err := cl.setCredential(values[paramCredential]); err != nil {
		return cl, err
	}
	if err := cl.setSignature(values[paramSignature]); err != nil {
		return cl, err
	}
	seconds, err := strconv.ParseUint(values[paramExpires], 10, 32)
	if err != nil || seconds < 1 || seconds > maxExpires {
		return cl, refuse(IncompleteSignature, "X-Amz-Expires must be a number of seconds from 1 to %d, not '%s'.",
			maxExpires, clip(values[paramExpires]))
	}
	cl.presigned = true
	cl.expires = time.Duration(seconds) * time.Second
	cl.signedHeaders = values[paramSignedHeaders]
	cl.token = values[paramToken]
	return cl, cl.setTime(values[paramDate], "X-Amz-Date")
}

func checkAlgorithm(alg string) error {
	if alg != algorithm {
		return refuse(IncompleteSignature, "Unsupported AWS 'algorithm': '%s'; it should be '%s'.", clip(alg), algorithm)
	}
	return nil
}

func (cl *claim) setCredential(s string) error {
	parts := [5]*string{&cl.accessKeyID, &cl.date, &cl.region, &cl.service, &cl.terminator}
	rest, more := s, true
	for _, p := range parts {
		if !more {
			break
		}
		*p, rest, more = strings.Cut(rest, "/")
	}
	if more || cl.terminator == "" || cl.accessKeyID == "" {
		return refuse(IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, keyid/date/region/service/%s, got '%s'.", terminator,
			clip(s))
	}
	if len(cl.accessKeyID) > maxAccessKeyID {
		return refuse(IncompleteSignature, "The access key ID in Credential is longer than %d characters.", maxAccessKeyID)
	}
	return nil
}

func (cl *claim) setSignature(s string) error {
	if copy(cl.signature[:], s) != len(cl.signature) || len(s) != len(cl.signature) {
		return refuse(IncompleteSignature, "Signature must be %d hexadecimal digits, got %d characters.", len(cl.signature),
			len(s))
	}
	return nil
}

// setTimeFromHeader prefers X-Amz-Date, as AWS does: HTTP clients like to set Date themselves.
func (cl *claim) setTimeFromHeader(h http.Header) error {
	stamp, err := single(h, "X-Amz-Date")
	if err != nil {
		return err
	}
	if stamp != "" {
		return cl.setTime(stamp, "X-Amz-Date")
	}
	date, err := single(h, "Date")
	if err != nil {
		return err
	}
	if date == "" {
		return refuse(IncompleteSignature,
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	for _, layout := range []string{http.TimeFormat, time.RFC1123Z} {
		if t, err := time.Parse(layout, date); err == nil {
			return cl.setTime(t.UTC().Format(stampLayout), "Date")
		}
	}
	return cl.setTime(date, "Date")
}

func (cl *claim) setTime(stamp, from string) (err error) {
	// The length keeps out the fractions of a second that time.Parse would let pass.
	if len(stamp) == len(stampLayout) {
		cl.stamp = stamp
		cl.time, err = time.Parse(stampLayout, stamp)
	}
	if err != nil || cl.stamp == "" {
		return refuse(IncompleteSignature, "%s must be a time in the form %s, not '%s'.", from, "YYYYMMDD'T'HHMMSS'Z'",
			clip(stamp))
	}
	return nil
}

// single returns the value of a header that may appear at most once: with two it would be unclear which one counts.
func single(h http.Header, name string) (string, error) {
	values := h[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", refuse(IncompleteSignature, "The request has more than one '%s' header.", name)
}
