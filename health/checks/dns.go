package checks

import (
	"context"
	"errors"
	"net"
	"strings"
)

// DNSOption changes how [DNS] asks.
type DNSOption func(*dnsProbe)

// Server asks the DNS server at that address, such as "10.0.0.53:53", instead of those of the system. What the system
// knows without a server, such as its hosts file, still comes first.
func Server(address string) DNSOption {
	return func(p *dnsProbe) { p.server = &address }
}

// DNS asks whether host, a name such as "db.internal", has an address. A name that does not end with a dot is looked for
// in the system's search domains too.
func DNS(host string, options ...DNSOption) func(context.Context) error {
	p := &dnsProbe{host: host, resolver: net.DefaultResolver}
	for _, option := range options {
		option(p)
	}
	if host == "" || net.ParseIP(host) != nil || strings.ContainsAny(host, "@/?#: ") {
		return failing(wrong("host", host, "a name"))
	}
	if p.server != nil {
		if !isAddress(*p.server) {
			return failing(wrong("Server", *p.server, "host:port"))
		}
		p.resolver = &net.Resolver{PreferGo: true, Dial: p.dial}
	}
	return p.probe
}

type dnsProbe struct {
	host     string
	server   *string // nil: those of the system
	resolver *net.Resolver
}

func (p *dnsProbe) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, *p.server)
}

func (p *dnsProbe) probe(ctx context.Context) error {
	_, err := p.resolver.LookupHost(ctx, p.host) // of no address is an error
	var failed *net.DNSError
	if p.server != nil && errors.As(err, &failed) {
		named := *failed
		named.Server = *p.server // the resolver names the system's
		return &named
	}
	return err
}
