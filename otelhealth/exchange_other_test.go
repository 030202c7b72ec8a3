//go:build !linux

package otelhealth

import (
	"errors"
	"os"
	"testing"
)

// exchange lets two paths change places, as quickly as this platform can.
func exchange(t *testing.T, one, other string) {
	t.Helper()
	between := one + ".between"
	if err := errors.Join(os.Rename(one, between), os.Rename(other, one), os.Rename(between, other)); err != nil {
		t.Fatal(err)
	}
}
