package coaz

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/strictyaml"
)

// Mappings are those of a server's instances, by the id of the instance.
type Mappings map[string]*Mapping

// Of returns the mapping of an instance; nil, which takes everything by its own name, when the file has none.
func (m Mappings) Of(instance string) *Mapping { return m[instance] }

// The form of a file of mappings.
type (
	fileForm struct {
		Instances map[string]mappingForm `yaml:"instances" required:"" help:"Mappings by the id of the instance."`
	}
	mappingForm struct {
		Agents  map[string]string    `yaml:"agents" help:"ARN of the AI agent, by client id."`
		Users   map[string]string    `yaml:"users" help:"User name or id, by subject."`
		Servers map[string]string    `yaml:"servers" help:"Namespace of the application, by audience."`
		Proxies map[string]proxyForm `yaml:"proxies" help:"Proxies that ask over ext_authz, by name."`
	}
	proxyForm struct {
		Namespace string      `yaml:"namespace" help:"Namespace of the application whose server is behind the proxy."`
		Headers   headersForm `yaml:"headers" required:"" help:"Headers that the proxy alone sets."`
	}
	headersForm struct {
		User     string `yaml:"user" help:"Header with the subject of the token."`
		Agent    string `yaml:"agent" help:"Header with the client id."`
		Audience string `yaml:"audience" help:"Header with the audience, in place of a namespace."`
	}
)

// Read reads a file of mappings. The error has every problem that was found, with its place.
func Read(path string, source []byte) (Mappings, error) {
	var form fileForm
	r := &reader{strictyaml.Decode(path, source, &form)}
	if err := r.Err(); err != nil { // what was read is not all that the file says
		return nil, err
	}
	all := Mappings{}
	for id, m := range form.Instances {
		at := "instances." + id
		if !lanyard.IsID(id) {
			r.Report(at, "a key of instances must be the id of an instance, got %s", lanyard.Quote(id))
		}
		r.checkTables(at, &m)
		made := &Mapping{Agents: m.Agents, Users: m.Users, Servers: m.Servers}
		for name, p := range m.Proxies {
			if made.Proxies == nil {
				made.Proxies = map[string]*Proxy{}
			}
			made.Proxies[name] = r.proxy(at+".proxies."+name, name, p, made)
		}
		all[strings.ToLower(id)] = made
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return all, nil
}

// reader reports what is wrong in a file of mappings.
type reader struct{ *strictyaml.Document }

const maxNamespace = 128 // characters

func (r *reader) checkTables(at string, m *mappingForm) {
	for client, arn := range m.Agents {
		if _, err := lanyard.ParseAgentARN(arn); err != nil {
			r.Report(at+".agents."+client, "the AI agent of %s %v", lanyard.Quote(client), err)
		}
	}
	for subject, user := range m.Users {
		if _, both := m.Agents[subject]; both {
			r.Report(at+".users."+subject, "%s must be in either agents or users, got both", lanyard.Quote(subject))
		}
		if user == "" {
			r.Report(at+".users."+subject, "the user of %s must be a user name or id, got %q", lanyard.Quote(subject), user)
		}
	}
	for audience, namespace := range m.Servers {
		r.checkNamespace(at+".servers."+audience, "the application of "+lanyard.Quote(audience), namespace)
	}
	for table, keys := range map[string][]string{"agents": slices.Collect(maps.Keys(m.Agents)),
		"users": slices.Collect(maps.Keys(m.Users)), "servers": slices.Collect(maps.Keys(m.Servers))} {
		if slices.Contains(keys, "") {
			r.Report(at+"."+table+".", "a key of %s must have at least 1 character, got 0", table)
		}
	}
}

func (r *reader) checkNamespace(at, name, namespace string) {
	if n := utf8.RuneCountInString(namespace); n == 0 || n > maxNamespace {
		r.Report(at, "%s must have 1 to %d characters, got %d", name, maxNamespace, n)
	}
}

// proxyName is the form of names of proxies, which stand in URLs.
var proxyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (r *reader) proxy(at, name string, form proxyForm, m *Mapping) *Proxy {
	if !proxyName.MatchString(name) {
		r.Report(at, "a key of proxies must be 1 to 64 letters, digits, dots, hyphens and underscores, got %s",
			lanyard.Quote(name))
	}
	if r.Has(at + ".namespace") {
		r.checkNamespace(at+".namespace", "namespace", form.Namespace)
		if !m.knows(form.Namespace) {
			r.Report(at+".namespace", "namespace must be one that servers has, got %s", lanyard.Quote(form.Namespace))
		}
	}
	in := at + ".headers"
	p := &Proxy{form.Namespace, r.header(in+".user", form.Headers.User), r.header(in+".agent", form.Headers.Agent),
		r.header(in+".audience", form.Headers.Audience)}
	names := slices.DeleteFunc([]string{p.User, p.Agent, p.Audience}, func(name string) bool { return name == "" })
	switch {
	case p.User == "" && p.Agent == "":
		r.Report(in, "headers must have user or agent, got neither")
	case len(slices.Compact(slices.Sorted(slices.Values(names)))) < len(names):
		r.Report(in, "headers must be different ones, got %s", strings.Join(names, ", "))
	case r.Has(at+".namespace") == (p.Audience != ""):
		r.Report(at, "a proxy must have either namespace or headers.audience")
	}
	return p
}

// clients are headers that clients set, or that a connection or a proxy's question itself has.
var clients = []string{"Accept", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type",
	"Cookie", "Forwarded", "Host", "Last-Event-Id", "Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id",
	"Origin", "Transfer-Encoding", "User-Agent", "X-Envoy-Auth-Partial-Body", "X-Forwarded-For", "X-Request-Id"}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// header returns the canonical name of a header; "" when there is none.
func (r *reader) header(at, name string) string {
	if !r.Has(at) {
		return ""
	}
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !headerName.MatchString(name):
		r.Report(at, "a header must be a name such as x-jwt-sub, got %s", strconv.Quote(lanyard.Clip(name)))
	case slices.Contains(clients, canonical):
		r.Report(at, "a header must be one that the proxy alone sets, got %s, which clients set", lanyard.Quote(name))
	}
	return canonical
}

// Schema returns the JSON schema of a file of mappings, with which editors complete and check it.
func Schema() ([]byte, error) {
	return strictyaml.Schema{ID: "https://raw.githubusercontent.com/lanyard/lanyard/main/docs/authzen-mcp.schema.json",
		Title:       "What the tokens of gateways for MCP stand for",
		Description: "The file of lanyard serve --authzen-mcp."}.Of(fileForm{})
}
