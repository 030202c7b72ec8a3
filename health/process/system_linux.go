package process

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is the unit of times in /proc (USER_HZ), the same on every architecture that Go supports.
const ticksPerSecond = 100

// system reads Linux's numbers from files that it holds open.
type system struct {
	held []*file // everything open

	fds, statm, status, meminfo *file

	threads threads
	cgroup  cgroup
	start   time.Time

	pageSize uint64
	limit    unix.Rlimit // kept here since unix.Prlimit makes it escape
	buf      []byte      // what was read last
}

func openSystem() (*system, error) { return openSystemAt("/") }

// openSystemAt reads the /proc and the control groups below root.
func openSystemAt(root string) (*system, error) {
	self := filepath.Join(root, "proc/self")
	s := &system{pageSize: uint64(os.Getpagesize()), buf: make([]byte, 32<<10)}
	s.fds = s.hold(filepath.Join(self, "fd"))
	s.statm = s.hold(filepath.Join(self, "statm"))
	s.status = s.hold(filepath.Join(self, "status"))
	s.meminfo = s.hold(filepath.Join(root, "proc/meminfo"))
	s.threads = s.openThreads(self)
	if err := noneOf(s.fds, s.statm, s.threads.task); err != nil {
		return nil, errors.Join(fmt.Errorf("%s tells nothing of this process: %w", self, err), s.close())
	}
	s.start = startTime(root)
	s.cgroup = s.openCgroup(root)
	return s, nil
}

// hold opens path, to be closed with the system.
func (s *system) hold(path string) *file { return s.keep(openFile(path)) }

func (s *system) keep(f *file) *file {
	if f != nil {
		s.held = append(s.held, f)
	}
	return f
}

// noneOf returns why no file is open, or nil when one is.
func noneOf(files ...*file) error {
	err := fs.ErrNotExist
	for _, f := range files {
		switch {
		case f == nil:
		case f.err == nil:
			return nil
		default:
			err = f.err
		}
	}
	return err
}

func (s *system) core(c *Core) error {
	return errors.Join(s.readFDs(c), s.readFDLimit(c), s.readStatm(c), s.readThreads(c), s.readCPU(c))
}

func (s *system) memory(m *Memory) error {
	return errors.Join(s.readSwap(m), s.readMeminfo(m), s.readCgroup(m))
}

func (s *system) close() error {
	errs := []error{s.threads.closeSpare()}
	for _, f := range s.held {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

func (s *system) readFDLimit(c *Core) error {
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &s.limit); err != nil {
		err = fmt.Errorf("prlimit RLIMIT_NOFILE: %w", err)
		c.FDLimit = failed[uint64](err)
		return err
	}
	if s.limit.Cur != math.MaxUint64 { // RLIM_INFINITY
		c.FDLimit = Some(s.limit.Cur)
	}
	return nil
}

// readStatm reads /proc/self/statm: "total resident shared …", in pages.
func (s *system) readStatm(c *Core) error {
	if s.statm == nil {
		return nil
	}
	t := s.statm.read(&s.buf)
	c.VMSBytes = t.first(s.pageSize)
	c.RSSBytes = t.first(s.pageSize)
	return t.err
}

func (s *system) readCPU(c *Core) error {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		err = fmt.Errorf("getrusage RUSAGE_SELF: %w", err)
		c.CPUUser, c.CPUSystem = failed[time.Duration](err), failed[time.Duration](err)
		return err
	}
	c.CPUUser = Some(time.Duration(usage.Utime.Nano()))
	c.CPUSystem = Some(time.Duration(usage.Stime.Nano()))
	return nil
}

// readSwap spares itself the status file, the dearest of all, while sysinfo(2) says that there is no swap.
func (s *system) readSwap(m *Memory) error {
	var info unix.Sysinfo_t
	if s.status != nil && unix.Sysinfo(&info) == nil && info.Totalswap == 0 {
		m.SwapBytes = Some[uint64](0)
		return nil
	}
	return s.readStatus(m)
}

func (s *system) readStatus(m *Memory) error {
	t := s.status.read(&s.buf)
	m.SwapBytes = t.number("VmSwap:", kibibyte)
	return t.err
}

func (s *system) readMeminfo(m *Memory) error {
	t := s.meminfo.read(&s.buf)
	m.SystemTotalBytes = t.number("MemTotal:", kibibyte)
	m.SystemAvailableBytes = t.number("MemAvailable:", kibibyte)
	return t.err
}

// startTime returns the zero time when /proc does not tell.
func startTime(root string) time.Time {
	stat, err := os.ReadFile(filepath.Join(root, "proc/self/stat"))
	if err != nil {
		return time.Time{}
	}
	boot, err := os.ReadFile(filepath.Join(root, "proc/stat"))
	if err != nil {
		return time.Time{}
	}
	ticks, ok := statField(stat, 22)
	if !ok {
		return time.Time{}
	}
	t := text{data: boot}
	btime := t.duration("btime", time.Second)
	if !btime.Known {
		return time.Time{}
	}
	return time.Unix(0, int64(btime.Value)).Add(time.Duration(ticks) * (time.Second / ticksPerSecond))
}
