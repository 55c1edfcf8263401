package questions

import (
	"reflect"
	"testing"

	"github.com/lanyard/lanyard/access"
)

// What is written is read as what it was.
func TestWrittenQuestionsAreReadBack(t *testing.T) {
	all := Question{Query: access.Query{
		Subject: access.Subject{Type: access.AIAgent, ID: "agent", Human: "human"}, Action: "Users.View",
		Resource: access.Resource{Type: "User", ID: "u", New: true, Tags: map[string]string{"a": "b"}, Group: "g",
			Attributes: map[string]string{"c": "d"}, Channel: "VOICE"},
		Surface: access.Reports}, Explain: true, AtLeast: 5}
	for _, q := range []Question{all, {}, of("ü", "x", "Queue", "q")} {
		b, err := WriteEvaluation(&q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadEvaluation(b)
		if q.Resource.Tags != nil && err == nil && !reflect.DeepEqual(got, q) || err != nil || got.Subject != q.Subject ||
			got.Action != q.Action || got.Resource.ID != q.Resource.ID {
			t.Errorf("%s is read as %+v, %v, want %+v", b, got, err, q)
		}
	}
	search := Search{all, Page{Token: "token", Limit: 7}}
	b, err := WriteSearch(&search)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		read func([]byte) (Search, error)
		want func(*Search)
	}{
		"who can":   {ReadWhoCan, func(s *Search) { s.Subject.ID = "" }},
		"resources": {ReadResources, func(s *Search) { s.Resource.ID = "" }},
		"actions":   {ReadActions, func(s *Search) { s.Action = "" }},
		"effective": {ReadEffective, func(s *Search) {
			s.Question = Question{Query: access.Query{Subject: all.Subject}, AtLeast: 5}
		}},
		"lookup": {ReadLookup, func(s *Search) {
			s.Question = Question{Query: access.Query{Resource: all.Resource}, AtLeast: 5}
		}},
	} {
		want := search
		tt.want(&want)
		if got, err := tt.read(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s is read as %+v, %v, want %+v", name, b, got, err, want)
		}
	}
	proposal := Proposal{"UpdateUserSecurityProfiles", "u", []byte(`{"UserId":"u"}`)}
	for _, q := range []WhatIf{{Proposal: proposal}, {proposal, &all, 5, Page{Token: "token", Limit: 7}}} {
		b, err := WriteWhatIf(&q)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ReadWhatIf(b, "i"); err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("%s is read as %+v, %v, want %+v", b, got, err, q)
		}
	}
}
