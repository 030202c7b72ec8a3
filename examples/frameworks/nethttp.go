package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
)

// serveMux registers the endpoints on the application's own mux, each under its method and its base path.
func serveMux(ctx context.Context, listener net.Listener, e endpoints) error {
	mux := http.NewServeMux()
	e.Register(mux)
	mux.HandleFunc("GET /", home)
	mux.HandleFunc("GET /{x}", item)
	return serveHTTP(ctx, listener, mux)
}

// home answers at "/" alone: as "GET /" it is also asked for every path that nobody else has.
func home(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, "home")
}

func item(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "item %q", r.PathValue("x"))
}
