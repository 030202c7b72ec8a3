package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/otelhealth/otelhealth-go/health"
)

// endpoints are what is mounted: an otelhealth.Monitor, or a health.Endpoints.
type endpoints interface {
	Register(mux health.Mux)
	Handler() http.Handler
}

// mount is one way to mount the endpoints beside an application's "GET /" and "GET /{x}".
type mount struct {
	name     string
	prefix   string // before /health, for a client
	basePath string // that the endpoints are told of: WithBasePath, HEALTH_BASE_PATH
	serve    func(ctx context.Context, listener net.Listener, e endpoints) error
}

func mounts() []mount {
	return []mount{
		{"nethttp", "", "", serveMux},
		{"basepath", "/orders", "/orders", serveMux},
		{"stripprefix", "/orders", "", serveStripped},
		{"proxy", "/orders", "", serveProxied},
		{"proxy-basepath", "/orders", "/orders", serveProxied},
		{"chi", "", "", serveChi},
		{"gin", "", "", serveGin},
		{"echo", "", "", serveEcho},
		{"fiber", "", "", serveFiber},
	}
}

func mountNamed(name string) (mount, error) {
	for _, m := range mounts() {
		if m.name == name {
			return m, nil
		}
	}
	return mount{}, fmt.Errorf("mount: got %q, want one of %s", name, mountNames())
}

func mountNames() string {
	var names []string
	for _, m := range mounts() {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}
