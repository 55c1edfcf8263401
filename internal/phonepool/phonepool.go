// Package phonepool has made-up phone numbers of every country, from which instances claim theirs. They have the form
// of real ones; where a country sets numbers aside for fiction, as North America and the United Kingdom do, they are
// those. The package neither knows which are claimed nor places calls.
package phonepool

import (
	_ "embed"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
)

// table has a line for each country and type of number: the country, the type, how many digits differ, and the digits
// that come before those, for each group of numbers. It was made with the metadata of libphonenumber.
//
//go:embed numbers.csv
var table string

// A Number is a phone number.
type Number struct {
	Number  string // +12015550100
	Country string // ISO 3166, as the API has it
	Type    string // DID or TOLL_FREE
}

// A group is numbers that begin in the same way.
type group struct {
	lead          string // without +
	digits        int    // that follow
	country, kind string
}

// groups are those of the table, in its order.
var groups = sync.OnceValue(func() (all []group) {
	for line := range strings.Lines(table) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		digits, err := strconv.Atoi(fields[2])
		if err != nil {
			panic("phonepool: " + line)
		}
		for _, lead := range strings.Fields(fields[3]) {
			all = append(all, group{lead, digits, fields[0], fields[1]})
		}
	}
	return all
})

// Lookup finds a number of the pool.
func Lookup(number string) (Number, bool) {
	for _, g := range groups() {
		rest, ok := strings.CutPrefix(number, "+"+g.lead)
		if ok && len(rest) == g.digits && strings.Trim(rest, "0123456789") == "" {
			return Number{number, g.country, g.kind}, true
		}
	}
	return Number{}, false
}

// All returns the numbers of a country and type that begin with prefix, from the one with the number from (0 for the
// first), in an order that never changes, each with its number.
func All(country, kind, prefix string, from int) iter.Seq2[int, Number] {
	return func(yield func(int, Number) bool) {
		at := 0
		for _, g := range groups() {
			if g.country != country || g.kind != kind || !g.mayBegin(prefix) {
				continue
			}
			for i := range g.size() {
				number := fmt.Sprintf("+%s%0*d", g.lead, g.digits, i)
				if !strings.HasPrefix(number, prefix) {
					continue
				}
				if at >= from && !yield(at, Number{number, country, kind}) {
					return
				}
				at++
			}
		}
	}
}

// mayBegin reports whether a number of the group may begin with prefix.
func (g group) mayBegin(prefix string) bool {
	lead := "+" + g.lead
	return strings.HasPrefix(lead, prefix) || strings.HasPrefix(prefix, lead)
}

func (g group) size() int {
	n := 1
	for range g.digits {
		n *= 10
	}
	return n
}

// Countries returns the countries that have numbers, in alphabetical order.
func Countries() (all []string) {
	for _, g := range groups() {
		if len(all) == 0 || all[len(all)-1] != g.country {
			all = append(all, g.country)
		}
	}
	return all
}
