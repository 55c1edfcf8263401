//go:build wasip1

package main

import (
	"unsafe"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/internal/subject"
)

// maxInput bounds what the host writes, in bytes: a snapshot, its keys and what is around them.
const maxInput = 2*subject.MaxSnapshot + 1<<20

var (
	host   subject.Host
	input  = make([]byte, 4<<10)
	output []byte
)

// buffer returns where the host may write size bytes; 0 when that is too many.
//
//go:wasmexport lanyard_buffer
func buffer(size uint32) unsafe.Pointer {
	if size > maxInput {
		return nil
	}
	if int(size) > len(input) {
		input = make([]byte, size)
	}
	return unsafe.Pointer(unsafe.SliceData(input))
}

// given returns what the host wrote.
func given(size uint32) []byte { return input[:min(int(size), len(input))] }

// result returns where the last answer is.
//
//go:wasmexport lanyard_output
func result() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(output)) }

// load holds a snapshot and returns its number; what it is, is the output.
//
//go:wasmexport lanyard_load
func load(size uint32) uint32 {
	n, about := host.Load(given(size))
	output = about
	if cap(input) > 64<<10 { // a snapshot is loaded now and then, and questions are small
		input = make([]byte, 4<<10)
	}
	return uint32(n)
}

// length returns how long the output is.
//
//go:wasmexport lanyard_length
func length() uint32 { return uint32(len(output)) }

// decide answers a question; see subject.Host.
//
//go:wasmexport lanyard_decide
func decide(n, size uint32, now float64) int32 { return host.Decide(int(n), given(size), now) }

// explain answers a question with the output, and reports whether it could be read.
//
//go:wasmexport lanyard_explain
func explain(n, size uint32, now float64) uint32 {
	if output = host.Explain(int(n), given(size), now); output == nil {
		return 0
	}
	return 1
}

// drop forgets a snapshot.
//
//go:wasmexport lanyard_free
func drop(n uint32) { host.Free(int(n)) }

// codes puts the reasons, in the order of their numbers, into the output.
//
//go:wasmexport lanyard_reasons
func codes() {
	b, err := json.Marshal(subject.Codes)
	if err != nil {
		panic(err)
	}
	output = b
}

func main() {}
