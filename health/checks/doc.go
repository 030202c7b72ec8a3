// Package checks has ready-made probes of what a service depends on: a TCP port, an HTTP endpoint, a name in DNS, room on
// a disk. Each is a function for the Probe of an otelhealth.Check, or of any scheduler of one's own.
//
// A probe returns nil when it is well with what it asks, and otherwise a short error. It returns when its context ends,
// has no deadline beside that, keeps no connection from one call to the next, and may be called concurrently. One that
// was made of a wrong argument asks nobody: it fails each time, with an error that names the argument and what it should
// be. No error repeats the credentials of a URL.
package checks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// failing is the probe that is made of a wrong argument.
func failing(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// wrong says which argument is wrong. Where a credential may stand in the value, it is not repeated.
func wrong(argument, got, want string) error {
	if got = strconv.Quote(got); strings.ContainsAny(got, "@?") {
		got = "a value that is not repeated here"
	}
	return fmt.Errorf("%s: got %s, want %s", argument, got, want)
}
