package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/invocation"
)

// odd is a text that must be encoded wherever it stands.
const odd = "a/b c+d:é%?&"

// Every member of path and query arrives where the server looks for it, and no other is left out of the body.
func TestRequestsOfEveryOperation(t *testing.T) {
	for i := range model.Operations {
		op := &model.Operations[i]
		if op.NewInput == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			want := op.NewInput()
			input := outsideBody(want)
			text, err := json.Marshal(input)
			if err != nil {
				t.Fatal(err)
			}
			r, err := newRequest(op, "http://example", text)
			if err != nil {
				t.Fatal(err)
			}
			got := op.NewInput()
			if err := got.Bind(paramsOf(t, op, r.url)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s with body %s arrives as\n%+v, want\n%+v", r.method, r.url, r.body, got, want)
			}
			if body := string(r.body); body != "" && body != "{}" {
				t.Errorf("the body has %s, want nothing", body)
			}
		})
	}
}

// outsideBody sets the members of in that travel in path or query, and returns them by their names.
func outsideBody(in model.Input) map[string]any {
	input := map[string]any{}
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") != "-" {
			continue
		}
		switch f := v.Field(i).Addr().Interface().(type) {
		case **string:
			*f = aws.String(odd)
		case **int32:
			*f = aws.Int32(7)
		case **int64:
			*f = aws.Int64(8)
		case **bool:
			*f = aws.Bool(true)
		case *[]string:
			*f = []string{odd, "two"}
		}
		input[v.Type().Field(i).Name] = v.Field(i).Interface()
	}
	return input
}

func paramsOf(t *testing.T, op *model.Operation, target string) (p model.Params) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p.Query = u.Query()
	names, values := strings.Split(op.URI, "/"), strings.Split(u.EscapedPath(), "/")
	if len(names) != len(values) {
		t.Fatalf("the path %s does not fit %s", u.EscapedPath(), op.URI)
	}
	for i, name := range names {
		if strings.HasPrefix(name, "{") {
			value, err := url.PathUnescape(values[i])
			if err != nil {
				t.Fatal(err)
			}
			p.Labels = append(p.Labels, model.Label{Name: strings.Trim(name, "{}"), Value: value})
		}
	}
	return p
}

// scripted answers the first requests of an operation as it is told, and then with {}.
func scripted(t *testing.T, answers ...http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var sent atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := int(sent.Add(1)); n <= len(answers) {
			answers[n-1](w, r)
			return
		}
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(s.Close)
	return s, &sent
}

func throttled(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amzn-Errortype", "ThrottlingException:http://internal.amazon.com/")
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprint(w, `{"Message":"Rate exceeded"}`)
}

func broken(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprint(w, `{"__type":"com.amazon#InternalServiceException","message":"try again"}`)
}

func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func denied(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
	w.Header().Set("X-Amzn-Requestid", "r-1")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, `{"Message":"not you"}`)
}

