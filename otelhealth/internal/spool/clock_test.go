package spool

import (
	"testing"
	"time"
	"unsafe"
)

// brief is a configuration in which requests expire after half an hour.
func brief(dir string) Config { return Config{Dir: dir, MaxBytes: 1 << 20, MaxAge: 30 * time.Minute} }

// jumped returns the time that the clock shows at t after it was set by so many whole seconds, which the monotonic reading
// does not follow. There is no other way to such a time than to set the machine's clock.
func jumped(tb testing.TB, t time.Time, d time.Duration) time.Time {
	tb.Helper()
	after := t
	*(*int64)(unsafe.Pointer(&after)) += int64(d/time.Second) << 30 // time.Time.wall has the seconds above 30 bits
	if got := after.Round(0).Sub(t.Round(0)); got != d || after.Sub(t) != 0 {
		tb.Fatalf("the clock jumped by %v and the monotonic one by %v, want %v and 0s", got, after.Sub(t), d)
	}
	return after
}

// putPoints keeps a request whose points are of now; their time has no monotonic reading.
func putPoints(tb testing.TB, s *Spool, now time.Time) {
	tb.Helper()
	if err := s.Put(now, now.Round(0), []byte("a")); err != nil {
		tb.Fatal(err)
	}
}

func TestClockThatJumps(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	for _, test := range []struct {
		name    string
		jump    time.Duration // after the request was kept
		passed  time.Duration // since then
		expired int64
	}{
		{"ahead, and nothing is too old", time.Hour, time.Second, 0},
		{"back, and nothing is too old", -day, time.Second, 0},
		{"ahead, and its age is not too old", day, 30 * time.Minute, 0},
		{"ahead, and it expires in its time", day, 30*time.Minute + 1, 1},
		{"back, and it expires in its time", -day, 30*time.Minute + 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, brief(folder(t)), now)
			putPoints(t, s, now)
			s.Expire(jumped(t, now, test.jump))
			s.Expire(jumped(t, now.Add(test.passed), test.jump))
			want(t, "dropped", s.State().Dropped, Dropped{Expired: test.expired})
		})
	}
}

func TestClockThatJumpsAndIsSetRightDropsNothing(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			s := open(t, brief(folder(t)), now)
			putPoints(t, s, now)
			s.Expire(jumped(t, now, jump))
			s.Expire(now.Add(time.Second))
			want(t, "dropped", s.State().Dropped, Dropped{})
			want(t, "oldest", s.State().Oldest.Equal(now), true)
		})
	}
}

// TestTimesThatWereSetBackAndRightDropNothing has times without a monotonic reading.
func TestTimesThatWereSetBackAndRightDropNothing(t *testing.T) {
	s := open(t, brief(folder(t)), epoch)
	put(t, s, epoch, "a")
	s.Expire(epoch.Add(-time.Hour))
	s.Expire(epoch.Add(time.Second))
	want(t, "dropped", s.State().Dropped, Dropped{})
	want(t, "oldest", s.State().Oldest, epoch)
}

// TestRequestOfTheFutureExpires has one that an earlier process kept before the clock was set back.
func TestRequestOfTheFutureExpires(t *testing.T) {
	dir := folder(t)
	first := New(brief(dir))
	now := time.Now()
	ahead := now.Add(24 * time.Hour)
	putPoints(t, first, ahead)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, brief(dir), now)
	second.Expire(now.Add(30 * time.Minute))
	want(t, "dropped", second.State().Dropped, Dropped{})
	want(t, "oldest", second.State().Oldest.Equal(ahead), true)
	second.Expire(now.Add(30*time.Minute + 1))
	want(t, "dropped", second.State().Dropped, Dropped{Expired: 1})
}
