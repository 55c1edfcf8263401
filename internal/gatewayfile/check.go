package gatewayfile

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/moduletools"
	"github.com/lanyard/lanyard/internal/setting"
	"github.com/lanyard/lanyard/internal/strictyaml"
)

// checker reports what the values of a file get wrong together.
type checker struct {
	*File
	doc *strictyaml.Document
}

func (c *checker) report(path, format string, args ...any) { c.doc.Report(path, format, args...) }

// Bounds of a file.
const (
	maxUpstreams = 1000
	maxName      = 40
	maxNamespace = 128 // of an application in security profiles, in bytes
)

func (c *checker) check() {
	if c.Resource != "" && !isURL(c.Resource, "https", "http") {
		c.report("resource", "resource must be a URL without query and fragment, such as https://tools.example.com/mcp, got %s",
			lanyard.Quote(c.Resource))
	}
	if len(c.Upstreams) == 0 && c.FlowModules == nil {
		c.report("upstreams", "upstreams is required when there are no flow-modules")
	}
	if len(c.Upstreams) > maxUpstreams {
		c.report("upstreams", "upstreams must have at most %d entries, got %d", maxUpstreams, len(c.Upstreams))
		return
	}
	c.checkUpstreams()
	c.checkFlowModules()
	c.checkIssuers()
	for i, s := range c.Scopes {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			c.report(fmt.Sprintf("scopes[%d]", i), "scopes[%d] must be printable characters with no spaces, quotes and backslashes, got %s",
				i, lanyard.Quote(s))
		}
	}
	for i, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != o {
			c.report(fmt.Sprintf("origins[%d]", i), "origins[%d] must be an origin such as https://agents.example.com, got %s", i,
				lanyard.Quote(o))
		}
	}
	for section, err := range map[string]error{"limits": c.Limits.Check(), "redaction": c.Redaction.Check(),
		"audit": c.Audit.Check(), "decision-log": c.DecisionLog.Check()} {
		c.reportSection(section, err)
	}
}

// reportSection reports what a section finds wrong with itself.
func (c *checker) reportSection(section string, err error) {
	var wrong *setting.Error
	switch {
	case errors.As(err, &wrong):
		path := section + "." + wrong.Member
		c.report(path, "%s %s", path, wrong.Problem)
	case err != nil:
		c.report(section, "%s: %v", section, err)
	}
}

// isURL reports whether a text is an absolute URL of a scheme, with no more than a path.
func isURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme) && u.User == nil && u.RawQuery == "" &&
		!u.ForceQuery && !strings.Contains(s, "#")
}

