package fault

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	roll := 0.5
	s := &Set{Random: func() float64 { return roll }}
	if f, ok := s.Next("A"); ok {
		t.Fatalf("an empty set answers %+v", f)
	}
	s.Put(Fault{Operation: "A", Exception: "ThrottlingException", Rate: 1, Count: 2})
	s.Put(Fault{Operation: "*", Latency: time.Second, Rate: 0.5})
	for i := range 2 {
		if f, ok := s.Next("A"); !ok || f.Exception != "ThrottlingException" {
			t.Fatalf("call %d of A is hit by %+v, %v; want its own fault", i+1, f, ok)
		}
	}
	if f, ok := s.Next("A"); ok {
		t.Errorf("after its count, A is hit by %+v at a roll of 0.5 against a rate of 0.5", f)
	}
	roll = 0.49
	if f, ok := s.Next("B"); !ok || f.Latency != time.Second {
		t.Errorf("B is hit by %+v, %v; want the fault of all operations", f, ok)
	}
	if got := s.List(); len(got) != 1 || got[0].Operation != "*" {
		t.Errorf("List() = %+v, want the fault of all operations alone", got)
	}
	if n := s.Clear(""); n != 1 {
		t.Errorf("Clear removes %d faults, want 1", n)
	}
	if _, ok := s.Next("B"); ok {
		t.Error("a cleared fault still hits")
	}
}

func TestMatch(t *testing.T) {
	roll := 0.5
	s := &Set{Random: func() float64 { return roll }}
	if f, ok := s.Match("us-east-1", "A"); ok {
		t.Fatalf("an empty set answers %+v", f)
	}
	s.SetRules([]Rule{
		{Region: "eu-west-2", Exception: "First", Rate: 1},
		{Operation: "A", Exception: "Second", Status: 418, Rate: 0.5},
		{Operation: "A", Exception: "Third", Rate: 1},
		{Operation: "C", Exception: "Never", Rate: 0},
	})
	for _, tt := range []struct {
		name, region, operation string
		roll                    float64
		want                    Fault
	}{
		{"by region", "eu-west-2", "B", 0.9, Fault{Operation: "B", Exception: "First"}},
		{"the first of several", "eu-west-2", "A", 0.1, Fault{Operation: "A", Exception: "First"}},
		{"by operation", "us-east-1", "A", 0.49, Fault{Operation: "A", Exception: "Second", Status: 418}},
		{"the next, when it is not the turn of the first", "us-east-1", "A", 0.5, Fault{Operation: "A", Exception: "Third"}},
		{"none", "us-east-1", "B", 0, Fault{}},
		{"never", "us-east-1", "C", 0, Fault{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			roll = tt.roll
			got, ok := s.Match(tt.region, tt.operation)
			if !ok {
				got = Fault{}
			}
			if ok != (tt.want != Fault{}) || got != tt.want {
				t.Errorf("Match = %+v, %v; want %+v", got, ok, tt.want)
			}
		})
	}
	s.SetLatency(time.Second)
	if f, ok := s.Match("us-east-1", "B"); !ok || f != (Fault{Operation: "B", Latency: time.Second}) {
		t.Errorf("with a latency for all calls: %+v, %v", f, ok)
	}
	s.SetRules(nil)
	s.SetLatency(0)
	if f, ok := s.Match("eu-west-2", "A"); ok {
		t.Errorf("without rules: %+v", f)
	}
}
