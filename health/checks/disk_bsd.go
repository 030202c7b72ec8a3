//go:build darwin || freebsd

package checks

import "golang.org/x/sys/unix"

func roomAt(path string) (room, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return room{}, err
	}
	block := uint64(s.Bsize)
	free := uint64(max(s.Bavail, 0)) // below 0 on FreeBSD when the reserve is in use
	return room{free: free * block, total: s.Blocks * block}, nil
}