// upstreamName has no underscore, so that the ___ behind it always ends it.
var upstreamName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$`)

func (c *checker) checkUpstreams() {
	names, namespaces := map[string]int{}, map[string]int{}
	for i, u := range c.Upstreams {
		path := fmt.Sprintf("upstreams[%d]", i)
		c.checkName(path+".name", u.Name)
		namespace := cmp.Or(u.Namespace, u.Name)
		if len(namespace) > maxNamespace {
			c.report(path+".namespace", "%s.namespace must be at most %d bytes, got %d", path, maxNamespace, len(namespace))
		}
		if other, ok := names[gateway.FoldName(u.Name)]; ok {
			c.report(path+".name", "%s.name must differ from upstreams[%d].name, got %s", path, other, lanyard.Quote(u.Name))
		}
		if other, ok := namespaces[gateway.FoldName(namespace)]; ok {
			c.report(path+".namespace", "%s.namespace must differ from that of upstreams[%d], got %s: who may use a tool of the "+
				"one could use those of the other", path, other, lanyard.Quote(namespace))
		}
		names[gateway.FoldName(u.Name)], namespaces[gateway.FoldName(namespace)] = i, i
		c.checkConnection(path, u)
	}
}

func (c *checker) checkName(path, name string) {
	if !upstreamName.MatchString(name) || len(name) > maxName {
		c.report(path, "%s must be a letter, then letters, digits and single hyphens, at most %d in all, got %s", path, maxName,
			lanyard.Quote(name))
	}
}

// checkConnection checks how an upstream is reached.
func (c *checker) checkConnection(path string, u Upstream) {
	switch {
	case (u.URL == "") == (len(u.Command) == 0):
		c.report(path, "%s must have either url or command, got %s", path, map[bool]string{true: "both", false: "neither"}[u.URL != ""])
		return
	case u.URL != "":
		if parsed, err := url.Parse(u.URL); err != nil || parsed.Host == "" || parsed.User != nil ||
			parsed.Scheme != "http" && parsed.Scheme != "https" {
			c.report(path+".url", "%s.url must be an http or https URL without user information, got %s", path,
				lanyard.Quote(strings.SplitN(u.URL, "@", 2)[0]))
		}
		for key, set := range map[string]bool{"environment": u.Environment != nil, "directory": u.Directory != ""} {
			if set {
				c.report(path+"."+key, "%s.%s must be left out when url is set", path, key)
			}
		}
	default:
		if u.Headers != nil {
			c.report(path+".headers", "%s.headers must be left out when command is set", path)
		}
		if u.Command[0] == "" {
			c.report(path+".command", "%s.command must begin with a program", path)
		}
	}
	c.checkHeaders(path+".headers", u.Headers)
	for _, name := range slices.Sorted(maps.Keys(u.Environment)) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			c.report(path+".environment."+name, "%s.environment must have names without =, got %s", path, lanyard.Quote(name))
		}
		c.checkValue(path+".environment."+name, u.Environment[name])
	}
}

// What HTTP allows in names and values of headers, of which values are ASCII here.
var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$")
	headerValue = regexp.MustCompile(`^[!-~]([ -~\t]*[!-~])?$`)
)

// secretHeaders must not be written into the file.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// ownHeaders are those of the connection and of the protocol, which the gateway sets.
var ownHeaders = []string{"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type",
	"Last-Event-Id", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func (c *checker) checkHeaders(path string, headers map[string]Value) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		at, v, canonical := path+"."+name, headers[name], http.CanonicalHeaderKey(name)
		switch {
		case !headerName.MatchString(name):
			c.report(at, "%s must have names of HTTP headers, got %s", path, lanyard.Quote(name))
		case slices.Contains(ownHeaders, canonical) || strings.HasPrefix(canonical, "Mcp-"):
			c.report(at, "%s must not have %s, which the gateway sets", path, canonical)
		case v.Text != "" && slices.Contains(secretHeaders, canonical):
			c.report(at, "%s must be {env: NAME} or {file: PATH}, so that this file has no secret", at)
		default:
			c.checkValue(at, v)
		}
	}
}

// checkValue refuses a value that is none, or several.
func (c *checker) checkValue(path string, v Value) {
	set := 0
	for _, s := range []string{v.Text, v.Env, v.File} {
		if s != "" {
			set++
		}
	}
	if set > 1 {
		c.report(path, "%s must have one of text, env and file, got %d", path, set)
	}
	if set == 0 && v.Prefix != "" {
		c.report(path, "%s must have one of env and file behind prefix, got neither", path)
	}
}

func (c *checker) checkFlowModules() {
	m := c.FlowModules
	if m == nil {
		return
	}
	name := m.Upstream()
	c.checkName("flow-modules.name", name)
	for i, u := range c.Upstreams {
		if gateway.FoldName(u.Name) == gateway.FoldName(name) || gateway.FoldName(u.Namespace) == gateway.FoldName(name) {
			c.report("flow-modules.name", "flow-modules.name must differ from name and namespace of upstreams[%d], got %s", i,
				lanyard.Quote(name))
		}
	}
	if err := moduletools.CheckTarget(m.Target); err != nil {
		c.report("flow-modules.target", "flow-modules.%v", err)
	}
	for _, header := range slices.Sorted(maps.Keys(m.Headers)) {
		if err := moduletools.CheckHeader(header); err != nil {
			c.report("flow-modules.headers."+header, "flow-modules.%v", err)
			return
		}
	}
	c.checkHeaders("flow-modules.headers", m.Headers)
}

// Upstream is the name of the upstream that flow modules are.
func (m *FlowModules) Upstream() string { return cmp.Or(m.Name, "modules") }

func (c *checker) checkIssuers() {
	seen := map[string]int{}
	for i, issuer := range c.Issuers {
		path := fmt.Sprintf("issuers[%d]", i)
		if !isIssuer(issuer.URL) {
			c.report(path+".url", "%s.url must be an https URL, or an http one of this machine, got %s", path,
				lanyard.Quote(issuer.URL))
		}
		if other, ok := seen[issuer.URL]; ok {
			c.report(path+".url", "%s.url must differ from issuers[%d].url, got %s", path, other, lanyard.Quote(issuer.URL))
		}
		seen[issuer.URL] = i
		if issuer.Audience == "" && c.Resource == "" {
			c.report(path, "%s.audience is required when resource is not set", path)
		}
		if len(issuer.Clients) == 0 {
			c.report(path+".clients", "%s.clients must have at least one client, got none", path)
		}
		for _, id := range slices.Sorted(maps.Keys(issuer.Clients)) {
			c.checkClient(path+".clients."+id, issuer.Clients[id])
		}
	}
}

func (c *checker) checkClient(path string, client Client) {
	if client.Agent == NoAgent {
		if client.Subject != "" && client.Subject != "user" {
			c.report(path+".subject", "%s.subject must be user when agent is %s, got %s", path, NoAgent, client.Subject)
		}
		return
	}
	if _, err := lanyard.ParseAgentARN(client.Agent); err != nil {
		c.report(path+".agent", "%s.agent must be the ARN of an AI agent, or %s, got %s", path, NoAgent,
			lanyard.Quote(client.Agent))
	}
}

// isIssuer reports whether a URL is one from which keys arrive as they were sent.
func isIssuer(s string) bool {
	if isURL(s, "https") {
		return true
	}
	u, err := url.Parse(s)
	if err != nil || !isURL(s, "http") {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.IsLoopback()
}
