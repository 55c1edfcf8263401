package control

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
)

// Bounds of the values that a validation lists. Amazon documents at most 5 in any list of a validation, which its
// website does not hold to; these are ours.
const (
	maxEnumValues = 100
	maxEnumLength = 1000 // characters of each
)

// The types of values that rules of a Validation are about.
var (
	textTypes   = []string{lanyard.TextValue, lanyard.TextListValue}
	numberTypes = []string{lanyard.NumberValue, lanyard.NumberListValue}
	listTypes   = []string{lanyard.TextListValue, lanyard.NumberListValue}
	listedTypes = slices.Concat(textTypes, numberTypes)
)

// checkValidation refuses rules that say nothing about values of the attribute's type, and rules that contradict each
// other.
func checkValidation(a *lanyard.DataTableAttribute) error {
	v := a.Validation
	for _, rule := range []struct {
		name  string
		sent  bool
		types []string
	}{
		{"MinLength", v.MinLength != nil, textTypes}, {"MaxLength", v.MaxLength != nil, textTypes},
		{"MinValues", v.MinValues != nil, listTypes}, {"MaxValues", v.MaxValues != nil, listTypes},
		{"IgnoreCase", v.IgnoreCase, textTypes},
		{"Minimum", v.Minimum != nil, numberTypes}, {"Maximum", v.Maximum != nil, numberTypes},
		{"ExclusiveMinimum", v.ExclusiveMinimum != nil, numberTypes},
		{"ExclusiveMaximum", v.ExclusiveMaximum != nil, numberTypes},
		{"MultipleOf", v.MultipleOf != nil, numberTypes},
		{"Enum", v.Enum != nil, listedTypes},
	} {
		if rule.sent && !slices.Contains(rule.types, a.ValueType) {
			return lanyard.Errorf(lanyard.Invalid, "Validation.%s must be absent when ValueType is %s", rule.name, a.ValueType)
		}
	}
	return cmp.Or(checkOrder(v), checkMultiple(v), checkEnum(a))
}

// checkOrder refuses bounds that no value is within.
func checkOrder(v *lanyard.Validation) error {
	whole := func(n *int32) *float64 {
		if n == nil {
			return nil
		}
		f := float64(*n)
		return &f
	}
	for _, pair := range []struct {
		least, most string
		low, high   *float64
		below       bool // low must be below high
	}{
		{"MinLength", "MaxLength", whole(v.MinLength), whole(v.MaxLength), false},
		{"MinValues", "MaxValues", whole(v.MinValues), whole(v.MaxValues), false},
		{"Minimum", "Maximum", v.Minimum, v.Maximum, false},
		{"Minimum", "ExclusiveMaximum", v.Minimum, v.ExclusiveMaximum, true},
		{"ExclusiveMinimum", "Maximum", v.ExclusiveMinimum, v.Maximum, true},
		{"ExclusiveMinimum", "ExclusiveMaximum", v.ExclusiveMinimum, v.ExclusiveMaximum, true},
	} {
		if pair.low == nil || pair.high == nil || *pair.low < *pair.high || *pair.low == *pair.high && !pair.below {
			continue
		}
		relation := "at most"
		if pair.below {
			relation = "less than"
		}
		return lanyard.Errorf(lanyard.Invalid, "Validation.%s must be %s Validation.%s, which is %s, got %s", pair.least,
			relation, pair.most, showNumber(*pair.high), showNumber(*pair.low))
	}
	return nil
}

// showNumber writes a number as it is sent.
func showNumber(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func checkMultiple(v *lanyard.Validation) error {
	if v.MultipleOf != nil && !(*v.MultipleOf > 0) {
		return lanyard.Errorf(lanyard.Invalid, "Validation.MultipleOf must be greater than 0, got %s", showNumber(*v.MultipleOf))
	}
	return nil
}

// checkEnum checks the values that a validation lists.
func checkEnum(a *lanyard.DataTableAttribute) error {
	e := a.Validation.Enum
	if e == nil {
		return nil
	}
	const member = "Validation.Enum.Values"
	if len(e.Values) == 0 && e.Strict {
		return lanyard.Errorf(lanyard.Invalid, "%s is required when Validation.Enum.Strict is true", member)
	}
	if len(e.Values) > maxEnumValues {
		return lanyard.Errorf(lanyard.Invalid, "%s must have at most %d values, got %d", member, maxEnumValues, len(e.Values))
	}
	seen := map[string]bool{}
	for i, value := range e.Values {
		if n := utf8.RuneCountInString(value); n > maxEnumLength {
			return lanyard.Errorf(lanyard.Invalid, "%s must have at most %d characters, got %d", item(member, i), maxEnumLength, n)
		}
		if slices.Contains(numberTypes, a.ValueType) {
			if f, err := strconv.ParseFloat(value, 64); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
				return lanyard.Errorf(lanyard.Invalid, "%s must be a number, as ValueType is %s, got %s", item(member, i), a.ValueType,
					lanyard.Quote(value))
			}
		}
		key := value
		if a.Validation.IgnoreCase {
			key = lanyard.FoldCase(value)
		}
		if seen[key] {
			return lanyard.Errorf(lanyard.Invalid, "%s must be another value than those before, got %s", item(member, i),
				lanyard.Quote(value))
		}
		seen[key] = true
	}
	return nil
}
