package process

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestReadings(t *testing.T) {
	r := open(t)
	c := core(t, r)
	for name, known := range map[string]bool{
		"RSSBytes":  c.RSSBytes.Known && c.RSSBytes.Value > 0,
		"Threads":   c.Threads.Known && c.Threads.Value > 0,
		"CPUUser":   c.CPUUser.Known,
		"CPUSystem": c.CPUSystem.Known,
	} {
		if !known {
			t.Errorf("%s is missing in %+v", name, c)
		}
	}
	m := memory(t, r)
	if total, available := m.SystemTotalBytes, m.SystemAvailableBytes; available.Value == 0 || available.Value > total.Value {
		t.Errorf("the machine has %+v bytes, of which %+v available", total, available)
	}
}

func TestStartTime(t *testing.T) {
	start, ok := open(t).StartTime()
	if age := time.Since(start); !ok || age < -2*time.Second || age > time.Hour {
		t.Errorf("started %v ago, known %v", age, ok)
	}
}

func TestMemoryGrowsWithAllocation(t *testing.T) {
	const size = 64 << 20
	r := open(t)
	debug.FreeOSMemory() // or the block could come from what is resident already
	before := core(t, r)
	block := make([]byte, size)
	for i := 0; i < size; i += os.Getpagesize() {
		block[i] = 1
	}
	after := core(t, r)
	runtime.KeepAlive(block)
	if grown := int64(after.RSSBytes.Value) - int64(before.RSSBytes.Value); grown < size/2 {
		t.Errorf("resident memory grew by %d bytes after touching %d", grown, size)
	}
}

func TestCPUTimeGrowsWithWork(t *testing.T) {
	r := open(t)
	before := core(t, r)
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		now := core(t, r)
		if now.CPUUser.Value > before.CPUUser.Value && now.CPUSystem.Value > before.CPUSystem.Value {
			return
		}
	}
	t.Errorf("no CPU time was counted in 30 s of work, from %+v", before)
}

func TestClose(t *testing.T) {
	r, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	c, m := Core{FDs: Some[uint64](1)}, Memory{SwapBytes: Some[uint64](1)}
	if err := r.Core(&c); !errors.Is(err, os.ErrClosed) || c != (Core{}) {
		t.Errorf("Core after Close: %v, %+v", err, c)
	}
	if err := r.Memory(&m); !errors.Is(err, os.ErrClosed) || m != (Memory{}) {
		t.Errorf("Memory after Close: %v, %+v", err, m)
	}
	if _, err := r.Uninterruptible(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Uninterruptible after Close: %v", err)
	}
	if _, ok := r.StartTime(); ok {
		t.Error("StartTime after Close is known")
	}
}

func open(tb testing.TB) *Reader {
	tb.Helper()
	r, err := Open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func core(t *testing.T, r *Reader) Core {
	t.Helper()
	var c Core
	if err := r.Core(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func memory(t *testing.T, r *Reader) Memory {
	t.Helper()
	var m Memory
	if err := r.Memory(&m); err != nil {
		t.Fatal(err)
	}
	return m
}
