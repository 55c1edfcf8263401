// Package awsclient calls operations of Amazon Connect over HTTP, on Amazon's service or on any server that speaks its
// API, with the settings and credentials that every AWS SDK takes from the environment. It knows how a request is
// addressed, signed, paced and retried; what an operation means is not its job.
package awsclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"golang.org/x/time/rate"

	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/invocation"
)

// Config says what to call and how. The zero value takes everything from the environment and the shared configuration
// files: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_CONNECT, AWS_ENDPOINT_URL, credentials and their refresh.
type Config struct {
	Profile     string                  // of the shared configuration files
	Region      string                  // before those of environment and profile
	Endpoint    string                  // URL, before those of environment and profile
	Credentials aws.CredentialsProvider // before those of environment and profile

	// Rate is how many requests a second are sent at most, all operations together, retries included, in bursts of at
	// most Burst, 1 or more. 0 does not pace.
	Rate  float64
	Burst int
	// Operations, unless nil, are the only operations that may be called.
	Operations []string
	// MaxAttempts bounds how often a request is sent; default 10.
	MaxAttempts int
	MaxBackoff  time.Duration // between two attempts; default 20 s
	HTTP        *http.Client  // default: one with time-outs, and the proxy of the environment
	// Retrying, unless nil, is called before a request is repeated.
	Retrying func(operation string, delay time.Duration, err error)
}

// A Client calls operations. It is an invocation.API, and safe for concurrent use.
type Client struct {
	Config
	settings
	signer *v4.Signer
	pace   *rate.Limiter
	retry  *retry.AdaptiveMode
	calls  atomic.Int64
	// answered is set once the service has answered: from then on a refused connection is one that may come back.
	answered atomic.Bool
}

var _ invocation.API = (*Client)(nil)

// maxFirstAttempts bounds how often a connection is tried that never was one. Its address is rather wrong than down.
const maxFirstAttempts = 3

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// New returns a client. It makes no request, but some credentials are only found by asking for them.
func New(ctx context.Context, c Config) (*Client, error) {
	found, err := loadSettings(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		c.HTTP = newHTTPClient()
	}
	if c.MaxAttempts == 0 {
		c.MaxAttempts = 10
	}
	client := &Client{Config: c, settings: *found, signer: v4.NewSigner(), pace: rate.NewLimiter(rate.Inf, 1)}
	if c.Rate > 0 {
		client.pace = rate.NewLimiter(rate.Limit(c.Rate), max(c.Burst, 1))
	}
	client.retry = retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
		o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) {
			o.MaxAttempts = c.MaxAttempts
			if c.MaxBackoff > 0 {
				o.MaxBackoff = c.MaxBackoff
			}
			o.RateLimiter = unlimited{} // the pace and MaxAttempts bound the retries
		})
	})
	return client, nil
}

// newHTTPClient returns a client whose requests end at some time. It follows no redirects: no API answers with one, and
// a signature counts for one host.
func newHTTPClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = 30 * time.Second
	return &http.Client{Transport: t, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// unlimited lets every retry happen.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}

func (unlimited) AddTokens(uint) error { return nil }

// Endpoint returns the URL of the service that is called.
func (c *Client) Endpoint() string { return c.endpoint }

// Region returns the region that requests are signed for.
func (c *Client) Region() string { return c.region }

// Calls returns how many requests were sent, retries included.
func (c *Client) Calls() int64 { return c.calls.Load() }

// A CredentialsError says that there are no credentials, or none that can be used.
type CredentialsError struct{ Err error }

func (e *CredentialsError) Error() string { return "no usable AWS credentials: " + e.Err.Error() }
func (e *CredentialsError) Unwrap() error { return e.Err }

// Uncertain is the error of a call that may have been carried out: no answer came, or one that does not tell. Only
// calls that change something have it.
type Uncertain struct {
	Operation string
	Err       error
}

func (u *Uncertain) Error() string {
	return fmt.Sprintf("%s may have been carried out: %s", u.Operation, u.Err)
}

func (u *Uncertain) Unwrap() error { return u.Err }

// Invoke carries out an operation. Throttling and lost connections are retried, unless the operation changes something
// and may have been carried out: that is an *Uncertain. What the service refuses is an *invocation.Exception.
func (c *Client) Invoke(ctx context.Context, operation string, input []byte) ([]byte, error) {
	op, err := c.findOperation(operation)
	if err != nil {
		return nil, err
	}
	r, err := newRequest(op, c.endpoint, input)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		output, err := c.attempt(ctx, r)
		if err == nil {
			return output, nil
		}
		if !mayRepeat(op, err) && ctx.Err() == nil && uncertain(err) {
			return nil, &Uncertain{op.Name, err}
		}
		if attempt >= c.attemptsFor(err) || ctx.Err() != nil || !mayRepeat(op, err) || !c.retry.IsErrorRetryable(err) {
			return nil, finalError(op, err)
		}
		if err := c.wait(ctx, op, attempt, err); err != nil {
			return nil, finalError(op, err)
		}
	}
}

// attemptsFor returns how often a request may be sent that fails with err.
func (c *Client) attemptsFor(err error) int {
	if unsent(err) && !c.answered.Load() {
		return min(c.MaxAttempts, maxFirstAttempts)
	}
	return c.MaxAttempts
}

func (c *Client) findOperation(name string) (*model.Operation, error) {
	i, found := slices.BinarySearchFunc(model.Operations, name,
		func(op model.Operation, name string) int { return strings.Compare(op.Name, name) })
	switch {
	case !found || model.Operations[i].NewInput == nil:
		return nil, fmt.Errorf("%s is not an operation that lanyard knows how to call", name)
	case c.Operations != nil && !slices.Contains(c.Operations, name):
		return nil, fmt.Errorf("%s is not among the operations that may be called here", name)
	}
	return &model.Operations[i], nil
}

// wait waits before the next attempt.
func (c *Client) wait(ctx context.Context, op *model.Operation, attempt int, cause error) error {
	delay, err := c.retry.RetryDelay(attempt, cause)
	if err != nil {
		return err
	}
	if c.Retrying != nil {
		c.Retrying(op.Name, delay, cause)
	}
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// attempt sends a request once.
func (c *Client) attempt(ctx context.Context, r *request) ([]byte, error) {
	if err := c.pace.Wait(ctx); err != nil {
		return nil, err
	}
	release, err := c.retry.GetAttemptToken(ctx)
	if err != nil {
		return nil, err
	}
	output, err := c.send(ctx, r)
	return output, errors.Join(err, release(err))
}

func (c *Client) send(ctx context.Context, r *request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "lanyard")
	creds, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, &CredentialsError{err}
	}
	sum := sha256.Sum256(r.body)
	if err := c.signer.SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), "connect", c.region, time.Now()); err != nil {
		return nil, err
	}
	c.calls.Add(1)
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, &connectionError{err}
	}
	c.answered.Store(true)
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &connectionError{fmt.Errorf("read the answer: %w", err)}
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("the answer must be at most %d bytes", maxAnswer)
	case res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated:
		return nil, &refusal{readException(res, answer)}
	}
	return answer, nil
}
