package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a flag for an amount of memory: 268435456, 256MiB, 2GiB.
type byteSize int64

var byteUnits = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}, {"", 1}}

// UnmarshalText reads a whole number of bytes, KiB, MiB, GiB or TiB.
func (b *byteSize) UnmarshalText(text []byte) error {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || int64(n) > math.MaxInt64/u.bytes {
			break
		}
		*b = byteSize(int64(n) * u.bytes)
		return nil
	}
	return fmt.Errorf("must be a whole number of bytes, KiB, MiB, GiB or TiB, such as 256MiB, got %q", text)
}
