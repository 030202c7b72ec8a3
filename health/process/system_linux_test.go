package process

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fdCounts are the ways to count descriptors, each to be exact.
var fdCounts = []struct {
	name  string
	count func(*system) (uint64, error)
}{
	{"as Core does", (*system).countFDs},
	{"by entries, as before kernel 6.2", (*system).fdsByEntries},
	{"by gopsutil, when all else fails", func(*system) (uint64, error) { return fdsByGopsutil() }},
}

func TestFDsMoveByExactlyWhatIsOpened(t *testing.T) {
	for _, opened := range []struct {
		name string
		open func(t *testing.T) (closeFDs func())
		fds  uint64
	}{
		{"37 files", openFiles, 37},
		{"37 pipes", openPipes, 74},
		{"37 sockets", openSockets, 37},
	} {
		for _, by := range fdCounts {
			t.Run(opened.name+" "+by.name, func(t *testing.T) {
				opened.open(t)() // whatever the runtime opens once
				sys := open(t).sys
				count := func() uint64 {
					n, err := by.count(sys)
					if err != nil {
						t.Fatal(err)
					}
					return n
				}
				before := count()
				closeFDs := opened.open(t)
				during := count()
				closeFDs()
				if during != before+opened.fds || count() != before {
					t.Errorf("%d descriptors, then %d, then %d", before, during, count())
				}
			})
		}
	}
}

func openFiles(t *testing.T) func() {
	t.Helper()
	return open37(t, func() ([]int, error) {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return []int{fd}, err
	})
}

func openPipes(t *testing.T) func() {
	t.Helper()
	return open37(t, func() ([]int, error) {
		fds := make([]int, 2)
		return fds, unix.Pipe2(fds, unix.O_CLOEXEC)
	})
}

func openSockets(t *testing.T) func() {
	t.Helper()
	return open37(t, func() ([]int, error) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return []int{fd}, err
	})
}

func open37(t *testing.T, open func() ([]int, error)) func() {
	t.Helper()
	var opened []int
	for range 37 {
		fds, err := open()
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, fds...)
	}
	return func() {
		for _, fd := range opened {
			_ = unix.Close(fd)
		}
	}
}

func TestFDsCountListeners(t *testing.T) {
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	_ = listen().Close()
	r := open(t)
	before := core(t, r).FDs.Value
	l := listen()
	defer l.Close()
	if got := core(t, r).FDs.Value; got != before+1 {
		t.Errorf("%d descriptors after opening one beside %d", got, before)
	}
}

func TestFDsAreTheEntriesOfProc(t *testing.T) {
	r := open(t)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	listed := uint64(len(entries)) - 1 // without the one it is listed with
	for _, by := range fdCounts {
		if n, err := by.count(r.sys); err != nil || n != listed {
			t.Errorf("%s: %d descriptors of %d, %v", by.name, n, listed, err)
		}
	}
}

// TestFDsFallBack has Core count through directories whose size says nothing: fdinfo, whose size is 0 as that of fd was
// before kernel 6.2, and one that cannot even be listed.
func TestFDsFallBack(t *testing.T) {
	root := tree(t, map[string]string{"not-a-directory": ""})
	for _, path := range []string{"/proc/self/fdinfo", filepath.Join(root, "not-a-directory")} {
		sys := openAtRoot(t, "/")
		fds := sys.fds
		sys.fds = sys.hold(path)
		var c Core
		err := sys.readFDs(&c)
		want, wantErr := fds.stat()
		if err != nil || wantErr != nil || c.FDs != Some(uint64(want.Size)) {
			t.Errorf("%s: %+v, %v; want %d, %v", path, c.FDs, err, want.Size, wantErr)
		}
	}
}

func TestFDLimit(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if got := core(t, open(t)).FDLimit; got != Some(limit.Cur) {
		t.Errorf("limit %+v, want %d", got, limit.Cur)
	}
}

// TestThreads compares with /proc/self/status, as often as it takes for the number to be the same before and after.
func TestThreads(t *testing.T) {
	r := open(t)
	for range 1000 {
		before := statusNumber(t, "Threads:")
		got := core(t, r).Threads
		if after := statusNumber(t, "Threads:"); before == after {
			if got != Some(after) {
				t.Errorf("%+v threads, want %d", got, after)
			}
			return
		}
	}
	t.Error("the number of threads never stayed the same")
}

func TestRSSIsThatOfStatus(t *testing.T) {
	got := core(t, open(t)).RSSBytes.Value
	want := statusNumber(t, "VmRSS:") * kibibyte
	if diff := math.Abs(float64(got) - float64(want)); diff > 8<<20 {
		t.Errorf("%d bytes resident, want about %d", got, want)
	}
}

func statusNumber(t *testing.T, key string) uint64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	status := text{data: data}
	n := status.number(key, 1)
	if !n.Known {
		t.Fatalf("%s in /proc/self/status is %+v", key, n)
	}
	return n.Value
}

