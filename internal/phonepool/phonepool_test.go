package phonepool_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/lanyard/lanyard/internal/phonepool"
)

func first(n int, country, kind, prefix string, from int) (numbers []string) {
	for _, number := range phonepool.All(country, kind, prefix, from) {
		if len(numbers) == n {
			break
		}
		numbers = append(numbers, number.Number)
	}
	return numbers
}

func TestAll(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		country, kind, prefix string
		from                  int
		want                  []string
	}{
		{"first", "US", "DID", "", 0, []string{"+12015550100", "+12015550101"}},
		{"next", "US", "DID", "", 99, []string{"+12015550199", "+12025550100"}},
		{"by country code", "US", "DID", "+1", 0, []string{"+12015550100", "+12015550101"}},
		{"by area", "US", "DID", "+1206", 0, []string{"+12065550100", "+12065550101"}},
		{"by more than the lead", "US", "DID", "+120655501", 98, []string{"+12065550198", "+12065550199"}},
		{"a single number", "US", "DID", "+12065550142", 0, []string{"+12065550142"}},
		{"after the last", "US", "DID", "+12065550142", 1, nil},
		{"toll-free", "US", "TOLL_FREE", "", 0, []string{"+18005550100", "+18005550101"}},
		{"for drama", "GB", "DID", "+4420", 0, []string{"+442079460000", "+442079460001"}},
		{"of another country", "GB", "DID", "+1", 0, nil},
		{"no such type", "US", "SHORT_CODE", "", 0, nil},
		{"no such country", "XX", "DID", "", 0, nil},
		{"the prefix without +", "US", "DID", "1206", 0, nil},
	} {
		if got := first(2, tt.country, tt.kind, tt.prefix, tt.from); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Every number is found again, once, and has the form that the API gives numbers.
func TestLookup(t *testing.T) {
	form := regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
	seen := map[string]bool{}
	countries := map[string]bool{}
	for _, country := range phonepool.Countries() {
		countries[country] = true
		for _, kind := range []string{"DID", "TOLL_FREE"} {
			for at, n := range phonepool.All(country, kind, "", 0) {
				if at%7 != 0 {
					continue
				}
				got, ok := phonepool.Lookup(n.Number)
				if !ok || got != n || n.Country != country || n.Type != kind || seen[n.Number] || !form.MatchString(n.Number) {
					t.Fatalf("Lookup(%s) = %v, %v, want %v; seen before: %v", n.Number, got, ok, n, seen[n.Number])
				}
				seen[n.Number] = true
			}
		}
	}
	if len(countries) < 230 || len(seen) < 10_000 {
		t.Errorf("%d countries have %d numbers", len(countries), len(seen))
	}
	for _, bad := range []string{"", "+", "+1", "+1201555010", "+120155501000", "+1201555010x", "12015550100", "+12015550200",
		" +12015550100", "+1201555010٠"} {
		if n, ok := phonepool.Lookup(bad); ok {
			t.Errorf("Lookup(%q) = %v", bad, n)
		}
	}
}
