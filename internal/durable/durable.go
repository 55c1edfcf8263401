// Package durable makes the names of files in a folder survive a loss of power. It does not sync the files: whoever
// writes them does.
package durable

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

// SyncFolder waits until the names in a folder are on the disk. That of a new file need not be there
// when the file itself is.
func SyncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // nor have some network file systems
	}
	return errors.Join(err, f.Close())
}
