package health

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// listenAddress is where a service listens, seen from the same machine.
type listenAddress struct {
	network string
	targets []string // to connect to: the first that answers
	name    string   // in a URL
}

// parseListenAddress reads "host:port", ":port" or "unix:/path".
func parseListenAddress(address string) (listenAddress, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok && path != "" {
		return listenAddress{network: "unix", targets: []string{path}, name: "localhost"}, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return listenAddress{}, fmt.Errorf(`address: got %q, want ":port", "host:port" or "unix:/path"`, address)
	}
	loopback := loopbackOf(host)
	if loopback == nil {
		return listenAddress{network: "tcp", targets: []string{address}, name: address}, nil
	}
	at := listenAddress{network: "tcp", name: net.JoinHostPort("localhost", port)}
	for _, ip := range loopback {
		at.targets = append(at.targets, net.JoinHostPort(ip, port))
	}
	return at, nil
}

// loopbackOf returns the loopback addresses of a host that stands for every interface, and nil for any other. A service
// at "::" mostly answers IPv4 as well, which a container has even where it has no IPv6.
func loopbackOf(host string) []string {
	switch ip, _ := netip.ParseAddr(host); {
	case host == "", ip == netip.IPv6Unspecified():
		return []string{"127.0.0.1", "::1"}
	case ip == netip.IPv4Unspecified():
		return []string{"127.0.0.1"}
	}
	return nil
}

// dial connects to the first target that answers; the error is the first one's.
func (at listenAddress) dial(ctx context.Context) (net.Conn, error) {
	var (
		dialer   net.Dialer
		errFirst error
	)
	for _, target := range at.targets {
		connection, err := dialer.DialContext(ctx, at.network, target)
		if err == nil {
			return connection, nil
		}
		if errFirst == nil {
			errFirst = err
		}
	}
	return nil, errFirst
}
