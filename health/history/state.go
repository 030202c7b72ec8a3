package history

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/otelhealth/otelhealth-go/health"
)

// ErrInUse is the error of [Open] when another process, or another [Store], has the file.
var ErrInUse = errors.New("another process keeps its history in this file")

var errClosed = errors.New("the history is closed")

var errCorrupt = errors.New("damaged")

// condition says what an error means.
func condition(err error) health.HistoryCondition {
	var sqliteErr *sqlite.Error
	switch {
	case errors.Is(err, ErrInUse):
		return health.HistoryInUse
	case errors.Is(err, errCorrupt):
		return health.HistoryCorrupt
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return health.HistoryReadOnly
	case errors.Is(err, syscall.ENOSPC):
		return health.HistoryFull
	case !errors.As(err, &sqliteErr):
		return health.HistoryUnavailable
	}
	return codeCondition(sqliteErr.Code())
}

// codeCondition says what a result code of SQLite means.
func codeCondition(code int) health.HistoryCondition {
	if code == sqlite3.SQLITE_IOERR_SHMSIZE {
		return health.HistoryFull // the disk has no room for the file beside the log
	}
	switch code & 0xff { // without the extension
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return health.HistoryLocked
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return health.HistoryReadOnly
	case sqlite3.SQLITE_FULL:
		return health.HistoryFull
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return health.HistoryCorrupt
	}
	return health.HistoryUnavailable
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
