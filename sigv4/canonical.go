package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
)

const (
	maxTarget = 64 << 10 // bytes of path and query
	maxKept   = 16 << 10 // larger buffers are not worth keeping for the next request
)

// span is a part of canonicalizer.params.
type span struct{ from, to int }

// param is one query parameter, its name and value encoded.
type param struct{ name, value span }

// canonicalizer builds the canonical form of a request. It holds only scratch space, which the next request reuses.
type canonicalizer struct {
	params []byte // encoded names and values
	query  []param
	auth   [len(authParams)]struct {
		value span // of the last one
		count int
	}
	headers []byte // the canonical headers and the list of them
	payload [2 * sha256.Size]byte
	buf     []byte // the canonical request, then the string to sign
	sum     [2 * sha256.Size]byte
}

var canonicalizers = sync.Pool{New: func() any { return new(canonicalizer) }}

func newCanonicalizer() *canonicalizer { return canonicalizers.Get().(*canonicalizer) }

func (c *canonicalizer) free() {
	if cap(c.params)+cap(c.headers)+cap(c.buf)+32*cap(c.query) > maxKept {
		return
	}
	*c = canonicalizer{params: c.params[:0], query: c.query[:0], headers: c.headers[:0], buf: c.buf[:0]}
	canonicalizers.Put(c)
}

// target returns the path and the query as they were sent. They are not taken from r.URL if
// possible, because it keeps the path decoded, and middleware rewrites it.
func target(r *http.Request) (path, query string, err error) {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, query, _ = strings.Cut(r.RequestURI, "?")
	} else if r.URL != nil {
		path, query = r.URL.EscapedPath(), r.URL.RawQuery
	}
	if len(path)+len(query) > maxTarget {
		return "", "", refuse(InvalidSignature, "The path and query are longer than %d bytes.", maxTarget)
	}
	return path, query, nil
}

// isNormal reports whether normalizePath would return path itself.
func isNormal(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.Contains(path, "//") && !strings.Contains(path, "/.")
}

// normalizePath drops empty and dot segments as botocore does, which is not quite as path.Clean
// does: a slash at the end stays.
func normalizePath(path string) string {
	if isNormal(path) {
		return path
	}
	var kept []string
	for s := range strings.SplitSeq(path, "/") {
		switch s {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, s)
		}
	}
	normal := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && strings.HasSuffix(path, "/") {
		normal += "/"
	}
	return normal
}

// hashPayload hashes body, and compares it with what the header declares.
func (c *canonicalizer) hashPayload(h http.Header, body []byte) error {
	sum := sha256.Sum256(body)
	hex.Encode(c.payload[:], sum[:])
	declared, err := declaredPayload(h)
	if err == nil && declared != "" && declared != string(c.payload[:]) {
		return errPayload
	}
	return err
}

// declaredPayload returns the hash of the body that the header declares, "" if it declares none. AWS takes
// unsigned or streamed payloads only where a service's model says so, as S3's does; here they would leave
// the body open to change, so the header may only repeat the hash.
func declaredPayload(h http.Header) (string, error) {
	declared, err := single(h, "X-Amz-Content-Sha256")
	if err != nil {
		return "", err
	}
	if _, ok := h["X-Amz-Content-Sha256"]; !ok {
		return "", nil
	}
	declared = strings.TrimSpace(declared)
	if len(declared) != 2*sha256.Size || strings.Trim(declared, "0123456789abcdef") != "" {
		return "", errPayload
	}
	return declared, nil
}

var errPayload = refuse(InvalidSignature,
	"X-Amz-Content-Sha256 must be the SHA-256 of the request body in lower-case hexadecimal; "+
		"unsigned and streamed payloads are not accepted.")

// signature returns the signature, in hex, of the request that was read. It is valid until the
// next call.
func (c *canonicalizer) signature(signing []byte, method, path string, cl claim, region, service string) []byte {
	b := append(append(c.buf[:0], method...), '\n')
	for i := 0; i < len(path); i++ {
		// The path is encoded once more, as it was sent: '%' becomes "%25".
		if path[i] == '/' {
			b = append(b, '/')
		} else {
			b = appendEncoded(b, path[i])
		}
	}
	b = append(b, '\n')
	for i, p := range c.query {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(b, c.encoded(p.name)...), '=')
		b = append(b, c.encoded(p.value)...)
	}
	b = append(b, '\n')
	b = append(append(b, c.headers...), '\n')
	b = append(b, c.payload[:]...)
	request := sha256.Sum256(b)

	b = append(append(b[:0], algorithm+"\n"...), cl.stamp...)
	b = append(append(b, '\n'), cl.date...)
	b = append(append(b, '/'), region...)
	b = append(append(b, '/'), service...)
	b = append(b, "/"+terminator+"\n"...)
	b = hex.AppendEncode(b, request[:])
	c.buf = b

	h := hmac.New(sha256.New, signing)
	h.Write(b)
	var sum [sha256.Size]byte
	hex.Encode(c.sum[:], h.Sum(sum[:0]))
	return c.sum[:]
}
