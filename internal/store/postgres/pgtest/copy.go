package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Copy stops the server, copies its data, and starts it again. It returns the folder of the copy.
func (s *Server) Copy(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(s.Dir), "copy")
	if err := errors.Join(s.Stop(), replace(dir, s.Dir), s.Start()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Restore stops the server and starts it with the data of a copy: what was committed since is lost.
func (s *Server) Restore(t testing.TB, dir string) {
	t.Helper()
	if err := errors.Join(s.Stop(), replace(s.Dir, dir), s.Start()); err != nil {
		t.Fatal(err)
	}
}

func replace(to, from string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil { // with its owner
		return fmt.Errorf("copy %s: %w\n%s", from, err, out)
	}
	return nil
}
