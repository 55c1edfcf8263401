package sqlite

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// SQLite trusts what it reads. So that a page which the disk returns other than it was written never becomes an
// answer, every page of a database of ours ends with a checksum, in bytes that SQLite sets aside for such things
// (header byte 20). Both are SQLite's own format, that of its extension cksumvfs, so that other programs can check
// and write it. The extension itself is not part of the Go library. The checksum is written and checked between
// SQLite and the operating system, in a VFS that is the system's own but for reading and writing. A page that is
// wrong is SQLITE_IOERR_DATA.
//
// Two things the format does not have are kept in memory, while a process has a database open for writing (seen.go):
// that a page belongs in its place and is the newest, and the checksums of pages in the log, where SQLite checks
// its own only when it recovers.
//
// Whatever else writes to the database must write the checksums too, so this VFS is the process's default.

const trailer = 8 // bytes at the end of a page: its checksum

// seal writes the checksum of a page into it.
func seal(page []byte) {
	body := len(page) - trailer
	binary.LittleEndian.PutUint64(page[body:], pageSum(page[:body]))
}

// isSealed reports whether a page is as it was sealed. The checksum of zeros is zero; but a page of zeros is none
// that we write, and often one that the disk lost.
func isSealed(page []byte) bool {
	body := len(page) - trailer
	sum := binary.LittleEndian.Uint64(page[body:])
	return sum == pageSum(page[:body]) && (sum != 0 || !isZero(page))
}

// pageSum is cksumvfs's checksum of all of a page but its end: two running sums of 32 bits, the first in the lower
// half. It notices any change of a single word, and others but for one in 2⁶⁴.
func pageSum(body []byte) uint64 {
	var s1, s2 uint32
	for ; len(body) >= 8; body = body[8:] {
		word := binary.LittleEndian.Uint64(body)
		s1 += uint32(word) + s2
		s2 += uint32(word>>32) + s1
	}
	return uint64(s2)<<32 | uint64(s1)
}

func isZero(b []byte) bool {
	return len(b) > 0 && b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}

// emptyDatabase is one without tables, in WAL mode, whose pages have checksums.
func emptyDatabase() []byte {
	const size = 4096
	page := make([]byte, size)
	copy(page, "SQLite format 3\x00")
	binary.BigEndian.PutUint16(page[16:], size)
	page[18], page[19] = 2, 2 // WAL
	page[20] = trailer
	page[21], page[22], page[23] = 64, 32, 32
	binary.BigEndian.PutUint32(page[28:], 1) // pages
	page[100] = 0x0d                         // a leaf of a table, without cells
	binary.BigEndian.PutUint16(page[105:], size-trailer)
	seal(page)
	return page
}

// pagedFile is an open file of SQLite's: a database or its log.
type pagedFile struct {
	real   *lib.Tsqlite3_io_methods // of the system's VFS
	path   string
	seen   *seen
	writes bool    // that it is a database that is open for writing
	log    bool    // that it is a log
	size   int     // of a page, 0 when it is not known yet
	sums   bool    // that pages have checksums
	late   []int64 // where pages were written before that was known
}

var (
	realVFS   *lib.Tsqlite3_vfs
	files     sync.Map // of *pagedFile, by the address of SQLite's file
	methods   sync.Map // ours, by the address of the system's: uintptr to uintptr
	vfsFailed int32    // what registering answered
)

func init() {
	tls := libc.NewTLS()
	defer tls.Close()
	found := lib.Xsqlite3_vfs_find(tls, 0)
	if found == 0 {
		vfsFailed = lib.SQLITE_ERROR
		return
	}
	realVFS = at[lib.Tsqlite3_vfs](found)
	ours := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*realVFS)))
	name, err := libc.CString("lanyard")
	if ours == 0 || err != nil {
		vfsFailed = lib.SQLITE_NOMEM
		return
	}
	v := at[lib.Tsqlite3_vfs](ours)
	*v = *realVFS
	v.FpNext, v.FzName, v.FxOpen = 0, name, address(openPaged)
	vfsFailed = lib.Xsqlite3_vfs_register(tls, ours, 1)
}

// at is what is at an address of SQLite's memory, which Go does not move.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// memory is n bytes of SQLite's memory.
func memory(p uintptr, n int) []byte { return unsafe.Slice(at[byte](p), n) }

