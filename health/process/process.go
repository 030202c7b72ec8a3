// Package process reads one process's own numbers: descriptors, memory, threads, CPU time, and what its control group
// allows it. It is cheap enough to be asked every second, and on Linux it keeps answering when the process can open
// no more descriptors, because it holds the kernel's files open from the start.
//
// A Reader fills two structures: [Core], which costs a few microseconds whatever the number of descriptors, and
// [Memory], which also looks at swap, the machine and the control group. Each number is an [Opt], so that "this
// platform has no such number" and "reading it failed just now" can be told apart, one by one.
//
// On Linux the numbers come from /proc, cgroup v1, v2 or both, and a few system calls; elsewhere from gopsutil, which
// knows less, costs more, and may need a free descriptor.
package process

import "time"

// Opt is a number that may be missing. It is in one of three states:
//
//   - known: Known is true and Value holds it;
//   - left out: Known is false and Err is nil, since this platform, kernel or control group has no such number or
//     sets no such limit;
//   - unknown: Known is false and Err says why reading it failed just now, naming the kernel file or system call.
//
// The zero Opt is left out.
type Opt[T any] struct {
	Value T
	Known bool
	Err   error
}

// Some returns a known v.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Known: true} }

// failed returns a number that is unknown because of err.
func failed[T any](err error) Opt[T] { return Opt[T]{Err: err} }

// Core is what a process uses, read by [Reader.Core].
type Core struct {
	// FDs is the number of open descriptors, those the Reader itself holds among them. On Linux the size of
	// /proc/self/fd (its entries before kernel 6.2), on macOS the entries of /dev/fd, on Windows the number of open
	// handles.
	FDs Opt[uint64]
	// FDLimit is the soft limit on descriptors (RLIMIT_NOFILE, getrlimit(2)); left out when it is unlimited, and on
	// Windows.
	FDLimit Opt[uint64]

	// RSSBytes is the memory resident in RAM and VMSBytes the address space reserved, in bytes. On Linux both come
	// from /proc/self/statm, whose resident size is not exact to the page (proc(5)).
	RSSBytes, VMSBytes Opt[uint64]

	// Threads is the number of the operating system's threads: on Linux the links of /proc/self/task.
	Threads Opt[uint64]

	// CPUUser and CPUSystem are the CPU time spent since the process started in user and in kernel mode, by all its
	// threads, dead ones too, and not by its children: on Linux getrusage(2).
	CPUUser, CPUSystem Opt[time.Duration]
}

// Memory is what is left to a process and what its surroundings take from it, read by [Reader.Memory]. Readings of the
// control group exist on Linux only, and describe the group the process was in when the Reader was opened.
type Memory struct {
	// SwapBytes is this process's memory that is swapped out, in bytes: VmSwap of /proc/self/status, or 0 while
	// sysinfo(2) says that the machine has no swap.
	SwapBytes Opt[uint64]

	// SystemTotalBytes and SystemAvailableBytes are the machine's memory and the part of it that could be had
	// without swapping, in bytes: MemTotal and MemAvailable of /proc/meminfo.
	SystemTotalBytes, SystemAvailableBytes Opt[uint64]

	// CgroupLimitBytes is the smallest memory limit of the process's group and the groups above it, in bytes; left
	// out when none is set. In v2 memory.max of each group that is visible here, in v1 hierarchical_memory_limit of
	// memory.stat.
	CgroupLimitBytes Opt[uint64]
	// WorkingSetBytes is the group's memory that the kernel cannot simply drop, in bytes: memory.current less
	// inactive_file of memory.stat (v1: memory.usage_in_bytes less total_inactive_file), never below 0. The group is
	// killed when this nears CgroupLimitBytes.
	WorkingSetBytes Opt[uint64]
	// OOMKills is how many processes of the group were killed for want of memory since the group was created:
	// oom_kill of memory.events (v1: of memory.oom_control, from kernel 4.13).
	OOMKills Opt[uint64]

	// ThrottledTime is how long the group was held back by its CPU quota and ThrottledPeriods in how many periods,
	// both since the group was created: throttled_usec and nr_throttled of cpu.stat (v1: throttled_time).
	ThrottledTime    Opt[time.Duration]
	ThrottledPeriods Opt[uint64]

	// CPUStall, MemoryStall and IOStall are how long tasks of the group waited for want of each resource.
	CPUStall, MemoryStall, IOStall Stall
}

// Stall is pressure stall information since the group was created: the totals of a v2 group's cpu.pressure,
// memory.pressure or io.pressure (kernel 4.20). The root group's are those of the whole machine.
type Stall struct {
	Some Opt[time.Duration] // at least one task waited
	Full Opt[time.Duration] // all tasks that were not idle waited at once
}
