package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// How long a statement waits for a lock, and how many connections read.
const (
	busyTimeout = time.Second
	readers     = 4
)

// database is one open file: a connection that writes, a few that read, and what the recorder knows of the contents.
type database struct {
	path     string
	maxBytes int64 // of the file

	write *sqlx.DB // of one connection
	read  *sqlx.DB
	files map[string]os.FileInfo // the file and its log, as they were opened

	lock *flock.Flock // beside the file

	newestSample *sqlx.Stmt
	someSamples  *sqlx.Stmt
	openAlerts   *sqlx.Stmt
	layouts      layoutCache

	// What follows is the recorder's own; nil: to be read from the file again.
	insertSample *sqlx.Stmt
	upsertAlert  *sqlx.NamedStmt
	refreshAlert *sqlx.NamedStmt

	catalog *catalog
	rollups *rollups
}

// openDatabase opens the file and brings it up to date. It is created where it is missing.
func openDatabase(ctx context.Context, path string, maxBytes int64) (*database, error) {
	d := &database{path: path, maxBytes: maxBytes}
	err := d.open(ctx)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *database) open(ctx context.Context) (err error) {
	if d.lock, err = lockBeside(d.path); err != nil {
		return err
	}
	if d.write, err = connect(dsn(d.path, writeParameters(d.maxBytes)), 1); err != nil {
		return err
	}
	if err := checkPragmas(ctx, d.write); err != nil {
		return err
	}
	if err := migrate(ctx, d.write); err != nil {
		return err
	}
	if d.read, err = connect(dsn(d.path, readParameters()), readers); err != nil {
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	return d.identify()
}

// writeParameters are the parameters of the connection that writes. Those with an underscore the driver turns into pragmas.
func writeParameters(maxBytes int64) url.Values {
	return url.Values{
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"NORMAL"}, // FULL for alerts: see durably
		"_foreign_keys": {"on"},
		"_txlock":       {"immediate"},
		"_error_rc":     {"1"},
		"_dqs":          {"0"},
		"_pragma": {
			fmt.Sprintf("page_size(%d)", pageSize), // before anything that makes the file
			fmt.Sprintf("max_page_count(%d)", pagesForSamples(maxBytes)),
			"journal_size_limit(4194304)",
		},
	}
}

const pageSize = 8192

// readParameters are the parameters of the connections that read.
func readParameters() url.Values {
	return url.Values{
		"mode":          {"ro"},
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
		"_query_only":   {"on"},
		"_error_rc":     {"1"},
		"_dqs":          {"0"},
	}
}

// dsn returns the path, which is absolute, as a URI, so that no character of it is taken for a parameter.
func dsn(path string, parameters url.Values) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: parameters.Encode()}
	return u.String()
}

func connect(dsn string, connections int) (*sqlx.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "sqlite")
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// checkPragmas makes sure that the pragmas took: SQLite answers some that it cannot follow with silence.
func checkPragmas(ctx context.Context, db *sqlx.DB) error {
	for _, p := range []struct{ name, want string }{
		{"journal_mode", "wal"}, {"synchronous", "1"}, {"foreign_keys", "1"},
		{"busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
	} {
		var got string
		if err := db.GetContext(ctx, &got, "PRAGMA "+p.name); err != nil {
			return fmt.Errorf("open the database: %w", err)
		}
		if got != p.want {
			return fmt.Errorf("open the database: PRAGMA %s: got %s, want %s", p.name, got, p.want)
		}
	}
	return nil
}

// identify notes which files were opened.
func (d *database) identify() error {
	d.files = make(map[string]os.FileInfo)
	for _, path := range []string{d.path, d.path + "-wal", d.lock.Path()} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("open the database: %w", err)
		}
		d.files[path] = info
	}
	return nil
}

// moved reports whether the files are no longer those that were opened: in WAL mode SQLite writes on into a deleted
// file without a word. Nothing here opens the file itself, which would make the process lose its locks on it.
func (d *database) moved() bool {
	for path, opened := range d.files {
		if info, err := os.Stat(path); err != nil || !os.SameFile(info, opened) {
			return true
		}
	}
	return false
}

// size returns the bytes of the file and its log.
func (d *database) size() int64 {
	var size int64
	for _, path := range []string{d.path, d.path + "-wal"} {
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
	}
	return size
}

// forget makes the recorder read the file's contents again: a transaction failed, and memory may be ahead of the file.
func (d *database) forget() { d.catalog, d.rollups = nil, nil }

// prepare makes the statements that are used again and again.
func (d *database) prepare(ctx context.Context) (err error) {
	statement := func(db *sqlx.DB, into **sqlx.Stmt, text string) {
		if err == nil {
			*into, err = db.PreparexContext(ctx, text) //nolint:sqlclosecheck // closed with the database
		}
	}
	statement(d.write, &d.insertSample, insert("INSERT OR IGNORE", "samples", sampleColumns()))
	statement(d.read, &d.newestSample, selectSamples+" WHERE time = ("+newestTime+")")
	statement(d.read, &d.someSamples, selectSamples+" WHERE time >= ? AND time < ? ORDER BY time LIMIT ?")
	statement(d.read, &d.openAlerts, "SELECT "+alertColumns()+" FROM alerts WHERE state <> 'resolved' ORDER BY id DESC")
	if err == nil {
		d.upsertAlert, err = d.write.PrepareNamedContext(ctx, upsertAlert())
	}
	if err == nil {
		d.refreshAlert, err = d.write.PrepareNamedContext(ctx, refreshAlert())
	}
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	return nil
}

// close closes the connections; SQLite folds the log into the file when the last one goes.
func (d *database) close() error {
	var errs []error
	for _, db := range []*sqlx.DB{d.read, d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}
