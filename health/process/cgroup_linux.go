package process

import "errors"

// noLimit is where a v1 limit means none: the kernel shows the greatest number of bytes in whole pages.
const noLimit = 1 << 62

// cgroup is the process's control group, whose controllers can be of v1 and v2 side by side.
type cgroup struct {
	memory   memoryGroup
	cpu      cpuGroup
	pressure pressure
}

func (s *system) readCgroup(m *Memory) error {
	return errors.Join(
		s.readMemoryGroup(m),
		s.readOOMKills(m),
		s.readCPUGroup(m),
		s.readStall(&m.CPUStall, s.cgroup.pressure.cpu),
		s.readStall(&m.MemoryStall, s.cgroup.pressure.memory),
		s.readStall(&m.IOStall, s.cgroup.pressure.io),
	)
}

// readMemoryGroup reads what the group uses before what of it could be dropped, which is why the difference can be
// negative.
func (s *system) readMemoryGroup(m *Memory) error {
	g := &s.cgroup.memory
	current := g.current.read(&s.buf)
	used := current.value()
	stat := g.stat.read(&s.buf)
	m.WorkingSetBytes = workingSet(used, stat.number(g.inactiveKey, 1))
	if g.limitKey == "" {
		return errors.Join(current.err, stat.err, s.readLimits(m))
	}
	if limit := stat.number(g.limitKey, 1); limit.Value < noLimit {
		m.CgroupLimitBytes = limit
	}
	return errors.Join(current.err, stat.err)
}

// readLimits finds the smallest limit from the group upwards. One that cannot be read could be it.
func (s *system) readLimits(m *Memory) error {
	for _, f := range s.cgroup.memory.limits {
		t := f.read(&s.buf)
		limit := t.value()
		if t.err != nil {
			m.CgroupLimitBytes = limit
			return t.err
		}
		if limit.Known && (!m.CgroupLimitBytes.Known || limit.Value < m.CgroupLimitBytes.Value) {
			m.CgroupLimitBytes = limit
		}
	}
	return nil
}

func (s *system) readOOMKills(m *Memory) error {
	t := s.cgroup.memory.events.read(&s.buf)
	m.OOMKills = t.number("oom_kill", 1)
	return t.err
}

func (s *system) readCPUGroup(m *Memory) error {
	g := &s.cgroup.cpu
	t := g.stat.read(&s.buf)
	m.ThrottledPeriods = t.number("nr_throttled", 1)
	m.ThrottledTime = t.duration(g.throttledKey, g.throttledUnit)
	return t.err
}

func (s *system) readStall(stall *Stall, f *file) error {
	t := f.read(&s.buf)
	stall.Some = t.total("some")
	stall.Full = t.total("full")
	return t.err
}

// workingSet is as little known as the less known of the two.
func workingSet(used, inactive Opt[uint64]) Opt[uint64] {
	switch {
	case !used.Known:
		return used
	case !inactive.Known:
		return inactive
	}
	return Some(used.Value - min(used.Value, inactive.Value))
}
