//go:build unix

package spool

import (
	"errors"
	"os"
)

// syncFolder makes the names in the folder outlast a loss of power.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
