package process

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// emptyDirLinks is the link count of a directory without subdirectories: its own name and its ".".
const emptyDirLinks = 2

// threads reads the threads of the process.
type threads struct {
	task *file // /proc/self/task
	stat *file // /proc/self/stat, held only where the links of task do not tell the number of threads

	// spare is a descriptor kept so that one slot can be freed when no other is left, or -1.
	spare int

	name  []byte // of a thread's stat below task
	state [512]byte
}

// openThreads checks that the links of the task directory count the threads, as they do in Linux's own /proc.
func (s *system) openThreads(self string) threads {
	t := threads{spare: -1, name: make([]byte, 0, 32), task: s.hold(filepath.Join(self, "task"))}
	if t.task == nil {
		return t
	}
	stat := openFile(filepath.Join(self, "stat"))
	before, _ := stat.threads(&s.buf)
	links, err := t.task.links()
	after, _ := stat.threads(&s.buf)
	if err != nil || links < min(before, after)+emptyDirLinks || links > max(before, after)+emptyDirLinks {
		t.stat = s.keep(stat)
	} else {
		_ = stat.close()
	}
	t.takeSpare()
	return t
}

func (s *system) readThreads(c *Core) error {
	n, err := s.threads.count(&s.buf)
	switch {
	case err != nil:
		c.Threads = failed[uint64](err)
	case n > 0:
		c.Threads = Some(n)
	}
	return err
}

// count returns 0 when it cannot be told.
func (t *threads) count(buf *[]byte) (uint64, error) {
	if t.stat != nil {
		return t.stat.threads(buf)
	}
	if t.task == nil {
		return 0, nil
	}
	links, err := t.task.links()
	if err != nil {
		return 0, err
	}
	return links - emptyDirLinks, nil
}

func (f *file) links() (uint64, error) {
	st, err := f.stat()
	return uint64(st.Nlink), err
}

// threads returns num_threads of a stat file, or 0 when there is no file.
func (f *file) threads(buf *[]byte) (uint64, error) {
	t := f.read(buf)
	if f == nil || t.err != nil {
		return 0, t.err
	}
	n, ok := statField(t.data, 20)
	if !ok {
		t.fail("num_threads")
	}
	return n, t.err
}

func (s *system) uninterruptible(dst []int) ([]int, error) {
	t := &s.threads
	if t.task == nil {
		return dst, fmt.Errorf("list threads: %w", errors.ErrUnsupported)
	}
	err := t.task.eachNumber(s.buf, func(id uint64) error {
		state, err := t.stateOf(id)
		if state == 'D' {
			dst = append(dst, int(id))
		}
		return err
	})
	t.takeSpare()
	return dst, err
}

// stateOf returns the state letter of a thread, or 0 when it has ended.
func (t *threads) stateOf(id uint64) (byte, error) {
	t.name = append(strconv.AppendUint(t.name[:0], id, 10), "/stat\x00"...)
	fd, err := openAt(t.task.fd, t.name)
	if errors.Is(err, unix.EMFILE) && t.spare >= 0 {
		if err := t.closeSpare(); err != nil {
			return 0, err
		}
		fd, err = openAt(t.task.fd, t.name)
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open %s/%d/stat: %w", t.task.path, id, err)
	}
	n, err := pread(fd, t.state[:])
	_ = unix.Close(fd)
	if errors.Is(err, unix.ESRCH) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read %s/%d/stat: %w", t.task.path, id, err)
	}
	state, ok := threadState(t.state[:n])
	if !ok {
		return 0, fmt.Errorf("parse state of %s/%d/stat: %w", t.task.path, id, errMalformed)
	}
	return state, nil
}

// takeSpare takes the spare descriptor unless it is held. Where another goroutine was faster, the next scan tries again.
func (t *threads) takeSpare() {
	if t.spare >= 0 || t.task.fd < 0 {
		return
	}
	if fd, err := unix.FcntlInt(uintptr(t.task.fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
		t.spare = fd
	}
}

func (t *threads) closeSpare() error {
	if t.spare < 0 {
		return nil
	}
	fd := t.spare
	t.spare = -1
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close the spare descriptor: %w", err)
	}
	return nil
}

// openAt opens path, which ends in a zero byte, relative to a directory. Unlike unix.Openat it does not allocate.
func openAt(dir int, path []byte) (int, error) {
	fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
		unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}
