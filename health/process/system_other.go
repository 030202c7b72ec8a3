//go:build !linux

package process

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/shirou/gopsutil/v3/mem"
	gopsutil "github.com/shirou/gopsutil/v3/process"
)

// system reads what this platform tells. A reading that fails when it is first tried, at Open, is one the platform does
// not have, and is left out.
type system struct {
	process        *gopsutil.Process
	coreReadings   []func(*Core) error
	memoryReadings []func(*Memory) error
	start          time.Time
}

func openSystem() (*system, error) {
	p, err := gopsutil.NewProcess(int32(os.Getpid()))
	if err != nil {
		return nil, err
	}
	s := &system{process: p}
	s.coreReadings = working([]func(*Core) error{readFDs, readFDLimit, s.readMemory, s.readThreads, s.readCPU})
	s.memoryReadings = working([]func(*Memory) error{readSystemMemory})
	if created, err := p.CreateTime(); err == nil {
		s.start = time.UnixMilli(created)
	}
	if len(s.coreReadings)+len(s.memoryReadings) == 0 {
		return nil, fmt.Errorf("nothing can be measured: %w", errors.ErrUnsupported)
	}
	return s, nil
}

// working returns those of the readings that succeed now.
func working[T any](readings []func(*T) error) []func(*T) error {
	var w []func(*T) error
	for _, read := range readings {
		if err := read(new(T)); err == nil {
			w = append(w, read)
		}
	}
	return w
}

func (s *system) core(c *Core) error {
	var errs []error
	for _, read := range s.coreReadings {
		errs = append(errs, read(c))
	}
	return errors.Join(errs...)
}

func (s *system) memory(m *Memory) error {
	var errs []error
	for _, read := range s.memoryReadings {
		errs = append(errs, read(m))
	}
	return errors.Join(errs...)
}

func (s *system) uninterruptible(dst []int) ([]int, error) {
	return dst, fmt.Errorf("list threads in uninterruptible sleep: %w", errors.ErrUnsupported)
}

func (s *system) close() error { return nil }

func readFDs(c *Core) error {
	n, err := countFDs()
	if err != nil {
		err = fmt.Errorf("count descriptors: %w", err)
		c.FDs = failed[uint64](err)
		return err
	}
	c.FDs = Some(n)
	return nil
}

func (s *system) readMemory(c *Core) error {
	info, err := s.process.MemoryInfo()
	if err != nil {
		err = fmt.Errorf("read memory of process: %w", err)
		c.RSSBytes, c.VMSBytes = failed[uint64](err), failed[uint64](err)
		return err
	}
	c.RSSBytes, c.VMSBytes = Some(info.RSS), Some(info.VMS)
	return nil
}

func (s *system) readThreads(c *Core) error {
	n, err := s.process.NumThreads()
	if err != nil {
		err = fmt.Errorf("count threads: %w", err)
		c.Threads = failed[uint64](err)
		return err
	}
	c.Threads = Some(uint64(n))
	return nil
}

func (s *system) readCPU(c *Core) error {
	times, err := s.process.Times()
	if err != nil {
		err = fmt.Errorf("read CPU times: %w", err)
		c.CPUUser, c.CPUSystem = failed[time.Duration](err), failed[time.Duration](err)
		return err
	}
	c.CPUUser = Some(time.Duration(times.User * float64(time.Second)))
	c.CPUSystem = Some(time.Duration(times.System * float64(time.Second)))
	return nil
}

func readSystemMemory(m *Memory) error {
	v, err := mem.VirtualMemory()
	if err != nil {
		err = fmt.Errorf("read memory of machine: %w", err)
		m.SystemTotalBytes, m.SystemAvailableBytes = failed[uint64](err), failed[uint64](err)
		return err
	}
	m.SystemTotalBytes, m.SystemAvailableBytes = Some(v.Total), Some(v.Available)
	return nil
}
