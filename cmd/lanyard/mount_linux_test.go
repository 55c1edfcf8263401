package main

import "syscall"

// mountSmall mounts a file system of 8 MiB.
func mountSmall(dir string) (unmount func() error, err error) {
	err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m")
	return func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }, err
}
