package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUninterruptibleInFixture(t *testing.T) {
	files := map[string]string{"proc/self/task/notathread": ""}
	for id, state := range map[int]byte{10: 'S', 11: 'D', 12: 'R', 13: 'D', 14: 't'} {
		files[fmt.Sprintf("proc/self/task/%d/stat", id)] = stat("a) D (b", state, 5, 1)
	}
	root := tree(t, files)
	if err := os.Mkdir(filepath.Join(root, "proc/self/task/15"), 0o755); err != nil { // a thread that has just ended
		t.Fatal(err)
	}
	sys := openAtRoot(t, root)
	for range 2 {
		ids, err := sys.uninterruptible([]int{1})
		slices.Sort(ids)
		if want := []int{1, 11, 13}; err != nil || !slices.Equal(ids, want) {
			t.Errorf("threads %v, %v; want %v", ids, err, want)
		}
	}
}

func TestUninterruptibleFailsByName(t *testing.T) {
	root := tree(t, map[string]string{"proc/self/task/10/stat": "10 (truncated"})
	_, err := openAtRoot(t, root).uninterruptible(nil)
	if !errors.Is(err, errMalformed) || !strings.Contains(err.Error(), filepath.Join(root, "proc/self/task/10/stat")) {
		t.Errorf("got %v", err)
	}
}

// TestUninterruptible finds a thread in state D: one that starts a program waits so until the program runs (vfork(2)), and
// it does not run while this test holds a write lease on its file (F_SETLEASE, fcntl(2)). The starting thread keeps its P
// all the while, so that another is needed and the garbage collector must not stop the world.
func TestUninterruptible(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(4, runtime.NumCPU())))
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	release := lease(t, program)
	r := open(t)
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))

	ran := make(chan error, 1)
	go func() { ran <- exec.Command(program).Run() }()
	ids := make([]int, 0, 64)
	var err error
	for deadline := time.Now().Add(10 * time.Second); len(ids) == 0 && err == nil && time.Now().Before(deadline); {
		ids, err = r.Uninterruptible(ids)
	}
	release()
	if ranErr := <-ran; ranErr != nil {
		t.Errorf("run: %v", ranErr)
	}
	if err != nil || len(ids) != 1 {
		t.Errorf("threads in state D: %v, %v", ids, err)
	}
}

// lease makes whoever opens the file wait until it is released. Closing alone would not release it, as the waiting child
// has a copy of the descriptor.
func lease(t *testing.T, path string) (release func()) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatalf("lease %s: %v", path, err)
	}
	return func() {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK); err != nil {
			t.Errorf("release %s: %v", path, err)
		}
		_ = unix.Close(fd)
	}
}

// childVar tells the test binary to be the child of TestWithoutDescriptors.
const childVar = "PROCESS_TEST_WITHOUT_DESCRIPTORS"

// TestWithoutDescriptors uses up the descriptors of a child process.
func TestWithoutDescriptors(t *testing.T) {
	if os.Getenv(childVar) != "" {
		testWithoutDescriptors(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWithoutDescriptors$", "-test.v")
	cmd.Env = append(os.Environ(), childVar+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "no descriptor was left") {
		t.Errorf("child: %v\n%s", err, out)
	}
}

func testWithoutDescriptors(t *testing.T) {
	t.Helper()
	const limit = 128
	r := open(t)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	before := core(t, r)
	free := known(before, memory(t, r))
	opened := exhaust(t)
	all := before.FDs.Value + uint64(len(opened))
	for range 3 {
		c, m := core(t, r), memory(t, r)
		if got := known(c, m); !slices.Equal(got, free) {
			t.Errorf("readings %v, but %v while descriptors were free", got, free)
		}
		if c.FDs != Some(all) || c.FDLimit != Some[uint64](limit) {
			t.Errorf("descriptors %+v of %+v, want %d of %d", c.FDs, c.FDLimit, all, limit)
		}
		if n, err := r.sys.fdsByEntries(); n != all || err != nil {
			t.Errorf("%d entries, %v", n, err)
		}
		if err := r.sys.readStatus(&m); err != nil {
			t.Error(err)
		}
		if _, err := r.Uninterruptible(nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(); !errors.Is(err, unix.EMFILE) {
		t.Errorf("another reader: %v", err)
	}
	for _, fd := range opened {
		_ = unix.Close(fd)
	}
	t.Log("no descriptor was left")
}

// exhaust opens descriptors until there are no more.
func exhaust(t *testing.T) []int {
	t.Helper()
	var opened []int
	for {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EMFILE) {
			return opened
		}
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, fd)
	}
}

// known lists the readings that are known.
func known(structs ...any) []string {
	var names []string
	for _, s := range structs {
		v := reflect.ValueOf(s)
		for i := range v.NumField() {
			field := v.Field(i)
			if k := field.FieldByName("Known"); k.IsValid() && k.Bool() {
				names = append(names, v.Type().Field(i).Name)
			} else if !k.IsValid() {
				names = append(names, known(field.Interface())...)
			}
		}
	}
	return names
}
