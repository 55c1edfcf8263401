package callers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// bounded fetches documents of an issuer within bounds. One that was fetched a moment ago is given again, so that
// strangers who send tokens with made-up keys do not make the gateway ask for keys each time.
type bounded struct {
	next http.RoundTripper
	now  func() time.Time

	mu   sync.Mutex
	kept map[string]answer
}

type answer struct {
	at     time.Time
	header http.Header
	body   []byte
}

// fetchError is the error of a document that could not be fetched.
type fetchError struct{ err error }

func (e *fetchError) Error() string { return e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

// Bounds of the documents.
const (
	maxDocument  = 1 << 20 // bytes
	maxDocuments = 8       // addresses, of which an issuer has two unless it redirects
)

// RoundTrip fetches a document, or returns it again.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	at := r.URL.String()
	b.mu.Lock()
	a, ok := b.kept[at]
	b.mu.Unlock()
	if !ok || b.now().Sub(a.at) >= issuerAgo {
		res, err := b.fetch(r)
		if err != nil {
			return nil, &fetchError{err}
		}
		if res.StatusCode/100 == 3 {
			return res, nil
		}
		if a, err = b.read(res); err != nil {
			return nil, &fetchError{err}
		}
		b.keep(at, a)
	}
	return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}, nil
}

func (b *bounded) fetch(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return nil, fmt.Errorf("the method must be GET, got %s", r.Method)
	}
	return b.next.RoundTrip(r)
}

// read reads an answer that must be a document.
func (b *bounded) read(res *http.Response) (a answer, err error) {
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return a, fmt.Errorf("the answer must have status 200, got %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = fmt.Errorf("the answer must have at most %d bytes", maxDocument)
	}
	return answer{b.now(), http.Header{"Content-Type": res.Header["Content-Type"]}, body}, err
}

func (b *bounded) keep(at string, a answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) >= maxDocuments {
		clear(b.kept)
	}
	b.kept[at] = a
}
