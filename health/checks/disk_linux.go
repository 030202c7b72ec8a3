package checks

import "golang.org/x/sys/unix"

// roomAt counts in fragments: file systems in user space have larger blocks for input and output.
func roomAt(path string) (room, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return room{}, err
	}
	fragment := uint64(s.Frsize)
	return room{free: s.Bavail * fragment, total: s.Blocks * fragment}, nil
}
