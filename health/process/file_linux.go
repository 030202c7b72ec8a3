package process

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// maxText bounds how much of one kernel file is read.
const maxText = 1 << 20

// file is a kernel file held open, so that reading it needs no descriptor. A nil file is one this machine does not
// have: what would come from it is left out.
type file struct {
	path string
	fd   int
	err  error // why it could not be opened, though it exists
}

// openFile returns nil when path does not exist. Other failures stay with the file, and each read reports them.
func openFile(path string) *file {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return nil
	case err != nil:
		return &file{path: path, fd: -1, err: fmt.Errorf("open %s: %w", path, err)}
	}
	return &file{path: path, fd: fd}
}

// read returns the file's present text, read into *buf, which grows when it is too small. The text is valid until buf
// is used again.
func (f *file) read(buf *[]byte) text {
	if f == nil {
		return text{}
	}
	if f.err != nil {
		return text{path: f.path, err: f.err}
	}
	for {
		n, err := pread(f.fd, *buf)
		if err != nil {
			return text{path: f.path, err: fmt.Errorf("read %s: %w", f.path, err)}
		}
		if n < len(*buf) || n >= maxText {
			return text{path: f.path, data: (*buf)[:n]}
		}
		*buf = make([]byte, 2*len(*buf))
	}
}

// stat returns the file's attributes.
func (f *file) stat() (unix.Stat_t, error) {
	var st unix.Stat_t
	if f.err != nil {
		return st, f.err
	}
	if err := unix.Fstat(f.fd, &st); err != nil {
		return st, fmt.Errorf("stat %s: %w", f.path, err)
	}
	return st, nil
}

// pread reads from the file's beginning. Files that a FUSE file system serves, as lxcfs does /proc/meminfo, can be
// interrupted.
func pread(fd int, buf []byte) (int, error) {
	for {
		n, err := unix.Pread(fd, buf, 0)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func (f *file) close() error {
	if f == nil || f.fd < 0 {
		return nil
	}
	if err := unix.Close(f.fd); err != nil {
		return fmt.Errorf("close %s: %w", f.path, err)
	}
	return nil
}
