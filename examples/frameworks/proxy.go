package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// serveProxied serves the application behind a proxy that strips a prefix. The endpoints may be told of the prefix as
// their base path, or not.
func serveProxied(ctx context.Context, listener net.Listener, e endpoints) error {
	var listen net.ListenConfig
	behind, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	handleHealth(mux, "", e.Handler())
	mux.HandleFunc("GET /", home)
	mux.HandleFunc("GET /{x}", item)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- serveHTTP(ctx, behind, mux) }()
	front := http.StripPrefix("/orders", proxyTo(behind.Addr().String()))
	err = serveHTTP(ctx, listener, front)
	stop()
	return errors.Join(err, <-served)
}

// proxyTo keeps the Host that the client sent. Were it rewritten, a POST that a page sends from its own origin would look
// as if it came from another site.
func proxyTo(address string) http.Handler {
	target := &url.URL{Scheme: "http", Host: address}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
}
