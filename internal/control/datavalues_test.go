package control

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
)

func limit(n int32) *int32 { return &n }

func bound(f float64) *float64 { return &f }

func TestValuesOfEachType(t *testing.T) {
	text, number := lanyard.TextValue, lanyard.NumberValue
	texts, numbers := lanyard.TextListValue, lanyard.NumberListValue
	strict := func(values ...string) *lanyard.Enum { return &lanyard.Enum{Strict: true, Values: values} }
	for _, tt := range []struct {
		name  string
		typ   string
		v     lanyard.Validation
		value string
		must  string // "" when the value is accepted
	}{
		{"a text", text, lanyard.Validation{}, "é", ""},
		{"no text", text, lanyard.Validation{}, "", ""},
		{"the longest text", text, lanyard.Validation{}, strings.Repeat("é", 1000), ""},
		{"too long a text", text, lanyard.Validation{}, strings.Repeat("é", 1001), "0 to 1000 characters"},
		{"a text of lines", text, lanyard.Validation{}, "a\n\tb", ""},
		{"a text with an escape", text, lanyard.Validation{}, "a\x1b[2J", "without control characters"},
		{"a text that turns around", text, lanyard.Validation{}, "a\u202eb", "without control characters"},
		{"too short", text, lanyard.Validation{MinLength: limit(2)}, "é", "2 to 1000 characters"},
		{"long enough", text, lanyard.Validation{MinLength: limit(2), MaxLength: limit(2)}, "éé", ""},
		{"one of an enum", text, lanyard.Validation{Enum: strict("a", "b")}, "b", ""},
		{"none of an enum", text, lanyard.Validation{Enum: strict("a", "b")}, "B", `one of "a", "b"`},
		{"one of an enum in another case", text, lanyard.Validation{Enum: strict("a", "b"), IgnoreCase: true}, "B", ""},
		{"beyond an enum that is not strict", text, lanyard.Validation{Enum: &lanyard.Enum{Values: []string{"a"}}}, "c", ""},
		{"an expression", number, lanyard.Validation{}, "$.Attributes.x", ""},
		{"too long an expression", number, lanyard.Validation{}, "$." + strings.Repeat("x", 1000), "at most 1000 characters"},

		{"a number", number, lanyard.Validation{}, "-1.50e2", ""},
		{"zero with an exponent", number, lanyard.Validation{}, "0e999999999", ""},
		{"too large a number", number, lanyard.Validation{}, "1e999", "a number"},
		{"too small a number", number, lanyard.Validation{}, "1e-999", "a number"},
		{"a number too small for an exponent", number, lanyard.Validation{}, "1e-700000000", "a number"},
		{"a number of many digits", number, lanyard.Validation{}, strings.Repeat("1", 65), "a number of at most 64 characters"},
		{"a number with a plus", number, lanyard.Validation{}, "+1", "a number"},
		{"a number with a leading zero", number, lanyard.Validation{}, "01", "a number"},
		{"a hexadecimal number", number, lanyard.Validation{}, "0x10", "a number"},
		{"not a number", number, lanyard.Validation{}, "NaN", "a number"},
		{"no number", number, lanyard.Validation{}, "", "a number"},
		{"a number with a space", number, lanyard.Validation{}, " 1", "a number"},
		{"the least", number, lanyard.Validation{Minimum: bound(0.1)}, "0.1", ""},
		{"less than the least", number, lanyard.Validation{Minimum: bound(0.1)}, "0.09999999999999999999", "at least 0.1"},
		{"the most", number, lanyard.Validation{Maximum: bound(3)}, "3.00000000000000000001", "at most 3"},
		{"not above", number, lanyard.Validation{ExclusiveMinimum: bound(3)}, "3", "greater than 3"},
		{"not below", number, lanyard.Validation{ExclusiveMaximum: bound(3)}, "3.0", "less than 3"},
		{"a multiple of a tenth", number, lanyard.Validation{MultipleOf: bound(0.1)}, "0.3", ""},
		{"no multiple", number, lanyard.Validation{MultipleOf: bound(0.1)}, "0.35", "a multiple of 0.1"},
		{"a number of an enum", number, lanyard.Validation{Enum: strict("1", "2")}, "2.0", ""},
		{"no number of an enum", number, lanyard.Validation{Enum: strict("1", "2")}, "3", `one of "1", "2"`},

		{"true", lanyard.BooleanValue, lanyard.Validation{}, "true", ""},
		{"True", lanyard.BooleanValue, lanyard.Validation{}, "True", "true or false"},
		{"1", lanyard.BooleanValue, lanyard.Validation{}, "1", "true or false"},

		{"texts", texts, lanyard.Validation{}, ` ["a", ""]`, ""},
		{"no texts", texts, lanyard.Validation{}, `[]`, ""},
		{"null", texts, lanyard.Validation{}, `null`, "a JSON list of texts"},
		{"an object", texts, lanyard.Validation{}, `{}`, "a JSON list of texts"},
		{"texts with a number", texts, lanyard.Validation{}, `["a", 1]`, "a JSON list of texts"},
		{"texts and more", texts, lanyard.Validation{}, `["a"] x`, "a JSON list of texts"},
		{"too few texts", texts, lanyard.Validation{MinValues: limit(1)}, `[]`, "a list of 1 to 100 values"},
		{"too many texts", texts, lanyard.Validation{}, `["` + strings.Repeat(`","`, 100) + `"]`, "a list of 0 to 100 values"},
		{"a text of the list is too long", texts, lanyard.Validation{MaxLength: limit(1)}, `["a","bb"]`,
			"a list whose every value is 0 to 1 characters long"},
		{"numbers", numbers, lanyard.Validation{}, `[1, 2.5, -3e1]`, ""},
		{"numbers as texts", numbers, lanyard.Validation{}, `["1"]`, "a JSON list of numbers"},
		{"numbers with one too large", numbers, lanyard.Validation{Maximum: bound(2)}, `[1, 3]`,
			"a list whose every value is at most 2"},
		{"an unknown type", "DATE", lanyard.Validation{}, "x", "of a value type that is known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := checkValue(&lanyard.DataTableAttribute{ValueType: tt.typ, Validation: &tt.v}, tt.value)
			if (err == nil) != (tt.must == "") || err != nil && !strings.Contains(err.Error(), tt.must) {
				t.Errorf("got %v, want %q", err, tt.must)
			}
		})
	}
}

