package subjectapi_test

import (
	"encoding/base64"
	"strings"
)

// decodePart returns a part of a JWS.
func decodePart(text string, i int) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[i])
	return string(b), err
}
