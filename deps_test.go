package lanyard_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lanyard/lanyard"

// A rule is what a package may import of this module ("" is the root package), and why no more.
type rule struct {
	imports []string
	why     string
}

// public are the folders of the packages that others may import; all others are below internal, or are programs.
var public = []string{"", "access", "follow", "lanyardtest", "sigv4"}

// rules has every package, by its folder without internal/. A package that is missing fails, so that whoever adds one
// decides what it may import. Tests may import anything.
var rules = map[string]rule{
	"":       {nil, "the words are below everything else and need the standard library only"},
	"access": {[]string{"", "cow", "laxjson"}, "a decision is a pure function of a snapshot: no store, no wire"},
	"cow":    {nil, "could be lifted into another project as it is"},
	"store":  {[]string{""}, "a contract names no implementation"},
	"store/sqlstore": {[]string{"", "laxjson", "store"},
		"the SQL is written once and knows no database; what opens one depends on it"},
	"store/sqlite": {[]string{"", "durable", "store", "store/sqlstore"},
		"a database keeps the contract and nothing more"},
	"store/postgres": {[]string{"", "idleconn", "laxjson", "store", "store/sqlstore"}, "a database keeps the contract and nothing more"},
	"store/sqlite/disktest": {nil,
		"a disk for tests, whatever is kept on it"},
	"store/postgres/pgtest": {nil,
		"runs a database server for tests, whatever they keep in it"},
	"store/backup":    {[]string{"laxjson", "store"}, "a form for the rows of any store; it opens none"},
	"store/storetest": {[]string{"", "store"}, "the suite holds any store to the contract, so it must know none"},
	"phonepool":       {nil, "made-up phone numbers, for whoever gives them out"},
	"control":         {[]string{"", "access", "audit", "laxjson", "phonepool", "store"}, "the operations know neither the wire nor a database"},
	"mirror": {[]string{"", "awsapi/model", "invocation"},
		"reads any API by its operations alone, so that Amazon Connect and lanyard are read alike"},
	"gen": {[]string{"", "store"}, "puts data past the rules, so it needs none of them"},
	"awsapi": {[]string{"", "awsapi/model", "control", "fault", "httpstatus", "intake", "invocation",
		"nesting", "remoteaddr", "sealed", "sigv4", "throttle"},
		"a front end reaches the data through control alone, and never through another front end"},
	"awsapi/model":           {nil, "generated from the service model, and about nothing else"},
	"awsapi/model/modeltest": {[]string{"awsapi/model"}, "checks answers against the model itself"},
	"admin": {[]string{"", "authority", "control", "fault", "httpstatus", "intake", "laxjson", "moduletools", "remoteaddr",
		"sigv4"},
		"a front end reaches the data through control alone, and never through another front end"},
	"questions": {[]string{"", "access", "coaz", "mcprights", "nesting", "sealed", "typo"},
		"what every front end asks stands below them: answers come from snapshots, and plans are handed to it"},
	"coaz": {[]string{"", "access", "mcprights", "nesting", "strictyaml"},
		"says what to ask of a decision; who answers, and over which wire, is for those above it"},
	"authzen": {[]string{"", "coaz", "httpstatus", "intake", "questions"},
		"a front end: it reads and encodes what package questions answers, and never imports another"},
	"compact": {[]string{"", "laxjson"}, "a form, whoever serves it and whoever receives it"},
	"follow": {[]string{"", "access", "compact"},
		"decides by the engine from what a server sends, and is built into programs that know no server of ours"},
	"followapi": {[]string{"", "compact", "control", "httpstatus"},
		"a front end reaches the data through control alone, and never through another front end"},
	"invocation": {[]string{""},
		"what front ends hand to one another so that none imports another"},
	"awsclient": {[]string{"awsapi/model", "invocation"},
		"a client needs names and addresses of operations, and nothing of what carries them out here"},
	"sandbox": {[]string{"", "access", "awsapi", "control", "invocation", "store"},
		"runs the real operations; which store holds the copy is the caller's choice"},
	"console": {[]string{"", "access", "control", "httpstatus", "intake", "invocation", "laxjson",
		"lint", "questions", "remoteaddr", "sealed"},
		"a front end: what it asks of the API is handed to it, and it never imports another"},
	"mcpserver": {[]string{"", "access", "control", "httpstatus", "intake", "nesting", "questions", "terminal", "typo"},
		"a front end: what the console shows is handed to it, and it never imports another"},
	"policytest": {[]string{"", "access", "questions", "terminal", "typo"},
		"asks what the command line asks, of a snapshot that is handed to it; it opens no instances"},
	"compare": {[]string{"", "access", "laxjson", "terminal"},
		"words what decisions differ in; it reads no states and plans no changes"},
	"jsonfile": {[]string{"", "nesting"}, "files of other tools are read in one way, whatever they say"},
	"changeset": {[]string{"", "jsonfile", "stack"},
		"makes of a file what package stack plans; it plans nothing and knows no server"},
	"terraform": {[]string{"", "jsonfile", "stack"},
		"makes of a file what package stack plans; it plans nothing and knows no server"},
	"past": {[]string{"", "laxjson", "store"},
		"rebuilds states from what a store has, whichever store that is"},
	"lint": {[]string{"", "access", "typo"},
		"one engine for the command, the console and plans: what it looks at is handed to it"},
	"subject": {[]string{"", "access"},
		"the same code signs in the server and verifies in WebAssembly, so it knows neither HTTP nor a store"},
	"subjectapi": {[]string{"", "access", "control", "httpstatus", "subject"},
		"a front end: who calls is handed to it, and it never imports another"},
	"frontends": {[]string{"", "access", "admin", "audit", "authzen", "awsapi", "callers", "coaz", "console",
		"control", "fault", "followapi", "intake", "invocation", "mcpserver", "questions", "sigv4", "store", "subjectapi",
		"throttle"},
		"wires the front ends to each other, so that none imports another; it knows no database"},
	"emulator": {[]string{"", "fault", "httpstatus", "terminal", "world"},
		"answers about a server that is handed to it; the API and its callers are for others"},
	"world": {[]string{"", "control", "fault", "frontends", "invocation", "store/sqlite"},
		"a whole server in memory, whose store can only be that one; who listens for it is the caller's choice"},
	"lanyardtest": {[]string{"", "access", "awsapi", "control", "fault", "frontends", "invocation", "questions", "sandbox",
		"seed", "store", "store/sqlite", "world"},
		"a server for tests of others, in their process; nothing of it shows what is internal"},
	"mcprights": {[]string{"access"}, "one rule of names for whoever enforces profiles"},
	"gateway": {[]string{"", "idleconn", "mcprights", "nesting", "sealed"},
		"speaks MCP and enforces; who is allowed what, and what is kept of it, is handed to it"},
	"callers": {[]string{"", "authority", "control", "gateway"},
		"finds out who calls the gateway; what they may do is the authority's"},
	"authority": {[]string{"", "access", "control", "gateway", "questions"},
		"decides for the gateway from snapshots; of the wire it has the questions and answers alone"},
	"gatewayfile": {[]string{"", "callers", "decisionlog", "gateway", "guard", "moduletools", "recorder",
		"redact", "setting", "strictyaml"},
		"reads what the packages of the gateway are configured with, and starts none of them"},
	"strictyaml": {[]string{"typo"},
		"reads any file; what one means is for whom it belongs to"},
	"guard": {[]string{"", "gateway", "setting"},
		"bounds calls by names and times, and knows neither how they are made nor who may make them"},
	"redact":      {[]string{"", "setting"}, "what may be kept of arguments is the same wherever it is kept"},
	"setting":     {nil, "values that any configuration file may have"},
	"decisionlog": {[]string{"setting"}, "takes decisions from any front end and makes none"},
	"moduletools": {[]string{"", "control", "gateway", "nesting"},
		"an upstream of the gateway: it offers and calls, and the gateway decides"},
	"demo":       {[]string{"", "control", "laxjson"}, "a contact centre made by the operations, as a caller would"},
	"sigv4":      {nil, "could be lifted into another project as it is"},
	"httpstatus": {[]string{""}, "what the front ends have in common, and nothing of any of them"},
	"durable":    {nil, "could be lifted into another project as it is"},
	"idleconn":   {nil, "could be lifted into another project as it is"},
	"remoteaddr": {nil, "could be lifted into another project as it is"},
	"laxjson":    {nil, "could be lifted into another project as it is"},
	"nesting":    {nil, "could be lifted into another project as it is"},
	"sealed":     {nil, "could be lifted into another project as it is"},
	"intake":     {nil, "could be lifted into another project as it is"},
	"recorder": {[]string{"", "decisionlog", "gateway", "laxjson", "redact", "setting"},
		"gathers and redacts what a gateway decided; where it is stored is handed to it"},
	"stack": {[]string{"", "access", "compare", "invocation", "lint", "sandbox", "store", "template"},
		"plans for any API and tries plans on a copy; it reads no instance and opens no database"},
	"seed": {[]string{"", "invocation", "mirror", "stack", "store", "template"},
		"applies what stack plans, to any API; which instance, and who reads the files, is the caller's"},
	"template": {[]string{"typo"}, "files are read and edited by themselves; what they mean for an instance is for others"},
	"typo":     {nil, "could be lifted into another project as it is"},
	"terminal": {nil, "could be lifted into another project as it is"},
	"throttle": {nil, "could be lifted into another project as it is"},
	"fault":    {nil, "could be lifted into another project as it is"},
	"audit":    {[]string{"", "laxjson"}, "shapes and verifies records and fetches none"},
	"cmd/lanyard": {[]string{"", "access", "admin", "audit", "authority", "authzen", "awsapi", "awsclient", "callers",
		"changeset", "coaz", "compare", "console", "control", "decisionlog", "demo", "durable", "emulator", "fault",
		"frontends", "gateway", "gatewayfile", "gen", "guard", "httpstatus", "intake", "invocation", "laxjson", "lint",
		"mcpserver", "mirror", "moduletools", "past", "policytest", "questions", "recorder", "redact", "sandbox", "seed",
		"stack", "store",
		"store/backup", "store/postgres", "store/sqlite", "template", "terminal", "terraform", "world"},
		"wires everything together; the suites are for tests"},
	"console/app/e2e/provider": {nil, "what the console is tried with must owe it nothing"},
	"cmd/modelgen":             {nil, "makes what the rest is built of, so it must build without"},
	"cmd/lanyard-wasm":         {[]string{"subject"}, "exports what package subject does, and nothing of a server"},
	"cmd/demo-agent":           {[]string{"terminal"}, "uses the program as anybody would"},
}

