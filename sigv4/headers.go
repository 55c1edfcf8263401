package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxSignedHeaders = 100
	maxHeaderName    = 128
	maxHeaderBytes   = 64 << 10 // of the values of the signed headers together
)

// readHeaders appends the canonical form of the signed headers, and checks that they are
// enough of the request: host, all of x-amz-*, and those of must that are there.
func (c *canonicalizer) readHeaders(r *http.Request, list string, must []string) error {
	if strings.Count(list, ";") >= maxSignedHeaders {
		return refuse(InvalidSignature, "SignedHeaders lists more than %d headers.", maxSignedHeaders)
	}
	before, host, amz, size := "", false, 0, 0
	for name := range strings.SplitSeq(list, ";") {
		if name <= before {
			return refuse(InvalidSignature,
				"SignedHeaders must list names in order, each once and none empty; '%s' is out of place.", clip(name))
		}
		before = name
		if !isLowerToken(name) {
			return refuse(InvalidSignature,
				"SignedHeaders must list the names of headers in lower case, at most %d characters long, not '%s'.", maxHeaderName,
				clip(name))
		}
		c.headers = append(append(c.headers, name...), ':')
		start := len(c.headers)
		ok := c.appendValue(r, name, maxHeaderBytes-size)
		if !ok {
			return refuse(InvalidSignature,
				"The header '%s' is listed in SignedHeaders but is missing from the request, or is too long.", clip(name))
		}
		size += len(c.headers) - start
		c.headers = append(c.headers, '\n')
		if name == "host" {
			host = true
		}
		if isAmz(name) {
			amz++
		}
	}
	if !host {
		return refuse(InvalidSignature, "'Host' must be a signed header: add host to SignedHeaders.")
	}
	// All that is signed is present, so there are as many present only if all are signed.
	for name := range r.Header {
		if isAmz(name) {
			amz--
		}
	}
	if amz != 0 {
		return refuse(InvalidSignature,
			"The request has the header '%s', which must be a signed header: every x-amz-* header must be listed in "+
				"SignedHeaders.", clip(unsigned(r.Header, list)))
	}
	for _, name := range must {
		if _, sent := r.Header[name]; sent && !slices.Contains(strings.Split(list, ";"), strings.ToLower(name)) {
			return refuse(InvalidSignature,
				"The request has the header '%s', which must be a signed header: list it in SignedHeaders.", strings.ToLower(name))
		}
	}
	c.headers = append(append(c.headers, '\n'), list...)
	return nil
}

// unsigned returns the first x-amz-* header of h that list lacks.
func unsigned(h http.Header, list string) string {
	signed := strings.Split(list, ";")
	var missing []string
	for name := range h {
		if name = strings.ToLower(name); isAmz(name) && !slices.Contains(signed, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return "x-amz-*" // one header under two spellings, which no server delivers
	}
	return slices.Min(missing)
}

func isAmz(name string) bool {
	const prefix = "x-amz-"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// isLowerToken reports whether name can be the name of a header in lower case.
func isLowerToken(name string) bool {
	if len(name) > maxHeaderName {
		return false
	}
	for i := 0; i < len(name); i++ {
		b := name[i]
		if 'A' <= b && b <= 'Z' || !isAlphanumeric(b) && strings.IndexByte("!#$%&'*+-.^_`|~", b) < 0 {
			return false
		}
	}
	return true
}

// appendValue appends the values of the header called name, or reports false if there is none
// or they are longer than limit.
func (c *canonicalizer) appendValue(r *http.Request, name string, limit int) bool {
	// net/http moves these two out of the header.
	switch name {
	case "host":
		host := r.Host
		if host == "" && r.URL != nil {
			host = r.URL.Host
		}
		if host == "" || len(host) > limit {
			return false
		}
		c.headers = appendTrimmed(c.headers, host)
		return true
	case "content-length":
		if r.ContentLength < 0 {
			return false
		}
		c.headers = strconv.AppendInt(c.headers, r.ContentLength, 10)
		return true
	}

	values := r.Header[string(canonicalName(new([maxHeaderName]byte), name))]
	for i, value := range values {
		if limit -= len(value) + 1; limit < 0 {
			return false
		}
		if i > 0 {
			c.headers = append(c.headers, ',')
		}
		c.headers = appendTrimmed(c.headers, value)
	}
	return len(values) > 0
}

// canonicalName is http.CanonicalHeaderKey for a name of at most maxHeaderName bytes that
// isLowerToken, without its allocation.
func canonicalName(dst *[maxHeaderName]byte, name string) []byte {
	start := true
	for i := 0; i < len(name); i++ {
		b := name[i]
		if start && 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		dst[i] = b
		start = b == '-'
	}
	return dst[:len(name)]
}

// appendTrimmed appends value without the spaces around it and with one for every run of them
// inside.
func appendTrimmed(dst []byte, value string) []byte {
	value = strings.TrimSpace(value)
	for {
		i := strings.Index(value, "  ")
		if i < 0 {
			return append(dst, value...)
		}
		dst = append(append(dst, value[:i]...), ' ')
		value = strings.TrimLeft(value[i:], " ")
	}
}
