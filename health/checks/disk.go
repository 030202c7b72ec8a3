package checks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// DiskOption says how much room [DiskSpace] wants.
type DiskOption func(*diskProbe)

// MinFree wants at least so many free bytes.
func MinFree(bytes uint64) DiskOption {
	return func(p *diskProbe) { p.bytes = bytes }
}

// MinFreeShare wants at least that share of the file system free: above 0, and at most 1.
func MinFreeShare(share float64) DiskOption {
	return func(p *diskProbe) { p.share = &share }
}

// DiskSpace asks how much of the file system that holds path, a file or folder that exists, is free for this process:
// what is reserved for others, or is beyond a quota where the system tells, does not count. At least one of [MinFree] and
// [MinFreeShare] must be given; with both, both must hold. The system cannot be asked with a deadline: on a network file
// system that hangs the probe does not return either. Where the system cannot be asked at all the error wraps
// [errors.ErrUnsupported].
func DiskSpace(path string, options ...DiskOption) func(context.Context) error {
	p := &diskProbe{path: path}
	for _, option := range options {
		option(p)
	}
	switch {
	case path == "":
		return failing(wrong("path", path, "a file or folder"))
	case p.bytes == 0 && p.share == nil:
		return failing(errors.New("DiskSpace: got no least room, want MinFree above 0 or MinFreeShare"))
	case p.share != nil && !(*p.share > 0 && *p.share <= 1): // NaN is neither
		return failing(fmt.Errorf("MinFreeShare: got %v, want above 0 and at most 1", *p.share))
	}
	return p.probe
}

type diskProbe struct {
	path  string
	bytes uint64
	share *float64 // nil: any
}

// room is what a file system has, in bytes.
type room struct{ free, total uint64 }

func (p *diskProbe) probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := roomAt(p.path)
	if err != nil {
		return fmt.Errorf("ask how much of the file system of %q is free: %w", p.path, err)
	}
	return p.judge(r)
}

func (p *diskProbe) judge(r room) error {
	if r.total == 0 {
		return fmt.Errorf("%s: the file system has no size", p.path)
	}
	share := float64(r.free) / float64(r.total)
	want := ""
	switch {
	case r.free < p.bytes:
		want = inBytes(p.bytes)
	case p.share != nil && share < *p.share:
		want = inPercent(*p.share)
	default:
		return nil
	}
	return fmt.Errorf("%s: %s of %s free (%s), want at least %s", p.path, inBytes(r.free), inBytes(r.total), inPercent(share), want)
}

func inPercent(share float64) string { return strconv.FormatFloat(share*100, 'f', 2, 64) + " %" }

// inBytes shows a number of bytes in the largest unit in which it is at least 1.
func inBytes(n uint64) string {
	value, unit := float64(n), 0
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.2f %s", value, units[unit])
}
