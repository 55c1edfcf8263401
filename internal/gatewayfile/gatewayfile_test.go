package gatewayfile_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/internal/callers"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/gatewayfile"
)

var update = flag.Bool("update", false, "write the published schema")

const (
	agent = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/booking"
	full  = `resource: https://tools.example.com/mcp
instance: harbour
upstreams:
- {name: crm, namespace: crm-gateway, url: "https://crm.example/mcp",
   headers: {Authorization: {env: CRM_TOKEN, prefix: "Bearer "}, X-Tenant: a, X-Key: {file: key}}}
- {name: files, command: [npx, server-filesystem, /srv], environment: {DEBUG: "1", KEY: {env: FILES_KEY}}, directory: /srv}
flow-modules: {target: "https://modules.example/run", timeout: 10s, max-answer: 1MiB}
issuers:
- url: https://login.example/agents
  algorithms: [ES256]
  client-claim: appid
  user-claim: email
  users: {claire@example.com: claire.dubois}
  clients:
    booking-bot: {agent: "` + agent + `", subject: either}
    desktop: {agent: none}
scopes: [tools]
origins: ["https://agents.example.com"]
limits: {calls-per-minute: 60, overrides: [{upstream: crm, timeout: 5s}]}
redaction: {default: drop}
audit: {window: 1s}
decision-log: {sample: 0.5, file: {path: decisions.log}}
`
)

