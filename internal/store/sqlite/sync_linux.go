package sqlite

import (
	"errors"
	"syscall"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// setSync has SQLite flush files with fdatasync, as it does where it is built by its own scripts: it needs no more. The
// Go library was built without, and fsync also flushes the time of the last change, which on a file system with a
// journal is a second flush.
func setSync(m *lib.Tsqlite3_io_methods) { m.FxSync = address(syncPaged) }

func syncPaged(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := at[lib.TunixFile](file)
	if f.FctrlFlags&lib.UNIXFILE_DIRSYNC != 0 { // its folder too, once
		return function[syncFunc](paged(file).real.FxSync)(tls, file, flags)
	}
	if flush(int(f.Fh)) != nil { // a second attempt could succeed without the data
		return lib.SQLITE_IOERR_FSYNC
	}
	return lib.SQLITE_OK
}

type syncFunc = func(tls *libc.TLS, file uintptr, flags int32) int32

func flush(fd int) error {
	for {
		if err := syscall.Fdatasync(fd); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
