package checks

import (
	"context"
	"net"
	"strings"
)

// TCP asks whether something accepts connections at address, such as "redis:6379". The connection is closed at once:
// nothing is sent.
func TCP(address string) func(context.Context) error {
	if !isAddress(address) {
		return failing(wrong("address", address, "host:port"))
	}
	return func(ctx context.Context) error {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}

// isAddress tells host:port from what looks like a URL, whose credentials an error of package net would repeat.
func isAddress(address string) bool {
	host, port, err := net.SplitHostPort(address)
	return err == nil && port != "" && !strings.ContainsAny(host+port, "@/?# ")
}
