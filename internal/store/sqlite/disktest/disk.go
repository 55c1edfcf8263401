// Package disktest is a disk for tests: a file system in memory (FUSE) that any program can use as it
// is, that remembers what was synced and what was not, and that fails when told to. It knows nothing
// of what is kept on it.
//
// It stands between the program and the kernel's page cache, because that is where data is lost with the
// power: the program is the real one, built as for use, and all that it does to files and folders
// arrives here (a shim by LD_PRELOAD would see nothing of a static binary, and a VFS of SQLite only
// SQLite's own files). It promises no more than POSIX and a disk do, which is less than ext4 does:
//
//   - What was written to a file counts once the file was synced. Before that, any of it may be lost,
//     in any order, and a write may be torn at every 512 bytes. Its new length counts as a write does.
//   - That a name is in a folder, is gone from it or was renamed counts once the folder was synced,
//     whatever became of the file. Before that any of it may be lost, in any order, but a rename is
//     there or not.
package disktest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// An Op is what a program does to a file or folder.
type Op string

// The operations that can fail. Create is also of folders, Remove also of renaming.
const (
	Create   Op = "create"
	Open     Op = "open"
	Read     Op = "read"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	Remove   Op = "remove"
)

// A Disk is a mounted file system. Its methods may be called from any number of goroutines.
type Disk struct {
	Dir string // where it is mounted

	mu   sync.Mutex
	log  []entry
	fail func(Op, string) syscall.Errno
}

// entry is one thing that was done to a node: a write, a truncation or a sync of a file, or a name put
// into or taken from a folder, or a sync of it.
type entry struct {
	op   Op
	node *node
	data []byte // of Write; belongs to the entry
	off  int64  // of Write; of Truncate the new length
	name string
	to   *node  // what name means now; nil when it is gone
	from *node  // of a rename: the folder in which name was was
	was  string // of a rename
}

// Mount mounts an empty disk until the test ends. The process of the test is the disk, so it must not
// map files of it into memory: a page that is not there yet would stop a thread that Go takes to be
// running, the next garbage collection would wait for the thread, and the thread for the disk. Of SQLite's
// databases other programs ask. Without FUSE, or the right to mount, the test is
// skipped, or fails when CI=true.
func Mount(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{Dir: filepath.Join(t.TempDir(), "disk")}
	missing := t.Skipf
	if os.Getenv("CI") == "true" {
		missing = t.Fatalf
	}
	if runtime.GOOS != "linux" {
		missing("this disk needs Linux")
	}
	if err := os.Mkdir(d.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	root := &node{disk: d, dir: true, mode: 0o700}
	server, err := fs.Mount(d.Dir, root,
		&fs.Options{MountOptions: fuse.MountOptions{DirectMount: true, FsName: "disktest", Name: "disktest"}})
	if err != nil {
		missing("cannot mount a FUSE file system (as root, or with fusermount3, it can be): %v", err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Errorf("unmount %s: %v", d.Dir, err)
			syscall.Unmount(d.Dir, detach)
		}
	})
	return d
}

const detach = 2 // MNT_DETACH, of Linux; elsewhere nothing is mounted

// Fail has operations fail for which f answers an error; nil: none. f gets the file's base name.
func (d *Disk) Fail(f func(op Op, name string) syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = f
}

// Now is the moment to which the power can be cut with what has been done so far.
func (d *Disk) Now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

// Written is how many bytes have been written so far.
func (d *Disk) Written() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.log {
		n += len(d.log[i].data)
	}
	return n
}

// node is a file or a folder. The tree of names as programs see it is kept by package fs.
type node struct {
	fs.Inode
	disk *Disk
	dir  bool

	// Guarded by disk.mu.
	name string
	mode uint32
	data []byte
}

// doOperation reports whether an operation may go on, and records what it does, all under the lock.
func (n *node) doOperation(op Op, f func()) syscall.Errno {
	d := n.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	return n.doLocked(op, f)
}

func (n *node) doLocked(op Op, f func()) syscall.Errno {
	if fail := n.disk.fail; fail != nil {
		if e := fail(op, n.name); e != 0 {
			return e
		}
	}
	f()
	return 0
}

func (n *node) remember(e entry) { n.disk.log = append(n.disk.log, e) }

func (n *node) attr(a *fuse.Attr) {
	a.Mode, a.Size, a.Nlink = n.mode, uint64(len(n.data)), 1
	a.Blocks, a.Blksize = (a.Size+511)/512, 4096
	a.Owner = *fuse.CurrentOwner()
}

func (n *node) child(ctx context.Context, name string, dir bool, mode uint32,
	out *fuse.EntryOut) (*node, *fs.Inode, syscall.Errno) {
	c := &node{disk: n.disk, dir: dir, name: name, mode: mode & 0o7777}
	n.disk.mu.Lock()
	e := c.doLocked(Create, func() { n.remember(entry{op: Create, node: n, name: name, to: c}) })
	c.attr(&out.Attr)
	n.disk.mu.Unlock()
	if e != 0 {
		return nil, nil, e
	}
	kind := uint32(syscall.S_IFREG)
	if dir {
		kind = syscall.S_IFDIR
	}
	return c, n.NewPersistentInode(ctx, c, fs.StableAttr{Mode: kind}), 0
}

