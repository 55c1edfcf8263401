package coaz

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/yamlfile"
)

// Mappings are those of a server's instances, by the id of the instance.
type Mappings map[string]*Mapping

// Of returns the mapping of an instance; nil, which takes everything by its own name, when the file has none.
func (m Mappings) Of(instance string) *Mapping { return m[instance] }

// Read reads a file of mappings. The error has every problem that was found, with its place.
func Read(path string, source []byte) (Mappings, error) {
	file, root := yamlfile.Parse(path, source)
	if root == nil {
		return nil, file.Err()
	}
	r := &reader{file}
	all := Mappings{}
	instances := r.Fields(root, "the file", "instances")["instances"]
	if instances == nil {
		if file.Err() == nil {
			r.Report(root, "instances is required")
		}
		return nil, file.Err()
	}
	for _, m := range r.Members(instances, "instances") {
		if !lanyard.IsID(m.Name) {
			r.Report(m.Key, "a key of instances must be the id of an instance, got %s", quote(m.Name))
			continue
		}
		all[strings.ToLower(m.Name)] = r.mapping(m.Value)
	}
	if err := file.Err(); err != nil {
		return nil, err
	}
	return all, nil
}

// reader reads the values of a file of mappings.
type reader struct{ *yamlfile.File }

func quote(s string) string { return strconv.Quote(yamlfile.Clip(s)) }

// agentForm is the form of ARNs of AI agents.
var agentForm = regexp.MustCompile(`^arn:[a-z-]+:wisdom:[a-z0-9-]+:[0-9]{12}:ai-agent/[A-Za-z0-9-]+/[A-Za-z0-9-]+` +
	`(:(\$LATEST|\$SAVED|[0-9]+))?$`)

const maxNamespace = 128 // characters

func (r *reader) mapping(n *yaml.Node) *Mapping {
	m := new(Mapping)
	fields := r.Fields(n, "an instance", "agents", "users", "servers", "proxies")
	if v := fields["agents"]; v != nil {
		m.Agents = map[string]string{}
		for _, x := range r.Texts(v, "agents") {
			if m.Agents[x.Name] = x.Value.Value; !agentForm.MatchString(x.Value.Value) {
				r.Report(x.Value, "the AI agent of %s must be arn:PARTITION:wisdom:REGION:ACCOUNT:ai-agent/ASSISTANT/AGENT, "+
					"with or without :$LATEST, :$SAVED or a version, got %s", quote(x.Name), quote(x.Value.Value))
			}
		}
	}
	if v := fields["users"]; v != nil {
		m.Users = map[string]string{}
		for _, x := range r.Texts(v, "users") {
			m.Users[x.Name] = x.Value.Value
			if _, both := m.Agents[x.Name]; both {
				r.Report(x.Key, "%s must be in either agents or users, got both", quote(x.Name))
			}
		}
	}
	if v := fields["servers"]; v != nil {
		m.Servers = map[string]string{}
		for _, x := range r.Texts(v, "servers") {
			m.Servers[x.Name] = x.Value.Value
			r.checkNamespace(x.Value, "the application of "+quote(x.Name), x.Value.Value)
		}
	}
	if v := fields["proxies"]; v != nil {
		m.Proxies = map[string]*Proxy{}
		for _, x := range r.Members(v, "proxies") {
			m.Proxies[x.Name] = r.proxy(x, m)
		}
	}
	return m
}

func (r *reader) checkNamespace(n *yaml.Node, name, namespace string) {
	if len([]rune(namespace)) > maxNamespace {
		r.Report(n, "%s must have at most %d characters, got %d", name, maxNamespace, len([]rune(namespace)))
	}
}

// proxyName is the form of names of proxies, which stand in URLs.
var proxyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (r *reader) proxy(x yamlfile.Member, m *Mapping) *Proxy {
	if !proxyName.MatchString(x.Name) {
		r.Report(x.Key, "a key of proxies must be 1 to 64 letters, digits, dots, hyphens and underscores, got %s",
			quote(x.Name))
	}
	p := new(Proxy)
	if yamlfile.IsNull(x.Value) {
		r.Report(x.Key, "headers is required")
		return p
	}
	fields := r.Fields(x.Value, "a proxy", "namespace", "headers")
	if v := fields["namespace"]; v != nil {
		p.Namespace, _ = r.Text(v, "namespace")
		r.checkNamespace(v, "namespace", p.Namespace)
		if p.Namespace != "" && !m.knows(p.Namespace) {
			r.Report(v, "namespace must be one that servers has, got %s", quote(p.Namespace))
		}
	}
	if fields["headers"] == nil {
		r.Report(x.Key, "headers is required")
		return p
	}
	headers := r.Fields(fields["headers"], "headers", "user", "agent", "audience")
	p.User, p.Agent, p.Audience = r.header(headers["user"]), r.header(headers["agent"]), r.header(headers["audience"])
	if p.User == "" && p.Agent == "" && r.Err() == nil {
		r.Report(fields["headers"], "headers must have user or agent, got neither")
	}
	if names := []string{p.User, p.Agent, p.Audience}; repeats(names) {
		r.Report(fields["headers"], "headers must be different ones, got %s", strings.Join(names, ", "))
	}
	if (p.Namespace == "") == (p.Audience == "") && r.Err() == nil {
		r.Report(x.Key, "a proxy must have either namespace or headers.audience")
	}
	return p
}

// repeats reports whether a name that is not empty is listed twice.
func repeats(names []string) bool {
	for i, n := range names {
		if n != "" && slices.Contains(names[:i], n) {
			return true
		}
	}
	return false
}

// clients are headers that clients set, or that a connection or a proxy's question itself has.
var clients = []string{"Accept", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type",
	"Cookie", "Forwarded", "Host", "Last-Event-Id", "Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id",
	"Origin", "Transfer-Encoding", "User-Agent", "X-Envoy-Auth-Partial-Body", "X-Forwarded-For", "X-Request-Id"}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// header returns the canonical name of a header; "" when there is none.
func (r *reader) header(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	name, ok := r.Text(n, "a header")
	if !ok {
		return ""
	}
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !headerName.MatchString(name):
		r.Report(n, "a header must be a name such as x-jwt-sub, got %s", quote(name))
	case slices.Contains(clients, canonical):
		r.Report(n, "a header must be one that the proxy alone sets, got %s, which clients set", quote(name))
	}
	return canonical
}
