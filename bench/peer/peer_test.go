package peer

import "testing"

// TestAgree holds the models of the peers to lanyard's answers.
func TestAgree(t *testing.T) {
	w := NewWorld(100, 1000)
	l := NewLanyard(w, w.Questions)
	answers, err := Answers(l, w.Questions)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Answers(l.Asked(w.Plain), w.Plain)
	if err != nil {
		t.Fatal(err)
	}
	allowed := 0
	for _, a := range answers {
		if a {
			allowed++
		}
	}
	if allowed < len(answers)/4 || allowed > len(answers)*3/4 {
		t.Errorf("%d of %d questions are allowed; neither answer should be rare", allowed, len(answers))
	}
	agree := func(name string, s System, err error, questions []Question, answers []bool) {
		t.Helper()
		if err == nil {
			err = Agree(name, s, questions, answers)
		}
		if err != nil {
			t.Error(err)
		}
	}
	agree("bare", NewBare(w, w.Questions, false), nil, w.Questions, answers)
	named := w.ByName()
	agree("lanyard by name", l.Asked(named), nil, named, answers)
	agree("bare by name", NewBare(w, named, true), nil, named, answers)
	for _, pick := range []bool{false, true} {
		c, err := NewCedar(w, pick)
		agree("cedar", c, err, w.Questions, answers)
	}
	o, err := NewOPA(w)
	agree("OPA", o, err, w.Questions, answers)
	c, err := NewCasbin(w)
	agree("casbin", c, err, w.Questions, answers)
	f, err := NewOpenFGA(w)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	agree("OpenFGA", f, nil, w.Plain, plain)
}
