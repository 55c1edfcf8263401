package coaz_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/coaz"
)

const instance = "0f8b2c6d-3a41-4e0f-9b57-6c1d2e3f4a5b"

func TestRead(t *testing.T) {
	got, err := coaz.Read("g.yaml", []byte(`
# of the help desk
instances:
  `+strings.ToUpper(instance)+`:
    agents: {support-desk: "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b:$LATEST"}
    users:
      auth0|5f7c8ec7: jonas.becker
      1234: claire.dubois
    servers:
      https://orders.example/mcp: orders
    proxies:
      front-door:
        namespace: orders
        headers: {user: x-jwt-sub, agent: X-JWT-Client-ID}
      shared: {headers: {agent: x-jwt-client-id, audience: x-jwt-aud}}
  7c9e6679-7425-40de-944b-e07fc1f90ae7: {users: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := coaz.Mappings{instance: {
		Agents:  map[string]string{"support-desk": "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b:$LATEST"},
		Users:   map[string]string{"auth0|5f7c8ec7": "jonas.becker", "1234": "claire.dubois"},
		Servers: map[string]string{"https://orders.example/mcp": "orders"},
		Proxies: map[string]*coaz.Proxy{
			"front-door": {Namespace: "orders", User: "X-Jwt-Sub", Agent: "X-Jwt-Client-Id"},
			"shared":     {Agent: "X-Jwt-Client-Id", Audience: "X-Jwt-Aud"}},
	}, "7c9e6679-7425-40de-944b-e07fc1f90ae7": {Users: map[string]string{}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("reads %+v, want %+v", got, want)
	}
}

func TestReadProblems(t *testing.T) {
	of := func(text string) string { return "instances:\n  " + instance + ":\n    " + text }
	const proxy = "proxies:\n      door: "
	for _, tt := range []struct{ name, source, want string }{
		{"an empty file", "", "g.yaml:1:1: the file must be a mapping, got nothing"},
		{"nothing but a comment", "# x\n", "g.yaml:1:1: the file must be a mapping, got nothing"},
		{"two documents", "instances: {}\n---\ninstances: {}\n", "g.yaml:2:1: the file must be one YAML document, got another one here"},
		{"a list", "- a\n", "g.yaml:1:1: the file must be a mapping, got a list"},
		{"a misspelt key", "instances: {}\ninstance: {}\n", `g.yaml:2:1: the file must have keys among instances, got "instance"; did you mean instances?`},
		{"no instances", "instances:\n", "g.yaml:1:1: instances is required"},
		{"an alias of an instance", "instances: {harbour: {}}\n", `g.yaml:1:22: a key of instances must be the id of an instance, got "harbour"`},
		{"a misspelt table", of("user: {}"), "g.yaml:3:5: instances." + instance + ` must have keys among agents, users, servers, proxies, got "user"; did you mean users?`},
		{"a key twice", of("users: {a: b, a: c}"), `g.yaml:3:19: "a" is listed twice`},
		{"a user that is a list", of("users: {a: [b]}"), "g.yaml:3:16: instances." + instance + ".users.a must be a text, got a list"},
		{"an empty user", of("users: {a: ''}"), `g.yaml:3:16: the user of "a" must be a user name or id, got ""`},
		{"an empty subject", of("users: {'': a}"), "g.yaml:3:17: a key of users must have at least 1 character, got 0"},
		{"an empty application", of("servers: {a: ''}"), `g.yaml:3:18: the application of "a" must have 1 to 128 characters, got 0`},
		{"a merge", of("users: {<<: {a: b}}"), "g.yaml:3:17: instances." + instance + ".users.<< must be a text, got a mapping"},
		{"an agent that is none", of("agents: {a: robot}"), `g.yaml:3:17: the AI agent of "a" must be arn:PARTITION:wisdom:REGION:ACCOUNT:ai-agent/ASSISTANT/AGENT, with or without :$LATEST, :$SAVED or :VERSION, got "robot"`},
		{"a subject that is a client too", of("agents: {a: 'arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b'}\n    users: {a: b}"),
			`g.yaml:4:16: "a" must be in either agents or users, got both`},
		{"a long namespace", of("servers: {a: " + strings.Repeat("n", 129) + "}"), `g.yaml:3:18: the application of "a" must have 1 to 128 characters, got 129`},
		{"a proxy without headers", of(proxy + "{namespace: orders}"), "g.yaml:4:13: instances." + instance + ".proxies.door.headers is required"},
		{"an alias", of("users: &u {a: b}\n    servers: *u"), "g.yaml:4:14: instances." + instance + ".servers must be written out, got an alias"},
		{"a proxy that names nobody", of(proxy + "{namespace: orders, headers: {audience: x-a}}"), "g.yaml:4:42: headers must have user or agent, got neither"},
		{"a proxy without a server", of(proxy + "{headers: {user: x-u}}"), "g.yaml:4:13: a proxy must have either namespace or headers.audience"},
		{"a proxy with two servers", of(proxy + "{namespace: orders, headers: {user: x-u, audience: x-a}}"),
			"g.yaml:4:13: a proxy must have either namespace or headers.audience"},
		{"a server that the table does not have", of("servers: {a: orders}\n    " + proxy + "{namespace: order, headers: {user: x-u}}"),
			`g.yaml:5:25: namespace must be one that servers has, got "order"`},
		{"one header for two", of(proxy + "{namespace: orders, headers: {user: x-u, agent: X-U}}"), "g.yaml:4:42: headers must be different ones, got X-U, X-U"},
		{"a header that is none", of(proxy + "{namespace: orders, headers: {user: 'x u'}}"), `g.yaml:4:49: a header must be a name such as x-jwt-sub, got "x u"`},
		{"a header of clients", of(proxy + "{namespace: orders, headers: {user: mcp-name}}"),
			`g.yaml:4:49: a header must be one that the proxy alone sets, got "mcp-name", which clients set`},
		{"a proxy that no URL can have", of("proxies: {a/b: {namespace: orders, headers: {user: x-u}}}"),
			`g.yaml:3:20: a key of proxies must be 1 to 64 letters, digits, dots, hyphens and underscores, got "a/b"`},
	} {
		_, err := coaz.Read("g.yaml", []byte(tt.source))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
	_, err := coaz.Read("g.yaml", []byte(of("users: [a]\n    agents: []\n    servers: x")))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three problems are reported as %v", err)
	}
}

// Nothing that is accepted has what a mapping must not have.
func FuzzRead(f *testing.F) {
	f.Add([]byte("instances:\n  " + instance + ":\n    users: {a: b}\n    proxies: {d: {namespace: x, headers: {user: x-u}}}\n"))
	f.Add([]byte("instances: &a\n  " + instance + ": *a\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		all, err := coaz.Read("g.yaml", source)
		if err != nil {
			return
		}
		for id, m := range all {
			for name, p := range m.Proxies {
				if p.User == "" && p.Agent == "" || (p.Namespace == "") == (p.Audience == "") || p.User != "" && p.User == p.Agent {
					t.Fatalf("%s: proxy %s is %+v", id, name, p)
				}
			}
			for _, table := range []map[string]string{m.Agents, m.Users, m.Servers} {
				for k, v := range table {
					if k == "" || v == "" {
						t.Fatalf("%s: %q is %q", id, k, v)
					}
				}
			}
		}
	})
}
