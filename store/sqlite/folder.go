package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// makeFolder makes a folder, and those above it, so that they are still there after a power loss.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrExist) {
		if info, e := os.Stat(dir); e == nil && info.IsDir() {
			err = nil // somebody else made it
		} else {
			err = fmt.Errorf("%s is there and is not a folder", dir)
		}
	}
	if err != nil {
		return err
	}
	return syncFolder(above)
}

// syncFolder waits until the names in a folder are on the disk. That of a new file need not be there
// when the file itself is.
func syncFolder(dir string) error {
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
