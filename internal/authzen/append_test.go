package authzen

import (
	"testing"

	"github.com/lanyard/lanyard/internal/questions"
)

// What is encoded by hand is what any encoder makes of it.
func TestAppendEvaluation(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    questions.Evaluation
	}{
		{"allowed", questions.Evaluation{Decision: true,
			Context: questions.EvaluationContext{Reason: "granted", Profile: "p", Revision: 7}}},
		{"denied", questions.Evaluation{Context: questions.EvaluationContext{Reason: "not granted"}}},
		{"quoted", questions.Evaluation{Decision: true,
			Context: questions.EvaluationContext{Reason: "granted", Profile: "\"<é\x01\xff\u2028", Revision: -1}}},
		{"explained", questions.Evaluation{Context: questions.EvaluationContext{Reason: "not granted", Revision: 7,
			Explanation: &questions.Explanation{Sentence: "Denied: <no>", Profiles: []questions.Finding{{Profile: "p",
				Failed: []questions.Condition{{Kind: "tag", Want: "a=b"}}}}}}}},
	} {
		want, err := questions.Marshal(tt.e)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendEvaluation(nil, &tt.e)); got != string(want) {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		}
	}
}
