//go:build unix && !linux

package process

import (
	"fmt"
	"syscall"
)

// readFDLimit reads the soft RLIMIT_NOFILE; RLIM_INFINITY, here the greatest signed number, is no limit.
func readFDLimit(c *Core) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		err = fmt.Errorf("getrlimit RLIMIT_NOFILE: %w", err)
		c.FDLimit = failed[uint64](err)
		return err
	}
	if n := uint64(limit.Cur); n < 1<<63-1 {
		c.FDLimit = Some(n)
	}
	return nil
}
