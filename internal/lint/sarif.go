package lint

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The parts of SARIF 2.1.0 that are written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		ColumnKind  string            `json:"columnKind"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifInvocation struct {
		Successful    bool        `json:"executionSuccessful"`
		Notifications []sarifNote `json:"toolExecutionNotifications,omitzero"`
	}
	sarifNote struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitzero"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		Name             string         `json:"name"`
		ShortDescription sarifText      `json:"shortDescription"`
		FullDescription  sarifText      `json:"fullDescription"`
		Help             sarifText      `json:"help"`
		HelpURI          string         `json:"helpUri"`
		Configuration    sarifLevel     `json:"defaultConfiguration"`
		Properties       map[string]any `json:"properties"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitzero"`
		Logical  []sarifLogical `json:"logicalLocations,omitzero"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitzero"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitzero"`
	}
	sarifLogical struct {
		Name               string `json:"name"`
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

// docsURL is where the rules are described.
const docsURL = "https://github.com/lanyard/lanyard/blob/main/docs/lint.md"

// DocsURL returns where a rule is described.
func DocsURL(code string) string { return docsURL + "#" + strings.ToLower(code) }

// SARIF returns the report in the Static Analysis Results Interchange Format, version 2.1.0, by a version of lanyard.
// Places in files are relative to the folder in which the command ran.
func (r *Report) SARIF(version string) ([]byte, error) {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}, Tool: sarifTool{sarifDriver{Name: "lanyard lint",
		Version: version, InformationURI: docsURL}}, Invocations: []sarifInvocation{{Successful: true}}}
	index := map[string]int{}
	for i, rule := range rules {
		index[rule.Code] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: rule.Code, Name: pascal(rule.Name),
			ShortDescription: sarifText{rule.Title}, FullDescription: sarifText{rule.Why}, Help: sarifText{rule.Advice},
			HelpURI: DocsURL(rule.Code), Configuration: sarifLevel{level(rule.Severity)}, Properties: ruleProperties(rule)})
	}
	for _, text := range r.Incomplete {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications,
			sarifNote{"warning", sarifText{"not looked at: " + text}})
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		run.Results = append(run.Results, f.sarif(index[f.Code]))
	}
	return json.Marshal(sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run}}, json.Deterministic(true), jsontext.WithIndent("  "),
		jsontext.AllowInvalidUTF8(true), jsontext.EscapeForHTML(true))
}

// ruleProperties are those that code hosts show: what a rule is about, and how grave findings of security are.
func ruleProperties(r Rule) map[string]any {
	p := map[string]any{"tags": []string{"security", "access-control"}}
	if strings.HasPrefix(r.Code, "LY2") {
		p["security-severity"] = map[Severity]string{Info: "3.0", Warning: "8.0", Error: "9.0"}[r.Severity]
	}
	return p
}

func (f *Finding) sarif(rule int) sarifResult {
	text := f.Message
	if len(f.Resources) > 0 {
		text = f.Resources[0].quoted() + ": " + text
	}
	for _, d := range f.Details {
		text += "\n" + d
	}
	out := sarifResult{RuleID: f.Code, RuleIndex: rule, Level: level(f.Severity), Message: sarifText{plainText(text)},
		Fingerprints: map[string]string{"lanyard/v1": f.Fingerprint}, Suppressions: []sarifSuppression{}}
	var at sarifLocation
	if f.Place.File != "" {
		at.Physical = &sarifPhysical{Artifact: sarifArtifact{URI: fileURI(f.Place.File)}}
		if f.Place.Line > 0 {
			at.Physical.Region = &sarifRegion{f.Place.Line, f.Place.Column}
		}
	}
	for _, r := range f.Resources {
		at.Logical = append(at.Logical, sarifLogical{r.Name, r.String(), "resource"})
	}
	out.Locations = []sarifLocation{at}
	if f.Silenced != nil {
		out.Suppressions = append(out.Suppressions, sarifSuppression{"external", "accepted", f.Silenced.Reason})
	}
	return out
}

// plainText escapes what SARIF reads as links in messages.
func plainText(text string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(text)
}

// fileURI is a relative reference to a file. An absolute path becomes a URI of a file.
func fileURI(file string) string {
	var b strings.Builder
	if strings.HasPrefix(file, "/") {
		b.WriteString("file://")
	}
	for i := range len(file) {
		c := file[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func level(s Severity) string {
	if s == Info {
		return "note"
	}
	return s.String()
}

// pascal turns unknown-permission into UnknownPermission.
func pascal(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
