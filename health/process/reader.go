package process

import (
	"fmt"
	"os"
	"time"
)

// Reader reads this process's numbers. Its methods must not be called concurrently; several Readers may be used side
// by side.
type Reader struct {
	sys *system // nil once closed
}

// Open returns a Reader of this process. What the platform cannot tell is left out of its readings; Open fails only
// when there is nothing it could read. The caller closes the Reader.
//
// On Linux it holds about a dozen descriptors, so that reading needs no other, and finds the control group: when
// the process is moved to another group afterwards, the Reader does not follow.
func Open() (*Reader, error) {
	sys, err := openSystem()
	if err != nil {
		return nil, fmt.Errorf("open process reader: %w", err)
	}
	return &Reader{sys: sys}, nil
}

// Core fills c, without allocating on Linux. Numbers that could not be read are unknown, each with its error; the error
// returned joins these, and does not keep the others from being filled in. After Close it returns an error that wraps
// [os.ErrClosed] and leaves c zero.
func (r *Reader) Core(c *Core) error {
	*c = Core{}
	if r.sys == nil {
		return errClosed()
	}
	return r.sys.core(c)
}

// Memory fills m, without allocating on Linux. Errors are as in [Reader.Core].
func (r *Reader) Memory(m *Memory) error {
	*m = Memory{}
	if r.sys == nil {
		return errClosed()
	}
	return r.sys.memory(m)
}

// StartTime returns when the process started, as known at Open, and whether it is known. On Linux it is field 22 of
// /proc/self/stat after the btime of /proc/stat, which the kernel gives in whole seconds.
func (r *Reader) StartTime() (time.Time, bool) {
	if r.sys == nil {
		return time.Time{}, false
	}
	return r.sys.start, !r.sys.start.IsZero()
}

// Uninterruptible appends to dst the ids of the threads that are in uninterruptible sleep right now (state D in
// /proc/self/task/*/stat, proc(5)): usually waiting for a disk or a network file system. It costs some microseconds a
// thread, and allocates only to grow dst. Threads that end meanwhile are passed over. The error wraps
// [errors.ErrUnsupported] on other platforms than Linux and [os.ErrClosed] after Close.
func (r *Reader) Uninterruptible(dst []int) ([]int, error) {
	if r.sys == nil {
		return dst, errClosed()
	}
	return r.sys.uninterruptible(dst)
}

// Close releases the descriptors held. Closing again does nothing.
func (r *Reader) Close() error {
	if r.sys == nil {
		return nil
	}
	sys := r.sys
	r.sys = nil
	return sys.close()
}

func errClosed() error { return fmt.Errorf("read process: reader: %w", os.ErrClosed) }
