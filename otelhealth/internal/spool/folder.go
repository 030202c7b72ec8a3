package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	suffix    = ".otlp"
	temporary = "writing.tmp" // the record that is being written; there is one at a time
)

func fileName(number uint64) string { return fmt.Sprintf("%016x%s", number, suffix) }

// fileNumber returns the number that fileName made a name of.
func fileNumber(name string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && name == fileName(number)
}

// makeFolder makes the folders that are missing. The last one is for its owner alone.
func makeFolder(dir string) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolder(parent)
}

// writeRecord puts the record into the folder at once and whole, and returns when it is on the disk. What it leaves after
// an error is written over by the next one.
func writeRecord(dir, name string, record []byte) error {
	path := filepath.Join(dir, temporary)
	if err := writeFile(path, record); err != nil {
		return err
	}
	if err := os.Rename(path, filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := syncFolder(dir); err != nil {
		return errors.Join(err, os.Remove(filepath.Join(dir, name))) // or it would count as lost, and yet be sent
	}
	return nil
}

// writeFile returns when the content is on the disk.
func writeFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path)) // on a full disk the room is somebody else's
	}
	return nil
}

// probe writes so many bytes into the folder as a record is written, and removes them.
func probe(dir string, size int64) error {
	path := filepath.Join(dir, temporary)
	if err := writeFile(path, make([]byte, size)); err != nil {
		return err
	}
	return os.Remove(path)
}

// listing is what was found in a folder.
type listing struct {
	entries []entry // oldest first
	last    uint64  // the highest number that a name has, also one of no record
	damaged int64   // records that were removed
}

// list finds the folder's records. It removes those that are damaged, as far as it can be seen without reading them. One
// whose header cannot be read is of now. What only bears a record's name is left alone.
func list(dir string, now time.Time) (l listing, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return listing{}, err
	}
	for _, f := range files {
		number, ok := fileNumber(f.Name())
		if !ok {
			continue
		}
		l.last = max(l.last, number)
		if !f.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, f.Name())
		at, size, err := readHeader(path)
		switch {
		case errors.Is(err, errDamaged):
			l.damaged++
			_ = os.Remove(path) // one that stays is found again
			continue
		case err != nil:
			at, size = now, sizeOf(f)
		}
		l.entries = append(l.entries, newEntry(number, size, at, now))
	}
	slices.SortFunc(l.entries, func(a, b entry) int { return cmp.Compare(a.number, b.number) })
	return l, nil
}

// sizeOf returns what the folder says; 0 when the file is gone by now.
func sizeOf(f fs.DirEntry) int64 {
	info, err := f.Info()
	if err != nil {
		return 0
	}
	return info.Size()
}

// removeRecord removes the file, where there is one. A folder in its place is left alone.
func removeRecord(path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func readHeader(path string) (at time.Time, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return time.Time{}, 0, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, 0, err
	}
	header := make([]byte, headerSize)
	n, err := io.ReadFull(f, header)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return time.Time{}, 0, err
	}
	at, err = decodeHeader(header[:n], info.Size())
	return at, info.Size(), err
}
