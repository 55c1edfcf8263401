package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/lanyard/lanyard/sigv4"
)

const (
	host    = "connect.us-east-1.amazonaws.com"
	keyID   = "AKIDEXAMPLE"
	tempID  = "ASIDEXAMPLE"
	secret  = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token   = "FwoGZXIvYXdzEXAMPLE//tok+en=="
	arnPath = "/tags/arn%3Aaws%3Aconnect%3Aus-east-1%3A123456789012%3Ainstance%2Fabc"
)

var signedAt = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func newVerifier() *sigv4.Verifier {
	return &sigv4.Verifier{
		Region:  "us-east-1",
		Service: "connect",
		Now:     func() time.Time { return signedAt },
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			switch id {
			case keyID:
				return sigv4.Key{Secret: secret}, true, nil
			case tempID:
				return sigv4.Key{Secret: secret, SessionToken: token}, true, nil
			}
			return sigv4.Key{}, false, nil
		},
	}
}

// sample is a request before it is signed; what is zero has the value that most tests want.
type sample struct {
	method, uri, body string
	header            http.Header
	id, token, secret string
	region, service   string
	at                time.Time
	presign           int // seconds; signed in the header if 0
}

// signed returns the request as a server receives it, and its body.
func (s sample) signed(t testing.TB) (*http.Request, []byte) {
	t.Helper()
	if s.at.IsZero() {
		s.at = signedAt
	}
	creds := aws.Credentials{
		AccessKeyID:     or(s.id, keyID),
		SecretAccessKey: or(s.secret, secret),
		SessionToken:    s.token,
	}
	req, err := http.NewRequest(or(s.method, "GET"), "https://"+host+or(s.uri, arnPath), strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range s.header {
		req.Header[name] = values
	}
	sum := sha256.Sum256([]byte(s.body))
	payload := hex.EncodeToString(sum[:])
	region, service := or(s.region, "us-east-1"), or(s.service, "connect")
	if s.presign == 0 {
		if err := v4.NewSigner().SignHTTP(t.Context(), creds, req, payload, service, region, s.at); err != nil {
			t.Fatal(err)
		}
		return received(req), []byte(s.body)
	}
	q := req.URL.Query()
	q.Set("X-Amz-Expires", fmt.Sprint(s.presign))
	req.URL.RawQuery = q.Encode()
	uri, header, err := v4.NewSigner().PresignHTTP(t.Context(), creds, req, payload, service, region, s.at)
	if err != nil {
		t.Fatal(err)
	}
	presigned, err := http.NewRequest(req.Method, uri, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		if name != "Host" && name != "Content-Length" {
			presigned.Header[name] = values
		}
	}
	return received(presigned), []byte(s.body)
}

func received(req *http.Request) *http.Request {
	req.RequestURI = req.URL.RequestURI()
	req.Host = host
	req.Body = nil
	return req
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func codeOf(err error) string {
	var e *sigv4.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return "not an *Error: " + err.Error()
}

func TestVerifySigned(t *testing.T) {
	rows := []struct {
		name string
		sample
	}{
		{"get", sample{uri: "/security-profiles-summary/b0c1?maxResults=10&nextToken=a%2Bb%2Fc%3D%3D"}},
		{"root", sample{uri: "/"}},
		{"no path", sample{uri: "?a=b"}},
		{"encoded ARN", sample{}},
		{"encoded ARN, lower-case escapes", sample{uri: strings.ReplaceAll(arnPath, "%3A", "%3a")}},
		{"reserved characters in the path", sample{uri: "/a:b@c!d$e&f'g(h)i*j+k,l;m=n~o/%20%25"}},
		{"empty segment, which this signer keeps", sample{uri: "/a//b/"}},
		{"dot segments, which this signer keeps", sample{uri: "/a/./b/../c"}},
		{"repeated keys", sample{uri: arnPath + "?tagKeys=b&tagKeys=a%2Fb&tagKeys=a-b&tagKeys=a&tagKeys=a"}},
		{"key that begins another", sample{uri: "/?a-b=1&a=2&a%3D=3"}},
		{"empty values", sample{uri: "/?a&b=&=c&&d=e"}},
		{"spaces and non-ASCII", sample{uri: "/?k=a+b%20c&%D0%BA=%e6%97%a5"}},
		{"body", sample{method: "PUT", uri: "/security-profiles/b0c1", body: `{"a":"ö"}`,
			header: http.Header{"Content-Type": {"application/json"}}}},
		{"header values", sample{header: http.Header{"X-Amz-Meta": {"  a   b  ", "c,d"}, "X-Ray": {""}}}},
		{"payload hash header",
			sample{method: "POST", body: "b",
				header: http.Header{"X-Amz-Content-Sha256": {"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"}}}},
		{"session token", sample{id: tempID, token: token}},
		{"oldest", sample{at: signedAt.Add(-5 * time.Minute)}},
		{"newest", sample{at: signedAt.Add(5 * time.Minute)}},
		{"presigned", sample{presign: 60, uri: arnPath + "?tagKeys=b&tagKeys=a"}},
		{"presigned, at its end", sample{presign: 600, at: signedAt.Add(-10 * time.Minute)}},
		{"presigned for longest", sample{presign: 900, at: signedAt.Add(-15 * time.Minute)}},
		{"presigned with a body",
			sample{presign: 60, method: "POST", body: "{}", header: http.Header{"Content-Type": {"application/json"}}}},
		{"presigned with a session token", sample{presign: 60, id: tempID, token: token}},
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			r, body := tt.signed(t)
			v := newVerifier()
			for range 2 { // the second time with the signing key cached
				if err := v.Claim(r); err != nil {
					t.Errorf("Claim: %v", err)
				}
				if got, err := v.Verify(r, body); err != nil || got != or(tt.id, keyID) {
					t.Errorf("Verify = %q, %v; want %q", got, err, or(tt.id, keyID))
				}
			}
		})
	}
}

