package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the history: %w", err), f.Close())
	}
	return f, nil
}
