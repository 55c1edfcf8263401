// Package peer asks lanyard's decision engine, other people's, and a bare lookup the same
// questions about the same made-up instance. How fast they answer is for others to measure.
package peer

import (
	"fmt"
	"runtime/debug"
)

// A System answers the questions of a World.
type System interface {
	// Allowed answers one question: w.Questions[i], or w.Plain[i] when the system was made for those.
	Allowed(i int) (bool, error)
}

// Version is that of a module that this program is built with, "" when it has none.
func Version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}

// Agree asks a system some questions and compares with lanyard's answers.
func Agree(name string, s System, questions []Question, answers []bool) error {
	for i := range questions {
		got, err := s.Allowed(i)
		if err != nil {
			return fmt.Errorf("%s, asked %s: %w", name, &questions[i], err)
		}
		if got != answers[i] {
			return fmt.Errorf("%s disagrees: asked %s, lanyard says %v and %s says %v", name, &questions[i], answers[i], name,
				got)
		}
	}
	return nil
}

// Answers are a system's to all questions.
func Answers(s System, questions []Question) ([]bool, error) {
	answers := make([]bool, len(questions))
	for i := range questions {
		var err error
		if answers[i], err = s.Allowed(i); err != nil {
			return nil, fmt.Errorf("%s: %w", &questions[i], err)
		}
	}
	return answers, nil
}
