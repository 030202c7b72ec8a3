//go:build unix

package otelhealth

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openWithoutFollowing follows no symbolic link, and waits for no writer of a pipe.
const openWithoutFollowing = unix.O_NOFOLLOW | unix.O_NONBLOCK

// checkPrivate returns an error unless the file is this user's, and nobody outside its group may read or write it. The
// group may: Kubernetes lets that of fsGroup read and write all that is on a volume.
func checkPrivate(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("got %v, want a regular file", info.Mode().Type())
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return fmt.Errorf("got the mode %#o, want 0600: others may read or write it", mode)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("got a file of user %d, want one of user %d", stat.Uid, os.Geteuid())
	}
	return nil
}
