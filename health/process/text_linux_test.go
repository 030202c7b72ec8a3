package process

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	for _, row := range []struct {
		name, text, key string
		unit            uint64
		want            Opt[uint64]
		malformed       bool
	}{
		{"a line", "VmSwap:\t      12 kB\n", "VmSwap:", kibibyte, Some[uint64](12288), false},
		{"a later line", "cache 1\ninactive_file 2\n", "inactive_file", 1, Some[uint64](2), false},
		{"without a newline", "oom_kill 3", "oom_kill", 1, Some[uint64](3), false},
		{"not a longer key", "oom_kill_disable 1\noom_kill 2\n", "oom_kill", 1, Some[uint64](2), false},
		{"not a key's end", "total_inactive_file 1\n", "inactive_file", 1, Opt[uint64]{}, false},
		{"not within a line", "Name:\tVmSwap: 1 kB\n", "VmSwap:", 1, Opt[uint64]{}, false},
		{"an empty text", "", "VmSwap:", 1, Opt[uint64]{}, false},
		{"the greatest number", "a 18446744073709551615\n", "a", 1, Some[uint64](math.MaxUint64), false},
		{"too great", "a 18446744073709551616\n", "a", 1, Opt[uint64]{}, true},
		{"too great in bytes", "a 18446744073709551615\n", "a", 2, Opt[uint64]{}, true},
		{"no number", "a kB\n", "a", 1, Opt[uint64]{}, true},
		{"a negative number", "a -1\n", "a", 1, Opt[uint64]{}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := text{path: "/file", data: []byte(row.text)}
			got := text.number(row.key, row.unit)
			if row.malformed {
				if got.Known || !errors.Is(got.Err, errMalformed) || !errors.Is(text.err, got.Err) {
					t.Errorf("got %+v", got)
				}
				return
			}
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestTotal(t *testing.T) {
	const (
		some = "some avg10=0.12 avg60=0.00 avg300=0.00 total=1500\n"
		full = "full avg10=0.00 avg60=0.00 avg300=0.00 total=25\n"
	)
	for _, row := range []struct {
		name, text, key string
		want            Opt[time.Duration]
	}{
		{"some", some + full, "some", Some(1500 * time.Microsecond)},
		{"full", some + full, "full", Some(25 * time.Microsecond)},
		{"no full for the CPU before kernel 5.13", some, "full", Opt[time.Duration]{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := text{data: []byte(row.text)}
			if got := text.total(row.key); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
	for _, malformed := range []string{"some avg10=0.00\n", "some total=x\n", "some total=9223372036854775807\n"} {
		text := text{path: "cpu.pressure", data: []byte(malformed)}
		if got := text.total("some"); got.Known || !errors.Is(got.Err, errMalformed) {
			t.Errorf("total of %q is %+v", malformed, got)
		}
	}
}

func TestStatField(t *testing.T) {
	for _, comm := range []string{"plain", "two words", ") R 1 2 (", "a)b) c", ""} {
		data := []byte(stat(comm, 'D', 7, 12345))
		threads, ok := statField(data, 20)
		start, ok2 := statField(data, 22)
		state, ok3 := threadState(data)
		if threads != 7 || start != 12345 || state != 'D' || !ok || !ok2 || !ok3 {
			t.Errorf("command %q: %d threads, start %d, state %c", comm, threads, start, state)
		}
	}
	for _, data := range []string{"", "1", "1 (a", "1 (a)", "1 (a) "} {
		if n, ok := statField([]byte(data), 20); ok {
			t.Errorf("field 20 of %q is %d", data, n)
		}
		if c, ok := threadState([]byte(data)); ok {
			t.Errorf("state of %q is %c", data, c)
		}
	}
}

func FuzzNumber(f *testing.F) {
	f.Add("VmSwap:\t 12 kB\n", "VmSwap:")
	f.Add("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n", "some")
	f.Add("max\n", "")
	f.Fuzz(func(t *testing.T, data, key string) {
		for _, read := range []func(*text) bool{
			func(t *text) bool { return t.number(key, kibibyte).Known },
			func(t *text) bool { return t.duration(key, time.Microsecond).Known },
			func(t *text) bool { return t.total(key).Known },
			func(t *text) bool { return t.first(1).Known },
			func(t *text) bool { return t.value().Known },
		} {
			text := text{data: []byte(data)}
			if known := read(&text); known && text.err != nil {
				t.Errorf("known, and failed with %v", text.err)
			}
		}
	})
}

func FuzzCutNumber(f *testing.F) {
	f.Add("  12 kB")
	f.Add("18446744073709551616")
	f.Fuzz(func(t *testing.T, s string) {
		got, rest, ok := cutNumber([]byte(s))
		trimmed := strings.TrimLeft(s, " \t")
		digits := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "0123456789"))]
		want, err := strconv.ParseUint(digits, 10, 64)
		if ok != (err == nil) || ok && (got != want || string(rest) != trimmed[len(digits):]) {
			t.Errorf("number of %q is %d, %v, then %q", s, got, ok, rest)
		}
	})
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(stat("a) b", 'R', 1, 2)), 22)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		statField(data, n)
		threadState(data)
	})
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte("inode---offset--\x18\x00\x0412\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = eachEntry(data, func(uint64) error { return nil })
	})
}
