package coaz_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/internal/coaz"
)

var update = flag.Bool("update", false, "write docs/authzen-mcp.schema.json")

// The published schema is that of the structs, and takes the example of the page.
func TestSchema(t *testing.T) {
	const path = "../../docs/authzen-mcp.schema.json"
	want, err := coaz.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s is stale (%v); run this test with -update", path, err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/authzen-mcp.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	if _, err := coaz.Read("authzen-mcp.md", []byte(example)); err != nil {
		t.Errorf("the page's example is refused: %v", err)
	}
	var value any
	if err := yaml.Unmarshal([]byte(example), &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("the page's example does not match the schema: %v", err)
	}
	if err := schema.Validate(map[string]any{"instance": map[string]any{}}); err == nil {
		t.Error("the schema takes a key that does not exist")
	}
}
