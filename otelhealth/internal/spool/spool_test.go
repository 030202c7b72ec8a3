package spool

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// roomy is a configuration in which nothing is dropped.
func roomy(dir string) Config { return Config{Dir: dir, MaxBytes: 1 << 20, MaxAge: math.MaxInt64} }

func folder(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "db", "health.db.spool")
}

// open returns an open spool that is closed with the test.
func open(tb testing.TB, c Config, now time.Time) *Spool {
	tb.Helper()
	s := New(c)
	if err := s.Open(now); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func put(tb testing.TB, s *Spool, now time.Time, payloads ...string) {
	tb.Helper()
	for _, payload := range payloads {
		if err := s.Put(now, now, []byte(payload)); err != nil {
			tb.Fatal(err)
		}
	}
}

// takeAll delivers what is in the spool, and returns it.
func takeAll(tb testing.TB, s *Spool) (payloads []string) {
	tb.Helper()
	for {
		r, ok, err := s.Take(0)
		if err != nil {
			tb.Fatal(err)
		}
		if !ok {
			return payloads
		}
		payloads = append(payloads, string(r.Payload))
		s.Delivered(r.Number)
	}
}

func want(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// records returns the names of the files with requests.
func records(tb testing.TB, dir string) []string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		tb.Fatal(err)
	}
	return names
}

func TestRequestsComeOutInTheirOrderAcrossRestarts(t *testing.T) {
	dir := folder(t)
	first := New(roomy(dir))
	put(t, first, epoch, "a", "b", "c")
	r, ok, err := first.Take(0)
	if !ok || err != nil || string(r.Payload) != "a" {
		t.Fatalf("got %q, %v, %v", r.Payload, ok, err)
	}
	first.Delivered(r.Number)
	if _, ok, _ := first.Take(0); !ok {
		t.Fatal("no second request")
	} // it is under way when the process ends
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := open(t, roomy(dir), epoch)
	put(t, second, epoch, "d")
	state := second.State()
	want(t, "queued", state.Queued, 3)
	want(t, "oldest", state.Oldest.UTC(), epoch)
	want(t, "bytes", state.Bytes, 3*(headerSize+1))
	want(t, "requests", takeAll(t, second), []string{"b", "c", "d"})
	want(t, "left", second.State(), State{})
	want(t, "files", records(t, dir), []string(nil))
}

func TestOnlyTheOwnerMayReadWhatIsKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say little here")
	}
	dir := folder(t)
	s := open(t, roomy(dir), epoch)
	put(t, s, epoch, "a")
	for path, mode := range map[string]os.FileMode{dir: 0o700, records(t, dir)[0]: 0o600, filepath.Join(dir, "lock"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		want(t, path, info.Mode().Perm(), mode)
	}
}

