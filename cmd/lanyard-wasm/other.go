//go:build !wasip1

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "lanyard-wasm: GOOS must be wasip1 and GOARCH wasm; make packages-decide builds it")
	os.Exit(2)
}