// Create makes a file.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32,
	out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	c, in, e := n.child(ctx, name, false, mode, out)
	if e != 0 {
		return nil, nil, 0, e
	}
	return in, handle{}, c.flags(), 0
}

// Mkdir makes a folder.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	_, in, e := n.child(ctx, name, true, mode, out)
	return in, e
}

type handle struct{}

// flags has every read and write come here as it is. What is mapped into memory must go by the page
// cache: it is SQLite's shared memory, which a restart creates again. No close waits for an answer, so that
// this process can be ended whatever it has open.
func (n *node) flags() uint32 {
	if n.mapped() {
		return fuse.FOPEN_NOFLUSH
	}
	return fuse.FOPEN_NOFLUSH | fuse.FOPEN_DIRECT_IO
}

func (n *node) mapped() bool { return strings.HasSuffix(n.name, "-shm") }

// Open opens a file, but one that is mapped into memory not for this process: see Mount.
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if caller, ok := fuse.FromContext(ctx); ok && n.mapped() {
		if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", caller.Pid)); err == nil {
			return nil, 0, syscall.EPERM
		}
	}
	e := n.doOperation(Open, func() {})
	return handle{}, n.flags(), e
}

// Getattr answers a file's mode and length.
func (n *node) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	n.attr(&out.Attr)
	return 0
}

// Setattr sets a file's mode and length.
func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	e := syscall.Errno(0)
	if size, ok := in.GetSize(); ok {
		e = n.doOperation(Truncate, func() {
			n.data = resized(n.data, int64(size))
			n.remember(entry{op: Truncate, node: n, off: int64(size)})
		})
	}
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	if mode, ok := in.GetMode(); ok && e == 0 {
		n.mode = mode & 0o7777
	}
	n.attr(&out.Attr)
	return e
}

func resized(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		clear(data[size:])
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func overwritten(file, data []byte, off int64) []byte {
	if end := off + int64(len(data)); end > int64(len(file)) {
		file = resized(file, end)
	}
	copy(file[off:], data)
	return file
}

// Read reads from a file.
func (n *node) Read(ctx context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	got := 0
	e := n.doOperation(Read, func() {
		if off < int64(len(n.data)) {
			got = copy(dest, n.data[off:])
		}
	})
	return fuse.ReadResultData(dest[:got]), e
}

// Write writes into a file.
func (n *node) Write(ctx context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	e := n.doOperation(Write, func() {
		n.data = overwritten(n.data, data, off)
		n.remember(entry{op: Write, node: n, off: off, data: append([]byte(nil), data...)})
	})
	return uint32(len(data)), e
}

// Fsync makes what was done to a file or folder before it last.
func (n *node) Fsync(ctx context.Context, _ fs.FileHandle, flags uint32) syscall.Errno {
	return n.doOperation(Sync, func() { n.remember(entry{op: Sync, node: n}) })
}

// Flush comes with every close, and says nothing of durability.
func (n *node) Flush(ctx context.Context, _ fs.FileHandle) syscall.Errno { return 0 }

// Unlink takes a name from a folder.
func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	c, e := n.lookup(name)
	if e != 0 {
		return e
	}
	return c.doOperation(Remove, func() { n.remember(entry{op: Remove, node: n, name: name}) })
}

// Rmdir takes an empty folder's name from a folder.
func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	c, e := n.lookup(name)
	switch {
	case e != 0:
		return e
	case len(c.Children()) > 0:
		return syscall.ENOTEMPTY
	}
	return n.Unlink(ctx, name)
}

// Rename gives a file another name, in place of what has that.
func (n *node) Rename(ctx context.Context, name string, to fs.InodeEmbedder, newName string,
	flags uint32) syscall.Errno {
	c, e := n.lookup(name)
	if e == 0 && flags != 0 {
		e = syscall.EINVAL
	}
	if e != 0 {
		return e
	}
	return c.doOperation(Remove, func() {
		c.name = newName
		n.remember(entry{op: Remove, node: to.(*node), name: newName, to: c, from: n, was: name})
	})
}

func (n *node) lookup(name string) (*node, syscall.Errno) {
	in := n.GetChild(name)
	if in == nil {
		return nil, syscall.ENOENT
	}
	return in.Operations().(*node), 0
}

// Statfs answers a disk of 1 GiB.
func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	*out = fuse.StatfsOut{Bsize: 4096, Frsize: 4096, Blocks: 1 << 18, Bfree: 1 << 17, Bavail: 1 << 17, NameLen: 255}
	return 0
}

var _ = (interface {
	fs.NodeCreater
	fs.NodeMkdirer
	fs.NodeOpener
	fs.NodeGetattrer
	fs.NodeSetattrer
	fs.NodeReader
	fs.NodeWriter
	fs.NodeFsyncer
	fs.NodeFlusher
	fs.NodeUnlinker
	fs.NodeRmdirer
	fs.NodeRenamer
	fs.NodeStatfser
})((*node)(nil))
