// Package gatewayfile reads the configuration file of the MCP gateway: a YAML file whose problems are found by line and
// column before anything is connected to. It makes of the file what the packages of the gateway are configured with,
// and starts none of them.
package gatewayfile

import (
	"fmt"
	"os"
	"time"

	"github.com/lanyard/lanyard/internal/callers"
	"github.com/lanyard/lanyard/internal/decisionlog"
	"github.com/lanyard/lanyard/internal/guard"
	"github.com/lanyard/lanyard/internal/recorder"
	"github.com/lanyard/lanyard/internal/redact"
	"github.com/lanyard/lanyard/internal/setting"
	"github.com/lanyard/lanyard/internal/strictyaml"
)

// A File is a configuration file.
type File struct {
	Resource  string     `yaml:"resource" help:"URL at which AI agents reach the gateway, such as https://tools.example.com/mcp. Tokens of issuers must be made out for it. Default: the address that the gateway listens on, with /mcp."`
	Instance  string     `yaml:"instance" help:"Id or alias of the instance whose security profiles decide. Default: the only one of the server's account."`
	Upstreams []Upstream `yaml:"upstreams" help:"The MCP servers behind the gateway."`
	Prefixed  bool       `yaml:"prefixed" help:"Agents see UPSTREAM___TOOL even if there is only one upstream. With several they always do."`

	FlowModules *FlowModules `yaml:"flow-modules" help:"Offers flow modules that security profiles grant as tools."`

	Issuers []Issuer `yaml:"issuers" help:"OpenID Connect issuers whose tokens prove who calls."`
	Scopes  []string `yaml:"scopes" help:"Scopes that a token of an issuer must have."`
	StepUp  bool     `yaml:"step-up" help:"Answers a refused tool with 403 and the scope tool:NAMESPACE/TOOL, for issuers that know such scopes. Otherwise the refusal is a result that the agent's model reads."`
	Origins []string `yaml:"origins" help:"Origins of web pages that may call, such as https://agents.example.com."`
	Hosts   []string `yaml:"hosts" help:"Names by which a gateway on a loopback address may be called, besides those of loopback."`

	Limits      guard.Config       `yaml:"limits" help:"Bounds of what agents do to upstreams, and upstreams to agents."`
	Redaction   redact.Config      `yaml:"redaction" help:"What is kept of the arguments of calls."`
	Audit       recorder.Config    `yaml:"audit" help:"How calls are recorded in the audit."`
	DecisionLog decisionlog.Config `yaml:"decision-log" help:"Where decisions are written besides the audit."`
}

// An Upstream is an MCP server.
type Upstream struct {
	Name      string           `yaml:"name" required:"" help:"Name in front of its tools: letters, digits and single hyphens."`
	Namespace string           `yaml:"namespace" help:"Namespace of the application in security profiles that stands for it. Default: the name."`
	URL       string           `yaml:"url" help:"URL of a server that speaks streamable HTTP."`
	Headers   map[string]Value `yaml:"headers" help:"HTTP headers that are sent to url."`

	Command     []string         `yaml:"command" help:"Program and arguments of a server that speaks over its standard input and output."`
	Environment map[string]Value `yaml:"environment" help:"Environment variables of the command. Of the gateway's own it has PATH, HOME, LANG, TMPDIR and TZ."`
	Directory   string           `yaml:"directory" help:"Folder that the command runs in. Default: that of the gateway."`
}

// A Value is a text, or where a secret is.
type Value struct {
	Text   string `yaml:"text" short:"" help:"The value itself."`
	Env    string `yaml:"env" help:"Environment variable of the gateway that has the value."`
	File   string `yaml:"file" help:"File that has the value; white space at its end is left out."`
	Prefix string `yaml:"prefix" help:"Text in front of the value, such as Bearer with a space."`
}

// FlowModules says where calls of flow modules go.
type FlowModules struct {
	Name      string           `yaml:"name" help:"Name in front of the tools. Default: modules."`
	Target    string           `yaml:"target" required:"" help:"URL that calls are posted to."`
	Headers   map[string]Value `yaml:"headers" help:"HTTP headers that are sent to target."`
	Alias     string           `yaml:"alias" help:"Alias of the version that runs. Without it, and in modules that do not have it, the highest version runs."`
	Timeout   time.Duration    `yaml:"timeout" help:"Time limit of a call; default 30s."`
	MaxAnswer setting.Size     `yaml:"max-answer" help:"Size of an answer; default 1MiB."`
}

// An Issuer makes JWTs.
type Issuer struct {
	URL         string            `yaml:"url" required:"" help:"The issuer's URL, as its tokens name it."`
	Audience    string            `yaml:"audience" help:"Audience that its tokens must have. Default: resource."`
	Algorithms  []string          `yaml:"algorithms" enum:"RS256,RS384,RS512,ES256,ES384,ES512,PS256,PS384,PS512,EdDSA" help:"Algorithms of signatures that are accepted. Default: RS256, ES256, PS256 and EdDSA."`
	ClientClaim string            `yaml:"client-claim" help:"Claim that has the client's id. Default: client_id or azp."`
	UserClaim   string            `yaml:"user-claim" help:"Claim that names the user: sub, preferred_username, email or another. Default: sub."`
	Users       map[string]string `yaml:"users" help:"Names or ids of users by the value of user-claim. Without it the value is the user name."`
	Clients     map[string]Client `yaml:"clients" required:"" help:"What clients stand for, by their ids. Other clients are refused."`
}

// A Client is what a client of an issuer stands for.
type Client struct {
	Agent   string `yaml:"agent" required:"" help:"ARN of the AI agent, qualifier included, or none for a client that is no AI agent."`
	Subject string `yaml:"subject" enum:"user,agent,either" help:"Who the subject of its tokens is: user, whom the AI agent assists; agent, the client itself, so that the AI agent's security profiles alone decide; either: agent if the subject is the client's id, else user. Default: user."`
}

// NoAgent is the agent of a client that is none.
const NoAgent = "none"

// SchemaID is the address of the published schema.
const SchemaID = "https://raw.githubusercontent.com/lanyard/lanyard/main/docs/mcp-gateway.schema.json"

// Schema returns the JSON schema of the file.
func Schema() ([]byte, error) {
	return strictyaml.Schema{ID: SchemaID, Title: "Configuration of lanyard mcp-gateway",
		Description: "What an MCP gateway stands between, and who may call."}.Of(File{})
}

// Read reads and checks a file. The error has every problem that was found, with its place.
func Read(path string) (*File, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration of the gateway: %w", err)
	}
	return Parse(path, source)
}

// Parse reads and checks the content of a file; name is for messages.
func Parse(name string, source []byte) (*File, error) {
	f := new(File)
	d := strictyaml.Decode(name, source, f)
	if d.Err() == nil { // what was not understood is not checked
		(&checker{f, d}).check()
	}
	return f, d.Err()
}

// IssuerConfigs returns the issuers as package callers takes them.
func (f *File) IssuerConfigs() (all []callers.Issuer) {
	for _, i := range f.Issuers {
		to := callers.Issuer{URL: i.URL, Audience: i.Audience, Algorithms: i.Algorithms, Claim: i.ClientClaim,
			UserClaim: i.UserClaim, Users: i.Users, Clients: map[string]callers.Client{}}
		for id, c := range i.Clients {
			client := callers.Client{Agent: c.Agent, Subject: callers.Subject(c.Subject)}
			if c.Agent == NoAgent {
				client.Agent = ""
			}
			if client.Subject == "" {
				client.Subject = callers.SubjectUser
			}
			to.Clients[id] = client
		}
		all = append(all, to)
	}
	return all
}
