package spool

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFullDiskIsAnErrorUntilThereIsRoom(t *testing.T) {
	dir := folder(t)
	s := open(t, roomy(dir), epoch)
	put(t, s, epoch, "a")
	if err := os.Symlink("/dev/full", filepath.Join(dir, temporary)); err != nil { // until it is removed
		t.Fatal(err)
	}
	if err := s.Put(epoch, epoch, []byte("b")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want %v", err, syscall.ENOSPC)
	}
	if err := s.State().Err; !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("state: got %v, want %v", err, syscall.ENOSPC)
	}
	put(t, s, epoch, "c")
	want(t, "state", s.State().Err, error(nil))
	want(t, "requests", takeAll(t, s), []string{"a", "c"})
}

func TestProbeClearsTheErrorOfAFullDisk(t *testing.T) {
	dir := folder(t)
	s := open(t, roomy(dir), epoch)
	full := func() {
		t.Helper()
		if err := os.Symlink("/dev/full", filepath.Join(dir, temporary)); err != nil { // until it is removed
			t.Fatal(err)
		}
	}
	full()
	if err := s.Put(epoch, epoch, []byte("a")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want %v", err, syscall.ENOSPC)
	}
	full()
	s.Probe()
	if err := s.State().Err; !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("while it is full: got %v, want %v", err, syscall.ENOSPC)
	}
	s.Probe()
	want(t, "state", s.State(), State{})
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("in the folder are %v, %v, want the lock", files, err)
	}
}

// TestWriteThatIsCutShortLeavesNothing lets a write fail in the middle of a request.
func TestWriteThatIsCutShortLeavesNothing(t *testing.T) {
	dir := folder(t)
	said, kill := child(t, "limited", dir)
	defer kill()
	for _, line := range []string{syscall.EFBIG.Error(), "<nil>"} {
		if !said.Scan() || !strings.HasSuffix(said.Text(), line) {
			t.Fatalf("got %q, want %q", said.Text(), line)
		}
	}
	kill()
	s := open(t, roomy(dir), time.Now())
	want(t, "requests", takeAll(t, s), []string{"short"})
	want(t, "dropped", s.State().Dropped, Dropped{})
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("in the folder are %v, %v, want the lock", files, err)
	}
}

// childIsLimited may write files of 8 KiB, and says what becomes of a longer and of a shorter request.
func childIsLimited(dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := unix.Rlimit{Cur: 8 << 10, Max: 8 << 10}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println(err)
	}
	s := New(roomy(dir))
	fmt.Println(s.Put(time.Now(), time.Now(), []byte(payloadOf(1))))
	fmt.Println(s.Put(time.Now(), time.Now(), []byte("short")))
}

func TestWithoutDescriptorsNothingIsLost(t *testing.T) {
	s := open(t, roomy(folder(t)), epoch)
	put(t, s, epoch, "a")
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 0, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, _, errTake := s.Take(0)
	errPut := s.Put(epoch, epoch, []byte("b"))
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(errTake, syscall.EMFILE) || !errors.Is(errPut, syscall.EMFILE) {
		t.Errorf("got %v and %v, want %v", errTake, errPut, syscall.EMFILE)
	}
	put(t, s, epoch, "c")
	want(t, "requests", takeAll(t, s), []string{"a", "c"})
	want(t, "dropped", s.State().Dropped, Dropped{})
}
