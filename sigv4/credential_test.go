package sigv4_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/sigv4"
)

func TestReadCredential(t *testing.T) {
	ours := sigv4.Credential{AccessKeyID: "test", Region: "eu-west-2", Service: "connect"}
	for _, tt := range []struct {
		name, header, query string
		want                sigv4.Credential
		ok                  bool
	}{
		{"signed in the header", "AWS4-HMAC-SHA256 Credential=test/20260314/eu-west-2/connect/aws4_request, SignedHeaders=host, " +
			"Signature=x", "", ours, true},
		{"without spaces", "AWS4-HMAC-SHA256 Credential=test/20260314/eu-west-2/connect/aws4_request,Signature=x", "", ours, true},
		{"presigned", "", "?X-Amz-Credential=test%2F20260314%2Feu-west-2%2Fconnect%2Faws4_request", ours, true},
		{"not signed", "", "", sigv4.Credential{}, false},
		{"a token", "Bearer lanyard_abc", "", sigv4.Credential{}, false},
		{"no key", "AWS4-HMAC-SHA256 Credential=/20260314/eu-west-2/connect/aws4_request", "", sigv4.Credential{}, false},
		{"too few parts", "AWS4-HMAC-SHA256 Credential=test/20260314", "", sigv4.Credential{}, false},
		{"too many parts", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f", "", sigv4.Credential{}, false},
		{"too long", "AWS4-HMAC-SHA256 Credential=test/1/eu-west-2/connect/aws4_request, " + strings.Repeat("x", 9<<10), "",
			sigv4.Credential{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/instance"+tt.query, nil)
			r.Header.Set("Authorization", tt.header)
			if got, ok := sigv4.ReadCredential(r); got != tt.want || ok != tt.ok {
				t.Errorf("ReadCredential = %+v, %v; want %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
