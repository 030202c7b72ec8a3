package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are those whose X-Forwarded-* headers are believed.
type Proxies []netip.Prefix

// Trusted reports whether the request comes straight from one of them.
func (p Proxies) Trusted(r *http.Request) bool {
	if len(p) == 0 {
		return false
	}
	address, ok := remote(r)
	return ok && p.contain(address)
}

func (p Proxies) contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

func remote(r *http.Request) (netip.Addr, bool) {
	port, err := netip.ParseAddrPort(r.RemoteAddr)
	return port.Addr().Unmap().WithZone(""), err == nil
}

// Client returns the address that the request comes from: the last one on its way that no trusted proxy has. One that
// cannot be told is the zero address.
func (p Proxies) Client(r *http.Request) netip.Addr {
	address, _ := remote(r)
	if !p.Trusted(r) {
		return address
	}
	way := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(way) {
		hop = strings.TrimSpace(hop)
		next, err := netip.ParseAddr(strings.Trim(hop, "[]"))
		if port, errPort := netip.ParseAddrPort(hop); err != nil && errPort == nil {
			next, err = port.Addr(), nil
		}
		if err != nil {
			break
		}
		address = next.Unmap().WithZone("")
		if !p.contain(address) {
			break
		}
	}
	return address
}

// Network is what one limit counts for: an address, or of IPv6 the network that one customer has.
func Network(address netip.Addr) netip.Addr {
	if !address.Is6() {
		return address
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return address
	}
	return prefix.Addr()
}

// first returns the first element of a list header, which is what the client's own request had.
func first(list string) string {
	value, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(value)
}

// IsTLS reports whether the client speaks TLS, to us or to a trusted proxy.
func (p Proxies) IsTLS(r *http.Request) bool {
	return r.TLS != nil || p.Trusted(r) && strings.EqualFold(first(r.Header.Get("X-Forwarded-Proto")), "https")
}

// Host returns the host that the client asked for, as it was sent to us or to a trusted proxy.
func (p Proxies) Host(r *http.Request) string {
	if host := r.Header.Get("X-Forwarded-Host"); host != "" && p.Trusted(r) {
		return first(host)
	}
	return r.Host
}

// Hosts are the names under which the service is reached. An attacker's page can point a name of its own at this machine
// (DNS rebinding); then the request bears that name. The zero value lets every host pass but where the listener is on the
// loopback interface: there only loopback names.
type Hosts []string

// NewHosts returns the names as they are compared: in lower case, without a dot at the end or brackets. The error names
// what can be no host: one with a port, a scheme or a pattern, but for a lone *.
func NewHosts(names []string) (Hosts, error) {
	var hosts Hosts
	for _, given := range names {
		name := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(given), "."))
		if address, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
			hosts = append(hosts, address.String())
			continue
		}
		if name == "" || name != "*" && strings.ContainsAny(name, "/:* []@") {
			return nil, fmt.Errorf("got the host %q, want a name or an address without port, scheme or pattern", given)
		}
		hosts = append(hosts, name)
	}
	return hosts, nil
}

// Allow reports whether the host, with a port or without, is one of them.
func (h Hosts) Allow(r *http.Request, host string) bool {
	if len(h) == 0 && !listensOnLoopback(r) {
		return true
	}
	name := strings.ToLower(strings.TrimSuffix(hostname(host), "."))
	if len(h) > 0 {
		return slices.Contains(h, name) || slices.Contains(h, "*")
	}
	return isLoopback(name)
}

// hostname cuts off the port, if there is one, and the brackets of an IPv6 address.
func hostname(host string) string {
	if rest, ok := strings.CutPrefix(host, "["); ok {
		name, _, _ := strings.Cut(rest, "]")
		return name
	}
	name, _, _ := strings.Cut(host, ":")
	return name
}

func listensOnLoopback(r *http.Request) bool {
	switch local := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		return local.IP.IsLoopback()
	case nil: // a server other than net/http's: who asks over the loopback interface is answered there
		address, ok := remote(r)
		return ok && address.IsLoopback()
	default:
		return false
	}
}

func isLoopback(name string) bool {
	address, err := netip.ParseAddr(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && address.IsLoopback()
}
