package main

import (
	"context"
	"net"
	"net/http"
)

// serveStripped strips a prefix that the endpoints know nothing of.
func serveStripped(ctx context.Context, listener net.Listener, e endpoints) error {
	mux := http.NewServeMux()
	handleHealth(mux, "/orders", http.StripPrefix("/orders", e.Handler()))
	mux.HandleFunc("GET /", home)
	mux.HandleFunc("GET /{x}", item)
	return serveHTTP(ctx, listener, mux)
}

// handleHealth puts a handler of all the endpoints on mux. The patterns name methods, because one without would conflict
// with "GET /". Both paths are needed, because the mux would redirect /health to /health/ otherwise.
func handleHealth(mux *http.ServeMux, prefix string, handler http.Handler) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		mux.Handle(method+" "+prefix+"/health", handler)
		mux.Handle(method+" "+prefix+"/health/", handler)
	}
}