// FuzzValues holds what is accepted to the bounds that everything has, and numbers to another reading of them.
func FuzzValues(f *testing.F) {
	types := []string{lanyard.TextValue, lanyard.NumberValue, lanyard.BooleanValue, lanyard.TextListValue,
		lanyard.NumberListValue}
	for i, seed := range []string{"a", "-0.1e-3", "true", `["a"]`, "[1e308, 0]", "1e999999999", "0e-99999999999", "[[[[", "$.x"} {
		f.Add(seed, i, 0.1, 5.0)
	}
	f.Fuzz(func(t *testing.T, value string, typ int, multiple, most float64) {
		a := &lanyard.DataTableAttribute{ValueType: types[uint(typ)%uint(len(types))],
			Validation: &lanyard.Validation{MultipleOf: &multiple, Maximum: &most}}
		if checkValue(a, value) != nil || lanyard.IsExpression(value) {
			return
		}
		switch a.ValueType {
		case lanyard.TextValue:
			if utf8.RuneCountInString(value) > maxTextValue {
				t.Errorf("a text of %d characters is accepted", utf8.RuneCountInString(value))
			}
		case lanyard.NumberValue:
			n, ok := readNumber(value)
			if _, err := strconv.ParseFloat(value, 64); err != nil || !ok || len(value) > maxNumberValue {
				t.Fatalf("%q is accepted as a number", value)
			}
			if f, _ := n.Float64(); f > most {
				t.Errorf("%q is accepted, at most %v is allowed", value, most)
			}
		case lanyard.TextListValue, lanyard.NumberListValue:
			if !strings.HasPrefix(strings.TrimSpace(value), "[") {
				t.Errorf("%q is accepted as a list", value)
			}
		}
	})
}

func TestPrimaryValuesAreNoExpressions(t *testing.T) {
	a := &lanyard.DataTableAttribute{ValueType: lanyard.TextValue}
	for value, ok := range map[string]bool{"EU": true, "": true, "$.x": false, "a\nb": false, strings.Repeat("x", 1001): false} {
		if err := checkPrimary(a, value); (err == nil) != ok {
			t.Errorf("%q: %v, want it accepted: %v", value, err, ok)
		}
	}
}
