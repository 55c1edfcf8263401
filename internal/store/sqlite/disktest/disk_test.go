package disktest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// after is what a power cut now leaves of the file "folder/name", nil when it is gone.
func after(t *testing.T, d *Disk, rnd *rand.Rand, loss Loss) []byte {
	t.Helper()
	var found []byte
	err := d.After(rnd, []Cut{{d.Now(), loss}}, func(_ Cut, write func(string) error) error {
		dir := t.TempDir()
		if err := write(dir); err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, "folder", "name"))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		found = append(make([]byte, 0, 1), b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func syncDir(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The disk forgets what was not synced, and only that: the names in folders too.
func TestPowerCut(t *testing.T) {
	d, rnd := Mount(t), rand.New(rand.NewPCG(1, 2))
	folder := filepath.Join(d.Dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(folder, "temporary"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old, fresh := bytes.Repeat([]byte("o"), 4*sector), bytes.Repeat([]byte("n"), 4*sector)
	if _, err := f.Write(old); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.Name(), filepath.Join(folder, "name")); err != nil {
		t.Fatal(err)
	}
	if got := after(t, d, rnd, All); got != nil {
		t.Errorf("a file in folders that were not synced is there: %d bytes", len(got))
	}
	syncDir(t, folder)
	if got := after(t, d, rnd, All); got != nil {
		t.Errorf("a file in a folder whose own name was not synced is there: %d bytes", len(got))
	}
	syncDir(t, d.Dir)
	if got := after(t, d, rnd, All); !bytes.Equal(got, old) {
		t.Errorf("what was synced is not there: %d bytes", len(got))
	}
	if _, err := f.WriteAt(fresh, 0); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 200 {
		got := after(t, d, rnd, Scattered)
		for s := range 4 {
			if p := got[s*sector : (s+1)*sector]; !bytes.Equal(p, old[:sector]) && !bytes.Equal(p, fresh[:sector]) {
				t.Fatal("a sector is torn")
			}
		}
		seen[string([]byte{got[0], got[sector], got[2*sector], got[3*sector]})] = true
	}
	if len(seen) != 16 {
		t.Errorf("a write of four sectors was lost in %d ways, want all 16", len(seen))
	}
	if got := after(t, d, rnd, All); !bytes.Equal(got, old) {
		t.Error("what was not synced is there")
	}
	if got := after(t, d, rnd, Nothing); !bytes.Equal(got, fresh) {
		t.Error("what was written just in time is not there")
	}
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if got := after(t, d, rnd, All); !bytes.Equal(got, old) {
		t.Error("a truncation that was not synced counts")
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := after(t, d, rnd, All); got == nil || len(got) != 0 {
		t.Errorf("after a truncation that was synced there is %q", got)
	}
	if err := os.Remove(filepath.Join(folder, "name")); err != nil {
		t.Fatal(err)
	}
	if got := after(t, d, rnd, All); got == nil {
		t.Error("a removal that was not synced counts")
	}
	syncDir(t, folder)
	if got := after(t, d, rnd, Nothing); got != nil {
		t.Error("what was removed is there")
	}
}

func TestFail(t *testing.T) {
	d := Mount(t)
	f, err := os.Create(filepath.Join(d.Dir, "name"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d.Fail(func(op Op, name string) syscall.Errno {
		if op == Sync && name == "name" {
			return syscall.EIO
		}
		return 0
	})
	if _, err := f.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("a sync that should fail answers %v", err)
	}
	d.Fail(nil)
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
}

// This process, which is the disk, is kept from what would have it wait for itself; others are not.
func TestOwnMemoryMap(t *testing.T) {
	d := Mount(t)
	path := filepath.Join(d.Dir, "database-shm")
	if out, err := exec.Command("sh", "-c", "echo x >"+path+" && cat "+path).CombinedOutput(); err != nil ||
		string(out) != "x\n" {
		t.Errorf("another process reads %q, %v", out, err)
	}
	if f, err := os.Open(path); !errors.Is(err, syscall.EPERM) {
		t.Errorf("this process opens it: %v", err)
		f.Close()
	}
}
