// Command lanyard-wasm is the decision engine as a WebAssembly module, which the packages for JavaScript and Python
// carry: it verifies the snapshot of one subject and decides by it. Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags="-s -w" ./cmd/lanyard-wasm
//
// The host calls _initialize once. Then it writes what it asks to the memory at buffer, and reads texts that answer at
// output. The module needs no file, network or environment of its host: of WASI it uses a clock, random numbers and,
// when it fails, standard error.
package main
