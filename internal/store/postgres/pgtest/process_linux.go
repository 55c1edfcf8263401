package pgtest

import "syscall"

// withParent has a process end with the thread that starts it.
func withParent(account *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account, Pdeathsig: syscall.SIGQUIT}
}
