package main

import (
	"net"
	"net/http"
	"strings"

	"github.com/otelhealth/otelhealth-go/health"
)

// door lets whoever is on this machine see the numbers, act on alerts and plant trouble. A real service asks for
// credentials.
type door struct {
	published bool // in a container requests come from its network, also those from the machine that it runs on
}

// localOnly refuses everybody else, and other sites' pages in a browser that is on this machine.
func (d door) localOnly(next http.Handler) http.Handler {
	local := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.isLocal(r) {
			http.Error(w, "only from this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
	return http.NewCrossOriginProtection().Handler(local)
}

// authorize is a [health.AuthorizerFunc].
func (d door) authorize(r *http.Request) (health.Identity, error) {
	if !d.isLocal(r) {
		return health.Identity{}, health.ErrForbidden
	}
	return health.Identity{Name: "somebody at this machine"}, nil
}

func (d door) isLocal(r *http.Request) bool {
	if !isLoopback(hostOf(r.Host)) { // nor may a page whose own host name was made to point here
		return false
	}
	return d.published || isLoopback(hostOf(r.RemoteAddr))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}
