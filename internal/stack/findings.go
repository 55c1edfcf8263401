package stack

import "github.com/lanyard/lanyard/internal/lint"

// Findings returns what lint finds after the plan's calls and does not find now. A plan that was loaded, or that does
// nothing, has none.
func (p *Plan) Findings() []lint.Finding {
	if p.Start == nil || p.Result == nil {
		return nil
	}
	return lint.Run(p.Result.lintInput()).Added(lint.Run(p.Start.lintInput()))
}

func (t *Target) lintInput() lint.Input { return lint.From(t.Instance, WithoutLock(t.Resources)) }
