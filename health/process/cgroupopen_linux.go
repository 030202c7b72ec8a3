package process

import (
	"errors"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// memoryGroup is the group that the memory controller keeps the process in.
type memoryGroup struct {
	current, stat, events *file
	limits                []*file // memory.max of the group and of each above it; none in v1

	inactiveKey string // in stat
	limitKey    string // in stat; none in v2
}

// cpuGroup is the group that the CPU controller keeps the process in.
type cpuGroup struct {
	stat *file

	throttledKey  string // in stat
	throttledUnit time.Duration
}

// pressure holds a v2 group's pressure stall information.
type pressure struct{ cpu, memory, io *file }

// openCgroup finds the process's groups below root and holds their files. A controller is of v1 when it has a v1
// hierarchy; what is mounted nowhere is left out.
func (s *system) openCgroup(root string) cgroup {
	var c cgroup
	groups := findGroups(root)
	if g, ok := groups["memory"]; ok {
		c.memory = s.openMemoryV1(g)
	} else if g, ok := groups[unified]; ok {
		c.memory = s.openMemoryV2(g)
	}
	if g, ok := groups["cpu"]; ok {
		c.cpu = cpuGroup{s.hold(g.file("cpu.stat")), "throttled_time", time.Nanosecond}
	} else if g, ok := groups[unified]; ok {
		c.cpu = cpuGroup{s.hold(g.file("cpu.stat")), "throttled_usec", time.Microsecond}
	}
	if g, ok := groups[unified]; ok {
		c.pressure.cpu = s.holdPressure(g.file("cpu.pressure"))
		c.pressure.memory = s.holdPressure(g.file("memory.pressure"))
		c.pressure.io = s.holdPressure(g.file("io.pressure"))
	}
	return c
}

func (s *system) openMemoryV1(g group) memoryGroup {
	return memoryGroup{
		current:     s.hold(g.file("memory.usage_in_bytes")),
		stat:        s.hold(g.file("memory.stat")),
		events:      s.hold(g.file("memory.oom_control")),
		inactiveKey: "total_inactive_file",
		limitKey:    "hierarchical_memory_limit",
	}
}

func (s *system) openMemoryV2(g group) memoryGroup {
	m := memoryGroup{
		current:     s.hold(g.file("memory.current")),
		stat:        s.hold(g.file("memory.stat")),
		events:      s.hold(g.file("memory.events")),
		inactiveKey: "inactive_file",
	}
	for _, dir := range g.upwards() {
		if f := s.hold(filepath.Join(dir, "memory.max")); f != nil {
			m.limits = append(m.limits, f)
		}
	}
	return m
}

// holdPressure leaves the file out where the kernel was started without pressure stall information, which it says only
// when it is read.
func (s *system) holdPressure(path string) *file {
	f := openFile(path)
	if t := f.read(&s.buf); errors.Is(t.err, unix.EOPNOTSUPP) {
		_ = f.close()
		return nil
	}
	return s.keep(f)
}
