package spool

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// What a process that a test starts is to do, and with which folder.
const (
	roleEnv   = "SPOOL_TEST_ROLE"
	folderEnv = "SPOOL_TEST_FOLDER"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(folderEnv)
	switch os.Getenv(roleEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "put":
		childPuts(dir)
	default:
		childIsLimited(dir)
	}
}

// child starts a process for that role, and returns what it says line by line. It is killed with the test.
func child(t *testing.T, role, dir string) (said *bufio.Scanner, kill func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), roleEnv+"="+role, folderEnv+"="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewScanner(out), func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()         // killed
	}
}

// payloadOf is a request that tells its number, longer than what is written at once.
func payloadOf(number int) string { return strconv.Itoa(number) + strings.Repeat(" points", 5000) }

// atOnce is how many requests a child keeps at most: however late it is killed, the spool has room for those of all.
const atOnce = 25

// childPuts keeps requests from the one on that follows those in the folder, says so after each, and never ends.
func childPuts(dir string) {
	s := New(Config{Dir: dir, MaxBytes: 64 << 20, MaxAge: time.Hour})
	err := s.Open(time.Now())
	first := s.State().Queued
	for number := first; err == nil; number++ {
		if number == first+atOnce {
			<-time.After(time.Hour)
		}
		if err = s.Put(time.Now(), time.Now(), []byte(payloadOf(number))); err == nil {
			fmt.Println(number)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestKilledProcessLosesNothingThatItKept kills a process at random moments, and finds all that it said it had kept.
func TestKilledProcessLosesNothingThatItKept(t *testing.T) {
	const kills = 60
	dir := folder(t)
	random := rand.New(rand.NewPCG(1, 2))
	kept := 0
	for range kills {
		said, kill := child(t, "put", dir)
		for range 1 + random.IntN(8) {
			if !said.Scan() {
				break
			}
			number, err := strconv.Atoi(said.Text())
			if err != nil {
				kill()
				t.Fatal(said.Text())
			}
			kept = max(kept, number+1)
		}
		kill()

		s := New(Config{Dir: dir, MaxBytes: 64 << 20, MaxAge: time.Hour})
		if err := s.Open(time.Now()); err != nil {
			t.Fatal(err)
		}
		if state := s.State(); state.Queued < kept || state.Dropped != (Dropped{}) {
			t.Fatalf("%d of %d are left, dropped %+v", state.Queued, kept, state.Dropped)
		}
		kept = s.State().Queued // also what was kept and not said any more
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Config{Dir: dir, MaxBytes: 64 << 20, MaxAge: time.Hour}, time.Now())
	for i, payload := range takeAll(t, s) {
		if payload != payloadOf(i) {
			t.Fatalf("request %d is %.20q", i, payload)
		}
	}
}

func TestFolderBelongsToOneProcess(t *testing.T) {
	dir := folder(t)
	said, kill := child(t, "put", dir)
	defer kill()
	if !said.Scan() {
		t.Fatal("it keeps nothing")
	}
	s := spoolOfAnother(t, dir)
	if err := s.Put(time.Now(), time.Now(), nil); !errors.Is(err, ErrInUse) {
		t.Errorf("put: got %v, want %v", err, ErrInUse)
	}
	if !errors.Is(s.State().Err, ErrInUse) {
		t.Errorf("state: got %v, want %v", s.State().Err, ErrInUse)
	}
	kill()
	if err := s.Open(time.Now()); err != nil || s.State().Queued == 0 {
		t.Errorf("after its end: got %v with %d requests", err, s.State().Queued)
	}
	if err := s.State().Err; err != nil {
		t.Errorf("state: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// spoolOfAnother returns a spool whose folder another process has.
func spoolOfAnother(t *testing.T, dir string) *Spool {
	t.Helper()
	s := New(Config{Dir: dir, MaxBytes: 64 << 20, MaxAge: time.Hour})
	if err := s.Open(time.Now()); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want %v", err, ErrInUse)
	}
	return s
}
