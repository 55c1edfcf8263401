package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard/lanyard/internal/awsclient"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/mirror"
)

// TestExplainTarget expects of each error of an API the place, what happened, and what to do, as sentences.
func TestExplainTarget(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"other", errors.New("broken"), "http://x: broken"},
		{"with a full stop", &invocation.Exception{Name: "UnrecognizedClientException", Message: "The key is unknown."},
			"http://x: UnrecognizedClientException: The key is unknown. The access key is not one of this endpoint; " +
				"check credentials and region."},
		{"without one", &invocation.Exception{Name: "ExpiredTokenException", Message: "expired"},
			"http://x: ExpiredTokenException: expired; sign in again (aws sso login), or refresh the credentials of the " +
				"environment"},
		{"no server", fmt.Errorf("ListInstances: %w", syscall.ECONNREFUSED),
			"http://x: ListInstances: connection refused; no server listens there; start it, or correct " +
				"AWS_ENDPOINT_URL_CONNECT"},
		{"no such host", &net.DNSError{Err: "no such host", Name: "y"},
			"http://x: lookup y: no such host; check the region, AWS_ENDPOINT_URL_CONNECT and the network"},
		{"no credentials", &awsclient.CredentialsError{Err: errors.New("none")},
			"http://x: no usable AWS credentials: none; set --profile, AWS_PROFILE or AWS_ACCESS_KEY_ID, or sign in " +
				"(aws sso login)"},
		{"of a mirror, named once", &mirror.CallError{Operation: "ListInstances", Err: errors.New("ListInstances: broken")},
			"http://x: ListInstances: broken"},
	} {
		if got := explainTarget("http://x", tt.err); got.Error() != tt.want || !errors.Is(got, tt.err) {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// TestNoCredentials expects one line about credentials that cannot be found, and nothing of the SDK's log.
func TestNoCredentials(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	cmd := commandOf(t.Context(), built(t, ""), t.TempDir(), "export")
	cmd.Env = append(cmd.Env, "AWS_EC2_METADATA_SERVICE_ENDPOINT="+server.URL, "AWS_ENDPOINT_URL_CONNECT="+server.URL,
		"AWS_ACCESS_KEY_ID=", "AWS_SHARED_CREDENTIALS_FILE=nowhere", "AWS_CONFIG_FILE=nowhere", "AWS_REGION=us-east-1")
	got := finish(t, cmd)
	if got.status != 1 || strings.Count(got.errs, "\n") != 1 || !strings.Contains(got.errs, "no usable AWS credentials") {
		t.Errorf("status %d, %s", got.status, got.errs)
	}
}

// TestSignedInWithoutEndpoint expects a hint for who is signed in to AWS and has no data folder.
func TestSignedInWithoutEndpoint(t *testing.T) {
	const hint = "For Amazon Connect, set --profile or --region"
	for region, want := range map[string]bool{"us-east-1": true, "": false} {
		cmd := commandOf(t.Context(), built(t, ""), t.TempDir(), "export")
		cmd.Env = append(cmd.Env, "AWS_REGION="+region, "AWS_DEFAULT_REGION=")
		if got := finish(t, cmd); got.status != usageError || strings.Contains(got.errs, hint) != want {
			t.Errorf("in region %q: status %d, %s", region, got.status, got.errs)
		}
	}
}
