package process

import (
	"fmt"
	"os"
)

// countFDs lists /dev/fd (fd(4)), whose entries are this process's descriptors, the one it is listed with among them.
func countFDs() (uint64, error) {
	dir, err := os.Open("/dev/fd")
	if err != nil {
		return 0, err
	}
	names, err := dir.Readdirnames(-1)
	if err != nil {
		_ = dir.Close()
		return 0, fmt.Errorf("list /dev/fd: %w", err)
	}
	return uint64(len(names)) - 1, dir.Close()
}
