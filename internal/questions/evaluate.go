package questions

import (
	"context"
)

// An Evaluation is the answer to a Question.
type Evaluation struct {
	Decision bool              `json:"decision"`
	Context  EvaluationContext `json:"context"`
}

// EvaluationContext is what a decision rests on.
type EvaluationContext struct {
	Reason string `json:"reason"`
	// Profile is the id of the first security profile that allows it by itself.
	Profile      string              `json:"profile,omitempty"`
	Revision     int64               `json:"revision"`
	*Explanation `tstype:",extends"` // of a Question with Explain
	// Unexplained reports that an explanation was asked for and left out, because the answer is too large already.
	Unexplained bool `json:"-"`
	// Message says, of a question with MCP that is denied, what it requires or what is wrong with it.
	Message string `json:"-"`
}

type (
	// An Explanation says why a decision is as it is.
	Explanation struct {
		Sentence string    `json:"explanation"`
		Profiles []Finding `json:"profiles"`
		Hints    []string  `json:"hints"`
	}
	// A Finding is what one security profile contributes.
	Finding struct {
		Profile string      `json:"profile"`
		Name    string      `json:"name"`
		Holder  string      `json:"holder"`
		Grants  bool        `json:"grants"`
		Allows  bool        `json:"allows"`
		Failed  []Condition `json:"failed,omitempty"`
	}
	// A Condition is one that the resource does not meet.
	Condition struct {
		Kind string `json:"kind"`
		Want string `json:"want"`
		Have string `json:"have,omitempty"`
	}
)

// Evaluate answers a question.
func (s *Service) Evaluate(ctx context.Context, by Viewer, q *Question) (Evaluation, error) {
	v, err := s.view(ctx, by, q.AtLeast)
	if err == nil {
		err = v.requireQuestion(q)
	}
	if err != nil {
		return Evaluation{}, err
	}
	e := s.answer(by, v, q)
	s.count(1, ones(e.Decision))
	return e, nil
}

// EvaluateAll answers the questions of a batch in order, each by a call of answer, which returns how large the
// whole answer is by then: once that is too large, questions are decided and not explained.
func (s *Service) EvaluateAll(ctx context.Context, by Viewer, b *Batch, answer func(Evaluation, error) int) error {
	v, err := s.view(ctx, by, b.AtLeast)
	if err != nil {
		return err
	}
	var all, allowed int64
	size := 0
	for i := range b.Items {
		item := &b.Items[i]
		e, err := Evaluation{}, item.Err
		if err == nil {
			err = v.requireQuestion(&item.Question)
		}
		if err == nil {
			unexplained := item.Explain && size >= maxAnswer
			item.Explain = item.Explain && !unexplained
			e = s.answer(by, v, &item.Question)
			e.Context.Unexplained = unexplained
		}
		size = answer(e, err)
		all, allowed = all+1, allowed+ones(e.Decision)
		if b.Semantic.ends(e.Decision) {
			break
		}
	}
	s.count(all, allowed)
	return nil
}

func ones(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// evaluate decides a question, and explains it if that is asked for.
func (v View) evaluate(q *Question) Evaluation {
	if q.Explain {
		return v.explain(q)
	}
	d := v.Decide(&q.Query)
	return Evaluation{d.Allow, EvaluationContext{Reason: d.Reason.String(), Profile: d.Profile, Revision: v.Revision()}}
}

func (v View) explain(q *Question) Evaluation {
	x := v.Explain(&q.Query)
	e := &Explanation{Sentence: x.Sentence, Profiles: []Finding{}, Hints: x.Hints}
	for _, f := range x.Profiles {
		found := Finding{Profile: f.Profile, Name: f.Name, Holder: f.Holder, Grants: f.Grants, Allows: f.Allows}
		for _, c := range f.Failed {
			found.Failed = append(found.Failed, Condition{c.Kind.String(), c.Want, c.Have})
		}
		e.Profiles = append(e.Profiles, found)
	}
	return Evaluation{x.Allow, EvaluationContext{Reason: x.Reason.String(), Profile: x.Profile, Revision: v.Revision(),
		Explanation: e}}
}
