package gateway

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// granted is an authority by a set of rights.
type granted map[Right]bool

func (g granted) Decide(_ context.Context, _ *Caller, rights []Right) ([]Decision, error) {
	all := make([]Decision, len(rights))
	for i, r := range rights {
		all[i].Allow = g[r]
	}
	return all, nil
}

func (granted) Refusal(context.Context, *Caller, Right) string { return "" }
func (granted) Watch(context.Context, *Caller, func())         {}

// A list has exactly what is granted, whatever else is offered, in one order, and pages are parts of it.
func TestListsAreFiltered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "b", "c", "d", "A", "a___b", "_a", "a.b", "ä", "prompts/a", ""})
		g := &Gateway{Config: Config{MaxItems: 100, PageSize: rapid.IntRange(1, 3).Draw(t, "page")}.withDefaults(), prefixed: true}
		rules := granted{}
		g.Authority = rules
		var want []string
		for i := range rapid.IntRange(1, 3).Draw(t, "upstreams") {
			u := newUpstream(g, i, Upstream{Name: fmt.Sprintf("u%d", i), Namespace: fmt.Sprintf("n%d", i)})
			var items []item
			offers := rapid.SliceOfN(names, 0, 6).Draw(t, "offers")
			for _, name := range offers {
				if it, err := u.newItem(kindTools, jsontext.Value(fmt.Sprintf(`{"description":"x","name":%q}`, name))); err == nil {
					items = append(items, it)
				}
			}
			u.offers.Store(&catalogue{lists: map[string][]item{kindTools.method: u.sorted(kindTools, items)}})
			g.upstreams = append(g.upstreams, u)
			var own []string
			for _, name := range rapid.SliceOfDistinct(names, func(s string) string { return s }).Draw(t, "grants") {
				rules[Right{Namespace: u.Namespace, Tool: name}] = true
				if slices.Contains(offers, name) && offered(name) {
					own = append(own, u.Name+"___"+name)
				}
			}
			slices.Sort(own)
			want = append(want, own...)
		}
		shown, _, err := g.visible(t.Context(), &Caller{}, kindTools)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range shown {
			m, err := parseMessage(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"x","params":%s}`, g.outer(l, kindTools)))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.name.value)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("shown %q, want %q", got, want)
		}
		for i, l := range shown {
			from, err := g.afterCursor(shown, cursorOf(l))
			if err != nil || from != i+1 {
				t.Fatalf("after %s comes %d, %v", l.item.key, from, err)
			}
		}
	})
}
