package process

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
)

const kibibyte = 1 << 10

var errMalformed = errors.New("malformed")

// text is one read of a kernel file. Its methods take numbers out of it without allocating: a number that is not
// there is left out, and what cannot be parsed is unknown and sets err.
type text struct {
	path string
	data []byte
	err  error // of the read, or the first of parsing
}

// number returns the number after key at the beginning of a line, times unit: "VmSwap:     12 kB".
func (t *text) number(key string, unit uint64) Opt[uint64] {
	if t.err != nil {
		return failed[uint64](t.err)
	}
	line, ok := findLine(t.data, key)
	if !ok {
		return Opt[uint64]{}
	}
	return t.parse(line, key, unit, math.MaxUint64)
}

// duration returns the time after key at the beginning of a line, given in units.
func (t *text) duration(key string, unit time.Duration) Opt[time.Duration] {
	if t.err != nil {
		return failed[time.Duration](t.err)
	}
	line, ok := findLine(t.data, key)
	if !ok {
		return Opt[time.Duration]{}
	}
	return asDuration(t.parse(line, key, uint64(unit), math.MaxInt64))
}

// total returns the total of a line of pressure stall information:
// "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345", in microseconds.
func (t *text) total(key string) Opt[time.Duration] {
	if t.err != nil {
		return failed[time.Duration](t.err)
	}
	line, ok := findLine(t.data, key)
	if !ok {
		return Opt[time.Duration]{}
	}
	_, total, _ := bytes.Cut(line, []byte(" total="))
	return asDuration(t.parse(total, key, uint64(time.Microsecond), math.MaxInt64))
}

// first takes the number at the beginning of the text off it, and returns it times unit.
func (t *text) first(unit uint64) Opt[uint64] {
	if t.err != nil {
		return failed[uint64](t.err)
	}
	n := t.parse(t.data, "a number", unit, math.MaxUint64)
	_, t.data, _ = cutNumber(t.data)
	return n
}

// value returns the only number of the text; it is left out when the text is "max", as in memory.max.
func (t *text) value() Opt[uint64] {
	if t.err != nil {
		return failed[uint64](t.err)
	}
	if t.data == nil || bytes.HasPrefix(t.data, []byte("max")) {
		return Opt[uint64]{}
	}
	return t.parse(t.data, "the value", 1, math.MaxUint64)
}

// parse returns the number that s begins with, times unit, which must not exceed most.
func (t *text) parse(s []byte, what string, unit, most uint64) Opt[uint64] {
	v, _, ok := cutNumber(s)
	if !ok || v > most/unit {
		t.fail(what)
		return failed[uint64](t.err)
	}
	return Some(v * unit)
}

func (t *text) fail(what string) {
	t.err = fmt.Errorf("parse %s of %s: %w", what, t.path, errMalformed)
}

func asDuration(n Opt[uint64]) Opt[time.Duration] {
	return Opt[time.Duration]{Value: time.Duration(n.Value), Known: n.Known, Err: n.Err}
}

// findLine returns what follows key and a blank on the line that begins with them.
func findLine(data []byte, key string) ([]byte, bool) {
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		if len(line) > len(key) && string(line[:len(key)]) == key && isBlank(line[len(key)]) {
			return line[len(key):], true
		}
	}
	return nil, false
}

// cutNumber returns the decimal number at the beginning of s, after blanks, and what follows it. It is not ok when
// there is none, or when it does not fit.
func cutNumber(s []byte) (v uint64, rest []byte, ok bool) {
	for len(s) > 0 && isBlank(s[0]) {
		s = s[1:]
	}
	i := 0
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		d := uint64(s[i] - '0')
		if v > (math.MaxUint64-d)/10 {
			return 0, s, false
		}
		v = v*10 + d
	}
	return v, s[i:], i > 0
}

// statField returns field n of a /proc/self/stat, counted from 1 as in proc(5) and greater than 3, whose second field,
// the command's name, may hold blanks and parentheses.
func statField(stat []byte, n int) (uint64, bool) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	rest := stat[i+1:]
	for ; n > 2; n-- {
		i := bytes.IndexByte(rest, ' ')
		if i < 0 {
			return 0, false
		}
		rest = rest[i+1:]
	}
	v, _, ok := cutNumber(rest)
	return v, ok
}

// threadState returns the state letter of a /proc/self/task/*/stat.
func threadState(stat []byte) (byte, bool) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 || i+2 >= len(stat) {
		return 0, false
	}
	return stat[i+2], true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
