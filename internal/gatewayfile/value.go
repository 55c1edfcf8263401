package gatewayfile

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/lanyard/lanyard/internal/gateway"
)

// maxSecret bounds a file with a secret, in bytes.
const maxSecret = 64 << 10

// read returns the value, from where it is.
func (v Value) read() (string, error) {
	switch {
	case v.Env != "":
		s, ok := os.LookupEnv(v.Env)
		if !ok || s == "" {
			return "", fmt.Errorf("the environment variable %s is required", v.Env)
		}
		return v.Prefix + s, nil
	case v.File != "":
		f, err := os.Open(v.File)
		if err != nil {
			return "", err
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
		if err != nil {
			return "", err
		}
		if len(b) > maxSecret {
			return "", fmt.Errorf("%s must have at most %d bytes", v.File, maxSecret)
		}
		s := strings.TrimRight(string(b), " \t\r\n")
		if s == "" {
			return "", fmt.Errorf("%s must have a value, got nothing", v.File)
		}
		return v.Prefix + s, nil
	}
	return v.Prefix + v.Text, nil
}

// Headers reads the values of headers. Errors do not have them.
func Headers(path string, headers map[string]Value) (map[string]string, error) {
	all := map[string]string{}
	for name, v := range headers {
		value, err := v.read()
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", path, name, err)
		}
		if !headerValue.MatchString(value) {
			return nil, fmt.Errorf("%s.%s must be the value of an HTTP header: printable ASCII", path, name)
		}
		all[name] = value
	}
	return all, nil
}

// UpstreamConfigs returns the upstreams as package gateway takes them, with the secrets that they require.
func (f *File) UpstreamConfigs() (all []gateway.Upstream, err error) {
	for i, u := range f.Upstreams {
		path := fmt.Sprintf("upstreams[%d]", i)
		to := gateway.Upstream{Name: u.Name, Namespace: u.Namespace, URL: u.URL, Command: u.Command, Dir: u.Directory}
		headers, err := Headers(path+".headers", u.Headers)
		if err != nil {
			return nil, err
		}
		for name, value := range headers {
			if to.Header == nil {
				to.Header = http.Header{}
			}
			to.Header.Set(name, value)
		}
		for name, v := range u.Environment {
			value, err := v.read()
			if err != nil {
				return nil, fmt.Errorf("%s.environment.%s: %w", path, name, err)
			}
			to.Env = append(to.Env, name+"="+value)
		}
		slices.Sort(to.Env)
		all = append(all, to)
	}
	return all, nil
}
