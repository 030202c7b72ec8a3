package otelhealth

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// fileHeader returns the first bytes of the SQLite database at path, read through a descriptor that this process has
// open already: the connection that is being probed holds one. It opens and closes nothing at that path, since a close
// would drop SQLite's locks. ok is false when no such descriptor is found or the file is still empty.
func fileHeader(path string) (header string, ok bool) {
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil || file.Size == 0 {
		return "", false
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return "", false
	}
	buffer := make([]byte, len(sqliteMagic))
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || !isFile(fd, &file) {
			continue
		}
		n, err := unix.Pread(fd, buffer, 0)
		// The descriptor may have been closed and given to another file meanwhile: then what was read says nothing.
		if err == nil && n == len(buffer) && isFile(fd, &file) {
			return string(buffer), true
		}
	}
	return "", false
}

// isFile reports whether the descriptor refers to that file and can be read.
func isFile(fd int, file *unix.Stat_t) bool {
	var s unix.Stat_t
	return unix.Fstat(fd, &s) == nil && s.Dev == file.Dev && s.Ino == file.Ino
}