// address is a function's, as SQLite calls it.
func address[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// function is the function at an address, as SQLite would call it.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ p uintptr }{p})) }

type (
	openFunc     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	fileFunc     = func(tls *libc.TLS, file uintptr) int32
	transferFunc = func(tls *libc.TLS, file, buffer uintptr, n int32, off lib.Tsqlite3_int64) int32
)

func openPaged(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	result := function[openFunc](realVFS.FxOpen)(tls, address(realVFS), name, file, flags, outFlags)
	if result != lib.SQLITE_OK || flags&(lib.SQLITE_OPEN_MAIN_DB|lib.SQLITE_OPEN_WAL) == 0 {
		return result
	}
	base := at[lib.Tsqlite3_file](file)
	f := &pagedFile{real: at[lib.Tsqlite3_io_methods](base.FpMethods), path: libc.GoString(name),
		log: flags&lib.SQLITE_OPEN_WAL != 0}
	if f.log {
		f.path = strings.TrimSuffix(f.path, "-wal")
	} else {
		f.writes = flags&lib.SQLITE_OPEN_READWRITE != 0
	}
	ours, ok := methods.Load(base.FpMethods)
	if !ok {
		p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*f.real)))
		if p == 0 {
			function[fileFunc](f.real.FxClose)(tls, file)
			base.FpMethods = 0
			return lib.SQLITE_NOMEM
		}
		m := at[lib.Tsqlite3_io_methods](p)
		*m = *f.real
		m.FiVersion = min(m.FiVersion, 2) // no pages mapped into memory, which nobody would check
		m.FxClose, m.FxRead, m.FxWrite = address(closePaged), address(readPaged), address(writePaged)
		m.FxDeviceCharacteristics = address(pagedCharacteristics)
		setSync(m)
		ours, _ = methods.LoadOrStore(base.FpMethods, p) // one more than needed is no harm
	}
	f.seen = joinSeen(f.path, f.writes)
	files.Store(file, f)
	base.FpMethods = ours.(uintptr)
	return result
}

func paged(file uintptr) *pagedFile {
	f, _ := files.Load(file)
	return f.(*pagedFile)
}

func closePaged(tls *libc.TLS, file uintptr) int32 {
	f := paged(file)
	files.Delete(file)
	f.seen.leave(f.path, f.writes)
	return function[fileFunc](f.real.FxClose)(tls, file)
}

// pagedCharacteristics has SQLite read whole pages only.
func pagedCharacteristics(tls *libc.TLS, file uintptr) int32 {
	return function[fileFunc](paged(file).real.FxDeviceCharacteristics)(tls, file) &^ lib.SQLITE_IOCAP_SUBPAGE_READ
}

func readPaged(tls *libc.TLS, file, buffer uintptr, n int32, off lib.Tsqlite3_int64) int32 {
	f := paged(file)
	result := function[transferFunc](f.real.FxRead)(tls, file, buffer, n, off)
	if result != lib.SQLITE_OK {
		if result == lib.SQLITE_IOERR_SHORT_READ && f.page(int(n), off) && off > 0 {
			return lib.SQLITE_IOERR_DATA // SQLite would go on with zeros
		}
		if result == lib.SQLITE_IOERR_CORRUPTFS {
			// The system cannot read it, now. SQLite would call that a corrupted database, which stays one.
			return lib.SQLITE_IOERR_READ
		}
		return result
	}
	data := memory(buffer, int(n))
	if f.log {
		if !f.seen.isLogged(data, off) {
			return lib.SQLITE_IOERR_DATA
		}
		return result
	}
	f.header(data, off)
	if f.page(int(n), off) && (!isSealed(data) || !f.seen.isNewest(data, off/int64(n))) {
		return lib.SQLITE_IOERR_DATA
	}
	return result
}

func writePaged(tls *libc.TLS, file, buffer uintptr, n int32, off lib.Tsqlite3_int64) int32 {
	f := paged(file)
	data := memory(buffer, int(n))
	if f.log {
		f.seen.writeLog(data, off)
		return function[transferFunc](f.real.FxWrite)(tls, file, buffer, n, off)
	}
	f.header(data, off)
	if f.page(int(n), off) {
		seal(data) // the bytes are nobody else's
		f.seen.write(data, off/int64(n))
	} else if f.size == 0 && off > 0 {
		f.late = append(f.late, off)
	}
	if off == 0 && len(f.late) > 0 {
		if result := f.sealLate(tls, file); result != lib.SQLITE_OK {
			return result
		}
	}
	return function[transferFunc](f.real.FxWrite)(tls, file, buffer, n, off)
}

// header learns from the header of a database what its pages are like.
func (f *pagedFile) header(data []byte, off int64) {
	if off != 0 || len(data) < 100 || string(data[:16]) != "SQLite format 3\x00" {
		return
	}
	f.size, f.sums = pageSize(data), data[20] == trailer
}

func pageSize(header []byte) int {
	if size := int(binary.BigEndian.Uint16(header[16:])); size != 1 {
		return size
	}
	return 65536
}

// page reports whether n bytes there are a page that has a checksum.
func (f *pagedFile) page(n int, off int64) bool {
	return !f.log && f.sums && n == f.size && off%int64(n) == 0
}

// sealLate seals the pages of a new database that were written before its header.
func (f *pagedFile) sealLate(tls *libc.TLS, file uintptr) int32 {
	late := f.late
	f.late = nil
	if !f.sums {
		return lib.SQLITE_OK
	}
	buffer := libc.Xmalloc(tls, libc.Tsize_t(f.size))
	if buffer == 0 {
		return lib.SQLITE_NOMEM
	}
	defer libc.Xfree(tls, buffer)
	for _, off := range late {
		if result := function[transferFunc](f.real.FxRead)(tls, file, buffer, int32(f.size), off); result != lib.SQLITE_OK {
			return result
		}
		seal(memory(buffer, f.size))
		f.seen.write(memory(buffer, f.size), off/int64(f.size))
		if result := function[transferFunc](f.real.FxWrite)(tls, file, buffer, int32(f.size), off); result != lib.SQLITE_OK {
			return result
		}
	}
	return lib.SQLITE_OK
}