// TestDamagedRequestIsSkipped tears the second of three at every byte, and changes each of its bytes.
func TestDamagedRequestIsSkipped(t *testing.T) {
	dir := folder(t)
	whole := encode(epoch, []byte("second"))
	damaged := func(what string, content []byte) {
		t.Helper()
		s := New(roomy(dir))
		put(t, s, epoch, "first", "second", "third")
		if err := os.WriteFile(records(t, dir)[1], content, 0o600); err != nil {
			t.Fatal(err)
		}
		beside := takeAll(t, s) // it is damaged while it is known
		want(t, what, beside, []string{"first", "third"})
		want(t, what+", dropped", s.State().Dropped, Dropped{Damaged: 1})
		put(t, s, epoch, "first", "second", "third")
		if err := os.WriteFile(records(t, dir)[1], content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		s = New(roomy(dir)) // it was damaged before
		if err := s.Open(epoch); err != nil {
			t.Fatal(err)
		}
		want(t, what, takeAll(t, s), []string{"first", "third"})
		want(t, what+", dropped", s.State().Dropped, Dropped{Damaged: 1})
		want(t, what+", left", len(records(t, dir)), 0)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for n := range whole {
		damaged(fmt.Sprintf("torn after %d bytes", n), whole[:n])
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x40
		damaged(fmt.Sprintf("byte %d changed", i), changed)
	}
	damaged("of another kind", []byte("x"))
}

func TestFilesOfOthersStay(t *testing.T) {
	dir := folder(t)
	put(t, open(t, roomy(dir), epoch), epoch, "a")
	for _, name := range []string{"notes.txt", "1.otlp", "000000000000000G.otlp", "00000000000000AB.otlp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, fileName(7)), 0o700); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s := open(t, roomy(other), epoch)
	want(t, "requests", takeAll(t, s), []string{"a"})
	want(t, "dropped", s.State().Dropped, Dropped{})
	for _, name := range []string{"notes.txt", "1.otlp", fileName(7)} {
		if _, err := os.Stat(filepath.Join(other, name)); err != nil {
			t.Error(err)
		}
	}
}

// mkdirInstead puts a folder with a file in it in the record's place.
func mkdirInstead(tb testing.TB, record string) {
	tb.Helper()
	err := errors.Join(os.Remove(record), os.Mkdir(record, 0o700), os.WriteFile(filepath.Join(record, "notes.txt"), nil, 0o600))
	if err != nil {
		tb.Fatal(err)
	}
}

func TestUnreadableRequestIsPassedOverAndExpires(t *testing.T) {
	dir := folder(t)
	s := open(t, Config{Dir: dir, MaxBytes: 1 << 20, MaxAge: time.Minute}, epoch)
	put(t, s, epoch, "a", "b")
	unreadable := records(t, dir)[0]
	mkdirInstead(t, unreadable)
	r, ok, err := s.Take(0)
	if r.Number == 0 || ok || err == nil {
		t.Fatalf("got the number %d, %v, %v, want its number and an error", r.Number, ok, err)
	}
	b, ok, err := s.Take(r.Number)
	if !ok || err != nil || string(b.Payload) != "b" {
		t.Errorf("got %q, %v, %v, want b", b.Payload, ok, err)
	}
	s.Delivered(b.Number)
	s.Expire(epoch.Add(time.Minute + 1))
	want(t, "state", s.State(), State{Dropped: Dropped{Expired: 1}})
	if _, err := os.Stat(filepath.Join(unreadable, "notes.txt")); err != nil {
		t.Error(err)
	}
}

func TestNumberOfAFolderIsNotUsedAgain(t *testing.T) {
	dir := folder(t)
	first := New(roomy(dir))
	put(t, first, epoch, "a", "b", "c")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	mkdirInstead(t, records(t, dir)[2])
	second := open(t, roomy(dir), epoch)
	put(t, second, epoch, "d")
	want(t, "requests", takeAll(t, second), []string{"a", "b", "d"})
	want(t, "state", second.State(), State{})
}

func TestOldestMakeRoom(t *testing.T) {
	const size, most = 1 << 20, 64 << 20
	dir := folder(t)
	s := open(t, Config{Dir: dir, MaxBytes: most, MaxAge: time.Hour}, epoch)
	payload := make([]byte, size-headerSize)
	for i := range 70 {
		payload[0] = byte(i)
		put(t, s, epoch, string(payload))
		var sum int64
		for _, name := range records(t, dir) {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			sum += info.Size()
		}
		if state := s.State(); sum > most || state.Bytes != sum {
			t.Fatalf("after %d requests there are %d bytes, known are %d, want at most %d", i+1, sum, state.Bytes, most)
		}
	}
	want(t, "dropped", s.State().Dropped, Dropped{Full: 6})
	left := takeAll(t, s)
	if len(left) != 64 || left[0][0] != 6 || left[63][0] != 69 {
		t.Errorf("%d requests are left, from %d to %d", len(left), left[0][0], left[len(left)-1][0])
	}
}

func TestRequestLargerThanTheSpoolCostsNoOther(t *testing.T) {
	s := open(t, Config{Dir: folder(t), MaxBytes: 100, MaxAge: time.Hour}, epoch)
	put(t, s, epoch, "a", "b")
	err := s.Put(epoch, epoch, make([]byte, 100))
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), fmt.Sprintf("got %d bytes, want at most 100", 100+headerSize)) {
		t.Errorf("got %v", err)
	}
	want(t, "dropped", s.State().Dropped, Dropped{})
	want(t, "the spool's error", s.State().Err, nil)
	want(t, "left", takeAll(t, s), []string{"a", "b"})
}

func TestRequestThatFindsNoRoomBesideOneOnItsWayCostsNoOther(t *testing.T) {
	s := open(t, Config{Dir: folder(t), MaxBytes: 150, MaxAge: time.Hour}, epoch)
	put(t, s, epoch, strings.Repeat("a", 60), "b")
	r, _, err := s.Take(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(epoch, epoch, make([]byte, 60)); err == nil || errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want an error that passes", err)
	}
	want(t, "dropped", s.State().Dropped, Dropped{})
	s.Delivered(r.Number)
	want(t, "left", takeAll(t, s), []string{"b"})
}

func TestRequestThatFindsNoRoomIsAnError(t *testing.T) {
	s := open(t, Config{Dir: folder(t), MaxBytes: 100, MaxAge: time.Hour}, epoch)
	put(t, s, epoch, strings.Repeat("a", 60))
	r, _, err := s.Take(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(epoch, epoch, make([]byte, 60)); err == nil {
		t.Error("there was room beside what is on its way")
	}
	s.Probe() // the disk would take it
	if s.State().Err == nil {
		t.Error("the state says nothing")
	}
	s.Release(r.Number)
	s.Probe()
	want(t, "the error when there is room", s.State().Err, nil)
	put(t, s, epoch, strings.Repeat("b", 60))
	want(t, "left", takeAll(t, s), []string{strings.Repeat("b", 60)})
	want(t, "state", s.State(), State{Dropped: Dropped{Full: 1}})
}

func TestOldRequestsAreDropped(t *testing.T) {
	for _, test := range []struct {
		name string
		now  time.Duration // after the three were kept, ten minutes from each other
		left []string
	}{
		{"the age itself is not too old", 10 * time.Minute, []string{"a", "b", "c"}},
		{"one is", 10*time.Minute + 1, []string{"b", "c"}},
		{"all are", time.Hour, nil},
		{"the clock was set back", -24 * time.Hour, []string{"a", "b", "c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, Config{Dir: folder(t), MaxBytes: 1 << 20, MaxAge: 30 * time.Minute}, epoch)
			last := epoch
			for i, payload := range []string{"a", "b", "c"} {
				last = epoch.Add(time.Duration(i) * 10 * time.Minute)
				put(t, s, last, payload)
			}
			s.Expire(last.Add(test.now))
			want(t, "dropped", s.State().Dropped, Dropped{Expired: int64(3 - len(test.left))})
			want(t, "left", takeAll(t, s), test.left)
		})
	}
}

func TestAgeIsThatOfThePoints(t *testing.T) {
	s := open(t, Config{Dir: folder(t), MaxBytes: 1 << 20, MaxAge: time.Minute}, epoch)
	if err := s.Put(epoch.Add(50*time.Second), epoch, []byte("a")); err != nil {
		t.Fatal(err)
	}
	s.Expire(epoch.Add(time.Minute + 1))
	want(t, "dropped", s.State().Dropped, Dropped{Expired: 1})
}

func TestWhatIsOnItsWayIsNotDropped(t *testing.T) {
	s := open(t, Config{Dir: folder(t), MaxBytes: 100, MaxAge: time.Minute}, epoch)
	put(t, s, epoch, "a")
	r, _, err := s.Take(0)
	if err != nil {
		t.Fatal(err)
	}
	if other, ok, _ := s.Take(0); ok {
		t.Errorf("%q was taken twice", other.Payload)
	}
	s.Expire(epoch.Add(time.Hour))
	want(t, "dropped", s.State().Dropped, Dropped{})
	s.Release(r.Number)
	s.Expire(epoch.Add(time.Hour))
	want(t, "dropped", s.State().Dropped, Dropped{Expired: 1})
}

func TestTakePassesOver(t *testing.T) {
	s := open(t, roomy(folder(t)), epoch)
	put(t, s, epoch, "a", "b")
	a, _, _ := s.Take(0)
	s.Release(a.Number)
	b, ok, err := s.Take(a.Number)
	if !ok || err != nil || string(b.Payload) != "b" {
		t.Errorf("got %q, %v, %v, want b", b.Payload, ok, err)
	}
	if _, ok, _ := s.Take(b.Number); ok {
		t.Error("there is one behind the last")
	}
	s.Rejected(b.Number)
	want(t, "dropped", s.State().Dropped, Dropped{Rejected: 1})
}

func TestFolderThatIsRemovedIsMadeAnew(t *testing.T) {
	dir := folder(t)
	s := open(t, roomy(dir), epoch)
	put(t, s, epoch, "a", "b")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	put(t, s, epoch, "c")
	want(t, "state", s.State().Err, error(nil))
	want(t, "dropped", s.State().Dropped, Dropped{Damaged: 2})
	want(t, "left", takeAll(t, s), []string{"c"})
}

// TestFolderThatAnotherHasMadeAnewIsLeftAlone removes the folder of a spool, and gives it to another.
func TestFolderThatAnotherHasMadeAnewIsLeftAlone(t *testing.T) {
	for name, use := range map[string]func(*Spool) error{
		"put":  func(s *Spool) error { return s.Put(epoch, epoch, []byte("mine")) },
		"open": func(s *Spool) error { return s.Open(epoch) }, // before it takes and expires
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			a := open(t, roomy(dir), epoch)
			put(t, a, epoch, "lost")
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			b := New(roomy(dir))
			put(t, b, epoch, "theirs")
			if err := use(a); !errors.Is(err, ErrInUse) || !errors.Is(a.State().Err, ErrInUse) {
				t.Errorf("got %v, and the state %v, want %v", err, a.State().Err, ErrInUse)
			}
			want(t, "records", len(records(t, dir)), 1)
			want(t, "theirs", takeAll(t, b), []string{"theirs"})
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			put(t, a, epoch, "mine")
			want(t, "mine", takeAll(t, a), []string{"mine"})
			want(t, "state", a.State(), State{Dropped: Dropped{Damaged: 1}})
		})
	}
}

func TestFolderThatCannotBeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		s := New(roomy(dir))
		if err := s.Open(epoch); err == nil {
			t.Errorf("%s was opened", dir)
		}
		if err := s.Put(epoch, epoch, nil); err == nil || s.State().Err == nil {
			t.Errorf("%s: got %v, %v, want errors", dir, err, s.State().Err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestClosedSpoolKeepsNothing(t *testing.T) {
	s := New(roomy(folder(t)))
	put(t, s, epoch, "a")
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(epoch, epoch, nil); !errors.Is(err, errClosed) {
		t.Errorf("got %v, want %v", err, errClosed)
	}
}

// TestEveryRequestIsDeliveredOnceOrCounted does all that can be done to a spool in a random order.
func TestEveryRequestIsDeliveredOnceOrCounted(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			c := Config{Dir: folder(t), MaxBytes: 2000, MaxAge: 20 * time.Second}
			s, now := New(c), epoch
			var dropped Dropped // by the spools before
			given := 0
			delivered := make(map[string]int)
			for range 300 {
				now = now.Add(time.Duration(random.IntN(2000)) * time.Millisecond)
				switch random.IntN(10) {
				default:
					put(t, s, now, fmt.Sprint(given, strings.Repeat("x", random.IntN(200))))
					given++
				case 0, 1, 2, 3:
					if r, ok, _ := s.Take(0); ok {
						settle(s, random.IntN(6), r, delivered)
					}
				case 4:
					s.Expire(now)
				case 5:
					now = now.Add(-30 * time.Second) // the clock is set back
				case 6:
					if names := records(t, c.Dir); len(names) > 0 {
						if err := os.Truncate(names[random.IntN(len(names))], int64(random.IntN(headerSize+5))); err != nil {
							t.Fatal(err)
						}
					}
				case 7:
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					add(&dropped, s.State().Dropped)
					s = New(c)
					if err := s.Open(now); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, payload := range takeAll(t, s) {
				delivered[payload]++
			}
			add(&dropped, s.State().Dropped)
			for payload, n := range delivered {
				if n != 1 {
					t.Errorf("%q was delivered %d times", payload, n)
				}
			}
			sum := len(delivered) + int(dropped.Rejected+dropped.Expired+dropped.Full+dropped.Damaged)
			want(t, fmt.Sprintf("%d delivered and %+v", len(delivered), dropped), sum, given)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func settle(s *Spool, outcome int, r Request, delivered map[string]int) {
	switch outcome {
	case 0:
		s.Rejected(r.Number)
	case 1, 2:
		s.Release(r.Number)
	default:
		delivered[string(r.Payload)]++
		s.Delivered(r.Number)
	}
}

func add(sum *Dropped, d Dropped) {
	sum.Rejected += d.Rejected
	sum.Expired += d.Expired
	sum.Full += d.Full
	sum.Damaged += d.Damaged
}

// BenchmarkPut keeps a request of the size of a small service's.
func BenchmarkPut(b *testing.B) {
	s := open(b, Config{Dir: folder(b), MaxBytes: 64 << 20, MaxAge: time.Hour}, epoch)
	payload := make([]byte, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Put(epoch, epoch, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkState(b *testing.B) {
	s := open(b, roomy(folder(b)), epoch)
	put(b, s, epoch, "a")
	b.ReportAllocs()
	for b.Loop() {
		s.State()
	}
}
