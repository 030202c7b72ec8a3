package history

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Condition says how a database is.
type Condition string

// The conditions. In all but OK what is recorded waits in the queue, and is written once the database is well again.
const (
	OK          Condition = "ok"
	Locked      Condition = "locked"      // by another connection
	ReadOnly    Condition = "read_only"   // the file, its folder or the file system
	Full        Condition = "full"        // the disk, or what the history may take
	Corrupt     Condition = "corrupt"     // and not to be set aside
	InUse       Condition = "in_use"      // by another process, which holds the lock beside the file
	Unavailable Condition = "unavailable" // cannot be opened, or fails in another way
	Closed      Condition = "closed"      // by [Store.Close]
)

// State is how a [Store] is doing.
type State struct {
	Condition Condition
	Since     time.Time // since when; wall time, UTC
	Error     string    // what the database said last; empty while Condition is OK. It may name the file: for who is authorised
	Queued    int       // samples and transitions that are not written yet
	Dropped   int64     // samples and transitions given up because the queue was full, or the database refused them
	Refused   int       // readings of the last sample for which the dictionary of series had no place
	SizeBytes int64     // of the database file and its write-ahead log
	SetAside  string    // where the last corrupt file is kept; empty: there was none
}

// ErrInUse is the error of [Open] when another process, or another [Store], has the file.
var ErrInUse = errors.New("another process keeps its history in this file")

// ErrUnavailable is wrapped by the error of every query while the database cannot be read.
var ErrUnavailable = errors.New("the history is not available")

var errClosed = errors.New("the history is closed")

var errCorrupt = errors.New("damaged")

// condition says what an error means.
func condition(err error) Condition {
	var sqliteErr *sqlite.Error
	switch {
	case errors.Is(err, ErrInUse):
		return InUse
	case errors.Is(err, errCorrupt):
		return Corrupt
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return ReadOnly
	case errors.Is(err, syscall.ENOSPC):
		return Full
	case !errors.As(err, &sqliteErr):
		return Unavailable
	}
	switch sqliteErr.Code() & 0xff { // without the extension
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return Locked
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return ReadOnly
	case sqlite3.SQLITE_FULL:
		return Full
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return Corrupt
	}
	return Unavailable
}

// isRefused reports whether the database is well and refuses what is to be written: trying again would not help.
func isRefused(err error) bool {
	var sqliteErr *sqlite.Error
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &sqliteErr):
		switch sqliteErr.Code() & 0xff {
		case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_ERROR:
			return true
		}
		return false
	case errors.As(err, &pathErr), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return !errors.Is(err, sql.ErrConnDone) && !errors.Is(err, driver.ErrBadConn)
}
