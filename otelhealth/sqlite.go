package otelhealth

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// sqliteDB is what the probe of a SQLite database needs beside [DB].
type sqliteDB interface {
	DB
	Driver() driver.Driver
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// newSQLiteProbe returns a probe for db if its driver is one for SQLite, told by the driver's type.
//
// On a pool that is open already a ping says nothing: it passes although the file was overwritten or deleted. So the
// probe opens a connection of its own, read-only and through the same driver, and lets it read the file's header; and
// since a header that lies in the write-ahead log hides a broken one in the file, it also looks at the file's first
// bytes (see fileHeader). It never opens the file past SQLite: closing such a descriptor would drop the locks that
// SQLite holds on the file for the whole process (https://sqlite.org/howtocorrupt.html, section 2.2).
func newSQLiteProbe(db DB) (probe func(context.Context) error, ok bool) {
	s, ok := db.(sqliteDB)
	if !ok || !strings.Contains(strings.ToLower(reflect.TypeOf(s.Driver()).String()), "sqlite") {
		return nil, false
	}
	had := false // whether the file has been seen with a header: then an empty one is not a new one
	return func(ctx context.Context) error {
		if err := s.PingContext(ctx); err != nil {
			return err
		}
		var number int
		var schema, path string
		if err := s.QueryRowContext(ctx, "PRAGMA database_list").Scan(&number, &schema, &path); err != nil {
			return fmt.Errorf("find the database's file: %w", err)
		}
		if path == "" {
			return nil // in memory, or temporary: the ping is all there is
		}
		empty, err := probeFile(ctx, s.Driver(), path)
		if err == nil && empty && had {
			err = errors.New("the file was emptied")
		}
		had = had || err == nil && !empty
		return err
	}, true
}

// fileURL names the database at path for a connection that only reads; SQLite decodes what is escaped.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro", OmitHost: true}
	return u.String()
}

// probeFile reads the header of the database at path on a connection of its own, and reports whether the file is empty,
// as that of a database without any table may be.
func probeFile(ctx context.Context, d driver.Driver, path string) (empty bool, err error) {
	connection, err := d.Open(fileURL(path))
	if err != nil {
		return false, fmt.Errorf("open a connection: %w", err)
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	queryer, ok := connection.(driver.QueryerContext)
	if !ok {
		return false, nil // opening it has read the header with drivers that are that old
	}
	rows, err := queryer.QueryContext(ctx, "PRAGMA schema_version", nil)
	if err != nil {
		return false, fmt.Errorf("read the header: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if err := rows.Next(make([]driver.Value, len(rows.Columns()))); err != nil {
		return false, fmt.Errorf("read the header: %w", err)
	}
	header, ok := fileHeader(path)
	if ok && header != sqliteMagic {
		return false, fmt.Errorf("the file's header is damaged: it begins with %q", header)
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("look at the file: %w", err)
	}
	return info.Size() == 0, nil
}

// sqliteMagic begins every SQLite database: https://sqlite.org/fileformat.html, section 1.3.1.
const sqliteMagic = "SQLite format 3\x00"
