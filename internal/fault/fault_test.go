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
