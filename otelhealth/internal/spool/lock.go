package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrInUse is the error while another process keeps its requests in the folder.
var ErrInUse = errors.New("in use by another process")

// lockFolder makes the folders that are missing and takes the lock. Closing the file that it returns lets go of it.
func lockFolder(dir string) (*os.File, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockSoon(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), f.Close())
	}
	return f, nil
}

// lockPatience is how long the lock may still be held by who has let go of it: a process that it started, and that has
// not become another program yet, has the descriptor too.
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
