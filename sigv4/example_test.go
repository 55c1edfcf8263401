package sigv4_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/lanyard/lanyard/sigv4"
)

// A handler that answers only requests signed by a known access key.
func ExampleVerifier() {
	verifier := &sigv4.Verifier{Region: "us-east-1", Service: "connect",
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			return sigv4.Key{Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, id == "AKIDEXAMPLE", nil
		}}
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		id, err := verifier.Verify(r, body)
		if refused := new(sigv4.Error); errors.As(err, &refused) {
			http.Error(w, refused.Code, http.StatusForbidden)
			return
		} else if err != nil {
			http.Error(w, "the keys cannot be read", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "signed by", id)
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("GET", "https://connect.us-east-1.amazonaws.com/", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 403 MissingAuthenticationTokenException
}