// frontEnds are the packages that answer callers; they never import each other.
var frontEnds = []string{"awsapi", "admin", "authzen", "console", "followapi", "mcpserver", "subjectapi"}

// databases are imported by homes only, and their drivers by them only.
var (
	databases = []string{"store/sqlite", "store/postgres"}
	homes     = []string{"cmd/lanyard", "world", "lanyardtest"} // the program, and servers in memory
	drivers   = map[string]string{"modernc.org/sqlite": "store/sqlite", "github.com/jackc/pgx/v5": "store/postgres",
		"github.com/ncruces/go-sqlite3": "tests alone: it checks what the other SQLite wrote"}
)

// standardJSON are the packages that may import encoding/json; all others, and what is public but the root package, use
// go-json-experiment, of which Go makes its encoding/json/v2. It is strict where requests are read, and faster where
// documents are stored. Two packages in one server read the same bytes in two ways: letters of names in any case,
// doubled members, invalid text. Tests may import any, and check one by the other.
var standardJSON = map[string]string{
	"":                         "needs the standard library only, and names the type of raw JSON",
	"cmd/modelgen":             "makes what the rest is built of, and reads one file",
	"awsapi/model/modeltest":   "for tests",
	"store/storetest":          "for tests",
	"console/app/e2e/provider": "for tests",
}

