//go:build !unix

package otelhealth

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// fileHeader returns the first bytes of the SQLite database at path, "" when the file is empty. Locks belong to handles
// here, so the file may be opened past SQLite.
func fileHeader(path string) (header string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("look at the file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffer := make([]byte, len(sqliteMagic))
	n, err := io.ReadFull(f, buffer)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the header: %w", err)
	}
	return string(buffer[:n]), nil
}
