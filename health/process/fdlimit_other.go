//go:build !unix

package process

// readFDLimit leaves the limit out: handles on Windows have none of their own.
func readFDLimit(*Core) error { return nil }