// authorization edits the Authorization header.
func authorization(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

// uri edits the path and query as they arrive.
func uri(from, to string) func(*http.Request) {
	return func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, from, to, 1) }
}

func set(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

// Edits of a signed request which leave it the same request.
func TestVerifyTolerates(t *testing.T) {
	for _, tt := range []struct {
		name string
		sample
		edit func(*http.Request)
	}{
		{"no spaces after commas", sample{}, func(r *http.Request) {
			r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ", ", ","))
		}},
		{"more spaces", sample{}, func(r *http.Request) {
			r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ", ", " ,  ")+" ")
		}},
		{"order of parameters", sample{uri: "/?a=1&b=2"}, uri("a=1&b=2", "b=2&a=1")},
		{"plus for a space", sample{uri: "/?a=b%20c"}, uri("%20", "+")},
		{"needless encoding in the query", sample{uri: "/?a=b"}, uri("b", "%62")},
		{"normalised by AWS's rule", sample{uri: "/a/b/"}, uri("/a/b/", "//a/x/.././b//")},
		{"unsigned header", sample{}, set("X-Forwarded-For", "192.0.2.1")},
		{"no RequestURI", sample{}, func(r *http.Request) { r.RequestURI = "" }},
		{"absolute RequestURI", sample{}, func(r *http.Request) { r.RequestURI = "https://" + host + r.RequestURI }},
		{"no path at all", sample{uri: "/"}, func(r *http.Request) { r.RequestURI, r.URL.Path = "", "" }},
		{"host only in the URL", sample{}, func(r *http.Request) { r.Host = "" }},
		{"rewritten URL", sample{}, func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/", "" }},
		{"also an HTTP date", sample{}, set("Date", "Mon, 01 Jan 2001 00:00:00 GMT")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, body := tt.signed(t)
			tt.edit(r)
			if got, err := newVerifier().Verify(r, body); err != nil || got != keyID {
				t.Errorf("Verify = %q, %v; want %q", got, err, keyID)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	var none func(*http.Request)
	presigned := sample{presign: 60}
	rows := []struct {
		name string
		sample
		edit func(*http.Request)
		code string
		want string // part of the message
	}{
		{"not signed", sample{}, func(r *http.Request) { delete(r.Header, "Authorization") },
			sigv4.MissingAuthenticationToken, "Missing Authentication Token"},
		{"empty query", sample{}, func(r *http.Request) { delete(r.Header, "Authorization"); r.RequestURI = "/?" },
			sigv4.MissingAuthenticationToken, ""},

		{"another scheme", sample{}, set("Authorization", "Bearer abc"), sigv4.IncompleteSignature,
			"'Bearer'; it should be 'AWS4-HMAC-SHA256'"},
		{"empty Authorization", sample{}, set("Authorization", ""), sigv4.IncompleteSignature, "Unsupported"},
		{"asymmetric algorithm", sample{}, authorization("AWS4-HMAC", "AWS4-ECDSA-P256"), sigv4.IncompleteSignature,
			"AWS4-ECDSA-P256-SHA256"},
		{"algorithm only", sample{}, set("Authorization", "AWS4-HMAC-SHA256"), sigv4.IncompleteSignature, "not key=value"},
		{"two Authorization headers", sample{}, func(r *http.Request) {
			r.Header["Authorization"] = append(r.Header["Authorization"], r.Header["Authorization"]...)
		}, sigv4.IncompleteSignature, "more than one 'Authorization'"},
		{"long Authorization", sample{}, authorization("Credential=", "Credential="+long), sigv4.IncompleteSignature,
			"longer than 8192"},
		{"no Credential", sample{}, authorization("Credential=", "SignedHeaders="), sigv4.IncompleteSignature,
			"more than once"},
		{"empty Credential", sample{}, set("Authorization", "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00"),
			sigv4.IncompleteSignature, "requires 'Credential'"},
		{"no SignedHeaders", sample{}, set("Authorization", "AWS4-HMAC-SHA256 Credential=a, Signature=00"),
			sigv4.IncompleteSignature, "requires 'SignedHeaders'"},
		{"no Signature", sample{}, set("Authorization", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host"),
			sigv4.IncompleteSignature, "requires 'Signature'"},
		{"unknown parameter", sample{}, authorization("Signature=", "Sig="), sigv4.IncompleteSignature,
			"unknown parameter 'Sig'"},
		{"part without a value", sample{}, authorization(", Signature", ", x, Signature"), sigv4.IncompleteSignature,
			"not key=value"},
		{"short signature", sample{}, authorization("Signature=", "Signature=0"), sigv4.IncompleteSignature,
			"64 hexadecimal digits, got 65"},
		{"credential of four parts", sample{}, authorization("/aws4_request", ""), sigv4.IncompleteSignature,
			"exactly 5 slash-delimited"},
		{"credential of six parts", sample{}, authorization("/aws4_request", "/aws4_request/x"), sigv4.IncompleteSignature,
			"exactly 5 slash-delimited"},
		{"credential without a key", sample{}, authorization(keyID, ""), sigv4.IncompleteSignature,
			"exactly 5 slash-delimited"},
		{"long key", sample{}, authorization(keyID, strings.Repeat("A", 129)), sigv4.IncompleteSignature, "longer than 128"},
		{"no date", sample{}, func(r *http.Request) { delete(r.Header, "X-Amz-Date") }, sigv4.IncompleteSignature,
			"'X-Amz-Date' or a 'Date'"},
		{"two dates", sample{}, set("X-Amz-Date", "20260314T150926Z", "20260314T150926Z"), sigv4.IncompleteSignature,
			"more than one 'X-Amz-Date'"},
		{"malformed date", sample{}, set("X-Amz-Date", "2026-03-14T15:09"), sigv4.IncompleteSignature,
			"YYYYMMDD'T'HHMMSS'Z'"},
		{"month 13", sample{}, set("X-Amz-Date", "20261314T150926Z"), sigv4.IncompleteSignature, "YYYYMMDD'T'HHMMSS'Z'"},
		{"fraction of a second", sample{}, set("X-Amz-Date", "20260314T150926.1Z"), sigv4.IncompleteSignature,
			"YYYYMMDD'T'HHMMSS'Z'"},
		{"malformed Date", sample{}, func(r *http.Request) { delete(r.Header, "X-Amz-Date"); r.Header.Set("Date", "today") },
			sigv4.IncompleteSignature, "Date must be a time"},
		{"two session tokens", sample{id: tempID, token: token}, set("X-Amz-Security-Token", token, token),
			sigv4.IncompleteSignature, "more than one 'X-Amz-Security-Token'"},
		{"header and query", presigned, set("Authorization", "AWS4-HMAC-SHA256"), sigv4.IncompleteSignature, "signed twice"},
		{"header and only an algorithm", sample{uri: "/?X-Amz-Algorithm=x"}, none, sigv4.IncompleteSignature, "signed twice"},

		{"unknown key", sample{id: "AKIDNOBODY"}, none, sigv4.UnrecognizedClient, "unknown or disabled"},
		{"unknown key and wrong signature", sample{id: "AKIDNOBODY", secret: "x"}, none, sigv4.UnrecognizedClient,
			"unknown or disabled"},
		{"missing session token", sample{id: tempID}, none, sigv4.UnrecognizedClient, "security token"},
		{"wrong session token", sample{id: tempID, token: "x"}, none, sigv4.UnrecognizedClient, "security token"},
		{"session token of a lasting key", sample{token: token}, none, sigv4.UnrecognizedClient, "security token"},
		{"presigned, unknown key", sample{presign: 60, id: "AKIDNOBODY"}, none, sigv4.UnrecognizedClient,
			"unknown or disabled"},
		{"presigned, wrong session token", sample{presign: 60, id: tempID, token: "x"}, none, sigv4.UnrecognizedClient,
			"security token"},

		{"wrong secret", sample{secret: "x"}, none, sigv4.InvalidSignature, "does not match"},
		{"signature in capitals", sample{}, func(r *http.Request) {
			auth, sig, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", auth+"Signature="+strings.ToUpper(sig))
		}, sigv4.InvalidSignature, "does not match"},
		{"wrong region", sample{region: "eu-west-2"}, none, sigv4.InvalidSignature,
			"valid region, here 'us-east-1', not 'eu-west-2'"},
		{"wrong service", sample{service: "s3"}, none, sigv4.InvalidSignature, "correct service: 'connect', not 's3'"},
		{"wrong terminator", sample{}, authorization("aws4_request", "aws5_request"), sigv4.InvalidSignature,
			"valid terminator: 'aws4_request', not 'aws5_request'"},
		{"wrong date in the scope", sample{}, authorization("/20260314/", "/20260313/"), sigv4.InvalidSignature,
			"'20260313' != '20260314', from '20260314T150926Z'"},
		{"expired", sample{at: signedAt.Add(-5*time.Minute - time.Second)}, none, sigv4.InvalidSignature,
			"Signature expired: 20260314T150425Z is now earlier than 20260314T150426Z (20260314T150926Z - 5m0s)"},
		{"not yet current", sample{at: signedAt.Add(5*time.Minute + time.Second)}, none, sigv4.InvalidSignature,
			"Signature not yet current: 20260314T151427Z is still later than 20260314T151426Z"},
		{"presigned, expired", sample{presign: 60, at: signedAt.Add(-61 * time.Second)}, none, sigv4.InvalidSignature,
			"Signature expired"},
		{"presigned, not yet current", sample{presign: 900, at: signedAt.Add(6 * time.Minute)}, none, sigv4.InvalidSignature,
			"not yet current"},

		{"host not signed", sample{}, authorization("host;", ""), sigv4.InvalidSignature, "'Host' must be a signed header"},
		{"x-amz header not signed", sample{}, set("X-Amz-Meta", "x"), sigv4.InvalidSignature,
			"'x-amz-meta', which must be a signed header"},
		{"x-amz header not signed, presigned", presigned, set("X-Amz-Meta", "x"), sigv4.InvalidSignature,
			"'x-amz-meta', which must be a signed header"},
		{"two spellings of an x-amz header", sample{}, set("x-amz-date", "20260314T150926Z"), sigv4.InvalidSignature,
			"x-amz-*"},
		{"signed header missing", sample{header: http.Header{"Content-Type": {"a"}}},
			func(r *http.Request) { delete(r.Header, "Content-Type") }, sigv4.InvalidSignature,
			"'content-type' is listed in SignedHeaders but is missing"},
		{"unknown content length", sample{method: "PUT", body: "x"}, func(r *http.Request) { r.ContentLength = -1 },
			sigv4.InvalidSignature, "'content-length' is listed"},
		{"other content length", sample{method: "PUT", body: "x"}, func(r *http.Request) { r.ContentLength = 2 },
			sigv4.InvalidSignature, "does not match"},
		{"no host", sample{}, func(r *http.Request) { r.Host, r.URL.Host = "", "" }, sigv4.InvalidSignature,
			"'host' is listed"},
		{"other host", sample{}, func(r *http.Request) { r.Host = "localhost" }, sigv4.InvalidSignature, "does not match"},
		{"signed headers out of order", sample{}, authorization("host;x-amz-date", "x-amz-date;host"), sigv4.InvalidSignature,
			"'host' is out of place"},
		{"signed header twice", sample{}, authorization("host;", "host;host;"), sigv4.InvalidSignature,
			"'host' is out of place"},
		{"empty name of a signed header", sample{}, authorization("host;", ";host;"), sigv4.InvalidSignature, "out of place"},
		{"signed headers in capitals", sample{}, authorization("host;", "Host;"), sigv4.InvalidSignature, "lower case"},
		{"long name of a signed header", sample{}, authorization("host;", "host;"+strings.Repeat("i", 129)+";"),
			sigv4.InvalidSignature, "at most 128 characters"},
		{"101 signed headers", sample{}, authorization("host;", "host"+strings.Repeat(";", 100)), sigv4.InvalidSignature,
			"more than 100"},
		{"long header", sample{header: http.Header{"X-Long": {long}}}, none, sigv4.InvalidSignature, "too long"},
		{"1001 parameters", sample{}, func(r *http.Request) { r.RequestURI += "?" + strings.Repeat("&", 1000) },
			sigv4.InvalidSignature, "more than 1000"},
		{"long path", sample{}, func(r *http.Request) { r.RequestURI += long }, sigv4.InvalidSignature, "longer than 65536"},
		{"cut escape in the query", sample{uri: "/?a=b"}, uri("b", "%4"), sigv4.InvalidSignature, "not well encoded"},
		{"wrong escape in the query", sample{uri: "/?a=b"}, uri("a", "%zz"), sigv4.InvalidSignature, "not well encoded"},
		{"semicolon in the query", sample{uri: "/?a=b%3Bc"}, uri("%3B", ";"), sigv4.InvalidSignature,
			"';' must be sent as %3B"},
		{"method", sample{}, func(r *http.Request) { r.Method = "DELETE" }, sigv4.InvalidSignature, "does not match"},
		{"one more parameter", sample{uri: "/?a=b"}, uri("a=b", "a=b&a=b"), sigv4.InvalidSignature, "does not match"},
		{"encoded slash sent as a slash", sample{}, uri("%2F", "/"), sigv4.InvalidSignature, "does not match"},
		{"encoded path sent decoded", sample{}, uri("%3A", ":"), sigv4.InvalidSignature, "does not match"},

		{"wrong payload hash", sample{header: http.Header{"X-Amz-Content-Sha256": {strings.Repeat("0", 64)}}}, none,
			sigv4.InvalidSignature, "X-Amz-Content-Sha256 must be"},
		{"unsigned payload", sample{header: http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}}, none,
			sigv4.InvalidSignature, "X-Amz-Content-Sha256 must be"},
		{"unsigned payload, presigned",
			sample{presign: 60, header: http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}}, none, sigv4.InvalidSignature,
			"X-Amz-Content-Sha256 must be"},
		{"two payload hashes", sample{header: http.Header{"X-Amz-Content-Sha256": {"a", "b"}}}, none,
			sigv4.IncompleteSignature, "more than one 'X-Amz-Content-Sha256'"},

		{"presigned, another algorithm", presigned, uri("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
			sigv4.IncompleteSignature, "AWS4-ECDSA-P256-SHA256"},
		{"presigned, no algorithm", presigned, uri("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), sigv4.IncompleteSignature,
			"requires the parameter 'X-Amz-Algorithm'"},
		{"presigned, no date", presigned, uri("X-Amz-Date=20260314T150926Z&", ""), sigv4.IncompleteSignature,
			"requires the parameter 'X-Amz-Date'"},
		{"presigned, date twice", presigned, uri("X-Amz-Date", "X%2dAmz-Date=20260314T150926Z&X-Amz-Date"),
			sigv4.IncompleteSignature, "'X-Amz-Date' more than once"},
		{"presigned, malformed date", presigned, uri("20260314T150926Z", "20260314"), sigv4.IncompleteSignature,
			"YYYYMMDD'T'HHMMSS'Z'"},
		{"presigned, malformed credential", presigned, uri("%2Faws4_request", ""), sigv4.IncompleteSignature,
			"exactly 5 slash-delimited"},
		{"presigned, short signature", presigned, uri("X-Amz-Signature=", "X-Amz-Signature=0"), sigv4.IncompleteSignature,
			"64 hexadecimal digits"},
		{"presigned, no expiry", presigned, uri("X-Amz-Expires=60&", ""), sigv4.IncompleteSignature,
			"requires the parameter 'X-Amz-Expires'"},
		{"presigned, for no time", presigned, uri("Expires=60", "Expires=0"), sigv4.IncompleteSignature,
			"from 1 to 900, not '0'"},
		{"presigned, for a second too long", sample{presign: 901}, none, sigv4.IncompleteSignature,
			"from 1 to 900, not '901'"},
		{"presigned six days ago for seven", sample{presign: 604800, at: signedAt.AddDate(0, 0, -6)}, none,
			sigv4.IncompleteSignature, "from 1 to 900, not '604800'"},
		{"presigned, for too long", sample{presign: 604801}, none, sigv4.IncompleteSignature, "from 1 to 900, not '604801'"},
		{"presigned, expiry not a number", presigned, uri("Expires=60", "Expires=-60"), sigv4.IncompleteSignature,
			"not '-60'"},
		{"presigned, longer than signed", presigned, uri("Expires=60", "Expires=61"), sigv4.InvalidSignature,
			"does not match"},
		{"presigned, host not signed", presigned, uri("SignedHeaders=host", "SignedHeaders=x-host"), sigv4.InvalidSignature,
			"'x-host' is listed"},
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			r, body := tt.signed(t)
			if tt.edit != nil {
				tt.edit(r)
			}
			got, err := newVerifier().Verify(r, body)
			if got != "" || codeOf(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Verify = %q, %v\nwant %s with %q", got, err, tt.code, tt.want)
			}
			// Only what needs the body or the secret is left for after the body.
			claim := newVerifier().Claim(r)
			if late := strings.Contains(err.Error(), "does not match") || strings.Contains(err.Error(), "security token") ||
				tt.name == "wrong payload hash"; late {
				if claim != nil && claim.Error() != err.Error() {
					t.Errorf("Claim: %v, want none or that of Verify", claim)
				}
			} else if claim == nil || claim.Error() != err.Error() {
				t.Errorf("Claim: %v, want %v", claim, err)
			}
			if len(err.Error()) > 500 || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), token) {
				t.Errorf("the message is long or tells a secret: %v", err)
			}
		})
	}
}

