// Package decisionlog writes decisions where other programs read them: as JSON lines to a file that is rotated, and to
// a collector by OTLP. What cannot be written is dropped and counted; no call waits for it. Records that must not be
// lost are events, which package control stores.
package decisionlog

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/setting"
)

// Config is the section decision-log of a gateway's configuration. Without File and OTLP nothing is logged.
type Config struct {
	Sample        *float64    `yaml:"sample" help:"Share of the allowed decisions that is logged, 0 to 1. Default: 1."`
	SampleRefused *float64    `yaml:"sample-refused" help:"Share of the other decisions that is logged, 0 to 1. Default: 1."`
	NoArguments   bool        `yaml:"no-arguments" help:"Leaves out the redacted arguments of calls."`
	AuthZEN       bool        `yaml:"authzen" help:"Logs decisions of the AuthZEN API, too. Requires lanyard serve --mcp-gateway."`
	File          *FileConfig `yaml:"file" help:"File of JSON lines, which is rotated."`
	OTLP          *OTLPConfig `yaml:"otlp" help:"Collector that decisions are sent to as log records, by OTLP over HTTP."`
}

// FileConfig says where JSON lines are written. The file is rotated when it would become larger than MaxSize or has
// been written to for MaxAge, whichever comes first.
type FileConfig struct {
	Path     string        `yaml:"path" help:"The file."`
	MaxSize  setting.Size  `yaml:"max-size" help:"Size at which the file is rotated, in whole MiB. Default: 100MiB."`
	MaxAge   time.Duration `yaml:"max-age" help:"Time after which the file is rotated, 1m to 8760h. Default: 24h."`
	Keep     setting.Count `yaml:"keep" help:"Rotated files that are kept, or unlimited. Default: 14."`
	KeepDays setting.Count `yaml:"keep-days" help:"Days for which rotated files are kept. Default: unlimited."`
	Compress bool          `yaml:"compress" help:"Compresses rotated files with gzip."`
}

// OTLPConfig says to which collector decisions are sent as log records, by OTLP over HTTP with Protobuf.
type OTLPConfig struct {
	Endpoint    string            `yaml:"endpoint" help:"URL such as https://collector.example:4318/v1/logs."`
	Headers     map[string]string `yaml:"headers" help:"HTTP headers without secrets."`
	HeaderFiles map[string]string `yaml:"header-files" help:"HTTP headers by their names, and the files that have their values."`
	Timeout     time.Duration     `yaml:"timeout" help:"Time limit of a request, 100ms to 1m. Default: 10s."`
}

// Check returns what is wrong with the configuration; its members are relative to the section.
func (c *Config) Check() error {
	return setting.First(checkShare("sample", c.Sample), checkShare("sample-refused", c.SampleRefused),
		setting.Below("file", c.File.check()), setting.Below("otlp", c.OTLP.check()))
}

func checkShare(member string, share *float64) error {
	if share != nil && !(*share >= 0 && *share <= 1) {
		return setting.Errorf(member, "must be 0 to 1, got %v", *share)
	}
	return nil
}

func (c *FileConfig) check() error {
	switch {
	case c == nil:
		return nil
	case c.Path == "":
		return setting.Errorf("path", "is required")
	case c.MaxSize < 0 || c.MaxSize%setting.MiB != 0:
		return setting.Errorf("max-size", "must be whole MiB, got %v", c.MaxSize)
	}
	return setting.Between("max-age", c.MaxAge, time.Minute, 365*24*time.Hour)
}

var (
	headerName  = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)
	headerValue = regexp.MustCompile(`^[ -~]*$`)
)

// maxHeader bounds the value of a header, in bytes.
const maxHeader = 4096

// readHeaders returns the headers of a request.
func (c *OTLPConfig) readHeaders() (map[string]string, error) {
	all := maps.Clone(c.Headers)
	for name, file := range c.HeaderFiles {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read header-files: %w", err)
		}
		value := strings.TrimSpace(string(b))
		if !headerValue.MatchString(value) || len(value) > maxHeader {
			return nil, setting.Errorf("header-files", "must name files with values of HTTP headers, got %q", file)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all, nil
}

func (c *OTLPConfig) check() error {
	if c == nil {
		return nil
	}
	if c.Endpoint == "" {
		return setting.Errorf("endpoint", "is required")
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return setting.Errorf("endpoint", "must be a URL such as https://collector.example:4318/v1/logs")
	}
	for name := range c.HeaderFiles {
		if !headerName.MatchString(name) {
			return setting.Errorf("header-files", "must be names of HTTP headers, got %q", name)
		}
	}
	for name, value := range c.Headers {
		if !headerName.MatchString(name) || !headerValue.MatchString(value) || len(value) > maxHeader {
			return setting.Errorf("headers", "must be names and values of HTTP headers, got %q", name)
		}
	}
	return setting.Between("timeout", c.Timeout, 100*time.Millisecond, time.Minute)
}
