package sigv4_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// TestOverTheWire sends signed requests through net/http, whose server takes headers apart in
// its own ways.
func TestOverTheWire(t *testing.T) {
	v := newVerifier()
	v.Now = nil
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = v.Verify(r, body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	}))
	defer srv.Close()

	for _, tt := range []struct{ method, uri, body string }{
		{"GET", arnPath + "?tagKeys=b&tagKeys=a%20%2B", ""},
		{"GET", "//a/../b/", ""},
		{"DELETE", arnPath, ""},
		{"POST", "/security-profiles/b0c1", `{"Description":"x"}`},
	} {
		t.Run(tt.method+" "+tt.uri, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, srv.URL+tt.uri, bytes.NewReader([]byte(tt.body)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header["X-Amz-Twice"] = []string{"  a  b ", "c"}
			sum := sha256.Sum256([]byte(tt.body))
			creds := aws.Credentials{AccessKeyID: tempID, SecretAccessKey: secret, SessionToken: token}
			if err := v4.NewSigner().SignHTTP(t.Context(), creds, req, hex.EncodeToString(sum[:]), "connect", "us-east-1",
				time.Now()); err != nil {
				t.Fatal(err)
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%d %s", resp.StatusCode, answer)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	r, body := sample{
		id: tempID, token: token,
		uri:    "/security-profiles-summary/b0c1?maxResults=10",
		header: http.Header{"Content-Type": {"application/json"}, "Amz-Sdk-Request": {"attempt=1; max=3"}},
	}.signed(b)
	v := newVerifier()
	if n := strings.Count(r.Header.Get("Authorization"), ";") + 1; n != 5 {
		b.Fatalf("%d signed headers", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r, body); err != nil {
			b.Fatal(err)
		}
	}
}
