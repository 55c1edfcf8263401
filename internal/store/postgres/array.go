package postgres

import "encoding/binary"

// An array is a one-dimensional array in PostgreSQL's binary format, which is sent as it is. The encoder of pgx does
// the same for any type, at several times the cost.
type array struct{ b []byte }

// begin begins an array of n elements.
func (a *array) begin(element uint32, n int) {
	const dimensions, mayHaveNull, lowerBound = 1, 1, 1
	a.b = make([]byte, 0, 20+n*24)
	for _, v := range []uint32{dimensions, mayHaveNull, element, uint32(n), lowerBound} {
		a.b = binary.BigEndian.AppendUint32(a.b, v)
	}
}

func (a *array) addText(s string) {
	a.b = append(binary.BigEndian.AppendUint32(a.b, uint32(len(s))), s...)
}

// addBytes adds bytes, or NULL when they are nil.
func (a *array) addBytes(p []byte) {
	if p == nil {
		a.addNull()
		return
	}
	a.b = append(binary.BigEndian.AppendUint32(a.b, uint32(len(p))), p...)
}

func (a *array) addInt64(n int64) {
	a.b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(a.b, 8), uint64(n))
}

func (a *array) addInt32(n int32) {
	a.b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(a.b, 4), uint32(n))
}

func (a *array) addInt16(n int16) {
	a.b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(a.b, 2), uint16(n))
}

func (a *array) addNull() { a.b = binary.BigEndian.AppendUint32(a.b, ^uint32(0)) }
