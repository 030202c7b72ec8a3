package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lockBeside makes the folders that are missing and takes the lock beside the database file. Closing the file that it
// returns lets go of it.
func lockBeside(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the history's folder: %w", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the history: %w", err)
	}
	if err := lockSoon(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the history: %w", err), f.Close())
	}
	return f, nil
}

// lockPatience is how long the lock may still be held by who has let go of it: a process that it started, and that has not
// become another program yet, has the descriptor too.
const lockPatience = 250 * time.Millisecond

// lockSoon takes the lock, and tries again for a moment when it is taken.
func lockSoon(f *os.File) error {
	over := time.NewTimer(lockPatience)
	defer over.Stop()
	again := time.NewTicker(lockPatience / 10)
	defer again.Stop()
	for {
		err := lockFile(f)
		if !errors.Is(err, ErrInUse) {
			return err
		}
		select {
		case <-again.C:
		case <-over.C:
			return err
		}
	}
}
