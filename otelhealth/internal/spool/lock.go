package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrInUse is the error while another process keeps its requests in the folder.
var ErrInUse = errors.New("in use by another process")

// lockPatience is how long the lock may still be held by who has let go of it: a process that it started, and that has
// not become another program yet, has the descriptor too.
const lockPatience = 250 * time.Millisecond

const lockName = "lock"

// lockFolder makes the folders that are missing and takes the lock.
func lockFolder(dir string) (*flock.Flock, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	_, err := lock.TryLockContext(ctx, lockPatience/10)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	return lock, nil
}

// isLockOf reports whether the lock that is held is the one in the folder. It is not once the folder was removed, whoever
// has made it anew.
func isLockOf(lock *flock.Flock, dir string) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(filepath.Join(dir, lockName))
	return err == nil && os.SameFile(held, there)
}
