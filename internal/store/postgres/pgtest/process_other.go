//go:build !linux

package pgtest

import "syscall"

// withParent cannot have a process end with its parent here: a test that is killed leaves its server behind.
func withParent(account *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account}
}
