//go:build unix

package otelhealth

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// descriptors lists this process's open descriptors, on Linux as a link to /proc/self/fd.
const descriptors = "/dev/fd"

// fileHeader returns the first bytes of the SQLite database at path, "" when the file is empty. It reads through a
// descriptor that this process has open already, that of the pool's connection: to open and close the file past SQLite
// would drop every lock that SQLite holds on it in this process (https://sqlite.org/howtocorrupt.html, section 2.2).
func fileHeader(path string) (string, error) {
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return "", fmt.Errorf("look at the file: %w", err)
	}
	if file.Size == 0 {
		return "", nil
	}
	entries, err := os.ReadDir(descriptors)
	if err != nil {
		return "", fmt.Errorf("list the open descriptors: %w", err)
	}
	buffer := make([]byte, len(sqliteMagic))
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || !isFile(fd, &file) {
			continue
		}
		n, err := unix.Pread(fd, buffer, 0)
		// The descriptor may have been closed and given to another file meanwhile: then what was read says nothing.
		if err == nil && isFile(fd, &file) {
			return string(buffer[:n]), nil
		}
	}
	return "", errors.New("the file at the database's path is not the one that the pool has open: it was replaced")
}

// isFile reports whether the descriptor refers to that file.
func isFile(fd int, file *unix.Stat_t) bool {
	var s unix.Stat_t
	return unix.Fstat(fd, &s) == nil && s.Dev == file.Dev && s.Ino == file.Ino
}
