package sigv4

import (
	"bytes"
	"slices"
	"strings"
)

const maxParams = 1000

// authParams are the query parameters of a presigned request, by their param index.
var authParams = [...]string{
	paramAlgorithm:     "X-Amz-Algorithm",
	paramCredential:    "X-Amz-Credential",
	paramDate:          "X-Amz-Date",
	paramExpires:       "X-Amz-Expires",
	paramSignedHeaders: "X-Amz-SignedHeaders",
	paramSignature:     "X-Amz-Signature",
	paramToken:         "X-Amz-Security-Token",
}

const (
	paramAlgorithm = iota
	paramCredential
	paramDate
	paramExpires
	paramSignedHeaders
	paramSignature
	paramToken
)

// readQuery normalises the spelling of every parameter, by decoding and encoding it, and sorts the parameters.
func (c *canonicalizer) readQuery(query string) error {
	if strings.Count(query, "&") >= maxParams {
		return refuse(InvalidSignature, "The query has more than %d parameters.", maxParams)
	}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		var p param
		var okName, okValue bool
		p.name, okName = c.encode(name)
		p.value, okValue = c.encode(value)
		if !okName || !okValue {
			// A raw semicolon once separated parameters: net/url drops the pair that has one, and
			// what is verified here must not read differently there.
			return refuse(InvalidSignature,
				"The query is not well encoded: '%%' must be followed by two hexadecimal digits, and ';' must be sent as %%3B.")
		}
		if i := slices.Index(authParams[:], string(c.encoded(p.name))); i >= 0 {
			c.auth[i].value = p.value
			c.auth[i].count++
			if i == paramSignature {
				continue
			}
		}
		c.query = append(c.query, p)
	}
	slices.SortFunc(c.query, func(a, b param) int {
		if n := bytes.Compare(c.encoded(a.name), c.encoded(b.name)); n != 0 {
			return n
		}
		return bytes.Compare(c.encoded(a.value), c.encoded(b.value))
	})
	return nil
}

// presigned reports whether the query has a part of a signature. The token alone is none: it
// says nothing about who signed.
func (c *canonicalizer) presigned() bool {
	return c.auth[paramAlgorithm].count+c.auth[paramCredential].count+c.auth[paramSignature].count > 0
}

func (c *canonicalizer) encoded(s span) []byte { return c.params[s.from:s.to] }

// encode decodes s, in which '+' is a space, and appends it to params encoded as signatures
// require.
func (c *canonicalizer) encode(s string) (span, bool) {
	from := len(c.params)
	for i := 0; i < len(s); i++ {
		b := s[i]
		switch b {
		case ';':
			return span{}, false
		case '+':
			b = ' '
		case '%':
			if i+2 >= len(s) {
				return span{}, false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high|low > 15 {
				return span{}, false
			}
			b = high<<4 | low
			i += 2
		}
		c.params = appendEncoded(c.params, b)
	}
	return span{from, len(c.params)}, true
}

const upperHex = "0123456789ABCDEF"

func appendEncoded(dst []byte, b byte) []byte {
	if isAlphanumeric(b) || b == '-' || b == '.' || b == '_' || b == '~' {
		return append(dst, b)
	}
	return append(dst, '%', upperHex[b>>4], upperHex[b&15])
}

func isAlphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// unhex returns the value of a hexadecimal digit, or more than 15.
func unhex(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return b - '0'
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10
	}
	return 255
}
