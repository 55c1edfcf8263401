package control

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// counted is a reader that has so many resources of any type.
type counted struct {
	store.Reader
	n int
}

func (c counted) Count(context.Context, lanyard.Type) (int, error) { return c.n, nil }

// How many conditions a search may have falls with how many resources each is compared with.
func TestSearchIsAffordable(t *testing.T) {
	for _, tt := range []struct {
		users, conditions int
		ok                bool
	}{
		{0, maxConditions, true},
		{20_000, maxConditions, true},
		{50_000, 200, true},
		{50_000, 201, false},
		{1_000_000, fewConditions, true},
		{1_000_000, fewConditions + 1, false},
		{50_000_000, fewConditions, true},
	} {
		t.Run(fmt.Sprintf("%d users, %d conditions", tt.users, tt.conditions), func(t *testing.T) {
			c := compiler{reader: counted{n: tt.users}, t: lanyard.TypeUser, count: tt.conditions}
			if err := c.affordable(t.Context()); (err == nil) != tt.ok || err != nil && !errors.Is(err, lanyard.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// However many conditions look at a field, it is read and brought to lower case once for each resource.
func TestSearchFoldsOnce(t *testing.T) {
	reads := 0
	name := field{"name", func(r lanyard.Resource) []string { reads++; return []string{r.Head().Name} }}
	c := compiler{fields: []field{name}, folded: make(folded, 1)}
	tests := []test{c.folded.begin}
	for i := range 400 {
		one, err := c.compileString(StringCondition{Field: "name", Value: fmt.Sprint("NAME", i%10)[:4],
			Compare: []string{"CONTAINS", "STARTS_WITH"}[i%2]})
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, one)
	}
	u := &lanyard.User{Meta: lanyard.Meta{ID: "u"}}
	for i, one := range []struct {
		name string
		want bool
	}{{"Name 1", true}, {"Other", false}, {"nAmE 2", true}, {"nam", false}} {
		u.Name = one.name // as a snapshot does, which has one user for all
		if got := all(tests, u); got != one.want || reads != i+1 {
			t.Errorf("%s: %v after %d readings, want %v after %d", one.name, got, reads, one.want, i+1)
		}
	}
}

// A search whose caller is gone stops.
func TestSearchStops(t *testing.T) {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	for i := range 5 * lookEvery {
		e.Put(&lanyard.User{Meta: lanyard.Meta{ID: fmt.Sprintf("%08x-0000-4000-8000-000000000000", i),
			Name: fmt.Sprint("u", i), Seq: int64(i + 1)}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	looked := 0
	see := func(lanyard.Resource) bool {
		if looked++; looked == 10 {
			cancel()
		}
		return false
	}
	f := finder[*lanyard.User]{tests: []test{see}, limit: 10}
	err := f.collectUsers(ctx, e.Snapshot(1))
	if !errors.Is(err, context.Canceled) || looked > 2*lookEvery {
		t.Errorf("after %d users: %v", looked, err)
	}
}