// TestDateHeader signs with Date, as only some hand-written clients do, and with no help: the
// signer of aws-sdk-go-v2 always sets X-Amz-Date.
func TestDateHeader(t *testing.T) {
	const signature = "e9b7fc4cb27a3c8f0ce975600a202d339965ff9b76950da487a21ea5dd4a56d1"
	for _, date := range []string{"Sat, 14 Mar 2026 15:09:26 GMT", "Sat, 14 Mar 2026 15:09:26 -0000", "20260314T150926Z"} {
		// The date is signed through the string to sign, whatever its spelling, so that one
		// signature serves them all.
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		r.Header.Set("Date", date)
		r.Header.Set("Authorization",
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260314/us-east-1/connect/aws4_request, SignedHeaders=host, Signature="+
				signature)
		if _, err := newVerifier().Verify(r, nil); err != nil {
			t.Errorf("%s: %v", date, err)
		}
	}
}

// A header that matters to the server counts only when nobody on the way could have set it.
func TestMustBeSigned(t *testing.T) {
	v := newVerifier()
	v.Signed = []string{"X-Lanyard-Acting-User"}
	r, body := sample{header: http.Header{"X-Lanyard-Acting-User": {"ann"}}}.signed(t)
	if _, err := v.Verify(r, body); err != nil {
		t.Errorf("signed: %v", err)
	}
	r.Header["X-Lanyard-Acting-User"] = []string{"bob"}
	if _, err := v.Verify(r, body); codeOf(err) != sigv4.InvalidSignature {
		t.Errorf("changed on the way: %v", err)
	}
	delete(r.Header, "X-Lanyard-Acting-User")
	if _, err := v.Verify(r, body); codeOf(err) != sigv4.InvalidSignature {
		t.Errorf("taken away on the way: %v", err)
	}
	r, body = sample{}.signed(t)
	r.Header["X-Lanyard-Acting-User"] = []string{"ann"}
	if _, err := v.Verify(r, body); codeOf(err) != sigv4.InvalidSignature ||
		!strings.Contains(err.Error(), "'x-lanyard-acting-user', which must be a signed header") {
		t.Errorf("added on the way: %v", err)
	}
}

