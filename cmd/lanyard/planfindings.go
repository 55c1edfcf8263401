package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/compare"
	"github.com/lanyard/lanyard/internal/lint"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/terminal"
)

// newFindings are what lint would find after a plan and does not find now, without those that the configuration of the
// current folder silences.
func newFindings(p *stack.Plan) ([]lint.Finding, error) {
	report := &lint.Report{Findings: p.Findings()}
	if len(report.Findings) == 0 {
		return nil, nil
	}
	config, err := readLintConfig("")
	if err != nil {
		return nil, err
	}
	config.Apply(report, time.Now(), func(string) bool { return false })
	var all []lint.Finding
	for _, f := range report.Findings {
		if f.Silenced == nil && len(f.Resources) > 0 { // those without are about the configuration
			all = append(all, f)
		}
	}
	return all, nil
}

// maxPlanFindings bounds the findings that a plan shows; lint shows all.
const maxPlanFindings = 20

func (w *planWriter) findingsText(b *strings.Builder) {
	if len(w.findings) == 0 {
		return
	}
	fmt.Fprintf(b, "%s\n", w.Paint(terminal.Bold, "What lint would find"))
	for i := range w.findings {
		if i == maxPlanFindings {
			fmt.Fprintf(b, "  and %d more\n", len(w.findings)-i)
			break
		}
		f := &w.findings[i]
		fmt.Fprintf(b, "  %s %s %s\n", w.Paint(severityColours[f.Severity], f.Severity.String()), f.Code, printable(about(f)))
		fmt.Fprintf(b, "    %s\n", printable(f.Message))
		for _, d := range f.Details[:min(len(f.Details), 5)] {
			fmt.Fprintf(b, "      %s\n", printable(d))
		}
	}
	b.WriteString("\n")
}

func (w *planWriter) markdownFindings(b *strings.Builder) {
	if len(w.findings) == 0 {
		return
	}
	b.WriteString("\n### What lint would find\n\n")
	for i := range w.findings {
		if i == maxPlanFindings {
			fmt.Fprintf(b, "- and %d more\n", len(w.findings)-i)
			break
		}
		f := &w.findings[i]
		fmt.Fprintf(b, "- %s %s %s: %s\n", f.Severity, f.Code, compare.Code(about(f)), compare.Code(f.Message))
	}
}
