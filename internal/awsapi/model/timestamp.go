package model

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A Timestamp is a time as this protocol writes it: a JSON number of seconds
// since 1970, with milliseconds when there are any. What is finer is dropped.
type Timestamp struct{ time.Time }

// MarshalJSONTo writes the number without an exponent, which not every client reads.
func (t Timestamp) MarshalJSONTo(enc *jsontext.Encoder) error {
	ms := t.UnixMilli()
	var buf [24]byte
	b := buf[:0]
	if ms < 0 {
		b, ms = append(b, '-'), -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if frac := ms % 1000; frac != 0 {
		b = append(b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return enc.WriteValue(b)
}

// UnmarshalJSONFrom reads any JSON number that names a year up to 9999.
func (t *Timestamp) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if value.Kind() != '0' {
		return fmt.Errorf("a timestamp is a number of seconds, not %s", value)
	}
	seconds, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.Abs(seconds) >= 253402300800 {
		return fmt.Errorf("timestamp %s is out of range", value)
	}
	t.Time = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	return nil
}
