package process

import (
	"fmt"
	"os"
	"testing"

	"github.com/shirou/gopsutil/v3/mem"
	gopsutil "github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/unix"
)

func BenchmarkCore(b *testing.B) {
	for _, n := range []int{100, 10_000, 19_000} {
		b.Run(fmt.Sprintf("fds=%d", n), func(b *testing.B) {
			openUpTo(b, n)
			b.Run("reader", benchmarkCore)
			b.Run("gopsutil", benchmarkGopsutil)
		})
	}
}

func benchmarkCore(b *testing.B) {
	r := open(b)
	var c Core
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Core(&c); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkGopsutil reads the same with gopsutil alone.
func benchmarkGopsutil(b *testing.B) {
	p, err := gopsutil.NewProcess(int32(os.Getpid()))
	if err != nil {
		b.Fatal(err)
	}
	read := []func() error{
		func() error { _, err := p.NumFDs(); return err },
		func() error { _, err := p.MemoryInfo(); return err },
		func() error { _, err := p.NumThreads(); return err },
		func() error { _, err := p.Times(); return err },
		func() error { var l unix.Rlimit; return unix.Getrlimit(unix.RLIMIT_NOFILE, &l) },
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range read {
			if err := r(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkMemory has the machine's memory by gopsutil beside it, which knows nothing of the control group.
func BenchmarkMemory(b *testing.B) {
	b.Run("reader", func(b *testing.B) {
		r := open(b)
		var m Memory
		b.ReportAllocs()
		for b.Loop() {
			if err := r.Memory(&m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gopsutil", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mem.VirtualMemory(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkUninterruptible has the threads by gopsutil beside it, which reads the same files for their CPU times.
func BenchmarkUninterruptible(b *testing.B) {
	b.Run("reader", func(b *testing.B) {
		r := open(b)
		ids := make([]int, 0, 64)
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if ids, err = r.Uninterruptible(ids[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gopsutil", func(b *testing.B) {
		p, err := gopsutil.NewProcess(int32(os.Getpid()))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Threads(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// openUpTo opens descriptors until the process has n, and closes them with the benchmark.
func openUpTo(b *testing.B, n int) {
	b.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	if int(limit.Max) < n+100 {
		b.Skipf("the hard limit on descriptors is %d", limit.Max)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	for range n - 30 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = f.Close() })
	}
}
