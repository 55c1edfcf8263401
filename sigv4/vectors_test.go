package sigv4_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard/sigv4"
)

// vector is a request that something other than this package and aws-sdk-go-v2 signed.
type vector struct {
	name            string
	region, service string
	at              time.Time
	request         string
}

const connectHeaders = "Host: " + host + "\nX-Amz-Date: 20260314T150926Z\n"

var vectors = []vector{
	// The first two are AWS's own: the example of its signing guide and a case of its test suite.
	{"ListUsers of the signing guide", "us-east-1", "iam", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC),
		"GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1\n" +
			"Host: iam.amazonaws.com\n" +
			"Content-Type: application/x-www-form-urlencoded; charset=utf-8\n" +
			"X-Amz-Date: 20150830T123600Z\n" +
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\n\n"},
	{"get-vanilla", "us-east-1", "service", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC), "GET / HTTP/1.1\n" +
		"Host: example.amazonaws.com\n" +
		"X-Amz-Date: 20150830T123600Z\n" +
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31\n\n"},

	// The rest is botocore 1.44.5: calls of its Connect client, as sent, then its bare signer.
	{"ListTagsForResource, encoded ARN", "us-east-1", "connect", signedAt,
		"GET /tags/arn%3Aaws%3Aconnect%3Aus-east-1%3A123456789012%3Ainstance%2Fabc%2Fagent%2F%C3%BC~x HTTP/1.1\n" +
			connectHeaders +
			"Amz-Sdk-Request: attempt=1; max=3\n" +
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260314/us-east-1/connect/aws4_request, SignedHeaders=host;x-amz-date, Signature=495efe16861cecbb007c5f38565015bdfbb7b773c39953653e999f2c111aacf9\n\n"},
	{"UntagResource, repeated and non-ASCII keys", "us-east-1", "connect", signedAt,
		"DELETE /tags/arn%3Aaws%3Aconnect%3Aus-east-1%3A123456789012%3Ainstance%2Fabc%2Fagent%2F%C3%BC~x?tagKeys=%D0%BA%D0%BB%D1%8E%D1%87&tagKeys=a%20b%2Bc%2Fd&tagKeys=a-b&tagKeys=%E6%97%A5%E6%9C%AC&tagKeys=%3D%26 HTTP/1.1\n" + connectHeaders +
			"Content-Length: 0\n" +
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260314/us-east-1/connect/aws4_request, SignedHeaders=host;x-amz-date, Signature=22a8f2d8031f111d3c883f7765b587ee5db185b2fccf9024affada0bc80597b0\n\n"},
	{"ListSecurityProfiles, token with reserved characters", "us-east-1", "connect", signedAt,
		"GET /security-profiles-summary/b0c1?nextToken=a%2Bb%2Fc%3D%3D&maxResults=10 HTTP/1.1\n" + connectHeaders +
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260314/us-east-1/connect/aws4_request, SignedHeaders=host;x-amz-date, Signature=bdb6a379bc7f9e334609e966961da9489c56c47852b007777502e4b71e10ca0d\n\n"},
	{"CreateSecurityProfile, body and session token", "us-east-1", "connect", signedAt,
		"PUT /security-profiles/b0c1 HTTP/1.1\n" + connectHeaders +
			"Content-Type: application/json\n" +
			"X-Amz-Security-Token: FwoGZXIvYXdzEXAMPLE//tok+en==\n" +
			"Content-Length: 61\n" +
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260314/us-east-1/connect/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=c3568d1f0b0976285ec951ae0fe99172195108547e1d25d7eec9a5d1009324f0\n\n" +
			`{"SecurityProfileName": "R\u00f6le  one", "Tags": {"k": "v"}}`},
	{"ListSecurityProfiles, presigned with a session token", "us-east-1", "connect", signedAt,
		"GET /security-profiles-summary/b0c1?maxResults=3&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260314%2Fus-east-1%2Fconnect%2Faws4_request&X-Amz-Date=20260314T150926Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Security-Token=FwoGZXIvYXdzEXAMPLE%2F%2Ftok%2Ben%3D%3D&X-Amz-Signature=ab1c289b29dd86084d34ec39922f83b3c505a16915abfcdde9b2ca23f5c12386 HTTP/1.1\n" +
			"Host: " + host + "\n\n"},
	{"path to normalise, plus for a space", "us-east-1", "connect", signedAt,
		"GET /a//b/../%2e/?q=a+b&r=%C3%A9%3B HTTP/1.1\n" + connectHeaders +
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260314/us-east-1/connect/aws4_request, SignedHeaders=host;x-amz-date, Signature=4764efc43c8198c196f76a766ff06e63a59c94a38c04a7091753a7efe51bf877\n\n"},
	{"Date in place of X-Amz-Date", "us-east-1", "connect", signedAt, "GET / HTTP/1.1\n" +
		"Host: " + host + "\nDate: Sat, 14 Mar 2026 15:09:26 -0000\n" +
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260314/us-east-1/connect/aws4_request, SignedHeaders=date;host, Signature=a71f00b13d1f5b81089f28cccc34db0794101271ca97e7b0c2c6269fc604c2bf\n\n"},
}

func (v vector) verifier() *sigv4.Verifier {
	return &sigv4.Verifier{
		Region:  v.region,
		Service: v.service,
		Now:     func() time.Time { return v.at },
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			key := sigv4.Key{Secret: secret}
			if strings.Contains(v.request, "X-Amz-Security-Token") {
				key.SessionToken = token
			}
			return key, id == keyID, nil
		},
	}
}

func parse(raw string) (*http.Request, []byte, error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

func TestVectors(t *testing.T) {
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			r, body, err := parse(tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tt.verifier().Verify(r, body); err != nil || got != keyID {
				t.Errorf("Verify = %q, %v; want %q", got, err, keyID)
			}
		})
	}
}

// meaning is what a server may do with a request. Requests that mean the same may differ in
// spelling; all others must not share a signature. Empty and dot segments of the path mean
// nothing here, since AWS leaves them out of signatures.
func meaning(r *http.Request, body []byte) string {
	rawPath, query, _ := strings.Cut(r.RequestURI, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return "malformed"
	}
	for _, values := range params {
		slices.Sort(values) // signatures leave out the order of one name's values, too
	}
	var path []string
	for s := range strings.SplitSeq(rawPath, "/") {
		switch s {
		case "", ".":
		case "..":
			path = path[:max(0, len(path)-1)]
		default:
			path = append(path, s)
		}
	}
	if strings.HasSuffix(rawPath, "/") && len(path) > 0 {
		path = append(path, "")
	}
	return strings.Join([]string{r.Method, r.Host, strings.Join(path, "/"), params.Encode(), string(body)}, "\n")
}

// TestTamper changes or drops, one at a time, every byte that a signature covers.
func TestTamper(t *testing.T) {
	edits := func(s string, yield func(string)) {
		for i := range len(s) {
			for _, b := range []byte{s[i] ^ 1, s[i] ^ 0x20, s[i] + 1, '0'} {
				if b != s[i] {
					yield(s[:i] + string([]byte{b}) + s[i+1:])
				}
			}
			yield(s[:i] + s[i+1:])
		}
	}
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			r, body, err := parse(tt.request)
			if err != nil {
				t.Fatal(err)
			}
			v, signed := tt.verifier(), meaning(r, body)
			refused := 0
			refuses := func(what string, r *http.Request, body []byte) {
				t.Helper()
				if _, err := v.Verify(r, body); err == nil {
					t.Errorf("accepted with the %s changed: %s %s %v %q", what, r.Method, r.RequestURI, r.Header, body)
				}
				refused++
			}

			edits(r.RequestURI, func(s string) {
				c := r.Clone(t.Context())
				c.RequestURI = s
				if strings.HasPrefix(s, "/") && meaning(c, body) != signed {
					refuses("target", c, body)
				}
			})
			edits(r.Method, func(s string) {
				c := r.Clone(t.Context())
				c.Method = s
				refuses("method", c, body)
			})
			edits(r.Host, func(s string) {
				c := r.Clone(t.Context())
				c.Host = s
				if s != "" {
					refuses("host", c, body)
				}
			})
			edits(string(body), func(s string) { refuses("body", r, []byte(s)) })
			if len(body) == 0 {
				refuses("body", r, []byte{0})
			}
			for name := range r.Header {
				if name == "Content-Length" || name == "Amz-Sdk-Request" {
					continue // not signed here
				}
				old := r.Header.Get(name)
				edits(old, func(s string) {
					if strings.ReplaceAll(s, " ", "") == strings.ReplaceAll(old, " ", "") {
						return // a space between parts, which counts for nothing
					}
					c := r.Clone(t.Context())
					c.Header.Set(name, s)
					refuses(name, c, body)
				})
			}
			if refused < 500 {
				t.Errorf("only %d changes tried", refused)
			}
		})
	}
}

