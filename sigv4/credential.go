package sigv4

import (
	"net/http"
	"strings"
)

// A Credential is what a request says of its signature: the access key, and the scope.
type Credential struct {
	AccessKeyID, Region, Service string
}

// ReadCredential returns the credential in the Authorization header, or in the query of a presigned request, and
// reports whether there is one. Nothing is verified: this is for servers that trust everybody, such as emulators.
func ReadCredential(r *http.Request) (Credential, bool) {
	text := ""
	if auth := r.Header.Get("Authorization"); len(auth) <= maxAuthorization {
		_, text, _ = strings.Cut(auth, "Credential=")
	}
	if text == "" && r.URL != nil && len(r.URL.RawQuery) <= maxTarget {
		text = r.URL.Query().Get("X-Amz-Credential")
	}
	if end := strings.IndexAny(text, ", "); end >= 0 {
		text = text[:end]
	}
	parts := strings.Split(text, "/")
	if len(parts) != 5 || parts[0] == "" {
		return Credential{}, false
	}
	return Credential{AccessKeyID: parts[0], Region: parts[2], Service: parts[3]}, true
}