func TestKeysError(t *testing.T) {
	down := errors.New("store is down")
	v := newVerifier()
	v.Keys = func(context.Context, string) (sigv4.Key, bool, error) { return sigv4.Key{Secret: secret}, true, down }
	r, body := sample{}.signed(t)
	if got, err := v.Verify(r, body); got != "" || !errors.Is(err, down) {
		t.Errorf("Verify = %q, %v; want the error of Keys", got, err)
	}
	v.Keys = nil
	if _, err := v.Verify(r, body); codeOf(err) != sigv4.UnrecognizedClient {
		t.Errorf("without Keys: %v", err)
	}
}

// TestSecretChanges shows that no cached signing key outlives its secret.
func TestSecretChanges(t *testing.T) {
	v := newVerifier()
	current := secret
	v.Keys = func(context.Context, string) (sigv4.Key, bool, error) { return sigv4.Key{Secret: current}, true, nil }
	r, body := sample{}.signed(t)
	if _, err := v.Verify(r, body); err != nil {
		t.Fatal(err)
	}
	current = "another"
	if _, err := v.Verify(r, body); codeOf(err) != sigv4.InvalidSignature {
		t.Errorf("with the secret changed: %v", err)
	}
}

// TestManyKeys goes past the bound of the cache, from several goroutines.
func TestManyKeys(t *testing.T) {
	v := newVerifier()
	v.Keys = func(_ context.Context, id string) (sigv4.Key, bool, error) { return sigv4.Key{Secret: id}, true, nil }
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 1200 {
				id := fmt.Sprintf("AKID%d-%d", g, i)
				r, body := sample{id: id, secret: id}.signed(t)
				if got, err := v.Verify(r, body); err != nil || got != id {
					t.Errorf("Verify = %q, %v; want %q", got, err, id)
				}
			}
		})
	}
	wg.Wait()
}
