package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockPatience is how long the lock may still be held by who has let go of it: a process that it started, and that has not
// become another program yet, has the descriptor too.
const lockPatience = 250 * time.Millisecond

// lockBeside makes the folders that are missing and takes the lock beside the database file.
func lockBeside(path string) (*flock.Flock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the history's folder: %w", err)
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o644))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	_, err := lock.TryLockContext(ctx, lockPatience/10)
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("lock the history: %w", err)
	}
	return lock, nil
}