func TestFull(t *testing.T) {
	f, err := gatewayfile.Parse("gateway.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CRM_TOKEN", "s3cret")
	t.Setenv("FILES_KEY", "k")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("key", []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := f.UpstreamConfigs()
	if err != nil {
		t.Fatal(err)
	}
	want := []gateway.Upstream{
		{Name: "crm", Namespace: "crm-gateway", URL: "https://crm.example/mcp",
			Header: map[string][]string{"Authorization": {"Bearer s3cret"}, "X-Tenant": {"a"}, "X-Key": {"from a file"}}},
		{Name: "files", Command: []string{"npx", "server-filesystem", "/srv"}, Env: []string{"DEBUG=1", "KEY=k"}, Dir: "/srv"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantIssuers := []callers.Issuer{{URL: "https://login.example/agents", Algorithms: []string{"ES256"}, Claim: "appid",
		UserClaim: "email", Users: map[string]string{"claire@example.com": "claire.dubois"},
		Clients: map[string]callers.Client{"booking-bot": {Agent: agent, Subject: callers.SubjectEither},
			"desktop": {Subject: callers.SubjectUser}}}}
	if got := f.IssuerConfigs(); !reflect.DeepEqual(got, wantIssuers) {
		t.Errorf("got %+v, want %+v", got, wantIssuers)
	}
}

func TestProblems(t *testing.T) {
	const one = "upstreams: [{name: crm, url: 'https://a.example'}]\n"
	issuer := func(rest string) string {
		return one + "resource: https://b.example/mcp\nissuers:\n- {url: 'https://c.example', clients: {x: {agent: none}}" + rest + "}\n"
	}
	for _, tt := range []struct{ name, source, want string }{
		{"nothing to offer", "prefixed: true", "1:1: upstreams is required when there are no flow-modules"},
		{"misspelt", "upstrems: []", `1:1: the file must have keys among resource, instance, upstreams, prefixed, flow-modules, issuers, ` +
			`scopes, step-up, origins, hosts, limits, redaction, audit, decision-log, got "upstrems"; did you mean upstreams?`},
		{"no name", "upstreams: [{url: 'https://a.example'}]", "1:13: upstreams[0].name is required"},
		{"a name with the separator", "upstreams: [{name: a___b, url: 'https://a.example'}]",
			`1:20: upstreams[0].name must be a letter, then letters, digits and single hyphens, at most 40 in all, got "a___b"`},
		{"neither", "upstreams: [{name: a}]", "1:13: upstreams[0] must have either url or command, got neither"},
		{"both", "upstreams: [{name: a, url: 'https://a.example', command: [b]}]",
			"1:13: upstreams[0] must have either url or command, got both"},
		{"no URL", "upstreams: [{name: a, url: 'ftp://user:secret@a'}]",
			`1:28: upstreams[0].url must be an http or https URL without user information, got "ftp://user:secret"`},
		{"names that collide", "upstreams:\n- {name: a, url: 'https://a.example'}\n- {name: A, namespace: b, url: 'https://a.example'}",
			`3:10: upstreams[1].name must differ from upstreams[0].name, got "A"`},
		{"namespaces that collide", "upstreams:\n- {name: a, url: 'https://a.example'}\n- {name: b, namespace: ａ, url: 'https://a.example'}",
			`3:24: upstreams[1].namespace must differ from that of upstreams[0], got "ａ": who may use a tool of the one could use those of the other`},
		{"environment of a URL", "upstreams: [{name: a, url: 'https://a.example', environment: {A: b}}]",
			"1:62: upstreams[0].environment must be left out when url is set"},
		{"headers of a command", "upstreams: [{name: a, command: [b], headers: {A: b}}]",
			"1:46: upstreams[0].headers must be left out when command is set"},
		{"an empty command", "upstreams: [{name: a, command: ['']}]",
			"1:32: upstreams[0].command must begin with a program"},
		{"a secret in the file", "upstreams: [{name: a, url: 'https://a.example', headers: {authorization: Bearer x}}]",
			"1:74: upstreams[0].headers.authorization must be {env: NAME} or {file: PATH}, so that this file has no secret"},
		{"a header of the protocol", "upstreams: [{name: a, url: 'https://a.example', headers: {mcp-session-id: x}}]",
			"1:75: upstreams[0].headers must not have Mcp-Session-Id, which the gateway sets"},
		{"no header", "upstreams: [{name: a, url: 'https://a.example', headers: {'a b': x}}]",
			`1:66: upstreams[0].headers must have names of HTTP headers, got "a b"`},
		{"two values", "upstreams: [{name: a, url: 'https://a.example', headers: {A: {env: B, file: c}}}]",
			"1:62: upstreams[0].headers.A must have one of text, env and file, got 2"},
		{"a prefix alone", "upstreams: [{name: a, url: 'https://a.example', headers: {A: {prefix: B}}}]",
			"1:62: upstreams[0].headers.A must have one of env and file behind prefix, got neither"},
		{"no name of a variable", "upstreams: [{name: a, command: [b], environment: {'A=B': c}}]",
			`1:58: upstreams[0].environment must have names without =, got "A=B"`},
		{"a resource with a query", one + "resource: https://b.example/mcp?x=1", `2:11: resource must be a URL without query and fragment, ` +
			`such as https://tools.example.com/mcp, got "https://b.example/mcp?x=1"`},
		{"no origin", one + "origins: [agents.example.com]", `2:11: origins[0] must be an origin such as https://agents.example.com, got "agents.example.com"`},
		{"an origin with a path", one + "origins: ['https://agents.example.com/']",
			`2:11: origins[0] must be an origin such as https://agents.example.com, got "https://agents.example.com/"`},
		{"no scope", one + "scopes: ['a b']", `2:10: scopes[0] must be printable characters with no spaces, quotes and backslashes, got "a b"`},
		{"flow modules without a target", "flow-modules: {timeout: 5s}", "1:15: flow-modules.target is required"},
		{"flow modules to a host that varies", "flow-modules: {target: 'https://{module}.example/run'}",
			`1:24: flow-modules.target must be an http or https URL whose path and query may have {instance}, {module} and ` +
				`{version}, got "https://{module}.example/run"`},
		{"flow modules to a target with a password", "flow-modules: {target: 'https://a:secret@b.example/'}",
			"1:24: flow-modules.target must be a URL without user name and password; send them in headers, from the environment"},
		{"flow modules by the name of another", "upstreams: [{name: Modules, url: 'https://a.example'}]\nflow-modules: {target: 'https://b.example'}",
			`2:15: flow-modules.name must differ from name and namespace of upstreams[0], got "modules"`},
		{"flow modules by the namespace of another", "upstreams: [{name: a, namespace: tools, url: 'https://a.example'}]\nflow-modules: {name: tools, target: 'https://b.example'}",
			`2:22: flow-modules.name must differ from name and namespace of upstreams[0], got "tools"`},
		{"a header of lanyard's for flow modules", "flow-modules: {target: 'https://b.example', headers: {host: a}}",
			"1:61: flow-modules.headers must not have Host, which lanyard sets"},
		{"an issuer without audience", one + "issuers: [{url: 'https://c.example', clients: {x: {agent: none}}}]",
			"2:11: issuers[0].audience is required when resource is not set"},
		{"an issuer over http", one + "resource: https://b.example/mcp\nissuers: [{url: 'http://c.example', clients: {x: {agent: none}}}]",
			`3:17: issuers[0].url must be an https URL, or an http one of this machine, got "http://c.example"`},
		{"an issuer twice", one + "resource: https://b.example/mcp\nissuers:\n- {url: 'https://c.example', clients: {x: {agent: none}}}\n- {url: 'https://c.example', clients: {x: {agent: none}}}",
			`5:9: issuers[1].url must differ from issuers[0].url, got "https://c.example"`},
		{"no clients", one + "resource: https://b.example/mcp\nissuers: [{url: 'https://c.example', clients: {}}]",
			"3:47: issuers[0].clients must have at least one client, got none"},
		{"no agent", one + "resource: https://b.example/mcp\nissuers: [{url: 'https://c.example', clients: {x: {subject: user}}}]",
			"3:51: issuers[0].clients.x.agent is required"},
		{"a wrong agent", one + "resource: https://b.example/mcp\nissuers: [{url: 'https://c.example', clients: {x: {agent: booking}}}]",
			`3:59: issuers[0].clients.x.agent must be the ARN of an AI agent, or none, got "booking"`},
		{"nobody as a subject", one + "resource: https://b.example/mcp\nissuers: [{url: 'https://c.example', clients: {x: {agent: none, subject: agent}}}]",
			"3:74: issuers[0].clients.x.subject must be user when agent is none, got agent"},
		{"a symmetric algorithm", issuer(", algorithms: [HS256]"), `4:72: issuers[0].algorithms[0] must be RS256, RS384, RS512, ES256, ES384, ` +
			`ES512, PS256, PS384, PS512 or EdDSA, got "HS256"; did you mean RS256?`},
		{"no algorithm at all", issuer(", algorithms: [none]"), `4:72: issuers[0].algorithms[0] must be RS256, RS384, RS512, ES256, ES384, ` +
			`ES512, PS256, PS384, PS512 or EdDSA, got "none"`},
		{"limits", one + "limits: {timeout: 5h}", "2:19: limits.timeout must be 10ms to 1h0m0s, got 5h0m0s"},
		{"a section's list", one + "limits: {overrides: [{}, {upstream: a, tool: b, failures: 3}]}",
			"2:37: limits.overrides[1].upstream must be the only pattern of an override that sets concurrent-per-agent, concurrent-per-upstream, failures or cool-down, got tool or agent too"},
		{"redaction", one + "redaction: {default: hide}", `2:22: redaction.default must be keep, hash, mask or drop, got "hide"`},
		{"decision log", one + "decision-log: {sample: 2}", "2:24: decision-log.sample must be 0 to 1, got 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := gatewayfile.Parse("gateway.yaml", []byte(tt.source))
			if err == nil {
				t.Fatal("it was read")
			}
			if got, want := err.Error(), "gateway.yaml:"+tt.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestSecrets reads values from where they are not.
func TestSecrets(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"empty": "\n", "lines": "a\r\nX-Other: b", "large": strings.Repeat("x", 64<<10+1)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, value, want string }{
		{"no variable", "{env: LANYARD_TEST_NOT_SET}", "upstreams[0].headers.X-Key: the environment variable LANYARD_TEST_NOT_SET is required"},
		{"no file", "{file: none}", "upstreams[0].headers.X-Key: open none: no such file or directory"},
		{"an empty file", "{file: empty}", "upstreams[0].headers.X-Key: empty must have a value, got nothing"},
		{"a large file", "{file: large}", "upstreams[0].headers.X-Key: large must have at most 65536 bytes"},
		{"another header in a file", "{file: lines}", "upstreams[0].headers.X-Key must be the value of an HTTP header: printable ASCII"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := gatewayfile.Parse("gateway.yaml",
				[]byte("upstreams: [{name: a, url: 'https://a.example', headers: {X-Key: "+tt.value+"}}]"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = f.UpstreamConfigs(); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

const schemaFile = "../../docs/mcp-gateway.schema.json"

// TestSchema holds the published schema to the code. -update writes it.
func TestSchema(t *testing.T) {
	want, err := gatewayfile.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || string(got) != string(want) {
		t.Errorf("%s differs from the code (%v); go test ./internal/gatewayfile -run TestSchema -update writes it", schemaFile, err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(want)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		file  string
		valid bool
	}{"full": {full, true}, "misspelt": {"upstrems: []", false}, "no name": {"upstreams: [{url: a}]", false},
		"a wrong word": {strings.Replace(full, "either", "neither", 1), false}} {
		var value any
		if err := yaml.Unmarshal([]byte(tt.file), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != tt.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExample reads the file of the documentation.
func TestExample(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "mcp-gateway.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for block := range strings.SplitSeq(string(page), "```yaml\n") {
		source, _, ok := strings.Cut(block, "\n```")
		if !ok || !strings.Contains(source, "upstreams:") {
			continue
		}
		found++
		if _, err := gatewayfile.Parse("docs/mcp-gateway.md", []byte(source)); err != nil {
			t.Error(err)
		}
	}
	if found == 0 {
		t.Error("the page has no configuration")
	}
}