// FuzzVerify looks for a request that makes Verify panic, or that it accepts although nobody
// signed what it means.
func FuzzVerify(f *testing.F) {
	signed := make(map[string]bool)
	add := func(raw string) {
		r, body, err := parse(raw)
		if err != nil {
			f.Fatal(err)
		}
		signed[meaning(r, body)] = true
		f.Add(raw)
	}
	for _, v := range vectors {
		add(v.request)
	}
	for _, s := range []sample{{}, {presign: 60}, {token: token}, {method: "PUT", body: "{}"}, {uri: "/a//b?c&d=%20"}} {
		r, body := s.signed(f)
		var b strings.Builder
		b.WriteString(r.Method + " " + r.RequestURI + " HTTP/1.1\nHost: " + host + "\nContent-Length: " +
			strconv.Itoa(len(body)) + "\n")
		if err := r.Header.Write(&b); err != nil {
			f.Fatal(err)
		}
		add(b.String() + "\n" + string(body))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, body, err := parse(raw)
		if err != nil {
			return
		}
		for _, v := range vectors {
			id, err := v.verifier().Verify(r, body)
			switch code := codeOf(err); {
			case err == nil:
				if id != keyID || !signed[meaning(r, body)] {
					t.Errorf("accepted for %q what nobody signed: %q", id, raw)
				}
			case id != "":
				t.Errorf("%q along with %v", id, err)
			case strings.HasPrefix(code, "not an"):
				t.Error(err)
			}
		}
	})
}