func TestReadingAllocatesNothing(t *testing.T) {
	r := open(t)
	var c Core
	var m Memory
	ids := make([]int, 0, 1024)
	for name, read := range map[string]func() error{
		"Core":            func() error { return r.Core(&c) },
		"Memory":          func() error { return r.Memory(&m) },
		"status":          func() error { return r.sys.readStatus(&m) },
		"Uninterruptible": func() (err error) { ids, err = r.Uninterruptible(ids[:0]); return err },
		"fdsByEntries":    func() error { _, err := r.sys.fdsByEntries(); return err },
	} {
		allocs := testing.AllocsPerRun(100, func() {
			if err := read(); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s allocates %v times", name, allocs)
		}
	}
}

func TestFixtureProc(t *testing.T) {
	root := tree(t, map[string]string{
		"proc/self/statm":        "1000 200 30 1 0 50 0\n",
		"proc/self/status":       "Name:\tVmSwap: 7 kB\nVmRSS:\t  800 kB\nVmSwap:\t    12 kB\nThreads:\t3\n",
		"proc/self/stat":         stat("a) R 1 (b", 'S', 3, 250),
		"proc/self/task/1/stat":  stat("main", 'S', 3, 250),
		"proc/meminfo":           "MemTotal:       2048 kB\nMemFree:         100 kB\nMemAvailable:   1024 kB\n",
		"proc/stat":              "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n",
		"proc/self/fd/unrelated": "",
	})
	sys := openAtRoot(t, root)
	var c Core
	var m Memory
	if err := sys.core(&c); err != nil {
		t.Error(err)
	}
	if err := sys.memory(&m); err != nil {
		t.Error(err)
	}
	if err := sys.readStatus(&m); err != nil {
		t.Error(err)
	}
	page := uint64(os.Getpagesize())
	if c.VMSBytes != Some(1000*page) || c.RSSBytes != Some(200*page) {
		t.Errorf("VMS %+v, RSS %+v", c.VMSBytes, c.RSSBytes)
	}
	if want := Some[uint64](3); c.Threads != want {
		t.Errorf("threads %+v; the directory's links do not count them, so stat should", c.Threads)
	}
	want := Memory{SwapBytes: Some[uint64](12288), SystemTotalBytes: Some[uint64](2 << 20),
		SystemAvailableBytes: Some[uint64](1 << 20)}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	if want := time.Unix(1_700_000_002, 500_000_000); !sys.start.Equal(want) {
		t.Errorf("started at %v, want %v", sys.start, want)
	}
}

func TestWhatIsMissingIsLeftOut(t *testing.T) {
	sys := openAtRoot(t, tree(t, map[string]string{"proc/self/statm": "1000 200 30 1 0 50 0\n"}))
	var c Core
	var m Memory
	if err := sys.core(&c); err != nil {
		t.Error(err)
	}
	if err := sys.memory(&m); err != nil {
		t.Error(err)
	}
	if !c.RSSBytes.Known || !c.CPUUser.Known || c.FDs != (Opt[uint64]{}) || c.Threads != (Opt[uint64]{}) {
		t.Errorf("got %+v", c)
	}
	if m != (Memory{}) || !sys.start.IsZero() {
		t.Errorf("got %+v, started %v", m, sys.start)
	}
}

func TestWhatFailsIsUnknownAndNamed(t *testing.T) {
	root := tree(t, map[string]string{
		"proc/self/statm":            "1000 many\n",
		"proc/self/task/1/stat":      "",
		"proc/self/stat":             "1 (truncated",
		"proc/self/status/directory": "",
		"proc/meminfo":               "MemTotal: 2048 kB\nMemAvailable: 99999999999999999999 kB\n",
	})
	sys := openAtRoot(t, root)
	var c Core
	err := sys.core(&c)
	wantFailed(t, c.RSSBytes.Err, err, "parse", filepath.Join(root, "proc/self/statm"))
	wantFailed(t, c.Threads.Err, err, "parse num_threads", filepath.Join(root, "proc/self/stat"))
	if !c.VMSBytes.Known || !c.CPUUser.Known {
		t.Errorf("the other readings are missing in %+v", c)
	}
	var m Memory
	err = sys.memory(&m)
	wantFailed(t, m.SystemAvailableBytes.Err, err, "parse MemAvailable:", filepath.Join(root, "proc/meminfo"))
	if m.SystemTotalBytes != Some[uint64](2<<20) {
		t.Errorf("total %+v", m.SystemTotalBytes)
	}
	err = sys.readStatus(&m)
	wantFailed(t, m.SwapBytes.Err, err, "read", filepath.Join(root, "proc/self/status"))
}

// wantFailed checks that a reading's error says what failed, and that the joined error holds it.
func wantFailed(t *testing.T, reading, joined error, words ...string) {
	t.Helper()
	if reading == nil || joined == nil || !strings.Contains(joined.Error(), reading.Error()) {
		t.Errorf("the reading failed with %v, all with %v", reading, joined)
		return
	}
	for _, word := range words {
		if !strings.Contains(reading.Error(), word) {
			t.Errorf("%q does not say %q", reading, word)
		}
	}
}

func TestOpenFailsWithoutProc(t *testing.T) {
	_, err := openSystemAt(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "proc/self") {
		t.Errorf("opening without /proc: %v", err)
	}
}

func TestReadGrowsItsBuffer(t *testing.T) {
	path := filepath.Join(tree(t, map[string]string{"long": strings.Repeat("x 1\n", 1000) + "y 2\n"}), "long")
	f := openFile(path)
	defer f.close()
	buf := make([]byte, 16)
	got := f.read(&buf)
	if y := got.number("y", 1); y != Some[uint64](2) {
		t.Errorf("y is %+v after %d bytes, %v", y, len(got.data), got.err)
	}
}

func openAtRoot(t *testing.T, root string) *system {
	t.Helper()
	sys, err := openSystemAt(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.close(); err != nil {
			t.Error(err)
		}
	})
	return sys
}

// tree writes files below a directory of the test's, and returns that.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// stat returns a /proc/self/stat of a command.
func stat(comm string, state byte, threads, start int) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "1 (%s) %c 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 %d 0 %d 1000 200 18446744073709551615\n",
		comm, state, threads, start)
	return b.String()
}
