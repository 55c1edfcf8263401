//go:build !unix

package emulator

import "os/exec"

// separate does nothing here: a process is killed without its children.
func separate(*exec.Cmd) {}

func killGroup(*exec.Cmd) {}