func newClient(t *testing.T, c Config) *Client {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Credentials == nil {
		c.Credentials = credentials.NewStaticCredentialsProvider("AKIATESTTESTTEST0001", "secret", "")
	}
	client, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestRetries(t *testing.T) {
	user := map[string]string{"InstanceId": "i", "UserId": "u"}
	for _, tt := range []struct {
		name, operation string
		input           any
		answers         []http.HandlerFunc
		sent            int64
		exception       string // "" for success
		uncertain       bool
	}{
		{name: "a read is throttled", operation: "DescribeUser", input: user,
			answers: []http.HandlerFunc{throttled}, sent: 2},
		{name: "a read breaks", operation: "DescribeUser", input: user,
			answers: []http.HandlerFunc{broken, cut}, sent: 3},
		{name: "a change is throttled", operation: "DeleteUser", input: user,
			answers: []http.HandlerFunc{throttled}, sent: 2},
		{name: "a change breaks", operation: "DeleteUser", input: user,
			answers: []http.HandlerFunc{broken}, sent: 1, exception: "InternalServiceException", uncertain: true},
		{name: "a change loses its connection", operation: "DeleteUser", input: user,
			answers: []http.HandlerFunc{cut}, sent: 1, uncertain: true},
		{name: "a refusal is final", operation: "DescribeUser", input: user,
			answers: []http.HandlerFunc{denied}, sent: 1, exception: "AccessDeniedException"},
		{name: "throttled for ever", operation: "DescribeUser", input: user,
			answers: []http.HandlerFunc{throttled, throttled, throttled, throttled}, sent: 3,
			exception: "ThrottlingException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, sent := scripted(t, tt.answers...)
			client := newClient(t, Config{Endpoint: server.URL, MaxAttempts: 3, MaxBackoff: time.Millisecond})
			_, err := invocation.Do[struct{}](t.Context(), client, tt.operation, tt.input)
			if got := sent.Load(); got != tt.sent { // net/http repeats a GET itself when its connection was idle
				t.Errorf("%d requests were sent, want %d", got, tt.sent)
			}
			var e *invocation.Exception
			var u *Uncertain
			if errors.As(err, &e); tt.exception != "" && (e == nil || e.Name != tt.exception) {
				t.Errorf("got %v, want %s", err, tt.exception)
			}
			if errors.As(err, &u) != tt.uncertain {
				t.Errorf("got %v; uncertain: want %t", err, tt.uncertain)
			}
			if tt.exception == "" && !tt.uncertain && err != nil {
				t.Errorf("got %v, want success", err)
			}
		})
	}
}

// TestAddressWithoutServer expects that a connection that never was one is tried a few times only, and one that was
// there before as often as any request.
func TestAddressWithoutServer(t *testing.T) {
	server, _ := scripted(t)
	client := newClient(t, Config{Endpoint: server.URL, MaxAttempts: 6, MaxBackoff: time.Millisecond})
	gone, _ := scripted(t)
	gone.Close()
	nobody := newClient(t, Config{Endpoint: gone.URL, MaxAttempts: 6, MaxBackoff: time.Millisecond})
	call := func(c *Client) error {
		_, err := c.Invoke(t.Context(), "DescribeUser", []byte(`{"InstanceId":"i","UserId":"u"}`))
		return err
	}
	if err := call(client); err != nil {
		t.Fatal(err)
	}
	server.Close()
	for c, want := range map[*Client]int64{nobody: maxFirstAttempts, client: 1 + 6} {
		if err := call(c); !errors.Is(err, syscall.ECONNREFUSED) || c.Calls() != want {
			t.Errorf("%v after %d requests, want a refused connection after %d", err, c.Calls(), want)
		}
	}
}

func TestExceptions(t *testing.T) {
	server, _ := scripted(t, denied)
	_, err := newClient(t, Config{Endpoint: server.URL}).Invoke(t.Context(), "DescribeUser",
		[]byte(`{"InstanceId":"i","UserId":"u"}`))
	var e *invocation.Exception
	want := invocation.Exception{Name: "AccessDeniedException", Message: "not you", Status: 403, RequestID: "r-1"}
	if !errors.As(err, &e) || *e != want {
		t.Errorf("got %+v, want %+v", err, want)
	}
}

// What may not be called, or not so, is refused before anything is sent.
func TestRefusedWithoutARequest(t *testing.T) {
	server, sent := scripted(t)
	client := newClient(t, Config{Endpoint: server.URL, Operations: []string{"DescribeUser", "ListTagsForResource"}})
	for _, tt := range []struct{ name, operation, input, says string }{
		{"another operation", "DeleteUser", `{"InstanceId":"i","UserId":"u"}`, "may be called"},
		{"unknown", "Nonsense", `{}`, "Nonsense"},
		{"no label", "DescribeUser", `{"InstanceId":"i"}`, "UserId of DescribeUser is required"},
		{"an empty label", "DescribeUser", `{"InstanceId":"i","UserId":""}`, "must not be empty"},
		{"an object as a label", "DescribeUser", `{"InstanceId":"i","UserId":{}}`, "must be a string"},
		{"not JSON", "DescribeUser", `{`, "read the input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := client.Invoke(t.Context(), tt.operation, []byte(tt.input)); err == nil ||
				!strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error that says %q", err, tt.says)
			}
		})
	}
	if sent.Load() != 0 {
		t.Errorf("%d requests were sent, want none", sent.Load())
	}
}

