//go:build !linux && !darwin && !freebsd && !windows

package checks

import "errors"

func roomAt(string) (room, error) { return room{}, errors.ErrUnsupported }