// A listed is what go list says of a package.
type listed struct {
	Dir, ImportPath, Name string
	GoFiles, Imports      []string
	Standard              bool
}

// folderOf returns where the package of an import path of this module is, as rules names it; "" is the root.
func folderOf(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"), "internal/")
}

// packages returns those of this module.
func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=Dir,ImportPath,Name,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 { // else it has tests only
			list = append(list, p)
		}
	}
}

// within reports whether a path is a folder or below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		folder := folderOf(p.ImportPath)
		seen[folder] = true
		hidden := strings.HasPrefix(p.ImportPath, module+"/internal/")
		if program := strings.HasPrefix(folder, "cmd/"); hidden == (program || slices.Contains(public, folder)) {
			t.Errorf("%s: packages for others are listed as public; all others must be below internal/", p.ImportPath)
		}
		r, ok := rules[folder]
		if !ok {
			t.Errorf("%s is not in the map of rules; say there what it may import, and why", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			for driver, home := range drivers {
				if within(path, driver) && !within(folder, home) {
					t.Errorf("%s imports the driver %s; only %s may", p.ImportPath, path, home)
				}
			}
			if path == "encoding/json" && standardJSON[folder] == "" || strings.HasSuffix(path, "go-json-experiment/json/v1") {
				t.Errorf("%s imports %s; the server has one JSON package, go-json-experiment/json", p.ImportPath, path)
			}
			if !within(path, module) {
				if domain, _, _ := strings.Cut(path, "/"); folder == "" && strings.Contains(domain, ".") {
					t.Errorf("the root package imports %s: %s", path, r.why)
				}
				continue
			}
			if !slices.Contains(r.imports, folderOf(path)) {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, r.why)
			}
		}
	}
	for folder := range rules {
		if !seen[folder] {
			t.Errorf("the map of rules has %q, where no package is", folder)
		}
	}
}

// The map itself keeps the rules that hold for all packages.
func TestImportRules(t *testing.T) {
	for folder, r := range rules {
		if r.why == "" {
			t.Errorf("the rule of %q has no reason", folder)
		}
		for _, imported := range r.imports {
			if slices.Contains(frontEnds, folder) && slices.Contains(frontEnds, imported) {
				t.Errorf("%q may import %q; front ends never import each other", folder, imported)
			}
			if slices.Contains(databases, imported) && !slices.Contains(homes, folder) {
				t.Errorf("%q may import %q; only %v and tests name a database", folder, imported, homes)
			}
			if strings.HasSuffix(imported, "test") && imported != "policytest" { // which is about tests, not for them
				t.Errorf("%q may import %q, which is for tests", folder, imported)
			}
		}
	}
	for _, folder := range []string{"", "sigv4", "throttle", "fault", "intake"} {
		if len(rules[folder].imports) > 0 {
			t.Errorf("%q may import %q; nothing of ours is allowed there", folder, rules[folder].imports)
		}
	}
}
