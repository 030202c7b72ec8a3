package spool

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRequestThatWasUnreadableBeforeTheStartStopsNone has one that may not be read, neither then nor later.
func TestRequestThatWasUnreadableBeforeTheStartStopsNone(t *testing.T) {
	dir := folder(t)
	first := New(roomy(dir))
	put(t, first, epoch, "a", "b", "c")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(records(t, dir)[0], 0); err != nil {
		t.Fatal(err)
	}
	boundByModes(t)
	later := epoch.Add(time.Hour)
	second := open(t, roomy(dir), later)
	state := second.State()
	want(t, "queued", state.Queued, 3)
	want(t, "bytes", state.Bytes, 3*(headerSize+1))
	want(t, "oldest", state.Oldest, later) // its own time is not known
	r, ok, err := second.Take(0)
	if r.Number != 1 || ok || !errors.Is(err, syscall.EACCES) {
		t.Fatalf("got the number %d, %v, %v, want 1 and %v", r.Number, ok, err, syscall.EACCES)
	}
	for _, payload := range []string{"b", "c"} {
		r, ok, err = second.Take(r.Number)
		if !ok || err != nil || string(r.Payload) != payload {
			t.Errorf("got %q, %v, %v, want %q", r.Payload, ok, err, payload)
		}
	}
}

// boundByModes lets the modes of files bind also root, for as long as the test runs in this goroutine.
func boundByModes(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before [2]unix.CapUserData
	if err := unix.Capget(&header, &before[0]); err != nil {
		t.Fatal(err)
	}
	bound := before
	bound[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&header, &bound[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Capset(&header, &before[0]); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}
