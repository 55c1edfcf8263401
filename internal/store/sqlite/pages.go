package sqlite

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// SQLite trusts what it reads. So that a page which the disk gives back other than it was written never
// becomes an answer, every page of a database of ours ends with a checksum, in bytes that SQLite sets
// aside for such things (header byte 20). It is written and checked between SQLite and the operating
// system, in a VFS that is the system's own but for reading and writing; SQLite's own shim for this
// (cksumvfs) is not part of the Go library. A page that is wrong is SQLITE_IOERR_DATA.
//
// A page in the log has no such checksum, for the log's own is computed earlier and covers those bytes;
// but SQLite checks that only when it recovers. Here each page is compared with what this process wrote
// there or read at recovery.
//
// Whatever else writes to the database must do it through this VFS too, so it is the process's default.

const (
	trailer = 8 // bytes at the end of a page: the checksum, then trailerMark
	mark    = "LNY1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes the checksum of a page into it. It covers where the page belongs: one that was written to
// another place is wrong there.
func seal(page []byte, number uint32) {
	body := len(page) - trailer
	binary.BigEndian.PutUint32(page[body:], pageSum(page[:body], number))
	copy(page[body+4:], mark)
}

// whole tells whether a page is as it was sealed.
func whole(page []byte, number uint32) bool {
	body := len(page) - trailer
	return binary.BigEndian.Uint32(page[body:]) == pageSum(page[:body], number) && string(page[body+4:]) == mark
}

func pageSum(body []byte, number uint32) uint32 {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], number)
	return crc32.Update(crc32.Checksum(n[:], castagnoli), castagnoli, body)
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
	seal(page, 1)
	return page
}

// pagedFile is an open file of SQLite's: a database or its log.
type pagedFile struct {
	real *lib.Tsqlite3_io_methods // of the system's VFS
	log  *logSums                 // nil for a database
	size int                      // of a page, 0 when it is not known yet
	sums bool                     // that pages have checksums
	late []int64                  // where pages were written before that was known
}

var (
	realVFS   *lib.Tsqlite3_vfs
	files     sync.Map // of *pagedFile, by the address of SQLite's file
	methods   sync.Map // ours, by the address of the system's: uintptr to uintptr
	logsMu    sync.Mutex
	logs      = map[string]*logSums{} // by path; they are few, and live as long as the process
	vfsFailed int32                   // what registering answered
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
	f := &pagedFile{real: at[lib.Tsqlite3_io_methods](base.FpMethods)}
	if flags&lib.SQLITE_OPEN_WAL != 0 {
		f.log = logOf(libc.GoString(name))
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
		ours, _ = methods.LoadOrStore(base.FpMethods, p) // one more than needed is no harm
	}
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
	if f.log != nil {
		if !f.log.right(data, off) {
			return lib.SQLITE_IOERR_DATA
		}
		return result
	}
	f.header(data, off)
	if f.page(int(n), off) && !whole(data, f.number(off)) {
		return lib.SQLITE_IOERR_DATA
	}
	return result
}

func writePaged(tls *libc.TLS, file, buffer uintptr, n int32, off lib.Tsqlite3_int64) int32 {
	f := paged(file)
	data := memory(buffer, int(n))
	if f.log != nil {
		f.log.written(data, off)
	} else {
		f.header(data, off)
		if f.page(int(n), off) {
			seal(data, f.number(off)) // the bytes are nobody else's
		} else if f.size == 0 && off > 0 {
			f.late = append(f.late, off)
		}
		if off == 0 && len(f.late) > 0 {
			if result := f.sealLate(tls, file); result != lib.SQLITE_OK {
				return result
			}
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

// page tells whether n bytes there are a page that has a checksum.
func (f *pagedFile) page(n int, off int64) bool {
	return f.log == nil && f.sums && n == f.size && off%int64(n) == 0
}

func (f *pagedFile) number(off int64) uint32 { return uint32(off/int64(f.size)) + 1 }

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
		seal(memory(buffer, f.size), f.number(off))
		if result := function[transferFunc](f.real.FxWrite)(tls, file, buffer, int32(f.size), off); result != lib.SQLITE_OK {
			return result
		}
	}
	return lib.SQLITE_OK
}

const (
	logHeader   = 32 // bytes at the beginning of a log
	frameHeader = 24 // bytes before each page in it
)

// logSums are the checksums of the pages in a log, by their place.
type logSums struct {
	mu   sync.RWMutex
	sums map[int64]uint32
}

func logOf(path string) *logSums {
	logsMu.Lock()
	defer logsMu.Unlock()
	l := logs[path]
	if l == nil {
		l = &logSums{sums: map[int64]uint32{}}
		logs[path] = l
	}
	return l
}

// inFrame tells whether n bytes there are a page in a frame, or a frame, and where its page is.
func inFrame(n int, off int64) (page int64, skip int, ok bool) {
	for _, skip := range []int{0, frameHeader} {
		size := n - skip
		if size >= 512 && size&(size-1) == 0 && off >= logHeader {
			page = off + int64(skip)
			return page, skip, (page-logHeader-frameHeader)%int64(size+frameHeader) == 0
		}
	}
	return 0, 0, false
}

func (l *logSums) written(data []byte, off int64) {
	page, skip, ok := inFrame(len(data), off)
	if !ok {
		return
	}
	sum := crc32.Checksum(data[skip:], castagnoli)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sums[page] = sum
}

// right tells whether a page is what was written to the log. A whole frame is read at recovery, when
// SQLite checks it; and what it reads then is what is there.
func (l *logSums) right(data []byte, off int64) bool {
	page, skip, ok := inFrame(len(data), off)
	switch {
	case !ok:
		return true
	case skip > 0:
		l.written(data, off)
		return true
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	sum, known := l.sums[page]
	return !known || sum == crc32.Checksum(data, castagnoli)
}
