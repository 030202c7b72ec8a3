package process

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/shirou/gopsutil/v3/common"
	gopsutil "github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/unix"
)

func (s *system) readFDs(c *Core) error {
	if s.fds == nil {
		return nil
	}
	n, err := s.countFDs()
	if err != nil {
		c.FDs = failed[uint64](err)
		return err
	}
	c.FDs = Some(n)
	return nil
}

// countFDs asks in the order of cost, and needs a free descriptor only for the last.
func (s *system) countFDs() (uint64, error) {
	n, err := s.fdsBySize()
	if n > 0 && err == nil {
		return n, nil
	}
	if n, err = s.fdsByEntries(); err == nil {
		return n, nil
	}
	if n, otherErr := fdsByGopsutil(); otherErr == nil {
		return n, nil
	}
	return 0, err
}

// fdsBySize returns the size of /proc/self/fd: the number of open descriptors from kernel 6.2, and 0 before.
func (s *system) fdsBySize() (uint64, error) {
	st, err := s.fds.stat()
	return uint64(st.Size), err
}

// fdsByEntries counts the entries of /proc/self/fd through the descriptor that is already open.
func (s *system) fdsByEntries() (uint64, error) {
	var n uint64
	err := s.fds.eachNumber(s.buf, func(uint64) error { n++; return nil })
	return n, err
}

// fdsByGopsutil lists /proc/self/fd anew, which counts the descriptor it does so with. HOST_PROC would lead it to
// another process.
func fdsByGopsutil() (uint64, error) {
	ctx := context.WithValue(context.Background(), common.EnvKey, common.EnvMap{common.HostProcEnvKey: "/proc"})
	p := gopsutil.Process{Pid: int32(os.Getpid())}
	n, err := p.NumFDsWithContext(ctx)
	if err != nil {
		return 0, fmt.Errorf("count descriptors: %w", err)
	}
	return uint64(n) - 1, nil
}

// eachNumber calls visit with each entry of a directory that is named by a number, until visit fails. It reads the entries
// into buf.
func (f *file) eachNumber(buf []byte, visit func(uint64) error) error {
	if f.err != nil {
		return f.err
	}
	if _, err := unix.Seek(f.fd, 0, unix.SEEK_SET); err != nil {
		return fmt.Errorf("rewind %s: %w", f.path, err)
	}
	for {
		n, err := unix.Getdents(f.fd, buf)
		if err != nil {
			return fmt.Errorf("list %s: %w", f.path, err)
		}
		if n == 0 {
			return nil
		}
		if err := eachEntry(buf[:n], visit); err != nil {
			return err
		}
	}
}

// The layout of struct linux_dirent64, getdents(2).
const (
	direntLength = 16
	direntName   = 19
)

// eachEntry calls visit with each number that names one of entries, as getdents64 returned them.
func eachEntry(entries []byte, visit func(uint64) error) error {
	for len(entries) > direntName {
		length := int(binary.NativeEndian.Uint16(entries[direntLength:]))
		if length <= direntName || length > len(entries) {
			return fmt.Errorf("parse directory entry of %d bytes: %w", length, errMalformed)
		}
		if n, rest, ok := cutNumber(entries[direntName:length]); ok && len(rest) > 0 && rest[0] == 0 {
			if err := visit(n); err != nil {
				return err
			}
		}
		entries = entries[length:]
	}
	return nil
}
