//go:build !race

package health_test

import (
	"runtime"
	"testing"
	"time"
)

// TestMemoryDoesNotGrowWithTheRange answers for an hour and for seven days, and looks at the heap at every piece. The race
// detector's own memory would be in the way.
func TestMemoryDoesNotGrowWithTheRange(t *testing.T) {
	if testing.Short() {
		t.Skip("makes seven days of samples")
	}
	h := newWeekHandler(t)
	peak := func(path string, span time.Duration) (peak uint64, size int) {
		pieces := 0
		var m runtime.MemStats
		look := func() {
			if pieces++; pieces%16 == 1 {
				runtime.GC()
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
		size = ask(t, h, path+weekOf(span), look)
		return peak, size
	}
	for _, path := range []string{"/health/api/history?", "/health/export?", "/health/export?format=jsonl&"} {
		short, little := peak(path, time.Hour)
		long, much := peak(path, 7*days)
		t.Logf("%s: %d KiB at %d KiB of heap, %d KiB at %d KiB", path, little>>10, short>>10, much>>10, long>>10)
		if long > short+1<<20 {
			t.Errorf("%s: %d bytes of heap for an hour, %d for seven days", path, short, long)
		}
	}
}
