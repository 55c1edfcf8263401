package control

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
)

// Bounds of values that hold whatever the validation of an attribute says: the largest that a validation can ask for.
const (
	maxTextValue   = 1000 // characters, also in a list
	maxListValue   = 100  // values of a list
	maxNumberValue = 64   // characters
)

// number is a number as JSON spells it.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// readNumber reads a number exactly. It has the range of a float64, so that its exact form is small.
func readNumber(text string) (*big.Rat, bool) {
	if len(text) > maxNumberValue || !number.MatchString(text) {
		return nil, false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	if !strings.ContainsAny(mantissa, "123456789") {
		return new(big.Rat), true // however large its exponent is
	}
	if f, err := strconv.ParseFloat(text, 64); err != nil || math.Abs(f) < 1e-300 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// A badValue says what a value must be. It does not repeat the value.
type badValue struct{ must string }

func (e *badValue) Error() string { return "must be " + e.must }

func mustBe(format string, args ...any) error { return &badValue{fmt.Sprintf(format, args...)} }

// checkValue returns an error unless an attribute takes a value. Expressions have their type only when they are
// evaluated.
func checkValue(a *lanyard.DataTableAttribute, value string) error {
	if (text{value: value, prose: true}).refuseForged() != nil {
		return mustBe("text without control characters other than line breaks and tabs and without characters that override " +
			"its direction")
	}
	if lanyard.IsExpression(value) {
		if n := utf8.RuneCountInString(value); n > maxTextValue {
			return mustBe("at most %d characters long", maxTextValue)
		}
		return nil
	}
	return checkPlain(a, value)
}

// checkPlain is checkValue for what is no expression.
func checkPlain(a *lanyard.DataTableAttribute, value string) error {
	v := a.Validation
	if v == nil {
		v = new(lanyard.Validation)
	}
	switch a.ValueType {
	case lanyard.TextValue:
		return checkText(a, v, value)
	case lanyard.NumberValue:
		return checkNumber(v, value)
	case lanyard.BooleanValue:
		if value != "true" && value != "false" {
			return mustBe("true or false")
		}
		return nil
	case lanyard.TextListValue:
		var list []string
		if !readList(value, &list) {
			return mustBe("a JSON list of texts")
		}
		return checkList(v, list, func(text string) error { return checkText(a, v, text) })
	case lanyard.NumberListValue:
		var list []numberText
		if !readList(value, &list) {
			return mustBe("a JSON list of numbers")
		}
		return checkList(v, list, func(n numberText) error { return checkNumber(v, string(n)) })
	}
	return mustBe("of a value type that is known, which %s is not", a.ValueType)
}

// readList decodes a JSON list, which null is not. Its bytes are bounded by those of a request.
func readList(value string, list any) bool {
	return strings.HasPrefix(strings.TrimLeft(value, " \t\r\n"), "[") && json.Unmarshal([]byte(value), list) == nil
}

// numberText is a JSON number as it is spelled.
type numberText string

// UnmarshalJSON keeps the spelling.
func (n *numberText) UnmarshalJSON(b []byte) error {
	if !number.Match(b) {
		return mustBe("a number")
	}
	*n = numberText(b)
	return nil
}

// checkList checks how many values a list has, and each of them.
func checkList[T any](v *lanyard.Validation, list []T, check func(T) error) error {
	least, most := 0, maxListValue
	if v.MinValues != nil {
		least = int(*v.MinValues)
	}
	if v.MaxValues != nil {
		most = min(most, int(*v.MaxValues))
	}
	if len(list) < least || len(list) > most {
		return mustBe("a list of %d to %d values", least, most)
	}
	for i := range list {
		if err := check(list[i]); err != nil {
			return mustBe("a list whose every value is %s", strings.TrimPrefix(err.Error(), "must be "))
		}
	}
	return nil
}

func checkText(a *lanyard.DataTableAttribute, v *lanyard.Validation, value string) error {
	least, most := 0, maxTextValue
	if v.MinLength != nil {
		least = int(*v.MinLength)
	}
	if v.MaxLength != nil {
		most = min(most, int(*v.MaxLength))
	}
	if n := utf8.RuneCountInString(value); n < least || n > most {
		return mustBe("%d to %d characters long", least, most)
	}
	if e := v.Enum; e != nil && e.Strict && !slices.ContainsFunc(e.Values, func(one string) bool {
		return one == value || v.IgnoreCase && strings.EqualFold(one, value)
	}) {
		return mustBe("one of %s", quotedList(e.Values))
	}
	return nil
}

func checkNumber(v *lanyard.Validation, value string) error {
	n, ok := readNumber(value)
	if !ok {
		return mustBe("a number of at most %d characters that a double can hold", maxNumberValue)
	}
	compare := func(bound *float64) int { return n.Cmp(exact(*bound)) }
	switch {
	case v.Minimum != nil && compare(v.Minimum) < 0:
		return mustBe("at least %v", *v.Minimum)
	case v.Maximum != nil && compare(v.Maximum) > 0:
		return mustBe("at most %v", *v.Maximum)
	case v.ExclusiveMinimum != nil && compare(v.ExclusiveMinimum) <= 0:
		return mustBe("greater than %v", *v.ExclusiveMinimum)
	case v.ExclusiveMaximum != nil && compare(v.ExclusiveMaximum) >= 0:
		return mustBe("less than %v", *v.ExclusiveMaximum)
	case v.MultipleOf != nil && *v.MultipleOf > 0 && !new(big.Rat).Quo(n, exact(*v.MultipleOf)).IsInt():
		return mustBe("a multiple of %v", *v.MultipleOf)
	}
	if e := v.Enum; e != nil && e.Strict && !slices.ContainsFunc(e.Values, func(one string) bool {
		x, ok := readNumber(one)
		return ok && x.Cmp(n) == 0
	}) {
		return mustBe("one of %s", quotedList(e.Values))
	}
	return nil
}

// exact is the number that a bound was written as: 0.1, and not the double nearest to it.
func exact(bound float64) *big.Rat {
	r, ok := new(big.Rat).SetString(fmt.Sprint(bound))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// quotedList lists some texts for a message.
func quotedList(texts []string) string {
	const most = 10
	var list []string
	for _, text := range texts[:min(most, len(texts))] {
		list = append(list, lanyard.Quote(text))
	}
	if len(texts) > most {
		list = append(list, fmt.Sprintf("… (%d in all)", len(texts)))
	}
	return strings.Join(list, ", ")
}

// checkPrimary returns an error unless a primary attribute takes a value. It cannot be an expression.
func checkPrimary(a *lanyard.DataTableAttribute, value string) error {
	if lanyard.IsExpression(value) {
		return mustBe("a value and no expression")
	}
	if (text{value: value}).refuseForged() != nil {
		return mustBe("text without control characters or line separators and without characters that override its direction")
	}
	if value == "" { // that of rows which are older than the attribute
		return nil
	}
	if n := utf8.RuneCountInString(value); n > maxTextValue {
		return mustBe("at most %d characters long", maxTextValue)
	}
	return checkPlain(a, value)
}
