package authzen

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/questions"
)

// evaluation answers one question.
func (a *asking) evaluation(body []byte) ([]byte, error) {
	q, err := questions.ReadEvaluation(body)
	if err != nil {
		return nil, err
	}
	if q.AtLeast, err = a.atLeast(q.AtLeast); err != nil {
		return nil, err
	}
	a.locate(&q)
	e, err := a.s.Questions.Evaluate(a.ctx, a.by, &q)
	if err != nil {
		return nil, err
	}
	a.scratch.answer = appendEvaluation(a.scratch.answer[:0], &e)
	return a.scratch.answer, nil
}

// locate adds to a question which MCP server its address is about.
func (a *asking) locate(q *questions.Question) {
	if q.MCP != nil {
		q.MCP.Namespace = a.server
	}
}

// evaluations answers a batch.
func (a *asking) evaluations(body []byte) ([]byte, error) {
	batch, single, err := questions.ReadEvaluations(body, a.scratch.items)
	if a.scratch.items = batch.Items; single {
		return a.evaluation(body)
	}
	if err != nil {
		return nil, err
	}
	if batch.AtLeast, err = a.atLeast(batch.AtLeast); err != nil {
		return nil, err
	}
	for i := range batch.Items {
		a.locate(&batch.Items[i].Question)
	}
	b := append(a.scratch.answer[:0], `{"evaluations":[`...)
	start := len(b)
	err = a.s.Questions.EvaluateAll(a.ctx, a.by, &batch, func(e questions.Evaluation, err error) int {
		if len(b) > start {
			b = append(b, ',')
		}
		if err != nil {
			b = append(b, `{"decision":false,"context":{"error":{"status":400,"message":`...)
			b = append(quote(b, err.Error()), `}}}`...)
		} else {
			b = appendEvaluation(b, &e)
		}
		return len(b)
	})
	if err != nil {
		return nil, err
	}
	a.scratch.answer = append(b, `]}`...)
	return a.scratch.answer, nil
}

// appendEvaluation appends the answer to one question. By hand it takes a fraction of what encoding any value
// takes.
func appendEvaluation(b []byte, e *questions.Evaluation) []byte {
	if e.Context.Explanation != nil {
		j, err := questions.Marshal(*e) // a copy, so that e of others stays on the stack
		if err != nil {
			return append(b, `{"decision":false}`...)
		}
		return append(b, j...)
	}
	b = append(b, `{"decision":`...)
	b = strconv.AppendBool(b, e.Decision)
	b = append(b, `,"context":{"reason":"`...)
	b = append(b, e.Context.Reason...)
	b = append(b, '"')
	if e.Context.Profile != "" {
		b = append(b, `,"profile":`...)
		b = quote(b, e.Context.Profile)
	}
	if e.Context.Message != "" {
		b = append(b, `,"message":`...)
		b = quote(b, e.Context.Message)
	}
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, e.Context.Revision, 10)
	if e.Context.Unexplained {
		b = append(b, `,"explanation":"Not explained: the answer is too large already. Ask about this alone."`...)
	}
	return append(b, `}}`...)
}

func quote(b []byte, s string) []byte {
	b, err := jsontext.AppendQuote(b, s)
	if err != nil { // invalid UTF-8 is replaced, and reported
		return b
	}
	return b
}
