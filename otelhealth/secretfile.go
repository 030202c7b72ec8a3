package otelhealth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// newSecret returns 32 characters with 24 random bytes in them.
func newSecret() string {
	secret := make([]byte, 24)
	_, _ = rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

// keptSecret returns the secret in the file at path, which it makes when there is none. All that ask at once get the same
// one. A file that another user could have written or could read is an error, as is one whose text is shorter than
// shortest characters.
func keptSecret(path string, shortest int) (string, error) {
	secret, err := readSecret(path, shortest)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeSecret(path); err == nil {
			secret, err = readSecret(path, shortest)
		}
	}
	if err != nil {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	return secret, nil
}

func readSecret(path string, shortest int) (string, error) {
	if info, err := os.Lstat(path); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: got %v, want a regular file", path, info.Mode().Type())
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openWithoutFollowing, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if err := checkPrivate(info); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	const longest = 1024
	data, err := io.ReadAll(io.LimitReader(f, longest+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(data))
	if len(data) > longest || len(secret) < shortest || strings.ContainsAny(secret, " \t\r\n") {
		return "", fmt.Errorf("%s: want one word of %d to %d characters, or no file for a new one", path, shortest, longest)
	}
	return secret, nil
}

// makeSecret puts a new secret at path at once and whole, unless another start was faster.
func makeSecret(path string) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, filepath.Base(path)+".*") // only its owner may read it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(newSecret() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
