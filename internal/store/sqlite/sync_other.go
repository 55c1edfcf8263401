//go:build !linux

package sqlite

import lib "modernc.org/sqlite/lib"

// setSync leaves flushing to SQLite.
func setSync(*lib.Tsqlite3_io_methods) {}
