package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lanyard/lanyard/internal/durable"
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
	return durable.SyncFolder(above)
}