// The pace holds for all callers together, retries included.
func TestPace(t *testing.T) {
	server, sent := scripted(t)
	client := newClient(t, Config{Endpoint: server.URL, Rate: 1, Burst: 2})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	done := make(chan error, 5)
	for range 5 {
		go func() {
			_, err := client.Invoke(ctx, "DescribeUser", []byte(`{"InstanceId":"i","UserId":"u"}`))
			done <- err
		}()
	}
	failed := 0
	for range 5 {
		if <-done != nil {
			failed++
		}
	}
	if failed != 3 || sent.Load() != 2 {
		t.Errorf("%d calls failed and %d were sent, want 3 and 2", failed, sent.Load())
	}
}

func TestSettings(t *testing.T) {
	files := t.TempDir()
	write(t, files+"/config", "[profile other]\nregion = eu-west-2\nservices = here\n"+
		"[services here]\nconnect =\n  endpoint_url = http://profile.example/\n")
	for _, tt := range []struct {
		name     string
		env      map[string]string
		config   Config
		endpoint string
		region   string
		says     string
	}{
		{name: "Amazon's", env: map[string]string{"AWS_REGION": "us-west-2"}, region: "us-west-2",
			endpoint: "https://connect.us-west-2.amazonaws.com"},
		{name: "FIPS", env: map[string]string{"AWS_REGION": "us-west-2", "AWS_USE_FIPS_ENDPOINT": "true"},
			region: "us-west-2", endpoint: "https://connect-fips.us-west-2.amazonaws.com"},
		{name: "Amazon's in China", config: Config{Region: "cn-north-1"}, region: "cn-north-1",
			endpoint: "https://connect.cn-north-1.amazonaws.com.cn"},
		{name: "of the service before of all", env: map[string]string{"AWS_ENDPOINT_URL": "http://all.example",
			"AWS_ENDPOINT_URL_CONNECT": "http://connect.example"}, config: Config{Region: "r"}, region: "r",
			endpoint: "http://connect.example"},
		{name: "of all", env: map[string]string{"AWS_ENDPOINT_URL": "http://all.example"}, config: Config{Region: "r"},
			region: "r", endpoint: "http://all.example"},
		{name: "ignored", env: map[string]string{"AWS_ENDPOINT_URL": "http://all.example",
			"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, config: Config{Region: "r"}, region: "r",
			endpoint: "https://connect.r.amazonaws.com"},
		{name: "of a profile", config: Config{Profile: "other"}, region: "eu-west-2", endpoint: "http://profile.example"},
		{name: "wanted", env: map[string]string{"AWS_ENDPOINT_URL": "http://all.example"}, region: "eu-west-2",
			config: Config{Profile: "other", Endpoint: "http://wanted.example"}, endpoint: "http://wanted.example"},
		{name: "no region", says: "AWS region is required"},
		{name: "unknown profile", config: Config{Profile: "nobody"}, says: "nobody"},
		{name: "no URL", config: Config{Region: "r", Endpoint: "connect.example"}, says: "must be a URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL",
				"AWS_ENDPOINT_URL_CONNECT", "AWS_USE_FIPS_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} {
				t.Setenv(name, tt.env[name])
			}
			t.Setenv("AWS_CONFIG_FILE", files+"/config")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
			client, err := New(t.Context(), tt.config)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want an error that says %q", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if client.Endpoint() != tt.endpoint || client.Region() != tt.region {
				t.Errorf("got %s in %s, want %s in %s", client.Endpoint(), client.Region(), tt.endpoint, tt.region)
			}
		})
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
