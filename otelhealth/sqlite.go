package otelhealth

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// sqliteDB is what the probe of a SQLite database needs beside [DB].
type sqliteDB interface {
	DB
	Driver() driver.Driver
	Conn(ctx context.Context) (*sql.Conn, error)
}

// newSQLiteProbe returns a probe for db if its driver is one for SQLite, told by the name of the driver's type.
//
// On a pool that is open already a ping says nothing: it passes although the file was overwritten or deleted, and so does
// a fresh connection as long as the header still lies in the write-ahead log. A fresh connection also takes a lock for a
// moment, at which commits of the application fail. So the probe reads the file's first bytes itself, without a lock and
// past SQLite: see fileHeader. A database that is encrypted as a whole needs a probe of its own.
func newSQLiteProbe(db DB) (probe func(context.Context) error, ok bool) {
	s, ok := db.(sqliteDB)
	if !ok || !strings.Contains(strings.ToLower(reflect.TypeOf(s.Driver()).String()), "sqlite") {
		return nil, false
	}
	had := false // whether the file has been seen with a header: then an empty one is not a new one
	return func(ctx context.Context) (err error) {
		connection, err := s.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, connection.Close()) }()
		if err := connection.PingContext(ctx); err != nil {
			return err
		}
		var number int
		var schema, path string
		if err := connection.QueryRowContext(ctx, "PRAGMA database_list").Scan(&number, &schema, &path); err != nil {
			return fmt.Errorf("find the database's file: %w", err)
		}
		if path == "" {
			return nil // in memory, or temporary: the ping is all there is
		}
		header, err := fileHeader(path) // while the connection holds the file open
		switch {
		case err != nil:
			return err
		case header == "" && had:
			return errors.New("the file was emptied")
		case header == "":
			return nil // a database without any table yet
		case header != sqliteMagic:
			return fmt.Errorf("the file's header is damaged: it begins with %q", header)
		}
		had = true
		return nil
	}, true
}

// sqliteMagic begins every SQLite database: https://sqlite.org/fileformat.html, section 1.3.1.
const sqliteMagic = "SQLite format 3\x00"
